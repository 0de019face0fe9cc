//! A machine in a folder: programs, a project with traps in it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use app_server_exec_policy::{CommandRequest, Rules, Surroundings};
use tempfile::TempDir;

const PROGRAMS: &str = "base64 bash cat cp cut echo env expr false find git grep head id ls mkdir nl npm numfmt paste \
    pwd python3 rev rg rm sed seq sh stat tac tail touch tr true uname uniq unk wc which whoami zsh";

pub(crate) struct Machine {
    _folder: TempDir,
    pub(crate) bin: PathBuf,
    pub(crate) work: PathBuf,
    search_path: OsString,
    writable: Vec<PathBuf>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        let work = folder.path().join("work");
        for program in PROGRAMS.split_whitespace() {
            plant(&bin.join(program));
        }
        for trap in ["cat", "bash", "ls", "tools/cat", "tools/bash"] {
            plant(&work.join(trap));
        }
        fs::create_dir(work.join("sub")).unwrap();
        let search_path = bin.clone().into_os_string();
        Self { _folder: folder, bin, writable: vec![work.clone()], work, search_path }
    }

    pub(crate) fn around(&self) -> Surroundings<'_> {
        Surroundings { cwd: &self.work, search_path: &self.search_path, writable: &self.writable }
    }

    pub(crate) fn search(&mut self, path: &str) {
        self.search_path = path.into();
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.work.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Puts a program there.
pub(crate) fn plant(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

pub(crate) fn script(text: &str) -> Vec<String> {
    ["bash", "-lc", text].map(str::to_owned).to_vec()
}

pub(crate) fn request(argv: &[String]) -> CommandRequest<'_> {
    CommandRequest { argv, escalated: false, justification: None, prefix_rule: None }
}

pub(crate) fn rules(text: &str) -> Rules {
    Rules::parse("test.rules", text).unwrap()
}

/// The lines of a data file that are no comments.
pub(crate) fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ") && *line != "#")
}
