//! Archives: the `code/**/*.py` texts that `torch.jit.save` writes, compiled as they are needed.
//!
//! A name such as `__torch__.torch.nn.modules.linear.Linear` is found in the file of its parent,
//! `code/__torch__/torch/nn/modules/linear.py`. A file is parsed when something in it is first asked for, a class is
//! set up when it is first named, and a method is compiled when it is first called.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::schema::Schema;
use flambeau_ir::source::Source;
use flambeau_ir::types::{AttributeKind, ClassType, EnumType, InterfaceType, NamedTupleInfo, Type};
use flambeau_ir::value::IValue;
use flambeau_syntax::{self as ast, SourceFile, Span};
use parking_lot::Mutex;

use super::desugar::{self, DefOptions};
use super::error::{CompileError, ErrorKind, Result, Text};
use super::function::literal_value;
use super::sugared::{Form, Sugared};
use super::tree::{Expr, ExprKind};
use super::{Definition, Emitter, Receiver, Resolver, define_function};

/// Where the texts of an archive come from.
pub trait CodeSource: Send + Sync {
    /// The text of `code/<path>.py`, where `path` is `__torch__/torch/nn/modules/linear`.
    fn code(&self, path: &str) -> Option<Arc<str>>;

    /// Where the ranges of that text came from, if the archive tells (`.debug_pkl`).
    fn origin(&self, path: &str) -> Option<flambeau_ir::source::Origin> {
        let _ = path;
        None
    }
}

/// What a file defines and nobody has asked for yet.
enum Pending {
    Class(Box<ast::ClassDef>, Arc<Text>),
    Function(Box<ast::FunctionDef>, Arc<Text>),
}

#[derive(Default)]
struct State {
    loaded: HashSet<String>,
    pending: HashMap<String, Pending>,
    types: HashMap<String, Type>,
    functions: HashMap<String, Arc<Function>>,
}

/// Compiles an archive's code, lazily.
pub struct SourceImporter {
    this: Weak<SourceImporter>,
    source: Arc<dyn CodeSource>,
    constants: Vec<IValue>,
    /// The archive's operator version; old ones need upgraders.
    pub version: u64,
    table: &'static OpTable,
    state: Mutex<State>,
}

impl SourceImporter {
    /// `constants` is the table that `CONSTANTS.c0` and so on refer to.
    pub fn new(
        source: Arc<dyn CodeSource>,
        constants: Vec<IValue>,
        version: u64,
        table: &'static OpTable,
    ) -> Arc<SourceImporter> {
        Arc::new_cyclic(|this| SourceImporter {
            this: this.clone(),
            source,
            constants,
            version,
            table,
            state: Mutex::default(),
        })
    }

    /// Drops all code, whose parts refer to each other. The importer is of no use afterwards.
    pub fn clear(&self) {
        let state = std::mem::take(&mut *self.state.lock());
        for ty in state.types.values() {
            if let Type::Class(class) = ty {
                class.clear();
            }
        }
    }

    /// The class, NamedTuple, interface or enum of a qualified name.
    pub fn find_type(&self, name: &str) -> Result<Option<Type>> {
        if let Some(ty) = self.state.lock().types.get(name) {
            return Ok(Some(ty.clone()));
        }
        let Some((prefix, _)) = name.rsplit_once('.') else {
            return Ok(None);
        };
        self.load_file(prefix)?;
        let pending = {
            let mut state = self.state.lock();
            match state.pending.get(name) {
                Some(Pending::Class(..)) => state.pending.remove(name),
                _ => None,
            }
        };
        let Some(Pending::Class(class, text)) = pending else {
            return Ok(None);
        };
        self.import_type(name, &class, &text)?;
        Ok(self.state.lock().types.get(name).cloned())
    }

    /// A class by qualified name; an error if there is none.
    pub fn load_class(&self, name: &str) -> Result<Arc<ClassType>> {
        match self.find_type(name)? {
            Some(Type::Class(class)) => Ok(class),
            _ => Err(CompileError::new(
                ErrorKind::Compile,
                format!("the archive has no class `{name}`"),
            )),
        }
    }

