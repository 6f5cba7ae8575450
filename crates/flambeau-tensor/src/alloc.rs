//! Where tensor memory comes from: 64-byte aligned blocks, checked, with a bounded cache of freed ones.
//!
//! Large blocks that go back to the system are unmapped, and the page faults of mapping them again cost more than
//! many kernels do; so freed blocks wait in free lists by size class, up to a total that can be set.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};

pub const ALIGN: usize = 64;

/// Blocks smaller than this are left to the system allocator, which is quick for them.
const CACHE_MIN: usize = 16 << 10;
/// Size classes: four steps per power of two from `CACHE_MIN` up to 2^40.
const CLASSES: usize = 4 * 27;

static MAX_CACHED: AtomicUsize = AtomicUsize::new(256 << 20);
static CACHED: AtomicUsize = AtomicUsize::new(0);
static MAX_BLOCK: AtomicUsize = AtomicUsize::new(isize::MAX as usize / 2);
static FREE: [Mutex<Vec<Free>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

struct Free(NonNull<u8>);
// SAFETY: a freed block is owned memory that nobody points into.
unsafe impl Send for Free {}

/// Sets the largest single allocation, in bytes; larger requests are errors.
pub fn set_max_allocation(bytes: usize) {
    MAX_BLOCK.store(bytes.min(isize::MAX as usize / 2), Relaxed);
}

/// Sets how many bytes of freed memory are kept for reuse (256 MiB at start) and releases what is above it.
pub fn set_max_cached(bytes: usize) {
    MAX_CACHED.store(bytes, Relaxed);
    if CACHED.load(Relaxed) > bytes {
        release_cached();
    }
}

/// Gives all cached freed memory back to the system.
pub fn release_cached() {
    for (class, list) in FREE.iter().enumerate() {
        for block in std::mem::take(&mut *list.lock()) {
            CACHED.fetch_sub(class_size(class), Relaxed);
            // SAFETY: blocks in list `class` were allocated with exactly this layout.
            unsafe {
                dealloc(
                    block.0.as_ptr(),
                    Layout::from_size_align_unchecked(class_size(class), ALIGN),
                )
            }
        }
    }
}

fn class_size(class: usize) -> usize {
    let (octave, step) = (class / 4, class % 4);
    (CACHE_MIN << octave) + (CACHE_MIN << octave) / 4 * step
}

/// The smallest class that holds `bytes`, if there is one.
fn class_of(bytes: usize) -> Option<usize> {
    if bytes < CACHE_MIN {
        return None;
    }
    let octave = (bytes.ilog2() - CACHE_MIN.ilog2()) as usize;
    let base = CACHE_MIN << octave;
    let class = octave * 4 + (bytes - base).div_ceil(base / 4);
    (class < CLASSES).then_some(class)
}

/// An owned block of at least the bytes asked for, aligned to [`ALIGN`].
pub(crate) struct Block {
    ptr: NonNull<u8>,
    /// bytes to free with; a class size when the block is of a class, 0 for the empty block
    capacity: usize,
}

// SAFETY: a block is plain owned memory.
unsafe impl Send for Block {}
unsafe impl Sync for Block {}

impl Block {
    pub fn new(bytes: usize) -> Result<Block> {
        if bytes == 0 {
            // SAFETY: ALIGN is not zero.
            return Ok(Block {
                ptr: unsafe { NonNull::new_unchecked(ALIGN as *mut u8) },
                capacity: 0,
            });
        }
        let fail = || {
            Error::new(
                ErrorKind::OutOfMemory,
                format!("DefaultCPUAllocator: not enough memory: you tried to allocate {bytes} bytes."),
            )
        };
        if bytes > MAX_BLOCK.load(Relaxed) {
            return Err(fail());
        }
        let capacity = match class_of(bytes) {
            Some(class) => {
                let found = FREE[class].lock().pop();
                if let Some(free) = found {
                    CACHED.fetch_sub(class_size(class), Relaxed);
                    return Ok(Block {
                        ptr: free.0,
                        capacity: class_size(class),
                    });
                }
                class_size(class)
            }
            None => bytes.next_multiple_of(ALIGN),
        };
        let layout = Layout::from_size_align(capacity, ALIGN).map_err(|_| fail())?;
        // SAFETY: the size is not zero.
        let mut raw = unsafe { alloc(layout) };
        if raw.is_null() {
            release_cached();
            // SAFETY: as above.
            raw = unsafe { alloc(layout) };
        }
        let ptr = NonNull::new(raw).ok_or_else(fail)?;
        // The optimiser must not see this memory as uninitialised: `empty` tensors may be read. A black box may
        // have written to it.
        std::hint::black_box(ptr.as_ptr());
        Ok(Block { ptr, capacity })
    }

    pub fn ptr(&self) -> NonNull<u8> {
        self.ptr
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.capacity == 0 {
            return;
        }
        if let Some(class) = class_of(self.capacity) {
            let before = CACHED.fetch_add(self.capacity, Relaxed);
            if before + self.capacity <= MAX_CACHED.load(Relaxed) {
                FREE[class].lock().push(Free(self.ptr));
                return;
            }
            CACHED.fetch_sub(self.capacity, Relaxed);
        }
        // SAFETY: `capacity` and ALIGN are what the block was allocated with.
        unsafe {
            dealloc(
                self.ptr.as_ptr(),
                Layout::from_size_align_unchecked(self.capacity, ALIGN),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_their_sizes() {
        for bytes in [
            CACHE_MIN,
            CACHE_MIN + 1,
            20_000,
            20_480,
            20_481,
            65_536,
            1_000_000,
            123_456_789,
            1 << 40,
        ] {
            let class = class_of(bytes).unwrap();
            assert!(class_size(class) >= bytes, "{bytes}");
            assert!(class == 0 || class_size(class - 1) < bytes, "{bytes}");
            assert_eq!(class_of(class_size(class)), Some(class));
        }
        assert_eq!(class_of(CACHE_MIN - 1), None);
    }

    #[test]
    fn too_large_is_an_error() {
        assert_eq!(Block::new(usize::MAX).err().unwrap().kind, ErrorKind::OutOfMemory);
        assert_eq!(
            Block::new(isize::MAX as usize / 2).err().unwrap().kind,
            ErrorKind::OutOfMemory
        );
    }
}
