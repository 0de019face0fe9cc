//! What is told of a patch: the item, the summary, the errors, the command line.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::fs;
use std::path::{Path, PathBuf};

use app_server_patch::{ItemChangeKind, Patch, Verified, run_cli, verify};
use expect_test::{Expect, expect};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn parsed(operations: &str) -> Patch {
    Patch::parse(&format!("*** Begin Patch\n{operations}\n*** End Patch")).unwrap()
}

fn anonymous(text: &str, folder: &Path) -> String {
    text.replace(folder.to_str().unwrap(), "<work>")
}

/// The item's changes as lines, long texts as they are.
fn item(verified: &Verified, folder: &Path) -> String {
    let mut text = String::new();
    for change in verified.item_changes() {
        let kind = match change.kind {
            ItemChangeKind::Add => "add".to_owned(),
            ItemChangeKind::Delete => "delete".to_owned(),
            ItemChangeKind::Update { move_path: None } => "update".to_owned(),
            ItemChangeKind::Update { move_path: Some(target) } => format!("update to {}", target.display()),
        };
        text.push_str(&format!("{} {kind} {:?}\n", change.path.display(), change.diff));
    }
    anonymous(&text, folder)
}

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check_item(files: &[(&str, &str)], operations: &str, expected: Expect) {
    let folder = folder(files);
    let verified = verify(&parsed(operations), folder.path()).unwrap();
    expected.assert_eq(&item(&verified, folder.path()));
}

const ALL_KINDS: &str = "*** Add File: added.txt\n+fresh\n*** Update File: upd.txt\n@@\n a\n-b\n+B\n c\n\
                         *** Update File: mv.txt\n*** Move to: moved/mv2.txt\n@@\n-x\n+y\n*** Delete File: gone.txt";

