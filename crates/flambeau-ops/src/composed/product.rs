//! Products: einsum, tensordot, Kronecker, cross, bilinear.

use std::sync::Arc;

use flambeau_ir::ops::{Context, Rows};
use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Result, Scalar, Tensor, nn::matmul as m, pointwise as p};

use crate::calc::*;
use crate::values::{each, error};

pub fn declare(ops: &mut Rows) {
    ops.op("aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor")
        .doc("The sum of products that the equation names.")
        .kernel(|equation: Arc<str>, ts: Vec<Tensor>, path: Option<Vec<i64>>| {
            einsum(&equation, &ts, path.as_deref())
        })
        .example(
            "einsum('ij,j->i', [torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1])])",
            "[3, 7]",
        );
    ops.op("aten::einsum.sublist(Tensor a, ...) -> Tensor")
        .doc("`einsum` with lists of labels instead of letters.")
        .kernel(|_: &Context, args: &[IValue]| sublist(args));
    ops.op("aten::tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor")
        .doc("The sum of products over pairs of dimensions.")
        .kernel(|a: Tensor, b: Tensor, x: Vec<i64>, y: Vec<i64>| tensordot(&a, &b, &x, &y));
    ops.op("aten::inner(Tensor self, Tensor other) -> Tensor").doc("Products summed over the last dimensions.").kernel(|a: Tensor, b: Tensor| {
        if a.dim() == 0 || b.dim() == 0 {
            return mul(&a, &b);
        }
        if a.size(-1)? != b.size(-1)? {
            return Err(error(format!("inner() the last dimension must match on both input tensors but got shapes {:?} and {:?}", a.sizes(), b.sizes())));
        }
        tensordot(&a, &b, &[-1], &[-1])
    });
    ops.op("aten::kron(Tensor self, Tensor other) -> Tensor")
        .doc("The Kronecker product.")
        .kernel(|a: Tensor, b: Tensor| {
            let dims = a.dim().max(b.dim());
            let grown = |t: &Tensor| {
                let mut sizes = vec![1; dims - t.dim()];
                sizes.extend(t.sizes());
                sizes
            };
            let (sa, sb) = (grown(&a), grown(&b));
            let left: Vec<i64> = sa.iter().flat_map(|s| [*s, 1]).collect();
            let right: Vec<i64> = sb.iter().flat_map(|s| [1, *s]).collect();
            let result: Vec<i64> = sa.iter().zip(&sb).map(|(x, y)| x * y).collect();
            mul(&a.reshape(&left)?, &b.reshape(&right)?)?.reshape(&result)
        });
    ops.op("aten::cross(Tensor self, Tensor other, int? dim=None) -> Tensor")
        .doc("The cross product of vectors of three elements.")
        .kernel(|a: Tensor, b: Tensor, dim: Option<i64>| {
            let dim = match dim {
                Some(dim) => dim,
                None => a
                    .sizes()
                    .iter()
                    .position(|s| *s == 3)
                    .ok_or_else(|| error("no dimension of size 3 in input"))? as i64,
            };
            cross(&a, &b, dim)
        });
    ops.op("aten::linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor")
        .doc("The cross product of vectors of three elements.")
        .kernel(|a: Tensor, b: Tensor, dim: i64| cross(&a, &b, dim));
    ops.op("aten::bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor")
        .doc("`input1 @ weight[k] @ input2` for each `k`.")
        .kernel(|a: Tensor, b: Tensor, w: Tensor, bias: Option<Tensor>| bilinear(&a, &b, &w, bias.as_ref()));
    ops.op("aten::mm.dtype(Tensor self, Tensor mat2, ScalarType out_dtype) -> Tensor")
        .doc("The matrix product in another dtype.")
        .kernel(|a: Tensor, b: Tensor, dtype: flambeau_tensor::DType| {
            m::mm(&a.to_dtype(dtype)?, &b.to_dtype(dtype)?)
        });
    ops.op("aten::bmm.dtype(Tensor self, Tensor mat2, ScalarType out_dtype) -> Tensor")
        .doc("Matrix products in another dtype.")
        .kernel(|a: Tensor, b: Tensor, dtype: flambeau_tensor::DType| {
            m::bmm(&a.to_dtype(dtype)?, &b.to_dtype(dtype)?)
        });
    ops.op("aten::addmm.dtype(Tensor self, Tensor mat1, Tensor mat2, ScalarType out_dtype, *, Scalar beta=1, Scalar alpha=1) -> Tensor").doc("`addmm` in another dtype.").kernel(
        |x: Tensor, a: Tensor, b: Tensor, dtype: flambeau_tensor::DType, beta: Scalar, alpha: Scalar| m::addmm(&x.to_dtype(dtype)?, &a.to_dtype(dtype)?, &b.to_dtype(dtype)?, beta, alpha),
    );
    ops.op("aten::baddbmm.dtype(Tensor self, Tensor batch1, Tensor batch2, ScalarType out_dtype, *, Scalar beta=1, Scalar alpha=1) -> Tensor").doc("`baddbmm` in another dtype.").kernel(
        |x: Tensor, a: Tensor, b: Tensor, dtype: flambeau_tensor::DType, beta: Scalar, alpha: Scalar| m::baddbmm(&x.to_dtype(dtype)?, &a.to_dtype(dtype)?, &b.to_dtype(dtype)?, beta, alpha),
    );
    each(
        ops,
        "The product of a matrix and another one's transpose.",
        &["prim::MMTreeReduce(...) -> Tensor"],
        |_: &Context, args: &[IValue]| -> Result<Tensor> {
            let ts: Vec<&Tensor> = args.iter().filter_map(IValue::as_tensor).collect();
            let half = ts.len() / 2;
            if half == 0 {
                return Err(error("expected pairs of matrices"));
            }
            let first = m::mm(ts[0], ts[half])?;
            (1..half).try_fold(first, |total, i| add(&total, &m::mm(ts[i], ts[half + i])?))
        },
    );
}

