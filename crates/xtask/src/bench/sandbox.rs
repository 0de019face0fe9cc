//! What a sandbox adds to a command that does nothing: `/bin/true` bare, under the subject's own sandbox without a
//! server, and as a call of the model through a server.
//!
//! A subject is both a server and a sandbox: started under the name of the helper it runs one command confined. How
//! that command line is spelled differs, and each spelling is tried.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::client::{Server, in_home};
use super::commands::all_ran;
use super::homes::Home;
use super::model::Model;
use super::report::{Measure, median};
use super::subject::Subject;
use super::tools::Act;
use super::{FULL_ACCESS, Unable, WORKSPACE_WRITE};

/// The name under which a subject is a sandbox.
const HELPER_NAME: &str = "codex-linux-sandbox";

/// How often a command is run for its median: so often, or for so long but at least so often.
const SAMPLES: usize = 100;
const FEWEST_SAMPLES: usize = 10;
const SAMPLING_LIMIT: Duration = Duration::from_secs(10);

/// Calls of one turn.
const CALLS: usize = 50;

/// The figure that is shown less that of the bare command as well.
const OVER_BARE: &str = "`true`, helper, workspace-write without /tmp";

/// What a command may write.
#[derive(Clone, Copy, PartialEq)]
enum Policy {
    ReadOnly,
    /// The workspace alone, which is new and empty.
    Workspace,
    /// As is the default: /tmp as well, with whatever happens to be there.
    WorkspaceWrite,
    FullAccess,
}

/// Ways to have a subject run a command confined.
#[derive(Clone, Copy)]
enum Spelling {
    /// The helper, with a policy.
    HelperPolicy,
    /// The helper, with a profile of permissions.
    HelperProfile,
    /// The `sandbox` subcommand beside `app-server`, with the name of a profile.
    CliProfile,
    /// The same, as it was before there were profiles.
    CliMode,
}

const HELPER: &[Spelling] = &[Spelling::HelperPolicy, Spelling::HelperProfile];
const CLI: &[Spelling] = &[Spelling::CliProfile, Spelling::CliMode];

/// A command line of a subject that ends with the command to run.
struct Way {
    arg0: Option<&'static str>,
    arguments: Vec<String>,
}

/// `true` with and without a sandbox. What a subject has no way to do is left out, with a word to the user.
pub(super) fn sandbox(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    use Policy::{FullAccess, ReadOnly, Workspace, WorkspaceWrite};

    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let bare = sample(|| in_home(Command::new("/bin/true"), &home))?;
    let mut measures = vec![Measure::seconds("`true`, bare", bare)];
    let ways = [
        ("`true`, helper, read-only", HELPER, ReadOnly),
        (OVER_BARE, HELPER, Workspace),
        ("`true`, helper, workspace-write", HELPER, WorkspaceWrite),
        ("`true`, helper, full access", HELPER, FullAccess),
        ("`true`, `sandbox` subcommand, read-only", CLI, ReadOnly),
        ("`true`, `sandbox` subcommand, workspace-write", CLI, WorkspaceWrite),
        ("`true`, `sandbox` subcommand, full access", CLI, FullAccess),
    ];
    for (name, spellings, policy) in ways {
        let Some(way) = working(subject, &home, spellings, policy)? else {
            eprintln!("  {subject}: no way to run {name}");
            continue;
        };
        let seconds = sample(|| way.command(subject, &home, &["/bin/true"]))?;
        measures.push(Measure::seconds(name, seconds));
        if name == OVER_BARE {
            measures.push(Measure::seconds(
                "`true`, helper, workspace-write without /tmp, less bare",
                seconds - bare,
            ));
        }
    }

    let mut server = Server::start(subject, &home)?;
    for (name, mode) in [
        ("call of `true` through a turn, workspace-write", WORKSPACE_WRITE),
        ("call of `true` through a turn, full access", FULL_ACCESS),
    ] {
        match calls(&mut server, &model, &home, mode) {
            Ok(seconds) => measures.push(Measure::seconds(name, seconds)),
            Err(error) if error.is::<Unable>() => eprintln!("  {subject}: {name}: {error}"),
            Err(error) => return Err(error),
        }
    }
    server.finish()?;
    Ok(measures)
}

/// The first spelling that runs a command and confines it as it should.
///
/// # Errors
/// A command that ran but could write what it must not: there is nothing to measure in that.
fn working(
    subject: &Subject,
    home: &Home,
    spellings: &[Spelling],
    policy: Policy,
) -> anyhow::Result<Option<Way>> {
    let probe = home.work().join("probe");
    for spelling in spellings {
        let Some(way) = spelling.way(subject, policy, home) else { continue };
        if !run(way.command(subject, home, &["/bin/true"]))? {
            continue;
        }
        run(way.command(subject, home, &["/bin/sh", "-c", ": > probe"]))?;
        let wrote = probe.exists();
        ensure!(wrote == (policy != Policy::ReadOnly), "the sandbox does not do what it is asked to");
        if wrote {
            fs::remove_file(&probe)?;
        }
        return Ok(Some(way));
    }
    Ok(None)
}