    /// A function by qualified name.
    pub fn find_function(&self, name: &str) -> Result<Option<Arc<Function>>> {
        if let Some(function) = self.state.lock().functions.get(name) {
            return Ok(Some(function.clone()));
        }
        let Some((prefix, _)) = name.rsplit_once('.') else {
            return Ok(None);
        };
        self.load_file(prefix)?;
        let mut state = self.state.lock();
        let pending = match state.pending.get(name) {
            Some(Pending::Function(..)) => state.pending.remove(name),
            _ => None,
        };
        let Some(Pending::Function(function, text)) = pending else {
            return Ok(None);
        };
        let function = self.define(name, &function, &text, None)?;
        state.functions.insert(name.into(), function.clone());
        Ok(Some(function))
    }

    /// Parses a type as code spells it, such as `List[__torch__.Foo]`.
    pub fn parse_type(&self, text: &str) -> Result<Type> {
        let file = Arc::new(SourceFile::new("<type>", text));
        let (expr, problems) = ast::parse_expression(&file);
        let text = Text::of_file(file);
        match expr {
            Some(expr) if problems.is_empty() => {
                let expr = desugar::expr(&expr, &text)?;
                self.type_of(&expr, &text)
            }
            _ => Err(CompileError::new(
                ErrorKind::Compile,
                format!("cannot read the type `{}`", text.source.text),
            )),
        }
    }

    fn resolver(&self) -> Arc<dyn Resolver> {
        match self.this.upgrade() {
            Some(this) => Arc::new(ArchiveResolver(this)),
            None => Arc::new(super::builtin_functions::NativeResolver),
        }
    }

    fn type_of(&self, expr: &Expr, text: &Arc<Text>) -> Result<Type> {
        let resolver = self.resolver();
        super::annotations::read(expr, text, &*resolver, self.table)
    }

    /// A file of the archive's code as a tree.
    fn parse(&self, path: &str, code: Arc<str>) -> Result<(ast::Module, Arc<Text>)> {
        let name = format!("code/{path}.py");
        let file = Arc::new(SourceFile::new(&*name, &*code));
        let (module, problems) = ast::parse_archive_module(&file);
        if let Some(problem) = problems.first() {
            let mut error = CompileError::new(ErrorKind::Syntax, format!("in `{name}`: {}", problem.message));
            if let Some(primary) = &problem.primary {
                error.place = Some((Text::of_file(file.clone()), primary.span));
            }
            return Err(error);
        }
        let source = Source {
            text: code,
            filename: Some(name.as_str().into()),
            first_line: 0,
            origin: self.source.origin(path),
            views: Vec::new(),
        };
        let text = Arc::new(Text {
            source: Arc::new(source),
            file,
        });
        Ok((module, text))
    }

    fn load_file(&self, qualifier: &str) -> Result<()> {
        if !self.state.lock().loaded.insert(qualifier.to_string()) {
            return Ok(());
        }
        let path = qualifier.replace('.', "/");
        let Some(code) = self.source.code(&path) else {
            return Ok(());
        };
        let (module, text) = self.parse(&path, code)?;
        let mut state = self.state.lock();
        for stmt in module.body {
            let (name, pending) = match stmt.kind {
                ast::StmtKind::ClassDef(class) => {
                    (class.name.name.clone(), Pending::Class(class, text.clone()))
                }
                ast::StmtKind::FunctionDef(f) => (f.name.name.clone(), Pending::Function(f, text.clone())),
                // `op_version_set = 1` and imports of old files say nothing that is needed.
                _ => continue,
            };
            state.pending.insert(format!("{qualifier}.{name}"), pending);
        }
        Ok(())
    }

    fn define(
        &self,
        name: &str,
        function: &ast::FunctionDef,
        text: &Arc<Text>,
        class: Option<&Arc<ClassType>>,
    ) -> Result<Arc<Function>> {
        let def = desugar::def(
            function,
            text,
            DefOptions {
                self_name: None,
                native: true,
            },
        )?;
        Ok(define_function(
            name,
            Definition {
                def: Arc::new(def),
                resolver: self.resolver(),
                receiver: class.map(|c| Receiver::Class(c.clone())),
                defaults: Vec::new(),
                overload: false,
                table: self.table,
            },
        ))
    }

