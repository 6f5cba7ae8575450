//! Scopes. Python's functions have one; the graph has one for every block, and variables whose value depends on
//! control flow must be values of the graph. Values are written and read with `prim::Store` and `prim::Load`,
//! which [`super::ssa`] turns into block inputs and outputs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use flambeau_ir::ir::{BlockId, ValueId};
use flambeau_ir::types::Type;
use flambeau_syntax::Span;

use super::error::Result;
use super::sugared::{Form, Sugared};
use super::{Emitter, meaningful_name, subtype};

/// The variables of one block.
pub struct Frame {
    pub block: BlockId,
    /// Variables that are values of the graph, with their types. Sorted, so that nothing depends on hashing.
    types: BTreeMap<String, Type>,
    values: HashMap<String, Sugared>,
    /// Why a variable that looks defined is not; only in a function's outermost frame.
    errors: HashMap<String, String>,
}

impl Frame {
    pub fn new(block: BlockId) -> Self {
        Self {
            block,
            types: BTreeMap::new(),
            values: HashMap::new(),
            errors: HashMap::new(),
        }
    }

    pub fn defined_variables(&self) -> Vec<String> {
        self.types.keys().cloned().collect()
    }

    pub fn set_type(&mut self, name: &str, ty: Type) {
        self.types.insert(name.into(), ty);
    }

    pub fn has(&self, name: &str) -> bool {
        self.types.contains_key(name) || self.values.contains_key(name)
    }
}

impl Emitter<'_> {
    pub fn push_frame(&mut self, block: BlockId) {
        self.frames.push(Frame::new(block));
    }

    pub fn pop_frame(&mut self) -> Frame {
        self.frames.pop().unwrap_or_else(|| Frame::new(self.g.block()))
    }

    pub fn current_block(&self) -> BlockId {
        self.frames.last().map_or(self.g.block(), |f| f.block)
    }

    pub fn top_frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            let block = self.g.block();
            self.frames.push(Frame::new(block));
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// What to say when `name` is used although it was not defined on every path.
    pub fn set_variable_error(&mut self, name: &str, message: String) {
        if let Some(frame) = self.frames.first_mut() {
            frame.errors.insert(name.into(), message);
        }
    }

    fn insert_load(&mut self, name: &str, ty: Type) -> ValueId {
        let value = self.load(name, ty);
        if meaningful_name(name) {
            self.g.set_name(value, name);
        }
        value
    }

    fn find_in(&mut self, frame: &Frame, name: &str) -> Option<Sugared> {
        if let Some(value) = frame.values.get(name) {
            return Some(value.clone());
        }
        let ty = frame.types.get(name)?.clone();
        Some(Sugared::Simple(self.insert_load(name, ty)))
    }

    /// Looks in the frames below `depth`, innermost first.
    fn find_below(&mut self, depth: usize, name: &str) -> Option<Sugared> {
        for i in (0..depth).rev() {
            if let Some(value) = self.frames[i].values.get(name) {
                return Some(value.clone());
            }
            if let Some(ty) = self.frames[i].types.get(name) {
                let ty = ty.clone();
                return Some(Sugared::Simple(self.insert_load(name, ty)));
            }
        }
        None
    }

    pub fn find_in_any_frame(&mut self, name: &str) -> Option<Sugared> {
        self.find_below(self.frames.len(), name)
    }

    /// As if `saved` were still the innermost frame.
    pub fn find_from(&mut self, saved: &Frame, name: &str) -> Option<Sugared> {
        match self.find_in(saved, name) {
            Some(value) => Some(value),
            None => self.find_in_any_frame(name),
        }
    }

    pub fn set_var(&mut self, loc: Span, name: &str, value: ValueId) -> Result<()> {
        self.set_sugared_var(loc, name, Sugared::Simple(value), None)
    }

    pub fn set_sugared_var(
        &mut self,
        loc: Span,
        name: &str,
        value: Sugared,
        annotated: Option<&Type>,
    ) -> Result<()> {
        let mut simple = value.simple();
        if let Some(v) = simple {
            // A value of another block keeps its name: it would only be a name inside this one.
            let here = self.g.defining_block(v) == Some(self.current_block());
            if !self.g.has_name(v) && meaningful_name(name) && here {
                self.g.set_name(v, name);
            }
        }
        let depth = self.frames.len().saturating_sub(1);
        if let Some(parent) = self.find_below(depth, name) {
            if annotated.is_some() {
                return self.fail(loc, format!(
                    "Attempting to declare and annotate the type of variable '{name}' but it is already defined in an outer block"
                ));
            }
            let Some(v) = simple else {
                return self.fail(loc, format!(
                    "Cannot re-assign '{name}' to a value of type {} because {name} is not a first-class value.  Only reassignments to first-class values are allowed",
                    self.kind_of(&value)
                ));
            };
            let Some(parent) = parent.simple() else {
                return self.fail(loc, format!(
                    "Cannot re-assign '{name}' because it has type {} and {name} is not a first-class value.  Only reassignments to first-class values are allowed",
                    self.kind_of(&value)
                ));
            };
            let parent_type = unshaped(self.g.ty(parent));
            let v = self.try_convert(loc, &parent_type, v, true)?;
            let ty = self.g.ty(v).clone();
            if let Err(why) = subtype(&ty, &parent_type) {
                let mut message = format!(
                    "Variable '{name}' previously had type {} but is now being assigned to a value of type {}",
                    self.g.ty(parent).repr_str(),
                    ty.repr_str()
                );
                if matches!((&parent_type, &ty), (Type::List(_), Type::List(_))) {
                    message.push_str(
                        "\nEmpty lists default to List[Tensor]. Add a variable annotation to the assignment to create an empty list of another type (torch.jit.annotate(List[T, []]) where T is the type of elements in the list for Python 2)",
                    );
                }
                message.push('\n');
                message.push_str(&why);
                return self.fail(loc, message);
            }
            simple = Some(v);
        }
        let Some(v) = simple else {
            self.top_frame().values.insert(name.into(), value);
            return Ok(());
        };
        let ty = self.g.ty(v).clone();
        if let Some(annotated) = annotated
            && !ty.is_subtype_of(annotated)
        {
            return self.fail(
                loc,
                format!(
                    "Variable '{name}' is annotated with type {} but is being assigned to a value of type {}",
                    annotated.repr_str(),
                    ty.repr_str()
                ),
            );
        }
        let node = self.store(name, v);
        self.g.node_mut(node).range = Some(self.text.range(loc));
        let stored = annotated.cloned().unwrap_or(ty);
        self.top_frame().types.insert(name.into(), stored);
        Ok(())
    }

    pub fn remove_var(&mut self, name: &str, loc: Span) -> Result<()> {
        // PyTorch only reports on the outermost frame it looked at; any removal is what is meant.
        let mut removed = false;
        for frame in &mut self.frames {
            removed |= frame.types.remove(name).is_some() | frame.values.remove(name).is_some();
        }
        if removed {
            Ok(())
        } else {
            self.variable_not_found(name, loc)
        }
    }

    fn variable_not_found<T>(&self, name: &str, loc: Span) -> Result<T> {
        match self.frames.first().and_then(|f| f.errors.get(name)) {
            Some(message) => self.fail(loc, format!("{message}and was used here")),
            None => self.fail(loc, format!("undefined value {name}")),
        }
    }

    pub fn get_var(&mut self, name: &str, loc: Span) -> Result<ValueId> {
        let value = self.get_sugared_var(name, loc)?;
        self.as_value(&value, loc)
    }

    pub fn get_sugared_var(&mut self, name: &str, loc: Span) -> Result<Sugared> {
        if let Some(value) = self.find_in_any_frame(name) {
            return Ok(value);
        }
        if let Some(value) = builtin_name(name) {
            return Ok(value);
        }
        if let Some(ty) = self.resolver.resolve_type_name(name, &self.text, loc)?
            && matches!(&ty, Type::Tuple(t) if t.named.is_some())
        {
            return Ok(Sugared::NamedTuple(ty));
        }
        let resolver = self.resolver;
        if let Some(value) = resolver.resolve_value(name, self, loc)? {
            return Ok(value);
        }
        if let Some(Type::Class(class)) = resolver.resolve_type_name(name, &self.text, loc)? {
            return Ok(Sugared::Class(class));
        }
        if name == self.name && !self.frames.iter().any(|f| f.errors.contains_key(name)) {
            return self.fail(
                loc,
                format!(" function '{name}' is called recursively. Recursive calls are not supported"),
            );
        }
        self.variable_not_found(name, loc)
    }
}

