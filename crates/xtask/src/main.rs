//! Developer tasks, run as `cargo xtask <task>`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who runs it")]

mod bench;
mod schema;
mod tidy;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Developer tasks of app-server")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the generated schema that is checked in.
    Schema,
    /// Checks the tree: module comments, no paths of machines.
    Tidy,
    /// Measures a server binary, alone or against another.
    Bench(bench::BenchArgs),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().task {
        Task::Schema => schema::write(),
        Task::Tidy => tidy::check(),
        Task::Bench(args) => bench::main(args),
    }
}
