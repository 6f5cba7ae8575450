//! Builtins that are themselves written in TorchScript, and inlined where they are called: mostly operators with a
//! number on the left of a tensor.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use flambeau_ir::function::Function;
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_syntax::{SourceFile, Span};

use super::desugar::{self, DefOptions};
use super::error::{CompileError, ErrorKind, Result, Text};
use super::library::dtype_code;
use super::python_names::is_builtin_exception;
use super::sugared::Sugared;
use super::{Definition, Emitter, Resolver, define_function};

/// Each text starts with an empty line: the lines are shown in printed graphs.
const SCALAR: &str = "
def mul(a : $S, b : Tensor) -> Tensor:
  return b * a
def add(a : $S, b : Tensor) -> Tensor:
  return b + a
def ne(a : $S, b : Tensor) -> Tensor:
  return b != a
def eq(a : $S, b : Tensor) -> Tensor:
  return b == a
def sub(a : $S, b : Tensor) -> Tensor:
  return torch.neg(b) + a
def div(a : $S, b : Tensor) -> Tensor:
  return torch.reciprocal(b) * a
";

const ORDERED: &str = "
def lt(a : $S, b : Tensor) -> Tensor:
  return b > a
def le(a : $S, b : Tensor) -> Tensor:
  return b >= a
def gt(a : $S, b : Tensor) -> Tensor:
  return b < a
def ge(a : $S, b : Tensor) -> Tensor:
  return b <= a
";

const NTUPLE: &str = "
def _$N(x: BroadcastingList$L[$S]) -> List[$S]:
  return x
";

const FLOORDIV: &str = "
def floordiv(self : Tensor, other : $S) -> Tensor:
  return torch.floor_divide(self, other)
";

const COMPATIBILITY: &str = "
def _assert_int_or_pair(vals: List[int], name: str, message: str):
  pass
def list_with_default(out_size: List[int], defaults: List[int]):
  assert len(defaults) > len(out_size)
  return out_size
def _assert(condition : bool, message : str):
  assert condition, message
# the registered operator calls its argument `a`
# and takes no keyword
def device(type: str):
  return torch.device(type)
def type(self: Tensor, dtype: int, non_blocking: bool=False, copy: bool=False) -> Tensor:
  return self.to(dtype, non_blocking, copy)
";

const MORE: &str = "
def _assert(condition : Tensor, message : str):
  assert bool(condition), message
def __contains__(self: str, key: str):
    return self.find(key, 0, len(self)) != -1
";

const PROPERTIES: &str = "
def ndim(a : Tensor) -> int:
  return a.dim()
def T(a : Tensor) -> Tensor:
  return a.numpy_T()
def H(a : Tensor) -> Tensor:
  return a.matrix_H()
def mT(a : Tensor) -> Tensor:
  return a.mT
def mH(a : Tensor) -> Tensor:
  return a.mH
def shape(a : Tensor) -> List[int]:
  return a.size()
";

type Functions = HashMap<String, Vec<Arc<Function>>>;

static FUNCTIONS: OnceLock<Result<Functions>> = OnceLock::new();

thread_local! {
    /// While the builtins are compiled, they do not see each other.
    static COMPILING: Cell<bool> = const { Cell::new(false) };
}

/// In native sources, `torch.x` is the operator `aten::x` or a dtype; Python's exceptions can be raised.
pub(super) struct NativeResolver;

impl Resolver for NativeResolver {
    fn resolve_value(&self, name: &str, _: &mut Emitter<'_>, _: Span) -> Result<Option<Sugared>> {
        Ok(match name {
            "torch" => Some(Sugared::Namespace(name.into())),
            _ if is_builtin_exception(name) => {
                Some(Sugared::HostException(format!("builtins.{name}").into()))
            }
            _ => None,
        })
    }

    fn archive_attr(
        &self,
        _: &Sugared,
        field: &str,
        emitter: &mut Emitter<'_>,
        loc: Span,
    ) -> Result<Sugared> {
        Ok(match dtype_code(field) {
            Some(code) => Sugared::Simple(emitter.constant(IValue::Int(code), Some(loc))),
            None if field == "ops" => Sugared::Ops,
            None => Sugared::builtin(&format!("aten::{field}")),
        })
    }

    fn resolve_type_name(&self, _: &str, _: &Arc<Text>, _: Span) -> Result<Option<Type>> {
        Ok(None)
    }
}

/// Functions of a native source text, in order.
pub fn compile_native(text: &str, table: &'static OpTable) -> Result<Vec<Arc<Function>>> {
    let file = Arc::new(SourceFile::new("<string>", text));
    let (module, problems) = flambeau_syntax::parse_module(&file);
    if let Some(problem) = problems.first() {
        return Err(CompileError::new(ErrorKind::Syntax, problem.message.clone()));
    }
    let text = Text::of_file(file);
    let mut functions = Vec::new();
    for stmt in &module.body {
        let flambeau_syntax::StmtKind::FunctionDef(function) = &stmt.kind else {
            continue;
        };
        let def = desugar::def(
            function,
            &text,
            DefOptions {
                self_name: None,
                native: true,
            },
        )?;
        let name = def.name.name.clone();
        let definition = Definition {
            def: Arc::new(def),
            resolver: Arc::new(NativeResolver),
            receiver: None,
            defaults: Vec::new(),
            overload: false,
            table,
        };
        functions.push(define_function(name, definition));
    }
    Ok(functions)
}

fn load(table: &'static OpTable) -> Result<Functions> {
    let mut all = Functions::new();
    let mut add = |text: &str, namespace: &str| -> Result<()> {
        for function in compile_native(text, table)? {
            function
                .graph()
                .map_err(|e| CompileError::new(ErrorKind::Compile, e.to_string()))?;
            all.entry(format!("{namespace}::{}", function.short_name()))
                .or_default()
                .push(function);
        }
        Ok(())
    };
    for scalar in ["float", "int", "complex"] {
        add(&SCALAR.replace("$S", scalar), "aten")?;
    }
    for scalar in ["float", "int"] {
        add(&ORDERED.replace("$S", scalar), "aten")?;
    }
    for scalar in ["float", "int"] {
        for (name, len) in [
            ("single", "1"),
            ("pair", "2"),
            ("triple", "3"),
            ("quadruple", "4"),
        ] {
            add(
                &NTUPLE
                    .replace("$N", name)
                    .replace("$L", len)
                    .replace("$S", scalar),
                "aten",
            )?;
        }
    }
    for rhs in ["number", "Tensor"] {
        add(&FLOORDIV.replace("$S", rhs), "aten")?;
    }
    add(COMPATIBILITY, "aten")?;
    add(MORE, "aten")?;
    add(PROPERTIES, "prim")?;
    Ok(all)
}

impl Emitter<'_> {
    pub(super) fn builtin_functions(&self, op: &str) -> Result<Vec<Arc<Function>>> {
        if COMPILING.get() {
            return Ok(Vec::new());
        }
        let table = self.table;
        let functions = FUNCTIONS.get_or_init(|| {
            COMPILING.set(true);
            let functions = load(table);
            COMPILING.set(false);
            functions
        });
        match functions {
            Ok(functions) => Ok(functions.get(op).cloned().unwrap_or_default()),
            Err(error) => Err(error.clone()),
        }
    }
}
