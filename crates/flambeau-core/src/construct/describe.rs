//! From built modules to compiled ones: what a module consists of, which methods to compile, which types to share.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::{AttributeKind, Type};
use flambeau_ir::value::{IValue, Object};
use flambeau_syntax as ast;
use parking_lot::Mutex;

use super::Builder;
use super::infer::infer;
use super::value::{Class, Instance, Value};
use crate::lower::callback;
use crate::lower::error::{CompileError, ErrorKind, Result};
use crate::lower::host::{HostValue, Scope};
use crate::lower::module::{ConcreteModule, IterableKind};
use crate::lower::program::{Program, decorated};
use crate::lower::script::{self, FunctionSource, MethodLookup, ModuleSource, ModuleSpec, PropertySource};
use crate::module::Module;

/// Equal for modules that can share a type.
pub(super) type Key = String;

/// A program's names, for its methods.
struct ProgramScope(Arc<Program>);

impl Scope for ProgramScope {
    fn get(&self, name: &str) -> Result<Option<HostValue>> {
        self.0.lookup(name)
    }
    fn get_type(&self, annotation: &str) -> Result<Option<Type>> {
        self.0.find_type(annotation)
    }
}

fn source(program: &Arc<Program>, name: &str, def: &ast::FunctionDef) -> Result<FunctionSource> {
    Ok(FunctionSource {
        name: name.into(),
        text: String::new(),
        file: program.text().file.name.clone(),
        first_line: 1,
        scope: Arc::new(ProgramScope(program.clone())),
        defaults: program.defaults(def)?,
        parsed: Some((Arc::new(def.clone()), program.text().clone())),
        native: false,
        overload: false,
    })
}

fn is_ignored(def: &ast::FunctionDef) -> bool {
    decorated(&def.decorators, "ignore") || decorated(&def.decorators, "unused")
}

/// A class with its bases, as the compiler may ask for their methods from any thread.
struct Members {
    classes: Vec<(Arc<Program>, Arc<ast::ClassDef>)>,
    statics: Mutex<HashMap<String, Arc<Function>>>,
    table: &'static OpTable,
}

impl Members {
    fn of(class: &Rc<Class>, table: &'static OpTable) -> Members {
        let classes = class.mro().into_iter();
        Members {
            classes: classes
                .filter_map(|c| Some((c.program.clone(), c.def.clone()?)))
                .collect(),
            statics: Mutex::default(),
            table,
        }
    }

    /// The nearest definition of every function, by name.
    fn functions(&self) -> Vec<(&Arc<Program>, &ast::FunctionDef)> {
        let mut found: Vec<(&Arc<Program>, &ast::FunctionDef)> = Vec::new();
        for (program, class) in &self.classes {
            let mut own: Vec<&ast::FunctionDef> = Vec::new();
            for stmt in &class.body {
                if let ast::StmtKind::FunctionDef(def) = &stmt.kind {
                    let is_part = decorated(&def.decorators, "_overload_method")
                        || decorated(&def.decorators, "setter");
                    if !is_part {
                        own.retain(|f| f.name.name != def.name.name);
                        own.push(def);
                    }
                }
            }
            for def in own {
                if !found.iter().any(|(_, f)| f.name.name == def.name.name) {
                    found.push((program, def));
                }
            }
        }
        found.sort_by(|a, b| a.1.name.name.cmp(&b.1.name.name));
        found
    }

    fn function(&self, name: &str) -> Option<(&Arc<Program>, &ast::FunctionDef)> {
        self.functions().into_iter().find(|(_, f)| f.name.name == name)
    }

    /// Declarations of a class's own body with a decorator.
    fn declared(&self, decorator: &str) -> Vec<(&Arc<Program>, &ast::FunctionDef)> {
        let mut found = Vec::new();
        for (program, class) in &self.classes {
            for stmt in &class.body {
                if let ast::StmtKind::FunctionDef(def) = &stmt.kind
                    && decorated(&def.decorators, decorator)
                {
                    found.push((program, &**def));
                }
            }
        }
        found
    }

    /// A list of names that the class assigns, such as `__constants__`.
    fn names(&self, of: &str) -> Result<Vec<String>> {
        for (program, class) in &self.classes {
            for stmt in class.body.iter().rev() {
                let ast::StmtKind::Assign { targets, value, .. } = &stmt.kind else {
                    continue;
                };
                if targets.iter().any(|t| t.as_name() == Some(of)) {
                    let items = match program.constant(value)? {
                        Some(IValue::List(items)) => items.to_vec(),
                        Some(IValue::Tuple(items)) => items.items.to_vec(),
                        _ => Vec::new(),
                    };
                    return Ok(items
                        .iter()
                        .filter_map(|i| i.as_str())
                        .map(str::to_string)
                        .collect());
                }
            }
        }
        Ok(Vec::new())
    }
}

