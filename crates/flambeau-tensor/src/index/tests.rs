use super::*;
use crate::layout::show;
use crate::pointwise::Arg;
use crate::scalar::Scalar;
use crate::{Error, Result};

/// Shape and values, or the message.
#[track_caller]
fn check(t: Result<Tensor>, expected: &str) {
    let found = match t {
        Ok(t) => format!("{} {}", show(t.sizes()), show(&t.to_vec::<i64>().unwrap())),
        Err(Error { message, .. }) => message,
    };
    assert_eq!(found, expected);
}

fn iota(sizes: &[i64]) -> Tensor {
    let n: i64 = sizes.iter().product();
    Tensor::arange(0.into(), n.into(), 1.into(), DType::Long)
        .unwrap()
        .view(sizes)
        .unwrap()
}
fn i(x: &[i64], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(x, sizes).unwrap()
}
fn b(x: &[bool], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(x, sizes).unwrap()
}

#[test]
fn along_a_dimension() {
    let x = iota(&[3, 4]);
    check(gather(&x, 1, &i(&[0, 3, 1, 1], &[2, 2])), "[2, 2] [0, 3, 5, 5]");
    check(gather(&x, 0, &i(&[2, 0], &[1, 2])), "[1, 2] [8, 1]");
    check(gather(&x.t().unwrap(), 0, &i(&[2, 0], &[1, 2])), "[1, 2] [2, 4]");
    check(
        gather(&x, 1, &i(&[4], &[1, 1])),
        "index 4 is out of bounds for dimension 1 with size 4",
    );
    check(gather(&i(&[7], &[]), 0, &i(&[0], &[])), "[] [7]");
    check(
        scatter(&iota(&[2, 2]), 1, &i(&[1, 0], &[2, 1]), &i(&[9, 8], &[2, 1])),
        "[2, 2] [0, 9, 8, 3]",
    );
    check(
        scatter_value(&iota(&[2, 2]), 0, &i(&[1, 0], &[1, 2]), Scalar::Int(7)),
        "[2, 2] [0, 7, 7, 3]",
    );
    check(
        scatter_add(&iota(&[3]), 0, &i(&[0, 0, 2], &[3]), &i(&[1, 2, 3], &[3])),
        "[3] [3, 1, 5]",
    );
    let r = |how, own| {
        scatter_reduce(
            &i(&[10, 1, 2], &[3]),
            0,
            &i(&[0, 0, 2], &[3]),
            &i(&[1, 4, 3], &[3]),
            how,
            own,
        )
    };
    check(r(Reduction::Prod, true), "[3] [40, 1, 6]");
    check(r(Reduction::Amax, false), "[3] [4, 1, 3]");
    check(r(Reduction::Amin, true), "[3] [1, 1, 2]");
    check(r(Reduction::Mean, true), "[3] [5, 1, 2]");
    check(r(Reduction::Mean, false), "[3] [2, 1, 3]");
    check(
        index_select(&x, 1, &i(&[3, 0], &[2])),
        "[3, 2] [3, 0, 7, 4, 11, 8]",
    );
    check(index_select(&x, 0, &i(&[3], &[1])), "index out of range in self");
    check(
        take_along_dim(&x, &i(&[1, 2, 3], &[3, 1]), Some(1)),
        "[3, 1] [1, 6, 11]",
    );
    let y = iota(&[3, 2]);
    index_add(&y, 0, &i(&[0, 0], &[2]), &i(&[1, 1, 2, 2], &[2, 2]), 2.into()).unwrap();
    check(Ok(y.clone()), "[3, 2] [6, 7, 2, 3, 4, 5]");
    index_copy(&y, 1, &i(&[1], &[1]), &i(&[1, 2, 3], &[3, 1])).unwrap();
    check(Ok(y.clone()), "[3, 2] [6, 1, 2, 2, 4, 3]");
    index_fill(&y, 0, &i(&[-1], &[1]), 0.into()).unwrap();
    check(Ok(y.clone()), "[3, 2] [6, 1, 2, 2, 0, 0]");
    index_reduce(
        &y,
        0,
        &i(&[0, 0], &[2]),
        &i(&[2, 3, 2, 5], &[2, 2]),
        Reduction::Prod,
        true,
    )
    .unwrap();
    check(Ok(y), "[3, 2] [24, 15, 2, 2, 0, 0]");
}

