//! Arithmetic on sizes and strides: contiguity, broadcasting, and PyTorch's rules for views. No memory here.

use smallvec::SmallVec;

use crate::error::Result;
use crate::{bail, ensure};

/// Sizes or strides; inline up to six dimensions.
pub type Dims = SmallVec<[i64; 6]>;

/// Which order of strides an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryFormat {
    Contiguous,
    /// that of the input, when it is dense and does not overlap
    Preserve,
    /// NHWC
    ChannelsLast,
    /// NDHWC
    ChannelsLast3d,
}

impl MemoryFormat {
    /// From the codes in TorchScript: 0 contiguous, 1 preserve, 2 channels last, 3 channels last 3d.
    pub fn from_code(code: i64) -> Option<MemoryFormat> {
        Some(match code {
            0 => MemoryFormat::Contiguous,
            1 => MemoryFormat::Preserve,
            2 => MemoryFormat::ChannelsLast,
            3 => MemoryFormat::ChannelsLast3d,
            _ => return None,
        })
    }

    pub fn code(self) -> i64 {
        match self {
            MemoryFormat::Contiguous => 0,
            MemoryFormat::Preserve => 1,
            MemoryFormat::ChannelsLast => 2,
            MemoryFormat::ChannelsLast3d => 3,
        }
    }
}

