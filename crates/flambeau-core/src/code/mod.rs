//! Graphs back to TorchScript source: what `.code` shows and what archives hold in `code/`.
//!
//! The text compiles to the same graph again, and equals PyTorch's character for character. A
//! printer is used for one unit (a method, or a file of an archive); it collects the constants that
//! have no literal form and the named types that the text mentions. Writing files is `save`'s
//! business.

mod expr;
mod inline;
mod literal;
mod stmt;
mod tagged;
mod types;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use flambeau_ir::function::{DefineError, Function};
use flambeau_ir::ir::{Graph, ValueId};
use flambeau_ir::source::SourceRange;
use flambeau_ir::types::{ClassType, EnumType, InterfaceType, Type};
use flambeau_ir::value::IValue;

pub use tagged::Tagged;

/// Renames classes for an archive, where two may not share a name. `None` keeps the own name.
pub type Rename<'a> = dyn Fn(&Type) -> Option<String> + 'a;

/// A type that needs a definition of its own.
#[derive(Clone)]
pub enum NamedType {
    Class(Arc<ClassType>),
    /// A tuple type with names.
    Tuple(Type),
    Interface(Arc<InterfaceType>),
    Enum(Arc<EnumType>),
    Function(Arc<Function>),
}

impl NamedType {
    pub fn name(&self) -> Arc<str> {
        match self {
            NamedType::Class(c) => c.name.clone(),
            NamedType::Tuple(Type::Tuple(t)) => {
                t.named.as_ref().map_or_else(|| "".into(), |n| n.name.clone())
            }
            NamedType::Tuple(_) => "".into(),
            NamedType::Interface(i) => i.name.clone(),
            NamedType::Enum(e) => e.name.clone(),
            NamedType::Function(f) => f.name().clone(),
        }
    }

    fn is_same(&self, other: &NamedType) -> bool {
        match (self, other) {
            (NamedType::Class(a), NamedType::Class(b)) => Arc::ptr_eq(a, b),
            (NamedType::Interface(a), NamedType::Interface(b)) => Arc::ptr_eq(a, b),
            (NamedType::Enum(a), NamedType::Enum(b)) => Arc::ptr_eq(a, b),
            (NamedType::Function(a), NamedType::Function(b)) => Arc::ptr_eq(a, b),
            (NamedType::Tuple(a), NamedType::Tuple(b)) => a == b,
            _ => false,
        }
    }
}

/// Values without a literal form, printed as `CONSTANTS.cN`. Shared by all files of an archive.
#[derive(Default)]
pub struct Constants {
    pub values: Vec<IValue>,
}

impl Constants {
    /// The number of a constant; equal tensors share one.
    fn number(&mut self, value: &IValue) -> usize {
        if let IValue::Tensor(tensor) = value {
            let same = |have: &IValue| match have {
                IValue::Tensor(t) => {
                    t.is_same(tensor)
                        || (t.dtype() == tensor.dtype()
                            && flambeau_tensor::pointwise::equal(t, tensor).unwrap_or(false))
                }
                _ => false,
            };
            if let Some(found) = self.values.iter().position(same) {
                return found;
            }
        }
        self.values.push(value.clone());
        self.values.len() - 1
    }
}

/// One text: a file of an archive.
#[derive(Default)]
pub struct Unit {
    pub body: Tagged,
    /// How far the numbering of each name has come; it goes on from one function to the next.
    next_id: HashMap<String, usize>,
}

/// Prints functions and classes into units, which share constants and dependencies.
pub struct CodePrinter<'a> {
    constants: Constants,
    rename: &'a Rename<'a>,
    dependencies: Vec<NamedType>,
    unit: Unit,
    level: usize,
    /// Where the statement that is being printed came from. What belongs to nobody else counts as part of it, so that
    /// a node has the same origin at its first character when the archive is loaded and saved again.
    at: Option<SourceRange>,
    /// Names taken in the current function.
    used_names: HashSet<String>,
}

/// What is known of one graph while it is printed.
#[derive(Default)]
struct Scope {
    /// Nodes written as part of the expression that uses them.
    inline: HashSet<flambeau_ir::ir::NodeId>,
    /// Values that have been assigned to a name.
    names: HashMap<ValueId, String>,
    /// Values that stand for an expression.
    expressions: HashMap<ValueId, Tagged>,
    /// Values whose Union or Optional type has been written once.
    annotated: HashSet<ValueId>,
    /// How far the inputs of a node, or the results of a block, have been scanned for long expressions.
    split_until: HashMap<flambeau_ir::ir::User, isize>,
}

