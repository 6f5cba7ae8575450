//! What the signatures of forward hooks and pre-hooks must be for the `forward` that they stand around.

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::schema::Schema;
use flambeau_ir::types::{ClassType, Type};

use super::error::{CompileError, ErrorKind, Result};

/// Checks a module's hooks once its methods and hooks are compiled.
pub(super) fn check(class: &Arc<ClassType>) -> Result<()> {
    let (before, behind) = (class.forward_pre_hooks(), class.forward_hooks());
    if before.is_empty() && behind.is_empty() {
        return Ok(());
    }
    let Some(forward) = class.method("forward") else {
        return Ok(());
    };
    let forward = signature(&forward)?;
    for hook in &before {
        Check::new(class, &forward, hook, true)?.pre_hook()?;
    }
    let mut previous = result(&forward);
    for hook in &behind {
        let check = Check::new(class, &forward, hook, false)?;
        check.hook(&previous)?;
        previous = result(&check.schema);
    }
    Ok(())
}

fn signature(function: &Arc<Function>) -> Result<Schema> {
    match function.schema() {
        Ok(schema) => Ok(schema.clone()),
        Err(error) => Err(CompileError::new(ErrorKind::Compile, error.to_string())),
    }
}

fn result(schema: &Schema) -> Type {
    schema.returns.first().map_or(Type::None, |r| r.ty.clone())
}

struct Check {
    name: String,
    module: String,
    schema: Schema,
    /// The types that `forward` takes, without the module itself.
    inputs: Vec<Type>,
    is_pre: bool,
}

impl Check {
    fn new(class: &Arc<ClassType>, forward: &Schema, hook: &Arc<Function>, is_pre: bool) -> Result<Check> {
        Ok(Check {
            name: hook.short_name().to_string(),
            module: class.short_name().to_string(),
            schema: signature(hook)?,
            inputs: forward.arguments.iter().skip(1).map(|a| a.ty.clone()).collect(),
            is_pre,
        })
    }

    fn fail(&self, what: &str) -> Result<()> {
        let (name, module) = (&self.name, &self.module);
        let inputs: Vec<String> = self.inputs.iter().map(Type::annotation_str).collect();
        let inputs = match inputs.is_empty() {
            true => "()".to_string(),
            false => inputs.join(", "),
        };
        let message = if self.is_pre {
            let single = match self.inputs.as_slice() {
                [only] => format!("'{}', ", only.annotation_str()),
                _ => String::new(),
            };
            format!(
                "Pre-hook '{name}' on module '{module}' {what}This error occurred while scripting the forward pre-hook '{name}' on module '{module}'. If you did not want to script this pre-hook remove it from the original NN module before scripting. Pre-hooks for module '{module}' are expected to have the following signature: {name}(self, input: Tuple[{inputs}]) with a return type of either 'None', {single}or 'Tuple[{inputs}]'.\n"
            )
        } else {
            format!(
                "Hook '{name}' on module '{module}' {what}This error occurred while scripting the forward hook '{name}' on module {module}. If you did not want to script this hook remove it from the original NN module before scripting. This hook was expected to have the following signature: {name}(self, input: Tuple[{inputs}], output: …). The type of the output arg is the returned type from either the forward method or the previous hook if it exists. Note that hooks can return anything, but if the hook is on a submodule the outer module is expecting the same return type as the submodule's forward.\n"
            )
        };
        Err(CompileError::new(ErrorKind::Compile, message))
    }

    fn parameters(&self, count: usize) -> Result<()> {
        let found = self.schema.arguments.len();
        if found != count {
            return self.fail(&format!(
                "was expected to only have exactly {count} inputs but it had {found} inputs. "
            ));
        }
        let input = &self.schema.arguments[1].ty;
        let shown = input.annotation_str();
        let Some(elements) = input.tuple_elements() else {
            return self.fail(&format!(
                "expected the input argument to be typed as a Tuple but found type: '{shown}' instead.\n"
            ));
        };
        let what = if self.inputs.is_empty() && !elements.is_empty() {
            "was expecting Tuple[()] as the input type."
        } else if elements.len() != self.inputs.len() {
            "has the wrong number of contained types for the input argument's Tuple."
        } else if elements != self.inputs {
            "has the wrong inner types for the input tuple argument."
        } else {
            return Ok(());
        };
        self.fail(&format!("{what} Received type: '{shown}'.\n"))
    }

    /// A pre-hook takes the inputs and gives others of the same types, or nothing.
    fn pre_hook(&self) -> Result<()> {
        self.parameters(2)?;
        let returned = result(&self.schema);
        let single = matches!(self.inputs.as_slice(), [only] if *only == returned);
        if returned == Type::None || single {
            return Ok(());
        }
        let shown = returned.annotation_str();
        match returned.tuple_elements() {
            Some(elements) if elements == self.inputs => Ok(()),
            Some(elements) if elements.len() != self.inputs.len() => self.fail(&format!(
                "has the wrong number of contained types in the return Tuple. Received type: '{shown}'.\n"
            )),
            _ => self.fail(&format!("returned the wrong type of: '{shown}'.")),
        }
    }

    /// A hook takes the inputs and what `forward` or the hook before it gave.
    fn hook(&self, previous: &Type) -> Result<()> {
        self.parameters(3)?;
        let output = &self.schema.arguments[2].ty;
        if output != previous {
            return self.fail(&format!(
                "has the wrong type for the output argument. Received type: '{}'. Expected type: '{}'.\n",
                output.annotation_str(),
                previous.annotation_str()
            ));
        }
        Ok(())
    }
}
