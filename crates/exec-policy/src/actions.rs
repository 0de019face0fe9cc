//! What a command does, for display: reads, lists, searches. Must decide nothing, and is believed by nobody.

use std::path::{Component, Path, PathBuf};

use crate::safety::is_line_range;
use crate::script::{Glob, Joint, Script, Word, shell_script};
use crate::words::join;

/// One thing a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads a file.
    Read {
        /// The command.
        command: String,
        /// The file's name.
        name: String,
        /// Where it is, absolute.
        path: PathBuf,
    },
    /// Lists files.
    ListFiles {
        /// The command.
        command: String,
        /// Where, shortened for display.
        path: Option<String>,
    },
    /// Searches in files, or for them.
    Search {
        /// The command.
        command: String,
        /// What for.
        query: Option<String>,
        /// Where, shortened for display.
        path: Option<String>,
    },
    /// Anything else.
    Unknown {
        /// The command.
        command: String,
    },
}

/// Returns what `argv`, run in `cwd`, does. Going to a folder is nothing to show; a command that is not understood in
/// all of its parts is one [`Action::Unknown`].
pub fn actions(argv: &[String], cwd: &Path) -> Vec<Action> {
    let Some(text) = shell_script(argv) else {
        let words: Vec<Word> = argv.iter().map(|word| Word::literal(word)).collect();
        return one_command(&words, cwd).map_or_else(|| unknown(join(argv)), |action| vec![action]);
    };
    Script::parse(text)
        .and_then(|script| in_script(&script, text, cwd))
        .unwrap_or_else(|| unknown(text.to_owned()))
}

fn unknown(command: String) -> Vec<Action> {
    vec![Action::Unknown { command }]
}

fn in_script(script: &Script, text: &str, cwd: &Path) -> Option<Vec<Action>> {
    let mut cwd = cwd.to_owned();
    let mut actions = Vec::new();
    let mut begun = false;
    let mut went = false;
    for (at, words) in script.commands.iter().enumerate() {
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let piped = at > 0 && script.joints.get(at - 1) == Some(&Joint::Pipe);
        match texts.as_slice() {
            ["cd", target] if known_path(&words[1]) && !target.starts_with('-') => {
                cwd = normalized(&cwd.join(target));
                went = true;
            }
            ["true"] => {}
            // What is said before the work begins is a heading.
            ["echo" | "printf", ..] if !begun && !piped => {}
            _ if piped && is_formatting(words) => {}
            _ => {
                actions.push(one_command(words, &cwd)?);
                begun = true;
            }
        }
    }
    // A cut from a file is shown with the cutting.
    if let [Action::Read { command, .. }] = actions.as_mut_slice()
        && cuts_lines(script)
    {
        text.trim().clone_into(command);
    }
    (begun || went).then_some(actions)
}

/// Whether the script is one pipeline in which sed picks lines.
fn cuts_lines(script: &Script) -> bool {
    !script.joints.is_empty()
        && script.joints.iter().all(|joint| *joint == Joint::Pipe)
        && script.commands.iter().any(|words| {
            matches!(words.as_slice(), [sed, n, lines, ..]
            if sed.text == "sed" && n.text == "-n" && is_line_range(&lines.text))
        })
}

/// A step of a pipeline that only changes how the output looks.
fn is_formatting(words: &[Word]) -> bool {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let Some((program, rest)) = texts.split_first() else { return false };
    match *program {
        "wc" | "tr" | "cut" | "sort" | "uniq" | "column" | "yes" | "rev" | "nl" => {
            !rest.iter().any(|word| word.starts_with("-o") || word.starts_with("--output"))
        }
        "head" | "tail" => operands(rest, &["-n", "-c"]).is_empty(),
        "cat" => rest.is_empty(),
        "sed" => matches!(rest, ["-n", lines] if is_line_range(lines)),
        "awk" => operands(rest, &["-F", "-v"]).len() == 1,
        // What xargs runs is part of the work unless it only shows something.
        "xargs" => matches!(
            operands(rest, &["-n", "-I", "-P", "-L", "-d", "-E", "-s"]).first(),
            None | Some(
                &("echo" | "cat" | "ls" | "wc" | "head" | "tail" | "grep" | "rg" | "basename" | "dirname")
            )
        ),
        _ => false,
    }
}

