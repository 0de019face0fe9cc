//! Where things stand in the text of a file: its sections, the lines of keys in each, and the values within inline
//! tables and arrays. The spans are the parser's; this module only brings them into the order of the file.

use std::ops::Range;

use toml_edit::{Document, Item, Table, Value};

use super::Segment;

/// A parsed file.
pub(super) struct Outline<'d> {
    pub(super) text: &'d str,
    /// What ends a line that is put in.
    pub(super) newline: &'static str,
    /// In the order of the file; the first is what comes before any header.
    pub(super) sections: Vec<Section<'d>>,
}

/// A header and the keys up to the next one.
pub(super) struct Section<'d> {
    pub(super) path: Vec<Segment>,
    /// The brackets; the first section has none.
    pub(super) header: Option<Range<usize>>,
    pub(super) lines: Vec<Line<'d>>,
}

/// A key with its value. It begins a line and may go over several.
pub(super) struct Line<'d> {
    /// From the root, so the section's path and the dotted key.
    pub(super) path: Vec<Segment>,
    /// The line's beginning.
    pub(super) start: usize,
    /// The bytes of the value.
    pub(super) span: Range<usize>,
    value: &'d Value,
}

/// An inline table or an array.
pub(super) struct Container<'d> {
    /// With its brackets.
    pub(super) span: Range<usize>,
    pub(super) is_array: bool,
    /// In the order of the text; dotted keys are taken apart.
    pub(super) items: Vec<Element<'d>>,
}

/// A value in a container.
pub(super) struct Element<'d> {
    /// From the container.
    pub(super) path: Vec<Segment>,
    /// The bytes of the value.
    pub(super) span: Range<usize>,
    value: &'d Value,
}

/// The place of a value that has no header.
pub(super) enum Slot<'o, 'd> {
    /// It stands on lines of its own.
    Line(&'o Line<'d>),
    /// It is the element of this number in a container.
    Element(Container<'d>, usize),
}

impl<'d> Outline<'d> {
    pub(super) fn new(document: &'d Document<&'d str>, newline: &'static str) -> Self {
        let mut outline = Outline {
            text: document.raw(),
            newline,
            sections: vec![Section { path: Vec::new(), header: None, lines: Vec::new() }],
        };
        outline.collect(document.as_table(), &mut Vec::new(), 0);
        outline.sections.sort_by_key(|section| section.header.as_ref().map(|header| header.start));
        for section in &mut outline.sections {
            section.lines.sort_by_key(|line| line.start);
        }
        outline
    }

    /// Takes up a table whose own keys belong to the section of this number.
    fn collect(&mut self, table: &'d Table, path: &mut Vec<Segment>, section: usize) {
        for (name, item) in table {
            path.push(name.into());
            match item {
                Item::None => {}
                Item::Value(value) => {
                    let key = table.key(name).and_then(toml_edit::Key::span);
                    if let (Some(key), Some(span)) = (key, value.span()) {
                        let start = line_start(self.text, key.start);
                        self.sections[section].lines.push(Line { path: path.clone(), start, span, value });
                    }
                }
                // Made by dotted keys, or by the headers of tables below it.
                Item::Table(inner) if inner.is_dotted() || inner.is_implicit() => {
                    self.collect(inner, path, section);
                }
                Item::Table(inner) => self.collect_section(inner, path),
                Item::ArrayOfTables(tables) => {
                    for (index, inner) in tables.iter().enumerate() {
                        path.push(Segment::Index(index));
                        self.collect_section(inner, path);
                        path.pop();
                    }
                }
            }
            path.pop();
        }
    }

    fn collect_section(&mut self, table: &'d Table, path: &mut Vec<Segment>) {
        self.sections.push(Section { path: path.clone(), header: table.span(), lines: Vec::new() });
        self.collect(table, path, self.sections.len() - 1);
    }

    fn lines(&self) -> impl Iterator<Item = &Line<'d>> {
        self.sections.iter().flat_map(|section| &section.lines)
    }

    /// Finds the section with this header.
    pub(super) fn section(&self, path: &[Segment]) -> Option<&Section<'d>> {
        self.sections.iter().find(|section| section.path == path)
    }

    /// Finds a value that has no header.
    pub(super) fn slot(&self, path: &[Segment]) -> Option<Slot<'_, 'd>> {
        let line = self.lines().find(|line| path.starts_with(&line.path))?;
        if line.path.len() == path.len() {
            return Some(Slot::Line(line));
        }
        let (container, rest) = self.container(path)?;
        let number = container.items.iter().position(|element| element.path == rest)?;
        Some(Slot::Element(container, number))
    }

    /// Finds the innermost inline table or array that a path leads into, and what is left of the path there.
    pub(super) fn container<'p>(&self, path: &'p [Segment]) -> Option<(Container<'d>, &'p [Segment])> {
        let line = self.lines().find(|line| path.starts_with(&line.path))?;
        let mut rest = &path[line.path.len()..];
        let mut value = line.value;
        loop {
            let container = Container::new(value).filter(|_| !rest.is_empty())?;
            let inner = container
                .items
                .iter()
                .find(|element| rest.len() > element.path.len() && rest.starts_with(&element.path));
            match inner {
                Some(element) => {
                    rest = &rest[element.path.len()..];
                    value = element.value;
                }
                None => return Some((container, rest)),
            }
        }
    }
}

impl<'d> Container<'d> {
    fn new(value: &'d Value) -> Option<Self> {
        let mut items = Vec::new();
        match value {
            Value::InlineTable(table) => collect_elements(table, &mut Vec::new(), &mut items),
            Value::Array(array) => {
                items.extend(array.iter().enumerate().filter_map(|(index, value)| {
                    Some(Element { path: vec![Segment::Index(index)], span: value.span()?, value })
                }));
            }
            _ => return None,
        }
        items.sort_by_key(|element| element.span.start);
        Some(Container { span: value.span()?, is_array: value.is_array(), items })
    }
}

fn collect_elements<'d>(
    table: &'d toml_edit::InlineTable,
    path: &mut Vec<Segment>,
    items: &mut Vec<Element<'d>>,
) {
    for (name, value) in table {
        path.push(name.into());
        match value {
            Value::InlineTable(inner) if inner.is_dotted() => collect_elements(inner, path, items),
            value => {
                items.extend(value.span().map(|span| Element { path: path.clone(), span, value }));
            }
        }
        path.pop();
    }
}

/// Returns where the line of a byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Returns where the line of a byte ends, behind its line ending.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}
