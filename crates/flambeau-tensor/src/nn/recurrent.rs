//! Recurrent layers and cells: LSTM, GRU, and the plain one with tanh or ReLU.
//!
//! A layer first multiplies all its inputs with the input weights in one product; then it steps through time, where
//! only the product with the state remains. Sequences of different lengths come packed, as in PyTorch: step `t` has
//! `batch_sizes[t]` rows, never more than the step before. Rows that have ended keep their last state in the buffer,
//! and walking backwards, rows that begin later find their first state there; nothing else is needed.

use super::access::{address, compute, dense, no_memory};
use super::gemm::choose::product;
use super::gemm::{Columns, Matrix, Product, Rows, multiply, skinny};
use super::matmul::{linear, packed_weight};
use super::rows::{Loop, RowElement, looped};
use crate::dtype::DType;
use crate::error::Result;
use crate::index::{cat, stack};
use crate::layout::show;
use crate::math::Madd;
use crate::parallel::SharedMut;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Which recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Lstm,
    Gru,
    Tanh,
    Relu,
}

impl Cell {
    fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::Gru => 3,
            Cell::Tanh | Cell::Relu => 1,
        }
    }
}

/// Something done to the output of every layer but the last: dropout in training.
pub type Between<'a> = Option<&'a dyn Fn(&Tensor) -> Result<Tensor>>;

/// How layers are stacked.
#[derive(Clone, Copy)]
pub struct LayerParams<'a> {
    pub has_biases: bool,
    pub num_layers: i64,
    pub bidirectional: bool,
    pub between: Between<'a>,
}

/// Weights of one layer in one direction.
struct Weights<'a> {
    input: &'a Tensor,
    state: &'a Tensor,
    input_bias: Option<&'a Tensor>,
    state_bias: Option<&'a Tensor>,
    /// From the state of an LSTM with projections to what it puts out.
    project: Option<&'a Tensor>,
}

/// Output and final states: `[layers · directions, batch, size]`, the second for an LSTM only.
pub struct Recurrent {
    pub output: Tensor,
    pub hidden: Tensor,
    pub cell: Option<Tensor>,
}

/// A layer over equally long sequences: `input` is `[time, batch, size]`, or with `batch_first` `[batch, time, size]`.
pub fn recurrent(
    cell: Cell,
    input: &Tensor,
    states: &[Tensor],
    weights: &[Tensor],
    params: &LayerParams<'_>,
    batch_first: bool,
) -> Result<Recurrent> {
    ensure!(
        input.dim() == 3,
        "input must have 3 dimensions, got {}",
        input.dim()
    );
    let input = if batch_first {
        input.transpose(0, 1)?
    } else {
        input.clone()
    };
    let (time, batch) = (input.sizes()[0], input.sizes()[1]);
    let rows = input.reshape(&[time * batch, input.sizes()[2]])?;
    let batch_sizes = vec![batch as usize; time as usize];
    let mut done = stacked(cell, &rows, &batch_sizes, states, weights, params)?;
    let width = done.output.sizes()[1];
    done.output = done.output.view(&[time, batch, width])?;
    if batch_first {
        done.output = done.output.transpose(0, 1)?;
    }
    Ok(done)
}

/// A layer over packed sequences: `data` is `[rows, size]`.
pub fn recurrent_packed(
    cell: Cell,
    data: &Tensor,
    batch_sizes: &Tensor,
    states: &[Tensor],
    weights: &[Tensor],
    params: &LayerParams<'_>,
) -> Result<Recurrent> {
    ensure!(
        data.dim() == 2,
        "packed input must have 2 dimensions, got {}",
        data.dim()
    );
    let sizes = batch_sizes.to_vec::<i64>()?;
    ensure!(!sizes.is_empty(), "batch_sizes must not be empty");
    ensure!(
        sizes.iter().all(|&s| s > 0) && sizes.windows(2).all(|w| w[0] >= w[1]),
        "batch_sizes must be positive and must not grow, but got {}",
        show(&sizes)
    );
    let total = sizes.iter().try_fold(0i64, |a, &b| a.checked_add(b));
    ensure!(
        total == Some(data.sizes()[0]),
        "batch_sizes {} do not add up to the {} rows of the packed input",
        show(&sizes),
        data.sizes()[0]
    );
    let sizes: Vec<usize> = sizes.iter().map(|&s| s as usize).collect();
    stacked(cell, data, &sizes, states, weights, params)
}

