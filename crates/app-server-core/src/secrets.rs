//! The values that must reach no rollout, notification, log or model, and what is shown in their place. It finds them
//! by their bytes alone: it must not know where a text comes from or goes to.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use app_server_config::{Environment, looks_secret};
use app_server_http::percent_encoded;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// What stands where a secret was.
const MASK: &str = "[secret]";

/// Values shorter than this are words, numbers and switches rather than secrets; see [`is_maskable`].
const MIN_BYTES: usize = 8;
/// From here on a value is masked even if it could be a word.
const MIN_BYTES_OF_A_WORD: usize = 12;
/// From here on a string of `auth.json` under a key we do not know counts as a secret.
const MIN_BYTES_OF_UNKNOWN: usize = 20;
/// From here on a line of a value of several lines is a secret by itself.
const MIN_BYTES_OF_LINE: usize = 32;
/// How many credentials are remembered for what somebody still shows of them.
const GENERATIONS: usize = 8;

/// The known secrets, ready to be searched for. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    /// `None` when there is nothing to look for.
    forms: Option<Arc<Forms>>,
}

/// Every spelling of every secret.
struct Forms {
    search: AhoCorasick,
    /// Sorted, so that what may be the beginning of one is found by halving.
    sorted: Vec<String>,
    /// The first bytes that occur.
    first_bytes: [bool; 256],
    /// Length of the longest spelling in bytes.
    longest: usize,
}

impl Secrets {
    /// Makes the search for `values`, each as it is, as JSON and URLs write it, and in base64. White space around a
    /// value does not count.
    ///
    /// Values of fewer than 8 bytes are left out, and those of fewer than 12 bytes that have neither a digit nor both
    /// capital and small letters: masking a common word would damage what the model and the user see, and say little
    /// about a secret.
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut forms = BTreeSet::new();
        for value in values {
            let value = value.trim();
            if is_maskable(value) {
                forms.extend(json_escaped(value));
                forms.insert(percent_encoded(value));
                forms.insert(BASE64_STANDARD.encode(value));
                forms.insert(value.to_owned());
            }
        }
        Self { forms: Forms::new(forms.into_iter().collect()).map(Arc::new) }
    }

    /// Returns whether there is nothing to mask.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.forms.is_none()
    }

    /// Masks every secret in a text that is complete.
    pub(crate) fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.forms {
            None => Cow::Borrowed(text),
            Some(forms) => forms.mask_until(text, |_| None).0,
        }
    }

    /// Returns a masker for one text that comes in pieces.
    pub(crate) fn masker(&self) -> Masker {
        Masker { secrets: self.clone(), held: String::new() }
    }

    /// Returns a masker for one stream of bytes.
    pub(crate) fn byte_masker(&self) -> ByteMasker {
        ByteMasker { secrets: self.clone(), held: Vec::new() }
    }
}

/// Shows how many, not which.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.forms.as_ref().map_or(0, |forms| forms.sorted.len());
        f.debug_struct("Secrets").field("forms", &forms).finish_non_exhaustive()
    }
}

/// Masks a text that comes in pieces, as [`Secrets::mask`] would mask the whole, however it is cut. What is held back
/// meanwhile is the beginning of a secret, and nothing else.
pub(crate) struct Masker {
    secrets: Secrets,
    held: String,
}

impl Masker {
    /// Takes a piece and returns what is certain by now, which may be empty.
    pub(crate) fn push<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let Some(forms) = &self.secrets.forms else { return Cow::Borrowed(text) };
        if self.held.is_empty() {
            let (masked, held) = forms.mask_begun(text);
            self.held.push_str(held);
            return masked;
        }
        self.held.push_str(text);
        let (masked, held) = forms.mask_begun(&self.held);
        let (masked, held) = (masked.into_owned(), held.to_owned());
        self.held = held;
        Cow::Owned(masked)
    }

    /// Returns what was held back, now that nothing follows. Whoever shows a text while it pauses, such as the prompt
    /// of a program, may end it here and push on: a secret is then missed only if the pause cuts it.
    pub(crate) fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        self.secrets.mask(&held).into_owned()
    }
}

/// As [`Masker`], for bytes that need not be text: what programs write is handed to clients as it is.
pub(crate) struct ByteMasker {
    secrets: Secrets,
    held: Vec<u8>,
}

