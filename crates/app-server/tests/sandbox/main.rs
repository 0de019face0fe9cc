//! Commands under the real helper: what each policy allows, what is left when the kernel lacks something, and what remains of a command
//! once it has ended.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod cases;
mod cost;
mod features;
mod lab;
mod launching;
mod prober;
mod supervision;
