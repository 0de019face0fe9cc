//! Whole-turn differences, compared letter by letter.

use expect_test::{Expect, expect};

use super::*;
use crate::parse::Patch;
use crate::verify::verify;

struct Turn {
    folder: tempfile::TempDir,
    diff: TurnDiff,
}

impl Turn {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), text).unwrap();
        }
        let diff = TurnDiff::new(folder.path());
        Self { folder, diff }
    }

    fn patch(&mut self, operations: &str) {
        let patch = Patch::parse(&format!("*** Begin Patch\n{operations}\n*** End Patch")).unwrap();
        let verified = verify(&patch, self.folder.path()).unwrap();
        self.diff.about_to_change(&verified);
        verified.commit(None).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
    fn check(&mut self, expected: Expect) {
        expected.assert_eq(&self.diff.text());
    }
}

#[test]
fn every_kind_of_change() {
    let mut turn = Turn::new(&[("upd.txt", "a\nb\nc\n"), ("mv.txt", "x\n"), ("gone.txt", "bye\n")]);
    assert_eq!(turn.diff.changed_text(), None);
    turn.patch(
        "*** Add File: added.txt\n+fresh\n*** Update File: upd.txt\n@@\n a\n-b\n+B\n c\n\
         *** Update File: mv.txt\n*** Move to: moved/mv2.txt\n@@\n-x\n+y\n*** Delete File: gone.txt",
    );
    turn.check(expect![[r#"
        diff --git a/added.txt b/added.txt
        new file mode 100644
        index 0000000000000000000000000000000000000000..92d5444121bba43a7654dcfb037c209cb2a5d403
        --- /dev/null
        +++ b/added.txt
        @@ -0,0 +1 @@
        +fresh
        diff --git a/gone.txt b/gone.txt
        deleted file mode 100644
        index b023018cabc396e7692c70bbf5784a93d3f738ab..0000000000000000000000000000000000000000
        --- a/gone.txt
        +++ /dev/null
        @@ -1 +0,0 @@
        -bye
        diff --git a/mv.txt b/moved/mv2.txt
        index 587be6b4c3f93f93c489c0111bba5596147a26cb..975fbec8256d3e8a3797e7a3611380f27c49f4ac
        --- a/mv.txt
        +++ b/moved/mv2.txt
        @@ -1 +1 @@
        -x
        +y
        diff --git a/upd.txt b/upd.txt
        index de980441c3ab03a8c07dda1ad27b8a11f39deb1e..7be73ce3c1b1cdaea86e8168dfee8575175953bf
        --- a/upd.txt
        +++ b/upd.txt
        @@ -1,3 +1,3 @@
         a
        -b
        +B
         c
    "#]]);
    assert!(turn.diff.changed_text().is_some());
    assert_eq!(turn.diff.changed_text(), None, "told once");
}

#[test]
fn what_commands_do_to_a_touched_file_is_seen_and_what_is_undone_vanishes() {
    let mut turn = Turn::new(&[("a.txt", "one\n")]);
    turn.patch("*** Update File: a.txt\n@@\n-one\n+two");
    turn.diff.changed_text().unwrap();
    fs::write(turn.path("a.txt"), "three\n").unwrap();
    turn.check(expect![[r#"
        diff --git a/a.txt b/a.txt
        index 5626abf0f72e58d7a153368ba57db4c673c0e171..2bdf67abb163a4ffb2d7f3f0880c9fe5068ce782
        --- a/a.txt
        +++ b/a.txt
        @@ -1 +1 @@
        -one
        +three
    "#]]);
    fs::write(turn.path("a.txt"), "one\n").unwrap();
    assert_eq!(turn.diff.changed_text().as_deref(), Some(""));
}

#[test]
fn a_chain_of_moves_is_one_move() {
    let mut turn = Turn::new(&[("a", "one\n")]);
    turn.patch("*** Update File: a\n*** Move to: b\n@@\n-one\n+two");
    turn.patch("*** Update File: b\n*** Move to: c\n@@\n-two\n+one");
    turn.check(expect![[r#"
        diff --git a/a b/c
        similarity index 100%
        rename from a
        rename to c
    "#]]);
    turn.patch("*** Update File: c\n*** Move to: a\n@@\n one");
    turn.check(expect![""]);
}

#[test]
fn a_move_over_a_file_shows_both() {
    let mut turn = Turn::new(&[("a", "one\n"), ("b", "old\n")]);
    turn.patch("*** Update File: a\n*** Move to: b\n@@\n one");
    turn.check(expect![[r#"
        diff --git a/a b/a
        deleted file mode 100644
        index 5626abf0f72e58d7a153368ba57db4c673c0e171..0000000000000000000000000000000000000000
        --- a/a
        +++ /dev/null
        @@ -1 +0,0 @@
        -one
        diff --git a/b b/b
        index 3367afdbbf91e638efe983616377c60477cc6612..5626abf0f72e58d7a153368ba57db4c673c0e171
        --- a/b
        +++ b/b
        @@ -1 +1 @@
        -old
        +one
    "#]]);
}

#[test]
fn a_patch_that_was_not_written_leaves_no_trace() {
    let mut turn = Turn::new(&[("a", "one\n")]);
    let patch =
        Patch::parse("*** Begin Patch\n*** Update File: a\n*** Move to: b\n@@\n-one\n+x\n*** End Patch");
    let verified = verify(&patch.unwrap(), turn.folder.path()).unwrap();
    turn.diff.about_to_change(&verified);
    assert_eq!(turn.diff.changed_text(), None);
}

#[test]
fn names_are_relative_to_the_git_root_and_quoted() {
    let mut turn = Turn::new(&[(".git/HEAD", ""), ("sub/a", "")]);
    turn.diff = TurnDiff::new(&turn.path("sub"));
    turn.patch("*** Add File: sub/t\tab\"\n+x");
    turn.check(expect![[r#"
        diff --git "a/sub/t\tab\"" "b/sub/t\tab\""
        new file mode 100644
        index 0000000000000000000000000000000000000000..587be6b4c3f93f93c489c0111bba5596147a26cb
        --- /dev/null
        +++ "b/sub/t\tab\""
        @@ -0,0 +1 @@
        +x
    "#]]);
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().canonicalize().unwrap().join("x");
    turn.patch(&format!("*** Add File: {}\n+x", file.display()));
    let header = format!("diff --git a{0} b{0}\n", file.display());
    assert!(turn.diff.text().contains(&header), "{}", turn.diff.text());
}

#[test]
fn binary_empty_and_executable_files() {
    let mut turn = Turn::new(&[("run.sh", "echo\n"), ("bin", "text\n")]);
    turn.patch("*** Add File: empty\n*** Update File: run.sh\n@@\n-echo\n+echo 1\n*** Update File: bin\n@@\n text\n+more");
    fs::write(turn.path("bin"), b"\xff\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(turn.path("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    }
    turn.check(expect![[r#"
        diff --git a/bin b/bin
        index 8e27be7d6154a1f68ea9160ef0e18691d20560dc..29e181ebb88626236ef10f2af5bc94781c8061f1
        --- a/bin
        +++ b/bin
        Binary files differ
        diff --git a/empty b/empty
        new file mode 100644
        index 0000000000000000000000000000000000000000..e69de29bb2d1d6434b8b29ae775ad8c2e48c5391
        diff --git a/run.sh b/run.sh
        old mode 100644
        new mode 100755
        index fa11a6a9c54797a8f68963af8ffc4d92bbffc660..c3e9e049287befed8405d9816ed6e1ec4e3a1641
        --- a/run.sh
        +++ b/run.sh
        @@ -1 +1 @@
        -echo
        +echo 1
    "#]]);
}