fn tensordot(a: &Tensor, b: &Tensor, x: &[i64], y: &[i64]) -> Result<Tensor> {
    if x.len() != y.len() {
        return Err(error("both dimension lists should have same length"));
    }
    if !x.is_empty() && (a.dim() == 0 || b.dim() == 0) {
        return Err(error("Dimension specified as 0 but tensor has no dimensions"));
    }
    let wrap = |dims: &[i64], t: &Tensor| {
        dims.iter()
            .map(|d| flambeau_tensor::layout::wrap_dim(*d, t.dim()))
            .collect::<Result<Vec<_>>>()
    };
    let (x, y) = (wrap(x, a)?, wrap(y, b)?);
    let (mut a, mut b) = (a.clone(), b.clone());
    for (&i, &j) in x.iter().zip(&y) {
        let (s, t) = (a.sizes()[i], b.sizes()[j]);
        if t == 1 && s != 1 {
            a = flambeau_tensor::reduce::sum(&a, &[i as i64], true, Some(a.dtype()))?;
        } else if s == 1 && t != 1 {
            b = flambeau_tensor::reduce::sum(&b, &[j as i64], true, Some(b.dtype()))?;
        } else if s != t {
            return Err(error(format!(
                "contracted dimensions need to match, but first has size {s} in dim {i} and second has size {t} in dim {j}"
            )));
        }
    }
    let rest = |t: &Tensor, used: &[usize]| (0..t.dim()).filter(|d| !used.contains(d)).collect::<Vec<_>>();
    let (ra, rb) = (rest(&a, &x), rest(&b, &y));
    let size = |t: &Tensor, dims: &[usize]| dims.iter().map(|d| t.sizes()[*d]).collect::<Vec<_>>();
    let mut shape = size(&a, &ra);
    shape.extend(size(&b, &rb));
    let order =
        |first: &[usize], second: &[usize]| first.iter().chain(second).map(|d| *d as i64).collect::<Vec<_>>();
    let inner: i64 = size(&a, &x).iter().product();
    let rows: i64 = size(&a, &ra).iter().product();
    let columns: i64 = size(&b, &rb).iter().product();
    let left = a.permute(&order(&ra, &x))?.reshape(&[rows, inner])?;
    let right = b.permute(&order(&y, &rb))?.reshape(&[inner, columns])?;
    m::mm(&left, &right)?.reshape(&shape)
}

