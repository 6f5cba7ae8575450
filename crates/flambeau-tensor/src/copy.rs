//! Copies between layouts and dtypes: `copy_`, `contiguous`, `to_dtype`, `clone`.

use smallvec::SmallVec;

use crate::convert::{Convert, converter};
use crate::dtype::DType;
use crate::error::Result;
use crate::index::by_size;
use crate::layout::MemoryFormat;
use crate::parallel::{SharedMut, parallel_for};
use crate::pointwise::engine::{In, Params, overlaps_badly, run_into};
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// # Safety
/// See [`crate::pointwise::engine::Kernel`]; both sides have elements of `SIZE` bytes.
unsafe fn identity<const SIZE: usize>(ins: *const *const u8, out: *mut u8, n: usize, _: &Params) {
    // SAFETY: by the contract.
    unsafe { out.copy_from_nonoverlapping(*ins, n * SIZE) }
}

fn identity_of(size: usize) -> crate::pointwise::engine::Kernel {
    match size {
        1 => identity::<1>,
        2 => identity::<2>,
        4 => identity::<4>,
        8 => identity::<8>,
        _ => identity::<16>,
    }
}

/// Writes `src`, broadcast and converted, into `dst`.
pub(crate) fn copy_into(dst: &Tensor, src: &Tensor) -> Result<()> {
    if dst.is_same(src) {
        return Ok(());
    }
    let dtype = dst.dtype();
    if src.dtype() == dtype && src.sizes() == dst.sizes() && transpose_into(dst, src)? {
        return Ok(());
    }
    run_into(
        identity_of(dtype.size()),
        &Params::default(),
        &[In::Tensor(src, dtype)],
        dst,
        dtype,
        1,
    )
}

/// Elements per side of a block that is transposed in the cache.
const SIDE: usize = 16;

/// Copies between layouts whose fastest dimensions differ, block by block, so that both sides are read and written
/// in runs. Returns whether it applied.
fn transpose_into(dst: &Tensor, src: &Tensor) -> Result<bool> {
    let (d, s) = (dst.meta(), src.meta());
    let fastest =
        |m: &crate::tensor::Meta| (0..m.sizes().len()).find(|k| m.strides()[*k] == 1 && m.sizes()[*k] > 1);
    let (Some(i), Some(j)) = (fastest(d), fastest(s)) else {
        return Ok(false);
    };
    let (mut rows, mut columns) = (d.sizes()[j], d.sizes()[i]);
    let size = d.dtype().size();
    let aligned = |m: &crate::tensor::Meta| (m.ptr() as usize).is_multiple_of(size.min(8));
    if i == j || rows < 4 || columns < 4 || d.numel() == 0 || !aligned(d) || !aligned(s) {
        return Ok(false);
    }
    if crate::layout::has_internal_overlap(d.sizes(), d.strides()) || overlaps_badly(src, dst)? {
        return Ok(false);
    }
    // dst[r][c] = src[c][r], with c along `i` and r along `j`; the other dimensions are an outer loop.
    let (row_stride, column_stride) = (d.strides()[j], s.strides()[i]);
    let mut others: SmallVec<[(i64, i64, i64); 6]> = (0..d.sizes().len())
        .filter(|k| *k != i && *k != j && d.sizes()[*k] != 1)
        .map(|k| (d.sizes()[k], d.strides()[k], s.strides()[k]))
        .collect();
    // Others join rows or columns where both sides step evenly (H and W of NCHW).
    while let Some(k) = others
        .iter()
        .position(|o| o.1 == row_stride * rows && o.2 == rows)
    {
        rows *= others.remove(k).0;
    }
    while let Some(k) = others
        .iter()
        .position(|o| o.1 == columns && o.2 == column_stride * columns)
    {
        columns *= others.remove(k).0;
    }
    let outer: i64 = others.iter().map(|o| o.0).product();
    let _access = Tensor::access(&[src], &[dst])?;
    let (to, from) = (SharedMut(d.ptr()), SharedMut(s.ptr()));
    let bands = (rows as usize).div_ceil(SIDE);
    parallel_for(
        outer as usize * bands,
        (1usize << 13).div_ceil(SIDE * columns as usize),
        |range| {
            for at in range {
                let (mut rest, band) = ((at / bands) as i64, at % bands);
                let (mut dst_at, mut src_at) = (0i64, 0i64);
                for &(n, ds, ss) in &others {
                    dst_at += rest % n * ds;
                    src_at += rest % n * ss;
                    rest /= n;
                }
                let first = (band * SIDE) as i64;
                let height = (SIDE as i64).min(rows - first);
                dst_at += first * row_stride;
                src_at += first;
                by_size!(size, T => {
                    let to = to.get().cast::<T>().wrapping_offset(dst_at as isize);
                    let from = from.get().cast::<T>().wrapping_offset(src_at as isize);
                    // SAFETY: the band lies within both tensors, and bands of the target are disjoint.
                    unsafe { transpose_band(to, row_stride, from, column_stride, height as usize, columns as usize) }
                });
            }
        },
    );
    Ok(true)
}

