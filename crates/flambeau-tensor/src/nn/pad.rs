//! Padding of every mode. Along each dimension a table says which input position an output position takes, if any;
//! one loop copies by these tables, whatever the mode and the dtype.

use super::access::{checked_product, dense, lengths, no_memory};
use crate::error::Result;
use crate::layout::{Dims, MemoryFormat, show};
use crate::parallel::{SharedMut, parallel_for};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Bytes of an element of two machine words.
type Two = [u64; 2];

/// Runs the body with `$T` bound to a plain type of the size of an element, for code that only moves elements.
macro_rules! by_size {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype.size() {
            1 => {
                type $T = u8;
                $body
            }
            2 => {
                type $T = u16;
                $body
            }
            4 => {
                type $T = u32;
                $body
            }
            8 => {
                type $T = u64;
                $body
            }
            _ => {
                type $T = $crate::nn::pad::TwoWords;
                $body
            }
        }
    };
}

pub(crate) use by_size;

#[doc(hidden)]
pub type TwoWords = Two;

/// Positions of the input that the output takes along one dimension.
pub(super) type Table = Vec<Option<usize>>;

/// Gathers by one table per dimension; `fill` stands where a table has nothing.
pub(super) fn remap(x: &Tensor, tables: &[Table], fill: Scalar) -> Result<Tensor> {
    let format = x.suggest_memory_format();
    let x = dense(x)?;
    let sizes = lengths(x.sizes());
    let size: Dims = tables.iter().map(|t| t.len() as i64).collect();
    let out = Tensor::empty(&size, x.dtype())?;
    let Some((last, lead)) = tables.split_last() else {
        return x.copy();
    };
    if out.numel() == 0 {
        return Ok(out);
    }
    // Where the last table walks along the input.
    let start = last.iter().position(Option::is_some).unwrap_or(last.len());
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    for (j, i) in last.iter().enumerate().skip(start) {
        let Some(i) = *i else { continue };
        match runs.last_mut() {
            Some((to, from, n)) if *to + *n == j && *from + *n == i => *n += 1,
            _ => runs.push((j, i, 1)),
        }
    }
    let filled: Vec<usize> = (0..last.len()).filter(|&j| last[j].is_none()).collect();
    // Runs of a few elements are not worth a call each.
    let short = runs.len() * 8 > last.len();
    let (width, from_width) = (last.len(), sizes.last().copied().unwrap_or(1));
    let rows = out.numel() as usize / width;
    let constant = Tensor::full(&[1], fill, x.dtype())?;
    {
        let access = Tensor::access(&[&x, &constant], &[&out])?;
        by_size!(x.dtype(), T => {
            let from = SharedMut(x.meta().ptr().cast::<T>());
            let to = SharedMut(out.meta().ptr().cast::<T>());
            // SAFETY: access is held to the end of the block; one element exists.
            let constant: T = unsafe { constant.meta().ptr().cast::<T>().read_unaligned() };
            parallel_for(rows, 8192 / width + 1, |range| {
                for row in range {
                    let (mut rest, mut at, mut pitch, mut inside) = (row, 0, 1, true);
                    for (table, &size) in lead.iter().zip(&sizes).rev() {
                        match table[rest % table.len()] {
                            Some(i) => at += i * pitch,
                            None => inside = false,
                        }
                        rest /= table.len();
                        pitch *= size;
                    }
                    // SAFETY: rows of the output are cut disjointly; tables name positions inside the input.
                    unsafe {
                        let to = std::slice::from_raw_parts_mut(to.get().add(row * width), width);
                        if !inside {
                            to.fill(constant);
                            continue;
                        }
                        filled.iter().for_each(|&j| to[j] = constant);
                        let from = from.get().add(at * from_width);
                        if short {
                            for &(j, i, n) in &runs {
                                for k in 0..n {
                                    to[j + k] = *from.add(i + k);
                                }
                            }
                            continue;
                        }
                        for &(j, i, n) in &runs {
                            to[j..j + n].copy_from_slice(std::slice::from_raw_parts(from.add(i), n));
                        }
                    }
                }
            });
        });
        drop(access);
    }
    if format == MemoryFormat::Contiguous {
        Ok(out)
    } else {
        out.contiguous_as(format)
    }
}