fn cross(a: &Tensor, b: &Tensor, dim: i64) -> Result<Tensor> {
    if a.dim() != b.dim() {
        return Err(error(
            "linalg.cross: inputs must have the same number of dimensions.",
        ));
    }
    if a.size(dim)? != 3 || b.size(dim)? != 3 {
        return Err(error(format!(
            "linalg.cross: inputs dimension {dim} must have length 3. Got {} and {}",
            a.size(dim)?,
            b.size(dim)?
        )));
    }
    let part = |t: &Tensor, i: i64| t.select(dim, i);
    let mut out = Vec::with_capacity(3);
    for (i, j) in [(1, 2), (2, 0), (0, 1)] {
        out.push(sub(
            &mul(&part(a, i)?, &part(b, j)?)?,
            &mul(&part(a, j)?, &part(b, i)?)?,
        )?);
    }
    // The dimension is counted in the input, which has one more than the parts.
    flambeau_tensor::index::stack(&out, flambeau_tensor::layout::wrap_dim(dim, a.dim())? as i64)
}

fn bilinear(a: &Tensor, b: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if a.dim() == 0 || b.dim() == 0 || w.dim() != 3 {
        return Err(error(
            "bilinear() expects inputs of at least one dimension and a weight of three",
        ));
    }
    let batch = a.sizes()[..a.dim() - 1].to_vec();
    if batch != b.sizes()[..b.dim() - 1] {
        return Err(error(format!(
            "bilinear(): input batch dimensions do not match: got {:?} and {:?}",
            a.sizes(),
            b.sizes()
        )));
    }
    let (out, n, k) = (w.sizes()[0], w.sizes()[1], w.sizes()[2]);
    if a.size(-1)? != n || b.size(-1)? != k {
        return Err(error(format!(
            "bilinear(): input sizes do not match weight size: got {} and {} but expected {n} and {k}",
            a.size(-1)?,
            b.size(-1)?
        )));
    }
    let rows: i64 = batch.iter().product();
    let left = a.reshape(&[rows, n])?;
    let right = b.reshape(&[rows, k])?;
    // (rows, n) @ (n, out·k), then products with the right vectors.
    let spread = m::mm(&left, &w.permute(&[1, 0, 2])?.reshape(&[n, out * k])?)?.reshape(&[rows, out, k])?;
    let mut result = m::bmm(&spread, &right.unsqueeze(-1)?)?.squeeze_dim(-1)?;
    if let Some(bias) = bias {
        result = add(&result, bias)?;
    }
    let mut shape = batch;
    shape.push(out);
    result.reshape(&shape)
}

/// Labels of an operand's dimensions; an ellipsis is a run of labels from `ELLIPSIS` on.
type Labels = Vec<u16>;
const ELLIPSIS: u16 = 1000;

fn letter(c: char) -> Result<u16> {
    match c {
        'A'..='Z' => Ok(c as u16 - 'A' as u16),
        'a'..='z' => Ok(c as u16 - 'a' as u16 + 26),
        _ => Err(error(format!(
            "einsum(): invalid subscript given at index 0 in the equation string, subscripts must be in [a-zA-Z], found `{c}`"
        ))),
    }
}

/// Reads `ab...c`; the ellipsis as `None`.
fn subscripts(text: &str) -> Result<Vec<Option<u16>>> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        if c == ' ' {
            rest = &rest[1..];
        } else if let Some(after) = rest.strip_prefix("...") {
            if out.contains(&None) {
                return Err(error(
                    "einsum(): found '.' for operand for which an ellipsis was already found",
                ));
            }
            out.push(None);
            rest = after;
        } else if c == '.' {
            return Err(error("einsum(): found '.' that is not part of any ellipsis"));
        } else {
            out.push(Some(letter(c)?));
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(out)
}

