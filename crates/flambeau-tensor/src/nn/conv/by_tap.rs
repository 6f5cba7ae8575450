//! Convolution one tap after another, leaving out what meets only zeros.
//!
//! Where a kernel reaches far beyond the image, as the dilated ones of segmentation heads do, most taps meet the zeros
//! around it for most rows of the output. Here rows are cut into bands that the same taps serve; each tap adds a
//! product over the channels, gathered from the input as it lies. Nothing is laid out, and no zero is multiplied but
//! those at the sides.
//!
//! ```text
//!  rows of the output    taps of a 3×3 kernel, dilation 20, 28 rows
//!  0..8                  rows 1 and 2 of the kernel
//!  8..20                 row 1
//!  20..28                rows 0 and 1
//! ```

use super::implicit::gather;
use super::shape::ConvShape;
use crate::nn::gemm::{Columns, Fill, Matrix, Product, Rows, multiply};
use crate::nn::vector::Real;
use crate::parallel::SharedMut;
use std::ops::Range;

/// A tap that meets the input somewhere.
#[derive(Clone, Debug)]
struct Tap {
    /// Its number among the weights of a channel.
    index: usize,
    /// Rows of the output for which it meets the input.
    rows: Range<usize>,
    /// From a pixel of the output to the one of the input, in rows and columns.
    step: [isize; 2],
}

/// Pixels of the output that meet the input under a step of `by`.
fn meeting(by: isize, input: usize, output: usize) -> Range<usize> {
    let first = (-by).max(0) as usize;
    let end = (input as isize - by).clamp(0, output as isize) as usize;
    first.min(end)..end
}

fn taps(s: &ConvShape) -> Vec<Tap> {
    let [_, kh, kw] = s.kernel;
    let mut taps = Vec::new();
    for h in 0..kh {
        for w in 0..kw {
            let step = [(h, 1), (w, 2)].map(|(at, d)| (at * s.dilation[d]) as isize - s.padding[d] as isize);
            let rows = meeting(step[0], s.input[1], s.output[1]);
            let columns = meeting(step[1], s.input[2], s.output[2]);
            if !rows.is_empty() && !columns.is_empty() {
                taps.push(Tap {
                    index: h * kw + w,
                    rows,
                    step,
                });
            }
        }
    }
    taps
}

/// Whether this way can take a shape.
pub fn can(s: &ConvShape) -> bool {
    s.stride == [1; 3] && s.kernel[0] == 1 && s.input[0] == 1 && s.padding[0] == 0 && s.channels > 0
}

/// Whether it leaves out enough to pay.
pub fn pays(s: &ConvShape) -> bool {
    if !can(s) || s.channels < 64 || s.taps() == 1 {
        return false;
    }
    let rows: usize = taps(s).iter().map(|t| t.rows.len()).sum();
    rows * 6 < s.output[1] * s.taps() * 5
}

/// The channels under one tap, for a band of rows.
struct Channels<'a, T> {
    data: &'a [T],
    offsets: &'a [usize],
    step: [isize; 2],
    /// Sizes of a row of the input and of the output.
    widths: [usize; 2],
    first_row: usize,
}

impl<T: Real + bytemuck::Pod> Fill<T> for Channels<'_, T> {
    fn fill(&self, k: Range<usize>, first: usize, width: usize, panel: usize, out: &mut [T]) {
        let [iw, ow] = self.widths;
        let [down, along] = self.step;
        let run = |at: usize| {
            let pixel = first + at;
            let (row, column) = (self.first_row + pixel / ow, pixel % ow);
            let len = (ow - column).min(width - at);
            let inside = meeting(along, iw, ow);
            let from = inside.start.clamp(column, column + len);
            let end = inside.end.clamp(from, column + len);
            // Only where something is read is this the place of an element.
            let base = (row as isize + down) * iw as isize + from as isize + along;
            (at + from - column, base.max(0) as usize, end - from, len)
        };
        gather(self.data, &self.offsets[k], run, width, panel, out);
    }
}

/// Convolves one image and group: `input` is `[channels][pixels]`, `packed` the weights as by
/// [`super::implicit::Mode::ByTap`]. `None`: no memory.
pub fn convolve<T: Real + bytemuck::Pod>(
    s: &ConvShape,
    input: &[T],
    packed: &[T],
    output: &mut [T],
    finish: Option<crate::nn::gemm::Finish<'_, T>>,
) -> Option<()> {
    let ([_, _, iw], [_, oh, ow]) = (s.input, s.output);
    let (pixels, plane) = (s.output_plane(), s.input_plane());
    let taps = taps(s);
    let offsets: Vec<usize> = (0..s.channels).map(|c| c * plane).collect();
    let mut cuts: Vec<usize> = taps
        .iter()
        .flat_map(|t| [t.rows.start, t.rows.end])
        .chain([0, oh])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    for band in cuts.windows(2) {
        let (first_row, rows) = (band[0], band[1] - band[0]);
        let (start, n) = (first_row * ow, rows * ow);
        let here: Vec<&Tap> = taps.iter().filter(|t| t.rows.contains(&first_row)).collect();
        let finish = finish.map(|f| move |row: usize, at: usize, piece: &mut [T]| f(row, start + at, piece));
        let finish = finish.as_ref().map(|f| f as crate::nn::gemm::Finish<'_, T>);
        if here.is_empty() {
            for (row, to) in output.chunks_exact_mut(pixels).enumerate() {
                to[start..start + n].fill(T::ZERO);
                if let Some(finish) = finish {
                    finish(row, 0, &mut to[start..start + n]);
                }
            }
        }
        for (i, tap) in here.iter().enumerate() {
            let source = Channels {
                data: input,
                offsets: &offsets,
                step: tap.step,
                widths: [iw, ow],
                first_row,
            };
            let b = if tap.step[1] == 0 && iw == ow {
                Columns::Strided(Matrix {
                    data: input[(first_row as isize + tap.step[0]) as usize * iw..].as_ptr(),
                    row_stride: plane as isize,
                    column_stride: 1,
                })
            } else {
                Columns::Filled(&source)
            };
            let product = Product {
                m: s.features,
                n,
                k: s.channels,
                a: Rows::PartPacked {
                    packed,
                    depth: s.depth(),
                    from: tap.index * s.channels,
                },
                b,
                c: SharedMut(output[start..].as_mut_ptr()),
                c_stride: pixels,
                add: i > 0,
                finish: if i + 1 == here.len() { finish } else { None },
            };
            // SAFETY: the operands have these extents, and `output` is ours.
            unsafe { multiply(&product) }?;
        }
    }
    Some(())
}
