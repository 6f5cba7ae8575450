//! Module-level values of a program: constants, other names for things, types under names of their own.

use flambeau_ir::types::Type;
use flambeau_ir::value::{Device, IValue};
use flambeau_syntax as ast;

use super::error::Result;
use super::host::HostValue;
use super::library;
use super::program::{Binding, Program};
use super::python_names::arithmetic;

impl Program {
    pub(super) fn value(&self, expr: &ast::Expr) -> Result<HostValue> {
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
                ast::ExprKind::Call { func, .. }
                    if self.path_of(func).as_deref() == Some("functools.partial") =>
                {
                    "partial"
                }
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
            // `float("inf")` and `torch.device("cpu")`, as defaults are written.
            ast::ExprKind::Call { func, args, keywords } if keywords.is_empty() => {
                let [arg] = &args[..] else { return Ok(None) };
                let is_float = func.as_name() == Some("float") && !self.bindings.contains_key("float");
                match self.constant(arg)? {
                    Some(IValue::Str(text)) if is_float => text.trim().parse().ok().map(IValue::Double),
                    Some(IValue::Int(i)) if is_float => Some(IValue::Double(i as f64)),
                    Some(IValue::Double(f)) if is_float => Some(IValue::Double(f)),
                    Some(IValue::Str(text)) if self.path_of(func).as_deref() == Some("torch.device") => {
                        Device::parse(&text).map(IValue::Device)
                    }
                    _ => None,
                }
            }
            _ => None,
        })
    }

    pub(super) fn lookup_constant(&self, name: &str) -> Result<Option<HostValue>> {
        match self.bindings.get(name) {
            Some(Binding::Value(_) | Binding::Import(_)) => self.lookup(name),
            _ => Ok(None),
        }
    }

    /// The type that an annotation's name stands for.
    pub(super) fn type_named(&self, path: &str) -> Result<Option<Type>> {
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
