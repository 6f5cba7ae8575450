//! Source texts through the public interface: functions, modules, saving, and several errors at once.

use flambeau::{DType, IValue, LoadOptions, Module, Tensor, compile};

const NET: &str = "
import math
import torch
from torch import nn, Tensor


class Positions(nn.Module):
    def __init__(self, width: int, length: int = 16):
        super().__init__()
        place = torch.arange(length).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(length, width)
        table[:, 0::2] = torch.sin(place * rate)
        table[:, 1::2] = torch.cos(place * rate)
        self.register_buffer('table', table)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table[: x.size(1)]


class Net(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        layers = [nn.Linear(width, width) for _ in range(2)]
        self.embed = nn.Embedding(10, width)
        self.places = Positions(width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.layers = nn.Sequential(*layers, nn.ReLU())
        self.steps = 0

    def forward(self, ids: Tensor) -> Tensor:
        self.steps += 1
        x, _ = self.lstm(self.places(self.embed(ids)))
        return self.layers(x).mean(1)
";

fn ids() -> IValue {
    IValue::from(
        Tensor::from_elements(&[1i64, 2, 3])
            .unwrap()
            .unsqueeze(0)
            .unwrap(),
    )
}

#[test]
fn modules_are_built_called_and_saved() {
    let net = compile(NET).unwrap().module("Net(8)").unwrap();
    let output = net.forward(&[ids()]).unwrap();
    assert_eq!(output.as_tensor().unwrap().sizes(), &[1, 8]);
    assert_eq!(net.attribute("steps"), Some(IValue::Int(1)));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled.pt");
    net.save(&path).unwrap();
    let again = Module::load_with(&path, &LoadOptions::default()).unwrap();
    let output = output.as_tensor().unwrap().to_scalars().unwrap();
    let loaded = again.forward(&[ids()]).unwrap();
    assert_eq!(loaded.as_tensor().unwrap().to_scalars().unwrap(), output);
}

#[test]
fn a_seed_gives_the_same_parameters() {
    let weight = |seed| {
        let net = compile(NET).unwrap().with_seed(seed).module("Net(4)").unwrap();
        let (_, tensor) = net.named_parameters().into_iter().next().unwrap();
        tensor.to_scalars().unwrap()
    };
    assert_eq!(weight(3), weight(3));
    assert_ne!(weight(3), weight(4));
}

#[test]
fn starting_values_are_pytorchs() {
    // `torch.manual_seed(0); torch.nn.Linear(2, 1)`
    let source = "from torch import nn\nclass M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.l = nn.Linear(2, 1)\n    def forward(self, x):\n        return self.l(x)\n";
    let net = compile(source).unwrap().module("M").unwrap();
    let parameters = net.named_parameters();
    let numbers: Vec<f64> = parameters
        .iter()
        .flat_map(|(_, t)| t.to_scalars().unwrap())
        .map(|s| s.to_f64())
        .collect();
    for (found, expected) in numbers.iter().zip([-0.0053, 0.3793, -0.5820]) {
        assert!((found - expected).abs() < 1e-4, "{numbers:?}");
    }
}

#[test]
fn functions_keep_their_names_and_defaults() {
    let program = compile("def scale(x: float, by: float = 2.0) -> float:\n    return x * by\n").unwrap();
    let scale = program.function("scale").unwrap();
    assert_eq!(
        scale.call(&[IValue::Double(1.5)], &[]).unwrap(),
        IValue::Double(3.0)
    );
    assert_eq!(
        scale
            .call(&[IValue::Int(1)], &[("by", IValue::Double(0.5))])
            .unwrap(),
        IValue::Double(0.5)
    );
    assert_eq!(
        scale.code().unwrap(),
        "def scale(x: float,\n    by: float=2.) -> float:\n  return torch.mul(x, by)\n"
    );
    assert_eq!(program.names(), ["scale"]);
}

#[test]
fn every_mistake_is_found_in_one_run() {
    let program = compile("def f(n: int) -> str:\n    return n\n\ndef g(s: str):\n    return {s}\n\ndef h(n: int):\n    return f(n)\n").unwrap();
    let errors = program.check();
    let codes: Vec<_> = errors.iter().flat_map(|e| e.codes()).collect();
    assert_eq!(codes, ["type.return", "unsupported.syntax"]);
    assert!(
        errors[0].render(false).contains("expected `str`, found `int`"),
        "{}",
        errors[0].render(false)
    );
}

#[test]
fn broken_texts_are_errors() {
    let check = |source: &str, entry: &str, expected: &str| {
        let error = match compile(source) {
            Err(error) => error,
            Ok(program) => program.module(entry).unwrap_err(),
        };
        assert!(error.to_string().contains(expected), "{entry}: {error}");
    };
    check("def f(:\n", "f", "xpected");
    check("", "f", "name 'f' is not defined");
    check("x = 1\n", "x", "expected a function or a module");
    check("x = 1\n", "f(", "xpected");
    let endless = "from torch import nn\nclass M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        while True:\n            pass\n";
    check(endless, "M()", "too many steps");
    let deep = "from torch import nn\nclass M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.go()\n    def go(self):\n        self.go()\n";
    check(deep, "M()", "recursion");
    let huge = "from torch import nn\nclass M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.l = nn.Linear(4000000000, 4000000000)\n";
    check(huge, "M()", "");
    assert_eq!(DType::Float.size(), 4);
}

#[test]
fn inlined_graphs_are_what_pytorch_prints() {
    let text = "import torch
from torch import Tensor
from typing import Optional
def first(x: Optional[Tensor], n: int) -> Tensor:
    if x is None:
        return torch.zeros([n])
    return x + n
def twice(x: Tensor, n: int) -> Tensor:
    return first(first(x, n), 2)
";
    let program = flambeau::compile(text).unwrap();
    let graph = program
        .function("twice")
        .unwrap()
        .inlined_graph()
        .unwrap()
        .to_string();
    let found: String = graph
        .lines()
        .map(|line| line.split(" # ").next().unwrap_or_default().to_string() + "\n")
        .collect();
    let expected = r#"graph(%x.1 : Tensor,
      %n.1 : int):
  %2 : Function = prim::Constant[name="first"]()
  %3 : int = prim::Constant[value=2]()
  %6 : NoneType = prim::Constant()
  %7 : int = prim::Constant[value=1]()
  %8 : bool = aten::__is__(%x.1, %6)
  %9 : Tensor = prim::If(%8)
    block0():
      %10 : int[] = prim::ListConstruct(%n.1)
      %11 : Tensor = aten::zeros(%10, %6, %6, %6, %6)
      -> (%11)
    block1():
      %x.8 : Tensor = prim::unchecked_cast(%x.1)
      %13 : Tensor = aten::add(%x.8, %n.1, %7)
      -> (%13)
  %14 : NoneType = prim::Constant()
  %15 : int = prim::Constant[value=1]()
  %16 : bool = aten::__is__(%9, %14)
  %17 : Tensor = prim::If(%16)
    block0():
      %18 : int[] = prim::ListConstruct(%3)
      %19 : Tensor = aten::zeros(%18, %14, %14, %14, %14)
      -> (%19)
    block1():
      %x.7 : Tensor = prim::unchecked_cast(%9)
      %21 : Tensor = aten::add(%x.7, %3, %15)
      -> (%21)
  return (%17)
"#;
    assert_eq!(found, expected);
}
