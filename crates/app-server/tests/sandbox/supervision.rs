//! Nothing of a command is left: not after its end, not when it is killed, not when the server is.
#![allow(clippy::disallowed_methods, reason = "a variable tells the second copy of this program what to be")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio as Redirect;
use std::time::Duration;

use app_server_sandbox::{Confinement, Exit, Process, Stdio};
use rustix::process::{Pid, Signal, kill_process};

use super::lab::{Lab, finish, processes_with, read_until, until};

/// A script that leaves sleepers behind in every way there is: in the background, in another session, orphaned twice over.
fn leave_behind(mark: &str) -> String {
    format!(
        "sleep {mark} & setsid sleep {mark} & (setsid sh -c '(setsid sleep {mark} &) &' &) \n\
         while [ $(ps ax -o args= 2>/dev/null | grep -c '^sleep {mark}$') -lt 3 ]; do sleep 0.01; done; echo ready; "
    )
}

/// Something to recognise the processes of one test by: a number of seconds that nobody else sleeps.
fn mark() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("9{:07}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn both(lab: &Lab) -> [Confinement; 2] {
    [Confinement::Direct, Confinement::Sandboxed(lab.workspace("ws"))]
}

async fn started(lab: &Lab, confinement: &Confinement, script: &str) -> Process {
    let mut process = lab.spawn(confinement, &lab.path("ws"), script, Stdio::Pipes);
    read_until(process.stdout.as_mut().unwrap(), "ready").await;
    process
}

fn exists(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

#[tokio::test]
async fn the_background_lives_on_until_it_is_killed() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        let mark = mark();
        let mut process = started(&lab, &confinement, &format!("{} exit 4", leave_behind(&mark))).await;
        assert_eq!(process.wait().await, Exit::Code(4));
        assert_eq!(processes_with(&mark), 3);
        process.kill();
        process.gone().await;
        assert_eq!(processes_with(&mark), 0);
        assert!(!exists(process.id()), "not even a zombie");
    }
}

#[tokio::test]
async fn a_killed_command_says_so_and_leaves_nothing() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        let mark = mark();
        let mut process = started(&lab, &confinement, &format!("{} sleep {mark}", leave_behind(&mark))).await;
        process.kill();
        assert_eq!(process.wait().await, Exit::Signal(9));
        process.gone().await;
        assert_eq!(processes_with(&mark), 0);
    }
}

#[tokio::test]
async fn a_dropped_command_is_killed() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        let mark = mark();
        let process = started(&lab, &confinement, &format!("{} sleep {mark}", leave_behind(&mark))).await;
        let id = process.id();
        drop(process);
        until("the sleepers are gone", || processes_with(&mark) == 0).await;
        until("the helper is reaped", || !exists(id)).await;
    }
}

#[tokio::test]
async fn a_command_that_forks_without_pause_is_ended() {
    let lab = Lab::new();
    for confinement in both(&lab) {
        let mark = mark();
        // Ten that each start one after the other, orphaned at once; bounded, so that a failure does not take the machine with it.
        let chain = format!("i=0; while [ $i -lt 300 ]; do (setsid sleep {mark} &); i=$((i+1)); done");
        let script = format!("for n in 0 1 2 3 4 5 6 7 8 9; do ({chain}) & done; echo ready; sleep {mark}");
        let mut process = started(&lab, &confinement, &script).await;
        process.kill();
        process.gone().await;
        assert_eq!(processes_with(&mark), 0);
    }
}

#[tokio::test]
async fn killing_the_helper_ends_the_sandbox() {
    let lab = Lab::new();
    let before = lab.picture("ws");
    let mark = mark();
    let confinement = Confinement::Sandboxed(lab.workspace("ws"));
    let mut process = started(&lab, &confinement, &format!("{} sleep {mark}", leave_behind(&mark))).await;
    kill_process(Pid::from_raw(process.id().cast_signed()).unwrap(), Signal::KILL).unwrap();
    until("the sandbox is gone", || processes_with(&mark) == 0).await;
    assert_eq!(process.wait().await, Exit::Signal(9));
    assert_eq!(lab.picture("ws"), before, "no files are left");
}

