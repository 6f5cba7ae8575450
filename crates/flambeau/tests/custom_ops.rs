//! Operators that users register, and models that use operators nobody registered.

use flambeau::tensor::pointwise::{add, mul};
use flambeau::{
    DType, Error, ErrorKind, IValue, LoadOptions, Module, Scalar, Tensor, register_op, register_script_op,
};
use flambeau_archive::pickle::Writer;
use flambeau_archive::{ArchiveWriter, Packing};

/// A module whose `forward(self, x)` has this body.
fn module(body: &str) -> Module {
    let code = format!(
        "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n{body}"
    );
    let mut bytes = Vec::new();
    let mut writer = ArchiveWriter::new(&mut bytes, "m").unwrap();
    // Protocol 2: an object of `__torch__.M` with an empty state.
    writer
        .add("data.pkl", b"\x80\x02c__torch__\nM\n)\x81}b.", Packing::Stored)
        .unwrap();
    writer
        .add("code/__torch__.py", code.as_bytes(), Packing::Deflated)
        .unwrap();
    let mut constants = Writer::new();
    constants.begin_tuple(0);
    constants.end_tuple(0);
    writer
        .add("constants.pkl", &constants.finish(), Packing::Stored)
        .unwrap();
    writer.finish(3).unwrap();
    Module::from_bytes(bytes, &LoadOptions::default()).unwrap()
}

fn run(module: &Module) -> Result<Vec<f32>, Error> {
    let x = Tensor::from_slice(&[1f32, -2.0], &[2])?;
    let out = module.forward(&[IValue::from(x)])?;
    Ok(out.as_tensor().unwrap().to_vec::<f32>()?)
}

#[test]
fn closures_and_text() {
    register_op(
        "t1::scale(Tensor x, float a=3.) -> Tensor",
        |x: Tensor, a: f64| mul((&x).into(), a.into()),
    )
    .unwrap();
    register_op(
        "t1::scale.by(Tensor x, Tensor a) -> Tensor",
        |x: Tensor, a: Tensor| mul((&x).into(), (&a).into()),
    )
    .unwrap();
    register_op("t1::parts(Tensor x) -> (Tensor, int)", |x: Tensor| {
        let n = x.numel();
        (x, n)
    })
    .unwrap();
    register_script_op(
        "t1::leaky(Tensor x, float slope=0.5) -> Tensor",
        "def leaky(x: Tensor, slope: float) -> Tensor:\n    return torch.where(x > 0, x, x * slope)\n",
    )
    .unwrap();
    for (body, expected) in [
        ("    return ops.t1.scale(x)\n", [3.0, -6.0]),
        ("    return ops.t1.scale(x, 2.)\n", [2.0, -4.0]),
        ("    return ops.t1.scale(x, a=2.)\n", [2.0, -4.0]),
        ("    return ops.t1.scale(x, x)\n", [1.0, 4.0]),
        (
            "    y, n = ops.t1.parts(x)\n    return torch.add(y, n)\n",
            [3.0, 0.0],
        ),
        ("    return ops.t1.leaky(x)\n", [1.0, -1.0]),
    ] {
        assert_eq!(run(&module(body)).unwrap(), expected, "{body}");
    }
}

#[test]
fn refused_registrations() {
    let identity = |x: Tensor| x;
    let message = |result: Result<(), Error>| result.unwrap_err().message().to_string();
    for (schema, part) in [
        ("t2::f(Tensor x", "is not an operator's schema"),
        ("f(Tensor x) -> Tensor", "needs a namespace, as in `my::f`"),
        (
            "t2::f(Tensor x, int n) -> Tensor",
            "has 2 arguments, but the closure takes 1",
        ),
        (
            "t2::f(int x) -> Tensor",
            "argument `x` is of type int, but the closure takes Tensor",
        ),
        (
            "aten::relu(Tensor self) -> Tensor",
            "is built in, with the schema",
        ),
        (
            "aten::quantize_per_tensor(Tensor self) -> Tensor",
            "has the schema `aten::quantize_per_tensor(Tensor self, float scale",
        ),
    ] {
        let found = message(register_op(schema, identity));
        assert!(found.contains(part), "expected `{part}` in: {found}");
    }
    for (body, part) in [
        ("", "defines no function"),
        (
            "def f(x: Tensor) -> int:\n    return 1\n",
            "expected a function (Tensor x) -> (Tensor), found (Tensor x) -> (int)",
        ),
        (
            "def f(x: Tensor) -> Tensor:\n    return torch.nothing_like_it(x)\n",
            "nothing_like_it",
        ),
        (
            "def f(x: Tensor) -> Tensor:\n    return (\n",
            "t2::g(Tensor x) -> Tensor",
        ),
    ] {
        let found = message(register_script_op("t2::g(Tensor x) -> Tensor", body));
        assert!(found.contains(part), "expected `{part}` in: {found}");
    }
    register_op("t2::g(Tensor x) -> Tensor", identity).unwrap();
    let found = message(register_op("t2::g(Tensor x) -> Tensor", identity));
    assert!(found.contains("registered already"), "{found}");
}

