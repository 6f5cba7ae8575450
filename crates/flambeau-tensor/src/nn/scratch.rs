//! Per-thread working memory of the kernels: aligned, kept between calls up to a bound.

use std::cell::RefCell;

/// 64 bytes, so that buffers start on a cache line and a full register.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

/// Buffers above this size are given back to the system.
const KEPT_BYTES: usize = 6 << 20;
/// How many buffers a thread keeps: the depth to which calls nest.
const KEPT_BUFFERS: usize = 3;

thread_local! {
    static FREE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `body` with `n` elements of unspecified contents; `None` if there is no memory for them. Nested calls get
/// separate buffers.
pub fn with_scratch<T: bytemuck::Pod, R>(n: usize, body: impl FnOnce(&mut [T]) -> R) -> Option<R> {
    let lines = n.checked_mul(size_of::<T>())?.div_ceil(64);
    let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < lines {
        buffer.clear();
        buffer.try_reserve_exact(lines).ok()?;
        buffer.resize(lines, Line([0; 64]));
    }
    // SAFETY: `Line` is plain bytes without padding, and the vector holds `lines` of them or more.
    let bytes: &mut [u8] = unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), lines * 64) };
    let result = body(&mut bytemuck::cast_slice_mut(bytes)[..n]);
    FREE.with_borrow_mut(|free| {
        if buffer.len() * 64 <= KEPT_BYTES && free.len() < KEPT_BUFFERS {
            free.push(buffer);
        }
    });
    Some(result)
}
