//! Fork-join over index ranges, for kernels that run for tens of microseconds.
//!
//! The caller works too; helpers spin for 20 µs after a job and then park, so a chain of small kernels pays
//! about half a microsecond per fork and an idle process burns nothing. How work is cut never decides a result:
//! [`parallel_chunks`] cuts at places fixed by its arguments, and [`parallel_for`] cuts only at multiples of
//! `grain`, for bodies where every index stands for itself.
//!
//! The number of threads belongs to the calling context ([`with_threads`]), not to the process. One thread means
//! that no helper is ever started. A call inside a parallel body runs serially, and a caller that finds all helpers
//! taken by other callers works alone. Coarse concurrency (loading, `fork`/`wait`) is not this module's business.

use std::cell::Cell;
use std::ops::Range;

thread_local! {
    /// Threads asked for by the innermost `with_threads`; 0 stands for the default.
    static THREADS: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread is inside a parallel body; nested calls run serially.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The most threads that one call uses.
pub const MAX_THREADS: usize = 256;

fn default_threads() -> usize {
    use std::sync::OnceLock;
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| {
        std::thread::available_parallelism()
            .map_or(1, |n| n.get())
            .min(MAX_THREADS)
    })
}

/// The number of threads a parallel call made here may use.
pub fn threads() -> usize {
    if INSIDE.get() {
        return 1;
    }
    match THREADS.get() {
        0 => default_threads(),
        n => n,
    }
}

/// Runs `body` with `n` threads for every parallel call inside it on this thread. 0 restores the default (the
/// number of available cores).
pub fn with_threads<R>(n: usize, body: impl FnOnce() -> R) -> R {
    let _restore = Restore(&THREADS, THREADS.replace(n.min(MAX_THREADS)));
    body()
}

/// Puts a thread-local back when dropped, also while unwinding.
struct Restore<T: Copy + 'static>(&'static std::thread::LocalKey<Cell<T>>, T);

impl<T: Copy> Drop for Restore<T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Calls `body` on ranges that together cover `0..n` once. Every cut is a multiple of `grain` (at least 1), which is
/// also the least work worth a thread; where the cuts fall depends on the number of threads, so `body` must treat
/// each index (or each aligned group of `grain`) on its own.
pub fn parallel_for(n: usize, grain: usize, body: impl Fn(Range<usize>) + Sync) {
    if n == 0 {
        return;
    }
    let grain = grain.max(1);
    let units = n.div_ceil(grain);
    let workers = threads().min(units);
    if workers <= 1 {
        return body(0..n);
    }
    // A few pieces per thread, so that one delayed by the operating system holds up little.
    let pieces = units.min(workers * 4);
    let cut = |i: usize| {
        ((i as u128 * units as u128 / pieces as u128) as usize)
            .saturating_mul(grain)
            .min(n)
    };
    fork(pieces, workers, &|i| body(cut(i)..cut(i + 1)));
}

/// Calls `body(i, range)` for the consecutive ranges of length `chunk` that cover `0..n` (the last may be shorter).
/// The ranges depend on `n` and `chunk` only: a reduction that keeps one partial result per `i` and joins them in
/// order gives the same bits for every number of threads.
pub fn parallel_chunks(n: usize, chunk: usize, body: impl Fn(usize, Range<usize>) + Sync) {
    let chunk = chunk.max(1);
    let pieces = n.div_ceil(chunk);
    let piece = |i: usize| body(i, i * chunk..(i * chunk).saturating_add(chunk).min(n));
    let workers = threads().min(pieces);
    if workers <= 1 {
        (0..pieces).for_each(piece);
    } else {
        fork(pieces, workers, &piece);
    }
}

/// Calls `body(i)` once for each `i` in `0..n`, in no particular order.
pub fn parallel_tasks(n: usize, body: impl Fn(usize) + Sync) {
    parallel_chunks(n, 1, |i, _| body(i));
}

/// [`parallel_chunks`] over a mutable slice: each call owns its piece of `data`.
pub fn parallel_chunks_mut<T: Send>(data: &mut [T], chunk: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    let base = SharedMut(data.as_mut_ptr());
    parallel_chunks(data.len(), chunk, |i, range| {
        // SAFETY: the ranges of one `parallel_chunks` call are disjoint and inside `data`, which outlives the call.
        let piece = unsafe { std::slice::from_raw_parts_mut(base.get().add(range.start), range.len()) };
        body(i, piece);
    });
}

/// A pointer that parallel bodies may share. Whoever dereferences it argues that the bodies write disjoint places.
#[derive(Debug)]
pub struct SharedMut<T>(pub *mut T);

impl<T> Clone for SharedMut<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedMut<T> {}

