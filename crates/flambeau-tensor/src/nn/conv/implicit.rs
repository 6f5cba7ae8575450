//! Convolution as a matrix product whose right operand is never written down: panels of it are gathered from the
//! laid-out input as the product asks for them. Weights are packed once.
//!
//! Output pixels lie along the registers (`Wide`) unless the image is so small that most of a register would go to
//! waste; then features do (`Tall`), and the result is transposed afterwards.

use super::by_tap;
use super::input::{InputLayout, Row, SLACK};
use super::shape::ConvShape;
use crate::nn::gemm::pack::{copy_panel_into, pack_rows};
use crate::nn::gemm::{Columns, Fill, Matrix, Product, RowPanels, Rows, multiply, panel_rows, panel_width};
use crate::nn::scratch::with_scratch;
use crate::nn::vector::{Real, Vector, WithVector, run};
use crate::parallel::{SharedMut, parallel_for, parallel_tasks, threads};
use crate::simd::vectorize;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// What happens to a finished piece of output: image, feature (over all groups), first pixel, elements. Pieces may be
/// cut anywhere, so elements must be treated on their own.
pub type Finish<'a, T> = Option<&'a (dyn Fn(usize, usize, usize, &mut [T]) + Sync)>;

/// Which operand lies along the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    Wide,
    Tall,
    /// As `Wide`, one tap after another: [`by_tap`].
    ByTap,
}

/// Weights in the order in which tiles read them.
pub struct PackedWeights<T> {
    mode: Mode,
    /// By group.
    data: Vec<T>,
    group: usize,
}

/// The mode for a shape: the one that keeps fewer idle lanes busy.
pub fn mode<T: Real>(s: &ConvShape) -> Mode {
    let (lanes, rows) = (panel_width::<T>() / 2, panel_rows::<T>());
    let pixels = s.output_plane();
    // Cost of a step in k: registers times rows, plus what each row of tiles loads.
    let cost = |m: usize, n: usize| n.div_ceil(lanes) * (m + m.div_ceil(rows) * 3);
    let (wide, tall) = (cost(s.features, pixels), cost(pixels, s.features));
    // The transposition afterwards and the slower gathering must be earned.
    if pixels < 256 && tall * 12 < wide * 11 {
        Mode::Tall
    } else if by_tap::pays(s) {
        Mode::ByTap
    } else {
        Mode::Wide
    }
}

/// Packs the weights `[groups·features][channels][taps]`. `None`: no memory.
pub fn pack_weights<T: Real>(s: &ConvShape, weights: &[T], mode: Mode) -> Option<PackedWeights<T>> {
    let k = s.depth();
    let width = panel_width::<T>();
    let group = match mode {
        Mode::Wide | Mode::ByTap => s.features * k,
        Mode::Tall => s.features.next_multiple_of(width) * k,
    };
    let total = group.checked_mul(s.groups)?;
    let mut data = Vec::new();
    data.try_reserve_exact(total).ok()?;
    data.resize(total, T::ZERO);
    let out = SharedMut(data.as_mut_ptr());
    let panels = match mode {
        Mode::Wide | Mode::ByTap => RowPanels::new(s.features, panel_rows::<T>()),
        Mode::Tall => RowPanels::new(s.features.div_ceil(width), 1),
    };
    parallel_for(
        s.groups * panels.count,
        (1 << 15) / (k * width).max(1) + 1,
        |range| {
            vectorize(
                #[inline(always)]
                || {
                    for i in range {
                        let (g, i) = (i / panels.count, i % panels.count);
                        let data = weights[g * s.features * k..(g + 1) * s.features * k].as_ptr();
                        let matrix = Matrix {
                            data,
                            row_stride: k as isize,
                            column_stride: 1,
                        };
                        // SAFETY: the rows exist, and each panel has its own place in `data`.
                        unsafe {
                            match mode {
                                Mode::Wide => {
                                    let (row, height) = panels.get(i);
                                    pack_rows(matrix, row, height, 0, k, out.get().add(g * group + row * k));
                                }
                                Mode::ByTap => {
                                    let (row, height) = panels.get(i);
                                    let mut to = out.get().add(g * group + row * k);
                                    for tap in 0..s.taps() {
                                        let channels = Matrix {
                                            data: data.add(tap),
                                            row_stride: k as isize,
                                            column_stride: s.taps() as isize,
                                        };
                                        pack_rows(channels, row, height, 0, s.channels, to);
                                        to = to.add(height * s.channels);
                                    }
                                }
                                Mode::Tall => {
                                    let first = i * width;
                                    let wide = width.min(s.features - first);
                                    let to = out.get().add(g * group + first * k);
                                    copy_panel_into(matrix.at(first, 0), k as isize, 1, wide, k, to, width);
                                }
                            }
                        }
                    }
                },
            );
        },
    );
    Some(PackedWeights { mode, data, group })
}

