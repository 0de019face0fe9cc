//! The user's rules: which beginnings of commands are allowed, asked about, or forbidden. Must not judge commands
//! that no rule names.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::language::{self, Call, Value};

/// What a rule says. The order is that of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Runs, without sandbox.
    Allow,
    /// Is asked about.
    Prompt,
    /// Is refused.
    Forbidden,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A file says something that is no rule. The rules are dropped and the user is told.
    #[error("{file}:{line}: {what}")]
    Parse {
        /// The file, as given.
        file: String,
        /// Where in it, from 1.
        line: usize,
        /// What is wrong, for a person.
        what: String,
    },
    /// A file or folder cannot be read: nobody knows what it would have forbidden.
    #[error("cannot read rules {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl RulesError {
    /// The file, or the folder, that it is about.
    pub fn file(&self) -> &Path {
        match self {
            RulesError::Parse { file, .. } => Path::new(file),
            RulesError::Read { path, .. } => path,
        }
    }

    /// The line, from 1, where one can be named.
    pub fn line(&self) -> Option<usize> {
        match self {
            RulesError::Parse { line, .. } => Some(*line),
            RulesError::Read { .. } => None,
        }
    }
}

/// A rule that applies to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleMatch {
    /// The words of the command that the rule names.
    pub matched_prefix: Vec<String>,
    /// What it says about them.
    pub decision: Decision,
    /// Why, in the words of whoever wrote the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
}

/// Prefixes of one rule that are told to the model.
const MAX_SHOWN_OF_ONE: usize = 16;

/// The rules of all files, and those added since.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By the first word, as written.
    prefixes: HashMap<String, Vec<PrefixRule>>,
    /// The absolute paths that a bare name stands for.
    executables: HashMap<String, Vec<PathBuf>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PrefixRule {
    /// The words behind the first one, each with its alternatives.
    rest: Vec<Vec<String>>,
    decision: Decision,
    justification: Option<String>,
}

impl PrefixRule {
    fn applies(&self, rest: &[String]) -> bool {
        rest.len() >= self.rest.len() && self.rest.iter().zip(rest).all(|(words, word)| words.contains(word))
    }
}

impl Rules {
    /// Reads the files `*.rules` of each folder in order of their names; the folder that counts least comes first.
    /// A folder that is not there has no rules.
    ///
    /// # Errors
    /// The first file that cannot be read or understood.
    pub fn load(folders: &[PathBuf]) -> Result<Self, RulesError> {
        let mut rules = Self::default();
        for folder in folders {
            for file in
                rules_files(folder).map_err(|source| RulesError::Read { path: folder.clone(), source })?
            {
                let text = fs::read_to_string(&file)
                    .map_err(|source| RulesError::Read { path: file.clone(), source })?;
                rules.append(Self::parse(&file.to_string_lossy(), &text)?);
            }
        }
        Ok(rules)
    }

