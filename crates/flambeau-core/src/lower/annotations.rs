//! Annotations to types.

use std::sync::Arc;

use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;

use super::error::{CompileError, ErrorKind, Result, Text};
use super::tree::*;
use super::{Emitter, Resolver};

/// Reads an annotation outside of any function.
pub(super) fn read(
    expr: &Expr,
    text: &Arc<Text>,
    resolver: &dyn Resolver,
    table: &'static OpTable,
) -> Result<Type> {
    Emitter::detached(text, resolver, table).annotation(expr)
}

impl Emitter<'_> {
    pub(super) fn annotation(&mut self, expr: &Expr) -> Result<Type> {
        let resolver = self.resolver;
        if !matches!(expr.kind, ExprKind::Bin(BinKind::BitOr, ..))
            && let Some(ty) = resolver
                .resolve_annotation(expr, &self.text)
                .map_err(|mut error| {
                    // What the shell finds wrong with a type is shown where the type is named.
                    if error.kind == ErrorKind::Value && error.place.is_none() {
                        error.place = Some((self.text.clone(), expr.span));
                    }
                    error
                })?
        {
            return Ok(ty);
        }
        self.annotation_text(expr)
    }

    fn annotation_text(&mut self, expr: &Expr) -> Result<Type> {
        match &expr.kind {
            // `int | None` is a Union; the parts are read like the whole.
            ExprKind::Bin(BinKind::BitOr, left, right) => {
                Ok(Type::union([self.annotation(left)?, self.annotation(right)?]))
            }
            ExprKind::Subscript(base, args) => match base_name(base) {
                Some(name) => self.type_constructor(&name, expr, args),
                None => self.fail(base.span, "Subscripted type must be a type identifier"),
            },
            ExprKind::Str(name) => {
                let resolver = self.resolver;
                match resolver.resolve_type_name(name, &self.text, expr.span)? {
                    Some(ty) => Ok(ty),
                    None if name.starts_with("__torch__.torch.classes.") => {
                        Ok(Type::Named(name.as_str().into()))
                    }
                    None if name.starts_with("torch.classes.") => {
                        Ok(Type::Named(format!("__torch__.{name}").into()))
                    }
                    None => self.fail(expr.span, format!("Unknown type name '{name}'")),
                }
            }
            _ => {
                let Some(name) = base_name(expr) else {
                    let kind = kind_name(expr);
                    return self.fail(
                        expr.span,
                        format!("Expression of type {kind} cannot be used in a type expression"),
                    );
                };
                if let Some(ty) = base_type(&name) {
                    return Ok(ty);
                }
                let resolver = self.resolver;
                if let Some(ty) = resolver.resolve_type_name(&name, &self.text, expr.span)? {
                    return Ok(ty);
                }
                if name.starts_with("__torch__.torch.classes.") {
                    return Ok(Type::Named(name.into()));
                }
                self.fail(expr.span, format!("Unknown type name '{name}'"))
            }
        }
    }

    fn type_constructor(&mut self, name: &str, expr: &Expr, args: &[Expr]) -> Result<Type> {
        let mut parts = Vec::with_capacity(args.len());
        let empty_tuple = matches!(
            args,
            [Expr {
                kind: ExprKind::Tuple(_),
                ..
            }]
        );
        if matches!(name, "Tuple" | "tuple") && empty_tuple {
            if let ExprKind::Tuple(items) = &args[0].kind
                && !items.is_empty()
            {
                return self.fail(
                    args[0].span,
                    "Tuple literal in Tuple type annotation must not have any elements!",
                );
            }
            return Ok(Type::tuple(Vec::new()));
        }
        let expected = match name {
            "Tuple" | "tuple" | "Union" => None,
            "List" | "list" | "Optional" | "Future" | "torch.jit.Future" | "Await" | "torch.jit._Await"
            | "RRef" => Some(1),
            "Dict" | "dict" => Some(2),
            _ => return self.fail(expr.span, format!("Unknown type constructor {name}")),
        };
        if let Some(expected) = expected
            && args.len() != expected
        {
            let what = if expected == 1 {
                "one element type"
            } else {
                "2 element types"
            };
            let found = args.len();
            return self.fail(expr.span, format!(" expected exactly {what} but found {found}"));
        }
        for arg in args {
            parts.push(self.annotation_text(arg)?);
        }
        let mut parts = parts.into_iter();
        let mut next = || parts.next().unwrap_or(Type::None);
        Ok(match name {
            "List" | "list" => Type::list(next()),
            "Optional" => Type::optional(next()),
            "Future" | "torch.jit.Future" => Type::future(next()),
            "Await" | "torch.jit._Await" => Type::Await(next().into()),
            "RRef" => Type::RRef(next().into()),
            "Dict" | "dict" => {
                let key = next();
                check_dict_key(&key)?;
                Type::dict(key, next())
            }
            "Union" => Type::union(parts),
            _ => Type::tuple(parts.collect()),
        })
    }

    /// `BroadcastingList2[int]`: a list of a size, for which one number may stand.
    pub(super) fn broadcasting_list(&mut self, expr: &Expr) -> Result<Option<(Type, u32)>> {
        if let Some(name) = expr.as_var() {
            // Aliases of torch.nn.common_types: `_size_2_t`.
            let size = name.strip_prefix("_size_").and_then(|n| n.strip_suffix("_t"));
            return Ok(match size.map(str::as_bytes) {
                Some([digit @ b'0'..=b'9']) => Some((Type::list(Type::Int), u32::from(digit - b'0'))),
                _ => None,
            });
        }
        let ExprKind::Subscript(base, args) = &expr.kind else {
            return Ok(None);
        };
        let Some(name) = base.as_var() else {
            return Ok(None);
        };
        let [arg] = &args[..] else { return Ok(None) };
        if name == "Optional" {
            return Ok(self
                .broadcasting_list(arg)?
                .map(|(ty, size)| (Type::optional(ty), size)));
        }
        let Some(size) = name.strip_prefix("BroadcastingList") else {
            return Ok(None);
        };
        let element = match arg.as_var() {
            Some("int") => Type::Int,
            Some("float") => Type::Float,
            Some(_) => return self.fail(base.span, "Broadcastable lists only supported for int or float"),
            None => return self.fail(base.span, "Subscripted type must be a type identifier"),
        };
        match size.parse() {
            Ok(size) => Ok(Some((Type::list(element), size))),
            Err(_) => self.fail(
                join(base.span, args),
                "subscript of Broadcastable list must be a positive integer",
            ),
        }
    }
}

