//! Scripting for shells: functions, classes and modules that a Python program holds as objects.
//!
//! The shell hands over the text of each function with the scope that it was defined in, and says what a module
//! consists of; here the texts become functions, class types and methods. A shell in Python walks `nn.Module`s and
//! answers [`Scope`] look-ups from functions' globals and closures.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::{AttributeKind, ClassType, InterfaceType, Property, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::{self as ast, SourceFile, Span};

use super::desugar::{self, DefOptions};
use super::error::{CompileError, ErrorKind, Result, Text};
use super::host::{Callback, HostValue, Scope};
use super::module::{ConcreteModule, IterableKind, ModuleHost, ModuleMember};
use super::sugared::Sugared;
use super::tree::{Def, Expr, ExprKind};
use super::{Definition, Emitter, Receiver, Resolver, define_function};

/// A function's text, as Python's `inspect` gives it.
#[derive(Clone)]
pub struct FunctionSource {
    /// The name to give it, which need not be the one in the text.
    pub name: String,
    /// Whole lines with their indentation; decorators may come first.
    pub text: String,
    pub file: String,
    /// The 1-based line of the file on which the text starts.
    pub first_line: u32,
    /// What names in the text mean.
    pub scope: Arc<dyn Scope>,
    pub defaults: Vec<(String, IValue)>,
    /// The function itself where it is parsed already; `text` is then not read.
    pub parsed: Option<(Arc<ast::FunctionDef>, Arc<Text>)>,
    /// Whether the text is in the dialect of archives, which has its defaults in it.
    pub native: bool,
    /// One of several declarations of a function, whose defaults may not fit them all.
    pub overload: bool,
}

/// A property of a class.
#[derive(Clone)]
pub struct PropertySource {
    pub name: String,
    pub getter: FunctionSource,
    pub setter: Option<FunctionSource>,
}

/// A script class.
pub struct ClassSource {
    /// Such as `__torch__.case.Point`.
    pub qualified_name: String,
    pub methods: Vec<FunctionSource>,
    pub properties: Vec<PropertySource>,
    /// Names that the class body assigns, which objects do not have.
    pub class_attributes: Vec<String>,
}

/// How a module's attribute that is no method and no data is to be understood.
pub enum MethodLookup {
    None,
    Method(FunctionSource),
    /// `@torch.jit.unused`.
    Unused(FunctionSource),
    /// `@torch.jit.ignore`.
    Callback(Arc<Callback>),
    /// The same, where there is no Python.
    Ignored(FunctionSource),
    /// A static function or another value.
    Value(HostValue),
}

/// Finds methods of a module's Python class that were not handed over at first.
pub trait ModuleSource: Send + Sync {
    fn find(&self, name: &str) -> Result<MethodLookup>;
}

/// What a module is made of.
#[derive(Default)]
pub struct ModuleSpec {
    pub qualified_name: String,
    /// Data: parameters, buffers and others, in the order that the type has them.
    pub attributes: Vec<(String, Type, AttributeKind)>,
    pub constants: Vec<(String, IValue)>,
    pub submodules: Vec<(String, Arc<ConcreteModule>)>,
    pub iterable: IterableKind,
    pub functions: HashMap<String, Arc<Function>>,
    /// Functions that are operators.
    pub builtins: HashMap<String, Arc<str>>,
    /// Why attributes could not be taken over.
    pub failed: HashMap<String, String>,
    /// `forward` and what is exported.
    pub methods: Vec<FunctionSource>,
    pub overloads: HashMap<String, Vec<FunctionSource>>,
    pub properties: Vec<PropertySource>,
    pub forward_hooks: Vec<FunctionSource>,
    pub forward_pre_hooks: Vec<FunctionSource>,
    pub source: Option<Arc<dyn ModuleSource>>,
}

/// The function of a text; it is compiled when it is first needed.
pub fn function(
    source: &FunctionSource,
    qualified_name: &str,
    table: &'static OpTable,
) -> Result<Arc<Function>> {
    define(source, qualified_name, None, table)
}

/// A function of which only the signature counts: calling it raises.
pub fn unused_function(
    source: &FunctionSource,
    qualified_name: &str,
    table: &'static OpTable,
) -> Result<Arc<Function>> {
    define_unused(source, qualified_name, None, table)
}

