//! Recognises shell commands that do nothing but apply a patch. Runs nothing and reads no file.
//!
//! Only the one form that models write is taken: a here-document fed to `apply_patch`, after `cd DIR &&` or not.
//! Whatever else a script says, a shell must say what it means, so it stays an ordinary command.

use crate::parse::Patch;

/// What a command is with respect to patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intercepted {
    /// The command applies a patch and does nothing else. Whether the patch is well formed is not known yet.
    Patch {
        /// The patch as written; a shell would have expanded it where the delimiter is not quoted, which is never
        /// what was meant.
        body: String,
        /// The folder it is applied in, relative to the command's own.
        dir: Option<String>,
    },
    /// The command is the text of a patch: the model forgot to say what to do with it.
    PatchWithoutCall,
    /// An ordinary command.
    No,
}

const NAMES: [&str; 2] = ["apply_patch", "applypatch"];

/// Returns what the command `argv` is.
#[must_use]
pub fn intercept(argv: &[String]) -> Intercepted {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    match argv[..] {
        [text] if Patch::parse(text).is_ok() => return Intercepted::PatchWithoutCall,
        [name, body] if NAMES.contains(&name) => {
            return Intercepted::Patch { body: body.to_owned(), dir: None };
        }
        _ => {}
    }
    let Some(script) = script(&argv) else { return Intercepted::No };
    if Patch::parse(script).is_ok() {
        return Intercepted::PatchWithoutCall;
    }
    match heredoc(script) {
        Some((dir, body)) => Intercepted::Patch { body, dir },
        None => Intercepted::No,
    }
}

/// The script of a shell that is called to run one.
fn script<'a>(argv: &[&'a str]) -> Option<&'a str> {
    let (program, rest) = argv.split_first()?;
    let stem = program.rsplit(['/', '\\']).next()?.to_lowercase();
    let stem = stem.strip_suffix(".exe").unwrap_or(&stem);
    let is = |flag: &str, expected: &[&str]| expected.iter().any(|other| flag.eq_ignore_ascii_case(other));
    match (stem, rest) {
        ("bash" | "zsh" | "sh", ["-lc" | "-c", script]) => Some(script),
        ("powershell" | "pwsh", [flag, script]) if is(flag, &["-command", "-c"]) => Some(script),
        ("powershell" | "pwsh", [profile, flag, script])
            if is(profile, &["-noprofile"]) && is(flag, &["-command", "-c"]) =>
        {
            Some(script)
        }
        ("cmd", [flag, script]) if is(flag, &["/c"]) => Some(script),
        _ => None,
    }
}

/// The folder and the patch of a script that is one here-document.
fn heredoc(script: &str) -> Option<(Option<String>, String)> {
    let (dir, rest) = folder(script.trim_start())?;
    let rest = NAMES.iter().find_map(|name| rest.strip_prefix(name))?;
    let rest = blanks(rest).strip_prefix("<<")?;
    let (rest, tabs) = match rest.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (delimiter, rest) = delimiter(blanks(rest))?;
    let (line, lines) = rest.split_once('\n')?;
    if !line.trim().is_empty() {
        return None;
    }
    let mut body = Vec::new();
    let mut rest = lines.lines();
    for line in rest.by_ref() {
        let line = if tabs { line.trim_start_matches('\t') } else { line };
        // A shell wants the line to be the delimiter alone, but ends the document at the script's end anyway.
        if line.trim_end() == delimiter {
            break;
        }
        body.push(line);
    }
    rest.all(|line| line.trim().is_empty()).then(|| (dir, body.join("\n")))
}

/// Reads `cd DIR &&` if it is there. `None`: something begins like it and is not.
fn folder(script: &str) -> Option<(Option<String>, &str)> {
    let Some(rest) = script.strip_prefix("cd").filter(|rest| rest.starts_with([' ', '\t'])) else {
        return Some((None, script));
    };
    let (dir, rest) = word(blanks(rest))?;
    // An option, or the folder before this one, which only a shell knows.
    if dir.is_empty() || dir.starts_with('-') {
        return None;
    }
    let rest = blanks(rest).strip_prefix("&&")?;
    Some((Some(dir), rest.trim_start()))
}

/// Reads one word that means what it says: quoted as a whole or not at all, with nothing a shell would expand.
fn word(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (word, rest) = quoted.split_once('\'')?;
        return ends_word(rest).then(|| (word.to_owned(), rest));
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let (word, rest) = quoted.split_once('"')?;
        let plain = !word.contains(['$', '`', '\\', '!']);
        return (plain && ends_word(rest)).then(|| (word.to_owned(), rest));
    }
    if text.starts_with(['~', '#']) {
        return None;
    }
    let mut word = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            ' ' | '\t' | '&' => return Some((word, &text[at..])),
            '\\' => word.push(characters.next().map(|(_, escaped)| escaped).filter(|c| *c != '\n')?),
            '\'' | '"' | '$' | '`' | '*' | '?' | '[' | ']' | '{' | '}' | '(' | ')' | '<' | '>' | '|'
            | ';' | '!' | '\n' | '\r' => return None,
            other => word.push(other),
        }
    }
    None
}

fn ends_word(rest: &str) -> bool {
    rest.starts_with([' ', '\t', '&'])
}

/// Reads the word that ends a here-document, quoted or not.
fn delimiter(text: &str) -> Option<(&str, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).filter(|(delimiter, _)| !delimiter.is_empty());
        }
    }
    let text = text.strip_prefix('\\').unwrap_or(text);
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))?;
    (end > 0).then(|| text.split_at(end))
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests;
