//! The known-safe list: commands that only read, judged by the program that would run and by every option.
//!
//! Being listed means to run unasked, so each entry has to be safe with any argument that its rule lets through.

use std::path::{Component, Path, PathBuf};

use crate::git;
use crate::place::{Lookup, Place, Surroundings};
use crate::script::{Glob, Script, Word, shell_script};

/// Why a command is not known to be safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The shell script does more than run plain commands.
    NotPlain,
    /// The program is not on the list.
    NotListed,
    /// The program of that name may not be the one on the list: it lies in the project, or nowhere.
    Program,
    /// An option, or a file name that could become one, writes, runs something or reaches out.
    Option,
    /// An argument names a file to write, or is not of the form that is known.
    Operand,
    /// The repository has settings that make git run something.
    Repository,
}

impl Doubt {
    /// Returns a short name for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotPlain => "not-plain",
            Self::NotListed => "not-listed",
            Self::Program => "program",
            Self::Option => "option",
            Self::Operand => "operand",
            Self::Repository => "repository",
        }
    }
}

/// Returns whether `command`, an argv, only reads and may run unasked.
pub fn is_known_safe(command: &[String], around: &Surroundings<'_>) -> bool {
    doubt(command, around).is_none()
}

/// Returns why `command`, an argv, is not known to be safe; `None` when it is.
pub fn doubt(command: &[String], around: &Surroundings<'_>) -> Option<Doubt> {
    let lookup = Lookup::new(around);
    let words: Vec<Word> = command.iter().map(|word| Word::literal(word)).collect();
    command_doubt(&words, &Position::start(around), &lookup)
}

/// Shells within shells deeper than this are nobody's way to read a file.
const MAX_SHELLS: usize = 8;

/// Where in a script a command stands.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    /// The folders it may run in; `None` once that cannot be told.
    folders: Option<Vec<PathBuf>>,
    /// How many shells are around it. In a shell, some names are the shell's own commands.
    shells: usize,
}

impl Position {
    pub(crate) fn start(around: &Surroundings<'_>) -> Self {
        Self { folders: Some(vec![around.cwd.to_owned()]), shells: 0 }
    }

    pub(crate) fn in_shell(&self) -> Self {
        Self { folders: self.folders.clone(), shells: self.shells + 1 }
    }

    /// The command `words` was passed: it may have gone elsewhere, and may as well not have.
    fn pass(&mut self, words: &[Word]) {
        let [program, rest @ ..] = words else { return };
        if program.text != "cd" {
            return;
        }
        let target = match rest {
            [target] if target.glob == Glob::None && !target.text.starts_with(['~', '-']) => &target.text,
            _ => {
                self.folders = None;
                return;
            }
        };
        // One step can be followed; after two there are too many ways to have got somewhere.
        self.folders = match self.folders.take().as_deref() {
            Some([start]) => Some(vec![start.clone(), start.join(target)]),
            _ => None,
        };
    }
}

/// Judges the commands of a script one by one, each where it stands.
pub(crate) fn script_doubts(script: &Script, start: &Position, lookup: &Lookup<'_>) -> Vec<Option<Doubt>> {
    let mut position = start.clone();
    let mut doubts = Vec::with_capacity(script.commands.len());
    for words in &script.commands {
        doubts.push(command_doubt(words, &position, lookup));
        position.pass(words);
    }
    doubts
}

/// Whether `argv[0]` of a shell script is the machine's shell, or at least not one that the project brought along.
pub(crate) fn shell_is_ours(shell: &str, lookup: &Lookup<'_>) -> bool {
    lookup.place(shell) != Place::Doubtful
}

fn command_doubt(words: &[Word], position: &Position, lookup: &Lookup<'_>) -> Option<Doubt> {
    let Some((program, rest)) = words.split_first() else { return Some(Doubt::NotListed) };
    let name = listed_name(&program.text);
    let builtin =
        position.shells > 0 && matches!(program.text.as_str(), "cd" | "echo" | "true" | "false" | "pwd");
    let doubt = match nested_script(words) {
        Some(script) => nested_doubt(script, position, lookup),
        None => entry_doubt(name, rest, position, lookup),
    };
    doubt.or_else(|| (!builtin && lookup.place(&program.text) != Place::Trusted).then_some(Doubt::Program))
}

