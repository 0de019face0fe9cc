//! The patch grammar: text to operations. Must not know files.

mod update;

use update::UpdateParser;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File: ";
const DELETE: &str = "*** Delete File: ";
const UPDATE: &str = "*** Update File: ";
const ENVIRONMENT: &str = "*** Environment ID:";

/// A patch as written by the model: operations in their order, paths as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// What to do, one file each. May be empty: a patch without operations is well formed.
    pub operations: Vec<Operation>,
}

/// What a patch does to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Creates a file, or replaces one that is there.
    Add {
        /// As written, relative to wherever the patch is applied.
        path: String,
        /// The whole file; every line ends in a line feed.
        content: String,
    },
    /// Removes a file.
    Delete {
        /// As written.
        path: String,
    },
    /// Edits a file and may move it.
    Update {
        /// As written.
        path: String,
        /// Where the edited file goes, as written.
        move_to: Option<String>,
        /// The edits in the order of the file; never empty.
        chunks: Vec<Chunk>,
    },
}

impl Operation {
    /// Returns the path the operation names first, as written.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Add { path, .. } | Self::Delete { path } | Self::Update { path, .. } => path,
        }
    }
}

/// One edit of an update.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    /// A line to be found first; the edit is looked for behind it.
    pub anchor: Option<String>,
    /// Never empty after parsing.
    pub lines: Vec<ChunkLine>,
    /// The edit must match at the file's end.
    pub end_of_file: bool,
}

/// One line of a chunk, without its marker and line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChunkLine {
    /// Is there and stays.
    Context(String),
    /// Is there and goes.
    Remove(String),
    /// Comes.
    Add(String),
}

/// Why a text is no patch. `Display` is what the command line prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The frame around the operations is wrong.
    #[error("Invalid patch: {0}")]
    Frame(String),
    /// A line within is wrong.
    #[error("Invalid patch hunk on line {line}: {message}")]
    Line {
        /// Counted from 1, the begin line.
        line: usize,
        /// What was expected.
        message: String,
    },
}

impl ParseError {
    /// Returns the wording of the check that comes before anything runs; models know both wordings.
    #[must_use]
    pub fn verification(&self) -> String {
        match self {
            Self::Frame(message) => format!("invalid patch: {message}"),
            Self::Line { line, message } => format!("invalid hunk at line {line}, {message}"),
        }
    }

    fn at(line: usize, message: String) -> Self {
        Self::Line { line, message }
    }

    fn no_begin() -> Self {
        Self::Frame(format!("The first line of the patch must be '{BEGIN}'"))
    }

    fn no_end() -> Self {
        Self::Frame(format!("The last line of the patch must be '{END}'"))
    }

    fn not_a_header(line: usize, text: &str) -> Self {
        Self::at(
            line,
            format!(
                "'{text}' is not a valid hunk header. Valid hunk headers: '*** Add File: {{path}}', \
                 '*** Delete File: {{path}}', '*** Update File: {{path}}'"
            ),
        )
    }
}

impl Patch {
    /// Reads a patch, forgiving what models often get wrong: blanks around the text and its marker lines, a
    /// here-document wrapped around it, blank lines behind a chunk.
    ///
    /// # Errors
    /// [`ParseError`] naming the first line that is wrong.
    pub fn parse(text: &str) -> Result<Patch, ParseError> {
        let lines: Vec<&str> = text.trim().lines().collect();
        let framed = match frame(&lines) {
            Ok(()) => &lines[..],
            Err(error) => {
                let inner = unwrapped(&lines).ok_or(error)?;
                frame(inner)?;
                inner
            }
        };
        Parser { lines: framed, next: 1 }.operations()
    }
}

fn frame(lines: &[&str]) -> Result<(), ParseError> {
    if lines.first().is_some_and(|line| line.trim() != BEGIN) {
        return Err(ParseError::no_begin());
    }
    if lines.len() < 2 || lines.last().is_none_or(|line| line.trim() != END) {
        return Err(ParseError::no_end());
    }
    Ok(())
}

