//! Differences, integrals by the trapezoid rule, gradients, covariance, sums over segments.

use std::sync::Arc;

use crate::calc::{add, div, mul, sub};
use flambeau_ir::ops::Rows;
use flambeau_tensor::index::cat;
use flambeau_tensor::layout::{Dims, wrap_dim};
use flambeau_tensor::nn::matmul::mm;
use flambeau_tensor::pointwise::{self as p, Arg};
use flambeau_tensor::reduce::{cumsum, norm, sum};
use flambeau_tensor::{DType, Result, Scalar, Tensor, bail, ensure};

pub fn declare(ops: &mut Rows) {
    differences(ops);
    integrals(ops);
    gradients(ops);
    covariance(ops);
    segments(ops);
}

/// All but the first and all but the last element along `dim`.
fn neighbours(x: &Tensor, dim: i64) -> Result<(Tensor, Tensor)> {
    let n = x.size(dim)?;
    let m = (n - 1).max(0);
    Ok((x.narrow(dim, n - m, m)?, x.narrow(dim, 0, m)?))
}

fn diff(x: &Tensor, n: i64, dim: i64, prepend: Option<Tensor>, append: Option<Tensor>) -> Result<Tensor> {
    ensure!(x.dim() > 0, "diff expects input to be at least one-dimensional");
    ensure!(n >= 0, "order must be non-negative but got {n}");
    let mut out = x.clone();
    if prepend.is_some() || append.is_some() {
        let parts: Vec<Tensor> = prepend.into_iter().chain([out]).chain(append).collect();
        out = cat(&parts, dim)?;
    }
    if n == 0 {
        return x.copy();
    }
    for _ in 0..n.min(out.size(dim)?) {
        let (high, low) = neighbours(&out, dim)?;
        out = if x.dtype() == DType::Bool {
            p::ne((&high).into(), (&low).into())?
        } else {
            sub(&high, &low)?
        };
    }
    Ok(out)
}

fn differences(ops: &mut Rows) {
    ops.op(
        "aten::diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
    )
    .doc("Differences of neighbours along a dimension, `n` times over.")
    .kernel(
        |x: Tensor, n: i64, dim: i64, prepend: Option<Tensor>, append: Option<Tensor>| {
            diff(&x, n, dim, prepend, append)
        },
    );
    let renorm = |x: &Tensor, order: Scalar, dim: i64, most: Scalar| -> Result<Tensor> {
        ensure!(
            x.dim() > 1,
            "renorm: input needs at least 2 dimensions, got {} dimensions",
            x.dim()
        );
        let (order, most) = (order.to_f64(), most.to_f64());
        ensure!(order > 0.0, "renorm: non-positive-norm not supported");
        ensure!(most >= 0.0, "renorm: expected maxnorm to be >= 0 but got {most}");
        let dim = wrap_dim(dim, x.dim())?;
        let others: Vec<i64> = (0..x.dim() as i64).filter(|d| *d != dim as i64).collect();
        // Half types are measured in single precision.
        let wide = matches!(x.dtype(), DType::Half | DType::BFloat16).then_some(DType::Float);
        let norms = norm(x, order, &others, true, wide)?;
        let scaled = div(most, &add(&norms, 1e-7)?)?;
        let factor = p::where_(
            &p::gt((&norms).into(), most.into())?,
            (&scaled).into(),
            1.0.into(),
        )?;
        let dtype = if x.is_complex() { norms.dtype() } else { x.dtype() };
        mul(x, &factor.to_dtype(dtype)?)
    };
    ops.op("aten::renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor")
        .doc("Scales down the slices along a dimension whose norm is above `maxnorm`.")
        .kernel(move |x: Tensor, order: Scalar, dim: i64, most: Scalar| renorm(&x, order, dim, most));
}

/// Sums of neighbours, each times its width, halved.
fn trapezoids<'a>(y: &Tensor, width: impl Into<Arg<'a>>, dim: i64) -> Result<Tensor> {
    let (high, low) = neighbours(y, dim)?;
    let ends = add(&high, &low)?;
    div(&p::mul((&ends).into(), width.into())?, 2.0)
}

