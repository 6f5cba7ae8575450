//! Where a node came from: a range in a source text. How errors show it is `flambeau-syntax`'s and the compiler's.

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

    /// The part of the text, as byte offsets, that an error shows around this range as if it were the whole.
    pub fn view(&self) -> (u32, u32) {
        let whole = (0, u32::try_from(self.source.text.len()).unwrap_or(u32::MAX));
        let views = self.source.views.iter();
        let around = views.filter(|view| view.0 <= self.start && self.start < view.1);
        around
            .min_by_key(|view| view.1 - view.0)
            .copied()
            .unwrap_or(whole)
    }
}
