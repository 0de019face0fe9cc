//! Where skills are found, and what is not read; the expectations about names, nesting and order were observed on the
//! reference of level 0.169.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use app_server_skills::{Catalogue, Links, Root, Scope};
use expect_test::{Expect, expect};

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn skill(&self, folder: &str, name: &str) {
        self.write(
            &format!("{folder}/SKILL.md"),
            &format!("---\nname: {name}\ndescription: d\n---\nText.\n"),
        );
    }

    fn root(&self, name: &str, scope: Scope) -> Root {
        let links = match scope {
            Scope::Repo => Links::Within(self.path("work")),
            Scope::System => Links::Ignore,
            Scope::User | Scope::Admin => Links::Follow,
        };
        Root { path: self.path(name), scope, links }
    }

    fn check(&self, roots: &[(&str, Scope)], expected: &Expect) {
        let roots: Vec<Root> = roots.iter().map(|(name, scope)| self.root(name, *scope)).collect();
        let catalogue = Catalogue::read(&roots);
        let mut shown = String::new();
        for skill in &catalogue.skills {
            shown.push_str(&format!("{:?} {} {}\n", skill.scope, skill.name, skill.path.display()));
        }
        for problem in &catalogue.problems {
            shown.push_str(&format!("{}: {}\n", problem.path.display(), problem.message));
        }
        expected.assert_eq(
            &shown.replace(&format!("{}/", self.path("").to_string_lossy().trim_end_matches('/')), ""),
        );
    }
}

