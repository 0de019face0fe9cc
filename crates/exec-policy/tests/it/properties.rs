//! Nothing panics, and what is called plain is what shells make of it.

use std::process::Command;
use std::sync::OnceLock;

use app_server_exec_policy::{Rules, actions, is_dangerous, is_known_safe, join, plain_commands, shown};
use proptest::prelude::*;

use crate::support::{Machine, script};

/// One for all cases: building it takes longer than the cases.
fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(Machine::new)
}

/// Pieces that scripts are made of.
fn shellish() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "ls",
        "rm",
        "-rf",
        " ",
        " ",
        "\n",
        ";",
        "&&",
        "||",
        "|",
        "&",
        "'",
        "\"",
        "\\",
        "$",
        "$(",
        ")",
        "`",
        "{",
        "}",
        "(",
        "<",
        ">",
        "<<E",
        "E\n",
        "#",
        "=",
        "*",
        "?",
        "[",
        "]",
        "~",
        "!",
        "if",
        "then",
        "fi",
        "A=1",
        "é",
        "\r",
        "\0",
        "\u{a0}",
        "git",
        "sed -n 1p",
        "cd",
        "..",
        "bash -c ",
        "env",
        "sudo",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// A word of characters that every shell takes as they are, in one of the quotings.
fn plain_word() -> impl Strategy<Value = String> {
    let bare = "[a-zA-Z0-9_./:@%+,-]{1,8}";
    let quoted = "[a-zA-Z0-9 ;|&<>()#*?~!=-]{0,8}";
    prop_oneof![
        bare.prop_map(|word| word),
        quoted.prop_map(|word| format!("'{word}'")),
        quoted.prop_map(|word| format!("\"{word}\"")),
        (bare, quoted).prop_map(|(word, more)| format!("{word}'{more}'")),
        (bare, "[ ;|&<>()#*?!'\"\\\\$`]").prop_map(|(word, c)| format!("{word}\\{c}")),
        "[a-z \\\\\"$`]{0,6}".prop_map(|text| {
            let escaped =
                text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`");
            format!("\"{escaped}\"")
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn nothing_panics(text in prop_oneof![shellish(), any::<String>()]) {
        let machine = machine();
        let argv = script(&text);
        is_dangerous(&argv);
        is_known_safe(&argv, &machine.around());
        actions(&argv, "/w".as_ref());
        shown(&join(&argv));
        if plain_commands(&argv).is_some_and(|commands| commands.is_empty() || commands.iter().any(Vec::is_empty)) {
            prop_assert!(false, "an empty command in {text:?}");
        }
    }

    #[test]
    fn rules_never_panic(text in prop_oneof![
        any::<String>(),
        prop::collection::vec(prop::sample::select(vec![
            "prefix_rule", "host_executable", "network_rule", "(", ")", "[", "]", ",", "=", "+", "pattern", "decision",
            "\"a\"", "'", "\"", "\"\"\"", "r'", "\\", "\n", " ", "#", "x", "match", "\\u12", "é", ";",
        ]), 0..40).prop_map(|pieces| pieces.concat()),
    ]) {
        let _ = Rules::parse("x", &text);
    }

    #[test]
    fn plain_words_are_what_shlex_makes_of_them(
        parts in prop::collection::vec((prop::collection::vec(plain_word(), 1..5), 0..4_usize), 1..5),
    ) {
        let text: String = parts.iter().enumerate().map(|(at, (words, joint))| {
            let joint = if at == 0 { "" } else { [" && ", " || ", "; ", "\n"][*joint] };
            format!("{joint}x {}", words.join(" "))
        }).collect();
        let expected: Vec<Vec<String>> = parts.iter()
            .map(|(words, _)| shlex::split(&format!("x {}", words.join(" "))).unwrap())
            .collect();
        prop_assert_eq!(plain_commands(&script(&text)), Some(expected));
    }
}

#[test]
fn plain_words_are_what_bash_makes_of_them() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: there is no bash");
        return;
    }
    let mut runner = TestRunner::deterministic();
    for _ in 0..300 {
        let words =
            prop::collection::vec(plain_word(), 1..8).new_tree(&mut runner).unwrap().current().join(" ");
        let text = format!("printf '%s\\0' {words}");
        let plain = plain_commands(&script(&text)).unwrap_or_else(|| panic!("not plain: {text:?}"));
        let printed = Command::new("bash").args(["-c", &text]).output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let printed: Vec<&str> = printed.split_terminator('\0').collect();
        assert_eq!(plain[0][2..], printed, "{text:?}");
    }
}

/// Whatever is called plain, bash splits into the very same words and commands.
#[test]
fn whatever_is_plain_is_plain_to_bash() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: there is no bash");
        return;
    }
    let pieces = prop::sample::select(vec![
        "w ", "w ", "x", "-y", " ", "'", "\"", "\\", "a b", "#", "=", "~x", "]", "^", "é", ",", "%", "\\\n",
        "\n", ";", "&&", "&", "$",
    ]);
    let strategy = prop::collection::vec(pieces, 1..14);
    let mut runner = TestRunner::deterministic();
    let empty = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for _ in 0..6000 {
        let text = strategy.new_tree(&mut runner).unwrap().current().concat();
        let Some(plain) = plain_commands(&script(&text)) else { continue };
        // Every command prints its words; `w` is the only name that is defined.
        if !plain.iter().all(|words| words[0] == "w") || compared > 150 {
            continue;
        }
        compared += 1;
        let program = format!("w() {{ printf '%s\\0' \"$@\"; printf '\\1\\0'; }}\n{text}");
        let printed = Command::new("bash").args(["-c", &program]).current_dir(empty.path()).output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        let expected: String = plain
            .iter()
            .map(|words| match &words[1..] {
                // printf prints its format once even without arguments.
                [] => "\0\u{1}\0".to_owned(),
                words => words.iter().map(|word| format!("{word}\0")).collect::<String>() + "\u{1}\0",
            })
            .collect();
        assert_eq!(printed, expected, "{text:?}");
    }
    assert!(compared > 50, "{compared}");
}