/// Compiles a script class. `class` is made beforehand, so that its methods can name it.
pub fn compile_class(class: &Arc<ClassType>, source: &ClassSource, table: &'static OpTable) -> Result<()> {
    for name in &source.class_attributes {
        class.add_unresolved(name.as_str(), "class attribute");
    }
    let receiver = Receiver::Class(class.clone());
    add_properties(
        class,
        &source.properties,
        &source.qualified_name,
        &receiver,
        table,
    )?;
    for method in &source.methods {
        let name = format!("{}.{}", source.qualified_name, method.name);
        let defined = define(method, &name, Some(&receiver), table).map_err(|mut error| {
            error.class = Some(source.qualified_name.clone());
            error
        })?;
        class.add_method(defined);
    }
    super::program_classes::compile_methods(class).map_err(|mut error| {
        if error.frames.is_empty() {
            error.class = Some(source.qualified_name.clone());
        }
        error
    })
}

/// Makes a module's type with its methods, and compiles `forward` and what else was handed over.
pub fn compile_module(spec: ModuleSpec, table: &'static OpTable) -> Result<Arc<ConcreteModule>> {
    let class = ClassType::new(spec.qualified_name.as_str(), true);
    for (name, ty, kind) in spec.attributes {
        class.add_attribute(name, ty, kind);
    }
    let names: Vec<&str> = spec.constants.iter().map(|(n, _)| n.as_str()).collect();
    for at in super::constants_order::of(&names) {
        let (name, value) = &spec.constants[at];
        class.add_constant(name.as_str(), value.clone());
    }
    let mut submodules = HashMap::new();
    for (name, module) in spec.submodules {
        let ty = module
            .interface
            .clone()
            .unwrap_or_else(|| Type::Class(module.class.clone()));
        class.add_attribute(name.as_str(), ty, AttributeKind::Regular);
        submodules.insert(name, module);
    }
    let qualified = spec.qualified_name;
    let mut overload_names = HashMap::new();
    for (name, sources) in &spec.overloads {
        overload_names.insert(
            name.clone(),
            sources.iter().map(|s| s.name.as_str().into()).collect(),
        );
    }
    let host = spec.source.map(|source| {
        Arc::new(OnDemand {
            source,
            qualified: qualified.clone(),
            table,
        }) as Arc<dyn ModuleHost>
    });
    let module = Arc::new(ConcreteModule {
        class: class.clone(),
        interface: None,
        iterable: spec.iterable,
        submodules: submodules.into(),
        functions: spec.functions,
        builtins: spec.builtins,
        overloads: overload_names,
        failed: spec.failed,
        host,
    });
    let receiver = Receiver::Module(module.clone());
    add_properties(&class, &spec.properties, &qualified, &receiver, table)?;
    let made = |source: &FunctionSource| {
        define(
            source,
            &format!("{qualified}.{}", source.name),
            Some(&receiver),
            table,
        )
    };
    for method in spec.overloads.values().flatten().chain(&spec.methods) {
        class.add_method(made(method)?);
    }
    for hook in &spec.forward_hooks {
        class.add_forward_hook(made(hook)?);
    }
    for hook in &spec.forward_pre_hooks {
        class.add_forward_pre_hook(made(hook)?);
    }
    compile_all(&class)?;
    for hook in class.forward_hooks().iter().chain(&class.forward_pre_hooks()) {
        compiled(hook)?;
    }
    super::hooks::check(&class)?;
    Ok(module)
}

fn add_properties(
    class: &Arc<ClassType>,
    properties: &[PropertySource],
    qualified: &str,
    receiver: &Receiver,
    table: &'static OpTable,
) -> Result<()> {
    for property in properties {
        let getter = format!("{qualified}.__{}_getter", property.name);
        let getter = define(&property.getter, &getter, Some(receiver), table)?;
        class.add_method(getter.clone());
        let setter = match &property.setter {
            None => None,
            Some(setter) => {
                let name = format!("{qualified}.__{}_setter", property.name);
                let setter = define(setter, &name, Some(receiver), table)?;
                class.add_method(setter.clone());
                Some(setter)
            }
        };
        class.add_property(Property {
            name: property.name.as_str().into(),
            getter,
            setter,
        });
    }
    Ok(())
}

/// `__init__` first: it decides which attributes there are.
fn compile_all(class: &Arc<ClassType>) -> Result<()> {
    if let Some(init) = class.method("__init__") {
        compiled(&init)?;
    }
    for method in class.methods() {
        compiled(&method)?;
    }
    Ok(())
}

/// Adds methods to a module that is already compiled. They may call each other.
pub(super) fn define_methods(
    module: &Arc<ConcreteModule>,
    sources: &[FunctionSource],
    table: &'static OpTable,
) -> Result<()> {
    let receiver = Receiver::Module(module.clone());
    let methods: Vec<_> = sources
        .iter()
        .map(|source| {
            let qualified = format!("{}.{}", module.class.name, source.name);
            define(source, &qualified, Some(&receiver), table)
        })
        .collect::<Result<_>>()?;
    for method in &methods {
        module.class.add_method(method.clone());
    }
    methods.iter().try_for_each(compiled)
}

