//! Which skills a user asks for: by `$name` or `[$name](path)` in a text, or by the path of an input item.

use std::path::Path;

use crate::{Catalogue, Skill};

/// Variables that stand in commands people paste; they mean no skill.
const VARIABLES: [&str; 11] =
    ["PATH", "HOME", "USER", "SHELL", "PWD", "TMPDIR", "TEMP", "TMP", "LANG", "TERM", "XDG_CONFIG_HOME"];
/// May stand before the path of a link.
const SCHEME: &str = "skill://";

/// What a message asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The texts of the message.
    pub texts: &'a [&'a str],
    /// Paths of skills that stand in it as items of their own.
    pub paths: &'a [&'a str],
}

/// Returns the skills a message asks for, each once: those of its items in their order, then those its texts link to,
/// then those they name, both in the order of the catalogue (observed on the reference of level 0.169). Only skills of
/// `usable` count. A path nobody knows means nothing, nor does a name that two of them have.
pub fn wanted<'a>(
    catalogue: &'a Catalogue,
    usable: impl Fn(&Skill) -> bool,
    message: Wanted<'_>,
) -> Vec<&'a Skill> {
    let (mut names, mut links) = (Vec::new(), Vec::new());
    for text in message.texts {
        mentions(text, &mut names, &mut links);
    }
    if names.is_empty() && links.is_empty() && message.paths.is_empty() {
        return Vec::new();
    }
    let usable: Vec<&Skill> = catalogue.skills.iter().filter(|skill| usable(skill)).collect();
    let mut wanted: Vec<&Skill> = Vec::new();
    let mut add = |skill: &'a Skill| {
        if wanted.iter().all(|other| other.path != skill.path) {
            wanted.push(skill);
        }
    };
    for path in message.paths {
        usable.iter().filter(|skill| is_at(skill, path)).for_each(|skill| add(skill));
    }
    for skill in &usable {
        if links.iter().any(|path| is_at(skill, path)) {
            add(skill);
        }
    }
    for skill in &usable {
        let is_only = || usable.iter().filter(|other| other.name == skill.name).count() == 1;
        if names.contains(&skill.name.as_str()) && is_only() {
            add(skill);
        }
    }
    wanted
}

fn is_at(skill: &Skill, path: &str) -> bool {
    let path = Path::new(path.strip_prefix(SCHEME).unwrap_or(path));
    // Whoever wrote the path may know the folder by another name.
    skill.path == path || (path.is_absolute() && path.canonicalize().is_ok_and(|path| path == skill.path))
}

/// Collects the names and the paths of links that a text mentions.
fn mentions<'a>(text: &'a str, names: &mut Vec<&'a str>, links: &mut Vec<&'a str>) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let is_link = rest[..at].ends_with('[');
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        rest = behind;
        if name.is_empty() || VARIABLES.contains(&name) {
            continue;
        }
        match behind.strip_prefix("](").filter(|_| is_link).and_then(|behind| behind.split_once(')')) {
            Some((path, behind)) => {
                links.push(path.trim());
                rest = behind;
            }
            None => names.push(name),
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use pretty_assertions::assert_eq;

    use super::*;
    use crate::Scope;

    fn catalogue() -> Catalogue {
        let skills = [
            ("demo", "/r/demo"),
            ("twice", "/r/1"),
            ("twice", "/u/2"),
            ("off", "/u/off"),
            ("a_b-c", "/u/abc"),
        ];
        let skill = |(name, folder): (&str, &str)| Skill {
            name: name.to_owned(),
            description: String::new(),
            short_description: None,
            interface: None,
            dependencies: Vec::new(),
            path: PathBuf::from(folder).join(crate::FILE_NAME),
            scope: Scope::Repo,
        };
        Catalogue { skills: skills.into_iter().map(skill).collect(), ..Catalogue::default() }
    }

    #[track_caller]
    fn check(texts: &[&str], paths: &[&str], expected: &[&str]) {
        let catalogue = catalogue();
        let found = wanted(&catalogue, |skill| skill.name != "off", Wanted { texts, paths });
        let found: Vec<&str> =
            found.iter().map(|skill| skill.path.parent().unwrap().to_str().unwrap()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_in_a_text() {
        check(&["$demo go"], &[], &["/r/demo"]);
        check(&["then ($demo), x$demo and $demo."], &[], &["/r/demo"]);
        check(&["use $a_b-c", "and $demo"], &[], &["/r/demo", "/u/abc"]);
        check(&["demo, $Demo, $demo-, $, $$, $ demo"], &[], &[]);
        check(&["$PATH $HOME"], &[], &[]);
    }

    #[test]
    fn a_name_of_two_skills_means_neither() {
        check(&["$twice"], &[], &[]);
        check(&["[$twice](/u/2/SKILL.md)"], &[], &["/u/2"]);
    }

    #[test]
    fn a_skill_that_is_off_is_not_found() {
        check(&["$off [$off](/u/off/SKILL.md)"], &["/u/off/SKILL.md"], &[]);
    }

    #[test]
    fn links_go_by_their_path() {
        check(&["[$whatever](skill:///r/demo/SKILL.md)"], &[], &["/r/demo"]);
        check(&["[$demo](elsewhere)"], &[], &[]);
        check(&["[$demo] (x) [$a_b-c"], &[], &["/r/demo", "/u/abc"]);
        check(&["[$demo](no end"], &[], &["/r/demo"]);
    }

    #[test]
    fn each_comes_once_items_first() {
        check(
            &["$demo [$x](/r/1/SKILL.md)"],
            &["/u/abc/SKILL.md", "/nowhere/SKILL.md", "/u/abc/SKILL.md"],
            &["/u/abc", "/r/1", "/r/demo"],
        );
    }
}
