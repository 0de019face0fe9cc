//! Rules files: reading one never panics, and neither does asking the rules; a rule that is added holds.
#![no_main]

use app_server_exec_policy::{Decision, Rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(mut rules) = Rules::parse("fuzz.rules", &text) else { return };
    let prefixes = rules.allowed_prefixes();
    for words in &prefixes {
        let found = rules.check(words);
        assert!(found.iter().any(|found| found.decision == Decision::Allow), "{words:?} is not allowed");
    }
    let words: Vec<String> = text.split_whitespace().take(4).map(str::to_owned).collect();
    rules.check(&words);
    rules.allow_prefix(&words);
    let is_allowed = rules.check(&words).iter().any(|found| found.decision == Decision::Allow);
    assert!(is_allowed || words.is_empty());
});