/// What the copy of this program does that is killed in the next test.
#[tokio::test]
async fn be_a_server() {
    let Ok(mark) = std::env::var("BE_A_SERVER") else { return };
    let lab = Lab::new();
    let mut processes = Vec::new();
    for confinement in both(&lab) {
        processes.push(started(&lab, &confinement, &format!("{} sleep {mark}", leave_behind(&mark))).await);
    }
    println!("lab {}", lab.keep().display());
    std::future::pending().await
}

#[tokio::test]
async fn nothing_survives_the_death_of_the_server() {
    let mark = mark();
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "supervision::be_a_server", "--nocapture"])
        .env("BE_A_SERVER", &mark)
        .stdout(Redirect::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map_while(Result::ok);
    let lab = lines.find_map(|line| line.strip_prefix("lab ").map(str::to_owned)).unwrap();
    // Two commands, each with three sleepers and one more as its own last program.
    until("the commands run", || processes_with(&mark) == 8).await;
    server.kill().unwrap();
    let took = until("nothing survives", || processes_with(&mark) == 0).await;
    println!("everything was gone after {took:?}");
    server.wait().unwrap();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(!Path::new(&lab).join("plain/.codex").exists());
    std::fs::remove_dir_all(lab).unwrap();
}

#[tokio::test]
async fn many_sandboxes_share_a_workspace_and_leave_nothing_of_their_own() {
    let lab = Lab::new();
    let policy = lab.workspace("plain");
    let running: Vec<_> = (0..24)
        .map(|number| {
            let script = format!("echo {number} > {number} && cat {number} && mkdir -p .git/{number}");
            lab.spawn(&Confinement::Sandboxed(policy.clone()), &lab.path("plain"), &script, Stdio::Pipes)
        })
        .collect();
    for (number, process) in running.into_iter().enumerate() {
        let outcome = finish(process).await;
        assert_eq!((outcome.exit, outcome.text), (Exit::Code(0), format!("{number}\n")));
    }
    let names: Vec<_> = std::fs::read_dir(lab.path("plain")).unwrap().collect();
    assert_eq!(names.len(), 25, "{names:?}");
}

#[tokio::test]
async fn a_forbidden_name_ends_the_command_and_is_moved_away() {
    let lab = Lab::new();
    let mut policy = lab.workspace("plain");
    let plain = lab.path("plain");
    let codex = plain.join(".codex");
    let script = "mkdir x && echo evil > x/config.toml && mv x .codex; sleep 60; echo survived";
    for quarantine in [None, Some(lab.path("home/quarantine"))] {
        policy.quarantine.clone_from(&quarantine);
        let outcome = lab.run(&Confinement::Sandboxed(policy.clone()), &plain, script).await;
        let Exit::Violation(text) = outcome.exit else { panic!("{outcome:?}") };
        assert!(text.starts_with(&format!("{} may not be created", codex.display())), "{text}");
        assert!(!codex.exists());
        let mut moved = std::fs::read_dir(quarantine.as_ref().unwrap_or(&plain)).unwrap();
        let moved = moved.next().unwrap().unwrap();
        assert!(moved.file_name().to_str().unwrap().starts_with(".codex.blocked-"), "{moved:?}");
        assert_eq!(std::fs::read(moved.path().join("config.toml")).unwrap(), b"evil\n", "kept, elsewhere");
        std::fs::remove_dir_all(moved.path()).unwrap();
    }
}

#[tokio::test]
async fn a_forbidden_name_is_found_in_the_background_too() {
    let lab = Lab::new();
    let confinement = Confinement::Sandboxed(lab.workspace("plain"));
    let script = "mkfifo wait; (read x < wait; mkdir .codex; sleep 60) & exit 0";
    let mut process = lab.spawn(&confinement, &lab.path("plain"), script, Stdio::Pipes);
    assert_eq!(process.wait().await, Exit::Code(0));
    std::fs::write(lab.path("plain/wait"), "go\n").unwrap();
    process.gone().await;
    assert!(!lab.path("plain/.codex").exists());
}