fn einsum(equation: &str, tensors: &[Tensor], path: Option<&[i64]>) -> Result<Tensor> {
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(subscripts(right)?)),
        None => (equation, None),
    };
    let inputs = left.split(',').map(subscripts).collect::<Result<Vec<_>>>()?;
    contract(inputs, right, tensors, path)
}

fn sublist(args: &[IValue]) -> Result<Tensor> {
    let labels = |v: &IValue| -> Result<Vec<Option<u16>>> {
        let list = v
            .as_list()
            .and_then(|l| l.to_ints())
            .ok_or_else(|| error("einsum(): expected a list of labels"))?;
        list.iter()
            .map(|i| {
                u16::try_from(*i)
                    .ok()
                    .filter(|i| *i < 52)
                    .map(Some)
                    .ok_or_else(|| {
                        error(format!(
                            "einsum(): expected subscripts to be within [0, 52), found {i}"
                        ))
                    })
            })
            .collect()
    };
    let (mut tensors, mut inputs, mut output) = (Vec::new(), Vec::new(), None);
    let mut rest = args;
    while let Some((first, others)) = rest.split_first() {
        match (first, others.split_first()) {
            (IValue::Tensor(t), Some((list, others))) => {
                tensors.push(t.clone());
                inputs.push(labels(list)?);
                rest = others;
            }
            (list, None) => {
                output = Some(labels(list)?);
                rest = &[];
            }
            _ => return Err(error("einsum(): expected tensors followed by lists of labels")),
        }
    }
    contract(inputs, output, &tensors, None)
}

