//! What was gathered from a history is kept, and is what a fresh reading gathers whatever became of the files since.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use app_server_rollout::{LineHead, Reading, Record, ScanReport, Store};
use pretty_assertions::assert_eq;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde::{Deserialize, Serialize};

use crate::support::{Home, file, id};

const TIME: &str = "2026-03-01T09-00-00";

/// All records, and how many of them were read now.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Gathered {
    all: Vec<(u16, u64, String)>,
    #[serde(skip)]
    read: usize,
}

impl Reading for Gathered {
    fn wants(&self, _head: &LineHead<'_>) -> bool {
        true
    }

    fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
        self.read += 1;
        let text = String::from_utf8_lossy(record.line).into_owned();
        self.all.push((record.position.file, record.position.offset, text));
        ControlFlow::Continue(())
    }
}

/// A process in a home that keeps something of every history.
fn process(home: &Home) -> Store {
    Store::new(home.path()).keeping_from(0)
}

/// Reads with what is kept, sees that it is what a fresh reading gives, and returns how many records were read.
#[track_caller]
fn read_by(store: &Store, path: &Path) -> usize {
    let (report, gathered) = store.read_kept(path, Gathered::default).unwrap();
    let mut fresh = Gathered::default();
    let of_fresh = store.read_history(path, &mut fresh).unwrap();
    assert_eq!((&gathered.all, &report), (&fresh.all, &of_fresh));
    gathered.read
}

