//! Everything that an archive can hold, against what PyTorch makes of it; `make_features.py` recorded it.

use flambeau::{DType, ErrorKind, IValue, LoadOptions, Module};
use flambeau_archive::{Archive, Limits};
use serde_json::Value;

use super::{check, fixture, floats, load};

const COPIES: [&str; 3] = ["features.pt", "features_deflated.pt", "features_zip64.pt"];

#[test]
fn a_module_of_everything() {
    for name in COPIES {
        let module = load(name);
        let x = floats(&[1.0, 2.0], &[2]);
        check(&module.forward(&[x]).unwrap(), DType::Float, &[8.25, 19.25]);
        let state = module.call("state", &[], &[]).unwrap();
        let items = state.as_tuple().unwrap();
        assert_eq!((items[0].as_int(), items[1].as_int()), (Some(41), Some(41)));
        assert!(matches!(&items[2], IValue::Enum(e) if &*e.name == "PLUS"));
        assert_eq!(items[3].as_str(), Some("quo\"te\né\0\\"));
        assert!(matches!(items[4], IValue::Complex(c) if (c.re, c.im) == (1.0, 2.0)));
        let numbers = items[5].as_list().unwrap().to_vec();
        assert!(
            matches!(numbers[2], IValue::Double(z) if z == 0.0 && z.is_sign_negative()),
            "{numbers:?}"
        );
        let pairs = items[6].as_dict().unwrap().pairs();
        assert_eq!(
            pairs,
            [(3i64.into(), IValue::str("c")), (1i64.into(), IValue::str("a"))]
        );
        assert_eq!((items[7].as_int(), items[8].as_int()), (Some(4), Some(7)));
        // The object remembers.
        assert_eq!(
            module.call("state", &[], &[]).unwrap().as_tuple().unwrap()[0].as_int(),
            Some(42)
        );
    }
}

#[test]
fn records_and_enums_go_in_and_come_out() {
    let module = load("features.pt");
    let point = module.attribute("point").unwrap();
    let kind = module.attribute("kind").unwrap();
    let found = module.call("swap", &[point.clone(), kind], &[]).unwrap();
    let items = found.as_tuple().unwrap();
    let moved = items[0].as_tuple().unwrap();
    check(&moved[0], DType::Float, &[10.0, 12.0]);
    assert_eq!(moved[1].as_int(), Some(103));
    assert!(matches!(&items[1], IValue::Enum(e) if &*e.name == "PLUS"));
    // By name, and defaults of the others.
    let named = [
        ("k", items[1].clone()),
        ("m", 1i64.into()),
        ("scale", 0.5.into()),
        ("p", point),
    ];
    let found = module.call("swap", &[], &named).unwrap();
    let items = found.as_tuple().unwrap();
    assert_eq!(items[0].as_tuple().unwrap()[1].as_int(), Some(4));
    assert!(matches!(&items[1], IValue::Enum(e) if &*e.name == "MINUS"));
    // A plain tuple does for a NamedTuple.
    let plain = IValue::tuple(vec![floats(&[1.0], &[1]), 1i64.into()]);
    let found = module.call("swap", &[plain, items[1].clone()], &[]).unwrap();
    check(
        &found.as_tuple().unwrap()[0].as_tuple().unwrap()[0],
        DType::Float,
        &[2.0],
    );
}

