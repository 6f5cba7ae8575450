//! Python's and PyTorch's modules as code sees them: which functions are builtins, which names are constants.

use std::sync::{Arc, OnceLock};

use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;

use super::error::Result;
use super::host::{HostValue, Scope};
use super::program::Program;
use super::sugared::Form;

/// A module by its dotted name, if the compiler knows it.
pub fn module(path: &str, table: &'static OpTable) -> Option<Arc<dyn Scope>> {
    const KNOWN: &[&str] = &[
        "torch",
        "torch.jit",
        "torch.nn",
        "torch.nn.functional",
        "torch.nn.init",
        "torch.special",
        "torch.linalg",
        "torch.fft",
        "torch.ops",
        "torch.autograd",
        "torch.random",
        "torch.futures",
        "torch.cuda",
        "torch.functional",
        "torch.backends",
        "torch.backends.cudnn",
        "torch._jit_internal",
        "math",
        "cmath",
        "warnings",
        "typing",
        "operator",
        "enum",
        "os",
        "sys",
        "functools",
        "contextlib",
        "collections",
        "dataclasses",
    ];
    KNOWN.contains(&path).then(|| {
        Arc::new(Library {
            path: path.into(),
            table,
        }) as Arc<dyn Scope>
    })
}

/// One of the modules, by its dotted name.
struct Library {
    path: String,
    table: &'static OpTable,
}

impl Scope for Library {
    fn get(&self, name: &str) -> Result<Option<HostValue>> {
        Ok(self.find(name))
    }
}

fn double(value: f64) -> Option<HostValue> {
    Some(HostValue::Constant(IValue::Double(value)))
}

fn builtin(op: &str) -> Option<HostValue> {
    Some(HostValue::Builtin(op.into()))
}

impl Library {
    fn find(&self, name: &str) -> Option<HostValue> {
        let path = format!("{}.{name}", self.path);
        match self.path.as_str() {
            "math" => math(name),
            "cmath" => cmath(name),
            "os" | "sys" if matches!(name, "getcwd" | "getpid" | "exit" | "getsizeof") => {
                Some(HostValue::Opaque(format!("builtin {name}").into()))
            }
            "sys" => (name == "maxsize").then(|| HostValue::Constant(IValue::Int(i64::MAX))),
            "warnings" => (name == "warn").then(|| HostValue::Builtin("aten::warn".into())),
            "torch" => self
                .torch(name)
                .or_else(|| module(&path, self.table).map(HostValue::Module)),
            "torch.jit" if name == "is_tracing" => TRACING.function(name, self.table),
            "torch.jit" => jit(name),
            "torch.futures" => (name == "Future").then(|| HostValue::Opaque("type".into())),
            "torch.ops" => Some(HostValue::Module(Arc::new(OpsNamespace {
                name: name.into(),
                table: self.table,
            }))),
            "torch.nn" | "torch.backends" => module(&path, self.table).map(HostValue::Module),
            "torch.backends.cudnn" => {
                (name == "is_acceptable").then(|| HostValue::Builtin("aten::cudnn_is_acceptable".into()))
            }
            "torch.nn.functional" => match functional(name) {
                Some(op) => self.op(op),
                None => FUNCTIONAL.function(name, self.table),
            },
            "torch.nn.init" => name
                .starts_with("_no_grad_")
                .then(|| HostValue::Builtin(format!("aten::{name}").into())),
            "torch.autograd" => match name {
                "grad" | "backward" => builtin(&format!("aten::{name}")),
                _ => None,
            },
            "torch.special" => {
                let plain = self.op(&format!("aten::special_{name}"));
                plain.or_else(|| self.op(&format!("aten::{name}")))
            }
            "torch.linalg" => self.op(&format!("aten::linalg_{name}")),
            "torch.fft" => self.op(&format!("aten::fft_{name}")),
            "torch.random" | "torch.functional" => self.op(&format!("aten::{name}")),
            _ => None,
        }
    }

