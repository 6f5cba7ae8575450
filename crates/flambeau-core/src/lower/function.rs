//! One function: its signature, its body, and what turns the emitted nodes into the finished graph.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use flambeau_ir::function::{Body, DefineError, Function};
use flambeau_ir::ir::{BlockId, Graph};
use flambeau_ir::ops::OpTable;
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::error::{CompileError, ErrorKind, Result, Text};
use super::module::ConcreteModule;
use super::sugared::Sugared;
use super::tree::*;
use super::values::call_name;
use super::{DefContext, Emitter, LoopStatus, Resolver, meaningful_name};
use crate::passes;

/// What `self` is.
#[derive(Clone)]
pub enum Receiver {
    Class(Arc<ClassType>),
    Module(Arc<ConcreteModule>),
}

impl Receiver {
    pub fn class(&self) -> &Arc<ClassType> {
        match self {
            Receiver::Class(class) => class,
            Receiver::Module(module) => &module.class,
        }
    }
}

/// Everything that compiling a function needs.
pub struct Definition {
    pub def: Arc<Def>,
    pub resolver: Arc<dyn Resolver>,
    pub receiver: Option<Receiver>,
    /// Defaults that the Python program evaluated, by parameter.
    pub defaults: Vec<(String, IValue)>,
    /// One of several declarations of a function, whose defaults may not fit them all.
    pub overload: bool,
    pub table: &'static OpTable,
}

/// A function that is compiled when it is first needed.
pub fn define_function(name: impl Into<Arc<str>>, definition: Definition) -> Arc<Function> {
    Function::lazy(name, move |function| match compile(function, &definition) {
        Ok(body) => Ok(body),
        Err(error) => Err(Arc::new(*error) as DefineError),
    })
}

fn compile(function: &Arc<Function>, definition: &Definition) -> Result<Body> {
    let def = &definition.def;
    let mut emitter = Emitter::detached(&def.text, &*definition.resolver, definition.table);
    emitter.name = function.short_name().to_string();
    emitter.call_name = call_name(function, definition.receiver.is_some());
    emitter.defs.push(DefContext::default());
    emitter.pending = def.span;
    let top = emitter.g.block();
    emitter.push_frame(top);
    if definition.receiver.is_some() && def.params.is_empty() {
        return emitter.fail(def.params_span, "methods must have a self argument");
    }
    let mut schema = emitter.emit_def(def, definition.receiver.as_ref(), top)?;
    let Emitter { mut g, .. } = emitter;
    if !super::ssa::convert(&mut g, definition.table) {
        let message = "a value that a `with` defines behind a possible `return` is used after the `with`: \
                       return behind the `with`, or define the value before it";
        return Err(CompileError::at(
            ErrorKind::Compile,
            &def.text,
            def.name.span,
            message,
        ));
    }
    super::loops::canonicalize_modified(&mut g, definition.table);
    passes::normalize_ops::run(&mut g, definition.table);
    passes::cleanup(&mut g, definition.table)?;
    for (name, value) in &definition.defaults {
        let Some(argument) = schema.arguments.iter_mut().find(|a| *a.name == **name) else {
            continue;
        };
        // `BroadcastingList2[int] = 0` stands for two zeros.
        let broadcast = match (argument.size, &argument.ty, value) {
            (Some(n), Type::List(element), IValue::Int(_) | IValue::Double(_)) if n <= 16 => {
                Some(IValue::list((**element).clone(), vec![value.clone(); n as usize]))
            }
            _ => None,
        };
        match fit_default(broadcast.as_ref().unwrap_or(value), &argument.ty) {
            Some(value) => argument.default = Some(value),
            None if definition.overload => {}
            None => {
                let message = format!(
                    "Expected a default value of type {} on parameter \"{name}\".",
                    argument.ty.repr_str()
                );
                let mut error = CompileError::at(ErrorKind::Compile, &def.text, def.span, message);
                error.outside = true;
                return Err(error);
            }
        }
    }
    Ok(Body { schema, graph: g })
}

