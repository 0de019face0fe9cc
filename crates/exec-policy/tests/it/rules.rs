//! Rules files: what they may say, what is wrong with them, how they grow.

use std::fs;
use std::path::PathBuf;

use app_server_exec_policy::{Decision, RuleMatch, Rules, RulesError, append_allow};
use pretty_assertions::assert_eq;

use crate::support::{lines, rules, words};

fn found(rules: &Rules, line: &str) -> Vec<(String, Decision)> {
    rules
        .check(&words(line))
        .into_iter()
        .map(|found| (found.matched_prefix.join(" "), found.decision))
        .collect()
}

#[test]
fn a_file_with_everything() {
    let rules = rules(include_str!("../rules/valid.rules"));
    assert_eq!(
        rules.check(&words("git status -s")),
        [RuleMatch {
            matched_prefix: words("git status"),
            decision: Decision::Allow,
            justification: Some("only reads".to_owned()),
        }]
    );
    assert_eq!(found(&rules, "git log"), [("git log".to_owned(), Decision::Allow)]);
    assert_eq!(found(&rules, "git push -f"), [("git push".to_owned(), Decision::Prompt)]);
    assert_eq!(found(&rules, "npm publish"), [("npm publish".to_owned(), Decision::Forbidden)]);
    assert_eq!(rules.check(&["a\\b", "c\nd", "Aé\t"].map(str::to_owned)).len(), 1);
    for line in ["git", "git diff", "status", "npm", "", "./git status"] {
        assert_eq!(found(&rules, line), [], "{line}");
    }
    // An absolute path is the bare name only where the file says so.
    assert_eq!(found(&rules, "/usr/bin/git push"), [("git push".to_owned(), Decision::Prompt)]);
    assert_eq!(found(&rules, "/tmp/git push"), []);
    assert_eq!(found(&rules, "/usr/bin/npm publish"), []);
}

#[test]
fn all_rules_that_apply_are_told() {
    let rules = rules(
        "prefix_rule(['a'])\nprefix_rule(['a', 'b'], 'prompt')\nprefix_rule(['a', ['b', 'c']], 'forbidden')\n\
         prefix_rule([['a', 'z']])\n",
    );
    assert_eq!(found(&rules, "a b").len(), 3);
    assert_eq!(found(&rules, "z"), [("z".to_owned(), Decision::Allow)]);
    assert!(Decision::Allow < Decision::Prompt && Decision::Prompt < Decision::Forbidden);
    let wire = serde_json::to_string(&rules.check(&words("a x"))).unwrap();
    assert_eq!(wire, r#"[{"matchedPrefix":["a"],"decision":"allow"}]"#);
}

#[test]
fn broken_files_name_the_line() {
    for row in lines(include_str!("../rules/broken.txt")) {
        let mut stream = serde_json::Deserializer::from_str(row).into_iter::<String>();
        let text = stream.next().unwrap().unwrap();
        let (line, what) = row[stream.byte_offset()..].trim().split_once(' ').unwrap();
        let error = Rules::parse("a.rules", &text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("a.rules:{line}: ")) && error.contains(what), "{row}\n{error}");
    }
}

#[test]
fn a_file_cannot_fill_the_memory() {
    let doubling = format!("x = ['{}']\n{}", "a".repeat(100), "x = x + x\n".repeat(60));
    assert!(Rules::parse("x", &doubling).unwrap_err().to_string().contains("too long"));
    let nesting = format!("x = ['a']\n{}", "x = [x, x]\n".repeat(60));
    assert!(Rules::parse("x", &nesting).unwrap_err().to_string().contains("too long"));
    assert!(Rules::parse("x", &format!("x = {}", "[".repeat(1_000_000))).is_err());
    assert!(Rules::parse("x", &format!("x = {}", "(".repeat(1_000_000))).is_err());
}

#[test]
fn files_of_several_folders() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::create_dir_all(&one).unwrap();
    fs::create_dir_all(two.join("folder.rules")).unwrap();
    fs::write(one.join("b.rules"), "prefix_rule(['b'], 'prompt')").unwrap();
    fs::write(one.join("a.rules"), "prefix_rule(['a'])").unwrap();
    fs::write(one.join("notes.txt"), "(").unwrap();
    fs::write(two.join("c.rules"), "prefix_rule(['a'], 'forbidden')").unwrap();
    let folders = [one, PathBuf::from("/nowhere/at/all"), two.clone()];
    let rules = Rules::load(&folders).unwrap();
    assert_eq!(
        found(&rules, "a"),
        [("a".to_owned(), Decision::Allow), ("a".to_owned(), Decision::Forbidden)]
    );
    assert_eq!(found(&rules, "b"), [("b".to_owned(), Decision::Prompt)]);

    fs::write(two.join("d.rules"), "\nprefix_rule(").unwrap();
    let error = Rules::load(&folders).unwrap_err();
    assert!(
        matches!(&error, RulesError::Parse { line: 2, file, .. } if file.ends_with("two/d.rules")),
        "{error}"
    );

    fs::write(two.join("d.rules"), b"# \xff").unwrap();
    assert!(matches!(Rules::load(&folders).unwrap_err(), RulesError::Read { .. }));
}

#[test]
fn a_live_rule_counts_at_once() {
    let mut rules = Rules::default();
    rules.allow_prefix(&words("mkdir x"));
    rules.allow_prefix(&words("mkdir x"));
    rules.allow_prefix(&[]);
    assert_eq!(found(&rules, "mkdir x y"), [("mkdir x".to_owned(), Decision::Allow)]);
    assert_eq!(found(&rules, "mkdir"), []);
}

#[test]
fn a_rule_is_appended_to_the_letter() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules/default.rules");
    append_allow(&file, &words("touch one.txt")).unwrap();
    let line = "prefix_rule(pattern=[\"touch\", \"one.txt\"], decision=\"allow\")\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), line);
    append_allow(&file, &words("touch one.txt")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), line);

    fs::write(&file, "# mine").unwrap();
    append_allow(&file, &words("a")).unwrap();
    append_allow(&file, &words("a b")).unwrap();
    let text = "# mine\nprefix_rule(pattern=[\"a\"], decision=\"allow\")\n\
        prefix_rule(pattern=[\"a\", \"b\"], decision=\"allow\")\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert!(append_allow(&file, &[]).is_err());
    assert!(append_allow(&file.join("x"), &words("a")).is_err());
}

#[test]
fn several_may_append_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("default.rules");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for number in 0..25 {
                    append_allow(file, &[format!("p{}", thread % 2), number.to_string()]).unwrap();
                }
            });
        }
    });
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 50);
    let rules = Rules::parse("default.rules", &text).unwrap();
    assert_eq!(found(&rules, "p1 24").len(), 1);
}