    fn op(&self, op: &str) -> Option<HostValue> {
        self.table.contains(op).then(|| HostValue::Builtin(op.into()))
    }

    fn torch(&self, name: &str) -> Option<HostValue> {
        if let Some(code) = dtype_code(name) {
            return Some(HostValue::Constant(IValue::Int(code)));
        }
        let int = |i| Some(HostValue::Constant(IValue::Int(i)));
        match name {
            "pi" => double(std::f64::consts::PI),
            "e" => double(std::f64::consts::E),
            "inf" => double(f64::INFINITY),
            "nan" => double(f64::NAN),
            "newaxis" => Some(HostValue::Constant(IValue::None)),
            "strided" => int(0),
            "sparse_coo" => int(1),
            "sparse_csr" => int(2),
            "contiguous_format" => int(0),
            "preserve_format" => int(1),
            "channels_last" => int(2),
            "channels_last_3d" => int(3),
            "per_tensor_affine" => int(0),
            "per_channel_affine" => int(1),
            "device" => builtin("aten::device"),
            "manual_seed" => builtin("aten::manual_seed"),
            "BoolTensor" => Some(HostValue::LegacyTensor(11)),
            "LongTensor" => Some(HostValue::LegacyTensor(4)),
            "ByteTensor" => Some(HostValue::LegacyTensor(0)),
            "CharTensor" => Some(HostValue::LegacyTensor(1)),
            "DoubleTensor" => Some(HostValue::LegacyTensor(7)),
            "FloatTensor" => Some(HostValue::LegacyTensor(6)),
            "IntTensor" => Some(HostValue::LegacyTensor(3)),
            "ShortTensor" => Some(HostValue::LegacyTensor(2)),
            "HalfTensor" => Some(HostValue::LegacyTensor(5)),
            "_check" => Some(HostValue::TorchCheck),
            "no_grad" => no_grad(self.table),
            "_assert" => builtin("aten::_assert"),
            "Tensor" | "dtype" | "layout" | "memory_format" | "Generator" | "Size" | "finfo" | "iinfo" => {
                builtin(&format!("aten::{name}"))
            }
            // Callables of the module that are no operators are looked for among them all the same.
            "enable_grad" | "inference_mode" | "set_grad_enabled" | "compile" | "vmap" => {
                builtin(&format!("aten::{name}"))
            }
            _ => self.op(&format!("aten::{name}")),
        }
    }
}

/// `torch.ops.aten`, `torch.ops.my_namespace`.
struct OpsNamespace {
    name: String,
    table: &'static OpTable,
}

impl Scope for OpsNamespace {
    fn get(&self, name: &str) -> Result<Option<HostValue>> {
        let op = format!("{}::{name}", self.name);
        Ok(self.table.contains(&op).then(|| HostValue::Builtin(op.into())))
    }
}

/// The number of a dtype.
pub fn dtype_code(name: &str) -> Option<i64> {
    Some(match name {
        "uint8" => 0,
        "int8" => 1,
        "int16" | "short" => 2,
        "int32" | "int" => 3,
        "int64" | "long" => 4,
        "float16" | "half" => 5,
        "float32" | "float" => 6,
        "float64" | "double" => 7,
        "complex32" | "chalf" => 8,
        "complex64" | "cfloat" => 9,
        "complex128" | "cdouble" => 10,
        "bool" => 11,
        "qint8" => 12,
        "quint8" => 13,
        "qint32" => 14,
        "bfloat16" => 15,
        // No tensor here can have these, but programs name them.
        "float8_e5m2" => 23,
        "float8_e4m3fn" => 24,
        "float8_e5m2fnuz" => 25,
        "float8_e4m3fnuz" => 26,
        "uint16" => 27,
        "uint32" => 28,
        "uint64" => 29,
        _ => return None,
    })
}

/// What `math` and `cmath` both call by name.
fn number(name: &str) -> Option<HostValue> {
    match name {
        "pi" => double(std::f64::consts::PI),
        "e" => double(std::f64::consts::E),
        "tau" => double(std::f64::consts::TAU),
        "inf" => double(f64::INFINITY),
        "nan" => double(f64::NAN),
        _ => None,
    }
}

