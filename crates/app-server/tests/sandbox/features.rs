//! Kernels that lack something: whatever it is, it is named, work in the workspace goes on or nothing starts, and nothing is open.
#![allow(unsafe_code, reason = "a filter is installed that plays the weaker kernel")]
#![allow(clippy::disallowed_methods, reason = "a variable tells the second copy of this program what to do")]

use std::os::unix::process::CommandExt as _;

use app_server_sandbox::{Exit, StartFailure};
use libc::{c_long, sock_filter};

use super::lab::Lab;

/// A system call that fails with an error, always or when an argument has a value or a bit.
#[derive(Clone, Copy)]
struct Failing {
    call: c_long,
    argument: Option<(u32, Test)>,
    error: i32,
}

#[derive(Clone, Copy)]
enum Test {
    Is(u32),
    Has(u32),
}

const fn failing(call: c_long, error: i32) -> Failing {
    Failing { call, argument: None, error }
}

const fn without_namespace(flag: i32) -> [Failing; 2] {
    [
        Failing {
            call: libc::SYS_clone,
            argument: Some((0, Test::Has(flag.cast_unsigned()))),
            error: libc::EPERM,
        },
        failing(libc::SYS_clone3, libc::ENOSYS),
    ]
}

/// The filter's program: 64-bit little-endian machines only, as the arguments' places say.
fn program(failing: &[Failing]) -> Vec<sock_filter> {
    let step = |code: u32, k: u32, jt: u8, jf: u8| sock_filter { code: code as u16, jt, jf, k };
    let load = |at: u32| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at, 0, 0);
    let jump = |kind: u32, k: u32, jt: u8, jf: u8| step(libc::BPF_JMP | kind | libc::BPF_K, k, jt, jf);
    let give = |k: u32| step(libc::BPF_RET | libc::BPF_K, k, 0, 0);
    let mut code = vec![load(0)];
    for rule in failing {
        let call = u32::try_from(rule.call).unwrap();
        let error = give(libc::SECCOMP_RET_ERRNO | rule.error.cast_unsigned());
        match rule.argument {
            None => code.extend([jump(libc::BPF_JEQ, call, 0, 1), error]),
            Some((number, test)) => {
                let test = match test {
                    Test::Is(value) => jump(libc::BPF_JEQ, value, 0, 1),
                    Test::Has(bits) => jump(libc::BPF_JSET, bits, 0, 1),
                };
                code.extend([
                    jump(libc::BPF_JEQ, call, 0, 4),
                    load(16 + 8 * number),
                    test,
                    error,
                    give(libc::SECCOMP_RET_ALLOW),
                ]);
            }
        }
    }
    code.push(give(libc::SECCOMP_RET_ALLOW));
    code
}

