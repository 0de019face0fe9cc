//! Signing in to somebody else's servers, those of the Model Context Protocol: whoever signs users in there is found out,
//! a client is registered, the user signs in in a browser, and the tokens are renewed. The rules are those of OAuth 2.1
//! with RFC 8414 (metadata of issuers), 9728 (metadata of servers), 7591 (registration) and 8707 (for which server a token
//! is).
//!
//! Nothing of that is trusted: a server's metadata names the addresses we go to, so every one of them is checked first
//! ([`reach`]).

mod discovery;
mod login;
mod reach;
mod tokens;

pub use discovery::Place;
pub use login::{ResourceLogin, ResourceLoginOptions};
pub use tokens::{ResourceGrant, ResourceTokens};
