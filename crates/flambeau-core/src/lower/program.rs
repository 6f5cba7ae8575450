//! Programs: a Python source text whose functions and classes are compiled.
//!
//! The text is read, not run. What its module-level names mean is found out from its statements: functions, classes,
//! NamedTuples, enums, imports and plain constants.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::{ClassType, EnumType, InterfaceType, NamedTupleInfo, Property, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::{self as ast, SourceFile, Span};
use parking_lot::Mutex;

use super::desugar::{self, DefOptions};
use super::error::{CompileError, ErrorKind, Result, Text};
use super::host::{HostValue, Scope};
use super::python_names::{arithmetic, bare_container, is_builtin_exception, python_builtin};
use super::sugared::Sugared;
use super::tree::{Expr, ExprKind};
use super::{Definition, Emitter, Receiver, Resolver, define_function, library};

/// What a module-level statement binds a name to.
#[derive(Clone)]
pub(crate) enum Binding {
    /// A dotted path: `torch.nn.functional`, or `typing.List`.
    Import(String),
    Function(Arc<ast::FunctionDef>),
    Class(Arc<ast::ClassDef>),
    Value(Arc<ast::Expr>),
    /// Something that no function may use: what PyTorch says of it.
    Refused(String),
}

/// A program.
pub struct Program {
    this: Weak<Program>,
    text: Arc<Text>,
    /// The module's name, part of qualified names.
    module: String,
    table: &'static OpTable,
    bindings: HashMap<String, Binding>,
    /// Overloads declared with `@torch.jit._overload`.
    overloads: HashMap<String, Vec<Arc<ast::FunctionDef>>>,
    order: Vec<String>,
    cache: Mutex<HashMap<String, HostValue>>,
}

impl Program {
    /// Reads a text. `file` is what messages and graphs call it, `module` the prefix of qualified names.
    pub fn parse(text: &str, file: &str, module: &str, table: &'static OpTable) -> Result<Arc<Program>> {
        let file = Arc::new(SourceFile::new(file, text));
        let (tree, problems) = ast::parse_module(&file);
        let text = Text::of_file(file);
        let mut errors = problems.iter().map(|problem| {
            let mut error = CompileError::new(ErrorKind::Syntax, problem.message.clone());
            error.place = problem.primary.as_ref().map(|p| (text.clone(), p.span));
            error.hints = problem.hints.clone();
            error
        });
        if let Some(mut first) = errors.next() {
            first.also = errors.collect();
            return Err(first);
        }
        drop(errors);
        let mut program = Program {
            this: Weak::new(),
            text,
            module: module.into(),
            table,
            bindings: HashMap::new(),
            overloads: HashMap::new(),
            order: Vec::new(),
            cache: Mutex::default(),
        };
        for stmt in tree.body {
            program.bind(stmt);
        }
        Ok(Arc::new_cyclic(|this| {
            program.this = this.clone();
            program
        }))
    }

