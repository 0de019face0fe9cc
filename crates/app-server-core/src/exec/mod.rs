//! Running commands: what may run and how ([`plan()`]), carrying that out ([`run_with_plan`]), processes at work
//! ([`Session`]), what they say ([`ItemOutput`]), and commands that run on beside the turn ([`Terminals`]). Everything
//! that starts a process goes through a plan.

mod boundary;
mod item;
mod output;
mod plan;
mod run;
mod session;
mod start;
mod terminals;
mod truncate;

pub(crate) use boundary::Boundary;
pub(crate) use item::{CommandEnd, CommandItem};
pub(crate) use output::ItemOutput;
pub(crate) use plan::{ApprovalQuestion, ExecPlan, ExecRequest, Rejected, plan};
pub(crate) use run::{Attempt, Executor, Refusal, run_with_plan};
pub(crate) use session::{Ended, Session};
pub(crate) use start::start;
pub(crate) use terminals::{MANY_OPEN, Terminal, Terminals};
pub(crate) use truncate::{Limit, tokens, truncate};
