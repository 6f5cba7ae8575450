//! How Rust closures become kernels: the correspondence of Rust types and schema types.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flambeau_tensor::{DType, Error, ErrorKind, Result, Scalar, Tensor};
use num_complex::Complex64;
use parking_lot::Mutex;

use super::Kernel;
use crate::types::Type;
use crate::value::{Device, Dict, GeneratorHandle, IValue, List, Object, print};

/// What a running program may touch besides its arguments. One per call of a module; forked calls
/// share it.
pub struct Context {
    /// The default generator, which `manual_seed` seeds.
    pub generator: GeneratorHandle,
    grad_enabled: AtomicBool,
    /// Where `print` and warnings go.
    pub stdout: Box<dyn Fn(&str) + Send + Sync>,
    pub warn: Box<dyn Fn(&str) + Send + Sync>,
    /// Whether operators that touch files may run.
    pub allow_files: bool,
}

impl Context {
    pub fn new() -> Context {
        Context {
            generator: Arc::new(Mutex::new(flambeau_tensor::random::Generator::default())),
            grad_enabled: AtomicBool::new(true),
            stdout: Box::new(|text| {
                use std::io::Write;
                // A closed pipe is the reader's choice, not an error of the program.
                let _ = std::io::stdout().write_all(text.as_bytes());
            }),
            warn: Box::new(|text| eprintln!("{text}")),
            allow_files: false,
        }
    }
    pub fn grad_enabled(&self) -> bool {
        self.grad_enabled.load(Ordering::Relaxed)
    }
    pub fn set_grad_enabled(&self, enabled: bool) {
        self.grad_enabled.store(enabled, Ordering::Relaxed);
    }
}

impl Default for Context {
    fn default() -> Self {
        Context::new()
    }
}

/// A Rust type that can stand for an argument.
pub trait Native: Sized {
    /// Its spelling in schemas, as far as one Rust type has one.
    const TYPE: &'static str;
    fn take(value: &IValue) -> Option<Self>;
}

fn mismatch(expected: &str, found: &IValue, position: usize) -> Error {
    Error::new(
        ErrorKind::Type,
        format!(
            "argument {}: expected {expected}, found {} ({})",
            position + 1,
            found.type_name(),
            print::repr(found)
        ),
    )
}

macro_rules! native {
    ($($t:ty, $name:literal => |$v:ident| $take:expr;)*) => { $(
        impl Native for $t {
            const TYPE: &'static str = $name;
            fn take($v: &IValue) -> Option<Self> { $take }
        }
        impl Native for Option<$t> {
            const TYPE: &'static str = concat!($name, "?");
            fn take(value: &IValue) -> Option<Self> {
                if value.is_none() { return Some(None); }
                <$t as Native>::take(value).map(Some)
            }
        }
    )* };
}

native! {
    Tensor, "Tensor" => |v| v.as_tensor().cloned();
    Scalar, "Scalar" => |v| match v {
        // A 0-d tensor may stand for a number, as it does for PyTorch's callers.
        IValue::Tensor(t) if t.dim() == 0 => t.item().ok(),
        other => other.as_scalar(),
    };
    i64, "int" => |v| match v {
        IValue::Int(i) => Some(*i),
        IValue::Bool(b) => Some(*b as i64),
        _ => None,
    };
    f64, "float" => |v| match v {
        IValue::Double(f) => Some(*f),
        IValue::Int(i) => Some(*i as f64),
        _ => None,
    };
    bool, "bool" => |v| match v {
        IValue::Bool(b) => Some(*b),
        IValue::Int(i) => Some(*i != 0),
        _ => None,
    };
    Complex64, "complex" => |v| match v {
        IValue::Complex(c) => Some(*c),
        IValue::Double(f) => Some(Complex64::new(*f, 0.0)),
        IValue::Int(i) => Some(Complex64::new(*i as f64, 0.0)),
        _ => None,
    };
    Arc<str>, "str" => |v| match v {
        IValue::Str(s) => Some(s.clone()),
        _ => None,
    };
    DType, "ScalarType" => |v| DType::from_code(v.as_int()?);
    Device, "Device" => |v| match v {
        IValue::Device(d) => Some(d.clone()),
        _ => None,
    };
    GeneratorHandle, "Generator" => |v| match v {
        IValue::Generator(g) => Some(g.clone()),
        _ => None,
    };
    Vec<i64>, "int[]" => |v| match v {
        IValue::List(l) => l.to_ints(),
        _ => None,
    };
    Vec<f64>, "float[]" => |v| v.as_list()?.read().iter().map(f64::take).collect();
    Vec<bool>, "bool[]" => |v| v.as_list()?.read().iter().map(bool::take).collect();
    Vec<Scalar>, "Scalar[]" => |v| v.as_list()?.read().iter().map(Scalar::take).collect();
    Vec<Tensor>, "Tensor[]" => |v| v.as_list()?.read().iter().map(Tensor::take).collect();
    Vec<Option<Tensor>>, "Tensor?[]" => |v| v.as_list()?.read().iter().map(|t| <Option<Tensor> as Native>::take(t)).collect();
    Vec<Arc<str>>, "str[]" => |v| v.as_list()?.read().iter().map(<Arc<str>>::take).collect();
    List, "list" => |v| v.as_list().cloned();
    Dict, "Dict" => |v| v.as_dict().cloned();
    Object, "AnyClassType" => |v| v.as_object().cloned();
}

