//! Cuts `<proposed_plan>` blocks out of a streamed message, wherever the pieces happen to be split.

const OPEN: &str = "<proposed_plan>";
const CLOSE: &str = "</proposed_plan>";

/// A piece of the message after the cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Plan(String),
}

/// Splits text as it comes. Text that may be the beginning of a tag is held back until it is known.
#[derive(Debug, Default)]
pub(super) struct PlanSplitter {
    held: String,
    in_plan: bool,
    /// The line break after a tag belongs to the tag.
    skip_line_break: bool,
}

impl PlanSplitter {
    /// Takes the next text and returns what is known of it.
    pub(super) fn push(&mut self, text: &str) -> Vec<Piece> {
        self.held.push_str(text);
        let mut pieces = Vec::new();
        loop {
            if self.skip_line_break && !self.held.is_empty() {
                self.skip_line_break = false;
                if self.held.starts_with('\n') {
                    self.held.remove(0);
                }
            }
            let tag = if self.in_plan { CLOSE } else { OPEN };
            if let Some(at) = self.held.find(tag) {
                let rest = self.held.split_off(at + tag.len());
                let mut before = std::mem::replace(&mut self.held, rest);
                before.truncate(at);
                self.emit(&mut pieces, before);
                self.in_plan = !self.in_plan;
                self.skip_line_break = true;
                continue;
            }
            let keep = (1..tag.len()).rev().find(|length| self.held.ends_with(&tag[..*length])).unwrap_or(0);
            let tail = self.held.split_off(self.held.len() - keep);
            let known = std::mem::replace(&mut self.held, tail);
            self.emit(&mut pieces, known);
            return pieces;
        }
    }

    /// Returns what was held back when the message ends.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let rest = std::mem::take(&mut self.held);
        self.emit(&mut pieces, rest);
        pieces
    }

    fn emit(&self, pieces: &mut Vec<Piece>, text: String) {
        if !text.is_empty() {
            pieces.push(if self.in_plan { Piece::Plan(text) } else { Piece::Text(text) });
        }
    }
}

/// Splits a whole message: what remains of it, and the plan if there is one.
pub(super) fn split(text: &str) -> (String, Option<String>) {
    let mut splitter = PlanSplitter::default();
    let mut pieces = splitter.push(text);
    pieces.extend(splitter.finish());
    let (mut message, mut plan) = (String::new(), None::<String>);
    for piece in pieces {
        match piece {
            Piece::Text(text) => message.push_str(&text),
            Piece::Plan(text) => plan.get_or_insert_default().push_str(&text),
        }
    }
    (message, plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_cut_out_however_the_text_is_split() {
        let text = "Before.\n<proposed_plan>\n- one\n- two\n</proposed_plan>\nAfter <b>.";
        for size in 1..text.len() {
            let mut splitter = PlanSplitter::default();
            let (mut message, mut plan) = (String::new(), String::new());
            let chunks: Vec<String> = text
                .as_bytes()
                .chunks(size)
                .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
                .collect();
            let mut pieces: Vec<Piece> = chunks.iter().flat_map(|chunk| splitter.push(chunk)).collect();
            pieces.extend(splitter.finish());
            for piece in pieces {
                match piece {
                    Piece::Text(text) => message.push_str(&text),
                    Piece::Plan(text) => plan.push_str(&text),
                }
            }
            assert_eq!(message, "Before.\nAfter <b>.", "in pieces of {size}");
            assert_eq!(plan, "- one\n- two\n", "in pieces of {size}");
        }
    }

    #[test]
    fn text_without_a_plan_stays() {
        assert_eq!(split("a < b <proposed"), ("a < b <proposed".to_owned(), None));
    }
}
