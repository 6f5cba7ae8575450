//! Operands of the pointwise loop: where their tiles lie, and how one becomes a contiguous run of the dtype that a
//! kernel computes in.

use std::mem::MaybeUninit;

use super::strided::{gather, repeat_sized, scatter};
use crate::convert::{Convert, converter};
use crate::dtype::DType;
use crate::layout::Dims;

/// Bytes of one tile buffer; 1024 elements of up to eight bytes.
pub(super) const TILE_BYTES: usize = 8192;
pub(super) const TILE: usize = 1024;
/// The least elements worth another thread, for kernels of average cost.
pub(super) const GRAIN: usize = 16 * TILE;

#[repr(align(64))]
pub(super) struct Buffer([MaybeUninit<u8>; TILE_BYTES]);

impl Buffer {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Buffer {
        Buffer([MaybeUninit::uninit(); TILE_BYTES])
    }
    pub fn ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }
}

/// One operand as the loop sees it. Strides are in bytes, fastest dimension first.
pub(super) struct Op {
    pub base: *mut u8,
    pub strides: Dims,
    pub size: usize,
    pub want_size: usize,
    /// for inputs from memory to `want`, for the output from `want` to memory; absent when they are the same
    pub convert: Option<Convert>,
    /// elements follow each other in the order of iteration
    pub linear: bool,
    /// one element for all indices
    pub constant: bool,
    /// addresses are multiples of the element size, so that kernels may work in place
    pub aligned: bool,
}

// SAFETY: an `Op` is an address plan; the access held by `run` makes its use from several threads sound.
unsafe impl Sync for Op {}

impl Op {
    pub fn new(base: *mut u8, strides: Dims, sizes: &[i64], from: DType, to: DType, input: bool) -> Op {
        let (memory, want) = if input { (from, to) } else { (to, from) };
        let size = memory.size();
        let mut step = size as i64;
        let mut linear = true;
        for (s, n) in strides.iter().zip(sizes) {
            linear &= *s == step;
            step = step.wrapping_mul(*n);
        }
        let constant = strides.iter().all(|s| *s == 0);
        let aligned = (base as usize).is_multiple_of(size.min(8));
        linear &= aligned;
        let convert = (memory.underlying() != want.underlying()).then(|| converter(from, to));
        Op {
            base,
            strides,
            size,
            want_size: want.size(),
            convert,
            linear,
            constant,
            aligned,
        }
    }
}

/// A tile: `n` iteration indices from `at` on.
pub(super) struct Place<'a> {
    pub sizes: &'a [i64],
    pub at: usize,
    pub n: usize,
    /// position of `at` in its row
    pub in_row: usize,
    /// whether the tile stays in one row
    pub single_row: bool,
}

impl Place<'_> {
    /// The tile of an input in the dtype it is wanted in: in place where it can be, else in `buffer`. `filled` says
    /// from which element, and for how many, the buffer was last filled.
    ///
    /// # Safety
    /// The tile lies within the operand; `buffer` and `raw` hold a tile.
    pub unsafe fn load(
        &self,
        o: &Op,
        buffer: *mut u8,
        raw: *mut u8,
        filled: &mut (*mut u8, usize),
    ) -> *const u8 {
        let n = self.n;
        // SAFETY: by the contract.
        unsafe {
            if let Some(p) = self.direct(o) {
                return match o.convert {
                    None => p,
                    Some(convert) => {
                        convert(p, buffer, n);
                        buffer
                    }
                };
            }
            if self.single_row && o.strides[0] == 0 {
                let p = self.row_start(o);
                if filled.0 != p || filled.1 < n {
                    fill_run(o, p, buffer, raw, n);
                    *filled = (p, n);
                }
                return buffer;
            }
            *filled = (std::ptr::null_mut(), 0);
            let target = if o.convert.is_some() { raw } else { buffer };
            gather(o.base, self.sizes, &o.strides, o.size, self.at, n, target);
            if let Some(convert) = o.convert {
                convert(target, buffer, n);
            }
            buffer
        }
    }

    /// Writes a tile of the wanted dtype into the output.
    ///
    /// # Safety
    /// The tile lies within the output; `value` and `raw` hold a tile.
    pub unsafe fn store(&self, o: &Op, value: *const u8, raw: *mut u8) {
        let n = self.n;
        // SAFETY: by the contract.
        unsafe {
            match (self.direct(o), o.convert) {
                (Some(p), Some(convert)) => convert(value, p, n),
                (Some(p), None) => p.copy_from_nonoverlapping(value, n * o.size),
                (None, Some(convert)) => {
                    convert(value, raw, n);
                    scatter(o.base, self.sizes, &o.strides, o.size, self.at, n, raw);
                }
                (None, None) => scatter(o.base, self.sizes, &o.strides, o.size, self.at, n, value),
            }
        }
    }

    /// Where the tile lies in memory, if it is contiguous there.
    pub fn direct(&self, o: &Op) -> Option<*mut u8> {
        if o.linear {
            Some(o.base.wrapping_add(self.at * o.size))
        } else if self.single_row && o.strides[0] == o.size as i64 && o.aligned {
            Some(self.row_start(o).wrapping_add(self.in_row * o.size))
        } else {
            None
        }
    }

    /// Address of the start of the row that holds the tile.
    fn row_start(&self, o: &Op) -> *mut u8 {
        let mut rest = self.at / self.sizes[0] as usize;
        let mut p = o.base;
        for (n, s) in self.sizes.iter().zip(&o.strides).skip(1) {
            if rest == 0 {
                break;
            }
            let n = *n as usize;
            p = p.wrapping_offset((rest % n) as isize * *s as isize);
            rest /= n;
        }
        p
    }
}

/// Fills `n` elements of `dst` with the element at `p`, converted.
///
/// # Safety
/// `p` is an element of the operand; `dst` holds `n` elements of the wanted dtype and `raw` one of any.
unsafe fn fill_run(o: &Op, p: *const u8, dst: *mut u8, raw: *mut u8, n: usize) {
    // SAFETY: by the contract.
    unsafe {
        raw.copy_from_nonoverlapping(p, o.size);
        if let Some(convert) = o.convert {
            convert(raw, dst, 1);
        } else {
            dst.copy_from_nonoverlapping(raw, o.size);
        }
        repeat_sized(dst, o.want_size, n);
    }
}