#[test]
fn the_item_of_every_kind() {
    check_item(
        &[("upd.txt", "a\nb\nc\n"), ("mv.txt", "x\n"), ("gone.txt", "bye\n")],
        ALL_KINDS,
        expect![[r#"
            <work>/added.txt add "fresh\n"
            <work>/gone.txt delete "bye\n"
            <work>/mv.txt update to <work>/moved/mv2.txt "@@ -1 +1 @@\n-x\n+y\n\n\nMoved to: <work>/moved/mv2.txt"
            <work>/upd.txt update "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        "#]],
    );
}

#[test]
fn hunks_have_one_line_of_context_and_tell_a_missing_line_end() {
    check_item(
        &[("a", "1\n2\n3\n4\n5\n6\n7\n8\n9")],
        "*** Update File: a\n@@\n-2\n+two\n@@\n-8\n+eight\n*** Add File: b",
        expect![[r#"
            <work>/a update "@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n@@ -7,3 +7,3 @@\n 7\n-8\n-9\n\\ No newline at end of file\n+eight\n+9\n"
            <work>/b add ""
        "#]],
    );
}

#[test]
fn several_operations_on_a_file_are_one_change() {
    check_item(
        &[("a", "one\n"), ("b", "old\n"), ("c", "c\n"), ("d", "d\n")],
        "*** Update File: a\n@@\n-one\n+two\n*** Update File: a\n*** Move to: x\n@@\n-two\n+three\n\
         *** Add File: new\n+1\n*** Update File: new\n@@\n-1\n+2\n*** Add File: gone\n+1\n*** Delete File: gone\n\
         *** Delete File: b\n*** Add File: b\n+new\n*** Update File: d\n*** Move to: c\n@@\n-d\n+D",
        expect![[r#"
            <work>/a update to <work>/x "@@ -1 +1 @@\n-one\n+three\n\n\nMoved to: <work>/x"
            <work>/b update "@@ -1 +1 @@\n-old\n+new\n"
            <work>/d update to <work>/c "@@ -1 +1 @@\n-d\n+D\n\n\nMoved to: <work>/c"
            <work>/new add "2\n"
        "#]],
    );
}

#[test]
fn the_summary_and_the_paths_touched() {
    let folder = folder(&[("upd.txt", "a\nb\nc\n"), ("mv.txt", "x\n"), ("gone.txt", "bye\n")]);
    let base = folder.path().canonicalize().unwrap();
    let verified = verify(&parsed(ALL_KINDS), &base).unwrap();
    assert_eq!(
        verified.summary(),
        "Success. Updated the following files:\nA added.txt\nM upd.txt\nM moved/mv2.txt\nD gone.txt\n"
    );
    let touched: Vec<PathBuf> = ["added.txt", "gone.txt", "moved/mv2.txt", "mv.txt", "upd.txt"]
        .iter()
        .map(|name| base.join(name))
        .collect();
    assert_eq!(verified.touched(), touched.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    assert!(verify(&Patch { operations: Vec::new() }, &base).unwrap().is_empty());
}

#[test]
fn the_model_is_told_the_absolute_path() {
    let folder = folder(&[("upd.txt", "a\n")]);
    for (operations, expected) in [
        ("*** Update File: upd.txt\n@@\n-zzz\n+1", "Failed to find expected lines in <work>/upd.txt:\nzzz"),
        ("*** Update File: upd.txt\n@@ zzz\n-a", "Failed to find context 'zzz' in <work>/upd.txt"),
        (
            "*** Update File: missing.txt\n@@\n-zzz",
            "Failed to read <work>/missing.txt: No such file or directory (os error 2)",
        ),
        ("*** Delete File: ./x/../no", "Failed to read <work>/no: No such file or directory (os error 2)"),
    ] {
        let error = verify(&parsed(operations), folder.path()).unwrap_err();
        assert_eq!(anonymous(&error.to_string(), folder.path()), expected);
    }
}

#[test]
fn both_wordings_of_a_text_that_is_no_patch() {
    let check = |text: &str, printed: &str, verification: &str| {
        let error = Patch::parse(text).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.verification().as_str()), (printed, verification));
    };
    check(
        "x",
        "Invalid patch: The first line of the patch must be '*** Begin Patch'",
        "invalid patch: The first line of the patch must be '*** Begin Patch'",
    );
    check(
        "*** Begin Patch\n*** Update File: a\n@@\n*** End Patch",
        "Invalid patch hunk on line 4: Update hunk does not contain any lines",
        "invalid hunk at line 4, Update hunk does not contain any lines",
    );
}

/// Exit code, stdout and stderr of the command line.
fn cli(
    folder: &Path,
    argument: Option<&str>,
    stdin: &[u8],
    within: Option<&[PathBuf]>,
) -> (u8, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = run_cli(folder, argument, &mut { stdin }, within, &mut stdout, &mut stderr);
    (code, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_patch_may_come_from_stdin() {
    let folder = folder(&[]);
    let patch = "*** Begin Patch\n*** Add File: a\n+1\n*** End Patch\n";
    let outcome = cli(folder.path(), None, patch.as_bytes(), None);
    assert_eq!(outcome, (0, "Success. Updated the following files:\nA a\n".to_owned(), String::new()));
    let usage = "Usage: apply_patch 'PATCH'\n       echo 'PATCH' | apply_patch\n".to_owned();
    assert_eq!(cli(folder.path(), None, b"", None), (2, String::new(), usage));
    let unreadable =
        "Error: Failed to read PATCH from stdin.\nstream did not contain valid UTF-8\n".to_owned();
    assert_eq!(cli(folder.path(), None, b"\xff", None), (1, String::new(), unreadable));
}

#[test]
fn the_command_line_keeps_within_its_folders_too() {
    let folder = folder(&[]);
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let patch = "*** Begin Patch\n*** Add File: ../a\n+1\n*** End Patch";
    let refused = "Failed to write file ../a: outside of the writable folders\n".to_owned();
    let outcome = cli(&inner, Some(patch), b"", Some(std::slice::from_ref(&inner)));
    assert_eq!(outcome, (1, String::new(), refused));
    assert!(!folder.path().join("a").exists());
}
