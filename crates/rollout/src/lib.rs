//! Threads on disk: find, list, read and append rollout files.
//!
//! Everything here blocks; callers run the slow parts on a blocking thread. Items stay raw JSON: this crate knows
//! neither the wire's types nor the model's, and it reads no environment variable.
//!
//! - [`record`], [`meta`]: one line of a rollout, and the line that starts one
//! - [`reader`]: streams a file in constant memory, whatever its state; [`Chain`]: parts of a history
//! - `kept`: what was gathered from large files, so that they are not read again for it
//! - [`writer`]: appends batches of lines
//! - [`store`], [`list`]: finds, lists, archives and deletes threads under one home
//! - [`names`], [`metadata`], [`sections`]: what is recorded beside the rollouts; [`lock`]: one writer per thread

mod base;
mod catalog;
mod chain;
mod file_name;
mod files;
mod follow;
mod head;
mod index;
mod input;
mod kept;
mod lines;
pub mod list;
pub mod lock;
pub mod meta;
pub mod metadata;
pub mod names;
pub mod reader;
pub mod record;
pub mod sections;
pub mod store;
mod tail;
pub mod writer;

pub use chain::Chain;
pub use head::{Header, HeaderError};
pub use list::{Cursor, InvalidCursor, ListError, ListPage, ListQuery, SortKey, SourceFilter, SourceKind};
pub use lock::{LockError, WriterLock};
pub use meta::{BaseInstructions, GitInfo, HistoryBase, HistoryMode, SessionMeta, Source};
pub use metadata::{GitChange, MetadataIndex};
pub use names::NameIndex;
pub use reader::{ReadError, Reading, ScanReport, scan};
pub use record::{Body, Damaged, Event, LineHead, Position, Record, timestamp_text};
pub use sections::{Placement, Section, SectionError, SectionIndex, Sections};
pub use store::{Found, MoveError, Scope, Store};
pub use tail::TurnSettings;
pub use writer::{Batch, RolloutWriter};
