//! What the server asks of the helper and what it hears back, as bytes. Not JSON: paths and arguments need not be text.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::{Policy, WritableRoot};

/// A launch as the helper sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) argv: Vec<OsString>,
    pub(crate) arg0: Option<OsString>,
    pub(crate) cwd: PathBuf,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// `None`: unconfined.
    pub(crate) policy: Option<Policy>,
    /// The standard streams are a terminal that becomes the controlling one.
    pub(crate) tty: bool,
}

impl Request {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(4096));
        out.list(&self.argv, |out, word| out.bytes(word));
        out.list(self.arg0.as_slice(), |out, word| out.bytes(word));
        out.bytes(self.cwd.as_os_str());
        out.list(&self.env, |out, (name, value)| {
            out.bytes(name);
            out.bytes(value);
        });
        out.list(self.policy.as_slice(), |out, policy| {
            out.list(&policy.writable, |out, root| {
                out.bytes(root.path.as_os_str());
                out.paths(&root.read_only);
                out.paths(&root.forbidden);
            });
            out.number(policy.network.into());
            out.paths(&policy.unreadable);
            out.paths(policy.quarantine.as_slice());
        });
        out.number(self.tty.into());
        out.0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        let request = Self {
            argv: from.list(Reader::bytes)?,
            arg0: from.list(Reader::bytes)?.pop(),
            cwd: from.bytes()?.into(),
            env: from.list(|from| Some((from.bytes()?, from.bytes()?)))?,
            policy: from.list(Reader::policy)?.pop(),
            tty: from.number()? == 1,
        };
        from.0.is_empty().then_some(request)
    }
}

/// What the helper says, one message each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// The sandbox is in place; the text is what it consists of.
    Ready(String),
    /// The main program exited.
    Code(i32),
    /// The main program was ended by a signal.
    Signal(i32),
    /// The program could not be run.
    Program { code: i32, message: String },
    /// The sandbox could not be set up.
    Sandbox(String),
    /// The kernel refuses what namespaces need; nothing was started. Between the helper's own processes only.
    Refused(String),
    /// Something forbidden was done and the command killed.
    Violation(String),
    /// Nothing of the command is left. The helper itself takes a little longer: the kernel lets go of a watched folder
    /// only after some milliseconds.
    Gone,
}

/// Longest record: one message of a local socket.
pub(crate) const MAX_RECORD_BYTES: usize = 4096;

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, number, text) = match self {
            Self::Ready(text) => (b'R', 0, text.as_str()),
            Self::Code(code) => (b'E', *code, ""),
            Self::Signal(signal) => (b'K', *signal, ""),
            Self::Program { code, message } => (b'P', *code, message.as_str()),
            Self::Sandbox(message) => (b'F', 0, message.as_str()),
            Self::Refused(message) => (b'N', 0, message.as_str()),
            Self::Violation(message) => (b'V', 0, message.as_str()),
            Self::Gone => (b'G', 0, ""),
        };
        let mut out = vec![kind];
        out.extend(number.to_ne_bytes());
        out.extend(text.bytes().take(MAX_RECORD_BYTES - out.len()));
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, text) = rest.split_first_chunk()?;
        let number = i32::from_ne_bytes(*number);
        let text = String::from_utf8_lossy(text).into_owned();
        Some(match kind {
            b'R' => Self::Ready(text),
            b'E' => Self::Code(number),
            b'K' => Self::Signal(number),
            b'P' => Self::Program { code: number, message: text },
            b'F' => Self::Sandbox(text),
            b'N' => Self::Refused(text),
            b'V' => Self::Violation(text),
            b'G' => Self::Gone,
            _ => return None,
        })
    }
}

/// Builds a request: numbers of four bytes, everything else with its length before it.
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u32) {
        self.0.extend(number.to_ne_bytes());
    }

    fn bytes(&mut self, bytes: &OsStr) {
        // A request is far below 4 GiB: arguments and environment alone are limited to megabytes by the kernel.
        self.number(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend(bytes.as_bytes());
    }

    fn paths(&mut self, paths: &[PathBuf]) {
        self.list(paths, |out, path| out.bytes(path.as_os_str()));
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            each(self, item);
        }
    }
}

/// Takes a request apart; `None` at the first thing that is not as written.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*number))
    }

    fn bytes(&mut self) -> Option<OsString> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(OsString::from_vec(bytes.to_vec()))
    }

    fn paths(&mut self) -> Option<Vec<PathBuf>> {
        self.list(|from| from.bytes().map(PathBuf::from))
    }

    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.number()?).map(|_| each(self)).collect()
    }

    fn policy(&mut self) -> Option<Policy> {
        let root = |from: &mut Self| {
            Some(WritableRoot {
                path: from.bytes()?.into(),
                read_only: from.paths()?,
                forbidden: from.paths()?,
            })
        };
        Some(Policy {
            writable: self.list(root)?,
            network: self.number()? == 1,
            unreadable: self.paths()?,
            quarantine: self.paths()?.pop(),
        })
    }
}

/// Turns a path into text for a message.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words() -> impl Strategy<Value = Vec<OsString>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8).prop_map(OsString::from_vec), 0..4)
    }

    fn paths() -> impl Strategy<Value = Vec<PathBuf>> {
        words().prop_map(|words| words.into_iter().map(PathBuf::from).collect())
    }

    fn policy() -> impl Strategy<Value = Policy> {
        let root = (paths(), paths(), paths()).prop_map(|(mut path, read_only, forbidden)| WritableRoot {
            path: path.pop().unwrap_or_default(),
            read_only,
            forbidden,
        });
        (prop::collection::vec(root, 0..3), any::<bool>(), paths(), paths()).prop_map(
            |(writable, network, unreadable, mut quarantine)| Policy {
                writable,
                network,
                unreadable,
                quarantine: quarantine.pop(),
            },
        )
    }

    proptest! {
        #[test]
        fn a_request_survives_the_way(argv in words(), values in words(), policy in prop::option::of(policy()), tty in any::<bool>()) {
            let request = Request {
                arg0: argv.first().cloned(),
                cwd: PathBuf::from(argv.last().cloned().unwrap_or_default()),
                env: argv.iter().cloned().zip(values).collect(),
                argv,
                policy,
                tty,
            };
            prop_assert_eq!(Request::decode(&request.encode()), Some(request));
        }

        #[test]
        fn bytes_that_are_no_request_are_refused_quietly(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::decode(&bytes);
            let _ = Record::decode(&bytes);
        }
    }

    #[test]
    fn records_survive_the_way() {
        for record in [
            Record::Ready("1 0".into()),
            Record::Code(-1),
            Record::Signal(9),
            Record::Program { code: 127, message: "exec x: no such file".into() },
            Record::Sandbox("s".into()),
            Record::Refused("r".into()),
            Record::Violation("v".into()),
        ] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        assert!(Record::Sandbox("x".repeat(9000)).encode().len() <= MAX_RECORD_BYTES);
    }
}
