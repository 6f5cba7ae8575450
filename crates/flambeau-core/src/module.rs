//! Modules as programs hold them: an object of a module class, what it was loaded from, and the calls on it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use flambeau_ir::function::{Body, DefineError, Function};
use flambeau_ir::ir::{Attr, Graph};
use flambeau_ir::schema::Argument;
use flambeau_ir::types::{AttributeKind, ClassType, Type};
use flambeau_ir::value::{IValue, Object};
use flambeau_tensor::Tensor;

use crate::bind::bind;
use crate::exec::{self, Error, Runtime};
use crate::load::Loaded;

/// A module. Clones share its parameters and its state.
#[derive(Clone)]
pub struct Module {
    object: Object,
    loaded: Option<Arc<Loaded>>,
}

impl Module {
    pub fn new(object: Object) -> Module {
        Module { object, loaded: None }
    }
    pub fn loaded(object: Object, loaded: Arc<Loaded>) -> Module {
        Module {
            object,
            loaded: Some(loaded),
        }
    }

    pub fn object(&self) -> &Object {
        &self.object
    }
    /// The file that the module was loaded from.
    pub fn origin(&self) -> Option<&Arc<Loaded>> {
        self.loaded.as_ref()
    }
    pub fn class_name(&self) -> Arc<str> {
        self.object.class().name.clone()
    }

    pub fn method(&self, name: &str) -> Option<Arc<Function>> {
        self.object.class().method(name)
    }
    pub fn methods(&self) -> Vec<Arc<Function>> {
        self.object.class().methods()
    }

    /// Calls a method. Arguments are converted and checked as PyTorch does for calls from Python.
    pub fn call(
        &self,
        runtime: &Arc<Runtime>,
        method: &str,
        args: Vec<IValue>,
        kwargs: Vec<(String, IValue)>,
    ) -> Result<IValue, Error> {
        let function = self.method(method).ok_or_else(|| {
            let names: Vec<String> = self
                .methods()
                .iter()
                .map(|m| m.short_name().to_string())
                .collect();
            let message = format!(
                "'{}' has no method '{method}'; it has [{}]",
                self.class_name(),
                names.join(", ")
            );
            Error::new(exec::ErrorKind::Arguments, message)
        })?;
        call_function(runtime, &function, Some(&self.object), args, kwargs)
    }

    /// Attributes with their types, in order.
    pub fn attributes(&self) -> Vec<(Arc<str>, Type, IValue)> {
        let attributes = self.object.class().attributes();
        let value = |slot| self.object.get_slot(slot).unwrap_or_default();
        attributes
            .into_iter()
            .enumerate()
            .map(|(slot, a)| (a.name, a.ty, value(slot)))
            .collect()
    }

    /// Submodules one level down.
    pub fn children(&self) -> Vec<(Arc<str>, Module)> {
        let is_module = |value: IValue| match value {
            IValue::Object(o) if o.class().is_module => Some(o),
            _ => None,
        };
        self.attributes()
            .into_iter()
            .filter_map(|(name, _, value)| {
                Some((
                    name,
                    Module {
                        object: is_module(value)?,
                        loaded: self.loaded.clone(),
                    },
                ))
            })
            .collect()
    }

    /// All submodules with their dotted names, this one first under the empty name. Each module comes once.
    pub fn named_modules(&self) -> Vec<(String, Module)> {
        let mut found: Vec<(String, Module)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut pending = vec![(String::new(), self.clone())];
        while let Some((name, module)) = pending.pop() {
            if !seen.insert(module.object.address()) {
                continue;
            }
            for (child, inner) in module.children().into_iter().rev() {
                pending.push((join(&name, &child), inner));
            }
            found.push((name, module));
        }
        found
    }

    /// A tensor that several modules share comes once, under its first name, as PyTorch lists it.
    fn named_tensors(&self, kind: AttributeKind) -> Vec<(String, Tensor)> {
        let mut found: Vec<(String, Tensor)> = Vec::new();
        let mut seen = HashSet::new();
        for (prefix, module) in self.named_modules() {
            for (slot, attribute) in module.object.class().attributes().into_iter().enumerate() {
                if attribute.kind == kind
                    && let Some(IValue::Tensor(tensor)) = module.object.get_slot(slot)
                    && seen.insert(tensor.id())
                {
                    found.push((join(&prefix, &attribute.name), tensor));
                }
            }
        }
        found
    }
    pub fn named_parameters(&self) -> Vec<(String, Tensor)> {
        self.named_tensors(AttributeKind::Parameter)
    }
    pub fn named_buffers(&self) -> Vec<(String, Tensor)> {
        self.named_tensors(AttributeKind::Buffer)
    }

