//! A file's text as lines, and what chunks make of it. Must not know where the text comes from.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::parse::{Chunk, ChunkLine};

/// A line and what ends it: a line feed, with a carriage return before it or not, or nothing at the text's end.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    end: &'a str,
}

/// Why chunks do not fit a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// No line equals the anchor.
    Anchor(String),
    /// The lines to be found, joined by line feeds.
    Lines(String),
}

/// Returns `text` with `chunks` applied. Lines that no chunk names keep every byte; new lines end as the first line
/// does; a last line without an end gets one.
pub(crate) fn apply(text: &str, chunks: &[Chunk]) -> Result<String, Mismatch> {
    let lines = split(text);
    let new_end = lines.first().map(|line| line.end).filter(|end| !end.is_empty()).unwrap_or("\n");
    let mut search = Search::new(&lines);
    let mut edits = Vec::with_capacity(chunks.len());
    let mut position = 0;
    for chunk in chunks {
        if let Some(anchor) = chunk.anchor.as_deref() {
            let found = search.find(&[anchor], position);
            position = found.ok_or_else(|| Mismatch::Anchor(anchor.to_owned()))? + 1;
        }
        let edit = place(&mut search, chunk, position, lines.len())?;
        // An insertion goes to the end whatever stands before it, and leaves the search where it was.
        if !old_lines(&chunk.lines).is_empty() {
            position = edit.at + old_lines(&edit.lines).len();
        }
        edits.push(edit);
    }
    // Insertions at the end may come before edits further up; equal places keep the order of the patch.
    edits.sort_by_key(|edit| edit.at);
    Ok(rebuild(&lines, &edits, new_end))
}

/// Splits at line feeds; a text without any is split at carriage returns, as old Macintosh files want it.
fn split(text: &str) -> Vec<Line<'_>> {
    let separator = if text.contains('\n') { '\n' } else { '\r' };
    let with_end = |line: &'_ str| line.len() - line.strip_suffix(separator).map_or(0, |_| 1);
    text.split_inclusive(separator)
        .map(|line| {
            let mut length = with_end(line);
            if separator == '\n' && length < line.len() && line[..length].ends_with('\r') {
                length -= 1;
            }
            Line { text: &line[..length], end: &line[length..] }
        })
        .collect()
}

/// A chunk that has found its place; the lines may have lost a blank one at the end.
struct Edit<'a> {
    at: usize,
    lines: Vec<ChunkLineRef<'a>>,
}

#[derive(Clone, Copy)]
enum ChunkLineRef<'a> {
    Keep(&'a str),
    Remove(&'a str),
    Add(&'a str),
}

trait Old {
    fn old(&self) -> Option<&str>;
}

impl Old for ChunkLine {
    fn old(&self) -> Option<&str> {
        match self {
            Self::Context(text) | Self::Remove(text) => Some(text),
            Self::Add(_) => None,
        }
    }
}

impl Old for ChunkLineRef<'_> {
    fn old(&self) -> Option<&str> {
        match self {
            Self::Keep(text) | Self::Remove(text) => Some(text),
            Self::Add(_) => None,
        }
    }
}

fn old_lines<L: Old>(lines: &[L]) -> Vec<&str> {
    lines.iter().filter_map(Old::old).collect()
}

fn place<'a>(
    search: &mut Search<'_>,
    chunk: &'a Chunk,
    position: usize,
    length: usize,
) -> Result<Edit<'a>, Mismatch> {
    let lines: Vec<_> = chunk
        .lines
        .iter()
        .map(|line| match line {
            ChunkLine::Context(text) => ChunkLineRef::Keep(text),
            ChunkLine::Remove(text) => ChunkLineRef::Remove(text),
            ChunkLine::Add(text) => ChunkLineRef::Add(text),
        })
        .collect();
    let old = old_lines(&chunk.lines);
    if old.is_empty() {
        return Ok(Edit { at: length, lines });
    }
    // Nothing to be found is found at once, at the end or not.
    let start = |block: usize| match block {
        1.. if chunk.end_of_file => position.max(length.saturating_sub(block)),
        _ => position,
    };
    if let Some(at) = search.find(&old, start(old.len())) {
        return Ok(Edit { at, lines });
    }
    // A blank line before the next chunk is often meant as a gap, not as context.
    if let [rest @ .., ""] = &old[..]
        && let Some(at) = search.find(rest, start(rest.len()))
    {
        return Ok(Edit { at, lines: without_blank_end(&lines) });
    }
    Err(Mismatch::Lines(old.join("\n")))
}

