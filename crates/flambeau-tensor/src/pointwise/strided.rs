//! Runs of elements moved between strided ranges and contiguous memory, by element size only.

use smallvec::SmallVec;

/// Calls `f(address, first, count)` for the pieces of rows that cover iteration indices `at..at + n`; sizes and byte
/// strides fastest first.
#[inline(always)]
fn pieces(
    base: *mut u8,
    sizes: &[i64],
    strides: &[i64],
    at: usize,
    n: usize,
    mut f: impl FnMut(*mut u8, usize, usize),
) {
    let row = sizes[0] as usize;
    let mut index: SmallVec<[usize; 6]> = SmallVec::new();
    let mut rest = at / row;
    let mut p = base;
    for (d, s) in sizes.iter().zip(strides).skip(1) {
        let d = *d as usize;
        index.push(rest % d);
        p = p.wrapping_offset((rest % d) as isize * *s as isize);
        rest /= d;
    }
    let mut in_row = at % row;
    let mut done = 0;
    loop {
        let count = (row - in_row).min(n - done);
        f(
            p.wrapping_offset(in_row as isize * strides[0] as isize),
            done,
            count,
        );
        done += count;
        if done == n {
            return;
        }
        in_row = 0;
        for (d, i) in index.iter_mut().enumerate() {
            let (size, stride) = (sizes[d + 1] as usize, strides[d + 1] as isize);
            *i += 1;
            p = p.wrapping_offset(stride);
            if *i < size {
                break;
            }
            p = p.wrapping_offset(-stride * size as isize);
            *i = 0;
        }
    }
}

/// Copies elements `at..at + n` of a strided range into a contiguous run.
///
/// # Safety
/// They are elements of `size` bytes that may be read, and `dst` holds `n`.
pub(crate) unsafe fn gather(
    base: *mut u8,
    sizes: &[i64],
    strides: &[i64],
    size: usize,
    at: usize,
    n: usize,
    dst: *mut u8,
) {
    // SAFETY: by the contract.
    unsafe {
        match size {
            1 => gather_sized::<u8>(base, sizes, strides, at, n, dst),
            2 => gather_sized::<u16>(base, sizes, strides, at, n, dst),
            4 => gather_sized::<u32>(base, sizes, strides, at, n, dst),
            8 => gather_sized::<u64>(base, sizes, strides, at, n, dst),
            _ => gather_sized::<[u64; 2]>(base, sizes, strides, at, n, dst),
        }
    }
}

unsafe fn gather_sized<T: Copy>(
    base: *mut u8,
    sizes: &[i64],
    strides: &[i64],
    at: usize,
    n: usize,
    dst: *mut u8,
) {
    let dst = dst.cast::<T>();
    let stride = strides[0] as isize;
    pieces(base, sizes, strides, at, n, |p, first, count| {
        // SAFETY: the piece lies within the operand and within the target.
        unsafe {
            let d = dst.add(first);
            if stride == size_of::<T>() as isize {
                d.cast::<u8>().copy_from_nonoverlapping(p, count * size_of::<T>());
            } else if stride == 0 {
                let v = p.cast::<T>().read_unaligned();
                for i in 0..count {
                    d.add(i).write(v);
                }
            } else {
                for i in 0..count {
                    d.add(i)
                        .write(p.offset(stride * i as isize).cast::<T>().read_unaligned());
                }
            }
        }
    });
}

/// Copies a contiguous run into elements `at..at + n` of a strided range.
///
/// # Safety
/// As for `gather`, the other way round.
pub(crate) unsafe fn scatter(
    base: *mut u8,
    sizes: &[i64],
    strides: &[i64],
    size: usize,
    at: usize,
    n: usize,
    src: *const u8,
) {
    // SAFETY: by the contract.
    unsafe {
        match size {
            1 => scatter_sized::<u8>(base, sizes, strides, at, n, src),
            2 => scatter_sized::<u16>(base, sizes, strides, at, n, src),
            4 => scatter_sized::<u32>(base, sizes, strides, at, n, src),
            8 => scatter_sized::<u64>(base, sizes, strides, at, n, src),
            _ => scatter_sized::<[u64; 2]>(base, sizes, strides, at, n, src),
        }
    }
}

unsafe fn scatter_sized<T: Copy>(
    base: *mut u8,
    sizes: &[i64],
    strides: &[i64],
    at: usize,
    n: usize,
    src: *const u8,
) {
    let src = src.cast::<T>();
    let stride = strides[0] as isize;
    pieces(base, sizes, strides, at, n, |p, first, count| {
        // SAFETY: the piece lies within the target and within the source.
        unsafe {
            let s = src.add(first);
            if stride == size_of::<T>() as isize {
                p.copy_from_nonoverlapping(s.cast::<u8>(), count * size_of::<T>());
            } else {
                for i in 0..count {
                    p.offset(stride * i as isize)
                        .cast::<T>()
                        .write_unaligned(s.add(i).read());
                }
            }
        }
    });
}

/// # Safety
/// `dst` holds `n` elements of `size` bytes, the first of them set.
pub(super) unsafe fn repeat_sized(dst: *mut u8, size: usize, n: usize) {
    // SAFETY: by the contract.
    unsafe {
        match size {
            1 => repeat::<u8>(dst, n),
            2 => repeat::<u16>(dst, n),
            4 => repeat::<u32>(dst, n),
            8 => repeat::<u64>(dst, n),
            _ => repeat::<[u64; 2]>(dst, n),
        }
    }
}

/// # Safety
/// `dst` holds `n` elements, the first of them set.
unsafe fn repeat<T: Copy>(dst: *mut u8, n: usize) {
    let dst = dst.cast::<T>();
    // SAFETY: by the contract.
    unsafe {
        let v = dst.read();
        std::slice::from_raw_parts_mut(dst, n).fill(v);
    }
}
