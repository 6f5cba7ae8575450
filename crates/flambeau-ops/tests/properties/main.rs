//! Each family of operators against slow plain loops, on shapes and layouts that a seeded generator makes: transposed,
//! stepped, offset and expanded views must give what contiguous tensors give, and arguments stay as they were.

macro_rules! args {
    ($($v:expr),* $(,)?) => { vec![$(IValue::from($v)),*] };
}

mod index;
mod nn;
mod pointwise;
mod random;
mod reduce;
mod transforms;

use flambeau_ir::ops::Context;
use flambeau_ir::value::IValue;
use flambeau_ops::table;
use flambeau_tensor::{DType, Tensor};

/// Numbers that look random and are the same in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
    /// A multiple of 1/8, the same number in every float dtype.
    pub fn value(&mut self, low: i64, high: i64) -> f64 {
        low as f64 + self.below(((high - low) * 8) as usize) as f64 / 8.0
    }
    pub fn real(&mut self) -> DType {
        if self.below(2) == 0 {
            DType::Float
        } else {
            DType::Double
        }
    }
    /// Sizes from `least` on, of which now and then one is 0 if that is allowed.
    pub fn shape(&mut self, dims: usize, least: usize) -> Vec<i64> {
        (0..dims)
            .map(|_| {
                if least == 0 && self.below(12) == 0 {
                    0
                } else {
                    (least.max(1) + self.below(4)) as i64
                }
            })
            .collect()
    }
    /// Elements from `low` to `high` in a layout of its own.
    pub fn tensor(&mut self, sizes: &[i64], low: i64, high: i64, dtype: DType) -> Tensor {
        let n = sizes.iter().product::<i64>() as usize;
        let values: Vec<f64> = (0..n).map(|_| self.value(low, high)).collect();
        let plain = Tensor::from_vec(values, sizes).unwrap().to_dtype(dtype).unwrap();
        self.laid_out(&plain)
    }
    pub fn float(&mut self, sizes: &[i64]) -> Tensor {
        let dtype = self.real();
        self.tensor(sizes, -4, 4, dtype)
    }
    /// Whole numbers from 0 to below `bound`.
    pub fn indices(&mut self, sizes: &[i64], bound: i64) -> Tensor {
        let n = sizes.iter().product::<i64>() as usize;
        let values: Vec<i64> = (0..n).map(|_| self.below(bound as usize) as i64).collect();
        let plain = Tensor::from_vec(values, sizes).unwrap();
        self.laid_out(&plain)
    }
    /// The same elements as a view of other memory.
    fn laid_out(&mut self, t: &Tensor) -> Tensor {
        let dims = t.dim();
        if dims == 0 {
            return t.clone();
        }
        let dim = self.below(dims) as i64;
        match self.below(5) {
            0 => t.clone(),
            // Transposed memory.
            1 => {
                let other = self.below(dims) as i64;
                t.transpose(dim, other)
                    .unwrap()
                    .contiguous()
                    .unwrap()
                    .transpose(dim, other)
                    .unwrap()
            }
            // Every second element of more, not from the start.
            2 | 3 => {
                let mut sizes = t.sizes().to_vec();
                sizes[dim as usize] = sizes[dim as usize] * 2 + 1;
                let more = Tensor::ones(&sizes, t.dtype()).unwrap();
                let view = more.slice(dim, Some(1), None, 2).unwrap();
                view.copy_(t).unwrap();
                view
            }
            // The first part of a dimension, repeated without memory.
            _ => {
                if t.sizes()[dim as usize] == 0 {
                    return t.clone();
                }
                t.narrow(dim, 0, 1).unwrap().expand(t.sizes()).unwrap()
            }
        }
    }
}

/// A tensor and one of its dimensions.
pub fn with_dim(n: &mut Numbers) -> (Tensor, usize) {
    let dims = 1 + n.below(4);
    let shape = n.shape(dims, 1);
    (n.float(&shape), n.below(dims))
}

/// A tensor as plain numbers.
#[derive(Clone, Debug)]
pub struct Array {
    pub sizes: Vec<usize>,
    pub data: Vec<f64>,
}