    fn import_type(&self, name: &str, class: &ast::ClassDef, text: &Arc<Text>) -> Result<()> {
        let base = class.bases.first().and_then(ast::Expr::as_name);
        match base {
            None if class.bases.is_empty() => self.import_class(name, class, text, false),
            Some("Module") => self.import_class(name, class, text, true),
            Some("NamedTuple") => self.import_named_tuple(name, class, text),
            Some("Interface") => self.import_interface(name, class, text, false),
            Some("ModuleInterface") => self.import_interface(name, class, text, true),
            Some("Enum") => self.import_enum(name, class, text),
            _ => Err(CompileError::at(
                ErrorKind::Compile,
                text,
                class.span,
                "Torchscript does not support class inheritance.",
            )),
        }
    }

    /// Adds the functions of an entry such as `code/model.py` to a class as its methods: archives of format version 1
    /// keep the methods of each module in a file of its own, without a class around them.
    pub fn import_methods(&self, class: &Arc<ClassType>, entry: &str) -> Result<()> {
        let path = entry.strip_prefix("code/").unwrap_or(entry);
        let path = path.strip_suffix(".py").unwrap_or(path);
        let Some(code) = self.source.code(path) else {
            return Err(CompileError::new(
                ErrorKind::Compile,
                format!("the archive has no entry `{entry}`"),
            ));
        };
        let (module, text) = self.parse(path, code)?;
        self.register(&class.name, Type::Class(class.clone()));
        for stmt in &module.body {
            if let ast::StmtKind::FunctionDef(function) = &stmt.kind {
                let name = format!("{}.{}", class.name, function.name.name);
                class.add_method(self.define(&name, function, &text, Some(class))?);
            }
        }
        Ok(())
    }

    fn register(&self, name: &str, ty: Type) {
        self.state.lock().types.insert(name.into(), ty);
    }

    fn import_class(&self, name: &str, def: &ast::ClassDef, text: &Arc<Text>, is_module: bool) -> Result<()> {
        let class = ClassType::new(name, is_module);
        // Registered first: methods name their own class.
        self.register(name, Type::Class(class.clone()));
        let mut parameters = HashSet::new();
        let mut buffers = HashSet::new();
        for stmt in &def.body {
            match &stmt.kind {
                ast::StmtKind::Assign { targets, value, .. } => {
                    let Some(target) = targets.first() else { continue };
                    match &target.kind {
                        ast::ExprKind::Name(list) if list == "__parameters__" => {
                            parameters = strings(value);
                        }
                        ast::ExprKind::Name(list) if list == "__buffers__" => buffers = strings(value),
                        ast::ExprKind::Subscript { index, .. } => {
                            // `__annotations__["0"] = Tensor`: a name that Python's grammar does not allow.
                            if let ast::ExprKind::Constant(ast::Constant::Str(field)) = &index.kind {
                                self.add_attribute(&class, field, value, text, &parameters, &buffers)?;
                            }
                        }
                        _ => {}
                    }
                }
                ast::StmtKind::AnnAssign {
                    target,
                    annotation,
                    value,
                } => {
                    let Some(field) = target.as_name() else { continue };
                    match value {
                        None => {
                            let fixed = packed_params_type(name, field, annotation);
                            match fixed {
                                Some(ty) => {
                                    class.add_attribute(field, ty, AttributeKind::Regular);
                                }
                                None => {
                                    self.add_attribute(
                                        &class,
                                        field,
                                        annotation,
                                        text,
                                        &parameters,
                                        &buffers,
                                    )?;
                                }
                            }
                        }
                        Some(value) => {
                            let constant = self.class_constant(annotation, value, text)?;
                            class.add_constant(field, constant);
                        }
                    }
                }
                ast::StmtKind::FunctionDef(function) => {
                    let method_name = format!("{name}.{}", function.name.name);
                    let method = self.define(&method_name, function, text, Some(&class))?;
                    // Hooks follow the methods they are for; calls find them by name.
                    class.add_method(method);
                }
                _ => {}
            }
        }
        self.add_hooks(&class, def);
        // Up to PyTorch 1.2 classes do not declare their attributes: `__init__` makes them.
        if !is_module
            && class.attribute_count() == 0
            && let Some(init) = class.method("__init__")
        {
            init.graph()
                .map_err(|e| CompileError::new(ErrorKind::Compile, e.to_string()))?;
        }
        Ok(())
    }

