//! Products named by their indices: `einsum`, `tensordot`, `bilinear`, `chain_matmul`. All become batched matrix
//! products after a permutation.

use super::access::{checked_product, lengths};
use super::matmul::{bmm, matmul, mm};
use crate::error::Result;
use crate::layout::{Dims, show, wrap_dim};
use crate::pointwise;
use crate::reduce;
use crate::tensor::Tensor;
use crate::{bail, ensure};

/// Labels of an operand or of the output: letters, and for the dimensions under an ellipsis numbers from 52 on.
type Labels = Vec<usize>;

const LETTERS: usize = 52;

fn label(c: u8) -> Option<usize> {
    match c {
        b'A'..=b'Z' => Some((c - b'A') as usize),
        b'a'..=b'z' => Some((c - b'a') as usize + 26),
        _ => None,
    }
}

fn letter(label: usize) -> char {
    match label {
        0..26 => (b'A' + label as u8) as char,
        26..52 => (b'a' + (label - 26) as u8) as char,
        _ => '.',
    }
}

/// Letters, with where the ellipsis stands among them.
fn parse(term: &str, what: &str) -> Result<(Labels, Option<usize>)> {
    let (mut labels, mut ellipsis) = (Labels::new(), None);
    let bytes: Vec<u8> = term.bytes().filter(|&b| b != b' ').collect();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'.' {
            ensure!(
                ellipsis.is_none() && bytes[i..].starts_with(b"..."),
                "einsum(): found '.' {what} that is not part of any ellipsis or a second ellipsis"
            );
            ellipsis = Some(labels.len());
            i += 3;
            continue;
        }
        match label(bytes[i]) {
            Some(l) => labels.push(l),
            None => bail!(
                "einsum(): invalid subscript given {what} in the equation string, subscripts must be in [a-zA-Z]"
            ),
        }
        i += 1;
    }
    Ok((labels, ellipsis))
}

/// The dimensions of an operand by label: repeated labels become a diagonal.
fn with_labels(t: &Tensor, labels: &Labels) -> Result<(Tensor, Labels)> {
    let (mut t, mut kept) = (t.clone(), Labels::new());
    for &l in labels {
        match kept.iter().position(|&k| k == l) {
            None => kept.push(l),
            Some(first) => {
                let at = kept.len();
                let (a, b) = (t.sizes()[first], t.sizes()[at]);
                ensure!(
                    a == b,
                    "einsum(): subscript {} is repeated for operand but the sizes don't match, {b} != {a}",
                    letter(l)
                );
                // The diagonal comes last; it moves to where the label was first.
                t = t
                    .diagonal(0, first as i64, at as i64)?
                    .movedim(&[-1], &[first as i64])?;
            }
        }
    }
    Ok((t, kept))
}

/// `t` with one dimension per label of `order`, of size 1 where it has none.
fn arrange(t: &Tensor, labels: &Labels, order: &[usize]) -> Result<Tensor> {
    let own: Vec<i64> = order
        .iter()
        .filter_map(|l| labels.iter().position(|k| k == l))
        .map(|d| d as i64)
        .collect();
    let mut t = t.permute(&own)?;
    for (at, l) in order.iter().enumerate() {
        if !labels.contains(l) {
            t = t.unsqueeze(at as i64)?;
        }
    }
    Ok(t)
}

fn sum_labels(t: Tensor, labels: &mut Labels, gone: impl Fn(usize) -> bool) -> Result<Tensor> {
    let dims: Vec<i64> = (0..labels.len())
        .filter(|&d| gone(labels[d]))
        .map(|d| d as i64)
        .collect();
    if dims.is_empty() {
        return Ok(t);
    }
    labels.retain(|&l| !gone(l));
    let dtype = t.dtype();
    reduce::sum(&t, &dims, false, Some(dtype))
}