/// Takes the blank last line off the lines to be found, and a blank last line off the lines to be written.
fn without_blank_end<'a>(lines: &[ChunkLineRef<'a>]) -> Vec<ChunkLineRef<'a>> {
    use ChunkLineRef::{Add, Keep, Remove};
    let last_old = lines.iter().rposition(|line| line.old().is_some());
    let last_new =
        lines.iter().rposition(|line| matches!(line, Keep(_) | Add(_))).filter(|&index| match lines[index] {
            Keep(text) | Add(text) => text.is_empty(),
            Remove(_) => false,
        });
    let kept = |(index, line): (usize, &ChunkLineRef<'a>)| {
        let found = line.old().is_some() && Some(index) != last_old;
        let written = !matches!(line, Remove(_)) && Some(index) != last_new;
        let (Keep(text) | Remove(text) | Add(text)) = *line;
        match (found, written) {
            (true, true) => Some(Keep(text)),
            (true, false) => Some(Remove(text)),
            (false, true) => Some(Add(text)),
            (false, false) => None,
        }
    };
    lines.iter().enumerate().filter_map(kept).collect()
}

fn rebuild(lines: &[Line<'_>], edits: &[Edit<'_>], new_end: &str) -> String {
    let mut text = String::new();
    let mut next = 0;
    let mut push = |line: &str, end: &str| {
        text.push_str(line);
        text.push_str(if end.is_empty() { new_end } else { end });
    };
    for edit in edits {
        lines[next..edit.at].iter().for_each(|line| push(line.text, line.end));
        next = edit.at;
        for line in &edit.lines {
            match line {
                ChunkLineRef::Add(added) => push(added, new_end),
                ChunkLineRef::Remove(_) => next += 1,
                ChunkLineRef::Keep(_) => {
                    push(lines[next].text, lines[next].end);
                    next += 1;
                }
            }
        }
    }
    lines[next..].iter().for_each(|line| push(line.text, line.end));
    text
}

/// How strictly lines are compared, strictest first.
const LEVELS: [fn(&str) -> Cow<'_, str>; 4] =
    [|line| line.into(), |line| line.trim_end().into(), |line| line.trim().into(), plain];

/// Finds blocks of lines. Keeps where each line occurs, so that many chunks in a long file stay quick.
struct Search<'a> {
    lines: &'a [Line<'a>],
    levels: [Option<Level<'a>>; 4],
}

/// The lines as one level of strictness sees them.
struct Level<'a> {
    lines: Vec<Cow<'a, str>>,
    places: HashMap<Cow<'a, str>, Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(lines: &'a [Line<'a>]) -> Self {
        Self { lines, levels: [None, None, None, None] }
    }

    /// Returns where `block` begins, at `from` or behind: exactly equal anywhere beats nearly equal before it.
    fn find(&mut self, block: &[&str], from: usize) -> Option<usize> {
        if block.is_empty() {
            return Some(from);
        }
        let end = self.lines.len().checked_sub(block.len())?;
        if from > end {
            return None;
        }
        (0..LEVELS.len()).find_map(|level| {
            let block: Vec<_> = block.iter().map(|line| LEVELS[level](line)).collect();
            self.level(level).find(&block, from, end)
        })
    }

    fn level(&mut self, level: usize) -> &Level<'a> {
        self.levels[level].get_or_insert_with(|| {
            let lines: Vec<_> = self.lines.iter().map(|line| LEVELS[level](line.text)).collect();
            let mut places = HashMap::<_, Vec<usize>>::new();
            for (index, line) in lines.iter().enumerate() {
                places.entry(line.clone()).or_default().push(index);
            }
            Level { lines, places }
        })
    }
}

impl Level<'_> {
    fn find(&self, block: &[Cow<'_, str>], from: usize, end: usize) -> Option<usize> {
        let places = self.places.get(block.first()?.as_ref())?;
        let first = places.partition_point(|&place| place < from);
        places[first..]
            .iter()
            .copied()
            .take_while(|&place| place <= end)
            .find(|&place| self.lines[place..place + block.len()] == *block)
    }
}

/// Typographic characters as a model would type them; it often sees the one and writes the other.
fn plain(line: &str) -> Cow<'_, str> {
    let line = line.trim();
    if line.is_ascii() {
        return line.into();
    }
    let typed = |character| match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}'..='\u{201B}' => '\'',
        '\u{201C}'..='\u{201F}' => '"',
        '\u{00A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => ' ',
        other => other,
    };
    line.chars().map(typed).collect::<String>().into()
}