fn math(name: &str) -> Option<HostValue> {
    match name {
        "remainder" => builtin("aten::mathremainder"),
        "ceil" | "copysign" | "erf" | "erfc" | "exp" | "expm1" | "fabs" | "floor" | "gamma" | "lgamma"
        | "log" | "log10" | "log1p" | "pow" | "sqrt" | "isnan" | "asinh" | "atanh" | "cosh" | "sinh"
        | "tanh" | "acos" | "asin" | "atan" | "atan2" | "cos" | "sin" | "tan" | "acosh" | "fmod" | "modf"
        | "factorial" | "frexp" | "isinf" | "degrees" | "radians" | "ldexp" | "gcd" | "isfinite" => {
            builtin(&format!("aten::{name}"))
        }
        "trunc" | "fsum" | "hypot" | "dist" | "comb" | "perm" | "prod" | "isclose" | "isqrt" | "lcm"
        | "log2" | "exp2" | "cbrt" | "nextafter" | "ulp" | "fma" | "sumprod" => {
            Some(HostValue::Opaque(format!("builtin {name}").into()))
        }
        _ => number(name),
    }
}

fn cmath(name: &str) -> Option<HostValue> {
    match name {
        "phase" => builtin("aten::angle"),
        "rect" => builtin("aten::polar"),
        "isnan" | "isfinite" | "isinf" | "log" | "log10" | "sqrt" | "exp" | "sin" | "tan" | "cos"
        | "asin" | "acos" | "atan" | "sinh" | "cosh" | "tanh" | "asinh" | "acosh" | "atanh" => {
            builtin(&format!("aten::{name}"))
        }
        "polar" | "isclose" => Some(HostValue::Opaque(format!("builtin {name}").into())),
        _ => number(name),
    }
}

fn jit(name: &str) -> Option<HostValue> {
    match name {
        "fork" | "_fork" => Some(HostValue::Form(Form::Fork)),
        "_awaitable" => Some(HostValue::Form(Form::Awaitable)),
        "annotate" => Some(HostValue::Form(Form::Annotate)),
        "isinstance" => Some(HostValue::Form(Form::IsInstance)),
        "wait" | "_wait" => builtin("aten::wait"),
        "_awaitable_wait" => builtin("prim::awaitable_wait"),
        "_awaitable_nowait" => builtin("prim::awaitable_nowait"),
        "_unwrap_optional" => builtin("aten::_unwrap_optional"),
        "is_scripting" => builtin("aten::is_scripting"),
        "Attribute" | "Final" | "Future" => Some(HostValue::Opaque("type".into())),
        "script" | "ignore" | "unused" | "export" | "interface" => Some(HostValue::Opaque("function".into())),
        _ => None,
    }
}

/// Functions of `torch.nn.functional` that are operators.
fn functional(name: &str) -> Option<&'static str> {
    Some(match name {
        "adaptive_avg_pool1d" => "aten::adaptive_avg_pool1d",
        "avg_pool1d" => "aten::avg_pool1d",
        "avg_pool2d" => "aten::avg_pool2d",
        "avg_pool3d" => "aten::avg_pool3d",
        "bilinear" => "aten::bilinear",
        "celu_" => "aten::celu_",
        "channel_shuffle" => "aten::channel_shuffle",
        "conv1d" => "aten::conv1d",
        "conv2d" => "aten::conv2d",
        "conv3d" => "aten::conv3d",
        "conv_tbc" => "aten::conv_tbc",
        "conv_transpose1d" => "aten::conv_transpose1d",
        "conv_transpose2d" => "aten::conv_transpose2d",
        "conv_transpose3d" => "aten::conv_transpose3d",
        "cosine_similarity" => "aten::cosine_similarity",
        "elu_" => "aten::elu_",
        "gelu" => "aten::gelu",
        "hardshrink" => "aten::hardshrink",
        "hardtanh_" => "aten::hardtanh_",
        "leaky_relu_" => "aten::leaky_relu_",
        "linear" => "aten::linear",
        "logsigmoid" => "aten::log_sigmoid",
        "native_channel_shuffle" => "aten::native_channel_shuffle",
        "one_hot" => "aten::one_hot",
        "pairwise_distance" => "aten::pairwise_distance",
        "pdist" => "aten::pdist",
        "pixel_shuffle" => "aten::pixel_shuffle",
        "pixel_unshuffle" => "aten::pixel_unshuffle",
        "prelu" => "aten::prelu",
        "relu_" => "aten::relu_",
        "rrelu_" => "aten::rrelu_",
        "scaled_dot_product_attention" => "aten::scaled_dot_product_attention",
        "selu_" => "aten::selu_",
        "softplus" => "aten::softplus",
        "softshrink" => "aten::softshrink",
        "threshold_" => "aten::threshold_",
        _ => return None,
    })
}