fn nested_script(words: &[Word]) -> Option<&Word> {
    let [_, _, script] = words else { return None };
    let argv: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    shell_script(&argv).map(|_| script)
}

fn nested_doubt(script: &Word, position: &Position, lookup: &Lookup<'_>) -> Option<Doubt> {
    if position.shells >= MAX_SHELLS || script.glob != Glob::None {
        return Some(Doubt::NotPlain);
    }
    let Some(script) = Script::parse(&script.text) else { return Some(Doubt::NotPlain) };
    script_doubts(&script, &position.in_shell(), lookup).into_iter().flatten().next()
}

/// The last part of a path. Whether the path is a good one is asked afterwards, so that the nearer reason is told.
fn listed_name(program: &str) -> &str {
    match Path::new(program).components().next_back() {
        Some(Component::Normal(name)) => name.to_str().unwrap_or(program),
        _ => program,
    }
}

fn entry_doubt(name: &str, rest: &[Word], position: &Position, lookup: &Lookup<'_>) -> Option<Doubt> {
    let texts: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
    match name {
        "cat" | "cd" | "cut" | "echo" | "expr" | "false" | "grep" | "head" | "id" | "ls" | "nl" | "paste"
        | "pwd" | "rev" | "seq" | "stat" | "tail" | "tr" | "true" | "uname" | "wc" | "which" | "whoami" => {
            None
        }
        // Only there are they known to be what they are called.
        "numfmt" | "tac" if cfg!(target_os = "linux") => None,
        "base64" | "find" | "git" | "rg" | "sed" | "uniq" => {
            if rest.iter().any(could_become_option) {
                return Some(Doubt::Option);
            }
            match name {
                "base64" => texts.iter().any(|word| base64_writes(word)).then_some(Doubt::Option),
                "find" => texts.iter().any(|word| find_acts(word)).then_some(Doubt::Option),
                "git" => git::doubt(&texts, position.folders.as_deref(), lookup),
                "rg" => texts.iter().any(|word| rg_runs(word)).then_some(Doubt::Option),
                "sed" => (!sed_prints(&texts)).then_some(Doubt::Operand),
                _ => uniq_writes(rest).then_some(Doubt::Operand),
            }
        }
        _ => Some(Doubt::NotListed),
    }
}

/// A file called `--pre=sh` or `-delete`, met by a pattern, is an option to the program.
fn could_become_option(word: &Word) -> bool {
    word.glob == Glob::Open || (word.glob == Glob::Inner && word.text.starts_with('-'))
}

fn is_cluster_with(word: &str, letter: char) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(letter)
}

fn base64_writes(word: &str) -> bool {
    word.starts_with("--o") || is_cluster_with(word, 'o')
}

fn find_acts(word: &str) -> bool {
    matches!(
        word,
        "-exec" | "-execdir" | "-ok" | "-okdir" | "-delete" | "-fls" | "-fprint" | "-fprint0" | "-fprintf"
    )
}

fn rg_runs(word: &str) -> bool {
    // Decompression runs the program that fits the file.
    ["--pre", "--hostname-bin", "--search-zip"].iter().any(|option| word.starts_with(option))
        || is_cluster_with(word, 'z')
}

/// Exactly `-n Np [FILE]` or `-n N,Mp [FILE]`: everything else is a language.
fn sed_prints(words: &[&str]) -> bool {
    let (script, file) = match words {
        ["-n", script] => (script, None),
        ["-n", script, file] => (script, Some(file)),
        _ => return false,
    };
    // GNU sed takes options after operands: `-fFILE` would be a script.
    is_line_range(script) && !file.is_some_and(|file| file.starts_with('-'))
}

/// Whether `script` is sed's `Np` or `N,Mp`.
pub(crate) fn is_line_range(script: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(lines) = script.strip_suffix('p') else { return false };
    match lines.split_once(',') {
        Some((from, to)) => is_number(from) && is_number(to),
        None => is_number(lines),
    }
}

/// The second operand is the file to write.
fn uniq_writes(words: &[Word]) -> bool {
    let mut operands = 0;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.glob != Glob::None {
            return true; // as many operands as there are files
        }
        match word.text.as_str() {
            "-f" | "-s" | "-w" => {
                words.next();
            }
            "--" => return operands + words.len() > 1,
            "-" => operands += 1,
            option if option.starts_with('-') => {}
            _ => operands += 1,
        }
    }
    operands > 1
}
