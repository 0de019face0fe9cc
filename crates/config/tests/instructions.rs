//! AGENTS.md discovery; every expectation was observed on both references.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_config::overrides::parse_override;
use app_server_config::{ConfigLoader, Environment, LoadRequest, ProjectDocs, project_docs};
use pretty_assertions::assert_eq;

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        for dir in ["home", "work/a/b"] {
            fs::create_dir_all(this.path(dir)).unwrap();
        }
        for (name, bytes) in files {
            let path = this.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn docs(&self, cwd: &str, flags: &[&str]) -> ProjectDocs {
        let environment = Arc::new(Environment::from_pairs([("PWD", "/")]));
        let flags = flags.iter().map(|flag| parse_override(flag).unwrap()).collect();
        let config = ConfigLoader::new(environment, self.path("home"), flags)
            .with_system_folder(self.path("etc"))
            .load(&LoadRequest::default())
            .unwrap();
        project_docs(&self.path("home"), &self.path(cwd), &config)
    }

    fn sources(&self, docs: &ProjectDocs) -> Vec<String> {
        let relative =
            |path: &PathBuf| path.strip_prefix(self.0.path()).map(Path::display).unwrap().to_string();
        docs.sources.iter().map(relative).collect()
    }
}

#[test]
fn home_then_root_to_cwd() {
    let files = Files::new(&[
        ("home/AGENTS.override.md", b"  \n"),
        ("home/AGENTS.md", b"\n  global text \n\n"),
        ("AGENTS.md", b"above the repository"),
        ("work/.git/HEAD", b"x"),
        ("work/AGENTS.md", b"  root text\n\n"),
        ("work/a/AGENTS.md", b"   \n"),
        ("work/a/b/AGENTS.md", b"hidden by the override"),
        ("work/a/b/AGENTS.override.md", b"override \xff text\n"),
    ]);
    let docs = files.docs("work/a/b", &[]);
    assert_eq!(
        docs.text.as_deref(),
        Some("global text\n\n--- project-doc ---\n\n  root text\n\n\n\noverride \u{fffd} text\n")
    );
    assert_eq!(files.sources(&docs), ["home/AGENTS.md", "work/AGENTS.md", "work/a/b/AGENTS.override.md"]);
}

#[test]
fn one_side_alone_has_no_separator() {
    let files = Files::new(&[("work/.git", b""), ("work/AGENTS.md", b"project")]);
    assert_eq!(files.docs("work", &[]).text.as_deref(), Some("project"));
    let files = Files::new(&[("home/AGENTS.md", b"own")]);
    assert_eq!(files.docs("work", &[]).text.as_deref(), Some("own"));
    assert_eq!(Files::new(&[]).docs("work", &[]), ProjectDocs::default());
}

#[test]
fn a_file_of_40_000_bytes_is_cut() {
    let files = Files::new(&[("work/.git/HEAD", b""), ("work/AGENTS.md", &[b'A'; 40_000])]);
    let docs = files.docs("work", &[]);
    assert_eq!(docs.text.map(|text| text.len()), Some(32_768));
}

#[test]
fn the_budget_is_shared_and_the_rest_skipped() {
    let files = Files::new(&[
        ("home/AGENTS.md", &[b'G'; 50_000]),
        ("work/.git/HEAD", b""),
        ("work/AGENTS.md", &[b'A'; 20_000]),
        ("work/a/AGENTS.md", &[b'B'; 20_000]),
        ("work/a/b/AGENTS.md", b"CCC"),
    ]);
    let docs = files.docs("work/a/b", &[]);
    let text = docs.text.clone().unwrap();
    let count = |letter| text.matches(letter).count();
    assert_eq!((count('G'), count('A'), count('B'), count('C')), (50_000, 20_000, 12_768, 0));
    assert_eq!(files.sources(&docs), ["home/AGENTS.md", "work/AGENTS.md", "work/a/AGENTS.md"]);
}

#[test]
fn blank_files_cost_nothing() {
    let files = Files::new(&[
        ("work/.git/HEAD", b""),
        ("work/AGENTS.md", &[b' '; 40_000]),
        ("work/a/AGENTS.md", b"BBB"),
    ]);
    let docs = files.docs("work/a", &[]);
    assert_eq!(docs.text.as_deref(), Some("BBB"));
    assert_eq!(files.sources(&docs), ["work/a/AGENTS.md"]);
}