#[test]
fn scopes_names_and_nesting() {
    let files = Files::new();
    files.skill("work/.codex/skills/demo", "demo");
    files.skill("work/.codex/skills/demo/inner", "inner");
    files.skill("work/.codex/skills/.hidden/x", "hidden");
    files.skill("work/.codex/skills/a/b/c/d/e/f", "six");
    files.skill("work/.codex/skills/a/b/c/d/e/f/g", "seven");
    files.write("work/.codex/skills/unnamed/SKILL.md", "---\ndescription: d\n---\n");
    files.write("work/.codex/skills/bad/SKILL.md", "no front matter");
    files.skill("work/sub/.agents/skills/demo", "demo");
    files.skill("home/skills/mine", "mine");
    files.skill("home/skills/Beta", "Beta");
    files.skill("extra/third", "third");
    files.check(
        &[
            ("work/.codex/skills", Scope::Repo),
            ("work/sub/.agents/skills", Scope::Repo),
            ("work/sub/.codex/skills", Scope::Repo),
            ("home/skills", Scope::User),
            ("extra", Scope::User),
        ],
        &expect![[r#"
            Repo demo work/.codex/skills/demo/SKILL.md
            Repo demo work/sub/.agents/skills/demo/SKILL.md
            Repo inner work/.codex/skills/demo/inner/SKILL.md
            Repo six work/.codex/skills/a/b/c/d/e/f/SKILL.md
            Repo unnamed work/.codex/skills/unnamed/SKILL.md
            User Beta home/skills/Beta/SKILL.md
            User mine home/skills/mine/SKILL.md
            User third extra/third/SKILL.md
            work/.codex/skills/bad/SKILL.md: missing YAML frontmatter delimited by ---
        "#]],
    );
}

#[test]
fn a_skill_reached_in_two_ways_counts_once() {
    let files = Files::new();
    files.skill("work/.codex/skills/demo", "demo");
    symlink(files.path("work/.codex/skills/demo"), files.path("work/.codex/skills/again")).unwrap();
    symlink(files.path("work/.codex/skills"), files.path("work/.codex/skills/demo/round")).unwrap();
    files.check(
        &[("work/.codex/skills", Scope::Repo), ("work/.codex/skills/demo", Scope::User)],
        &expect![[r#"
            Repo demo work/.codex/skills/demo/SKILL.md
        "#]],
    );
}

#[test]
fn a_link_out_of_the_repository_is_not_read() {
    let files = Files::new();
    files.skill("out", "out");
    files.write("secret.md", "---\nname: secret\ndescription: the first line of a key\n---\n");
    fs::create_dir_all(files.path("work/.codex/skills/file")).unwrap();
    symlink(files.path("out"), files.path("work/.codex/skills/folder")).unwrap();
    symlink(files.path("secret.md"), files.path("work/.codex/skills/file/SKILL.md")).unwrap();
    fs::create_dir_all(files.path("work/.agents")).unwrap();
    symlink(files.path("out"), files.path("work/.agents/skills")).unwrap();
    files.skill("work/shared/fine", "fine");
    symlink(files.path("work/shared"), files.path("work/.codex/skills/inside")).unwrap();
    // The user's own folders may hold links to anywhere.
    fs::create_dir_all(files.path("home/skills")).unwrap();
    symlink(files.path("out"), files.path("home/skills/linked")).unwrap();
    files.check(
        &[
            ("work/.codex/skills", Scope::Repo),
            ("work/.agents/skills", Scope::Repo),
            ("home/skills", Scope::User),
        ],
        &expect![[r#"
            Repo fine work/shared/fine/SKILL.md
            User out out/SKILL.md
            work/.codex/skills/folder: is not read: it leads out of work
            work/.codex/skills/file/SKILL.md: is not read: it leads out of work
            work/.agents/skills: is not read: it leads out of work
        "#]],
    );
    files.check(&[("home/skills", Scope::System)], &expect![""]);
}

#[test]
fn pipes_and_large_files_are_not_read() {
    let files = Files::new();
    fs::create_dir_all(files.path("home/skills/pipe")).unwrap();
    let made =
        std::process::Command::new("mkfifo").arg(files.path("home/skills/pipe/SKILL.md")).status().unwrap();
    assert!(made.success());
    let large = format!("---\nname: large\ndescription: d\n---\n{}", "x".repeat(1024 * 1024));
    files.write("home/skills/large/SKILL.md", &large);
    fs::create_dir_all(files.path("home/skills/device")).unwrap();
    symlink("/dev/zero", files.path("home/skills/device/SKILL.md")).unwrap();
    files.check(
        &[("home/skills", Scope::User)],
        &expect![[r#"
            home/skills/device/SKILL.md: is not a file of at most 1048576 bytes
            home/skills/large/SKILL.md: is not a file of at most 1048576 bytes
            home/skills/pipe/SKILL.md: is not a file of at most 1048576 bytes
        "#]],
    );
}

#[test]
fn a_root_with_many_folders_is_bounded() {
    let files = Files::new();
    for folder in 0..2_100 {
        fs::create_dir_all(files.path(&format!("home/skills/{folder:04}"))).unwrap();
    }
    files.skill("home/skills/0000", "first");
    files.check(
        &[("home/skills", Scope::User)],
        &expect![[r#"
            User first home/skills/0000/SKILL.md
            home/skills: holds more than 2000 folders; the rest was not looked at
        "#]],
    );
}

#[test]
fn what_a_skill_says_of_its_looks() {
    let files = Files::new();
    files.skill("home/skills/nice", "nice");
    files.write(
        "home/skills/nice/agents/openai.yaml",
        "interface:\n  display_name: Nice\n  icon_small: ./assets/a.svg\n  icon_large: ../../b.png\ndependencies:\n  tools:\n    - type: env_var\n      value: KEY\n",
    );
    files.skill("home/skills/odd", "odd");
    files.write("home/skills/odd/agents/openai.yaml", "interface: [1, 2");
    let catalogue = Catalogue::read(&[files.root("home/skills", Scope::User)]);
    let nice = &catalogue.skills[0];
    let interface = nice.interface.clone().unwrap();
    assert_eq!(interface.display_name.as_deref(), Some("Nice"));
    assert_eq!(interface.icon_small, Some(files.path("home/skills/nice/assets/a.svg")));
    assert_eq!(interface.icon_large, None);
    assert_eq!(nice.dependencies[0].value, "KEY");
    assert_eq!(catalogue.skills[1].interface, None);
    assert!(catalogue.problems.is_empty());
}

/// Waits until what was just written is old enough to be told from what comes.
fn settled(files: &Files, roots: &[Root]) -> Catalogue {
    let begun = Instant::now();
    loop {
        let catalogue = Catalogue::read(roots);
        if catalogue.is_current() {
            return catalogue;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?} never settles", files.0.path());
        std::thread::yield_now();
    }
}

#[test]
fn changes_are_noticed() {
    let files = Files::new();
    files.skill("home/skills/a", "a");
    let roots = [files.root("home/skills", Scope::User), files.root("extra", Scope::User)];
    let changes: [(&str, &dyn Fn()); 6] = [
        ("new skill", &|| files.skill("home/skills/b", "b")),
        ("text", &|| files.skill("home/skills/a", "c")),
        ("looks", &|| files.write("home/skills/a/agents/openai.yaml", "interface: {}")),
        ("removed", &|| fs::remove_dir_all(files.path("home/skills/b")).unwrap()),
        ("renamed", &|| fs::rename(files.path("home/skills/a"), files.path("home/skills/z")).unwrap()),
        ("new root", &|| files.skill("extra/x", "x")),
    ];
    for (what, change) in changes {
        let catalogue = settled(&files, &roots);
        change();
        assert!(!catalogue.is_current(), "{what}");
    }
}
