//! `nn.Module`s as the compiler sees them: a class type, the Python-side facts that the type does not hold, and what
//! code may do with a module, its children and its parameters.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::ValueId;
use flambeau_ir::types::{AttributeKind, ClassType, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;
use parking_lot::RwLock;

use super::Emitter;
use super::error::Result;
use super::host::{Callback, HostValue};
use super::sugared::{IterableTree, ModuleDict, NamedValue, Sugared};

/// Containers that code can iterate over and index while it is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IterableKind {
    #[default]
    None,
    List,
    Dict,
    ParameterList,
    ParameterDict,
}

/// What Python knows about the class that a module was made from.
pub trait ModuleHost: Send + Sync {
    /// A method that is not compiled yet, or a static function. `Ok(None)`: there is no such thing.
    fn method(&self, module: &Arc<ConcreteModule>, name: &str) -> Result<Option<ModuleMember>>;
}

pub enum ModuleMember {
    /// The method is compiled now; the class has it.
    Compiled,
    /// Several compiled methods stand for one name.
    Overloads(Vec<Arc<str>>),
    Value(HostValue),
    /// `@torch.jit.unused` and its like: calling it raises when the program runs.
    Unused(Arc<Function>),
    /// `@torch.jit.ignore`: stays Python's.
    Callback(Arc<Callback>),
}

/// A module's type with what else is known of it.
pub struct ConcreteModule {
    pub class: Arc<ClassType>,
    /// Set where the module is seen through an interface.
    pub interface: Option<Type>,
    pub iterable: IterableKind,
    pub submodules: RwLock<HashMap<String, Arc<ConcreteModule>>>,
    /// Functions that are attributes.
    pub functions: HashMap<String, Arc<Function>>,
    pub builtins: HashMap<String, Arc<str>>,
    pub overloads: HashMap<String, Vec<Arc<str>>>,
    /// Why attributes are not there.
    pub failed: HashMap<String, String>,
    pub host: Option<Arc<dyn ModuleHost>>,
}

impl ConcreteModule {
    /// A module of which only its type is known.
    pub fn of_class(class: Arc<ClassType>) -> Arc<ConcreteModule> {
        Arc::new(ConcreteModule {
            class,
            interface: None,
            iterable: IterableKind::None,
            submodules: RwLock::default(),
            functions: HashMap::new(),
            builtins: HashMap::new(),
            overloads: HashMap::new(),
            failed: HashMap::new(),
            host: None,
        })
    }

    /// The module seen through an interface.
    pub fn through(&self, interface: Type) -> ConcreteModule {
        ConcreteModule {
            class: self.class.clone(),
            interface: Some(interface),
            iterable: self.iterable,
            submodules: self.submodules.read().clone().into(),
            functions: self.functions.clone(),
            builtins: self.builtins.clone(),
            overloads: self.overloads.clone(),
            failed: self.failed.clone(),
            host: self.host.clone(),
        }
    }

    fn submodule(&self, name: &str, class: &Arc<ClassType>) -> Arc<ConcreteModule> {
        if let Some(have) = self.submodules.read().get(name) {
            return have.clone();
        }
        ConcreteModule::of_class(class.clone())
    }
}

