//! Searches over real folders: what is found, in which order, and that it is what is there now.

#![allow(clippy::unwrap_used, reason = "a helper that panics fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use app_server_file_search::{Hit, Index, Kind, Stop};
use pretty_assertions::assert_eq;
use proptest::prelude::*;
use tempfile::TempDir;

struct Tree(TempDir);

impl Tree {
    fn new(files: &[&str]) -> Self {
        let tree = Self(TempDir::with_prefix("file-search-").unwrap());
        files.iter().for_each(|file| tree.write(file, ""));
        tree
    }

    fn path(&self) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn index(&self) -> Index {
        Index::new([("root".to_owned(), self.path())])
    }

    fn find(&self, query: &str) -> Vec<String> {
        find(&mut self.index(), query)
    }
}

fn refreshed(index: &mut Index) -> &Index {
    index.refresh(&Stop::default(), &mut |_| {});
    index
}

fn hits(index: &mut Index, query: &str) -> Vec<Hit> {
    refreshed(index).search(query, 50, &Stop::default())
}

fn find(index: &mut Index, query: &str) -> Vec<String> {
    hits(index, query).into_iter().map(|hit| hit.path).collect()
}

/// Every path that there is, found by a query that rules nothing out.
fn all(index: &mut Index) -> BTreeSet<String> {
    let hits = refreshed(index).search("!\u{1}", usize::MAX, &Stop::default());
    hits.into_iter().map(|hit| hit.path).collect()
}

/// Queries, and score, path and indices of what is found.
const GOLDEN: &[(&str, &str)] = &[
    (
        "main",
        "196717 main [0, 1, 2, 3]; 65645 .hidden/main.cfg [8, 9, 10, 11]; 65645 Main.java [0, 1, 2, 3]; \
      65645 docs/maintenance.md [5, 6, 7, 8]; 65645 mAiN.txt [0, 1, 2, 3]; 65645 main.rs [0, 1, 2, 3]; \
      65645 src/bin/main_tool.rs [8, 9, 10, 11]; 65645 src/main.rs [4, 5, 6, 7]; 65645 ünï/mäin.rs [4, 5, 6, 7]; \
      65640 x/y/z/deep_main_file.txt [11, 12, 13, 14]; 65613 amazing_indigo.txt [1, 2, 8, 9]; \
      109 maindir/ [0, 1, 2, 3]; 109 maindir/other.txt [0, 1, 2, 3]; 109 other/maindir/ [6, 7, 8, 9]; \
      109 other/maindir/z.txt [6, 7, 8, 9]; 100 m/a/i/n [0, 2, 4, 6]",
    ),
    (
        "mainrs",
        "65690 main.rs [0, 1, 2, 3, 5, 6]; 65690 src/main.rs [4, 5, 6, 7, 9, 10]; \
      65690 ünï/mäin.rs [4, 5, 6, 7, 9, 10]; 65685 src/bin/main_tool.rs [8, 9, 10, 11, 18, 19]",
    ),
    (
        "Main.RS",
        "196792 main.rs [0, 1, 2, 3, 4, 5, 6]; 196792 src/main.rs [4, 5, 6, 7, 8, 9, 10]; \
      196792 ünï/mäin.rs [4, 5, 6, 7, 8, 9, 10]; 65710 src/bin/main_tool.rs [8, 9, 10, 11, 17, 18, 19]",
    ),
    (
        "main rs",
        "165 main.rs [0, 1, 2, 3, 5, 6]; 165 src/bin/main_tool.rs [8, 9, 10, 11, 18, 19]; \
      165 src/main.rs [4, 5, 6, 7, 9, 10]; 165 ünï/mäin.rs [4, 5, 6, 7, 9, 10]",
    ),
    (
        "src/main",
        "209 src/main.rs [0, 1, 2, 3, 4, 5, 6, 7]; 203 src/bin/main_tool.rs [0, 1, 2, 3, 8, 9, 10, 11]",
    ),
    (
        "maindir",
        "131256 maindir/ [0, 1, 2, 3, 4, 5, 6]; 184 maindir/other.txt [0, 1, 2, 3, 4, 5, 6]; \
      184 other/maindir/ [6, 7, 8, 9, 10, 11, 12]; 184 other/maindir/z.txt [6, 7, 8, 9, 10, 11, 12]",
    ),
    ("mäin", "65645 ünï/mäin.rs [4, 5, 6, 7]"),
    (
        "^src",
        "84 src/ [0, 1, 2]; 84 src/bin/ [0, 1, 2]; 84 src/bin/main_tool.rs [0, 1, 2]; \
      84 src/lib.rs [0, 1, 2]; 84 src/main.rs [0, 1, 2]",
    ),
    (
        "fbb",
        "65608 foo_bar_baz.ts [0, 4, 8]; 65604 FooBarBaz.ts [0, 3, 6]; 58 foobarbaz/ [0, 3, 6]; \
      58 foobarbaz/index.ts [0, 3, 6]",
    ),
    (
        "app server",
        "243 app-server/docs/server_app.md [0, 1, 2, 16, 17, 18, 19, 20, 21]; \
      236 App_Server [0, 1, 2, 4, 5, 6, 7, 8, 9]; 236 app-server/ [0, 1, 2, 4, 5, 6, 7, 8, 9]; \
      236 app-server/docs/ [0, 1, 2, 4, 5, 6, 7, 8, 9]",
    ),
    (
        "docs",
        "131181 docs/ [0, 1, 2, 3]; 109 app-server/docs/ [11, 12, 13, 14]; \
      109 app-server/docs/server_app.md [11, 12, 13, 14]; 109 docs/maintenance.md [0, 1, 2, 3]",
    ),
    (
        "main !tool",
        "109 .hidden/main.cfg [8, 9, 10, 11]; 109 Main.java [0, 1, 2, 3]; 109 docs/maintenance.md [5, 6, 7, 8]; \
      109 mAiN.txt [0, 1, 2, 3]; 109 main [0, 1, 2, 3]; 109 main.rs [0, 1, 2, 3]; 109 maindir/ [0, 1, 2, 3]; \
      109 maindir/other.txt [0, 1, 2, 3]; 109 other/maindir/ [6, 7, 8, 9]; 109 other/maindir/z.txt [6, 7, 8, 9]; \
      109 src/main.rs [4, 5, 6, 7]; 109 ünï/mäin.rs [4, 5, 6, 7]; 104 x/y/z/deep_main_file.txt [11, 12, 13, 14]; \
      100 m/a/i/n [0, 2, 4, 6]; 77 amazing_indigo.txt [1, 2, 8, 9]",
    ),
    ("zz", ""),
    ("", ""),
    ("  ", ""),
];

