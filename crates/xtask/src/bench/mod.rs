//! Measures a real server binary, alone or against another one, from the outside: over its pipes and through `/proc`.
//!
//! Must not know how the server works: what is measured is any program that speaks the protocol. Nothing here
//! judges a figure; the table is for people.
//!
//! - [`subject`]: the command lines under measurement
//! - [`client`]: one running server and its pipes
//! - [`homes`]: homes, configuration and generated rollouts
//! - [`model`]: the scripted model server
//! - [`usage`]: CPU time and memory out of `/proc`
//! - [`tools`]: what the model has done, in the words of the tools on offer
//! - [`process`], [`turns`], [`commands`], [`client_commands`], [`sandbox`], [`store`], [`search`], [`mcp`]: the cases
//! - [`report`]: statistics and the table
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table on stdout is what the command is for"
)]

mod client;
mod client_commands;
mod commands;
mod homes;
mod mcp;
mod model;
mod process;
mod report;
mod sandbox;
mod search;
mod store;
mod subject;
mod tools;
mod turns;
mod usage;

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

use report::{Measure, Report};
use subject::Subject;

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Command line of the server to measure, split at blanks [default: target/release/app-server, built if missing]
    #[arg(long, value_name = "CMD")]
    binary: Option<String>,
    /// Command line of a server to compare with, for instance "/usr/bin/codex app-server"
    #[arg(long, value_name = "CMD")]
    against: Option<String>,
    /// Only these cases, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// How often each case runs (start-up: 30 spawns whatever is given here)
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Also write the table, as Markdown, to this file
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// How often a case runs.
enum Rounds {
    /// As often as the user says.
    Runs,
    /// A number of its own: quick cases whose median is to be trusted, and facts that do not vary.
    Fixed(u32),
}

/// A scenario that is run against each subject in turn and yields one or more figures.
struct Case {
    name: &'static str,
    rounds: Rounds,
    /// One run with a fresh home of its own; every run yields the same figures in the same order. A figure that the
    /// subject has no means for is left out; if that is all of them, the error is [`Unable`].
    run: fn(&Subject) -> anyhow::Result<Vec<Measure>>,
}

/// Sandbox modes, as `thread/start` takes them.
const WORKSPACE_WRITE: &str = "workspace-write";
const FULL_ACCESS: &str = "danger-full-access";

/// A subject has no means to do what a case is about, and why it is thought so.
#[derive(Debug)]
struct Unable(String);

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unable {}

const CASES: &[Case] = &[
    Case { name: "size", rounds: Rounds::Fixed(1), run: process::size },
    Case { name: "startup", rounds: Rounds::Fixed(30), run: process::startup },
    Case { name: "idle", rounds: Rounds::Runs, run: process::idle },
    Case { name: "turns", rounds: Rounds::Runs, run: turns::sequential },
    Case { name: "soak", rounds: Rounds::Fixed(1), run: turns::soak },
    Case { name: "deltas", rounds: Rounds::Runs, run: turns::deltas },
    Case { name: "parallel", rounds: Rounds::Runs, run: turns::parallel },
    Case { name: "command", rounds: Rounds::Runs, run: commands::command },
    Case { name: "exec", rounds: Rounds::Runs, run: client_commands::exec },
    Case { name: "sandbox", rounds: Rounds::Runs, run: sandbox::sandbox },
    Case { name: "output", rounds: Rounds::Runs, run: commands::output },
    Case { name: "patch", rounds: Rounds::Runs, run: commands::patch },
    Case { name: "search", rounds: Rounds::Runs, run: search::search },
    Case { name: "list", rounds: Rounds::Runs, run: store::list },
    Case { name: "list-many", rounds: Rounds::Runs, run: store::list_many },
    Case { name: "resume", rounds: Rounds::Runs, run: store::resume },
    Case { name: "large", rounds: Rounds::Runs, run: store::large },
    Case { name: "mcp", rounds: Rounds::Runs, run: mcp::mcp },
    Case { name: "pipeline", rounds: Rounds::Runs, run: process::pipeline },
];

/// Runs the chosen cases and prints the table.
///
/// The subjects take turns run by run, so that a busy moment of the machine hits both.
///
/// # Errors
/// An unknown case name, a binary that is not there or cannot be built, a Markdown file that cannot be written. A case
/// that fails (the server breaks off, refuses, or answers something else) is an error at the end: the others are run
/// and the table is printed first.
pub(crate) fn main(args: BenchArgs) -> anyhow::Result<()> {
    let BenchArgs { binary, against, only, runs, markdown } = args;
    if let Some(unknown) = only.iter().find(|name| CASES.iter().all(|case| case.name != **name)) {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        bail!("no case named {unknown:?}; there are: {}", names.join(", "));
    }
    let mut subjects = vec![match &binary {
        Some(command) => Subject::parse(command)?,
        None => Subject::release_build()?,
    }];
    if let Some(command) = &against {
        subjects.push(Subject::parse(command)?);
    }

    let mut report = Report::new(subjects.iter().map(Subject::to_string).collect());
    for case in CASES.iter().filter(|case| only.is_empty() || only.iter().any(|name| name == case.name)) {
        let rounds = match case.rounds {
            Rounds::Runs => runs,
            Rounds::Fixed(rounds) => rounds,
        };
        let mut given_up = vec![false; subjects.len()];
        for round in 0..rounds {
            eprintln!("{} {}/{rounds}", case.name, round + 1);
            for (index, subject) in subjects.iter().enumerate() {
                if given_up[index] {
                    continue;
                }
                match (case.run)(subject) {
                    Ok(measures) => report.add(case.name, index, measures),
                    Err(error) if error.is::<Unable>() => {
                        given_up[index] = true;
                        report.unable(case.name, index, &error);
                    }
                    Err(error) => {
                        given_up[index] = true;
                        report.fail(case.name, index, &error);
                    }
                }
            }
        }
    }

    print!("{}", report.plain());
    if let Some(path) = &markdown {
        std::fs::write(path, report.markdown())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    ensure!(!report.has_failures(), "not every case could be measured");
    Ok(())
}
