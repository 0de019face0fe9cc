//! Signing in with a ChatGPT account: the browser login, the device login, refreshing and revoking tokens (auth
//! specification 7 to 9). And signing in to servers of the Model Context Protocol, each with an issuer of its own.
//!
//! What this crate must not know: the wire, the configuration, where tokens are kept, what they say, and who asked for
//! them. It hands them to its caller and forgets them.

mod answer;
mod browser;
mod client;
mod device;
mod error;
mod issuer;
mod pkce;
mod refresh;
mod resource;

pub use browser::{BrowserLogin, BrowserOptions, DEFAULT_PORTS};
pub use client::{OAuthClient, TokenKind, Tokens};
pub use device::{DeviceError, DeviceLogin};
pub use error::{LoginError, OAuthError};
pub use issuer::{InvalidIssuer, Issuer, IssuerOverrides};
pub use refresh::{PermanentReason, RefreshError, RefreshedTokens};
pub use resource::{Place, ResourceGrant, ResourceLogin, ResourceLoginOptions, ResourceTokens};