    /// `__forward_hooks__ = […]` lists hooks in old files; they are methods like others there.
    fn add_hooks(&self, class: &Arc<ClassType>, def: &ast::ClassDef) {
        for stmt in &def.body {
            let ast::StmtKind::Assign { targets, value, .. } = &stmt.kind else {
                continue;
            };
            let Some(list) = targets.first().and_then(ast::Expr::as_name) else {
                continue;
            };
            let ast::ExprKind::List(items) = &value.kind else {
                continue;
            };
            for item in items {
                let ast::ExprKind::Constant(ast::Constant::Str(name)) = &item.kind else {
                    continue;
                };
                let Some(method) = class.method(name) else {
                    continue;
                };
                match list {
                    "__forward_hooks__" => class.add_forward_hook(method),
                    "__forward_pre_hooks__" => class.add_forward_pre_hook(method),
                    _ => {}
                }
            }
        }
    }

    fn add_attribute(
        &self,
        class: &Arc<ClassType>,
        field: &str,
        annotation: &ast::Expr,
        text: &Arc<Text>,
        parameters: &HashSet<String>,
        buffers: &HashSet<String>,
    ) -> Result<()> {
        let annotation = desugar::expr(annotation, text)?;
        let ty = self.type_of(&annotation, text)?;
        let kind = if parameters.contains(field) {
            AttributeKind::Parameter
        } else if buffers.contains(field) {
            AttributeKind::Buffer
        } else {
            AttributeKind::Regular
        };
        class.add_attribute(field, ty, kind);
        Ok(())
    }

    /// `foo : Final[int] = 3`
    fn class_constant(&self, annotation: &ast::Expr, value: &ast::Expr, text: &Arc<Text>) -> Result<IValue> {
        let wanted = match &annotation.kind {
            ast::ExprKind::Subscript { value: base, index } if base.as_name() == Some("Final") => {
                let ty = desugar::expr(index, text)?;
                Some(self.type_of(&ty, text)?)
            }
            _ => None,
        };
        let expr = desugar::expr(value, text)?;
        let value = match &expr.kind {
            ExprKind::Var(name) if name == "inf" => Some(IValue::Double(f64::INFINITY)),
            ExprKind::Var(name) if name == "nan" => Some(IValue::Double(f64::NAN)),
            ExprKind::Select(base, field) if base.as_var() == Some("CONSTANTS") => {
                self.constant_at(&field.name)
            }
            _ => literal_value(&expr),
        };
        let fitted = match (value, wanted) {
            (Some(value), Some(ty)) => super::function::fit_default(&value, &ty).or(Some(value)),
            (value, _) => value,
        };
        match fitted {
            Some(value) => Ok(value),
            None => Err(CompileError::at(
                ErrorKind::Compile,
                text,
                expr.span,
                "cannot read the class constant",
            )),
        }
    }

    fn constant_at(&self, field: &str) -> Option<IValue> {
        let index: usize = field.get(1..)?.parse().ok()?;
        self.constants.get(index).cloned()
    }

    fn import_named_tuple(&self, name: &str, def: &ast::ClassDef, text: &Arc<Text>) -> Result<()> {
        let mut fields: Vec<Arc<str>> = Vec::new();
        let mut types = Vec::new();
        let mut defaults = Vec::new();
        for stmt in &def.body {
            let Some((field, annotation, value)) = stmt.as_declaration() else {
                if matches!(stmt.kind, ast::StmtKind::Pass) {
                    continue;
                }
                return Err(CompileError::at(
                    ErrorKind::Compile,
                    text,
                    stmt.span,
                    "Unexpected statement in NamedTuple body: only attribute annotations are currently supported.",
                ));
            };
            let annotation = desugar::expr(annotation, text)?;
            let ty = self.type_of(&annotation, text)?;
            if let Some(value) = value {
                let value = desugar::expr(value, text)?;
                if let Some(value) = literal_value(&value).and_then(|v| super::function::fit_default(&v, &ty))
                {
                    defaults.push(value);
                }
            }
            fields.push(field.into());
            types.push(ty);
        }
        let info = NamedTupleInfo {
            name: name.into(),
            fields,
            defaults,
        };
        self.register(name, Type::named_tuple(info.into(), types));
        Ok(())
    }

