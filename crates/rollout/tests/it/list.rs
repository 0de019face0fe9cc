//! Pages of threads: what is shown, in which order, and that the caches never show.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use app_server_rollout::{Cursor, ListPage, ListQuery, SortKey, SourceFilter, SourceKind};
use pretty_assertions::assert_eq;

use crate::support::{Home, file, id};

fn all() -> ListQuery {
    ListQuery { limit: 100, ..ListQuery::default() }
}

fn ids(page: &ListPage) -> Vec<u128> {
    page.entries.iter().map(|entry| entry.meta.id.as_u128() - id(0).as_u128()).collect()
}

fn thread(n: u128, question: &str, source: &str, cwd: &str, provider: &str) -> Vec<u8> {
    let (id, time) = (id(n), "2026-03-01T09:00:00.000Z");
    format!(
        "{{\"timestamp\":\"{time}\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\",\"timestamp\":\"{time}\",\
         \"cwd\":\"{cwd}\",\"originator\":\"probe\",\"cli_version\":\"1\",\"source\":{source}{provider}}}}}\n\
         {{\"timestamp\":\"{time}\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"user_message\",\"message\":\
         \"{question}\"}}}}\n"
    )
    .into_bytes()
}

/// Threads 1..=n, one a minute, the last one newest.
fn fill(home: &Home, n: u128) {
    for n in 1..=n {
        let time = format!("2026-03-{:02}T{:02}-{:02}-00", 1 + n / 600, n / 60 % 10, n % 60);
        home.add(&time, id(n), &thread(n, &format!("question {n}"), "\"cli\"", "/w", ""));
    }
}