/// Scores, paths and indices as today's reference gives them for the same tree.
#[test]
fn scores_are_those_of_the_reference() {
    let tree = Tree::new(&[
        "main",
        "main.rs",
        "Main.java",
        "mAiN.txt",
        "README.md",
        ".hidden/main.cfg",
        "amazing_indigo.txt",
        "docs/maintenance.md",
        "app-server/docs/server_app.md",
        "App_Server",
        "src/main.rs",
        "src/lib.rs",
        "src/bin/main_tool.rs",
        "x/y/z/deep_main_file.txt",
        "m/a/i/n",
        "ünï/mäin.rs",
        "maindir/other.txt",
        "other/maindir/z.txt",
        "FooBarBaz.ts",
        "foo_bar_baz.ts",
        "foobarbaz/index.ts",
    ]);
    let mut index = tree.index();
    for (query, expected) in GOLDEN {
        let found: Vec<_> = hits(&mut index, query)
            .into_iter()
            .map(|Hit { path, kind, score, indices, .. }| {
                let slash = if kind == Kind::Directory { "/" } else { "" };
                format!("{score} {path}{slash} {indices:?}")
            })
            .collect();
        assert_eq!(found.join("; "), *expected, "{query}");
    }
}

#[test]
fn the_best_are_kept_and_those_as_good_come_in_their_order() {
    let names: Vec<_> = (0..6000).map(|number| format!("d{}/file{number:04}.txt", number % 7)).collect();
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut index = tree.index();
    let found = refreshed(&mut index).search("txt", 50, &Stop::default());
    let mut expected = names.clone();
    expected.sort();
    let found: Vec<_> = found.into_iter().map(|hit| hit.path).collect();
    assert_eq!(found, expected[..50]);
    assert_eq!(find(&mut index, "file5999.txt").first(), Some(&names[5999]));
    assert_eq!(index.len(), 6007);
}