impl Spelling {
    /// None: a subject without a `sandbox` subcommand, or a policy that has no word.
    fn way(self, subject: &Subject, policy: Policy, home: &Home) -> Option<Way> {
        let folder = home.work().to_string_lossy().into_owned();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let (arg0, arguments) = match self {
            Self::HelperPolicy => {
                let json = policy.older_json().to_string();
                let arguments = ["--sandbox-policy-cwd", &folder, "--sandbox-policy", &json, "--"];
                (Some(HELPER_NAME), words(&arguments))
            }
            Self::HelperProfile => {
                let json = policy.profile_json().to_string();
                let folders = ["--sandbox-policy-cwd", &folder, "--command-cwd", &folder];
                (Some(HELPER_NAME), words(&[&folders[..], &["--permission-profile", &json, "--"]].concat()))
            }
            Self::CliProfile => {
                let profile = match policy {
                    Policy::ReadOnly => ":read-only",
                    Policy::Workspace => return None,
                    Policy::WorkspaceWrite => ":workspace",
                    Policy::FullAccess => ":danger-full-access",
                };
                let mut arguments = subject.arguments_beside_server()?;
                arguments.extend(words(&["sandbox", "-P", profile, "--"]));
                (None, arguments)
            }
            Self::CliMode => {
                let mode: &[&str] = match policy {
                    Policy::ReadOnly => &["sandbox", "linux", "--"],
                    Policy::WorkspaceWrite => &["sandbox", "linux", "--full-auto", "--"],
                    Policy::Workspace | Policy::FullAccess => return None,
                };
                let mut arguments = subject.arguments_beside_server()?;
                arguments.extend(words(mode));
                (None, arguments)
            }
        };
        Some(Way { arg0, arguments })
    }
}

impl Policy {
    fn older_json(self) -> Value {
        match self {
            Self::ReadOnly => json!({"type": "read-only"}),
            Self::Workspace => {
                json!({"type": "workspace-write", "exclude_tmpdir_env_var": true, "exclude_slash_tmp": true})
            }
            Self::WorkspaceWrite => json!({"type": "workspace-write"}),
            Self::FullAccess => json!({"type": "danger-full-access"}),
        }
    }

    fn profile_json(self) -> Value {
        let entry = |kind: &str, access: &str| json!({"path": {"type": "special", "value": {"kind": kind}}, "access": access});
        let entries = match self {
            Self::FullAccess => return json!({"type": "disabled"}),
            Self::ReadOnly => vec![entry("root", "read")],
            Self::Workspace => vec![entry("root", "read"), entry("project_roots", "write")],
            Self::WorkspaceWrite => vec![
                entry("root", "read"),
                entry("project_roots", "write"),
                entry("slash_tmp", "write"),
                entry("tmpdir", "write"),
            ],
        };
        let files = json!({"type": "restricted", "entries": entries});
        json!({"type": "managed", "file_system": files, "network": "restricted"})
    }
}

impl Way {
    fn command(&self, subject: &Subject, home: &Home, argv: &[&str]) -> Command {
        let mut command = Command::new(subject.program());
        if let Some(arg0) = self.arg0 {
            command.arg0(arg0);
        }
        command.args(&self.arguments).args(argv);
        in_home(command, home)
    }
}

/// Runs a command that says nothing; whether it went well.
fn run(mut command: Command) -> anyhow::Result<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().with_context(|| format!("cannot run {command:?}"))?.success())
}

/// Median of the wall time, in seconds, of a command that is run many times. A run that fails now and then, as sandboxes of the reference do
/// when two of them meet in /tmp, does not count.
fn sample(make: impl Fn() -> Command) -> anyhow::Result<f64> {
    let mut seconds = Vec::with_capacity(SAMPLES);
    let mut failed = 0;
    let started = Instant::now();
    while seconds.len() < SAMPLES && (seconds.len() < FEWEST_SAMPLES || started.elapsed() < SAMPLING_LIMIT) {
        let command = make();
        let begin = Instant::now();
        if run(command)? {
            seconds.push(begin.elapsed().as_secs_f64());
        } else {
            failed += 1;
            ensure!(failed <= SAMPLES / 10, "a command that worked before fails too often");
        }
    }
    if failed > 0 {
        eprintln!("  {failed} runs failed beside {} that went well", seconds.len());
    }
    median(&seconds).context("nothing was run")
}

/// Wall time in seconds of one call of `true`, out of a turn with many.
fn calls(server: &mut Server, model: &Model, home: &Home, mode: &str) -> anyhow::Result<f64> {
    let thread = server.start_acting_thread(home.work(), mode)?;
    let mut turn = |count: usize| -> anyhow::Result<f64> {
        model.answer_with_acts(vec![Act::Command("/bin/true".to_owned()); count]);
        let begin = Instant::now();
        let items = server.run_acting_turn(&thread, ("commandExecution", count), |_| Ok(()))?;
        let seconds = begin.elapsed().as_secs_f64();
        all_ran(model, &items, count)?;
        Ok(seconds)
    };
    // The first turn of a process pays for connections and caches.
    turn(1)?;
    Ok(turn(CALLS)? / CALLS as f64)
}
