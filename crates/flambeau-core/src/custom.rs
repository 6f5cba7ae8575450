//! Operators that a user adds to the table: as closures, or as TorchScript text, which is compiled here.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ops::{IntoKernel, Op};
use flambeau_ir::schema::Schema;
use flambeau_tensor::{Error, ErrorKind, Result};

/// Adds an operator that runs a closure.
pub fn register<Args>(schema: &str, closure: impl IntoKernel<Args>) -> Result<()> {
    flambeau_ops::table().register(Op::custom(schema, closure)?)
}

/// Adds an operator that runs the last function of a text.
pub fn register_script(schema: &str, body: &str) -> Result<()> {
    let op = Op::custom_script(schema, body)?;
    let failed = |message: String| Error::new(ErrorKind::Value, format!("{schema}: {message}"));
    let functions = crate::lower::compile_native(body, flambeau_ops::table())
        .map_err(|error| failed(error.to_string()))?;
    let function = functions
        .into_iter()
        .next_back()
        .ok_or_else(|| failed("the text defines no function".into()))?;
    function.graph().map_err(|error| failed(error.to_string()))?;
    let own = function.schema().map_err(|error| failed(error.to_string()))?;
    agree(op.schema(), own).map_err(failed)?;
    let _: std::result::Result<(), Arc<Function>> = op.compiled.set(function);
    flambeau_ops::table().register(op)
}

/// The parameters and results of a function must be those of the schema.
fn agree(declared: &Schema, own: &Schema) -> std::result::Result<(), String> {
    let types = |schema: &Schema| {
        let arguments: Vec<String> = schema
            .arguments
            .iter()
            .map(|a| format!("{} {}", a.ty.schema_str(), a.name))
            .collect();
        let returns: Vec<String> = match schema.returns.as_slice() {
            // A function returns several values as one tuple, or None.
            [only] => match only.ty.tuple_elements() {
                Some(elements) => elements.iter().map(|e| e.schema_str()).collect(),
                None if only.ty.schema_str() == "NoneType" => Vec::new(),
                None => vec![only.ty.schema_str()],
            },
            several => several.iter().map(|r| r.ty.schema_str()).collect(),
        };
        format!("({}) -> ({})", arguments.join(", "), returns.join(", "))
    };
    let (wanted, found) = (types(declared), types(own));
    if wanted == found {
        Ok(())
    } else {
        Err(format!("expected a function {wanted}, found {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows' own texts compile, and take and give what their schemas say.
    #[test]
    fn scripts_are_their_schemas() {
        let mut wrong = Vec::new();
        for op in flambeau_ops::table().all() {
            let Some(script) = &op.script else { continue };
            let checked = || -> std::result::Result<(), String> {
                let functions = crate::lower::compile_native(script, flambeau_ops::table())
                    .map_err(|error| error.to_string())?;
                let function = functions.last().ok_or("no function")?;
                function.graph().map_err(|error| error.to_string())?;
                agree(op.schema(), function.schema().map_err(|error| error.to_string())?)
            };
            if let Err(message) = checked() {
                wrong.push(format!("{}\n  {message}", op.text()));
            }
        }
        assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
    }
}