/// A Python default as a value of the parameter's type.
pub(super) fn fit_default(value: &IValue, ty: &Type) -> Option<IValue> {
    match (value, ty) {
        (IValue::None, ty) => ty.accepts_none().then_some(IValue::None),
        (value, Type::Optional(inner)) => fit_default(value, inner),
        (IValue::Int(i), Type::Float) => Some(IValue::Double(*i as f64)),
        (IValue::Bool(b), Type::Int) => Some(IValue::Int(*b as i64)),
        (IValue::Bool(b), Type::Float) => Some(IValue::Double(f64::from(u8::from(*b)))),
        (IValue::Int(i), Type::Bool) => Some(IValue::Bool(*i != 0)),
        (IValue::List(list), Type::List(element)) => {
            let items = list
                .to_vec()
                .iter()
                .map(|v| fit_default(v, element))
                .collect::<Option<Vec<_>>>()?;
            Some(IValue::list((**element).clone(), items))
        }
        (IValue::Tuple(items), Type::List(element)) => {
            let items = items
                .items
                .iter()
                .map(|v| fit_default(v, element))
                .collect::<Option<Vec<_>>>()?;
            Some(IValue::list((**element).clone(), items))
        }
        (IValue::Tuple(items), Type::Tuple(tuple)) if items.items.len() == tuple.elements.len() => {
            let fitted = items
                .items
                .iter()
                .zip(&tuple.elements)
                .map(|(v, t)| fit_default(v, t));
            Some(IValue::tuple(fitted.collect::<Option<Vec<_>>>()?))
        }
        (IValue::Dict(dict), Type::Dict(kv)) => {
            let mut pairs = Vec::new();
            for (k, v) in dict.pairs() {
                pairs.push((fit_default(&k, &kv.0)?, fit_default(&v, &kv.1)?));
            }
            Some(IValue::Dict(flambeau_ir::value::Dict::from_pairs(
                kv.0.clone(),
                kv.1.clone(),
                pairs,
            )))
        }
        (value, ty) => value.ty().is_subtype_of(ty).then(|| value.clone()),
    }
}

