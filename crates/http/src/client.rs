//! The HTTP client, made at its first use.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Url};
use tokio::sync::OnceCell;

/// How many redirects within a host are followed.
const MAX_REDIRECTS: usize = 10;

/// How the network is reached. Proxies are found by the HTTP library in the usual variables.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    /// A file of PEM certificates trusted besides the system's. Read at the first use; a bad one fails that request.
    pub ca_bundle: Option<PathBuf>,
    /// Whether proxy settings are ignored, as inside a sandboxed child.
    pub ignore_proxies: bool,
}

/// Why there is no client. In words, for people.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(String);

/// Speaks HTTP. Cheap to make and to clone; clones share the connections.
#[derive(Debug, Clone, Default)]
pub struct HttpClient {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    options: NetworkOptions,
    /// Made at the first use, never at start-up: reading the system's certificates takes up to 20 ms.
    client: OnceCell<reqwest::Client>,
}

impl HttpClient {
    /// Returns a client that has not touched the network or the disk yet.
    pub fn new(options: NetworkOptions) -> Self {
        Self { shared: Arc::new(Shared { options, client: OnceCell::new() }) }
    }

    /// Returns the library's client. It follows redirects within the host that was asked and no others: what a request
    /// carries, in its headers or its body, is meant for that host. The answer to be had then is the redirect itself.
    ///
    /// # Errors
    /// When the certificates cannot be read; the next call tries again.
    pub async fn get(&self) -> Result<&reqwest::Client, HttpError> {
        let build = || async {
            let options = self.shared.options.clone();
            // Reads certificates from disk, which is no work for a runtime thread.
            tokio::task::spawn_blocking(move || build(&options))
                .await
                .unwrap_or_else(|error| Err(HttpError(error.to_string())))
        };
        self.shared.client.get_or_try_init(build).await
    }
}

fn build(options: &NetworkOptions) -> Result<reqwest::Client, HttpError> {
    // An error means that there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder().redirect(Policy::custom(follow));
    if options.ignore_proxies {
        builder = builder.no_proxy();
    }
    if let Some(path) = &options.ca_bundle {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    builder.build().map_err(|error| HttpError(reason(error)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, HttpError> {
    let problem =
        |words: String| HttpError(format!("cannot use the certificates in {}: {words}", path.display()));
    let pem = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| problem(reason(error)))?;
    if certificates.is_empty() {
        return Err(problem("there is none".to_owned()));
    }
    Ok(certificates)
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let stays = attempt.previous().first().is_some_and(|asked| asked.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Returns what an HTTP error says, causes included; the outermost words alone hide the interesting part. The URL is
/// left out because its query may hold a key.
pub fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_words = inner.to_string();
        // Some layers repeat their cause.
        if !words.contains(&inner_words) {
            words.push_str(": ");
            words.push_str(&inner_words);
        }
        cause = inner.source();
    }
    words
}

/// Returns the URL as it may be shown: no credentials, no query (both may hold keys).
pub fn shown_url(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    // Both fail only for URLs that cannot carry credentials in the first place.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_has_no_credentials() {
        let url = Url::parse("https://user:pass@models.example/v1?key=secret").unwrap();
        assert_eq!(shown_url(&url), "https://models.example/v1");
    }
}
