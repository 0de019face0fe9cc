//! Writing to disk: all or nothing, and never outside.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pretty_assertions::assert_eq;
use tempfile::TempDir;

use super::*;
use crate::parse::Patch;
use crate::verify::{ApplyError, verify};

/// A folder that may be written, and one beside it that may not.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("work")).unwrap();
        fs::create_dir(place.path("outside")).unwrap();
        for (name, text) in files {
            fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
            fs::write(place.path(name), text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn verify(&self, operations: &str) -> Result<Verified, ApplyError> {
        let patch = Patch::parse(&format!("*** Begin Patch\n{operations}\n*** End Patch")).unwrap();
        verify(&patch, &self.path("work"))
    }

    fn verified(&self, operations: &str) -> Verified {
        self.verify(operations).unwrap()
    }

    /// Writes within `work`, and returns the error's text with the folder's name taken out.
    fn commit(&self, operations: &str) -> Result<(), String> {
        let verified = self.verify(operations).map_err(|error| self.anonymous(&error))?;
        verified.commit(Some(&[self.path("work")])).map_err(|error| self.anonymous(&error))
    }

    fn anonymous(&self, error: &dyn std::fmt::Display) -> String {
        error.to_string().replace(self.folder.path().to_str().unwrap(), "")
    }

    /// Every file below, links as `-> target`.
    fn all(&self) -> BTreeMap<String, String> {
        fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_symlink() {
                    found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
                } else if metadata.is_dir() {
                    found.insert(format!("{name}/"), String::new());
                    walk(root, &path, found);
                } else if metadata.is_file() {
                    found.insert(name, fs::read_to_string(&path).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found
    }
}

#[test]
fn the_executable_bit_is_kept_through_updates_and_moves() {
    let place = Place::new(&[("work/a", "one\n"), ("work/b", "one\n")]);
    for name in ["work/a", "work/b"] {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o751)).unwrap();
    }
    place
        .commit("*** Update File: a\n@@\n-one\n+two\n*** Update File: b\n*** Move to: c\n@@\n-one\n+two")
        .unwrap();
    for name in ["work/a", "work/c"] {
        assert_eq!(place.read(name), "two\n");
        assert_eq!(fs::metadata(place.path(name)).unwrap().mode() & 0o7777, 0o751);
    }
}

#[test]
fn a_later_operation_that_fails_takes_everything_back() {
    let files = [("work/a", "one\n"), ("work/gone", "bye\n"), ("work/mv", "x\n"), ("work/z/old", "z\n")];
    let place = Place::new(&files);
    let verified = place.verified(
        "*** Add File: new/deep/n\n+n\n*** Update File: a\n@@\n-one\n+two\n*** Delete File: gone\n\
         *** Update File: mv\n*** Move to: moved\n@@\n-x\n+y\n*** Update File: z/old\n@@\n-z\n+Z",
    );
    // Somebody edits the last file while the person who is asked thinks about it.
    fs::write(place.path("work/z/old"), "mine\n").unwrap();
    let before = place.all();
    let error = verified.commit(Some(&[place.path("work")])).unwrap_err();
    assert!(matches!(error.cause, CommitFailure::Changed) && error.not_undone.is_empty());
    assert_eq!(place.all(), before);
}

#[test]
fn a_rename_that_fails_half_way_takes_everything_back() {
    let place = Place::new(&[("work/a", "one\n"), ("work/b", "one\n"), ("work/gone", "bye\n")]);
    let verified = place.verified(
        "*** Update File: a\n@@\n-one\n+two\n*** Add File: sub/n\n+n\n*** Delete File: gone\n\
         *** Update File: b\n@@\n-one\n+two",
    );
    let before = place.all();
    let steps = verified.steps();
    for swaps in [true, false] {
        let roots = [place.path("work").canonicalize().unwrap()];
        let mut writer = unix::Writer::new(&roots);
        writer.swaps = swaps;
        writer.write(&steps).unwrap();
        assert!(place.all() != before);
        assert_eq!(writer.undo(), Vec::<PathBuf>::new());
        assert_eq!(place.all(), before, "swaps: {swaps}");
    }
}

#[test]
fn what_cannot_be_taken_back_is_named() {
    let place = Place::new(&[("work/a", "one\n"), ("work/b", "one\n")]);
    let verified = place.verified("*** Update File: a\n@@\n-one\n+two\n*** Delete File: b");
    let steps = verified.steps();
    let root = place.path("work").canonicalize().unwrap();
    let roots = [root.clone()];
    let mut writer = unix::Writer::new(&roots);
    writer.write(&steps).unwrap();
    for (name, text) in place.all() {
        if name.contains(".app-server-patch") && text == "one\n" {
            fs::remove_file(place.path(&name)).unwrap();
        }
    }
    let not_undone = writer.undo();
    assert_eq!(not_undone, [root.join("b"), root.join("a")]);
    let mut error = steps[0].error(CommitFailure::Changed);
    error.not_undone = not_undone;
    assert!(
        error
            .to_string()
            .ends_with(&format!("\nThese files could not be restored: {0}/b, {0}/a", root.display()))
    );
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let place = Place::new(&[("work/a", "one\n")]);
    fs::set_permissions(place.path("work/a"), fs::Permissions::from_mode(0o444)).unwrap();
    let verified = place.verified("*** Update File: a\n@@\n-one\n+two");
    let error = plain::write(&verified.steps(), None).unwrap_err();
    assert!(matches!(error.cause, CommitFailure::Write(_)), "{error}");
    // Root may write to any file.
    if !rustix::process::geteuid().is_root() {
        let error = verified.commit(None).unwrap_err();
        assert!(matches!(error.cause, CommitFailure::Write(_)), "{error}");
    }
    assert_eq!(place.read("work/a"), "one\n");
}

#[test]
fn the_slower_ways_write_the_same() {
    let operations = "*** Add File: x/y/n\n+n\n*** Update File: a\n@@\n-one\n+two\n*** Delete File: d/gone";
    let mut results = Vec::new();
    for way in 0..4 {
        let place = Place::new(&[("work/a", "one\n"), ("work/d/gone", "bye\n")]);
        let verified = place.verified(operations);
        let steps = verified.steps();
        let roots = [place.path("work").canonicalize().unwrap()];
        if way == 3 {
            plain::write(&steps, Some(&roots)).unwrap();
        } else {
            let mut writer = unix::Writer::new(&roots);
            (writer.at_once, writer.swaps) = (way == 0, way < 2);
            writer.write(&steps).unwrap();
            writer.clean();
        }
        results.push(place.all());
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:#?}");
}

#[test]
fn the_plain_way_takes_everything_back_too() {
    let place = Place::new(&[("work/a", "one\n"), ("work/b", "one\n")]);
    let verified = place.verified(
        "*** Add File: n/m\n+n\n*** Update File: a\n@@\n-one\n+two\n*** Update File: b\n@@\n-one\n+two",
    );
    fs::write(place.path("work/b"), "mine\n").unwrap();
    let before = place.all();
    plain::write(&verified.steps(), None).unwrap_err();
    assert_eq!(place.all(), before);
    let outside = place.verified("*** Add File: ../outside/n\n+n");
    let roots = [place.path("work").canonicalize().unwrap()];
    let error = plain::write(&outside.steps(), Some(&roots)).unwrap_err();
    assert!(matches!(error.cause, CommitFailure::Outside));
}

#[test]
fn outside_is_refused_however_it_is_spelled() {
    let place = Place::new(&[("work/in", "one\n"), ("outside/secret", "one\n")]);
    symlink(place.path("outside"), place.path("work/folder")).unwrap();
    symlink(place.path("outside/secret"), place.path("work/file")).unwrap();
    symlink("../outside/new", place.path("work/dangling")).unwrap();
    let before = place.all();
    let absolute = place.path("outside/n").display().to_string();
    for operations in [
        "*** Add File: ../outside/n\n+n",
        &format!("*** Add File: {absolute}\n+n"),
        "*** Add File: folder/n\n+n",
        "*** Delete File: folder/secret",
        "*** Update File: folder/secret\n@@\n-one\n+two",
        "*** Update File: file\n@@\n-one\n+two",
        "*** Add File: file\n+two",
        "*** Add File: dangling\n+two",
        "*** Update File: in\n*** Move to: ../outside/n\n@@\n-one\n+two",
        "*** Update File: in\n*** Move to: file\n@@\n-one\n+two",
        "*** Update File: in\n*** Move to: folder/deep/n\n@@\n-one\n+two",
        "*** Update File: in\n@@\n-one\n+two\n*** Add File: folder/n\n+n",
    ] {
        let error = place.commit(operations).unwrap_err();
        assert!(
            error.starts_with("Failed to write file ") || error.starts_with("Failed to delete"),
            "{error}"
        );
        assert_eq!(place.all(), before, "{operations}");
    }
    // And nothing at all is written where no folder may be.
    let error = place.verified("*** Add File: n\n+n").commit(Some(&[])).unwrap_err();
    assert!(matches!(error.cause, CommitFailure::Outside));
}

#[test]
fn a_link_inside_is_followed_to_its_target_and_a_deleted_one_goes_alone() {
    let place = Place::new(&[("work/real/a", "one\n"), ("work/b", "one\n")]);
    symlink("real", place.path("work/folder")).unwrap();
    symlink("real/a", place.path("work/link")).unwrap();
    symlink("b", place.path("work/goes")).unwrap();
    let verified = place.verified(
        "*** Update File: link\n@@\n-one\n+two\n*** Update File: folder/a\n@@\n-two\n+three\n*** Delete File: goes",
    );
    let work = place.path("work").canonicalize().unwrap();
    assert!(verified.touched().contains(&work.join("real/a").as_path()), "policies see the real path");
    verified.commit(Some(&[place.path("work")])).unwrap();
    assert_eq!(place.read("work/real/a"), "three\n");
    assert_eq!(place.read("work/b"), "one\n");
    assert!(fs::symlink_metadata(place.path("work/link")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(place.path("work/goes")).is_err());
}

#[test]
fn another_name_of_the_file_keeps_the_old_text() {
    let place = Place::new(&[("outside/a", "one\n"), ("outside/b", "one\n"), ("outside/c", "one\n")]);
    for name in ["a", "b", "c"] {
        fs::hard_link(place.path("outside").join(name), place.path("work").join(name)).unwrap();
    }
    place.commit("*** Update File: a\n@@\n-one\n+two\n*** Add File: b\n+two\n*** Delete File: c").unwrap();
    for name in ["outside/a", "outside/b", "outside/c"] {
        assert_eq!(place.read(name), "one\n");
    }
    assert_eq!((place.read("work/a"), place.read("work/b")), ("two\n".to_owned(), "two\n".to_owned()));
}

#[test]
fn what_is_no_text_file_is_left_alone() {
    let place = Place::new(&[("work/folder/x", "x\n")]);
    fs::write(place.path("work/binary"), b"\xff\n").unwrap();
    fs::File::create(place.path("work/large")).unwrap().set_len((64 << 20) + 1).unwrap();
    let pipe = place.path("work/pipe");
    #[cfg(target_os = "linux")]
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    symlink("loop", place.path("work/loop")).unwrap();
    symlink("/dev/zero", place.path("work/zero")).unwrap();
    for name in ["folder", "binary", "large", "pipe", "loop", "zero", "missing", "folder/x/y"] {
        place.verify(&format!("*** Update File: {name}\n@@\n-one\n+two")).unwrap_err();
        place.verify(&format!("*** Delete File: {name}")).unwrap_err();
        if !matches!(name, "binary" | "missing") {
            place.verify(&format!("*** Add File: {name}\n+two")).unwrap_err();
        }
    }
}

#[test]
fn a_link_that_appears_after_the_check_is_not_followed() {
    let place = Place::new(&[("work/sub/a", "one\n"), ("outside/a", "one\n")]);
    let verified = place.verified("*** Update File: sub/a\n@@\n-one\n+two");
    fs::remove_dir_all(place.path("work/sub")).unwrap();
    symlink(place.path("outside"), place.path("work/sub")).unwrap();
    for within in [Some(&[place.path("work")][..]), None] {
        let error = verified.commit(within).unwrap_err();
        assert!(matches!(error.cause, CommitFailure::Changed), "{error}");
    }
    assert_eq!(place.read("outside/a"), "one\n");
}

#[test]
fn a_root_inside_another_cannot_be_replaced_by_a_link() {
    let place = Place::new(&[("outside/a", "one\n")]);
    symlink(place.path("outside"), place.path("work/inner")).unwrap();
    let verified = place.verified("*** Add File: inner/n\n+n");
    let roots = [place.path("work"), place.path("work/inner")];
    let error = verified.commit(Some(&roots)).unwrap_err();
    assert!(matches!(error.cause, CommitFailure::Outside), "{error}");
}

#[test]
fn the_working_folder_may_be_a_link() {
    let place = Place::new(&[("outside/a", "one\n")]);
    symlink(place.path("outside"), place.path("alias")).unwrap();
    let patch = Patch::parse("*** Begin Patch\n*** Update File: a\n@@\n-one\n+two\n*** End Patch").unwrap();
    let alias = place.path("alias");
    verify(&patch, &alias).unwrap().commit(Some(std::slice::from_ref(&alias))).unwrap();
    assert_eq!(place.read("outside/a"), "two\n");
}

/// Commits the usual way, or as on a system that knows none of the newer calls.
fn race_commit(verified: &Verified, roots: &[PathBuf], usual: bool) -> Result<(), CommitError> {
    if usual {
        return verified.commit(Some(roots));
    }
    let roots = real_roots(roots);
    let mut writer = unix::Writer::new(&roots);
    (writer.at_once, writer.swaps) = (false, false);
    let written = writer.write(&verified.steps());
    if written.is_err() {
        writer.undo();
    }
    writer.clean();
    written
}

/// A command in the sandbox swaps a folder and a file for links to the outside, as fast as it can.
#[test]
fn links_swapped_while_writing_never_lead_outside() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    const TRIES: usize = 20_000;
    let place = Place::new(&[("work/sub/a", "0\n"), ("outside/a", "untouched\n")]);
    symlink(place.path("outside"), place.path("work/evil")).unwrap();
    symlink(place.path("outside/a"), place.path("work/evil-file")).unwrap();
    let work = [place.path("work")];
    let stop = AtomicBool::new(false);
    let (mut written, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let swap = |one: &str, other: &str| {
                let (one, other) = (place.path(one), place.path(other));
                // The writer may have a name out of the way just now.
                let _ = renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE);
            };
            while !stop.load(Ordering::Relaxed) {
                swap("work/sub", "work/evil");
                swap("work/sub", "work/evil");
                swap("work/sub/a", "work/evil-file");
                swap("work/sub/a", "work/evil-file");
            }
        });
        let mut verified = place.verify("*** Add File: sub/a\n+0");
        for number in 0..TRIES {
            // Worked out anew only after a write: most tries are about the time between check and use.
            match verified.as_ref().map(|verified| race_commit(verified, &work, number % 2 == 0)) {
                Ok(Ok(())) => {
                    written += 1;
                    verified = place.verify(&format!("*** Add File: sub/a\n+{number}"));
                }
                Ok(Err(_)) => {
                    refused += 1;
                    if number % 8 == 0 {
                        verified = place.verify(&format!("*** Add File: sub/a\n+{number}"));
                    }
                }
                Err(_) => verified = place.verify(&format!("*** Add File: sub/a\n+{number}")),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(place.read("outside/a"), "untouched\n");
    assert_eq!(fs::read_dir(place.path("outside")).unwrap().count(), 1, "nothing new outside");
    assert!(written > 0 && refused > 0, "no race was run: {written} written, {refused} refused");
}

#[test]
fn nothing_of_ours_stays() {
    let place = Place::new(&[("work/a", "one\n")]);
    place.commit("*** Update File: a\n@@\n-one\n+two\n*** Add File: b\n+b").unwrap();
    place.commit("*** Delete File: a").unwrap();
    let names: Vec<String> = place.all().into_keys().collect();
    assert_eq!(names, ["outside/", "work/", "work/b"]);
}

#[test]
fn many_files_are_quick() {
    let place = Place::new(&[]);
    let files: Vec<String> = (0..500).map(|number| format!("d{}/f{number}", number % 20)).collect();
    let mut add = String::new();
    let mut update = String::new();
    for name in &files {
        add.push_str(&format!("\n*** Add File: {name}\n+one\n+two\n+three"));
        update.push_str(&format!("\n*** Update File: {name}\n@@\n-two\n+2"));
    }
    let start = std::time::Instant::now();
    place.commit(add.trim()).unwrap();
    place.commit(update.trim()).unwrap();
    assert_eq!(place.read("work/d19/f499"), "one\n2\nthree\n");
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}
