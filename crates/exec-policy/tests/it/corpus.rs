//! What runs unasked when nothing is trusted, and what must ask and why.

use app_server_exec_policy::{
    ApprovalPolicy, Rules, SandboxKind, Surroundings, Verdict, doubt, is_known_safe, judge,
};

use crate::support::{Machine, lines, plant, request, script, words};

fn asks(argv: &[String], machine: &Machine) -> bool {
    let judgement = judge(
        &request(argv),
        ApprovalPolicy::Untrusted,
        SandboxKind::WorkspaceWrite,
        &Rules::default(),
        &machine.around(),
    );
    match judgement.verdict {
        Verdict::Run { sandboxed } => {
            assert!(sandboxed, "{argv:?}");
            false
        }
        Verdict::Ask { .. } => true,
        Verdict::Reject { text } => panic!("{argv:?}: {text}"),
    }
}

fn reason(argv: &[String], machine: &Machine) -> &'static str {
    doubt(argv, &machine.around()).map_or("none", app_server_exec_policy::Doubt::name)
}

#[test]
fn table_of_commands() {
    let machine = Machine::new();
    let mut rows = 0;
    let mut wrong = Vec::new();
    for line in lines(include_str!("../corpus.txt")) {
        let (head, text) = line.split_once(": ").unwrap();
        let mut head = head.split(' ');
        let expected = match head.next() {
            Some("run") => "none",
            Some("ask") => head.next().unwrap(),
            other => panic!("{other:?}"),
        };
        let argv = match head.next() {
            None => script(text),
            Some("argv") => words(text),
            Some("json") => script(&serde_json::from_str::<String>(text).unwrap()),
            other => panic!("{other:?}"),
        };
        let found = reason(&argv, &machine);
        if found != expected || asks(&argv, &machine) == (expected == "none") {
            wrong.push(format!("{line}  -- {found}, asks: {}", asks(&argv, &machine)));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows >= 250, "{rows}");
}

#[test]
fn a_chain_is_judged_to_its_end() {
    let machine = Machine::new();
    for bad in ["touch x", "./cat x", "ls > x"] {
        for good in [1, 49, 59, 1000, 50_000] {
            let chain = "ls && ".repeat(good) + bad;
            assert!(asks(&script(&chain), &machine), "{bad} after {good}");
        }
    }
    assert!(!asks(&script(&("ls && ".repeat(50_000) + "id")), &machine));
    assert!(asks(&script(&format!("cat {} && touch x", "a".repeat(1 << 20))), &machine));
}

#[test]
fn a_name_is_what_the_search_path_makes_of_it() {
    let mut machine = Machine::new();
    let bin = machine.bin.display().to_string();
    let work = machine.work.display().to_string();
    let ls = words("ls");
    // A folder that is not the project's may come first; an odd one behind the program does not matter.
    for path in
        [format!("/nowhere:{bin}"), format!("{bin}:."), format!("{bin}:{work}"), format!("/nowhere:{bin}:")]
    {
        machine.search(&path);
        assert!(is_known_safe(&ls, &machine.around()), "{path}");
    }
    for path in [
        format!("{work}:{bin}"),
        format!("{work}/../work:{bin}"),
        format!(":{bin}"),
        format!(".:{bin}"),
        format!("sub:{bin}"),
        "/nowhere".to_owned(),
        String::new(),
    ] {
        machine.search(&path);
        assert_eq!(reason(&ls, &machine), "program", "{path}");
        assert_eq!(reason(&script("ls"), &machine), "program", "{path}");
    }
}

#[test]
fn the_system_is_not_the_projects() {
    let path = "/usr/bin:/bin".as_ref();
    let root = std::path::Path::new("/");
    let around = Surroundings { cwd: root, search_path: path, writable: &[] };
    assert!(is_known_safe(&words("ls"), &around));
    assert!(is_known_safe(&words("/bin/ls"), &around));
    assert!(!is_known_safe(&words("bin/ls"), &around));
    assert!(!is_known_safe(&words("ls"), &Surroundings { writable: &[root.to_owned()], ..around }));
}

#[test]
fn links_are_followed_both_ways() {
    let mut machine = Machine::new();
    let outside = machine.bin.parent().unwrap().join("more");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(machine.work.join("cat"), outside.join("cat")).unwrap();
    machine.search(&outside.display().to_string());
    assert_eq!(reason(&words("cat x"), &machine), "program");

    let linked = machine.bin.parent().unwrap().join("linked");
    std::os::unix::fs::symlink(&machine.work, &linked).unwrap();
    machine.search(&linked.display().to_string());
    assert_eq!(reason(&words("cat x"), &machine), "program");
}

#[test]
fn a_file_that_is_no_program_is_passed_over() {
    let mut machine = Machine::new();
    let early = machine.bin.parent().unwrap().join("early");
    std::fs::create_dir_all(early.join("ls")).unwrap();
    std::fs::write(early.join("cat"), "").unwrap();
    machine.search(&format!("{}:{}", early.display(), machine.bin.display()));
    assert_eq!(reason(&words("ls"), &machine), "none");
    assert_eq!(reason(&words("cat x"), &machine), "none");
    plant(&machine.work.join("early/ls"));
}

const FRESH: &str = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote \"origin\"]\n\turl = https://example.org/x\n";

fn repository(machine: &Machine, folder: &str, config: &str) {
    machine.write(&format!("{folder}/HEAD"), "ref: refs/heads/main\n");
    machine.write(&format!("{folder}/objects/x"), "");
    machine.write(&format!("{folder}/refs/x"), "");
    machine.write(&format!("{folder}/config"), config);
}

/// An index with one nested repository, `nested`.
fn index_with_nested() -> Vec<u8> {
    let mut bytes = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
    bytes.extend([0; 24]);
    bytes.extend(0o160_000_u32.to_be_bytes());
    bytes.extend([0; 12 + 20]);
    bytes.extend([0, 6]);
    bytes.extend(b"nested\0\0\0\0");
    bytes.extend([0; 20]);
    bytes
}

#[test]
fn git_runs_in_harmless_repositories_only() {
    for line in ["git status", "git diff", "git log -p", "git show", "git branch"] {
        let machine = Machine::new();
        repository(&machine, ".git", FRESH);
        assert_eq!(reason(&script(line), &machine), "none", "{line}");
        assert_eq!(reason(&words(line), &machine), "none", "{line}");
        for setting in [
            "[core]\nfsmonitor = ./x\n",
            "[diff]\nexternal = ./x\n",
            "[diff \"a\"]\ntextconv = ./x\n",
            "[include]\npath = x\n",
            "[core]\npager = ./x\n",
        ] {
            machine.write(".git/config", format!("{FRESH}{setting}"));
            assert_eq!(reason(&script(line), &machine), "repository", "{line} with {setting}");
            assert!(asks(&script(line), &machine));
        }
    }
}

#[test]
fn git_is_judged_where_it_runs() {
    let machine = Machine::new();
    let status = script("git status");
    let in_sub = script("cd sub && git status");
    repository(&machine, ".git", FRESH);
    repository(&machine, "sub/.git", "[core]\nfsmonitor = ./x\n");
    assert_eq!(reason(&status, &machine), "none");
    assert_eq!(reason(&in_sub, &machine), "repository");
    assert_eq!(reason(&script("ls | cd sub; git status"), &machine), "repository");
    // Above the folder it runs in counts as well.
    machine.write(".git/config", "[core]\nfsmonitor = ./x\n");
    assert_eq!(reason(&script("cd tools && git status"), &machine), "repository");
}

#[test]
fn git_folders_in_disguise() {
    let status = script("git status");
    let check = |expected: &str, build: &dyn Fn(&Machine)| {
        let machine = Machine::new();
        build(&machine);
        assert_eq!(reason(&status, &machine), expected);
    };
    let bad = "[core]\nfsmonitor = ./x\n";
    // A work tree whose `.git` is a file.
    check("none", &|machine| {
        repository(machine, "real", FRESH);
        machine.write(".git", "gitdir: real\n");
    });
    check("repository", &|machine| {
        repository(machine, "real", bad);
        machine.write(".git", "gitdir: real\n");
    });
    check("repository", &|machine| machine.write(".git", "gitdir: nowhere\n"));
    // A linked work tree, with the settings in the main repository or its own.
    let linked = |main: &'static str, own: &'static str| {
        move |machine: &Machine| {
            repository(machine, "main", main);
            machine.write("main/worktrees/w/HEAD", "x");
            machine.write("main/worktrees/w/commondir", "../..\n");
            machine.write("main/worktrees/w/config.worktree", own);
            machine.write(".git", "gitdir: main/worktrees/w\n");
        }
    };
    check("none", &linked(FRESH, ""));
    check("repository", &linked(bad, ""));
    check("repository", &linked(FRESH, bad));
    // A bare repository among the project's files is one to git.
    check("repository", &|machine| repository(machine, ".", bad));
    // Git passes over what is no repository and finds the one above.
    check("repository", &|machine| machine.write(".git/config", FRESH));
    check("repository", &|machine| {
        repository(machine, ".git", FRESH);
        machine.write(".git/config.worktree", bad);
    });
    check("repository", &|machine| {
        repository(machine, ".git", FRESH);
        machine.write(".git/hooks/post-index-change", "");
    });
    check("repository", &|machine| {
        repository(machine, ".git", FRESH);
        machine.write(".git/index", "junk");
    });
    // A nested repository brings its own settings.
    let nested = |config: Option<&'static str>| {
        move |machine: &Machine| {
            repository(machine, ".git", FRESH);
            machine.write(".git/index", index_with_nested());
            if let Some(config) = config {
                repository(machine, "nested/.git", config);
            }
        }
    };
    check("none", &nested(None));
    check("none", &nested(Some("[core]\nworktree = ../../../nested\n")));
    check("repository", &nested(Some(bad)));
}

