//! What the model is told of the skills there are: not their instructions, but when to read them.

use app_server_skills::Skill;

/// Bytes of the list; with very many skills the last ones are left out.
const MAX_LIST_BYTES: usize = 8 * 1024;
/// Bytes of a description in the list.
const MAX_DESCRIPTION_BYTES: usize = 1_024;

/// The section, and how many skills are not in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) text: String,
    pub(super) left_out: usize,
}

/// Describes skills; `None` when there are none.
pub(super) fn of<'a>(skills: impl Iterator<Item = &'a Skill>) -> Option<Section> {
    let mut list = String::new();
    let mut left_out = 0;
    for skill in skills {
        let description = &skill.description[..skill.description.floor_char_boundary(MAX_DESCRIPTION_BYTES)];
        let line = format!("- {}: {} (file: {})\n", skill.name, description, skill.path.display());
        if left_out > 0 || list.len() + line.len() > MAX_LIST_BYTES {
            left_out += 1;
        } else {
            list.push_str(&line);
        }
    }
    if list.is_empty() {
        return None;
    }
    let text = include_str!("../prompts/skills.md").trim_end().replace("{list}", list.trim_end());
    Some(Section { text, left_out })
}

#[cfg(test)]
mod tests {
    use app_server_skills::Scope;

    use super::*;

    fn skill(name: &str, description: &str) -> Skill {
        Skill {
            name: name.to_owned(),
            description: description.to_owned(),
            short_description: None,
            interface: None,
            dependencies: Vec::new(),
            path: format!("/s/{name}/SKILL.md").into(),
            scope: Scope::User,
        }
    }

    #[test]
    fn skills_are_named_with_what_they_are_for() {
        assert_eq!(of(std::iter::empty()), None);
        let skills = [skill("a", "makes a"), skill("b", "makes b")];
        let section = of(skills.iter()).unwrap();
        assert!(
            section
                .text
                .contains("\n- a: makes a (file: /s/a/SKILL.md)\n- b: makes b (file: /s/b/SKILL.md)\n")
        );
        assert_eq!(section.left_out, 0);
    }

    #[test]
    fn the_list_is_bounded() {
        let skills: Vec<Skill> = (0..100).map(|n| skill(&format!("s{n}"), &"ö".repeat(2_000))).collect();
        let section = of(skills.iter()).unwrap();
        assert!(section.text.len() < MAX_LIST_BYTES + 2_048);
        assert_eq!(section.text.matches("(file:").count() + section.left_out, 100);
    }
}
