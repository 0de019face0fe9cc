//! The data file beside the recordings: what a comparison does not mind, where this server differs on purpose, and
//! what a recording needs around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use app_server_test_support::transcript::{Care, Rules};
use serde::Deserialize;
use serde_json::Value;

/// `deviations.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectations {
    pub(crate) compare: Compare,
    /// What the versions before ours did otherwise; holds for all their recordings.
    pub(crate) era_94: Era,
    /// Recordings that are replayed only when they are asked for: what they show is still to come.
    #[serde(default)]
    pending: Vec<String>,
    #[serde(default)]
    pub(crate) deviation: Vec<Deviation>,
    #[serde(default)]
    pub(crate) fixed_text: Vec<FixedText>,
    #[serde(default)]
    pub(crate) setup: Vec<Setup>,
}

/// What no comparison minds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compare {
    /// Notifications that may come or not.
    pub(crate) ignored_notifications: BTreeSet<String>,
    /// Fields that may be there or not, with any value: a name, or the end of a path.
    ignored_fields: Vec<String>,
    /// Fields with wording of ours: the JSON type is compared.
    free_text_fields: Vec<String>,
    /// Whether the output deltas of a command must add up to its output. Not so for the references.
    #[serde(default)]
    pub(crate) output_deltas_are_complete: bool,
}

/// How a version's output differs from today's throughout.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Era {
    /// Notifications that version did not have, by method, or by method and item type: `item/started:imageView`.
    pub(crate) later_notifications: BTreeSet<String>,
    /// Notifications that only that version had; a `*` as below.
    earlier_notifications: Vec<String>,
    /// Fields whose value was other then.
    changed_fields: Vec<String>,
}

impl Era {
    pub(crate) fn had_only(&self, method: &str) -> bool {
        self.earlier_notifications.iter().any(|pattern| matches_pattern(pattern, method))
    }
}

/// A difference that is meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviation {
    /// `169/steer`; a `*` at one end stands for anything, here and below.
    transcripts: Vec<String>,
    /// The message, as in the test's output.
    at: String,
    /// Without it any kind of difference.
    what: Option<What>,
    /// The field; without it the whole message.
    #[serde(default)]
    path: String,
    /// Whether it occurs depends on the machine.
    #[serde(default)]
    may_not_occur: bool,
    pub(crate) reason: String,
    /// The transcript patterns for which it occurred.
    #[serde(skip)]
    seen: Mutex<BTreeSet<usize>>,
}

/// The kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// A recorded message does not come.
    Missing,
    /// A message comes that was not recorded.
    Extra,
    /// A message comes at another place.
    Order,
    /// An error in place of a result, or the other way round, or another code.
    Answer,
    /// A field differs.
    Field,
    /// A fixed text is not in the error message.
    Text,
    /// The server did not end well.
    Exit,
    /// A client line could not be sent.
    Unsent,
}

/// If the recorded error message has the first text, ours has the second, or else the whole recorded message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FixedText {
    pub(crate) recorded: String,
    pub(crate) ours: Option<String>,
}

/// What a recording needs, or must not do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    transcripts: Vec<String>,
    /// Files there before the server starts.
    #[serde(default)]
    pub(crate) files: Vec<FileSetup>,
    /// The project folder is a git repository with one commit.
    #[serde(default)]
    pub(crate) is_repository: bool,
    /// What the backends answer besides the recorded answers of the model.
    #[serde(default)]
    pub(crate) pages: Vec<PageSetup>,
    /// A user is to sign in by a browser, for which one test at a time can be had.
    #[serde(default)]
    pub(crate) takes_login_ports: bool,
    /// Nothing listens at the model's address.
    #[serde(default)]
    pub(crate) model_is_unreachable: bool,
    /// The model stops in the middle of an answer.
    pub(crate) hold: Option<Hold>,
    /// Ids of requests that are not sent, as ours takes them and would run a turn nobody recorded.
    #[serde(default)]
    pub(crate) unsent_requests: BTreeSet<i64>,
    /// Added to the params of requests, by method.
    #[serde(default)]
    pub(crate) added_params: BTreeMap<String, BTreeMap<String, Value>>,
    /// Added to the configuration.
    #[serde(default)]
    pub(crate) config: String,
    /// What the server is started with.
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
    /// What the configuration says until the server is started again, and what the recording kept of it.
    #[serde(default)]
    pub(crate) until_restart: Vec<[String; 2]>,
    /// Ids of calls that ours does not ask for approval of.
    #[serde(default)]
    pub(crate) unasked_calls: BTreeSet<String>,
    /// Why, where it is not plain.
    #[serde(default)]
    #[allow(dead_code, reason = "for the reader of the file")]
    pub(crate) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSetup {
    /// With placeholders.
    pub(crate) path: String,
    /// With placeholders.
    #[serde(default)]
    pub(crate) text: String,
    /// In place of a text.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The MCP server of the tests, in place of a text.
    #[serde(default)]
    pub(crate) is_mcp_server: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageSetup {
    /// Without the query.
    pub(crate) path: String,
    pub(crate) json: String,
}

/// The model stops before an event of an answer and goes on when a request has been answered.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hold {
    /// Counted from 0.
    pub(crate) answer: usize,
    /// Counted from 0, in the recorded answer.
    pub(crate) before_event: usize,
    /// The id of the request.
    pub(crate) until_answered: i64,
    /// Leaves out the event before which the model stops.
    #[serde(default)]
    pub(crate) drop_event: bool,
}