/// An interface type from the signatures of its methods.
pub fn interface(
    qualified_name: &str,
    is_module: bool,
    methods: &[FunctionSource],
    table: &'static OpTable,
) -> Result<Type> {
    let interface = InterfaceType::new(qualified_name, is_module);
    for source in methods {
        let (function, text) = parse(source)?;
        let resolver = ScopeResolver {
            scope: source.scope.clone(),
            class: None,
            table,
        };
        let schema = super::import::interface_method(&function, &text, &interface, &resolver, table)?;
        interface.add_method(schema);
    }
    Ok(Type::Interface(interface))
}

/// Compiles a function now.
pub fn compiled(function: &Arc<Function>) -> Result<()> {
    match function.graph() {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.downcast_ref::<CompileError>() {
            Some(error) => Box::new(error.clone()),
            None => CompileError::new(ErrorKind::Compile, error.to_string()),
        }),
    }
}

/// An error about a function as a whole, found before its compilation.
pub fn about(source: &FunctionSource, message: &str) -> Box<CompileError> {
    let (function, text) = match parse(source) {
        Ok(parsed) => parsed,
        Err(error) => return error,
    };
    let mut error = CompileError::at(ErrorKind::Compile, &text, function.span, message);
    error.outside = true;
    error
}

/// A parameter's default is nothing that the language has.
pub fn bad_default(source: &FunctionSource, name: &str) -> Box<CompileError> {
    let declared = parse(source).ok().and_then(|(function, text)| {
        let param = function.params.iter().find(|p| p.name.name == name)?;
        let annotation = param.annotation.as_ref()?;
        Some(text.slice(annotation.span).to_string())
    });
    let ty = declared.unwrap_or_else(|| "Tensor".into());
    about(
        source,
        &format!("Expected a default value of type {ty} on parameter \"{name}\"."),
    )
}

/// Parses a function's text, keeping its indentation for messages.
fn parse(source: &FunctionSource) -> Result<(ast::FunctionDef, Arc<Text>)> {
    if let Some((function, text)) = &source.parsed {
        return Ok(((**function).clone(), text.clone()));
    }
    let indent = &source.text[..source.text.len() - source.text.trim_start_matches([' ', '\t']).len()];
    let indented = !indent.is_empty();
    // An indented text needs something to be indented under.
    let (text, first_line) = if indented {
        (
            format!("if True:\n{}", source.text),
            source.first_line.saturating_sub(1),
        )
    } else {
        (source.text.clone(), source.first_line)
    };
    let file = Arc::new(SourceFile::cut_out(source.file.as_str(), text, first_line, 0));
    let (module, problems) = ast::parse_indented(&file, indent);
    let text = Text::of_file(file);
    if let Some(problem) = problems.first() {
        let mut error = CompileError::new(ErrorKind::Syntax, problem.message.clone());
        error.place = problem.primary.as_ref().map(|p| (text.clone(), p.span));
        return Err(error);
    }
    let mut body = module.body;
    if indented
        && let Some(ast::Stmt {
            kind: ast::StmtKind::If { body: inner, .. },
            ..
        }) = body.pop()
    {
        body = inner;
    }
    for stmt in body {
        if let ast::StmtKind::FunctionDef(function) = stmt.kind {
            return Ok((*function, text));
        }
    }
    let message = format!(
        "Expected a single top-level function: {}:{}",
        source.file, source.first_line
    );
    Err(CompileError::new(ErrorKind::Compile, message))
}

fn define(
    source: &FunctionSource,
    qualified_name: &str,
    receiver: Option<&Receiver>,
    table: &'static OpTable,
) -> Result<Arc<Function>> {
    let (function, text) = parse(source)?;
    define_parsed(source, &function, &text, qualified_name, receiver, table)
}

fn define_unused(
    source: &FunctionSource,
    qualified_name: &str,
    receiver: Option<&Receiver>,
    table: &'static OpTable,
) -> Result<Arc<Function>> {
    let (function, text) = parse(source)?;
    let function = super::program::unused_function(&function);
    define_parsed(source, &function, &text, qualified_name, receiver, table)
}

