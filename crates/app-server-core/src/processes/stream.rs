//! One stream of a process's output on its way to the client: secrets masked, cut at its limit, told of as it comes or
//! kept for the answer.

use app_server_sandbox::Output;

use crate::secrets::ByteMasker;

/// Read at once; also the size of a delta.
const CHUNK_BYTES: usize = 32 * 1024;

/// A stream. What is over its limit is read and thrown away, so that the process does not stop for it.
pub(super) struct Stream {
    output: Option<Output>,
    masker: ByteMasker,
    /// What may still be handed over.
    left: Option<usize>,
    is_capped: bool,
    kept: Vec<u8>,
}

/// What there is to hand over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Whether the limit was reached with it.
    pub(super) is_last: bool,
}

impl Stream {
    pub(super) fn new(output: Option<Output>, masker: ByteMasker, cap: Option<usize>) -> Self {
        Stream { output, masker, left: cap, is_capped: false, kept: Vec::new() }
    }

    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.output.is_some()
    }

    /// Whether something is held back because it could be the beginning of a secret.
    pub(super) fn is_holding(&self) -> bool {
        self.masker.is_holding()
    }

    /// Whether the limit was reached.
    pub(super) fn is_capped(&self) -> bool {
        self.is_capped
    }

    /// Waits for output; nothing is lost when dropped. Returns how much was read, 0 at the end.
    pub(super) async fn read(&mut self) -> (usize, Option<Piece>) {
        let Some(output) = &mut self.output else { return std::future::pending().await };
        let mut bytes = Vec::new();
        let result = output.read(&mut bytes, CHUNK_BYTES).await;
        self.came(result.unwrap_or(0), bytes)
    }

    /// Takes what is there already. Returns nothing when there is nothing yet.
    pub(super) fn try_read(&mut self) -> Option<(usize, Option<Piece>)> {
        let mut bytes = Vec::new();
        let result = self.output.as_mut()?.try_read(&mut bytes, CHUNK_BYTES).transpose()?;
        Some(self.came(result.unwrap_or(0), bytes))
    }

    /// Nothing, after an error as well, is the end.
    fn came(&mut self, count: usize, bytes: Vec<u8>) -> (usize, Option<Piece>) {
        if count == 0 {
            self.output = None;
            return (0, self.release());
        }
        let masked = self.masker.push(bytes);
        (count, self.cut(masked))
    }

    /// Gives out what was held back: nothing follows, or not for now.
    pub(super) fn release(&mut self) -> Option<Piece> {
        let held = self.masker.finish();
        self.cut(held)
    }

    fn cut(&mut self, mut bytes: Vec<u8>) -> Option<Piece> {
        if bytes.is_empty() || self.is_capped {
            return None;
        }
        if let Some(left) = &mut self.left {
            bytes.truncate(*left);
            *left -= bytes.len();
            self.is_capped = *left == 0;
        }
        Some(Piece { bytes, is_last: self.is_capped })
    }

    /// Keeps a piece for the answer.
    pub(super) fn keep(&mut self, piece: &Piece) {
        self.kept.extend_from_slice(&piece.bytes);
    }

    /// What was kept, as text.
    pub(super) fn text(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.kept))
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;

    fn stream(cap: Option<usize>) -> Stream {
        Stream::new(None, Secrets::new(["sk-12345".to_owned()]).byte_masker(), cap)
    }

    fn push(stream: &mut Stream, bytes: &[u8]) -> Option<(String, bool)> {
        let (_, piece) = stream.came(bytes.len(), bytes.to_vec());
        piece.map(|piece| (String::from_utf8(piece.bytes).unwrap(), piece.is_last))
    }

    #[test]
    fn a_stream_ends_at_its_limit() {
        let mut capped = stream(Some(4));
        assert_eq!(push(&mut capped, b"12"), Some(("12".to_owned(), false)));
        assert_eq!(push(&mut capped, b"3456"), Some(("34".to_owned(), true)));
        assert_eq!(push(&mut capped, b"78"), None);
        assert!(capped.is_capped());
        let mut exact = stream(Some(4));
        assert_eq!(push(&mut exact, b"1234"), Some(("1234".to_owned(), true)));
        let mut none = stream(Some(0));
        assert_eq!(push(&mut none, b"1"), Some((String::new(), true)));
    }

    #[test]
    fn a_secret_is_masked_before_the_cut() {
        let mut stream = stream(Some(10));
        assert_eq!(push(&mut stream, b"a sk-1"), Some(("a ".to_owned(), false)));
        assert!(stream.is_holding());
        assert_eq!(push(&mut stream, b"2345"), Some(("[secret]".to_owned(), true)));
        let mut stream = super::tests::stream(None);
        assert_eq!(push(&mut stream, b"sk-"), None);
        assert_eq!(stream.release().unwrap().bytes, b"sk-");
    }
}