/// A table of `total` entries.
pub(super) fn table_of(total: i64, entry: impl Fn(i64) -> Option<usize>) -> Result<Table> {
    // More than a tensor can have where it is padded; tables are built even if another dimension is empty.
    ensure!(
        total < 1 << 32,
        "a dimension of {total} elements is too large to pad"
    );
    let mut table = Table::new();
    table
        .try_reserve_exact(total.max(0) as usize)
        .map_err(|_| no_memory())?;
    table.extend((0..total).map(entry));
    Ok(table)
}

/// Tables for a padding list (last dimension first), each made by `table(input size, before, after, dimension)`.
fn tables(
    x: &Tensor,
    pad: &[i64],
    mut table: impl FnMut(i64, i64, i64, usize) -> Result<Table>,
) -> Result<Vec<Table>> {
    let sizes = x.sizes();
    let around = |d: usize| {
        let from_end = sizes.len() - 1 - d;
        pad.get(2 * from_end..2 * from_end + 2)
            .map_or((0, 0), |p| (p[0], p[1]))
    };
    let mut size = Vec::with_capacity(sizes.len());
    for (d, &n) in sizes.iter().enumerate() {
        let (before, after) = around(d);
        let total = n.checked_add(before).and_then(|t| t.checked_add(after));
        ensure!(
            total.is_some_and(|t| t < 1 << 48),
            "the padding {} is too large",
            show(pad)
        );
        size.push(total.unwrap_or(0).max(0) as usize);
    }
    checked_product(&size)?;
    let mut all = Vec::with_capacity(sizes.len());
    for (d, &n) in sizes.iter().enumerate() {
        all.push(match around(d) {
            (0, 0) => table_of(n, |i| Some(i as usize))?,
            (before, after) => table(n, before, after, d)?,
        });
    }
    Ok(all)
}

fn even(pad: &[i64]) -> Result<()> {
    ensure!(
        pad.len() % 2 == 0,
        "Length of pad must be even but instead it equals {}",
        pad.len()
    );
    Ok(())
}

/// PyTorch's operator of this name: a constant all around; negative padding cuts off.
pub fn constant_pad_nd(x: &Tensor, pad: &[i64], value: Scalar) -> Result<Tensor> {
    even(pad)?;
    ensure!(
        pad.len() / 2 <= x.dim(),
        "Length of pad should be no more than twice the number of dimensions of the input. Pad length is {} while the \
         input has {} dimensions.",
        pad.len(),
        x.dim()
    );
    let tables = tables(x, pad, |n, before, after, d| {
        let total = n.saturating_add(before).saturating_add(after);
        ensure!(
            total >= 0,
            "The input size {n}, plus negative padding {before} and {after} resulted in a negative output size, which is \
             invalid. Check dimension {d} of your input."
        );
        table_of(total, |j| {
            usize::try_from(j.checked_sub(before)?)
                .ok()
                .filter(|&i| i < n as usize)
        })
    })?;
    remap(x, &tables, value)
}

/// How the modes without a constant continue an input.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Reflect,
    Replicate,
    Circular,
}

fn continued(x: &Tensor, pad: &[i64], mode: Mode) -> Result<Tensor> {
    let sizes = x.sizes();
    let tables = tables(x, pad, |n, before, after, d| {
        let total = n.saturating_add(before).saturating_add(after);
        match mode {
            Mode::Reflect => ensure!(
                before < n && after < n,
                "Argument #{}: Padding size should be less than the corresponding input dimension, but got: padding \
                 ({before}, {after}) at dimension {d} of input {}",
                2 * (sizes.len() - d) + 2,
                show(sizes)
            ),
            Mode::Replicate => {
                ensure!(
                    n > 0 || total == 0,
                    "Expected a non-empty dimension {d} to replicate, but got: {}",
                    show(sizes)
                )
            }
            Mode::Circular => {
                ensure!(
                    before <= n && after <= n,
                    "Padding value causes wrapping around more than once."
                );
            }
        }
        ensure!(
            total >= 1,
            "input (size: {n}) is too small. Calculated output size: {total} (padding: {before}, {after}) at dimension {d}"
        );
        // Circular padding repeats what is left after cutting.
        let core = (total - before.max(0) - after.max(0)).max(1);
        table_of(total, |j| {
            let i = j.saturating_sub(before);
            let i = match mode {
                Mode::Reflect => {
                    let i = i.saturating_abs();
                    if i >= n { 2 * (n - 1) - i } else { i }
                }
                Mode::Replicate => i.clamp(0, n - 1),
                Mode::Circular => (j - before.max(0)).rem_euclid(core) - before.min(0),
            };
            usize::try_from(i).ok().filter(|&i| i < n as usize)
        })
    })?;
    remap(x, &tables, Scalar::Int(0))
}

