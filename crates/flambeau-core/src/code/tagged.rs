//! Text that remembers which source range each of its parts was printed from. Archives keep the
//! ranges in `.debug_pkl`, which is how errors of a loaded model show the original source.

use std::sync::Arc;

use flambeau_ir::source::{Source, SourceRange};

#[derive(Clone, Default)]
pub struct Tagged {
    pub text: String,
    /// Where each part begins, and what it came from.
    pub ranges: Vec<(usize, Option<SourceRange>)>,
}

impl Tagged {
    pub fn push(&mut self, text: &str, range: Option<&SourceRange>) {
        if text.is_empty() {
            return;
        }
        self.tag(self.text.len(), range);
        self.text.push_str(text);
    }

    pub fn append(&mut self, other: &Tagged) {
        let base = self.text.len();
        for (at, range) in &other.ranges {
            self.tag(base + at, range.as_ref());
        }
        self.text.push_str(&other.text);
    }

    fn tag(&mut self, at: usize, range: Option<&SourceRange>) {
        if self
            .ranges
            .last()
            .is_none_or(|(_, last)| !same(last.as_ref(), range))
        {
            self.ranges.push((at, range.cloned()));
        }
    }
}

/// A source may have been read twice, once for each part of an archive that refers to it.
fn same_source(a: &Arc<Source>, b: &Arc<Source>) -> bool {
    Arc::ptr_eq(a, b) || (a.first_line == b.first_line && a.filename == b.filename && a.text == b.text)
}

fn same(a: Option<&SourceRange>, b: Option<&SourceRange>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.start == b.start && a.end == b.end && same_source(&a.source, &b.source),
        _ => false,
    }
}
