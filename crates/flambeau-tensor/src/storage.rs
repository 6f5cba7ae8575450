//! The memory behind tensors, shared by views, with a reader/writer word that keeps threads apart.
//!
//! A kernel holds *read access* to what it reads and *write access* to what it writes, for as long as it runs.
//! Reads run side by side; a write excludes everything else. [`Access::take`] takes several at once, all or none,
//! so holding some while waiting for others (and with it deadlock) does not occur. Waiting ends in an error after
//! [`WAIT_LIMIT`].

use std::any::{Any, TypeId};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::alloc::Block;
use crate::error::{Error, Result};

/// How long an access waits for a conflicting one before it gives up.
pub const WAIT_LIMIT: Duration = Duration::from_secs(120);

const WRITER: u32 = u32::MAX;

enum Owner {
    Heap(#[allow(dead_code)] Block),
    Foreign(#[allow(dead_code)] Box<dyn Any + Send + Sync>),
}

pub struct Storage {
    ptr: NonNull<u8>,
    nbytes: usize,
    /// number of readers, or `WRITER`
    lock: AtomicU32,
    /// grows with every write access
    version: AtomicU64,
    prepared: Mutex<Vec<Prepared>>,
    /// whether it holds parameters: data that outlives calls and changes by write access only
    parameters: bool,
    #[allow(dead_code)]
    owner: Owner,
}

// SAFETY: the memory is owned (or kept alive by `owner`) and reached only through read and write access, which
// `lock` arbitrates.
unsafe impl Send for Storage {}
unsafe impl Sync for Storage {}

/// What a prepared form belongs to; see [`Storage::prepared`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreparedKey {
    /// which preparation: name it after the kernel
    pub tag: &'static str,
    /// the part of the storage and any parameters
    pub detail: SmallVec<[i64; 12]>,
}

struct Prepared {
    key: PreparedKey,
    kind: TypeId,
    version: u64,
    value: Arc<dyn Any + Send + Sync>,
}

/// How many prepared forms one storage remembers; the oldest goes first.
const MAX_PREPARED: usize = 16;

impl Storage {
    /// Memory with arbitrary contents.
    pub fn empty(nbytes: usize) -> Result<Arc<Storage>> {
        let block = Block::new(nbytes)?;
        Ok(Arc::new(Storage {
            ptr: block.ptr(),
            nbytes,
            lock: AtomicU32::new(0),
            version: AtomicU64::new(0),
            prepared: Mutex::new(Vec::new()),
            parameters: false,
            owner: Owner::Heap(block),
        }))
    }

