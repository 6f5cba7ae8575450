//! The program text around an error: functions, bindings and the places that explain a sentence.

use flambeau_syntax::{self as ast, Expr, FunctionDef, Span, Stmt, StmtKind};

/// The text around an error, as far as it can be read.
pub(super) struct Around {
    pub(super) module: ast::Module,
    pub(super) place: Span,
}

impl Around {
    fn functions<'a>(body: &'a [Stmt], found: &mut Vec<&'a FunctionDef>) {
        for stmt in body {
            match &stmt.kind {
                StmtKind::FunctionDef(function) => {
                    found.push(function);
                    Around::functions(&function.body, found);
                }
                StmtKind::ClassDef(class) => Around::functions(&class.body, found),
                // An indented cut-out is read under an `if`.
                StmtKind::If { body, .. } => Around::functions(body, found),
                _ => {}
            }
        }
    }

    pub(super) fn all(&self) -> Vec<&FunctionDef> {
        let mut found = Vec::new();
        Around::functions(&self.module.body, &mut found);
        found
    }

    /// The function that the error is in.
    pub(super) fn function(&self) -> Option<&FunctionDef> {
        let holds = |f: &&FunctionDef| f.span.start <= self.place.start && self.place.start < f.span.end;
        self.all().into_iter().filter(holds).min_by_key(|f| f.span.len())
    }

    /// A function of the text by its name.
    pub(super) fn named(&self, name: &str) -> Option<&FunctionDef> {
        self.all().into_iter().find(|f| f.name.name == name)
    }

    /// Where a name gets a value: parameters, then assignments in order.
    pub(super) fn bindings(&self, name: &str) -> Vec<Span> {
        let Some(function) = self.function() else {
            return Vec::new();
        };
        let mut found: Vec<Span> = function
            .params
            .iter()
            .filter(|p| p.name.name == name)
            .map(|p| p.span)
            .collect();
        assigned(&function.body, &mut |target, span| {
            if target == name {
                found.push(span);
            }
        });
        found
    }

    /// All names that the function may use.
    pub(super) fn names(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        if let Some(function) = self.function() {
            found.extend(function.params.iter().map(|p| p.name.name.clone()));
            assigned(&function.body, &mut |name, _| found.push(name.to_string()));
        }
        found.extend(self.all().iter().map(|f| f.name.name.clone()));
        found.extend(["len", "range", "print", "sorted", "float", "int", "str", "torch"].map(String::from));
        found
    }

    pub(super) fn returns(&self) -> Option<Span> {
        let function = self.function()?;
        let signature = || function.signature.as_ref().and_then(|s| s.returns.as_ref());
        function.returns.as_ref().or_else(signature).map(|r| r.span)
    }
}

fn assigned(body: &[Stmt], see: &mut dyn FnMut(&str, Span)) {
    fn targets(target: &Expr, see: &mut dyn FnMut(&str, Span)) {
        match &target.kind {
            ast::ExprKind::Name(name) => see(name, target.span),
            ast::ExprKind::Tuple(items) | ast::ExprKind::List(items) => {
                for item in items {
                    targets(item, see);
                }
            }
            _ => {}
        }
    }
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign { targets: all, .. } => all.iter().for_each(|t| targets(t, see)),
            StmtKind::AugAssign { target, .. } => targets(target, see),
            StmtKind::AnnAssign { target, .. } => targets(target, see),
            StmtKind::For {
                target, body, orelse, ..
            } => {
                targets(target, see);
                assigned(body, see);
                assigned(orelse, see);
            }
            StmtKind::If { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
                assigned(body, see);
                assigned(orelse, see);
            }
            StmtKind::With { items, body, .. } => {
                items
                    .iter()
                    .filter_map(|i| i.target.as_ref())
                    .for_each(|t| targets(t, see));
                assigned(body, see);
            }
            _ => {}
        }
    }
}
