//! The bytes of an archive, kept where they are: a private copy-on-write map of the file, or memory.
//!
//! The only file of this crate with `unsafe`. Safe code reaches the bytes through [`Archive`](crate::Archive) alone,
//! which lends slices of entries that nobody has taken. [`Region`] is an entry taken out for good: it hands out a raw
//! pointer, so that tensor storage can live in the map without a copy.

use crate::{Error, Limits, Result};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The bytes of one file.
pub struct Mapping {
    start: *mut u8,
    len: usize,
    writable: bool,
    /// Keeps the bytes alive; never touched again, `start` is the only way to them.
    _owner: Owner,
}

#[allow(dead_code)]
enum Owner {
    #[cfg(not(target_family = "wasm"))]
    Map(memmap2::MmapMut),
    Vec(Vec<u8>),
    Shared(Arc<[u8]>),
}

// SAFETY: the owner is never touched after construction, and the pointer stays valid as long as it lives (a map and a
// heap block do not move with the struct). Shared reads are free of races as long as nobody writes; writing needs a
// `Region`, whose contract gives its bytes to one holder.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the file, copy on write: changes stay in this process. Anything that cannot be mapped is read.
    ///
    /// As with every memory map, truncating the file from outside while it is in use ends the process; replace files
    /// by renaming, as every careful writer does.
    pub fn open(path: &Path, limits: &Limits) -> Result<Mapping> {
        let shown = path.display();
        let file = File::open(path).map_err(|e| Error::io(format_args!("cannot open `{shown}`"), e))?;
        let meta = file
            .metadata()
            .map_err(|e| Error::io(format_args!("cannot read `{shown}`"), e))?;
        if meta.is_dir() {
            return Err(crate::kind::directory_error());
        }
        if meta.len() > limits.file_bytes {
            return Err(Error::limit(format!(
                "the file has {} bytes, more than the allowed {}",
                meta.len(),
                limits.file_bytes
            )));
        }
        #[cfg(not(target_family = "wasm"))]
        if meta.is_file() && meta.len() > 0 {
            // SAFETY: a private map; the caveat of a file truncated from outside is documented above.
            if let Ok(mut map) = unsafe { memmap2::MmapOptions::new().map_copy(&file) } {
                let (start, len) = (map.as_mut_ptr(), map.len());
                return Ok(Mapping {
                    start,
                    len,
                    writable: true,
                    _owner: Owner::Map(map),
                });
            }
        }
        use std::io::Read;
        let mut bytes = Vec::new();
        let most = limits.file_bytes.saturating_add(1);
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(format_args!("cannot read `{shown}`"), e))?;
        if bytes.len() as u64 > limits.file_bytes {
            return Err(Error::limit(format!(
                "the file has more than the allowed {} bytes",
                limits.file_bytes
            )));
        }
        Ok(bytes.into())
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of a range that no `Region` covers; the caller inside this crate sees to that.
    pub(crate) fn slice(&self, range: Range<usize>) -> &[u8] {
        assert!(range.start <= range.end && range.end <= self.len);
        if self.len == 0 {
            return &[];
        }
        // SAFETY: in bounds (asserted), alive as long as `self`, initialised, and not written to: `Archive` lends no
        // slice of an entry once it has been taken as a `Region`.
        unsafe { std::slice::from_raw_parts(self.start.add(range.start), range.end - range.start) }
    }
}

impl From<Vec<u8>> for Mapping {
    fn from(mut bytes: Vec<u8>) -> Mapping {
        let (start, len) = (bytes.as_mut_ptr(), bytes.len());
        Mapping {
            start,
            len,
            writable: true,
            _owner: Owner::Vec(bytes),
        }
    }
}

impl From<Arc<[u8]>> for Mapping {
    fn from(bytes: Arc<[u8]>) -> Mapping {
        let (start, len) = (bytes.as_ptr().cast_mut(), bytes.len());
        Mapping {
            start,
            len,
            writable: false,
            _owner: Owner::Shared(bytes),
        }
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapping({} bytes)", self.len)
    }
}

/// The bytes of one stored entry, taken out of the archive: nobody else reads or writes them.
///
/// Dereferencing [`as_ptr`](Region::as_ptr) is up to the holder: valid for `len` bytes while the region lives, aligned
/// to nothing in particular (64 in a mapped file that PyTorch wrote), and writable only if
/// [`is_writable`](Region::is_writable) says so.
#[derive(Debug)]
pub struct Region {
    mapping: Arc<Mapping>,
    range: Range<usize>,
}

impl Region {
    pub(crate) fn new(mapping: Arc<Mapping>, range: Range<usize>) -> Region {
        assert!(range.start <= range.end && range.end <= mapping.len);
        Region { mapping, range }
    }

    pub fn as_ptr(&self) -> *mut u8 {
        // SAFETY: within the mapping, by the assertion in `new`.
        unsafe { self.mapping.start.add(self.range.start) }
    }

    pub fn len(&self) -> usize {
        self.range.end - self.range.start
    }

    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Whether bytes may be written through the pointer; a write is seen by this process only, never by the file.
    pub fn is_writable(&self) -> bool {
        self.mapping.writable
    }

    /// The bytes. For a holder that has not handed the pointer on to somebody who writes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.mapping.slice(self.range.clone()).to_vec()
    }
}
