//! Calls back into the host program: functions that are told to stay Python's.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::{Attr, ValueId};
use flambeau_ir::ops::{Context, Op};
use flambeau_ir::schema::{Argument, Schema};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_syntax::{self as ast, Span};

use super::Emitter;
use super::error::{CompileError, ErrorKind, Result};
use super::host::Callback;
use super::sugared::{NamedValue, Sugared};

/// A function that is told to stay Python's, where there is no Python: it compiles as a call that fails when it runs.
/// `declared` has the signature; `own` is 1 for methods, whose first parameter is the module.
pub(super) fn absent(def: &ast::FunctionDef, declared: &Arc<Function>, own: usize) -> Result<Arc<Callback>> {
    let name = def.name.name.as_str();
    let schema = declared
        .schema()
        .map_err(|error| match error.downcast_ref::<CompileError>() {
            Some(error) => Box::new(error.clone()),
            None => CompileError::new(ErrorKind::Compile, error.to_string()),
        })?;
    let is_annotated =
        def.returns.is_some() || def.signature.is_some() || def.params.iter().any(|p| p.annotation.is_some());
    let types = schema.arguments.iter().skip(own).map(|a| a.ty.clone());
    let result = schema.returns.first().map_or(Type::None, |r| r.ty.clone());
    let message = format!(
        "`{name}` is marked with `@torch.jit.ignore`, so it is a call into Python, and this program runs without Python"
    );
    let mut op = Op::new("prim::PythonOp(...) -> ...");
    op.kernel(
        move |_: &Context, _: &[IValue]| -> flambeau_tensor::Result<IValue> {
            Err(flambeau_tensor::Error::new(
                flambeau_tensor::ErrorKind::Runtime,
                message.clone(),
            ))
        },
    );
    Ok(Arc::new(Callback {
        name: name.into(),
        parameters: Some(schema.arguments.iter().map(|a| a.name.to_string()).collect()),
        signature: is_annotated.then(|| (types.collect(), result)),
        op: Arc::new(op),
    }))
}

/// `@torch.jit.ignore`, but not `@torch.jit.ignore(drop=True)`, which is `@torch.jit.unused`.
pub(crate) fn is_ignored(def: &ast::FunctionDef) -> bool {
    let drops = |decorator: &ast::Expr| match &decorator.kind {
        ast::ExprKind::Call { keywords, .. } => keywords
            .iter()
            .any(|k| matches!(k.value.kind, ast::ExprKind::Constant(ast::Constant::Bool(true)))),
        _ => false,
    };
    super::program::decorated(&def.decorators, "ignore") && !def.decorators.iter().any(drops)
}

impl Emitter<'_> {
    /// `binders` is how many names take the result, which decides its type where nothing is annotated.
    pub(super) fn call_back(
        &mut self,
        loc: Span,
        this: Option<ValueId>,
        callback: &Callback,
        args: &[NamedValue],
        kwargs: &[NamedValue],
        binders: usize,
    ) -> Result<Sugared> {
        let mut given: Vec<NamedValue> = this.iter().map(|v| (*v).into()).collect();
        given.extend_from_slice(args);
        let own = usize::from(this.is_some());
        let names: Vec<String> = match &callback.parameters {
            Some(names) => names.clone(),
            None => (0..given.len()).map(|i| i.to_string()).collect(),
        };
        if names.len() < own {
            return self.fail(loc, "Non-static method does not have a self argument");
        }
        let (types, result) = match &callback.signature {
            Some((types, result)) => (types.clone(), result.clone()),
            None => {
                let result = match binders {
                    0 => Type::None,
                    1 => Type::TENSOR,
                    several => Type::tuple(vec![Type::TENSOR; several]),
                };
                (vec![Type::TENSOR; names.len() - own], result)
            }
        };
        if types.len() + own != names.len() {
            let (names, types) = (names.len() - own, types.len());
            let name = &callback.name;
            return self.fail(
                loc,
                format!(
                    "cannot call `{name}`: it has {names} named parameters, but {types} in its signature"
                ),
            );
        }
        let module = this.map(|v| self.g.ty(v).clone());
        let arguments = names
            .iter()
            .zip(module.into_iter().chain(types))
            .map(|(name, ty)| Argument::new(name.as_str(), ty))
            .collect();
        let schema = Schema {
            name: callback.name.to_string(),
            overload: String::new(),
            arguments,
            returns: vec![Argument::new("0", result.clone())],
            is_vararg: false,
            is_varret: false,
        };
        let matched = self.match_schema(&schema, Some(loc), &given, kwargs, None)?;
        let node = self.node("prim::PythonOp", &matched.inputs, 1, Some(loc));
        self.g.set_attr(node, "name", Attr::Str(callback.name.clone()));
        self.g.node_mut(node).op = Some(Arc::clone(&callback.op));
        let value = self.g.output(node);
        self.g
            .set_type(value, matched.returns.into_iter().next().unwrap_or(result));
        Ok(Sugared::Simple(value))
    }
}
