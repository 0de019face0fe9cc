//! The binary: finds out what it was started as, hands the arguments over and turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: the helper forks, which only a process of one thread may.
    if let Some(code) = app_server_sandbox::helper_main_if_invoked(std::env::args_os()) {
        return exit_code(code);
    }
    if let Some(code) = app_server::patch_main_if_invoked(std::env::args_os()) {
        return ExitCode::from(code);
    }
    match app_server::cli::main(std::env::args_os()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[allow(
    clippy::print_stderr,
    reason = "the last word of a program that failed; stdout belongs to the protocol"
)]
fn complain(error: &anyhow::Error) {
    eprintln!("app-server: {error:#}");
}
