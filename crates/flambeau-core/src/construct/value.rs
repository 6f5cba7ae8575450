//! What Python expressions evaluate to while modules are built.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use flambeau_ir::types::Type;
use flambeau_ir::value::{Dict, IValue};
use flambeau_syntax as ast;
use flambeau_tensor::Tensor;

use crate::lower::host::HostValue;
use crate::lower::program::Program;

pub type Shared<T> = Rc<RefCell<T>>;

/// A Python value.
#[derive(Clone)]
pub enum Value {
    /// None, a number, text, a tensor, a device, an enum's member, an object of a script class.
    Plain(IValue),
    /// A tensor that becomes a module's parameter.
    Parameter(Tensor),
    List(Shared<Vec<Value>>),
    Tuple(Rc<Vec<Value>>),
    Dict(Shared<Vec<(Value, Value)>>),
    Set(Shared<Vec<Value>>),
    Slice(Rc<[Value; 3]>),
    Instance(Rc<Instance>),
    Class(Rc<Class>),
    Function(Rc<FunctionValue>),
    /// `super()` in a method: looks from the class behind the given one on.
    Super(Rc<Class>, Rc<Instance>),
    /// A function of Python or of PyTorch that is done here, by its dotted name, and what it is bound to.
    Native(Rc<str>, Option<Rc<Value>>),
    /// `functools.partial`
    Partial(Rc<(Value, Vec<Value>, Vec<(String, Value)>)>),
    /// A module of Python's, such as `torch.nn`.
    Path(Rc<str>),
    Host(HostValue),
    /// `torch.jit.Attribute`
    Attribute(Rc<(Value, Type)>),
}

/// A Python function with where it was defined.
pub struct FunctionValue {
    pub program: Arc<Program>,
    pub def: Arc<ast::FunctionDef>,
    /// The class that it is a method of.
    pub owner: Option<Rc<Class>>,
    pub this: Option<Value>,
    /// Local names of the function that it was defined in.
    pub closure: HashMap<String, Value>,
}

/// A class that derives from `torch.nn.Module`, or that class itself.
pub struct Class {
    pub name: String,
    pub program: Arc<Program>,
    /// Absent in `torch.nn.Module`.
    pub def: Option<Arc<ast::ClassDef>>,
    pub bases: Vec<Rc<Class>>,
}

impl Class {
    /// The class and its bases in the order in which attributes are looked for.
    pub fn mro(self: &Rc<Class>) -> Vec<Rc<Class>> {
        let mut order: Vec<Rc<Class>> = Vec::new();
        fn visit(class: &Rc<Class>, order: &mut Vec<Rc<Class>>) {
            // A base that two classes share comes behind both.
            order.retain(|c| !Rc::ptr_eq(c, class));
            order.push(class.clone());
            for base in &class.bases {
                visit(base, order);
            }
        }
        visit(self, &mut order);
        order
    }

    pub fn is_module(&self) -> bool {
        self.def.is_none()
    }

    pub fn is_subclass(self: &Rc<Class>, of: &Rc<Class>) -> bool {
        self.mro().iter().any(|c| Rc::ptr_eq(c, of))
    }

    /// The last definition of a function in the class's own body.
    pub fn own_function(&self, name: &str) -> Option<Arc<ast::FunctionDef>> {
        self.functions()
            .rev()
            .find(|f| f.name.name == name)
            .map(|f| Arc::new(f.clone()))
    }

    pub fn functions(&self) -> impl DoubleEndedIterator<Item = &ast::FunctionDef> {
        self.def
            .iter()
            .flat_map(|def| &def.body)
            .filter_map(|stmt| match &stmt.kind {
                ast::StmtKind::FunctionDef(f) => Some(&**f),
                _ => None,
            })
    }

    /// What the class's own body assigns to a name.
    pub fn own_value(&self, name: &str) -> Option<&ast::Expr> {
        self.def
            .iter()
            .flat_map(|def| &def.body)
            .rev()
            .find_map(|stmt| match &stmt.kind {
                ast::StmtKind::Assign { targets, value, .. } => {
                    targets.iter().any(|t| t.as_name() == Some(name)).then_some(value)
                }
                ast::StmtKind::AnnAssign {
                    target,
                    value: Some(value),
                    ..
                } => (target.as_name() == Some(name)).then_some(value),
                _ => None,
            })
    }

    /// The annotations of the class's own body, in order.
    pub fn own_annotations(&self) -> Vec<(&str, &ast::Expr)> {
        let mut found = Vec::new();
        for stmt in self.def.iter().flat_map(|def| &def.body) {
            if let Some((name, annotation, _)) = stmt.as_declaration() {
                found.push((name, annotation));
            }
        }
        found
    }

