//! The one way to the network: certificates, proxies, redirects, and values that are never shown.
//!
//! Whoever speaks HTTP (the model client, the OAuth client, the account backend) does it through an [`HttpClient`], so
//! that what a user set up for one of them holds for all, and a credential goes to the host it is meant for and no other.
//!
//! What this crate must not know: what is asked of whom, and environment variables other than those the HTTP library
//! itself reads for proxies.

mod client;
mod secret;
mod text;

pub use client::{HttpClient, HttpError, NetworkOptions, reason, shown_url};
pub use secret::Secret;
pub use text::{BodyError, percent_encoded, read_body};
