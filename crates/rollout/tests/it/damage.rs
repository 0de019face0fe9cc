//! Any cut, any flipped bytes, lines in any order, of several writers, torn: the file opens, only damaged records are
//! lost, they are counted, the next append starts a line.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;

use app_server_rollout::{Batch, Position, RolloutWriter, scan};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

use crate::support::{Home, collect, file, record_lines};

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

proptest! {
    #[test]
    fn every_line_is_a_record_or_counted_as_damaged(
        name in prop::sample::select(&FILES[..]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..12),
    ) {
        let home = Home::new();
        let path = home.path().join("flipped.jsonl");
        let mut content = fs::read(file(name)).unwrap();
        for (index, mask) in flips {
            let at = index.index(content.len());
            // Lines stay the lines they are.
            if content[at] != b'\n' && content[at] ^ mask != b'\n' {
                content[at] ^= mask;
            }
        }
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        fs::write(&path, &content).unwrap();
        let (records, report) = collect(&path, |record| record.position).unwrap();
        prop_assert_eq!(report.records, records.len() as u64);
        prop_assert_eq!(report.records + report.damaged, lines as u64);
    }

    #[test]
    fn lines_in_another_order_are_the_same_records(
        lines in prop::sample::select(&FILES[..])
            .prop_map(|name| record_lines(&file(name)))
            .prop_shuffle(),
    ) {
        let home = Home::new();
        let path = home.path().join("reordered.jsonl");
        fs::write(&path, lines.join("\n")).unwrap();
        prop_assert_eq!(record_lines(&path), lines);
    }

    /// Two processes append to one file, each line with a write of its own, one of them dying now and then in the middle
    /// of a line.
    #[test]
    fn lines_of_two_writers_are_all_found_but_those_that_were_torn(
        writes in prop::collection::vec((any::<bool>(), prop::option::weighted(0.2, any::<prop::sample::Index>())), 1..40),
    ) {
        let home = Home::new();
        let path = home.path().join("two.jsonl");
        let mut lines = [FILES[0], FILES[2]].map(|name| record_lines(&file(name)).into_iter().cycle());
        let (mut content, mut whole, mut torn) = (String::new(), Vec::new(), 0);
        for (which, tear) in writes {
            let line = lines[usize::from(which)].next().unwrap();
            match tear {
                // Not so little that nothing is there, nor so much that the record is whole.
                Some(at) => {
                    content.push_str(&line[..1 + at.index(line.len() - 1)]);
                    torn += 1;
                }
                None => {
                    content.push_str(&line);
                    content.push('\n');
                    whole.push(line);
                }
            }
        }
        fs::write(&path, &content).unwrap();
        let (found, report) = collect(&path, |record| String::from_utf8_lossy(record.line).into_owned()).unwrap();
        prop_assert_eq!(count(&found), count(&whole));
        // Torn lines that follow one another are one.
        prop_assert!(report.damaged <= torn, "{} of {torn}", report.damaged);
        prop_assert_eq!(report.damaged > 0, torn > 0);
    }
}

fn count(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line.as_str()).or_default() += 1;
    }
    counts
}

fn collect_lossy(path: &std::path::Path) -> Vec<String> {
    collect(path, |record| String::from_utf8_lossy(record.line).into_owned()).unwrap().0
}