    /// Sets `training` in this module and all below.
    pub fn train(&self, on: bool) {
        for (_, module) in self.named_modules() {
            module.object.set("training", IValue::Bool(on));
        }
    }
    pub fn is_training(&self) -> bool {
        self.object
            .get("training")
            .and_then(|v| v.as_bool())
            .unwrap_or(true)
    }

    /// A module of the same classes with its own attributes. Tensors that programs only read are shared; buffers and
    /// plain tensor attributes, which programs write, are copied.
    pub fn with_own_state(&self) -> flambeau_tensor::Result<Module> {
        let mut made = std::collections::HashMap::new();
        let object = copy_object(&self.object, &mut made)?;
        Ok(Module {
            object,
            loaded: self.loaded.clone(),
        })
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_string()
    } else {
        format!("{prefix}.{name}")
    }
}

type Copies = std::collections::HashMap<usize, IValue>;

fn copy_object(object: &Object, made: &mut Copies) -> flambeau_tensor::Result<Object> {
    let address = object.address();
    if let Some(IValue::Object(copy)) = made.get(&address) {
        return Ok(copy.clone());
    }
    let copy = Object::new(object.class().clone());
    made.insert(address, IValue::Object(copy.clone()));
    for (slot, attribute) in object.class().attributes().into_iter().enumerate() {
        let value = object.get_slot(slot).unwrap_or_default();
        let value = match (&value, attribute.kind) {
            (IValue::Tensor(_), AttributeKind::Parameter) => value,
            _ => copy_value(&value, made)?,
        };
        copy.set_slot(slot, value);
    }
    Ok(copy)
}

fn copy_value(value: &IValue, made: &mut Copies) -> flambeau_tensor::Result<IValue> {
    use flambeau_ir::value::{Dict, List, TupleValue};
    Ok(match value {
        IValue::Object(o) => IValue::Object(copy_object(o, made)?),
        IValue::Tensor(t) => match made.get(&t.id()) {
            Some(copy) => copy.clone(),
            None => {
                let copy = IValue::Tensor(t.copy()?);
                made.insert(t.id(), copy.clone());
                copy
            }
        },
        IValue::List(l) => match made.get(&l.address()) {
            Some(copy) => copy.clone(),
            None => {
                let items = l
                    .to_vec()
                    .iter()
                    .map(|v| copy_value(v, made))
                    .collect::<Result<_, _>>()?;
                let copy = IValue::List(List::new(l.element_type().clone(), items));
                made.insert(l.address(), copy.clone());
                copy
            }
        },
        IValue::Dict(d) => match made.get(&d.address()) {
            Some(copy) => copy.clone(),
            None => {
                let copy = Dict::new(d.key_type().clone(), d.value_type().clone());
                for (k, v) in d.pairs() {
                    copy.insert(k, copy_value(&v, made)?);
                }
                made.insert(d.address(), IValue::Dict(copy.clone()));
                IValue::Dict(copy)
            }
        },
        IValue::Tuple(t) => {
            let items: Vec<IValue> = t
                .items
                .iter()
                .map(|v| copy_value(v, made))
                .collect::<Result<_, _>>()?;
            IValue::Tuple(Arc::new(TupleValue {
                items: items.into(),
                ty: t.ty.clone(),
            }))
        }
        other => other.clone(),
    })
}

/// Calls a function, or a method when `this` is given.
pub fn call_function(
    runtime: &Arc<Runtime>,
    function: &Arc<Function>,
    this: Option<&Object>,
    args: Vec<IValue>,
    kwargs: Vec<(String, IValue)>,
) -> Result<IValue, Error> {
    let schema = function.schema().map_err(Error::compile)?;
    let args = this
        .map(|o| IValue::Object(o.clone()))
        .into_iter()
        .chain(args)
        .collect();
    let args =
        bind(schema, args, kwargs).map_err(|message| Error::new(exec::ErrorKind::Arguments, message))?;
    let program = exec::program_of(function)?;
    exec::run::run(runtime, &program, args)
}

/// The module that PyTorch puts around a function to save it.
pub fn around(function: &Arc<Function>) -> Result<Module, DefineError> {
    let class = ClassType::new("__torch__.PlaceholderModule", true);
    class.add_attribute("training", Type::Bool, AttributeKind::Regular);
    let mut graph = function.graph()?.copy();
    let this = graph.insert_block_param(graph.block(), 0, Type::Class(class.clone()));
    graph.set_name(this, "self");
    // The signature is the graph's: without defaults, and with the type that the result has.
    let mut schema = function.schema()?.clone();
    schema.name = "forward".into();
    for (i, argument) in schema.arguments.iter_mut().enumerate() {
        argument.default = None;
        // A parameter called `_` is nameless.
        if &*argument.name == "_" {
            argument.name = format!("argument_{}", i + 1).into();
        }
    }
    for (ret, value) in schema.returns.iter_mut().zip(graph.outputs()) {
        ret.ty = graph.ty(*value).clone();
    }
    schema
        .arguments
        .insert(0, Argument::new("self", Type::Class(class.clone())));
    let body = Body { schema, graph };
    class.add_method(Function::defined("__torch__.PlaceholderModule.forward", body));
    let object = Object::new(class);
    object.set("training", IValue::Bool(true));
    Ok(Module::new(object))
}