/// `Tensor`, `torch.Tensor` and `a.b.C`.
fn base_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Var(name) => Some(name.clone()),
        ExprKind::None => Some("None".into()),
        ExprKind::Select(value, field) => {
            if value.as_var() == Some("torch") && tensor_name(&field.name) {
                return Some(field.name.clone());
            }
            Some(format!("{}.{}", base_name(value)?, field.name))
        }
        _ => None,
    }
}

fn tensor_name(name: &str) -> bool {
    matches!(
        name,
        "Tensor"
            | "LongTensor"
            | "FloatTensor"
            | "DoubleTensor"
            | "IntTensor"
            | "ShortTensor"
            | "HalfTensor"
            | "CharTensor"
            | "ByteTensor"
            | "BoolTensor"
    )
}

pub(super) fn base_type(name: &str) -> Option<Type> {
    Some(match name {
        _ if tensor_name(name) => Type::TENSOR,
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "complex" => Type::Complex,
        "str" => Type::Str,
        "Device" => Type::Device,
        "Stream" => Type::Stream,
        "Generator" => Type::Generator,
        "number" => Type::Number,
        "None" | "NoneType" => Type::None,
        "Any" => Type::Any,
        "Capsule" => Type::Capsule,
        "list" => Type::AnyList,
        "tuple" => Type::AnyTuple,
        _ => return None,
    })
}

fn kind_name(expr: &Expr) -> &'static str {
    match &expr.kind {
        ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Complex(_) => "const",
        ExprKind::True => "True",
        ExprKind::False => "False",
        ExprKind::Dots => "dots",
        ExprKind::Apply(_) => "apply",
        ExprKind::List(_) => "list-literal",
        ExprKind::Tuple(_) => "tuple-literal",
        ExprKind::Dict(..) => "dict-literal",
        _ => "expression",
    }
}

/// Dicts have keys of few types.
pub(super) fn check_dict_key(key: &Type) -> Result<()> {
    if matches!(
        key,
        Type::Any
            | Type::Int
            | Type::Bool
            | Type::Float
            | Type::Complex
            | Type::Str
            | Type::Tensor(_)
            | Type::Device
    ) {
        return Ok(());
    }
    Err(CompileError::new(
        ErrorKind::Compile,
        format!(
            "Cannot create dict for key type '{}', only int, float, complex, Tensor, device and string keys are supported",
            key.schema_str()
        ),
    ))
}
