//! Indexing and views.

use flambeau_ir::value::IValue;
use flambeau_tensor::DType;

use super::{Array, Numbers, check, with_dim};

#[test]
fn indexing() {
    let at = |index: &[usize], dim: usize, i: f64| {
        let mut index = index.to_vec();
        index[dim] = i as usize;
        index
    };
    let dim_of = |args: &[IValue]| args[1].as_int().unwrap() as usize;
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let mut sizes = x.sizes().to_vec();
        sizes[dim] = 1 + n.below(5) as i64;
        args![x.clone(), dim as i64, n.indices(&sizes, x.sizes()[dim])]
    };
    check("aten::gather", 30, arguments, |a, args| {
        vec![Array::make(&a[1].sizes, |i| {
            a[0].at(&at(i, dim_of(args), a[1].at(i)))
        })]
    });
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let count = 1 + n.below(5) as i64;
        args![x.clone(), dim as i64, n.indices(&[count], x.sizes()[dim])]
    };
    check("aten::index_select", 30, arguments, |a, args| {
        let dim = dim_of(args);
        let mut sizes = a[0].sizes.clone();
        sizes[dim] = a[1].data.len();
        vec![Array::make(&sizes, |i| a[0].at(&at(i, dim, a[1].data[i[dim]])))]
    });
    let arguments = |n: &mut Numbers| {
        let (x, dim) = with_dim(n);
        let src = n.tensor(x.sizes(), -4, 4, x.dtype());
        args![x.clone(), dim as i64, n.indices(x.sizes(), x.sizes()[dim]), src]
    };
    check("aten::scatter_add", 30, arguments, |a, args| {
        let dim = dim_of(args);
        let mut out = a[0].clone();
        let added = Array::make(&out.sizes.clone(), |target| {
            let mut sum = 0.0;
            for e in 0..a[1].sizes[dim] {
                let from = at(target, dim, e as f64);
                if a[1].at(&from) as usize == target[dim] {
                    sum += a[2].at(&from);
                }
            }
            sum
        });
        out.data.iter_mut().zip(added.data).for_each(|(o, x)| *o += x);
        vec![out]
    });
    let arguments = |n: &mut Numbers| {
        let (x, _) = with_dim(n);
        let mask = n.indices(x.sizes(), 2).to_dtype(DType::Bool).unwrap();
        args![x, mask]
    };
    check("aten::masked_select", 30, arguments, |a, _| {
        let data: Vec<f64> = a[0]
            .data
            .iter()
            .zip(&a[1].data)
            .filter(|(_, m)| **m != 0.0)
            .map(|(x, _)| *x)
            .collect();
        vec![Array {
            sizes: vec![data.len()],
            data,
        }]
    });
    let arguments = |n: &mut Numbers| {
        let (x, _) = with_dim(n);
        args![x.clone(), n.indices(&[2, 3], x.numel())]
    };
    check("aten::take", 20, arguments, |a, _| {
        vec![Array::make(&[2, 3], |i| a[0].data[a[1].at(i) as usize])]
    });
    // Two index tensors that broadcast, with a whole dimension between them.
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        let (rows, columns) = (n.indices(&[2, 1], shape[0]), n.indices(&[3], shape[2]));
        let at = vec![Some(rows), None, Some(columns)];
        let list = IValue::list(
            flambeau_ir::types::Type::optional(flambeau_ir::types::Type::TENSOR),
            at.into_iter().map(Into::into).collect(),
        );
        vec![n.float(&shape).into(), list]
    };
    check("aten::index.Tensor", 20, arguments, |a, _| {
        let sizes = [2, 3, a[0].sizes[1]];
        vec![Array::make(&sizes, |i| {
            a[0].at(&[a[1].data[i[0]] as usize, i[2], a[2].data[i[1]] as usize])
        })]
    });
}

// ---- views ----

#[test]
fn views() {
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        args![n.float(&shape), vec![2i64, 0, 1]]
    };
    check("aten::permute", 15, arguments, |a, _| {
        let s = &a[0].sizes;
        vec![Array::make(&[s[2], s[0], s[1]], |i| a[0].at(&[i[1], i[2], i[0]]))]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(2, 2);
        args![
            n.float(&shape),
            1i64,
            n.below(2) as i64,
            IValue::None,
            1 + n.below(3) as i64
        ]
    };
    check("aten::slice.Tensor", 15, arguments, |a, args| {
        let (start, step) = (
            args[2].as_int().unwrap() as usize,
            args[4].as_int().unwrap() as usize,
        );
        let (rows, length) = (a[0].sizes[0], a[0].sizes[1]);
        vec![Array::make(&[rows, (length - start).div_ceil(step)], |i| {
            a[0].at(&[i[0], start + i[1] * step])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(2, 2);
        args![n.float(&shape), 1i64, 2i64, 1 + n.below(2) as i64]
    };
    check("aten::unfold", 15, arguments, |a, args| {
        let step = args[3].as_int().unwrap() as usize;
        let count = (a[0].sizes[1] - 2) / step + 1;
        vec![Array::make(&[a[0].sizes[0], count, 2], |i| {
            a[0].at(&[i[0], i[1] * step + i[2]])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        args![n.float(&shape), vec![0i64, 2]]
    };
    check("aten::flip", 15, arguments, |a, _| {
        let s = a[0].sizes.clone();
        vec![Array::make(&s, |i| {
            a[0].at(&[s[0] - 1 - i[0], i[1], s[2] - 1 - i[2]])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(2, 1);
        args![n.float(&shape), vec![n.below(7) as i64 - 3], vec![1i64]]
    };
    check("aten::roll", 15, arguments, |a, args| {
        let by = args[1].as_list().unwrap().to_ints().unwrap()[0];
        let width = a[0].sizes[1] as i64;
        vec![Array::make(&a[0].sizes, |i| {
            a[0].at(&[i[0], (i[1] as i64 - by).rem_euclid(width) as usize])
        })]
    });
    let arguments = |n: &mut Numbers| {
        let shape = n.shape(3, 1);
        let (a, b) = (
            n.tensor(&shape, -4, 4, DType::Float),
            n.tensor(&shape, -4, 4, DType::Float),
        );
        args![vec![a, b], 1i64]
    };
    check("aten::cat", 15, arguments, |a, _| {
        let s = a[0].sizes.clone();
        vec![Array::make(&[s[0], 2 * s[1], s[2]], |i| {
            a[i[1] / s[1]].at(&[i[0], i[1] % s[1], i[2]])
        })]
    });
}