    fn bind(&mut self, stmt: ast::Stmt) {
        match stmt.kind {
            ast::StmtKind::Import { names } => {
                for alias in names {
                    let path = alias.name.name;
                    match alias.asname {
                        Some(asname) => self.insert(asname.name, Binding::Import(path)),
                        None => {
                            let root = path.split('.').next().unwrap_or("").to_string();
                            self.insert(root.clone(), Binding::Import(root));
                        }
                    }
                }
            }
            ast::StmtKind::ImportFrom { module, names, .. } => {
                let module = module.map_or(String::new(), |m| m.name);
                for alias in names {
                    let path = format!("{module}.{}", alias.name.name);
                    let name = alias.asname.map_or(alias.name.name, |a| a.name);
                    self.insert(name, Binding::Import(path));
                }
            }
            ast::StmtKind::FunctionDef(function) => {
                let function: Arc<ast::FunctionDef> = Arc::from(function);
                let name = function.name.name.clone();
                if decorated(&function.decorators, "_overload") {
                    self.overloads.entry(name).or_default().push(function);
                } else {
                    self.insert(name, Binding::Function(function));
                }
            }
            ast::StmtKind::ClassDef(class) => {
                let name = class.name.name.clone();
                self.insert(name, Binding::Class(Arc::from(class)));
            }
            // A global that is None cannot be told from one that is not there.
            ast::StmtKind::Assign { value, .. } if is_none(&value) => {}
            ast::StmtKind::Assign { targets, value, .. } => {
                let value = Arc::new(value);
                for target in targets {
                    if let Some(name) = target.as_name() {
                        self.insert(name.to_string(), Binding::Value(value.clone()));
                    }
                }
            }
            ast::StmtKind::AnnAssign {
                target,
                value: Some(value),
                ..
            } => {
                if let Some(name) = target.as_name() {
                    self.insert(name.to_string(), Binding::Value(Arc::new(value)));
                }
            }
            // `async def name(…)`
            ast::StmtKind::Unsupported { .. } => {
                let text = self.text.slice(stmt.span);
                let name = text.strip_prefix("async def ").and_then(|t| t.split('(').next());
                if let Some(name) = name.map(|n| n.trim().to_string()) {
                    let line = self.text.file.line(stmt.span.start);
                    let file = &self.text.file.name;
                    let message = format!("Expected a single top-level function: {file}:{line}");
                    self.insert(name, Binding::Refused(message));
                }
            }
            _ => {}
        }
    }

    fn insert(&mut self, name: String, binding: Binding) {
        self.order.push(name.clone());
        self.bindings.insert(name, binding);
    }

    /// A program without any names.
    pub(crate) fn empty(table: &'static OpTable) -> Arc<Program> {
        Arc::new_cyclic(|this| Program {
            this: this.clone(),
            text: Text::of_file(Arc::new(SourceFile::new("", ""))),
            module: String::new(),
            table,
            bindings: HashMap::new(),
            overloads: HashMap::new(),
            order: Vec::new(),
            cache: Mutex::default(),
        })
    }

