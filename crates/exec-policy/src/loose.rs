//! Finds the commands in any shell script, plain or not, as far as their words are literal. Must not decide anything.
//!
//! For the test for dangerous commands: it may see a command where a shell would not, and it must not overlook a
//! literal one in a loop, behind a redirection or inside a substitution.

use std::str::Chars;

/// A word; `None` when it is not literal.
pub(crate) type LooseWord = Option<String>;

/// Substitutions within substitutions deeper than this are left alone.
const MAX_DEPTH: usize = 8;

/// What may stand before a command's own words.
const LEADING: &[&str] = &[
    "if",
    "then",
    "else",
    "elif",
    "while",
    "until",
    "do",
    "!",
    "{",
    "}",
    "time",
    "coproc",
    "noglob",
    "nocorrect",
];

/// Returns the commands of `script`, those of substitutions behind the others. Linear in its length.
pub(crate) fn commands(script: &str) -> Vec<Vec<LooseWord>> {
    let mut found = Vec::new();
    let mut level = vec![script.to_owned()];
    for _ in 0..MAX_DEPTH {
        let mut inner = Vec::new();
        for script in &level {
            let mut scan = Scan::default();
            scan.run(script);
            found.append(&mut scan.commands);
            inner.append(&mut scan.inner);
        }
        level = inner;
    }
    found
}

#[derive(Default)]
struct Scan {
    commands: Vec<Vec<LooseWord>>,
    /// Scripts inside substitutions, still to be scanned.
    inner: Vec<String>,
    command: Vec<LooseWord>,
    word: Option<Word>,
    /// The next word is where a redirection leads, or what ends a here-document.
    target: Target,
    /// What ends the here-documents that begin with the next line.
    heredocs: Vec<String>,
}

#[derive(Default)]
struct Word {
    text: String,
    opaque: bool,
    quoted: bool,
}

#[derive(Default, PartialEq)]
enum Target {
    #[default]
    None,
    File,
    Heredoc,
}

impl Scan {
    fn run(&mut self, script: &str) {
        let mut chars = script.chars();
        while let Some(c) = chars.next() {
            self.take(c, &mut chars);
        }
        self.end_command();
    }