/// The widths between points `x`, shaped to go with `y`.
fn widths(y: &Tensor, x: &Tensor, dim: i64, name: &str) -> Result<Tensor> {
    let at = wrap_dim(dim, y.dim())?;
    let mut sizes: Dims = if x.dim() == 1 {
        ensure!(
            x.size(0)? == y.size(dim)?,
            "{name}: There must be one `x` value for each sample point"
        );
        let mut sizes: Dims = y.sizes().iter().map(|_| 1).collect();
        sizes[at] = x.size(0)?;
        sizes
    } else {
        x.sizes().into()
    };
    while sizes.len() < y.dim() {
        sizes.insert(0, 1);
    }
    let x = x.reshape(&sizes)?;
    // Counted from the end, in case x has more dimensions.
    let (high, low) = neighbours(&x, at as i64 - y.dim() as i64)?;
    sub(&high, &low)
}

/// Zeros of the sizes of `y` without `dim`.
fn nothing(y: &Tensor, dim: i64) -> Result<Tensor> {
    let at = wrap_dim(dim, y.dim())?;
    let sizes: Dims = y
        .sizes()
        .iter()
        .enumerate()
        .filter(|(d, _)| *d != at)
        .map(|(_, n)| *n)
        .collect();
    Tensor::zeros(&sizes, y.dtype())
}

fn integrals(ops: &mut Rows) {
    let by_step = |y: &Tensor, dx: Scalar, dim: i64| -> Result<Tensor> {
        if y.size(dim)? == 0 {
            return nothing(y, dim);
        }
        ensure!(
            y.dtype() != DType::Bool,
            "trapezoid: received a bool input for `y`, but bool is not supported"
        );
        if matches!(y.dtype(), DType::Half | DType::BFloat16) {
            // Half types show that the ends are taken from the sum of all.
            let ends = add(&y.select(dim, 0)?, &y.select(dim, -1)?)?;
            let inner = sub(&sum(y, &[dim], false, None)?, &mul(&ends, 0.5)?)?;
            return p::mul((&inner).into(), dx.into());
        }
        sum(&trapezoids(y, dx, dim)?, &[dim], false, None)
    };
    let by_points = |y: &Tensor, x: &Tensor, dim: i64| -> Result<Tensor> {
        if y.size(dim)? == 0 {
            return nothing(y, dim);
        }
        ensure!(
            y.dtype() != DType::Bool && x.dtype() != DType::Bool,
            "trapezoid: received a bool input for `x`, but bool is not supported"
        );
        sum(
            &trapezoids(y, &widths(y, x, dim, "trapezoid")?, dim)?,
            &[dim],
            false,
            None,
        )
    };
    let doc = "The integral along a dimension by the trapezoid rule.";
    ops.op("aten::trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor")
        .doc(doc)
        .kernel(move |y: Tensor, dx: Scalar, dim: i64| by_step(&y, dx, dim));
    ops.op("aten::trapz.dx(Tensor y, *, float dx=1., int dim=-1) -> Tensor")
        .doc(doc)
        .kernel(move |y: Tensor, dx: f64, dim: i64| by_step(&y, dx.into(), dim));
    ops.op("aten::trapezoid.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor")
        .doc(doc)
        .kernel(move |y: Tensor, x: Tensor, dim: i64| by_points(&y, &x, dim));
    ops.op("aten::trapz.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor")
        .doc(doc)
        .kernel(move |y: Tensor, x: Tensor, dim: i64| by_points(&y, &x, dim));
    let doc = "The integral up to each point along a dimension by the trapezoid rule.";
    ops.op("aten::cumulative_trapezoid.dx(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor")
        .doc(doc)
        .kernel(|y: Tensor, dx: Scalar, dim: i64| {
            ensure!(
                y.dtype() != DType::Bool,
                "cumulative_trapezoid: received a bool input for `y`, but bool is not supported"
            );
            cumsum(&trapezoids(&y, dx, dim)?, dim, None)
        });
    ops.op("aten::cumulative_trapezoid.x(Tensor y, Tensor x, *, int dim=-1) -> Tensor")
        .doc(doc)
        .kernel(|y: Tensor, x: Tensor, dim: i64| {
            ensure!(
                y.dtype() != DType::Bool && x.dtype() != DType::Bool,
                "cumulative_trapezoid: received a bool input, but bool is not supported"
            );
            cumsum(
                &trapezoids(&y, &widths(&y, &x, dim, "cumulative_trapezoid")?, dim)?,
                dim,
                None,
            )
        });
}

/// Where the samples along one dimension are.
enum Spacing {
    Even(f64),
    At(Tensor),
}