/// What git itself writes is read, and what it would run is found.
#[test]
fn repositories_made_by_git() {
    use std::process::Command;

    if Command::new("git").arg("--version").output().is_err() {
        println!("skipped: there is no git");
        return;
    }
    let machine = Machine::new();
    let git = |folder: &str, line: &str| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
        command.args(line.split(' ')).current_dir(machine.work.join(folder));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let status = script("git status");
    git("", "init -q");
    git("sub", "init -q");
    git("sub", "commit -q --allow-empty -m x");
    git("", "add cat tools sub");
    git("", "commit -q -m x");
    git("", "remote add origin https://example.org/x.git");
    for line in ["status", "update-index --index-version 4", "status", "worktree add -q sub2"] {
        git("", line);
        assert_eq!(reason(&status, &machine), "none", "{line}");
    }
    assert_eq!(reason(&script("cd sub2 && git log"), &machine), "none");
    git("sub", "config core.fsmonitor ./x");
    assert_eq!(reason(&status, &machine), "repository");
    git("sub", "config --unset core.fsmonitor");
    assert_eq!(reason(&status, &machine), "none");
    git("", "config diff.external ./x");
    assert_eq!(reason(&status, &machine), "repository");
    assert_eq!(reason(&script("cd sub2 && git diff"), &machine), "repository");
}
