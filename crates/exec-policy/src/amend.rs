//! Adds a rule to a rules file. Must not change what is there.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Appends a rule to `file` that allows commands beginning with `words`, unless that very line is in it.
///
/// Creates the folder and the file. Writers of other processes are waited for (an advisory lock), and a last line
/// without an end gets one first.
///
/// # Errors
/// The system's; or `InvalidInput` without words, which would allow everything.
pub fn append_allow(file: &Path, words: &[String]) -> io::Result<()> {
    if words.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a rule needs a word"));
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let line = allow_line(words);
    let mut file = File::options().read(true).append(true).create(true).open(file)?;
    file.lock()?;
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    if text.split(|byte| *byte == b'\n').any(|known| known.trim_ascii_end() == line.as_bytes()) {
        return Ok(());
    }
    let begin = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
    // One write, so that a reader who takes no lock sees the whole line or nothing.
    file.write_all(format!("{begin}{line}\n").as_bytes())?;
    file.sync_data()
}

/// Returns the line, without its end.
fn allow_line(words: &[String]) -> String {
    let words: Vec<String> =
        words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("prefix_rule(pattern=[{}], decision=\"allow\")", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_line_that_is_read() {
        let words =
            ["a", "b \"c\"", "\\", "tab\t", "nl\n", "\u{0}\u{1}\u{8}\u{b}\u{c}\r\u{7f}", "é😀\u{2028}"]
                .map(str::to_owned);
        let line = allow_line(&words);
        assert!(
            line.starts_with(
                "prefix_rule(pattern=[\"a\", \"b \\\"c\\\"\", \"\\\\\", \"tab\\t\", \"nl\\n\", "
            )
        );
        let rules = crate::Rules::parse("x", &line).unwrap();
        assert_eq!(rules.check(&words)[0].matched_prefix, words);
    }
}