fn touch(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// Lists to the end and returns all ids.
fn walk(home: &Home, mut query: ListQuery) -> Vec<u128> {
    let mut seen = Vec::new();
    loop {
        let page = home.store.list(&query).unwrap();
        assert!(page.entries.len() <= query.limit);
        seen.extend(ids(&page));
        match page.next_cursor {
            // As a client would give it back.
            Some(cursor) => query.cursor = Some(cursor.to_string().parse().unwrap()),
            None => return seen,
        }
    }
}

#[test]
fn threads_are_picked_by_client_and_origin() {
    let home = Home::new();
    let spawned = |n: u128, parent: u128| {
        let parent = format!(r#","parent_thread_id":"{}""#, id(parent));
        thread(n, "go", r#"{"subagent":{"thread_spawn":{"depth":1}}}"#, "/w", &parent)
    };
    home.add("2026-03-01T09-00-01", id(1), &thread(1, "go", "\"cli\"", "/w", ""));
    home.add("2026-03-01T09-00-02", id(2), &spawned(2, 1));
    home.add("2026-03-01T09-00-03", id(3), &spawned(3, 2));
    // These name each other.
    home.add("2026-03-01T09-00-04", id(4), &spawned(4, 5));
    home.add("2026-03-01T09-00-05", id(5), &spawned(5, 4));
    let other = String::from_utf8(thread(6, "go", "\"cli\"", "/w", "")).unwrap().replace("probe", "other");
    home.add("2026-03-01T09-00-06", id(6), other.as_bytes());
    let any = ListQuery { sources: SourceFilter::Any, ..all() };
    #[track_caller]
    fn check(home: &Home, query: &ListQuery, expected: &[u128]) {
        assert_eq!(ids(&home.store.list(query).unwrap()), expected);
    }
    check(&home, &ListQuery { parent: Some(id(1)), ..any.clone() }, &[2]);
    check(&home, &ListQuery { parent: Some(id(3)), ..any.clone() }, &[]);
    check(&home, &ListQuery { ancestor: Some(id(1)), ..any.clone() }, &[3, 2]);
    check(&home, &ListQuery { ancestor: Some(id(4)), ..any.clone() }, &[5, 4]);
    check(&home, &ListQuery { ancestor: Some(id(1)), parent: Some(id(2)), ..any.clone() }, &[3]);
    check(&home, &ListQuery { originators: vec!["other".to_owned(), "no".to_owned()], ..any.clone() }, &[6]);
    check(&home, &ListQuery { excluded: [id(2), id(4), id(6)].into(), ..any }, &[5, 3, 1]);
}

#[test]
fn a_header_tells_the_model_of_the_last_turn() {
    let home = Home::new();
    let path = home.add("2026-03-01T09-00-01", id(1), &thread(1, "go", "\"cli\"", "/w", ""));
    let model = || home.store.list(&all()).unwrap().entries[0].model.clone();
    assert_eq!(model(), None);
    for name in ["first", "second"] {
        let line = format!(
            "{{\"timestamp\":\"\",\"type\":\"turn_context\",\"payload\":{{\"model\":\"{name}\"}}}}\n"
        );
        fs::File::options().append(true).open(&path).unwrap().write_all(line.as_bytes()).unwrap();
        assert_eq!(model().as_deref(), Some(name));
        assert_eq!(home.store.header(&path).unwrap().model.as_deref(), Some(name));
    }
}

#[test]
fn exactly_the_threads_with_a_user_message_are_listed() {
    let home = Home::new();
    assert_eq!(home.store.list(&all()).unwrap(), ListPage::default());
    let names = [
        "legacy_094",
        "legacy_169",
        "paginated_169",
        "torn",
        "glued",
        "junk",
        "empty",
        "blank",
        "meta_only",
        "items_only",
        "two_metas",
        "late_user_message",
        "late_meta",
        "crlf",
    ];
    for (name, n) in names.iter().zip(0..) {
        home.add_file(&format!("2026-03-01T09-00-{n:02}"), 0x50 + n, &format!("{name}.jsonl"));
    }
    fs::write(home.path().join("sessions/2026/03/01/notes.jsonl"), "mine").unwrap();
    let page = home.store.list(&all()).unwrap();
    assert_eq!(ids(&page), [9, 8, 7, 6, 1, 1, 1, 3, 2, 1]);
    assert_eq!((page.damaged, page.next_cursor), (0, None));
}

#[test]
fn a_damaged_file_is_counted_and_hides_no_other() {
    let home = Home::new();
    home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    home.add("2026-03-01T09-00-01", id(2), b"rubbish\n");
    fs::create_dir_all(home.rollout("2026-03-01T09-00-02", id(3))).unwrap();
    for _ in 0..2 {
        let page = home.store.list(&all()).unwrap();
        assert_eq!((ids(&page), page.damaged), (vec![1], 2));
    }
}

#[test]
fn pages_join_without_gap_or_repeat_in_every_order() {
    let home = Home::new();
    fill(&home, 130);
    for n in 1..=130 {
        // Ties on purpose: ids break them.
        touch(
            &home.store.find(id(n), app_server_rollout::Scope::Live).unwrap().unwrap().path,
            2_000_000 - n as u64 / 3,
        );
    }
    let newest_first: Vec<u128> = (1..=130).rev().collect();
    let mut by_time: Vec<u128> = (1..=130).collect();
    by_time.sort_by_key(|n| (*n / 3, std::cmp::Reverse(*n)));
    for limit in [1, 7, 65, 100] {
        for (sort_key, mut expected) in [
            (SortKey::CreatedAt, newest_first.clone()),
            (SortKey::UpdatedAt, by_time.clone()),
            (SortKey::RecencyAt, by_time.clone()),
        ] {
            for descending in [true, false] {
                let query = ListQuery { limit, sort_key, descending, ..ListQuery::default() };
                assert_eq!(walk(&home, query), expected, "{sort_key:?} {descending} {limit}");
                expected.reverse();
            }
        }
    }
}

#[test]
fn a_backwards_cursor_turns_round_at_the_page() {
    let home = Home::new();
    fill(&home, 10);
    let mut query = ListQuery { limit: 3, ..ListQuery::default() };
    query.cursor = home.store.list(&query).unwrap().next_cursor;
    let page = home.store.list(&query).unwrap();
    assert_eq!(ids(&page), [7, 6, 5]);
    let back = ListQuery { descending: false, cursor: page.backwards_cursor, ..query };
    assert_eq!(ids(&home.store.list(&back).unwrap()), [7, 8, 9]);
}

#[test]
fn a_cursor_of_the_older_form_goes_on() {
    let home = Home::new();
    fill(&home, 5);
    let cursor: Cursor = format!("2026-03-01T00-03-00|{}", id(3)).parse().unwrap();
    let query = ListQuery { cursor: Some(cursor), ..ListQuery::default() };
    assert_eq!(ids(&home.store.list(&query).unwrap()), [2, 1]);
}

#[test]
fn a_full_last_page_has_no_next_one() {
    let home = Home::new();
    fill(&home, 4);
    home.add("2026-02-01T00-00-00", id(9), &thread(9, "other", "\"exec\"", "/w", ""));
    let query = ListQuery { limit: 4, ..ListQuery::default() };
    // The first list does not read what lies behind the page, so it cannot know.
    let first = home.store.list(&query).unwrap();
    let rest = ListQuery { cursor: first.next_cursor, ..query.clone() };
    assert_eq!(home.store.list(&rest).unwrap(), ListPage::default());
    assert_eq!(home.store.list(&query).unwrap().next_cursor, None);
}

#[test]
fn filters_combine() {
    let home = Home::new();
    let add = |n: u128, text: &str, source: &str, cwd: &str, provider: &str| {
        home.add(&format!("2026-03-01T09-00-{n:02}"), id(n), &thread(n, text, source, cwd, provider));
    };
    add(1, "Plant tulips", "\"cli\"", "/a", "");
    add(2, "Plant ROSES", "\"vscode\"", "/b", r#","model_provider":"openai""#);
    add(3, "x", "\"exec\"", "/a", r#","model_provider":"openai""#);
    add(4, "x", "\"mcp\"", "/a", "");
    add(5, "x", r#"{"custom":"atlas"}"#, "/c", "");
    add(6, "x", r#"{"subagent":"review"}"#, "/a", "");
    add(7, "x", "\"of tomorrow\"", "/a", "");
    home.store.names().set(id(5), "The Rose Garden").unwrap();
    let list = |query: ListQuery| ids(&home.store.list(&query).unwrap());

    assert_eq!(list(all()), [5, 2, 1]);
    assert_eq!(list(ListQuery { sources: SourceFilter::Any, ..all() }), [7, 6, 5, 4, 3, 2, 1]);
    let kinds = |kinds: &[SourceKind]| ListQuery { sources: SourceFilter::Only(kinds.to_vec()), ..all() };
    assert_eq!(list(kinds(&[SourceKind::Exec, SourceKind::SubAgentReview])), [6, 3]);
    assert_eq!(list(kinds(&[SourceKind::AppServer])), [4]);
    assert_eq!(list(kinds(&[SourceKind::Unknown])), [7]);
    assert_eq!(list(ListQuery { cwds: vec!["/b".into(), "/c".into()], ..all() }), [5, 2]);
    let term = |term: &str| ListQuery { search_term: Some(term.into()), ..all() };
    assert_eq!(list(term("rose")), [5, 2]);
    assert_eq!(list(term("PLANT")), [2, 1]);
    let providers = |names: &[&str]| ListQuery {
        model_providers: Some(names.iter().map(|&name| name.to_owned()).collect()),
        default_model_provider: Some("mock".into()),
        ..all()
    };
    assert_eq!(list(providers(&[])), [5, 2, 1]);
    assert_eq!(list(providers(&["openai"])), [2]);
    assert_eq!(list(providers(&["mock"])), [5, 1]);
    assert_eq!(list(ListQuery { cwds: vec!["/b".into()], ..term("tulips") }), [] as [u128; 0]);
    assert_eq!(home.store.list(&term("garden")).unwrap().entries[0].name.as_deref(), Some("The Rose Garden"));
}

#[test]
fn archived_threads_are_listed_apart() {
    let home = Home::new();
    fill(&home, 3);
    let path = home.rollout("2026-03-01T00-02-00", id(2));
    home.store.list(&all()).unwrap();
    home.store.archive(&path).unwrap();
    assert_eq!(ids(&home.store.list(&all()).unwrap()), [3, 1]);
    let page = home.store.list(&ListQuery { archived: true, ..all() }).unwrap();
    assert_eq!(ids(&page), [2]);
    assert!(page.entries[0].archived);
}

#[test]
fn what_another_program_writes_shows_in_the_next_list() {
    let home = Home::new();
    fill(&home, 2);
    let path = home.add_file("2026-03-01T09-00-00", 4, "meta_only.jsonl");
    assert_eq!(ids(&home.store.list(&all()).unwrap()), [2, 1]);

    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(&thread(4, "late", "\"cli\"", "/w", "")).unwrap();
    let page = home.store.list(&all()).unwrap();
    assert_eq!(ids(&page), [4, 2, 1]);

    file.write_all(b"{}\n").unwrap();
    touch(&path, 4_000_000);
    let page = home.store.list(&all()).unwrap();
    assert_eq!(page.entries[0].size, fs::metadata(&path).unwrap().len());
    assert_eq!(page.entries[0].updated_at, 4_000_000);

    // Replaced by another file altogether.
    let other = home.path().join("other");
    fs::write(&other, thread(0x33, "a longer question than the one before it", "\"cli\"", "/w", "")).unwrap();
    fs::rename(&other, &path).unwrap();
    assert_eq!(ids(&home.store.list(&all()).unwrap()), [0x33, 2, 1]);
}

#[test]
fn a_directory_is_read_again_when_its_time_changed_and_only_then() {
    let home = Home::new();
    fill(&home, 2);
    home.settle();
    let shown = || ids(&home.store.list(&all()).unwrap());
    assert_eq!(shown(), [2, 1]);
    // Same day, another day, and gone again.
    home.add_file("2026-03-01T09-00-00", 3, "paginated_169.jsonl");
    assert_eq!(shown(), [3, 2, 1]);
    let other = home.add_file("2027-03-02T09-00-00", 6, "two_metas.jsonl");
    assert_eq!(shown(), [6, 3, 2, 1]);
    fs::remove_dir_all(other.parent().unwrap()).unwrap();
    assert_eq!(shown(), [3, 2, 1]);

    home.settle();
    assert_eq!(shown(), [3, 2, 1]);
    home.add_file("2026-03-01T09-00-01", 7, "late_user_message.jsonl");
    home.settle();
    assert_eq!(shown(), [3, 2, 1], "a directory was read whose time is as before");
}

#[test]
fn a_growing_file_is_not_read_again() {
    let home = Home::new();
    fill(&home, 1);
    let path = home.rollout("2026-03-01T00-01-00", id(1));
    assert_eq!(home.store.list(&all()).unwrap().entries[0].preview.as_deref(), Some("question 1"));
    // No writer changes what it wrote, so a head changed in place tells whether it was read.
    let content = fs::read_to_string(&path).unwrap().replace("question 1", "question 2");
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.write_all(b"{}\n").unwrap();
    let page = home.store.list(&all()).unwrap();
    assert_eq!(page.entries[0].preview.as_deref(), Some("question 1"));
    assert_eq!(page.entries[0].size, content.len() as u64 + 3);
}

#[test]
fn the_index_file_saves_reading_and_nothing_else_depends_on_it() {
    let mut home = Home::new();
    fill(&home, 150);
    let index = home.path().join("app-server/threads.idx");
    let expected = walk(&home, all());
    assert_eq!(expected.len(), 150);
    assert!(index.exists());
    let saved = fs::read(&index).unwrap();
    assert_eq!(String::from_utf8_lossy(&saved).lines().next(), Some("app-server threads 1 100"));

    // Cut, flipped, of another format, absent: the list is the same.
    let cut = saved[..saved.len() / 2].to_vec();
    let mut flipped = saved.clone();
    flipped[saved.len() / 3] ^= 0x5a;
    for content in [cut, flipped, b"app-server threads 2 0\n".to_vec(), Vec::new()] {
        fs::write(&index, content).unwrap();
        home.restart();
        assert_eq!(walk(&home, all()), expected);
    }

    // Used: a head that only the index knows shows, until the file says otherwise.
    home.restart();
    walk(&home, all());
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("\"question 60\"", "\"from index\"")).unwrap();
    home.restart();
    let query = ListQuery { search_term: Some("from index".into()), ..all() };
    assert_eq!(ids(&home.store.list(&query).unwrap()), [60]);
    fs::remove_file(&index).unwrap();
    home.restart();
    assert_eq!(ids(&home.store.list(&query).unwrap()), [] as [u128; 0]);
}

#[test]
fn a_page_without_threads_reads_no_damage_into_foreign_files() {
    let home = Home::new();
    fs::create_dir_all(home.path().join("sessions/2026/xx/01")).unwrap();
    fs::copy(file("legacy_094.jsonl"), home.path().join("sessions/2026/rollout.jsonl")).unwrap();
    assert_eq!(home.store.list(&all()).unwrap(), ListPage::default());
}
