//! Where things are: byte spans, and source files that know how to report lines and columns.
//!
//! A `SourceFile` may be a cut-out of a larger file (the text of one function, dedented); it then carries the
//! line it starts on and the columns that were taken away, and reports positions in the original file.

use std::sync::OnceLock;

/// A half-open range of byte offsets into the text of one source file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    pub fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The span of `len` bytes at the start of this one: PyTorch underlines only the first token of many nodes.
    pub fn head(self, len: u32) -> Self {
        Self {
            start: self.start,
            end: self.start.saturating_add(len),
        }
    }

    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.end.max(self.start)) as usize
    }
}

/// A text with a name, and an index of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// What errors and `# file:line:column` comments call the file.
    pub name: String,
    pub text: String,
    /// The 1-based line of the original file on which `text` starts.
    pub first_line: u32,
    /// How many columns were removed from the start of every line of the original text.
    pub column_shift: u32,
    /// Byte offset of the start of every line; the first is 0.
    line_starts: Vec<u32>,
    /// The parts of the text that messages show as if they were whole files: PyTorch compiles each function from
    /// its own cut-out, so the context lines of an error never leave the function. Set once, by the parser.
    views: OnceLock<Vec<Span>>,
}

impl SourceFile {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::cut_out(name, text, 1, 0)
    }

    /// A text taken from line `first_line` of a file, with `column_shift` columns removed from each line.
    pub fn cut_out(
        name: impl Into<String>,
        text: impl Into<String>,
        first_line: u32,
        column_shift: u32,
    ) -> Self {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let line_starts = std::iter::once(0)
            .chain(newlines.map(|(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX)))
            .collect();
        Self {
            name: name.into(),
            text,
            first_line,
            column_shift,
            line_starts,
            views: OnceLock::new(),
        }
    }

    /// Number of lines; a text without any newline has one.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// The 0-based line of the text (not of the original file) that holds a byte offset.
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts
            .partition_point(|&s| s <= offset)
            .saturating_sub(1)
    }

    /// The span of a 0-based line, without its newline.
    pub fn line_span(&self, index: usize) -> Span {
        let len = self.text.len() as u32;
        let Some(&start) = self.line_starts.get(index) else {
            return Span::new(len, len);
        };
        let end = self.line_starts.get(index + 1).map_or(len, |e| e - 1);
        Span::new(start, end.max(start))
    }

    /// The text of a 0-based line, without its newline.
    pub fn line_text(&self, index: usize) -> &str {
        self.text.get(self.line_span(index).range()).unwrap_or("")
    }

    /// The 1-based line and the 0-based column (in bytes) in the original file, as PyTorch counts them.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        let index = self.line_index(offset);
        let column = offset - self.line_starts[index];
        (
            self.first_line.saturating_add(index as u32),
            column.saturating_add(self.column_shift),
        )
    }

    /// The 1-based line in the original file.
    pub fn line(&self, offset: u32) -> u32 {
        self.position(offset).0
    }

    /// `name:line:column`, as graphs print it behind their nodes.
    pub fn location(&self, offset: u32) -> String {
        let (line, column) = self.position(offset);
        format!("{}:{line}:{column}", self.name)
    }

    /// Tells the file which parts of it are shown as if they were whole; the first call wins.
    pub fn set_views(&self, views: Vec<Span>) {
        // A second parse of the same text would find the same views.
        let _ = self.views.set(views);
    }

    /// Whether the text was read as a program, function by function, and not as a file of an archive.
    pub fn has_views(&self) -> bool {
        self.views.get().is_some()
    }

    /// The parts that are shown as if they were whole.
    pub fn views(&self) -> &[Span] {
        self.views.get().map_or(&[], Vec::as_slice)
    }

    /// The smallest view that holds the span, or the whole text.
    pub fn view_of(&self, span: Span) -> Span {
        self.views()
            .iter()
            .filter(|v| v.start <= span.start && span.start < v.end)
            .min_by_key(|v| v.len())
            .copied()
            .unwrap_or(Span::new(0, self.text.len() as u32))
    }

    /// The text under a span; empty where the span does not fit the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}