/// The lines within a here-document that a model left around its patch.
fn unwrapped<'a, 'b>(lines: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let [first, inner @ .., last] = lines else { return None };
    let opens = matches!(*first, "<<EOF" | "<<'EOF'" | "<<\"EOF\"");
    (opens && inner.len() >= 2 && last.ends_with("EOF")).then_some(inner)
}

/// What a line that stands between operations says.
enum Header<'a> {
    Add(&'a str),
    Delete(&'a str),
    Update(&'a str),
}

impl<'a> Header<'a> {
    /// `line` may have blanks behind it: models do that. A path may begin with blanks.
    fn read(line: &'a str) -> Option<Self> {
        let line = line.trim_end();
        let path = |prefix| line.strip_prefix(prefix).filter(|path: &&str| !path.is_empty());
        path(ADD)
            .map(Self::Add)
            .or_else(|| path(DELETE).map(Self::Delete))
            .or_else(|| path(UPDATE).map(Self::Update))
    }
}

struct Parser<'a> {
    lines: &'a [&'a str],
    /// Index of the line to be read; its number for people is one more.
    next: usize,
}

impl<'a> Parser<'a> {
    fn operations(mut self) -> Result<Patch, ParseError> {
        self.environment()?;
        let mut operations = Vec::new();
        while let Some(&line) = self.lines.get(self.next) {
            let line = line.trim();
            if line == END {
                self.only_ends_follow()?;
                break;
            }
            let Some(header) = Header::read(line) else {
                return Err(ParseError::not_a_header(self.next + 1, line));
            };
            self.next += 1;
            operations.push(match header {
                Header::Add(path) => Operation::Add { path: path.to_owned(), content: self.content() },
                Header::Delete(path) => Operation::Delete { path: path.to_owned() },
                Header::Update(path) => self.update(path)?,
            });
        }
        Ok(Patch { operations })
    }

    /// Names an environment among several in newer patches; there is one here, so it is checked and left.
    fn environment(&mut self) -> Result<(), ParseError> {
        let mut seen = false;
        while let Some(id) = self.lines.get(self.next).and_then(|line| line.trim().strip_prefix(ENVIRONMENT))
        {
            let fault = match (seen, id.trim().is_empty()) {
                (true, _) => "cannot be specified more than once",
                (false, true) => "cannot be empty",
                (false, false) => {
                    seen = true;
                    self.next += 1;
                    continue;
                }
            };
            return Err(ParseError::Frame(format!("apply_patch environment_id {fault}")));
        }
        Ok(())
    }

    fn content(&mut self) -> String {
        let mut content = String::new();
        while let Some(line) = self.lines.get(self.next).and_then(|line| line.strip_prefix('+')) {
            content.push_str(line);
            content.push('\n');
            self.next += 1;
        }
        content
    }

    fn update(&mut self, path: &str) -> Result<Operation, ParseError> {
        let header_line = self.next;
        let move_to = self
            .lines
            .get(self.next)
            .and_then(|line| line.strip_prefix("*** Move to: "))
            .map(str::trim_end)
            .filter(|target| !target.is_empty());
        if move_to.is_some() {
            self.next += 1;
        }
        let mut update = UpdateParser::default();
        while let Some(&line) = self.lines.get(self.next) {
            let last = self.next + 1 == self.lines.len();
            if last || line.trim_end() == END || update.takes_headers() && Header::read(line).is_some() {
                break;
            }
            update.line(self.next + 1, line)?;
            self.next += 1;
        }
        let chunks = update.finish(self.next + 1)?;
        if chunks.is_empty() {
            let message = format!("Update file hunk for path '{path}' is empty");
            return Err(ParseError::at(header_line, message));
        }
        Ok(Operation::Update { path: path.to_owned(), move_to: move_to.map(str::to_owned), chunks })
    }

    /// Models repeat the end line; anything else behind it is not part of a patch.
    fn only_ends_follow(&self) -> Result<(), ParseError> {
        let ends = |line: &&str| matches!(line.trim(), "" | END);
        if self.lines[self.next..].iter().all(ends) { Ok(()) } else { Err(ParseError::no_end()) }
    }
}
