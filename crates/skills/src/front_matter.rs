//! The YAML at the beginning of a `SKILL.md`, between two lines of three hyphens. What is accepted is what was observed
//! on the reference of level 0.169, which takes descriptions with unquoted colons.

use serde::Deserialize;

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// What a file says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FrontMatter {
    /// `None` when the file leaves it to its folder.
    pub(crate) name: Option<String>,
    pub(crate) description: String,
    pub(crate) short_description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    name: Option<String>,
    description: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Metadata {
    short_description: Option<String>,
}

/// Why a file is no skill, for whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFrontMatter {
    #[error("missing YAML frontmatter delimited by ---")]
    Missing,
    #[error("invalid YAML: {0}")]
    Yaml(String),
    #[error("missing field `description`")]
    NoDescription,
    #[error("invalid name: exceeds maximum length of {MAX_NAME_CHARS} characters")]
    LongName,
}

/// Reads the front matter of a file's text.
pub(crate) fn read(text: &str) -> Result<FrontMatter, BadFrontMatter> {
    let yaml = block(text).ok_or(BadFrontMatter::Missing)?;
    let raw = match serde_saphyr::from_str::<Raw>(yaml) {
        Ok(raw) => raw,
        Err(error) => {
            let plain = plain_lines(yaml);
            if plain.description.is_none() {
                return Err(BadFrontMatter::Yaml(first_line(&error.without_snippet().to_string())));
            }
            plain
        }
    };
    let name = raw.name.as_deref().and_then(one_line);
    if name.as_ref().is_some_and(|name| !is_name(name)) {
        return Err(BadFrontMatter::LongName);
    }
    Ok(FrontMatter {
        name,
        description: raw.description.as_deref().and_then(one_line).ok_or(BadFrontMatter::NoDescription)?,
        short_description: raw.metadata.unwrap_or_default().short_description.as_deref().and_then(one_line),
    })
}

/// Whether a name is short enough.
pub(crate) fn is_name(name: &str) -> bool {
    name.chars().count() <= MAX_NAME_CHARS
}

/// The text between the first line, which must be three hyphens, and the next such line.
fn block(text: &str) -> Option<&str> {
    let is_fence = |line: &str| line.trim_end() == "---";
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.split_inclusive('\n').next()?;
    if !is_fence(first) {
        return None;
    }
    let rest = &text[first.len()..];
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if is_fence(line) {
            return Some(&rest[..at]);
        }
        at += line.len();
    }
    None
}

/// Takes what stands behind the keys as it stands, for files whose authors did not know that a colon must be quoted.
fn plain_lines(yaml: &str) -> Raw {
    let value = |key: &str| {
        let mut values = yaml.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let value = values.next()?.trim();
        // Anything but plain text means something else in YAML.
        (!value.starts_with(['[', '{', '|', '>', '&', '*', '!', '"', '\''])).then(|| value.to_owned())
    };
    Raw { name: value("name"), description: value("description"), metadata: None }
}

/// Joins the words of a text with single spaces; `None` when there are none.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[track_caller]
    fn check(text: &str, name: Option<&str>, description: &str, short: Option<&str>) {
        let expected = FrontMatter {
            name: name.map(str::to_owned),
            description: description.to_owned(),
            short_description: short.map(str::to_owned),
        };
        assert_eq!(read(text), Ok(expected));
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        assert_eq!(read(text).unwrap_err().to_string(), why);
    }

    #[test]
    fn names_and_descriptions_are_read() {
        check("---\nname: demo\ndescription: demo skill\n---\nBody.", Some("demo"), "demo skill", None);
        check("---\r\nname: crlf\r\ndescription: d\r\n---\r\nx", Some("crlf"), "d", None);
        check("\u{feff}---\nname: bom\ndescription: d\n---", Some("bom"), "d", None);
        check(
            "---\nname: \"quoted: name\"\ndescription: |\n  a\n\n  b\nmetadata:\n  short-description: s\n---\n",
            Some("quoted: name"),
            "a b",
            Some("s"),
        );
        check("---\nname: 12\ndescription: true\nlicense: MIT\n---\n", Some("12"), "true", None);
        check("---\ndescription: d\n---\n", None, "d", None);
        check("---\nname: \"\"\ndescription: d\n---\n", None, "d", None);
        let long = "d".repeat(2_000);
        check(&format!("---\nname: n\ndescription: {long}\n---\n"), Some("n"), &long, None);
    }

    #[test]
    fn an_unquoted_colon_is_text() {
        check(
            "---\nname: colon\ndescription: use when: something\n---\n",
            Some("colon"),
            "use when: something",
            None,
        );
    }

    #[test]
    fn what_is_no_skill_is_refused_with_a_reason() {
        let missing = "missing YAML frontmatter delimited by ---";
        refused("", missing);
        refused("no front matter", missing);
        refused("\n---\nname: a\ndescription: d\n---\n", missing);
        refused("---\nname: a\ndescription: d\n", missing);
        refused("---\nname: a\n---\n", "missing field `description`");
        refused("---\nname: a\ndescription: '  '\n---\n", "missing field `description`");
        let long = "n".repeat(65);
        refused(
            &format!("---\nname: {long}\ndescription: d\n---\n"),
            "invalid name: exceeds maximum length of 64 characters",
        );
        assert!(read("---\nname: [a\n---\n").unwrap_err().to_string().starts_with("invalid YAML: "));
        assert!(read("---\n- a\n- b\n---\n").unwrap_err().to_string().starts_with("invalid YAML: "));
    }

    #[test]
    fn aliases_do_not_blow_up() {
        let mut yaml = "---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            yaml.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        yaml.push_str("name: n\ndescription: d\n---\n");
        // Read or refused, but at once.
        let _ = read(&yaml);
    }
}