#[test]
fn what_is_ignored_is_not_found() {
    let tree = Tree::new(&["repo/kept", "repo/sub/kept", "plain/build/kept", ".hidden/kept"]);
    fs::create_dir_all(tree.path().join("repo/.git/info")).unwrap();
    tree.write("repo/.git/kept", "");
    tree.write("repo/.git/info/exclude", "*.excluded\n");
    tree.write("repo/.gitignore", "build/\n*.log\n");
    tree.write("repo/sub/.gitignore", "!wanted.log\n");
    for file in ["repo/build/x", "repo/a.log", "repo/sub/wanted.log", "repo/b.excluded"] {
        tree.write(file, "");
    }
    tree.write("plain/.gitignore", "build/\n");
    tree.write("plain/.ignore", "secret\n");
    tree.write("plain/secret", "");
    assert_eq!(
        tree.find("kept"),
        [".hidden/kept", "plain/build/kept", "repo/kept", "repo/sub/kept"],
        "without a repository .gitignore does not hold"
    );
    assert_eq!(tree.find("log"), ["repo/sub/wanted.log"]);
    assert_eq!(tree.find("secret"), [""; 0]);
    assert_eq!(tree.find("excluded"), [""; 0]);
    let mut inner = Index::new([("sub".to_owned(), tree.path().join("repo/sub"))]);
    tree.write("repo/sub/c.log", "");
    assert_eq!(find(&mut inner, "log"), ["wanted.log"], "rules above the root hold");
}

#[test]
fn the_next_search_finds_what_has_changed_since() {
    let tree = Tree::new(&["src/main.rs", "src/deep/er/mod.rs", "docs/a.md"]);
    fs::create_dir(tree.path().join(".git")).unwrap();
    let mut index = tree.index();
    assert_eq!(find(&mut index, "rs"), ["src/deep/er/mod.rs", "src/main.rs"]);
    tree.write("src/new.rs", "");
    tree.write("made/and/filled/at/once.rs", "");
    assert_eq!(find(&mut index, ".rs").len(), 4);
    fs::remove_file(tree.path().join("src/main.rs")).unwrap();
    fs::rename(tree.path().join("src/deep"), tree.path().join("docs/moved")).unwrap();
    assert_eq!(find(&mut index, ".rs"), ["docs/moved/er/mod.rs", "made/and/filled/at/once.rs", "src/new.rs"]);
    tree.write(".gitignore", "made/\n");
    assert_eq!(find(&mut index, ".rs"), ["docs/moved/er/mod.rs", "src/new.rs"]);
    tree.write(".gitignore", "made/\nsrc/\n");
    assert_eq!(find(&mut index, ".rs"), ["docs/moved/er/mod.rs"], "rules that are written in place count");
    fs::remove_file(tree.path().join(".gitignore")).unwrap();
    assert_eq!(find(&mut index, ".rs").len(), 3);
    fs::remove_dir_all(tree.path().join("made")).unwrap();
    tree.write("made", "now a file");
    assert_eq!(find(&mut index, "made"), ["made"]);
    fs::remove_dir_all(tree.path()).unwrap();
    assert_eq!(find(&mut index, "made"), [""; 0]);
    assert!(index.is_empty());
    fs::create_dir(tree.0.path()).unwrap();
    tree.write("made", "again");
    assert_eq!(find(&mut index, "made"), ["made"]);
}

#[test]
fn links_are_followed_within_the_root_and_never_round_in_circles() {
    let tree = Tree::new(&["src/main.rs", "a/x"]);
    let outside = Tree::new(&["main_outside.rs"]);
    symlink(tree.path().join("src"), tree.path().join("link")).unwrap();
    symlink("..", tree.path().join("a/up")).unwrap();
    symlink("self", tree.path().join("self")).unwrap();
    symlink(outside.path(), tree.path().join("out")).unwrap();
    symlink(outside.path().join("main_outside.rs"), tree.path().join("main_link.rs")).unwrap();
    symlink("nowhere", tree.path().join("main_broken")).unwrap();
    let mut index = tree.index();
    assert_eq!(find(&mut index, "main"), ["link/main.rs", "main_link.rs", "src/main.rs"]);
    fs::remove_file(tree.path().join("link")).unwrap();
    symlink("a", tree.path().join("link")).unwrap();
    assert_eq!(find(&mut index, "main"), ["main_link.rs", "src/main.rs"]);
    assert_eq!(find(&mut index, "x"), ["a/x", "link/x"]);
}

