//! The binary as `apply_patch`: under that name, or with its own option as the first argument (sandbox specification 5).
//! It runs inside the sandbox, so it asks nothing and decides nothing.

use std::env::ArgsOs;
use std::path::Path;

/// Names under which the binary applies a patch given as its argument or on its input.
const NAMES: &[&str] = &["apply_patch", "applypatch"];
/// The first argument that asks for the same.
const OPTION: &str = "--codex-run-as-apply-patch";
/// The exit code for arguments that make no sense.
const USAGE: u8 = 2;

/// Applies a patch and returns the exit code, if that is what this process was started for.
#[allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a program of its own: it works in the folder it is started in and talks to whoever started it"
)]
pub fn patch_main_if_invoked(mut args: ArgsOs) -> Option<u8> {
    let name = args.next()?;
    let is_alias = Path::new(&name).file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known));
    let mut first = args.next();
    if !is_alias {
        if first.as_deref()? != OPTION {
            return None;
        }
        first = args.next();
    }
    if args.next().is_some() {
        eprintln!("Error: apply_patch accepts exactly one argument.");
        return Some(USAGE);
    }
    let Ok(cwd) = std::env::current_dir() else {
        eprintln!("apply_patch: the working folder is gone");
        return Some(1);
    };
    let patch = first.map(|patch| patch.to_string_lossy().into_owned());
    let (mut input, mut output, mut error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    Some(app_server_patch::run_cli(&cwd, patch.as_deref(), &mut input, None, &mut output, &mut error))
}