fn contract(
    inputs: Vec<Vec<Option<u16>>>,
    output: Option<Vec<Option<u16>>>,
    tensors: &[Tensor],
    path: Option<&[i64]>,
) -> Result<Tensor> {
    if tensors.is_empty() {
        return Err(error("einsum(): must provide at least one operand"));
    }
    if inputs.len() != tensors.len() {
        return Err(error(format!(
            "einsum(): {} operands were provided than specified in the equation",
            if inputs.len() < tensors.len() {
                "more"
            } else {
                "fewer"
            }
        )));
    }
    let mut ellipsis = 0usize;
    for (labels, t) in inputs.iter().zip(tensors) {
        let named = labels.iter().flatten().count();
        if labels.contains(&None) {
            ellipsis = ellipsis.max(t.dim().saturating_sub(named));
        }
        if named > t.dim() || named < t.dim() && !labels.contains(&None) {
            return Err(error(format!(
                "einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions ({}) for an operand",
                t.dim()
            )));
        }
    }
    let expanded = |labels: &[Option<u16>], width: usize| -> Labels {
        labels
            .iter()
            .flat_map(|l| match l {
                Some(l) => vec![*l],
                // An operand with fewer dimensions in its ellipsis has the last ones of it.
                None => (ellipsis - width..ellipsis)
                    .map(|i| ELLIPSIS + i as u16)
                    .collect(),
            })
            .collect()
    };
    let mut operands: Vec<(Tensor, Labels)> = Vec::with_capacity(tensors.len());
    for (labels, t) in inputs.iter().zip(tensors) {
        let named = labels.iter().flatten().count();
        operands.push(diagonals(t.clone(), expanded(labels, t.dim() - named))?);
    }
    let output: Labels = match output {
        Some(labels) => {
            let labels = expanded(&labels, ellipsis);
            for (i, l) in labels.iter().enumerate() {
                if labels[..i].contains(l) {
                    return Err(error(
                        "einsum(): output subscript appears more than once in the output",
                    ));
                }
                if !operands.iter().any(|(_, own)| own.contains(l)) && *l < ELLIPSIS {
                    return Err(error(
                        "einsum(): output subscript does not appear in the equation for any input operand",
                    ));
                }
            }
            labels
        }
        None => {
            let mut all: Labels = inputs.iter().flatten().flatten().copied().collect();
            all.sort_unstable();
            let once = all
                .iter()
                .filter(|l| all.iter().filter(|o| o == l).count() == 1)
                .copied();
            (0..ellipsis).map(|i| ELLIPSIS + i as u16).chain(once).collect()
        }
    };
    let mut sizes: std::collections::HashMap<u16, i64> = std::collections::HashMap::new();
    for (t, labels) in &operands {
        for (l, s) in labels.iter().zip(t.sizes()) {
            let known = sizes.entry(*l).or_insert(1);
            if *known != *s && *s != 1 && *known != 1 {
                return Err(error(format!(
                    "einsum(): subscript has size {s} for an operand which does not broadcast with previously seen size {known}"
                )));
            }
            if *known == 1 {
                *known = *s;
            }
        }
    }
    let mut steps: Vec<(usize, usize)> = match path {
        Some(path) if path.len() == 2 * (tensors.len() - 1) => path
            .chunks(2)
            .map(|p| (p[0].max(0) as usize, p[1].max(0) as usize))
            .collect(),
        _ => Vec::new(),
    };
    steps.reverse();
    while operands.len() > 1 {
        let (i, j) = steps.pop().unwrap_or((0, 1));
        let (i, j) = (i.min(j), i.max(j));
        if j >= operands.len() || i == j {
            return Err(error("einsum(): invalid path given"));
        }
        let second = operands.remove(j);
        let first = operands.remove(i);
        let keep = |l: &u16| output.contains(l) || operands.iter().any(|(_, own)| own.contains(l));
        let made = pair(first, second, &keep)?;
        if path.is_some() {
            operands.push(made);
        } else {
            operands.insert(0, made);
        }
    }
    let Some((t, labels)) = operands.pop() else {
        return Err(error("einsum(): must provide at least one operand"));
    };
    let (t, labels) = if tensors.len() == 1 {
        alone(t, labels, &|l| output.contains(l))?
    } else {
        summed(t, labels, &|l| output.contains(l))?
    };
    // Output order; labels that no operand has are ellipses of size one.
    let mut order = Vec::new();
    let mut t = t;
    let mut labels = labels;
    for l in &output {
        let place = match labels.iter().position(|o| o == l) {
            Some(place) => place,
            None => {
                t = t.unsqueeze(-1)?;
                labels.push(*l);
                labels.len() - 1
            }
        };
        order.push(place as i64);
    }
    t.permute(&order)
}

/// Repeated labels of one operand select its diagonal.
fn diagonals(mut t: Tensor, mut labels: Labels) -> Result<(Tensor, Labels)> {
    while let Some((i, j)) = (0..labels.len()).find_map(|i| {
        (i + 1..labels.len())
            .find(|&j| labels[i] == labels[j])
            .map(|j| (i, j))
    }) {
        if t.sizes()[i] != t.sizes()[j] {
            return Err(error(format!(
                "einsum(): subscript is repeated for an operand but the sizes don't match, {} != {}",
                t.sizes()[j],
                t.sizes()[i]
            )));
        }
        t = t.diagonal(0, i as i64, j as i64)?;
        let label = labels.remove(j);
        labels.remove(i);
        labels.push(label);
    }
    Ok((t, labels))
}

/// Sums the dimensions whose labels are not kept.
fn summed(t: Tensor, labels: Labels, keep: &dyn Fn(&u16) -> bool) -> Result<(Tensor, Labels)> {
    let gone: Vec<i64> = (0..labels.len())
        .filter(|&i| !keep(&labels[i]))
        .map(|i| i as i64)
        .collect();
    if gone.is_empty() {
        return Ok((t, labels));
    }
    let dtype = t.dtype();
    let t = flambeau_tensor::reduce::sum(&t, &gone, false, Some(dtype))?;
    Ok((t, labels.into_iter().filter(|l| keep(l)).collect()))
}