#[test]
fn names_and_sharing() {
    for name in COPIES {
        let module = load(name);
        let names =
            |all: Vec<(String, flambeau::Tensor)>| all.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(
            names(module.named_parameters()),
            ["one.w", "two.w", "encode.weight", "encode.bias"]
        );
        assert_eq!(names(module.named_buffers()), ["base", "turned"]);
        let tensor = |m: &Module, n: &str| m.attribute(n).unwrap().as_tensor().unwrap().clone();
        let (base, turned) = (tensor(&module, "base"), tensor(&module, "turned"));
        assert_eq!((turned.strides(), turned.storage_offset()), (&[1i64, 4][..], 1));
        assert!(std::sync::Arc::ptr_eq(base.storage(), turned.storage()));
        let modules: std::collections::HashMap<_, _> = module.named_modules().into_iter().collect();
        let tied = [
            tensor(&modules["encode"], "weight"),
            tensor(&modules["decode"], "weight"),
        ];
        assert!(std::sync::Arc::ptr_eq(tied[0].storage(), tied[1].storage()));
        // Two classes of one name.
        assert_eq!(modules["one"].class_name().rsplit('.').next(), Some("Same"));
        assert!(
            modules["two"].class_name().contains("___torch_mangle_"),
            "{}",
            modules["two"].class_name()
        );
        assert_eq!(modules["steps"].named_modules().len(), 4);
        assert!(modules.contains_key("named.b"));
        assert_eq!(module.extra_files(), ["more/data.bin", "note.txt"]);
        assert_eq!(module.extra_file("note.txt").unwrap(), b"hello");
        assert_eq!(
            module.extra_file("more/data.bin").unwrap(),
            (0..=255).collect::<Vec<u8>>()
        );
    }
}

#[test]
fn quantised_tensors() {
    let module = load("features.pt");
    let text = |name: &str| {
        let value = module.attribute(name).unwrap();
        let tensor = value.as_tensor().unwrap();
        format!(
            "{} {:?}",
            tensor.dtype().torch_name(),
            tensor.quantizer().unwrap()
        )
    };
    assert_eq!(
        text("quint8"),
        "torch.quint8 PerTensor { scale: 0.5, zero_point: 3 }"
    );
    let channels = "torch.qint8 PerChannel { scales: [0.5, 0.25], zero_points: [0, 1], axis: 0 }";
    assert_eq!(text("qint8"), channels);
}

/// Stored entries are used where they lie in the file; deflated ones are not.
#[test]
fn entries_in_place() {
    for (name, in_place) in [
        ("features.pt", true),
        ("features_deflated.pt", false),
        ("features_zip64.pt", true),
    ] {
        let mut archive = Archive::open(fixture(name), &Limits::default()).unwrap();
        archive.verify().unwrap();
        assert_eq!(archive.take("data/0").unwrap().is_some(), in_place, "{name}");
    }
}

#[test]
fn all_dtypes() {
    let module = load("dtypes.pt");
    let record: Value = serde_json::from_str(include_str!("../fixtures/dtypes.json")).unwrap();
    let ints = |v: &Value| {
        v.as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    let record = record.as_object().unwrap();
    assert!(record.len() > 15);
    for (name, expected) in record {
        let tensor = module
            .attribute(name)
            .unwrap_or_else(|| panic!("{name} is missing"));
        let tensor = tensor.as_tensor().unwrap();
        assert_eq!(
            tensor.dtype().torch_name(),
            format!("torch.{}", expected["dtype"].as_str().unwrap())
        );
        assert_eq!(
            (tensor.sizes(), tensor.strides()),
            (&*ints(&expected["sizes"]), &*ints(&expected["strides"])),
            "{name}"
        );
        let found = tensor.to_scalars().unwrap();
        for (found, expected) in found.iter().zip(expected["values"].as_array().unwrap()) {
            if !tensor.dtype().is_floating_point()
                && !tensor.dtype().is_complex()
                && tensor.dtype() != DType::Bool
            {
                let text = expected[0].as_str().unwrap();
                let wanted = text
                    .parse()
                    .unwrap_or_else(|_| text.parse::<f64>().unwrap() as i64);
                assert_eq!(found.to_i64(), wanted, "{name}");
                continue;
            }
            let part = |i: usize| expected[i].as_str().unwrap().parse::<f64>().unwrap();
            let found = found.to_complex();
            let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
            assert!(
                same(found.re, part(0)) && same(found.im, part(1)),
                "{name}: {found} {expected}"
            );
        }
    }
}

#[test]
fn a_dtype_that_is_not_there() {
    let error = Module::load_with(fixture("dtype_uint16.pt"), &LoadOptions::default()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::File);
    assert!(
        error
            .message()
            .contains("tensors of dtype `uint16` are not supported"),
        "{error}"
    );
}