fn stacked(
    cell: Cell,
    rows: &Tensor,
    batch_sizes: &[usize],
    states: &[Tensor],
    weights: &[Tensor],
    params: &LayerParams<'_>,
) -> Result<Recurrent> {
    let wanted_states = if cell == Cell::Lstm { 2 } else { 1 };
    ensure!(
        states.len() == wanted_states && states.iter().all(|s| s.dim() == 3),
        "{} expects {wanted_states} hidden states of 3 dimensions",
        match cell {
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
            _ => "rnn",
        }
    );
    let layers = params.num_layers.max(0) as usize;
    let directions = if params.bidirectional { 2 } else { 1 };
    let batch = batch_sizes
        .first()
        .copied()
        .unwrap_or(states[0].sizes()[1] as usize) as i64;
    for s in states {
        ensure!(
            s.sizes()[0] == (layers * directions) as i64 && s.sizes()[1] == batch,
            "Expected hidden size ({}, {batch}, {}), got {}",
            layers * directions,
            s.sizes()[2],
            show(s.sizes())
        );
    }
    // A projection is there if what the layer puts out is smaller than its state.
    let projected = cell == Cell::Lstm && states[0].sizes()[2] != states[1].sizes()[2];
    let each = 2 + if params.has_biases { 2 } else { 0 } + usize::from(projected);
    ensure!(
        weights.len() == each * layers * directions,
        "expected {} parameters, got {}",
        each * layers * directions,
        weights.len()
    );
    ensure!(
        layers > 0,
        "num_layers must be positive, got {}",
        params.num_layers
    );
    let dtype = rows.dtype();
    if !rows.is_floating_point() {
        bail!(NotImplemented, "\"lstm\" not implemented for '{}'", dtype.name());
    }
    for t in states.iter().chain(weights) {
        ensure!(
            t.dtype() == dtype,
            "expected scalar type {} but found {}",
            dtype.name(),
            t.dtype().name()
        );
    }
    let wide = compute(dtype);
    let weights: Vec<Tensor> = weights.iter().map(|w| w.to_dtype(wide)).collect::<Result<_>>()?;
    let states: Vec<Tensor> = states.iter().map(|s| s.to_dtype(wide)).collect::<Result<_>>()?;
    let mut rows = rows.to_dtype(wide)?;
    let (mut hidden, mut cells) = (Vec::new(), Vec::new());
    for layer in 0..layers {
        let mut outputs = Vec::new();
        for direction in 0..directions {
            let at = layer * directions + direction;
            let own = &weights[at * each..(at + 1) * each];
            let w = Weights {
                input: &own[0],
                state: &own[1],
                input_bias: params.has_biases.then(|| &own[2]),
                state_bias: params.has_biases.then(|| &own[3]),
                project: if projected { own.last() } else { None },
            };
            let h = states[0].select(0, at as i64)?.copy()?;
            let c = states
                .get(1)
                .map(|s| s.select(0, at as i64)?.copy())
                .transpose()?;
            let (h, c) = (h.contiguous()?, c.map(|c| c.contiguous()).transpose()?);
            outputs.push(walk(
                cell,
                &rows,
                batch_sizes,
                &w,
                &h,
                c.as_ref(),
                direction == 1,
            )?);
            hidden.push(h);
            cells.extend(c);
        }
        rows = match &outputs[..] {
            [one] => one.clone(),
            _ => cat(&outputs, 1)?,
        };
        if let (Some(between), true) = (params.between, layer + 1 < layers) {
            rows = between(&rows)?;
        }
    }
    let last = |list: &[Tensor]| stack(list, 0)?.to_dtype(dtype);
    Ok(Recurrent {
        output: rows.to_dtype(dtype)?,
        hidden: last(&hidden)?,
        cell: if cells.is_empty() {
            None
        } else {
            Some(last(&cells)?)
        },
    })
}

