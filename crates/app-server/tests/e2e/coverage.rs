//! Every method, request of the server and notification has a row in docs/protocol.md that links to a test which shows
//! it. The page lists with reasons what is declared and never sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use app_server_protocol::{ClientMethod, ServerMethod, ServerNotification};
use pretty_assertions::assert_eq;

/// Where the tests are, as a page of the documentation links to them.
const TESTS: &str = "../crates/app-server/tests/e2e/";
/// Helpers that all tests may use.
const HELPERS: &[&str] = &["main.rs", "calls.rs"];
/// Where the page lists what is declared and never sent.
const NEVER_SENT: &str = "\n### Declared and never sent\n";
/// A row of a table of methods: the test that shows it, or what stands in its place.
type Row = Result<Link, String>;

struct Link {
    file: String,
    test: String,
}

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn page() -> String {
    fs::read_to_string(here("../../docs/protocol.md")).unwrap()
}

/// The rows that begin with a method.
fn rows(page: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in page.lines() {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let (Some(first), Some(last)) = (cells.next(), cells.last()) else { continue };
        let name = first.trim_end_matches(" **E**").strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        let Some(method) = name else { continue };
        // Older spellings have tables, too.
        let row = link(last).ok_or_else(|| last.to_owned());
        if row.is_ok() || !rows.contains_key(method) {
            rows.insert(method.to_owned(), row);
        }
    }
    rows
}

/// Reads `[works](<file> "<test>")`.
fn link(cell: &str) -> Option<Link> {
    let (_, target) = cell.strip_prefix('[')?.split_once("](")?;
    let (file, test) = target.strip_suffix("\")")?.split_once(" \"")?;
    Some(Link { file: file.strip_prefix(TESTS)?.to_owned(), test: test.to_owned() })
}

/// The functions of a file, each with its attributes, and the texts it has given names.
fn functions(text: &str) -> BTreeMap<String, String> {
    let mut functions: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<(String, usize)> = None;
    let mut attributes = String::new();
    for line in text.lines() {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        if let Some((name, at)) = &open {
            let body = functions.entry(name.clone()).or_default();
            body.push_str(line);
            body.push('\n');
            if indent == *at && words == "}" {
                open = None;
            }
            continue;
        }
        if let Some((name, _)) = words.strip_prefix("const ").and_then(|rest| rest.split_once(": &str = ")) {
            functions.insert(name.to_owned(), format!("{line}\n"));
            continue;
        }
        let signature = words.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        if let Some(name) = signature.strip_prefix("fn ") {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            functions.insert(name.clone(), format!("{attributes}{line}\n"));
            attributes.clear();
            if !line.ends_with('}') {
                open = Some((name, indent));
            }
        } else if words.starts_with("#[") {
            attributes.push_str(line);
            attributes.push('\n');
        } else if !words.starts_with("//") {
            attributes.clear();
        }
    }
    functions
}

/// The tests of this folder, by file.
struct Tests {
    files: BTreeMap<String, BTreeMap<String, String>>,
    helpers: BTreeMap<String, String>,
}