    fn import_enum(&self, name: &str, def: &ast::ClassDef, text: &Arc<Text>) -> Result<()> {
        let mut members: Vec<(Arc<str>, IValue)> = Vec::new();
        for stmt in &def.body {
            let (target, value) = match &stmt.kind {
                ast::StmtKind::Assign { targets, value, .. } => (targets.first(), Some(value)),
                ast::StmtKind::AnnAssign { target, value, .. } => (Some(target), value.as_ref()),
                _ => continue,
            };
            let (Some(member), Some(value)) = (target.and_then(ast::Expr::as_name), value) else {
                continue;
            };
            let expr = desugar::expr(value, text)?;
            let Some(value) = literal_value(&expr) else {
                return Err(CompileError::at(
                    ErrorKind::Compile,
                    text,
                    expr.span,
                    "cannot read the enum's value",
                ));
            };
            members.push((member.into(), value));
        }
        let value_type = members.first().map_or(Type::Int, |(_, v)| v.ty());
        self.register(
            name,
            Type::Enum(Arc::new(EnumType {
                name: name.into(),
                value_type,
                members,
            })),
        );
        Ok(())
    }

    fn import_interface(
        &self,
        name: &str,
        def: &ast::ClassDef,
        text: &Arc<Text>,
        is_module: bool,
    ) -> Result<()> {
        let interface = InterfaceType::new(name, is_module);
        self.register(name, Type::Interface(interface.clone()));
        let resolver = self.resolver();
        for stmt in &def.body {
            let ast::StmtKind::FunctionDef(function) = &stmt.kind else {
                continue;
            };
            let schema = interface_method(function, text, &interface, &*resolver, self.table)?;
            interface.add_method(schema);
        }
        Ok(())
    }
}

/// The schema of a method that an interface declares.
pub(super) fn interface_method(
    function: &ast::FunctionDef,
    text: &Arc<Text>,
    interface: &Arc<InterfaceType>,
    resolver: &dyn Resolver,
    table: &'static OpTable,
) -> Result<Schema> {
    use flambeau_ir::schema::Argument;
    let def = desugar::def(
        function,
        text,
        DefOptions {
            self_name: None,
            native: true,
        },
    )?;
    let is_pass = |s: &ast::Stmt| matches!(s.kind, ast::StmtKind::Pass);
    if !function.body.iter().any(is_pass) {
        let message = "interfaces declarations should contain 'pass' statement.";
        return Err(CompileError::at(ErrorKind::Compile, text, def.span, message));
    }
    let Some(returns) = &def.returns else {
        let message = "interface declarations must have a return type annotated.";
        return Err(CompileError::at(ErrorKind::Compile, text, def.span, message));
    };
    let mut arguments = Vec::with_capacity(def.params.len());
    for (i, param) in def.params.iter().enumerate() {
        let ty = match (&param.ty, i) {
            (_, 0) => Type::Interface(interface.clone()),
            (Some(ty), _) => super::annotations::read(ty, text, resolver, table)?,
            (None, _) => Type::TENSOR,
        };
        arguments.push(Argument::new(param.name.name.as_str(), ty));
    }
    let returns = super::annotations::read(returns, text, resolver, table)?;
    Ok(Schema {
        name: def.name.name.clone(),
        overload: String::new(),
        arguments,
        returns: vec![Argument::new("", returns)],
        is_vararg: false,
        is_varret: false,
    })
}

fn strings(list: &ast::Expr) -> HashSet<String> {
    let ast::ExprKind::List(items) = &list.kind else {
        return HashSet::new();
    };
    let strings = items.iter().filter_map(|item| match &item.kind {
        ast::ExprKind::Constant(ast::Constant::Str(s)) => Some(s.clone()),
        _ => None,
    });
    strings.collect()
}

