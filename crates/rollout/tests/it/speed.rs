//! Figures for the promises on speed. Ignored: they need a quiet machine and an optimised build.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use app_server_rollout::{ListQuery, Scope, SortKey, scan};

use crate::support::{Home, file, id};

const THREADS: u128 = 5_000;

/// Runs `work` and tells how long it took.
fn timed<T>(label: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    let took = start.elapsed();
    println!("{label}: {took:?}");
    (value, took)
}

fn all_pages(home: &Home, sort_key: SortKey) -> usize {
    let mut query = ListQuery { limit: 100, sort_key, ..ListQuery::default() };
    let mut count = 0;
    loop {
        let page = home.store.list(&query).unwrap();
        count += page.entries.len();
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return count;
        }
    }
}

#[test]
#[ignore = "a benchmark: run with --run-ignored or --ignored, optimised"]
fn listing_5000_threads() {
    let mut home = Home::new();
    let content = fs::read_to_string(file("legacy_094.jsonl")).unwrap();
    for n in 0..THREADS {
        let time = format!("2026-{:02}-{:02}T{:02}-{:02}-00", 1 + n / 560, 1 + n / 20 % 28, n % 20, n % 60);
        home.add(&time, id(n), content.replace(&id(1).to_string(), &id(n).to_string()).as_bytes());
    }
    home.settle();
    timed("first page, nothing known", || home.store.list(&ListQuery::default()).unwrap());
    timed("all pages, heads unread", || all_pages(&home, SortKey::CreatedAt));
    home.restart();
    timed("first page, after a restart", || home.store.list(&ListQuery::default()).unwrap());
    timed("all pages, after a restart", || all_pages(&home, SortKey::CreatedAt));
    for sort_key in [SortKey::CreatedAt, SortKey::UpdatedAt] {
        let query = ListQuery { sort_key, ..ListQuery::default() };
        let (_, page) =
            timed(&format!("first page, warm, {sort_key:?}"), || home.store.list(&query).unwrap());
        let (count, pages) = timed(&format!("all pages, warm, {sort_key:?}"), || all_pages(&home, sort_key));
        assert_eq!(count, THREADS as usize);
        assert!(pages < Duration::from_millis(100), "{pages:?}");
        assert!(page < Duration::from_millis(20), "{page:?}");
    }
    timed("find", || home.store.find(id(7), Scope::Any).unwrap().unwrap());
}

#[test]
#[ignore = "a benchmark: run with --run-ignored or --ignored, optimised"]
fn scanning_20000_turns() {
    let home = Home::new();
    let path = home.path().join("long.jsonl");
    let content = fs::read_to_string(file("legacy_094.jsonl")).unwrap();
    let turn = content.lines().skip(2).take(6).collect::<Vec<_>>().join("\n");
    let turn = turn.replace("In spring.", &"In spring. ".repeat(80));
    let mut out = fs::File::create(&path).unwrap();
    for _ in 0..20_000 {
        writeln!(out, "{turn}").unwrap();
    }
    let (report, took) = timed("scan", || scan(&path, |_| ControlFlow::Continue(())).unwrap());
    println!("{} MB, {} records", report.bytes / 1_000_000, report.records);
    assert_eq!(report.records, 120_000);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