/// Second-order differences inside, of order `edge` at the ends.
fn gradient_along(x: &Tensor, dim: i64, spacing: &Spacing, edge: i64) -> Result<Tensor> {
    let n = x.size(dim)?;
    let at = |i: i64| x.narrow(dim, if i < 0 { n + i } else { i }, 1);
    let combine = |terms: [(Tensor, f64); 3]| -> Result<Tensor> {
        let [a, b, c] = terms;
        add(&add(&mul(&a.0, a.1)?, &mul(&b.0, b.1)?)?, &mul(&c.0, c.1)?)
    };
    let (before, middle, after) = (
        x.narrow(dim, 0, n - 2)?,
        x.narrow(dim, 1, n - 2)?,
        x.narrow(dim, 2, n - 2)?,
    );
    match spacing {
        Spacing::Even(h) => {
            let centre = mul(&div(&sub(&after, &before)?, *h)?, 0.5)?;
            let (first, last) = if edge == 1 {
                (
                    div(&sub(&at(1)?, &at(0)?)?, *h)?,
                    div(&sub(&at(-1)?, &at(-2)?)?, *h)?,
                )
            } else {
                (
                    div(&combine([(at(0)?, -1.5), (at(1)?, 2.0), (at(2)?, -0.5)])?, *h)?,
                    div(&combine([(at(-1)?, 1.5), (at(-2)?, -2.0), (at(-3)?, 0.5)])?, *h)?,
                )
            };
            cat(&[first, centre, last], dim)
        }
        Spacing::At(points) => {
            let points = points.to_vec::<f64>()?;
            let d: Vec<f64> = points.windows(2).map(|w| w[1] - w[0]).collect();
            let mut shape: Dims = x.sizes().iter().map(|_| 1).collect();
            shape[wrap_dim(dim, x.dim())?] = n - 2;
            let dtype = x.dtype().to_float();
            let weights = |f: fn(f64, f64) -> f64| {
                let w: Vec<f64> = d.windows(2).map(|w| f(w[0], w[1])).collect();
                Tensor::from_vec(w, &shape)?.to_dtype(dtype.to_real())
            };
            let a = weights(|l, r| -r / (l * (l + r)))?;
            let b = weights(|l, r| (r - l) / (l * r))?;
            let c = weights(|l, r| l / (r * (l + r)))?;
            let centre = add(&add(&mul(&before, &a)?, &mul(&middle, &b)?)?, &mul(&after, &c)?)?;
            let (l, r) = (d[0], d[1]);
            let (y, z) = (d[d.len() - 2], d[d.len() - 1]);
            let (first, last) = if edge == 1 {
                (
                    div(&sub(&at(1)?, &at(0)?)?, l)?,
                    div(&sub(&at(-1)?, &at(-2)?)?, z)?,
                )
            } else {
                (
                    combine([
                        (at(0)?, -(2.0 * l + r) / (l * (l + r))),
                        (at(1)?, (l + r) / (l * r)),
                        (at(2)?, -l / (r * (l + r))),
                    ])?,
                    combine([
                        (at(-3)?, z / (y * (y + z))),
                        (at(-2)?, -(y + z) / (y * z)),
                        (at(-1)?, (2.0 * z + y) / (z * (y + z))),
                    ])?,
                )
            };
            cat(&[first, centre, last], dim)
        }
    }
}

