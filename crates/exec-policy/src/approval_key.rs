//! What an answer given for the whole session covers: this command, here, run by these programs, and no other.

use std::path::{Path, PathBuf};

use crate::place::{Surroundings, program_file};
use crate::script::plain_commands;

/// The key of an approved command. Two are equal only if approving the one was approving the other.
///
/// Patches need none of this: their keys are the files they change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApprovalKey {
    argv: Vec<String>,
    cwd: PathBuf,
    escalated: bool,
    tty: bool,
    /// The files that the programs' names lead to now: a file of that name put in front of one is another program.
    programs: Vec<Option<PathBuf>>,
}

impl ApprovalKey {
    /// Describes `argv` run in the folder of `around`, sandboxed unless `escalated`, with a terminal if `tty`.
    pub fn new(argv: &[String], escalated: bool, tty: bool, around: &Surroundings<'_>) -> Self {
        let inner = plain_commands(argv).unwrap_or_default();
        let names = argv.first().into_iter().chain(inner.iter().filter_map(|words| words.first()));
        let mut names: Vec<&String> = names.collect();
        names.sort();
        names.dedup();
        Self {
            argv: argv.to_vec(),
            cwd: around.cwd.to_owned(),
            escalated,
            tty,
            programs: names.into_iter().map(|name| program_file(name, around)).collect(),
        }
    }

    /// Returns the folder the command was approved in.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }
}
