//! The input of a convolution, laid out so that every tap reads rows of neighbouring elements without asking about
//! borders or strides.
//!
//! A channel of the input is copied with its zeros around it and, for strides above 1, split into phases: the
//! elements that one residue class of taps meets lie together.
//!
//! ```text
//!  input row   0 a b c d e f 0        stride 2, kernel 3
//!  phase 0     0 b d f                tap 0 reads phase 0 from 0, tap 2 reads phase 0 from 1
//!  phase 1     a c e 0                tap 1 reads phase 1 from 0
//! ```
//!
//! So the input of output pixel `(d, h, w)` under a tap is `data[tap + d·pitch_d + h·pitch_h + w]`, with one offset
//! per tap. Where there is neither padding nor stride, that already holds of the input itself and nothing is copied.

use super::shape::ConvShape;
use crate::nn::vector::{Real, Vector, WithVector, run};

/// Elements after the last channel that may be read (never used) past its end.
pub const SLACK: usize = 64;

/// The layout of the copied input.
#[derive(Clone, Debug)]
pub struct InputLayout {
    shape: ConvShape,
    /// Sizes of one phase: as far as the taps reach.
    pub reach: [usize; 3],
    /// Which residues occur, by dimension.
    phases: [Vec<usize>; 3],
    /// Elements of one channel with all its phases.
    pub plane: usize,
    /// Whether the input already has this layout.
    pub as_is: bool,
}

impl InputLayout {
    pub fn new(shape: &ConvShape) -> InputLayout {
        let mut reach = [0; 3];
        let mut phases: [Vec<usize>; 3] = Default::default();
        for d in 0..3 {
            for tap in 0..shape.kernel[d] {
                let at = tap * shape.dilation[d];
                reach[d] = reach[d].max(shape.output[d] + at / shape.stride[d]);
                let phase = at % shape.stride[d];
                if !phases[d].contains(&phase) {
                    phases[d].push(phase);
                }
            }
        }
        let as_is = shape.stride == [1; 3] && shape.padding == [0; 3] && reach == shape.input;
        let copies: usize = phases.iter().map(Vec::len).product();
        InputLayout {
            shape: *shape,
            plane: copies * reach.iter().product::<usize>(),
            reach,
            phases,
            as_is,
        }
    }

    /// Distance of rows and of planes of a phase.
    pub fn pitch(&self) -> [usize; 2] {
        [self.reach[1] * self.reach[2], self.reach[2]]
    }

    /// Offset of a tap within a channel.
    pub fn tap(&self, tap: [usize; 3]) -> usize {
        let mut phase = 0;
        let mut within = 0;
        for d in 0..3 {
            let at = tap[d] * self.shape.dilation[d];
            let residue = at % self.shape.stride[d];
            let index = self.phases[d].iter().position(|&p| p == residue).unwrap_or(0);
            phase = phase * self.phases[d].len() + index;
            within = within * self.reach[d] + at / self.shape.stride[d];
        }
        phase * self.reach.iter().product::<usize>() + within
    }

    /// Offsets of all taps of one channel, in the order of the weights.
    pub fn taps(&self) -> Vec<usize> {
        let k = self.shape.kernel;
        let mut offsets = Vec::with_capacity(self.shape.taps());
        for d in 0..k[0] {
            for h in 0..k[1] {
                offsets.extend((0..k[2]).map(|w| self.tap([d, h, w])));
            }
        }
        offsets
    }

    /// The rows of a laid-out channel that hold input, for [`Self::copy`].
    pub fn rows(&self) -> Vec<Row> {
        let s = &self.shape;
        let mut rows = Vec::new();
        let mut to = 0;
        for &pd in &self.phases[0] {
            for &ph in &self.phases[1] {
                for &pw in &self.phases[2] {
                    // to[i] = from[i·stride + pw - padding]
                    let (stride, padding) = (s.stride[2], s.padding[2]);
                    let first = padding.saturating_sub(pw).div_ceil(stride).min(self.reach[2]);
                    let end = (s.input[2] + padding)
                        .saturating_sub(pw)
                        .div_ceil(stride)
                        .clamp(first, self.reach[2]);
                    for d in 0..self.reach[0] {
                        let from_d = (d * s.stride[0] + pd)
                            .checked_sub(s.padding[0])
                            .filter(|&i| i < s.input[0]);
                        for h in 0..self.reach[1] {
                            let from_h = (h * s.stride[1] + ph)
                                .checked_sub(s.padding[1])
                                .filter(|&i| i < s.input[1]);
                            if let (Some(d), Some(h), true) = (from_d, from_h, first < end) {
                                let row = (d * s.input[1] + h) * s.input[2];
                                let from = row + first * stride + pw - padding;
                                rows.push(Row {
                                    from,
                                    left: row + s.input[2] - from,
                                    to: to + first,
                                    n: end - first,
                                });
                            }
                            to += self.reach[2];
                        }
                    }
                }
            }
        }
        rows
    }

    /// Writes the input elements of one channel into `out`, which has [`Self::plane`] elements. What lies around
    /// them is left alone: it is zero, and stays so from one channel to the next.
    pub fn copy<T: Real>(&self, rows: &[Row], input: &[T], out: &mut [T]) {
        run(CopyRows {
            rows,
            stride: self.shape.stride[2],
            input,
            out,
        });
    }
}

/// A row of input elements: `out[to + i] = input[from + i·stride]` for `n` of them; `left` may be read from `from` on.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    from: usize,
    left: usize,
    to: usize,
    n: usize,
}

impl Row {
    /// Elements of the row.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.n
    }
}

struct CopyRows<'a, T> {
    rows: &'a [Row],
    stride: usize,
    input: &'a [T],
    out: &'a mut [T],
}

impl<T: Real> WithVector<T> for CopyRows<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        let CopyRows {
            rows,
            stride,
            input,
            out,
        } = self;
        for r in rows {
            let from = &input[r.from..r.from + r.left];
            let to = &mut out[r.to..r.to + r.n];
            let (from, to, n) = (from.as_ptr(), to.as_mut_ptr(), r.n);
            // SAFETY: `n` elements may be written, and `left >= (n - 1)·stride + 1` read.
            unsafe {
                let mut i = 0;
                match stride {
                    1 => {
                        while i + V::LANES <= n {
                            V::load(from.add(i)).store(to.add(i));
                            i += V::LANES;
                        }
                        if i < n {
                            V::load_part(from.add(i), n - i).store_part(to.add(i), n - i);
                        }
                    }
                    2 => {
                        while i < n {
                            let left = r.left - 2 * i;
                            let (one, two) = if left >= 2 * V::LANES {
                                (V::load(from.add(2 * i)), V::load(from.add(2 * i + V::LANES)))
                            } else if left > V::LANES {
                                let two = V::load_part(from.add(2 * i + V::LANES), left - V::LANES);
                                (V::load(from.add(2 * i)), two)
                            } else if left == V::LANES {
                                (V::load(from.add(2 * i)), V::splat(T::ZERO))
                            } else {
                                (V::load_part(from.add(2 * i), left), V::splat(T::ZERO))
                            };
                            let x = one.evens(two);
                            if i + V::LANES <= n {
                                x.store(to.add(i))
                            } else {
                                x.store_part(to.add(i), n - i)
                            }
                            i += V::LANES;
                        }
                    }
                    _ => {
                        for i in 0..n {
                            *to.add(i) = *from.add(i * stride);
                        }
                    }
                }
            }
        }
    }
}
