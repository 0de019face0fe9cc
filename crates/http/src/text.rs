//! What comes and goes as text: bodies within limits, values in URLs.

use reqwest::Response;

use crate::client::reason;

/// Why a body is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It has more bytes than are read.
    #[error("the answer has more than {0} KiB")]
    TooLong(usize),
    /// The connection ended before it did.
    #[error("{0}")]
    Broken(String),
}

/// Reads a body of at most `limit` bytes: what a server sends must not fill our memory.
///
/// # Errors
/// When it is longer, or not complete.
pub async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| BodyError::Broken(reason(error)))? {
        if body.len() + piece.len() > limit {
            return Err(BodyError::TooLong(limit / 1024));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Returns a value as it stands in a URL: everything but the unreserved characters encoded, a space included, for not
/// every reader takes a plus for one.
pub fn percent_encoded(value: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from(HEX[usize::from(nibble)]);
            encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_the_unreserved_characters_are_encoded() {
        assert_eq!(percent_encoded("a-Z.0_~ +/ä"), "a-Z.0_~%20%2B%2F%C3%A4");
    }
}
