//! Expressions.

use flambeau_ir::ir::ValueId;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::Emitter;
use super::error::Result;
use super::sugared::{NamedValue, Sugared};
use super::tree::*;

impl Emitter<'_> {
    /// An expression as a value of the graph. `hint` is the type that is wanted, which literals adapt to; whether the
    /// result has it is for the caller to check.
    pub(super) fn expr(&mut self, expr: &Expr, hint: Option<&Type>) -> Result<ValueId> {
        self.pending = expr.span;
        let sugared = self.sugared(expr, 1, hint)?;
        let value = self.as_value(&sugared, expr.span)?;
        if matches!(hint, Some(Type::Any)) && *self.g.ty(value) != Type::Any {
            return Ok(self.unchecked_cast(value, &Type::Any));
        }
        Ok(value)
    }

    pub(super) fn sugared(&mut self, expr: &Expr, binders: usize, hint: Option<&Type>) -> Result<Sugared> {
        match &expr.kind {
            ExprKind::Var(name) => self.get_sugared_var(name, expr.span),
            ExprKind::Select(value, field) => {
                let value = self.sugared(value, 1, None)?;
                self.attr(&value, expr.span, &field.name)
            }
            ExprKind::Apply(apply) => self.apply(expr, apply, binders, hint),
            ExprKind::Subscript(value, indices) => self.subscript(expr.span, value, indices, hint),
            _ => Ok(Sugared::Simple(self.simple_expr(expr, hint)?)),
        }
    }

    fn simple_expr(&mut self, expr: &Expr, hint: Option<&Type>) -> Result<ValueId> {
        let loc = expr.span;
        match &expr.kind {
            ExprKind::Bin(kind, left, right) => match kind {
                BinKind::FloorDiv | BinKind::MatMul => {
                    let args = self.named_values(&[left, right])?;
                    self.builtin(Some(loc), kind.op(), &args, &[], None)
                }
                BinKind::Mod => {
                    // The left operand is compiled twice, as in PyTorch: `xs.pop() % n` pops twice.
                    let sugared = self.sugared(left, 0, None)?;
                    let value = self.as_value(&sugared, left.span)?;
                    if matches!(self.g.ty(value), Type::Str) {
                        let args = self.named_values(&[left, right])?;
                        let args = self.values(&args);
                        let value = self.typed("aten::percentFormat", &args, Type::Str, Some(loc));
                        if let Some(node) = self.g.defining_node(value) {
                            self.g.node_mut(node).op = self.table.get("aten::percentFormat");
                        }
                        return Ok(value);
                    }
                    self.binary(loc, *kind, left, right)
                }
                BinKind::Is | BinKind::IsNot | BinKind::And | BinKind::Or => Ok(self.cond(expr)?.value),
                _ => self.binary(loc, *kind, left, right),
            },
            ExprKind::Unary(UnKind::Not, _) => Ok(self.cond(expr)?.value),
            ExprKind::Unary(UnKind::Neg, inner) => self.unary(loc, "__neg__", "aten::neg", inner),
            ExprKind::Unary(UnKind::Invert, inner) => {
                self.unary(loc, "__invert__", "aten::bitwise_not", inner)
            }
            ExprKind::Starred(_) => self.fail(loc, "Unexpected starred expansion. File a bug report"),
            ExprKind::Int(i) => Ok(self.int_constant(*i, loc)),
            ExprKind::Float(f) => Ok(self.float_constant(*f, loc)),
            ExprKind::Complex(im) => Ok(self.complex_constant(*im, loc)),
            ExprKind::True => Ok(self.constant(IValue::Bool(true), Some(loc))),
            ExprKind::False => Ok(self.constant(IValue::Bool(false), Some(loc))),
            ExprKind::None => Ok(self.constant(IValue::None, Some(loc))),
            ExprKind::Ternary(ternary) => self.ternary(loc, ternary, hint),
            ExprKind::Str(text) => Ok(self.constant(IValue::str(text), Some(loc))),
            ExprKind::List(items) => self.list_literal(loc, items, hint),
            ExprKind::Tuple(items) => {
                let items: Vec<&Expr> = items.iter().collect();
                let args = self.arguments(&items)?;
                let values = self.values(&args);
                Ok(self.tuple(&values))
            }
            ExprKind::Dict(keys, values) => self.dict_literal(loc, keys, values, hint),
            ExprKind::ListComp(comp) => self.list_comprehension(loc, comp, hint),
            ExprKind::DictComp(comp) => self.dict_comprehension(loc, comp, hint),
            ExprKind::Dots => self.fail(loc, "Cannot emit expr for: (dots)\n"),
            ExprKind::Slice(_) => self.fail(loc, "Cannot emit expr for: (slice)\n"),
            ExprKind::Var(_) | ExprKind::Select(..) | ExprKind::Apply(_) | ExprKind::Subscript(..) => {
                let sugared = self.sugared(expr, 1, hint)?;
                self.as_value(&sugared, loc)
            }
        }
    }

    /// Operands, none of them starred.
    fn named_values(&mut self, exprs: &[&Expr]) -> Result<Vec<NamedValue>> {
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let value = self.expr(expr, None)?;
            values.push(NamedValue::at(expr.span, value));
        }
        Ok(values)
    }

    /// Arguments, with `*tuple` unpacked.
    pub(super) fn arguments(&mut self, exprs: &[&Expr]) -> Result<Vec<NamedValue>> {
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            if let ExprKind::Starred(inner) = &expr.kind {
                let sugared = self.sugared(inner, 1, None)?;
                for entry in self.as_tuple(&sugared, expr.span, None)? {
                    let value = self.as_value(&entry, expr.span)?;
                    values.push(NamedValue::at(expr.span, value));
                }
            } else {
                let value = self.expr(expr, None)?;
                values.push(NamedValue::at(expr.span, value));
            }
        }
        Ok(values)
    }

    pub(super) fn keyword_arguments(&mut self, attributes: &[Attribute]) -> Result<Vec<NamedValue>> {
        let mut values = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let value = self.expr(&attribute.value, None)?;
            values.push(NamedValue::named(attribute.span, &attribute.name, value));
        }
        Ok(values)
    }

    fn unary(&mut self, loc: Span, method: &'static str, op: &'static str, inner: &Expr) -> Result<ValueId> {
        let args = self.named_values(&[inner])?;
        let magic = Sugared::magic_builtin(method, op);
        let result = self.call(&magic, loc, &args, &[], 0)?;
        let value = self.as_value(&result, loc)?;
        // `-1` is a constant.
        match self.g.defining_node(value) {
            Some(node) if self.g.kind(node) == op => {
                match crate::passes::evaluate::run_if_constant(&self.g, node) {
                    Some(outputs) if outputs.len() == 1 => Ok(self.constant(outputs[0].clone(), Some(loc))),
                    _ => Ok(value),
                }
            }
            _ => Ok(value),
        }
    }

    fn binary(&mut self, loc: Span, kind: BinKind, left: &Expr, right: &Expr) -> Result<ValueId> {
        let mut args = self.named_values(&[left, right])?;
        if kind == BinKind::In {
            args.swap(0, 1);
        }
        let (a, b) = (self.value(&args[0]), self.value(&args[1]));
        let tuples = matches!((self.g.ty(a), self.g.ty(b)), (Type::Tuple(_), Type::Tuple(_)));
        if tuples && kind == BinKind::Add {
            let mut items = self.unpack_tuple(a);
            items.extend(self.unpack_tuple(b));
            return Ok(self.tuple(&items));
        }
        let magic = Sugared::magic_builtin(kind.magic(), kind.op());
        let result = self.call(&magic, loc, &args, &[], 0)?;
        self.as_value(&result, loc)
    }
}
