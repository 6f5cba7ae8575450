//! torch_cluster: neighbours in space, sampling of points, clusters. Distances are euclidean; of equal ones the lower
//! number comes first.

use super::{filled, indices, is_real, list, no_memory, numbers, offsets, vector};
use crate::random::Generator;
use crate::random::tensor::randperm;
use crate::{DType, Result, Tensor, ensure};

/// Points as rows of f64.
struct Points {
    data: Vec<f64>,
    count: usize,
    width: usize,
}

impl Points {
    fn of(t: &Tensor, name: &str) -> Result<Points> {
        ensure!(
            t.dim() == 2,
            "expected `{name}` of 2 dimensions, found {}",
            t.dim()
        );
        is_real(t, name)?;
        let (count, width) = (t.sizes()[0] as usize, t.sizes()[1] as usize);
        Ok(Points {
            data: numbers(t)?,
            count,
            width,
        })
    }
    fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.width..][..self.width]
    }
}

fn pair(x: &Tensor, y: &Tensor) -> Result<(Points, Points)> {
    let (x, y) = (Points::of(x, "x")?, Points::of(y, "y")?);
    ensure!(
        x.width == y.width,
        "expected points of as many coordinates, found {} and {}",
        x.width,
        y.width
    );
    Ok((x, y))
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// For each example the ranges of its points in `x` and in `y`.
type Examples = Vec<[std::ops::Range<usize>; 2]>;

fn examples(ptr_x: Option<&Tensor>, ptr_y: Option<&Tensor>, x: usize, y: usize) -> Result<Examples> {
    let (Some(ptr_x), Some(ptr_y)) = (ptr_x, ptr_y) else {
        ensure!(
            ptr_x.is_none() && ptr_y.is_none(),
            "expected both of `ptr_x` and `ptr_y`, or none"
        );
        return Ok(vec![[0..x, 0..y]]);
    };
    let first = offsets(ptr_x, "ptr_x", x as i64)?;
    let second = offsets(ptr_y, "ptr_y", y as i64)?;
    ensure!(
        first.len() == second.len(),
        "expected as many offsets in `ptr_x` and `ptr_y`, found {} and {}",
        first.len(),
        second.len()
    );
    let range = |w: &[i64]| w[0] as usize..w[1] as usize;
    Ok(first
        .windows(2)
        .zip(second.windows(2))
        .map(|(a, b)| [range(a), range(b)])
        .collect())
}

/// Rows of numbers in `y` and in `x`.
fn edges(found: Vec<[i64; 2]>) -> Result<Tensor> {
    let n = found.len() as i64;
    let mut flat = filled(0, 0i64)?;
    flat.try_reserve_exact(found.len() * 2).map_err(|_| no_memory())?;
    flat.extend(found.iter().map(|e| e[0]));
    flat.extend(found.iter().map(|e| e[1]));
    Tensor::from_vec(flat, &[2, n])
}

fn by_distance(a: &(f64, usize), b: &(f64, usize)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// The `k` points of `x` that are nearest to each of `y`: rows of their numbers in `y` and in `x`.
pub fn knn(
    x: &Tensor,
    y: &Tensor,
    ptr_x: Option<&Tensor>,
    ptr_y: Option<&Tensor>,
    k: i64,
    cosine: bool,
) -> Result<Tensor> {
    ensure!(!cosine, "`cosine` argument not supported on CPU");
    ensure!(k >= 0, "expected `k` of at least 0, found {k}");
    let (x, y) = pair(x, y)?;
    let mut found = Vec::new();
    let mut near: Vec<(f64, usize)> = Vec::new();
    for [xs, ys] in examples(ptr_x, ptr_y, x.count, y.count)? {
        let count = xs.len().min(usize::try_from(k).unwrap_or(usize::MAX));
        if count == 0 {
            continue;
        }
        for j in ys {
            near.clear();
            near.extend(xs.clone().map(|i| (squared(x.row(i), y.row(j)), i)));
            near.select_nth_unstable_by(count - 1, by_distance);
            near.truncate(count);
            near.sort_unstable_by(by_distance);
            found.try_reserve(count).map_err(|_| no_memory())?;
            found.extend(near.iter().map(|n| [j as i64, n.1 as i64]));
        }
    }
    edges(found)
}

/// The points of `x` that are less than `r` away from each of `y`, at most `most` of them.
pub fn radius(
    x: &Tensor,
    y: &Tensor,
    ptr_x: Option<&Tensor>,
    ptr_y: Option<&Tensor>,
    r: f64,
    most: i64,
    ignore_same_index: bool,
) -> Result<Tensor> {
    let most = usize::try_from(most).unwrap_or(0);
    let single = x.dtype() != DType::Double;
    let (x, y) = pair(x, y)?;
    // The package compares in the points' own type.
    let limit = if single { f64::from((r * r) as f32) } else { r * r };
    let mut found = Vec::new();
    for [xs, ys] in examples(ptr_x, ptr_y, x.count, y.count)? {
        for j in ys {
            let within = xs
                .clone()
                .filter(|&i| squared(x.row(i), y.row(j)) < limit && !(ignore_same_index && i == j));
            for i in within.take(most) {
                found.try_reserve(1).map_err(|_| no_memory())?;
                found.push([j as i64, i as i64]);
            }
        }
    }
    edges(found)
}

/// For each point of `x` the nearest of `y` in the same example.
pub fn nearest(x: &Tensor, y: &Tensor, ptr_x: &Tensor, ptr_y: &Tensor) -> Result<Tensor> {
    let (x, y) = pair(x, y)?;
    let mut out = filled(x.count, 0i64)?;
    for [xs, ys] in examples(Some(ptr_x), Some(ptr_y), x.count, y.count)? {
        for i in xs {
            let distances = ys.clone().map(|j| (squared(x.row(i), y.row(j)), j));
            let best = distances.min_by(by_distance);
            let Some((_, j)) = best else {
                crate::bail!("expected a point in `y` for each example with points in `x`");
            };
            out[i] = j as i64;
        }
    }
    list(out)
}

/// The number of the cell of a grid that each point lies in.
pub fn grid(pos: &Tensor, size: &Tensor, start: Option<&Tensor>, end: Option<&Tensor>) -> Result<Tensor> {
    ensure!(pos.dim() > 0, "expected `pos` of at least 1 dimension");
    let rows = pos.sizes()[0];
    let width = if rows == 0 {
        size.numel()
    } else {
        pos.numel() / rows
    };
    let points = Points::of(&pos.reshape(&[rows, width])?, "pos")?;
    let edge = |t: &Tensor, name: &str| -> Result<Vec<f64>> {
        ensure!(
            t.numel() == width,
            "expected {width} elements in `{name}`, found {}",
            t.numel()
        );
        numbers(t)
    };
    let size = edge(size, "size")?;
    let extreme = |given: Option<&Tensor>, name: &str, choose: fn(f64, f64) -> f64| match given {
        Some(t) => edge(t, name),
        None => {
            ensure!(points.count > 0, "expected points in `pos`, or `{name}`");
            let mut all = points.row(0).to_vec();
            for i in 1..points.count {
                for (a, &b) in all.iter_mut().zip(points.row(i)) {
                    *a = choose(*a, b);
                }
            }
            Ok(all)
        }
    };
    let low = extreme(start, "start", f64::min)?;
    let high = extreme(end, "end", f64::max)?;
    // Quotients in the type that PyTorch divides in.
    let single = pos.dtype() != DType::Double;
    let cell = |length: f64, size: f64| {
        if single {
            (length as f32 / size as f32) as i64
        } else {
            (length / size) as i64
        }
    };
    let mut step = vec![1i64];
    for d in 0..width as usize {
        let cells = cell(high[d] - low[d], size[d]).wrapping_add(1);
        step.push(step[d].wrapping_mul(cells));
    }
    let of = |i: usize| {
        let row = points.row(i).iter().enumerate();
        row.fold(0i64, |sum, (d, &p)| {
            sum.wrapping_add(cell(p - low[d], size[d]).wrapping_mul(step[d]))
        })
    };
    list((0..points.count).map(of).collect())
}

/// Points far from each other: each next one is the farthest from those before. The first of an example is its first
/// point, or a random one.
pub fn fps(
    src: &Tensor,
    ptr: &Tensor,
    ratio: &Tensor,
    random_start: bool,
    g: &mut Generator,
) -> Result<Tensor> {
    ensure!(src.dim() > 0, "expected `src` of at least 1 dimension");
    let rows = src.sizes()[0];
    let width = if rows == 0 { 0 } else { src.numel() / rows };
    let points = Points::of(&src.reshape(&[rows, width])?, "src")?;
    let ptr = offsets(ptr, "ptr", rows)?;
    let examples = ptr.len() - 1;
    let ratio: Vec<f64> = numbers(&ratio.expand(&[examples as i64])?)?;
    let mut out = Vec::new();
    for (w, ratio) in ptr.windows(2).zip(ratio) {
        let (start, count) = (w[0] as usize, (w[1] - w[0]) as usize);
        let wanted = (count as f32 * ratio as f32).ceil() as i64;
        ensure!(wanted >= 0, "expected `ratio` of at least 0, found {ratio}");
        if wanted == 0 || count == 0 {
            continue;
        }
        out.try_reserve_exact(wanted as usize).map_err(|_| no_memory())?;
        let mut last = if random_start {
            g.random() as usize % count
        } else {
            0
        };
        let mut distance = filled(count, f64::INFINITY)?;
        for _ in 0..wanted {
            out.push((start + last) as i64);
            let chosen = points.row(start + last);
            for (i, d) in distance.iter_mut().enumerate() {
                *d = d.min(squared(points.row(start + i), chosen));
            }
            last = 0;
            for (i, d) in distance.iter().enumerate() {
                if *d > distance[last] {
                    last = i;
                }
            }
        }
    }
    list(out)
}

/// Pairs each node with a neighbour that is still free, in random order: the one of the largest weight, or a random one.
pub fn graclus(rowptr: &Tensor, col: &Tensor, weight: Option<&Tensor>, g: &mut Generator) -> Result<Tensor> {
    let col = vector(col, "col")?;
    let ptr = offsets(rowptr, "rowptr", col.len() as i64)?;
    let nodes = ptr.len() - 1;
    ensure!(
        col.iter().all(|&c| (0..nodes as i64).contains(&c)),
        "expected numbers of {nodes} nodes in `col`"
    );
    let weight: Option<Vec<f64>> = match weight {
        Some(w) => {
            ensure!(
                w.dim() == 1 && w.numel() == col.len() as i64,
                "expected {} weights, found {}",
                col.len(),
                crate::layout::show(w.sizes())
            );
            Some(numbers(w)?)
        }
        None => None,
    };
    let mut out = filled(nodes, -1i64)?;
    let order = indices(&randperm(nodes as i64, DType::Long, g)?, "order")?;
    for u in order.into_iter().map(|u| u as usize) {
        if out[u] >= 0 {
            continue;
        }
        out[u] = u as i64;
        let (start, end) = (ptr[u] as usize, ptr[u + 1] as usize);
        let mut partner = u;
        match &weight {
            None => {
                let edges = indices(&randperm((end - start) as i64, DType::Long, g)?, "order")?;
                let free = edges
                    .into_iter()
                    .map(|e| col[start + e as usize] as usize)
                    .find(|&v| out[v] < 0);
                partner = free.unwrap_or(u);
            }
            Some(weight) => {
                let mut best = 0.0;
                for e in start..end {
                    let v = col[e] as usize;
                    if out[v] < 0 && weight[e] >= best {
                        (partner, best) = (v, weight[e]);
                    }
                }
            }
        }
        let name = u.min(partner) as i64;
        out[u] = name;
        out[partner] = name;
    }
    list(out)
}
