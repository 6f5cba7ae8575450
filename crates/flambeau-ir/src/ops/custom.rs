//! Operators that users add: what their schemas must say, what their closures take, and what these may return.

use flambeau_tensor::{Error, ErrorKind, Result};

use super::{IntoKernel, Kernel, Op};
use crate::schema::{Argument, Schema};
use crate::value::IValue;

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Value, message)
}

/// Reads a schema that a user wrote.
pub fn parse_schema(text: &str) -> Result<Schema> {
    let schema = Schema::parse(text)
        .map_err(|error| refused(format!("`{text}` is not an operator's schema: {error}")))?;
    if !schema.name.contains("::") {
        let name = &schema.name;
        return Err(refused(format!(
            "the operator `{name}` needs a namespace, as in `my::{name}`"
        )));
    }
    if schema.is_vararg || schema.is_varret {
        return Err(refused(format!(
            "`{text}`: an operator with `...` cannot be registered"
        )));
    }
    Ok(schema)
}

/// Whether a closure's parameter, spelled as a type of schemas, takes every value of a declared type.
pub fn accepts(native: &str, declared: &str) -> bool {
    match native {
        "Any" => true,
        "Any?" => declared.ends_with('?'),
        "ScalarType" => declared == "int",
        "ScalarType?" => declared == "int?",
        // A narrower number is taken too, as the conversion of arguments does.
        "int" => matches!(declared, "int" | "bool"),
        "float" => matches!(declared, "float" | "int"),
        "complex" => matches!(declared, "complex" | "float" | "int"),
        "Scalar" => matches!(declared, "Scalar" | "complex" | "float" | "int" | "bool"),
        "list" => declared.ends_with("[]"),
        "Dict" => declared.starts_with("Dict("),
        "list?" => declared.ends_with("[]?"),
        other => other == declared || other.strip_suffix('?') == Some(declared),
    }
}

impl Op {
    /// A user's operator that runs a closure. Errors of the closure, and results that are not of the schema's types,
    /// name the schema.
    pub fn custom<Args>(text: &str, closure: impl IntoKernel<Args>) -> Result<Op> {
        let schema = parse_schema(text)?;
        let Kernel { run, parameters } = closure.into_kernel();
        if let Some(natives) = &parameters {
            let declared: Vec<String> = schema.arguments.iter().map(|a| a.ty.schema_str()).collect();
            if natives.len() != declared.len() {
                return Err(refused(format!(
                    "`{text}` has {} arguments, but the closure takes {}: ({})",
                    declared.len(),
                    natives.len(),
                    natives.join(", ")
                )));
            }
            for ((native, declared), argument) in natives.iter().zip(&declared).zip(&schema.arguments) {
                if !accepts(native, declared) {
                    return Err(refused(format!(
                        "`{text}`: argument `{}` is of type {declared}, but the closure takes {native}",
                        argument.name
                    )));
                }
            }
        }
        let mut op = Op::new(text);
        let name: Box<str> = text.into();
        op.kernel = Some(Kernel {
            run: Box::new(move |ctx, args| {
                let named = |error: Error| Error::new(error.kind, format!("{name}: {}", error.message));
                let result = run(ctx, args).map_err(named)?;
                check_result(&schema.returns, &result)
                    .map_err(|message| named(Error::new(ErrorKind::Type, message)))?;
                Ok(result)
            }),
            parameters,
        });
        Ok(op)
    }

    /// A user's operator that runs a function of TorchScript text.
    pub fn custom_script(text: &str, body: &str) -> Result<Op> {
        parse_schema(text)?;
        let mut op = Op::new(text);
        op.script = Some(body.into());
        Ok(op)
    }
}

fn check_result(returns: &[Argument], result: &IValue) -> Result<(), String> {
    let fits = |argument: &Argument, value: &IValue| {
        if argument.ty.has_free_variables() || value.ty().is_subtype_of(&argument.ty) {
            return Ok(());
        }
        Err(format!(
            "expected a result of type {}, the closure returned {}",
            argument.ty.schema_str(),
            value.type_name()
        ))
    };
    match (returns, result) {
        ([], IValue::None) => Ok(()),
        ([only], value) => fits(only, value),
        (several, IValue::Tuple(tuple)) if tuple.items.len() == several.len() => several
            .iter()
            .zip(tuple.items.iter())
            .try_for_each(|(a, v)| fits(a, v)),
        (several, value) => Err(format!(
            "expected {} results, the closure returned {}",
            several.len(),
            value.type_name()
        )),
    }
}
