//! The one error type of this crate: a kind and a sentence. Callers add where it happened.

use std::fmt;

/// Which Python exception PyTorch would raise for the same mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// `RuntimeError`
    Runtime,
    /// `IndexError`
    Index,
    /// `TypeError`
    Type,
    /// `ValueError`
    Value,
    /// `NotImplementedError`
    NotImplemented,
    /// memory could not be had, or would exceed the configured maximum (a `RuntimeError` in PyTorch)
    OutOfMemory,
    /// `ZeroDivisionError`
    ZeroDivision,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
        }
    }

    #[cold]
    pub fn runtime(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Runtime, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// `bail!("sentence {x}")` returns a `Runtime` error; `bail!(Index, "…")` one of another kind.
#[macro_export]
macro_rules! bail {
    ($kind:ident, $($arg:tt)+) => {
        return Err($crate::Error::new($crate::ErrorKind::$kind, format!($($arg)+)))
    };
    ($($arg:tt)+) => {
        return Err($crate::Error::new($crate::ErrorKind::Runtime, format!($($arg)+)))
    };
}

/// `ensure!(condition, …)`: as [`bail!`] when the condition does not hold.
#[macro_export]
macro_rules! ensure {
    ($cond:expr, $($arg:tt)+) => {
        if !$cond {
            $crate::bail!($($arg)+)
        }
    };
}
