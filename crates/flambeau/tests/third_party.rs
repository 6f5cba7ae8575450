//! The archives of the crate `tch`, with the inputs and the values of its own tests. They are not part of the
//! repository: `tools/fetch_third_party.sh DIR` brings them, and `FLAMBEAU_THIRD_PARTY` names that folder.

use std::path::{Path, PathBuf};

use flambeau::{Dict, IValue, List, Module, Tensor, Type};

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("FLAMBEAU_THIRD_PARTY").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: FLAMBEAU_THIRD_PARTY names no folder");
    }
    folder.map(|f| f.join("tch"))
}

fn load(folder: &Path, name: &str) -> Module {
    Module::load(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn floats(values: &[f32]) -> IValue {
    IValue::from(Tensor::from_slice(values, &[values.len() as i64]).unwrap())
}
fn doubles(values: &[f64]) -> IValue {
    IValue::from(Tensor::from_slice(values, &[values.len() as i64]).unwrap())
}
fn long(value: i64) -> IValue {
    IValue::from(Tensor::from_slice(&[value], &[]).unwrap())
}

/// Equal numbers, dtypes and sizes all through.
fn check(what: &str, found: Result<IValue, flambeau::Error>, expected: IValue) {
    let found = found.unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(
        equal(&found, &expected),
        "{what}: expected {expected:?}, found {found:?}"
    );
}

fn equal(a: &IValue, b: &IValue) -> bool {
    match (a, b) {
        (IValue::Tensor(a), IValue::Tensor(b)) => {
            a.dtype() == b.dtype()
                && a.sizes() == b.sizes()
                && a.to_scalars().unwrap() == b.to_scalars().unwrap()
        }
        (IValue::Tuple(a), IValue::Tuple(b)) => {
            a.items.len() == b.items.len() && a.items.iter().zip(b.items.iter()).all(|(a, b)| equal(a, b))
        }
        (IValue::List(a), IValue::List(b)) => {
            let (a, b) = (a.to_vec(), b.to_vec());
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| equal(a, b))
        }
        (a, b) => a == b,
    }
}

#[test]
fn the_values_of_tchs_tests() {
    let Some(folder) = folder() else { return };
    let load = |name: &str| load(&folder, name);

    let inputs = [floats(&[3.0, 1.0, 4.0, 1.0, 5.0]), floats(&[7.0])];
    let expected = || floats(&[55.0, 51.0, 57.0, 51.0, 59.0]);
    check("foo", load("foo.pt").forward(&inputs), expected());
    let file = std::fs::File::open(folder.join("foo.pt")).unwrap();
    let read = Module::from_reader(file, &Default::default()).unwrap();
    check("foo, from a reader", read.forward(&inputs), expected());

    let inputs = [long(42), long(1337)];
    check("foo1", load("foo1.pt").forward(&inputs), long(1421));
    check(
        "foo1, by name",
        load("foo1.pt").call("forward", &inputs, &[]),
        long(1421),
    );
    check(
        "foo2",
        load("foo2.pt").forward(&inputs),
        IValue::tuple(vec![long(1421), long(-1295)]),
    );

    let xs = doubles(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    check(
        "foo3",
        load("foo3.pt").forward(&[xs]),
        IValue::from(Tensor::from_slice(&[120f64], &[]).unwrap()),
    );

    let module = load("foo4.pt");
    let numbers = IValue::tuple(vec![2.0.into(), 3.0.into(), 4i64.into()]);
    check("foo4", module.forward(&[numbers]), 14.0.into());
    assert!(module.named_parameters().is_empty());

    let strings = |all: &[&str]| -> Vec<IValue> { all.iter().map(|s| IValue::str(s)).collect() };
    let given = IValue::List(List::new(Type::Str, strings(&["foo", "bar", "foobar"])));
    let expected = IValue::List(List::new(Type::Str, strings(&["fo", "ba", "fooba"])));
    check("foo5", load("foo5.pt").forward(&[given]), expected);

    // Objects of script classes come out, and their methods can be called.
    let module = load("foo6.pt");
    let Ok(IValue::Object(object)) = module.forward(&[doubles(&[3.0, 4.0, 5.0])]) else {
        panic!("foo6: expected an object");
    };
    check(
        "foo6",
        module.call_object(&object, "y", &[], &[]),
        doubles(&[6.0, 8.0, 10.0]),
    );

    // … and go in again.
    let module = load("foo7.pt");
    let inputs = [floats(&[1.0, 2.0, 3.0]), floats(&[4.0, 5.0, 6.0])];
    let object = module.call("make_input_object", &inputs, &[]).unwrap();
    check(
        "foo7",
        module.call("add_them", &[object], &[]),
        floats(&[5.0, 7.0, 9.0]),
    );

    // A dict whose types are not given takes those of the parameter.
    let pairs = vec![
        (IValue::str("bar"), floats(&[1.0, 7.0])),
        (IValue::str("foo"), floats(&[1.0, 2.0, 3.0])),
    ];
    let dict = IValue::Dict(Dict::from_pairs(Type::Any, Type::Any, pairs));
    let expected = IValue::tuple(vec![floats(&[1.0, 2.0, 3.0]), floats(&[1.0, 7.0])]);
    check("foo8", load("foo8.pt").call("generate", &[dict], &[]), expected);
    println!("tch: all nine archives give the expected values");
}
