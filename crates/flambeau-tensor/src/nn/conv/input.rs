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

    /// Lays out one channel: `input` to `out`, which has [`Self::plane`] elements.
    pub fn copy<T: Copy + Default>(&self, input: &[T], out: &mut [T]) {
        let s = &self.shape;
        let row = self.reach[2];
        let mut rows = out.chunks_exact_mut(row.max(1));
        for &pd in &self.phases[0] {
            for &ph in &self.phases[1] {
                for &pw in &self.phases[2] {
                    for d in 0..self.reach[0] {
                        let from_d = (d * s.stride[0] + pd)
                            .checked_sub(s.padding[0])
                            .filter(|&i| i < s.input[0]);
                        for h in 0..self.reach[1] {
                            let from_h = (h * s.stride[1] + ph)
                                .checked_sub(s.padding[1])
                                .filter(|&i| i < s.input[1]);
                            let Some(to) = rows.next() else { return };
                            match (from_d, from_h) {
                                (Some(d), Some(h)) => {
                                    let start = (d * s.input[1] + h) * s.input[2];
                                    let from = &input[start..start + s.input[2]];
                                    copy_row(from, to, s.stride[2], pw, s.padding[2]);
                                }
                                _ => to.fill(T::default()),
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `to[i] = from[i·stride + phase - padding]`, zero outside.
fn copy_row<T: Copy + Default>(from: &[T], to: &mut [T], stride: usize, phase: usize, padding: usize) {
    let first = padding.saturating_sub(phase).div_ceil(stride).min(to.len());
    let end = (from.len() + padding)
        .saturating_sub(phase)
        .div_ceil(stride)
        .clamp(first, to.len());
    to[..first].fill(T::default());
    to[end..].fill(T::default());
    if first == end {
        return;
    }
    let start = first * stride + phase - padding;
    let to = &mut to[first..end];
    match stride {
        1 => to.copy_from_slice(&from[start..start + to.len()]),
        2 => {
            let pairs = &from[start..(start + 2 * to.len()).min(from.len())];
            let (whole, rest) = pairs.as_chunks::<2>();
            for (to, pair) in to.iter_mut().zip(whole) {
                *to = pair[0];
            }
            if let (Some(to), Some(&last)) = (to.get_mut(whole.len()), rest.first()) {
                *to = last;
            }
        }
        _ => to
            .iter_mut()
            .zip(from[start..].iter().step_by(stride))
            .for_each(|(to, &x)| *to = x),
    }
}
