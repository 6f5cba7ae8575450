use super::*;
use crate::parallel::with_threads;

fn numbers(size: &[i64], dtype: DType, seed: i64) -> Tensor {
    let n: i64 = size.iter().product();
    let data: Vec<f64> = (0..n)
        .map(|i| ((i * 7919 + seed * 31) % 101) as f64 * 0.008 - 0.4)
        .collect();
    Tensor::from_slice(&data, size).unwrap().to_dtype(dtype).unwrap()
}

/// One step of one sequence, by the formulas.
fn step(cell: Cell, x: &[f64], h: &[f64], c: &[f64], w: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let size = if cell == Cell::Lstm { c.len() } else { h.len() };
    let times =
        |w: &[f64], x: &[f64], at: usize| (0..x.len()).map(|i| w[at * x.len() + i] * x[i]).sum::<f64>();
    let from_x = |g: usize, j: usize| times(&w[0], x, g * size + j) + w[2][g * size + j];
    let from_h = |g: usize, j: usize| times(&w[1], h, g * size + j) + w[3][g * size + j];
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let both = |g: usize, j: usize| from_x(g, j) + from_h(g, j);
    let mut new_c = c.to_vec();
    let new_h: Vec<f64> = (0..size)
        .map(|j| match cell {
            Cell::Lstm => {
                new_c[j] = sigmoid(both(1, j)) * c[j] + sigmoid(both(0, j)) * both(2, j).tanh();
                sigmoid(both(3, j)) * new_c[j].tanh()
            }
            Cell::Gru => {
                let (r, z) = (sigmoid(both(0, j)), sigmoid(both(1, j)));
                let n = (from_x(2, j) + r * from_h(2, j)).tanh();
                (1.0 - z) * n + z * h[j]
            }
            Cell::Tanh => both(0, j).tanh(),
            Cell::Relu => both(0, j).max(0.0),
        })
        .collect();
    let new_h = match w.get(4) {
        Some(p) => (0..h.len()).map(|j| times(p, &new_h, j)).collect(),
        None => new_h,
    };
    (new_h, new_c)
}

/// Lengths of the sequences, longest first, through layers and directions; compares everything.
fn check(
    cell: Cell,
    lengths: &[usize],
    sizes: [i64; 3],
    layers: usize,
    two_ways: bool,
    dtype: DType,
    packed: bool,
) {
    let [width, size, out] = sizes;
    let (directions, batch, time) = (1 + usize::from(two_ways), lengths.len(), lengths[0]);
    let gates = cell.gates() as i64;
    let mut weights = Vec::new();
    for layer in 0..layers {
        let from = if layer == 0 {
            width
        } else {
            out * directions as i64
        };
        for _ in 0..directions {
            let seed = weights.len() as i64;
            weights.push(numbers(&[gates * size, from], dtype, seed));
            weights.push(numbers(&[gates * size, out], dtype, seed + 1));
            weights.push(numbers(&[gates * size], dtype, seed + 2));
            weights.push(numbers(&[gates * size], dtype, seed + 3));
            if out != size {
                weights.push(numbers(&[out, size], dtype, seed + 4));
            }
        }
    }
    let each = weights.len() / (layers * directions);
    let all = (layers * directions) as i64;
    let mut states = vec![numbers(&[all, batch as i64, out], dtype, 50)];
    if cell == Cell::Lstm {
        states.push(numbers(&[all, batch as i64, size], dtype, 51));
    }
    let input = numbers(&[time as i64, batch as i64, width], dtype, 60);
    let params = LayerParams {
        has_biases: true,
        num_layers: layers as i64,
        bidirectional: two_ways,
        between: None,
    };
    let batch_sizes: Vec<usize> = (0..time)
        .map(|t| lengths.iter().filter(|&&l| l > t).count())
        .collect();
    let got = with_threads(2, || {
        if !packed {
            return recurrent(cell, &input, &states, &weights, &params, false);
        }
        let rows: Vec<Tensor> = (0..time)
            .map(|t| {
                input
                    .select(0, t as i64)
                    .unwrap()
                    .narrow(0, 0, batch_sizes[t] as i64)
                    .unwrap()
            })
            .collect();
        let sizes: Vec<i64> = batch_sizes.iter().map(|&b| b as i64).collect();
        let sizes = Tensor::from_slice(&sizes, &[time as i64]).unwrap();
        recurrent_packed(cell, &cat(&rows, 0).unwrap(), &sizes, &states, &weights, &params)
    })
    .unwrap();
    let tolerance = if dtype == DType::BFloat16 { 0.02 } else { 1e-5 };
    let output = got.output.to_vec::<f64>().unwrap();
    let hidden = got.hidden.to_vec::<f64>().unwrap();
    let cells = got.cell.map(|c| c.to_vec::<f64>().unwrap()).unwrap_or_default();
    let near = |a: &[f64], b: &[f64]| {
        assert!(
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance),
            "{cell:?} {lengths:?}\n{a:?}\n{b:?}"
        );
    };
    let lists: Vec<Vec<f64>> = weights.iter().map(|w| w.to_vec().unwrap()).collect();
    let data = input.to_vec::<f64>().unwrap();
    let first: Vec<Vec<f64>> = states.iter().map(|s| s.to_vec().unwrap()).collect();
    let (width, size, out) = (width as usize, size as usize, out as usize);
    for (b, &length) in lengths.iter().enumerate() {
        let mut x: Vec<Vec<f64>> = (0..length)
            .map(|t| data[(t * batch + b) * width..][..width].to_vec())
            .collect();
        for layer in 0..layers {
            let mut next = vec![Vec::new(); length];
            for direction in 0..directions {
                let at = layer * directions + direction;
                let w = &lists[at * each..(at + 1) * each];
                let mut h = first[0][(at * batch + b) * out..][..out].to_vec();
                let mut c = first
                    .get(1)
                    .map(|c| c[(at * batch + b) * size..][..size].to_vec())
                    .unwrap_or_default();
                for step_at in 0..length {
                    let t = if direction == 1 {
                        length - 1 - step_at
                    } else {
                        step_at
                    };
                    (h, c) = step(cell, &x[t], &h, &c, w);
                    next[t].extend_from_slice(&h);
                }
                near(&hidden[(at * batch + b) * out..][..out], &h);
                if cell == Cell::Lstm {
                    near(&cells[(at * batch + b) * size..][..size], &c);
                }
            }
            x = next;
        }
        for (t, x) in x.iter().enumerate() {
            let row = if packed {
                batch_sizes[..t].iter().sum::<usize>() + b
            } else {
                t * batch + b
            };
            near(&output[row * x.len()..][..x.len()], x);
        }
    }
}

