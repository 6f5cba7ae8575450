//! Attention: `softmax(q·kᵀ·scale + mask)·v`, a block of queries at a time, so that the scores never exist as a whole.
//!
//! Keys and values are packed once per head; rows of scores stay in the cache between the two products; division by the
//! sum of a row happens in the result, which is shorter.

use super::access::{aligned, checked_product, lengths, no_memory};
use super::gemm::choose::product;
use super::gemm::pack::copy_panel_into;
use super::gemm::{Columns, Matrix, Product, Rows, multiply, panel_width};
use super::rows::{Loop, RowElement, exponentials, largest, looped};
use super::scratch::with_scratch;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Dims, broadcast_shapes, show};
use crate::math::Madd;
use crate::parallel::{SharedMut, parallel_tasks, threads};
use crate::simd::vectorize;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Arguments of attention besides the tensors.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttentionParams {
    pub dropout_p: f64,
    /// Query `i` sees keys up to `i`.
    pub is_causal: bool,
    /// Instead of one over the square root of the size of a query.
    pub scale: Option<f64>,
    /// Each head of keys serves several of queries.
    pub enable_gqa: bool,
}

/// PyTorch's operator of this name. The mask is boolean (true: takes part) or is added to the scores.
pub fn scaled_dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
    params: &AttentionParams,
) -> Result<Tensor> {
    let dtype = query.dtype();
    ensure!(
        dtype == key.dtype() && dtype == value.dtype(),
        "Expected query, key, and value to have the same dtype, but got query.dtype: {} key.dtype: {} and value.dtype: {} \
         instead.",
        dtype.torch_name(),
        key.dtype().torch_name(),
        value.dtype().torch_name()
    );
    ensure!(
        query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2,
        "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {} key.dim: {} and \
         value.dim: {} instead.",
        query.dim(),
        key.dim(),
        value.dim()
    );
    if let Some(mask) = mask {
        ensure!(
            mask.dtype() == DType::Bool || mask.dtype() == dtype || mask.dtype() == DType::Float,
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: {} and \
             query.dtype: {} instead.",
            mask.dtype().torch_name(),
            dtype.torch_name()
        );
        ensure!(
            !params.is_causal,
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        );
    }
    ensure!(
        params.dropout_p == 0.0,
        "the attention kernel has no dropout; compose it from softmax, dropout and matmul"
    );
    match dtype {
        DType::Float => attend::<f32>(query, key, value, mask, params),
        DType::Double => attend::<f64>(query, key, value, mask, params),
        DType::Half | DType::BFloat16 => {
            let wide = |t: &Tensor| t.to_dtype(DType::Float);
            attend::<f32>(&wide(query)?, &wide(key)?, &wide(value)?, mask, params)?.to_dtype(dtype)
        }
        other => bail!(
            NotImplemented,
            "\"scaled_dot_product_attention\" not implemented for '{}'",
            other.name()
        ),
    }
}

/// An operand and how its heads are found.
struct Heads<T> {
    data: SharedMut<T>,
    /// By leading dimension: stride, and how many positions share one.
    lead: Vec<(isize, usize)>,
    rows: isize,
    columns: isize,
}

impl<T> Heads<T> {
    fn new(t: &Tensor, lead: &[i64], shared: usize) -> Heads<T> {
        let (sizes, strides) = (t.sizes(), t.strides());
        let own = sizes.len() - 2;
        let mut all = vec![(0, 1); lead.len()];
        for d in 0..own {
            let at = lead.len() - own + d;
            let share = if at + 1 == lead.len() { shared } else { 1 };
            all[at] = (
                if sizes[d] == 1 && lead[at] != 1 && share == 1 {
                    0
                } else {
                    strides[d] as isize
                },
                share,
            );
        }
        Heads {
            data: SharedMut(t.meta().ptr().cast()),
            lead: all,
            rows: strides[own] as isize,
            columns: strides[own + 1] as isize,
        }
    }