/// Prints sizes as PyTorch does in messages: `[2, 3]`.
pub fn show(sizes: &[i64]) -> String {
    let items: Vec<String> = sizes.iter().map(|s| s.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// Number of elements; an error for negative sizes or when the product does not fit.
pub fn checked_numel(sizes: &[i64]) -> Result<i64> {
    let mut n: i64 = 1;
    let mut zero = false;
    for &s in sizes {
        if s < 0 {
            bail!(
                "Trying to create tensor with negative dimension {s}: {}",
                show(sizes)
            );
        }
        zero |= s == 0;
    }
    if zero {
        return Ok(0);
    }
    for &s in sizes {
        match n.checked_mul(s) {
            Some(m) => n = m,
            None => bail!("numel: integer multiplication overflow"),
        }
    }
    Ok(n)
}

/// Product of sizes already known to be valid.
#[inline]
pub fn numel(sizes: &[i64]) -> i64 {
    sizes.iter().product()
}

/// Row-major strides; a dimension of size 0 counts as 1, as in PyTorch.
pub fn contiguous_strides(sizes: &[i64]) -> Dims {
    let mut strides: Dims = SmallVec::from_elem(1, sizes.len());
    for d in (0..sizes.len().saturating_sub(1)).rev() {
        strides[d] = strides[d + 1].saturating_mul(sizes[d + 1].max(1));
    }
    strides
}

fn strides_in_order(sizes: &[i64], order: &[usize]) -> Dims {
    let mut strides: Dims = SmallVec::from_elem(0, sizes.len());
    let mut step = 1i64;
    for &d in order {
        strides[d] = step;
        step = step.saturating_mul(sizes[d].max(1));
    }
    strides
}

const CHANNELS_LAST: [usize; 4] = [1, 3, 2, 0];
const CHANNELS_LAST_3D: [usize; 5] = [1, 4, 3, 2, 0];

/// Strides of a dense tensor in `format` (`Preserve` means contiguous here).
pub fn format_strides(sizes: &[i64], format: MemoryFormat) -> Result<Dims> {
    match format {
        MemoryFormat::Contiguous | MemoryFormat::Preserve => Ok(contiguous_strides(sizes)),
        MemoryFormat::ChannelsLast => {
            ensure!(
                sizes.len() == 4,
                "required rank 4 tensor to use channels_last format"
            );
            Ok(strides_in_order(sizes, &CHANNELS_LAST))
        }
        MemoryFormat::ChannelsLast3d => {
            ensure!(
                sizes.len() == 5,
                "required rank 5 tensor to use channels_last_3d format"
            );
            Ok(strides_in_order(sizes, &CHANNELS_LAST_3D))
        }
    }
}

fn contiguous_in_order(sizes: &[i64], strides: &[i64], order: impl Iterator<Item = usize>) -> bool {
    let mut expected = 1i64;
    for d in order {
        if sizes[d] != 1 {
            if strides[d] != expected {
                return false;
            }
            expected = expected.saturating_mul(sizes[d]);
        }
    }
    true
}

pub fn is_contiguous(sizes: &[i64], strides: &[i64], format: MemoryFormat) -> bool {
    if sizes.contains(&0) && matches!(format, MemoryFormat::Contiguous | MemoryFormat::Preserve) {
        return true;
    }
    match format {
        MemoryFormat::Contiguous | MemoryFormat::Preserve => {
            contiguous_in_order(sizes, strides, (0..sizes.len()).rev())
        }
        MemoryFormat::ChannelsLast => {
            sizes.len() == 4 && contiguous_in_order(sizes, strides, CHANNELS_LAST.into_iter())
        }
        MemoryFormat::ChannelsLast3d => {
            sizes.len() == 5 && contiguous_in_order(sizes, strides, CHANNELS_LAST_3D.into_iter())
        }
    }
}

/// Whether strides look like channels last even if the tensor is not dense (PyTorch's `is_channels_last_strides`).
fn strides_like(sizes: &[i64], strides: &[i64], order: &[usize]) -> bool {
    // An N111 tensor or a 0-stride channel dimension is ambiguous and counts as contiguous.
    if sizes.len() != order.len() || strides[1] == 0 {
        return false;
    }
    let mut min = 0;
    for &d in order {
        if sizes[d] == 0 || strides[d] < min {
            return false;
        }
        if d == 0 && min == strides[1] {
            return false;
        }
        min = strides[d];
        if sizes[d] > 1 {
            min *= sizes[d];
        }
    }
    true
}

/// The format PyTorch would suggest for outputs of operators on such a tensor.
pub fn suggest_memory_format(sizes: &[i64], strides: &[i64]) -> MemoryFormat {
    if strides_like(sizes, strides, &CHANNELS_LAST) {
        MemoryFormat::ChannelsLast
    } else if strides_like(sizes, strides, &CHANNELS_LAST_3D) {
        MemoryFormat::ChannelsLast3d
    } else {
        MemoryFormat::Contiguous
    }
}

/// Whether the elements fill a block of memory without holes and without overlap, in any order of dimensions.
pub fn is_non_overlapping_and_dense(sizes: &[i64], strides: &[i64]) -> bool {
    if sizes.len() == 1 {
        return sizes[0] < 2 || strides[0] == 1;
    }
    let mut order: SmallVec<[usize; 6]> = (0..sizes.len()).collect();
    order.sort_by_key(|&d| if sizes[d] < 2 { (1, 0) } else { (0, strides[d]) });
    let mut expected = 1i64;
    for d in order {
        if sizes[d] < 2 {
            return true;
        }
        if strides[d] != expected {
            return false;
        }
        expected = expected.saturating_mul(sizes[d]);
    }
    true
}

/// Whether two index tuples may reach the same element; exact for broadcast dimensions, otherwise conservative.
pub fn has_internal_overlap(sizes: &[i64], strides: &[i64]) -> bool {
    if sizes.contains(&0) {
        return false;
    }
    sizes.iter().zip(strides).any(|(&s, &st)| s > 1 && st == 0)
}

/// Strides of a fresh tensor of `sizes` that keeps the order of the given strides (PyTorch's `empty_like` with
/// preserve format): the same strides when dense, otherwise densely packed in the same order of dimensions.
pub fn preserved_strides(sizes: &[i64], strides: &[i64]) -> Dims {
    if is_non_overlapping_and_dense(sizes, strides) {
        return Dims::from_slice(strides);
    }
    dense_strides_like(sizes, &[strides])
}

/// Densely packed strides for `sizes` in the order the operands suggest, as PyTorch's TensorIterator orders its
/// output: from the fastest dimension, an insertion sort that looks at the operands in turn.
pub fn dense_strides_like(sizes: &[i64], operands: &[&[i64]]) -> Dims {
    strides_in_order(sizes, &iteration_order(sizes, operands))
}

/// The order of dimensions, fastest first, in which to walk the operands (element strides, 0 where broadcast).
pub fn iteration_order(sizes: &[i64], operands: &[&[i64]]) -> SmallVec<[usize; 6]> {
    let n = sizes.len();
    let mut perm: SmallVec<[usize; 6]> = (0..n).rev().collect();
    // > 0: dim0 should come after dim1 (is slower); < 0: stay; 0: unknown
    let compare = |d0: usize, d1: usize| -> i32 {
        for strides in operands {
            let (s0, s1) = (strides[d0], strides[d1]);
            if s0 == 0 || s1 == 0 {
                continue;
            }
            if s0 < s1 {
                return -1;
            }
            if s0 > s1 {
                return 1;
            }
            if sizes[d0] > sizes[d1] {
                return 1;
            }
        }
        0
    };
    for i in 1..n {
        let mut d1 = i;
        for d0 in (0..i).rev() {
            let c = compare(perm[d0], perm[d1]);
            if c > 0 {
                perm.swap(d0, d1);
                d1 = d0;
            } else if c < 0 {
                break;
            }
        }
    }
    perm
}

/// Turns a possibly negative dimension into an index; a 0-d tensor accepts -1 and 0.
pub fn wrap_dim(dim: i64, ndim: usize) -> Result<usize> {
    let n = ndim.max(1) as i64;
    if dim < -n || dim >= n {
        bail!(
            Index,
            "Dimension out of range (expected to be in range of [{}, {}], but got {})",
            -n,
            n - 1,
            dim
        );
    }
    Ok(if dim < 0 { dim + n } else { dim } as usize)
}

/// Wraps several dimensions and marks them; a repeated one is an error.
pub fn dim_mask(dims: &[i64], ndim: usize) -> Result<SmallVec<[bool; 8]>> {
    let mut mask: SmallVec<[bool; 8]> = SmallVec::from_elem(false, ndim.max(1));
    for &d in dims {
        let i = wrap_dim(d, ndim)?;
        ensure!(!mask[i], "dim {i} appears multiple times in the list of dims");
        mask[i] = true;
    }
    mask.truncate(ndim);
    Ok(mask)
}

/// The shape both broadcast to.
pub fn broadcast_shapes(a: &[i64], b: &[i64]) -> Result<Dims> {
    let n = a.len().max(b.len());
    let mut out: Dims = SmallVec::from_elem(1, n);
    for i in (0..n).rev() {
        let from_end = n - 1 - i;
        let x = if from_end < a.len() {
            a[a.len() - 1 - from_end]
        } else {
            1
        };
        let y = if from_end < b.len() {
            b[b.len() - 1 - from_end]
        } else {
            1
        };
        ensure!(
            x == y || x == 1 || y == 1,
            "The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {i}"
        );
        out[i] = if x == 1 { y } else { x };
    }
    Ok(out)
}

/// Strides of a tensor seen with the (larger) broadcast sizes; the caller knows that the shapes fit.
pub fn broadcast_strides(sizes: &[i64], strides: &[i64], to: &[i64]) -> Dims {
    let lead = to.len() - sizes.len();
    let mut out: Dims = SmallVec::from_elem(0, to.len());
    for (d, (&s, &st)) in sizes.iter().zip(strides).enumerate() {
        out[lead + d] = if s == 1 && to[lead + d] != 1 { 0 } else { st };
    }
    out
}

/// Replaces a single -1 by the size that makes the element count right.
pub fn infer_size(shape: &[i64], numel: i64) -> Result<Dims> {
    let mut known: i64 = 1;
    let mut infer = None;
    for (d, &s) in shape.iter().enumerate() {
        if s == -1 {
            ensure!(infer.is_none(), "only one dimension can be inferred");
            infer = Some(d);
        } else if s < 0 {
            bail!("invalid shape dimension {s}");
        } else {
            known = known.checked_mul(s).unwrap_or(i64::MAX);
        }
    }
    let invalid = || format!("shape '{}' is invalid for input of size {numel}", show(shape));
    let mut out = Dims::from_slice(shape);
    match infer {
        Some(d) => {
            if known == 0 {
                bail!(
                    "cannot reshape tensor of {numel} elements into shape {} because the unspecified dimension \
                     size -1 can be any value and is ambiguous",
                    show(shape)
                );
            }
            ensure!(numel % known == 0, "{}", invalid());
            out[d] = numel / known;
        }
        None => ensure!(known == numel, "{}", invalid()),
    }
    Ok(out)
}

/// Strides of a view with another shape, or `None` if the elements cannot be reached by any.
pub fn view_strides(sizes: &[i64], strides: &[i64], shape: &[i64]) -> Option<Dims> {
    if sizes.is_empty() {
        return Some(SmallVec::from_elem(1, shape.len()));
    }
    if sizes.contains(&0) {
        // Equal shapes keep their strides; otherwise row-major ones are as good as any.
        return Some(if sizes == shape {
            Dims::from_slice(strides)
        } else {
            contiguous_strides(shape)
        });
    }
    let mut out: Dims = SmallVec::from_elem(0, shape.len());
    let mut view_d = shape.len();
    // A chunk is a run of old dimensions that is contiguous in itself; new dimensions must tile each chunk.
    let mut chunk_base = *strides.last()?;
    let mut chunk = 1i64;
    let mut viewed = 1i64;
    for d in (0..sizes.len()).rev() {
        chunk *= sizes[d];
        let ends = d == 0 || (sizes[d - 1] != 1 && strides[d - 1] != chunk.saturating_mul(chunk_base));
        if ends {
            while view_d > 0 && (viewed < chunk || shape[view_d - 1] == 1) {
                view_d -= 1;
                out[view_d] = viewed.saturating_mul(chunk_base);
                viewed = viewed.saturating_mul(shape[view_d]);
            }
            if viewed != chunk {
                return None;
            }
            if d > 0 {
                chunk_base = strides[d - 1];
                chunk = 1;
                viewed = 1;
            }
        }
    }
    (view_d == 0).then_some(out)
}

/// Lowest and highest element offset reached relative to the start, or `None` when there are no elements.
/// `None` in the result's place of an overflow is an error.
pub fn extent(sizes: &[i64], strides: &[i64]) -> Result<Option<(i64, i64)>> {
    if sizes.contains(&0) {
        return Ok(None);
    }
    let (mut low, mut high) = (0i64, 0i64);
    for (&s, &st) in sizes.iter().zip(strides) {
        let Some(reach) = (s - 1).checked_mul(st) else {
            bail!("strides {} are out of range", show(strides))
        };
        let end = if reach < 0 { &mut low } else { &mut high };
        let Some(sum) = end.checked_add(reach) else {
            bail!("strides {} are out of range", show(strides))
        };
        *end = sum;
    }
    Ok(Some((low, high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_view(sizes: &[i64], strides: &[i64], shape: &[i64], expected: Option<&[i64]>) {
        assert_eq!(
            view_strides(sizes, strides, shape).as_deref(),
            expected,
            "{sizes:?} {strides:?} {shape:?}"
        );
    }

    #[test]
    fn views() {
        check_view(&[2, 3], &[3, 1], &[6], Some(&[1]));
        check_view(&[2, 3], &[1, 2], &[6], None);
        check_view(&[2, 3], &[1, 2], &[2, 3, 1], Some(&[1, 2, 2]));
        check_view(&[4, 3], &[6, 1], &[2, 2, 3], Some(&[12, 6, 1]));
        check_view(&[4, 3], &[6, 1], &[12], None);
        check_view(&[], &[], &[1, 1], Some(&[1, 1]));
        check_view(&[0, 3], &[3, 1], &[3, 0], Some(&[1, 1]));
        check_view(&[2, 1, 3], &[3, 100, 1], &[6], Some(&[1]));
        check_view(&[2, 3], &[0, 0], &[6], Some(&[0]));
    }

    #[test]
    fn inferred() {
        assert_eq!(infer_size(&[-1, 2], 6).unwrap().as_slice(), &[3, 2]);
        assert_eq!(
            infer_size(&[2, 3], 5).unwrap_err().message,
            "shape '[2, 3]' is invalid for input of size 5"
        );
        assert!(infer_size(&[-1, 0], 0).is_err());
        assert!(infer_size(&[-1, -1], 4).is_err());
        assert!(infer_size(&[i64::MAX, 4], 4).is_err());
    }

    #[test]
    fn orders() {
        let nhwc = format_strides(&[2, 3, 4, 5], MemoryFormat::ChannelsLast).unwrap();
        assert_eq!(nhwc.as_slice(), &[60, 1, 15, 3]);
        assert_eq!(dense_strides_like(&[2, 3, 4, 5], &[&nhwc]), nhwc);
        assert_eq!(
            suggest_memory_format(&[2, 3, 4, 5], &nhwc),
            MemoryFormat::ChannelsLast
        );
        assert_eq!(
            suggest_memory_format(&[2, 3, 4, 5], &[60, 20, 5, 1]),
            MemoryFormat::Contiguous
        );
        assert_eq!(dense_strides_like(&[2, 3], &[&[1, 2]]).as_slice(), &[1, 2]);
        assert_eq!(
            dense_strides_like(&[2, 3], &[&[1, 0], &[0, 1]]).as_slice(),
            &[3, 1]
        );
        assert_eq!(preserved_strides(&[2, 3], &[1, 4]).as_slice(), &[1, 2]);
    }

    #[test]
    fn broadcast() {
        assert_eq!(broadcast_shapes(&[2, 1], &[3]).unwrap().as_slice(), &[2, 3]);
        assert_eq!(
            broadcast_shapes(&[2, 3], &[4]).unwrap_err().message,
            "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1"
        );
        assert_eq!(
            broadcast_strides(&[2, 1], &[1, 1], &[5, 2, 3]).as_slice(),
            &[0, 1, 0]
        );
    }

    #[test]
    fn dimensions() {
        assert_eq!(wrap_dim(-1, 4).unwrap(), 3);
        assert_eq!(
            wrap_dim(4, 4).unwrap_err().message,
            "Dimension out of range (expected to be in range of [-4, 3], but got 4)"
        );
        assert_eq!(wrap_dim(-1, 0).unwrap(), 0);
        assert!(checked_numel(&[i64::MAX, 2]).is_err());
        assert_eq!(checked_numel(&[i64::MAX, 2, 0]).unwrap(), 0);
        assert!(checked_numel(&[-1]).is_err());
    }
}