/// Joins two operands; labels that nothing else needs are summed over.
fn join(
    a: (Tensor, Labels),
    b: (Tensor, Labels),
    needed: impl Fn(usize) -> bool,
) -> Result<(Tensor, Labels)> {
    let ((a, mut la), (b, mut lb)) = (a, b);
    let size_of = |t: &Tensor, l: &Labels, x: usize| l.iter().position(|&k| k == x).map(|d| t.sizes()[d]);
    let (only_a, only_b) = (lb.clone(), la.clone());
    let a = sum_labels(a, &mut la, |l| !needed(l) && !only_a.contains(&l))?;
    let b = sum_labels(b, &mut lb, |l| !needed(l) && !only_b.contains(&l))?;
    let (mut batch, mut summed, mut left, mut right) =
        (Labels::new(), Labels::new(), Labels::new(), Labels::new());
    for &l in &la {
        match size_of(&b, &lb, l) {
            None => left.push(l),
            Some(other) => {
                let own = size_of(&a, &la, l).unwrap_or(1);
                ensure!(
                    own == other || own == 1 || other == 1,
                    "einsum(): operands do not broadcast with remapped shapes: {} against {} at subscript {}",
                    show(a.sizes()),
                    show(b.sizes()),
                    letter(l)
                );
                if needed(l) { batch.push(l) } else { summed.push(l) }
            }
        }
    }
    right.extend(lb.iter().copied().filter(|l| !la.contains(l)));
    let order_a: Labels = [&batch[..], &left, &summed].concat();
    let order_b: Labels = [&batch[..], &summed, &right].concat();
    let (a, b) = (arrange(&a, &la, &order_a)?, arrange(&b, &lb, &order_b)?);
    // Labels of both that broadcast are expanded.
    let full = |l: &usize| -> i64 {
        let x = size_of(&a, &order_a, *l).unwrap_or(1);
        let y = size_of(&b, &order_b, *l).unwrap_or(1);
        if x == 1 { y } else { x }
    };
    let sizes = |order: &Labels| order.iter().map(full).collect::<Dims>();
    let product = |order: &Labels| -> Result<i64> { Ok(checked_product(&lengths(&sizes(order)))? as i64) };
    let (nb, nl, ns, nr) = (
        product(&batch)?,
        product(&left)?,
        product(&summed)?,
        product(&right)?,
    );
    let x = a.expand(&sizes(&order_a))?.reshape(&[nb, nl, ns])?;
    let y = b.expand(&sizes(&order_b))?.reshape(&[nb, ns, nr])?;
    let order: Labels = [&batch[..], &left, &right].concat();
    let out = bmm(&x, &y)?.view(&sizes(&order))?;
    Ok((out, order))
}

/// PyTorch's `einsum`. `path` lists pairs of operands in the order of contraction, as `opt_einsum` does; without one
/// they are taken from the left.
pub fn einsum(equation: &str, operands: &[Tensor], path: Option<&[i64]>) -> Result<Tensor> {
    ensure!(
        !operands.is_empty(),
        "einsum(): must provide at least one operand"
    );
    let (inputs, output) = match equation.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (equation, None),
    };
    let terms: Vec<&str> = inputs.split(',').collect();
    ensure!(
        terms.len() <= operands.len(),
        "einsum(): fewer operands were provided than specified in the equation"
    );
    ensure!(
        terms.len() == operands.len(),
        "einsum(): more operands were provided than specified in the equation"
    );
    let parsed = terms
        .iter()
        .enumerate()
        .map(|(i, term)| parse(term, &format!("for operand {i}")))
        .collect::<Result<Vec<_>>>()?;
    // Dimensions under the ellipsis, aligned at their end.
    let mut under = 0;
    for (i, ((labels, ellipsis), t)) in parsed.iter().zip(operands).enumerate() {
        let extra = t
            .dim()
            .checked_sub(labels.len())
            .filter(|&e| ellipsis.is_some() || e == 0);
        let Some(extra) = extra else {
            bail!(
                "einsum(): the number of subscripts in the equation ({}) does not match the number of dimensions ({}) for \
                 operand {i}",
                labels.len(),
                t.dim()
            );
        };
        under = under.max(extra);
    }
    let mut terms = Vec::new();
    for ((labels, ellipsis), t) in parsed.iter().zip(operands) {
        let mut all = labels.clone();
        if let Some(at) = *ellipsis {
            let extra = t.dim() - labels.len();
            all.splice(at..at, (under - extra..under).map(|d| LETTERS + d));
        }
        terms.push(with_labels(t, &all)?);
    }
    let everywhere: Vec<usize> = parsed.iter().flat_map(|p| p.0.iter().copied()).collect();
    let covered = || (0..under).map(|d| LETTERS + d);
    let out: Labels = match output {
        Some(term) => {
            let (labels, ellipsis) = parse(term, "for the output")?;
            for (i, &l) in labels.iter().enumerate() {
                ensure!(
                    !labels[..i].contains(&l),
                    "einsum(): output subscript {} appears more than once in the output",
                    letter(l)
                );
                ensure!(
                    everywhere.contains(&l),
                    "einsum(): output subscript {} does not appear in the equation for any input operand",
                    letter(l)
                );
            }
            let mut all = labels;
            if let Some(at) = ellipsis {
                all.splice(at..at, covered());
            }
            all
        }
        None => {
            // The ellipsis, then what appears once, in the order of the alphabet.
            let mut once: Labels = everywhere
                .iter()
                .copied()
                .filter(|l| everywhere.iter().filter(|k| *k == l).count() == 1)
                .collect();
            once.sort_by_key(|&l| letter(l));
            covered().chain(once).collect()
        }
    };
    let mut next = path.map(|p| p.chunks_exact(2));
    while terms.len() > 1 {
        let (i, j) = match next.as_mut().and_then(|p| p.next()) {
            Some(pair) => {
                let n = terms.len() as i64;
                ensure!(
                    pair[0] != pair[1] && pair.iter().all(|x| (0..n).contains(x)),
                    "einsum(): the contraction path {} does not fit {n} operands",
                    show(pair)
                );
                (pair[0].min(pair[1]) as usize, pair[0].max(pair[1]) as usize)
            }
            None => (0, 1),
        };
        let b = terms.remove(j);
        let a = terms.remove(i);
        let rest: Vec<usize> = terms.iter().flat_map(|t| t.1.iter().copied()).collect();
        let joined = join(a, b, |l| out.contains(&l) || rest.contains(&l))?;
        if path.is_some() {
            terms.push(joined)
        } else {
            terms.insert(0, joined)
        }
    }
    let Some((t, mut labels)) = terms.pop() else {
        bail!("einsum(): must provide at least one operand");
    };
    let t = sum_labels(t, &mut labels, |l| !out.contains(&l))?;
    arrange(&t, &labels, &out)
}