/// `to[r * row_stride + c] = from[c * column_stride + r]` for `height` (at most `SIDE`) rows.
///
/// # Safety
/// All these places are valid, and the target is apart from the source.
unsafe fn transpose_band<T: Copy + Default>(
    to: *mut T,
    row_stride: i64,
    from: *const T,
    column_stride: i64,
    height: usize,
    columns: usize,
) {
    let mut c = 0;
    let mut block = [[T::default(); SIDE]; SIDE];
    // SAFETY: by the contract.
    unsafe {
        while c < columns {
            let width = SIDE.min(columns - c);
            if height == SIDE && width == SIDE {
                for (k, line) in block.iter_mut().enumerate() {
                    *line = from
                        .offset((c + k) as isize * column_stride as isize)
                        .cast::<[T; SIDE]>()
                        .read_unaligned();
                }
                for r in 0..SIDE {
                    // Not `from_fn`, whose closure would not be compiled for the level.
                    let mut line = [T::default(); SIDE];
                    for k in 0..SIDE {
                        line[k] = block[k][r];
                    }
                    to.offset(r as isize * row_stride as isize + c as isize)
                        .cast::<[T; SIDE]>()
                        .write_unaligned(line);
                }
            } else {
                for r in 0..height {
                    let row = to.offset(r as isize * row_stride as isize + c as isize);
                    for k in 0..width {
                        *row.add(k) = *from.offset((c + k) as isize * column_stride as isize + r as isize);
                    }
                }
            }
            c += width;
        }
    }
}

pub(crate) fn fill(dst: &Tensor, value: Scalar) -> Result<()> {
    let dtype = dst.dtype();
    if dst.numel() == 0 {
        return Ok(());
    }
    if dst.is_non_overlapping_and_dense() {
        let m = dst.meta();
        let mut element = 0u128;
        let p = (&raw mut element).cast::<u8>();
        // SAFETY: 16 bytes hold an element of any dtype.
        unsafe { crate::tensor::write_scalar(p, dtype, value)? };
        let _access = Tensor::access(&[], &[dst])?;
        let n = m.numel() as usize;
        // SAFETY: the tensor is dense from `ptr` on, and write access is held.
        unsafe {
            if element == 0 {
                m.ptr().write_bytes(0, n * dtype.size());
                return Ok(());
            }
            let base = m.ptr();
            if (base as usize).is_multiple_of(dtype.size()) && dtype.size() <= 8 {
                match dtype.size() {
                    1 => base.write_bytes(element as u8, n),
                    2 => std::slice::from_raw_parts_mut(base.cast::<u16>(), n).fill(element as u16),
                    4 => std::slice::from_raw_parts_mut(base.cast::<u32>(), n).fill(element as u32),
                    _ => std::slice::from_raw_parts_mut(base.cast::<u64>(), n).fill(element as u64),
                }
                return Ok(());
            }
        }
    }
    run_into(
        identity_of(dtype.size()),
        &Params::default(),
        &[In::Number(value, dtype)],
        dst,
        dtype,
        1,
    )
}

impl Tensor {
    /// Writes `src` into `self`, broadcasting and converting; other views of the storage see it.
    pub fn copy_(&self, src: &Tensor) -> Result<()> {
        copy_into(self, src)
    }

    /// New memory with the same elements and order of strides (`clone` in PyTorch).
    pub fn copy(&self) -> Result<Tensor> {
        self.clone_format(MemoryFormat::Preserve)
    }

    /// New memory with the same elements, laid out in `format` (`clone(memory_format=…)`).
    pub fn clone_format(&self, format: MemoryFormat) -> Result<Tensor> {
        let t = self.empty_like(None, format)?;
        copy_into(&t, self)?;
        Ok(t)
    }

    /// `self` if it is contiguous, else a contiguous copy.
    pub fn contiguous(&self) -> Result<Tensor> {
        if self.is_contiguous() {
            Ok(self.clone())
        } else {
            self.clone_format(MemoryFormat::Contiguous)
        }
    }