fn check_dims(name: &str, x: &Tensor, pad: &[i64], dims: usize) -> Result<()> {
    ensure!(
        pad.len() == 2 * dims,
        "padding size is expected to be {}, but got: {}",
        2 * dims,
        pad.len()
    );
    let sizes = x.sizes();
    let ok = match sizes.len().checked_sub(dims) {
        Some(1) => sizes.iter().all(|&s| s > 0),
        Some(2) => sizes[1..].iter().all(|&s| s > 0),
        _ => false,
    };
    ensure!(
        ok,
        "Expected {}D or {}D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but \
         got: {} ({name})",
        dims + 1,
        dims + 2,
        show(sizes)
    );
    Ok(())
}

macro_rules! continued_pads {
    ($($name:ident $dims:literal $mode:ident;)*) => {$(
        /// PyTorch's operator of this name.
        pub fn $name(x: &Tensor, padding: &[i64]) -> Result<Tensor> {
            check_dims(stringify!($name), x, padding, $dims)?;
            continued(x, padding, Mode::$mode)
        }
    )*};
}

continued_pads! {
    reflection_pad1d 1 Reflect;
    reflection_pad2d 2 Reflect;
    reflection_pad3d 3 Reflect;
    replication_pad1d 1 Replicate;
    replication_pad2d 2 Replicate;
    replication_pad3d 3 Replicate;
}

