//! The container of TorchScript archives: zip entries and pickles.
//!
//! [`Archive`] opens a file and lends the bytes of its entries; [`pickle`] turns a pickle program into a graph of plain
//! values, and back. Both treat every byte as hostile: nothing is believed before it is checked, nothing is executed,
//! and [`Limits`] bounds what a file may ask for. The crate knows no tensors and no modules; what the values mean is up
//! to the caller.

#![deny(unsafe_code)]

mod archive;
mod checkpoint;
mod directory;
mod error;
mod file;
mod json;
mod kind;
pub mod legacy;
mod limits;
#[allow(unsafe_code)]
mod mapping;
pub mod pickle;
mod writer;

pub use archive::{Archive, ByteOrder, Entry};
pub use checkpoint::Checkpoint;
pub use directory::Method;
pub use error::{Error, ErrorKind, Result};
pub use file::write_file;
pub use kind::FileKind;
pub use limits::Limits;
pub use mapping::{Mapping, Region};
pub use writer::{ALIGNMENT, ArchiveWriter, Packing, root_name};