#[tokio::test]
async fn a_name_that_came_to_exist_meanwhile_is_protected() {
    let lab = Lab::new();
    let policy = lab.workspace("plain");
    std::fs::create_dir(lab.path("plain/.codex")).unwrap();
    let outcome = lab.run(&Confinement::Sandboxed(policy), &lab.path("plain"), "echo x > .codex/new").await;
    assert_eq!(outcome.exit, Exit::Code(2), "{}", outcome.text);
    assert!(lab.path("plain/.codex").exists());
}

#[tokio::test]
async fn the_roots_follow_the_real_folder() {
    let lab = Lab::new();
    let confinement = Confinement::Sandboxed(lab.workspace("alias"));
    let script = "mkfifo go; echo ready; read x < go; echo x > after && cat after";
    let mut process = lab.spawn(&confinement, &lab.path("alias"), script, Stdio::Pipes);
    read_until(process.stdout.as_mut().unwrap(), "ready").await;
    std::fs::rename(lab.path("ws"), lab.path("renamed")).unwrap();
    std::fs::create_dir(lab.path("ws")).unwrap();
    std::fs::write(lab.path("renamed/go"), "go\n").unwrap();
    assert_eq!(finish(process).await.exit, Exit::Code(0));
    assert!(lab.path("renamed/after").exists() && !lab.path("ws/after").exists());
}

#[tokio::test]
async fn a_root_that_is_swapped_for_a_link_is_not_followed() {
    let lab = Lab::new();
    let policy = lab.workspace("plain");
    std::fs::rename(lab.path("plain"), lab.path("was-plain")).unwrap();
    symlink(lab.path("out"), lab.path("plain")).unwrap();
    let outcome = lab.run(&Confinement::Sandboxed(policy), &lab.path("ws"), "echo x > ../plain/new").await;
    assert!(
        matches!(outcome.exit, Exit::NotStarted(app_server_sandbox::StartFailure::Sandbox(_))),
        "{outcome:?}"
    );
    assert!(!lab.path("out/new").exists());
}

#[tokio::test]
async fn a_hidden_file_stays_hidden_when_it_is_replaced() {
    let lab = Lab::new();
    let confinement = Confinement::Sandboxed(lab.workspace("ws"));
    for exists in [true, false] {
        if !exists {
            std::fs::remove_file(lab.path("home/auth.json")).unwrap();
        }
        let script =
            "rm -f go; mkfifo go; echo ready; read x < go; cat $B/home/other && ! cat $B/home/auth.json";
        let mut process = lab.spawn(&confinement, &lab.path("ws"), script, Stdio::Pipes);
        read_until(process.stdout.as_mut().unwrap(), "ready").await;
        std::fs::write(lab.path("home/new"), "secret\n").unwrap();
        std::fs::rename(lab.path("home/new"), lab.path("home/auth.json")).unwrap();
        std::fs::write(lab.path("ws/go"), "go\n").unwrap();
        let outcome = finish(process).await;
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.text);
        assert!(outcome.text.contains("content") && !outcome.text.contains("secret"), "{}", outcome.text);
    }
}

#[tokio::test]
async fn hidden_folders_are_empty() {
    let lab = Lab::new();
    let mut policy = lab.workspace("ws");
    policy.unreadable = vec![lab.path("home"), lab.path("nowhere")];
    let outcome =
        lab.run(&Confinement::Sandboxed(policy), &lab.path("ws"), "cat $B/home/other; echo x > new").await;
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.text);
    assert!(!outcome.text.contains("content"), "{}", outcome.text);
}

#[tokio::test]
async fn a_link_in_place_of_a_protected_folder_cannot_be_replaced() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("plain/settings")).unwrap();
    symlink("settings", lab.path("plain/.codex")).unwrap();
    let policy = lab.workspace("plain");
    for script in [
        "rm .codex",
        "ln -sfn $B/out .codex",
        "echo x > settings/new",
        "echo x > .codex/new",
        "mv settings s",
    ] {
        let outcome = lab.run(&Confinement::Sandboxed(policy.clone()), &lab.path("plain"), script).await;
        assert!(matches!(outcome.exit, Exit::Code(1..)), "{script}: {outcome:?}");
    }
}
