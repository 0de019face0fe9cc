//! Patches: parse, work out, write, compare.
//!
//! Everything here blocks; callers run it on a blocking thread. This crate knows neither the wire's types nor the
//! model's, decides nothing about approvals, and reads no environment variable.
//!
//! - [`Patch`]: the grammar
//! - [`verify`]: works a patch out against the files on disk; [`Verified`] tells what it does and
//!   [`Verified::commit`] writes it, all or nothing
//! - [`TurnDiff`]: what the patches of a turn changed in all
//! - [`intercept`]: shell commands that are patches
//! - [`run_cli`]: the command-line form
//! - [`shown`], [`executes_later`]: what an approval should say of a path

mod cli;
mod commit;
mod intercept;
mod names;
mod overlay;
mod parse;
mod report;
mod resolve;
mod text;
mod turn_diff;
mod unified;
mod verify;

pub use cli::run_cli;
pub use commit::{CommitError, CommitFailure};
pub use intercept::{Intercepted, intercept};
pub use names::{executes_later, shown};
pub use parse::{Chunk, ChunkLine, Operation, ParseError, Patch};
pub use report::{ItemChange, ItemChangeKind};
pub use turn_diff::TurnDiff;
pub use verify::{ApplyError, ApplyFailure, Change, ChangeKind, MoveTarget, Verified, verify};