/// Functions of containers that are done while code is compiled.
fn is_container(program: &Arc<Program>, name: &str) -> bool {
    program.module_name() == "torch.nn.modules.container" && name != "forward"
}

impl ModuleSource for Members {
    fn find(&self, name: &str) -> Result<MethodLookup> {
        let is_method = |p: &Arc<Program>, def: &ast::FunctionDef| {
            !is_container(p, name) && !decorated(&def.decorators, "property")
        };
        let Some((program, def)) = self.function(name).filter(|(p, def)| is_method(p, def)) else {
            return Ok(MethodLookup::None);
        };
        let source = source(program, name, def)?;
        if decorated(&def.decorators, "staticmethod") {
            if let Some(have) = self.statics.lock().get(name) {
                return Ok(MethodLookup::Value(HostValue::Functions(vec![have.clone()])));
            }
            let function = script::function(&source, &program.qualified(name), self.table)?;
            self.statics.lock().insert(name.into(), function.clone());
            return Ok(MethodLookup::Value(HostValue::Functions(vec![function])));
        }
        Ok(match is_ignored(def) {
            true if callback::is_ignored(def) => MethodLookup::Ignored(source),
            true => MethodLookup::Unused(source),
            false => MethodLookup::Method(source),
        })
    }
}

/// A module taken apart.
struct Description {
    members: Members,
    attributes: Vec<(String, Type, AttributeKind, Value)>,
    constants: Vec<(String, IValue)>,
    submodules: Vec<(String, Rc<Instance>, Arc<ConcreteModule>)>,
    functions: Vec<(String, Arc<Function>)>,
    builtins: Vec<(String, Arc<str>)>,
    failed: Vec<(String, String)>,
    iterable: IterableKind,
}

/// What classes say about an attribute.
struct Annotated {
    name: String,
    is_final: bool,
    /// What the type is read from; bare `Final` has none.
    ty: Option<ast::Expr>,
    program: Arc<Program>,
}

fn annotations(class: &Rc<Class>) -> Vec<Annotated> {
    for class in class.mro() {
        let own = class.own_annotations();
        if own.is_empty() {
            continue;
        }
        let row = |(name, annotation): (&str, &ast::Expr)| {
            let is_final = |e: &ast::Expr| {
                e.dotted()
                    .is_some_and(|path| path.rsplit('.').next() == Some("Final"))
            };
            let (is_final, ty) = match &annotation.kind {
                ast::ExprKind::Subscript { value, index } if is_final(value) => {
                    (true, Some((**index).clone()))
                }
                _ if is_final(annotation) => (true, None),
                _ => (false, Some(annotation.clone())),
            };
            Annotated {
                name: name.into(),
                is_final,
                ty,
                program: class.program.clone(),
            }
        };
        return own.into_iter().map(row).collect();
    }
    Vec::new()
}

impl Builder {
    /// The compiled module of a built one.
    pub(super) fn script(&mut self, instance: &Rc<Instance>) -> Result<Module> {
        self.create(instance).map(Module::new)
    }

