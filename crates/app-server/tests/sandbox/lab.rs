//! A folder tree with everything the cases need, and running commands in it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use app_server_sandbox::{
    Confinement, Exit, Launch, Launcher, Policy, Process, RepositoryCache, Roots, Stdio, workspace_write,
};

/// How long something may take that is waited for. Reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The folder tree: `ws` is the workspace, `out` is none of the command's business.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    pub(crate) base: PathBuf,
    pub(crate) launcher: Launcher,
    pub(crate) repositories: RepositoryCache,
    tcp: TcpListener,
    _unix: UnixListener,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) text: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in(parent()).unwrap();
        let base = folder.path().canonicalize().unwrap();
        let make = |name: &str| std::fs::create_dir_all(base.join(name)).unwrap();
        for name in [
            "ws/.codex",
            "ws/.agents/skills",
            "ws/sub",
            "ws/sub2",
            "out/dir",
            "outw",
            "plain",
            "extra",
            "home",
            "repo",
        ] {
            make(name);
        }
        let file = |name: &str| std::fs::write(base.join(name), "content\n").unwrap();
        for name in [
            "ws/file",
            "ws/doomed",
            "ws/moved",
            "ws/.codex/config.toml",
            "out/file",
            "home/auth.json",
            "home/other",
        ] {
            file(name);
        }
        for (target, name) in
            [("out", "ws/dirlink"), ("out/file", "ws/filelink"), ("ws", "alias"), ("extra", "ws/extralink")]
        {
            symlink(base.join(target), base.join(name)).unwrap();
        }
        std::fs::hard_link(base.join("out/file"), base.join("ws/hardlink")).unwrap();
        git(&base.join("ws"), &["init", "-q"]);
        git(&base.join("ws/sub"), &["init", "-q"]);
        git(&base.join("repo"), &["init", "-q"]);
        git(&base.join("repo"), &["commit", "-q", "--allow-empty", "-m", "first"]);
        git(&base.join("repo"), &["worktree", "add", "-q", "../tree"]);
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let unix = UnixListener::bind(base.join("out/socket")).unwrap();
        let launcher = Launcher::new(env!("CARGO_BIN_EXE_app-server").into());
        Self { folder, base, launcher, repositories: RepositoryCache::default(), tcp, _unix: unix }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// The policy of a workspace that is only itself: neither `/tmp` nor `$TMPDIR`.
    pub(crate) fn workspace(&self, name: &str) -> Policy {
        let cwd = self.path(name);
        let roots =
            Roots { cwd: &cwd, extra: &[], tmpdir: None, exclude_slash_tmp: true, exclude_tmpdir: true };
        let mut policy = workspace_write(&roots, false, &self.repositories);
        policy.unreadable.push(self.path("home/auth.json"));
        policy
    }

    /// The environment of every command, complete.
    pub(crate) fn env(&self) -> Vec<(OsString, OsString)> {
        let mut env: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".into()),
            ("PROBER".into(), std::env::current_exe().unwrap().into()),
            ("OUTSIDE".into(), std::process::id().to_string().into()),
            ("PORT".into(), self.tcp.local_addr().unwrap().port().to_string().into()),
            ("TMPDIR".into(), self.path("outw").into()),
            ("B".into(), self.base.clone().into()),
            ("HOME".into(), "/nonexistent".into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ];
        for name in ["AUTHOR", "COMMITTER"] {
            env.push((format!("GIT_{name}_NAME").into(), "n".into()));
            env.push((format!("GIT_{name}_EMAIL").into(), "n@example.invalid".into()));
        }
        env
    }

    pub(crate) fn spawn(&self, confinement: &Confinement, cwd: &Path, script: &str, stdio: Stdio) -> Process {
        // `probe NAME...` runs a system call from this very program.
        let script =
            format!("probe() {{ PROBE=\"$*\" \"$PROBER\" --exact prober::prober --nocapture; }}\n{script}");
        let argv = ["sh".into(), "-c".into(), script.into()];
        let env = self.env();
        let launch = Launch { argv: &argv, arg0: None, cwd, env: &env, confinement, stdio };
        self.launcher.spawn(&launch).unwrap()
    }

    /// Runs a script to its end.
    pub(crate) async fn run(&self, confinement: &Confinement, cwd: &Path, script: &str) -> Outcome {
        finish(self.spawn(confinement, cwd, script, Stdio::Pipes)).await
    }

    /// Runs a script in the workspace `ws` under its policy.
    pub(crate) async fn in_workspace(&self, script: &str) -> Outcome {
        let policy = self.workspace("ws");
        self.run(&Confinement::Sandboxed(policy), &self.path("ws"), script).await
    }

    /// Describes every file below `name`: a change of any kind changes the text.
    pub(crate) fn picture(&self, name: &str) -> String {
        let mut text = String::new();
        describe(&self.path(name), &mut text);
        text
    }

    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// Where labs are made: a folder that is in no policy by itself.
#[allow(
    clippy::disallowed_methods,
    reason = "another user's copy of this program is told where it may write"
)]
fn parent() -> PathBuf {
    match std::env::var_os("LAB_PARENT") {
        Some(path) => path.into(),
        None => env!("CARGO_TARGET_TMPDIR").into(),
    }
}

fn describe(path: &Path, text: &mut String) {
    let found = std::fs::symlink_metadata(path).unwrap();
    writeln!(text, "{} {:o} {} {}", path.display(), found.mode(), found.uid(), found.len()).unwrap();
    if found.is_dir() {
        let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        for name in names {
            describe(&name, text);
        }
    } else {
        writeln!(text, "  {}.{} {}", found.mtime(), found.mtime_nsec(), found.nlink()).unwrap();
    }
}

pub(crate) fn git(folder: &Path, args: &[&str]) {
    let mut command = std::process::Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=n", "-c", "user.email=n@example.invalid"])
        .args(args);
    command.env("HOME", "/nonexistent").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    assert!(command.status().unwrap().success(), "git {args:?}");
}

/// Reads all a command writes and waits until nothing is left of it.
pub(crate) async fn finish(mut process: Process) -> Outcome {
    let work = async {
        let mut text = Vec::new();
        for output in [process.stdout.take(), process.stderr.take()].into_iter().flatten() {
            read_to_end(output, &mut text).await;
        }
        let exit = process.wait().await;
        process.gone().await;
        Outcome { exit, text: String::from_utf8_lossy(&text).into_owned() }
    };
    tokio::time::timeout(PATIENCE, work).await.expect("the command ends")
}

pub(crate) async fn read_to_end(mut output: app_server_sandbox::Output, into: &mut Vec<u8>) {
    while output.read(into, 64 * 1024).await.unwrap() > 0 {}
}

/// Reads until `wanted` has been written.
pub(crate) async fn read_until(output: &mut app_server_sandbox::Output, wanted: &str) -> String {
    let mut text = Vec::new();
    let work = async {
        while !String::from_utf8_lossy(&text).contains(wanted) {
            let count = output.read(&mut text, 4096).await.unwrap();
            assert!(count > 0, "ended after {:?}", String::from_utf8_lossy(&text));
        }
    };
    tokio::time::timeout(PATIENCE, work).await.expect("something is written");
    String::from_utf8(text).unwrap()
}

/// Waits until `condition` holds and returns how long that took.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::task::yield_now().await;
    }
    start.elapsed()
}

/// Counts the processes on this machine with `word` among their arguments.
pub(crate) fn processes_with(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())).count()
}