    pub fn contiguous_as(&self, format: MemoryFormat) -> Result<Tensor> {
        if format == MemoryFormat::Preserve || self.is_contiguous_as(format) {
            return Ok(self.clone());
        }
        self.clone_format(format)
    }

    /// `self` if it has the dtype, else a converted copy that keeps the order of strides.
    pub fn to_dtype(&self, dtype: DType) -> Result<Tensor> {
        if self.dtype() == dtype {
            return Ok(self.clone());
        }
        let t = self.empty_like(Some(dtype), MemoryFormat::Preserve)?;
        copy_into(&t, self)?;
        Ok(t)
    }

    /// A fresh contiguous copy even if `self` already is.
    pub fn to_dtype_copy(&self, dtype: DType, format: MemoryFormat) -> Result<Tensor> {
        let t = self.empty_like(Some(dtype), format)?;
        copy_into(&t, self)?;
        Ok(t)
    }
}

/// The conversion between two dtypes over contiguous runs, for kernels outside the engine.
pub fn convert_fn(from: DType, to: DType) -> Convert {
    converter(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::numel;

    /// A copy in every order of dimensions holds the same elements, also where blocks are cut at the edges.
    #[test]
    fn copies_between_all_orders() {
        let sizes = [3i64, 37, 5, 21];
        for dtype in [
            DType::Byte,
            DType::Half,
            DType::Float,
            DType::Double,
            DType::ComplexDouble,
        ] {
            let x = Tensor::arange(0.into(), numel(&sizes).into(), 1.into(), DType::Long).unwrap();
            let x = x.view(&sizes).unwrap().to_dtype(dtype).unwrap();
            let expected = x.to_scalars().unwrap();
            for order in [
                [0i64, 1, 2, 3],
                [0, 2, 3, 1],
                [3, 2, 1, 0],
                [1, 0, 3, 2],
                [0, 3, 2, 1],
                [2, 3, 0, 1],
            ] {
                let mut back = [0i64; 4];
                (0..4).for_each(|k| back[order[k] as usize] = k as i64);
                let y = x
                    .permute(&order)
                    .unwrap()
                    .contiguous()
                    .unwrap()
                    .permute(&back)
                    .unwrap();
                assert_eq!(y.to_scalars().unwrap(), expected, "{dtype} {order:?}");
                let wide = Tensor::zeros(&[3, 37, 5, 42], dtype).unwrap();
                let part = wide.slice(3, Some(21), None, 1).unwrap();
                part.copy_(&y).unwrap();
                assert_eq!(part.to_scalars().unwrap(), expected, "{dtype} {order:?}");
            }
        }
        // A transposition onto itself goes through a copy.
        let x = Tensor::arange(0.into(), 64.into(), 1.into(), DType::Long)
            .unwrap()
            .view(&[8, 8])
            .unwrap();
        let expected = x.t().unwrap().to_vec::<i64>().unwrap();
        x.copy_(&x.t().unwrap()).unwrap();
        assert_eq!(x.to_vec::<i64>().unwrap(), expected);
    }

    #[track_caller]
    fn check(from: DType, to: DType, values: &[f64], expected: &[f64]) {
        let x = Tensor::from_elements(values).unwrap().to_dtype(from).unwrap();
        assert_eq!(
            x.to_dtype(to).unwrap().to_vec::<f64>().unwrap(),
            expected,
            "{from} to {to}"
        );
    }

    #[test]
    fn casts() {
        use DType::*;
        check(Double, Long, &[1.9, -1.9, 1e30], &[1.0, -1.0, i64::MIN as f64]);
        check(Float, Byte, &[300.0, -1.0, 2.5], &[44.0, 255.0, 2.0]);
        check(Long, Char, &[130.0, -129.0], &[-126.0, 127.0]);
        check(Float, Bool, &[0.0, -0.5, f64::NAN], &[0.0, 1.0, 1.0]);
        check(
            Double,
            Half,
            &[65504.0, 65536.0, 1.0 / 3.0],
            &[65504.0, f64::INFINITY, 0.333251953125],
        );
        check(Double, BFloat16, &[1.0 / 3.0], &[0.333984375]);
        check(ComplexFloat, Int, &[3.5], &[3.0]);
        let many: Vec<f64> = (0..100).map(|k| k as f64 / 8.0).collect();
        check(Half, Float, &many, &many);
        check(Float, Half, &many, &many);
    }
}