    /// Reads the text of one file; `file_name` is for the error.
    ///
    /// # Errors
    /// What is wrong first, with its line.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, RulesError> {
        let mut rules = Self::default();
        let fail = |line, what| RulesError::Parse { file: file_name.to_owned(), line, what };
        for call in language::parse(text).map_err(|fault| fail(fault.line, fault.what))? {
            let line = call.line;
            rules.add(call).map_err(|what| fail(line, what))?;
        }
        Ok(rules)
    }

    /// Returns all rules that apply to `command`, the words of one command; a script's are checked one by one.
    pub fn check(&self, command: &[String]) -> Vec<RuleMatch> {
        let Some((program, rest)) = command.split_first() else { return Vec::new() };
        let found = self.check_as(program, rest);
        if !found.is_empty() {
            return found;
        }
        let path = Path::new(program);
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if path.is_absolute() && self.stands_for(name, path) => self.check_as(name, rest),
            _ => Vec::new(),
        }
    }

    /// Allows commands that begin with `words`, until the process ends.
    pub fn allow_prefix(&mut self, words: &[String]) {
        let Some((first, rest)) = words.split_first() else { return };
        let rest = rest.iter().map(|word| vec![word.clone()]).collect();
        self.insert(first.clone(), PrefixRule { rest, decision: Decision::Allow, justification: None });
    }

    /// Returns the beginnings of commands that are allowed, in order, for telling the model. A rule with alternatives is
    /// several.
    pub fn allowed_prefixes(&self) -> Vec<Vec<String>> {
        let mut allowed: Vec<Vec<String>> = Vec::new();
        #[expect(clippy::iter_over_hash_type, reason = "sorted at the end")]
        for (first, rules) in &self.prefixes {
            for rule in rules.iter().filter(|rule| rule.decision == Decision::Allow) {
                let mut words = vec![vec![first.clone()]];
                for alternatives in &rule.rest {
                    let with = |words: &Vec<String>, word: &String| {
                        [words.as_slice(), std::slice::from_ref(word)].concat()
                    };
                    words = words
                        .iter()
                        .flat_map(|words| alternatives.iter().map(|word| with(words, word)))
                        .collect();
                    // Many alternatives make very many prefixes; a few of them show what is meant.
                    words.truncate(MAX_SHOWN_OF_ONE);
                }
                allowed.append(&mut words);
            }
        }
        allowed.sort();
        allowed
    }

    fn check_as(&self, program: &str, rest: &[String]) -> Vec<RuleMatch> {
        let rules = self.prefixes.get(program).map(Vec::as_slice).unwrap_or_default();
        rules
            .iter()
            .filter(|rule| rule.applies(rest))
            .map(|rule| RuleMatch {
                matched_prefix: std::iter::once(program.to_owned())
                    .chain(rest.iter().take(rule.rest.len()).cloned())
                    .collect(),
                decision: rule.decision,
                justification: rule.justification.clone(),
            })
            .collect()
    }

    fn stands_for(&self, name: &str, path: &Path) -> bool {
        self.executables.get(name).is_some_and(|paths| paths.iter().any(|known| known == path))
    }

    fn insert(&mut self, first: String, rule: PrefixRule) {
        let rules = self.prefixes.entry(first).or_default();
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }

    fn append(&mut self, other: Self) {
        // The order among first words means nothing, and each list is kept in its own.
        #[expect(clippy::iter_over_hash_type, reason = "merged by key")]
        for (first, rules) in other.prefixes {
            for rule in rules {
                self.insert(first.clone(), rule);
            }
        }
        self.executables.extend(other.executables);
    }

    fn add(&mut self, call: Call) -> Result<(), String> {
        match call.name.as_str() {
            "prefix_rule" => self.add_prefix_rule(call),
            "network_rule" => check_network_rule(call),
            "host_executable" => self.add_host_executable(call),
            name => Err(format!("`{name}` is no kind of rule")),
        }
    }

    fn add_prefix_rule(&mut self, call: Call) -> Result<(), String> {
        let names = ["pattern", "decision", "match", "not_match", "justification"];
        let mut arguments = Arguments::new(call, &names)?;
        let mut pattern = Vec::new();
        for item in arguments.list("pattern")?.ok_or("`pattern` is missing")? {
            pattern.push(alternatives(item)?);
        }
        let decision = match arguments.text("decision")?.as_deref() {
            None | Some("allow") => Decision::Allow,
            Some("prompt") => Decision::Prompt,
            Some("forbidden") => Decision::Forbidden,
            Some(other) => return Err(format!("`{other}` is no decision: allow, prompt or forbidden")),
        };
        let justification = arguments.justification()?;
        let matching = examples(arguments.list("match")?, "match")?;
        let not_matching = examples(arguments.list("not_match")?, "not_match")?;

        if pattern.is_empty() {
            return Err("`pattern` is empty".to_owned());
        }
        let first = pattern.remove(0);
        let rule = PrefixRule { rest: pattern, decision, justification };
        let applies = |words: &Vec<String>| {
            words.split_first().is_some_and(|(word, rest)| first.contains(word) && rule.applies(rest))
        };
        if let Some(example) = matching.iter().find(|words| !applies(words)) {
            return Err(format!("the rule does not apply to its example `{}`", crate::join(example)));
        }
        if let Some(example) = not_matching.iter().find(|words| applies(words)) {
            return Err(format!("the rule applies to its counterexample `{}`", crate::join(example)));
        }
        for word in first {
            self.insert(word, rule.clone());
        }
        Ok(())
    }

    fn add_host_executable(&mut self, call: Call) -> Result<(), String> {
        let mut arguments = Arguments::new(call, &["name", "paths"])?;
        let name = arguments.text("name")?.ok_or("`name` is missing")?;
        if name.is_empty() || name.contains(['/', '\\']) {
            return Err("`name` is not the bare name of a program".to_owned());
        }
        let mut paths = Vec::new();
        for item in arguments.list("paths")?.ok_or("`paths` is missing")? {
            let path = PathBuf::from(text(item, "paths")?);
            if !path.is_absolute() {
                return Err(format!("`{}` is not an absolute path", path.display()));
            }
            if path.file_name().and_then(|file| file.to_str()) != Some(&name) {
                return Err(format!("`{}` is not a path of `{name}`", path.display()));
            }
            paths.push(path);
        }
        self.executables.insert(name, paths);
        Ok(())
    }
}

