//! Walking the tree without naming every kind of node.

use crate::ast::*;

/// A node of the tree that has a span.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    Stmt(&'a Stmt),
    Expr(&'a Expr),
}

impl Expr {
    /// Calls `f` on every expression directly inside this one, in the order of the text where Python's tree has it.
    pub fn children<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            ExprKind::Name(_) | ExprKind::Constant(_) | ExprKind::Unsupported { .. } => {}
            ExprKind::Attribute { value, .. } | ExprKind::Starred(value) => f(value),
            ExprKind::Subscript { value, index } => {
                f(value);
                f(index);
            }
            ExprKind::Slice { lower, upper, step } => {
                [lower, upper, step].into_iter().flatten().for_each(|e| f(e));
            }
            ExprKind::Call { func, args, keywords } => {
                f(func);
                args.iter().for_each(&mut *f);
                keywords.iter().for_each(|k| f(&k.value));
            }
            ExprKind::BinOp { left, right, .. } => {
                f(left);
                f(right);
            }
            ExprKind::UnaryOp { operand, .. } => f(operand),
            ExprKind::BoolOp { values, .. } => values.iter().for_each(f),
            ExprKind::Compare {
                left, comparators, ..
            } => {
                f(left);
                comparators.iter().for_each(f);
            }
            ExprKind::IfExp { test, body, orelse } => {
                f(body);
                f(test);
                f(orelse);
            }
            ExprKind::List(elements) | ExprKind::Tuple(elements) => elements.iter().for_each(f),
            ExprKind::Dict { keys, values } => {
                for (key, value) in keys.iter().zip(values) {
                    key.iter().for_each(&mut *f);
                    f(value);
                }
            }
            ExprKind::ListComp { element, generators } | ExprKind::GeneratorExp { element, generators } => {
                f(element);
                in_generators(generators, f);
            }
            ExprKind::DictComp {
                key,
                value,
                generators,
            } => {
                f(key);
                f(value);
                in_generators(generators, f);
            }
            ExprKind::JoinedStr(parts) => {
                for part in parts {
                    if let FStringPart::Value { value, .. } = part {
                        f(value);
                    }
                }
            }
        }
    }

    /// Calls `f` on this expression and everything inside it, outer before inner.
    pub fn walk<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        f(self);
        self.children(&mut |e| e.walk(f));
    }
}

fn in_generators<'a>(generators: &'a [Comprehension], f: &mut dyn FnMut(&'a Expr)) {
    for generator in generators {
        f(&generator.target);
        f(&generator.iter);
        generator.ifs.iter().for_each(&mut *f);
    }
}

impl Stmt {
    /// Calls `f` on every statement and expression directly inside this one (type comments excepted).
    pub fn children<'a>(&'a self, f: &mut dyn FnMut(Node<'a>)) {
        let mut exprs = |list: &[&'a Expr]| list.iter().for_each(|e| f(Node::Expr(e)));
        let bodies: [&'a [Stmt]; 2] = match &self.kind {
            StmtKind::FunctionDef(def) => {
                def.decorators.iter().for_each(|e| exprs(&[e]));
                for param in &def.params {
                    param
                        .annotation
                        .iter()
                        .chain(&param.default)
                        .for_each(|e| exprs(&[e]));
                }
                def.returns.iter().for_each(|e| exprs(&[e]));
                [&def.body, &[]]
            }
            StmtKind::ClassDef(def) => {
                def.decorators.iter().chain(&def.bases).for_each(|e| exprs(&[e]));
                def.keywords.iter().for_each(|k| exprs(&[&k.value]));
                [&def.body, &[]]
            }
            StmtKind::Assign { targets, value, .. } => {
                targets.iter().for_each(|e| exprs(&[e]));
                exprs(&[value]);
                [&[], &[]]
            }
            StmtKind::AugAssign { target, value, .. } => {
                exprs(&[target, value]);
                [&[], &[]]
            }
            StmtKind::AnnAssign {
                target,
                annotation,
                value,
            } => {
                exprs(&[target, annotation]);
                value.iter().for_each(|e| exprs(&[e]));
                [&[], &[]]
            }
            StmtKind::Return { value } => {
                value.iter().for_each(|e| exprs(&[e]));
                [&[], &[]]
            }
            StmtKind::Raise { exc, cause } => {
                exc.iter().chain(cause).for_each(|e| exprs(&[e]));
                [&[], &[]]
            }
            StmtKind::Assert { test, msg } => {
                std::iter::once(test).chain(msg).for_each(|e| exprs(&[e]));
                [&[], &[]]
            }
            StmtKind::If { test, body, orelse } | StmtKind::While { test, body, orelse } => {
                exprs(&[test]);
                [body, orelse]
            }
            StmtKind::For {
                target,
                iter,
                body,
                orelse,
                ..
            } => {
                exprs(&[target, iter]);
                [body, orelse]
            }
            StmtKind::With { items, body, .. } => {
                for item in items {
                    std::iter::once(&item.context)
                        .chain(&item.target)
                        .for_each(|e| exprs(&[e]));
                }
                [body, &[]]
            }
            StmtKind::Expr(e) => {
                exprs(&[e]);
                [&[], &[]]
            }
            StmtKind::Delete { targets } => {
                targets.iter().for_each(|e| exprs(&[e]));
                [&[], &[]]
            }
            StmtKind::Pass
            | StmtKind::Break
            | StmtKind::Continue
            | StmtKind::Import { .. }
            | StmtKind::ImportFrom { .. }
            | StmtKind::Unsupported { .. } => [&[], &[]],
        };
        bodies.into_iter().flatten().for_each(|s| f(Node::Stmt(s)));
    }

    /// Calls `f` on this statement and everything inside it, outer before inner.
    pub fn walk<'a>(&'a self, f: &mut dyn FnMut(Node<'a>)) {
        f(Node::Stmt(self));
        self.children(&mut |node| match node {
            Node::Stmt(s) => s.walk(f),
            Node::Expr(e) => e.walk(&mut |e| f(Node::Expr(e))),
        });
    }
}