/// PyTorch's `tensordot`: sums over pairs of dimensions.
pub fn tensordot(a: &Tensor, b: &Tensor, dims_a: &[i64], dims_b: &[i64]) -> Result<Tensor> {
    ensure!(
        dims_a.len() == dims_b.len(),
        "both dimension lists should have same length, got {} and {}",
        show(dims_a),
        show(dims_b)
    );
    let wrap = |t: &Tensor, dims: &[i64]| {
        dims.iter()
            .map(|&d| wrap_dim(d, t.dim()))
            .collect::<Result<Vec<usize>>>()
    };
    let (da, db) = (wrap(a, dims_a)?, wrap(b, dims_b)?);
    let (mut a, mut b) = (a.clone(), b.clone());
    let mut summed = 1i64;
    for (&x, &y) in da.iter().zip(&db) {
        let (nx, ny) = (a.sizes()[x], b.sizes()[y]);
        if ny == 1 {
            let dtype = a.dtype();
            a = reduce::sum(&a, &[x as i64], true, Some(dtype))?;
        } else if nx == 1 {
            let dtype = b.dtype();
            b = reduce::sum(&b, &[y as i64], true, Some(dtype))?;
        } else {
            ensure!(
                nx == ny,
                "contracted dimensions need to match, but first has size {nx} in dim {x} and second has size {ny} in dim {y}"
            );
            summed = summed.saturating_mul(nx);
        }
    }
    let free =
        |t: &Tensor, used: &[usize]| (0..t.dim()).filter(|d| !used.contains(d)).collect::<Vec<usize>>();
    for (used, t) in [(&da, &a), (&db, &b)] {
        let mut seen = used.clone();
        seen.sort_unstable();
        seen.dedup();
        ensure!(
            seen.len() == used.len(),
            "dim appears multiple times in the list of dims {} of a tensor of size {}",
            show(&used.iter().map(|&d| d as i64).collect::<Vec<_>>()),
            show(t.sizes())
        );
    }
    let (fa, fb) = (free(&a, &da), free(&b, &db));
    let sizes = |t: &Tensor, dims: &[usize]| dims.iter().map(|&d| t.sizes()[d]).collect::<Dims>();
    let (sa, sb) = (sizes(&a, &fa), sizes(&b, &fb));
    let ints = |x: &[usize], y: &[usize]| [x, y].concat().iter().map(|&d| d as i64).collect::<Vec<i64>>();
    let rows = checked_product(&lengths(&sa))? as i64;
    let columns = checked_product(&lengths(&sb))? as i64;
    let left = a.permute(&ints(&fa, &da))?.reshape(&[rows, summed])?;
    let right = b.permute(&ints(&db, &fb))?.reshape(&[summed, columns])?;
    mm(&left, &right)?.reshape(&[&sa[..], &sb[..]].concat())
}

