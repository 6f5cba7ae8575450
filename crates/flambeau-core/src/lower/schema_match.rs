//! Which overload a call means, and the conversions its arguments need.
//!
//! Overloads are tried in the order PyTorch registers them, first without implicit conversions, then with.
//! An attempt that fails leaves its constants and conversions behind as dead code, as PyTorch's does: the numbers
//! of later values depend on it.

use std::sync::Arc;

use flambeau_ir::ir::{NodeId, ValueId};
use flambeau_ir::ops::Op;
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::Type;
use flambeau_ir::types::{NamedTupleInfo, TypeBindings, match_type_variables};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::error::Result;
use super::sugared::{Given, NamedValue};
use super::upgraders;
use super::{Emitter, subtype};

/// The result of a successful match.
pub struct Matched {
    pub inputs: Vec<ValueId>,
    pub returns: Vec<Type>,
    /// The names of the returned values, if all have one: they make a NamedTuple.
    pub field_names: Option<Vec<Arc<str>>>,
}

/// Collects why overloads did not match; nothing is formatted while nobody asked.
struct Reasons<'a> {
    text: Option<&'a mut String>,
    schema: &'a Schema,
}

impl Reasons<'_> {
    fn add(&mut self, reason: impl FnOnce() -> String) {
        if let Some(text) = &mut self.text {
            text.push_str(&format!("\n{}:\n{}", self.schema, reason()));
        }
    }
}

const EMPTY_LIST_HINT: &str = "Empty lists default to List[Tensor]. Add a variable annotation to the assignment to \
    create an empty list of another type (torch.jit.annotate(List[T, []]) where T is the type of elements in the \
    list for Python 2)\n";

