use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{self, MemoryFormat, show};
use crate::scalar::Scalar;
use crate::tensor::Tensor;

fn iota(sizes: &[i64]) -> Tensor {
    let n = layout::numel(sizes);
    Tensor::arange(Scalar::Int(0), Scalar::Int(n), Scalar::Int(1), DType::Long)
        .unwrap()
        .view(sizes)
        .unwrap()
}

/// Checks `sizes | strides | offset | values` or the error message.
#[track_caller]
fn check(t: Result<Tensor>, expected: &str) {
    let found = match t {
        Ok(t) => format!(
            "{} {} {} {}",
            show(t.sizes()),
            show(t.strides()),
            t.storage_offset(),
            show(&t.to_vec::<i64>().unwrap())
        ),
        Err(e) => e.message,
    };
    assert_eq!(found, expected);
}

#[test]
fn shapes() {
    let x = iota(&[2, 3]);
    check(x.view(&[3, -1]), "[3, 2] [2, 1] 0 [0, 1, 2, 3, 4, 5]");
    check(x.t().unwrap().reshape(&[6]), "[6] [1] 0 [0, 3, 1, 4, 2, 5]");
    check(
        x.t().unwrap().view(&[6]),
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two \
         contiguous subspaces). Use .reshape(...) instead.",
    );
    check(x.permute(&[1, 0]), "[3, 2] [1, 3] 0 [0, 3, 1, 4, 2, 5]");
    check(x.permute(&[1, 1]), "permute(): duplicate dims are not allowed.");
    check(x.unsqueeze(1), "[2, 1, 3] [3, 3, 1] 0 [0, 1, 2, 3, 4, 5]");
    check(x.unsqueeze(-1), "[2, 3, 1] [3, 1, 1] 0 [0, 1, 2, 3, 4, 5]");
    check(iota(&[1, 2, 1]).squeeze(), "[2] [1] 0 [0, 1]");
    check(iota(&[1, 2, 1]).squeeze_dim(0), "[2, 1] [1, 1] 0 [0, 1]");
    check(
        iota(&[2, 1]).expand(&[2, 2, -1]),
        "[2, 2, 1] [0, 1, 1] 0 [0, 1, 0, 1]",
    );
}

#[test]
fn parts() {
    let x = iota(&[3, 4]);
    check(
        x.slice(0, Some(1), None, 1),
        "[2, 4] [4, 1] 4 [4, 5, 6, 7, 8, 9, 10, 11]",
    );
    check(
        x.slice(1, Some(-3), Some(100), 2),
        "[3, 2] [4, 2] 1 [1, 3, 5, 7, 9, 11]",
    );
    check(x.slice(1, Some(3), Some(1), 1), "[3, 0] [4, 1] 3 []");
    check(x.select(1, -1), "[3] [4] 3 [3, 7, 11]");
    check(
        x.select(1, 4),
        "select(): index 4 out of range for tensor of size [3, 4] at dimension 1",
    );
    check(x.diagonal(1, 0, 1), "[3] [5] 1 [1, 6, 11]");
    check(x.diagonal(-1, 0, 1), "[2] [5] 4 [4, 9]");
    check(x.diagonal(9, 0, 1), "[0] [5] 0 []");
    check(iota(&[5]).unfold(0, 3, 2), "[2, 3] [2, 1] 0 [0, 1, 2, 2, 3, 4]");
    check(iota(&[1]).expand(&[3]), "[3] [0] 0 [0, 0, 0]");
    check(
        x.as_strided(&[2], &[1], Some(11)),
        "setStorage: sizes [2], strides [1], storage offset 11, and itemsize 8 requiring a storage size of 104 are out of bounds for storage of size 96",
    );
    let pieces: Vec<i64> = x.chunk(3, 1).unwrap().iter().map(|t| t.sizes()[1]).collect();
    assert_eq!(pieces, [2, 2]);
    let pieces: Vec<i64> = x
        .tensor_split(3, 1)
        .unwrap()
        .iter()
        .map(|t| t.sizes()[1])
        .collect();
    assert_eq!(pieces, [2, 1, 1]);
}

#[test]
fn aliasing() {
    let x = iota(&[2, 3]);
    x.t()
        .unwrap()
        .select(0, 1)
        .unwrap()
        .fill_(Scalar::Int(9))
        .unwrap();
    assert_eq!(x.to_vec::<i64>().unwrap(), [0, 9, 2, 3, 9, 5]);
    let y = x.clone();
    y.t_().unwrap();
    assert_eq!(x.sizes(), [3, 2]);
    x.resize_(&[4, 2], MemoryFormat::Contiguous).unwrap();
    assert_eq!(y.to_vec::<i64>().unwrap(), [0, 9, 2, 3, 9, 5, 0, 0]);
}
