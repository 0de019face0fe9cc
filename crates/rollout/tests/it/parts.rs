//! Records that nobody wants are passed over, and any part of a history is read by its place.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use app_server_rollout::{LineHead, Position, Reading, Record};
use pretty_assertions::assert_eq;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::support::{Home, file, id};

const FILES: [&str; 9] = [
    "crlf.jsonl",
    "glued.jsonl",
    "junk.jsonl",
    "late_meta.jsonl",
    "legacy_094.jsonl",
    "legacy_169.jsonl",
    "paginated_169.jsonl",
    "torn.jsonl",
    "two_metas.jsonl",
];

/// What is told of records: places, numbers and kinds, and whether it was passed over.
struct Told {
    wants: fn(&LineHead<'_>) -> bool,
    all: Vec<(Position, Option<u64>, String)>,
    passed: usize,
}

impl Told {
    fn new(wants: fn(&LineHead<'_>) -> bool) -> Self {
        Self { wants, all: Vec::new(), passed: 0 }
    }
}

impl Reading for Told {
    fn wants(&self, head: &LineHead<'_>) -> bool {
        (self.wants)(head)
    }

    fn passed(&mut self, head: &LineHead<'_>) {
        self.passed += 1;
        self.all.push((head.position, head.ordinal, head.kind.to_owned()));
    }

    fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
        self.all.push((record.position, record.ordinal, record.kind().to_owned()));
        ControlFlow::Continue(())
    }
}

fn told(home: &Home, path: &Path, wants: fn(&LineHead<'_>) -> bool) -> (Told, String) {
    let mut told = Told::new(wants);
    let report = home.store.read_history(path, &mut told);
    (told, format!("{report:?}"))
}

#[test]
fn whoever_wants_nothing_is_told_of_all_the_same() {
    for name in FILES {
        let home = Home::new();
        let mut content = fs::read(file(name)).unwrap();
        // A record of a megabyte, one that a record is glued to, and a long one with another one within it.
        let long = "word ".repeat(200_000);
        let nested = r#"{"timestamp":"","type":"x","payload":{}}"#;
        for payload in [format!(r#""{long}""#), format!(r#"{{"a":{nested},"b":"{long}"}}"#)] {
            content.extend(
                format!("\n{{\"timestamp\":\"\",\"type\":\"x\",\"payload\":{payload}}}\n").into_bytes(),
            );
        }
        content.extend(
            format!("{{\"timestamp\":\"\",\"type\":\"x\",\"payload\":\"{long}{nested}\n").into_bytes(),
        );
        content.extend(fs::read(file(name)).unwrap());
        let path = home.add("2026-03-01T09-00-00", id(0xe), &content);
        let (all, report) = told(&home, &path, |_| true);
        let (none, report_of_none) = told(&home, &path, |_| false);
        assert_eq!((none.all, report_of_none), (all.all, report), "{name}");
        assert!(all.passed == 0 && none.passed > 5);
    }
}

#[test]
fn any_part_is_read_by_its_place() {
    let home = Home::new();
    home.add_file("2026-03-01T09-00-00", 3, "paginated_169.jsonl");
    let fork = home.add_segment("2026-03-02T10-00-00", 3, 0xb1, (3, 7), "Hedge?");
    let wants: fn(&LineHead<'_>) -> bool = |head| head.kind == "event_msg";
    for is_compressed in [false, true] {
        if is_compressed {
            let content = fs::read(&fork).unwrap();
            let compressed = compress_to_vec(content.as_slice(), CompressionLevel::Fastest);
            fs::write(fork.with_extension("jsonl.zst"), compressed).unwrap();
            fs::remove_file(&fork).unwrap();
        }
        let mut all = told(&home, &fork, wants).0.all;
        // The thread's own first record is read before what it continues.
        let own_meta = all.remove(0);
        assert!(all.is_sorted() && own_meta.0.file == Position::OWN_FILE);
        let mut chain = home.store.chain(&fork).unwrap();
        for (from, first) in all.iter().enumerate() {
            for until in (from..all.len()).map(|until| all[until].0) {
                let mut part = Told::new(wants);
                chain.read_on(first.0, Some(until), &mut part).unwrap();
                let mut expected = all.clone();
                expected.insert(all.partition_point(|told| told.0 < own_meta.0), own_meta.clone());
                expected.retain(|told| (first.0..until).contains(&told.0));
                assert_eq!(part.all, expected);
            }
            let mut one = Told::new(wants);
            let _ = chain.read(first.0, first.0.offset + 1, &mut one).unwrap();
            assert_eq!(one.all, std::slice::from_ref(first));
        }
    }
}

#[test]
fn a_file_that_is_gone_has_no_parts() {
    let home = Home::new();
    let fork = home.add_segment("2026-03-02T10-00-00", 3, 0xb1, (3, 7), "Hedge?");
    let mut chain = home.store.chain(&fork).unwrap();
    let mut told = Told::new(|_| true);
    chain.read_on(Position { file: Position::OWN_FILE - 1, offset: 0 }, None, &mut told).unwrap();
    assert_eq!(told.all.len(), 2);
    assert!(home.store.chain(&home.path().join("none.jsonl")).is_err());
}