fn gradient(x: &Tensor, spacing: Vec<Spacing>, dims: Option<Vec<i64>>, edge: i64) -> Result<Vec<Tensor>> {
    ensure!(
        edge == 1 || edge == 2,
        "torch.gradient only supports edge_order=1 and edge_order=2."
    );
    let dims = dims.unwrap_or_else(|| (0..x.dim() as i64).collect());
    ensure!(
        x.dim() > 0 || dims.is_empty(),
        "Dimension specified as {} but tensor has no dimensions",
        dims[0]
    );
    let mut seen = vec![false; x.dim()];
    for &d in &dims {
        let d = wrap_dim(d, x.dim())?;
        ensure!(!seen[d], "dim {d} appears multiple times in the list of dims");
        seen[d] = true;
        ensure!(
            x.sizes()[d] > edge,
            "torch.gradient expected each dimension size to be at least edge_order+1"
        );
    }
    ensure!(
        spacing.len() == 1 || spacing.len() == dims.len(),
        "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'self.dim() = {}', since \
         dim argument was not given, but got a list of length {}",
        x.dim(),
        spacing.len()
    );
    let mut out = Vec::with_capacity(dims.len());
    for (i, &d) in dims.iter().enumerate() {
        let s = if spacing.len() == 1 {
            &spacing[0]
        } else {
            &spacing[i]
        };
        if let Spacing::At(points) = s {
            ensure!(
                points.dim() == 1 && points.size(0)? == x.size(d)?,
                "torch.gradient expected each tensor in spacing to have the same size as the dimension it belongs to"
            );
        }
        // With two samples there is no inside.
        if x.size(d)? == 2 {
            let step = match s {
                Spacing::Even(h) => *h,
                Spacing::At(points) => points.to_vec::<f64>()?.windows(2).map(|w| w[1] - w[0]).sum(),
            };
            let slope = div(&diff(x, 1, d, None, None)?, step)?;
            out.push(cat(&[slope.clone(), slope], d)?);
            continue;
        }
        out.push(gradient_along(x, d, s, edge)?);
    }
    Ok(out)
}

fn gradients(ops: &mut Rows) {
    let doc = "The gradient along dimensions from samples, by central differences.";
    let even = |spacing: Vec<Scalar>| {
        spacing
            .into_iter()
            .map(|s| Spacing::Even(s.to_f64()))
            .collect::<Vec<_>>()
    };
    let points = |spacing: Vec<Tensor>| spacing.into_iter().map(Spacing::At).collect::<Vec<_>>();
    ops.op("aten::gradient.scalarint(Tensor self, *, Scalar? spacing=None, int? dim=None, int edge_order=1) -> Tensor[]").doc(doc).kernel(
        |x: Tensor, spacing: Option<Scalar>, dim: Option<i64>, edge: i64| {
            gradient(&x, vec![Spacing::Even(spacing.map_or(1.0, |s| s.to_f64()))], dim.map(|d| vec![d]), edge)
        },
    );
    ops.op(
        "aten::gradient.scalararray(Tensor self, *, Scalar spacing, int[] dim, int edge_order=1) -> Tensor[]",
    )
    .doc(doc)
    .kernel(|x: Tensor, spacing: Scalar, dim: Vec<i64>, edge: i64| {
        gradient(&x, vec![Spacing::Even(spacing.to_f64())], Some(dim), edge)
    });
    ops.op("aten::gradient.array(Tensor self, *, int[] dim, int edge_order=1) -> Tensor[]")
        .doc(doc)
        .kernel(|x: Tensor, dim: Vec<i64>, edge: i64| {
            gradient(&x, vec![Spacing::Even(1.0)], Some(dim), edge)
        });
    ops.op("aten::gradient.scalarrayint(Tensor self, *, Scalar[] spacing, int? dim=None, int edge_order=1) -> Tensor[]").doc(doc).kernel(
        move |x: Tensor, spacing: Vec<Scalar>, dim: Option<i64>, edge: i64| {
            gradient(&x, even(spacing), dim.map(|d| vec![d]), edge)
        },
    );
    ops.op("aten::gradient.scalarrayarray(Tensor self, *, Scalar[] spacing, int[] dim, int edge_order=1) -> Tensor[]").doc(doc).kernel(
        move |x: Tensor, spacing: Vec<Scalar>, dim: Vec<i64>, edge: i64| gradient(&x, even(spacing), Some(dim), edge),
    );
    ops.op("aten::gradient.tensorarrayint(Tensor self, *, Tensor[] spacing, int? dim=None, int edge_order=1) -> Tensor[]").doc(doc).kernel(
        move |x: Tensor, spacing: Vec<Tensor>, dim: Option<i64>, edge: i64| {
            gradient(&x, points(spacing), dim.map(|d| vec![d]), edge)
        },
    );
    ops.op("aten::gradient.tensorarray(Tensor self, *, Tensor[] spacing, int[] dim, int edge_order=1) -> Tensor[]").doc(doc).kernel(
        move |x: Tensor, spacing: Vec<Tensor>, dim: Vec<i64>, edge: i64| gradient(&x, points(spacing), Some(dim), edge),
    );
}

