//! Which rule is offered together with a question. Must not know policies.

use std::path::Path;

/// Programs that run what their arguments say: a rule that allows them allows everything.
const INTERPRETERS: &[&str] = &[
    "bash",
    "busybox",
    "cmd",
    "csh",
    "dash",
    "fish",
    "ipython",
    "julia",
    "ksh",
    "lua",
    "mksh",
    "node",
    "nodejs",
    "osascript",
    "perl",
    "php",
    "powershell",
    "pwsh",
    "py",
    "pypy",
    "python",
    "pythonw",
    "pyw",
    "r",
    "rscript",
    "ruby",
    "sh",
    "tclsh",
    "tcsh",
    "ts-node",
    "tsx",
    "zsh",
];

/// Programs that run the program behind them.
const WRAPPERS: &[&str] = &[
    ".", "builtin", "bunx", "command", "doas", "env", "eval", "exec", "nice", "nohup", "npx", "parallel",
    "setsid", "source", "stdbuf", "strace", "su", "sudo", "time", "timeout", "uvx", "watch", "xargs",
];

/// Words of package managers that make them one.
const RUNNERS: &[(&str, &[&str])] = &[
    ("bun", &["run", "x"]),
    ("bundle", &["exec"]),
    ("deno", &["run", "eval"]),
    ("npm", &["run", "run-script", "exec", "x"]),
    ("pnpm", &["run", "exec", "dlx"]),
    ("poetry", &["run"]),
    ("uv", &["run"]),
    ("yarn", &["run", "exec", "dlx"]),
];

/// Programs whose name alone says nothing about what they will do.
const BROAD: &[&str] = &["git", "rm", "bun", "deno"];

/// Whether a rule that allows commands beginning with `prefix` would allow nearly anything.
pub(crate) fn is_too_broad(prefix: &[String]) -> bool {
    let Some((program, rest)) = prefix.split_first() else { return true };
    let name = program_name(program);
    let operand = rest.iter().position(|word| !word.starts_with('-') && !is_assignment(word));
    if WRAPPERS.contains(&name.as_str()) {
        // What is behind it, is it harmless?
        return operand.is_none_or(|at| is_too_broad(&rest[at..]));
    }
    let alone = operand.is_none();
    if alone && (INTERPRETERS.contains(&name.as_str()) || BROAD.contains(&name.as_str())) {
        return true;
    }
    // `cmd /c` takes its option with a slash.
    if name == "cmd" && rest.iter().all(|word| word.starts_with('/')) {
        return true;
    }
    let runs = RUNNERS.iter().find(|(runner, _)| *runner == name);
    match (runs, operand) {
        (Some((_, words)), Some(at)) => words.contains(&rest[at].as_str()) && at + 1 == rest.len(),
        _ => program.trim().is_empty(),
    }
}

/// `/usr/bin/python3.11` is `python`.
fn program_name(program: &str) -> String {
    let name =
        Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or(program).to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if bare.is_empty() { name.to_owned() } else { bare.to_owned() }
}

fn is_assignment(word: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_allow_everything() {
        let broad = |line: &str| is_too_broad(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in [
            "",
            "bash",
            "bash -c",
            "bash -lc",
            "/bin/bash -lc",
            "/bin/sh",
            "zsh -c",
            "python",
            "python3 -c",
            "python3 -m",
            "python3 -",
            "python3.11",
            "/usr/bin/python3",
            "py",
            "pypy3",
            "perl -e",
            "ruby -e",
            "node",
            "node -e",
            "deno",
            "deno run",
            "bun",
            "bun run",
            "php -r",
            "lua -e",
            "env",
            "env A=1",
            "env -i",
            "/usr/bin/env",
            "sudo",
            "sudo -n",
            "sudo bash",
            "sudo env A=1 python3 -c",
            "doas",
            "su",
            "git",
            "git -C",
            "rm",
            "rm -rf",
            "npm run",
            "npm exec",
            "npx",
            "pnpm run",
            "pnpm dlx",
            "yarn run",
            "yarn dlx",
            "bunx",
            "uv run",
            "uvx",
            "poetry run",
            "bundle exec",
            "pwsh -c",
            "powershell -Command",
            "cmd",
            "cmd /c",
            "osascript",
            "Rscript",
            "julia",
            "xargs",
            "timeout",
            "nohup",
            "exec",
            "eval",
            "source",
            "bash.exe -c",
        ] {
            assert!(broad(line), "{line:?}");
        }
        for line in [
            "touch",
            "git status",
            "git push",
            "npm test",
            "npm run build",
            "cargo test",
            "python3 x.py",
            "python3 -m pytest",
            "node x.js",
            "rm x",
            "sudo ls",
            "npx x",
            "env A=1 ls",
            "make",
            "deno run x.ts",
            "/opt/tool",
            "7z",
            "pip install",
        ] {
            assert!(!broad(line), "{line:?}");
        }
    }
}