#[test]
fn with_tensors() {
    let x = iota(&[2, 3, 4]);
    let one = |t: Tensor| Some(t);
    check(
        index(&x, &[one(i(&[1], &[1]))]),
        "[1, 3, 4] [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]",
    );
    check(
        index(&x, &[None, one(i(&[0, -1], &[2])), one(i(&[1, 2], &[2]))]),
        "[2, 2] [1, 10, 13, 22]",
    );
    check(
        index(&x, &[one(i(&[0, 1], &[2])), None, one(i(&[0, 3], &[2]))]),
        "[2, 3] [0, 4, 8, 15, 19, 23]",
    );
    check(
        index(
            &x,
            &[
                one(i(&[0, 1], &[2, 1])),
                one(i(&[0, 2], &[2])),
                one(i(&[0], &[1])),
            ],
        ),
        "[2, 2] [0, 8, 12, 20]",
    );
    check(
        index(&iota(&[4]), &[one(b(&[true, false, true, false], &[4]))]),
        "[2] [0, 2]",
    );
    check(
        index(&iota(&[2, 2]), &[one(b(&[true, false, false, true], &[2, 2]))]),
        "[2] [0, 3]",
    );
    check(
        index(&iota(&[4]), &[one(i(&[4], &[1]))]),
        "index 4 is out of bounds for dimension 0 with size 4",
    );
    check(
        index(&iota(&[4]), &[one(b(&[true], &[1]))]),
        "The shape of the mask [1] at index 0 does not match the shape of the indexed tensor [4] at index 0",
    );
    check(
        index(&iota(&[4]), &[one(i(&[1], &[1])), one(i(&[1], &[1]))]),
        "too many indices for tensor of dimension 1 (got 2)",
    );
    check(
        index(&x, &[one(i(&[0, 1], &[2])), one(i(&[0, 1, 2], &[3]))]),
        "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]",
    );
    let y = iota(&[2, 3]);
    index_put_(&y, &[None, one(i(&[0, 2], &[2]))], &i(&[9], &[1]), false).unwrap();
    check(Ok(y.clone()), "[2, 3] [9, 1, 9, 9, 4, 9]");
    index_put_(&y, &[one(i(&[0, 0], &[2]))], &i(&[1, 2, 3], &[3]), true).unwrap();
    check(Ok(y.clone()), "[2, 3] [11, 5, 15, 9, 4, 9]");
    index_put_(&y.t().unwrap(), &[one(i(&[1], &[1]))], &i(&[7, 8], &[2]), false).unwrap();
    check(Ok(y), "[2, 3] [11, 7, 15, 9, 8, 9]");
}

#[test]
fn by_masks() {
    let x = iota(&[2, 2]);
    let m = b(&[true, false], &[2]);
    check(masked_fill(&x, &m, Arg::Number(9.into())), "[2, 2] [9, 1, 9, 3]");
    check(masked_select(&x, &m), "[2] [0, 2]");
    check(masked_scatter(&x, &m, &i(&[5, 6], &[2])), "[2, 2] [5, 1, 6, 3]");
    check(nonzero(&i(&[0, 3, 4, 0], &[2, 2])), "[2, 2] [0, 1, 1, 0]");
    check(nonzero(&i(&[1], &[])), "[1, 0] []");
}

#[test]
fn joined() {
    let x = iota(&[2, 2]);
    check(
        cat(&[x.clone(), i(&[], &[0]), x.t().unwrap()], 1),
        "[2, 4] [0, 1, 0, 2, 2, 3, 1, 3]",
    );
    check(
        cat(&[x.clone(), iota(&[1, 3])], 0),
        "Sizes of tensors must match except in dimension 0. Expected size 2 but got size 3 for tensor number 1 in the list.",
    );
    check(cat(&[], 0), "torch.cat(): expected a non-empty list of Tensors");
    check(stack(&[iota(&[2]), iota(&[2])], -1), "[2, 2] [0, 0, 1, 1]");
    check(
        stack(&[iota(&[2]), iota(&[3])], 0),
        "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1",
    );
    check(flip(&iota(&[2, 3]), &[0, -1]), "[2, 3] [5, 4, 3, 2, 1, 0]");
    check(roll(&iota(&[2, 3]), &[1], &[]), "[2, 3] [5, 0, 1, 2, 3, 4]");
    check(
        roll(&iota(&[2, 3]), &[-1, 1], &[1, 0]),
        "[2, 3] [4, 5, 3, 1, 2, 0]",
    );
    check(rot90(&x, 1, &[0, 1]), "[2, 2] [1, 3, 0, 2]");
    check(rot90(&x, -1, &[0, 1]), "[2, 2] [2, 0, 3, 1]");
    check(repeat(&iota(&[2]), &[2, 2]), "[2, 4] [0, 1, 0, 1, 0, 1, 0, 1]");
    check(tile(&x, &[2]), "[2, 4] [0, 1, 0, 1, 2, 3, 2, 3]");
    check(
        repeat_interleave(&iota(&[2]), &i(&[2, 1], &[2]), None),
        "[3] [0, 0, 1]",
    );
    check(
        repeat_interleave_each(&x, 2, Some(1)),
        "[2, 4] [0, 0, 1, 1, 2, 2, 3, 3]",
    );
    check(tril(&iota(&[2, 3]), 0), "[2, 3] [0, 0, 0, 3, 4, 0]");
    check(triu(&iota(&[2, 3]), 1), "[2, 3] [0, 1, 2, 0, 0, 5]");
    check(tril_indices(2, 3, 0, DType::Long), "[2, 3] [0, 1, 1, 0, 0, 1]");
    check(triu_indices(2, 3, 1, DType::Int), "[2, 3] [0, 0, 1, 1, 2, 2]");
}

#[test]
fn tables() {
    check(take(&iota(&[2, 2]), &i(&[3, -4], &[2, 1])), "[2, 1] [3, 0]");
    check(
        take(&iota(&[2]), &i(&[2], &[1])),
        "out of range: tried to access index 2 on a tensor of 2 elements.",
    );
    check(
        put(&iota(&[3]), &i(&[1, 1], &[2]), &i(&[5, 6], &[2]), true),
        "[3] [0, 12, 2]",
    );
    check(
        embedding(&iota(&[3, 2]), &i(&[2, 0], &[1, 2])),
        "[1, 2, 2] [4, 5, 0, 1]",
    );
    check(one_hot(&i(&[1, 0], &[2]), -1), "[2, 2] [0, 1, 1, 0]");
    check(
        one_hot(&i(&[1], &[1]), 1),
        "Class values must be smaller than num_classes.",
    );
    check(bincount(&i(&[1, 1, 3], &[3]), None, 0), "[4] [0, 2, 0, 1]");
}