impl<T> SharedMut<T> {
    /// The pointer; a method so that closures capture the wrapper and not its field.
    pub fn get(&self) -> *mut T {
        self.0
    }
}

// SAFETY: the wrapper only moves an address between threads; each dereference carries its own argument.
unsafe impl<T: Send> Send for SharedMut<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<T> {}

#[cfg(target_family = "wasm")]
fn fork(pieces: usize, _workers: usize, body: &(dyn Fn(usize) + Sync)) {
    (0..pieces).for_each(body);
}

#[cfg(not(target_family = "wasm"))]
use pool::fork;

#[cfg(not(target_family = "wasm"))]
mod pool {
    use super::{INSIDE, MAX_THREADS, Restore};
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
    use std::sync::{Mutex, OnceLock};
    use std::thread::Thread;
    use std::time::{Duration, Instant};

    const SPIN: Duration = Duration::from_micros(20);

    /// Life of a helper: `SPINNING` or `PARKED` → `CLAIMED` (a caller writes the job) → the job's address: it is
    /// posted → `RUNNING` → `SPINNING`. A caller that has run out of work takes its job back by address → `SPINNING`,
    /// so a helper that wakes late delays nobody. The address says whose job it is: the helper may have finished that
    /// of one caller and been posted that of another, which is not the first one's to take.
    const SPINNING: usize = 0;
    const PARKED: usize = 1;
    const CLAIMED: usize = 2;
    const RUNNING: usize = 3;

    /// Whether a state is the address of a job; jobs are aligned, so no address is as low as the other states.
    fn is_posted(state: usize) -> bool {
        state > RUNNING
    }

    /// One helper's mailbox, on its own cache lines.
    #[repr(align(128))]
    struct Slot {
        state: AtomicUsize,
        job: AtomicPtr<Job<'static>>,
        thread: OnceLock<Thread>,
    }

