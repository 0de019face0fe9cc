//! The rate-limit headers of a response (backend.md 7). Knows nothing about merging snapshots or about how the
//! numbers are shown: percentages stay as they came.

use std::collections::BTreeSet;

use reqwest::header::HeaderMap;

/// The id of the main limit, whose headers begin with `x-codex-`.
pub(crate) const MAIN_LIMIT_ID: &str = "codex";

/// Everything a response said about limits. Produced for every response, even one without such a header.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimitHeaders {
    /// The main limit.
    pub main: RateLimitSnapshot,
    /// Further limits, ordered by id.
    pub others: Vec<RateLimitSnapshot>,
}

/// One limit.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimitSnapshot {
    /// `codex` for the main limit; dashes of the header name are underscores here.
    pub limit_id: String,
    /// The limit's display name, for the further limits.
    pub limit_name: Option<String>,
    /// The short window.
    pub primary: Option<Window>,
    /// The long window.
    pub secondary: Option<Window>,
    /// The credits of the account; main limit only.
    pub credits: Option<Credits>,
    /// Why the limit was reached, on a 429; main limit only.
    pub reached_type: Option<String>,
}

/// How much of a window is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// In percent, not rounded; may exceed 100.
    pub used_percent: f64,
    /// The length of the window, in minutes.
    pub window_minutes: Option<i64>,
    /// When it starts anew, in Unix seconds.
    pub resets_at: Option<i64>,
}

/// The credits of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credits {
    /// Whether there are any.
    pub has_credits: bool,
    /// Whether they never run out.
    pub unlimited: bool,
    /// What is left, as the server wrote it.
    pub balance: Option<String>,
}

impl RateLimitHeaders {
    pub(crate) fn parse(headers: &HeaderMap) -> Self {
        let others: BTreeSet<&str> = headers
            .keys()
            .filter_map(|name| limit_of(name.as_str()))
            .filter(|id| *id != MAIN_LIMIT_ID)
            .collect();
        let main = RateLimitSnapshot {
            credits: credits(headers),
            reached_type: text(headers, "x-codex-rate-limit-reached-type").map(str::to_owned),
            ..snapshot(headers, MAIN_LIMIT_ID)
        };
        Self { main, others: others.into_iter().map(|id| snapshot(headers, id)).collect() }
    }
}

/// Returns the limit a header belongs to, as its name spells it.
fn limit_of(header: &str) -> Option<&str> {
    let rest = header.strip_prefix("x-")?;
    ["-primary-used-percent", "-secondary-used-percent", "-limit-name"]
        .iter()
        .find_map(|suffix| rest.strip_suffix(suffix))
        .filter(|id| !id.is_empty())
}

fn snapshot(headers: &HeaderMap, id: &str) -> RateLimitSnapshot {
    RateLimitSnapshot {
        limit_id: id.replace('-', "_"),
        limit_name: text(headers, &format!("x-{id}-limit-name")).map(str::to_owned),
        primary: window(headers, id, "primary"),
        secondary: window(headers, id, "secondary"),
        credits: None,
        reached_type: None,
    }
}

/// A percentage of 0 with neither length nor reset time means that there is no such window (observed).
fn window(headers: &HeaderMap, id: &str, which: &str) -> Option<Window> {
    let used_percent: f64 = text(headers, &format!("x-{id}-{which}-used-percent"))?.parse().ok()?;
    let number = |what: &str| text(headers, &format!("x-{id}-{which}-{what}"))?.parse::<i64>().ok();
    let window =
        Window { used_percent, window_minutes: number("window-minutes"), resets_at: number("reset-at") };
    let exists = used_percent != 0.0
        || window.window_minutes.is_some_and(|minutes| minutes != 0)
        || window.resets_at.is_some();
    (used_percent.is_finite() && exists).then_some(window)
}

