//! Parts of a thread's history, by their places in its files. Must not know what the records mean.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::base::{Bases, MAX_DEPTH};
use crate::input::Input;
use crate::lines::Lines;
use crate::meta::HistoryBase;
use crate::reader::{ReadError, Reading, Scanner, read};
use crate::record::{Body, LineHead, Position, Record};
use crate::store::Store;

/// The files that a thread's history is in: its own, and those it continues.
pub struct Chain {
    /// The thread's own file first.
    links: Vec<Link>,
    /// The one that was read last.
    open: Option<(u16, Lines)>,
}

struct Link {
    file: u16,
    path: PathBuf,
    /// Records from this number on are not of the history, nor are those without a number, if it is a file that another
    /// one continues.
    end_ordinal: u64,
}

impl Store {
    /// Returns the files of the history of the thread in this file. Those that are gone are left out.
    ///
    /// # Errors
    /// When the thread's own file cannot be read.
    pub fn chain(&self, path: &Path) -> Result<Chain, ReadError> {
        let bases = Bases::new(self);
        let mut links = vec![Link { file: Position::OWN_FILE, path: path.to_owned(), end_ordinal: u64::MAX }];
        let mut base = base_of(&links[0])?;
        while let Some(HistoryBase { thread_id, end_ordinal_exclusive }) = base
            && let Some(last) = links.last()
            && links.len() <= usize::from(MAX_DEPTH)
            && let Some(path) = bases.find(thread_id)
        {
            let end_ordinal = last.end_ordinal.min(end_ordinal_exclusive);
            let link = Link { file: last.file - 1, path, end_ordinal };
            base = base_of(&link).unwrap_or_default();
            links.push(link);
        }
        Ok(Chain { links, open: None })
    }
}

impl Chain {
    /// Opens the end of what the files hold, the oldest file first, at most `at_most` bytes of it. Returns also whether
    /// there is more before that. Files that are gone are left out.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open_end(&self, at_most: u64) -> io::Result<(Box<dyn io::Read>, bool)> {
        let mut end: Box<dyn io::Read> = Box::new(io::empty());
        let mut left = at_most;
        for path in self.paths() {
            let size = match Input::open(path) {
                Ok(input) => input.size()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let skipped = size.saturating_sub(left);
            let mut input = Input::open(path)?;
            input.seek(path, 0, skipped)?;
            end = Box::new(io::Read::chain(input, end));
            if skipped > 0 {
                return Ok((end, true));
            }
            left -= size;
        }
        Ok((end, false))
    }

    /// Returns the files, the thread's own first.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.links.iter().map(|link| link.path.as_path())
    }

    /// Reads the records of one file from a place up to another, which is not read any more.
    ///
    /// # Errors
    /// When the file cannot be read. One that is continued and is gone has no records.
    pub fn read(
        &mut self,
        from: Position,
        until: u64,
        reading: &mut dyn Reading,
    ) -> Result<ControlFlow<()>, ReadError> {
        let Some(link) = self.links.iter().find(|link| link.file == from.file) else {
            return Ok(ControlFlow::Continue(()));
        };
        let mut part = Part { reading, link, until };
        let mut scanner = Scanner::new(&mut part);
        let mut run = || {
            let lines = match &mut self.open {
                Some((file, lines)) if *file == from.file => lines,
                open => &mut open.insert((from.file, Lines::open(&link.path)?)).1,
            };
            lines.jump(from.offset)?;
            scanner.run(lines, until)
        };
        match run() {
            Ok(flow) => Ok(flow),
            Err(error) if from.file != Position::OWN_FILE => {
                tracing::warn!(%error, path = %link.path.display(), "cannot read what a thread continues");
                Ok(ControlFlow::Continue(()))
            }
            Err(error) => Err(ReadError::new(&link.path, error)),
        }
    }

    /// Reads all records from a place on, in this file and those that continue it, up to another place if one is given.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_on(
        &mut self,
        from: Position,
        until: Option<Position>,
        reading: &mut dyn Reading,
    ) -> Result<(), ReadError> {
        for file in from.file..=until.map_or(Position::OWN_FILE, |until| until.file) {
            let offset = if file == from.file { from.offset } else { 0 };
            let end = until.filter(|until| until.file == file).map_or(u64::MAX, |until| until.offset);
            if self.read(Position { file, offset }, end, reading)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads what a file continues.
fn base_of(link: &Link) -> Result<Option<HistoryBase>, ReadError> {
    struct First<'a> {
        link: &'a Link,
        base: Option<HistoryBase>,
    }
    impl Reading for First<'_> {
        fn wants(&self, _head: &LineHead<'_>) -> bool {
            false
        }

        fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
            match &record.body {
                Body::SessionMeta(meta) if self.link.has(record.ordinal) => {
                    self.base = meta.history_base;
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    let mut first = First { link, base: None };
    let _ = read(&link.path, &mut first)?;
    Ok(first.base)
}

impl Link {
    fn has(&self, ordinal: Option<u64>) -> bool {
        self.file == Position::OWN_FILE || ordinal.is_some_and(|ordinal| ordinal < self.end_ordinal)
    }
}

/// What is read of one file.
struct Part<'a> {
    reading: &'a mut dyn Reading,
    link: &'a Link,
    until: u64,
}

impl Part<'_> {
    fn has(&self, ordinal: Option<u64>, position: Position) -> bool {
        // A record that is glued to another one begins behind it.
        position.offset < self.until && self.link.has(ordinal)
    }
}

impl Reading for Part<'_> {
    fn wants(&self, head: &LineHead<'_>) -> bool {
        self.has(head.ordinal, head.position) && self.reading.wants(&head.in_file(self.link.file))
    }

    fn passed(&mut self, head: &LineHead<'_>) {
        if self.has(head.ordinal, head.position) {
            self.reading.passed(&head.in_file(self.link.file));
        }
    }

    fn take(&mut self, mut record: Record<'_>) -> ControlFlow<()> {
        if !self.has(record.ordinal, record.position) {
            return ControlFlow::Continue(());
        }
        record.position.file = self.link.file;
        self.reading.take(record)
    }
}