    pub fn zeroed(nbytes: usize) -> Result<Arc<Storage>> {
        let storage = Storage::empty(nbytes)?;
        // SAFETY: the block has `nbytes` bytes and nobody else knows it yet.
        unsafe { storage.ptr.as_ptr().write_bytes(0, nbytes) };
        Ok(storage)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Arc<Storage>> {
        let storage = Storage::empty(bytes.len())?;
        // SAFETY: as in `zeroed`; the source is a live slice of the same length.
        unsafe {
            storage
                .ptr
                .as_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
        Ok(storage)
    }

    /// Memory that something else owns: a private (copy-on-write) memory map, a NumPy array, a DLPack tensor.
    ///
    /// # Safety
    /// `ptr` is valid for reads and writes of `nbytes` initialised bytes until `owner` is dropped, is aligned for the
    /// element types it will be used with, and no one else writes there while this crate reads or reads while it writes.
    pub unsafe fn foreign(ptr: *mut u8, nbytes: usize, owner: Box<dyn Any + Send + Sync>) -> Arc<Storage> {
        // SAFETY: passed on.
        unsafe { Storage::owned_by(ptr, nbytes, owner, false) }
    }

    /// Parameters of a model in a private memory map. What operators make of them alone may be kept for the next call.
    ///
    /// # Safety
    /// As for [`Storage::foreign`], and nobody else ever writes there.
    pub unsafe fn parameters(ptr: *mut u8, nbytes: usize, owner: Box<dyn Any + Send + Sync>) -> Arc<Storage> {
        // SAFETY: passed on.
        unsafe { Storage::owned_by(ptr, nbytes, owner, true) }
    }

    unsafe fn owned_by(
        ptr: *mut u8,
        nbytes: usize,
        owner: Box<dyn Any + Send + Sync>,
        parameters: bool,
    ) -> Arc<Storage> {
        // An empty foreign buffer may come with a null pointer.
        let ptr = NonNull::new(ptr).unwrap_or(NonNull::<u128>::dangling().cast());
        Arc::new(Storage {
            ptr,
            nbytes,
            lock: AtomicU32::new(0),
            version: AtomicU64::new(0),
            prepared: Mutex::new(Vec::new()),
            parameters,
            owner: Owner::Foreign(owner),
        })
    }

    pub fn nbytes(&self) -> usize {
        self.nbytes
    }

    /// Address of the first byte. Dereferencing needs access.
    pub fn as_ptr(&self) -> *mut u8 {
        self.ptr.as_ptr()
    }

    /// Whether it holds the parameters of a model; see [`Storage::parameters`].
    pub fn holds_parameters(&self) -> bool {
        self.parameters
    }

    /// Counts write accesses; equal versions mean equal contents.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A form of the data prepared for some kernel (packed weights, say), made once for each `key` and kept until the
    /// data is written to. `make` runs without the lock of the slot; it takes its own read access.
    pub fn prepared<T: Any + Send + Sync>(
        &self,
        key: PreparedKey,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let version = self.version();
        let kind = TypeId::of::<T>();
        {
            let mut slot = self.prepared.lock();
            if slot.iter().any(|p| p.version != version) {
                slot.retain(|p| p.version == version);
            }
            let found = slot
                .iter()
                .find(|p| p.kind == kind && p.key == key)
                .map(|p| p.value.clone());
            if let Some(Ok(value)) = found.map(|v| v.downcast::<T>()) {
                return Ok(value);
            }
        }
        let value = Arc::new(make()?);
        if self.version() == version {
            let mut slot = self.prepared.lock();
            if slot.len() >= MAX_PREPARED {
                slot.remove(0);
            }
            slot.push(Prepared {
                key,
                kind,
                version,
                value: value.clone(),
            });
        }
        Ok(value)
    }

    #[inline]
    pub(crate) fn try_read(&self) -> bool {
        let mut now = self.lock.load(Ordering::Relaxed);
        while now < WRITER - 1 {
            match self
                .lock
                .compare_exchange_weak(now, now + 1, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(seen) => now = seen,
            }
        }
        false
    }

    #[inline]
    pub(crate) fn try_write(&self) -> bool {
        let taken = self
            .lock
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        if taken {
            self.version.fetch_add(1, Ordering::AcqRel);
        }
        taken
    }

    #[inline]
    pub(crate) fn release_read(&self) {
        self.lock.fetch_sub(1, Ordering::Release);
    }

    #[inline]
    pub(crate) fn release_write(&self) {
        self.lock.store(0, Ordering::Release);
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Storage({:p}, {} bytes)", self.ptr, self.nbytes)
    }
}

/// Access to a set of storages, held until dropped.
pub struct Access<'a> {
    /// storage and whether it may be written
    held: SmallVec<[(&'a Storage, bool); 6]>,
}

impl<'a> Access<'a> {
    /// Takes read access to `reads` and write access to `writes`, waiting until all can be had at once.
    /// A storage in both lists (or twice in one) is taken once, with the stronger access.
    pub fn take(
        reads: impl IntoIterator<Item = &'a Storage>,
        writes: impl IntoIterator<Item = &'a Storage>,
    ) -> Result<Access<'a>> {
        let mut wanted: SmallVec<[(&'a Storage, bool); 6]> = SmallVec::new();
        for w in writes {
            if !wanted.iter().any(|(s, _)| std::ptr::eq(*s, w)) {
                wanted.push((w, true));
            }
        }
        for r in reads {
            if !wanted.iter().any(|(s, _)| std::ptr::eq(*s, r)) {
                wanted.push((r, false));
            }
        }
        if try_all(&wanted) {
            return Ok(Access { held: wanted });
        }
        wait_all(&wanted)?;
        Ok(Access { held: wanted })
    }
}

#[inline]
fn try_all(wanted: &[(&Storage, bool)]) -> bool {
    for (i, (s, write)) in wanted.iter().enumerate() {
        let ok = if *write { s.try_write() } else { s.try_read() };
        if !ok {
            release(&wanted[..i]);
            return false;
        }
    }
    true
}

#[inline]
fn release(held: &[(&Storage, bool)]) {
    for (s, write) in held {
        if *write {
            s.release_write()
        } else {
            s.release_read()
        }
    }
}

#[cold]
fn wait_all(wanted: &[(&Storage, bool)]) -> Result<()> {
    let start = Instant::now();
    let mut turn = 0u32;
    loop {
        match turn {
            0..64 => std::hint::spin_loop(),
            64..256 => std::thread::yield_now(),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
        turn = turn.saturating_add(1);
        if try_all(wanted) {
            return Ok(());
        }
        if turn > 256 && start.elapsed() > WAIT_LIMIT {
            return Err(Error::runtime(
                "timed out waiting for a tensor that another thread is writing to or reading from",
            ));
        }
    }
}

impl Drop for Access<'_> {
    fn drop(&mut self) {
        release(&self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_share_and_writes_exclude() {
        let s = Storage::zeroed(64).unwrap();
        let a = Access::take([&*s], []).unwrap();
        let b = Access::take([&*s, &*s], []).unwrap();
        assert!(!s.try_write());
        drop((a, b));
        let v = s.version();
        let w = Access::take([&*s], [&*s]).unwrap();
        assert!(!s.try_read() && !s.try_write());
        drop(w);
        assert_eq!(s.version(), v + 1);
    }

    #[test]
    fn conflicting_writers_take_turns() {
        let (a, b) = (Storage::zeroed(8).unwrap(), Storage::zeroed(8).unwrap());
        std::thread::scope(|scope| {
            for k in 0..4 {
                let (a, b) = (&a, &b);
                scope.spawn(move || {
                    for _ in 0..500 {
                        let (r, w) = if k % 2 == 0 { (a, b) } else { (b, a) };
                        let _held = Access::take([&**r], [&**w]).unwrap();
                        let p = w.as_ptr().cast::<u64>();
                        // SAFETY: write access is held.
                        unsafe { *p += 1 };
                    }
                });
            }
        });
        // SAFETY: all threads have ended.
        let total = unsafe { *a.as_ptr().cast::<u64>() + *b.as_ptr().cast::<u64>() };
        assert_eq!(total, 2000);
    }

    #[test]
    fn prepared_forms_live_until_a_write() {
        let s = Storage::zeroed(8).unwrap();
        let key = || PreparedKey {
            tag: "test",
            detail: SmallVec::new(),
        };
        let one = s.prepared(key(), || Ok(1i32)).unwrap();
        assert_eq!(*s.prepared(key(), || Ok(2i32)).unwrap(), *one);
        drop(Access::take([], [&*s]).unwrap());
        assert_eq!(*s.prepared(key(), || Ok(3i32)).unwrap(), 3);
    }
}
