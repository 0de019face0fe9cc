//! What an approval should say of a path. Must not know what is done to it.

use std::fmt::Write as _;
use std::path::Path;

/// Returns the path for people to read on one line: characters that would move the cursor, hide text or turn its
/// direction are written as escapes, and so is what is not UTF-8.
#[must_use]
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            character if misleads(character) => {
                // Writing to a string cannot fail.
                let _ = write!(result, "\\u{{{:x}}}", u32::from(character));
            }
            character => result.push(character),
        }
    }
    result
}

/// Control characters, and those without a shape of their own: joiners, marks of direction, line separators, tags.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}'
            | '\u{0890}'..='\u{0891}' | '\u{08E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFD}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
        || (character != ' ' && character.is_whitespace())
}

/// Files that a program outside of any sandbox runs or obeys later, by the end of their path, in lower case.
const BY_PATH: &[(&[&str], &str)] = &[
    (&[".vscode", "tasks.json"], "the editor runs its tasks"),
    (&[".vscode", "launch.json"], "the editor runs what it launches"),
    (&[".vscode", "settings.json"], "names programs that the editor runs"),
    (&[".vscode", "mcp.json"], "names servers that an agent starts"),
    (&[".cursor", "mcp.json"], "names servers that an agent starts"),
    (&[".mcp.json"], "names servers that an agent starts"),
    (&[".devcontainer", "devcontainer.json"], "runs commands when the container starts"),
    (&[".devcontainer.json"], "runs commands when the container starts"),
    (&[".cargo", "config.toml"], "names programs that every cargo call runs"),
    (&[".git", "config"], "names programs that git runs"),
    (&[".gitmodules"], "git fetches what it names"),
    (&[".envrc"], "the shell runs it on entering the folder"),
    (&["agents.md"], "an agent follows it"),
    (&["agents.override.md"], "an agent follows it"),
    (&["claude.md"], "an agent follows it"),
    (&["package.json"], "the package manager runs its scripts"),
    (&["conftest.py"], "the editor runs it to find tests"),
    (&["build.rs"], "the editor runs it to check the code"),
    (&[".pre-commit-config.yaml"], "git runs its hooks"),
];

/// Folders of such files, by name.
const BY_FOLDER: &[(&[&str], &str)] = &[
    (&[".git", "hooks"], "git runs it"),
    (&[".husky"], "git runs it"),
    (&[".githooks"], "git runs it"),
    (&[".github", "workflows"], "the build server runs it"),
    (&[".codex"], "configures the agent"),
    (&[".agents"], "configures the agent"),
    (&[".idea"], "the editor runs what it configures"),
];

/// Returns why a program outside of the sandbox will run or obey this file later, or `None` for other files. What
/// a person starts knowingly, such as a source file or a script, is not meant.
#[must_use]
pub fn executes_later(path: &Path) -> Option<&'static str> {
    // Some file systems do not tell case apart, and git on them takes `.GIT/hooks` for its own.
    let names: Vec<String> =
        path.components().map(|name| name.as_os_str().to_string_lossy().to_lowercase()).collect();
    let by_path = BY_PATH
        .iter()
        .find(|(end, _)| names.len() >= end.len() && names[names.len() - end.len()..].iter().eq(end.iter()));
    let folders = names.split_last().map_or(&[][..], |(_, folders)| folders);
    let by_folder = || {
        BY_FOLDER
            .iter()
            .find(|(inner, _)| folders.windows(inner.len()).any(|names| names.iter().eq(inner.iter())))
    };
    by_path.or_else(by_folder).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_forge_a_line_or_turn_it_round() {
        let path = Path::new("a\nAllow? \u{1b}[2K\u{202e}txt.exe\t\u{200b}ü");
        assert_eq!(shown(path), "a\\nAllow? \\u{1b}[2K\\u{202e}txt.exe\\t\\u{200b}ü");
    }

    #[test]
    fn files_that_run_later_are_named() {
        for path in [
            "/w/.vscode/tasks.json",
            "/w/sub/.envrc",
            "/w/AGENTS.md",
            "/w/.mcp.json",
            "/w/package.json",
            "/w/.git/hooks/pre-commit",
            "/w/sub/.GIT/hooks/pre-commit",
            "/w/.github/workflows/ci.yml",
        ] {
            assert!(executes_later(Path::new(path)).is_some(), "{path}");
        }
        for path in [
            "/w/src/main.rs",
            "/w/tasks.json",
            "/w/Makefile",
            "/w/.gitignore",
            "/w/hooks/useState.ts",
            "/w/.git",
        ] {
            assert_eq!(executes_later(Path::new(path)), None, "{path}");
        }
    }
}
