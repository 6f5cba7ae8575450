//! Dataclasses and NamedTuples made by a call: the methods and fields that Python makes up for them.

use std::sync::Arc;

use flambeau_ir::types::{NamedTupleInfo, Type};
use flambeau_syntax::{self as ast, SourceFile};

use super::error::{CompileError, ErrorKind, Result, Text};
use super::program::Program;

/// A field as its class declares it.
struct Field<'a> {
    name: &'a str,
    annotation: &'a str,
    default: Option<&'a str>,
    in_init: bool,
    in_comparison: bool,
    /// Handed to `__post_init__` instead of being kept.
    init_only: bool,
}

/// The methods of a dataclass, each in a text of its own.
pub(super) fn methods(class: &ast::ClassDef, text: &Text) -> Result<Vec<(Arc<Text>, Arc<ast::FunctionDef>)>> {
    let fields = fields(class, text)?;
    let has = |name: &str| {
        class
            .body
            .iter()
            .any(|s| matches!(&s.kind, ast::StmtKind::FunctionDef(f) if f.name.name == name))
    };
    let option = |name: &str, default: bool| {
        let calls = class.decorators.iter().filter_map(|d| match &d.kind {
            ast::ExprKind::Call { func, keywords, .. } if is_dataclass(func) => Some(keywords),
            _ => None,
        });
        let given = calls
            .flatten()
            .find(|k| k.arg.as_ref().is_some_and(|a| a.name == name));
        given.map_or(default, |k| text.slice(k.value.span) == "True")
    };
    let class_name = &class.name.name;
    let mut methods = Vec::new();
    let mut add = |name: &str, signature: String, lines: Vec<String>| -> Result<()> {
        if has(name) {
            return Ok(());
        }
        let body: String = lines.iter().map(|line| format!("\n  {line}")).collect();
        let source = format!("def {name}{signature}:{body}");
        let file = Arc::new(SourceFile::new(
            format!("__torch_jit_dataclass/{class_name}/{name}"),
            source,
        ));
        let (tree, problems) = ast::parse_module(&file);
        let text = Text::of_file(file);
        if let Some(problem) = problems.first() {
            return Err(CompileError::new(ErrorKind::Compile, problem.message.clone()));
        }
        for stmt in tree.body {
            if let ast::StmtKind::FunctionDef(function) = stmt.kind {
                methods.push((text.clone(), Arc::from(function)));
            }
        }
        Ok(())
    };
    if option("init", true) {
        let mut signature = "(self".to_string();
        for field in fields.iter().filter(|f| f.in_init) {
            signature += &format!(", {}: {}", field.name, field.annotation);
            if let Some(default) = field.default {
                signature += &format!(" = {default}");
            }
        }
        signature += ") -> None";
        let kept = fields.iter().filter(|f| f.in_init && !f.init_only);
        let mut lines: Vec<String> = kept.map(|f| format!("self.{0} = {0}", f.name)).collect();
        if has("__post_init__") {
            let handed: Vec<&str> = fields.iter().filter(|f| f.init_only).map(|f| f.name).collect();
            lines.push(format!("self.__post_init__({})", handed.join(", ")));
        }
        if lines.is_empty() {
            lines.push("pass".into());
        }
        add("__init__", signature, lines)?;
    }
    if option("repr", true) {
        // PyTorch's text is the same for all objects.
        let shown: Vec<String> = fields.iter().map(|f| format!("{0}=self.{0}", f.name)).collect();
        let text = format!("return '{class_name}({})'", shown.join(", "));
        add("__repr__", "(self) -> str".into(), vec![text])?;
    }
    let signature = || format!("(self, other: {class_name}) -> bool");
    if option("eq", true) {
        let lines = comparison(&fields, true, None, &["if val1 != val2: return False".into()]);
        add("__eq__", signature(), lines)?;
    }
    if option("order", false) {
        for (name, op, equal) in [
            ("__lt__", "<", false),
            ("__le__", "<", true),
            ("__gt__", ">", false),
            ("__ge__", ">", true),
        ] {
            let inner = [
                format!("if val1 {op} val2: return True"),
                format!("elif val2 {op} val1: return False"),
            ];
            let refusal = format!("raise TypeError('Cannot compare {class_name} with None')");
            add(
                name,
                signature(),
                comparison(&fields, equal, Some(refusal), &inner),
            )?;
        }
    }
    Ok(methods)
}