    pub fn qualified(&self) -> String {
        self.program.qualified(&self.name)
    }
}

/// An ordered table of named values.
#[derive(Default)]
pub struct Table(RefCell<Vec<(String, Value)>>);

impl Table {
    pub fn get(&self, name: &str) -> Option<Value> {
        self.0
            .borrow()
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.clone())
    }
    pub fn has(&self, name: &str) -> bool {
        self.0.borrow().iter().any(|(n, _)| n == name)
    }
    pub fn set(&self, name: &str, value: Value) {
        let mut rows = self.0.borrow_mut();
        match rows.iter_mut().find(|(n, _)| n == name) {
            Some(row) => row.1 = value,
            None => rows.push((name.into(), value)),
        }
    }
    pub fn remove(&self, name: &str) -> bool {
        let mut rows = self.0.borrow_mut();
        let count = rows.len();
        rows.retain(|(n, _)| n != name);
        rows.len() < count
    }
    pub fn rows(&self) -> Vec<(String, Value)> {
        self.0.borrow().clone()
    }
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// A module under construction. Its tables are those of PyTorch's `nn.Module`.
pub struct Instance {
    pub class: Rc<Class>,
    pub is_initialized: Cell<bool>,
    pub parameters: Table,
    pub buffers: Table,
    pub modules: Table,
    pub attributes: Table,
}

impl Instance {
    pub fn new(class: Rc<Class>) -> Rc<Instance> {
        Rc::new(Instance {
            class,
            is_initialized: Cell::new(false),
            parameters: Table::default(),
            buffers: Table::default(),
            modules: Table::default(),
            attributes: Table::default(),
        })
    }

    pub fn get(&self, name: &str) -> Option<Value> {
        let tables = [&self.attributes, &self.parameters, &self.buffers, &self.modules];
        tables.iter().find_map(|t| t.get(name))
    }

    /// Submodules one level down; each once.
    pub fn children(&self) -> Vec<(String, Rc<Instance>)> {
        let rows = self.modules.rows().into_iter();
        rows.filter_map(|(name, value)| match value {
            Value::Instance(child) => Some((name, child)),
            _ => None,
        })
        .collect()
    }

    /// This module and all below with their dotted names; each once.
    pub fn named_modules(self: &Rc<Instance>) -> Vec<(String, Rc<Instance>)> {
        let mut found: Vec<(String, Rc<Instance>)> = Vec::new();
        let mut pending = vec![(String::new(), self.clone())];
        while let Some((name, module)) = pending.pop() {
            if found.iter().any(|(_, m)| Rc::ptr_eq(m, &module)) {
                continue;
            }
            for (child, inner) in module.children().into_iter().rev() {
                pending.push((dotted(&name, &child), inner));
            }
            found.push((name, module));
        }
        found
    }
}

pub fn dotted(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.to_string(),
        _ => format!("{prefix}.{name}"),
    }
}

impl Value {
    pub const NONE: Value = Value::Plain(IValue::None);

