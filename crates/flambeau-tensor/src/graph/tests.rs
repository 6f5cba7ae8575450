//! The packages' documented examples, and comparison with plain loops.

use super::*;
use crate::random::Generator;

fn ints(values: &[i64]) -> Tensor {
    Tensor::from_elements(values).unwrap()
}

fn floats(values: &[f32], sizes: &[i64]) -> Tensor {
    Tensor::from_slice(values, sizes).unwrap()
}

#[track_caller]
fn check<T: crate::Element + PartialEq + std::fmt::Debug>(found: &Tensor, sizes: &[i64], expected: &[T]) {
    assert_eq!(found.sizes(), sizes);
    assert_eq!(found.to_vec::<T>().unwrap(), expected);
}

#[test]
fn scatter_examples() {
    let src = floats(&[2., 0., 1., 4., 3., 0., 2., 1., 3., 4.], &[2, 5]);
    let index = ints(&[4, 5, 4, 2, 3, 0, 0, 2, 2, 1]).reshape(&[2, 5]).unwrap();
    let (max, places) = scatter(&src, &index, -1, None, None, Reduce::Max).unwrap();
    check(&max, &[2, 6], &[0f32, 0., 4., 3., 2., 0., 2., 4., 3., 0., 0., 0.]);
    check(
        &places.unwrap(),
        &[2, 6],
        &[5i64, 5, 3, 4, 0, 1, 1, 4, 3, 5, 5, 5],
    );
    let ones = Tensor::ones(&[10, 6, 4], DType::Float).unwrap();
    let (sum, _) = scatter(&ones, &ints(&[0, 1, 0, 1, 2, 1]), 1, None, None, Reduce::Sum).unwrap();
    assert_eq!(sum.sizes(), [10, 3, 4]);
    check(
        &sum.select(0, 0).unwrap().select(1, 0).unwrap(),
        &[3],
        &[2f32, 3., 1.],
    );
    let whole = ints(&[-1, -2, 7]);
    let run = |reduce| {
        scatter(&whole, &ints(&[0, 0, 2]), 0, None, Some(4), reduce)
            .unwrap()
            .0
    };
    check(&run(Reduce::Mean), &[4], &[-2i64, 0, 7, 0]);
    check(&run(Reduce::Mul), &[4], &[2i64, 1, 7, 1]);
    check(&run(Reduce::Min), &[4], &[-2i64, 0, 7, 0]);
    // Into a given tensor.
    let out = ints(&[10, 20]);
    let (given, _) = scatter(&ints(&[1, 2]), &ints(&[1, 1]), 0, Some(&out), None, Reduce::Sum).unwrap();
    assert!(given.is_same(&out));
    check(&out, &[2], &[10i64, 23]);
    for index in [ints(&[0, 9]), ints(&[0, -1]), ints(&[0])] {
        let index = if index.numel() == 1 {
            ints(&[0, 1, 2])
        } else {
            index
        };
        assert!(scatter(&ints(&[1, 2]), &index, 0, Some(&out), None, Reduce::Sum).is_err());
    }
    assert!(scatter(&ints(&[1]), &ints(&[i64::MAX]), 0, None, None, Reduce::Sum).is_err());
    let none = Tensor::zeros(&[0], DType::Long).unwrap();
    check::<i64>(
        &scatter(&none, &none, 0, None, None, Reduce::Max).unwrap().0,
        &[0],
        &[],
    );
}