/// [`summed`] of one operand by itself: an ordinary sum, which makes integers long.
fn alone(t: Tensor, labels: Labels, keep: &dyn Fn(&u16) -> bool) -> Result<(Tensor, Labels)> {
    let t = if t.dtype().is_integral(true) && labels.iter().any(|l| !keep(l)) {
        t.to_dtype(DType::Long)?
    } else {
        t
    };
    summed(t, labels, keep)
}

fn pair(
    (a, la): (Tensor, Labels),
    (b, lb): (Tensor, Labels),
    keep: &dyn Fn(&u16) -> bool,
) -> Result<(Tensor, Labels)> {
    let (a, la) = alone(a, la, &|l| keep(l) || lb.contains(l))?;
    let (b, lb) = alone(b, lb, &|l| keep(l) || la.contains(l))?;
    let common = a.dtype().promote(b.dtype());
    let (a, b) = if a.dtype().is_integral(true) && b.dtype().is_integral(true) {
        (a.to_dtype(common)?, b.to_dtype(common)?)
    } else {
        (a, b)
    };
    let size =
        |t: &Tensor, labels: &Labels, l: u16| labels.iter().position(|o| *o == l).map_or(1, |i| t.sizes()[i]);
    // A shared label whose size is one on a side broadcasts; then the sum is of the product's elements.
    let shared: Labels = la.iter().copied().filter(|l| lb.contains(l)).collect();
    let uneven = shared.iter().any(|l| size(&a, &la, *l) != size(&b, &lb, *l));
    if uneven
        || !matches!(
            a.dtype(),
            DType::Float | DType::Double | DType::Half | DType::BFloat16
        )
        || a.dtype() != b.dtype()
    {
        let mut labels = la.clone();
        labels.extend(lb.iter().copied().filter(|l| !la.contains(l)));
        let aligned = |t: &Tensor, own: &Labels| -> Result<Tensor> {
            let order: Vec<i64> = labels
                .iter()
                .filter_map(|l| own.iter().position(|o| o == l))
                .map(|i| i as i64)
                .collect();
            let shape: Vec<i64> = labels.iter().map(|l| size(t, own, *l)).collect();
            t.permute(&order)?.reshape(&shape)
        };
        let product = p::mul((&aligned(&a, &la)?).into(), (&aligned(&b, &lb)?).into())?;
        return summed(product, labels, keep);
    }
    let batch: Labels = shared.iter().copied().filter(|l| keep(l)).collect();
    let inner: Labels = shared.iter().copied().filter(|l| !keep(l)).collect();
    let rows: Labels = la.iter().copied().filter(|l| !lb.contains(l)).collect();
    let columns: Labels = lb.iter().copied().filter(|l| !la.contains(l)).collect();
    let total =
        |t: &Tensor, own: &Labels, labels: &Labels| labels.iter().map(|l| size(t, own, *l)).product::<i64>();
    let shaped = |t: &Tensor, own: &Labels, groups: [&Labels; 3]| -> Result<Tensor> {
        let order: Vec<i64> = groups
            .iter()
            .flat_map(|g| g.iter())
            .filter_map(|l| own.iter().position(|o| o == l))
            .map(|i| i as i64)
            .collect();
        let shape: Vec<i64> = groups.iter().map(|g| total(t, own, g)).collect();
        t.permute(&order)?.reshape(&shape)
    };
    let product = m::bmm(
        &shaped(&a, &la, [&batch, &rows, &inner])?,
        &shaped(&b, &lb, [&batch, &inner, &columns])?,
    )?;
    let mut labels = batch.clone();
    labels.extend(&rows);
    labels.extend(&columns);
    let shape: Vec<i64> = labels
        .iter()
        .map(|l| {
            if la.contains(l) {
                size(&a, &la, *l)
            } else {
                size(&b, &lb, *l)
            }
        })
        .collect();
    Ok((product.reshape(&shape)?, labels))
}
