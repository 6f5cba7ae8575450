//! Source excerpts exactly as PyTorch prints them: context lines, tildes under the span, and `<--- HERE`.
//!
//! The rules are those of PyTorch's `SourceRange::highlight`; users' tests match on this text.

use std::ops::Range;

use crate::span::{SourceFile, Span};

/// Lines of context that PyTorch prints before and after the marked lines.
const CONTEXT: usize = 3;

/// `  File "case.py", line 3, in f` with the marked excerpt below it; every line ends with a newline.
///
/// `function` is empty where the caller does not know the function (compile errors).
pub fn highlight(file: &SourceFile, span: Span, function: &str) -> String {
    let view = file.view_of(span);
    let text = file.text.as_bytes().get(view.range()).unwrap_or(&[]);
    let at = |offset: u32| offset.saturating_sub(view.start) as usize;
    let place = Some((file.name.as_str(), file.line(span.start) as usize));
    highlight_text(text, at(span.start)..at(span.end), place, function)
}

/// The same for a text that is no [`SourceFile`]: the bytes of the view, the range to mark in it, and the file and line
/// that stand above the excerpt, where they are known.
pub fn highlight_text(
    text: &[u8],
    range: Range<usize>,
    place: Option<(&str, usize)>,
    function: &str,
) -> String {
    let start = range.start.min(text.len());
    let end = range.end.clamp(start, text.len());
    if start == 0 && end == text.len() {
        // The whole text is meant: PyTorch uses this to show Python stack traces.
        return String::from_utf8_lossy(text).into_owned();
    }
    let mut out = Vec::new();
    if let Some((file, line)) = place {
        let within = if function.is_empty() { "" } else { ", in " };
        out.extend_from_slice(format!("  File \"{file}\", line {line}{within}{function}\n").as_bytes());
    }
    excerpt(text, start, end, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes the excerpt of `text` around `start..end`.
fn excerpt(text: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    let line_begin = |pos: usize| text[..pos].iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
    let line_end = |pos: usize| {
        text[pos..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(text.len(), |p| pos + p)
    };

    // Context before: as many whole lines as there are, at most one less than CONTEXT (whose newlines PyTorch counts).
    let mut first = line_begin(start);
    for _ in 1..CONTEXT {
        if first == 0 {
            break;
        }
        first = line_begin(first - 1);
    }
    // Context after ends before the newline of the last line.
    let mut last = line_end(end);
    for _ in 1..CONTEXT {
        if last >= text.len() {
            break;
        }
        last = line_end(last + 1);
    }

    out.extend_from_slice(&text[first..start]);
    let mut line_start = start;
    let mut after = start;
    while line_start < end {
        let stop = line_end(line_start);
        out.extend_from_slice(&text[line_start..stop]);
        out.push(b'\n');
        let begin = line_begin(line_start);
        let marked_end = text[line_start..end]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(end, |p| line_start + p);
        let blank = (begin..marked_end)
            .take_while(|&i| text[i] == b' ' || i < start)
            .count();
        let marked = marked_end - begin - blank;
        if marked > 0 {
            // A span may run over into blank lines, which get no tildes of their own.
            let more = (stop..=end.min(text.len() - 1)).any(|i| text[i] != b'\n' && text[i] != b' ');
            out.extend(std::iter::repeat_n(b' ', blank));
            out.extend(std::iter::repeat_n(b'~', marked));
            out.extend_from_slice(if more && stop != end {
                b"\n"
            } else {
                b" <--- HERE\n"
            });
        }
        after = stop + 1;
        line_start = after;
    }
    if after <= text.len() {
        let rest = &text[after.min(last)..last.max(after).min(text.len())];
        out.extend_from_slice(rest);
        if rest.last().is_some_and(|&b| b != b'\n') {
            out.push(b'\n');
        }
    }
}
