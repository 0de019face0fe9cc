//! What a reviewer answers: findings in a form of JSON, or plain words. As text for the user and for the model, and in
//! the reference's form for the rollout.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The text of a review that says nothing.
pub(crate) const FAILED: &str = "Reviewer failed to output a response.";

/// A review. What is missing is empty, so that records of other writers are read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    #[serde(deserialize_with = "or_default")]
    findings: Vec<Finding>,
    #[serde(deserialize_with = "or_default")]
    overall_correctness: String,
    #[serde(deserialize_with = "or_default")]
    overall_explanation: String,
    #[serde(deserialize_with = "or_default")]
    overall_confidence_score: f64,
}

/// Something its author would want to mend.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Finding {
    title: String,
    #[serde(deserialize_with = "or_default")]
    body: String,
    #[serde(deserialize_with = "or_default")]
    confidence_score: f64,
    #[serde(deserialize_with = "or_default")]
    priority: i64,
    #[serde(deserialize_with = "or_default")]
    code_location: Location,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Location {
    absolute_file_path: String,
    line_range: Lines,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Lines {
    start: u64,
    end: u64,
}

/// Null is as good as absent.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Output {
    /// Reads a reviewer's answer: as JSON, as the JSON within it, or as the words it is.
    pub(crate) fn parse(answer: &str) -> Self {
        let braces = || answer.get(answer.find('{')?..=answer.rfind('}')?);
        Self::of_json(answer)
            .or_else(|| Self::of_json(braces()?))
            .unwrap_or_else(|| Output { overall_explanation: answer.to_owned(), ..Output::default() })
    }

    /// `None` also for JSON that is something else: a quotation of code, for instance.
    fn of_json(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Parts<'a> {
            #[serde(borrow, default)]
            findings: Option<&'a RawValue>,
            #[serde(borrow, default)]
            overall_explanation: Option<&'a RawValue>,
        }
        let parts: Parts<'_> = serde_json::from_str(text).ok()?;
        if parts.findings.is_none() && parts.overall_explanation.is_none() {
            return None;
        }
        serde_json::from_str(text).ok()
    }

    /// The review as text (wire specification 9.1).
    pub(crate) fn text(&self) -> String {
        let mut text = self.overall_explanation.trim().to_owned();
        if !self.findings.is_empty() {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(if self.findings.len() == 1 { "Review comment:" } else { "Full review comments:" });
        }
        for finding in &self.findings {
            let location = &finding.code_location;
            let (path, lines) = (&location.absolute_file_path, &location.line_range);
            // Writing to a string does not fail.
            let _ = write!(text, "\n\n- {} — {path}:{}-{}", finding.title, lines.start, lines.end);
            for line in finding.body.lines() {
                let _ = write!(text, "\n  {line}");
            }
        }
        if text.is_empty() { FAILED.to_owned() } else { text }
    }

    /// What the thread's model reads of the review, as something the user did.
    pub(crate) fn action(&self) -> String {
        include_str!("../prompts/review_action.md").trim_end().replace("{results}", &self.text())
    }
}

/// The same for a review that came to nothing.
pub(crate) fn interrupted_action() -> &'static str {
    include_str!("../prompts/review_interrupted_action.md").trim_end()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(answer: &str, expected: &Expect) {
        expected.assert_eq(&Output::parse(answer).text());
    }

    const FINDING: &str = r#"{"title":"[P1] Fix it","body":"This breaks.\n\nBadly.","confidence_score":0.9,"priority":1,"code_location":{"absolute_file_path":"/x/app.rs","line_range":{"start":10,"end":20}}}"#;

    #[test]
    fn one_finding() {
        let answer = format!(
            r#"{{"findings":[{FINDING}],"overall_correctness":"patch is incorrect","overall_explanation":" Mostly fine.\n","overall_confidence_score":0.8}}"#
        );
        let expected = expect![[r#"
            Mostly fine.

            Review comment:

            - [P1] Fix it — /x/app.rs:10-20
              This breaks.
              
              Badly."#]];
        check(&answer, &expected);
        check(&format!("Here it is:\n```json\n{answer}\n```\n"), &expected);
        let written = serde_json::to_string(&Output::parse(&answer)).unwrap();
        assert_eq!(serde_json::from_str::<Output>(&written).unwrap(), Output::parse(&answer));
        assert_eq!(written.replace(" Mostly fine.\\n", ""), answer.replace(" Mostly fine.\\n", ""));
    }

    #[test]
    fn several_findings_without_an_explanation() {
        check(
            &format!(
                r#"{{"findings":[{FINDING},{{"title":"Two","priority":null}}],"overall_explanation":null}}"#
            ),
            &expect![[r#"
                Full review comments:

                - [P1] Fix it — /x/app.rs:10-20
                  This breaks.
                  
                  Badly.

                - Two — :0-0"#]],
        );
    }

    #[test]
    fn plain_words() {
        check("  All is well.\n", &expect!["All is well."]);
        check("Use `{}` here, or {\"a\": 1}.", &expect![[r#"Use `{}` here, or {"a": 1}."#]]);
        check(r#"Replace it by {"a": 1}"#, &expect![[r#"Replace it by {"a": 1}"#]]);
        check("} backwards {", &expect!["} backwards {"]);
        // A form that is not ours is shown as it is.
        check(r#"{"findings":"none"}"#, &expect![[r#"{"findings":"none"}"#]]);
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        check("", &expect!["Reviewer failed to output a response."]);
        check(r#"{"findings":[]}"#, &expect!["Reviewer failed to output a response."]);
    }

    #[test]
    fn the_thread_is_told() {
        expect![[r#"
            <user_action>
              <context>The user asked for a code review, which another conversation has done. What it found is below; the user may ask for it to be mended.</context>
              <action>review</action>
              <results>
            Fine.
              </results>
            </user_action>"#]]
        .assert_eq(&Output::parse("Fine.").action());
        expect![[r#"
            <user_action>
              <context>The user asked for a code review, which another conversation has begun. It was interrupted before it found anything. If the user asks about it, say that it has to be started again.</context>
              <action>review</action>
              <results>
            None.
              </results>
            </user_action>"#]]
        .assert_eq(interrupted_action());
    }
}