/// Convolves. `input` is `[batch][groups·channels][pixels]`, `output` `[batch][groups·features][pixels]`, both dense.
/// `None`: no memory.
pub fn convolve<T: Real + bytemuck::Pod>(
    s: &ConvShape,
    input: &[T],
    weights: &PackedWeights<T>,
    output: &mut [T],
    finish: Finish<'_, T>,
) -> Option<()> {
    let (pixels, plane) = (s.output_plane(), s.input_plane());
    if pixels == 0 || s.features == 0 || s.batch * s.groups == 0 {
        return Some(());
    }
    let plan = (weights.mode != Mode::ByTap).then(|| plan(s));
    let plan = plan.as_deref();
    let out = SharedMut(output.as_mut_ptr());
    let failed = std::sync::atomic::AtomicBool::new(false);
    let one = |item: usize| {
        let (image, g) = (item / s.groups, item % s.groups);
        let input = &input[item * s.channels * plane..(item + 1) * s.channels * plane];
        // SAFETY: each item has its own part of the output.
        let output = unsafe {
            std::slice::from_raw_parts_mut(out.get().add(item * s.features * pixels), s.features * pixels)
        };
        let packed = &weights.data[g * weights.group..(g + 1) * weights.group];
        let finish = finish
            .map(|f| move |row: usize, at: usize, piece: &mut [T]| f(image, g * s.features + row, at, piece));
        let finish = finish
            .as_ref()
            .map(|f| f as &(dyn Fn(usize, usize, &mut [T]) + Sync));
        let done = match plan {
            None => by_tap::convolve(s, input, packed, output, finish),
            Some(plan) => laid_out(s, plan, input, |data| {
                let source = Gather {
                    s,
                    layout: &plan.layout,
                    offsets: &plan.offsets,
                    data,
                };
                match weights.mode {
                    Mode::Tall => tall(&source, packed, output, finish),
                    Mode::Wide | Mode::ByTap => wide(&source, packed, output, finish),
                }
            })
            .flatten(),
        };
        if done.is_none() {
            failed.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let items = s.batch * s.groups;
    if items >= 2 * threads() {
        let each = if s.work() < 1e5 {
            items
        } else {
            (4e5 / (s.work() / items as f64)).max(1.0) as usize
        };
        parallel_for(items, each, |range| range.for_each(&one));
    } else {
        (0..items).for_each(one);
    }
    (!failed.into_inner()).then_some(())
}

/// What a shape says about its input. Small convolutions take less time than working this out.
struct Plan {
    layout: InputLayout,
    /// By k.
    offsets: Vec<usize>,
    rows: Vec<Row>,
    /// Whether the rows leave out parts of the layout.
    has_gaps: bool,
}

/// How many plans a thread remembers, and the longest that it does.
const KEPT_PLANS: usize = 128;
const KEPT_LENGTH: usize = 8192;

thread_local! {
    static PLANS: RefCell<HashMap<ConvShape, Rc<Plan>>> = RefCell::default();
}

fn plan(s: &ConvShape) -> Rc<Plan> {
    // What the input's layout does not depend on.
    let key = ConvShape {
        batch: 1,
        groups: 1,
        features: 1,
        ..*s
    };
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).cloned()) {
        return plan;
    }
    let layout = InputLayout::new(s);
    let taps = layout.taps();
    let offsets: Vec<usize> = (0..s.channels)
        .flat_map(|c| taps.iter().map(move |t| (c, t)))
        .map(|(c, t)| c * layout.plane + t)
        .collect();
    let rows = if layout.as_is { Vec::new() } else { layout.rows() };
    let has_gaps = rows.iter().map(|r| r.len()).sum::<usize>() < layout.plane;
    let plan = Rc::new(Plan {
        layout,
        offsets,
        rows,
        has_gaps,
    });
    if plan.offsets.len() + plan.rows.len() <= KEPT_LENGTH {
        PLANS.with_borrow_mut(|plans| {
            if plans.len() >= KEPT_PLANS {
                plans.clear();
            }
            plans.insert(key, plan.clone());
        });
    }
    plan
}