#[test]
fn zero_budget_leaves_the_home_file() {
    let files = Files::new(&[("home/AGENTS.md", b"own"), ("work/AGENTS.md", b"project")]);
    let docs = files.docs("work", &["project_doc_max_bytes=0"]);
    assert_eq!(docs.text.as_deref(), Some("own"));
    assert_eq!(files.sources(&docs), ["home/AGENTS.md"]);
}

#[test]
fn the_cut_may_split_a_character() {
    let files = Files::new(&[("work/AGENTS.md", "xxéé".as_bytes())]);
    assert_eq!(files.docs("work", &["project_doc_max_bytes=5"]).text.as_deref(), Some("xxé\u{fffd}"));
}

#[test]
fn a_blank_override_hides_and_a_folder_does_not() {
    let files = Files::new(&[
        ("work/.git/HEAD", b""),
        ("work/AGENTS.md", b"hidden"),
        ("work/AGENTS.override.md", b" \n"),
        ("work/a/AGENTS.md/x", b""),
        ("work/a/FALLBACK.md", b"fallback"),
    ]);
    let docs = files.docs("work/a", &["project_doc_fallback_filenames=['FALLBACK.md']"]);
    assert_eq!(docs.text.as_deref(), Some("fallback"));
}

#[test]
fn other_root_markers() {
    let files = Files::new(&[
        ("work/.hg/x", b""),
        ("work/AGENTS.md", b"root"),
        ("work/a/.git/HEAD", b""),
        ("work/a/AGENTS.md", b"nested"),
    ]);
    assert_eq!(files.docs("work/a", &[]).text.as_deref(), Some("nested"));
    assert_eq!(
        files.docs("work/a", &["project_root_markers=['.hg']"]).text.as_deref(),
        Some("root\n\nnested")
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_files_of_the_project_only() {
    use std::os::unix::fs::symlink;

    let files = Files::new(&[
        ("secret.md", b"secret"),
        ("work/.git/HEAD", b""),
        ("work/CLAUDE.md", b"linked"),
        ("work/a/b/AGENTS.md", b"below"),
    ]);
    symlink(files.path("work/CLAUDE.md"), files.path("work/AGENTS.md")).unwrap();
    symlink(files.path("secret.md"), files.path("work/a/AGENTS.md")).unwrap();
    let docs = files.docs("work/a/b", &[]);
    assert_eq!(docs.text.as_deref(), Some("linked\n\nbelow"));
    assert_eq!(files.sources(&docs), ["work/AGENTS.md", "work/a/b/AGENTS.md"]);
    assert_eq!(docs.refused, [files.path("work/a/AGENTS.md")]);
    // The user's own file may be kept anywhere.
    symlink(files.path("secret.md"), files.path("home/AGENTS.md")).unwrap();
    assert_eq!(files.docs("elsewhere", &[]).text.as_deref(), Some("secret"));
}

#[cfg(unix)]
#[test]
fn a_folder_that_leads_out_of_the_project_brings_no_instructions() {
    let files = Files::new(&[("work/.git/HEAD", b""), ("out/AGENTS.md", b"elsewhere")]);
    std::os::unix::fs::symlink(files.path("out"), files.path("work/link")).unwrap();
    let docs = files.docs("work/link", &[]);
    assert_eq!(docs.text, None);
    assert_eq!(docs.refused, [files.path("work/link/AGENTS.md")]);
}

#[cfg(unix)]
#[test]
fn devices_and_pipes_are_not_read() {
    let files = Files::new(&[]);
    std::os::unix::fs::symlink("/dev/zero", files.path("home/AGENTS.md")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(files.path("work/AGENTS.md")).status().unwrap();
    assert!(made.success());
    assert_eq!(files.docs("work", &[]), ProjectDocs::default());
}

#[test]
fn of_a_huge_file_of_the_user_a_mebibyte_is_taken() {
    let files = Files::new(&[("home/AGENTS.md", &[b'G'; 3 << 20])]);
    assert_eq!(files.docs("work", &[]).text.map(|text| text.len()), Some(1 << 20));
}