#[test]
fn segment_examples() {
    let src = ints(&[1, 2, 3, 4, 5, 6]).reshape(&[2, 3]).unwrap();
    let ptr = ints(&[0, 2, 3]);
    let csr = |reduce| segment_csr(&src, &ptr.reshape(&[1, 3]).unwrap(), None, reduce).unwrap();
    check(&csr(Reduce::Sum).0, &[2, 2], &[3i64, 3, 9, 6]);
    check(&csr(Reduce::Mean).0, &[2, 2], &[1i64, 3, 4, 6]);
    let (max, places) = csr(Reduce::Max);
    check(&max, &[2, 2], &[2i64, 3, 5, 6]);
    check(&places.unwrap(), &[2, 2], &[1i64, 2, 1, 2]);
    let coo = segment_coo(
        &src,
        &ints(&[0, 0, 2]).reshape(&[1, 3]).unwrap(),
        None,
        None,
        Reduce::Sum,
    );
    check(&coo.unwrap().0, &[2, 3], &[3i64, 0, 3, 9, 0, 6]);
    check(
        &gather_csr(&ints(&[1, 2, 3, 4]), &ints(&[0, 2, 5, 5, 6]), None).unwrap(),
        &[6],
        &[1i64, 1, 2, 2, 2, 4],
    );
    check(
        &gather_coo(&ints(&[1, 2, 3, 4]), &ints(&[0, 0, 1, 1, 1, 3]), None).unwrap(),
        &[6],
        &[1i64, 1, 2, 2, 2, 4],
    );
    for bad in [[0, 3, 2], [-1, 0, 2], [0, 2, 9]] {
        assert!(segment_csr(&src, &ints(&bad).reshape(&[1, 3]).unwrap(), None, Reduce::Sum).is_err());
    }
    assert!(segment_coo(&ints(&[1, 2]), &ints(&[1, 0]), None, None, Reduce::Sum).is_err());
    assert!(gather_coo(&ints(&[1, 2]), &ints(&[5]), None).is_err());
}

/// Each reduction against a loop, along each dimension, for transposed sources.
#[test]
fn scatter_is_the_plain_loop() {
    let mut g = Generator::new(7);
    for sizes in [[4, 5, 3], [1, 7, 2], [3, 1, 4]] {
        let src = Tensor::empty(&sizes, DType::Double).unwrap();
        crate::random::tensor::normal_(&src, 0.0, 1.0, &mut g).unwrap();
        let src = src.transpose(0, 2).unwrap();
        for dim in 0..3 {
            let index: Vec<i64> = (0..src.sizes()[dim]).map(|_| i64::from(g.random() % 3)).collect();
            for reduce in [Reduce::Sum, Reduce::Mean, Reduce::Mul, Reduce::Min, Reduce::Max] {
                let (found, _) = scatter(&src, &ints(&index), dim as i64, None, Some(3), reduce).unwrap();
                for group in 0..3 {
                    let members: Vec<Tensor> = (0..index.len())
                        .filter(|&i| index[i] == group)
                        .map(|i| src.select(dim as i64, i as i64).unwrap())
                        .collect();
                    let got = found.select(dim as i64, group).unwrap().to_vec::<f64>().unwrap();
                    for (k, got) in got.iter().enumerate() {
                        let all: Vec<f64> = members.iter().map(|m| m.to_vec::<f64>().unwrap()[k]).collect();
                        let want = match reduce {
                            Reduce::Sum => all.iter().sum(),
                            Reduce::Mean => all.iter().sum::<f64>() / all.len().max(1) as f64,
                            Reduce::Mul => all.iter().product(),
                            _ if all.is_empty() => 0.0,
                            Reduce::Min => all.iter().copied().fold(f64::INFINITY, f64::min),
                            Reduce::Max => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                        };
                        assert!((got - want).abs() < 1e-12, "{reduce:?} {got} {want}");
                    }
                }
            }
        }
    }
}

