//! Classes of a program: which kind each is, and the types that they become.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use flambeau_ir::function::Function;
use flambeau_ir::types::{ClassType, EnumType, InterfaceType, NamedTupleInfo, Property, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::{self as ast, SourceFile};

use super::desugar;
use super::error::{CompileError, ErrorKind, Result, Text};
use super::host::{HostValue, Scope};
use super::program::{Binding, Program, decorated, unused_function};
use super::python_names::is_builtin_exception;
use super::script::compiled;

impl Program {
    /// The names of a class's bases, as dotted paths through imports.
    pub(super) fn bases(&self, class: &ast::ClassDef) -> Vec<String> {
        class.bases.iter().filter_map(|b| self.path_of(b)).collect()
    }

    /// `nn.Module` as `torch.nn.Module`.
    pub(super) fn path_of(&self, expr: &ast::Expr) -> Option<String> {
        let dotted = expr.dotted()?;
        let (root, rest) = dotted
            .split_once('.')
            .map_or((dotted.as_str(), None), |(r, s)| (r, Some(s)));
        let root = match self.bindings.get(root) {
            Some(Binding::Import(path)) => path.clone(),
            _ => root.to_string(),
        };
        Some(rest.map_or(root.clone(), |rest| format!("{root}.{rest}")))
    }

    pub(super) fn class_value(&self, name: &str, class: &Arc<ast::ClassDef>) -> Result<HostValue> {
        let bases = self.bases(class);
        let is = |base: &str| bases.iter().any(|b| b == base);
        let value = if is("typing.NamedTuple") {
            HostValue::NamedTuple(self.named_tuple(name, class)?)
        } else if is("enum.Enum") || is("enum.IntEnum") {
            HostValue::Enum(self.enum_type(name, class)?)
        } else if bases.iter().any(|b| self.is_exception(b)) {
            HostValue::Exception(format!("{}.{name}", self.module).into())
        } else if decorated(&class.decorators, "interface") {
            let ty = self.interface(name, class, is("torch.nn.Module"))?;
            let value = HostValue::Interface(ty);
            self.cache.lock().insert(name.into(), value.clone());
            return Ok(value);
        } else if self.is_module(class) {
            HostValue::ModuleClass {
                name: name.into(),
                members: Some(Arc::new(ClassMembers {
                    program: self.this.clone(),
                    name: name.to_string(),
                    def: class.clone(),
                })),
            }
        } else {
            return self.script_class(name, class);
        };
        self.cache.lock().insert(name.into(), value.clone());
        Ok(value)
    }

    /// Whether a class derives from `torch.nn.Module`.
    pub(super) fn is_module(&self, class: &ast::ClassDef) -> bool {
        self.bases(class)
            .iter()
            .any(|base| match self.bindings.get(base) {
                Some(Binding::Class(base)) if base.name.span != class.name.span => self.is_module(base),
                _ => base.starts_with("torch.nn."),
            })
    }

    pub(super) fn is_exception(&self, base: &str) -> bool {
        match self.bindings.get(base) {
            Some(Binding::Class(class)) => self.bases(class).iter().any(|b| self.is_exception(b)),
            _ => is_builtin_exception(base),
        }
    }

    /// The type that an annotation of another text stands for, by this program's names.
    pub(crate) fn annotation_in(&self, expr: &ast::Expr, file: &Arc<SourceFile>) -> Result<Type> {
        let text = Text::of_file(file.clone());
        let expr = desugar::expr(expr, &text)?;
        super::annotations::read(&expr, &text, &*self.resolver()?, self.table)
    }

    pub(crate) fn annotation(&self, expr: &ast::Expr) -> Result<Type> {
        let expr = desugar::expr(expr, &self.text)?;
        super::annotations::read(&expr, &self.text, &*self.resolver()?, self.table)
    }

    pub(super) fn named_tuple(&self, name: &str, class: &ast::ClassDef) -> Result<Type> {
        let mut fields: Vec<Arc<str>> = Vec::new();
        let mut types = Vec::new();
        let mut defaults = Vec::new();
        for stmt in &class.body {
            let Some((field, annotation, value)) = stmt.as_declaration() else {
                continue;
            };
            let ty = self.annotation(annotation)?;
            if let Some(value) = value
                && let Some(value) = self.constant(value)?
            {
                defaults.push(super::function::fit_default(&value, &ty).unwrap_or(value));
            }
            fields.push(field.into());
            types.push(ty);
        }
        let info = NamedTupleInfo {
            name: self.qualified(name).into(),
            fields,
            defaults,
        };
        Ok(Type::named_tuple(info.into(), types))
    }

    pub(super) fn enum_type(&self, name: &str, class: &ast::ClassDef) -> Result<Type> {
        let mut members: Vec<(Arc<str>, IValue)> = Vec::new();
        for stmt in &class.body {
            let ast::StmtKind::Assign { targets, value, .. } = &stmt.kind else {
                continue;
            };
            let Some(member) = targets.first().and_then(ast::Expr::as_name) else {
                continue;
            };
            let Some(value) = self.constant(value)? else {
                continue;
            };
            // A second name for a value is not a member.
            if !members.iter().any(|(_, have)| *have == value) {
                members.push((member.into(), value));
            }
        }
        if members.is_empty() {
            let message = "No enum values defined for: '<class 'enum.EnumType'>'";
            return Err(CompileError::new(ErrorKind::Value, message));
        }
        let value_type = members.first().map_or(Type::Int, |(_, v)| v.ty());
        // They are compared from the last one on.
        let last_type = members.last().map_or(Type::Int, |(_, v)| v.ty());
        for (i, (_, value)) in members.iter().rev().enumerate() {
            let ty = value.ty();
            if ty != last_type {
                return Err(CompileError::new(
                    ErrorKind::Compile,
                    format!(
                        "Could not unify type list since element {i} of type {} did not match the types before it ({})",
                        ty.repr_str(),
                        last_type.repr_str()
                    ),
                ));
            }
        }
        if !matches!(value_type, Type::Int | Type::Float | Type::Str) {
            return Err(CompileError::new(
                ErrorKind::Compile,
                format!(
                    "Cannot create Enum with value type '{}', only int, float and string are supported",
                    value_type.schema_str()
                ),
            ));
        }
        Ok(Type::Enum(Arc::new(EnumType {
            name: self.qualified(name).into(),
            value_type,
            members,
        })))
    }

    pub(super) fn interface(&self, name: &str, class: &ast::ClassDef, is_module: bool) -> Result<Type> {
        let interface = InterfaceType::new(self.qualified(name), is_module);
        let ty = Type::Interface(interface.clone());
        self.cache
            .lock()
            .insert(name.into(), HostValue::Interface(ty.clone()));
        let resolver = self.resolver()?;
        for stmt in &class.body {
            if let ast::StmtKind::FunctionDef(function) = &stmt.kind {
                let schema = super::import::interface_method(
                    function, &self.text, &interface, &*resolver, self.table,
                )?;
                interface.add_method(schema);
            }
        }
        Ok(ty)
    }

    pub(super) fn script_class(&self, name: &str, def: &Arc<ast::ClassDef>) -> Result<HostValue> {
        // A class that is only used has its own methods compiled, whatever it inherits.
        let is_scripted = decorated(&def.decorators, "script");
        if is_scripted && def.bases.iter().any(|b| b.as_name() != Some("object")) {
            let message = "TorchScript classes does not support inheritance yet. Please directly inherit from 'object'.";
            return Err(CompileError::new(ErrorKind::Compile, message));
        }
        let qualified = self.qualified(name);
        let class = ClassType::new(&*qualified, false);
        let members = ClassMembers {
            program: self.this.clone(),
            name: name.into(),
            def: def.clone(),
        };
        let value = HostValue::Class {
            class: class.clone(),
            members: Some(Arc::new(members)),
        };
        // Methods may name the class they are in.
        self.cache.lock().insert(name.into(), value.clone());
        let mut methods: BTreeMap<String, (Arc<Text>, Arc<ast::FunctionDef>)> = BTreeMap::new();
        let is_dataclass = decorated(&def.decorators, "dataclass");
        let mut getters: BTreeMap<String, Arc<ast::FunctionDef>> = BTreeMap::new();
        let mut setters: BTreeMap<String, Arc<ast::FunctionDef>> = BTreeMap::new();
        for stmt in &def.body {
            match &stmt.kind {
                ast::StmtKind::FunctionDef(function) => {
                    let function = Arc::new((**function).clone());
                    let method = function.name.name.clone();
                    if decorated(&function.decorators, "staticmethod") {
                        continue;
                    }
                    if decorated(&function.decorators, "property") {
                        getters.insert(method, function);
                    } else if decorated(&function.decorators, "setter") {
                        setters.insert(method, function);
                    } else {
                        methods.insert(method, (self.text.clone(), function));
                    }
                }
                ast::StmtKind::Assign { targets, .. } => {
                    for target in targets.iter().filter_map(ast::Expr::as_name) {
                        class.add_unresolved(target, "class attribute");
                    }
                }
                ast::StmtKind::AnnAssign {
                    target,
                    value: Some(_),
                    ..
                } if !is_dataclass => {
                    if let Some(target) = target.as_name() {
                        class.add_unresolved(target, "class attribute");
                    }
                }
                _ => {}
            }
        }
        let result = (|| -> Result<()> {
            let context = Some((name, &class));
            if is_dataclass {
                for (text, function) in super::dataclass::methods(def, &self.text)? {
                    methods.insert(function.name.name.clone(), (text, function));
                }
            }
            for (property, getter) in &getters {
                let getter = self.define(&format!("{qualified}.__{property}_getter"), getter, context)?;
                class.add_method(getter.clone());
                let setter = match setters.get(property) {
                    Some(setter) => {
                        let setter =
                            self.define(&format!("{qualified}.__{property}_setter"), setter, context)?;
                        class.add_method(setter.clone());
                        Some(setter)
                    }
                    None => None,
                };
                class.add_property(Property {
                    name: property.as_str().into(),
                    getter,
                    setter,
                });
            }
            for (method, (text, function)) in &methods {
                let function = if decorated(&function.decorators, "unused") {
                    let mut unused = unused_function(function);
                    unused.returns = function.returns.clone();
                    // Whatever the parameters are, nothing is done with them.
                    for param in unused.params.iter_mut().skip(1) {
                        let any = ast::ExprKind::Name("Any".into());
                        param.annotation = Some(ast::Expr::new(any, param.span));
                    }
                    unused
                } else {
                    (**function).clone()
                };
                class.add_method(self.define_from(
                    text,
                    &format!("{qualified}.{method}"),
                    &function,
                    context,
                )?);
            }
            compile_methods(&class)
        })();
        if let Err(error) = result {
            self.cache.lock().remove(name);
            return Err(error);
        }
        Ok(value)
    }
}

/// The static methods and other attributes of a script class.
struct ClassMembers {
    program: Weak<Program>,
    name: String,
    def: Arc<ast::ClassDef>,
}

impl Scope for ClassMembers {
    fn get(&self, name: &str) -> Result<Option<HostValue>> {
        let Some(program) = self.program.upgrade() else {
            return Ok(None);
        };
        let key = format!("{}.{name}", self.name);
        if let Some(value) = program.cache.lock().get(&key) {
            return Ok(Some(value.clone()));
        }
        for stmt in &self.def.body {
            match &stmt.kind {
                ast::StmtKind::FunctionDef(function)
                    if function.name.name == name && decorated(&function.decorators, "staticmethod") =>
                {
                    let function = program.define(&program.qualified(name), function, None)?;
                    let value = HostValue::Functions(vec![function]);
                    program.cache.lock().insert(key, value.clone());
                    return Ok(Some(value));
                }
                ast::StmtKind::Assign { targets, value, .. }
                    if targets.first().and_then(ast::Expr::as_name) == Some(name) =>
                {
                    return program.value(value).map(Some);
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// `__init__` first: it decides which attributes there are.
pub(super) fn compile_methods(class: &Arc<ClassType>) -> Result<()> {
    let compiled = |method: &Arc<Function>| {
        compiled(method).map_err(|mut error| {
            if error.frames.is_empty()
                && error.place.is_some()
                && error.kind == super::error::ErrorKind::Compile
            {
                error.entered = Some(super::values::call_name(method, true));
            }
            error
        })
    };
    if let Some(init) = class.method("__init__") {
        compiled(&init)?;
    }
    for method in class.methods() {
        compiled(&method)?;
    }
    Ok(())
}
