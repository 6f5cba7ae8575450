//! What a failing program reports: the Python exception, its message, and the TorchScript call stack, worded as
//! PyTorch words it because users' code and tests match on it.

use std::fmt;
use std::sync::Arc;

use flambeau_ir::function::DefineError;
use flambeau_ir::source::SourceRange;

pub use flambeau_tensor::ErrorKind as TensorErrorKind;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The program's own `raise` or `assert`; the qualified Python class, such as `builtins.ValueError`.
    Raised(Option<Arc<str>>),
    /// An operator failed.
    Operator(TensorErrorKind),
    /// Code that is needed now could not be compiled.
    Compile,
    /// The call's arguments do not fit the schema.
    Arguments,
    /// The caller's budget is used up, or the caller cancelled.
    Stopped,
    /// An operator without a kernel.
    Unsupported,
    /// Anything else that goes wrong while a program runs.
    Runtime,
}

/// One call of the stack: the function and where in it.
#[derive(Clone, Debug)]
pub struct TraceFrame {
    pub function: Arc<str>,
    pub range: Option<SourceRange>,
}

#[derive(Clone, Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    trace: Vec<TraceFrame>,
    cause: Option<DefineError>,
    /// Whether the message is complete, with its own excerpts.
    is_bare: bool,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let is_bare = kind == ErrorKind::Arguments;
        let inner = Inner {
            kind,
            message: message.into(),
            trace: Vec::new(),
            cause: None,
            is_bare,
        };
        Error {
            inner: Box::new(inner),
        }
    }

    #[cold]
    pub fn runtime(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Runtime, message)
    }

    #[cold]
    pub fn compile(cause: DefineError) -> Error {
        let mut error = Error::new(ErrorKind::Compile, cause.to_string());
        error.inner.cause = Some(cause);
        error.inner.is_bare = true;
        error
    }

    #[cold]
    pub(crate) fn internal(message: &str) -> Error {
        Error::runtime(format!("internal error: {message}"))
    }

    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }
    /// The message alone, without class and stack.
    pub fn message(&self) -> &str {
        &self.inner.message
    }
    /// The calls that led here, outermost first.
    pub fn trace(&self) -> &[TraceFrame] {
        &self.inner.trace
    }
    /// What the compiler said, if code could not be compiled.
    pub fn cause(&self) -> Option<&DefineError> {
        self.inner.cause.as_ref()
    }
    /// The class that PyTorch prints before the message: `builtins.ValueError`, `RuntimeError`.
    pub fn class(&self) -> &str {
        match &self.inner.kind {
            ErrorKind::Raised(Some(class)) => class,
            _ => "RuntimeError",
        }
    }

    /// For errors of calls that have no frame, such as one with wrong arguments: the function's name as the only frame.
    #[cold]
    pub(crate) fn in_function(mut self, name: &str) -> Error {
        if self.inner.trace.is_empty() {
            self.inner.trace.push(TraceFrame {
                function: name.into(),
                range: None,
            });
        }
        self
    }

    /// Puts calls in front of the stack.
    #[cold]
    pub(super) fn called_from(mut self, mut outer: Vec<TraceFrame>) -> Error {
        outer.append(&mut self.inner.trace);
        self.inner.trace = outer;
        self
    }
}

impl From<flambeau_tensor::Error> for Error {
    #[cold]
    fn from(error: flambeau_tensor::Error) -> Error {
        Error::new(ErrorKind::Operator(error.kind), error.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inner.is_bare {
            return f.write_str(&self.inner.message);
        }
        f.write_str("The following operation failed in the TorchScript interpreter.\n")?;
        write_trace(&self.inner.trace, f)?;
        writeln!(f, "{}: {}", self.class(), self.inner.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.cause.as_ref().map(|c| &**c as _)
    }
}

/// The place as PyTorch shows it, with the function whose call it is.
fn highlight(range: &SourceRange, function: &str) -> String {
    let (from, to) = range.view();
    let all = range.source.text.as_bytes();
    let text = all.get(from as usize..to as usize).unwrap_or(all);
    let at = |offset: u32| offset.saturating_sub(from) as usize;
    let place = range.file_line_col().map(|(file, line, _)| (file, line));
    flambeau_syntax::highlight_text(text, at(range.start)..at(range.end), place, function)
}

/// The stack, in the archive's code and, where the archive says where its code came from, in the original.
fn write_trace(trace: &[TraceFrame], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let originals: Vec<Option<SourceRange>> = trace
        .iter()
        .map(|frame| frame.range.as_ref().and_then(SourceRange::original))
        .collect();
    let serialized = originals.iter().any(Option::is_some);
    let from = if serialized { ", serialized code" } else { "" };
    writeln!(f, "Traceback of TorchScript{from} (most recent call last):")?;
    for frame in trace {
        if let Some(range) = &frame.range {
            f.write_str(&highlight(range, &frame.function))?;
        }
    }
    if serialized {
        f.write_str("\nTraceback of TorchScript, original code (most recent call last):\n")?;
        for (frame, original) in trace.iter().zip(&originals) {
            if let Some(range) = original.as_ref().or(frame.range.as_ref()) {
                f.write_str(&highlight(range, &frame.function))?;
            }
        }
    }
    Ok(())
}
