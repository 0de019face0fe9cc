//! Steps as replacements of stretches of a text. A value that is there is replaced where it stands; a new key goes
//! behind the last one of its section, a new section to the end of the file, a new member into the braces of its
//! inline table.

use std::ops::Range;

use toml::{Table, Value};
use toml_edit::Document;

use super::outline::{Container, Outline, Section, Slot, line_end, line_start};
use super::plan::{Step, known, lookup, wrap};
use super::{Dotted, Segment, render};

/// A text on its way to its edited form.
pub(super) struct Draft {
    /// The line ending of the first line there was.
    newline: &'static str,
    text: String,
    table: Table,
}

/// What takes the place of a stretch of text.
struct Splice {
    range: Range<usize>,
    text: String,
}

impl Splice {
    fn removal(range: Range<usize>) -> Self {
        Splice { range, text: String::new() }
    }

    fn insertion(at: usize, text: String) -> Self {
        Splice { range: at..at, text }
    }
}

impl Draft {
    /// Takes up a text without byte order mark; the error says why it is not TOML.
    pub(super) fn new(text: String) -> Result<Self, String> {
        let table = toml::from_str(&text).map_err(|error: toml::de::Error| error.message().to_owned())?;
        let newline = match text.find('\n') {
            Some(at) if text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        };
        Ok(Draft { newline, text, table })
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    pub(super) fn into_parts(self) -> (String, Table) {
        (self.text, self.table)
    }

    /// Does a step; `None` when there is no place for it or what came out is no TOML.
    pub(super) fn carry_out(&mut self, step: &Step) -> Option<()> {
        match step {
            Step::Remove(path) => self.remove(path),
            Step::Put(path, value) => {
                if lookup(&self.table, path).is_some()
                    && self.splices(|outline, _| outline.replace(path, value))?
                {
                    return Some(());
                }
                // What is there has headers, or there is nothing.
                self.remove(path)?;
                self.splices(|outline, table| outline.insert(path, value, known(table, path)))?;
                Some(())
            }
        }
    }

    /// Removes all that the path leads to; it may be spread over the file.
    fn remove(&mut self, path: &[Segment]) -> Option<()> {
        while lookup(&self.table, path).is_some() {
            if !self.splices(|outline, _| outline.remove(path))? {
                return None;
            }
            // Elements that follow move up.
            if let Some(Segment::Index(_)) = path.last() {
                break;
            }
        }
        Some(())
    }

    /// Carries out what `work` finds to do, and says whether that was anything.
    fn splices(&mut self, work: impl FnOnce(&Outline<'_>, &Table) -> Vec<Splice>) -> Option<bool> {
        let document = Document::parse(self.text.as_str()).ok()?;
        let mut splices = work(&Outline::new(&document, self.newline), &self.table);
        if splices.is_empty() {
            return Some(false);
        }
        splices.sort_by_key(|splice| splice.range.start);
        let mut text = self.text.clone();
        for splice in splices.into_iter().rev() {
            text.replace_range(splice.range, &splice.text);
        }
        *self = Draft { newline: self.newline, ..Draft::new(text).ok()? };
        Some(true)
    }
}

impl Outline<'_> {
    /// Replaces a value that has no header.
    fn replace(&self, path: &[Segment], value: &Value) -> Vec<Splice> {
        let range = match self.slot(path) {
            Some(Slot::Line(line)) => line.span.clone(),
            Some(Slot::Element(container, number)) => container.items[number].span.clone(),
            None => return Vec::new(),
        };
        vec![Splice { range, text: render::inline(value) }]
    }

    /// Puts in a value where there is none. The first `known` segments of its path exist.
    fn insert(&self, path: &[Segment], value: &Value, known: usize) -> Vec<Splice> {
        let (parent, missing) = path.split_at(known);
        let Some(first) = missing.first() else { return Vec::new() };
        let splice = if let Some((container, rest)) = self.container(path) {
            self.insert_element(&container, rest, value)
        } else if let Segment::Index(_) = first {
            self.insert_table_element(parent, value)
        } else {
            self.insert_key(parent, missing, value)
        };
        vec![splice]
    }

    fn insert_key(&self, parent: &[Segment], missing: &[Segment], value: &Value) -> Splice {
        let fits_line = missing.len() == 1 && !render::has_header(value);
        // A header counts for the last element of an array of tables, so the others get theirs inline.
        let is_in_array = parent.iter().any(|segment| matches!(segment, Segment::Index(_)));
        if let Some(section) = self.section(parent) {
            if fits_line || is_in_array {
                return self.insert_line(section, &render::entry(&Dotted(missing).to_string(), value));
            }
        } else if let Some((section, end, indent)) = self.last_dotted(parent) {
            let mut key = parent[section.path.len()..].to_vec();
            key.extend_from_slice(missing);
            let line = format!("{indent}{}", render::entry(&Dotted(&key).to_string(), value));
            return self.insert_lines(end, &[line]);
        }
        let mut lines = Vec::new();
        if fits_line {
            render::sections(&Dotted(parent).to_string(), &wrap(missing, value), &mut lines);
        } else {
            let path = [parent, &missing[..1]].concat();
            render::sections(&Dotted(&path).to_string(), &wrap(&missing[1..], value), &mut lines);
        }
        self.insert_sections(self.text_end(), lines)
    }

    /// Finds the last line whose dotted key makes a table, with its section, its end and its indentation.
    fn last_dotted(&self, table: &[Segment]) -> Option<(&Section<'_>, usize, &str)> {
        self.sections.iter().find_map(|section| {
            let is_own = section.path.len() < table.len() && table.starts_with(&section.path);
            let line = section.lines.iter().rfind(|line| is_own && line.path.starts_with(table))?;
            Some((section, line_end(self.text, line.span.end), self.indent(line.start)))
        })
    }

    fn indent(&self, line_start: usize) -> &str {
        let line = &self.text[line_start..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// Puts a line behind the last one of a section.
    fn insert_line(&self, section: &Section<'_>, line: &str) -> Splice {
        if let Some(last) = section.lines.last() {
            let line = format!("{}{line}", self.indent(last.start));
            return self.insert_lines(line_end(self.text, last.span.end), &[line]);
        }
        if let Some(header) = &section.header {
            return self.insert_lines(line_end(self.text, header.end), &[line.to_owned()]);
        }
        match self.sections.get(1).and_then(|section| section.header.as_ref()) {
            // Above the first header and the comments that belong to it.
            Some(header) => {
                let at = self.comments_above(line_start(self.text, header.start));
                self.insert_lines(at, &[line.to_owned(), String::new()])
            }
            None => self.insert_lines(self.text_end(), &[line.to_owned()]),
        }
    }

    /// Goes up from the beginning of a line over comments that touch it.
    fn comments_above(&self, mut at: usize) -> usize {
        while at > 0 {
            let above = line_start(self.text, at - 1);
            if !self.text[above..at].trim_start().starts_with('#') {
                break;
            }
            at = above;
        }
        at
    }

    /// Puts an element behind the others of an array of tables.
    fn insert_table_element(&self, array: &[Segment], value: &Value) -> Splice {
        let last = self.sections.iter().rfind(|section| section.path.starts_with(array));
        let at = last.map_or_else(|| self.text_end(), |section| self.section_end(section));
        let mut lines = Vec::new();
        render::sections(&Dotted(array).to_string(), &Value::Array(vec![value.clone()]), &mut lines);
        self.insert_sections(at, lines)
    }

    fn insert_element(&self, container: &Container<'_>, path: &[Segment], value: &Value) -> Splice {
        let text = if container.is_array {
            render::inline(value)
        } else {
            render::entry(&Dotted(path).to_string(), value)
        };
        if let Some(last) = container.items.last() {
            return Splice::insertion(last.span.end, format!(", {text}"));
        }
        let inside = container.span.start + 1..container.span.end - 1;
        let text = if container.is_array { text } else { format!(" {text} ") };
        if self.text[inside.clone()].trim_matches([' ', '\t']).is_empty() {
            Splice { range: inside, text }
        } else {
            // Only comments are in there.
            Splice::insertion(inside.start, text)
        }
    }

    /// The end of the last line that is not empty.
    fn text_end(&self) -> usize {
        match self.text.trim_end().len() {
            0 => 0,
            length => line_end(self.text, length),
        }
    }

    fn insert_sections(&self, at: usize, mut lines: Vec<String>) -> Splice {
        if at > 0 {
            lines.insert(0, String::new());
        }
        self.insert_lines(at, &lines)
    }

    /// Puts whole lines between others, with the line ending that the file has.
    fn insert_lines(&self, at: usize, lines: &[String]) -> Splice {
        let newline = self.newline;
        let mut text = String::new();
        if at > 0 && !self.text[..at].ends_with('\n') {
            text.push_str(newline);
        }
        for line in lines {
            text.push_str(line);
            text.push_str(newline);
        }
        Splice::insertion(at, text)
    }

    /// Removes what is at a path, or a first part of it.
    fn remove(&self, path: &[Segment]) -> Vec<Splice> {
        match self.slot(path) {
            Some(Slot::Line(line)) => {
                return vec![Splice::removal(line.start..line_end(self.text, line.span.end))];
            }
            Some(Slot::Element(container, number)) => {
                return vec![Splice::removal(self.element_range(&container, number))];
            }
            None => {}
        }
        if let Some((container, rest)) = self.container(path) {
            let number = container.items.iter().position(|element| element.path.starts_with(rest));
            return number
                .map(|number| Splice::removal(self.element_range(&container, number)))
                .into_iter()
                .collect();
        }
        let mut splices = Vec::new();
        for section in &self.sections {
            if section.path.starts_with(path) {
                splices.push(Splice::removal(self.section_range(section)));
            } else {
                let lines = section.lines.iter().filter(|line| line.path.starts_with(path));
                splices.extend(
                    lines.map(|line| Splice::removal(line.start..line_end(self.text, line.span.end))),
                );
            }
        }
        splices
    }

    /// The end of a section's last key. Comments behind it are taken to belong to what follows.
    fn section_end(&self, section: &Section<'_>) -> usize {
        let header = section.header.as_ref().map_or(0, |header| header.end);
        line_end(self.text, section.lines.last().map_or(header, |line| line.span.end))
    }

    /// A section from its header to its last key, and the empty lines behind it when there are some before it too.
    fn section_range(&self, section: &Section<'_>) -> Range<usize> {
        let start = section.header.as_ref().map_or(0, |header| line_start(self.text, header.start));
        let mut end = self.section_end(section);
        let is_blank_before =
            start == 0 || self.text[line_start(self.text, start - 1)..start].trim().is_empty();
        while is_blank_before && end < self.text.len() {
            let next = line_end(self.text, end);
            if !self.text[end..next].trim().is_empty() {
                break;
            }
            end = next;
        }
        start..end
    }

    /// An element with one of the commas beside it.
    fn element_range(&self, container: &Container<'_>, number: usize) -> Range<usize> {
        let end_of = |number: usize| container.items[number].span.end;
        let before = match number.checked_sub(1) {
            Some(previous) => self.skip_blank(end_of(previous)),
            None => container.span.start,
        };
        // `before` is the bracket or the comma.
        let start = self.skip_blank(before + 1);
        let end = end_of(number);
        let after = self.skip_blank(end);
        if self.text[after..].starts_with(',') {
            let rest = &self.text[after + 1..];
            return start..after + 1 + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
        }
        let is_close = |gap: &str| gap.trim_matches([' ', '\t']).is_empty();
        if number == 0 && is_close(&self.text[before + 1..start]) && is_close(&self.text[end..after]) {
            return before + 1..after;
        }
        if number > 0 && is_close(&self.text[before + 1..start]) {
            return before..end;
        }
        start..end
    }

    /// Goes over spaces, line ends and comments.
    fn skip_blank(&self, mut at: usize) -> usize {
        loop {
            let rest = &self.text[at..];
            at += rest.len() - rest.trim_start().len();
            if !self.text[at..].starts_with('#') {
                return at;
            }
            at = line_end(self.text, at);
        }
    }
}