fn one_command(words: &[Word], cwd: &Path) -> Option<Action> {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let (program, rest) = texts.split_first()?;
    let command = || join(&texts.iter().map(ToString::to_string).collect::<Vec<_>>());
    let list = |valued: &[&str]| {
        let path = operands(rest, valued).first().map(|path| short(path));
        Some(Action::ListFiles { command: command(), path })
    };
    let search = |rest: &[&str], valued: &[&str]| {
        let operands = operands(rest, valued);
        let query = operands.first().map(ToString::to_string);
        Some(Action::Search { command: command(), query, path: operands.get(1).map(|path| short(path)) })
    };
    let read = |operands: &[&str]| {
        let [path] = operands else { return None };
        let word = words.iter().rfind(|word| word.text == *path)?;
        if !known_path(word) || path.is_empty() {
            return None;
        }
        Some(Action::Read { command: command(), name: short(path), path: normalized(&cwd.join(path)) })
    };
    match (*program, rest) {
        ("cat" | "less" | "more", _) => read(&operands(rest, &[])),
        ("bat" | "batcat", _) => {
            read(&operands(rest, &["-l", "-r", "--theme", "--style", "--line-range", "--language"]))
        }
        ("head" | "tail", _) if !rest.iter().any(|word| is_count(word)) => {
            read(&operands(rest, &["-n", "-c"]))
        }
        ("nl", _) => read(&operands(rest, &["-b", "-s", "-w", "-v", "-i", "-n"])),
        ("sed", ["-n", lines, path]) if is_line_range(lines) => read(&[path]),
        ("awk", _) => match operands(rest, &["-F", "-v"]).as_slice() {
            [_program, path] => read(&[path]),
            _ => None,
        },
        ("ls", _) => {
            list(&["-I", "-w", "--ignore", "--block-size", "--format", "--time-style", "--color", "--sort"])
        }
        ("eza" | "exa", _) => list(&["-I", "-L", "--ignore-glob", "--level", "--sort", "--time-style"]),
        ("tree", _) => list(&["-L", "-P", "-I", "--charset", "--filelimit", "--sort"]),
        ("du", _) => list(&["-d", "-B", "--max-depth", "--exclude", "--time-style"]),
        ("find", _) if !rest.iter().any(|word| acts_on_files(word)) => Some(found_by(command(), rest)),
        ("fd" | "fdfind", _) => search(rest, &["-t", "-e", "-E", "-d", "--type", "--extension", "--exclude"]),
        ("rg" | "rga", _) if rest.contains(&"--files") => list(RG_VALUED),
        ("rg" | "rga", _) => search(rest, RG_VALUED),
        ("grep" | "egrep" | "fgrep", _) => search(rest, &["-A", "-B", "-C", "-m", "--include", "--exclude"]),
        ("ag" | "ack" | "pt", _) => search(rest, &["-A", "-B", "-C", "-m", "-G", "--ignore"]),
        ("git", ["grep", rest @ ..]) => search(rest, &["-A", "-B", "-C", "-m"]),
        ("git", ["ls-files", rest @ ..]) => {
            let path = operands(rest, &["-x", "-X"]).first().map(|path| short(path));
            Some(Action::ListFiles { command: command(), path })
        }
        _ => None,
    }
}

const RG_VALUED: &[&str] = &[
    "-A",
    "-B",
    "-C",
    "-g",
    "-m",
    "-t",
    "-T",
    "-M",
    "-j",
    "--glob",
    "--type",
    "--max-count",
    "--context",
    "--sort",
];

/// `head -5`, which is shown as unknown.
fn is_count(word: &str) -> bool {
    word.strip_prefix('-')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn acts_on_files(word: &str) -> bool {
    word.starts_with("-exec") || word.starts_with("-ok") || word.starts_with("-fprint") || word == "-delete"
}

fn found_by(command: String, rest: &[&str]) -> Action {
    let path = rest.first().filter(|word| !word.starts_with(['-', '!', '('])).map(|path| short(path));
    let tests = ["-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex"];
    let query = rest.windows(2).find(|pair| tests.contains(&pair[0])).map(|pair| pair[1].to_owned());
    match query {
        Some(_) => Action::Search { command, query, path },
        None => Action::ListFiles { command, path },
    }
}

/// Returns the words that are no options; those in `valued` take the next word.
fn operands<'a>(words: &[&'a str], valued: &[&str]) -> Vec<&'a str> {
    let mut operands = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--" {
            operands.extend(words);
            break;
        }
        if valued.contains(word) {
            words.next();
        } else if !word.starts_with('-') || *word == "-" {
            operands.push(*word);
        }
    }
    operands
}

fn known_path(word: &Word) -> bool {
    // Where `~` and `-` lead, only the shell knows.
    word.glob == Glob::None && !word.text.starts_with('~') && word.text != "-"
}

/// Returns the last part of a path that says something.
fn short(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    let telling = |part: &&str| !matches!(*part, "" | "build" | "dist" | "node_modules" | "src");
    let part = trimmed.rsplit('/').find(telling);
    part.unwrap_or(if trimmed.is_empty() { path } else { trimmed }).to_owned()
}

/// Resolves `.` and `..` by name alone: what is shown need not exist.
fn normalized(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            part => result.push(part),
        }
    }
    result
}
