//! Commands that are asked about under every policy, and refused where nobody may be asked.
//!
//! Forced removal, wherever it hides: behind `sudo`, `env`, `trap`, in a shell within a shell, in a loop or a
//! substitution. A command that is not recognised here is not thereby safe.

use std::path::Path;

use crate::loose::{self, LooseWord};

/// Shells within shells deeper than this hide something.
const MAX_SHELLS: usize = 8;

/// Returns whether `command`, an argv, forces the removal of files.
///
/// Only the words that make it so have to be literal: `rm -rf "$X"` is dangerous whatever `X` is.
pub fn is_dangerous(command: &[String]) -> bool {
    let words: Vec<LooseWord> = command.iter().cloned().map(Some).collect();
    dangerous(&words, 0)
}

fn dangerous(words: &[LooseWord], shells: usize) -> bool {
    let [Some(program), rest @ ..] = words else { return false };
    let Some(name) = Path::new(program).file_name().and_then(|name| name.to_str()) else { return false };
    match name {
        "rm" => is_forced(rest),
        "sudo" | "doas" => dangerous(behind_options(rest, "ugphCrtTUDRa"), shells),
        "env" => behind_env(rest, shells),
        "trap" => operand(rest).is_some_and(|script| script_is_dangerous(script, shells)),
        "bash" | "zsh" | "sh" | "dash" | "ksh" | "bash.exe" | "sh.exe" => {
            shell_script(rest).is_some_and(|script| script_is_dangerous(script, shells))
        }
        _ => false,
    }
}

fn script_is_dangerous(script: &str, shells: usize) -> bool {
    shells >= MAX_SHELLS || loose::commands(script).iter().any(|words| dangerous(words, shells + 1))
}

/// Options end at `--`; each may be abbreviated, or stand in a cluster.
fn is_forced(words: &[LooseWord]) -> bool {
    words.iter().map_while(|word| (word.as_deref() != Some("--")).then_some(word)).flatten().any(|word| {
        match word.strip_prefix("--") {
            Some(long) => !long.is_empty() && "force".starts_with(long),
            None => word.starts_with('-') && word.contains('f'),
        }
    })
}

/// Skips options; those in `valued` take the next word unless their value is attached.
fn behind_options<'a>(words: &'a [LooseWord], valued: &str) -> &'a [LooseWord] {
    let mut rest = words;
    while let [Some(word), after @ ..] = rest {
        if word == "--" {
            return after;
        }
        // `sudo A=1 command` sets a variable.
        if !word.starts_with('-') && !word.contains('=') {
            break;
        }
        let takes_next = matches!(word.as_bytes(), [b'-', letter] if valued.as_bytes().contains(letter));
        rest = if takes_next { after.get(1..).unwrap_or_default() } else { after };
    }
    rest
}

fn behind_env(words: &[LooseWord], shells: usize) -> bool {
    // One word that env itself splits into the command.
    let split = words.iter().enumerate().find_map(|(at, word)| {
        let word = word.as_deref()?;
        match word.strip_prefix("-S").or_else(|| word.strip_prefix("--split-string=")) {
            Some("") => words.get(at + 1)?.as_deref(),
            Some(attached) => Some(attached),
            None if word == "--split-string" => words.get(at + 1)?.as_deref(),
            None => None,
        }
    });
    split.is_some_and(|script| script_is_dangerous(script, shells))
        || dangerous(behind_options(words, "uCS"), shells)
}

fn operand(words: &[LooseWord]) -> Option<&str> {
    words.iter().flatten().map(String::as_str).find(|word| !word.starts_with('-'))
}

/// The word behind the first cluster of options with a `c`.
fn shell_script(words: &[LooseWord]) -> Option<&str> {
    let is_command =
        |word: &LooseWord| word.as_deref().is_some_and(|word| is_cluster(word) && word.contains('c'));
    words.get(words.iter().position(is_command)? + 1)?.as_deref()
}

fn is_cluster(word: &str) -> bool {
    word.starts_with(['-', '+']) && !word.starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: bool, script: &str) {
        let argv = ["/bin/bash", "-lc", script].map(str::to_owned);
        assert_eq!(is_dangerous(&argv), expected, "{script:?}");
    }

    #[test]
    fn finds_forced_removal() {
        for script in [
            "rm -rf nothing",
            "rm -f x",
            "rm -fr x",
            "rm -r -f x",
            "rm x -f",
            "rm --force x",
            "rm --fo x",
            "rm -vfi x",
            "/bin/rm -rf x",
            "./rm -rf x",
            "ls && rm -rf x",
            "ls\nrm -rf x",
            "rm -rf \"$X\"",
            "rm -rf x > log 2>&1",
            "sudo rm -rf /",
            "sudo -n -u root rm -rf /",
            "sudo A=1 rm -rf /",
            "doas rm -f x",
            "env rm -rf x",
            "env -i A=1 B=2 rm -rf x",
            "env -S 'rm -rf x'",
            "env -u A rm -rf x",
            "A=1 rm -rf x",
            "trap 'rm -rf x' EXIT",
            "trap -- 'rm -rf x' EXIT",
            "bash -c 'rm -rf x'",
            "sh -ec \"bash -lc 'rm -rf x'\"",
            "sudo env A=1 bash -c 'ls; rm -rf x'",
            "for f in *; do rm -f $f; done",
            "(rm -rf x)",
            "{ rm -rf x; }",
            "! rm -rf x",
            "echo $(rm -rf x)",
            "echo \"`rm -rf x`\"",
            "cat <(rm -rf x)",
            "true & rm -rf x",
            "if true; then rm -rf x; fi",
            "f() { rm -rf x; }; f",
            "r\\m -rf x",
            "'rm' '-rf' x",
            "case a in a) rm -rf x;; esac",
        ] {
            check(true, script);
        }
        let mut nested = "ls".to_owned();
        for _ in 0..12 {
            nested = format!("bash -c {}", crate::join(&[nested]));
        }
        check(true, &nested);
    }

    #[test]
    fn leaves_the_rest_alone() {
        for script in [
            "rm x",
            "rm -r x",
            "rm -- -f",
            "rm -i -- -rf",
            "echo rm -rf x",
            "echo 'rm -rf x'",
            "cat <<E\nrm -rf x\nE",
            "# rm -rf x",
            "git rm -rf x",
            "git reset --hard",
            "grep -rf patterns .",
            "sudo ls",
            "env A=1 ls",
            "bash -c ls",
            "bash script.sh",
            "trap - EXIT",
            "",
        ] {
            check(false, script);
        }
        assert!(!is_dangerous(&[]));
        assert!(is_dangerous(&["rm".to_owned(), "-rf".to_owned(), "x".to_owned()]));
    }
}