/// Calls `body` with the channels in their layout.
fn laid_out<T: Real + bytemuck::Pod, R>(
    s: &ConvShape,
    plan: &Plan,
    input: &[T],
    body: impl FnOnce(&[T]) -> R,
) -> Option<R> {
    let (layout, rows, has_gaps) = (&plan.layout, &plan.rows[..], plan.has_gaps);
    if layout.as_is {
        return Some(body(input));
    }
    let total = s.channels.checked_mul(layout.plane)?;
    with_scratch(total + SLACK, |data: &mut [T]| {
        let plane = s.input_plane();
        let out = SharedMut(data.as_mut_ptr());
        parallel_for(s.channels, (1 << 14) / layout.plane.max(1) + 1, |range| {
            for c in range {
                // SAFETY: each channel has its own part of the buffer.
                let to =
                    unsafe { std::slice::from_raw_parts_mut(out.get().add(c * layout.plane), layout.plane) };
                if has_gaps {
                    to.fill(T::ZERO);
                }
                layout.copy(rows, &input[c * plane..(c + 1) * plane], to);
            }
        });
        body(&data[..total])
    })
}

fn wide<T: Real + bytemuck::Pod>(
    source: &Gather<'_, T>,
    packed: &[T],
    output: &mut [T],
    finish: Option<crate::nn::gemm::Finish<'_, T>>,
) -> Option<()> {
    let s = source.s;
    let pixels = s.output_plane();
    // A single tap over an input that is used as it lies: the input is the matrix.
    let b = if source.layout.as_is && s.taps() == 1 {
        Columns::Strided(Matrix {
            data: source.data.as_ptr(),
            row_stride: pixels as isize,
            column_stride: 1,
        })
    } else {
        Columns::Filled(source)
    };
    let product = Product {
        m: s.features,
        n: pixels,
        k: s.depth(),
        a: Rows::Packed(packed),
        b,
        c: SharedMut(output.as_mut_ptr()),
        c_stride: pixels,
        add: false,
        finish,
    };
    // SAFETY: the operands have these extents, and `output` is ours.
    unsafe { multiply(&product) }
}

fn tall<T: Real + bytemuck::Pod>(
    source: &Gather<'_, T>,
    packed: &[T],
    output: &mut [T],
    finish: Option<crate::nn::gemm::Finish<'_, T>>,
) -> Option<()> {
    let s = source.s;
    let (pixels, k, features) = (s.output_plane(), s.depth(), s.features);
    let panels = RowPanels::new(pixels, panel_rows::<T>());
    with_scratch(
        pixels.checked_mul(k.checked_add(features)?)?,
        |scratch: &mut [T]| {
            let (rows, c) = scratch.split_at_mut(pixels * k);
            let to = SharedMut(rows.as_mut_ptr());
            parallel_tasks(panels.count, |i| {
                let (first, height) = panels.get(i);
                // SAFETY: each panel has its own place.
                let out = unsafe { std::slice::from_raw_parts_mut(to.get().add(first * k), height * k) };
                source.fill(0..k, first, height, height, out);
            });
            let product = Product {
                m: pixels,
                n: features,
                k,
                a: Rows::Packed(rows),
                b: Columns::Packed(packed),
                c: SharedMut(c.as_mut_ptr()),
                c_stride: features,
                add: false,
                finish: None,
            };
            // SAFETY: the operands have these extents.
            unsafe { multiply(&product) }?;
            let c = &*c;
            let out = SharedMut(output.as_mut_ptr());
            parallel_for(features, 64, |range| {
                // SAFETY: rows of the output are cut disjointly; `c` is `[pixels][features]`.
                unsafe {
                    vectorize(
                        #[inline(always)]
                        || {
                            let from = c.as_ptr().add(range.start);
                            let to = out.get().add(range.start * pixels);
                            copy_panel_into(from, features as isize, 1, pixels, range.len(), to, pixels);
                        },
                    );
                    if let Some(finish) = finish {
                        for f in range {
                            finish(
                                f,
                                0,
                                std::slice::from_raw_parts_mut(out.get().add(f * pixels), pixels),
                            );
                        }
                    }
                }
            });
            Some(())
        },
    )?
}