/// One layer in one direction. `h` and `c` hold the first states and afterwards the last ones.
fn walk(
    cell: Cell,
    rows: &Tensor,
    batch_sizes: &[usize],
    w: &Weights<'_>,
    h: &Tensor,
    c: Option<&Tensor>,
    backward: bool,
) -> Result<Tensor> {
    let gates = cell.gates() as i64;
    let (out, size) = (h.sizes()[1], c.unwrap_or(h).sizes()[1]);
    let check = |t: &Tensor, size: &[i64], name: &str| -> Result<()> {
        ensure!(
            t.sizes() == size,
            "expected the recurrent parameter {name} to have size {}, but got {}",
            show(size),
            show(t.sizes())
        );
        Ok(())
    };
    check(w.input, &[gates * size, rows.sizes()[1]], "w_ih")?;
    check(w.state, &[gates * size, out], "w_hh")?;
    for (bias, name) in [(w.input_bias, "b_ih"), (w.state_bias, "b_hh")] {
        bias.map(|b| check(b, &[gates * size], name)).transpose()?;
    }
    w.project.map(|p| check(p, &[out, size], "w_hr")).transpose()?;
    let from_input = linear(rows, w.input, w.input_bias)?;
    if rows.dtype() == DType::Double {
        steps::<f64>(cell, &from_input, batch_sizes, w, h, c, backward)
    } else {
        steps::<f32>(cell, &from_input, batch_sizes, w, h, c, backward)
    }
}

/// Rows times a weight, as cheap as it gets when it is asked for again and again.
struct Multiplier<T> {
    weight: Tensor,
    packed: Option<std::sync::Arc<Vec<T>>>,
    n: usize,
    k: usize,
}

impl<T: RowElement> Multiplier<T> {
    fn new(weight: &Tensor, most_rows: usize) -> Result<Multiplier<T>> {
        let weight = dense(weight)?;
        let packed = if most_rows > skinny::MOST {
            Some(packed_weight::<T>(&weight)?)
        } else {
            None
        };
        let (n, k) = (weight.sizes()[0] as usize, weight.sizes()[1] as usize);
        Ok(Multiplier { weight, packed, n, k })
    }

    /// `out = x @ weight.T` for `m` dense rows.
    ///
    /// # Safety
    /// Access to the weight is held; `x` and `out` have `m` rows and are not otherwise used.
    unsafe fn run(&self, m: usize, x: *const T, out: *mut T) -> Result<()> {
        let (n, k) = (self.n, self.k);
        let a = Matrix {
            data: x,
            row_stride: k as isize,
            column_stride: 1,
        };
        let c = SharedMut(out);
        // SAFETY: passed on.
        let done = unsafe {
            match &self.packed {
                Some(packed) => multiply(&Product {
                    m,
                    n,
                    k,
                    a: Rows::Strided(a),
                    b: Columns::Packed(packed),
                    c,
                    c_stride: n,
                    add: false,
                    finish: None,
                }),
                None => {
                    let b = Matrix {
                        data: address::<T>(&self.weight)?.cast_const(),
                        row_stride: 1,
                        column_stride: k as isize,
                    };
                    product((m, n, k), a, b, c, n, None)
                }
            }
        };
        done.ok_or_else(no_memory)
    }
}

