//! Who signs users in to a server: what the server says of it, and what the issuer says of itself.

use std::time::Duration;

use app_server_http::{HttpClient, reason};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::reach::Reach;
use crate::answer::{Answer, client};
use crate::error::OAuthError;

/// How long each question may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Where users sign in to a server. Every address in it has been checked.
#[derive(Debug, Clone)]
pub struct Place {
    /// The server as it is called in requests for tokens.
    pub(super) resource: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) registration_endpoint: Option<Url>,
    /// What the server says can be asked for.
    pub(super) scopes: Vec<String>,
}

/// What a server says of itself (RFC 9728).
#[derive(Debug, Default, Deserialize)]
struct ServerMetadata {
    resource: Option<String>,
    #[serde(default)]
    authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

/// What an issuer says of itself (RFC 8414).
#[derive(Debug, Deserialize)]
struct IssuerMetadata {
    issuer: Option<String>,
    authorization_endpoint: String,
    token_endpoint: String,
    registration_endpoint: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Place {
    /// Finds out where users sign in to a server: it is asked something without a sign-in, and says where then.
    ///
    /// # Errors
    /// When nobody can be asked, or what is said sends us where we do not go. [`OAuthError::Refused`] as well when the
    /// server knows of no sign-in.
    pub async fn find(http: &HttpClient, server: &str) -> Result<Self, OAuthError> {
        let server = Url::parse(server)
            .map_err(|_| OAuthError::Refused("the server's address is not a URL".to_owned()))?;
        let reach = Reach::of(&server).await;
        let challenge = challenge(http, &server).await?;
        let metadata = server_metadata(http, &reach, &server, challenge.as_deref()).await?;
        // Servers of before that standard are their own issuers.
        let named = metadata.as_ref().and_then(|metadata| metadata.authorization_servers.first());
        let issuer = match named {
            Some(issuer) => reach.check(issuer).await?,
            None => root(&server),
        };
        let Some(known) = issuer_metadata(http, &issuer).await? else {
            return Err(OAuthError::Refused("the server does not say where to sign in".to_owned()));
        };
        // One who speaks for somebody else would get that one's codes.
        let calls_itself = |name: &str| name.trim_end_matches('/') == issuer.as_str().trim_end_matches('/');
        if named.is_some() && !known.issuer.as_deref().is_none_or(calls_itself) {
            return Err(OAuthError::Refused("the server's issuer calls itself by another name".to_owned()));
        }
        let hashes = known.code_challenge_methods_supported.as_ref();
        if hashes.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(OAuthError::Refused(
                "the server's issuer does not protect codes by their hash (S256)".to_owned(),
            ));
        }
        let registration_endpoint = match &known.registration_endpoint {
            Some(endpoint) => Some(reach.check(endpoint).await?),
            None => None,
        };
        let metadata = metadata.unwrap_or_default();
        Ok(Self {
            resource: resource_of(&server, metadata.resource),
            authorization_endpoint: reach.check(&known.authorization_endpoint).await?,
            token_endpoint: reach.check(&known.token_endpoint).await?,
            registration_endpoint,
            scopes: metadata.scopes_supported,
        })
    }
}

/// Returns what the server is called in requests for tokens: what it says itself, if that is its own origin, else its
/// address.
fn resource_of(server: &Url, said: Option<String>) -> String {
    let is_its_own =
        |said: &String| Url::parse(said).is_ok_and(|resource| resource.origin() == server.origin());
    said.filter(is_its_own).unwrap_or_else(|| {
        let mut resource = server.clone();
        resource.set_fragment(None);
        resource.into()
    })
}

fn root(url: &Url) -> Url {
    let mut root = url.clone();
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    root
}

/// Returns the well-known addresses of a URL: with its path behind the name, and at the root.
fn well_known(url: &Url, name: &str) -> Vec<Url> {
    let path = url.path().trim_end_matches('/');
    let at = |path: String| {
        let mut at = root(url);
        at.set_path(&path);
        at
    };
    let mut found = vec![at(format!("/.well-known/{name}{path}"))];
    if !path.is_empty() {
        found.push(at(format!("/.well-known/{name}")));
    }
    found
}

/// Returns what a server says to who has not signed in (`WWW-Authenticate`), if it says something.
async fn challenge(http: &HttpClient, server: &Url) -> Result<Option<String>, OAuthError> {
    let request = client(http).await?.get(server.clone()).header("accept", "text/event-stream");
    // Its body may be a stream without an end, so it is not read.
    let response = match timeout(CALL_LIMIT, request.send()).await {
        Ok(response) => response.map_err(|error| OAuthError::Unreachable(reason(error)))?,
        Err(_) => return Err(OAuthError::Unreachable("the server does not answer".to_owned())),
    };
    let header =
        response.headers().get("www-authenticate").filter(|_| response.status() == StatusCode::UNAUTHORIZED);
    Ok(header.and_then(|header| header.to_str().ok()).map(str::to_owned))
}

async fn server_metadata(
    http: &HttpClient,
    reach: &Reach,
    server: &Url,
    challenge: Option<&str>,
) -> Result<Option<ServerMetadata>, OAuthError> {
    let named = challenge.and_then(|challenge| parameter(challenge, "resource_metadata"));
    let places = match named {
        Some(named) => vec![reach.check(&named).await?],
        None => well_known(server, "oauth-protected-resource"),
    };
    first_of(http, places).await
}

async fn issuer_metadata(http: &HttpClient, issuer: &Url) -> Result<Option<IssuerMetadata>, OAuthError> {
    let mut places = well_known(issuer, "oauth-authorization-server");
    places.extend(well_known(issuer, "openid-configuration"));
    let path = issuer.path().trim_end_matches('/');
    if !path.is_empty() {
        let mut inside = issuer.clone();
        inside.set_path(&format!("{path}/.well-known/openid-configuration"));
        places.push(inside);
    }
    first_of(http, places).await
}

/// Returns what the first of these addresses says that says anything.
async fn first_of<T: DeserializeOwned>(http: &HttpClient, places: Vec<Url>) -> Result<Option<T>, OAuthError> {
    for place in places {
        let request = client(http).await?.get(place).header("accept", "application/json");
        let answer = Answer::to(request, &[], CALL_LIMIT).await?;
        if answer.status == StatusCode::OK {
            // A page of some other kind is as good as none.
            if let Some(metadata) = answer.json() {
                return Ok(Some(metadata));
            }
        } else if answer.status.is_server_error() {
            return Err(answer.refusal());
        }
    }
    Ok(None)
}

/// Returns a parameter of a `WWW-Authenticate` header.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}="))?;
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split([',', ' ']).next()?,
    };
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_addresses_come_with_the_path_first() {
        let shown = |url: &str| {
            let found = well_known(&Url::parse(url).unwrap(), "x");
            found.iter().map(Url::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            shown("https://a.example:8/mcp/v1?k=1#f"),
            ["https://a.example:8/.well-known/x/mcp/v1", "https://a.example:8/.well-known/x"]
        );
        assert_eq!(shown("https://a.example"), ["https://a.example/.well-known/x"]);
    }

    #[test]
    fn a_parameter_is_quoted_or_not() {
        let challenge =
            r#"Bearer error="invalid_token", resource_metadata="https://a.example/m?x=1", scope=a b"#;
        assert_eq!(parameter(challenge, "resource_metadata").as_deref(), Some("https://a.example/m?x=1"));
        assert_eq!(parameter(challenge, "scope").as_deref(), Some("a"));
        assert_eq!(parameter(challenge, "other"), None);
    }

    #[test]
    fn a_server_cannot_pass_for_another() {
        let server = Url::parse("https://a.example/mcp").unwrap();
        let called = |said: Option<&str>| resource_of(&server, said.map(str::to_owned));
        assert_eq!(called(None), "https://a.example/mcp");
        assert_eq!(called(Some("https://a.example")), "https://a.example");
        assert_eq!(called(Some("https://b.example/mcp")), "https://a.example/mcp");
    }
}