/// As another process does each time.
#[track_caller]
fn read(home: &Home, path: &Path) -> usize {
    read_by(&process(home), path)
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn line(text: &str) -> String {
    format!("{{\"timestamp\":\"\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"{text}\"}}}}\n")
}

fn with_thread() -> (Home, PathBuf, usize) {
    let home = Home::new();
    let path = home.add_file(TIME, 1, "legacy_169.jsonl");
    let count = read(&home, &path);
    assert!(count > 5);
    (home, path, count)
}

fn outlines(home: &Home) -> Vec<PathBuf> {
    match fs::read_dir(home.path().join("app-server/outlines")) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

/// Writes a file anew at the time it had.
fn set_time(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn time_of(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn only_what_was_appended_is_read() {
    let (home, path, _) = with_thread();
    assert_eq!(read(&home, &path), 0);
    for count in [1, 3] {
        append(&path, &line("more").repeat(count));
        assert_eq!((read(&home, &path), read(&home, &path)), (count, 0));
    }
    // Archived, it is the same file.
    let archived = process(&home).archive(&path).unwrap();
    assert_eq!(read(&home, &archived), 0);
}

#[test]
fn a_line_without_an_end_is_read_again() {
    let (home, path, count) = with_thread();
    let long = line("more");
    append(&path, &long[..20]);
    assert_eq!((read(&home, &path), read(&home, &path)), (0, 0), "it is damaged as yet");
    append(&path, &long[20..long.len() - 1]);
    assert_eq!((read(&home, &path), read(&home, &path)), (1, 1));
    append(&path, "\n");
    assert_eq!((read(&home, &path), read(&home, &path)), (1, 0));

    let torn =
        home.add(TIME, id(2), &fs::read(&path).unwrap()[..fs::metadata(&path).unwrap().len() as usize - 9]);
    assert_eq!((read(&home, &torn), read(&home, &torn)), (count, count));
}

#[test]
fn a_file_that_was_written_anew_is_read_anew() {
    let check = |change: &dyn Fn(&Path, String, SystemTime)| {
        let (home, path, _) = with_thread();
        change(&path, fs::read_to_string(&path).unwrap(), time_of(&path));
        assert!(read(&home, &path) > 3);
        assert_eq!(read(&home, &path), 0);
    };
    // As long as before.
    check(&|path, text, time| {
        fs::write(path, text.replace("19:", "20:").replace("09:", "10:")).unwrap();
        set_time(path, time + Duration::from_millis(1));
    });
    // Even the same.
    check(&|path, text, time| {
        fs::write(path, text).unwrap();
        set_time(path, time + Duration::from_millis(1));
    });
    // Another file of the same length and time.
    check(&|path, text, time| {
        let other = path.with_extension("other");
        fs::write(&other, text).unwrap();
        set_time(&other, time);
        fs::rename(&other, path).unwrap();
    });
    // Other words at the end, though the file says it did not change.
    check(&|path, text, time| {
        let end = text.len() - 60;
        let other: String = text[end..].replace('e', "i");
        assert!(other != text[end..]);
        fs::write(path, text[..end].to_owned() + &other + &line("x")).unwrap();
        set_time(path, time);
    });
    // Longer, and shorter.
    check(&|path, text, _| fs::write(path, format!("{}{text}", line("before"))).unwrap());
    check(&|path, text, _| {
        fs::write(path, text.lines().take(4).fold(String::new(), |all, line| all + line + "\n")).unwrap()
    });
}

#[test]
fn a_spoiled_outline_is_not_used() {
    let (home, path, count) = with_thread();
    let outline = outlines(&home).pop().unwrap();
    let sound = fs::read(&outline).unwrap();
    for at in (0..sound.len()).step_by(7) {
        let mut flipped = sound.clone();
        flipped[at] ^= 4;
        fs::write(&outline, &flipped).unwrap();
        assert_eq!(read(&home, &path), count, "a bit at {at}");
        assert_eq!(fs::read(&outline).unwrap(), sound);
        fs::write(&outline, &sound[..at]).unwrap();
        assert_eq!(read(&home, &path), count, "cut at {at}");
    }
    assert_eq!(read(&home, &path), 0);
}

#[test]
fn a_folder_that_is_gone_or_cannot_be_written_costs_time_alone() {
    let (home, path, count) = with_thread();
    let folder = home.path().join("app-server/outlines");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((read(&home, &path), read(&home, &path)), (count, 0));
    fs::remove_dir_all(home.path().join("app-server")).unwrap();
    assert_eq!((read(&home, &path), read(&home, &path)), (count, 0));
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "a file").unwrap();
    assert_eq!((read(&home, &path), read(&home, &path)), (count, count));
}

#[test]
fn two_processes_read_and_append_to_one_thread() {
    let (home, path, _) = with_thread();
    let others = [process(&home), process(&home)];
    for round in 0..20 {
        append(&path, &line(&format!("round_{round}")));
        assert_eq!(read_by(&others[round % 2], &path), 1);
        assert_eq!(read_by(&others[(round + 1) % 2], &path), 0);
    }
    // Both at once, while a third one writes.
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for store in &others {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let (_, gathered) = store.read_kept(&path, Gathered::default).unwrap();
                    let text = fs::read_to_string(&path).unwrap();
                    let lines: Vec<&str> = text.lines().collect();
                    for ((_, _, was), is) in gathered.all.iter().zip(lines) {
                        assert_eq!(was, is);
                    }
                }
            });
        }
        for round in 0..200 {
            append(&path, &line(&format!("more_{round}")));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    read(&home, &path);
    assert_eq!(read(&home, &path), 0);
}

#[test]
fn what_is_kept_goes_with_its_thread() {
    let (home, path, count) = with_thread();
    let other = home.add_file("2026-03-02T09-00-00", 3, "legacy_169.jsonl");
    read(&home, &other);
    assert_eq!(outlines(&home).len(), 2);
    process(&home).delete(&path).unwrap();
    assert_eq!(outlines(&home).len(), 1);

    // Removed by another program.
    fs::remove_file(&other).unwrap();
    let half = home.path().join("app-server/outlines/half.tmp");
    fs::write(&half, "").unwrap();
    set_time(&half, SystemTime::now() - Duration::from_secs(7200));
    fs::write(half.with_extension("1.tmp"), "").unwrap();
    let third = home.add_file("2026-03-03T09-00-00", 4, "legacy_169.jsonl");
    assert_eq!(read(&home, &third), count);
    let mut left: Vec<String> =
        outlines(&home).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    left.sort();
    assert_eq!(left, ["half.1.tmp".to_owned(), format!("rollout-2026-03-03T09-00-00-{}.jsonl.idx", id(4))]);
}

#[test]
fn what_a_thread_continues_is_looked_at_as_well() {
    let home = Home::new();
    let base = home.add_file(TIME, 3, "paginated_169.jsonl");
    let fork = home.add_segment("2026-03-02T09-00-00", 3, 0x31, (3, 4), "again?");
    let count = read(&home, &fork);
    assert!(count > 4);
    assert_eq!(read(&home, &fork), 0);
    // What comes behind the point where it left is not its own.
    append(&base, &line("more"));
    assert_eq!(read(&home, &fork), 0);
    append(&fork, &line("more"));
    assert_eq!((read(&home, &fork), read(&home, &fork)), (1, 0));
    let text = fs::read_to_string(&base).unwrap();
    fs::write(&base, text.replace("timestamp\":\"2026", "timestamp\":\"2027")).unwrap();
    set_time(&base, SystemTime::now() + Duration::from_secs(5));
    assert_eq!((read(&home, &fork), read(&home, &fork)), (count + 1, 0));
    let hidden = base.with_extension("hidden");
    fs::rename(&base, &hidden).unwrap();
    assert!(read(&home, &fork) > 1);
    fs::rename(&hidden, &base).unwrap();
    assert_eq!(read(&home, &fork), count + 1);
}

#[test]
fn of_a_compressed_file_it_is_kept_until_the_file_changes() {
    let (home, path, count) = with_thread();
    let compressed = path.with_extension("jsonl.zst");
    let text = fs::read(file("legacy_169.jsonl")).unwrap();
    fs::write(&compressed, compress_to_vec(&text[..], CompressionLevel::Fastest)).unwrap();
    assert_eq!(read(&home, &path), 0, "the plain one counts");
    fs::remove_file(&path).unwrap();
    assert_eq!((read(&home, &path), read(&home, &compressed)), (count, 0));
    let mut more = fs::read(&compressed).unwrap();
    more.extend(compress_to_vec(line("more").as_bytes(), CompressionLevel::Fastest));
    fs::write(&compressed, more).unwrap();
    assert_eq!((read(&home, &compressed), read(&home, &compressed)), (count + 1, 0));
}

#[test]
fn nothing_is_kept_of_what_is_short_or_elsewhere_or_has_no_beginning() {
    let home = Home::new();
    let path = home.add_file(TIME, 1, "legacy_169.jsonl");
    let short: (ScanReport, Gathered) = Store::new(home.path()).read_kept(&path, Gathered::default).unwrap();
    assert!(short.1.read > 5);
    let elsewhere = Home::new();
    process(&elsewhere).read_kept(&path, Gathered::default).unwrap();
    let without = home.add("2026-03-02T09-00-00", id(2), line("more").as_bytes());
    assert_eq!((read(&home, &without), read(&home, &without)), (1, 1));
    assert_eq!((outlines(&home), outlines(&elsewhere)), (Vec::new(), Vec::new()));
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_on_is_read_anew() {
    /// Replaces the file when it is told of the line that was appended.
    #[derive(Default, Serialize, Deserialize)]
    struct Replaces {
        all: Vec<String>,
    }
    impl Reading for Replaces {
        fn wants(&self, _head: &LineHead<'_>) -> bool {
            true
        }

        fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
            let text = String::from_utf8_lossy(record.line).into_owned();
            if text.contains("replace_me") {
                REPLACE.with(|path| {
                    let path = path.borrow();
                    let other = path.with_extension("other");
                    fs::copy(&*path, &other).unwrap();
                    append(&other, &line("of_the_other"));
                    fs::rename(&other, &*path).unwrap();
                });
            }
            self.all.push(text);
            ControlFlow::Continue(())
        }
    }
    thread_local! {
        static REPLACE: RefCell<PathBuf> = RefCell::default();
    }
    let home = Home::new();
    let path = home.add_file(TIME, 1, "legacy_169.jsonl");
    REPLACE.with(|replace| replace.borrow_mut().clone_from(&path));
    let (_, before) = process(&home).read_kept(&path, Replaces::default).unwrap();
    append(&path, &line("replace_me"));
    let (report, after) = process(&home).read_kept(&path, Replaces::default).unwrap();
    assert_eq!(after.all.len(), before.all.len() + 2);
    assert_eq!(report.records, after.all.len() as u64);
}
