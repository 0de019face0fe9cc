//! What each policy allows, as a table: a script exits with 0 if it works.

use app_server_sandbox::{Confinement, Exit, Policy, Roots, read_only, workspace_write};

use super::lab::Lab;
use Mode::{Direct, Extra, Network, NoTmp, NoTmpdir, Plain, ReadOnly, Subfolder, Tree, Workspace};
use Verdict::{Blocked, Works};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Works,
    Blocked,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    ReadOnly,
    Workspace,
    Network,
    NoTmp,
    NoTmpdir,
    Extra,
    /// The workspace has neither a repository nor our folders.
    Plain,
    /// The workspace is a worktree.
    Tree,
    /// The workspace is a folder of a repository.
    Subfolder,
    Direct,
}

const MODES: [Mode; 10] =
    [ReadOnly, Workspace, Network, NoTmp, NoTmpdir, Extra, Plain, Tree, Subfolder, Direct];

type Case = (&'static str, &'static str, &'static [(Mode, Verdict)]);

/// Works when nothing may be written, too.
const READING: &[(Mode, Verdict)] = &[(ReadOnly, Works), (Workspace, Works)];
/// Works where writing is allowed.
const WRITING: &[(Mode, Verdict)] = &[(ReadOnly, Blocked), (Workspace, Works)];
const NEVER: &[(Mode, Verdict)] = &[(ReadOnly, Blocked), (Workspace, Blocked)];
const NOT_HERE: &[(Mode, Verdict)] = &[(Workspace, Blocked)];

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("read /etc/passwd, list /", "cat /etc/passwd && ls /", READING),
    ("read a file outside", "cat $B/out/file", READING),
    ("create", "echo x > new", WRITING),
    ("mkdir", "mkdir newdir", WRITING),
    ("append", "echo x >> file", WRITING),
    ("delete", "rm doomed", WRITING),
    ("rename", "mv moved moved2", WRITING),
    ("rename between folders", "mkdir a b && echo x > a/f && mv a/f b/f && rm -r a b", WRITING),
    ("symlink", "ln -s file link", WRITING),
    ("hard link", "ln file second", WRITING),
    ("hard link of an outside file", "ln $B/out/file stolen", NEVER),
    ("chmod", "chmod 600 file", WRITING),
    ("chmod outside", "chmod 600 $B/out/file", NEVER),
    ("utime outside", "touch -d 2001-01-01 $B/out/file", NEVER),
    ("chown outside", "chown $(id -u) $B/out/file", NEVER),
    ("xattr outside", "probe xattr $B/out/file", NEVER),
    ("create outside", "echo x > $B/out/new", NEVER),
    ("create in the parent", "echo x > ../new", NEVER),
    ("write through a folder link", "echo x > dirlink/new", NEVER),
    ("write through a file link", "echo x > filelink", NEVER),
    ("rename to outside", "rename() { mv -T file $B/out/new; }; rename", NEVER),
    ("a folder chosen by the command", "cd $B/out && echo x > new", NEVER),
    ("truncate outside", ": > $B/out/file", NEVER),
    ("delete outside", "rm $B/out/file", NEVER),
    ("write /tmp", "f=$(mktemp -p /tmp) && rm $f", WRITING),
    ("mktemp", "f=$(mktemp) && rm $f", WRITING),
    ("write $TMPDIR", "echo x > $TMPDIR/new", WRITING),
    ("write /var/tmp", "echo x > /var/tmp/new-by-a-test", NEVER),
    ("write /dev/null", "echo x > /dev/null", READING),
    ("write /dev/zero", "echo x > /dev/zero", READING),
    ("write /dev/shm, privately", "echo x > /dev/shm/new-by-a-test && test $(ls /dev/shm | wc -l) = 1", READING),
    ("add a device", "mkdir /dev/new", NEVER),
    ("/dev/tty without a terminal", "echo x > /dev/tty", NEVER),
    ("a pseudo-terminal", "probe openpty", READING),
    ("write home", "echo x > ~/new; echo x > /root/new", NEVER),
    ("write /etc", "echo x > /etc/new-by-a-test", NEVER),
    ("write .git/config", "echo x >> .git/config", NEVER),
    ("write a hook", "echo x > .git/hooks/pre-commit", NEVER),
    ("git add", "git add file", NEVER),
    ("git commit", "git commit --allow-empty -m x", NEVER),
    ("git status", "git status", READING),
    ("mv .git", "mv .git git", NEVER),
    ("rm .git", "rm -rf .git", NEVER),
    ("cover .git by a rename", "mkdir g && mv -T g .git", NEVER),
    ("write .codex", "echo x > .codex/new", NEVER),
    ("change .codex", "echo x >> .codex/config.toml", NEVER),
    ("mv .codex", "mv .codex codex", NEVER),
    ("write .agents", "echo x > .agents/new", NEVER),
    ("write .agents/skills", "echo x > .agents/skills/new", NEVER),
    ("write .git of a nested repository", "echo x >> sub/.git/config", NEVER),
    ("plant a hook in a nested repository", "echo x > sub/.git/hooks/pre-commit", NEVER),
    ("the same after moving its folder", "mv sub sub1; echo x >> sub1/.git/config", NEVER),
    (".codex in a folder of the workspace", "mkdir sub2/.codex && rmdir sub2/.codex", WRITING),
    ("git init in a folder", "mkdir fresh && git -C fresh init && git -C fresh commit --allow-empty -m x", WRITING),
    ("git init", "git init", &[(Plain, Works)]),
    ("mkdir .codex", "mkdir .codex", &[(Plain, Blocked)]),
    ("mkdir .agents", "mkdir .agents", &[(Plain, Blocked)]),
    ("rename to .codex", "mkdir x && mv x .codex", &[(Plain, Blocked)]),
    ("link .codex", "ln -s $B/out .codex", &[(Plain, Blocked)]),
    ("write .codex", "echo x > .codex", &[(Plain, Blocked)]),
    ("fill .codex", "mkdir -p .codex/a/b", &[(Plain, Blocked)]),
    ("worktree: write", "echo x > new", &[(Tree, Works)]),
    ("worktree: change the pointer", "echo x >> .git", &[(Tree, Blocked)]),
    ("worktree: replace the pointer", "echo x > g && mv g .git", &[(Tree, Blocked)]),
    ("worktree: git add", "echo x > f && git add f", &[(Tree, Blocked)]),
    ("worktree: write its git folder", "echo x > $B/repo/.git/worktrees/tree/new", &[(Tree, Blocked)]),
    ("through a link to the workspace", "cd $B/alias && echo x > by-alias", WRITING),
    ("AF_INET", "probe socket 2", NEVER),
    ("AF_INET6", "probe socket 10", NEVER),
    ("AF_NETLINK", "probe socket 16", NEVER),
    ("AF_UNIX", "probe socket 1", READING),
    ("unix bind", "probe unix-bind $B/ws/s", NEVER),
    ("unix connect", "probe unix-connect $B/out/socket", NEVER),
    ("abstract connect", "probe abstract-connect $B/abstract", NEVER),
    ("socket pair", "probe pair", READING),
    ("socket pair, send", "probe pair-send x", NEVER),
    ("getsockopt", "probe getsockopt", NEVER),
    ("TCP to loopback", "probe tcp $PORT", NEVER),
    ("UDP to loopback", "probe udp $PORT", NEVER),
    ("resolve localhost", "probe resolve", READING),
    ("ptrace", "probe ptrace", NEVER),
    ("io_uring", "probe io-uring", NEVER),
    ("process_vm_readv", "probe vm-read", NEVER),
    ("NoNewPrivs", "grep -q 'NoNewPrivs:.1' /proc/self/status", READING),
    ("no capabilities", "test $(grep -c 'Cap.*:.0000000000000000' /proc/self/status) = 5", READING),
    ("a filter", "grep -q 'Seccomp:.2' /proc/self/status", READING),
    ("signal an outside process", "kill -0 $OUTSIDE", NEVER),
    ("see an outside process", "test -d /proc/$OUTSIDE", NEVER),
    ("read an outside environment", "cat /proc/$OUTSIDE/environ", NEVER),
    ("read outside maps", "cat /proc/$OUTSIDE/maps", NEVER),
    ("look into the first process", "cat /proc/1/environ || readlink /proc/1/fd/* || cat /proc/1/maps || echo x > /proc/1/mem", NEVER),
    ("mount", "probe mount $B/ws", NEVER),
    ("unshare", "probe unshare", NEVER),
    ("clone with a user namespace", "probe clone-user", NEVER),
    ("keyring", "probe keyctl", NEVER),
    ("bpf", "probe bpf", NEVER),
    ("userfaultfd", "probe userfault", NEVER),
    ("write /proc/self/comm", "echo x > /proc/self/comm", READING),
    ("write a setting of the kernel", "cat /proc/sys/kernel/hostname > /proc/sys/kernel/hostname", NEVER),
    ("write /proc/sysrq-trigger", "echo > /proc/sysrq-trigger", NEVER),
    ("a semaphore", "probe semaphore", READING),
    ("uid", "test $(id -u) = $(stat -c %u $B/ws)", READING),
    ("descriptors", "test \"$(ls /proc/self/fd | tr '\\n' ' ')\" = '0 1 2 3 '", &[(ReadOnly, Works), (Workspace, Works), (Direct, Works)]),
    ("standard input is empty", "test $(wc -c) = 0", &[(ReadOnly, Works), (Direct, Works)]),
    ("read a stored credential", "cat $B/home/auth.json", NEVER),
    ("chmod and read a stored credential", "chmod 600 $B/home/auth.json; cat $B/home/auth.json", NEVER),
    ("read beside a stored credential", "cat $B/home/other && ls -l $B/home", READING),
    ("network on: AF_INET", "probe socket 2", &[(Network, Works)]),
    ("network on: TCP", "probe tcp $PORT", &[(Network, Works)]),
    ("network on: unix connect", "probe unix-connect $B/out/socket", &[(Network, Works)]),
    ("network on: NoNewPrivs", "grep -q 'NoNewPrivs:.1' /proc/self/status", &[(Network, Works)]),
    ("network on: io_uring", "probe io-uring", &[(Network, Blocked)]),
    ("network on: ptrace", "probe ptrace", &[(Network, Blocked)]),
    ("network on: write outside", "echo x > $B/out/new", &[(Network, Blocked)]),
    ("excluded /tmp", "mktemp -p /tmp", &[(NoTmp, Blocked)]),
    ("excluded /tmp, $TMPDIR", "f=$(mktemp) && rm $f", &[(NoTmp, Works)]),
    ("excluded $TMPDIR", "mktemp", &[(NoTmpdir, Blocked)]),
    ("an extra root", "echo x > $B/extra/new", &[(Extra, Works), (Workspace, Blocked)]),
    ("an extra root through a link", "echo x > extralink/by-link", &[(Extra, Works), (Workspace, Blocked)]),
    ("a missing extra root: others", "echo x > new", &[(Extra, Works)]),
    ("a missing extra root: creating it", "mkdir $B/missing", &[(Extra, Blocked)]),
    ("a folder of a repository: write", "echo x > new", &[(Subfolder, Works)]),
    ("a folder of a repository: write above", "echo x > ../new", &[(Subfolder, Blocked)]),
    ("a folder of a repository: git", "test $(git rev-parse --show-toplevel) = $B/ws", &[(Subfolder, Works)]),
    ("full access: write anywhere", "echo x > $B/anywhere", &[(Direct, Works)]),
    ("full access: AF_INET", "probe tcp $PORT", &[(Direct, Works)]),
    ("full access: a stored credential", "cat $B/home/auth.json", &[(Direct, Works)]),
    ("another file's name for it", "cat $B/home/../home/auth.json", NOT_HERE),
    // A second name of an outside file that was there before is the same file: no mount tells them apart.
    ("write an existing hard link", "cat hardlink > /dev/null && : >> hardlink", WRITING),
];