    struct Job<'a> {
        body: &'a (dyn Fn(usize) + Sync),
        pieces: usize,
        next: AtomicUsize,
        panic: Mutex<Option<Box<dyn Any + Send>>>,
    }

    static SLOTS: [Slot; MAX_THREADS] = [const {
        Slot {
            state: AtomicUsize::new(SPINNING),
            job: AtomicPtr::new(std::ptr::null_mut()),
            thread: OnceLock::new(),
        }
    }; MAX_THREADS];
    /// Helpers started so far: `SLOTS[..STARTED]`.
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static STARTING: Mutex<()> = Mutex::new(());

    impl Job<'_> {
        fn work(&self) {
            loop {
                let i = self.next.fetch_add(1, SeqCst);
                if i >= self.pieces {
                    return;
                }
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.body)(i))) {
                    self.next.store(self.pieces, SeqCst);
                    self.panic
                        .lock()
                        .unwrap_or_else(|e| e.into_inner())
                        .get_or_insert(payload);
                    return;
                }
            }
        }
    }

    pub(super) fn fork(pieces: usize, workers: usize, body: &(dyn Fn(usize) + Sync)) {
        let _restore = Restore(&INSIDE, INSIDE.replace(true));
        let job = Job {
            body,
            pieces,
            next: AtomicUsize::new(0),
            panic: Mutex::new(None),
        };
        let this: *mut Job<'static> = (&raw const job).cast_mut().cast();
        start(workers - 1);
        let mut posted = [0u8; MAX_THREADS];
        let mut count = 0;
        for (index, slot) in SLOTS[..STARTED.load(SeqCst)].iter().enumerate() {
            if count + 1 >= workers {
                break;
            }
            let seen = slot.state.load(SeqCst);
            if seen > PARKED
                || slot
                    .state
                    .compare_exchange(seen, CLAIMED, SeqCst, SeqCst)
                    .is_err()
            {
                continue;
            }
            slot.job.store(this, SeqCst);
            slot.state.store(this.addr(), SeqCst);
            if seen == PARKED
                && let Some(thread) = slot.thread.get()
            {
                thread.unpark();
            }
            posted[count] = index as u8;
            count += 1;
        }
        job.work();
        for &index in &posted[..count] {
            let state = &SLOTS[usize::from(index)].state;
            if state
                .compare_exchange(this.addr(), SPINNING, SeqCst, SeqCst)
                .is_ok()
            {
                continue;
            }
            // This helper took the job: wait until it has let go of it. Another caller may already have claimed
            // the slot afresh, so what counts is that the slot no longer holds *this* job.
            let mut spins = 0u32;
            while SLOTS[usize::from(index)].job.load(SeqCst) == this {
                spins += 1;
                if spins < 2000 {
                    std::hint::spin_loop()
                } else {
                    std::thread::yield_now()
                }
            }
        }
        if let Some(payload) = job.panic.into_inner().unwrap_or_else(|e| e.into_inner()) {
            resume_unwind(payload);
        }
    }

    /// Starts helpers until there are `wanted`. If the system gives no more threads, fewer must do.
    fn start(wanted: usize) {
        if STARTED.load(SeqCst) >= wanted {
            return;
        }
        let _one_at_a_time = STARTING.lock().unwrap_or_else(|e| e.into_inner());
        for index in STARTED.load(SeqCst)..wanted.min(MAX_THREADS) {
            let run = move || helper(&SLOTS[index]);
            let Ok(handle) = std::thread::Builder::new()
                .name(format!("flambeau-{index}"))
                .spawn(run)
            else {
                return;
            };
            let _ = SLOTS[index].thread.set(handle.thread().clone());
            STARTED.store(index + 1, SeqCst);
        }
    }

    fn helper(slot: &'static Slot) {
        INSIDE.set(true);
        loop {
            let since = Instant::now();
            let mut spins = 0u32;
            while !is_posted(slot.state.load(SeqCst)) {
                std::hint::spin_loop();
                spins += 1;
                if spins % 64 == 0
                    && since.elapsed() > SPIN
                    && slot
                        .state
                        .compare_exchange(SPINNING, PARKED, SeqCst, SeqCst)
                        .is_ok()
                {
                    while slot.state.load(SeqCst) == PARKED {
                        std::thread::park();
                    }
                    break;
                }
            }
            let seen = slot.state.load(SeqCst);
            if !is_posted(seen)
                || slot
                    .state
                    .compare_exchange(seen, RUNNING, SeqCst, SeqCst)
                    .is_err()
            {
                continue;
            }
            // SAFETY: the caller that posted the job keeps it alive until this slot's `job` is null again.
            unsafe { (*slot.job.load(SeqCst)).work() };
            slot.job.store(std::ptr::null_mut(), SeqCst);
            slot.state.store(SPINNING, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    fn covers(n: usize, grain: usize, threads: usize) {
        let hits: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
        with_threads(threads, || {
            parallel_for(n, grain, |range| {
                assert!(range.start.is_multiple_of(grain.max(1)));
                range.for_each(|i| _ = hits[i].fetch_add(1, Relaxed));
            });
            parallel_chunks(n, grain, |i, range| {
                assert_eq!(range.start, i * grain.max(1));
                range.for_each(|i| _ = hits[i].fetch_add(1, Relaxed));
            });
        });
        assert!(
            hits.iter().all(|h| h.load(Relaxed) == 2),
            "n {n} grain {grain} threads {threads}"
        );
    }

    #[test]
    fn each_index_exactly_once() {
        for n in [0, 1, 2, 7, 64, 1000, 4097] {
            for grain in [0, 1, 3, 64, 5000] {
                for threads in [1, 2, 3, 8] {
                    covers(n, grain, threads);
                }
            }
        }
    }

    #[test]
    fn nested_calls_run_and_many_callers_share_the_pool() {
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        with_threads(3, || {
                            parallel_tasks(5, |_| {
                                parallel_for(10, 1, |r| _ = total.fetch_add(r.len(), Relaxed));
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(total.load(Relaxed), 4 * 200 * 5 * 10);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_survives() {
        for _ in 0..20 {
            let caught = std::panic::catch_unwind(|| {
                with_threads(2, || {
                    parallel_tasks(8, |i| {
                        if i == 5 {
                            std::panic::resume_unwind(Box::new(i))
                        }
                    })
                })
            });
            assert_eq!(*caught.unwrap_err().downcast::<usize>().unwrap(), 5);
            covers(100, 1, 2);
        }
    }

    #[test]
    fn thread_count_is_scoped() {
        with_threads(3, || {
            assert_eq!(threads(), 3);
            with_threads(1, || assert_eq!(threads(), 1));
            assert_eq!(threads(), 3);
            parallel_tasks(4, |_| assert_eq!(threads(), 1));
        });
    }

    #[test]
    fn callers_take_back_their_own_jobs_only() {
        // Many short forks by several callers: helpers finish one job and are posted the next while others still look.
        let total = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for caller in 0..6 {
                let total = &total;
                scope.spawn(move || {
                    for round in 0..5_000usize {
                        // Uneven pieces and pauses, so that helpers finish early, park, and are posted by others.
                        let long = (round * 7919 + caller * 104_729) % 60;
                        with_threads(2 + (caller + round) % 3, || {
                            parallel_tasks(4, |i| {
                                (0..i * long * 20).for_each(|_| std::hint::spin_loop());
                                _ = total.fetch_add(1, Relaxed);
                            });
                        });
                        if round % 3 == caller % 3 {
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        assert_eq!(total.load(Relaxed), 6 * 5_000 * 4);
    }
}
