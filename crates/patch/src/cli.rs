//! The command-line form: applies a patch and prints what came of it. Must not know processes.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::parse::Patch;
use crate::verify::{Deletions, work_out};

/// More than any patch; an endless stdin must not fill the memory.
const MAX_PATCH: u64 = 256 << 20;

/// What went wrong, with its exit code.
struct Failure(u8, String);

/// Applies a patch in `cwd`, an absolute folder, as `--codex-run-as-apply-patch PATCH` and the `apply_patch` alias do,
/// and prints the outcome. Without `argument` the patch is read from `stdin`. With `within`, only files below these
/// folders are written.
///
/// Returns the exit code: 0, 1 for a patch that cannot be applied (then nothing has changed), 2 for wrong usage.
pub fn run_cli(
    cwd: &Path,
    argument: Option<&str>,
    stdin: &mut dyn Read,
    within: Option<&[PathBuf]>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let outcome = patch_text(argument, stdin).and_then(|text| apply(&text, cwd, within));
    let (code, printed) = match &outcome {
        Ok(summary) => (0, stdout.write_all(summary.as_bytes()).and_then(|()| stdout.flush())),
        Err(Failure(code, text)) => (*code, writeln!(stderr, "{text}").and_then(|()| stderr.flush())),
    };
    // Nobody listens: the exit code still tells.
    if let Err(error) = printed {
        tracing::debug!(%error, "the outcome of a patch could not be printed");
    }
    code
}

fn patch_text(argument: Option<&str>, stdin: &mut dyn Read) -> Result<String, Failure> {
    if let Some(text) = argument {
        return Ok(text.to_owned());
    }
    let unreadable =
        |error: io::Error| Failure(1, format!("Error: Failed to read PATCH from stdin.\n{error}"));
    let mut bytes = Vec::new();
    stdin.take(MAX_PATCH + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.is_empty() {
        let usage = "Usage: apply_patch 'PATCH'\n       echo 'PATCH' | apply_patch";
        return Err(Failure(2, usage.to_owned()));
    }
    if bytes.len() as u64 > MAX_PATCH {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    String::from_utf8(bytes).map_err(|_| {
        unreadable(io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
    })
}

fn apply(text: &str, cwd: &Path, within: Option<&[PathBuf]>) -> Result<String, Failure> {
    let patch = Patch::parse(text).map_err(|error| Failure(1, error.to_string()))?;
    if patch.operations.is_empty() {
        return Err(Failure(1, "No files were modified.".to_owned()));
    }
    let verified = work_out(&patch, cwd, Deletions::Any).map_err(|error| Failure(1, error.helper_text()))?;
    verified.commit(within).map_err(|error| Failure(1, error.helper_text()))?;
    Ok(verified.summary())
}
