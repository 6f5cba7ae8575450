//! Why an archive could not be loaded.

use std::fmt;

use flambeau_archive as archive;

use crate::exec;
use crate::lower::error::CompileError;

#[derive(Debug)]
pub enum LoadError {
    /// The container: not an archive, damaged, over a limit.
    Archive(archive::Error),
    /// The values inside of it make no sense together.
    Data(String),
    /// The code inside of it.
    Code(Box<CompileError>),
    /// `__setstate__` failed.
    Run(exec::Error),
}

pub type Result<T, E = LoadError> = std::result::Result<T, E>;

impl LoadError {
    pub(super) fn data(message: impl Into<String>) -> LoadError {
        LoadError::Data(message.into())
    }

    /// The same error with the place it happened in front.
    pub(super) fn within(self, place: &str) -> LoadError {
        match self {
            LoadError::Archive(error) => LoadError::Archive(error.within(place)),
            LoadError::Data(message) => LoadError::Data(format!("{place}: {message}")),
            other => other,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Archive(error) => error.fmt(f),
            LoadError::Data(message) => f.write_str(message),
            LoadError::Code(error) => error.fmt(f),
            LoadError::Run(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<archive::Error> for LoadError {
    fn from(error: archive::Error) -> LoadError {
        LoadError::Archive(error)
    }
}
impl From<Box<CompileError>> for LoadError {
    fn from(error: Box<CompileError>) -> LoadError {
        LoadError::Code(error)
    }
}
impl From<exec::Error> for LoadError {
    fn from(error: exec::Error) -> LoadError {
        LoadError::Run(error)
    }
}
impl From<flambeau_tensor::Error> for LoadError {
    fn from(error: flambeau_tensor::Error) -> LoadError {
        LoadError::Data(error.message)
    }
}
