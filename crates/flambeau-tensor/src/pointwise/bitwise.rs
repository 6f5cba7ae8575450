//! Operators on the bits of integers and bools.

use crate::convert::B8;
use crate::dtype::DType;
use crate::pointwise::call::{Arg, op, promoting, result_type, run};
use crate::pointwise::engine::Params;
use crate::pointwise::table::table;
use crate::tensor::Tensor;

table! {
    AND = "bitwise_and_cpu", Same {
        int |c, a, b| a & b;
        bool |c, a, b| B8((a.0 != 0 && b.0 != 0) as u8);
    }
    OR = "bitwise_or_cpu", Same {
        int |c, a, b| a | b;
        bool |c, a, b| B8(((a.0 | b.0) != 0) as u8);
    }
    XOR = "bitwise_xor_cpu", Same {
        int |c, a, b| a ^ b;
        bool |c, a, b| B8(((a.0 != 0) != (b.0 != 0)) as u8);
    }
    NOT = "bitwise_not_cpu", Same {
        int |c, a| !a;
        bool |c, a| B8((a.0 == 0) as u8);
    }
    // Shifts by a negative or too large amount give what an arithmetic shift by the full width would.
    LSHIFT = "lshift_cpu", Same {
        int |c, a, b| if (b as i64) < 0 || (b as i64) >= T::BITS as i64 { 0 } else { a.wrapping_shl(b as u32) };
    }
    RSHIFT = "rshift_cpu", Same {
        u8 |c, a, b| if b >= 8 { 0 } else { a >> b };
        signed |c, a, b| {
            let most = T::BITS as i64 - 1;
            a >> (if (b as i64) < 0 || (b as i64) > most { most } else { b as i64 } as u32)
        };
    }
}

op! {
    bitwise_and, bitwise_and_to(to, a: Arg, b: Arg) { promoting(&AND, Params::default(), to, &[a, b], 1) }
    bitwise_or, bitwise_or_to(to, a: Arg, b: Arg) { promoting(&OR, Params::default(), to, &[a, b], 1) }
    bitwise_xor, bitwise_xor_to(to, a: Arg, b: Arg) { promoting(&XOR, Params::default(), to, &[a, b], 1) }
    bitwise_not, bitwise_not_to(to, x: &Tensor) { promoting(&NOT, Params::default(), to, &[x.into()], 1) }
    /// `a << b`
    bitwise_left_shift, bitwise_left_shift_to(to, a: Arg, b: Arg) {
        promoting(&LSHIFT, Params::default(), to, &[a, b], 1)
    }
    /// `a >> b`
    bitwise_right_shift, bitwise_right_shift_to(to, a: Arg, b: Arg) {
        let common = result_type(&[a, b]);
        if common == DType::Bool {
            crate::bail!(NotImplemented, "\"rshift_cpu\" not implemented for 'Bool'")
        }
        run(&RSHIFT, Params::default(), to, &[a, b], common, 1)
    }
}