/// What [`operators`] finds.
#[derive(Default)]
pub struct Operators {
    /// By schema: whether it can run, and where it is used.
    pub uses: BTreeMap<String, (bool, Vec<String>)>,
    /// Functions that do not compile.
    pub errors: Vec<DefineError>,
}

/// The operators in all methods of a module and below, and in the functions that they call.
pub fn operators(module: &Module) -> Operators {
    let mut found = Operators::default();
    let mut seen = HashSet::new();
    let mut pending: Vec<Arc<Function>> = Vec::new();
    for (_, module) in module.named_modules().into_iter().rev() {
        pending.extend(module.methods().into_iter().rev());
    }
    while let Some(function) = pending.pop() {
        if !seen.insert(Arc::as_ptr(&function)) {
            continue;
        }
        match function.graph() {
            Ok(graph) => collect(graph, &mut found, &mut pending),
            Err(error) => found.errors.push(error),
        }
    }
    // Compiling stops at the first operator that nobody has; the text tells the others.
    if !found.errors.is_empty()
        && let Some(loaded) = module.origin()
    {
        for file in loaded.code_files() {
            let text = loaded.code_file(&file).unwrap_or_default();
            for (name, line) in unknown_calls(&text) {
                let entry = found.uses.entry(name).or_insert_with(|| (false, Vec::new()));
                let place = format!("{file}:{line}");
                if !entry.1.contains(&place) {
                    entry.1.push(place);
                }
            }
        }
    }
    found
}

/// The calls `ops.mine.f(…)` and `torch.f(…)` in an archive's text that no operator is named for, with their lines.
fn unknown_calls(text: &str) -> Vec<(String, usize)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(open) = rest.find('(') {
            let start = rest[..open]
                .rfind(|c| !is_part(c))
                .map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
            let path: Vec<&str> = rest[start..open].split('.').collect();
            // Text that begins in quotes is no code.
            let is_quoted = rest[..start].ends_with(['"', '\'']);
            let name = match path[..] {
                ["ops", space, name] if space != "prim" => Some(format!("{space}::{name}")),
                ["torch", name] if name != "device" => Some(format!("aten::{name}")),
                _ => None,
            };
            if let Some(name) = name.filter(|n| !is_quoted && !flambeau_ops::table().contains(n)) {
                found.push((name, number + 1));
            }
            rest = &rest[open + 1..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::unknown_calls;

    #[test]
    fn calls_of_what_is_not_there() {
        let check = |text: &str, expected: &[(&str, usize)]| {
            let found = unknown_calls(text);
            let found: Vec<(&str, usize)> = found.iter().map(|(n, l)| (&**n, *l)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("x = torch.add(y, torch.neg(z))", &[]);
        check(
            "x = ops.mine.f(torch.g(y), 2)\n\ny = (self).g(x, )",
            &[("mine::f", 1), ("aten::g", 1)],
        );
        check(
            "ops.prim.RaiseException(\"torch.nothing()\", x)\n  a.torch.nothing(1)",
            &[],
        );
        check(
            "torch.device(\"cpu\")\nops.a.b(ops.a.c(é(1)))",
            &[("a::b", 2), ("a::c", 2)],
        );
    }
}

fn collect(g: &Graph, found: &mut Operators, functions: &mut Vec<Arc<Function>>) {
    for node in g.all_nodes() {
        let data = g.node(node);
        functions.extend(data.function.clone());
        if let Some(Attr::Graph(inner)) = g.attr(node, "Subgraph") {
            collect(inner, found, functions);
        }
        let (name, is_supported) = match &data.op {
            Some(op) => (
                op.text(),
                op.is_runnable() || exec::build::is_structural(op.name()),
            ),
            None if data.kind.starts_with("prim::") || flambeau_ops::table().contains(&data.kind) => continue,
            None => (&*data.kind, false),
        };
        let entry = found
            .uses
            .entry(name.to_string())
            .or_insert_with(|| (is_supported, Vec::new()));
        if let Some((file, line, _)) = data.range.as_ref().and_then(|r| r.file_line_col()) {
            let place = format!("{file}:{line}");
            if !entry.1.contains(&place) {
                entry.1.push(place);
            }
        }
    }
}
