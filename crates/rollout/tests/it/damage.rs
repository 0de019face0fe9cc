//! Any cut and any flipped bytes: the file opens, only damaged records are lost, the next append starts a line.

use std::fs;
use std::ops::ControlFlow;

use app_server_rollout::{Batch, Position, RolloutWriter, scan};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

use crate::support::{Home, file, record_lines};

const FILES: [&str; 3] = ["legacy_094.jsonl", "legacy_169.jsonl", "paginated_169.jsonl"];

/// Spans of the lines, feeds included.
fn spans(content: &[u8]) -> Vec<(usize, usize)> {
    let mut start = 0;
    content
        .split_inclusive(|&byte| byte == b'\n')
        .map(|line| {
            start += line.len();
            (start - line.len(), start)
        })
        .collect()
}

fn append_marker(path: &std::path::Path) {
    let mut batch = Batch::new();
    batch.event("agent_message", &json!({"message": "marker"})).unwrap();
    RolloutWriter::open(path).unwrap().append(&batch).unwrap();
}

#[test]
fn a_file_cut_anywhere_keeps_every_whole_record_and_takes_more() {
    let home = Home::new();
    let path = home.path().join("cut.jsonl");
    for name in FILES {
        let content = fs::read(file(name)).unwrap();
        let all = record_lines(&file(name));
        let spans = spans(&content);
        for cut in 0..content.len() {
            fs::write(&path, &content[..cut]).unwrap();
            // A record is whole when nothing but its feed is missing.
            let whole = spans.iter().filter(|(_, end)| cut >= end - 1).count();
            assert_eq!(record_lines(&path), all[..whole], "{name} cut at {cut}");
            append_marker(&path);
            let after = record_lines(&path);
            assert_eq!(after[..whole], all[..whole], "{name} cut at {cut}");
            assert_eq!(after.len(), whole + 1, "{name} cut at {cut}");
            assert!(after[whole].contains("marker"));
        }
    }
}

/// Records and what stands at the places they give.
fn at_their_places(path: &std::path::Path, content: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let scanned = scan(path, |record| {
        assert_eq!(record.position.file, Position::OWN_FILE);
        let at = usize::try_from(record.position.offset).unwrap();
        let there = &content[at..at + record.line.len()];
        found.push([record.line, there].map(|line| String::from_utf8_lossy(line).into_owned()).into());
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    found
}

#[test]
fn a_record_tells_where_it_stands() {
    let home = Home::new();
    let path = home.path().join("places.jsonl");
    let long = format!("{{\"timestamp\":\"\",\"type\":\"x\",\"payload\":\"{}\"}}\n", "a".repeat(1 << 20));
    let mut content = Vec::new();
    for name in FILES.iter().chain(&["crlf.jsonl", "glued.jsonl", "junk.jsonl"]) {
        content.extend(fs::read(file(name)).unwrap());
        // Blanks, a torn line that the next record is glued to, and a line longer than any buffer.
        content.extend_from_slice(b"\n \r\n\t{\"timestamp\":\"2026");
        content.extend_from_slice(long.as_bytes());
    }
    fs::write(&path, &content).unwrap();
    let found = at_their_places(&path, &content);
    assert!(found.len() > 30);
    for (record, there) in &found {
        assert_eq!(record, there);
    }
    let compressed = path.with_extension("jsonl.zst");
    fs::write(&compressed, compress_to_vec(content.as_slice(), CompressionLevel::Fastest)).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(at_their_places(&path, &content), found);
}

proptest! {
    #[test]
    fn flipped_bytes_lose_only_the_records_they_hit(
        name in prop::sample::select(&FILES[..]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..6),
    ) {
        let home = Home::new();
        let path = home.path().join("flipped.jsonl");
        let mut content = fs::read(file(name)).unwrap();
        let spans = spans(&content);
        let all = record_lines(&file(name));
        let mut is_hit = vec![false; spans.len()];
        for (index, mask) in &flips {
            let at = index.index(content.len());
            content[at] ^= mask;
            let line = spans.iter().position(|&(start, end)| (start..end).contains(&at)).unwrap();
            is_hit[line] = true;
            // A lost feed glues the next record to this one; it is found there if its own start is whole.
        }
        fs::write(&path, &content).unwrap();
        let survivors: Vec<&String> = all.iter().zip(&is_hit).filter(|(_, hit)| !**hit).map(|(line, _)| line).collect();
        let mut found = collect_lossy(&path).into_iter();
        for line in survivors {
            prop_assert!(found.any(|other| other == *line), "lost {line}");
        }
        // Fails only where the flips made up another history mode.
        if let Ok(mut writer) = RolloutWriter::open(&path) {
            let mut batch = Batch::new();
            batch.event("agent_message", &json!({"message": "marker"})).unwrap();
            writer.append(&batch).unwrap();
            let after = collect_lossy(&path);
            prop_assert!(after.last().unwrap().contains("marker"));
        }
    }
}

fn collect_lossy(path: &std::path::Path) -> Vec<String> {
    crate::support::collect(path, |record| String::from_utf8_lossy(record.line).into_owned()).unwrap().0
}
