//! Where a node came from: a range in a source text, and how errors show it.

use std::fmt;
use std::sync::Arc;

/// A text that code was compiled from.
pub struct Source {
    pub text: Arc<str>,
    pub filename: Option<Arc<str>>,
    /// Number of lines before this text in the file that it was cut from.
    pub first_line: usize,
    /// Where ranges of this text came from originally, when the text was itself printed by a
    /// compiler (archives keep it in `.debug_pkl`).
    pub origin: Option<Box<dyn Fn(u32) -> Option<SourceRange> + Send + Sync>>,
}

impl Source {
    pub fn new(text: impl Into<Arc<str>>, filename: Option<&str>, first_line: usize) -> Arc<Source> {
        Arc::new(Source {
            text: text.into(),
            filename: filename.map(Into::into),
            first_line,
            origin: None,
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

    /// PyTorch's way to point: three lines of context on either side and `~~~~ <--- HERE` below.
    pub fn highlight(&self) -> String {
        let text = &*self.source.text;
        let start = (self.start as usize).min(text.len());
        let end = (self.end as usize).clamp(start, text.len());
        let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |p| p + 1);
        let line_end = |at: usize| text[at..].find('\n').map_or(text.len(), |p| at + p);
        if !text.is_char_boundary(start) || !text.is_char_boundary(end) {
            return String::new();
        }
        const CONTEXT: usize = 3;
        let mut first = line_start(start);
        for _ in 0..CONTEXT {
            if first == 0 {
                break;
            }
            first = line_start(first - 1);
        }
        let mut out = String::new();
        if let Some((file, line, _)) = self.file_line_col() {
            out.push_str(&format!("  File \"{file}\", line {line}\n"));
        }
        let mut at = first;
        let mut after = 0;
        while at < text.len() && after <= CONTEXT {
            let stop = line_end(at);
            let line = &text[at..stop];
            out.push_str(line);
            out.push('\n');
            let last_marked = end.max(start + 1);
            if stop >= start && at < last_marked {
                let from = start.max(at) - at;
                let to = last_marked.min(stop).max(at + from) - at;
                // Only the part of a continuation line that holds code is marked.
                let indent = line.len() - line.trim_start().len();
                let from = if at > start { indent } else { from };
                let here = last_marked <= stop + 1;
                if to > from || here {
                    out.push_str(&" ".repeat(from));
                    out.push_str(&"~".repeat(to.saturating_sub(from)));
                    if here {
                        out.push_str(" <--- HERE");
                    }
                    out.push('\n');
                }
            }
            if stop >= end {
                after += 1;
            }
            at = stop + 1;
        }
        out
    }
}
