//! Threads for forked calls. At most [`limit`] run at a time; a fork beyond that runs at once on the forking thread,
//! so a program never waits for a thread that it keeps from starting.

use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);

fn limit() -> usize {
    std::thread::available_parallelism().map_or(4, |n| n.get().max(2) * 2)
}

struct Slot;

impl Drop for Slot {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs `work` on a thread of its own if one is free, and gives it back otherwise.
pub fn spawn<F: FnOnce() + Send + 'static>(work: F) -> Result<(), F> {
    let limit = limit();
    let free = RUNNING.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
        (n < limit).then_some(n + 1)
    });
    if free.is_err() {
        return Err(work);
    }
    let slot = Slot;
    // The closure is kept where it can be taken back should the system refuse a thread.
    let cell = std::sync::Arc::new(parking_lot::Mutex::new(Some(work)));
    let inner = cell.clone();
    let spawned = std::thread::Builder::new()
        .name("flambeau-fork".into())
        .spawn(move || {
            let _slot = slot;
            let work = inner.lock().take();
            if let Some(work) = work {
                work();
            }
        });
    match spawned {
        Ok(_) => Ok(()),
        Err(_) => match cell.lock().take() {
            Some(work) => Err(work),
            None => Ok(()),
        },
    }
}