impl ByteMasker {
    /// Takes a piece and returns what is certain by now, which may be empty.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(forms) = &self.secrets.forms else { return bytes };
        let bytes = if self.held.is_empty() {
            bytes
        } else {
            self.held.extend_from_slice(&bytes);
            std::mem::take(&mut self.held)
        };
        let (masked, open) = forms.mask_bytes_until(&bytes, |from| forms.begun(&bytes, from));
        self.held.extend_from_slice(&bytes[open..]);
        masked
    }

    /// Whether something is held back.
    pub(crate) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Returns what was held back; see [`Masker::finish`].
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        match &self.secrets.forms {
            Some(forms) if !held.is_empty() => forms.mask_bytes_until(&held, |_| None).0,
            _ => held,
        }
    }
}

/// Shows nothing of the bytes.
impl fmt::Debug for ByteMasker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteMasker").field("held_bytes", &self.held.len()).finish_non_exhaustive()
    }
}

/// Shows nothing of the text.
impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("held_bytes", &self.held.len()).finish_non_exhaustive()
    }
}

impl Forms {
    fn new(sorted: Vec<String>) -> Option<Self> {
        let longest = sorted.iter().map(String::len).max()?;
        let search = AhoCorasick::builder()
            // Where one secret begins with another, all of it is masked.
            .match_kind(MatchKind::LeftmostLongest)
            // Tokens are some kilobytes long: the faster kinds of automaton would take megabytes.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&sorted)
            // Only secrets of gigabytes do not fit.
            .inspect_err(|error| tracing::error!(%error, "secrets cannot be masked"))
            .ok()?;
        let mut first_bytes = [false; 256];
        for byte in sorted.iter().filter_map(|form| form.bytes().next()) {
            first_bytes[usize::from(byte)] = true;
        }
        Some(Self { search, sorted, first_bytes, longest })
    }

    /// Masks as much of a text as is certain whatever follows, and returns the rest.
    fn mask_begun<'t>(&self, text: &'t str) -> (Cow<'t, str>, &'t str) {
        self.mask_until(text, |from| self.begun(text.as_bytes(), from))
    }

    /// Masks a text from the left, up to the place that `begun` says; see [`Forms::find`].
    fn mask_until<'t>(
        &self,
        text: &'t str,
        begun: impl Fn(usize) -> Option<usize>,
    ) -> (Cow<'t, str>, &'t str) {
        let (found, open) = self.find(text.as_bytes(), begun);
        let rest = &text[open..];
        if found.is_empty() {
            return (Cow::Borrowed(&text[..open]), rest);
        }
        let mut masked = String::new();
        let mut done = 0;
        for secret in found {
            masked.push_str(&text[done..secret.start]);
            masked.push_str(MASK);
            done = secret.end;
        }
        masked.push_str(&text[done..open]);
        (Cow::Owned(masked), rest)
    }

    /// As [`Forms::mask_until`], for bytes that need not be text.
    fn mask_bytes_until(&self, bytes: &[u8], begun: impl Fn(usize) -> Option<usize>) -> (Vec<u8>, usize) {
        let (found, open) = self.find(bytes, begun);
        let mut masked = Vec::with_capacity(open);
        let mut done = 0;
        for secret in found {
            masked.extend_from_slice(&bytes[done..secret.start]);
            masked.extend_from_slice(MASK.as_bytes());
            done = secret.end;
        }
        masked.extend_from_slice(&bytes[done..open]);
        (masked, open)
    }

    /// Finds the secrets from the left, and where the part ends that is certain. `begun` says where, from some place on,
    /// a secret begins that the text does not hold the end of: no match at or behind that place is certain, since the
    /// leftmost and then the longest counts.
    fn find(&self, text: &[u8], begun: impl Fn(usize) -> Option<usize>) -> (Vec<Range<usize>>, usize) {
        let mut secrets = Vec::new();
        let mut open = begun(0).unwrap_or(text.len());
        for found in self.search.find_iter(text) {
            if open <= found.start() {
                break;
            }
            secrets.push(found.range());
            if open < found.end() {
                open = begun(found.end()).unwrap_or(text.len());
            }
        }
        (secrets, open)
    }

    /// Finds the first place, from `from` on, whose bytes up to the end of the text are a true beginning of a secret.
    /// Such a place is the beginning of a character, because a secret begins with one.
    fn begun(&self, text: &[u8], from: usize) -> Option<usize> {
        let from = from.max((text.len() + 1).saturating_sub(self.longest));
        (from..text.len()).find(|&at| {
            let tail = &text[at..];
            self.first_bytes[usize::from(text[at])] && {
                let next = self.sorted.partition_point(|form| form.as_bytes() <= tail);
                self.sorted.get(next).is_some_and(|form| form.as_bytes().starts_with(tail))
            }
        })
    }
}

