//! What else is wrong in a function of which one statement failed: the statements behind it that have nothing to do
//! with what it would have defined are compiled as well, for their errors only.

use std::collections::HashSet;
use std::sync::Arc;

use super::Emitter;
use super::error::{CompileError, ErrorKind, Result};
use super::tree::*;

/// More errors than these help nobody.
const MOST: usize = 10;

impl Emitter<'_> {
    /// The statements of a function's body. The first error has the others with it.
    pub(super) fn body(&mut self, stmts: &[Stmt]) -> Result<()> {
        let mut first: Option<Box<CompileError>> = None;
        let mut unknown = HashSet::new();
        for stmt in stmts {
            if first.is_some() && self.words(stmt).any(|w| unknown.contains(w)) {
                self.add_defined(stmt, &mut unknown);
                continue;
            }
            let (at, frames, defs) = (self.g.insert_point(), self.frames.len(), self.defs.len());
            let loop_status = self.loop_status;
            if let Err(error) = self.stmts(std::slice::from_ref(stmt)) {
                match &mut first {
                    // Errors of other kinds are not about types: nothing is known of what follows.
                    None if error.kind != ErrorKind::Compile || error.place.is_none() => return Err(error),
                    None => first = Some(error),
                    Some(first) if self.is_own(&error) && is_news(first, &error) => first.also.push(error),
                    Some(_) => {}
                }
                self.g.restore_insert_point(at);
                self.frames.truncate(frames);
                self.defs.truncate(defs);
                self.loop_status = loop_status;
                self.add_defined(stmt, &mut unknown);
            }
            if self.exit_blocks.contains(&self.current_block()) {
                break;
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Whether the error is about this function's text, not about one that it calls.
    fn is_own(&self, error: &CompileError) -> bool {
        let place = error.place.as_ref();
        error.kind == ErrorKind::Compile && place.is_some_and(|(text, _)| Arc::ptr_eq(text, &self.text))
    }

    /// The names in a statement, and whatever else looks like one.
    fn words<'t>(&'t self, stmt: &Stmt) -> impl Iterator<Item = &'t str> {
        words(self.text.slice(stmt.span))
    }

    /// The variables of which nothing is known once a statement has failed.
    fn add_defined(&self, stmt: &Stmt, unknown: &mut HashSet<String>) {
        let mut add = |expr: &Expr| {
            unknown.extend(words(self.text.slice(expr.span)).map(str::to_string));
        };
        let bodies: [&[Stmt]; 2] = match &stmt.kind {
            StmtKind::Assign { targets, .. } => {
                targets.iter().for_each(add);
                return;
            }
            StmtKind::AugAssign { target, .. } => return add(target),
            StmtKind::Delete(targets) => {
                targets.iter().for_each(add);
                return;
            }
            // What it would have refined keeps its wider type.
            StmtKind::Assert { test, .. } => return add(test),
            StmtKind::If { test, body, orelse } => {
                if body.iter().chain(orelse).any(leaves) {
                    add(test);
                }
                [body, orelse]
            }
            StmtKind::For { target, body, .. } => {
                add(target);
                [body, &[]]
            }
            StmtKind::While { body, .. } => [body, &[]],
            StmtKind::With { items, body } => {
                items
                    .iter()
                    .filter_map(|(_, target)| target.as_ref())
                    .for_each(add);
                [body, &[]]
            }
            _ => return,
        };
        for inner in bodies.into_iter().flatten() {
            self.add_defined(inner, unknown);
        }
    }
}

/// Whether an error says more than those before it.
fn is_news(first: &CompileError, error: &CompileError) -> bool {
    let known = std::iter::once(first).chain(first.also.iter().map(|e| &**e));
    first.also.len() < MOST && known.into_iter().all(|e| e.message != error.message)
}

/// Whether the code behind the statement may assume what was tested before it.
fn leaves(stmt: &Stmt) -> bool {
    matches!(
        stmt.kind,
        StmtKind::Return(_) | StmtKind::Raise(_) | StmtKind::Break | StmtKind::Continue
    )
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| !w.is_empty())
}
