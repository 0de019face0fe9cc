//! Starting commands: streams, terminals, exit codes, what the program sees.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use app_server_sandbox::{Confinement, Exit, Launch, StartFailure, Stdio};

use super::lab::{Lab, finish, read_until};

/// Returns a command that will run as a user who owns nothing.
#[allow(unsafe_code, reason = "dropping groups must happen between fork and exec")]
pub(crate) fn as_nobody(program: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    // SAFETY: plain system calls. The standard library's own uid() would not drop root's groups.
    unsafe {
        command.pre_exec(|| {
            if libc::setgroups(0, std::ptr::null()) + libc::setgid(65534) + libc::setuid(65534) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    command
}

fn both(lab: &Lab) -> [Confinement; 2] {
    [Confinement::Direct, Confinement::Sandboxed(lab.workspace("ws"))]
}

#[tokio::test]
async fn codes_and_signals_are_passed_on() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        for (script, expected) in
            [("exit 7", Exit::Code(7)), ("kill -9 $$", Exit::Signal(9)), ("kill -SEGV $$", Exit::Signal(11))]
        {
            assert_eq!(lab.run(&confinement, &lab.base, script).await.exit, expected, "{script}");
        }
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_is_its_own_fault_and_not_taken_for_a_denial() {
    let lab = Lab::new();
    std::fs::write(lab.path("ws/not-executable"), "").unwrap();
    std::fs::write(lab.path("ws/script"), "exit 3").unwrap();
    std::fs::set_permissions(lab.path("ws/script"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for confinement in both(&lab) {
        for (program, cwd, expected) in [
            ("no-such-program", "ws", Some((127, "exec no-such-program: no such file or directory"))),
            ("./no-such-program", "ws", Some((127, "exec ./no-such-program: no such file or directory"))),
            ("./not-executable", "ws", Some((126, "exec ./not-executable: not accessible"))),
            ("", "ws", Some((127, "exec : no such file or directory"))),
            ("true", "gone", Some((126, "cannot enter"))),
            ("./script", "ws", None),
        ] {
            let (argv, env) = ([OsString::from(program)], lab.env());
            let launch = Launch {
                argv: &argv,
                arg0: None,
                cwd: &lab.path(cwd),
                env: &env,
                confinement: &confinement,
                stdio: Stdio::Pipes,
            };
            let exit = finish(lab.launcher.spawn(&launch).unwrap()).await.exit;
            match (exit, expected) {
                (Exit::NotStarted(StartFailure::Program { message, code }), Some((wanted, text))) => {
                    assert!(code == wanted && message.starts_with(text), "{program}: {code} {message}");
                    for word in ["not permitted", "denied", "read-only", "seccomp", "sandbox", "landlock"] {
                        assert!(
                            !message.to_lowercase().replace("sandbox/", "").contains(word) || cwd == "gone",
                            "{message}"
                        );
                    }
                }
                (Exit::Code(3), None) => {}
                (other, _) => panic!("{program}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_program_sees_exactly_what_it_was_given() {
    let lab = Lab::new();
    let raw = OsString::from_vec(vec![b'a', 0xFF, b'\n']);
    let long = "x".repeat(100_000);
    for confinement in both(&lab) {
        let argv: Vec<OsString> =
            ["sh", "-c", "printf '%s|' \"$0\" \"$@\"; tr '\\0' ';' < /proc/self/environ; pwd", "zero"]
                .into_iter()
                .map(OsString::from)
                .chain([raw.clone(), long.clone().into()])
                .collect();
        let env = [("PATH".into(), "/usr/bin:/bin".into()), ("ONLY".into(), raw.clone())];
        let cwd = lab.path("ws");
        let launch = Launch {
            argv: &argv,
            arg0: None,
            cwd: &cwd,
            env: &env,
            confinement: &confinement,
            stdio: Stdio::Pipes,
        };
        let outcome = finish(lab.launcher.spawn(&launch).unwrap()).await;
        let text = outcome.text;
        assert!(text.starts_with(&format!("zero|a\u{FFFD}\n|{long}|")), "{text}");
        assert!(text.contains("ONLY=a\u{FFFD}\n;"), "{text}");
        assert!(!text.contains("HOME=") && text.ends_with(&format!("{}\n", cwd.display())), "{text}");
        let arg0 = Launch {
            arg0: Some("renamed".as_ref()),
            argv: &["sh".into(), "-c".into(), "tr '\\0' ' ' < /proc/$$/cmdline".into()],
            ..launch
        };
        assert!(finish(lab.launcher.spawn(&arg0).unwrap()).await.text.starts_with("renamed -c"));
    }
}

#[tokio::test]
async fn a_pipe_is_written_and_ended() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        let mut process = lab.spawn(&confinement, &lab.base, "wc -c; echo done >&2", Stdio::PipesWithStdin);
        let mut input = process.stdin.take().unwrap();
        let writer = tokio::spawn(async move {
            input.write_all(&vec![b'x'; 300_000]).await.unwrap();
            input.close();
        });
        let outcome = finish(process).await;
        writer.await.unwrap();
        assert_eq!((outcome.exit, outcome.text.as_str()), (Exit::Code(0), "300000\ndone\n"));
    }
}

#[tokio::test]
async fn a_terminal_is_controlling_has_a_size_and_ends() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        let script = "test -t 0 && test -t 2 && stty size && echo seen > /dev/tty && tty && read line && echo got $line && \
                      trap 'stty size; exit 5' WINCH && echo ready && while :; do sleep 0.01; done";
        let mut process = lab.spawn(&confinement, &lab.base, script, Stdio::Pty { rows: 24, cols: 80 });
        assert!(process.stderr.is_none());
        let mut output = process.stdout.take().unwrap();
        let text = read_until(&mut output, "/dev/").await;
        assert!(text.starts_with("24 80\r\nseen\r\n"), "{text:?}");
        process.stdin.as_mut().unwrap().write_all(b"hey\n").await.unwrap();
        let text = read_until(&mut output, "ready").await;
        assert!(text.contains("hey\r\ngot hey\r\n"), "{text:?}");
        process.resize(30, 100).unwrap();
        read_until(&mut output, "30 100").await;
        let mut rest = Vec::new();
        while output.read(&mut rest, 100).await.unwrap() > 0 {}
        assert_eq!(process.wait().await, Exit::Code(5));
    }
}

#[tokio::test]
async fn input_is_not_pushed_into_the_terminal() {
    let lab = Lab::new();
    let confinement = Confinement::Sandboxed(lab.workspace("ws"));
    let process = lab.spawn(&confinement, &lab.base, "probe push-input", Stdio::Pty { rows: 24, cols: 80 });
    let outcome = finish(process).await;
    assert!(outcome.text.contains("not permitted"), "{outcome:?}");
}

#[tokio::test]
async fn output_is_read_without_waiting_when_asked() {
    let lab = Lab::new();
    let mut process = lab.spawn(&Confinement::Direct, &lab.base, "read x; echo $x", Stdio::PipesWithStdin);
    let mut output = process.stdout.take().unwrap();
    let mut text = Vec::new();
    assert_eq!(output.try_read(&mut text, 10).unwrap(), None);
    process.stdin.as_mut().unwrap().write_all(b"0123456789\n").await.unwrap();
    assert_eq!(output.read(&mut text, 4).await.unwrap(), 4);
    assert_eq!(process.wait().await, Exit::Code(0));
    assert_eq!(output.try_read(&mut text, 100).unwrap(), Some(7));
    assert_eq!(output.read(&mut text, 100).await.unwrap(), 0);
    assert_eq!(output.try_read(&mut text, 100).unwrap(), Some(0));
    assert_eq!(text, b"0123456789\n");
}

#[tokio::test]
async fn by_hand_the_helper_takes_a_policy_as_text() {
    let lab = Lab::new();
    let by_hand = |policy: &str, script: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_app-server"));
        command.arg0(app_server_sandbox::HELPER_NAME).current_dir(lab.path("ws"));
        command.arg("--sandbox-policy-cwd").arg(lab.path("ws")).args([
            "--sandbox-policy",
            policy,
            "--",
            "sh",
            "-c",
            script,
        ]);
        command.output().unwrap().status.code()
    };
    let workspace = r#"{"type":"workspace-write","exclude_slash_tmp":true}"#;
    assert_eq!(by_hand(workspace, "echo x > f && exit 9"), Some(9));
    assert_eq!(by_hand(r#"{"type":"workspaceWrite"}"#, "echo x > ../f"), Some(2));
    assert_eq!(by_hand(r#"{"type":"read-only"}"#, "echo x > f"), Some(2));
    assert_eq!(by_hand(r#"{"type":"danger-full-access"}"#, "echo x > ../f"), Some(0));
    assert_eq!(by_hand(workspace, "kill -9 $$"), Some(137));
    assert_eq!(by_hand(workspace, "test \"$CODEX_SANDBOX_NETWORK_DISABLED\" = 1"), Some(0));
    assert_eq!(by_hand("{}", "true"), Some(125));
}
