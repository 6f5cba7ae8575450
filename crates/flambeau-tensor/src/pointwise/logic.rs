//! `logical_*`: operands count as bool, `!= 0`.

use crate::convert::B8;
use crate::dtype::DType;
use crate::pointwise::call::{Arg, op, run};
use crate::pointwise::engine::Params;
use crate::pointwise::table::table;
use crate::tensor::Tensor;

table! {
    LOGICAL_AND = "logical_and", Same { bool |c, a, b| B8((a.0 != 0 && b.0 != 0) as u8); }
    LOGICAL_OR = "logical_or", Same { bool |c, a, b| B8(((a.0 | b.0) != 0) as u8); }
    LOGICAL_XOR = "logical_xor", Same { bool |c, a, b| B8(((a.0 != 0) != (b.0 != 0)) as u8); }
    LOGICAL_NOT = "logical_not", Same { bool |c, a| B8((a.0 == 0) as u8); }
}

op! {
    logical_and, logical_and_to(to, a: Arg, b: Arg) {
        run(&LOGICAL_AND, Params::default(), to, &[a, b], DType::Bool, 1)
    }
    logical_or, logical_or_to(to, a: Arg, b: Arg) {
        run(&LOGICAL_OR, Params::default(), to, &[a, b], DType::Bool, 1)
    }
    logical_xor, logical_xor_to(to, a: Arg, b: Arg) {
        run(&LOGICAL_XOR, Params::default(), to, &[a, b], DType::Bool, 1)
    }
    logical_not, logical_not_to(to, x: &Tensor) {
        run(&LOGICAL_NOT, Params::default(), to, &[x.into()], DType::Bool, 1)
    }
}
