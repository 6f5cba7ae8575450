//! Where a node came from: a range in a source text, and how errors show it.

use std::fmt;
use std::sync::Arc;

/// Finds where the text at a byte offset came from.
pub type Origin = Box<dyn Fn(u32) -> Option<SourceRange> + Send + Sync>;

/// A text that code was compiled from.
pub struct Source {
    pub text: Arc<str>,
    pub filename: Option<Arc<str>>,
    /// Number of lines before this text in the file that it was cut from.
    pub first_line: usize,
    /// Where ranges of this text came from originally, when the text was itself printed by a
    /// compiler (archives keep it in `.debug_pkl`).
    pub origin: Option<Origin>,
    /// Parts of the text, as byte offsets, that errors show as if they were whole: PyTorch compiles each function of a
    /// program from its own cut-out, so the context of an excerpt never leaves the function.
    pub views: Vec<(u32, u32)>,
}

impl Source {
    pub fn new(text: impl Into<Arc<str>>, filename: Option<&str>, first_line: usize) -> Arc<Source> {
        Arc::new(Source {
            text: text.into(),
            filename: filename.map(Into::into),
            first_line,
            origin: None,
            views: Vec::new(),
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", self.filename)
    }
}

/// A span of bytes in a [`Source`].
#[derive(Clone, Debug)]
pub struct SourceRange {
    pub source: Arc<Source>,
    pub start: u32,
    pub end: u32,
}

impl SourceRange {
    pub fn new(source: &Arc<Source>, start: u32, end: u32) -> SourceRange {
        SourceRange {
            source: source.clone(),
            start,
            end,
        }
    }

    /// The text that the range covers.
    pub fn text(&self) -> &str {
        self.source
            .text
            .get(self.start as usize..self.end as usize)
            .unwrap_or("")
    }

    /// File, 1-based line and 0-based column, as graphs print them.
    pub fn file_line_col(&self) -> Option<(&str, usize, usize)> {
        let file = self.source.filename.as_deref()?;
        let before = self.source.text.get(..self.start as usize)?;
        let line = before.matches('\n').count() + 1 + self.source.first_line;
        let column = before.len() - before.rfind('\n').map_or(0, |p| p + 1);
        Some((file, line, column))
    }

    /// The range in the text that the source was printed from, where that is known.
    pub fn original(&self) -> Option<SourceRange> {
        self.source.origin.as_ref().and_then(|find| find(self.start))
    }

    /// PyTorch's way to point: the file and line, and the marked excerpt with two lines of context on either side.
    pub fn highlight(&self) -> String {
        self.highlight_in("")
    }

    /// The same for a frame of a call stack, which names its function; an empty name is left out.
    pub fn highlight_in(&self, function: &str) -> String {
        let inside = |view: &&(u32, u32)| view.0 <= self.start && self.start < view.1;
        let smallest = self
            .source
            .views
            .iter()
            .filter(inside)
            .min_by_key(|view| view.1 - view.0);
        let all = self.source.text.as_bytes();
        let (from, to) = smallest.map_or((0, all.len()), |view| (view.0 as usize, view.1 as usize));
        let text = all.get(from..to).unwrap_or(all);
        let start = (self.start as usize).saturating_sub(from).min(text.len());
        let end = (self.end as usize).saturating_sub(from).clamp(start, text.len());
        if start == 0 && end == text.len() {
            // The whole text is meant: PyTorch uses this to show Python stack traces.
            return String::from_utf8_lossy(text).into_owned();
        }
        let mut out = Vec::new();
        if let Some((file, line, _)) = self.file_line_col() {
            let within = if function.is_empty() {
                String::new()
            } else {
                format!(", in {function}")
            };
            out.extend(format!("  File \"{file}\", line {line}{within}\n").bytes());
        }
        excerpt(text, start, end, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Writes the excerpt of `text` around `start..end` by the rules of PyTorch's `SourceRange::highlight`; users' tests
/// match on this text. (`flambeau-syntax` has the same for texts that never became a graph.)
fn excerpt(text: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    // PyTorch counts the newline of the marked line, so that three lines of context are two.
    const CONTEXT: usize = 3;
    let line_begin = |at: usize| text[..at].iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
    let line_end = |at: usize| {
        text[at..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(text.len(), |p| at + p)
    };
    let mut first = line_begin(start);
    let mut last = line_end(end);
    for _ in 1..CONTEXT {
        first = if first == 0 { 0 } else { line_begin(first - 1) };
        last = if last == text.len() {
            last
        } else {
            line_end(last + 1)
        };
    }
    out.extend_from_slice(&text[first..start]);
    let mut line_start = start;
    let mut after = start;
    while line_start < end {
        let stop = line_end(line_start);
        out.extend_from_slice(&text[line_start..stop]);
        out.push(b'\n');
        let begin = line_begin(line_start);
        let marked_end = stop.min(end);
        let blank = (begin..marked_end)
            .take_while(|&i| text[i] == b' ' || i < start)
            .count();
        let marked = marked_end - begin - blank;
        if marked > 0 {
            // A range may run over into blank lines, which get no tildes of their own.
            let more = text[stop..]
                .iter()
                .take(end + 1 - stop.min(end))
                .any(|&b| b != b'\n' && b != b' ');
            out.extend(std::iter::repeat_n(b' ', blank));
            out.extend(std::iter::repeat_n(b'~', marked));
            out.extend_from_slice(if stop < end && more {
                b"\n"
            } else {
                b" <--- HERE\n"
            });
        }
        after = stop + 1;
        line_start = after;
    }
    if after <= text.len() {
        let rest = &text[after.min(last)..last];
        out.extend_from_slice(rest);
        if rest.last().is_some_and(|&b| b != b'\n') {
            out.push(b'\n');
        }
    }
}