fn is_maskable(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    let is_no_word = has(u8::is_ascii_digit) || (has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase));
    value.len() >= MIN_BYTES_OF_A_WORD || (value.len() >= MIN_BYTES && is_no_word)
}

/// The value as it stands between the quotes of a JSON string.
fn json_escaped(value: &str) -> Option<String> {
    let quoted = serde_json::to_string(value).ok()?;
    Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// Gathers the secrets we can know of: the values of variables whose names say so, and what is stored in `auth.json`.
/// A file that is not JSON holds none that we could use either.
///
/// A variable that names an existing file or folder is left out: such names are all over what a command shows.
pub(crate) fn known(environment: &Environment, auth_json: Option<&[u8]>) -> Vec<String> {
    let mut values = Vec::new();
    for (name, value) in environment.vars() {
        if let Some(value) = value.to_str().filter(|value| looks_secret(name) && !is_path(value)) {
            // Terminals change the ends of lines: the lines of a key must be found by themselves. Those with spaces,
            // such as its header, are text.
            let lines = value.lines().filter(|line| line.len() >= MIN_BYTES_OF_LINE && !line.contains(' '));
            values.extend(lines.filter(|line| *line != value).map(str::to_owned));
            values.push(value.to_owned());
        }
    }
    if let Some(json) = auth_json.and_then(|bytes| serde_json::from_slice(bytes).ok()) {
        credentials("", &json, &mut values);
    }
    values
}

fn is_path(value: &str) -> bool {
    // A key may begin with a slash, too.
    Path::new(value).is_absolute() && Path::new(value).symlink_metadata().is_ok()
}

/// Collects the credentials in a value of `auth.json` that stands under `key`. Newer versions keep kinds we do not
/// know.
fn credentials(key: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_credential(key, text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| credentials(key, item, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| credentials(key, value, found)),
        _ => {}
    }
}

fn is_credential(key: &str, text: &str) -> bool {
    if matches!(key, "OPENAI_API_KEY" | "access_token" | "refresh_token" | "id_token") {
        return true;
    }
    let key = key.to_ascii_lowercase();
    let names_someone = key.contains("account") || key.contains("email") || key.ends_with("_id");
    text.len() >= MIN_BYTES_OF_UNKNOWN && !names_someone && !is_email(text) && !is_date(text)
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        && !text.contains([':', '/', ' '])
}

fn is_date(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok()
}

/// The known values of this process: those of the environment, and those of `auth.json`, which is read again when it
/// has changed.
pub struct KnownSecrets {
    environment: Arc<Environment>,
    auth_file: Option<PathBuf>,
    /// Keys of providers, known from their first use on.
    learnt: Mutex<BTreeSet<String>>,
    /// Tokens of accounts, the latest last. They are replaced again and again.
    tokens: Mutex<VecDeque<Vec<String>>>,
    last: Mutex<Option<(Option<SystemTime>, Secrets)>>,
}

impl KnownSecrets {
    /// Nothing is read yet. Without a home folder there is only the environment.
    pub fn new(environment: Arc<Environment>, codex_home: Option<&Path>) -> Self {
        let auth_file = codex_home.map(|home| home.join("auth.json"));
        KnownSecrets {
            environment,
            auth_file,
            learnt: Mutex::default(),
            tokens: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Takes values for secrets that neither a variable's name nor `auth.json` tells for such, or not for long.
    pub(crate) fn learn<'a>(&self, values: impl IntoIterator<Item = &'a str>) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        for value in values {
            is_new |= !learnt.contains(value) && learnt.insert(value.to_owned());
        }
        drop(learnt);
        if is_new {
            self.forget_last();
        }
    }

    /// Takes the values of a credential for secrets, until so many others came that nobody shows it any more.
    pub(crate) fn learn_tokens(&self, values: Vec<String>) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.contains(&values) {
            return;
        }
        tokens.push_back(values);
        if tokens.len() > GENERATIONS {
            tokens.pop_front();
        }
        drop(tokens);
        self.forget_last();
    }

    fn forget_last(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Masks every value known now, in a text that is complete.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.get().mask(text)
    }

    /// What is known now.
    pub(crate) fn get(&self) -> Secrets {
        let file = self.auth_file.as_deref();
        let changed = file.and_then(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((when, secrets)) if *when == changed => secrets.clone(),
            _ => {
                let auth = file.and_then(|file| std::fs::read(file).ok());
                let mut values = known(&self.environment, auth.as_deref());
                values.extend(self.learnt.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
                let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                values.extend(tokens.iter().flatten().cloned());
                let secrets = Secrets::new(values);
                *last = Some((changed, secrets.clone()));
                secrets
            }
        }
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownSecrets")
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        Secrets::new(values.iter().copied().map(str::to_owned))
    }

    #[test]
    fn what_is_masked() {
        for (values, text, masked) in [
            (&["sk-12345"][..], "key sk-12345.", "key [secret]."),
            (&["sk-12345"], "sk-12345sk-12345 sk-1234", "[secret][secret] sk-1234"),
            (&["  sk-12345\n"], "'sk-12345'", "'[secret]'"),
            // The longest counts, and then what follows it.
            (&["sk-12345", "sk-12345-678"], "sk-12345-678 sk-12345-67", "[secret] [secret]-67"),
            (&["abc12345", "345xyz789"], "abc12345xyz789", "[secret]xyz789"),
            (&["pass\"wörd1"], r#"{"k":"pass\"wörd1"}"#, r#"{"k":"[secret]"}"#),
            (&["line one\nline2"], r"x line one\nline2 y", "x [secret] y"),
            (&["a/b+c=d1"], "https://h/?k=a%2Fb%2Bc%3Dd1&x", "https://h/?k=[secret]&x"),
            (&["sk-12345"], "Basic c2stMTIzNDU=", "Basic [secret]"),
            (&["sk-12345"], "", ""),
        ] {
            let secrets = secrets(values);
            assert_eq!(secrets.mask(text), masked, "{values:?}");
        }
    }

    #[test]
    fn what_is_too_common_to_mask() {
        for (value, masked) in [
            ("", false),
            ("abc-123", false),
            ("password", false),
            ("PRODUCTION", false),
            ("mainbranch1", true),
            ("MainBranch", true),
            ("abcdefghijk", false),
            ("abcdefghijkl", true),
            ("12345678", true),
            ("1234567 ", false),
        ] {
            let secrets = secrets(&[value]);
            assert_eq!(secrets.is_empty(), !masked, "{value}");
            assert_eq!(secrets.mask(value) != value, masked, "{value}");
        }
        assert!(secrets(&[]).is_empty());
    }

    #[test]
    fn a_text_without_secrets_is_neither_copied_nor_delayed() {
        let secrets = secrets(&["sk-12345", "zzzz-9999"]);
        assert!(matches!(secrets.mask("nothing here: sk-1234"), Cow::Borrowed(_)));
        let mut masker = secrets.masker();
        for text in ["plain text, ", "asks: sk-no, sk-", "x"] {
            let begun = text.ends_with("sk-");
            match masker.push(text) {
                Cow::Borrowed(shown) => assert_eq!(shown, if begun { "asks: sk-no, " } else { text }),
                Cow::Owned(shown) => assert_eq!(shown, "sk-x"),
            }
        }
        assert_eq!(masker.finish(), "");
    }

    #[test]
    fn a_secret_in_two_pieces() {
        let secrets = secrets(&["sk-12345", "sk-12345-678"]);
        for (pieces, shown) in [
            (&["a sk-1", "2345 b"][..], &["a ", "[secret] b", ""][..]),
            (&["sk-12345", "-6", "x"], &["", "", "[secret]-6x", ""]),
            (&["sk-12345", "-6"], &["", "", "[secret]-6"]),
            (&["sk-12345-678"], &["[secret]", ""]),
            (&["s", "s", "k", "-"], &["", "s", "", "", "sk-"]),
        ] {
            let mut masker = secrets.masker();
            let mut got: Vec<String> = pieces.iter().map(|piece| masker.push(piece).into_owned()).collect();
            got.push(masker.finish());
            assert_eq!(got, shown, "{pieces:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        let mut masker = secrets(&["sk-12345"]).byte_masker();
        assert_eq!(masker.push(b"\xff\x00sk-1".to_vec()), b"\xff\x00");
        assert!(masker.is_holding());
        assert_eq!(masker.push(b"2345\xc3".to_vec()), b"[secret]\xc3");
        assert_eq!(masker.push(b"\xa4 sk-".to_vec()), b"\xa4 ");
        assert_eq!(masker.finish(), b"sk-");
        assert!(!masker.is_holding());
    }

    /// The leftmost and then the longest, found by trying.
    fn mask_by_trying(secrets: &Secrets, text: &str) -> String {
        let forms: &[String] = secrets.forms.as_ref().map_or(&[], |forms| &forms.sorted);
        let mut masked = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let found = forms.iter().filter(|form| rest.starts_with(form.as_str())).map(String::len).max();
            masked.push_str(&if found.is_some() { MASK.to_owned() } else { c.to_string() });
            rest = &rest[found.unwrap_or(c.len_utf8())..];
        }
        masked
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(
            values in prop::collection::vec("[aé]{1,3}1[aé\"]{5,9}", 1..5),
            // Whole secrets, pieces of them and what lies between, in few letters so that they meet.
            parts in prop::collection::vec((0usize..5, 0usize..3, 0usize..12, "[aé1\"\\\\ ]{0,3}"), 0..12),
            cuts in prop::collection::vec(0usize..1000, 0..40),
            chunk in 1usize..20,
        ) {
            let secrets = Secrets::new(values);
            let forms = secrets.forms.clone().map(|forms| forms.sorted.clone()).unwrap_or_default();
            let mut text = String::new();
            for (which, how, length, between) in parts {
                if let Some(form) = forms.get(which % forms.len().max(1)) {
                    let length = if how == 0 { length } else { form.len() };
                    text.extend(form.chars().take(length));
                }
                text.push_str(&between);
            }
            let whole = secrets.mask(&text);
            prop_assert_eq!(&whole, &mask_by_trying(&secrets, &text));

            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
            cuts.retain(|cut| text.is_char_boundary(*cut));
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut masker = secrets.masker();
            let mut shown = String::new();
            for pair in cuts.windows(2) {
                shown.push_str(&masker.push(&text[pair[0]..pair[1]]));
                let is_beginning =
                    |form: &String| form.len() > masker.held.len() && form.starts_with(&masker.held);
                prop_assert!(forms.is_empty() || forms.iter().any(is_beginning));
            }
            shown.push_str(&masker.finish());
            prop_assert_eq!(&shown, &whole);

            // Bytes may be cut anywhere.
            let mut masker = secrets.byte_masker();
            let mut shown = Vec::new();
            for piece in text.as_bytes().chunks(chunk) {
                shown.extend(masker.push(piece.to_vec()));
            }
            shown.extend(masker.finish());
            prop_assert_eq!(shown, whole.as_bytes());
        }
    }

    #[test]
    fn secrets_of_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().to_str().unwrap();
        let long = "x".repeat(40);
        let pem = format!("-----BEGIN PRIVATE KEY OF A TEST-----\n{long}\nshort\n");
        let environment = Environment::from_pairs([
            ("KEYRING_FOLDER", folder),
            ("MY_TOKEN", "/no/such/path/but/a/secret"),
            ("OPENAI_API_KEY", "sk-1"),
            ("PATH", "/bin"),
            ("TLS_KEY", &pem),
        ]);
        assert_eq!(known(&environment, None), ["/no/such/path/but/a/secret", "sk-1", &long, &pem]);
    }

    #[test]
    fn secrets_of_the_credentials_file() {
        let environment = Environment::from_pairs([("PATH", "/bin")]);
        let check = |json: &str, expected: &[&str]| {
            assert_eq!(known(&environment, Some(json.as_bytes())), expected, "{json}");
        };
        check(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-1"}"#, &["sk-1"]);
        check(
            r#"{"OPENAI_API_KEY":null,"auth_mode":"chatgpt","last_refresh":"2026-01-02T03:04:05.123456789Z",
                "tokens":{"id_token":"i.d.t","access_token":"a","refresh_token":"r",
                "account_id":"00000000-0000-0000-0000-000000000000"}}"#,
            &["i.d.t", "a", "r"],
        );
        check(
            r#"{"personal_access_token":"pat-0123456789abcdefgh","since":"2026-01-02T03:04:05",
                "agent_identity":{"keys":["-----BEGIN A KEY-----\nx"],"email":"somebody.long@example.com",
                "owner":"somebody.long@example.com","runtime_id":"a-long-name-of-a-runtime","plan":"pro"}}"#,
            &["pat-0123456789abcdefgh", "-----BEGIN A KEY-----\nx"],
        );
        check("not json", &[]);
        check("{}", &[]);
    }

    #[test]
    fn debug_shows_no_values() {
        let secrets = secrets(&["hunter2-hunter2"]);
        let mut masker = secrets.masker();
        assert_eq!(masker.push("hunter2"), "");
        assert!(!format!("{secrets:?} {masker:?}").contains("hunter2"));
    }
}
