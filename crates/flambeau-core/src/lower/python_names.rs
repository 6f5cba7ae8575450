//! What Python itself brings along: builtin names, and arithmetic of constants.

use flambeau_ir::value::IValue;
use flambeau_syntax as ast;
use num_complex::Complex64;

use super::host::HostValue;

pub(crate) fn bare_container(path: &str) -> Option<String> {
    let (name, what, example) = match path {
        "typing.List" => (
            "List",
            "a contained type. Please add a contained type",
            "List[int]",
        ),
        "typing.Tuple" => (
            "Tuple",
            "a contained type. Please add a contained type",
            "Tuple[int]",
        ),
        "typing.Optional" => (
            "Optional",
            "a contained type. Please add a contained type",
            "Optional[int]",
        ),
        "typing.Dict" => (
            "Dict",
            "contained types. Please add contained type",
            "Dict[int, int]",
        ),
        _ => return None,
    };
    Some(format!("Attempted to use {name} without {what}, e.g. {example}"))
}

pub(crate) fn python_builtin(name: &str) -> Option<HostValue> {
    if is_builtin_exception(name) {
        return Some(HostValue::Exception(format!("builtins.{name}").into()));
    }
    match name {
        "slice" => Some(HostValue::SliceClass),
        "__name__" | "__file__" => Some(HostValue::Opaque("str".into())),
        "reversed" | "map" | "filter" | "set" | "frozenset" | "object" | "bytes" | "bytearray" | "type"
        | "super" => Some(HostValue::Opaque(name.into())),
        "iter" | "next" | "input" | "open" | "eval" | "exec" | "repr" | "vars" | "dir" | "callable"
        | "format" | "ascii" | "globals" | "locals" | "issubclass" | "setattr" | "delattr" => {
            Some(HostValue::Opaque(format!("builtin {name}").into()))
        }
        _ => None,
    }
}

pub(crate) fn is_builtin_exception(name: &str) -> bool {
    matches!(
        name,
        "BaseException"
            | "Exception"
            | "ArithmeticError"
            | "AssertionError"
            | "AttributeError"
            | "BufferError"
            | "EOFError"
            | "FloatingPointError"
            | "ImportError"
            | "IndexError"
            | "KeyError"
            | "KeyboardInterrupt"
            | "LookupError"
            | "MemoryError"
            | "ModuleNotFoundError"
            | "NameError"
            | "NotImplementedError"
            | "OSError"
            | "OverflowError"
            | "RecursionError"
            | "ReferenceError"
            | "RuntimeError"
            | "StopIteration"
            | "SyntaxError"
            | "SystemError"
            | "SystemExit"
            | "TimeoutError"
            | "TypeError"
            | "UnicodeError"
            | "ValueError"
            | "ZeroDivisionError"
            | "Warning"
            | "UserWarning"
            | "DeprecationWarning"
    )
}

pub(crate) fn arithmetic(op: ast::BinOp, a: &IValue, b: &IValue) -> Option<IValue> {
    use ast::BinOp as B;
    if let (IValue::Int(a), IValue::Int(b)) = (a, b) {
        return match op {
            B::Add => a.checked_add(*b).map(IValue::Int),
            B::Sub => a.checked_sub(*b).map(IValue::Int),
            B::Mult => a.checked_mul(*b).map(IValue::Int),
            B::Pow => u32::try_from(*b)
                .ok()
                .and_then(|b| a.checked_pow(b))
                .map(IValue::Int),
            B::FloorDiv if *b != 0 => Some(IValue::Int(a.div_euclid(*b))),
            B::Div if *b != 0 => Some(IValue::Double(*a as f64 / *b as f64)),
            B::LShift => u32::try_from(*b)
                .ok()
                .and_then(|b| a.checked_shl(b))
                .map(IValue::Int),
            _ => None,
        };
    }
    if matches!(a, IValue::Complex(_)) || matches!(b, IValue::Complex(_)) {
        let number = |v: &IValue| match v {
            IValue::Int(i) => Some(Complex64::new(*i as f64, 0.0)),
            IValue::Double(f) => Some(Complex64::new(*f, 0.0)),
            IValue::Complex(c) => Some(*c),
            _ => None,
        };
        let (x, y) = (number(a)?, number(b)?);
        return Some(IValue::Complex(match op {
            B::Add => x + y,
            B::Sub => x - y,
            B::Mult => x * y,
            _ => return None,
        }));
    }
    let number = |v: &IValue| match v {
        IValue::Int(i) => Some(*i as f64),
        IValue::Double(f) => Some(*f),
        _ => None,
    };
    let (x, y) = (number(a)?, number(b)?);
    Some(IValue::Double(match op {
        B::Add => x + y,
        B::Sub => x - y,
        B::Mult => x * y,
        B::Div if y != 0.0 => x / y,
        B::Pow => x.powf(y),
        _ => return None,
    }))
}
