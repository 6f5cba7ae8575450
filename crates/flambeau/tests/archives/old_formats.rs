//! Format version 1. What PyTorch 1.0 to 1.2 wrote has a `model.json`, no classes of modules, and methods in files of
//! their own; PyTorch 1.3 wrote a `data.pkl`. `make_old.py`
//! recorded the archives and their results with those releases.

use flambeau::{DType, IValue, Tensor};
use serde_json::Value;

use super::{check, fixture, floats, load};

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => number.as_f64().into_iter().collect(),
    }
}

#[test]
fn modules_of_four_releases() {
    for release in ["1.0.1", "1.1.0", "1.2.0", "1.3.1"] {
        let module = load(&format!("old_{release}.pt"));
        let record = std::fs::read_to_string(fixture(&format!("old_{release}.json"))).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        assert_eq!(module.format().map(|f| f.0), Some(1));
        let input: Vec<f32> = numbers(&record["input"]).iter().map(|&x| x as f32).collect();
        let found = module.forward(&[floats(&input, &[2, 1, 8, 8])]).unwrap();
        let tensor = found.as_tensor().unwrap();
        assert_eq!(tensor.sizes(), [2, 5]);
        for (a, b) in tensor
            .to_vec::<f32>()
            .unwrap()
            .into_iter()
            .zip(numbers(&record["forward"]))
        {
            assert!(
                (f64::from(a) - b).abs() <= 1e-5 * b.abs().max(1.0),
                "{release}: {a} {b}"
            );
        }
        // Division of integers was C's then.
        let x = IValue::from(Tensor::from_slice(&[7i64, -7, 5], &[3]).unwrap());
        let found = module.call("halves", &[x], &[]).unwrap();
        let items = found.as_tuple().unwrap();
        check(&items[0], DType::Long, &numbers(&record["halves"]));
        assert_eq!(items[1].as_int(), record["total"].as_i64());
        let names: Vec<String> = module.named_parameters().into_iter().map(|p| p.0).collect();
        let expected = record["parameters"].as_array().unwrap();
        assert!(
            names.len() == expected.len() && expected.iter().all(|n| names.iter().any(|m| m == n)),
            "{names:?}"
        );
    }
}

/// `__getstate__` and `__setstate__`, a class in `libs/`, shared storages and views, lists, dicts, tuples; also as saved
/// from a GPU.
#[test]
fn attributes_of_all_kinds() {
    for name in [
        "state_1.2.0.pt",
        "state_1.2.0_cuda.pt",
        "state_1.3.1.pt",
        "state_1.3.1_cuda.pt",
    ] {
        let module = load(name);
        let found = module.forward(&[floats(&[1.0, 2.0], &[2, 1])]).unwrap();
        let items = found.as_tuple().unwrap();
        check(&items[0], DType::Float, &[806.5, 8065.0]);
        check(&items[1], DType::Float, &[262.5, 267.5, 272.5]);
        assert_eq!(items[2].as_int(), Some(1099511627788));
        check(&items[4], DType::Bool, &[1.0, 0.0]);
        let tensor = |name: &str| module.attribute(name).unwrap().as_tensor().unwrap().clone();
        let (whole, row, turned) = (tensor("whole"), tensor("row"), tensor("turned"));
        assert_eq!(
            (turned.sizes(), turned.strides()),
            (&[3i64, 2][..], &[1i64, 3][..])
        );
        assert_eq!(row.storage_offset(), 3);
        for view in [&row, &turned] {
            assert!(std::sync::Arc::ptr_eq(view.storage(), whole.storage()));
        }
    }
}

#[test]
fn errors_show_where_the_code_came_from() {
    let module = load("old_1.2.0.pt");
    let error = module.forward(&[floats(&[1.0], &[1])]).unwrap_err().to_string();
    // The archive's line and, by `debug/`, the one that was written.
    assert!(
        error.contains("code/old_1.2.0.py") && error.contains("make_old.py"),
        "{error}"
    );
}