impl<'a> Emitter<'a> {
    /// An emitter with nothing in it yet.
    pub(super) fn detached(
        text: &Arc<Text>,
        resolver: &'a dyn Resolver,
        table: &'static OpTable,
    ) -> Emitter<'a> {
        Emitter {
            g: Graph::new(),
            table,
            resolver,
            text: text.clone(),
            name: String::new(),
            call_name: String::new(),
            frames: Vec::new(),
            defs: Vec::new(),
            ints: HashMap::new(),
            floats: HashMap::new(),
            complexes: HashMap::new(),
            exit_blocks: HashSet::new(),
            loop_status: LoopStatus::NotInLoop,
            temp_names: 0,
            pending: NOWHERE,
        }
    }

    pub(super) fn emit_def(
        &mut self,
        def: &Def,
        receiver: Option<&Receiver>,
        block: BlockId,
    ) -> Result<Schema> {
        let declared = def.returns.as_ref().map(|r| self.annotation(r)).transpose();
        let arguments = self.parameter_types(def, receiver.is_some())?;
        let declared = declared?;
        if let Some(context) = self.defs.last_mut() {
            context.declared_return = declared;
        }
        let arguments = self.formal_arguments(def, receiver, arguments, block)?;
        self.body(&def.body)?;
        self.maybe_no_return(def, block)?;
        let returned = self
            .defs
            .last()
            .and_then(|d| d.merged_return.clone())
            .unwrap_or(Type::None);
        // Stands for the result until exits are transformed.
        let placeholder = self.uninitialized(&returned, None);
        self.g.add_return(block, placeholder);
        Ok(Schema {
            name: def.name.name.clone(),
            overload: String::new(),
            arguments,
            returns: vec![Argument::new("", returned)],
            is_vararg: false,
            is_varret: false,
        })
    }

    /// The parameters but for `self`.
    fn parameter_types(&mut self, def: &Def, is_method: bool) -> Result<Vec<Argument>> {
        let mut arguments = Vec::with_capacity(def.params.len());
        for param in def.params.iter().skip(usize::from(is_method)) {
            let mut argument = match &param.ty {
                None => Argument::new(param.name.name.as_str(), Type::inferred_tensor()),
                Some(ty) => match self.broadcasting_list(ty)? {
                    Some((ty, size)) => {
                        let mut argument = Argument::new(param.name.name.as_str(), ty);
                        argument.size = Some(size);
                        argument
                    }
                    None => Argument::new(param.name.name.as_str(), self.annotation(ty)?),
                },
            };
            argument.keyword_only = param.kwarg_only;
            if let Some(default) = &param.default {
                if param.ty.is_none() {
                    return self.fail(
                        param.span,
                        "Keyword arguments with defaults need to be type-hinted (TorchScript C++ frontend)",
                    );
                }
                let table_constant = match &default.kind {
                    ExprKind::Select(base, field) if base.as_var() == Some("CONSTANTS") => self
                        .resolver
                        .table_constant(&field.name)
                        .filter(|v| v.ty().is_subtype_of(&argument.ty)),
                    _ => None,
                };
                let literal = || literal_value(default).and_then(|v| fit_default(&v, &argument.ty));
                match table_constant.or_else(literal) {
                    Some(value) => argument.default = Some(value),
                    None => return self.fail(default.span, "expected a constant as default"),
                }
            }
            arguments.push(argument);
        }
        Ok(arguments)
    }

    fn formal_arguments(
        &mut self,
        def: &Def,
        receiver: Option<&Receiver>,
        declared: Vec<Argument>,
        block: BlockId,
    ) -> Result<Vec<Argument>> {
        let mut arguments = Vec::with_capacity(declared.len() + 1);
        let mut params = def.params.iter();
        if let Some(receiver) = receiver
            && let Some(param) = params.next()
        {
            let ty = Type::Class(receiver.class().clone());
            let value = self.g.add_block_param(block, ty.clone());
            self.g.set_name(value, &param.name.name);
            let sugared = match receiver {
                Receiver::Class(_) => Sugared::Simple(value),
                Receiver::Module(module) => Sugared::Module(value, module.clone()),
            };
            self.set_sugared_var(param.name.span, &param.name.name, sugared, None)?;
            arguments.push(Argument::new(param.name.name.as_str(), ty));
        }
        let derive = def.name.name == "__setstate__" && def.params.iter().skip(1).all(|p| p.ty.is_none());
        for (param, mut argument) in params.zip(declared) {
            let value = self.g.add_block_param(block, Type::TENSOR);
            if meaningful_name(&param.name.name) {
                self.g.set_name(value, &param.name.name);
            }
            if derive && let Some(receiver) = receiver {
                let ty = self.set_state_type(def, receiver)?;
                argument.ty = ty.clone();
                argument.declared = ty;
            }
            self.g.set_type(value, argument.ty.clone());
            arguments.push(argument);
            self.set_var(param.name.span, &param.name.name, value)?;
        }
        Ok(arguments)
    }

    /// `__setstate__` takes what `__getstate__` gives.
    fn set_state_type(&mut self, def: &Def, receiver: &Receiver) -> Result<Type> {
        if def.params.len() != 2 {
            let found = def.params.len();
            return self.fail(
                def.span,
                format!("Expected 2 arguments for `__setstate__`, got: {found}"),
            );
        }
        let Some(getter) = receiver.class().method("__getstate__") else {
            return self.fail(
                def.span,
                "`__setstate__` defined but not `__getstate__`. You must have both defined on a ScriptModule to customize serialization.\nDid you forget to use `@torch.jit.export`?",
            );
        };
        let schema = self.method_schema(&getter, Some(def.span))?;
        Ok(schema.returns.first().map_or(Type::None, |r| r.ty.clone()))
    }

    fn maybe_no_return(&mut self, def: &Def, block: BlockId) -> Result<()> {
        let context = self.defs.last().cloned().unwrap_or_default();
        if self.exit_blocks.contains(&block) {
            // A function that always raises returns whatever it says.
            if context.merged_return.is_none()
                && let Some(last) = self.defs.last_mut()
            {
                last.merged_return = Some(context.declared_return.unwrap_or(Type::None));
            }
            return Ok(());
        }
        if context.declared_return.is_some_and(|ty| ty != Type::None) {
            return self.fail(
                def.span,
                "Function was not annotated as having type None, but does not return along all paths",
            );
        }
        let saved = self.insert_at_end(block);
        let none = Expr::new(ExprKind::None, def.span);
        self.return_stmt(def.span, &none)?;
        self.g.restore_insert_point(saved);
        Ok(())
    }
}

/// The value of a literal, as defaults of native sources are.
pub(super) fn literal_value(expr: &Expr) -> Option<IValue> {
    Some(match &expr.kind {
        ExprKind::Int(i) => IValue::Int(*i),
        ExprKind::Float(f) => IValue::Double(*f),
        ExprKind::True => IValue::Bool(true),
        ExprKind::False => IValue::Bool(false),
        ExprKind::None => IValue::None,
        ExprKind::Str(s) => IValue::str(s),
        ExprKind::Unary(UnKind::Neg, inner) => match literal_value(inner)? {
            IValue::Int(i) => IValue::Int(i.checked_neg()?),
            IValue::Double(f) => IValue::Double(-f),
            _ => return None,
        },
        ExprKind::Tuple(items) => IValue::tuple(items.iter().map(literal_value).collect::<Option<Vec<_>>>()?),
        ExprKind::List(items) => {
            let items = items.iter().map(literal_value).collect::<Option<Vec<_>>>()?;
            let element = items.first().map_or(Type::TENSOR, IValue::ty);
            IValue::list(element, items)
        }
        _ => return None,
    })
}

/// A span for things that have none of their own.
pub(super) const NOWHERE: Span = Span { start: 0, end: 0 };
