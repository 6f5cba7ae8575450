//! Diagnostics drawn for people: the message, the marked source, what to do, and the calls that led there.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::span::{SourceFile, Span};

/// All diagnostics, one below the other, each as rustc would draw it; `color` asks for terminal colours.
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&groups(diagnostic)));
        out.push('\n');
    }
    out
}

fn groups(d: &Diagnostic) -> Vec<Group<'_>> {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut elements: Vec<Element<'_>> = Vec::new();
    // One snippet per file, the primary one first.
    let mut labels: Vec<(&Label, bool)> = d.primary.iter().map(|l| (l, true)).collect();
    labels.extend(d.secondary.iter().map(|l| (l, false)));
    let mut done: Vec<&SourceFile> = Vec::new();
    for (label, _) in &labels {
        let file: &SourceFile = &label.file;
        if done.iter().any(|f| std::ptr::eq(*f, file)) {
            continue;
        }
        done.push(file);
        let here = labels.iter().filter(|(l, _)| std::ptr::eq(&*l.file, file));
        elements.push(snippet(file, here.copied()).into());
    }
    for frame in d.trace.iter().rev() {
        let (line, column) = frame.file.position(frame.span.start);
        elements.push(
            Level::NOTE
                .message(format!("called from `{}`", frame.function))
                .into(),
        );
        elements.push(
            Origin::path(frame.file.name.as_str())
                .line(line as usize)
                .char_column(column as usize + 1)
                .into(),
        );
    }
    elements.extend(
        d.hints
            .iter()
            .map(|hint| Level::HELP.message(hint.as_str()).into()),
    );
    let title = level.primary_title(d.message.as_str()).id(d.code);
    vec![title.elements(elements)]
}

fn snippet<'a>(
    file: &'a SourceFile,
    labels: impl Iterator<Item = (&'a Label, bool)>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let annotations = labels.map(|(label, primary)| {
        let kind = if primary {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let text = (!label.text.is_empty()).then_some(label.text.as_str());
        kind.span(on_characters(file, label.span)).label(text)
    });
    Snippet::source(file.text.as_str())
        .path(file.name.as_str())
        .line_start(file.first_line as usize)
        .annotations(annotations)
}

/// A span moved into the text and onto the borders of characters, as the renderer demands.
fn on_characters(file: &SourceFile, span: Span) -> std::ops::Range<usize> {
    let text = &file.text;
    let mut start = (span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (span.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
