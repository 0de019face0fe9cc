//! Whether a repository's own configuration holds nothing but harmless settings. Must not follow includes.
//!
//! An allow-list: git has dozens of settings that name a program to run, and gets more.

/// Settings that name no program, no file and no transport, by section. A `*` stands for any subsection.
const HARMLESS: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "abbrev",
            "autocrlf",
            "bare",
            "bigfilethreshold",
            "checkstat",
            "commitgraph",
            "compression",
            "eol",
            "filemode",
            "hidedotfiles",
            "ignorecase",
            "logallrefupdates",
            "longpaths",
            "multipackindex",
            "precomposeunicode",
            "preloadindex",
            "protecthfs",
            "protectntfs",
            "quotepath",
            "repositoryformatversion",
            "safecrlf",
            "sharedrepository",
            "symlinks",
            "trustctime",
            "untrackedcache",
        ],
    ),
    ("remote.*", &["fetch", "prune", "push", "pushurl", "skipdefaultupdate", "tagopt", "url"]),
    (
        "branch.*",
        &[
            "description",
            "gh-merge-base",
            "github-pr-owner-number",
            "merge",
            "pushremote",
            "rebase",
            "remote",
            "vscode-merge-base",
        ],
    ),
    ("branch", &["autosetupmerge", "autosetuprebase", "sort"]),
    ("user", &["email", "name", "useconfigonly"]),
    ("author", &["email", "name"]),
    ("committer", &["email", "name"]),
    // Not `update`: it may hold a command.
    ("submodule.*", &["active", "branch", "ignore", "shallow", "url"]),
    ("submodule", &["active"]),
    // Not `partialclone`: reading such a repository fetches what is missing, by a program the remote may name.
    ("extensions", &["refstorage", "worktreeconfig"]),
    ("checkout", &["defaultremote"]),
    ("color", &["ui"]),
    ("fetch", &["prune"]),
    ("gc", &["auto"]),
    ("init", &["defaultbranch"]),
    ("lfs", &["repositoryformatversion"]),
    ("pull", &["ff", "rebase"]),
    ("push", &["autosetupremote", "default"]),
    ("rerere", &["enabled"]),
];

/// Returns whether every setting in a config file is known to be harmless. A submodule's says where its files are.
pub(crate) fn is_harmless(text: &str, submodule: bool) -> bool {
    let mut section = None;
    text.split('\n').all(|line| line_is_harmless(line, &mut section, submodule))
}

fn line_is_harmless(line: &str, section: &mut Option<String>, submodule: bool) -> bool {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return false;
    }
    let line = line.trim_matches([' ', '\t']);
    if line.is_empty() || line.starts_with(['#', ';']) {
        return true;
    }
    if let Some(rest) = line.strip_prefix('[') {
        // A setting behind the section's name, which git takes, is not looked into.
        *section = rest.strip_suffix(']').and_then(section_name);
        return section.is_some();
    }
    // A value that goes on in the next line would hide what that line looks like.
    if line.ends_with('\\') {
        return false;
    }
    let key = line.split('=').next().unwrap_or_default().trim_matches([' ', '\t']).to_ascii_lowercase();
    let Some(section) = section.as_deref() else { return false };
    (submodule && section == "core" && key == "worktree")
        || HARMLESS.iter().any(|(name, keys)| *name == section && keys.contains(&key.as_str()))
}

/// Returns `name` or `name.*`, in lower case.
fn section_name(inside: &str) -> Option<String> {
    let is_word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if let Some((name, quoted)) = inside.split_once(' ') {
        let sub = quoted.trim_start_matches(' ').strip_prefix('"')?.strip_suffix('"')?;
        // A quote or a bracket within would be escaped; nobody's remote is called that.
        return (is_word(name) && !sub.contains(['"', '\\', '[', ']']))
            .then(|| format!("{}.*", name.to_ascii_lowercase()));
    }
    is_word(inside).then(|| inside.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
        [remote \"origin\"]\n\turl = https://example.org/a.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
        # note\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n[user]\n\tName=A B\n";

    #[test]
    fn knows_what_a_fresh_clone_holds() {
        assert!(is_harmless(FRESH, false));
        assert!(is_harmless(&FRESH.replace('\n', "\r\n"), false));
        assert!(is_harmless("", false));
    }

    #[test]
    fn doubts_everything_else() {
        for text in [
            "[core]\nfsmonitor = ./x",
            "[core] fsmonitor = ./x",
            "[core]\n\tbare = false \\\n\tfsmonitor = x",
            "[CORE]\nFSMonitor=x",
            "[core]\nhooksPath = h",
            "[core]\nworktree = ..",
            "[core]\nsshcommand = x",
            "[diff]\nexternal = x",
            "[diff \"a\"]\ntextconv = x",
            "[filter \"a\"]\nclean = x",
            "[pager]\nlog = x",
            "[alias]\nstatus = !x",
            "[include]\npath = x",
            "[includeIf \"gitdir:/\"]\npath = x",
            "[remote \"o\"]\nuploadpack = x",
            "[remote \"o\"]\npromisor = true",
            "[submodule \"s\"]\nupdate = !x",
            "[submodule.s]\nupdate = x",
            "[gpg]\nprogram = x",
            "[extensions]\npartialclone = o",
            "[core\nbare = false",
            "bare = false",
            "[remote \"a\\\"b\"]\nurl = x",
            "\u{feff}[core]\nbare = false",
        ] {
            assert!(!is_harmless(text, false), "{text:?}");
        }
        assert!(is_harmless("[core]\nworktree = ../../../sub\n", true));
    }
}
