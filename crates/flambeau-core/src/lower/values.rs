//! Small nodes that emission makes everywhere: constants, tuples, lists, casts, calls of functions.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::{Attr, BlockId, Graph, InsertPoint, NodeId, ValueId};
use flambeau_ir::schema::Schema;
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::{CompileError, ErrorKind, Frame, Result};
use super::schema_match::Matched;
use super::sugared::NamedValue;

impl Emitter<'_> {
    /// A node at the insertion point.
    pub(super) fn node(
        &mut self,
        kind: &str,
        inputs: &[ValueId],
        outputs: usize,
        loc: Option<Span>,
    ) -> NodeId {
        let node = self.g.insert(kind, inputs, outputs);
        if let Some(loc) = loc {
            self.g.node_mut(node).range = Some(self.text.range(loc));
        }
        node
    }

    /// A node with one output of a known type.
    pub(super) fn typed(&mut self, kind: &str, inputs: &[ValueId], ty: Type, loc: Option<Span>) -> ValueId {
        let node = self.node(kind, inputs, 1, loc);
        let value = self.g.output(node);
        self.g.set_type(value, ty);
        value
    }

    pub(super) fn insert_at_end(&mut self, block: BlockId) -> InsertPoint {
        let saved = self.g.insert_point();
        self.g.set_insert_end(block);
        saved
    }

    pub(super) fn insert_before(&mut self, node: NodeId) -> InsertPoint {
        let saved = self.g.insert_point();
        self.g.set_insert_before(node);
        saved
    }

    /// Before everything else in the function.
    fn insert_at_front(&mut self) -> InsertPoint {
        match self.g.first_node(self.g.block()) {
            Some(first) => self.insert_before(first),
            None => self.insert_at_end(self.g.block()),
        }
    }

    /// The kind of the node that makes a value; empty for inputs.
    pub(super) fn kind_of_def(&self, value: ValueId) -> &str {
        self.g.defining_node(value).map_or("", |n| self.g.kind(n))
    }

    pub(super) fn load(&mut self, name: &str, ty: Type) -> ValueId {
        let value = self.typed("prim::Load", &[], ty, None);
        if let Some(node) = self.g.defining_node(value) {
            self.g.set_attr(node, "name", Attr::Str(name.into()));
        }
        value
    }

    pub(super) fn store(&mut self, name: &str, value: ValueId) -> NodeId {
        let node = self.node("prim::Store", &[value], 0, None);
        self.g.set_attr(node, "name", Attr::Str(name.into()));
        node
    }

    pub(super) fn constant(&mut self, value: IValue, loc: Option<Span>) -> ValueId {
        let value = self.g.insert_constant(value);
        if let (Some(loc), Some(node)) = (loc, self.g.defining_node(value)) {
            self.g.node_mut(node).range = Some(self.text.range(loc));
        }
        value
    }

    /// Numbers of the source text are made once, at the front of the function.
    pub(super) fn int_constant(&mut self, i: i64, loc: Span) -> ValueId {
        if let Some(&have) = self.ints.get(&i) {
            return have;
        }
        let saved = self.insert_at_front();
        let value = self.constant(IValue::Int(i), Some(loc));
        self.g.restore_insert_point(saved);
        self.ints.insert(i, value);
        value
    }

    pub(super) fn float_constant(&mut self, f: f64, loc: Span) -> ValueId {
        if let Some(&have) = self.floats.get(&f.to_bits()) {
            return have;
        }
        let saved = self.insert_at_front();
        let value = self.constant(IValue::Double(f), Some(loc));
        self.g.restore_insert_point(saved);
        self.floats.insert(f.to_bits(), value);
        value
    }

    pub(super) fn complex_constant(&mut self, im: f64, loc: Span) -> ValueId {
        if let Some(&have) = self.complexes.get(&im.to_bits()) {
            return have;
        }
        let saved = self.insert_at_front();
        let value = self.constant(IValue::Complex(num_complex::Complex64::new(0.0, im)), Some(loc));
        self.g.restore_insert_point(saved);
        self.complexes.insert(im.to_bits(), value);
        value
    }

    pub(super) fn list(&mut self, element: &Type, items: &[ValueId]) -> ValueId {
        self.typed("prim::ListConstruct", items, Type::list(element.clone()), None)
    }

    pub(super) fn dict(&mut self, ty: Type, keys: &[ValueId], values: &[ValueId]) -> ValueId {
        let items: Vec<ValueId> = keys.iter().zip(values).flat_map(|(k, v)| [*k, *v]).collect();
        self.typed("prim::DictConstruct", &items, ty, None)
    }

    pub(super) fn tuple(&mut self, items: &[ValueId]) -> ValueId {
        let types = items.iter().map(|v| self.g.ty(*v).clone()).collect();
        self.tuple_typed(items, Type::tuple(types))
    }

    pub(super) fn tuple_typed(&mut self, items: &[ValueId], ty: Type) -> ValueId {
        self.typed("prim::TupleConstruct", items, ty, None)
    }

    pub(super) fn unchecked_cast(&mut self, value: ValueId, ty: &Type) -> ValueId {
        self.typed("prim::unchecked_cast", &[value], ty.clone(), None)
    }

    pub(super) fn uninitialized(&mut self, ty: &Type, loc: Option<Span>) -> ValueId {
        self.typed("prim::Uninitialized", &[], ty.clone(), loc)
    }

    pub(super) fn get_attr(&mut self, object: ValueId, field: &str, ty: Type) -> ValueId {
        let value = self.typed("prim::GetAttr", &[object], ty, None);
        if let Some(node) = self.g.defining_node(value) {
            self.g.set_attr(node, "name", Attr::Str(field.into()));
        }
        // A number is no name.
        let number = field.bytes().all(|b| b.is_ascii_digit());
        let name = if number {
            format!("_{field}")
        } else {
            field.to_string()
        };
        self.g.set_name(value, &name);
        value
    }

    pub(super) fn create_object(&mut self, class: &Arc<ClassType>, loc: Span) -> ValueId {
        self.typed("prim::CreateObject", &[], Type::Class(class.clone()), Some(loc))
    }

    /// Appends a copy of another graph's body and gives its outputs.
    pub(super) fn insert_graph(&mut self, body: &Graph, inputs: &[ValueId]) -> Vec<ValueId> {
        let mut map = body
            .inputs()
            .iter()
            .copied()
            .zip(inputs.iter().copied())
            .collect();
        for node in body.block_nodes(body.block()) {
            let copy = self.g.copy_node(body, node, &mut map);
            self.g.insert_node(copy);
        }
        body.outputs()
            .iter()
            .filter_map(|v| map.get(v).copied())
            .collect()
    }

    /// An error of something that is compiled because this function names it.
    pub(super) fn called_from(
        &self,
        mut error: Box<CompileError>,
        callee: &str,
        loc: Span,
    ) -> Box<CompileError> {
        if let Some(entered) = error.entered.take() {
            error.frames.push(Frame {
                callee: entered,
                caller: callee.to_string(),
                text: self.text.clone(),
                span: loc,
            });
            error.class = Some(callee.to_string());
        }
        if error.class.take().is_some() {
            error.frames.push(Frame {
                callee: callee.to_string(),
                caller: self.call_name.clone(),
                text: self.text.clone(),
                span: self.pending,
            });
        }
        error
    }

    /// An error of a module's method that is compiled because this function names it.
    pub(super) fn through_method(
        &self,
        mut error: Box<CompileError>,
        module: &super::module::ConcreteModule,
        method: &str,
    ) -> Box<CompileError> {
        if error.kind == ErrorKind::Compile && !error.outside && error.place.is_some() {
            error.frames.push(Frame {
                callee: format!("{}.{method}", module.class.short_name()),
                caller: self.call_name.clone(),
                text: self.text.clone(),
                span: self.pending,
            });
        }
        error
    }

    /// An error of a function that is compiled because this one calls it.
    fn nested(
        &self,
        error: flambeau_ir::function::DefineError,
        callee: &Arc<Function>,
        is_method: bool,
        loc: Option<Span>,
    ) -> Box<CompileError> {
        let loc = loc.unwrap_or(self.pending);
        if error
            .downcast_ref::<flambeau_ir::function::RecursionError>()
            .is_some()
        {
            let what = if is_method { "method" } else { "function" };
            let message = format!(
                " {what} '{}' is called recursively. Recursive calls are not supported",
                callee.short_name()
            );
            // What calls itself is told so; PyTorch follows longer circles until Python's stack ends.
            let kind = match is_method || callee.short_name() == self.name {
                true => ErrorKind::Compile,
                false => ErrorKind::Recursion,
            };
            return CompileError::at(kind, &self.text, loc, message);
        }
        match error.downcast_ref::<CompileError>() {
            // What fails before or behind the compilation proper was not called from anywhere.
            Some(inner) if inner.kind != ErrorKind::Compile || inner.outside => Box::new(inner.clone()),
            Some(inner) => {
                let mut inner = inner.clone();
                inner.frames.push(Frame {
                    callee: call_name(callee, is_method),
                    caller: self.call_name.clone(),
                    text: self.text.clone(),
                    span: self.pending,
                });
                Box::new(inner)
            }
            None => CompileError::at(ErrorKind::Compile, &self.text, loc, error.to_string()),
        }
    }

    pub(super) fn schema_of<'f>(&self, function: &'f Arc<Function>, loc: Option<Span>) -> Result<&'f Schema> {
        function
            .schema()
            .map_err(|e| self.nested(e, function, false, loc))
    }

    pub(super) fn method_schema<'f>(
        &self,
        method: &'f Arc<Function>,
        loc: Option<Span>,
    ) -> Result<&'f Schema> {
        method.schema().map_err(|e| self.nested(e, method, true, loc))
    }

    pub(super) fn graph_of<'f>(
        &self,
        function: &'f Arc<Function>,
        loc: Option<Span>,
    ) -> Result<&'f Arc<Graph>> {
        function.graph().map_err(|e| self.nested(e, function, false, loc))
    }

    pub(super) fn call_functions(
        &mut self,
        loc: Span,
        functions: &[Arc<Function>],
        args: &[NamedValue],
        kwargs: &[NamedValue],
    ) -> Result<ValueId> {
        let mut schemas = Vec::with_capacity(functions.len());
        for function in functions {
            schemas.push(self.schema_of(function, Some(loc))?);
        }
        let (index, matched) = self.match_schemas(&schemas, Some(loc), args, kwargs, None)?;
        let callee = self.constant(IValue::Function(functions[index].clone()), None);
        let mut inputs = vec![callee];
        inputs.extend(&matched.inputs);
        let ty = first_return(matched);
        Ok(self.typed("prim::CallFunction", &inputs, ty, Some(loc)))
    }

    /// Calls a method of an object or an interface; several names are overloads.
    pub(super) fn call_methods(
        &mut self,
        loc: Span,
        this: ValueId,
        names: &[Arc<str>],
        args: &[NamedValue],
        kwargs: &[NamedValue],
    ) -> Result<ValueId> {
        let mut all = vec![NamedValue::from(this)];
        all.extend_from_slice(args);
        let mut methods = Vec::new();
        let mut owned = Vec::new();
        match self.g.ty(this).clone() {
            Type::Class(class) => {
                for name in names {
                    match class.method(name) {
                        Some(method) => methods.push(method),
                        None => return self.fail(loc, format!("Method '{name}' is not defined.")),
                    }
                }
            }
            Type::Interface(interface) => {
                for name in names {
                    match interface.method(name) {
                        Some(schema) => owned.push(schema),
                        None => return self.fail(loc, format!("Method '{name}' is not defined.")),
                    }
                }
            }
            other => return self.fail(loc, format!("cannot call a method of {}", other.repr_str())),
        }
        let mut schemas: Vec<&Schema> = owned.iter().collect();
        for method in &methods {
            schemas.push(self.method_schema(method, Some(loc))?);
        }
        let (index, matched) = self.match_schemas(&schemas, Some(loc), &all, kwargs, None)?;
        let inputs = matched.inputs.clone();
        let ty = first_return(matched);
        let value = self.typed("prim::CallMethod", &inputs, ty, Some(loc));
        if let Some(node) = self.g.defining_node(value) {
            self.g.set_attr(node, "name", Attr::Str(names[index].clone()));
            // Known for classes; a call through an interface finds its method when it runs.
            self.g.node_mut(node).function = methods.get(index).cloned();
        }
        Ok(value)
    }

    pub(super) fn call_method(
        &mut self,
        loc: Span,
        this: ValueId,
        name: &str,
        args: &[NamedValue],
        kwargs: &[NamedValue],
    ) -> Result<ValueId> {
        self.call_methods(loc, this, &[name.into()], args, kwargs)
    }
}

fn first_return(matched: Matched) -> Type {
    matched.returns.into_iter().next().unwrap_or(Type::None)
}

/// How errors name a function that is being compiled.
pub(super) fn call_name(function: &Arc<Function>, is_method: bool) -> String {
    let name: &str = function.name();
    let mut parts = name.rsplit('.');
    let last = parts.next().unwrap_or(name);
    match parts.next() {
        Some(class) if is_method => format!("{class}.{last}"),
        _ => last.to_string(),
    }
}