impl Array {
    pub fn of(t: &Tensor) -> Array {
        let t = if t.is_complex() {
            t.view_as_real().unwrap()
        } else {
            t.clone()
        };
        Array {
            sizes: t.sizes().iter().map(|&s| s as usize).collect(),
            data: t.to_dtype(DType::Double).unwrap().to_vec::<f64>().unwrap(),
        }
    }
    /// Element by element, the last index fastest.
    pub fn make(sizes: &[usize], mut element: impl FnMut(&[usize]) -> f64) -> Array {
        let mut at = vec![0; sizes.len()];
        let mut data = Vec::new();
        for _ in 0..sizes.iter().product() {
            data.push(element(&at));
            for d in (0..sizes.len()).rev() {
                at[d] += 1;
                if at[d] < sizes[d] {
                    break;
                }
                at[d] = 0;
            }
        }
        Array {
            sizes: sizes.to_vec(),
            data,
        }
    }
    pub fn at(&self, index: &[usize]) -> f64 {
        let mut place = 0;
        for (i, s) in index.iter().zip(&self.sizes) {
            place = place * s + i;
        }
        self.data[place]
    }
    /// Each line along `dim` becomes another one, of `length`.
    pub fn lines(&self, dim: usize, length: usize, f: impl Fn(&[f64]) -> Vec<f64>) -> Array {
        let mut sizes = self.sizes.clone();
        sizes[dim] = length;
        Array::make(&sizes, |at| {
            let mut from = at.to_vec();
            let line: Vec<f64> = (0..self.sizes[dim])
                .map(|i| {
                    from[dim] = i;
                    self.at(&from)
                })
                .collect();
            f(&line)[at[dim]]
        })
    }
    /// Without a dimension of size 1.
    pub fn squeezed(mut self, dim: usize) -> Array {
        self.sizes.remove(dim);
        self
    }
}

fn tensors(value: &IValue) -> Vec<Tensor> {
    match value {
        IValue::Tensor(t) => vec![t.clone()],
        IValue::Tuple(t) => t.items.iter().flat_map(tensors).collect(),
        IValue::List(l) => l.to_vec().iter().flat_map(tensors).collect(),
        IValue::Int(i) => vec![Tensor::scalar_tensor(*i, DType::Long).unwrap()],
        _ => Vec::new(),
    }
}

/// Runs a row with the first arguments given and the others at their defaults.
pub fn call(op: &str, args: &[IValue]) -> IValue {
    let row = table().get(op).unwrap_or_else(|| panic!("no operator {op}"));
    let kernel = row
        .kernel
        .as_ref()
        .unwrap_or_else(|| panic!("{op} has no kernel"));
    let mut all = args.to_vec();
    let missing = row.schema().arguments.iter().skip(args.len());
    all.extend(missing.map(|a| a.default.clone().unwrap_or_default()));
    (kernel.run)(&Context::new(), &all).unwrap_or_else(|error| panic!("{op}: {}", error.message))
}

fn contiguous(value: &IValue) -> IValue {
    match value {
        IValue::Tensor(t) => t.copy().unwrap().contiguous().unwrap().into(),
        IValue::List(l) => {
            let items = l.to_vec().iter().map(contiguous).collect();
            IValue::list(l.element_type().clone(), items)
        }
        other => other.clone(),
    }
}

#[track_caller]
fn close(what: &str, found: &[Array], expected: &[Array], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: number of results");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.sizes, expected.sizes, "{what}: sizes");
        for (i, (a, b)) in found.data.iter().zip(&expected.data).enumerate() {
            let near = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs());
            assert!(near, "{what}: element {i}: expected {b}, found {a}");
        }
    }
}

/// Arguments as a generator makes them, and the results that a plain loop over their numbers gives.
pub fn check(
    op: &str,
    rounds: u64,
    arguments: impl Fn(&mut Numbers) -> Vec<IValue>,
    expected: impl Fn(&[Array], &[IValue]) -> Vec<Array>,
) {
    for round in 0..rounds {
        let mut numbers = Numbers(round * 977 + 13);
        let args = arguments(&mut numbers);
        let arrays: Vec<Array> = args
            .iter()
            .flat_map(tensors_only)
            .map(|t| Array::of(&t))
            .collect();
        let what = format!("{op}, round {round}");
        let results =
            |args: &[IValue]| -> Vec<Array> { tensors(&call(op, args)).iter().map(Array::of).collect() };
        let found = results(&args);
        close(&what, &found, &expected(&arrays, &args), 1e-4);
        let plain: Vec<IValue> = args.iter().map(contiguous).collect();
        close(&format!("{what}, contiguous"), &results(&plain), &found, 1e-6);
        let after: Vec<Array> = args
            .iter()
            .flat_map(tensors_only)
            .map(|t| Array::of(&t))
            .collect();
        close(&format!("{what}, arguments afterwards"), &after, &arrays, 0.0);
    }
}

fn tensors_only(value: &IValue) -> Vec<Tensor> {
    match value {
        IValue::Int(_) => Vec::new(),
        IValue::List(l) => l.to_vec().iter().flat_map(tensors_only).collect(),
        other => tensors(other),
    }
}