fn credits(headers: &HeaderMap) -> Option<Credits> {
    let flag = |name: &str| match text(headers, name)? {
        "1" => Some(true),
        "0" => Some(false),
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    Some(Credits {
        has_credits: flag("x-codex-credits-has-credits")?,
        unlimited: flag("x-codex-credits-unlimited")?,
        balance: text(headers, "x-codex-credits-balance").map(str::to_owned),
    })
}

/// Returns a header's text without surrounding space; an empty one counts as absent.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn check(pairs: &[(&'static str, &'static str)], expected: &Expect) {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        expected.assert_debug_eq(&RateLimitHeaders::parse(&headers));
    }

    #[test]
    fn no_header_is_an_empty_snapshot() {
        check(
            &[("content-type", "text/event-stream")],
            &expect![[r#"
            RateLimitHeaders {
                main: RateLimitSnapshot {
                    limit_id: "codex",
                    limit_name: None,
                    primary: None,
                    secondary: None,
                    credits: None,
                    reached_type: None,
                },
                others: [],
            }
        "#]],
        );
    }

    #[test]
    fn all_headers() {
        check(
            &[
                ("x-codex-primary-used-percent", "42.5"),
                ("x-codex-primary-window-minutes", "300"),
                ("x-codex-primary-reset-at", "1767229200"),
                ("x-codex-secondary-used-percent", "5"),
                ("x-codex-credits-has-credits", "TRUE"),
                ("x-codex-credits-unlimited", "0"),
                ("x-codex-credits-balance", " 12 "),
                ("x-codex-rate-limit-reached-type", "rate_limit_reached"),
                ("x-codex-spark-primary-used-percent", "7"),
                ("x-codex-spark-limit-name", "Spark"),
            ],
            &expect![[r#"
                RateLimitHeaders {
                    main: RateLimitSnapshot {
                        limit_id: "codex",
                        limit_name: None,
                        primary: Some(
                            Window {
                                used_percent: 42.5,
                                window_minutes: Some(
                                    300,
                                ),
                                resets_at: Some(
                                    1767229200,
                                ),
                            },
                        ),
                        secondary: Some(
                            Window {
                                used_percent: 5.0,
                                window_minutes: None,
                                resets_at: None,
                            },
                        ),
                        credits: Some(
                            Credits {
                                has_credits: true,
                                unlimited: false,
                                balance: Some(
                                    "12",
                                ),
                            },
                        ),
                        reached_type: Some(
                            "rate_limit_reached",
                        ),
                    },
                    others: [
                        RateLimitSnapshot {
                            limit_id: "codex_spark",
                            limit_name: Some(
                                "Spark",
                            ),
                            primary: Some(
                                Window {
                                    used_percent: 7.0,
                                    window_minutes: None,
                                    resets_at: None,
                                },
                            ),
                            secondary: None,
                            credits: None,
                            reached_type: None,
                        },
                    ],
                }
            "#]],
        );
    }

    fn primary(pairs: &[(&'static str, &'static str)]) -> Option<Window> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        RateLimitHeaders::parse(&headers).main.primary
    }

    #[test]
    fn when_a_window_exists() {
        const PERCENT: &str = "x-codex-primary-used-percent";
        assert_eq!(primary(&[(PERCENT, "0")]), None);
        assert_eq!(primary(&[(PERCENT, "0"), ("x-codex-primary-window-minutes", "0")]), None);
        assert!(primary(&[(PERCENT, "0"), ("x-codex-primary-window-minutes", "300")]).is_some());
        assert!(primary(&[(PERCENT, "0.0"), ("x-codex-primary-reset-at", "1")]).is_some());
        assert!(primary(&[(PERCENT, "1")]).is_some());
        assert_eq!(primary(&[(PERCENT, "NaN"), ("x-codex-primary-window-minutes", "300")]), None);
        assert_eq!(primary(&[(PERCENT, "inf")]), None);
        assert_eq!(primary(&[("x-codex-primary-window-minutes", "300")]), None);
    }

    #[test]
    fn credits_need_both_flags() {
        let headers: HeaderMap =
            [(HeaderName::from_static("x-codex-credits-has-credits"), HeaderValue::from_static("1"))]
                .into_iter()
                .collect();
        assert_eq!(RateLimitHeaders::parse(&headers).main.credits, None);
    }
}