    fn describe(&mut self, instance: &Rc<Instance>) -> Result<Description> {
        let class = &instance.class;
        if !instance.is_initialized.get() {
            let message = format!(
                "'{}' has not been initialized, did you forget to call 'super()'?",
                class.name
            );
            return Err(CompileError::new(ErrorKind::Compile, message));
        }
        let members = Members::of(class, self.table);
        let annotated = annotations(class);
        let mut found = Description {
            iterable: iterable(class),
            members,
            attributes: Vec::new(),
            constants: Vec::new(),
            submodules: Vec::new(),
            functions: Vec::new(),
            builtins: Vec::new(),
            failed: Vec::new(),
        };
        let ignored = found.members.names("__jit_ignored_attributes__")?;
        let tables = [
            (&instance.parameters, AttributeKind::Parameter),
            (&instance.buffers, AttributeKind::Buffer),
        ];
        let mut added: Vec<String> = Vec::new();
        for (table, kind) in tables {
            for (name, value) in table.rows() {
                if ignored.contains(&name) {
                    continue;
                }
                let ty = match declared_type(&annotated, &name, &value)? {
                    Some(ty) => ty,
                    None => infer(&value).map_err(|e| CompileError::new(ErrorKind::Compile, e))?,
                };
                found.attributes.push((name.clone(), ty, kind, value));
                added.push(name);
            }
        }
        for (name, value) in instance.modules.rows() {
            if ignored.contains(&name) {
                continue;
            }
            let Value::Instance(child) = &value else {
                found
                    .attributes
                    .push((name.clone(), Type::None, AttributeKind::Regular, value));
                continue;
            };
            let mut concrete = self.concrete(child)?;
            if let Some(ty @ Type::Interface(_)) = declared_type(&annotated, &name, &value)? {
                concrete = Arc::new(concrete.through(ty));
            }
            found.submodules.push((name.clone(), child.clone(), concrete));
            added.push(name);
        }
        let mut constants = found.members.names("__constants__")?;
        for row in annotated.iter().filter(|a| a.is_final) {
            if !constants.contains(&row.name) {
                constants.push(row.name.clone());
            }
        }
        for name in constants {
            if added.contains(&name) {
                continue;
            }
            let value = match instance.get(&name) {
                Some(value) => Some(value),
                None => self.class_value(class, &name)?,
            };
            let Some(value) = value else { continue };
            let Some(constant) = constant(&value) else {
                let message = format!(
                    "\n'{}' object in attribute '{}.{name}' is not a valid constant.\nValid constants are:\n1. a nn.ModuleList\n2. a value of type {{bool, float, int, str, NoneType, torch.device, torch.layout, torch.dtype, torch.qscheme}}\n3. a list or tuple of (2)\n",
                    value.type_name(),
                    class.name
                );
                return Err(CompileError::new(ErrorKind::Type, message));
            };
            found.constants.push((name.clone(), constant));
            added.push(name);
        }
        for (name, value) in instance.attributes.rows() {
            if ignored.contains(&name)
                || added.contains(&name)
                || (name.starts_with("__") && name != "__constants__")
            {
                continue;
            }
            if name == "_is_full_backward_hook" {
                // PyTorch's own annotation of it is only seen by classes without any.
                let ty = if annotated.is_empty() {
                    Type::optional(Type::Bool)
                } else {
                    Type::None
                };
                found.attributes.push((name, ty, AttributeKind::Regular, value));
                continue;
            }
            self.attribute_of(&mut found, &annotated, name, value)?;
        }
        Ok(found)
    }

    fn class_value(&mut self, class: &Rc<Class>, name: &str) -> Result<Option<Value>> {
        for class in class.mro() {
            if let Some(value) = class.own_value(name) {
                let mut frame = super::Frame::top(&class.program, class.program.text());
                return self.eval(&mut frame, &value.clone()).map(Some);
            }
        }
        Ok(None)
    }

    fn attribute_of(
        &mut self,
        found: &mut Description,
        annotated: &[Annotated],
        name: String,
        value: Value,
    ) -> Result<()> {
        let functions = match &value {
            Value::Host(HostValue::Builtin(op)) => {
                found.builtins.push((name, op.clone()));
                return Ok(());
            }
            Value::Host(HostValue::Functions(functions)) => Some(Ok(functions.clone())),
            Value::Function(f) if f.this.is_none() && f.closure.is_empty() => {
                Some(f.program.lookup(&f.def.name.name).map(|v| match v {
                    Some(HostValue::Functions(functions)) => functions,
                    _ => Vec::new(),
                }))
            }
            _ => None,
        };
        if let Some(functions) = functions {
            let compiled = functions.and_then(|functions| match functions.first() {
                Some(function) => script::compiled(function).map(|()| function.clone()),
                None => Err(CompileError::new(ErrorKind::Compile, "there is no such function")),
            });
            match compiled {
                Ok(function) => found.functions.push((name, function)),
                Err(error) => found.failed.push((
                    name,
                    format!(
                        "(This function exists as an attribute on the Python module, but we failed to compile it to a TorchScript function. \nThe error stack is reproduced here:\n{error})"
                    ),
                )),
            }
            return Ok(());
        }
        let ty = match declared_type(annotated, &name, &value)? {
            Some(ty) => Ok(ty),
            None => infer(&value),
        };
        match ty {
            Ok(ty) => found.attributes.push((name, ty, AttributeKind::Regular, value)),
            Err(why) => found.failed.push((
                name,
                format!(
                    "(This attribute exists on the Python module, but we failed to convert Python type: '{}' to a TorchScript type. {why}. Its type was inferred; try adding a type annotation for the attribute.)",
                    value.type_name()
                ),
            )),
        }
        Ok(())
    }