/// Field by field; `one_is_none` is what happens where only one side of an Optional is there.
fn comparison(
    fields: &[Field<'_>],
    equal: bool,
    one_is_none: Option<String>,
    inner: &[String],
) -> Vec<String> {
    let mut lines = Vec::new();
    for field in fields.iter().filter(|f| f.in_comparison && !f.init_only) {
        lines.push(format!("val1 = self.{}", field.name));
        lines.push(format!("val2 = other.{}", field.name));
        if field.annotation.contains("Optional[") || field.annotation.contains("None") {
            lines.push("if val1 is not None and val2 is not None:".into());
            lines.extend(inner.iter().map(|line| format!("  {line}")));
            lines.push("elif (val1 is None) != (val2 is None):".into());
            lines.push(format!("  {}", one_is_none.as_deref().unwrap_or("return False")));
        } else {
            lines.extend(inner.iter().cloned());
        }
    }
    lines.push(format!("return {}", if equal { "True" } else { "False" }));
    lines
}

fn fields<'a>(class: &'a ast::ClassDef, text: &'a Text) -> Result<Vec<Field<'a>>> {
    let mut fields = Vec::new();
    for stmt in &class.body {
        let Some((name, annotation, value)) = stmt.as_declaration() else {
            continue;
        };
        let subscript = |wanted: &str| match &annotation.kind {
            ast::ExprKind::Subscript { value, .. } => ends_with(value, wanted),
            _ => ends_with(annotation, wanted),
        };
        if subscript("ClassVar") {
            continue;
        }
        let init_only = subscript("InitVar");
        let mut spelled = text.slice(annotation.span);
        if init_only && let Some((_, inner)) = spelled.split_once('[') {
            spelled = inner.strip_suffix(']').unwrap_or(inner);
        }
        let mut field = Field {
            name,
            annotation: spelled,
            default: None,
            in_init: true,
            in_comparison: true,
            init_only,
        };
        match value.map(|v| (&v.kind, v)) {
            Some((ast::ExprKind::Call { func, keywords, .. }, _)) if ends_with(func, "field") => {
                for keyword in keywords {
                    let given = text.slice(keyword.value.span);
                    match keyword.arg.as_ref().map_or("", |a| a.name.as_str()) {
                        "default" => field.default = Some(given),
                        "default_factory" => {
                            let message =
                                "Default factory initializers are not supported in TorchScript dataclasses";
                            return Err(CompileError::new(ErrorKind::NotImplemented, message));
                        }
                        "init" => field.in_init = given != "False",
                        "compare" => field.in_comparison = given != "False",
                        _ => {}
                    }
                }
            }
            Some((_, value)) => field.default = Some(text.slice(value.span)),
            None => {}
        }
        fields.push(field);
    }
    Ok(fields)
}

fn ends_with(expr: &ast::Expr, name: &str) -> bool {
    expr.dotted()
        .is_some_and(|path| path.rsplit('.').next() == Some(name))
}

fn is_dataclass(decorator: &ast::Expr) -> bool {
    ends_with(decorator, "dataclass")
}

impl Program {
    /// `namedtuple("P", ["x", "y"])` and `NamedTuple("P", [("x", int)])`; `None` for other calls.
    pub(super) fn called_named_tuple(&self, func: &ast::Expr, args: &[ast::Expr]) -> Result<Option<Type>> {
        let typed = match self.path_of(func).as_deref() {
            Some("collections.namedtuple") => false,
            Some("typing.NamedTuple") => true,
            _ => return Ok(None),
        };
        let [name, list] = args else { return Ok(None) };
        let Some(name) = string(name) else { return Ok(None) };
        let mut fields: Vec<Arc<str>> = Vec::new();
        let mut types = Vec::new();
        match &list.kind {
            ast::ExprKind::List(items) | ast::ExprKind::Tuple(items) => {
                for item in items {
                    match &item.kind {
                        ast::ExprKind::Tuple(pair) if typed && pair.len() == 2 => {
                            let Some(field) = string(&pair[0]) else {
                                return Ok(None);
                            };
                            fields.push(field.into());
                            types.push(self.annotation(&pair[1])?);
                        }
                        _ => {
                            let Some(field) = string(item) else {
                                return Ok(None);
                            };
                            fields.push(field.into());
                            types.push(Type::inferred_tensor());
                        }
                    }
                }
            }
            _ => {
                let Some(names) = string(list) else {
                    return Ok(None);
                };
                for field in names.split([' ', ',']).filter(|f| !f.is_empty()) {
                    fields.push(field.into());
                    types.push(Type::inferred_tensor());
                }
            }
        }
        let info = NamedTupleInfo {
            name: self.qualified(name).into(),
            fields,
            defaults: Vec::new(),
        };
        Ok(Some(Type::named_tuple(info.into(), types)))
    }
}

fn string(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ast::ExprKind::Constant(ast::Constant::Str(s)) => Some(s.as_ref()),
        _ => None,
    }
}
