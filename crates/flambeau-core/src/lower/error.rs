//! What a compilation can fail with: a kind, PyTorch's sentence, the place, and how the compiler got there.

use std::fmt;
use std::sync::Arc;

use flambeau_ir::source::{Source, SourceRange};
use flambeau_syntax::{Diagnostic, SourceFile, Span, highlight};

/// Which exception PyTorch raises; shells map it to their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `torch.jit.frontend.UnsupportedNodeError`: a construct of Python that TorchScript lacks.
    UnsupportedNode,
    /// `torch.jit.frontend.NotSupportedError`: a form of a construct that TorchScript lacks.
    NotSupported,
    /// `torch.jit.frontend.FrontendError`
    Frontend,
    /// `RuntimeError`: ill-typed or unresolvable.
    Compile,
    /// `ValueError`
    Value,
    /// `TypeError`
    Type,
    /// `AttributeError`
    Attribute,
    /// `SyntaxError`: not Python.
    Syntax,
    /// `NotImplementedError`
    NotImplemented,
    /// `RecursionError`
    Recursion,
}

impl ErrorKind {
    /// The name of the Python exception.
    pub fn exception(self) -> &'static str {
        match self {
            ErrorKind::UnsupportedNode => "torch.jit.frontend.UnsupportedNodeError",
            ErrorKind::NotSupported => "torch.jit.frontend.NotSupportedError",
            ErrorKind::Frontend => "torch.jit.frontend.FrontendError",
            ErrorKind::Compile => "RuntimeError",
            ErrorKind::Value => "ValueError",
            ErrorKind::Type => "TypeError",
            ErrorKind::Attribute => "AttributeError",
            ErrorKind::Syntax => "SyntaxError",
            ErrorKind::NotImplemented => "NotImplementedError",
            ErrorKind::Recursion => "RecursionError",
        }
    }
}

/// A source text, as errors show it and as nodes refer to it.
#[derive(Debug)]
pub struct Text {
    pub file: Arc<SourceFile>,
    pub source: Arc<Source>,
}

impl Text {
    pub fn of_file(file: Arc<SourceFile>) -> Arc<Text> {
        let source = Source {
            text: file.text.as_str().into(),
            filename: Some(file.name.as_str().into()),
            first_line: file.first_line.saturating_sub(1) as usize,
            origin: None,
            views: file.views().iter().map(|v| (v.start, v.end)).collect(),
        };
        Arc::new(Text {
            file,
            source: Arc::new(source),
        })
    }

    pub fn range(&self, span: Span) -> SourceRange {
        SourceRange::new(&self.source, span.start, span.end)
    }

    pub fn slice(&self, span: Span) -> &str {
        self.file.slice(span)
    }
}

/// "`callee` is being compiled since it was called from `caller`", and where.
#[derive(Clone, Debug)]
pub struct Frame {
    pub callee: String,
    pub caller: String,
    pub text: Arc<Text>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct CompileError {
    pub kind: ErrorKind,
    pub message: String,
    pub place: Option<(Arc<Text>, Span)>,
    /// Innermost call first.
    pub frames: Vec<Frame>,
    /// The method that was being compiled, while it is not yet known who asked for its class.
    pub entered: Option<String>,
    /// The class whose methods were being compiled, likewise.
    pub class: Option<String>,
    /// Other places that explain the message, with what to say about them.
    pub notes: Vec<(Arc<Text>, Span, String)>,
    /// What the user may do next.
    pub hints: Vec<String>,
    /// What else was found wrong in the same run.
    pub also: Vec<Box<CompileError>>,
    /// Found before or behind the compilation of a function: no calls lead there.
    pub outside: bool,
}

pub type Result<T, E = Box<CompileError>> = std::result::Result<T, E>;

impl CompileError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind,
            message: message.into(),
            place: None,
            frames: Vec::new(),
            entered: None,
            class: None,
            notes: Vec::new(),
            hints: Vec::new(),
            also: Vec::new(),
            outside: false,
        })
    }

    pub fn at(kind: ErrorKind, text: &Arc<Text>, span: Span, message: impl Into<String>) -> Box<Self> {
        let mut error = Self::new(kind, message);
        error.place = Some((text.clone(), span));
        error
    }
}

impl CompileError {
    /// All errors of the run as shells draw them.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let others = self.also.iter().flat_map(|e| e.diagnostics());
        std::iter::once(self.diagnostic()).chain(others).collect()
    }

    /// The error as shells draw it.
    pub fn diagnostic(&self) -> Diagnostic {
        super::explain::diagnostic(self)
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frontend = matches!(
            self.kind,
            ErrorKind::UnsupportedNode | ErrorKind::NotSupported | ErrorKind::Frontend
        );
        if !frontend && self.place.is_some() {
            f.write_str("\n")?;
        }
        f.write_str(&self.message)?;
        let Some(place) = &self.place else {
            return Ok(());
        };
        write!(f, ":\n{}", highlight(&place.0.file, place.1, ""))?;
        for frame in &self.frames {
            writeln!(
                f,
                "'{}' is being compiled since it was called from '{}'",
                frame.callee, frame.caller
            )?;
            f.write_str(&highlight(&frame.text.file, frame.span, ""))?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileError {}