impl<'a> CodePrinter<'a> {
    pub fn new(rename: &'a Rename<'a>) -> CodePrinter<'a> {
        CodePrinter {
            constants: Constants::default(),
            rename,
            dependencies: Vec::new(),
            unit: Unit::default(),
            level: 0,
            at: None,
            used_names: HashSet::new(),
        }
    }

    /// Prints into `unit` instead of the printer's own.
    pub fn within<R>(&mut self, unit: &mut Unit, f: impl FnOnce(&mut Self) -> R) -> R {
        std::mem::swap(&mut self.unit, unit);
        let result = f(self);
        std::mem::swap(&mut self.unit, unit);
        result
    }

    /// The text of the printer's own unit, and the constants that it mentions.
    pub fn finish(self) -> (Tagged, Vec<IValue>) {
        (self.unit.body, self.constants.values)
    }

    pub fn add_dependency(&mut self, named: NamedType) {
        self.depend_on(named);
    }

    pub fn dependencies(&self) -> &[NamedType] {
        &self.dependencies
    }

    /// A function with the types of all its parameters.
    pub fn function(&mut self, function: &Arc<Function>) -> Result<(), DefineError> {
        self.definition(function, true)
    }

    /// A method as `.code` shows it: `self` has no annotation.
    pub fn method(&mut self, function: &Arc<Function>) -> Result<(), DefineError> {
        self.definition(function, false)
    }

    fn definition(&mut self, function: &Arc<Function>, first_type: bool) -> Result<(), DefineError> {
        let graph: Arc<Graph> = function.graph()?.clone();
        let schema = function.schema()?.clone();
        self.used_names.clear();
        let mut scope = Scope::default();
        self.indent();
        self.unit
            .body
            .push(&format!("def {}(", function.short_name()), None);
        for (i, argument) in schema.arguments.iter().enumerate() {
            self.depend_on_type(&argument.ty);
            let name = self.new_name(&argument.name);
            let annotation = self.annotation(&argument.ty);
            let text = match (i, first_type) {
                (0, false) => name.clone(),
                (0, true) => format!("{name}: {annotation}"),
                _ => format!(",\n    {name}: {annotation}"),
            };
            self.unit.body.push(&text, None);
            if let Some(default) = &argument.default {
                let literal = self.literal(default);
                self.unit.body.push(&format!("={literal}"), None);
            }
            if let Some(&value) = graph.inputs().get(i) {
                scope.names.insert(value, name);
            }
        }
        let result = schema.returns.first().map_or(Type::None, |r| r.ty.clone());
        let annotation = self.annotation(&result);
        self.unit.body.push(&format!(") -> {annotation}:\n"), None);
        self.depend_on_type(&result);
        self.function_body(&graph, &mut scope);
        Ok(())
    }

    // ---- names ---------------------------------------------------------------------------------

    /// A name that is neither taken in this function nor reserved.
    fn new_name(&mut self, candidate: &str) -> String {
        let mut name = candidate.to_string();
        while self.used_names.contains(&name) || RESERVED.contains(&name.as_str()) {
            let id = self.unit.next_id.entry(name).or_insert(0);
            name = format!("{candidate}{id}");
            *id += 1;
        }
        self.used_names.insert(name.clone());
        name
    }

    fn name_for(&mut self, graph: &Graph, value: ValueId) -> String {
        let candidate = if graph.has_name(value) {
            valid_identifier(&graph.name_base(value))
        } else {
            "_".into()
        };
        self.new_name(&candidate)
    }

    fn name_all(&mut self, graph: &Graph, scope: &mut Scope, values: &[ValueId]) {
        for &value in values {
            let name = self.name_for(graph, value);
            scope.names.insert(value, name);
        }
    }

    fn indent(&mut self) {
        self.unit.body.push(&"  ".repeat(self.level), self.at.as_ref());
    }

    // ---- dependencies --------------------------------------------------------------------------

    fn depend_on(&mut self, named: NamedType) {
        if !self.dependencies.iter().any(|have| have.is_same(&named)) {
            self.dependencies.push(named);
        }
    }

    fn depend_on_type(&mut self, ty: &Type) {
        match ty {
            // What a class holds comes right behind it.
            Type::Class(c) => {
                let named = NamedType::Class(c.clone());
                if !self.dependencies.iter().any(|have| have.is_same(&named)) {
                    self.dependencies.push(named);
                    for attribute in c.attributes() {
                        self.depend_on_type(&attribute.ty);
                    }
                }
            }
            Type::Interface(i) => self.depend_on(NamedType::Interface(i.clone())),
            Type::Enum(e) => self.depend_on(NamedType::Enum(e.clone())),
            // The results of some operators have names for their parts and none of their own.
            Type::Tuple(t) if t.named.as_ref().is_some_and(|n| !n.name.is_empty()) => {
                self.depend_on(NamedType::Tuple(ty.clone()))
            }
            _ => {}
        }
        for child in ty.children() {
            self.depend_on_type(&child);
        }
    }

    fn annotation(&self, ty: &Type) -> String {
        ty.annotation_str_with(self.rename)
    }
}

/// Words that the text cannot use as names: Python's keywords and what the importer predefines.
const RESERVED: [&str; 47] = [
    "_",
    "as",
    "aten",
    "attribute",
    "CONSTANTS",
    "fork",
    "getattr",
    "inf",
    "nan",
    "infj",
    "nanj",
    "ops",
    "__torch__",
    "and",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "False",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "None",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "True",
    "try",
    "while",
    "with",
    "yield",
];

pub(crate) fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .enumerate()
            .all(|(i, b)| b.is_ascii_alphabetic() || b == b'_' || (i > 0 && b.is_ascii_digit()))
}

fn valid_identifier(candidate: &str) -> String {
    let mut name = String::with_capacity(candidate.len() + 1);
    if candidate.is_empty() || candidate.as_bytes()[0].is_ascii_digit() {
        name.push('_');
    }
    name.extend(candidate.chars().map(|c| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    }));
    name
}

/// `.code` of a function.
pub fn function_code(function: &Arc<Function>) -> Result<String, DefineError> {
    let mut printer = CodePrinter::new(&|_| None);
    printer.function(function)?;
    Ok(printer.finish().0.text)
}

/// `.code` of a method, and the constants that it mentions.
pub fn method_code(function: &Arc<Function>) -> Result<(String, Vec<IValue>), DefineError> {
    let mut printer = CodePrinter::new(&|_| None);
    printer.method(function)?;
    let (body, constants) = printer.finish();
    Ok((body.text, constants))
}