/// The type without what is known of shapes.
pub fn unshaped(ty: &Type) -> Type {
    match ty {
        Type::Tensor(_) => Type::TENSOR,
        other => other.map_children(&mut unshaped),
    }
}

/// Python's builtins.
fn builtin_name(name: &str) -> Option<Sugared> {
    let cast = |method, ty, op| Sugared::magic(method, Sugared::Cast { ty, op });
    Some(match name {
        "print" => Sugared::Print,
        "tuple" => Sugared::Form(Form::Tuple),
        "float" => cast("__float__", Type::Float, "aten::Float"),
        "complex" => cast("__complex__", Type::Complex, "aten::Complex"),
        "int" => cast("__int__", Type::Int, "aten::Int"),
        "bool" => cast("__bool__", Type::Bool, "aten::Bool"),
        "str" => cast("__str__", Type::Str, "aten::str"),
        "getattr" => Sugared::Form(Form::GetAttr),
        "hasattr" => Sugared::Form(Form::HasAttr),
        "isinstance" => Sugared::Form(Form::IsInstance),
        "_to_tensor" => Sugared::Cast {
            ty: Type::TENSOR,
            op: "prim::NumToTensor",
        },
        "len" => Sugared::magic_builtin("__len__", "aten::len"),
        "hex" => Sugared::magic_builtin("__hex__", "aten::hex"),
        "oct" => Sugared::magic_builtin("__oct__", "aten::oct"),
        "round" => Sugared::magic_builtin("__round__", "aten::round"),
        "hash" => Sugared::builtin("aten::hash"),
        "id" => Sugared::builtin("prim::id"),
        "min" => Sugared::builtin("prim::min"),
        "max" => Sugared::builtin("prim::max"),
        "abs" => Sugared::builtin("prim::abs"),
        "all" => Sugared::builtin("aten::all"),
        "any" => Sugared::builtin("aten::any"),
        "divmod" => Sugared::builtin("aten::divmod"),
        "sum" => Sugared::builtin("aten::sum"),
        "list" => Sugared::Form(Form::List),
        "dict" => Sugared::Form(Form::Dict),
        "ord" => Sugared::builtin("aten::ord"),
        "chr" => Sugared::builtin("aten::chr"),
        "bin" => Sugared::builtin("aten::bin"),
        "pow" => Sugared::builtin("aten::pow"),
        "range" => Sugared::Form(Form::Range),
        "zip" => Sugared::Form(Form::Zip),
        "enumerate" => Sugared::Form(Form::Enumerate),
        "rangelist" => Sugared::builtin("prim::rangelist"),
        "sorted" => Sugared::builtin("aten::sorted"),
        // Only the compiler's own assertions name it; other exceptions belong to Python.
        "AssertionError" => Sugared::Exception(Arc::from("AssertionError")),
        _ => return None,
    })
}
