//! What can be wrong with a file, as a kind to match on and a sentence to show.

use crate::FileKind;
use std::fmt;

/// Why a file, an entry or a pickle was refused.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// What sort of refusal an [`Error`] is; the sentence is for people, this is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The operating system could not give or take the bytes.
    Io,
    /// The file is something else than a TorchScript archive, and this is what it seems to be.
    NotTorchScript(FileKind),
    /// The bytes contradict themselves: a truncated, damaged or forged file.
    Corrupt,
    /// A limit of [`Limits`](crate::Limits) was exceeded.
    Limit,
    /// The archive has no entry of that name.
    Missing,
    /// Well formed, but outside of what is read: encryption, another compression method.
    Unsupported,
    /// The pickle names a global that the caller does not allow.
    Forbidden,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
        }
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with the place it happened in front.
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    pub(crate) fn io(what: impl fmt::Display, error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("{what}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