fn steps<T: RowElement>(
    cell: Cell,
    from_input: &Tensor,
    batch_sizes: &[usize],
    w: &Weights<'_>,
    h: &Tensor,
    c: Option<&Tensor>,
    backward: bool,
) -> Result<Tensor> {
    let (out, size) = (h.sizes()[1] as usize, c.unwrap_or(h).sizes()[1] as usize);
    let wide = cell.gates() * size;
    let most = batch_sizes.first().copied().unwrap_or(0);
    let state = Multiplier::<T>::new(w.state, most)?;
    let project = w.project.map(|p| Multiplier::<T>::new(p, most)).transpose()?;
    let state_bias = w.state_bias.map(|b| b.to_vec::<T>()).transpose()?;
    let output = Tensor::empty(&[from_input.sizes()[0], out as i64], T::DTYPE)?;
    let buffer = |n: usize| -> Result<Vec<T>> {
        let mut v = Vec::new();
        v.try_reserve_exact(n).map_err(|_| no_memory())?;
        v.resize(n, T::ZERO);
        Ok(v)
    };
    let mut from_state = buffer(most * wide)?;
    let mut unprojected = buffer(if project.is_some() { most * size } else { 0 })?;
    let mut starts = Vec::with_capacity(batch_sizes.len());
    let mut total = 0;
    for &b in batch_sizes {
        starts.push(total);
        total += b;
    }
    let mut reads = vec![from_input, &state.weight];
    reads.extend(project.as_ref().map(|p| &p.weight));
    let mut writes = vec![h, &output];
    writes.extend(c);
    let access = Tensor::access(&reads, &writes)?;
    // SAFETY: access is held to the end; all these tensors are contiguous, and `h`, `c` and `output` are ours alone.
    unsafe {
        let x = std::slice::from_raw_parts(address::<T>(from_input)?, from_input.numel() as usize);
        let h = std::slice::from_raw_parts_mut(address::<T>(h)?, h.numel() as usize);
        let mut no_cell = [];
        let c = match c {
            Some(c) => std::slice::from_raw_parts_mut(address::<T>(c)?, c.numel() as usize),
            None => &mut no_cell[..],
        };
        let to = std::slice::from_raw_parts_mut(address::<T>(&output)?, output.numel() as usize);
        for step in 0..batch_sizes.len() {
            let t = if backward {
                batch_sizes.len() - 1 - step
            } else {
                step
            };
            let (b, start) = (batch_sizes[t], starts[t]);
            state.run(b, h.as_ptr(), from_state.as_mut_ptr())?;
            let new = if project.is_some() {
                &mut unprojected[..b * size]
            } else {
                &mut h[..b * size]
            };
            looped(Step {
                cell,
                size,
                input: &x[start * wide..(start + b) * wide],
                state: &from_state[..b * wide],
                bias: state_bias.as_deref(),
                c: if c.is_empty() { &mut [] } else { &mut c[..b * size] },
                h: new,
            });
            if let Some(project) = &project {
                project.run(b, unprojected.as_ptr(), h.as_mut_ptr())?;
            }
            to[start * out..(start + b) * out].copy_from_slice(&h[..b * out]);
        }
    }
    drop(access);
    Ok(output)
}

/// What happens at one step after the products: the gates, for all rows of the step.
struct Step<'a, T> {
    cell: Cell,
    size: usize,
    input: &'a [T],
    state: &'a [T],
    bias: Option<&'a [T]>,
    c: &'a mut [T],
    h: &'a mut [T],
}

impl<T: RowElement> Loop for Step<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<M: Madd>(self) {
        let Step {
            cell,
            size,
            input,
            state,
            bias,
            c,
            h,
        } = self;
        if size == 0 {
            return;
        }
        let wide = cell.gates() * size;
        for (row, h) in h.chunks_exact_mut(size).enumerate() {
            let (x, s) = (&input[row * wide..][..wide], &state[row * wide..][..wide]);
            let c = if cell == Cell::Lstm {
                &mut c[row * size..][..size]
            } else {
                &mut []
            };
            for from in (0..size).step_by(LANES) {
                let n = LANES.min(size - from);
                // What the state says of a gate, and that with what the input says.
                let of_state = |gate: usize| -> [T; LANES] {
                    let at = gate * size + from;
                    let s = lanes(&s[at..at + n]);
                    match bias {
                        Some(bias) => both(s, lanes(&bias[at..at + n]), T::plus),
                        None => s,
                    }
                };
                let of_input = |gate: usize| lanes(&x[gate * size + from..][..n]);
                let gate = |gate: usize| both(of_input(gate), of_state(gate), T::plus);
                let h = &mut h[from..from + n];
                let new = match cell {
                    Cell::Lstm => {
                        let (i, f) = (each(gate(0), T::sigmoid::<M>), each(gate(1), T::sigmoid::<M>));
                        let (g, o) = (each(gate(2), T::tanh_::<M>), each(gate(3), T::sigmoid::<M>));
                        let c = &mut c[from..from + n];
                        let new = both(both(f, lanes(c), T::times), both(i, g, T::times), T::plus);
                        c.copy_from_slice(&new[..n]);
                        both(o, each(new, T::tanh_::<M>), T::times)
                    }
                    Cell::Gru => {
                        let (r, z) = (each(gate(0), T::sigmoid::<M>), each(gate(1), T::sigmoid::<M>));
                        let new = both(of_input(2), both(r, of_state(2), T::times), T::plus);
                        let new = each(new, T::tanh_::<M>);
                        both(both(both(lanes(h), new, T::less), z, T::times), new, T::plus)
                    }
                    Cell::Tanh => each(gate(0), T::tanh_::<M>),
                    Cell::Relu => each(gate(0), |x| if x < T::ZERO { T::ZERO } else { x }),
                };
                h.copy_from_slice(&new[..n]);
            }
        }
    }
}