#[test]
fn cluster_examples() {
    let x = floats(&[-1., -1., -1., 1., 1., -1., 1., 1.], &[4, 2]);
    let y = floats(&[-1., 0., 1., 0.], &[2, 2]);
    let ptr_x = ints(&[0, 4]);
    let ptr_y = ints(&[0, 2]);
    let both = |t: &Tensor| check(t, &[2, 4], &[0i64, 0, 1, 1, 0, 1, 2, 3]);
    both(&radius(&x, &y, None, None, 1.5, 32, false).unwrap());
    both(&radius(&x, &y, Some(&ptr_x), Some(&ptr_y), 1.5, 32, false).unwrap());
    both(&knn(&x, &y, None, None, 2, false).unwrap());
    // At exactly the radius is outside; few neighbours are the first ones.
    check::<i64>(&radius(&x, &y, None, None, 1.0, 32, false).unwrap(), &[2, 0], &[]);
    check(
        &radius(&x, &y, None, None, 9.0, 1, false).unwrap(),
        &[2, 2],
        &[0i64, 1, 0, 0],
    );
    check(
        &radius(&x, &x, None, None, 0.1, 4, true).unwrap(),
        &[2, 0],
        &[0i64; 0],
    );
    check(
        &knn(&x, &y, None, None, 9, false).unwrap().select(0, 0).unwrap(),
        &[8],
        &[0i64, 0, 0, 0, 1, 1, 1, 1],
    );
    check(&nearest(&x, &y, &ptr_x, &ptr_y).unwrap(), &[4], &[0i64, 0, 1, 1]);
    let pos = floats(&[0., 0., 11., 9., 2., 8., 2., 2., 8., 3.], &[5, 2]);
    check(
        &grid(&pos, &floats(&[5., 5.], &[2]), None, None).unwrap(),
        &[5],
        &[0i64, 5, 3, 0, 1],
    );
    let mut g = Generator::new(0);
    let half = floats(&[0.5], &[1]);
    check(&fps(&x, &ptr_x, &half, false, &mut g).unwrap(), &[2], &[0i64, 3]);
    assert_eq!(
        fps(&x, &ints(&[0, 2, 4]), &half, true, &mut g).unwrap().sizes(),
        [2]
    );
    assert!(fps(&x, &ints(&[0, 9]), &half, false, &mut g).is_err());
    // Two nodes with one edge always pair up.
    let weights = floats(&[1., 1.], &[2]);
    for weight in [None, Some(&weights)] {
        let pairs = graclus(&ints(&[0, 1, 2, 2]), &ints(&[1, 0]), weight, &mut g).unwrap();
        check(&pairs, &[3], &[0i64, 0, 2]);
    }
    assert!(knn(&x, &floats(&[1.], &[1, 1]), None, None, 1, false).is_err());
    assert!(knn(&x, &y, None, None, 1, true).is_err());
    assert!(nearest(&x, &y, &ptr_x, &ints(&[0, 0])).is_err());
}

#[test]
fn sparse_examples() {
    check(
        &ind2ptr(&ints(&[2, 2, 4, 5, 5, 6]), 8).unwrap(),
        &[9],
        &[0i64, 0, 0, 2, 2, 3, 5, 6, 6],
    );
    check(
        &ptr2ind(&ints(&[0, 0, 0, 2, 2, 3, 5, 6, 6]), 6).unwrap(),
        &[6],
        &[2i64, 2, 4, 5, 5, 6],
    );
    check(&ind2ptr(&ints(&[]), 2).unwrap(), &[3], &[0i64, 0, 0]);
    assert!(ind2ptr(&ints(&[9]), 2).is_err());
    assert!(ptr2ind(&ints(&[0, i64::MAX]), 2).is_err());
    // (0, 0), (0, 1), (1, 2) among the diagonal of a 2 by 3 matrix.
    let mask = non_diag_mask(&ints(&[0, 0, 1]), &ints(&[0, 1, 2]), 2, 3, 0).unwrap();
    check(&mask, &[5], &[false, false, true, false, true]);
    let (col, idx) = relabel(&ints(&[7, 3, 9, 7]), &ints(&[3, 4])).unwrap();
    check(&col, &[4], &[2i64, 0, 3, 2]);
    check(&idx, &[4], &[3i64, 4, 7, 9]);
    let (rowptr, col) = (ints(&[0, 2, 3]), ints(&[0, 2, 1]));
    let values = floats(&[1., 2., 3.], &[3]);
    let hop = relabel_one_hop(&rowptr, &col, Some(&values), &ints(&[1]), true).unwrap();
    check(&hop.rowptr, &[2], &[0i64, 1]);
    check(&hop.col, &[1], &[0i64]);
    check(&hop.value.unwrap(), &[1], &[3f32]);
    let mat = floats(&[1., 4., 2., 5., 3., 6.], &[3, 2]);
    let run = |reduce| spmm(&rowptr, &col, Some(&values), &mat, reduce).unwrap();
    check(&run(Reduce::Sum).0, &[2, 2], &[7f32, 16., 6., 15.]);
    check(&run(Reduce::Mean).0, &[2, 2], &[3.5f32, 8., 6., 15.]);
    let (max, places) = run(Reduce::Max);
    check(&max, &[2, 2], &[6f32, 12., 6., 15.]);
    check(&places.unwrap(), &[2, 2], &[1i64, 1, 2, 2]);
    let (rows, columns, edges) = saint_subgraph(&ints(&[0, 1]), &rowptr, &ints(&[0, 0, 1]), &col).unwrap();
    check(&rows, &[2], &[0i64, 1]);
    check(&columns, &[2], &[0i64, 1]);
    check(&edges, &[2], &[0i64, 2]);
}
