//! The file under writers, readers, links and looser modes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use super::*;
use crate::atomic::ABANDONED;

struct Home {
    folder: TempDir,
    store: File,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = File::new(folder.path());
        Home { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn record(key: &str) -> AuthRecord {
    AuthRecord::of_api_key(key)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_file_and_nothing_else() {
    let home = Home::new();
    assert_eq!(home.store.load().unwrap(), None);
    assert!(!home.store.delete().unwrap());

    home.store.save(&record("sk-1")).unwrap();
    home.store.save(&record("sk-2")).unwrap();
    assert_eq!(home.names(), ["auth.json"]);
    assert_eq!(fs::read(home.path("auth.json")).unwrap(), record("sk-2").to_pretty());
    assert_eq!(mode(&home.path("auth.json")), 0o600);
    assert_eq!(home.store.load().unwrap(), Some(record("sk-2")));

    assert!(home.store.delete().unwrap());
    assert!(home.names().is_empty());
    assert_eq!(home.store.load().unwrap(), None);
}

#[test]
fn a_home_is_made_when_it_is_missing() {
    let home = Home::new();
    let folder = home.path("a/b");
    File::new(&folder).save(&record("sk-1")).unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(File::new(&folder).load().unwrap(), Some(record("sk-1")));
}

#[test]
fn a_looser_mode_becomes_tight() {
    let home = Home::new();
    fs::write(home.path("auth.json"), "{}").unwrap();
    fs::set_permissions(home.path("auth.json"), fs::Permissions::from_mode(0o664)).unwrap();
    home.store.save(&record("sk-1")).unwrap();
    assert_eq!(mode(&home.path("auth.json")), 0o600);
}

#[test]
fn what_is_damaged_stays_as_it_is() {
    let home = Home::new();
    for damaged in ["", "{", "[]", r#"{"tokens":{}}"#] {
        fs::write(home.path("auth.json"), damaged).unwrap();
        assert!(matches!(home.store.load(), Err(StorageError::Damaged(_))), "{damaged}");
        assert_eq!(fs::read_to_string(home.path("auth.json")).unwrap(), damaged);
    }
    // Signing in and out both get rid of it.
    home.store.save(&record("sk-1")).unwrap();
    assert_eq!(home.store.load().unwrap(), Some(record("sk-1")));
    fs::write(home.path("auth.json"), "{").unwrap();
    assert!(home.store.delete().unwrap());
}

#[test]
fn what_is_no_file_is_an_error() {
    let home = Home::new();
    fs::create_dir(home.path("auth.json")).unwrap();
    assert!(matches!(home.store.load(), Err(StorageError::Io { .. })));
    assert!(matches!(home.store.save(&record("sk-1")), Err(StorageError::Io { .. })));
    assert!(matches!(home.store.delete(), Err(StorageError::Io { .. })));
    assert_eq!(home.names(), ["auth.json"], "nothing is left of the attempt");
}

#[test]
fn links_are_followed_and_kept() {
    let home = Home::new();
    for folder in ["kept", "real"] {
        fs::create_dir(home.path(folder)).unwrap();
    }
    // Two steps, of which one is relative to its own folder, to what is not there yet.
    symlink(home.path("kept/link.json"), home.path("auth.json")).unwrap();
    symlink("../real/file.json", home.path("kept/link.json")).unwrap();
    assert_eq!(home.store.load().unwrap(), None);

    for key in ["sk-1", "sk-2"] {
        home.store.save(&record(key)).unwrap();
        assert_eq!(home.store.load().unwrap(), Some(record(key)));
        assert_eq!(fs::read(home.path("real/file.json")).unwrap(), record(key).to_pretty());
        assert_eq!(mode(&home.path("real/file.json")), 0o600);
    }
    assert_eq!(home.names(), ["auth.json", "kept", "real"]);
    assert_eq!(fs::read_dir(home.path("real")).unwrap().count(), 1);

    let before = home.store.stamp();
    home.store.save(&record("sk-3")).unwrap();
    assert_ne!(home.store.stamp(), before, "the stamp is of the file, not of the link");

    assert!(home.store.delete().unwrap());
    assert!(!home.store.delete().unwrap());
    assert!(!home.path("real/file.json").exists());
    for link in ["auth.json", "kept/link.json"] {
        assert!(fs::symlink_metadata(home.path(link)).unwrap().is_symlink(), "{link}");
    }
}

#[test]
fn links_in_a_circle_are_an_error() {
    let home = Home::new();
    symlink("other", home.path("auth.json")).unwrap();
    symlink("auth.json", home.path("other")).unwrap();
    assert!(matches!(home.store.load(), Err(StorageError::Io { .. })));
    assert!(matches!(home.store.save(&record("sk-1")), Err(StorageError::Io { .. })));
    assert_eq!(home.names(), ["auth.json", "other"]);
}

#[test]
fn remains_of_a_killed_writer_are_removed() {
    let home = Home::new();
    let old = SystemTime::now() - 2 * ABANDONED;
    for (name, is_old) in
        [(".auth.json-dead.tmp", true), (".auth.json-live.tmp", false), ("auth.json.bak", true)]
    {
        let file = fs::File::create(home.path(name)).unwrap();
        if is_old {
            file.set_modified(old).unwrap();
        }
    }
    home.store.save(&record("sk-1")).unwrap();
    assert_eq!(home.names(), [".auth.json-live.tmp", "auth.json", "auth.json.bak"]);
}

#[test]
fn a_stamp_shows_every_change() {
    let home = Home::new();
    assert_eq!(home.store.stamp(), None);
    home.store.save(&record("sk-1")).unwrap();
    let first = home.store.stamp();
    assert!(first.is_some());
    assert_eq!(home.store.stamp(), first);
    // Of the same length.
    home.store.save(&record("sk-2")).unwrap();
    let second = home.store.stamp();
    assert_ne!(second, first);
    // In place, as other programs do.
    fs::write(home.path("auth.json"), record("sk-30").to_pretty()).unwrap();
    assert_ne!(home.store.stamp(), second);
    home.store.delete().unwrap();
    assert_eq!(home.store.stamp(), None);
}

/// A missing or damaged file would be an error or `None` here. Saving again at once is the worst case for readers.
#[test]
fn readers_see_whole_files_while_others_write() {
    const WRITERS: usize = 4;
    let home = Home::new();
    let records: Vec<_> = (0..WRITERS).map(|writer| record(&"k".repeat(1 + writer * 20_000))).collect();
    home.store.save(&records[0]).unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = records
            .iter()
            .map(|record| scope.spawn(|| (0..50).for_each(|_| home.store.save(record).unwrap())))
            .collect();
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    // Not by `load`, which looks twice.
                    let bytes = fs::read(home.path("auth.json")).unwrap();
                    assert!(records.contains(&AuthRecord::parse(&bytes).unwrap()));
                    assert!(records.contains(&home.store.load().unwrap().unwrap()));
                }
            });
        }
        let outcomes: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_done.store(true, Ordering::Relaxed);
        assert!(outcomes.iter().all(Result::is_ok));
    });
    assert_eq!(home.names(), ["auth.json"]);
}

#[test]
fn a_file_that_cannot_be_replaced_is_written_in_place() {
    let home = Home::new();
    home.store.save(&record("first, which is longer")).unwrap();
    let path = home.path("auth.json");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    File::overwrite(&path, &record("second").to_pretty()).unwrap();
    assert_eq!(home.store.load().unwrap(), Some(record("second")));
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.ino(), after.mode() & 0o777), (inode, 0o600));
}