#[test]
fn errors_name_the_schema() {
    register_op("t3::sum(Tensor x, Tensor y) -> Tensor", |x: Tensor, y: Tensor| {
        add((&x).into(), (&y).into(), Scalar::Int(1))
    })
    .unwrap();
    register_op("t3::lies(Tensor x) -> Tensor", |_: Tensor| 1i64).unwrap();
    for (body, part) in [
        (
            "    return ops.t3.sum(x, torch.reshape(torch.arange(6), [2, 3]))\n",
            "t3::sum(Tensor x, Tensor y) -> Tensor: The size of tensor a (2) must match",
        ),
        (
            "    return ops.t3.lies(x)\n",
            "t3::lies(Tensor x) -> Tensor: expected a result of type Tensor",
        ),
    ] {
        let error = run(&module(body)).unwrap_err();
        assert!(error.message().contains(part), "expected `{part}` in: {error}");
        assert!(
            error.to_string().contains("code/__torch__.py\", line "),
            "{error}"
        );
    }
}

/// Operators of other packages that are built in.
#[test]
fn companions() {
    let index = "    i = torch.to(torch.zeros([2]), 4)\n";
    for (body, expected) in [
        (
            "    m, a = ops.torch_scatter.scatter_max(x, i, 0, None, 2)\n    return torch.add(m, a)\n",
            [1.0, 2.0],
        ),
        (
            "    return ops.torch_scatter.scatter_sum(x, i, 0, None, 2)\n",
            [-1.0, 0.0],
        ),
        (
            "    p = ops.torch_sparse.ind2ptr(i, 1)\n    return torch.to(p, 6)\n",
            [0.0, 2.0],
        ),
        (
            "    e = ops.torch_cluster.knn(torch.unsqueeze(x, 1), torch.unsqueeze(x, 1), None, None, 1, False, 1)\n    return torch.to(torch.select(e, 0, 1), 6)\n",
            [0.0, 1.0],
        ),
    ] {
        assert_eq!(
            run(&module(&format!("{index}{body}"))).unwrap(),
            expected,
            "{body}"
        );
    }
}

/// Everything but running works.
#[test]
fn unknown_operators() {
    let body = "    y = torch.relu(x)\n    a, b = ops.nobody.knows(y, 2)\n    if bool(torch.gt(torch.sum(x), 0)):\n      z = torch.add(a, ops.nobody.cares(b))\n    else:\n      z = y\n    return z\n";
    let module = module(body);
    let code = module.code("forward").unwrap();
    assert!(code.contains("ops.nobody.knows("), "{code}");
    assert!(
        module
            .graph("forward")
            .unwrap()
            .to_string()
            .contains("nobody::cares(")
    );
    let (uses, errors) = module.operators();
    assert!(errors.is_empty());
    let unknown: Vec<&str> = uses
        .iter()
        .filter(|u| !u.is_supported)
        .map(|u| u.name.as_str())
        .collect();
    assert_eq!(unknown, ["nobody::cares", "nobody::knows"]);
    let error = run(&module).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unsupported);
    assert!(
        error.message().contains("Unknown builtin op: nobody::knows"),
        "{error}"
    );
    assert!(
        error.to_string().contains("code/__torch__.py\", line 7"),
        "{error}"
    );
    // Registered late, before the code that uses it was first run.
    let late = self::module("    return ops.t4.late(x)\n");
    assert!(late.code("forward").unwrap().contains("ops.t4.late(x)"));
    register_op("t4::late(Tensor x) -> Tensor", |x: Tensor| {
        Tensor::zeros(x.sizes(), DType::Float)
    })
    .unwrap();
    assert_eq!(run(&late).unwrap(), [0.0, 0.0]);
}