/// `x1ᵀ·W·x2 + b` over the last dimensions; `weight` is `[out, in1, in2]`.
pub fn bilinear(x1: &Tensor, x2: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    ensure!(
        x1.dim() == x2.dim() && x1.dim() > 0,
        "bilinear(): input dimensions do not match: got {} and {}",
        x1.dim(),
        x2.dim()
    );
    let n = x1.dim() - 1;
    ensure!(
        x1.sizes()[..n] == x2.sizes()[..n],
        "bilinear(): input batch dimensions do not match: got {} and {}",
        show(x1.sizes()),
        show(x2.sizes())
    );
    ensure!(
        weight.dim() == 3,
        "bilinear(): weight must have 3 dimensions, got {}",
        weight.dim()
    );
    let w = weight.sizes();
    for (x, d) in [(x1, 1), (x2, 2)] {
        ensure!(
            x.sizes()[n] == w[d],
            "bilinear(): input{d} size does not match weight size: got {} but expected {}",
            x.sizes()[n],
            w[d]
        );
    }
    if let Some(b) = bias {
        ensure!(
            b.dim() == 1 && b.sizes()[0] == w[0],
            "bilinear(): bias size does not match weight size: got {} but expected {}",
            show(b.sizes()),
            w[0]
        );
    }
    let lead = x1.sizes()[..n].to_vec();
    let rows = checked_product(&lengths(&lead))? as i64;
    let (x, y) = (x1.reshape(&[rows, w[1]])?, x2.reshape(&[rows, w[2]])?);
    // [rows, in1] · [in1, out·in2] gives what multiplies x2 for each output.
    let first = mm(&x, &weight.permute(&[1, 0, 2])?.reshape(&[w[1], w[0] * w[2]])?)?;
    let out = bmm(&first.view(&[rows, w[0], w[2]])?, &y.unsqueeze(2)?)?.view(&[rows, w[0]])?;
    let out = match bias {
        Some(b) => pointwise::add((&out).into(), b.into(), 1.into())?,
        None => out,
    };
    out.view(&[&lead[..], &w[..1]].concat())
}

/// The product of matrices in the order that takes the fewest multiplications.
pub fn chain_matmul(matrices: &[Tensor]) -> Result<Tensor> {
    ensure!(
        !matrices.is_empty(),
        "chain_matmul(): Expected one or more matrices"
    );
    for (i, m) in matrices.iter().enumerate() {
        ensure!(
            m.dim() == 2,
            "Tensor {i} for argument 'matrices' is expected to be 2-D, got {}-D",
            m.dim()
        );
    }
    multi_dot(matrices)
}