#[test]
fn layers_equal_their_formulas() {
    for cell in [Cell::Lstm, Cell::Gru, Cell::Tanh, Cell::Relu] {
        for dtype in [DType::Float, DType::Double, DType::BFloat16] {
            check(cell, &[3, 3], [5, 4, 4], 1, false, dtype, false);
            check(cell, &[4, 4, 4], [3, 6, 6], 2, true, dtype, false);
            check(cell, &[5, 3, 3, 1], [3, 6, 6], 2, true, dtype, true);
            check(cell, &[1], [2, 3, 3], 1, true, dtype, true);
        }
        check(cell, &[2; 20], [40, 35, 35], 1, false, DType::Float, false);
    }
    check(Cell::Lstm, &[4, 4], [3, 6, 2], 2, true, DType::Float, false);
    check(Cell::Lstm, &[4, 2], [3, 6, 2], 1, false, DType::Double, true);
}

#[test]
fn cells_and_batch_first() {
    let f = |size: &[i64], seed| numbers(size, DType::Float, seed);
    let (w_ih, w_hh, b) = (f(&[12, 5], 1), f(&[12, 3], 2), f(&[12], 3));
    let (x, h, c) = (f(&[2, 5], 4), f(&[2, 3], 5), f(&[2, 3], 6));
    let got = recurrent_cell(
        Cell::Lstm,
        &x,
        &[h.clone(), c.clone()],
        &w_ih,
        &w_hh,
        Some(&b),
        Some(&b),
    )
    .unwrap();
    let params = LayerParams {
        has_biases: true,
        num_layers: 1,
        bidirectional: false,
        between: None,
    };
    let all = [w_ih.clone(), w_hh.clone(), b.clone(), b.clone()];
    let states = [h.unsqueeze(0).unwrap(), c.unsqueeze(0).unwrap()];
    let layer = recurrent(Cell::Lstm, &x.unsqueeze(1).unwrap(), &states, &all, &params, true).unwrap();
    assert_eq!(layer.output.sizes(), [2, 1, 3]);
    assert_eq!(
        layer.output.to_vec::<f32>().unwrap(),
        got[0].to_vec::<f32>().unwrap()
    );
    let flat = |t: &Tensor| t.select(0, 1).unwrap();
    let one = recurrent_cell(
        Cell::Lstm,
        &flat(&x),
        &[flat(&h), flat(&c)],
        &w_ih,
        &w_hh,
        Some(&b),
        Some(&b),
    )
    .unwrap();
    assert_eq!(
        one[1].to_vec::<f32>().unwrap(),
        flat(&got[1]).to_vec::<f32>().unwrap()
    );
    let zero = recurrent(Cell::Lstm, &f(&[0, 2, 5], 1), &states, &all, &params, false).unwrap();
    assert_eq!(
        (zero.output.sizes(), zero.hidden.sizes()),
        (&[0, 2, 3][..], &[1, 2, 3][..])
    );
    for (got, want) in [
        (
            recurrent(Cell::Lstm, &x, &states, &all, &params, false),
            "input must have 3 dimensions, got 2",
        ),
        (
            recurrent(Cell::Gru, &f(&[1, 2, 5], 1), &states, &all, &params, false),
            "gru expects 1 hidden states",
        ),
        (
            recurrent(Cell::Lstm, &f(&[1, 3, 5], 1), &states, &all, &params, false),
            "Expected hidden size (1, 3, 3), got [1, 2, 3]",
        ),
        (
            recurrent(Cell::Lstm, &f(&[1, 2, 4], 1), &states, &all, &params, false),
            "w_ih to have size [12, 4], but got [12, 5]",
        ),
        (
            recurrent(Cell::Lstm, &f(&[1, 2, 5], 1), &states, &all[..3], &params, false),
            "expected 4 parameters, got 3",
        ),
    ] {
        let message = got.err().unwrap().message;
        assert!(message.contains(want), "{message}");
    }
}