/// Something that differs from a recording.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) at: String,
    pub(crate) what: What,
    pub(crate) path: String,
    pub(crate) detail: String,
}

/// A `*` at one end of the pattern stands for anything.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => pattern == text,
    }
}

fn is_end_of(end: &str, path: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

impl Expectations {
    pub(crate) fn load(toml: &str) -> Self {
        toml::from_str(toml).unwrap_or_else(|error| panic!("deviations.toml: {error}"))
    }

    /// Makes them those for a server that is not ours: no difference is meant.
    pub(crate) fn forget_ours(&mut self) {
        self.deviation.clear();
        self.compare.output_deltas_are_complete = false;
        for setup in &mut self.setup {
            setup.unasked_calls.clear();
        }
    }

    /// Returns whether a recording is replayed only when it is asked for.
    pub(crate) fn is_pending(&self, transcript: &str) -> bool {
        self.pending.iter().any(|pattern| matches_pattern(pattern, transcript))
    }

    /// Returns whether the difference is listed, and notes that it occurred.
    pub(crate) fn allows(&self, transcript: &str, difference: &Difference) -> bool {
        let mut is_allowed = false;
        for deviation in &self.deviation {
            let fits = deviation.what.is_none_or(|what| what == difference.what)
                && matches_pattern(&deviation.at, &difference.at)
                && matches_pattern(&deviation.path, &difference.path);
            for (index, pattern) in deviation.transcripts.iter().enumerate() {
                if fits && matches_pattern(pattern, transcript) {
                    is_allowed = true;
                    deviation.seen.lock().unwrap().insert(index);
                }
            }
        }
        is_allowed
    }

    /// Returns whether a recorded message is listed as missing, so that nobody waits for it.
    pub(crate) fn is_missing(&self, transcript: &str, at: &str) -> bool {
        self.deviation.iter().any(|deviation| {
            matches!(deviation.what, None | Some(What::Missing))
                && deviation.at != "*"
                && deviation.path.is_empty()
                && matches_pattern(&deviation.at, at)
                && deviation.transcripts.iter().any(|pattern| matches_pattern(pattern, transcript))
        })
    }

    /// Returns the listed deviations that did not occur, in words.
    pub(crate) fn unused(&self) -> Vec<String> {
        let mut unused = Vec::new();
        for deviation in &self.deviation {
            let seen = deviation.seen.lock().unwrap();
            for (index, pattern) in deviation.transcripts.iter().enumerate() {
                if !seen.contains(&index) && !deviation.may_not_occur && !self.is_pending(pattern) {
                    let Deviation { at, what, path, .. } = deviation;
                    let what = what.map_or("any".to_owned(), |what| format!("{what:?}"));
                    unused.push(format!("{pattern}: {at} {what} {path}"));
                }
            }
        }
        unused
    }

    pub(crate) fn setups(&self, transcript: &str) -> impl Iterator<Item = &Setup> {
        self.setup
            .iter()
            .filter(move |setup| setup.transcripts.iter().any(|pattern| matches_pattern(pattern, transcript)))
    }

    /// Returns the rules for values of a recording that stand under `root` in their message.
    pub(crate) fn rules(&self, is_94: bool, root: &'static str) -> FieldRules<'_> {
        FieldRules { expectations: self, is_94, root }
    }
}

/// The field rules of the data file.
pub(crate) struct FieldRules<'a> {
    expectations: &'a Expectations,
    is_94: bool,
    root: &'static str,
}

impl Rules for FieldRules<'_> {
    fn field(&self, path: &str) -> Care {
        let compare = &self.expectations.compare;
        let path = format!("{}.{path}", self.root);
        let is_in = |fields: &[String]| fields.iter().any(|field| is_end_of(field, &path));
        if is_in(&compare.ignored_fields) || (self.is_94 && is_in(&self.expectations.era_94.changed_fields)) {
            Care::Ignore
        } else if is_in(&compare.free_text_fields) {
            Care::Kind
        } else {
            Care::Full
        }
    }

    fn may_be_extra(&self, path: &str) -> bool {
        self.is_94 || self.field(path) == Care::Ignore
    }
}
