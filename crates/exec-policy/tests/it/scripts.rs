//! What shell scripts consist of.

use app_server_exec_policy::{plain_commands, shell_script};
use pretty_assertions::assert_eq;

use crate::support::{lines, script, words};

#[test]
fn table_of_scripts() {
    let mut rows = 0;
    for line in lines(include_str!("../scripts.txt")) {
        let (text, expected) = line.split_once(" => ").unwrap();
        let text: String = serde_json::from_str(text).unwrap();
        let expected: Option<Vec<Vec<String>>> = serde_json::from_str(expected).unwrap();
        assert_eq!(plain_commands(&script(&text)), expected, "{text:?}");
        rows += 1;
    }
    assert!(rows >= 62, "{rows}");
}

#[test]
fn a_shell_script_has_three_words() {
    for line in
        ["bash -lc ls", "bash -c ls", "zsh -lc ls", "sh -c ls", "/usr/bin/bash -lc ls", "bash.exe -c ls"]
    {
        assert_eq!(shell_script(&words(line)), Some("ls"), "{line}");
    }
    for line in ["bash -lc", "bash -lc ls x", "bash ls", "fish -c ls", "bash -l ls", "bash -cl ls", "ls", ""]
    {
        assert_eq!(shell_script(&words(line)), None, "{line}");
    }
    assert_eq!(plain_commands(&words("ls -la")), None);
}

#[test]
fn a_long_script_takes_linear_time() {
    let chain = "ls; ".repeat(250_000) + "id";
    assert_eq!(plain_commands(&script(&chain)).unwrap().len(), 250_001);
    for unit in ["=", "a=", "'", "\"", "\\", "$(", "`", "(", "<<E ", "*", "&", "a", "\n", "${", "$'", "<"] {
        let text = unit.repeat(1_000_000 / unit.len());
        plain_commands(&script(&text));
        app_server_exec_policy::is_dangerous(&script(&text));
        app_server_exec_policy::shown(&text);
        app_server_exec_policy::actions(&script(&text), "/w".as_ref());
    }
}
