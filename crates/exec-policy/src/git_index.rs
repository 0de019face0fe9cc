//! The nested repositories recorded in a git index. Must not know configuration.
//!
//! `git status` and `git diff` start another git in each of them, under that repository's own configuration.

use std::path::PathBuf;

/// Times, device, owner and size of a file; the mode stands in the middle.
const STAT: usize = 40;
const MODE_AT: usize = 24;
/// Object name (SHA-1) and flags.
const HASH: usize = 20;
const FLAGS: usize = 2;
const EXTENDED: u16 = 0x4000;
const NAME_MASK: u16 = 0x0fff;
const GITLINK: u32 = 0o160_000;
const TYPE_MASK: u32 = 0o170_000;

/// Returns the paths of nested repositories, relative to the work tree; `None` when the index cannot be read with
/// certainty.
pub(crate) fn nested(index: &[u8]) -> Option<Vec<PathBuf>> {
    let mut bytes = Bytes { rest: index };
    (bytes.take(4)? == b"DIRC").then_some(())?;
    let version = bytes.number()?;
    (2..=4).contains(&version).then_some(())?;
    let count = bytes.number()?;
    let mut found = Vec::new();
    let mut name: Vec<u8> = Vec::new();
    for _ in 0..count {
        let mode = bytes.entry(version, &mut name)?;
        if mode & TYPE_MASK == GITLINK {
            found.push(PathBuf::from(std::str::from_utf8(&name).ok()?));
        }
    }
    bytes.extensions()?;
    Some(found)
}

struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Reads one entry, leaves its path in `name` and returns its mode.
    fn entry(&mut self, version: u32, name: &mut Vec<u8>) -> Option<u32> {
        let whole = self.rest.len();
        let stat = self.take(STAT)?;
        let mode = u32::from_be_bytes(stat.get(MODE_AT..MODE_AT + 4)?.try_into().ok()?);
        self.take(HASH)?;
        let flags = u16::from_be_bytes(self.take(FLAGS)?.try_into().ok()?);
        if flags & EXTENDED != 0 {
            (version >= 3).then_some(())?;
            self.take(2)?;
        }
        if version == 4 {
            let dropped = self.varint()?;
            name.truncate(name.len().checked_sub(dropped)?);
        } else {
            name.clear();
        }
        let length = self.rest.iter().position(|byte| *byte == 0)?;
        name.extend_from_slice(self.take(length)?);
        if version == 4 {
            self.take(1)?;
        } else {
            let stated = usize::from(flags & NAME_MASK);
            (stated == length || (stated == usize::from(NAME_MASK) && length > stated)).then_some(())?;
            // One to eight NULs fill the entry up to a multiple of eight.
            let size = whole - self.rest.len();
            self.take((size + 8) / 8 * 8 - size)?;
        }
        Some(mode)
    }

    /// The offset encoding of packs: each further byte adds one before it shifts.
    fn varint(&mut self) -> Option<usize> {
        let mut byte = *self.take(1)?.first()?;
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = *self.take(1)?.first()?;
            value = value.checked_add(1)?.checked_mul(0x80)?.checked_add(usize::from(byte & 0x7f))?;
        }
        Some(value)
    }

    /// Walks the extensions up to the checksum. A split index keeps its entries elsewhere.
    fn extensions(&mut self) -> Option<()> {
        while self.rest.len() > HASH {
            let name = self.take(4)?;
            let length = usize::try_from(self.number()?).ok()?;
            self.take(length)?;
            (name != b"link").then_some(())?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(version: u32, entries: &[(u32, &str)]) -> Vec<u8> {
        let mut bytes = b"DIRC".to_vec();
        bytes.extend(version.to_be_bytes());
        bytes.extend(u32::try_from(entries.len()).unwrap().to_be_bytes());
        let mut last = "";
        for (mode, name) in entries {
            let start = bytes.len();
            bytes.extend([0; MODE_AT]);
            bytes.extend(mode.to_be_bytes());
            bytes.extend([0; STAT - MODE_AT - 4 + HASH]);
            bytes.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            if version == 4 {
                bytes.push(u8::try_from(last.len()).unwrap());
                bytes.extend(name.as_bytes());
                bytes.push(0);
                last = name;
            } else {
                bytes.extend(name.as_bytes());
                let size = bytes.len() - start;
                bytes.extend(vec![0; (size + 8) / 8 * 8 - size]);
            }
        }
        bytes.extend([0; HASH]);
        bytes
    }

    #[test]
    fn finds_nested_repositories() {
        let entries = [(0o100_644, "a"), (GITLINK, "libs/sub"), (0o100_755, "zzzzzzzz")];
        for version in [2, 4] {
            assert_eq!(nested(&index(version, &entries)), Some(vec![PathBuf::from("libs/sub")]));
        }
        assert_eq!(nested(&index(2, &[])), Some(vec![]));
    }

    #[test]
    fn doubts_what_it_cannot_read() {
        let good = index(2, &[(0o100_644, "a")]);
        assert_eq!(nested(&good[..good.len() - HASH - 3]), None);
        assert_eq!(nested(b"DIRC"), None);
        assert_eq!(nested(b""), None);
        assert_eq!(nested(&index(9, &[])), None);
        let mut split = good[..good.len() - HASH].to_vec();
        split.extend(b"link\0\0\0\0");
        split.extend([0; HASH]);
        assert_eq!(nested(&split), None);
    }
}