/// Old quantised modules say that their packed weights are a tensor.
fn packed_params_type(class: &str, field: &str, annotation: &ast::Expr) -> Option<Type> {
    if field != "_packed_params" || annotation.as_name() != Some("Tensor") {
        return None;
    }
    let plain: Vec<&str> = class
        .split('.')
        .filter(|part| !part.starts_with("___torch_mangle_"))
        .collect();
    let class = plain.join(".");
    // The folder moved to `torch.ao` later.
    let module = class.strip_prefix("__torch__.torch.")?;
    let packed = match module.strip_prefix("ao.").unwrap_or(module) {
        "nn.quantized.modules.linear.LinearPackedParams"
        | "nn.quantized.modules.linear.Linear"
        | "nn.quantized.dynamic.modules.linear.Linear" => "LinearPackedParamsBase",
        "nn.quantized.modules.conv.Conv2d" | "nn.intrinsic.quantized.modules.conv_relu.ConvReLU2d" => {
            "Conv2dPackedParamsBase"
        }
        "nn.quantized.modules.conv.Conv3d" | "nn.intrinsic.quantized.modules.conv_relu.ConvReLU3d" => {
            "Conv3dPackedParamsBase"
        }
        _ => return None,
    };
    Some(Type::Named(
        format!("__torch__.torch.classes.quantized.{packed}").into(),
    ))
}

/// Names inside an archive's code.
struct ArchiveResolver(Arc<SourceImporter>);

impl Resolver for ArchiveResolver {
    fn resolve_value(&self, name: &str, emitter: &mut Emitter<'_>, loc: Span) -> Result<Option<Sugared>> {
        Ok(Some(match name {
            "torch" => Sugared::BuiltinModule("aten".into()),
            "ops" => Sugared::Ops,
            "CONSTANTS" => Sugared::Constants,
            "fork" => Sugared::Form(Form::Fork),
            "awaitable" => Sugared::Form(Form::Awaitable),
            "annotate" => Sugared::Form(Form::Annotate),
            "unchecked_cast" => Sugared::Form(Form::UncheckedCast),
            "uninitialized" => Sugared::Form(Form::Uninitialized),
            "inf" => Sugared::Simple(emitter.constant(IValue::Double(f64::INFINITY), Some(loc))),
            "infj" => {
                let value = num_complex::Complex64::new(0.0, f64::INFINITY);
                Sugared::Simple(emitter.constant(IValue::Complex(value), Some(loc)))
            }
            "nan" => Sugared::Simple(emitter.constant(IValue::Double(f64::NAN), Some(loc))),
            "nanj" => {
                let value = num_complex::Complex64::new(0.0, f64::NAN);
                Sugared::Simple(emitter.constant(IValue::Complex(value), Some(loc)))
            }
            "__torch__" => Sugared::Namespace(name.into()),
            _ => return Ok(None),
        }))
    }

    fn resolve_type_name(&self, name: &str, _: &Arc<Text>, _: Span) -> Result<Option<Type>> {
        self.0.find_type(name)
    }

    fn op_version(&self) -> Option<u64> {
        Some(self.0.version)
    }

    fn table_constant(&self, field: &str) -> Option<IValue> {
        self.0.constant_at(field)
    }

    fn archive_attr(
        &self,
        of: &Sugared,
        field: &str,
        emitter: &mut Emitter<'_>,
        loc: Span,
    ) -> Result<Sugared> {
        match of {
            Sugared::Constants => {
                if field.len() < 2 || !field.as_bytes()[1..].iter().all(u8::is_ascii_digit) {
                    return emitter.fail(loc, format!("invalid constant specifier: {field}"));
                }
                let Some(value) = self.0.constant_at(field) else {
                    let size = self.0.constants.len();
                    return emitter.fail(
                        loc,
                        format!(
                            "constant index {} is out of bounds (constant table has {size} entries)",
                            &field[1..]
                        ),
                    );
                };
                let value = emitter.constant(value, Some(loc));
                Ok(Sugared::Simple(value))
            }
            Sugared::Namespace(prefix) => {
                let name = format!("{prefix}.{field}");
                match self.0.find_type(&name)? {
                    Some(Type::Class(class)) => return Ok(Sugared::Class(class)),
                    Some(ty @ Type::Tuple(_)) => return Ok(Sugared::NamedTuple(ty)),
                    Some(ty @ Type::Enum(_)) => return Ok(Sugared::Enum(ty)),
                    _ => {}
                }
                if let Some(function) = self.0.find_function(&name)? {
                    return Ok(Sugared::Function(vec![function]));
                }
                Ok(Sugared::Namespace(name.into()))
            }
            _ => emitter.fail(loc, format!("attribute lookup of '{field}' is not defined here")),
        }
    }
}