    pub fn int(i: i64) -> Value {
        Value::Plain(IValue::Int(i))
    }
    pub fn bool(b: bool) -> Value {
        Value::Plain(IValue::Bool(b))
    }
    pub fn str(s: &str) -> Value {
        Value::Plain(IValue::str(s))
    }
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Rc::new(RefCell::new(items)))
    }
    pub fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(Rc::new(items))
    }
    pub fn dict(items: Vec<(Value, Value)>) -> Value {
        Value::Dict(Rc::new(RefCell::new(items)))
    }
    pub fn native(name: &str) -> Value {
        Value::Native(name.into(), None)
    }
    pub fn bound(name: &str, this: Value) -> Value {
        Value::Native(name.into(), Some(Rc::new(this)))
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Value::Plain(IValue::None))
    }
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Plain(v) => v.as_str(),
            _ => None,
        }
    }
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Plain(IValue::Int(i)) => Some(*i),
            Value::Plain(IValue::Bool(b)) => Some((*b).into()),
            _ => None,
        }
    }
    pub fn as_tensor(&self) -> Option<&Tensor> {
        match self {
            Value::Plain(IValue::Tensor(t)) | Value::Parameter(t) => Some(t),
            _ => None,
        }
    }

    /// The name of the Python type.
    pub fn type_name(&self) -> String {
        match self {
            Value::Plain(IValue::None) => "NoneType".into(),
            Value::Plain(IValue::Device(_)) => "torch.device".into(),
            Value::Plain(value) => match value.ty() {
                Type::Class(class) => class.short_name().to_string(),
                Type::Enum(class) => class.name.rsplit('.').next().unwrap_or_default().to_string(),
                ty => ty.annotation_str(),
            },
            Value::Parameter(_) => "Parameter".into(),
            Value::List(_) => "list".into(),
            Value::Tuple(_) => "tuple".into(),
            Value::Dict(_) => "dict".into(),
            Value::Set(_) => "set".into(),
            Value::Slice(_) => "slice".into(),
            Value::Instance(instance) => instance.class.name.clone(),
            Value::Class(_) => "type".into(),
            Value::Function(f) if f.this.is_some() => "method".into(),
            Value::Function(_) => "function".into(),
            Value::Super(..) => "super".into(),
            Value::Native(..) => "builtin_function_or_method".into(),
            Value::Partial(_) => "functools.partial".into(),
            Value::Path(_) => "module".into(),
            Value::Host(value) => value.type_name(),
            Value::Attribute(_) => "Attribute".into(),
        }
    }

    /// A value of the interpreter as Python's.
    pub fn from_ivalue(value: IValue) -> Value {
        match value {
            IValue::List(list) => Value::list(list.to_vec().into_iter().map(Value::from_ivalue).collect()),
            IValue::Tuple(tuple) if tuple.ty.is_none() => {
                Value::tuple(tuple.items.iter().cloned().map(Value::from_ivalue).collect())
            }
            IValue::Dict(dict) => {
                let pairs = dict.pairs().into_iter();
                Value::dict(
                    pairs
                        .map(|(k, v)| (Value::from_ivalue(k), Value::from_ivalue(v)))
                        .collect(),
                )
            }
            other => Value::Plain(other),
        }
    }

    /// The value as the interpreter has it; containers get the type of their first item.
    pub fn to_ivalue(&self) -> Option<IValue> {
        let all = |items: &[Value]| items.iter().map(Value::to_ivalue).collect::<Option<Vec<_>>>();
        Some(match self {
            Value::Plain(value) => value.clone(),
            Value::Parameter(tensor) => IValue::Tensor(tensor.clone()),
            Value::List(items) => {
                let items = all(&items.borrow())?;
                IValue::list(items.first().map_or(Type::TENSOR, IValue::ty), items)
            }
            Value::Tuple(items) => IValue::tuple(all(items)?),
            Value::Dict(pairs) => {
                let mut made = Vec::new();
                for (k, v) in pairs.borrow().iter() {
                    made.push((k.to_ivalue()?, v.to_ivalue()?));
                }
                let key = made.first().map_or(Type::Str, |(k, _)| k.ty());
                let value = made.first().map_or(Type::TENSOR, |(_, v)| v.ty());
                IValue::Dict(Dict::from_pairs(key, value, made))
            }
            Value::Host(HostValue::Constant(value) | HostValue::EnumMember(value)) => value.clone(),
            Value::Attribute(parts) => parts.0.to_ivalue()?,
            _ => return None,
        })
    }

    /// Python's `==`.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(a), Value::List(b)) => equal_items(&a.borrow(), &b.borrow()),
            (Value::Tuple(a), Value::Tuple(b)) => equal_items(a, b),
            (Value::Dict(a), Value::Dict(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                a.len() == b.len()
                    && a.iter()
                        .all(|(k, v)| b.iter().any(|(k2, v2)| k.equals(k2) && v.equals(v2)))
            }
            (Value::Plain(IValue::Bool(a)), Value::Plain(b)) if !matches!(b, IValue::Bool(_)) => {
                IValue::Int((*a).into()) == *b
            }
            (Value::Plain(_), Value::Plain(IValue::Bool(_)))
                if !matches!(self, Value::Plain(IValue::Bool(_))) =>
            {
                other.equals(self)
            }
            (Value::Plain(a), Value::Plain(b)) => a == b,
            _ => self.is(other),
        }
    }

    /// Python's `is`.
    pub fn is(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Plain(a), Value::Plain(b)) => a.is(b),
            (Value::Parameter(a), Value::Parameter(b)) => a.is_same(b),
            (Value::List(a), Value::List(b)) => Rc::ptr_eq(a, b),
            (Value::Dict(a), Value::Dict(b)) => Rc::ptr_eq(a, b),
            (Value::Tuple(a), Value::Tuple(b)) => Rc::ptr_eq(a, b),
            (Value::Instance(a), Value::Instance(b)) => Rc::ptr_eq(a, b),
            (Value::Class(a), Value::Class(b)) => Rc::ptr_eq(a, b),
            (Value::Native(a, None), Value::Native(b, None)) => a == b,
            (Value::Host(HostValue::Builtin(a)), Value::Host(HostValue::Builtin(b))) => a == b,
            (Value::Function(a), Value::Function(b)) => {
                a.def.span == b.def.span && Arc::ptr_eq(&a.program, &b.program)
            }
            _ => false,
        }
    }
}

fn equal_items(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
}