impl Native for IValue {
    const TYPE: &'static str = "Any";
    fn take(value: &IValue) -> Option<Self> {
        Some(value.clone())
    }
}

/// What a kernel may return.
pub trait NativeResult {
    fn give(self) -> Result<IValue>;
}

impl NativeResult for IValue {
    fn give(self) -> Result<IValue> {
        Ok(self)
    }
}
impl<R: NativeResult> NativeResult for Result<R> {
    fn give(self) -> Result<IValue> {
        self?.give()
    }
}
macro_rules! plain_result {
    ($($t:ty),*) => { $( impl NativeResult for $t {
        fn give(self) -> Result<IValue> { Ok(self.into()) }
    } )* };
}
plain_result!(
    (),
    bool,
    i64,
    f64,
    Complex64,
    &str,
    String,
    Tensor,
    Scalar,
    Device
);
plain_result!(Vec<i64>, Vec<f64>, Vec<bool>, Vec<Tensor>, Vec<String>);
impl NativeResult for Arc<str> {
    fn give(self) -> Result<IValue> {
        Ok(IValue::Str(self))
    }
}
impl NativeResult for DType {
    fn give(self) -> Result<IValue> {
        Ok(IValue::Int(self.code()))
    }
}
impl NativeResult for List {
    fn give(self) -> Result<IValue> {
        Ok(IValue::List(self))
    }
}
impl NativeResult for Dict {
    fn give(self) -> Result<IValue> {
        Ok(IValue::Dict(self))
    }
}
impl NativeResult for Option<Tensor> {
    fn give(self) -> Result<IValue> {
        Ok(self.into())
    }
}
impl NativeResult for Vec<Option<Tensor>> {
    fn give(self) -> Result<IValue> {
        Ok(IValue::list(
            Type::optional(Type::TENSOR),
            self.into_iter().map(Into::into).collect(),
        ))
    }
}
macro_rules! tuple_result {
    ($(($($r:ident . $i:tt),+)),*) => { $(
        impl<$($r: NativeResult),+> NativeResult for ($($r,)+) {
            fn give(self) -> Result<IValue> { Ok(IValue::tuple(vec![$(self.$i.give()?),+])) }
        }
    )* };
}
tuple_result!(
    (A.0, B.1),
    (A.0, B.1, C.2),
    (A.0, B.1, C.2, D.3),
    (A.0, B.1, C.2, D.3, E.4)
);
tuple_result!(
    (A.0, B.1, C.2, D.3, E.4, F.5),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6)
);

/// A closure that can run as a kernel. `Args` is the tuple of its parameter types, or [`Variadic`],
/// or [`WithContext`] around a tuple when its first parameter is the [`Context`].
pub trait IntoKernel<Args> {
    fn into_kernel(self) -> Kernel;
}

/// Marks `|&Context, &[IValue]|` closures, which take their arguments as they come.
pub struct Variadic;
/// Marks closures whose first parameter is `&Context`.
pub struct WithContext<Args>(std::marker::PhantomData<Args>);

impl<F, R> IntoKernel<Variadic> for F
where
    R: NativeResult,
    F: Fn(&Context, &[IValue]) -> R + Send + Sync + 'static,
{
    fn into_kernel(self) -> Kernel {
        Kernel {
            run: Box::new(move |ctx, args| self(ctx, args).give()),
            parameters: None,
        }
    }
}

fn missing(position: usize) -> Error {
    Error::new(ErrorKind::Type, format!("argument {} is missing", position + 1))
}

fn argument<A: Native>(args: &[IValue], position: usize) -> Result<A> {
    let value = args.get(position).ok_or_else(|| missing(position))?;
    A::take(value).ok_or_else(|| mismatch(A::TYPE, value, position))
}

macro_rules! into_kernel {
    ($(($($a:ident . $i:tt),*)),*) => { $(
        impl<Func, R: NativeResult, $($a: Native),*> IntoKernel<($($a,)*)> for Func
        where Func: Fn($($a),*) -> R + Send + Sync + 'static {
            #[allow(unused_variables)]
            fn into_kernel(self) -> Kernel {
                Kernel {
                    run: Box::new(move |_, args| self($(argument::<$a>(args, $i)?),*).give()),
                    parameters: Some(vec![$($a::TYPE),*]),
                }
            }
        }
        impl<Func, R: NativeResult, $($a: Native),*> IntoKernel<WithContext<($($a,)*)>> for Func
        where Func: Fn(&Context, $($a),*) -> R + Send + Sync + 'static {
            #[allow(unused_variables)]
            fn into_kernel(self) -> Kernel {
                Kernel {
                    run: Box::new(move |ctx, args| self(ctx, $(argument::<$a>(args, $i)?),*).give()),
                    parameters: Some(vec![$($a::TYPE),*]),
                }
            }
        }
    )* };
}
into_kernel!(
    (),
    (A.0),
    (A.0, B.1),
    (A.0, B.1, C.2),
    (A.0, B.1, C.2, D.3),
    (A.0, B.1, C.2, D.3, E.4)
);
into_kernel!(
    (A.0, B.1, C.2, D.3, E.4, F.5),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11),
    (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12),
    (
        A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13
    )
);