fn cov(x: &Tensor, correction: i64, fweights: Option<Tensor>, aweights: Option<Tensor>) -> Result<Tensor> {
    ensure!(
        x.dim() <= 2,
        "cov(): expected input to have two or fewer dimensions but got an input with {} dimensions",
        x.dim()
    );
    ensure!(
        x.dtype() != DType::Bool,
        "cov(): bool dtype is not supported for input"
    );
    let x = if x.dim() < 2 {
        x.reshape(&[1, -1])?
    } else {
        x.clone()
    };
    let observations = x.size(1)?;
    for (name, w) in [("fweights", &fweights), ("aweights", &aweights)] {
        let Some(w) = w else { continue };
        ensure!(
            w.dim() <= 1,
            "cov(): expected {name} to have one or fewer dimensions but got {name} with {} dimensions",
            w.dim()
        );
        let (fits, kind) = match name {
            "fweights" => (w.dtype().is_integral(false), "integral"),
            _ => (w.is_floating_point(), "floating point"),
        };
        ensure!(
            fits,
            "cov(): expected {name} to have {kind} dtype but got {name} with {} dtype",
            w.dtype().name()
        );
        ensure!(
            w.numel() == observations,
            "cov(): expected {name} to have the same numel as there are observations in the input but got {} != {observations}",
            w.numel()
        );
        ensure!(
            w.to_vec::<f64>()?.iter().all(|w| !(*w < 0.0)),
            "cov(): {name} cannot be negative"
        );
    }
    let weights = match (&fweights, &aweights) {
        (Some(f), Some(a)) => Some(mul(f, a)?),
        (Some(w), None) | (None, Some(w)) => Some(w.clone()),
        (None, None) => None,
    };
    let total = match &weights {
        None => observations as f64,
        Some(w) => w.to_vec::<f64>()?.iter().sum(),
    };
    ensure!(
        weights.is_none() || total != 0.0,
        "cov(): weights sum to zero, can't be normalized"
    );
    let weighted = match &weights {
        None => x.clone(),
        Some(w) => mul(&x, w)?,
    };
    let average = div(&sum(&weighted, &[1], false, None)?, total)?;
    let degrees = match (&weights, &aweights) {
        (Some(w), Some(a)) if correction != 0 => {
            let both: f64 = mul(w, a)?.to_vec::<f64>()?.iter().sum();
            total - correction as f64 * both / total
        }
        _ => total - correction as f64,
    };
    let centred = sub(&x, &average.unsqueeze(1)?)?;
    let weighted = match &weights {
        None => centred.clone(),
        Some(w) => mul(&centred, w)?,
    };
    let products = mm(&centred.to_dtype(weighted.dtype())?, &p::conj(&weighted.t()?)?)?;
    div(&products, degrees.max(0.0))?.squeeze()
}

fn covariance(ops: &mut Rows) {
    ops.op(
        "aten::cov(Tensor self, *, int correction=1, Tensor? fweights=None, Tensor? aweights=None) -> Tensor",
    )
    .doc("The covariance matrix of variables (rows) over observations (columns).")
    .kernel(
        |x: Tensor, correction: i64, fweights: Option<Tensor>, aweights: Option<Tensor>| {
            cov(&x, correction, fweights, aweights)
        },
    );
    ops.op("aten::corrcoef(Tensor self) -> Tensor").doc("Pearson's correlation coefficients of variables (rows).").kernel(|x: Tensor| {
        ensure!(
            x.dim() <= 2,
            "corrcoef(): expected input to have two or fewer dimensions but got an input with {} dimensions",
            x.dim()
        );
        let c = cov(&x, 1, None, None)?;
        if c.dim() == 0 {
            return div(&c, &c);
        }
        let d = c.diagonal(0, 0, 1)?;
        let deviation = p::sqrt(&if d.is_complex() { d.real()? } else { d })?;
        let c = div(&div(&c, &deviation.reshape(&[-1, 1])?)?, &deviation.reshape(&[1, -1])?)?;
        let clip = |t: &Tensor| p::clamp(t, Some((-1).into()), Some(1.into()));
        if c.is_complex() { p::complex(&clip(&c.real()?)?, &clip(&c.imag()?)?) } else { clip(&c) }
    });
}

