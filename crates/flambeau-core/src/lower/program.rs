//! Programs: a Python source text whose functions and classes are compiled.
//!
//! The text is read, not run. What its module-level names mean is found out from its statements: functions, classes,
//! NamedTuples, enums, imports and plain constants.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::{self as ast, SourceFile, Span};
use parking_lot::Mutex;

use super::desugar::{self, DefOptions};
use super::error::{CompileError, ErrorKind, Result, Text};
use super::host::HostValue;
use super::program_classes::compile_methods;
use super::python_names::{bare_container, python_builtin};
use super::script::compiled;
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
    pub(super) this: Weak<Program>,
    pub(super) text: Arc<Text>,
    /// The module's name, part of qualified names.
    pub(super) module: String,
    pub(super) table: &'static OpTable,
    pub(super) bindings: HashMap<String, Binding>,
    /// Overloads declared with `@torch.jit._overload`.
    pub(super) overloads: HashMap<String, Vec<Arc<ast::FunctionDef>>>,
    pub(super) order: Vec<String>,
    pub(super) cache: Mutex<HashMap<String, HostValue>>,
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

    pub(super) fn resolver(&self) -> Result<Arc<dyn Resolver>> {
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

    pub(super) fn import(&self, path: &str) -> Option<HostValue> {
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
            if super::callback::is_ignored(function) {
                return Ok(HostValue::Callback(super::callback::absent(
                    function, &compiled, 0,
                )?));
            }
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

    pub(super) fn define(
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

    pub(super) fn define_from(
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
                overload: false,
                table: self.table,
            },
        ))
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

fn is_none(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Constant(ast::Constant::None))
}
