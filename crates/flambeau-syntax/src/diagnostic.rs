//! What is wrong with a program, where, and what to do about it.
//!
//! A `Diagnostic` is data; `render` draws it for people in the style of rustc, `highlight` in the style of PyTorch.

use std::sync::Arc;

use crate::span::{SourceFile, Span};

/// Which of the four ways a program can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The text is not Python.
    Syntax,
    /// Python, but not TorchScript.
    Unsupported,
    /// TorchScript whose types or names do not fit.
    Type,
    /// It compiled, and failed while running.
    Runtime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// A span of a file, and what to say about it (possibly nothing).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub file: Arc<SourceFile>,
    pub span: Span,
    pub text: String,
}

/// One call of the TorchScript call stack: the function, and the place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub function: String,
    pub file: Arc<SourceFile>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub kind: Kind,
    pub severity: Severity,
    /// A short stable name, so that tests need not quote prose.
    pub code: &'static str,
    pub message: String,
    pub primary: Option<Label>,
    pub secondary: Vec<Label>,
    /// What the user may do next.
    pub hints: Vec<String>,
    /// Outermost call first.
    pub trace: Vec<Frame>,
}

impl Diagnostic {
    pub fn error(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: Severity::Error,
            code,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            hints: Vec::new(),
            trace: Vec::new(),
        }
    }

    pub fn warning(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(kind, code, message)
        }
    }

    /// Sets the place the message is about.
    pub fn at(mut self, file: &Arc<SourceFile>, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label {
            file: file.clone(),
            span,
            text: text.into(),
        });
        self
    }

    /// Adds a place that helps to understand the message.
    pub fn with(mut self, file: &Arc<SourceFile>, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label {
            file: file.clone(),
            span,
            text: text.into(),
        });
        self
    }

    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    /// Adds the call that the ones so far were made from.
    pub fn called_from(mut self, function: impl Into<String>, file: &Arc<SourceFile>, span: Span) -> Self {
        self.trace.insert(
            0,
            Frame {
                function: function.into(),
                file: file.clone(),
                span,
            },
        );
        self
    }
}
