//! The bytes of a rollout, whichever form it is in. Must not know lines.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

use crate::files;

pub(crate) enum Input {
    Plain(File),
    Zstd(Box<ZstdInput>),
}

impl Input {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let pair = files::pair(path);
        match files::if_exists(File::open(&pair.plain))? {
            Some(file) => Ok(Self::Plain(file)),
            None => ZstdInput::open(&pair.compressed).map(|input| Self::Zstd(Box::new(input))),
        }
    }

    /// How many bytes there are; a compressed file is read through.
    pub(crate) fn size(self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Zstd(mut input) => io::copy(&mut input, &mut io::sink()),
        }
    }

    /// Whether the data of a compressed file ended within a frame.
    pub(crate) fn is_truncated(&self) -> bool {
        matches!(self, Self::Zstd(input) if input.is_truncated)
    }

    /// Goes from the place it is at to another one. A compressed file is read through up to there.
    pub(crate) fn seek(&mut self, path: &Path, from: u64, to: u64) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.seek(SeekFrom::Start(to)).map(drop),
            Self::Zstd(input) => {
                let ahead = match to.checked_sub(from) {
                    Some(ahead) => ahead,
                    None => {
                        **input = ZstdInput::open(&files::pair(path).compressed)?;
                        to
                    }
                };
                io::copy(&mut input.take(ahead), &mut io::sink()).map(drop)
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buf),
            Self::Zstd(input) => input.read(buf),
        }
    }
}

/// Reads a compressed file frame after frame. A frame that cannot be decoded ends the data: what came before it
/// is still good.
pub(crate) struct ZstdInput {
    frame: Option<StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>,
    is_truncated: bool,
}

impl ZstdInput {
    fn open(path: &Path) -> io::Result<Self> {
        let mut input = Self { frame: None, is_truncated: false };
        input.next_frame(BufReader::new(File::open(path)?))?;
        Ok(input)
    }

    fn next_frame(&mut self, mut source: BufReader<File>) -> io::Result<()> {
        if source.fill_buf()?.is_empty() {
            return Ok(());
        }
        match StreamingDecoder::new(source) {
            Ok(frame) => self.frame = Some(frame),
            Err(_) => self.is_truncated = true,
        }
        Ok(())
    }
}

impl Read for ZstdInput {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            match frame.read(buf) {
                Ok(0) => {
                    if let Some(done) = self.frame.take() {
                        self.next_frame(done.into_inner())?;
                    }
                }
                Ok(read) => return Ok(read),
                Err(_) => {
                    self.is_truncated = true;
                    self.frame = None;
                }
            }
        }
        Ok(0)
    }
}

/// Makes sure the plain form of a rollout exists, decompressing the other one if need be, and returns its path.
///
/// The compressed file is removed once the plain one is safely on disk: left behind, it would bring the thread
/// back after an archive or a delete by another version.
pub(crate) fn materialise(path: &Path) -> io::Result<PathBuf> {
    let pair = files::pair(path);
    if pair.plain.try_exists()? {
        return Ok(pair.plain);
    }
    let mut input = ZstdInput::open(&pair.compressed)?;
    let modified = fs::metadata(&pair.compressed)?.modified()?;
    let temporary = pair.plain.with_extension(format!("{}.tmp", std::process::id()));
    let mut output = files::private().write(true).create(true).truncate(true).open(&temporary)?;
    io::copy(&mut input, &mut output)?;
    if input.is_truncated {
        fs::remove_file(&temporary)?;
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("cannot decompress {}", pair.compressed.display()),
        ));
    }
    output.flush()?;
    output.set_modified(modified)?;
    output.sync_all()?;
    fs::rename(&temporary, &pair.plain)?;
    fs::remove_file(&pair.compressed)?;
    Ok(pair.plain)
}
