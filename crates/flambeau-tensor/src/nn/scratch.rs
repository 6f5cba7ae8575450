//! Per-thread working memory of the kernels: aligned, kept between calls up to a bound.

use std::cell::RefCell;

use crate::alloc::Block;

/// Buffers up to this size stay with the thread, where taking one costs nothing; larger ones come from the cache that
/// tensors use and go back there.
const OWN_BYTES: usize = 2 << 20;
/// How many buffers a thread keeps: calls nest, and one that finds none of its own pays for the pages of a new one.
const KEPT_BUFFERS: usize = 6;
/// Sizes are rounded up to this, so that calls of similar sizes share a buffer.
const STEP: usize = 4 << 10;

thread_local! {
    static FREE: RefCell<Vec<(usize, Block)>> = const { RefCell::new(Vec::new()) };
}

/// Calls `body` with `n` elements of unspecified contents; `None` if there is no memory for them. Nested calls get
/// separate buffers.
pub fn with_scratch<T: bytemuck::Pod, R>(n: usize, body: impl FnOnce(&mut [T]) -> R) -> Option<R> {
    let bytes = n.checked_mul(size_of::<T>())?;
    let (capacity, block) = match take(bytes) {
        Some(found) => found,
        None => {
            let capacity = bytes.max(1).checked_next_multiple_of(STEP)?;
            (capacity, Block::new(capacity).ok()?)
        }
    };
    // SAFETY: the block has `capacity >= bytes` bytes, aligned for every plain type, and is ours alone; any bytes are
    // a `Pod`, and `Block` hides from the compiler that nobody wrote them.
    let data = unsafe { std::slice::from_raw_parts_mut(block.ptr().as_ptr().cast::<T>(), n) };
    let result = body(data);
    give_back(capacity, block);
    Some(result)
}

/// The smallest kept buffer that is large enough.
fn take(bytes: usize) -> Option<(usize, Block)> {
    if bytes > OWN_BYTES {
        return None;
    }
    FREE.with_borrow_mut(|free| {
        let fits = free.iter().enumerate().filter(|(_, b)| b.0 >= bytes);
        let at = fits.min_by_key(|(_, b)| b.0)?.0;
        Some(free.swap_remove(at))
    })
}

fn give_back(capacity: usize, block: Block) {
    if capacity > OWN_BYTES {
        return;
    }
    FREE.with_borrow_mut(|free| {
        free.push((capacity, block));
        if free.len() > KEPT_BUFFERS {
            // Large buffers serve small calls too.
            if let Some(at) = (0..free.len()).min_by_key(|&i| free[i].0) {
                free.swap_remove(at);
            }
        }
    });
}
