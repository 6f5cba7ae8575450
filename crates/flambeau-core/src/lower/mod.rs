//! The compiler's front end: syntax to graphs.
//!
//! One function is compiled by one [`Emitter`], which walks the tree and appends nodes in the order in which
//! PyTorch's emitter does, dead ones included: the numbers and names of values depend on it, and printed graphs are
//! to be equal. Variables are emitted as `prim::Store` and `prim::Load`; [`ssa`] and [`exits`] then turn them, loops
//! and early exits into blocks with inputs and outputs; the passes of [`crate::passes::PIPELINE`] clean up.
//!
//! The same emission serves the `code/**/*.py` files of archives ([`import`]) and programs ([`program`]); what names
//! mean comes from a [`Resolver`].

mod annotations;
mod assign;
mod attr;
mod builtin_functions;
mod call;
pub(crate) mod callback;
mod comprehension;
mod cond;
mod constants_order;
mod dataclass;
pub mod desugar;
mod environment;
pub mod error;
mod exits;
mod explain;
mod expr;
mod function;
mod hooks;
pub mod host;
pub mod import;
mod index;
pub mod library;
mod literal;
mod loops;
pub mod module;
pub mod program;
mod program_classes;
mod program_values;
pub(crate) mod python_names;
mod recovery;
mod schema_match;
pub mod script;
mod special;
mod ssa;
mod stmt;
pub mod sugared;
pub mod tree;
pub mod unit;
pub(crate) mod upgraders;
mod values;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use flambeau_ir::ir::{BlockId, Graph, ValueId};
use flambeau_ir::ops::OpTable;
use flambeau_ir::types::Type;
use flambeau_syntax::Span;

use environment::Frame;
use error::{CompileError, ErrorKind, Result, Text};
use sugared::Sugared;

pub use builtin_functions::compile_native;
pub use function::{Definition, Receiver, define_function};

/// What names mean outside of the function that is being compiled.
pub trait Resolver: Send + Sync {
    fn resolve_value(&self, name: &str, emitter: &mut Emitter<'_>, loc: Span) -> Result<Option<Sugared>>;

    /// The type that a name or a dotted path stands for.
    fn resolve_type_name(&self, name: &str, text: &Arc<Text>, loc: Span) -> Result<Option<Type>>;

    /// The archive version of the code, which old meanings of operators depend on.
    fn op_version(&self) -> Option<u64> {
        None
    }

    /// An entry of an archive's table of constants, as defaults of parameters name it: `c0`.
    fn table_constant(&self, field: &str) -> Option<flambeau_ir::value::IValue> {
        let _ = field;
        None
    }

    /// A whole annotation, where the resolver reads annotations its own way.
    fn resolve_annotation(&self, expr: &tree::Expr, text: &Arc<Text>) -> Result<Option<Type>> {
        let _ = (expr, text);
        Ok(None)
    }

    /// Members of the namespaces that only archives have.
    fn archive_attr(
        &self,
        of: &Sugared,
        field: &str,
        emitter: &mut Emitter<'_>,
        loc: Span,
    ) -> Result<Sugared> {
        let _ = of;
        emitter.fail(loc, format!("attribute lookup of '{field}' is not defined here"))
    }
}

/// What is known of the function being compiled; closures nest.
#[derive(Clone, Debug, Default)]
struct DefContext {
    declared_return: Option<Type>,
    merged_return: Option<Type>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LoopStatus {
    NotInLoop,
    InLoop,
    InUnrolledLoop,
}

/// Compiles one function.
pub struct Emitter<'a> {
    pub g: Graph,
    table: &'static OpTable,
    resolver: &'a dyn Resolver,
    text: Arc<Text>,
    /// The function's own name, and what errors call it.
    name: String,
    call_name: String,
    frames: Vec<Frame>,
    defs: Vec<DefContext>,
    ints: HashMap<i64, ValueId>,
    floats: HashMap<u64, ValueId>,
    complexes: HashMap<u64, ValueId>,
    exit_blocks: HashSet<BlockId>,
    loop_status: LoopStatus,
    temp_names: usize,
    /// The statement or expression at hand, for "is being compiled since it was called from".
    pending: Span,
}

impl<'a> Emitter<'a> {
    fn fail<T>(&self, loc: Span, message: impl Into<String>) -> Result<T> {
        Err(CompileError::at(ErrorKind::Compile, &self.text, loc, message))
    }

    fn fail_at<T>(&self, loc: Option<Span>, message: impl Into<String>) -> Result<T> {
        match loc {
            Some(loc) => self.fail(loc, message),
            None => Err(CompileError::new(ErrorKind::Compile, message)),
        }
    }
}

/// `_0` and its like are made up by the compiler; they are not kept, so that saved code stays stable.
pub fn meaningful_name(name: &str) -> bool {
    match name.as_bytes() {
        [] | [b'$', ..] => false,
        [b'_', rest @ ..] => rest.iter().any(|b| !b.is_ascii_digit()),
        _ => true,
    }
}

/// Whether one type is a subtype of another; if not, a sentence that says why, where there is more to say.
pub fn subtype(ty: &Type, of: &Type) -> std::result::Result<(), String> {
    if ty.is_subtype_of(of) {
        return Ok(());
    }
    Err(match (ty, unwrap(of)) {
        (Type::Class(class), Type::Interface(interface)) => interface.missing_from(class).unwrap_or_default(),
        _ => String::new(),
    })
}

fn unwrap(ty: &Type) -> &Type {
    ty.optional_inner().unwrap_or(ty)
}