fn define_parsed(
    source: &FunctionSource,
    function: &ast::FunctionDef,
    text: &Arc<Text>,
    qualified_name: &str,
    receiver: Option<&Receiver>,
    table: &'static OpTable,
) -> Result<Arc<Function>> {
    let class = receiver.map(|r| r.class().clone());
    let self_name = class.as_ref().map(|c| c.short_name().to_string());
    let mut def: Def = desugar::def(
        function,
        text,
        DefOptions {
            self_name: self_name.as_deref(),
            native: source.native,
        },
    )?;
    def.name.name = source.name.clone();
    let resolver = ScopeResolver {
        scope: source.scope.clone(),
        class: self_name.zip(class),
        table,
    };
    Ok(define_function(
        qualified_name,
        Definition {
            def: Arc::new(def),
            resolver: Arc::new(resolver),
            receiver: receiver.cloned(),
            defaults: source.defaults.clone(),
            overload: source.overload,
            table,
        },
    ))
}

/// Names by a shell's scope.
struct ScopeResolver {
    scope: Arc<dyn Scope>,
    class: Option<(String, Arc<ClassType>)>,
    table: &'static OpTable,
}

impl Resolver for ScopeResolver {
    fn resolve_value(&self, name: &str, emitter: &mut Emitter<'_>, loc: Span) -> Result<Option<Sugared>> {
        let found = self
            .scope
            .get(name)
            .map_err(|mut error| match error.class.clone() {
                Some(class) => emitter.called_from(error, &class, loc),
                None => {
                    // What the shell says against a value is shown where the value is named.
                    if error.kind == ErrorKind::Compile && error.place.is_none() {
                        error.place = Some((emitter.text.clone(), loc));
                    }
                    error
                }
            })?;
        if let Some(HostValue::Functions(functions)) = &found {
            for function in functions.iter().filter(|f| !f.is_being_defined()) {
                emitter.graph_of(function, None)?;
            }
        }
        found
            .map(|value| emitter.from_host(value, loc, false))
            .transpose()
    }

    fn resolve_type_name(&self, name: &str, _: &Arc<Text>, _: Span) -> Result<Option<Type>> {
        if let Some((own, class)) = &self.class
            && own == name
        {
            return Ok(Some(Type::Class(class.clone())));
        }
        self.scope.get_type(name)
    }

    fn resolve_annotation(&self, expr: &Expr, text: &Arc<Text>) -> Result<Option<Type>> {
        match &expr.kind {
            ExprKind::Var(name) if super::annotations::base_type(name).is_some() => Ok(None),
            ExprKind::Var(name) => self.resolve_type_name(name, text, expr.span),
            ExprKind::Str(quoted) => {
                let file = Arc::new(SourceFile::new("<annotation>", quoted.as_str()));
                match ast::parse_expression(&file) {
                    (Some(inner), problems) if problems.is_empty() => {
                        let inner_text = Text::of_file(file);
                        let inner = desugar::expr(&inner, &inner_text)?;
                        let read = super::annotations::read(&inner, &inner_text, self, self.table);
                        // What the quoted text says is shown where it stands.
                        read.map(Some).map_err(|mut error| {
                            if error
                                .place
                                .as_ref()
                                .is_some_and(|(at, _)| Arc::ptr_eq(at, &inner_text))
                            {
                                error.place = Some((text.clone(), expr.span));
                            }
                            error
                        })
                    }
                    _ => Ok(None),
                }
            }
            // The shell knows `typing.List[int]` and aliases; what it does not know is read as text.
            _ => self.scope.get_type(text.slice(expr.span)),
        }
    }
}

/// Compiles methods of a module when code first names them.
struct OnDemand {
    source: Arc<dyn ModuleSource>,
    qualified: String,
    table: &'static OpTable,
}

impl ModuleHost for OnDemand {
    fn method(&self, module: &Arc<ConcreteModule>, name: &str) -> Result<Option<ModuleMember>> {
        let receiver = Receiver::Module(module.clone());
        let qualified = format!("{}.{name}", self.qualified);
        match self.source.find(name)? {
            MethodLookup::None => Ok(None),
            MethodLookup::Value(value) => Ok(Some(ModuleMember::Value(value))),
            MethodLookup::Callback(callback) => Ok(Some(ModuleMember::Callback(callback))),
            MethodLookup::Ignored(source) => {
                let declared = define_unused(&source, &qualified, Some(&receiver), self.table)?;
                let (def, _) = parse(&source)?;
                let callback = super::callback::absent(&def, &declared, 1)?;
                Ok(Some(ModuleMember::Callback(callback)))
            }
            MethodLookup::Unused(source) => {
                let function = define_unused(&source, &qualified, Some(&receiver), self.table)?;
                Ok(Some(ModuleMember::Unused(function)))
            }
            MethodLookup::Method(source) => {
                let method = define(&source, &qualified, Some(&receiver), self.table)?;
                module.class.add_method(method.clone());
                compiled(&method)?;
                Ok(Some(ModuleMember::Compiled))
            }
        }
    }
}
