//! Shell scripts: judging one never panics, and the plain commands it is split into, joined again, are split into
//! themselves.
#![no_main]

use app_server_exec_policy::{actions, is_dangerous, join, plain_commands, shown};
use libfuzzer_sys::fuzz_target;

fn script(text: String) -> Vec<String> {
    vec!["/bin/bash".to_owned(), "-lc".to_owned(), text]
}

fuzz_target!(|data: &[u8]| {
    let argv = script(String::from_utf8_lossy(data).into_owned());
    is_dangerous(&argv);
    actions(&argv, "/w".as_ref());
    shown(&join(&argv));
    let Some(commands) = plain_commands(&argv) else { return };
    assert!(!commands.is_empty() && commands.iter().all(|words| !words.is_empty()), "an empty command");

    // Behind another word every word is only a word, also one that the shell would take for its own in front.
    let behind = |words: &Vec<String>| [&["x".to_owned()], words.as_slice()].concat();
    let behind: Vec<Vec<String>> = commands.iter().map(behind).collect();
    for joint in [" && ", " || ", " | ", "; ", "\n"] {
        let joined = |commands: &[Vec<String>]| {
            script(commands.iter().map(|words| join(words)).collect::<Vec<_>>().join(joint))
        };
        assert_eq!(plain_commands(&joined(&behind)).as_ref(), Some(&behind));
        // In front it may turn the script into one that is not plain, but never into another plain one.
        let again = plain_commands(&joined(&commands));
        assert!(again.is_none() || again.as_ref() == Some(&commands), "{again:?}");
    }
});