/// Runs [`on_a_weaker_kernel`] in a copy of this program for which `failing` fails. `missing` is part of the sentence that must tell, or
/// `None` if nothing may be missing.
fn check(failing: &[Failing], missing: &str, level: &str) {
    let program = program(failing);
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "features::on_a_weaker_kernel", "--nocapture"]);
    command.env("MISSING", missing).env("LEVEL", level);
    // SAFETY: two system calls that read a program made before the fork.
    unsafe {
        command.pre_exec(move || {
            let length = u16::try_from(program.len()).unwrap();
            let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
            let installed = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) == 0;
            if installed { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "without {missing:?}: {text}");
}

/// What every level must do. Does nothing in an ordinary run.
#[tokio::test]
async fn on_a_weaker_kernel() {
    let (Ok(missing), Ok(level)) = (std::env::var("MISSING"), std::env::var("LEVEL")) else { return };
    let lab = Lab::new();
    let capabilities = lab.launcher.capabilities().await;
    let sentences = capabilities.missing().join("\n");
    assert!(sentences.contains(&missing), "{capabilities:?}: {sentences}");
    assert_eq!(capabilities.is_full(), missing.is_empty(), "{sentences}");
    assert_eq!(capabilities.usable(), level != "none", "{sentences}");
    let outside = lab.picture("out");
    let writing = lab.in_workspace("echo x > new && mkdir d && mv new d/ && git status").await;
    if level == "none" {
        assert!(matches!(writing.exit, Exit::NotStarted(StartFailure::Sandbox(_))), "{writing:?}");
        assert!(!lab.path("ws/new").exists());
        return;
    }
    assert_eq!(writing.exit, Exit::Code(0), "{}", writing.text);
    let mut blocked = vec![
        "echo x > ../new",
        "echo x > $B/out/new",
        "echo x >> $B/out/file",
        "rm $B/out/file",
        "probe socket 2",
    ];
    blocked.extend([
        "probe ptrace",
        "probe io-uring",
        "probe unshare",
        "grep content $B/home/auth.json",
        "cat /proc/$OUTSIDE/environ",
    ]);
    if level == "full" {
        blocked.extend([
            "echo x >> .git/config",
            "mv .git g",
            "touch -d 2001-01-01 $B/out/file",
            "echo x > .codex/x",
        ]);
    }
    for script in blocked {
        let outcome = lab.in_workspace(script).await;
        assert!(matches!(outcome.exit, Exit::Code(1..)), "{script}: {outcome:?}");
    }
    let other = lab.in_workspace("cat $B/home/other && ls / && exit 6").await;
    assert_eq!(other.exit, Exit::Code(6), "{}", other.text);
    assert_eq!(lab.picture("out"), outside);
    // Whatever holds it, a command's end is its end.
    let mut process = lab.spawn(
        &app_server_sandbox::Confinement::Sandboxed(lab.workspace("plain")),
        &lab.path("plain"),
        "setsid sleep 61 & mkdir .codex; sleep 60",
        app_server_sandbox::Stdio::Pipes,
    );
    let exit = process.wait().await;
    assert!(matches!(exit, Exit::Violation(_)), "{exit:?}");
    process.gone().await;
    assert!(!lab.path("plain/.codex").exists());
}

#[test]
fn nothing_is_missing() {
    check(&[], "", "full");
}

#[test]
fn no_user_namespaces() {
    check(&without_namespace(libc::CLONE_NEWUSER), "refuses user namespaces", "landlock");
}

#[test]
fn no_network_namespaces() {
    check(&without_namespace(libc::CLONE_NEWNET), "refuses network namespaces", "full");
}

#[test]
fn no_mount_attributes() {
    check(&[failing(libc::SYS_mount_setattr, libc::ENOSYS)], "refuses user namespaces or mounts", "landlock");
}

#[test]
fn no_copies_of_mounts() {
    check(&[failing(libc::SYS_open_tree, libc::ENOSYS)], "refuses user namespaces or mounts", "landlock");
    check(&[failing(libc::SYS_move_mount, libc::EPERM)], "refuses user namespaces or mounts", "landlock");
}

const LANDLOCK: [Failing; 3] = [
    failing(libc::SYS_landlock_create_ruleset, libc::ENOSYS),
    failing(libc::SYS_landlock_add_rule, libc::ENOSYS),
    failing(libc::SYS_landlock_restrict_self, libc::ENOSYS),
];

#[test]
fn no_landlock() {
    check(&LANDLOCK, "no Landlock", "full");
}

#[test]
fn neither_namespaces_nor_landlock() {
    let both = [&LANDLOCK[..], &without_namespace(libc::CLONE_NEWUSER)].concat();
    check(&both, "neither user namespaces nor Landlock", "none");
}

#[test]
fn no_system_call_filter() {
    check(&[failing(libc::SYS_seccomp, libc::ENOSYS)], "do not start", "none");
}

fn mount_with(flags: u64) -> Failing {
    let flags = u32::try_from(flags).unwrap();
    Failing { call: libc::SYS_mount, argument: Some((3, Test::Is(flags))), error: libc::EPERM }
}

#[test]
fn no_private_proc() {
    check(&[mount_with(libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC)], "private /proc", "full");
}

#[test]
fn no_private_dev() {
    check(&[mount_with(libc::MS_NOSUID | libc::MS_NOEXEC)], "private /dev", "full");
}