fn rules_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rules") && fs::metadata(&path)?.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Network rules speak of a proxy that we have not: here the network is on or off. They are read so that a shared
/// file is not refused, and checked so that a slip in one is not carried along.
fn check_network_rule(call: Call) -> Result<(), String> {
    let mut arguments = Arguments::new(call, &["host", "protocol", "decision", "justification"])?;
    let host = arguments.text("host")?.ok_or("`host` is missing")?;
    if host.trim().is_empty() || host.contains('*') {
        return Err("`host` is not the name of one host".to_owned());
    }
    let protocol = arguments.text("protocol")?.ok_or("`protocol` is missing")?;
    if !matches!(protocol.as_str(), "http" | "https" | "socks5_tcp" | "socks5_udp") {
        return Err(format!("`{protocol}` is no protocol: http, https, socks5_tcp or socks5_udp"));
    }
    let decision = arguments.text("decision")?.ok_or("`decision` is missing")?;
    if !matches!(decision.as_str(), "allow" | "prompt" | "deny" | "forbidden") {
        return Err(format!("`{decision}` is no decision: allow, prompt or deny"));
    }
    arguments.justification().map(drop)
}

/// The arguments of a call by name.
struct Arguments {
    by_name: HashMap<String, Value>,
}

impl Arguments {
    /// Arguments without a name are those of `names` in order.
    fn new(call: Call, names: &[&str]) -> Result<Self, String> {
        let mut by_name = HashMap::new();
        for (at, (name, value)) in call.arguments.into_iter().enumerate() {
            let name = match name {
                Some(name) if names.contains(&name.as_str()) => name,
                Some(name) => return Err(format!("`{}` has no argument `{name}`", call.name)),
                None => (*names.get(at).ok_or_else(|| format!("too many arguments for `{}`", call.name))?)
                    .to_owned(),
            };
            if by_name.contains_key(&name) {
                return Err(format!("`{name}` is given twice"));
            }
            by_name.insert(name, value);
        }
        Ok(Self { by_name })
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        self.by_name.remove(name).map(|value| text(value, name)).transpose()
    }

    fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, String> {
        match self.by_name.remove(name) {
            None => Ok(None),
            Some(Value::List(items)) => Ok(Some(items)),
            Some(Value::Text(_)) => Err(format!("`{name}` is not a list")),
        }
    }

    fn justification(&mut self) -> Result<Option<String>, String> {
        let text = self.text("justification")?;
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return Err("`justification` is blank".to_owned());
        }
        Ok(text)
    }
}

fn text(value: Value, name: &str) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text),
        Value::List(_) => Err(format!("`{name}` holds a list where a string belongs")),
    }
}

fn alternatives(value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::Text(word) => Ok(vec![word]),
        Value::List(words) if words.is_empty() => Err("`pattern` holds an empty list".to_owned()),
        Value::List(words) => words.into_iter().map(|word| text(word, "pattern")).collect(),
    }
}

/// Examples are commands, as lists of words or as a shell would split them.
fn examples(items: Option<Vec<Value>>, name: &str) -> Result<Vec<Vec<String>>, String> {
    let example = |value| {
        let words = match value {
            Value::List(words) => {
                words.into_iter().map(|word| text(word, name)).collect::<Result<Vec<_>, _>>()?
            }
            Value::Text(line) => shlex::split(&line)
                .ok_or_else(|| format!("`{name}` holds `{line}`, which no shell can split"))?,
        };
        if words.is_empty() { Err(format!("`{name}` holds an empty example")) } else { Ok(words) }
    };
    items.unwrap_or_default().into_iter().map(example).collect()
}
