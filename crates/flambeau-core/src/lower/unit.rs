//! Texts of functions in TorchScript's own dialect, which programs hand over as strings: `CompilationUnit(source)` and
//! `ScriptModule.define(source)`. It is the dialect of archives: defaults stand in the text, `-1` is one number, and
//! there is nothing but functions. Python functions and classes are [`super::script`]'s.

use std::sync::{Arc, OnceLock, Weak};

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;
use flambeau_syntax::{self as ast, SourceFile, Span};

use super::error::{CompileError, ErrorKind, Result, Text};
use super::host::{HostValue, Scope};
use super::library;
use super::module::ConcreteModule;
use super::script::{self, FunctionSource, compiled};

/// What PyTorch calls such a text.
const FILE: &str = "<string>";

/// Compiles the functions of a text, which see each other and `scope`.
pub fn functions(
    text: &str,
    scope: Arc<dyn Scope>,
    table: &'static OpTable,
) -> Result<Vec<(String, Arc<Function>)>> {
    let scope = Arc::new(UnitScope {
        own: OnceLock::new(),
        outer: scope,
        table,
    });
    let mut made: Vec<(String, Arc<Function>)> = Vec::new();
    for source in sources(text, scope.clone())? {
        if made.iter().any(|(name, _)| *name == source.name) {
            return Err(already_defined(&source.name));
        }
        let function = script::function(&source, &source.name, table)?;
        made.push((source.name, function));
    }
    let own = made.iter().map(|(name, f)| (name.clone(), Arc::downgrade(f)));
    // The scope is new, so nothing was set before.
    let _ = scope.own.set(own.collect());
    made.iter().try_for_each(|(_, function)| compiled(function))?;
    Ok(made)
}

/// Adds the methods of a text to a module that is already compiled.
pub fn methods(
    module: &Arc<ConcreteModule>,
    text: &str,
    scope: Arc<dyn Scope>,
    table: &'static OpTable,
) -> Result<()> {
    let sources = sources(text, scope)?;
    if let Some(twice) = sources.iter().find(|s| module.class.method(&s.name).is_some()) {
        return Err(already_defined(&twice.name));
    }
    script::define_methods(module, &sources, table)
}

/// The function of a name among those of a text, to be compiled as a method of a module.
pub fn source(text: &str, name: &str, scope: Arc<dyn Scope>) -> Result<FunctionSource> {
    let found = sources(text, scope)?.into_iter().find(|s| s.name == name);
    found.ok_or_else(|| CompileError::new(ErrorKind::Compile, format!("the text defines no `{name}`")))
}

fn sources(text: &str, scope: Arc<dyn Scope>) -> Result<Vec<FunctionSource>> {
    let (file, indented) = readable(text);
    let (mut module, problems) = ast::parse_archive_module(&file);
    let text = Text::of_file(file);
    if let Some(problem) = problems.first() {
        let mut error = CompileError::new(ErrorKind::Syntax, problem.message.clone());
        error.place = problem.primary.as_ref().map(|p| (text.clone(), p.span));
        return Err(error);
    }
    if indented
        && let Some(ast::Stmt {
            kind: ast::StmtKind::If { body, .. },
            ..
        }) = module.body.pop()
    {
        module.body = body;
    }
    let each = module.body.into_iter().map(|stmt| match stmt.kind {
        ast::StmtKind::FunctionDef(function) => Ok(FunctionSource {
            name: function.name.name.clone(),
            text: String::new(),
            file: FILE.into(),
            first_line: 1,
            scope: scope.clone(),
            defaults: Vec::new(),
            overload: false,
            parsed: Some((Arc::from(function), text.clone())),
            native: true,
        }),
        _ => {
            let found = text.slice(stmt.span).split(|c: char| !c.is_alphanumeric()).next();
            let message = format!("expected def but found '{}' here", found.unwrap_or_default());
            Err(CompileError::at(ErrorKind::Compile, &text, stmt.span, message))
        }
    });
    each.collect()
}

fn already_defined(name: &str) -> Box<CompileError> {
    CompileError::new(ErrorKind::Compile, format!("method '{name}' already defined."))
}

/// The text as Python's grammar takes it: indented functions need something to be indented under, for which there is
/// the first line, which is empty where a program writes such a text. Says whether it was used.
fn readable(text: &str) -> (Arc<SourceFile>, bool) {
    let indented = |line: &str| line.starts_with([' ', '\t']);
    let first_full = text.lines().find(|line| !line.trim().is_empty());
    match text.split_once('\n') {
        Some((first, rest)) if first.trim().is_empty() && first_full.is_some_and(indented) => {
            let head = "if True:\n";
            let file = SourceFile::new(FILE, format!("{head}{rest}"));
            file.set_views(vec![Span::new(head.len() as u32, file.text.len() as u32)]);
            (Arc::new(file), true)
        }
        _ => (Arc::new(SourceFile::new(FILE, text)), false),
    }
}

/// The functions of the text itself, then the names around it, then the modules that need no import.
struct UnitScope {
    own: OnceLock<Vec<(String, Weak<Function>)>>,
    outer: Arc<dyn Scope>,
    table: &'static OpTable,
}

impl Scope for UnitScope {
    fn get(&self, name: &str) -> Result<Option<HostValue>> {
        let mut own = self.own.get().into_iter().flatten();
        if let Some(function) = own.find(|(n, _)| n == name).and_then(|(_, f)| f.upgrade()) {
            return Ok(Some(HostValue::Functions(vec![function])));
        }
        if let Some(found) = self.outer.get(name)? {
            return Ok(Some(found));
        }
        let known = matches!(name, "torch" | "math").then(|| library::module(name, self.table));
        Ok(known.flatten().map(HostValue::Module))
    }

    fn get_type(&self, annotation: &str) -> Result<Option<Type>> {
        self.outer.get_type(annotation)
    }
}