    fn take(&mut self, c: char, chars: &mut Chars<'_>) {
        match c {
            '\n' => {
                self.end_command();
                self.skip_heredocs(chars);
            }
            ';' | '&' | '|' | '(' | ')' => self.end_command(),
            c if c.is_whitespace() => self.end_word(),
            '#' if self.word.is_none() => skip_until_newline(chars),
            '<' | '>' => self.redirect(c, chars),
            '\'' => {
                let word = self.word();
                word.quoted = true;
                word.text.extend(chars.by_ref().take_while(|c| *c != '\''));
            }
            '"' => self.double_quoted(chars),
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => {
                    let word = self.word();
                    word.quoted = true;
                    word.text.push(c);
                }
            },
            '$' => self.dollar(chars),
            '`' => self.backticks(chars),
            c => self.word().text.push(c),
        }
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_with(Word::default)
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match std::mem::take(&mut self.target) {
            Target::None => {}
            Target::File => return,
            Target::Heredoc => {
                self.heredocs.push(word.text);
                return;
            }
        }
        if self.command.is_empty()
            && !word.quoted
            && (LEADING.contains(&word.text.as_str()) || assigns(&word.text))
        {
            return;
        }
        self.command.push((!word.opaque).then_some(word.text));
    }

    fn end_command(&mut self) {
        self.end_word();
        self.target = Target::None;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }

    fn redirect(&mut self, first: char, chars: &mut Chars<'_>) {
        // The number in front says which descriptor.
        if self.word.as_ref().is_some_and(|word| word.text.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        let rest = chars.as_str();
        // A process substitution: what is inside is read as commands.
        if rest.starts_with('(') {
            return;
        }
        let operator = rest.len() - rest.trim_start_matches(['<', '>', '&', '|', '-']).len();
        let heredoc = first == '<' && matches!(&rest[..operator], "<" | "<-");
        *chars = rest[operator..].chars();
        self.target = if heredoc { Target::Heredoc } else { Target::File };
        // `2>&1` closes or copies; there the number is the target, and it follows at once.
    }

    /// What a here-document holds is text, whatever it looks like.
    fn skip_heredocs(&mut self, chars: &mut Chars<'_>) {
        for end in std::mem::take(&mut self.heredocs) {
            loop {
                let rest = chars.as_str();
                if rest.is_empty() {
                    return;
                }
                let (line, next) = rest.split_once('\n').unwrap_or((rest, ""));
                *chars = next.chars();
                if line.trim_start_matches('\t') == end {
                    break;
                }
            }
        }
    }

    fn double_quoted(&mut self, chars: &mut Chars<'_>) {
        self.word().quoted = true;
        while let Some(c) = chars.next() {
            match c {
                '"' => return,
                '$' => self.dollar(chars),
                '`' => self.backticks(chars),
                '\\' => match chars.next() {
                    Some('\n') | None => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => self.word().text.push(c),
                    Some(c) => self.word().text.extend(['\\', c]),
                },
                c => self.word().text.push(c),
            }
        }
    }

    fn dollar(&mut self, chars: &mut Chars<'_>) {
        let rest = chars.as_str();
        if let Some(inside) = rest.strip_prefix('(') {
            let length = closing_parenthesis(inside);
            self.inner.push(inside[..length].to_owned());
            *chars = inside[length..].chars();
            chars.next();
        } else if let Some(inside) = rest.strip_prefix('{') {
            let length = inside.find('}').unwrap_or(inside.len());
            *chars = inside[length..].chars();
            chars.next();
        }
        self.word().opaque = true;
    }

    fn backticks(&mut self, chars: &mut Chars<'_>) {
        let mut inside = String::new();
        while let Some(c) = chars.next() {
            match c {
                '`' => break,
                '\\' => inside.extend(chars.next()),
                c => inside.push(c),
            }
        }
        self.inner.push(inside);
        self.word().opaque = true;
    }
}

/// Returns where the parenthesis closes that was opened just before `text`; its end if it never does.
fn closing_parenthesis(text: &str) -> usize {
    let mut open = 1;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (c, quote) {
            ('\\', None | Some('"')) => escaped = true,
            (c, Some(end)) if c == end => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('(', None) => open += 1,
            (')', None) => {
                open -= 1;
                if open == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn skip_until_newline(chars: &mut Chars<'_>) {
    let rest = chars.as_str();
    *chars = rest[rest.find('\n').unwrap_or(rest.len())..].chars();
}

/// Whether `word` is `NAME=...`.
fn assigns(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
            && name.chars().all(|c| c == '_' || c == '+' || c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[&str]) {
        let found: Vec<String> = commands(script)
            .iter()
            .map(|words| {
                words.iter().map(|word| word.as_deref().unwrap_or("?")).collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(found, expected, "{script:?}");
    }

    #[test]
    fn finds_commands_anywhere() {
        check("for i in 1 2; do rm -rf $i; done", &["for i in 1 2", "rm -rf ?", "done"]);
        check("A=1 B=2 rm -f x > /dev/null 2>&1 y", &["rm -f x y"]);
        check("echo $(rm -f \"$(id)\") `who`", &["echo ? ?", "rm -f ?", "who", "id"]);
        check("(rm a) & { rm b; }", &["rm a", "rm b"]);
        check("cat <<E; ls\nrm -rf /\nE\nrm c", &["cat", "ls", "rm c"]);
        check("cat <<-'E' | x\n\trm -rf /\n\tE\nrm d", &["cat", "x", "rm d"]);
        check("cat <<<rm <(rm e)", &["cat", "rm e"]);
        check("ls # rm x\n'r'm \"-\"f", &["ls", "rm -f"]);
        check("if rm a; then rm b; fi", &["rm a", "rm b", "fi"]);
        check("f() { rm x; }", &["f", "rm x"]);
        check("echo 'a", &["echo a"]);
        check("echo \"$(rm", &["echo ?", "rm"]);
        check("", &[]);
    }
}
