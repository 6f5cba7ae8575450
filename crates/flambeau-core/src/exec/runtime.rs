//! What one call of a module runs in, and how much it may take.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flambeau_ir::ops::Context;
use parking_lot::Mutex;

use super::error::{Error, ErrorKind, Result};

/// How much a run may take. Programs of untrusted files should have limits.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Calls and loop iterations, together.
    pub steps: Option<u64>,
    pub deadline: Option<Instant>,
    /// Set from another thread to stop the run.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Calls that may be open at a time.
    pub depth: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            steps: None,
            deadline: None,
            cancel: None,
            depth: 10_000,
        }
    }
}

/// What one call of a module runs in: the operators' context, the budget, and the times of a profile.
pub struct Runtime {
    pub context: Context,
    pub(super) budget: Budget,
    is_limited: bool,
    steps: AtomicU64,
    /// Runs inside of runs: forks on the forking thread, `__exit__` after an error, comparisons of a sort.
    pub(super) nested: AtomicU64,
    pub(super) profile: Option<Mutex<HashMap<String, (u64, Duration)>>>,
}

/// Runs inside of runs take the thread's stack, so there may be few.
pub(super) const MAX_NESTED: u64 = 64;

impl Runtime {
    pub fn new(context: Context, budget: Budget) -> Runtime {
        let is_limited = budget.steps.is_some() || budget.deadline.is_some() || budget.cancel.is_some();
        Runtime {
            context,
            budget,
            is_limited,
            steps: AtomicU64::new(0),
            nested: AtomicU64::new(0),
            profile: None,
        }
    }

    /// Measures the time of every operator from now on.
    pub fn with_profile(mut self) -> Runtime {
        self.profile = Some(Mutex::default());
        self
    }

    /// Operators by total time: name, calls, time.
    pub fn profile(&self) -> Vec<(String, u64, Duration)> {
        let Some(profile) = &self.profile else {
            return Vec::new();
        };
        let mut rows: Vec<_> = profile
            .lock()
            .iter()
            .map(|(name, (n, t))| (name.clone(), *n, *t))
            .collect();
        rows.sort_by(|a, b| b.2.cmp(&a.2));
        rows
    }

    #[inline]
    pub(super) fn tick(&self) -> Result<()> {
        if self.is_limited { self.check() } else { Ok(()) }
    }

    #[cold]
    fn check(&self) -> Result<()> {
        let stop = |why: &str| Err(Error::new(ErrorKind::Stopped, why));
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        if self.budget.steps.is_some_and(|limit| steps >= limit) {
            return stop("the program was stopped: its budget of steps is used up");
        }
        if self
            .budget
            .cancel
            .as_ref()
            .is_some_and(|c| c.load(Ordering::Relaxed))
        {
            return stop("the program was stopped: the caller cancelled it");
        }
        if steps.is_multiple_of(64) && self.budget.deadline.is_some_and(|d| Instant::now() >= d) {
            return stop("the program was stopped: its time is over");
        }
        Ok(())
    }
}