fn segment_reduce(
    data: &Tensor,
    how: &str,
    lengths: Option<&Tensor>,
    offsets: Option<&Tensor>,
    axis: i64,
    initial: Option<f64>,
) -> Result<Tensor> {
    ensure!(
        data.dim() > 0,
        "segment_reduce(): Expected data to have at least one dimension"
    );
    let axis = wrap_dim(axis, data.dim())?;
    let n = data.sizes()[axis] as usize;
    let outer = data.sizes()[..axis].iter().product::<i64>() as usize;
    let inner = data.sizes()[axis + 1..].iter().product::<i64>() as usize;
    let (bounds, shape): (Vec<Vec<i64>>, Dims) = match (lengths, offsets) {
        (Some(lengths), _) => {
            ensure!(
                lengths.dim() == axis + 1,
                "segment_reduce(): Expected lengths to have {} dimensions",
                axis + 1
            );
            ensure!(
                lengths.sizes()[..axis] == data.sizes()[..axis],
                "segment_reduce(): Expected lengths and data to have the same sizes before the axis"
            );
            let count = lengths.sizes()[axis].max(0) as usize;
            let all = lengths.to_vec::<i64>()?;
            let ends = |row: &[i64]| {
                let mut sums = vec![0i64];
                sums.extend(row.iter().scan(0i64, |s, l| {
                    *s = s.saturating_add((*l).max(0));
                    Some(*s)
                }));
                sums
            };
            let bounds = if count == 0 {
                vec![vec![0]; outer]
            } else {
                all.chunks(count).map(ends).collect()
            };
            (bounds, lengths.sizes().into())
        }
        (None, Some(offsets)) => {
            ensure!(
                offsets.dim() == axis + 1,
                "segment_reduce(): Expected offsets to have {} dimensions",
                axis + 1
            );
            ensure!(
                offsets.sizes()[..axis] == data.sizes()[..axis],
                "segment_reduce(): Expected offsets and data to have the same sizes before the axis"
            );
            let count = offsets.sizes()[axis];
            ensure!(count > 0, "segment_reduce(): Expected offsets not to be empty");
            let mut shape: Dims = offsets.sizes().into();
            shape[axis] = count - 1;
            (
                offsets
                    .to_vec::<i64>()?
                    .chunks(count as usize)
                    .map(|c| c.to_vec())
                    .collect(),
                shape,
            )
        }
        (None, None) => bail!("segment_reduce(): Either lengths or offsets must be defined."),
    };
    let start = match how {
        "sum" | "mean" => 0.0,
        "prod" => 1.0,
        "max" => f64::NEG_INFINITY,
        "min" => f64::INFINITY,
        _ => bail!("segment_reduce(): unsupported reduction {how}"),
    };
    let values = data.to_vec::<f64>()?;
    let mut out = Vec::new();
    for (o, bounds) in bounds.iter().enumerate() {
        for w in bounds.windows(2) {
            ensure!(
                0 <= w[0] && w[0] <= w[1] && w[1] as usize <= n,
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe."
            );
            for i in 0..inner {
                let elements = (w[0] as usize..w[1] as usize).map(|k| values[(o * n + k) * inner + i]);
                let total = elements.fold(initial.unwrap_or(start), |a, x| match how {
                    "sum" | "mean" => a + x,
                    "prod" => a * x,
                    "max" if x > a || x.is_nan() => x,
                    "min" if x < a || x.is_nan() => x,
                    _ => a,
                });
                let count = w[1] - w[0];
                out.push(match how {
                    "mean" if count == 0 && initial.is_none() => f64::NAN,
                    "mean" if count > 0 => total / count as f64,
                    _ => total,
                });
            }
        }
    }
    let mut sizes = shape;
    sizes.extend_from_slice(&data.sizes()[axis + 1..]);
    Tensor::from_vec(out, &sizes)?.to_dtype(data.dtype())
}

fn segments(ops: &mut Rows) {
    ops.op("aten::segment_reduce(Tensor data, str reduce, *, Tensor? lengths=None, Tensor? indices=None, Tensor? offsets=None, int axis=0, bool unsafe=False, Scalar? initial=None) -> Tensor").doc("Sums, products, means or extremes of runs along an axis.").kernel(
        |data: Tensor,
         how: Arc<str>,
         lengths: Option<Tensor>,
         _indices: Option<Tensor>,
         offsets: Option<Tensor>,
         axis: i64,
         _unsafe: bool,
         initial: Option<Scalar>| {
            segment_reduce(&data, &how, lengths.as_ref(), offsets.as_ref(), axis, initial.map(|s| s.to_f64()))
        },
    );
}