    pub(crate) fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.get(name)
    }
    pub(crate) fn text(&self) -> &Arc<Text> {
        &self.text
    }
    pub(crate) fn module_name(&self) -> &str {
        &self.module
    }
    pub(crate) fn table(&self) -> &'static OpTable {
        self.table
    }
    /// Whether the text itself defines a name: an imported one is another's.
    pub(crate) fn defines(&self, name: &str) -> bool {
        matches!(
            self.bindings.get(name),
            Some(Binding::Function(_) | Binding::Class(_))
        )
    }
    pub fn is_function(&self, name: &str) -> bool {
        matches!(self.bindings.get(name), Some(Binding::Function(_)))
    }

    /// An annotation that is a text of its own. A name that is no type is none.
    pub(crate) fn find_type(&self, annotation: &str) -> Result<Option<Type>> {
        let file = Arc::new(SourceFile::new("<annotation>", annotation));
        let (Some(expr), problems) = ast::parse_expression(&file) else {
            return Ok(None);
        };
        if let Some(problem) = problems.first() {
            return Err(CompileError::new(ErrorKind::Syntax, problem.message.clone()));
        }
        if let Some(path) = expr.dotted() {
            return self.type_named(&path);
        }
        let text = Text::of_file(file);
        let expr = desugar::expr(&expr, &text)?;
        super::annotations::read(&expr, &text, &*self.resolver()?, self.table).map(Some)
    }

    pub(crate) fn qualified(&self, name: &str) -> String {
        match self.module.as_str() {
            "" => format!("__torch__.{name}"),
            module => format!("__torch__.{module}.{name}"),
        }
    }

    fn arc(&self) -> Result<Arc<Program>> {
        self.this
            .upgrade()
            .ok_or_else(|| CompileError::new(ErrorKind::Compile, "the program is gone"))
    }

    fn resolver(&self) -> Result<Arc<dyn Resolver>> {
        Ok(Arc::new(ProgramResolver {
            program: self.arc()?,
            class: None,
        }))
    }

    /// Compiles what the text itself says to script, in order, as importing it would.
    pub fn compile_decorated(&self) -> Result<()> {
        for name in &self.order {
            let scripted = match &self.bindings[name] {
                Binding::Function(function) => decorated(&function.decorators, "script"),
                Binding::Class(class) => {
                    decorated(&class.decorators, "script") || decorated(&class.decorators, "interface")
                }
                _ => false,
            };
            if scripted {
                match self.lookup(name)? {
                    Some(HostValue::Functions(functions)) => {
                        for function in functions {
                            compiled(&function)?;
                        }
                    }
                    Some(HostValue::Class { class, .. }) => compile_methods(&class)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Names of the functions and of the module classes, in order.
    pub fn entries(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in &self.order {
            let is_entry = match &self.bindings[name] {
                Binding::Function(_) => true,
                Binding::Class(class) => self.is_module(class) && !decorated(&class.decorators, "interface"),
                _ => false,
            };
            if is_entry && !found.contains(name) {
                found.push(name.clone());
            }
        }
        found
    }

    /// Compiles all functions and script classes, and gives what is wrong with them. What calls a function that does
    /// not compile is not reported a second time.
    pub fn compile_all(&self) -> Vec<Box<CompileError>> {
        let mut errors: Vec<Box<CompileError>> = Vec::new();
        for name in &self.order {
            let found = match &self.bindings[name] {
                Binding::Function(_) | Binding::Class(_) => self.lookup(name),
                _ => continue,
            };
            let outcome = found.and_then(|value| match value {
                Some(HostValue::Functions(functions)) => functions.iter().try_for_each(compiled),
                Some(HostValue::Class { class, .. }) => compile_methods(&class),
                _ => Ok(()),
            });
            if let Err(error) = outcome {
                let place = |e: &CompileError| {
                    e.place
                        .as_ref()
                        .map(|(text, span)| (text.file.name.clone(), *span))
                };
                let known = errors
                    .iter()
                    .any(|e| e.message == error.message && place(e) == place(&error));
                if !known {
                    errors.push(error);
                }
            }
        }
        errors
    }

    /// Compiles the function of a name, as `torch.jit.script` does.
    pub fn script(&self, name: &str) -> Result<Arc<Function>> {
        match self.lookup(name)? {
            Some(HostValue::Functions(functions)) if !functions.is_empty() => {
                let function = functions[0].clone();
                compiled(&function)?;
                Ok(function)
            }
            Some(_) => Err(CompileError::new(
                ErrorKind::Type,
                format!("`{name}` is not a function"),
            )),
            None => Err(CompileError::new(
                ErrorKind::Compile,
                format!("name '{name}' is not defined"),
            )),
        }
    }

    /// The class type of a name.
    pub fn class(&self, name: &str) -> Result<Option<Arc<ClassType>>> {
        Ok(match self.lookup(name)? {
            Some(HostValue::Class { class, .. }) => Some(class),
            _ => None,
        })
    }

    /// What a module-level name stands for.
    pub fn lookup(&self, name: &str) -> Result<Option<HostValue>> {
        if let Some(value) = self.cache.lock().get(name) {
            return Ok(Some(value.clone()));
        }
        let Some(binding) = self.bindings.get(name).cloned() else {
            return Ok(python_builtin(name));
        };
        let value = match binding {
            Binding::Import(path) => return Ok(self.import(&path)),
            Binding::Function(function) => self.function(name, &function)?,
            Binding::Class(class) => return self.class_value(name, &class).map(Some),
            Binding::Value(expr) => self.value(&expr)?,
            Binding::Refused(message) => {
                let mut error = CompileError::new(ErrorKind::Compile, message);
                error.outside = true;
                return Err(error);
            }
        };
        self.cache.lock().insert(name.into(), value.clone());
        Ok(Some(value))
    }

    fn import(&self, path: &str) -> Option<HostValue> {
        if let Some(scope) = library::module(path, self.table) {
            return Some(HostValue::Module(scope));
        }
        let (module, name) = path.rsplit_once('.')?;
        let scope = library::module(module, self.table)?;
        match scope.get(name) {
            Ok(Some(value)) => Some(value),
            _ => Some(HostValue::Opaque("type".into())),
        }
    }

    fn function(&self, name: &str, function: &Arc<ast::FunctionDef>) -> Result<HostValue> {
        self.check_wrapper(function)?;
        if decorated(&function.decorators, "ignore") || decorated(&function.decorators, "unused") {
            let def = unused_function(function);
            let compiled = self.define(&self.qualified(name), &def, None)?;
            return Ok(HostValue::Unused(compiled));
        }
        if let Some(overloads) = self.overloads.get(name) {
            let mut functions = Vec::new();
            for (i, overload) in overloads.iter().enumerate() {
                // The declaration has the types, the definition the body.
                let mut joined = (**function).clone();
                joined.params = overload.params.clone();
                joined.returns = overload.returns.clone();
                joined.signature = overload.signature.clone();
                // All of them keep the name; the later ones get a parent of their own.
                let qualified = match i {
                    0 => self.qualified(name),
                    _ => self.qualified(&format!("___torch_mangle_{}.{name}", i - 1)),
                };
                functions.push(self.define(&qualified, &joined, None)?);
            }
            return Ok(HostValue::Functions(functions));
        }
        Ok(HostValue::Functions(vec![self.define(
            &self.qualified(name),
            function,
            None,
        )?]))
    }

    /// A decorator of the program's own that returns a function of its own: that one is compiled, and it must be able to.
    fn check_wrapper(&self, function: &ast::FunctionDef) -> Result<()> {
        for decorator in &function.decorators {
            let Some(Binding::Function(decorator)) = decorator.as_name().and_then(|n| self.bindings.get(n))
            else {
                continue;
            };
            let returned = decorator.body.iter().rev().find_map(|stmt| match &stmt.kind {
                ast::StmtKind::Return { value: Some(value) } => value.as_name(),
                _ => None,
            });
            let inner = decorator.body.iter().find_map(|stmt| match &stmt.kind {
                // `functools.wraps` leads back to the function itself.
                ast::StmtKind::FunctionDef(inner)
                    if returned == Some(inner.name.name.as_str())
                        && !decorated(&inner.decorators, "wraps") =>
                {
                    Some(inner)
                }
                _ => None,
            });
            if let Some(inner) = inner {
                let options = DefOptions {
                    self_name: None,
                    native: false,
                };
                desugar::def(inner, &self.text, options)?;
            }
        }
        Ok(())
    }

    fn define(
        &self,
        qualified: &str,
        function: &ast::FunctionDef,
        class: Option<(&str, &Arc<ClassType>)>,
    ) -> Result<Arc<Function>> {
        self.define_from(&self.text, qualified, function, class)
    }

    /// The values of a function's default arguments.
    pub(crate) fn defaults(&self, function: &ast::FunctionDef) -> Result<Vec<(String, IValue)>> {
        self.defaults_of(&self.text, function, function.span)
    }

    fn defaults_of(
        &self,
        text: &Arc<Text>,
        function: &ast::FunctionDef,
        span: Span,
    ) -> Result<Vec<(String, IValue)>> {
        let mut defaults = Vec::new();
        for param in &function.params {
            let Some(default) = &param.default else { continue };
            let mutable = match &default.kind {
                ast::ExprKind::List(_) => "list",
                ast::ExprKind::Dict { .. } => "dict",
                _ => "",
            };
            if !mutable.is_empty() {
                let message = format!(
                    "Mutable default parameters are not supported because Python binds them to the function and they persist across function calls.\n As a workaround, make the default None and instantiate the default parameter within the body of the function. Found <class '{mutable}'> on parameter {}",
                    param.name.name
                );
                let mut error = CompileError::at(ErrorKind::Compile, text, span, message);
                error.outside = true;
                return Err(error);
            }
            if let Some(value) = self.constant(default)? {
                defaults.push((param.name.name.clone(), value));
            }
        }
        Ok(defaults)
    }

    fn define_from(
        &self,
        text: &Arc<Text>,
        qualified: &str,
        function: &ast::FunctionDef,
        class: Option<(&str, &Arc<ClassType>)>,
    ) -> Result<Arc<Function>> {
        let options = DefOptions {
            self_name: class.map(|(name, _)| name),
            native: false,
        };
        let def = desugar::def(function, text, options)?;
        let defaults = self.defaults_of(text, function, def.span)?;
        let resolver: Arc<dyn Resolver> = match class {
            Some((name, class)) => Arc::new(ProgramResolver {
                program: self.arc()?,
                class: Some((name.to_string(), class.clone())),
            }),
            None => self.resolver()?,
        };
        Ok(define_function(
            qualified,
            Definition {
                def: Arc::new(def),
                resolver,
                receiver: class.map(|(_, c)| Receiver::Class(c.clone())),
                defaults,
                table: self.table,
            },
        ))
    }

    /// The names of a class's bases, as dotted paths through imports.
    fn bases(&self, class: &ast::ClassDef) -> Vec<String> {
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

    fn class_value(&self, name: &str, class: &Arc<ast::ClassDef>) -> Result<HostValue> {
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
            HostValue::Opaque(format!("module class {name}").into())
        } else {
            return self.script_class(name, class);
        };
        self.cache.lock().insert(name.into(), value.clone());
        Ok(value)
    }

    /// Whether a class derives from `torch.nn.Module`.
    fn is_module(&self, class: &ast::ClassDef) -> bool {
        self.bases(class)
            .iter()
            .any(|base| match self.bindings.get(base) {
                Some(Binding::Class(base)) if base.name.span != class.name.span => self.is_module(base),
                _ => base.starts_with("torch.nn."),
            })
    }

    fn is_exception(&self, base: &str) -> bool {
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

    fn named_tuple(&self, name: &str, class: &ast::ClassDef) -> Result<Type> {
        let mut fields: Vec<Arc<str>> = Vec::new();
        let mut types = Vec::new();
        let mut defaults = Vec::new();
        for stmt in &class.body {
            let ast::StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } = &stmt.kind
            else {
                continue;
            };
            let Some(field) = target.as_name() else { continue };
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

    fn enum_type(&self, name: &str, class: &ast::ClassDef) -> Result<Type> {
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

    fn interface(&self, name: &str, class: &ast::ClassDef, is_module: bool) -> Result<Type> {
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

    fn script_class(&self, name: &str, def: &Arc<ast::ClassDef>) -> Result<HostValue> {
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
                    unused_function(function)
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

    fn value(&self, expr: &ast::Expr) -> Result<HostValue> {
        if let Some(value) = self.constant(expr)? {
            return Ok(match value {
                IValue::Enum(_) => HostValue::EnumMember(value),
                value => HostValue::Constant(value),
            });
        }
        if let ast::ExprKind::Call { func, args, .. } = &expr.kind
            && let Some(ty) = self.called_named_tuple(func, args)?
        {
            return Ok(HostValue::NamedTuple(ty));
        }
        // Another name for something that has one.
        if let ast::ExprKind::Name(name) = &expr.kind
            && let Some(value) = self.lookup(name)?
        {
            return Ok(value);
        }
        if let Some(path) = self.path_of(expr)
            && let Some(value) = self.import(&path)
        {
            return Ok(value);
        }
        if let ast::ExprKind::Call { func, args, .. } = &expr.kind
            && let [arg] = &args[..]
            && self.path_of(func).as_deref() == Some("torch.jit.script")
            && let Some(name) = arg.as_name()
            && let Some(value) = self.lookup(name)?
        {
            return Ok(value);
        }
        Ok(HostValue::Opaque(
            match &expr.kind {
                ast::ExprKind::Call { .. } => "Tensor",
                ast::ExprKind::Unsupported { what: "Lambda" } => "function",
                ast::ExprKind::Constant(ast::Constant::BigInt(_)) => "int",
                ast::ExprKind::BinOp { left, right, .. }
                    if matches!(self.constant(left)?, Some(IValue::Int(_)))
                        && matches!(self.constant(right)?, Some(IValue::Int(_))) =>
                {
                    "int"
                }
                ast::ExprKind::Unsupported { what: "Set" } => "set",
                _ => "object",
            }
            .into(),
        ))
    }

    /// The value of an expression of constants.
    pub(crate) fn constant(&self, expr: &ast::Expr) -> Result<Option<IValue>> {
        let all = |items: &[ast::Expr]| -> Result<Option<Vec<IValue>>> {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                match self.constant(item)? {
                    Some(value) => values.push(value),
                    None => return Ok(None),
                }
            }
            Ok(Some(values))
        };
        Ok(match &expr.kind {
            ast::ExprKind::Constant(constant) => match constant {
                ast::Constant::None => Some(IValue::None),
                ast::Constant::Bool(b) => Some(IValue::Bool(*b)),
                ast::Constant::Int(i) => Some(IValue::Int(*i)),
                ast::Constant::Float(f) => Some(IValue::Double(*f)),
                ast::Constant::Complex(im) => Some(IValue::Complex(num_complex::Complex64::new(0.0, *im))),
                ast::Constant::Str(s) => Some(IValue::str(s)),
                _ => None,
            },
            ast::ExprKind::Tuple(items) => all(items)?.map(IValue::tuple),
            ast::ExprKind::List(items) => all(items)?.map(|items| {
                let element = items.first().map_or(Type::TENSOR, IValue::ty);
                IValue::list(element, items)
            }),
            ast::ExprKind::Dict { keys, values } => {
                let keys: Option<Vec<ast::Expr>> = keys.iter().cloned().collect();
                let Some(keys) = keys else { return Ok(None) };
                match (all(&keys)?, all(values)?) {
                    (Some(keys), Some(values)) => {
                        let key = keys.first().map_or(Type::Str, IValue::ty);
                        let value = values.first().map_or(Type::TENSOR, IValue::ty);
                        let dict =
                            flambeau_ir::value::Dict::from_pairs(key, value, keys.into_iter().zip(values));
                        Some(IValue::Dict(dict))
                    }
                    _ => None,
                }
            }
            ast::ExprKind::UnaryOp {
                op: ast::UnaryOp::USub,
                operand,
            } => match self.constant(operand)? {
                Some(IValue::Int(i)) => i.checked_neg().map(IValue::Int),
                Some(IValue::Double(f)) => Some(IValue::Double(-f)),
                Some(IValue::Complex(c)) => Some(IValue::Complex(-c)),
                _ => None,
            },
            ast::ExprKind::BinOp { op, left, right } => {
                let (Some(a), Some(b)) = (self.constant(left)?, self.constant(right)?) else {
                    return Ok(None);
                };
                arithmetic(*op, &a, &b)
            }
            ast::ExprKind::Name(name) => match self.lookup_constant(name)? {
                Some(HostValue::Constant(value) | HostValue::EnumMember(value)) => Some(value),
                _ => None,
            },
            ast::ExprKind::Attribute { value, attr } => {
                if let Some(name) = value.as_name()
                    && let Some(Binding::Class(_)) = self.bindings.get(name)
                {
                    return Ok(match self.lookup(name)? {
                        Some(HostValue::Enum(Type::Enum(class))) => class
                            .member(&attr.name)
                            .cloned()
                            .map(|v| super::call::enum_member(class.clone(), &attr.name, v)),
                        _ => None,
                    });
                }
                match self.constant(value)? {
                    Some(IValue::Enum(member)) => {
                        return Ok(match attr.name.as_str() {
                            "value" => Some(member.value.clone()),
                            "name" => Some(IValue::Str(member.name.clone())),
                            _ => None,
                        });
                    }
                    Some(_) => return Ok(None),
                    None => {}
                }
                match self.path_of(expr).and_then(|path| self.import(&path)) {
                    Some(HostValue::Constant(value)) => Some(value),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    fn lookup_constant(&self, name: &str) -> Result<Option<HostValue>> {
        match self.bindings.get(name) {
            Some(Binding::Value(_) | Binding::Import(_)) => self.lookup(name),
            _ => Ok(None),
        }
    }

    /// The type that an annotation's name stands for.
    fn type_named(&self, path: &str) -> Result<Option<Type>> {
        let (root, rest) = path.split_once('.').map_or((path, None), |(r, s)| (r, Some(s)));
        match self.bindings.get(root) {
            Some(Binding::Import(import)) => {
                let full = rest.map_or(import.clone(), |rest| format!("{import}.{rest}"));
                Ok(library::library_type(&full))
            }
            Some(Binding::Class(_)) if rest.is_none() => Ok(match self.lookup(root)? {
                Some(HostValue::NamedTuple(ty) | HostValue::Enum(ty) | HostValue::Interface(ty)) => Some(ty),
                Some(HostValue::Class { class, .. }) => Some(Type::Class(class)),
                _ => None,
            }),
            Some(Binding::Value(expr)) if rest.is_none() => {
                // `Alias = List[int]`
                if let HostValue::NamedTuple(ty) = self.lookup(root)?.unwrap_or(HostValue::Opaque("".into()))
                {
                    return Ok(Some(ty));
                }
                let is_type = matches!(expr.kind, ast::ExprKind::Subscript { .. }) || expr.dotted().is_some();
                Ok(if is_type { self.annotation(expr).ok() } else { None })
            }
            _ => Ok(None),
        }
    }
}

/// Names inside a program's functions.
struct ProgramResolver {
    program: Arc<Program>,
    /// The class that is being compiled, by the name its methods know it by.
    class: Option<(String, Arc<ClassType>)>,
}

impl Resolver for ProgramResolver {
    fn resolve_value(&self, name: &str, emitter: &mut Emitter<'_>, loc: Span) -> Result<Option<Sugared>> {
        let found = self
            .program
            .lookup(name)
            .map_err(|e| match self.program.bindings.get(name) {
                Some(Binding::Class(_)) => emitter.called_from(e, &self.program.qualified(name), loc),
                _ => e,
            })?;
        if let Some(HostValue::Functions(functions)) = &found {
            // A function is compiled where it is named; one that is being compiled is left to the call.
            for function in functions.iter().filter(|f| !f.is_being_defined()) {
                emitter.graph_of(function, None)?;
            }
        }
        match found {
            Some(value) => Ok(Some(emitter.from_host(value, loc, false)?)),
            None => Ok(None),
        }
    }

    fn resolve_type_name(&self, name: &str, _: &Arc<Text>, _: Span) -> Result<Option<Type>> {
        if let Some((own, class)) = &self.class
            && own == name
        {
            return Ok(Some(Type::Class(class.clone())));
        }
        self.program.type_named(name)
    }

    fn resolve_annotation(&self, expr: &Expr, text: &Arc<Text>) -> Result<Option<Type>> {
        match &expr.kind {
            ExprKind::Var(name) => {
                if let Some(Binding::Import(path)) = self.program.bindings.get(name)
                    && let Some(message) = bare_container(path)
                {
                    let mut error = CompileError::new(ErrorKind::Compile, message);
                    error.outside = true;
                    return Err(error);
                }
                if super::annotations::base_type(name).is_some() && !self.program.bindings.contains_key(name)
                {
                    // `list` and `tuple` mean something to isinstance only.
                    return Ok(None);
                }
                self.resolve_type_name(name, text, expr.span)
            }
            ExprKind::Select(..) => match dotted(expr) {
                Some(path) => self.program.type_named(&path),
                None => Ok(None),
            },
            ExprKind::Str(quoted) => {
                let file = Arc::new(SourceFile::new("<annotation>", quoted.as_str()));
                match ast::parse_expression(&file) {
                    (Some(inner), problems) if problems.is_empty() => {
                        let inner_text = Text::of_file(file);
                        let inner = desugar::expr(&inner, &inner_text)?;
                        let read = super::annotations::read(&inner, &inner_text, self, self.program.table);
                        read.map(Some).map_err(|mut error| {
                            error.place = Some((text.clone(), expr.span));
                            error
                        })
                    }
                    _ => Ok(None),
                }
            }
            ExprKind::Subscript(base, args) => {
                // `typing.List[int]` is `List[int]`.
                let Some(path) = dotted(base) else { return Ok(None) };
                let (root, rest) = path
                    .split_once('.')
                    .map_or((path.as_str(), None), |(r, s)| (r, Some(s)));
                let full = match self.program.bindings.get(root) {
                    Some(Binding::Import(import)) => rest.map_or(import.clone(), |r| format!("{import}.{r}")),
                    _ => path.clone(),
                };
                let constructor = match full.as_str() {
                    "torch.futures.Future" | "torch.jit.Future" => Some("Future"),
                    other => other.strip_prefix("typing."),
                };
                let Some(constructor) = constructor.filter(|c| *c != path) else {
                    return Ok(None);
                };
                let base = Expr::var(constructor, base.span);
                let plain = Expr::new(ExprKind::Subscript(Box::new(base), args.clone()), expr.span);
                Ok(Some(super::annotations::read(
                    &plain,
                    text,
                    self,
                    self.program.table,
                )?))
            }
            _ => Ok(None),
        }
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

/// A body that raises, for a function that is not to be compiled.
pub(super) fn unused_function(function: &ast::FunctionDef) -> ast::FunctionDef {
    let mut unused = function.clone();
    let span = function.span;
    let expr = |kind| ast::Expr::new(kind, span);
    let message = expr(ast::ExprKind::Constant(ast::Constant::Str(
        "Cannot call @unused methods".into(),
    )));
    let error = expr(ast::ExprKind::Call {
        func: Box::new(expr(ast::ExprKind::Name("RuntimeError".into()))),
        args: vec![message],
        keywords: Vec::new(),
    });
    unused.body = vec![ast::Stmt {
        kind: ast::StmtKind::Raise {
            exc: Some(error),
            cause: None,
        },
        span,
    }];
    if unused.returns.is_none() && unused.signature.is_none() {
        unused.returns = Some(expr(ast::ExprKind::Name("Tensor".into())));
    }
    unused
        .params
        .retain(|p| !matches!(p.kind, ast::ParamKind::VarArgs | ast::ParamKind::KwArgs));
    unused
}

fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Var(name) => Some(name.clone()),
        ExprKind::Select(value, field) => Some(format!("{}.{}", dotted(value)?, field.name)),
        _ => None,
    }
}

/// Whether one of the decorators is called `name`, possibly as an attribute or with arguments.
pub(crate) fn decorated(decorators: &[ast::Expr], name: &str) -> bool {
    decorators.iter().any(|d| {
        let callee = match &d.kind {
            ast::ExprKind::Call { func, .. } => func,
            _ => d,
        };
        callee
            .dotted()
            .is_some_and(|path| path.rsplit('.').next() == Some(name))
    })
}

fn compiled(function: &Arc<Function>) -> Result<()> {
    match function.graph() {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.downcast_ref::<CompileError>() {
            Some(error) => Box::new(error.clone()),
            None => CompileError::new(ErrorKind::Compile, error.to_string()),
        }),
    }
}

/// `__init__` first: it decides which attributes there are.
fn compile_methods(class: &Arc<ClassType>) -> Result<()> {
    let compiled = |method: &Arc<Function>| {
        compiled(method).map_err(|mut error| {
            if error.frames.is_empty() && error.place.is_some() {
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

fn is_none(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Constant(ast::Constant::None))
}