impl Emitter<'_> {
    pub fn value(&mut self, given: &NamedValue) -> ValueId {
        match &given.value {
            Given::Value(value) => *value,
            Given::Constant(constant) => self.constant(constant.clone(), None),
        }
    }

    pub fn values(&mut self, given: &[NamedValue]) -> Vec<ValueId> {
        given.iter().map(|v| self.value(v)).collect()
    }

    /// Calls an operator by name. Its value is a tuple where the operator returns several.
    pub fn builtin(
        &mut self,
        loc: Option<Span>,
        op: &str,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        this: Option<&NamedValue>,
    ) -> Result<ValueId> {
        let overloads = self.table.overloads(op);
        let functions = self.builtin_functions(op)?;
        let version = self.resolver.op_version();
        let upgrader = |row: &Op| version.and_then(|v| upgraders::find(row.full_name(), v, self.table));
        let upgraders: Vec<_> = overloads.iter().map(|row| upgrader(row)).collect();
        let mut schemas: Vec<&Schema> = overloads
            .iter()
            .zip(&upgraders)
            .map(|(row, upgrader)| upgrader.map_or_else(|| row.schema(), |u| &u.schema))
            .collect();
        for function in &functions {
            schemas.push(self.schema_of(function, loc)?);
        }
        if schemas.is_empty() {
            return match version {
                Some(_) => Ok(self.unknown_node(loc, op, args, kwargs, this)),
                None => self.unknown_builtin(loc, op),
            };
        }
        let (index, matched) = self.match_schemas(&schemas, loc, args, kwargs, this)?;
        let upgrader = upgraders.get(index).copied().flatten();
        if index < overloads.len() && upgrader.is_none() {
            return Ok(self.builtin_node(loc, op, &overloads[index], matched));
        }
        let function = upgrader.map_or_else(|| &functions[index - overloads.len()], |u| &u.function);
        let body = self.graph_of(function, loc)?;
        let outputs = self.insert_graph(&body, &matched.inputs);
        outputs
            .first()
            .copied()
            .map_or_else(|| self.fail_at(loc, "the builtin returns nothing"), Ok)
    }

    /// [`Emitter::builtin`] with values only.
    pub fn call_op(&mut self, loc: Option<Span>, op: &str, args: &[ValueId]) -> Result<ValueId> {
        let args: Vec<NamedValue> = args.iter().map(|v| (*v).into()).collect();
        self.builtin(loc, op, &args, &[], None)
    }

    /// A call that only an archive can make: of an operator that some library registered where it was written. The
    /// model is still read and shown; running this node fails. Its result is taken to be a tensor, or several where it
    /// is unpacked.
    fn unknown_node(
        &mut self,
        loc: Option<Span>,
        op: &str,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        this: Option<&NamedValue>,
    ) -> ValueId {
        let given: Vec<NamedValue> = this.into_iter().chain(args).chain(kwargs).cloned().collect();
        let inputs = self.values(&given);
        let node = self.node(op, &inputs, 0, loc);
        self.g.add_output(node, Type::TENSOR)
    }

    /// The results of an unknown operator, when so many are expected.
    pub(super) fn unknown_results(&mut self, value: ValueId, count: usize) -> Option<Vec<ValueId>> {
        let node = self.g.defining_node(value)?;
        let kind = self.g.kind(node).to_string();
        if self.g.node(node).op.is_some() || kind.starts_with("prim::") || self.table.contains(&kind) {
            return None;
        }
        while self.g.node_outputs(node).len() < count {
            self.g.add_output(node, Type::TENSOR);
        }
        Some(self.g.node_outputs(node).to_vec())
    }

    fn unknown_builtin<T>(&self, loc: Option<Span>, op: &str) -> Result<T> {
        let mut message = format!("Unknown builtin op: {op}.\n");
        let similar = self.similar_ops(op);
        if similar.is_empty() {
            message.push_str(&format!(
                "Could not find any similar ops to {op}. This op may not exist or may not be currently supported in TorchScript.\n"
            ));
        } else {
            message.push_str("Here are some suggestions: \n");
            for name in similar {
                message.push_str(&format!("\t{name}\n"));
            }
            message.push_str("\nThe original call is");
        }
        self.fail_at(loc, message)
    }

    /// Operators whose names differ by up to two letters.
    fn similar_ops(&self, op: &str) -> Vec<String> {
        let namespace = op.split("::").next().unwrap_or("");
        let mut found: Vec<(usize, String)> = Vec::new();
        for row in self.table.all() {
            let name = row.name();
            if !name.starts_with(namespace) || found.iter().any(|(_, n)| n == name) {
                continue;
            }
            if let Some(distance) = edit_distance(op, name, 2) {
                found.push((distance, name.to_string()));
            }
        }
        found.sort();
        found.into_iter().map(|(_, name)| name).collect()
    }

    fn builtin_node(&mut self, loc: Option<Span>, op: &str, row: &Arc<Op>, matched: Matched) -> ValueId {
        let node = self.node(op, &matched.inputs, 0, loc);
        self.g.node_mut(node).op = Some(row.clone());
        let mut outputs = Vec::with_capacity(matched.returns.len());
        for ty in matched.returns {
            outputs.push(self.g.add_output(node, ty));
        }
        if let [only] = outputs[..] {
            return only;
        }
        let types: Vec<Type> = outputs.iter().map(|v| self.g.ty(*v).clone()).collect();
        let ty = match matched.field_names {
            Some(fields) if !fields.is_empty() => {
                let info = NamedTupleInfo {
                    name: "".into(),
                    fields,
                    defaults: Vec::new(),
                };
                Type::named_tuple(info.into(), types)
            }
            _ => Type::tuple(types),
        };
        self.tuple_typed(&outputs, ty)
    }

    /// Finds the overload of a node that was made without matching.
    pub(super) fn choose_op(&mut self, node: NodeId, loc: Span) -> Result<()> {
        let kind = self.g.node(node).kind.clone();
        let types: Vec<Type> = self
            .g
            .node_inputs(node)
            .iter()
            .map(|v| self.g.ty(*v).clone())
            .collect();
        for row in self.table.overloads(&kind) {
            let schema = row.schema();
            let mut bindings = TypeBindings::default();
            let fits = schema.arguments.len() == types.len()
                && schema.arguments.iter().zip(&types).all(|(argument, ty)| {
                    match_type_variables(&argument.ty, ty, &mut bindings).is_ok()
                        && argument
                            .ty
                            .substitute(&bindings)
                            .is_some_and(|wanted| ty.is_subtype_of(&wanted))
                });
            if fits {
                self.g.node_mut(node).op = Some(row.clone());
                return Ok(());
            }
        }
        let types: Vec<String> = types.iter().map(Type::repr_str).collect();
        self.fail(
            loc,
            format!(
                "no overload of {kind} takes arguments of types {}",
                types.join(", ")
            ),
        )
    }

    pub fn match_schema(
        &mut self,
        schema: &Schema,
        loc: Option<Span>,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        this: Option<&NamedValue>,
    ) -> Result<Matched> {
        let mut text = String::new();
        match self.try_match(schema, loc, args, kwargs, this, Some(&mut text), true)? {
            Some(matched) => Ok(matched),
            None => self.fail_at(loc, text),
        }
    }

    pub fn match_schemas(
        &mut self,
        schemas: &[&Schema],
        loc: Option<Span>,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        this: Option<&NamedValue>,
    ) -> Result<(usize, Matched)> {
        // A single candidate is converted to at once: less dead code.
        if let [only] = schemas {
            return Ok((0, self.match_schema(only, loc, args, kwargs, this)?));
        }
        for conversions in [false, true] {
            for (i, schema) in schemas.iter().enumerate() {
                if let Some(matched) = self.try_match(schema, loc, args, kwargs, this, None, conversions)? {
                    return Ok((i, matched));
                }
            }
        }
        let mut text = String::new();
        for schema in schemas {
            self.try_match(schema, loc, args, kwargs, this, Some(&mut text), true)?;
        }
        let mut message =
            String::from("Arguments for call are not valid.\nThe following variants are available:\n");
        let mut fresh = true;
        for c in text.chars() {
            if fresh {
                message.push_str("  ");
            }
            message.push(c);
            fresh = c == '\n';
        }
        message.push_str("\nThe original call is");
        self.fail_at(loc, message)
    }

    #[allow(clippy::too_many_arguments)]
    fn try_match(
        &mut self,
        schema: &Schema,
        loc: Option<Span>,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        this: Option<&NamedValue>,
        text: Option<&mut String>,
        conversions: bool,
    ) -> Result<Option<Matched>> {
        if is_blocked(schema) {
            return Ok(None);
        }
        let mut reasons = Reasons { text, schema };
        let mut bindings = TypeBindings::default();
        let mut inputs = Vec::with_capacity(schema.arguments.len());
        let mut used_kwarg = vec![false; kwargs.len()];
        let is_aten = schema.name.starts_with("aten::");
        let mut used_args = 0;
        let mut this = this;
        for (i, argument) in schema.arguments.iter().enumerate() {
            let actual = if &*argument.name == "self"
                && let Some(own) = this.take()
            {
                own.clone()
            } else if !argument.keyword_only && used_args < args.len() {
                if conversions && varargs_fit(schema, i, argument) {
                    let first = self.value(&args[used_args]);
                    let ty = self.g.ty(first).clone();
                    if !matches!(ty, Type::List(_)) && !convertible_to_list(&ty, &argument.ty) {
                        let Type::List(element) = &argument.ty else {
                            return Ok(None);
                        };
                        let mut items = Vec::new();
                        let formal = Argument::new("<varargs>", (**element).clone());
                        for given in &args[used_args..] {
                            match self.match_argument(
                                &formal,
                                loc,
                                given,
                                &mut reasons,
                                conversions,
                                &mut bindings,
                            )? {
                                Some(item) => items.push(item),
                                None => return Ok(None),
                            }
                        }
                        inputs.push(self.list(element, &items));
                        used_args = args.len();
                        continue;
                    }
                }
                used_args += 1;
                args[used_args - 1].clone()
            } else if let Some(k) = input_with_name(&argument.name, kwargs, is_aten) {
                if used_kwarg[k] {
                    reasons.add(|| {
                        format!(
                            "Argument {} specified twice in schema, submit a bug report!\n",
                            kwargs[k].name.as_deref().unwrap_or("")
                        )
                    });
                    return Ok(None);
                }
                used_kwarg[k] = true;
                kwargs[k].clone()
            } else if let Some(default) = &argument.default {
                NamedValue::constant(
                    broadcast_number(schema, argument, default).unwrap_or_else(|| default.clone()),
                )
            } else {
                reasons.add(|| format!("Argument {} not provided.\n", argument.name));
                return Ok(None);
            };
            match self.match_argument(argument, loc, &actual, &mut reasons, conversions, &mut bindings)? {
                Some(value) => inputs.push(value),
                None => return Ok(None),
            }
        }
        if this.is_some() {
            reasons.add(|| "Provided self argument not used in schema.\n".into());
            return Ok(None);
        }
        if schema.is_vararg {
            while used_args < args.len() {
                inputs.push(self.value(&args[used_args]));
                used_args += 1;
            }
        }
        if used_args < args.len() {
            reasons.add(|| {
                format!(
                    "Expected at most {used_args} arguments but found {} positional arguments.\n",
                    args.len()
                )
            });
            return Ok(None);
        }
        for (k, given) in kwargs.iter().enumerate() {
            if !used_kwarg[k] {
                let name = given.name.as_deref().unwrap_or("");
                reasons.add(|| match schema.argument_index(name) {
                    None => format!("Keyword argument {name} unknown.\n"),
                    Some(_) => format!("Keyword argument {name} specified twice.\n"),
                });
                return Ok(None);
            }
        }
        let mut returns = Vec::with_capacity(schema.returns.len());
        for ret in &schema.returns {
            match ret.ty.substitute(&bindings) {
                Some(ty) => returns.push(ty),
                None => return Ok(None),
            }
        }
        let named = schema.returns.iter().all(|r| !r.name.is_empty());
        let field_names = named.then(|| schema.returns.iter().map(|r| r.name.clone()).collect());
        Ok(Some(Matched {
            inputs,
            returns,
            field_names,
        }))
    }

    fn match_argument(
        &mut self,
        argument: &Argument,
        loc: Option<Span>,
        given: &NamedValue,
        reasons: &mut Reasons<'_>,
        conversions: bool,
        bindings: &mut TypeBindings,
    ) -> Result<Option<ValueId>> {
        let mut value = self.value(given);
        let ty = self.g.ty(value).clone();
        if let Some(n) = scalar_as_list(&ty, argument) {
            value = self.list(&ty, &vec![value; n]);
        }
        let ty = self.g.ty(value).clone();
        let concrete = if argument.ty.has_free_variables() {
            if let Err(why) = match_type_variables(&argument.ty, &ty, bindings) {
                reasons.add(|| {
                    format!(
                        "Could not match type {} to {} in argument '{}': {why}.\n",
                        ty.repr_str(),
                        argument.ty.repr_str(),
                        argument.name
                    )
                });
                return Ok(None);
            }
            match argument.ty.substitute(bindings) {
                Some(concrete) => concrete,
                None => {
                    reasons.add(|| {
                        format!(
                            "Type variables in type {} could not be inferred from actual type {}",
                            argument.ty.repr_str(),
                            ty.repr_str()
                        )
                    });
                    return Ok(None);
                }
            }
        } else {
            argument.ty.clone()
        };
        let value = self.try_convert_opt(loc, &concrete, value, conversions)?;
        let ty = self.g.ty(value);
        if let Err(why) = subtype(ty, &concrete) {
            let ty = ty.clone();
            reasons.add(|| {
                let mut text = format!(
                    "Expected a value of type '{}' for argument '{}' but instead found type '{}'.\n",
                    argument.ty.repr_str(),
                    argument.name,
                    ty.repr_str()
                );
                if matches!(&argument.ty, Type::Tensor(Some(info)) if info.inferred) {
                    text.push_str(&format!(
                        "Inferred '{}' to be of type 'Tensor' because it was not annotated with an explicit type.\n",
                        argument.name
                    ));
                }
                if matches!(&ty, Type::Tensor(Some(info)) if info.inferred) {
                    text.push_str(&format!(
                        "Inferred the value for argument '{}' to be of type 'Tensor' because it was not annotated with an explicit type.\n",
                        argument.name
                    ));
                }
                if matches!(&ty, Type::List(e) if e.is_tensor()) {
                    text.push_str(EMPTY_LIST_HINT);
                }
                text.push_str(&why);
                text
            });
            return Ok(None);
        }
        Ok(Some(value))
    }

    pub fn try_convert(
        &mut self,
        loc: Span,
        to: &Type,
        value: ValueId,
        conversions: bool,
    ) -> Result<ValueId> {
        self.try_convert_opt(Some(loc), to, value, conversions)
    }

    /// Converts implicitly where that makes the value fit; the caller checks whether it does.
    fn try_convert_opt(
        &mut self,
        loc: Option<Span>,
        to: &Type,
        mut value: ValueId,
        conversions: bool,
    ) -> Result<ValueId> {
        let ty = self.g.ty(value).clone();
        if let Type::Optional(inner) = to
            && !matches!(ty, Type::Optional(_))
            && !ty.is_subtype_of(&Type::None)
        {
            return self.try_convert_opt(loc, inner, value, conversions);
        }
        if let Type::List(element) = to
            && self.kind_of_def(value) == "prim::EmptyListLiteral"
        {
            value = self.list(element, &[]);
        }
        let ty = self.g.ty(value).clone();
        if let Type::Tuple(tuple) = &ty {
            let target = unwrap_optional(to);
            if let Type::List(element) = target
                && convertible_to_list(&ty, target)
            {
                let items = self.unpack_tuple(value);
                value = self.list(element, &items);
            }
            if let Type::Tuple(wanted) = to
                && !ty.is_subtype_of(to)
                && wanted.elements.len() == tuple.elements.len()
            {
                let items = self.unpack_tuple(value);
                let mut converted = Vec::with_capacity(items.len());
                for (want, item) in wanted.elements.iter().zip(items) {
                    converted.push(self.try_convert_opt(loc, want, item, conversions)?);
                }
                value = self.tuple(&converted);
            }
        }
        if !conversions {
            return Ok(value);
        }
        let ty = self.g.ty(value).clone();
        let op = if ty.is_subtype_of(&Type::TENSOR) {
            match to {
                Type::Float => Some("aten::FloatImplicit"),
                Type::Complex => Some("aten::ComplexImplicit"),
                Type::Int => Some("aten::IntImplicit"),
                Type::Number => Some("aten::ScalarImplicit"),
                _ => None,
            }
        } else if ty == Type::Number {
            match to {
                Type::Float => Some("aten::Float"),
                Type::Complex => Some("aten::Complex"),
                Type::Int => Some("aten::Int"),
                _ => None,
            }
        } else if ty == Type::Bool {
            match to {
                Type::Float => Some("aten::Float"),
                Type::Int | Type::Number => Some("aten::Int"),
                _ => None,
            }
        } else if ty.is_subtype_of(&Type::Str) && to.is_subtype_of(&Type::Device) {
            Some("aten::device")
        } else {
            None
        };
        match op {
            Some(op) => self.call_op(loc, op, &[value]),
            None => Ok(value),
        }
    }

    /// The elements of a tuple; those of a literal are known without unpacking it.
    pub fn unpack_tuple(&mut self, value: ValueId) -> Vec<ValueId> {
        if let Some(node) = self.g.defining_node(value)
            && self.g.kind(node) == "prim::TupleConstruct"
        {
            return self.g.node_inputs(node).to_vec();
        }
        let types: Vec<Type> = self.g.ty(value).tuple_elements().unwrap_or(&[]).to_vec();
        let node = self.g.create("prim::TupleUnpack", &[value], 0);
        let outputs = types.into_iter().map(|ty| self.g.add_output(node, ty)).collect();
        self.g.insert_node(node);
        outputs
    }
}

