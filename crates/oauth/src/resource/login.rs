//! The login in a browser to a server that asks for one.

use std::fmt;
use std::time::Duration;

use app_server_http::{HttpClient, Secret, percent_encoded};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::discovery::Place;
use super::tokens::{ResourceGrant, ResourceTokens, redeem};
use crate::answer::{Answer, client};
use crate::browser::{Route, Waiting};
use crate::error::{LoginError, OAuthError};
use crate::pkce::Pkce;

/// How long registering may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Where the browser comes back to. An address of this machine needs no name, which could be somebody else's.
const ROUTE: Route = Route { host: "127.0.0.1", path: "/callback" };

/// What a login depends on.
#[derive(Debug, Clone)]
pub struct ResourceLoginOptions {
    /// The port to listen on; 0 is any.
    pub port: u16,
    /// What the user sees us called.
    pub client_name: String,
    /// What to ask for; None means all that the server says there is.
    pub scopes: Option<Vec<String>>,
    /// How long the user may take.
    pub limit: Duration,
}

/// A login that waits for its browser. Dropping it frees the port.
pub struct ResourceLogin {
    http: HttpClient,
    place: Place,
    grant: ResourceGrant,
    waiting: Waiting,
    pkce: Pkce,
    authorization_url: String,
    limit: Duration,
}

impl ResourceLogin {
    /// Listens, registers us with the issuer and returns the login.
    ///
    /// # Errors
    /// When the port is taken, or the issuer does not register clients that come by themselves.
    pub async fn begin(
        http: &HttpClient,
        place: Place,
        options: ResourceLoginOptions,
        cancel: &CancellationToken,
    ) -> Result<Self, LoginError> {
        let waiting = Waiting::bind(&[options.port], ROUTE, cancel).await?;
        let scopes = options.scopes.unwrap_or_else(|| place.scopes.clone()).join(" ");
        let registering = register(http, &place, &options.client_name, waiting.redirect_uri(), &scopes);
        let registered = cancel.run_until_cancelled(registering).await;
        let (client_id, client_secret) = registered.ok_or(LoginError::Cancelled)??;
        let grant = ResourceGrant {
            client_id,
            client_secret,
            token_endpoint: place.token_endpoint.clone().into(),
            resource: place.resource.clone(),
        };
        let pkce = Pkce::new()?;
        let authorization_url = authorization_url(&place, &grant, &waiting, &pkce, &scopes);
        Ok(Self { http: http.clone(), place, grant, waiting, pkce, authorization_url, limit: options.limit })
    }

    /// Returns where the user signs in.
    pub fn authorization_url(&self) -> &str {
        &self.authorization_url
    }

    /// Waits for the browser, redeems its code and has the tokens accepted, which stores them and is not interrupted. What
    /// `accept` says of a failure is shown to the user.
    ///
    /// # Errors
    /// Whatever ends a login; the port is free then.
    pub async fn finish<F>(
        self,
        accept: impl FnOnce(ResourceGrant, ResourceTokens) -> F + Send,
        cancel: CancellationToken,
    ) -> Result<(), LoginError>
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let Self { http, place, grant, waiting, pkce, limit, .. } = self;
        let redirect_uri = waiting.redirect_uri().to_owned();
        let redeeming = move |code: Secret| async move {
            let tokens =
                redeem(&http, &grant, &place.token_endpoint, &code, &redirect_uri, &pkce.verifier).await?;
            Ok((grant, tokens))
        };
        waiting.finish(redeeming, |(grant, tokens)| accept(grant, tokens), limit, cancel).await
    }
}

impl fmt::Debug for ResourceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address holds the state.
        f.debug_struct("ResourceLogin").field("port", &self.waiting.port()).finish_non_exhaustive()
    }
}

/// Registers us as a client of the issuer (RFC 7591) and returns our id and, if there is one, what proves it.
async fn register(
    http: &HttpClient,
    place: &Place,
    name: &str,
    redirect_uri: &str,
    scopes: &str,
) -> Result<(String, Option<Secret>), OAuthError> {
    #[derive(Deserialize)]
    struct Body {
        client_id: String,
        client_secret: Option<String>,
    }
    let Some(endpoint) = &place.registration_endpoint else {
        return Err(OAuthError::Refused(
            "the server's issuer does not register clients by itself".to_owned(),
        ));
    };
    let mut wanted = json!({
        "client_name": name,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    if !scopes.is_empty() {
        wanted["scope"] = scopes.into();
    }
    let request = client(http).await?.post(endpoint.clone()).json(&wanted);
    let answer = Answer::to(request, &[], CALL_LIMIT).await?;
    if !answer.status.is_success() {
        return Err(answer.refusal());
    }
    let body: Option<Body> = answer.json();
    let body =
        body.ok_or_else(|| OAuthError::Refused("the issuer's answer does not hold a client id".to_owned()))?;
    Ok((body.client_id, body.client_secret.filter(|secret| !secret.is_empty()).map(Secret::new)))
}

fn authorization_url(
    place: &Place,
    grant: &ResourceGrant,
    waiting: &Waiting,
    pkce: &Pkce,
    scopes: &str,
) -> String {
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", &grant.client_id),
        ("redirect_uri", waiting.redirect_uri()),
        ("code_challenge", &pkce.challenge),
        ("code_challenge_method", "S256"),
        ("state", waiting.state().expose()),
        ("resource", &grant.resource),
    ];
    if !scopes.is_empty() {
        params.push(("scope", scopes));
    }
    let ours: Vec<_> =
        params.into_iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    let mut url: Url = place.authorization_endpoint.clone();
    url.set_fragment(None);
    // What the address already asks stays in front.
    let query = url.query().filter(|query| !query.is_empty()).map(|query| format!("{query}&"));
    url.set_query(Some(&format!("{}{}", query.unwrap_or_default(), ours.join("&"))));
    url.into()
}
