//! Recognises shell scripts that are nothing but plain commands. Must not expand or run anything.
//!
//! What is recognised must mean the same in bash, zsh and a POSIX sh: literal words, joined by `&&`, `||`, `;`, `|`
//! and line breaks. Whatever is not certainly that is "not plain", and the caller judges the command as a whole.

use std::path::Path;
use std::str::Chars;

use crate::words::is_unseen;

/// Returns the script of `[SHELL, "-lc" or "-c", SCRIPT]`, where `SHELL` is bash, zsh or sh by its file stem.
pub fn shell_script(argv: &[String]) -> Option<&str> {
    let [shell, flag, script] = argv else { return None };
    let stem = Path::new(shell).file_stem()?.to_str()?;
    (matches!(stem, "bash" | "zsh" | "sh") && matches!(flag.as_str(), "-lc" | "-c")).then_some(script)
}

/// Returns the plain commands that the shell script in `argv` consists of, or `None` when `argv` is no shell script
/// or not a plain one; it is then to be judged as one command.
pub fn plain_commands(argv: &[String]) -> Option<Vec<Vec<String>>> {
    let script = Script::parse(shell_script(argv)?)?;
    Some(script.commands.into_iter().map(|words| words.into_iter().map(|word| word.text).collect()).collect())
}

/// What the shell may still turn a word into, by matching file names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Glob {
    /// Nothing: the word is what the program gets.
    #[default]
    None,
    /// File names that begin with the word's literal beginning.
    Inner,
    /// Any file name, `-x` included.
    Open,
}

/// One word of a plain command, quotes removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) glob: Glob,
}

impl Word {
    /// A word that no shell will look at.
    pub(crate) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), glob: Glob::None }
    }
}

/// How a command is joined to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `;` or a line break
    Then,
}

/// A script of plain commands.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) commands: Vec<Vec<Word>>,
    /// One less than commands: what stands between them.
    pub(crate) joints: Vec<Joint>,
}

impl Script {
    /// Reads a script in one pass; `None` when it is not plain.
    pub(crate) fn parse(script: &str) -> Option<Self> {
        if script.chars().any(is_unseen) {
            return None;
        }
        let mut reader = Reader::default();
        let mut chars = script.chars();
        while let Some(c) = chars.next() {
            reader.take(c, &mut chars)?;
        }
        reader.finish()
    }
}

/// Words that mean something to some shell when they begin a command unquoted.
const RESERVED: &[&str] = &[
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "case",
    "esac",
    "for",
    "foreach",
    "select",
    "while",
    "until",
    "repeat",
    "do",
    "done",
    "end",
    "in",
    "function",
    "time",
    "coproc",
    "nocorrect",
    "noglob",
    "[[",
    "]]",
    "-",
];

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<Word>>,
    joints: Vec<Joint>,
    command: Vec<Word>,
    word: Option<Builder>,
    /// The first word of the command being read is the shell's: reserved, an assignment, or matched with files.
    odd_start: bool,
    /// What the command being read is joined by. After `&&`, `||` and `|` one must follow.
    joint: Option<Joint>,
}

impl Reader {
    fn take(&mut self, c: char, chars: &mut Chars<'_>) -> Option<()> {
        match c {
            ' ' | '\t' => self.end_word(),
            '\n' => {
                self.end_word();
                if !self.command.is_empty() {
                    self.end_command(Joint::Then)?;
                }
            }
            ';' => self.end_command(Joint::Then)?,
            '&' => {
                (chars.next()? == '&').then_some(())?;
                self.end_command(Joint::And)?;
            }
            '|' if chars.as_str().starts_with('|') => {
                chars.next();
                self.end_command(Joint::Or)?;
            }
            '|' => self.end_command(Joint::Pipe)?,
            '\'' => self.word().quoted_single(chars)?,
            '"' => self.word().quoted_double(chars)?,
            '\\' => match chars.next()? {
                '\n' => {}
                c => self.word().push_quoted(c),
            },
            // A comment, or what zsh replaces by the path of a program.
            '#' | '=' if self.word.is_none() => return None,
            '=' => self.word().push_equals(),
            '*' | '?' | '[' | ']' | '^' | '#' => self.word().push_glob(c),
            '_' | '-' | '.' | '/' | ',' | ':' | '@' | '%' | '+' | '~' => self.word().text.push(c),
            c if c.is_alphanumeric() => self.word().text.push(c),
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self) -> &mut Builder {
        self.word.get_or_insert_with(Builder::default)
    }

    fn end_word(&mut self) {
        let Some(builder) = self.word.take() else { return };
        if self.command.is_empty() {
            let reserved = !builder.quoted && RESERVED.contains(&builder.text.as_str());
            self.odd_start = reserved || builder.assigns || builder.glob > Glob::None;
        }
        self.command.push(Word { text: builder.text, glob: builder.glob });
    }

    fn end_command(&mut self, next: Joint) -> Option<()> {
        self.end_word();
        if self.command.is_empty() || self.odd_start {
            return None;
        }
        self.commands.push(std::mem::take(&mut self.command));
        if self.commands.len() > 1 {
            self.joints.push(self.joint.unwrap_or(Joint::Then));
        }
        self.joint = Some(next);
        Some(())
    }

    fn finish(mut self) -> Option<Script> {
        self.end_word();
        if !self.command.is_empty() {
            self.end_command(Joint::Then)?;
        }
        // The last command, or nothing, stands before an operator that wants another one.
        (self.joint == Some(Joint::Then)).then_some(Script { commands: self.commands, joints: self.joints })
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    glob: Glob,
    /// Some part of it was quoted or escaped, so that no shell takes it for a reserved word.
    quoted: bool,
    has_equals: bool,
    /// As the first word this sets a variable.
    assigns: bool,
}

impl Builder {
    fn push_quoted(&mut self, c: char) {
        self.quoted = true;
        self.text.push(c);
    }

    fn push_glob(&mut self, c: char) {
        let kind = if self.text.is_empty() { Glob::Open } else { Glob::Inner };
        self.glob = self.glob.max(kind);
        self.text.push(c);
    }

    fn push_equals(&mut self) {
        // Only the first one can assign, and looking once keeps this linear.
        if !self.has_equals {
            self.has_equals = true;
            let name = self.text.strip_suffix('+').unwrap_or(&self.text);
            self.assigns = name.contains('[') || is_name(name);
        }
        self.text.push('=');
    }

    fn quoted_single(&mut self, chars: &mut Chars<'_>) -> Option<()> {
        self.quoted = true;
        let (inside, rest) = chars.as_str().split_once('\'')?;
        self.text.push_str(inside);
        *chars = rest.chars();
        Some(())
    }

    fn quoted_double(&mut self, chars: &mut Chars<'_>) -> Option<()> {
        self.quoted = true;
        loop {
            match chars.next()? {
                '"' => return Some(()),
                '$' | '`' => return None,
                '\\' => match chars.next()? {
                    '\n' => {}
                    c @ ('$' | '`' | '"' | '\\') => self.text.push(c),
                    c => self.text.extend(['\\', c]),
                },
                c => self.text.push(c),
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
}