    /// The compiled type of a module, shared among modules that are made of the same.
    fn concrete(&mut self, instance: &Rc<Instance>) -> Result<Arc<ConcreteModule>> {
        let description = self.describe(instance)?;
        self.made(&instance.class, &description)
    }

    fn made(&mut self, class: &Rc<Class>, description: &Description) -> Result<Arc<ConcreteModule>> {
        let key = description.key();
        let same =
            |known: &(Rc<Class>, Key, Arc<ConcreteModule>)| Rc::ptr_eq(&known.0, class) && known.1 == key;
        if let Some((_, _, concrete)) = self.known.iter().find(|k| same(k)) {
            return Ok(concrete.clone());
        }
        let name = self.claim(&class.qualified());
        let spec = description.spec(name)?;
        let concrete = script::compile_module(spec, self.table)?;
        self.known.push((class.clone(), key, concrete.clone()));
        Ok(concrete)
    }

    /// The name, or one with a number in it if it is taken.
    fn claim(&mut self, name: &str) -> String {
        let mut free = name.to_string();
        let (parent, last) = name.rsplit_once('.').unwrap_or(("", name));
        while self.names.contains(&free) {
            free = format!("{parent}.___torch_mangle_{}.{last}", self.mangled);
            self.mangled += 1;
        }
        self.names.push(free.clone());
        free
    }

    /// The object of a module. A submodule under two names becomes two, which share its tensors.
    fn create(&mut self, instance: &Rc<Instance>) -> Result<Object> {
        let description = self.describe(instance)?;
        let concrete = self.made(&instance.class, &description)?;
        let object = Object::new(concrete.class.clone());
        for (name, ty, _, value) in &description.attributes {
            let plain = value.to_ivalue().unwrap_or_default();
            match crate::bind::convert_value(&plain, ty) {
                Some(value) => object.set(name, value),
                None => {
                    let message = format!(
                        "attribute '{name}' is declared as {}, but its value is of type {}",
                        ty.annotation_str(),
                        value.type_name()
                    );
                    return Err(CompileError::new(ErrorKind::Type, message));
                }
            };
        }
        for (name, child, _) in &description.submodules {
            let child = self.create(child)?;
            object.set(name, IValue::Object(child));
        }
        Ok(object)
    }
}

fn declared_type(annotated: &[Annotated], name: &str, value: &Value) -> Result<Option<Type>> {
    if let Value::Attribute(parts) = value {
        return Ok(Some(parts.1.clone()));
    }
    match annotated.iter().find(|a| a.name == name) {
        Some(Annotated {
            ty: Some(ty),
            program,
            ..
        }) => match program.annotation(ty) {
            Ok(ty) => Ok(Some(ty)),
            // Modules are no types; what they are follows from the value.
            Err(_) if matches!(value, Value::Instance(_)) => Ok(None),
            Err(error) => Err(error),
        },
        _ => Ok(None),
    }
}

fn constant(value: &Value) -> Option<IValue> {
    Some(match value {
        Value::Plain(
            plain @ (IValue::None
            | IValue::Bool(_)
            | IValue::Int(_)
            | IValue::Double(_)
            | IValue::Str(_)
            | IValue::Device(_)),
        ) => plain.clone(),
        Value::List(items) => IValue::tuple(items.borrow().iter().map(constant).collect::<Option<_>>()?),
        Value::Tuple(items) => IValue::tuple(items.iter().map(constant).collect::<Option<_>>()?),
        _ => return None,
    })
}

fn iterable(class: &Rc<Class>) -> IterableKind {
    for class in class.mro() {
        if class.program.module_name() == "torch.nn.modules.container" {
            match class.name.as_str() {
                "ModuleList" | "Sequential" => return IterableKind::List,
                "ModuleDict" => return IterableKind::Dict,
                "ParameterList" => return IterableKind::ParameterList,
                "ParameterDict" => return IterableKind::ParameterDict,
                _ => {}
            }
        }
    }
    IterableKind::None
}

