//! What a name or an expression can stand for while code is being compiled: a value of the graph, or something
//! that exists only at compile time, such as a builtin, a class, a range or a module.

use std::rc::Rc;
use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::ValueId;
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::host::{Callback, HostValue};
use super::module::ConcreteModule;

/// An argument: a value of the graph or a constant that becomes one when it is needed.
#[derive(Clone)]
pub struct NamedValue {
    pub name: Option<Arc<str>>,
    pub loc: Option<Span>,
    pub value: Given,
}

#[derive(Clone)]
pub enum Given {
    Value(ValueId),
    Constant(IValue),
}

impl NamedValue {
    pub fn at(loc: Span, value: ValueId) -> Self {
        Self {
            name: None,
            loc: Some(loc),
            value: Given::Value(value),
        }
    }

    pub fn named(loc: Span, name: &str, value: ValueId) -> Self {
        Self {
            name: Some(name.into()),
            loc: Some(loc),
            value: Given::Value(value),
        }
    }

    pub fn constant(value: IValue) -> Self {
        Self {
            name: None,
            loc: None,
            value: Given::Constant(value),
        }
    }
}

impl From<ValueId> for NamedValue {
    fn from(value: ValueId) -> Self {
        Self {
            name: None,
            loc: None,
            value: Given::Value(value),
        }
    }
}

/// Calls whose arguments are not simply evaluated in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Fork,
    Awaitable,
    Annotate,
    UncheckedCast,
    GetAttr,
    HasAttr,
    IsInstance,
    Uninitialized,
    Tuple,
    List,
    Dict,
    Range,
    Zip,
    Enumerate,
    ToList,
    CreateObject,
    Index,
}

impl Form {
    pub fn name(self) -> &'static str {
        match self {
            Form::Fork => "fork",
            Form::Awaitable => "awaitable",
            Form::Annotate => "annotate",
            Form::UncheckedCast => "unchecked_cast",
            Form::GetAttr => "GetAttr",
            Form::HasAttr => "HasAttr",
            Form::IsInstance => "isinstance",
            Form::Uninitialized => "Uninitialized",
            Form::Tuple => "TupleConstruct",
            Form::List => "list",
            Form::Dict => "dict",
            Form::Range => "range",
            Form::Zip => "zip",
            Form::Enumerate => "enumerate",
            Form::ToList => "tolist",
            Form::CreateObject => "CreateObject",
            Form::Index => "index",
        }
    }
}

#[derive(Clone)]
pub struct RangeValue {
    pub start: ValueId,
    pub end: ValueId,
    pub step: ValueId,
    pub only_end: bool,
    pub static_len: Option<i64>,
}

/// `zip` and `enumerate`: iterables that advance together.
#[derive(Clone, Default)]
pub struct IterableTree {
    pub children: Vec<Sugared>,
    pub unroll_length: Option<i64>,
}

/// A module's children (or parameters) by name.
#[derive(Clone)]
pub struct ModuleDict {
    pub owner: (ValueId, Arc<ConcreteModule>),
    pub keys: Vec<Sugared>,
    pub values: Vec<Sugared>,
}

#[derive(Clone)]
pub enum Sugared {
    Simple(ValueId),
    /// The result of `print` and of other things that have none.
    None,
    Print,
    Form(Form),
    /// `torch.LongTensor` and its like: the dtype's number.
    LegacyTensor(i64),
    Builtin {
        op: Arc<str>,
        this: Option<NamedValue>,
    },
    /// `int(x)` and its like: nothing to do when the value already has the type.
    Cast {
        ty: Type,
        op: &'static str,
    },
    /// A builtin that a class can override.
    Magic {
        method: &'static str,
        base: Rc<Sugared>,
    },
    /// `x.float()` of a tensor: the dtype's number.
    TensorCast {
        dtype: i64,
        this: NamedValue,
    },
    Tuple(Vec<Sugared>),
    BuiltinModule(Arc<str>),
    /// `ops`, below which are the namespaces of operators.
    Ops,
    Class(Arc<ClassType>),
    NamedTuple(Type),
    Function(Vec<Arc<Function>>),
    /// A closure's value, and the function it came from where it has a name.
    Closure(ValueId),
    Method {
        this: ValueId,
        names: Vec<Arc<str>>,
    },
    Range(Rc<RangeValue>),
    Iterables(Rc<IterableTree>),
    Enum(Type),
    /// A builtin exception class, by its message's prefix.
    Exception(Arc<str>),
    /// An exception class of Python, by its qualified name.
    HostException(Arc<str>),
    ExceptionMessage {
        message: ValueId,
        class: Option<ValueId>,
    },
    SliceClass,
    Slice {
        start: ValueId,
        stop: ValueId,
        step: ValueId,
    },
    /// Part of a qualified name inside an archive.
    Namespace(Arc<str>),
    /// `CONSTANTS` of an archive.
    Constants,
    Module(ValueId, Arc<ConcreteModule>),
    ModuleDict(Rc<ModuleDict>),
    /// `items` and its like on a module container, already evaluated.
    ModuleDictMethod {
        name: Arc<str>,
        iterable: Rc<Sugared>,
    },
    /// A function that Python is told not to compile: calling it raises when the program runs.
    Unused {
        this: Option<ValueId>,
        function: Arc<Function>,
    },
    /// A function of the host program, with the module that it is a method of.
    Callback {
        this: Option<ValueId>,
        callback: Arc<Callback>,
    },
    /// `torch._check`
    TorchCheck,
    /// Something of the surrounding Python program.
    Host(HostValue),
}

impl Sugared {
    pub fn builtin(op: &str) -> Sugared {
        Sugared::Builtin {
            op: op.into(),
            this: None,
        }
    }

    pub fn magic(method: &'static str, base: Sugared) -> Sugared {
        Sugared::Magic {
            method,
            base: Rc::new(base),
        }
    }

    pub fn magic_builtin(method: &'static str, op: &str) -> Sugared {
        Sugared::magic(method, Sugared::builtin(op))
    }

    /// The value, if it is one of the graph.
    pub fn simple(&self) -> Option<ValueId> {
        match self {
            Sugared::Simple(value) => Some(*value),
            _ => None,
        }
    }
}
