//! What the issuer's answer says, read from the query the browser was sent back with. Everything in it may have been
//! written by anybody until the state has been compared.

use app_server_http::Secret;
use reqwest::Url;

use crate::answer::{MAX_SHOWN, printable};

/// How the issuer marks an account whose workspace does not include this use.
const NOT_ENTITLED: &str = "missing_codex_entitlement";

/// The answer that a query holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Callback {
    /// The state is missing, repeated or not this login's: not an answer to this login.
    Foreign,
    /// This login's state, but a parameter is there twice, so that it is not clear which one is meant.
    Ambiguous,
    /// The issuer refused, or gave no code. The reason is for people.
    Refused(String),
    /// The code to exchange for tokens.
    Code(Secret),
}

impl Callback {
    /// Reads a query as it stands in the request, without the question mark.
    pub(super) fn read(query: &str, state: &Secret) -> Self {
        let params = Params::read(query);
        match params.state.as_slice() {
            [given] if is_same(given, state.expose()) => {}
            _ => return Callback::Foreign,
        }
        let (Ok(code), Ok(error), Ok(description)) =
            (at_most_one(&params.code), at_most_one(&params.error), at_most_one(&params.description))
        else {
            return Callback::Ambiguous;
        };
        match (error, code) {
            (Some(error), _) => Callback::Refused(refusal(error, description.unwrap_or_default())),
            (None, None | Some("")) => {
                Callback::Refused("The issuer did not send an authorization code".to_owned())
            }
            (None, Some(code)) => Callback::Code(Secret::new(code)),
        }
    }
}

/// Every value of the parameters that matter.
#[derive(Default)]
struct Params {
    state: Vec<String>,
    code: Vec<String>,
    error: Vec<String>,
    description: Vec<String>,
}

impl Params {
    fn read(query: &str) -> Self {
        let mut params = Params::default();
        // Only a URL can be taken apart by the library, so the query is put into one.
        let Ok(mut url) = Url::parse("http://localhost/") else { return params };
        url.set_query(Some(query));
        for (name, value) in url.query_pairs() {
            let values = match name.as_ref() {
                "state" => &mut params.state,
                "code" => &mut params.code,
                "error" => &mut params.error,
                "error_description" => &mut params.description,
                _ => continue,
            };
            values.push(value.into_owned());
        }
        params
    }
}

/// Returns the only value, if there is one, or an error if there are several.
fn at_most_one(values: &[String]) -> Result<Option<&str>, ()> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err(()),
    }
}

/// Compares in a time that does not depend on where the two differ.
fn is_same(given: &str, expected: &str) -> bool {
    if given.len() != expected.len() {
        return false;
    }
    let pairs = given.bytes().zip(expected.bytes());
    let difference = pairs.fold(0, |seen, (a, b)| std::hint::black_box(seen | (a ^ b)));
    difference == 0
}

fn refusal(error: &str, description: &str) -> String {
    if description.to_ascii_lowercase().contains(NOT_ENTITLED) {
        return "Your workspace does not include this use: ask its administrator for access".to_owned();
    }
    let description = printable(description, MAX_SHOWN);
    if !description.is_empty() {
        return format!("The issuer refused: {description}");
    }
    match printable(error, MAX_SHOWN).as_str() {
        "" => "The issuer refused".to_owned(),
        error => format!("The issuer refused: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Callback {
        Callback::read(query, &Secret::new("right"))
    }

    #[test]
    fn a_state_that_is_not_this_logins_is_foreign() {
        for query in [
            "",
            "code=c",
            "code=c&state=",
            "code=c&state",
            "code=c&state=wrong",
            "code=c&state=righ",
            "code=c&state=rightt",
            "code=c&state=RIGHT",
            "code=c&state=right%00",
            "code=c&state=%20right",
            "code=c&state=right&state=right",
            "code=c&state=right&state=wrong",
            "code=c&state=wrong&%73tate=right",
            "code=c&State=right",
            "code=c&state[]=right",
            "code=c;state=right",
            "error=access_denied",
            "error=access_denied&state=wrong",
        ] {
            assert_eq!(read(query), Callback::Foreign, "{query}");
        }
    }

    #[test]
    fn a_repeated_parameter_is_ambiguous() {
        for query in [
            "state=right&code=c&code=c",
            "state=right&code=c&%63ode=d",
            "state=right&code=&code=c",
            "state=right&error=a&error=b&code=c",
            "state=right&error=a&error_description=x&error_description=y",
        ] {
            assert_eq!(read(query), Callback::Ambiguous, "{query}");
        }
    }

    #[test]
    fn a_code_is_decoded() {
        for (query, code) in [
            ("state=right&code=c", "c"),
            ("code=a%2Bb%3D%26c&state=right&scope=openid+profile", "a+b=&c"),
            ("st%61te=righ%74&code=c", "c"),
        ] {
            assert_eq!(read(query), Callback::Code(Secret::new(code)), "{query}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        for (query, reason) in [
            ("state=right", "The issuer did not send an authorization code"),
            ("state=right&code=", "The issuer did not send an authorization code"),
            ("state=right&error=", "The issuer refused"),
            ("state=right&error=access_denied", "The issuer refused: access_denied"),
            ("state=right&error=access_denied&code=c", "The issuer refused: access_denied"),
            ("state=right&error=a&error_description=Not+today", "The issuer refused: Not today"),
            (
                "state=right&error=a&error_description=one%0D%0Atwo%1B[2J%E2%80%AEx",
                "The issuer refused: one two [2J x",
            ),
            (
                "state=right&error=access_denied&error_description=Missing_Codex_Entitlement:+x",
                "Your workspace does not include this use: ask its administrator for access",
            ),
        ] {
            assert_eq!(read(query), Callback::Refused(reason.to_owned()), "{query}");
        }
    }

    #[test]
    fn a_long_refusal_is_cut() {
        let query = format!("state=right&error=a&error_description={}", "%C3%A4".repeat(MAX_SHOWN + 1));
        let reason = format!("The issuer refused: {}", "ä".repeat(MAX_SHOWN));
        assert_eq!(read(&query), Callback::Refused(reason));
    }
}