/// PyTorch's `linalg_multi_dot`: the first may be a row and the last a column given as vectors.
pub fn multi_dot(tensors: &[Tensor]) -> Result<Tensor> {
    if let [one] = tensors {
        return one.copy();
    }
    let n = tensors.len();
    ensure!(n > 0, "multi_dot(): expected at least 2 tensors but got 0");
    let mut all = tensors.to_vec();
    let (row, column) = (all[0].dim() == 1, all[n - 1].dim() == 1);
    if row {
        all[0] = all[0].unsqueeze(0)?;
    }
    if column {
        all[n - 1] = all[n - 1].unsqueeze(1)?;
    }
    for (i, t) in all.iter().enumerate() {
        ensure!(
            t.dim() == 2,
            "multi_dot(): tensor {i} must be 2D but got {}D",
            t.dim()
        );
    }
    let mut size: Vec<f64> = all.iter().map(|t| t.sizes()[0] as f64).collect();
    size.push(all[n - 1].sizes()[1] as f64);
    // The cheapest way to multiply `i..=j`, and where it is cut.
    let mut cost = vec![vec![0.0f64; n]; n];
    let mut cut = vec![vec![0; n]; n];
    for span in 1..n {
        for i in 0..n - span {
            let j = i + span;
            let of = |k: usize| cost[i][k] + cost[k + 1][j] + size[i] * size[k + 1] * size[j + 1];
            let best = (i..j).min_by(|&x, &y| of(x).total_cmp(&of(y))).unwrap_or(i);
            (cost[i][j], cut[i][j]) = (of(best), best);
        }
    }
    fn multiply(all: &[Tensor], cut: &[Vec<usize>], i: usize, j: usize) -> Result<Tensor> {
        if i == j {
            return Ok(all[i].clone());
        }
        let k = cut[i][j];
        matmul(&multiply(all, cut, i, k)?, &multiply(all, cut, k + 1, j)?)
    }
    let mut out = multiply(&all, &cut, 0, n - 1)?;
    if column {
        out = out.squeeze_dim(-1)?;
    }
    if row {
        out = out.squeeze_dim(0)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;

    fn numbers(size: &[i64], seed: i64) -> Tensor {
        let n: i64 = size.iter().product();
        let data: Vec<i64> = (0..n).map(|i| (i * 7919 + seed * 31) % 7 - 3).collect();
        Tensor::from_slice(&data, size).unwrap()
    }

    /// The sum over all assignments of the letters; `sizes` gives each operand's letters.
    fn plain(terms: &[&str], out: &str, operands: &[Tensor]) -> Vec<i64> {
        let letters: Vec<char> = {
            let mut all: Vec<char> = out.chars().collect();
            terms.iter().flat_map(|t| t.chars()).for_each(|c| {
                if !all.contains(&c) {
                    all.push(c)
                }
            });
            all
        };
        let size = |c: char| {
            let of = |(t, x): (&&str, &Tensor)| t.chars().position(|k| k == c).map(|d| x.sizes()[d]);
            terms.iter().zip(operands).filter_map(of).max().unwrap()
        };
        let sizes: Vec<i64> = letters.iter().map(|&c| size(c)).collect();
        let data: Vec<Vec<i64>> = operands.iter().map(|t| t.to_vec().unwrap()).collect();
        let kept: i64 = sizes[..out.len()].iter().product();
        let summed: i64 = sizes[out.len()..].iter().product();
        let mut result = vec![0; kept as usize];
        for at in 0..kept * summed {
            let mut rest = at;
            let mut index = vec![0; letters.len()];
            for d in (0..letters.len()).rev() {
                index[d] = rest % sizes[d];
                rest /= sizes[d];
            }
            let product: i64 = terms
                .iter()
                .zip(operands)
                .zip(&data)
                .map(|((t, x), data)| {
                    let i = t.chars().zip(x.sizes()).fold(0, |i, (c, &n)| {
                        let d = letters.iter().position(|&k| k == c).unwrap();
                        i * n + if n == 1 { 0 } else { index[d] }
                    });
                    data[i as usize]
                })
                .product();
            result[(at / summed.max(1)) as usize] += product;
        }
        result
    }

    #[test]
    fn equations_equal_their_meaning() {
        for (terms, out, sizes) in [
            (&["ij", "jk"][..], "ik", &[&[2, 3][..], &[3, 4]][..]),
            (&["ij"], "ji", &[&[2, 3]]),
            (&["ij"], "", &[&[2, 3]]),
            (&["ii"], "i", &[&[3, 3]]),
            (&["ii"], "", &[&[3, 3]]),
            (&["iij"], "ji", &[&[3, 3, 2]]),
            (&["i", "j"], "ij", &[&[2], &[3]]),
            (&["bij", "bjk"], "bik", &[&[2, 3, 4], &[2, 4, 5]]),
            (&["bhid", "bhjd"], "bhij", &[&[2, 2, 3, 4], &[2, 2, 5, 4]]),
            (&["ij", "ij"], "ij", &[&[2, 3], &[2, 3]]),
            (&["ij", "ij"], "i", &[&[2, 3], &[1, 3]]),
            (&["ijk", "kl", "lm"], "mi", &[&[2, 3, 4], &[4, 2], &[2, 3]]),
            (&["ik", "jk", "lk"], "jil", &[&[2, 3], &[3, 3], &[2, 3]]),
            (&["abc", "cd", "ad"], "b", &[&[2, 3, 2], &[2, 3], &[2, 3]]),
        ] {
            let operands: Vec<Tensor> = sizes
                .iter()
                .enumerate()
                .map(|(i, s)| numbers(s, i as i64))
                .collect();
            let want = plain(terms, out, &operands);
            let equation = format!("{}->{out}", terms.join(" , "));
            assert_eq!(
                einsum(&equation, &operands, None)
                    .unwrap()
                    .to_vec::<i64>()
                    .unwrap(),
                want,
                "{equation}"
            );
            if operands.len() == 3 {
                let got = einsum(&equation, &operands, Some(&[1, 2, 0, 1])).unwrap();
                assert_eq!(got.to_vec::<i64>().unwrap(), want, "{equation}");
            }
        }
        let (a, b) = (numbers(&[2, 3, 4], 1), numbers(&[4, 5], 2));
        let want = matmul(&a, &b).unwrap().to_vec::<i64>().unwrap();
        for equation in ["...ij,jk->...ik", "...ij,jk", "bij,jk->bik", "...j,jk->...k"] {
            assert_eq!(
                einsum(equation, &[a.clone(), b.clone()], None)
                    .unwrap()
                    .to_vec::<i64>()
                    .unwrap(),
                want
            );
        }
        let wide = numbers(&[2, 1, 3, 4], 1);
        let got = einsum(
            "...ij,...jk->...ik",
            &[wide.clone(), numbers(&[5, 4, 2], 3)],
            None,
        )
        .unwrap();
        assert_eq!(got.sizes(), [2, 5, 3, 2]);
        let half = numbers(&[2, 2], 1).to_dtype(DType::Half).unwrap();
        assert_eq!(
            einsum("ba", &[half.clone()], None)
                .unwrap()
                .to_vec::<f64>()
                .unwrap(),
            half.t().unwrap().to_vec::<f64>().unwrap()
        );
        for (equation, want) in [
            ("ij,jk->il", "output subscript l does not appear"),
            ("ij,jk->ii", "appears more than once in the output"),
            ("ij", "more operands were provided"),
            ("ij,jk,kl", "fewer operands were provided"),
            (
                "ijk,jk",
                "does not match the number of dimensions (2) for operand 0",
            ),
            ("i1,jk", "invalid subscript given for operand 0"),
            ("i.j,jk", "not part of any ellipsis"),
            ("ij,ik", "do not broadcast"),
        ] {
            let message = einsum(equation, &[numbers(&[2, 3], 1), numbers(&[4, 5], 1)], None)
                .unwrap_err()
                .message;
            assert!(message.contains(want), "{message}");
        }
    }

    #[test]
    fn tensordot_bilinear_and_chains() {
        let (a, b) = (numbers(&[2, 3, 4], 1), numbers(&[4, 3, 5], 2));
        let got = tensordot(&a, &b, &[1, 2], &[1, 0]).unwrap();
        let want = einsum("ijk,kjl->il", &[a.clone(), b.clone()], None).unwrap();
        assert_eq!(
            (got.sizes(), got.to_vec::<i64>().unwrap()),
            (want.sizes(), want.to_vec::<i64>().unwrap())
        );
        assert_eq!(tensordot(&a, &b, &[], &[]).unwrap().sizes(), [2, 3, 4, 4, 3, 5]);
        assert!(
            tensordot(&a, &b, &[0], &[0])
                .unwrap_err()
                .message
                .contains("contracted dimensions need to match")
        );
        assert!(
            tensordot(&a, &a, &[0, 0], &[0, 0])
                .unwrap_err()
                .message
                .contains("multiple times")
        );
        let (x, y, w) = (
            numbers(&[2, 6, 3], 1),
            numbers(&[2, 6, 4], 2),
            numbers(&[5, 3, 4], 3),
        );
        let bias = numbers(&[5], 4);
        let got = bilinear(&x, &y, &w, Some(&bias)).unwrap();
        let want = einsum("abi,oij,abj->abo", &[x, y, w], None);
        assert!(want.is_err());
        let (x, y, w) = (
            numbers(&[2, 6, 3], 1),
            numbers(&[2, 6, 4], 2),
            numbers(&[5, 3, 4], 3),
        );
        let want = einsum("abi,oij,abj->abo", &[x, w, y], None)
            .unwrap()
            .to_vec::<i64>()
            .unwrap();
        let bias = bias.to_vec::<i64>().unwrap();
        let want: Vec<i64> = want.iter().enumerate().map(|(i, v)| v + bias[i % 5]).collect();
        assert_eq!(got.to_vec::<i64>().unwrap(), want);
        let chain = [
            numbers(&[2, 9], 1),
            numbers(&[9, 3], 2),
            numbers(&[3, 8], 3),
            numbers(&[8, 1], 4),
        ];
        let want = chain
            .iter()
            .skip(1)
            .fold(chain[0].clone(), |a, b| mm(&a, b).unwrap());
        assert_eq!(
            chain_matmul(&chain).unwrap().to_vec::<i64>().unwrap(),
            want.to_vec::<i64>().unwrap()
        );
        let ends = [numbers(&[9], 1), numbers(&[9, 3], 2), numbers(&[3], 3)];
        assert_eq!(multi_dot(&ends).unwrap().dim(), 0);
    }
}