/// Elements of a gate that are computed together. Arrays of a fixed length are vectorised where loops over so many
/// slices at once are not.
const LANES: usize = 16;

#[inline(always)]
fn lanes<T: RowElement>(from: &[T]) -> [T; LANES] {
    let mut all = [T::ZERO; LANES];
    if from.len() == LANES {
        all.copy_from_slice(from);
    } else {
        all[..from.len()].copy_from_slice(from);
    }
    all
}

#[inline(always)]
fn each<T: RowElement>(mut a: [T; LANES], f: impl Fn(T) -> T) -> [T; LANES] {
    for a in &mut a {
        *a = f(*a);
    }
    a
}

#[inline(always)]
fn both<T: RowElement>(mut a: [T; LANES], b: [T; LANES], f: impl Fn(T, T) -> T) -> [T; LANES] {
    for i in 0..LANES {
        a[i] = f(a[i], b[i]);
    }
    a
}

/// One step of a cell over a batch: the new state (for an LSTM, hidden and cell).
pub fn recurrent_cell(
    cell: Cell,
    input: &Tensor,
    states: &[Tensor],
    w_ih: &Tensor,
    w_hh: &Tensor,
    b_ih: Option<&Tensor>,
    b_hh: Option<&Tensor>,
) -> Result<Vec<Tensor>> {
    ensure!(
        matches!(input.dim(), 1 | 2) && states.iter().all(|s| s.dim() == input.dim()),
        "expected an input and hidden states of 1 or 2 dimensions each, but got an input of size {}",
        show(input.sizes())
    );
    let flat = input.dim() == 1;
    let one = |t: &Tensor| if flat { t.unsqueeze(0) } else { Ok(t.clone()) };
    let input = one(input)?;
    let states: Vec<Tensor> = states
        .iter()
        .map(|s| one(s)?.unsqueeze(0))
        .collect::<Result<_>>()?;
    let mut weights = vec![w_ih.clone(), w_hh.clone()];
    let has_biases = b_ih.is_some() || b_hh.is_some();
    if has_biases {
        for b in [b_ih, b_hh] {
            weights.push(match b {
                Some(b) => b.clone(),
                None => Tensor::zeros(&[w_ih.size(0)?], w_ih.dtype())?,
            });
        }
    }
    let params = LayerParams {
        has_biases,
        num_layers: 1,
        bidirectional: false,
        between: None,
    };
    let done = stacked(
        cell,
        &input,
        &[input.sizes()[0].max(0) as usize],
        &states,
        &weights,
        &params,
    )?;
    let mut all = vec![done.hidden];
    all.extend(done.cell);
    all.iter()
        .map(|t| {
            let t = t.squeeze_dim(0)?;
            if flat { t.squeeze_dim(0) } else { Ok(t) }
        })
        .collect()
}

#[cfg(test)]
#[path = "recurrent_tests.rs"]
mod tests;