fn confinement(lab: &Lab, mode: Mode) -> (Confinement, &'static str) {
    let folder = match mode {
        Plain => "plain",
        Tree => "tree",
        Subfolder => "ws/sub2",
        _ => "ws",
    };
    let extra = if mode == Extra { vec![lab.path("extra"), lab.path("missing")] } else { Vec::new() };
    let (cwd, tmpdir) = (lab.path(folder), lab.path("outw"));
    let roots = Roots {
        cwd: &cwd,
        extra: &extra,
        tmpdir: Some(&tmpdir),
        exclude_slash_tmp: mode == NoTmp,
        exclude_tmpdir: mode == NoTmpdir,
    };
    let mut policy: Policy = match mode {
        Direct => return (Confinement::Direct, folder),
        ReadOnly => read_only(false),
        _ => workspace_write(&roots, mode == Network, &lab.repositories),
    };
    policy.unreadable.push(lab.path("home/auth.json"));
    (Confinement::Sandboxed(policy), folder)
}

/// Runs every case under every mode it is for and returns what was not as expected.
async fn surprises() -> Vec<String> {
    let lab = Lab::new();
    let mut surprises = Vec::new();
    let outside = lab.picture("out");
    for mode in MODES {
        for (name, script, verdicts) in CASES {
            let Some((_, expected)) = verdicts.iter().find(|(when, _)| *when == mode) else { continue };
            let (confinement, folder) = confinement(&lab, mode);
            let outcome = lab.run(&confinement, &lab.path(folder), script).await;
            let verdict = match &outcome.exit {
                Exit::Code(0) => Works,
                Exit::Code(_) | Exit::Violation(_) => Blocked,
                other => {
                    surprises.push(format!("{mode:?}: {name}: {other:?} {}", outcome.text));
                    continue;
                }
            };
            if verdict != *expected {
                surprises.push(format!("{mode:?}: {name}: {verdict:?}: {:?} {}", outcome.exit, outcome.text));
            }
        }
    }
    if lab.picture("out") != outside {
        surprises.push(format!("something outside was changed: {outside}{}", lab.picture("out")));
    }
    for name in ["plain/.codex", "plain/.agents", "missing"] {
        if std::fs::symlink_metadata(lab.path(name)).is_ok() {
            surprises.push(format!("{name} was left behind"));
        }
    }
    surprises
}

#[tokio::test]
async fn every_case_is_as_the_table_says() {
    let surprises = surprises().await;
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// The same as a user without privileges. Only root can become one.
#[test]
fn every_case_is_so_for_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).unwrap();
    let mut command = super::launching::as_nobody(&std::env::current_exe().unwrap());
    command.args(["--exact", "cases::every_case_is_as_the_table_says"]).env("LAB_PARENT", folder.path());
    let Ok(output) = command.output() else { return }; // Built where nobody else may look.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
