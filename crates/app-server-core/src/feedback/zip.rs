//! A zip archive of a few files, stored as they are. An archive of this kind is a page of code; it must not know what is
//! in the files.

use std::io::{self, Seek, SeekFrom, Write};

/// Signatures of the three kinds of record.
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// Version 2.0, the first that everybody reads.
const VERSION: u16 = 20;
/// File names are UTF-8.
const UTF8_NAMES: u16 = 1 << 11;
/// Made on Unix, so that the mode counts.
const MADE_ON_UNIX: u16 = 3 << 8;
/// A regular file that its owner may read and write.
const MODE: u32 = 0o100_600 << 16;
/// Where the checksum is in a local record; the two sizes follow it.
const CHECKSUM_AT: u64 = 14;
/// 1980-01-01, the first day there is: when things were is told in the files.
const DATE: u16 = 0x21;

/// An archive being written.
pub(super) struct Zip<W> {
    to: W,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    at: u32,
    size: u32,
    checksum: u32,
}

impl<W: Write + Seek> Zip<W> {
    /// Begins an archive at the beginning of `to`.
    pub(super) fn new(to: W) -> Self {
        Zip { to, entries: Vec::new() }
    }

    /// Adds a file; `write` is given what takes its bytes.
    ///
    /// # Errors
    /// Those of writing, and an archive of 4 GiB.
    pub(super) fn add(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let at = self.to.stream_position()?;
        let mut head = Vec::new();
        put32(&mut head, LOCAL);
        describe(&mut head, name, 0, 0)?;
        head.extend_from_slice(name.as_bytes());
        self.to.write_all(&head)?;
        let mut body = Body { to: &mut self.to, size: 0, checksum: !0 };
        write(&mut body)?;
        let (size, checksum) = (fitting(body.size)?, !body.checksum);
        let end = self.to.stream_position()?;
        let mut known = Vec::new();
        put32(&mut known, checksum);
        put32(&mut known, size);
        put32(&mut known, size);
        self.to.seek(SeekFrom::Start(at + CHECKSUM_AT))?;
        self.to.write_all(&known)?;
        self.to.seek(SeekFrom::Start(end))?;
        self.entries.push(Entry { name: name.to_owned(), at: fitting(at)?, size, checksum });
        Ok(())
    }

    /// Writes the list of the files and returns what was written to.
    ///
    /// # Errors
    /// As [`Zip::add`].
    pub(super) fn finish(mut self) -> io::Result<W> {
        let at = fitting(self.to.stream_position()?)?;
        let mut list = Vec::new();
        for Entry { name, at, size, checksum } in &self.entries {
            put32(&mut list, CENTRAL);
            put16(&mut list, MADE_ON_UNIX | VERSION);
            describe(&mut list, name, *checksum, *size)?;
            // No comment, the first disk, no attributes but the mode.
            list.extend_from_slice(&[0; 6]);
            put32(&mut list, MODE);
            put32(&mut list, *at);
            list.extend_from_slice(name.as_bytes());
        }
        let size = fitting(list.len() as u64)?;
        let count = u16::try_from(self.entries.len()).map_err(|_| too_large())?;
        put32(&mut list, END);
        list.extend_from_slice(&[0; 4]);
        put16(&mut list, count);
        put16(&mut list, count);
        put32(&mut list, size);
        put32(&mut list, at);
        put16(&mut list, 0);
        self.to.write_all(&list)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// What both records say of a file, from the version to the length of the extra field.
fn describe(to: &mut Vec<u8>, name: &str, checksum: u32, size: u32) -> io::Result<()> {
    put16(to, VERSION);
    put16(to, UTF8_NAMES);
    // Stored, at midnight.
    put16(to, 0);
    put16(to, 0);
    put16(to, DATE);
    put32(to, checksum);
    put32(to, size);
    put32(to, size);
    put16(to, u16::try_from(name.len()).map_err(|_| too_large())?);
    put16(to, 0);
    Ok(())
}

/// Counts and sums up what it passes on.
struct Body<'a, W> {
    to: &'a mut W,
    size: u64,
    /// Of what came so far, inverted.
    checksum: u32,
}

impl<W: Write> Write for Body<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.size += count as u64;
        for byte in &bytes[..count] {
            let [low, ..] = self.checksum.to_le_bytes();
            self.checksum = TABLE[usize::from(low ^ byte)] ^ (self.checksum >> 8);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// CRC-32 of every byte, with the polynomial of zip.
static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        #[allow(clippy::cast_possible_truncation, reason = "there are 256")]
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

fn put16(to: &mut Vec<u8>, value: u16) {
    to.extend_from_slice(&value.to_le_bytes());
}

fn put32(to: &mut Vec<u8>, value: u32) {
    to.extend_from_slice(&value.to_le_bytes());
}

fn fitting(size: u64) -> io::Result<u32> {
    u32::try_from(size).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "the archive is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_everybody() {
        let mut body = Body { to: &mut Vec::new(), size: 0, checksum: !0 };
        body.write_all(b"1234").unwrap();
        body.write_all(b"56789").unwrap();
        assert_eq!((!body.checksum, body.size), (0xCBF4_3926, 9));
    }

    #[test]
    fn an_archive_lists_its_files() {
        let mut zip = Zip::new(io::Cursor::new(Vec::new()));
        zip.add("a.txt", |to| to.write_all(b"one")).unwrap();
        zip.add("b.txt", |_| Ok(())).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        let at = |offset: usize| u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap());
        assert_eq!(at(0), LOCAL);
        assert_eq!(&bytes[30..38], b"a.txtone");
        assert_eq!((at(18), at(22)), (3, 3));
        let end = bytes.len() - 22;
        assert_eq!((at(end), bytes[end + 8], bytes[end + 10]), (END, 2, 2));
        let list = usize::try_from(at(end + 16)).unwrap();
        assert_eq!((at(list), at(list + 16)), (CENTRAL, at(14)));
        assert_eq!(list + usize::try_from(at(end + 12)).unwrap(), end);
    }
}
