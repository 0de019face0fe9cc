//! Who is asked, and as which client.

use reqwest::Url;

/// The issuer of ChatGPT accounts.
const DEFAULT_ISSUER: &str = "https://auth.openai.com";
/// The client this family of programs is registered as there. The registered redirect addresses belong to it.
const DEFAULT_CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// What is not the default; each comes from a variable of auth specification 14.
#[derive(Debug, Clone, Default)]
pub struct IssuerOverrides {
    /// The issuer's URL.
    pub issuer: Option<String>,
    /// The client's id there.
    pub client_id: Option<String>,
    /// The whole URL of the endpoint that refreshes tokens.
    pub refresh_url: Option<String>,
    /// The whole URL of the endpoint that revokes tokens.
    pub revoke_url: Option<String>,
}

/// An override that is no URL of HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} is not an http(s) URL")]
pub struct InvalidIssuer {
    what: &'static str,
}

/// An issuer and its endpoints. Tokens are sent there and nowhere else.
#[derive(Debug, Clone)]
pub struct Issuer {
    base: String,
    client_id: String,
    refresh_url: Url,
    revoke_url: Url,
}

impl Issuer {
    /// Returns the default issuer, changed by the overrides. Revoking follows the override of refreshing, so that who
    /// redirects one for a test does not send tokens to the real issuer with the other.
    ///
    /// # Errors
    /// When one of them is not a URL.
    pub fn new(overrides: IssuerOverrides) -> Result<Self, InvalidIssuer> {
        let base = overrides.issuer.as_deref().unwrap_or(DEFAULT_ISSUER);
        let base = url(base, "issuer")?;
        let refresh = overrides.refresh_url.as_deref().map(|given| url(given, "refresh URL")).transpose()?;
        let revoke = overrides.revoke_url.as_deref().map(|given| url(given, "revocation URL")).transpose()?;
        let revoke_url = revoke.unwrap_or_else(|| match &refresh {
            Some(refresh) => {
                let mut revoke = refresh.clone();
                revoke.set_path("/oauth/revoke");
                revoke.set_query(None);
                revoke
            }
            None => below(&base, "oauth/revoke"),
        });
        Ok(Self {
            refresh_url: refresh.unwrap_or_else(|| below(&base, "oauth/token")),
            revoke_url,
            base: base.as_str().trim_end_matches('/').to_owned(),
            client_id: overrides.client_id.unwrap_or_else(|| DEFAULT_CLIENT_ID.to_owned()),
        })
    }

    /// The issuer's URL, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}/oauth/token", self.base)
    }

    pub(crate) fn refresh_url(&self) -> &Url {
        &self.refresh_url
    }

    pub(crate) fn revoke_url(&self) -> &Url {
        &self.revoke_url
    }
}

fn url(given: &str, what: &'static str) -> Result<Url, InvalidIssuer> {
    let url = Url::parse(given.trim()).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or(InvalidIssuer { what })
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn issuer(issuer: &str, refresh: &str, revoke: &str) -> Result<Issuer, InvalidIssuer> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Issuer::new(IssuerOverrides {
            issuer: some(issuer),
            client_id: None,
            refresh_url: some(refresh),
            revoke_url: some(revoke),
        })
    }

    #[test]
    fn endpoints_follow_the_overrides() {
        let table = [
            (["", "", ""], ["https://auth.openai.com/oauth/token", "https://auth.openai.com/oauth/revoke"]),
            (
                ["http://127.0.0.1:9/a/", "", ""],
                ["http://127.0.0.1:9/a/oauth/token", "http://127.0.0.1:9/a/oauth/revoke"],
            ),
            (["", "http://t.test/r?x=1", ""], ["http://t.test/r?x=1", "http://t.test/oauth/revoke"]),
            (["", "http://t.test/r", "http://u.test/v"], ["http://t.test/r", "http://u.test/v"]),
        ];
        for ([base, refresh, revoke], expected) in table {
            let issuer = issuer(base, refresh, revoke).unwrap();
            assert_eq!([issuer.refresh_url().as_str(), issuer.revoke_url().as_str()], expected);
        }
        assert_eq!(issuer("http://127.0.0.1:9/a/", "", "").unwrap().base(), "http://127.0.0.1:9/a");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(issuer("auth", "", "").unwrap_err().to_string(), "the issuer is not an http(s) URL");
        assert!(issuer("file:///etc", "", "").is_err());
        assert!(issuer("", "nonsense", "").is_err());
        assert!(issuer("", "", "ftp://host/").is_err());
    }
}
