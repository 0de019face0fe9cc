//! What a sandbox costs. Run by hand, with a release build of the helper: see `docs/sandbox.md`.
#![allow(clippy::disallowed_methods, reason = "the helper to measure is named by a variable")]

use std::time::{Duration, Instant};

use app_server_sandbox::{Confinement, Exit, Launch, Launcher, Stdio};

use super::lab::Lab;

const RUNS: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, asserts nothing"]
async fn cost_of_running_true() {
    let lab = Lab::new();
    let helper = std::env::var_os("HELPER").unwrap_or(env!("CARGO_BIN_EXE_app-server").into());
    let launcher = Launcher::new(helper.into());
    let network = app_server_sandbox::Policy { network: true, ..lab.workspace("ws") };
    let ways = [
        ("direct", Confinement::Direct),
        ("read-only", Confinement::Sandboxed(app_server_sandbox::read_only(false))),
        ("workspace", Confinement::Sandboxed(lab.workspace("ws"))),
        ("workspace, network on", Confinement::Sandboxed(network)),
    ];
    let mut times: Vec<(&str, Vec<Duration>)> = vec![("bare", Vec::new())];
    times.extend(ways.iter().map(|(name, _)| (*name, Vec::new())));
    let (argv, env, cwd) = (["/bin/true".into()], lab.env(), lab.path("ws"));
    // In turn, so that what else the machine does meanwhile is shared fairly.
    for _ in 0..RUNS {
        let start = Instant::now();
        assert!(tokio::process::Command::new("/bin/true").output().await.unwrap().status.success());
        times[0].1.push(start.elapsed());
        for ((_, confinement), (_, times)) in ways.iter().zip(&mut times[1..]) {
            let start = Instant::now();
            let launch =
                Launch { argv: &argv, arg0: None, cwd: &cwd, env: &env, confinement, stdio: Stdio::Pipes };
            let mut process = launcher.spawn(&launch).unwrap();
            assert_eq!(process.wait().await, Exit::Code(0));
            times.push(start.elapsed());
            process.gone().await;
        }
    }
    for (name, times) in &mut times {
        times.sort();
        println!("{name}: median {:?}, best {:?}", times[RUNS / 2], times[0]);
    }
}