pub fn unwrap_optional(ty: &Type) -> &Type {
    ty.optional_inner().unwrap_or(ty)
}

/// `int[2]` takes a lone int; gives how often to repeat it.
fn scalar_as_list(ty: &Type, argument: &Argument) -> Option<usize> {
    let size = argument.size?;
    if !matches!(ty, Type::Int | Type::Float) {
        return None;
    }
    let element = unwrap_optional(&argument.ty).list_element()?;
    (element == ty).then_some(size as usize)
}

/// A list, or a tuple whose elements would all fit into one.
pub fn convertible_to_list(ty: &Type, list: &Type) -> bool {
    let Type::List(element) = list else { return false };
    ty.is_subtype_of(list)
        || matches!(ty, Type::Tuple(tuple) if tuple.elements.iter().all(|e| e.is_subtype_of(element)))
}

/// `zeros(int[] size)` may be called as `zeros(1, 2)`.
fn varargs_fit(schema: &Schema, index: usize, argument: &Argument) -> bool {
    let last = schema
        .arguments
        .get(index + 1)
        .is_none_or(|next| next.keyword_only);
    let Type::List(element) = &argument.ty else {
        return false;
    };
    last && argument.size.is_none() && !matches!(**element, Type::Var(_))
}

/// Schemas say `self` where Python says `input`.
fn input_with_name(name: &str, kwargs: &[NamedValue], is_aten: bool) -> Option<usize> {
    kwargs.iter().position(|k| {
        let given = k.name.as_deref();
        (is_aten && name == "self" && given == Some("input")) || given == Some(name)
    })
}

/// Overloads that the language cannot tell from others.
fn is_blocked(schema: &Schema) -> bool {
    matches!(
        (schema.name.as_str(), schema.overload.as_str()),
        ("aten::view", "dtype") | ("aten::max" | "aten::min", "unary_out")
    )
}

/// The number of letters to change, insert or remove, if it is not above `max`.
pub(super) fn edit_distance(a: &str, b: &str, max: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > max {
        return None;
    }
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == *y {
                diagonal
            } else {
                1 + diagonal.min(above).min(row[j])
            };
            diagonal = above;
        }
    }
    row.last().copied().filter(|d| *d <= max)
}

/// The number that a function of the program has as the default of a `BroadcastingList`; calls repeat it themselves.
fn broadcast_number(schema: &Schema, argument: &Argument, default: &IValue) -> Option<IValue> {
    let IValue::List(list) = default else { return None };
    if argument.size.is_none() || schema.name.contains("::") {
        return None;
    }
    let items = list.read();
    let first = items.first()?;
    items.iter().all(|i| i == first).then(|| first.clone())
}
