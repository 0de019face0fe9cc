//! Values nobody can guess: the proof that who redeems a code is who asked for it (RFC 7636), and the state that ties a
//! callback to its login.

use app_server_http::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::LoginError;

/// The proof and what it is checked against.
pub(crate) struct Pkce {
    /// Goes to the token endpoint with the code.
    pub(crate) verifier: Secret,
    /// Goes to the issuer through the browser.
    pub(crate) challenge: String,
}

impl Pkce {
    /// Draws a new one: 64 random bytes, as auth specification 7.2 has it.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn new() -> Result<Self, LoginError> {
        let verifier = random::<64>()?;
        Ok(Self { challenge: challenge(&verifier), verifier: Secret::new(verifier) })
    }
}

/// Draws a state: 32 random bytes.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn random_state() -> Result<String, LoginError> {
    random::<32>()
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn random<const LENGTH: usize>() -> Result<String, LoginError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|error| LoginError::Failed(format!("the system has no random numbers: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::{assert_eq, assert_ne};

    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn values_have_their_lengths_and_differ() {
        let (one, other) = (Pkce::new().unwrap(), Pkce::new().unwrap());
        assert_eq!((one.verifier.expose().len(), one.challenge.len()), (86, 43));
        assert_ne!(one.verifier.expose(), other.verifier.expose());
        let (one, other) = (random_state().unwrap(), random_state().unwrap());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
    }
}
