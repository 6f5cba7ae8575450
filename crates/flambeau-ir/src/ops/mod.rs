//! The shape of an operator row and the table of rows. The rows themselves are in `flambeau-ops`.
//!
//! The table is open: no stage matches exhaustively on operators, and a name without a row is a
//! diagnostic, never a panic.

pub mod custom;
mod native;
mod table;

pub use native::{Context, IntoKernel, Native, NativeResult, Variadic, WithContext};
pub use table::OpTable;

use std::sync::{Arc, OnceLock};

use flambeau_tensor::Result;

use crate::function::Function;
use crate::schema::Schema;
use crate::value::IValue;

/// What runs. Several results come back as one tuple.
pub struct Kernel {
    pub run: Box<dyn Fn(&Context, &[IValue]) -> Result<IValue> + Send + Sync>,
    /// How the Rust closure's parameters read as schema types, for the check of every row; `None`
    /// where the kernel takes its arguments as they come.
    pub parameters: Option<Vec<&'static str>>,
}

/// One argument as a shape rule sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum ShapeArg {
    Tensor(Vec<i64>),
    Tensors(Vec<Vec<i64>>),
    Value(IValue),
}

/// Predicts the sizes of the tensors that a kernel returns.
pub type ShapeRule = fn(&[ShapeArg]) -> Result<Vec<Vec<i64>>>;

/// One operator: everything that the system knows about it.
pub struct Op {
    text: Arc<str>,
    schema: OnceLock<Schema>,
    pub doc: &'static str,
    pub kernel: Option<Kernel>,
    /// A decomposition in TorchScript; the oracle of the kernel, or what runs without one.
    pub script: Option<Arc<str>>,
    pub shape: Option<ShapeRule>,
    pub examples: Vec<(&'static str, &'static str)>,
    /// The compiled decomposition; the compiler fills it.
    pub compiled: OnceLock<Arc<Function>>,
    /// Set for rows that a user registered.
    pub is_custom: bool,
}

impl Op {
    /// A row from a schema in PyTorch's own spelling. The text is parsed when first needed; a test
    /// over the table checks that all of them parse.
    pub fn new(schema: impl Into<Arc<str>>) -> Op {
        Op {
            text: schema.into(),
            schema: OnceLock::new(),
            doc: "",
            kernel: None,
            script: None,
            shape: None,
            examples: Vec::new(),
            compiled: OnceLock::new(),
            is_custom: false,
        }
    }

    pub fn doc(&mut self, doc: &'static str) -> &mut Self {
        self.doc = doc;
        self
    }
    pub fn kernel<Args>(&mut self, f: impl IntoKernel<Args>) -> &mut Self {
        self.kernel = Some(f.into_kernel());
        self
    }
    pub fn script(&mut self, text: &'static str) -> &mut Self {
        self.script = Some(text.into());
        self
    }
    pub fn shape(&mut self, rule: ShapeRule) -> &mut Self {
        self.shape = Some(rule);
        self
    }
    /// A call and its result, both as TorchScript expressions.
    pub fn example(&mut self, call: &'static str, result: &'static str) -> &mut Self {
        self.examples.push((call, result));
        self
    }

    /// The schema as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
    pub fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| {
            Schema::parse(&self.text).unwrap_or_else(|error| panic!("schema `{}`: {error}", self.text))
        })
    }
    /// `aten::add.Tensor`.
    pub fn full_name(&self) -> &str {
        self.text.split('(').next().unwrap_or(&self.text)
    }
    /// `aten::add`.
    pub fn name(&self) -> &str {
        split_overload(self.full_name()).0
    }
    pub fn is_runnable(&self) -> bool {
        self.kernel.is_some() || self.script.is_some()
    }
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// `aten::add.Tensor` as `("aten::add", "Tensor")`.
pub fn split_overload(full_name: &str) -> (&str, &str) {
    let namespace = full_name.find("::").map_or(0, |p| p + 2);
    match full_name[namespace..].find('.') {
        Some(dot) => (&full_name[..namespace + dot], &full_name[namespace + dot + 1..]),
        None => (full_name, ""),
    }
}

/// The rows being declared. Each family of operators has a `declare(&mut Rows)`.
#[derive(Default)]
pub struct Rows {
    pub rows: Vec<Op>,
}

impl Rows {
    pub fn op(&mut self, schema: &'static str) -> &mut Op {
        self.rows.push(Op::new(schema));
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}
