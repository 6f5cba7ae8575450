//! Why the types of this crate may cross threads.
//!
//! Types, values, functions and graphs refer to each other in cycles, and rustc's search for `Send`
//! and `Sync` takes exponential time on such cycles. So the two types that close every cycle say it
//! themselves, and the functions below check what each variant holds, which is what the derivation
//! would have done. A new variant that is not listed does not compile.

use crate::types::Type;
use crate::value::IValue;

// SAFETY: every variant's contents are checked by `types` below.
unsafe impl Send for Type {}
// SAFETY: as above.
unsafe impl Sync for Type {}
// SAFETY: every variant's contents are checked by `values` below.
unsafe impl Send for IValue {}
// SAFETY: as above.
unsafe impl Sync for IValue {}

fn shared<T: Send + Sync>(_: &T) {}

#[allow(dead_code)]
fn types(t: &Type) {
    use Type::*;
    match t {
        Any | None | Bool | Int | Float | Complex | Number | Str | Device | Generator | Stream | Storage => {}
        QScheme | Quantizer | Capsule | PyObject | ScalarType | Layout | MemoryFormat | SymInt | SymBool => {}
        AnyList | AnyTuple | AnyClass | AnyEnum => {}
        Tensor(info) => shared(info),
        Var(name) | Named(name) => shared(name),
        List(t) | Optional(t) | Future(t) | Await(t) | RRef(t) => shared(t),
        Dict(pair) => shared(pair),
        Tuple(t) => shared(t),
        Union(members) => shared(members),
        Class(c) => shared(c),
        Interface(i) => shared(i),
        Enum(e) => shared(e),
        Function(f) => shared(f),
    }
}

#[allow(dead_code)]
fn values(v: &IValue) {
    use IValue::*;
    match v {
        None | Uninitialized => {}
        Bool(b) => shared(b),
        Int(i) => shared(i),
        Double(f) => shared(f),
        Complex(c) => shared(c),
        Str(s) => shared(s),
        Tensor(t) => shared(t),
        Tuple(t) => shared(t),
        List(l) => shared(l),
        Dict(d) => shared(d),
        Object(o) => shared(o),
        Enum(e) => shared(e),
        Device(d) => shared(d),
        Generator(g) => shared(g),
        Future(f) => shared(f),
        Function(f) => shared(f),
        Capsule(c) => shared(c),
    }
}