/// The right operand: row `k` is a channel under a tap, column `j` an output pixel.
struct Gather<'a, T> {
    s: &'a ConvShape,
    layout: &'a InputLayout,
    /// By k.
    offsets: &'a [usize],
    data: &'a [T],
}

/// Pixels whose inputs are neighbours: columns `at..at + len` of a panel, from `base` on.
#[derive(Clone, Copy, Default)]
struct Piece {
    at: usize,
    base: usize,
    len: usize,
}

/// Pieces of a panel are at most its columns.
const PIECES: usize = 32;

impl<T: Real + bytemuck::Pod> Fill<T> for Gather<'_, T> {
    fn fill(&self, k: Range<usize>, first: usize, width: usize, panel: usize, out: &mut [T]) {
        let [_, oh, ow] = self.s.output;
        let [pitch_d, pitch_h] = self.layout.pitch();
        let piece = |at: usize| {
            let pixel = first + at;
            let (w, h, d) = (pixel % ow, pixel / ow % oh, pixel / ow / oh);
            let len = (ow - w).min(width - at);
            (at, d * pitch_d + h * pitch_h + w, len, len)
        };
        gather(self.data, &self.offsets[k], piece, width, panel, out);
    }
}

/// Writes a panel: `width` columns of `data` at each offset, then zeros up to `panel`. `piece` says of a column where the
/// next elements that lie together belong, where they are from the offset on, how many they are, and how many columns
/// are done with them; columns without elements are zero.
pub(super) fn gather<T: Real>(
    data: &[T],
    offsets: &[usize],
    piece: impl Fn(usize) -> (usize, usize, usize, usize),
    width: usize,
    panel: usize,
    out: &mut [T],
) {
    let mut pieces = [Piece::default(); PIECES];
    let (mut count, mut at, mut found) = (0, 0, 0);
    while at < width && count < PIECES {
        let (to, base, len, done) = piece(at);
        match count.checked_sub(1).map(|i| &mut pieces[i]) {
            _ if len == 0 => {}
            Some(last) if last.base + last.len == base && last.at + last.len == to => last.len += len,
            _ => {
                pieces[count] = Piece { at: to, base, len };
                count += 1;
            }
        }
        at += done;
        found += len;
    }
    if found < width {
        out[..panel * offsets.len()].fill(T::ZERO);
    }
    run(Copies {
        data,
        offsets,
        pieces: &pieces[..count],
        width,
        panel,
        out,
    });
}

struct Copies<'a, T> {
    data: &'a [T],
    offsets: &'a [usize],
    pieces: &'a [Piece],
    width: usize,
    panel: usize,
    out: &'a mut [T],
}

impl<T: Real> WithVector<T> for Copies<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn call<V: Vector<Elem = T>>(self) {
        let Copies {
            data,
            offsets,
            pieces,
            width,
            panel,
            out,
        } = self;
        assert!(out.len() >= panel * offsets.len());
        let reach = pieces.iter().map(|p| p.base + p.len).max().unwrap_or(0);
        assert!(offsets.iter().max().is_none_or(|o| o + reach <= data.len()));
        // SAFETY: the assertions bound every read by `data` and every row by `out`. A store of a whole register may
        // run past its piece, into columns or rows that are written later; the last rows are written exactly.
        unsafe {
            let exact = offsets.len().saturating_sub(V::LANES.div_ceil(panel.max(1)));
            let mut to = out.as_mut_ptr();
            for (k, &offset) in offsets.iter().enumerate() {
                let from = data.as_ptr().add(offset);
                for p in pieces {
                    let (from, to) = (from.add(p.base), to.add(p.at));
                    let mut i = 0;
                    while i + V::LANES <= p.len {
                        V::load(from.add(i)).store(to.add(i));
                        i += V::LANES;
                    }
                    let rest = p.len - i;
                    if rest != 0 {
                        let x = V::load_part(from.add(i), rest);
                        if k < exact {
                            x.store(to.add(i))
                        } else {
                            x.store_part(to.add(i), rest)
                        }
                    }
                }
                for j in width..panel {
                    *to.add(j) = T::ZERO;
                }
                to = to.add(panel);
            }
        }
    }
}