impl Tests {
    fn read() -> Self {
        let folder = here("tests/e2e");
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.clone()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("coverage.rs") {
                    let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
                    files.insert(name, functions(&fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let mut helpers = functions(&fs::read_to_string(here("../test-support/src/server.rs")).unwrap());
        for (name, functions) in &files {
            if HELPERS.contains(&name.as_str()) || name.ends_with("/mod.rs") {
                // Helpers of one name call each other.
                for (name, body) in functions {
                    helpers.entry(name.clone()).or_default().push_str(body);
                }
            }
        }
        Tests { files, helpers }
    }

    /// What is wrong with a link, if anything.
    fn complaint(&self, method: &str, link: &Link) -> Option<String> {
        let Link { file, test } = link;
        let Some(functions) = self.files.get(file) else { return Some(format!("there is no {file}")) };
        let Some(text) = functions.get(test) else { return Some(format!("{file} has no {test}")) };
        if !text.contains("#[test]") || text.contains("#[ignore") {
            return Some(format!("{test} of {file} is not run"));
        }
        let text = self.reached(functions, test);
        // In the text itself, or as a line of an outline of what was sent.
        let is_named = text.contains(&format!("\"{method}\""))
            || text
                .lines()
                .any(|line| line.trim_end_matches("\"#]").split_whitespace().next() == Some(method));
        (!is_named).then(|| format!("{test} of {file} does not use it"))
    }

    /// The text of a function and of the helpers it uses.
    fn reached(&self, functions: &BTreeMap<String, String>, name: &str) -> String {
        let mut text = String::new();
        let mut seen = BTreeSet::new();
        let mut next = vec![name.to_owned()];
        while let Some(name) = next.pop() {
            let bodies = [functions.get(&name), self.helpers.get(&name)];
            if !seen.insert(name) {
                continue;
            }
            let is_apart = |c: char| !c.is_alphanumeric() && c != '_';
            let last_word = |before: &str| before.rsplit(is_apart).next().map(str::to_owned);
            let is_constant = |word: &&str| word.len() > 1 && !word.contains(char::is_lowercase);
            for body in bodies.into_iter().flatten() {
                text.push_str(body);
                next.extend(body.split('(').filter_map(last_word));
                next.extend(body.split(is_apart).filter(is_constant).map(str::to_owned));
            }
        }
        text
    }
}

/// What is wrong with the rows of these methods.
fn complaints(methods: &[&str], rows: &BTreeMap<String, Row>, tests: &Tests) -> Vec<String> {
    let complaint = |method: &&str| {
        let why = match rows.get(*method) {
            None => "has no row".to_owned(),
            Some(Err(instead)) => format!("names no test but says {instead:?}"),
            Some(Ok(link)) => tests.complaint(method, link)?,
        };
        Some(format!("{method}: {why}"))
    };
    methods.iter().filter_map(complaint).collect()
}

/// The page without its list of what is never sent, and that list: message and reason.
fn split(page: &str) -> (String, Vec<(&str, &str)>) {
    let (before, rest) = page.split_once(NEVER_SENT).unwrap();
    let (list, after) = rest.split_once("\n## ").unwrap();
    let never = list.lines().filter_map(|line| {
        let (message, why) = line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | ")?;
        Some((message, why.trim()))
    });
    (format!("{before}\n## {after}"), never.collect())
}

/// Whether anything sends this notification or request: its name in the table of messages is the name of its variant,
/// without the separators.
fn is_sent(message: &str, sources: &str) -> bool {
    let parts = message.split('/').map(|part| format!("{}{}", part[..1].to_uppercase(), &part[1..]));
    let variant: String = parts.collect();
    sources.contains(&format!("ServerNotification::{variant}("))
        || sources.contains(&format!("ask::<methods::server::{variant}>"))
}

/// The text of all files that can send something.
fn sources() -> String {
    let mut text = String::new();
    let mut next = vec![here("src"), here("../app-server-core/src")];
    while let Some(path) = next.pop() {
        if path.is_dir() {
            next.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

#[test]
fn every_message_is_shown_by_a_test() {
    let page = page();
    let (page, never) = split(&page);
    let rows = rows(&page);
    let client = ClientMethod::ALL.iter().map(|method| method.name());
    let server = ServerMethod::ALL.iter().map(|method| method.name());
    let sent = server.chain(ServerNotification::ALL.iter().copied());
    let sent = sent.filter(|name| !never.iter().any(|(message, _)| message == name));
    let messages: Vec<&str> = client.chain(sent).collect();
    let complaints = complaints(&messages, &rows, &Tests::read());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn what_is_never_sent_has_a_reason_and_no_sender() {
    let page = page();
    let (_, never) = split(&page);
    let sources = sources();
    assert!(is_sent("turn/completed", &sources) && is_sent("item/tool/call", &sources));
    for (message, why) in never {
        let is_request = ServerMethod::ALL.iter().any(|method| method.name() == message);
        assert!(is_request || ServerNotification::ALL.contains(&message), "{message} is not declared");
        assert!(why.len() > 20, "{message} needs a reason");
        assert!(!is_sent(message, &sources), "{message} is sent");
    }
}

#[test]
fn links_that_are_wrong_are_noticed() {
    let file = "#[test]\nfn good() {\n    helper(1);\n}\n\nfn helper(x: u8) {\n    send(\"a/b\");\n}\n\n\
                #[test]\n#[ignore]\nfn slow() {\n    send(\"a/b\");\n}\n\n\
                #[test]\nfn other() {\n    send(\"c\");\n}\n\n\
                const DD: &str = \"d\";\n#[test]\nfn named() {\n    send(DD);\n}\n";
    let files = BTreeMap::from([("a.rs".to_owned(), functions(file))]);
    let tests = Tests { files, helpers: BTreeMap::new() };
    let page = "| `a/b` **E** | what | [works](../crates/app-server/tests/e2e/a.rs \"good\") |\n\
                | `c` | what | not yet |\n\
                | `d` | what | [sent](../crates/app-server/tests/e2e/a.rs \"named\") |\n";
    let rows = rows(page);
    assert_eq!(complaints(&["a/b", "d"], &rows, &tests), Vec::<String>::new());
    assert_eq!(
        complaints(&["c", "e"], &rows, &tests),
        ["c: names no test but says \"not yet\"", "e: has no row"]
    );
    let complaint = |file: &str, test: &str| {
        tests.complaint("a/b", &Link { file: file.to_owned(), test: test.to_owned() }).unwrap()
    };
    assert_eq!(complaint("b.rs", "good"), "there is no b.rs");
    assert_eq!(complaint("a.rs", "bad"), "a.rs has no bad");
    assert_eq!(complaint("a.rs", "slow"), "slow of a.rs is not run");
    assert_eq!(complaint("a.rs", "other"), "other of a.rs does not use it");
}
