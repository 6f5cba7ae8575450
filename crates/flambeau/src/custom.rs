//! Operators of the user's own, under names that archives and programs call: `ops.my.scale(x)`.

use flambeau_ir::ops::IntoKernel;

use crate::{Error, ErrorKind, Result};

/// Adds an operator that runs a closure. The closure takes what the schema says: `Tensor` for `Tensor`, `i64` for `int`,
/// `f64` for `float`, `bool`, `Arc<str>` for `str`, `Vec<…>` for lists, `Option<…>` for what may be `None`; the
/// [`Context`](crate::Context) may come before. It returns one value or a tuple, or a `Result` with the errors of
/// [`tensor`](crate::tensor). Errors name the schema.
///
/// ```
/// use flambeau::tensor::pointwise::mul;
/// use flambeau::{Tensor, register_op};
///
/// # fn main() -> Result<(), flambeau::Error> {
/// register_op("my::scale(Tensor x, float a=1.) -> Tensor", |x: Tensor, a: f64| {
///     mul((&x).into(), a.into())
/// })?;
/// // A name stands for one operator.
/// let again = register_op("my::scale(Tensor x) -> Tensor", |x: Tensor| x);
/// assert!(again.unwrap_err().message().contains("registered already"));
/// // The closure must take what the schema says.
/// let wrong = register_op("my::shift(Tensor x, int by) -> Tensor", |x: Tensor, by: Tensor| x);
/// assert!(wrong.unwrap_err().message().contains("argument `by` is of type int"));
/// # Ok(())
/// # }
/// ```
///
/// As in PyTorch the names belong to the process: register before the first call of the code that uses them. A model
/// whose operators are not registered still loads, prints and is inspected; only running them fails. A schema that
/// PyTorch has and Flambeau does not run yet (see [`Module::operators`](crate::Module::operators)) may be registered
/// too, letter for letter; an operator that is built in may not.
pub fn register_op<Args>(schema: &str, closure: impl IntoKernel<Args>) -> Result<()> {
    flambeau_core::custom::register(schema, closure).map_err(refused)
}

/// Adds an operator that runs a function of TorchScript text: the last one that the text defines. Its parameters and
/// results must be the schema's.
///
/// ```
/// # fn main() -> Result<(), flambeau::Error> {
/// flambeau::register_script_op(
///     "my::swish(Tensor x, float beta=1.) -> Tensor",
///     "
/// def swish(x: Tensor, beta: float) -> Tensor:
///     return x * torch.sigmoid(beta * x)
/// ",
/// )?;
/// # Ok(())
/// # }
/// ```
pub fn register_script_op(schema: &str, body: &str) -> Result<()> {
    flambeau_core::custom::register_script(schema, body).map_err(refused)
}

fn refused(error: flambeau_tensor::Error) -> Error {
    Error::new(ErrorKind::Arguments, error.message)
}