impl Description {
    fn key(&self) -> Key {
        let mut key = String::new();
        for (name, ty, kind, _) in &self.attributes {
            key += &format!("{name}:{}:{kind:?};", ty.annotation_str());
        }
        for (name, value) in &self.constants {
            key += &format!(
                "{name}={}:{};",
                flambeau_ir::value::print::repr(value),
                value.type_name()
            );
        }
        for (name, _, concrete) in &self.submodules {
            key += &format!("{name}@{:p};", Arc::as_ptr(concrete));
        }
        for (name, function) in &self.functions {
            key += &format!("{name}@{:p};", Arc::as_ptr(function));
        }
        for (name, op) in &self.builtins {
            key += &format!("{name}@{op};");
        }
        for (name, _) in &self.failed {
            key += &format!("{name}!;");
        }
        key
    }

    fn spec(&self, qualified_name: String) -> Result<ModuleSpec> {
        let members = &self.members;
        let mut overloads: HashMap<String, Vec<FunctionSource>> = HashMap::new();
        for (program, declared) in members.declared("_overload_method") {
            let name = &declared.name.name;
            let Some((_, body)) = members.function(name) else {
                continue;
            };
            let mut joined = body.clone();
            joined.params = declared.params.clone();
            joined.returns = declared.returns.clone();
            joined.signature = declared.signature.clone();
            let rows = overloads.entry(name.clone()).or_default();
            rows.push(source(program, &format!("{name}__{}", rows.len()), &joined)?);
        }
        let mut methods = Vec::new();
        if let Some((program, forward)) = members.function("forward").filter(|(_, f)| !is_ignored(f))
            && !overloads.contains_key("forward")
        {
            methods.push(source(program, "forward", forward)?);
        }
        for (program, def) in members.functions() {
            let name = &def.name.name;
            let known = name == "forward" || overloads.contains_key(name);
            if !known && decorated(&def.decorators, "export") {
                methods.push(source(program, name, def)?);
            }
        }
        let plain = |name: &str, text: String| FunctionSource {
            name: name.into(),
            text,
            file: "<string>".into(),
            first_line: 1,
            scope: Arc::new(NoNames),
            defaults: Vec::new(),
            overload: false,
            parsed: None,
            native: true,
        };
        if matches!(self.iterable, IterableKind::List | IterableKind::Dict) {
            let count = self.submodules.len();
            methods.push(plain(
                "__len__",
                format!("def __len__(self):\n   return {count}\n"),
            ));
        }
        if self.iterable == IterableKind::Dict {
            let names: Vec<String> = self.submodules.iter().map(|(n, ..)| format!("{n:?}")).collect();
            let found = match names.is_empty() {
                true => "False".to_string(),
                false => format!("key in [{}]", names.join(", ")),
            };
            methods.push(plain(
                "__contains__",
                format!("def __contains__(self, key: str):\n   return {found}\n"),
            ));
        }
        let unused = members.names("__jit_unused_properties__")?;
        let ignored = members.names("__jit_ignored_attributes__")?;
        let mut properties = Vec::new();
        for (program, def) in members.functions() {
            let name = &def.name.name;
            let is_property = decorated(&def.decorators, "property");
            if !is_property || unused.contains(name) || ignored.contains(name) || is_ignored(def) {
                continue;
            }
            let setter = members
                .declared("setter")
                .into_iter()
                .find(|(_, f)| f.name.name == *name);
            properties.push(PropertySource {
                name: name.clone(),
                getter: source(program, &format!("__{name}_getter"), def)?,
                setter: match setter {
                    Some((program, def)) => Some(source(program, &format!("__{name}_setter"), def)?),
                    None => None,
                },
            });
        }
        Ok(ModuleSpec {
            qualified_name,
            attributes: self
                .attributes
                .iter()
                .map(|(n, t, k, _)| (n.clone(), t.clone(), *k))
                .collect(),
            constants: self.constants.clone(),
            submodules: self
                .submodules
                .iter()
                .map(|(n, _, c)| (n.clone(), c.clone()))
                .collect(),
            iterable: self.iterable,
            functions: self.functions.iter().cloned().collect(),
            builtins: self.builtins.iter().cloned().collect(),
            failed: self.failed.iter().cloned().collect(),
            methods,
            overloads,
            properties,
            forward_hooks: Vec::new(),
            forward_pre_hooks: Vec::new(),
            source: Some(Arc::new(Members {
                classes: members.classes.clone(),
                statics: Mutex::default(),
                table: members.table,
            })),
        })
    }
}

struct NoNames;

impl Scope for NoNames {
    fn get(&self, _: &str) -> Result<Option<HostValue>> {
        Ok(None)
    }
}
