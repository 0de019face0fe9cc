//! Where requests go: a provider with everything already resolved. Knows neither the configuration it was made
//! from nor the environment variables its headers came from.

use std::fmt;

use reqwest::Url;

use crate::error::ModelError;
use crate::offline::OfflineScript;

/// One model API, as the turn uses it.
#[derive(Clone)]
pub struct Provider {
    /// The id of the `model_providers` table.
    pub id: String,
    /// The display name; `azure` switches behaviour.
    pub name: String,
    /// The form of requests and answers.
    pub wire: Wire,
    /// The base under which `/responses` or `/chat/completions` lies; trailing slashes do no harm.
    pub base_url: String,
    /// Appended to every URL, percent-encoded as needed.
    pub query_params: Vec<(String, String)>,
    /// Sent with every request; a name or value that HTTP does not allow is skipped.
    pub headers: Vec<(String, String)>,
    /// How many times a request is sent again on a 5xx or a transport error.
    pub request_max_retries: u32,
    /// How many times the turn may build the request anew; kept here for the turn, unused by this crate.
    pub stream_max_retries: u32,
    /// How long the stream may be silent, in milliseconds.
    pub stream_idle_timeout_ms: u64,
    /// Network or script.
    pub kind: ProviderKind,
}

/// The form of requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// The Responses API.
    Responses,
    /// The Chat Completions API.
    Chat,
}

/// What is behind a provider.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// A server spoken to over HTTP.
    Http,
    /// The built-in scripted model: no network, no key.
    Offline(OfflineScript),
}

/// Header and query values may be keys, so they are never shown.
impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names(pairs: &[(String, String)]) -> Vec<&str> {
            pairs.iter().map(|(name, _)| name.as_str()).collect()
        }
        f.debug_struct("Provider")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("wire", &self.wire)
            .field("base_url", &self.base_url)
            .field("query_params", &names(&self.query_params))
            .field("headers", &names(&self.headers))
            .field("request_max_retries", &self.request_max_retries)
            .field("stream_max_retries", &self.stream_max_retries)
            .field("stream_idle_timeout_ms", &self.stream_idle_timeout_ms)
            .field("kind", &self.kind)
            .finish()
    }
}

impl Provider {
    /// Returns the provider `offline` over the given script: same path as HTTP, no network.
    pub fn offline(script: OfflineScript) -> Self {
        Self {
            id: "offline".to_owned(),
            name: "Offline".to_owned(),
            wire: Wire::Responses,
            base_url: "offline://model/v1".to_owned(),
            query_params: Vec::new(),
            headers: Vec::new(),
            request_max_retries: 0,
            stream_max_retries: 0,
            stream_idle_timeout_ms: 300_000,
            kind: ProviderKind::Offline(script),
        }
    }

    /// Says whether this is Azure's API, which wants `store: true` and the ids of input items (backend.md 1).
    pub fn is_azure(&self) -> bool {
        const HOSTS: [&str; 6] = [
            "openai.azure.",
            "cognitiveservices.azure.",
            "aoai.azure.",
            "azure-api.",
            "azurefd.",
            "windows.net/openai",
        ];
        let base_url = self.base_url.to_ascii_lowercase();
        self.name.eq_ignore_ascii_case("azure") || HOSTS.iter().any(|host| base_url.contains(host))
    }

    /// Returns the URL of a call below the base.
    ///
    /// # Errors
    /// `InvalidProvider` when the base is not a URL.
    pub(crate) fn url(&self, call: &str) -> Result<Url, ModelError> {
        let text = format!("{}/{call}", self.base_url.trim_end_matches('/'));
        let mut url = Url::parse(&text).map_err(|error| {
            ModelError::invalid_provider(format!(
                "the base_url {:?} of model provider {:?} is not a URL: {error}",
                self.base_url, self.id
            ))
        })?;
        if !self.query_params.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query_params);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base_url: &str) -> Provider {
        Provider { base_url: base_url.to_owned(), ..Provider::offline(OfflineScript::builtin()) }
    }

    #[test]
    fn url_is_base_call_and_query() {
        let mut provider = at("https://models.example/v1//");
        provider.query_params =
            vec![("api-version".to_owned(), "2025 04".to_owned()), ("a&b".to_owned(), "c=d".to_owned())];
        let url = provider.url("responses").unwrap();
        assert_eq!(url.as_str(), "https://models.example/v1/responses?api-version=2025+04&a%26b=c%3Dd");
    }

    #[test]
    fn a_base_that_is_no_url_is_an_error_that_is_not_retried() {
        let error = at("models.example").url("responses").unwrap_err();
        assert!(!error.retryable());
        assert!(error.message.contains("models.example"), "{}", error.message);
    }

    #[test]
    fn azure_is_told_by_name_or_host() {
        assert!(at("https://me.openai.azure.com/openai").is_azure());
        assert!(at("https://x.windows.net/openai/v1").is_azure());
        assert!(Provider { name: "Azure".to_owned(), ..at("http://127.0.0.1/v1") }.is_azure());
        assert!(!at("https://api.openai.com/v1").is_azure());
    }

    #[test]
    fn debug_shows_no_values() {
        let mut provider = at("http://127.0.0.1/v1");
        provider.headers = vec![("api-key".to_owned(), "sk-secret".to_owned())];
        provider.query_params = vec![("key".to_owned(), "q-secret".to_owned())];
        let shown = format!("{provider:?}");
        assert!(shown.contains("api-key") && !shown.contains("secret"), "{shown}");
    }
}