/// PyTorch's `pad`: `constant`, `reflect`, `replicate` or `circular`.
pub fn pad(x: &Tensor, padding: &[i64], mode: &str, value: Option<f64>) -> Result<Tensor> {
    even(padding)?;
    ensure!(
        padding.len() <= 2 * x.dim(),
        "Padding length should be less than or equal to two times the input dimension but got padding length {} and input \
         of dimension {}",
        padding.len(),
        x.dim()
    );
    if mode == "constant" {
        let value = value.unwrap_or(0.0);
        let value = if x.dtype().is_integral(true) {
            Scalar::Int(value as i64)
        } else {
            Scalar::Float(value)
        };
        return constant_pad_nd(x, padding, value);
    }
    ensure!(
        value.is_none_or(|v| v == 0.0),
        "Padding mode \"{mode}\" doesn't take in value argument"
    );
    let dims = padding.len() / 2;
    if !(1..=3).contains(&dims) || (x.dim() != dims + 1 && x.dim() != dims + 2) {
        bail!(
            NotImplemented,
            "Padding size {} is not supported for {}D input tensor.\n\
             Supported combinations for non-constant padding:\n  \
             - 2D or 3D input: padding size = 2 (pads last dimension)\n  \
             - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n  \
             - 4D or 5D input: padding size = 6 (pads last 3 dimensions)",
            padding.len(),
            x.dim()
        );
    }
    match (mode, dims) {
        ("reflect", 1) => reflection_pad1d(x, padding),
        ("reflect", 2) => reflection_pad2d(x, padding),
        ("reflect", _) => reflection_pad3d(x, padding),
        ("replicate", 1) => replication_pad1d(x, padding),
        ("replicate", 2) => replication_pad2d(x, padding),
        ("replicate", _) => replication_pad3d(x, padding),
        ("circular", _) => continued(x, padding, Mode::Circular),
        _ => bail!(NotImplemented, "Unrecognised padding mode {mode}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;

    fn row(values: &[i64], size: &[i64]) -> Tensor {
        Tensor::from_slice(values, size).unwrap()
    }

    #[test]
    fn modes_along_one_dimension() {
        let x = row(&[1, 2, 3, 4], &[1, 1, 4]);
        for (mode, padding, want) in [
            ("constant", [2, 1], vec![7, 7, 1, 2, 3, 4, 7]),
            ("constant", [-1, -2], vec![2]),
            ("constant", [-1, 2], vec![2, 3, 4, 7, 7]),
            ("constant", [-2, -2], vec![]),
            ("reflect", [2, 3], vec![3, 2, 1, 2, 3, 4, 3, 2, 1]),
            ("reflect", [-1, 1], vec![2, 3, 4, 3]),
            ("replicate", [2, 1], vec![1, 1, 1, 2, 3, 4, 4]),
            ("circular", [3, 4], vec![2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]),
            ("circular", [1, -2], vec![2, 1, 2]),
            ("circular", [-1, 1], vec![2, 3, 4, 2]),
        ] {
            let value = (mode == "constant").then_some(7.0);
            for dtype in [
                DType::Long,
                DType::Float,
                DType::Byte,
                DType::Half,
                DType::ComplexDouble,
            ] {
                let got = pad(&x.to_dtype(dtype).unwrap(), &padding, mode, value).unwrap();
                assert_eq!(
                    (got.to_vec::<i64>().unwrap(), got.dtype()),
                    (want.clone(), dtype),
                    "{mode} {padding:?}"
                );
            }
        }
    }

    #[test]
    fn several_dimensions() {
        let x = row(&[1, 2, 3, 4, 5, 6], &[1, 1, 2, 3]);
        let got = pad(&x, &[1, 0, 1, 1], "reflect", None).unwrap();
        assert_eq!(
            got.to_vec::<i64>().unwrap(),
            [5, 4, 5, 6, 2, 1, 2, 3, 5, 4, 5, 6, 2, 1, 2, 3]
        );
        let got = constant_pad_nd(&x, &[0, 1, 1, 0], Scalar::Int(9)).unwrap();
        assert_eq!(got.to_vec::<i64>().unwrap(), [9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9]);
        let got = constant_pad_nd(&x.transpose(2, 3).unwrap(), &[0, 0, 0, 0, 1, 0], Scalar::Int(0)).unwrap();
        assert_eq!(got.to_vec::<i64>().unwrap(), [0, 0, 0, 0, 0, 0, 1, 4, 2, 5, 3, 6]);
        assert_eq!(
            constant_pad_nd(&row(&[], &[0, 2]), &[1, 1, 1, 1], Scalar::Int(3))
                .unwrap()
                .to_vec::<i64>()
                .unwrap(),
            [3; 8]
        );
        assert_eq!(
            constant_pad_nd(&row(&[5], &[]), &[], Scalar::Int(3))
                .unwrap()
                .to_vec::<i64>()
                .unwrap(),
            [5]
        );
    }

    #[test]
    fn mistakes_are_named() {
        let x = row(&[1, 2, 3, 4], &[1, 1, 4]);
        for (padding, mode, want) in [
            (
                &[4, 0][..],
                "reflect",
                "Padding size should be less than the corresponding input dimension",
            ),
            (
                &[5, 0],
                "circular",
                "Padding value causes wrapping around more than once",
            ),
            (
                &[1],
                "constant",
                "Length of pad must be even but instead it equals 1",
            ),
            (&[-3, -3], "constant", "resulted in a negative output size"),
            (&[i64::MAX, 1], "constant", "too large"),
            (&[1 << 40, 0, 1 << 40, 0], "constant", "too large"),
            (
                &[0; 8],
                "constant",
                "Padding length should be less than or equal to two times the input dimension",
            ),
            (&[1, 1], "mirror", "Unrecognised padding mode mirror"),
            (&[1, 1, 1, 1, 1, 1], "reflect", "Padding size 6 is not supported"),
        ] {
            let message = pad(&x, padding, mode, None).unwrap_err().message;
            assert!(message.contains(want), "{message}");
        }
    }
}