/// Functions that PyTorch has in Python, parsed when one is first named.
struct InPython {
    text: &'static str,
    file: &'static str,
    module: &'static str,
    program: OnceLock<Option<Arc<Program>>>,
}

impl InPython {
    const fn new(text: &'static str, file: &'static str, module: &'static str) -> InPython {
        InPython {
            text,
            file,
            module,
            program: OnceLock::new(),
        }
    }

    fn function(&self, name: &str, table: &'static OpTable) -> Option<HostValue> {
        let parsed = || Program::parse(self.text, self.file, self.module, table).ok();
        match self.program.get_or_init(parsed).as_ref()?.lookup(name).ok()? {
            Some(functions @ HostValue::Functions(_)) => Some(functions),
            _ => None,
        }
    }
}

/// The functions of `torch.nn.functional` that are more than an operator.
static FUNCTIONAL: InPython = InPython::new(
    include_str!("functional.py"),
    "torch/nn/functional.py",
    "torch.nn.functional",
);

/// No operator, as `is_scripting` is: what depends on it is compiled both ways.
static TRACING: InPython = InPython::new(
    "def is_tracing() -> bool:\n    return False\n",
    "torch/jit/_trace.py",
    "torch.jit._trace",
);

/// Types that modules of PyTorch define.
pub fn library_type(path: &str) -> Option<Type> {
    Some(match path {
        "torch.Tensor"
        | "torch.FloatTensor"
        | "torch.LongTensor"
        | "torch.DoubleTensor"
        | "torch.IntTensor"
        | "torch.ShortTensor"
        | "torch.HalfTensor"
        | "torch.CharTensor"
        | "torch.ByteTensor"
        | "torch.BoolTensor"
        | "torch.nn.Parameter"
        | "torch.nn.parameter.Parameter" => Type::TENSOR,
        "torch.device" => Type::Device,
        "torch.Generator" => Type::Generator,
        "torch.Stream" => Type::Stream,
        "torch.dtype" | "torch.layout" | "torch.qscheme" => Type::Int,
        "typing.Any" => Type::Any,
        _ => return None,
    })
}

/// The one context manager of PyTorch that code can use, a script class.
const NO_GRAD: &str = "
class no_grad:
    def __init__(self) -> None:
        self.prev = False

    def __enter__(self) -> None:
        self.prev = torch.is_grad_enabled()
        torch.set_grad_enabled(False)

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        torch.set_grad_enabled(self.prev)
";

fn no_grad(table: &'static OpTable) -> Option<HostValue> {
    static CLASS: OnceLock<Option<HostValue>> = OnceLock::new();
    let class = CLASS.get_or_init(|| {
        let text = format!("import torch\nfrom typing import Any\n{NO_GRAD}");
        let program = Program::parse(
            &text,
            "torch/autograd/grad_mode.py",
            "torch.autograd.grad_mode",
            table,
        )
        .ok()?;
        program.lookup("no_grad").ok().flatten()
    });
    class.clone()
}