impl Emitter<'_> {
    /// The children in order, with their names as constants.
    fn children(&mut self, this: ValueId, module: &Arc<ConcreteModule>) -> (Vec<Sugared>, Vec<Sugared>) {
        let mut keys = Vec::new();
        let mut values = Vec::new();
        for attribute in module.class.attributes() {
            let is_module = match &attribute.ty {
                Type::Class(class) => class.is_module,
                Type::Interface(interface) => interface.is_module,
                _ => false,
            };
            if !is_module {
                continue;
            }
            let key = self.constant(IValue::Str(attribute.name.clone()), None);
            let child = self.get_attr(this, &attribute.name, attribute.ty.clone());
            keys.push(Sugared::Simple(key));
            values.push(self.child(module, &attribute.name, &attribute.ty, child));
        }
        (keys, values)
    }

    fn child(&self, module: &ConcreteModule, name: &str, ty: &Type, value: ValueId) -> Sugared {
        match ty {
            Type::Class(class) => Sugared::Module(value, module.submodule(name, class)),
            _ => Sugared::Simple(value),
        }
    }

    /// Parameters or buffers in order.
    fn named_values_of(
        &mut self,
        this: ValueId,
        module: &Arc<ConcreteModule>,
        kind: AttributeKind,
    ) -> (Vec<Sugared>, Vec<Sugared>) {
        let mut keys = Vec::new();
        let mut values = Vec::new();
        for attribute in module.class.attributes() {
            if attribute.kind != kind {
                continue;
            }
            let key = self.constant(IValue::Str(attribute.name.clone()), None);
            // PyTorch reads the attribute twice; the first read is dead.
            self.get_attr(this, &attribute.name, attribute.ty.clone());
            let value = self.get_attr(this, &attribute.name, attribute.ty.clone());
            keys.push(Sugared::Simple(key));
            values.push(Sugared::Simple(value));
        }
        (keys, values)
    }

    fn module_dict(&mut self, this: ValueId, module: &Arc<ConcreteModule>) -> ModuleDict {
        let (keys, values) = self.children(this, module);
        ModuleDict {
            owner: (this, module.clone()),
            keys,
            values,
        }
    }

    pub(super) fn module_as_tuple(&mut self, sugared: &Sugared, loc: Span) -> Result<Sugared> {
        match sugared {
            Sugared::Module(value, module) if module.iterable == IterableKind::List => {
                Ok(Sugared::Tuple(self.children(*value, module).1))
            }
            _ => self.fail(loc, "Only ModuleList or Sequential modules can be used as tuple"),
        }
    }

    pub(super) fn module_iter(
        &mut self,
        this: ValueId,
        module: &Arc<ConcreteModule>,
        loc: Span,
    ) -> Result<Sugared> {
        match module.iterable {
            IterableKind::Dict => Ok(Sugared::Tuple(self.children(this, module).0)),
            IterableKind::List => Ok(Sugared::Tuple(self.children(this, module).1)),
            IterableKind::ParameterList => {
                Ok(Sugared::Tuple(self.named_values_of(this, module, AttributeKind::Parameter).1))
            }
            IterableKind::None | IterableKind::ParameterDict => self.fail(
                loc,
                "Only constant Sequential, ModuleList, ModuleDict, or ParameterList can be used as an iterable",
            ),
        }
    }

    pub(super) fn module_item(
        &mut self,
        this: ValueId,
        module: &Arc<ConcreteModule>,
        loc: Span,
        index: ValueId,
        hint: Option<&Type>,
    ) -> Result<Sugared> {
        let container_index = |e: &mut Self, hint: &Type| -> Result<Sugared> {
            for attribute in module.class.attributes() {
                let is_module = matches!(&attribute.ty, Type::Class(c) if c.is_module);
                if is_module && let Err(why) = super::subtype(&attribute.ty, hint) {
                    return e.fail(
                        loc,
                        format!(
                            "Attribute {} is not of annotated type {}: {why}",
                            attribute.name,
                            hint.annotation_str()
                        ),
                    );
                }
            }
            Ok(Sugared::Simple(e.typed(
                "prim::ModuleContainerIndex",
                &[this, index],
                hint.clone(),
                None,
            )))
        };
        match module.iterable {
            IterableKind::List => match hint {
                Some(hint) => container_index(self, hint),
                None => {
                    let items = self.children(this, module).1;
                    self.sugared_item(&items, loc, index)
                }
            },
            IterableKind::ParameterList => {
                let items = self.named_values_of(this, module, AttributeKind::Parameter).1;
                self.sugared_item(&items, loc, index)
            }
            IterableKind::Dict | IterableKind::ParameterDict => {
                if let Some(key) = self.g.constant(index) {
                    let (keys, values) = match module.iterable {
                        IterableKind::Dict => self.children(this, module),
                        _ => self.named_values_of(this, module, AttributeKind::Parameter),
                    };
                    for (k, value) in keys.iter().zip(&values) {
                        if k.simple().and_then(|k| self.g.constant(k)).as_ref() == Some(&key) {
                            return Ok(value.clone());
                        }
                    }
                    let key = key.as_str().unwrap_or("").to_string();
                    return self.fail(loc, format!("Key Error, {key}"));
                }
                match hint {
                    Some(hint) => container_index(self, hint),
                    None => self.fail(
                        loc,
                        "Unable to extract string literal index. ModuleDict indexing is only supported with string literals. Enumeration of ModuleDict is supported, e.g. 'for k, v in self.items(): ...'",
                    ),
                }
            }
            IterableKind::None => self.fail(
                loc,
                "Only ModuleList, Sequential, ModuleDict, ParameterList, and ParameterDict modules are subscriptable",
            ),
        }
    }

    pub(super) fn try_module_attr(
        &mut self,
        this: ValueId,
        module: &Arc<ConcreteModule>,
        loc: Span,
        field: &str,
    ) -> Result<Option<Sugared>> {
        if module.interface.is_some() {
            return Ok(Some(self.attr(&Sugared::Simple(this), loc, field)?));
        }
        let class = &module.class;
        if let Some(attribute) = class.attribute(field) {
            if matches!(&attribute.ty, Type::Class(c) if c.is_module) {
                let child = self.get_attr(this, field, attribute.ty.clone());
                return Ok(Some(self.child(module, field, &attribute.ty, child)));
            }
            return Ok(Some(self.attr(&Sugared::Simple(this), loc, field)?));
        }
        if class.method(field).is_some() {
            return Ok(Some(self.attr(&Sugared::Simple(this), loc, field)?));
        }
        if let Some(constant) = class.constant(field) {
            return Ok(Some(Sugared::Simple(self.module_constant(constant, loc))));
        }
        if module.iterable == IterableKind::Dict && matches!(field, "items" | "keys" | "values") {
            let dict = self.module_dict(this, module);
            return Ok(Some(self.module_dict_attr(&dict, loc, field)?));
        }
        if matches!(field, "named_modules" | "modules" | "children" | "named_children") {
            let dict = self.module_dict(this, module);
            return Ok(Some(self.module_dict_attr(&dict, loc, field)?));
        }
        if field == "named_buffers" {
            let (keys, values) = self.named_values_of(this, module, AttributeKind::Buffer);
            let dict = ModuleDict {
                owner: (this, module.clone()),
                keys,
                values,
            };
            return Ok(Some(self.module_dict_attr(&dict, loc, field)?));
        }
        if let Some(names) = module.overloads.get(field) {
            return Ok(Some(Sugared::Method {
                this,
                names: names.clone(),
            }));
        }
        if let Some(function) = module.functions.get(field) {
            return Ok(Some(Sugared::Function(vec![function.clone()])));
        }
        if let Some(op) = module.builtins.get(field) {
            return Ok(Some(Sugared::builtin(op)));
        }
        let Some(host) = &module.host else { return Ok(None) };
        let found = host.method(module, field);
        match found.map_err(|error| self.through_method(error, module, field))? {
            None => Ok(None),
            Some(ModuleMember::Compiled) => Ok(Some(Sugared::Method {
                this,
                names: vec![field.into()],
            })),
            Some(ModuleMember::Overloads(names)) => Ok(Some(Sugared::Method { this, names })),
            Some(ModuleMember::Value(value)) => Ok(Some(self.from_host(value, loc, false)?)),
            Some(ModuleMember::Callback(callback)) => Ok(Some(Sugared::Callback {
                this: Some(this),
                callback,
            })),
            Some(ModuleMember::Unused(function)) => Ok(Some(Sugared::Unused {
                this: Some(this),
                function,
            })),
        }
    }

    fn module_constant(&mut self, value: IValue, loc: Span) -> ValueId {
        match &value {
            IValue::Tuple(items) => {
                let values: Vec<ValueId> = items
                    .items
                    .iter()
                    .map(|i| self.module_constant(i.clone(), loc))
                    .collect();
                self.tuple(&values)
            }
            _ => self.constant(value, Some(loc)),
        }
    }

    pub(super) fn module_attr(
        &mut self,
        this: ValueId,
        module: &Arc<ConcreteModule>,
        loc: Span,
        field: &str,
    ) -> Result<Sugared> {
        if let Some(found) = self.try_module_attr(this, module, loc, field)? {
            return Ok(found);
        }
        if let Some(property) = module.class.property(field) {
            let getter = property.getter.short_name().to_string();
            return Ok(Sugared::Simple(self.call_method(loc, this, &getter, &[], &[])?));
        }
        let hint = module.failed.get(field).map_or("", String::as_str);
        let name = module.class.short_name();
        self.fail(loc, format!("Module '{name}' has no attribute '{field}' {hint}"))
    }

    pub(super) fn module_dict_attr(&mut self, dict: &ModuleDict, loc: Span, field: &str) -> Result<Sugared> {
        let tuple = |items: &[Sugared]| Sugared::Tuple(items.to_vec());
        let iterable = match field {
            "keys" => tuple(&dict.keys),
            "values" | "children" => tuple(&dict.values),
            "items" | "named_children" | "named_buffers" => {
                let mut tree = IterableTree::default();
                self.add_iterable(loc, &mut tree, tuple(&dict.keys))?;
                self.add_iterable(loc, &mut tree, tuple(&dict.values))?;
                Sugared::Iterables(tree.into())
            }
            "modules" | "named_modules" => {
                let mut keys = Vec::new();
                let mut values = Vec::new();
                let owner = Sugared::Module(dict.owner.0, dict.owner.1.clone());
                self.nested_modules(&owner, "", &mut keys, &mut values);
                if field == "modules" {
                    Sugared::Tuple(values)
                } else {
                    let mut tree = IterableTree::default();
                    self.add_iterable(loc, &mut tree, Sugared::Tuple(keys))?;
                    self.add_iterable(loc, &mut tree, Sugared::Tuple(values))?;
                    Sugared::Iterables(tree.into())
                }
            }
            _ => return self.fail(loc, format!("ModuleDict has no attribute '{field}'")),
        };
        Ok(Sugared::ModuleDictMethod {
            name: field.into(),
            iterable: iterable.into(),
        })
    }

    fn nested_modules(
        &mut self,
        module: &Sugared,
        prefix: &str,
        keys: &mut Vec<Sugared>,
        values: &mut Vec<Sugared>,
    ) {
        let key = self.constant(IValue::str(prefix), None);
        keys.push(Sugared::Simple(key));
        values.push(module.clone());
        let Sugared::Module(this, concrete) = module else {
            return;
        };
        let (names, children) = self.children(*this, concrete);
        for (name, child) in names.iter().zip(&children) {
            let name = name.simple().and_then(|n| self.g.constant(n));
            let name = name.as_ref().and_then(|n| n.as_str()).unwrap_or("").to_string();
            let path = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}.{name}")
            };
            self.nested_modules(child, &path, keys, values);
        }
    }

    /// `module(…)`: hooks before, `forward`, hooks behind.
    pub(super) fn call_module(
        &mut self,
        loc: Span,
        this: ValueId,
        module: &Arc<ConcreteModule>,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        binders: usize,
    ) -> Result<Sugared> {
        let before = module.class.forward_pre_hooks();
        let behind = module.class.forward_hooks();
        let mut input = None;
        if !before.is_empty() || !behind.is_empty() {
            let values = self.values(args);
            input = Some(self.tuple(&values));
        }
        let mut args = args.to_vec();
        if let (false, Some(mut current)) = (before.is_empty(), input) {
            for hook in before {
                let result = self.call_functions(loc, &[hook], &[this.into(), current.into()], kwargs)?;
                let ty = self.g.ty(result).clone();
                if ty != Type::None {
                    current = if matches!(ty, Type::Tuple(_)) {
                        result
                    } else {
                        self.tuple(&[result])
                    };
                }
            }
            let types = self.g.ty(current).tuple_elements().unwrap_or(&[]).to_vec();
            let node = self.node("prim::TupleUnpack", &[current], 0, None);
            let unpacked: Vec<NamedValue> = types
                .into_iter()
                .map(|ty| self.g.add_output(node, ty).into())
                .collect();
            if !args.is_empty() {
                args = unpacked;
            }
            input = Some(current);
        }
        let forward = self.module_attr(this, module, loc, "forward")?;
        let result = self.call(&forward, loc, &args, kwargs, binders)?;
        let mut output = self.as_value(&result, loc)?;
        if let Some(input) = input {
            for hook in behind {
                let hook_args = [this.into(), input.into(), output.into()];
                let result = self.call_functions(loc, &[hook], &hook_args, kwargs)?;
                if *self.g.ty(result) != Type::None {
                    output = result;
                }
            }
        }
        Ok(Sugared::Simple(output))
    }
}