#[test]
fn names_that_are_not_text_are_found_by_the_rest() {
    let tree = Tree::new(&[]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(tree.path().join(name)).unwrap();
    fs::write(tree.path().join(name).join("menu"), "").unwrap();
    assert_eq!(tree.find("menu"), ["caf\u{fffd}/menu"]);
}

#[test]
fn roots_within_each_other_are_searched_once() {
    let tree = Tree::new(&["src/lib.rs", "src/in/lib.rs", "other/lib.rs"]);
    let root = |name: &str, path: &str| (name.to_owned(), tree.path().join(path));
    let mut index = Index::new([
        root("all", ""),
        root("src", "src"),
        root("again", "other/.."),
        root("none", "missing"),
        root("file", "other/lib.rs"),
    ]);
    let found: Vec<_> = hits(&mut index, "lib.rs").into_iter().map(|hit| (hit.root, hit.path)).collect();
    let hit = |root: &str, path: &str| (root.to_owned(), path.to_owned());
    assert_eq!(found, [hit("src", "in/lib.rs"), hit("src", "lib.rs"), hit("all", "other/lib.rs")]);
    assert_eq!(hits(&mut index, "lib.rs")[0].file_name(), "lib.rs");
}

#[test]
fn stopped_work_ends_with_what_it_has_and_is_taken_up_again() {
    let names: Vec<_> = (0..3000).map(|number| format!("d{}/f{number}", number % 100)).collect();
    let tree = Tree::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut index = tree.index();
    let stop = Stop::default();
    stop.stop();
    index.refresh(&stop, &mut |_| {});
    assert!(index.search("f", 50, &stop).is_empty());
    assert_eq!(find(&mut index, "f2999"), ["d99/f2999"]);
}

/// One thing that is done to a tree.
#[derive(Debug, Clone)]
enum Step {
    Write(String),
    Remove(String),
    Rename(String, String),
    Ignore(String, String),
    Link(String, String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let path = proptest::collection::vec("[abc]", 1..4).prop_map(|names| names.join("/"));
    let step = prop_oneof![
        4 => path.clone().prop_map(Step::Write),
        2 => path.clone().prop_map(Step::Remove),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (path.clone(), "[abc]").prop_map(|(folder, rule)| Step::Ignore(folder, rule)),
        1 => (path.clone(), path).prop_map(|(to, at)| Step::Link(to, at)),
    ];
    proptest::collection::vec(step, 1..12)
}

/// What cannot be done is left out: it is the same for both indexes.
fn act(root: &Path, step: &Step) {
    let make = |path: &Path| fs::create_dir_all(path.parent().unwrap());
    let _ = match step {
        Step::Write(path) => make(&root.join(path)).and_then(|()| fs::write(root.join(path), "")),
        Step::Remove(path) => {
            fs::remove_file(root.join(path)).or_else(|_| fs::remove_dir_all(root.join(path)))
        }
        Step::Rename(from, to) => {
            make(&root.join(to)).and_then(|()| fs::rename(root.join(from), root.join(to)))
        }
        Step::Ignore(folder, rule) => fs::write(root.join(folder).join(".ignore"), rule),
        Step::Link(to, at) => make(&root.join(at)).and_then(|()| symlink(root.join(to), root.join(at))),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_that_is_kept_equals_a_fresh_one(rounds in proptest::collection::vec(steps(), 1..6)) {
        let tree = Tree::new(&["a/b/c", "b", "c/a"]);
        let mut kept = tree.index();
        for steps in rounds {
            steps.iter().for_each(|step| act(&tree.path(), step));
            prop_assert_eq!(all(&mut kept), all(&mut tree.index()), "{:?}", steps);
            prop_assert_eq!(kept.len(), tree.index_len());
        }
    }
}

impl Tree {
    fn index_len(&self) -> usize {
        let mut index = self.index();
        refreshed(&mut index).len()
    }
}
