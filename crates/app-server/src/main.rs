//! The binary: hands the arguments over and turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    match app_server::cli::main(std::env::args_os()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(
    clippy::print_stderr,
    reason = "the last word of a program that failed; stdout belongs to the protocol"
)]
fn complain(error: &anyhow::Error) {
    eprintln!("app-server: {error:#}");
}
