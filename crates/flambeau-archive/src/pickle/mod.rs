//! Pickles as data: a program of the subset that PyTorch's pickler emits, read into a graph of plain values, and
//! written back in PyTorch's own order.
//!
//! Reading calls nothing. `GLOBAL`, `REDUCE`, `NEWOBJ` and `BUILD` become nodes that say what Python would have called;
//! a global that the caller does not allow is an error. Shared containers keep their identity: two [`Value`]s with one
//! [`NodeId`] are one object. The graph has no cycles and a bounded depth, both checked, so a consumer may recurse; it
//! should remember what it made of a node, since a small file can refer to one node very often.

mod opcode;
mod read;
mod write;

pub use read::{read, read_prefix};
pub use write::{Writer, write};

/// Names a node of a [`Pickle`]; equal ids are the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// A dense index, below [`Pickle::len`], for a table beside the nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value: small ones in place, everything else by reference to a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Node(NodeId),
}

/// What a value is, borrowed from its pickle; see [`Pickle::view`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    /// A byte string, or text that is not UTF-8 (TorchScript strings are bytes).
    Bytes(&'a [u8]),
    /// An integer outside of 64 bits, little-endian two's complement.
    Long(&'a [u8]),
    List(&'a [Value]),
    Tuple(&'a [Value]),
    /// Pairs in the order they were set; a key may come twice, the later one counts.
    Dict(&'a [(Value, Value)]),
    Set(&'a [Value]),
    Global(&'a Global),
    /// `NEWOBJ`: an instance of the class `callable`.
    Object(&'a Built),
    /// `REDUCE`: what `callable(*args)` would return.
    Reduce(&'a Built),
    /// `BINPERSID`: something stored outside of the pickle; PyTorch describes a storage by a tuple.
    Persistent(Value),
}

/// A name that the pickle imports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Global {
    pub module: Box<str>,
    pub name: Box<str>,
}

impl Global {
    pub fn is(&self, module: &str, name: &str) -> bool {
        &*self.module == module && &*self.name == name
    }
}

impl std::fmt::Display for Global {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.module.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}.{}", self.module, self.name)
        }
    }
}

/// An object or a call, with everything the program then did to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The class or function: always a global.
    pub callable: NodeId,
    /// A tuple as a rule; PyTorch writes an enum as `REDUCE` of its class and the bare value.
    pub args: Value,
    /// What `BUILD` was given: for a module the dict of its attributes, or the result of its `__getstate__`.
    pub state: Option<Value>,
    /// What `SETITEMS` added (an `OrderedDict`).
    pub items: Vec<(Value, Value)>,
    /// What `APPENDS` added.
    pub elements: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Str(Box<str>),
    Bytes(Box<[u8]>),
    Long(Box<[u8]>),
    List(Vec<Value>),
    Tuple(Box<[Value]>),
    Dict(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Global(Box<Global>),
    Object(Box<Built>),
    Reduce(Box<Built>),
    Persistent(Value),
}

/// What one pickle program built.
#[derive(Debug, Clone)]
pub struct Pickle {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: Value,
    /// Children before parents, only what the root reaches.
    pub(crate) order: Vec<NodeId>,
}

impl Pickle {
    pub fn root(&self) -> Value {
        self.root
    }

    /// How many nodes there are; every [`NodeId::index`] is below.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes that the root reaches, children before parents: for a consumer that would rather not recurse.
    pub fn postorder(&self) -> &[NodeId] {
        &self.order
    }

    pub fn view(&self, value: Value) -> View<'_> {
        match value {
            Value::None => View::None,
            Value::Bool(b) => View::Bool(b),
            Value::Int(i) => View::Int(i),
            Value::Float(f) => View::Float(f),
            Value::Node(id) => match &self.nodes[id.index()] {
                Node::Str(s) => View::Str(s),
                Node::Bytes(b) => View::Bytes(b),
                Node::Long(b) => View::Long(b),
                Node::List(v) => View::List(v),
                Node::Tuple(v) => View::Tuple(v),
                Node::Dict(v) => View::Dict(v),
                Node::Set(v) => View::Set(v),
                Node::Global(g) => View::Global(g),
                Node::Object(o) => View::Object(o),
                Node::Reduce(o) => View::Reduce(o),
                Node::Persistent(v) => View::Persistent(*v),
            },
        }
    }

    pub fn as_str(&self, value: Value) -> Option<&str> {
        if let View::Str(s) = self.view(value) {
            Some(s)
        } else {
            None
        }
    }

    /// The elements of a list or a tuple.
    pub fn as_sequence(&self, value: Value) -> Option<&[Value]> {
        match self.view(value) {
            View::List(v) | View::Tuple(v) => Some(v),
            _ => None,
        }
    }

    pub fn as_tuple(&self, value: Value) -> Option<&[Value]> {
        if let View::Tuple(v) = self.view(value) {
            Some(v)
        } else {
            None
        }
    }

    pub fn as_dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        if let View::Dict(v) = self.view(value) {
            Some(v)
        } else {
            None
        }
    }

    pub fn global(&self, id: NodeId) -> Option<&Global> {
        if let Node::Global(g) = &self.nodes[id.index()] {
            Some(g)
        } else {
            None
        }
    }

    /// What a value is called in an error: `a list`, `an object of __torch__.M`.
    pub fn describe(&self, value: Value) -> String {
        let callable = |b: &Built| self.global(b.callable).map(Global::to_string).unwrap_or_default();
        match self.view(value) {
            View::None => "`None`".into(),
            View::Bool(b) => if b { "`True`" } else { "`False`" }.into(),
            View::Int(i) => format!("the integer {i}"),
            View::Float(f) => format!("the float {f:?}"),
            View::Str(s) => format!(
                "the string `{}`",
                s.chars().take(40).collect::<String>().escape_debug()
            ),
            View::Bytes(b) => format!("a byte string of {} bytes", b.len()),
            View::Long(_) => "an integer outside of 64 bits".into(),
            View::List(v) => format!("a list of {}", v.len()),
            View::Tuple(v) => format!("a tuple of {}", v.len()),
            View::Dict(v) => format!("a dict of {}", v.len()),
            View::Set(v) => format!("a set of {}", v.len()),
            View::Global(g) => format!("the global `{g}`"),
            View::Object(b) => format!("an object of `{}`", callable(b)),
            View::Reduce(b) => format!("a call of `{}`", callable(b)),
            View::Persistent(_) => "a persistent id".into(),
        }
    }
}
