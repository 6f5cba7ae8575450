//! Statements.

use std::sync::Arc;

use flambeau_ir::ir::{BlockId, ValueId};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_syntax::Span;

use super::environment::Frame;
use super::error::{CompileError, ErrorKind, Result};
use super::sugared::Sugared;
use super::tree::*;
use super::{Emitter, LoopStatus};

/// What a loop runs over and binds, and what it does.
pub(super) type Body<'b> = &'b mut dyn FnMut(&mut Emitter<'_>) -> Result<()>;

impl Emitter<'_> {
    pub(super) fn stmts(&mut self, stmts: &[Stmt]) -> Result<()> {
        for stmt in stmts {
            self.pending = stmt.span;
            self.stmt(stmt)?;
            // What follows an exit is not reachable and not compiled.
            if self.exit_blocks.contains(&self.current_block()) {
                break;
            }
        }
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Result<()> {
        let loc = stmt.span;
        match &stmt.kind {
            StmtKind::If { test, body, orelse } => {
                let cond = self.cond(test)?;
                self.if_else(loc, &cond, body, orelse)
            }
            StmtKind::While { test, body } => {
                let mut emit = |e: &mut Emitter<'_>| e.stmts(body);
                self.loop_common(loc, &mut emit, None, None, Some(test))
            }
            StmtKind::For { target, iter, body } => {
                let mut emit = |e: &mut Emitter<'_>| e.stmts(body);
                self.for_loop(target, iter, loc, &mut emit)
            }
            StmtKind::Assign { targets, value, ty } => self.assign(loc, targets, value, ty.as_ref()),
            StmtKind::AugAssign { target, op, value } => self.aug_assign(loc, target, *op, value),
            StmtKind::Expr(expr) => {
                self.sugared(expr, 0, None)?;
                Ok(())
            }
            StmtKind::Raise(expr) => self.raise(loc, expr),
            StmtKind::Assert { test, msg } => self.assertion(loc, test, msg.as_ref()),
            StmtKind::Return(expr) => self.return_stmt(loc, expr),
            StmtKind::Continue => self.loop_exit(loc, "continue", "prim::ContinueStmt"),
            StmtKind::Break => self.loop_exit(loc, "break", "prim::BreakStmt"),
            StmtKind::Pass => Ok(()),
            StmtKind::Def(def) => self.closure_def(def),
            StmtKind::Delete(targets) => self.delete(loc, targets),
            StmtKind::With { items, body } => self.with(items, body),
        }
    }

    fn loop_exit(&mut self, loc: Span, keyword: &str, kind: &'static str) -> Result<()> {
        match self.loop_status {
            LoopStatus::NotInLoop => self.fail(loc, format!("SyntaxError: '{keyword}' outside loop")),
            LoopStatus::InUnrolledLoop => self.fail(
                loc,
                "Because we emit iteration over modulelists or tuples as unrolled loops, we do not support break or continue inside the body of these loops",
            ),
            LoopStatus::InLoop => {
                self.node(kind, &[], 0, Some(loc));
                Ok(())
            }
        }
    }

    fn delete(&mut self, loc: Span, targets: &[Expr]) -> Result<()> {
        for target in targets {
            match &target.kind {
                ExprKind::Subscript(base, indices) => {
                    let Some(index) = indices.first() else { continue };
                    if matches!(index.kind, ExprKind::Slice(_)) {
                        return self.fail(
                            target.span,
                            "del statements only support deletion at a single index, slicing is not supported (see https://github.com/pytorch/pytorch/issues/31430)",
                        );
                    }
                    let sugared = self.sugared(base, 1, None)?;
                    let index = self.expr(index, None)?;
                    let container = self.as_value(&sugared, base.span)?;
                    if let Type::Class(class) = self.g.ty(container).clone() {
                        if class.method("__delitem__").is_none() {
                            return self.fail(target.span, "Class does not define __delitem__");
                        }
                        self.call_method(loc, container, "__delitem__", &[index.into()], &[])?;
                    } else {
                        let node = self.node("aten::Delete", &[container, index], 0, Some(target.span));
                        self.choose_op(node, target.span)?;
                    }
                }
                ExprKind::Var(name) => self.remove_var(name, target.span)?,
                _ => {
                    return self.fail(
                        target.span,
                        "del statements are only supported for deleting list and dict items and variables",
                    );
                }
            }
        }
        Ok(())
    }

    pub(super) fn return_stmt(&mut self, loc: Span, expr: &Expr) -> Result<()> {
        let context = self.defs.last().cloned().unwrap_or_default();
        let declared = context.declared_return;
        let mut result = self.expr(expr, declared.as_ref())?;
        let result_type = match declared {
            Some(declared) => {
                // Otherwise a forgotten return of a tensor would turn its None into a tensor.
                let forgotten =
                    declared.is_subtype_of(&Type::TENSOR) && self.g.ty(result).is_subtype_of(&Type::None);
                if !forgotten {
                    result = self.try_convert(loc, &declared, result, true)?;
                }
                let ty = self.g.ty(result);
                if !ty.is_subtype_of(&declared) {
                    let message = format!(
                        "Return value was annotated as having type {} but is actually of type {}",
                        declared.repr_str(),
                        ty.repr_str()
                    );
                    return self.fail(loc, message);
                }
                declared
            }
            None => {
                let ty = self.g.ty(result).clone();
                let before = context.merged_return.unwrap_or_else(|| ty.clone());
                match before.unify(&ty, false) {
                    Some(merged) => merged,
                    None => {
                        let message = format!(
                            "Previous return statement returned a value of type {} but this return statement returns a value of type {}",
                            before.repr_str(),
                            ty.repr_str()
                        );
                        return self.fail(loc, message);
                    }
                }
            }
        };
        if let Some(context) = self.defs.last_mut() {
            context.merged_return = Some(result_type.clone());
        }
        if result_type == Type::Any && *self.g.ty(result) != Type::Any {
            result = self.unchecked_cast(result, &result_type);
        }
        self.node("prim::ReturnStmt", &[result], 0, None);
        self.exit_blocks.insert(self.current_block());
        Ok(())
    }

    fn raise(&mut self, loc: Span, expr: &Expr) -> Result<()> {
        let sugared = self.sugared(expr, 1, None)?;
        let (message, class) = match sugared {
            Sugared::ExceptionMessage { message, class } => (message, class),
            Sugared::Exception(_) | Sugared::HostException(_) => {
                (self.constant(IValue::str(""), Some(loc)), None)
            }
            _ => return self.fail(loc, "exceptions must derive from BaseException"),
        };
        let message = if self.g.ty(message).is_subtype_of(&Type::Str) {
            message
        } else {
            self.call_op(None, "aten::str", &[message])?
        };
        // Without a class PyTorch passes an empty argument, which becomes a None.
        let class = match class {
            Some(class) => class,
            None => self.constant(IValue::None, None),
        };
        self.call_op(Some(loc), "prim::RaiseException", &[message, class])?;
        self.exit_blocks.insert(self.current_block());
        Ok(())
    }

    fn assertion(&mut self, loc: Span, test: &Expr, msg: Option<&Expr>) -> Result<()> {
        let cond = self.cond(test)?;
        let message = match msg {
            Some(msg) => msg.clone(),
            None => Expr::new(ExprKind::Str(String::new()), loc),
        };
        let apply = Expr::apply(Expr::var("AssertionError", loc), vec![message], Vec::new());
        let raise = Stmt {
            span: loc.to(apply.span),
            kind: StmtKind::Raise(apply),
        };
        self.if_else(loc, &cond, &[], &[raise])
    }

    pub(super) fn for_loop(&mut self, target: &Expr, iter: &Expr, loc: Span, body: Body<'_>) -> Result<()> {
        let sugared = self.sugared(iter, 1, None)?;
        let iterable = self.iter(&sugared, loc)?;
        match self.static_len(&iterable) {
            None => self.loop_common(loc, body, Some(&iterable), Some(target), None),
            Some(len) => {
                let status = std::mem::replace(&mut self.loop_status, LoopStatus::InUnrolledLoop);
                // No frame: the variables of heterogeneous iterations need not agree.
                for i in 0..len {
                    let index = self.int_constant(i, loc);
                    let item = self.getitem(&iterable, loc, index, None)?;
                    self.assign_all(std::slice::from_ref(target), &[item], target.span, 1)?;
                    body(self)?;
                }
                self.loop_status = status;
                Ok(())
            }
        }
    }

    /// A loop with the condition in a second block, which [`super::loops`] later moves to where it belongs.
    pub(super) fn loop_common(
        &mut self,
        loc: Span,
        body: Body<'_>,
        iterable: Option<&Sugared>,
        target: Option<&Expr>,
        cond: Option<&Expr>,
    ) -> Result<()> {
        let trip_count = match iterable {
            Some(iterable) => self.len_of(iterable, loc)?,
            None => self.int_constant(i64::MAX, loc),
        };
        let node = self.node("prim::Loop", &[], 0, Some(loc));
        let body_block = self.g.add_block(node);
        let cond_block = self.g.add_block(node);
        self.push_frame(cond_block);
        let go_on = match cond {
            Some(cond) => {
                let saved = self.insert_at_end(cond_block);
                let value = self.expr(cond, None)?;
                let value = self.to_bool(cond.span, value)?;
                self.g.restore_insert_point(saved);
                value
            }
            None => {
                let saved = self.insert_before(node);
                let value = self.constant(IValue::Bool(true), Some(loc));
                self.g.restore_insert_point(saved);
                value
            }
        };
        self.g.add_return(cond_block, go_on);
        self.pop_frame();
        self.g.add_node_input(node, trip_count);

        let status = std::mem::replace(&mut self.loop_status, LoopStatus::InLoop);
        let index = self.g.add_block_param(body_block, Type::Int);
        self.push_frame(body_block);
        let saved = self.insert_at_end(body_block);
        if let (Some(iterable), Some(target)) = (iterable, target) {
            let item = self.getitem(iterable, loc, index, None)?;
            let item = Sugared::Simple(self.as_value(&item, loc)?);
            self.check_targets(std::slice::from_ref(target), loc)?;
            self.assign_all(std::slice::from_ref(target), &[item], loc, 1)?;
        }
        body(self)?;
        self.g.restore_insert_point(saved);
        self.pop_frame();
        self.loop_status = status;
        Ok(())
    }

    fn with(&mut self, items: &[(Expr, Option<Expr>)], body: &[Stmt]) -> Result<()> {
        let mut entered: Vec<ValueId> = Vec::new();
        for (context, target) in items {
            let object = self.expr(context, None)?;
            let node = self.node("prim::Enter", &[object], 1, None);
            entered.push(object);
            let loc = context.span;
            let Type::Class(class) = self.g.ty(object).clone() else {
                return self.fail(loc, "With item expression must return an object");
            };
            let (Some(enter), Some(exit)) = (class.method("__enter__"), class.method("__exit__")) else {
                return self.fail(
                    loc,
                    "Object returned by with item expression does not define __enter__ and __exit__ methods",
                );
            };
            let enter = self.method_schema(&enter, Some(loc))?.clone();
            if enter.arguments.len() != 1 {
                return self.fail(loc, "__enter__ must have only one argument and one return value");
            }
            let exit = self.method_schema(&exit, Some(loc))?.clone();
            if exit.arguments.len() != 4 {
                return self.fail(loc, "__exit__ must have four arguments");
            }
            for (i, argument) in exit.arguments.iter().enumerate().skip(1) {
                if argument.ty != Type::Any {
                    return self.fail(loc, format!(
                        "argument {i} of __exit__ must have Any type; TorchScript does not currently support passing exception type, value, or traceback to the __exit__ function."
                    ));
                }
            }
            let value = self.g.node_outputs(node)[0];
            let ty = enter.returns.first().map_or(Type::None, |r| r.ty.clone());
            self.g.set_type(value, ty);
            if let Some(target) = target {
                let Some(name) = target.as_var() else {
                    let message = "expected a variable after `as`";
                    return Err(CompileError::at(
                        ErrorKind::Type,
                        &self.text,
                        target.span,
                        message,
                    ));
                };
                self.set_var(target.span, name, value)?;
            }
        }
        self.stmts(body)?;
        for object in entered.into_iter().rev() {
            self.node("prim::Exit", &[object], 1, None);
        }
        Ok(())
    }

    fn closure_def(&mut self, def: &Arc<Def>) -> Result<()> {
        let def = def.clone();
        let mut body = |e: &mut Emitter<'_>, block| e.emit_def(&def, None, block).map(|_| ());
        let closure = self.closure(&mut body)?;
        self.set_sugared_var(def.name.span, &def.name.name, Sugared::Closure(closure), None)
    }

    /// Emits a body into a block of its own, to be called later. [`crate::passes::lift_closures`] makes a graph of it.
    pub(super) fn closure(
        &mut self,
        body: &mut dyn FnMut(&mut Emitter<'_>, BlockId) -> Result<()>,
    ) -> Result<ValueId> {
        let node = self.node("prim::Closure", &[], 1, None);
        let value = self.g.node_outputs(node)[0];
        self.g.set_type(value, Type::None);
        let block = self.g.add_block(node);
        let status = std::mem::replace(&mut self.loop_status, LoopStatus::NotInLoop);
        let saved = self.insert_at_end(block);
        self.defs.push(Default::default());
        self.push_frame(block);
        body(self, block)?;
        self.pop_frame();
        self.defs.pop();
        self.g.restore_insert_point(saved);
        self.loop_status = status;
        Ok(value)
    }

    pub(super) fn branch(
        &mut self,
        block: BlockId,
        loc: Span,
        stmts: &[Stmt],
        refinements: &[super::cond::Refinement],
    ) -> Result<Frame> {
        self.push_frame(block);
        let saved = self.insert_at_end(block);
        self.insert_refinements(loc, refinements)?;
        self.stmts(stmts)?;
        self.g.restore_insert_point(saved);
        Ok(self.pop_frame())
    }
}
