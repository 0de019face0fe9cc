//! The turns of a thread as they are answered: the text of a JSON array, kept in memory while it is short and in a file
//! without a name when it is not. So an answer with all turns of a huge thread costs disk and no memory.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use app_server_protocol::v2::Turn;

/// Up to this many bytes stay in memory.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;

/// Collects turns, one after the other.
pub(crate) struct TurnsWriter {
    folder: PathBuf,
    held: Vec<u8>,
    spilled: Option<File>,
    is_empty: bool,
}

/// The text of all turns.
#[derive(Debug)]
pub enum TurnsText {
    /// A short one.
    Held(Vec<u8>),
    /// A long one: the file, open at its start, and its length in bytes.
    Spilled(File, u64),
}

impl Default for TurnsText {
    fn default() -> Self {
        TurnsText::Held(b"[]".to_vec())
    }
}

impl TurnsWriter {
    /// `folder` is where a long text is put; where it cannot be, the system's folder for temporary files is taken.
    pub(crate) fn new(folder: &Path) -> Self {
        TurnsWriter { folder: folder.to_owned(), held: Vec::new(), spilled: None, is_empty: true }
    }

    /// Adds a turn.
    ///
    /// # Errors
    /// When there is no room on the disk.
    pub(crate) fn push(&mut self, turn: &Turn) -> io::Result<()> {
        self.held.push(if self.is_empty { b'[' } else { b',' });
        self.is_empty = false;
        serde_json::to_writer(&mut self.held, turn)?;
        if self.held.len() > MEMORY_BYTES { self.spill() } else { Ok(()) }
    }

    /// Ends the array.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(crate) fn finish(mut self) -> io::Result<TurnsText> {
        if self.is_empty {
            return Ok(TurnsText::default());
        }
        self.held.push(b']');
        if self.spilled.is_none() {
            return Ok(TurnsText::Held(self.held));
        }
        self.spill()?;
        let Some(mut file) = self.spilled else { return Ok(TurnsText::default()) };
        let length = file.stream_position()?;
        file.rewind()?;
        Ok(TurnsText::Spilled(file, length))
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.spilled {
            Some(file) => file,
            None => {
                self.spilled.insert(tempfile::tempfile_in(&self.folder).or_else(|_| tempfile::tempfile())?)
            }
        };
        file.write_all(&self.held)?;
        // A single huge turn must not hold its memory while the others are collected.
        self.held = Vec::new();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use app_server_protocol::v2::{Turn, TurnItemsView, TurnStatus};

    use super::*;

    fn turn(id: &str) -> Turn {
        serde_json::from_value(serde_json::json!({
            "id": id, "items": [], "itemsView": TurnItemsView::Full, "status": TurnStatus::Completed
        }))
        .unwrap()
    }

    fn text_of(ids: &[String], folder: &Path) -> (String, bool) {
        let mut writer = TurnsWriter::new(folder);
        for id in ids {
            writer.push(&turn(id)).unwrap();
        }
        match writer.finish().unwrap() {
            TurnsText::Held(text) => (String::from_utf8(text).unwrap(), false),
            TurnsText::Spilled(mut file, length) => {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text.len() as u64, length);
                (text, true)
            }
        }
    }

    #[test]
    fn long_and_short_texts_hold_the_turns_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let short: Vec<String> = vec!["a".to_owned(), "b".to_owned()];
        let long: Vec<String> = (0..3).map(|n| n.to_string().repeat(MEMORY_BYTES / 2)).collect();
        for (ids, is_long) in [(Vec::new(), false), (short, false), (long, true)] {
            // Where the folder is not there another one is taken.
            for folder in [folder.path(), Path::new("/nowhere")] {
                let (text, is_spilled) = text_of(&ids, folder);
                let turns: Vec<Turn> = serde_json::from_str(&text).unwrap();
                assert_eq!(turns.into_iter().map(|turn| turn.id).collect::<Vec<_>>(), ids);
                assert_eq!(is_spilled, is_long);
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file has a name");
    }
}
