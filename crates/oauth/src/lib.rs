//! Signing in with a ChatGPT account: the browser flow, the device flow, refreshing and revoking tokens.
