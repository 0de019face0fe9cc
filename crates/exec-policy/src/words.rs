//! A command as a person reads it. Must not decide anything.

use std::fmt::Write as _;

use shlex::Quoter;

/// Returns `argv` as one line that a POSIX shell would split into the same words.
///
/// A NUL, which no command can hold, stays where it is: whoever reads the line must see all of it.
pub fn join(argv: &[String]) -> String {
    // Quoting fails on a NUL only, and that is allowed here.
    Quoter::new().allow_nul(true).join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" "))
}

/// Returns `command` with every character that would hide or reorder something made visible: control characters,
/// bidirectional marks, zero-width characters and odd spaces become escapes. Line breaks and tabs stay.
///
/// For the text an approval shows. Nothing is left out, so that what is read is what runs.
pub fn shown(command: &str) -> String {
    let mut text = String::with_capacity(command.len());
    for character in command.chars() {
        match character {
            '\n' | '\t' => text.push(character),
            c if c.is_ascii_control() => {
                let _ = write!(text, "\\x{:02x}", u32::from(c));
            }
            c if is_unseen(c) => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text
}

/// Whether a reader could overlook `c`, take it for a plain space, or see the text around it in another order.
/// Spaces, line breaks and tabs of ASCII are what they look like.
pub(crate) fn is_unseen(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() && !matches!(c, '\n' | '\t');
    }
    c.is_control() || c.is_whitespace() || is_format(c)
}

/// The characters of Unicode's category "format" and those that are drawn as nothing at all.
fn is_format(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x034F
            | 0x0600..=0x0605
            | 0x061C
            | 0x06DD
            | 0x070F
            | 0x0890..=0x0891
            | 0x08E2
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x2800
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFFB
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(argv: &[&str]) -> String {
        join(&argv.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn joins_as_a_shell_would_need_it() {
        assert_eq!(joined(&["/bin/bash", "-lc", "cat a.txt"]), "/bin/bash -lc 'cat a.txt'");
        assert_eq!(joined(&["/bin/bash", "-lc", "ls"]), "/bin/bash -lc ls");
        assert_eq!(
            joined(&["/bin/bash", "-lc", "python3 -c 'print(1)'"]),
            "/bin/bash -lc \"python3 -c 'print(1)'\""
        );
        assert_eq!(joined(&["a", ""]), "a ''");
        assert!(joined(&["a\0b"]).contains('\0'));
    }

    #[test]
    fn shows_what_would_hide() {
        assert_eq!(shown("ls\n\tx"), "ls\n\tx");
        assert_eq!(shown("ls\r\x1b[2K; id\0"), "ls\\x0d\\x1b[2K; id\\x00");
        assert_eq!(shown("a\u{202e}b\u{200b}c\u{a0}d\u{7f}"), "a\\u{202e}b\\u{200b}c\\u{a0}d\\x7f");
        assert_eq!(shown("grüße 日本"), "grüße 日本");
        let tail = format!("{}; id", " ".repeat(100_000));
        assert!(shown(&tail).ends_with("; id"));
    }
}