    /// The matrix of item `i` of the leading dimensions `sizes`.
    fn matrix(&self, mut i: usize, sizes: &[usize]) -> Matrix<T> {
        let mut offset = 0;
        for (&size, &(stride, share)) in sizes.iter().zip(&self.lead).rev() {
            offset += (i % size / share) as isize * stride;
            i /= size;
        }
        Matrix {
            data: self.data.get().wrapping_offset(offset),
            row_stride: self.rows,
            column_stride: self.columns,
        }
    }
}

enum Mask<T> {
    None,
    Keep(Heads<u8>),
    Add(Heads<T>),
}

struct Job<T> {
    q: Heads<T>,
    k: Heads<T>,
    v: Heads<T>,
    mask: Mask<T>,
    lead: Vec<usize>,
    /// Queries, keys, the size of both, and of a value.
    l: usize,
    s: usize,
    e: usize,
    ev: usize,
    scale: T,
    causal: bool,
    out: SharedMut<T>,
}

fn attend<T: RowElement>(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: Option<&Tensor>,
    params: &AttentionParams,
) -> Result<Tensor> {
    let (q, k, v) = (aligned(q)?, aligned(k)?, aligned(v)?);
    let split = |t: &Tensor| -> (Dims, i64, i64) {
        let s = t.sizes();
        (
            Dims::from_slice(&s[..s.len() - 2]),
            s[s.len() - 2],
            s[s.len() - 1],
        )
    };
    let ((lq, l, e), (mut lk, s, ek), (mut lv, sv, ev)) = (split(&q), split(&k), split(&v));
    ensure!(
        e == ek && s == sv,
        "expected keys of the size of the queries and as many values as keys, but got query {}, key {} and value {}",
        show(q.sizes()),
        show(k.sizes()),
        show(v.sizes())
    );
    let mut shared = [1, 1];
    if params.enable_gqa {
        let heads = lq.last().copied().unwrap_or(1);
        for (lead, share) in [&mut lk, &mut lv].into_iter().zip(&mut shared) {
            let Some(own) = lead.last_mut() else {
                bail!("expected tensors of at least 3 dimensions for grouped queries");
            };
            ensure!(
                *own > 0 && heads % *own == 0,
                "Number of heads in key and value must divide the number of heads in query, but got {own} and {heads}"
            );
            *share = (heads / *own) as usize;
            *own = heads;
        }
    }
    let lead = broadcast_shapes(&broadcast_shapes(&lq, &lk)?, &lv)?;
    let mut size = lead.clone();
    size.extend([l, ev]);
    let out = Tensor::empty(&size, T::DTYPE)?;
    let mask = match mask {
        None => None,
        Some(m) => {
            let mut full = lead.clone();
            full.extend([l, s]);
            let m = if m.dtype() == DType::Bool {
                m.clone()
            } else {
                m.to_dtype(T::DTYPE)?
            };
            Some(aligned(&m)?.expand(&full)?)
        }
    };
    if out.numel() == 0 {
        return Ok(out);
    }
    if s == 0 {
        return Tensor::zeros(&size, T::DTYPE);
    }
    let scale = params.scale.unwrap_or(1.0 / (e as f64).sqrt());
    let mut reads = vec![&q, &k, &v];
    reads.extend(&mask);
    let access = Tensor::access(&reads, &[&out])?;
    let job = Job::<T> {
        q: Heads::new(&q, &lead, 1),
        k: Heads::new(&k, &lead, shared[0]),
        v: Heads::new(&v, &lead, shared[1]),
        mask: match &mask {
            None => Mask::None,
            Some(m) if m.dtype() == DType::Bool => Mask::Keep(Heads::new(m, &lead, 1)),
            Some(m) => Mask::Add(Heads::new(m, &lead, 1)),
        },
        lead: lengths(&lead).to_vec(),
        l: l as usize,
        s: s as usize,
        e: e as usize,
        ev: ev as usize,
        scale: T::of(scale),
        causal: params.is_causal,
        out: SharedMut(super::access::address::<T>(&out)?),
    };
    let items = checked_product(&job.lead)?;
    let failed = std::sync::atomic::AtomicBool::new(false);
    let one = |i: usize| {
        // SAFETY: access is held, the layouts were checked against the storages, and each item has its own output.
        if unsafe { job.item(i) }.is_none() {
            failed.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    if items >= threads() {
        parallel_tasks(items, one)
    } else {
        (0..items).for_each(one)
    }
    drop(access);
    if failed.into_inner() {
        Err(no_memory())
    } else {
        Ok(out)
    }
}

impl<T: RowElement> Job<T> {
    /// One head. `None`: no memory.
    unsafe fn item(&self, i: usize) -> Option<()> {
        let (q, k, v) = (
            self.q.matrix(i, &self.lead),
            self.k.matrix(i, &self.lead),
            self.v.matrix(i, &self.lead),
        );
        let out = SharedMut(self.out.get().wrapping_add(i * self.l * self.ev));
        // SAFETY: passed on throughout.
        unsafe {
            // Few queries use keys and values once or twice: they are read where they lie.
            if self.l <= 16 {
                return with_scratch(self.l.checked_mul(self.s)?, |scores: &mut [T]| {
                    let c = SharedMut(scores.as_mut_ptr());
                    product((self.l, self.s, self.e), q, k.t(), c, self.s, None)?;
                    let mut sums = [T::ZERO; 16];
                    self.weigh(i, 0..self.l, self.s, scores, &mut sums);
                    let a = Matrix {
                        data: scores.as_ptr(),
                        row_stride: self.s as isize,
                        column_stride: 1,
                    };
                    let divide = |row: usize, _: usize, piece: &mut [T]| divide(piece, sums[row]);
                    product((self.l, self.ev, self.s), a, v, out, self.ev, Some(&divide))
                })?;
            }
            let width = panel_width::<T>();
            let keys = self.s.next_multiple_of(width).checked_mul(self.e)?;
            let values = self.ev.next_multiple_of(width).checked_mul(self.s)?;
            with_scratch(keys.checked_add(values)?, |packed: &mut [T]| {
                let (packed_k, packed_v) = packed.split_at_mut(keys);
                pack(k.t(), self.s, self.e, width, packed_k);
                pack(v, self.ev, self.s, width, packed_v);
                let (packed_k, packed_v) = (&*packed_k, &*packed_v);
                // Scores and their packed copy stay in the second-level cache; blocks are equally high.
                let most = ((1 << 15) / self.s.max(1)).clamp(24, 240);
                let rows = self.l.div_ceil(self.l.div_ceil(most));
                let failed = std::sync::atomic::AtomicBool::new(false);
                parallel_tasks(self.l.div_ceil(rows), |block| {
                    let first = block * rows;
                    let m = rows.min(self.l - first);
                    if self.block(i, q, packed_k, packed_v, first, m, out).is_none() {
                        failed.store(true, std::sync::atomic::Ordering::Relaxed);
                    }
                });
                (!failed.into_inner()).then_some(())
            })?
        }
    }

    /// Queries `first..first + m` of a head.
    #[allow(clippy::too_many_arguments)]
    unsafe fn block(
        &self,
        i: usize,
        q: Matrix<T>,
        packed_k: &[T],
        packed_v: &[T],
        first: usize,
        m: usize,
        out: SharedMut<T>,
    ) -> Option<()> {
        // Keys that anyone here sees.
        let n = if self.causal {
            self.s.min(first + m)
        } else {
            self.s
        };
        with_scratch(m.checked_mul(n)?.checked_add(m)?, |scratch: &mut [T]| {
            let (scores, sums) = scratch.split_at_mut(m * n);
            // SAFETY: the operands have these extents, and the results are ours.
            unsafe {
                let a = Matrix {
                    data: q.at(first, 0),
                    ..q
                };
                multiply(&Product {
                    m,
                    n,
                    k: self.e,
                    a: Rows::Strided(a),
                    b: Columns::Packed(packed_k),
                    c: SharedMut(scores.as_mut_ptr()),
                    c_stride: n,
                    add: false,
                    finish: None,
                })?;
                self.weigh(i, first..first + m, n, scores, sums);
                let sums = &*sums;
                let divide = |row: usize, _: usize, piece: &mut [T]| divide(piece, sums[row]);
                multiply(&Product {
                    m,
                    n: self.ev,
                    k: n,
                    a: Rows::Strided(Matrix {
                        data: scores.as_ptr(),
                        row_stride: n as isize,
                        column_stride: 1,
                    }),
                    b: Columns::Deeper(packed_v, self.s),
                    c: SharedMut(out.get().add(first * self.ev)),
                    c_stride: self.ev,
                    add: false,
                    finish: Some(&divide),
                })
            }
        })?
    }

    /// Scores of rows `range` against the first `n` keys become weights, not yet divided by their sums.
    unsafe fn weigh(
        &self,
        i: usize,
        range: std::ops::Range<usize>,
        n: usize,
        scores: &mut [T],
        sums: &mut [T],
    ) {
        for (r, (row, sum)) in range.zip(scores.chunks_exact_mut(n.max(1)).zip(sums)) {
            let seen = if self.causal { n.min(r + 1) } else { n };
            row[seen..].fill(T::ZERO);
            let mask = match &self.mask {
                Mask::None => RowMask::None,
                Mask::Keep(m) => {
                    let m = m.matrix(i, &self.lead);
                    // SAFETY: the mask was expanded to the size of the scores.
                    RowMask::Keep(unsafe { m.at(r, 0) }, m.column_stride)
                }
                Mask::Add(m) => {
                    let m = m.matrix(i, &self.lead);
                    // SAFETY: as above.
                    RowMask::Add(unsafe { m.at(r, 0) }, m.column_stride)
                }
            };
            *sum = looped(Weigh {
                row: &mut row[..seen],
                scale: self.scale,
                mask,
            });
        }
    }
}

#[inline]
fn divide<T: RowElement>(piece: &mut [T], sum: T) {
    vectorize(
        #[inline(always)]
        || piece.iter_mut().for_each(|x| *x = x.over(sum)),
    );
}

/// Packs the columns of `b` (`n` of them, `k` deep) into panels.
unsafe fn pack<T: RowElement>(b: Matrix<T>, n: usize, k: usize, width: usize, out: &mut [T]) {
    vectorize(
        #[inline(always)]
        || {
            for j in (0..n).step_by(width) {
                // SAFETY: the caller vouches for the matrix; each panel has its own place.
                unsafe {
                    let to = out[j * k..].as_mut_ptr();
                    copy_panel_into(
                        b.at(0, j),
                        b.column_stride,
                        b.row_stride,
                        width.min(n - j),
                        k,
                        to,
                        width,
                    );
                }
            }
        },
    );
}

enum RowMask<T> {
    None,
    Keep(*const u8, isize),
    Add(*const T, isize),
}

struct Weigh<'a, T> {
    row: &'a mut [T],
    scale: T,
    mask: RowMask<T>,
}

impl<T: RowElement> Loop for Weigh<'_, T> {
    type Output = T;
    /// The divisor of the row; 1 for a row that sees nothing, whose weights are all zero.
    #[inline(always)]
    fn run<M: Madd>(self) -> T {
        let Weigh { row, scale, mask } = self;
        match mask {
            RowMask::None => row.iter_mut().for_each(|x| *x = x.times(scale)),
            RowMask::Keep(m, step) => {
                for (j, x) in row.iter_mut().enumerate() {
                    // SAFETY: the mask has a row of this length.
                    let keep = unsafe { *m.wrapping_offset(j as isize * step) } != 0;
                    *x = if keep { x.times(scale) } else { T::lowest() };
                }
            }
            RowMask::Add(m, 1) => {
                // SAFETY: as above.
                let m = unsafe { std::slice::from_raw_parts(m, row.len()) };
                row.iter_mut()
                    .zip(m)
                    .for_each(|(x, &m)| *x = x.times(scale).plus(m));
            }
            RowMask::Add(m, step) => {
                for (j, x) in row.iter_mut().enumerate() {
                    // SAFETY: as above.
                    *x = x
                        .times(scale)
                        .plus(unsafe { *m.wrapping_offset(j as isize * step) });
                }
            }
        }
        let top = largest(row);
        if top == T::lowest() {
            row.fill(T::ZERO);
            return T::ONE;
        }
        T::of(exponentials::<T, M>(row, top))
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
