//! Arithmetic on numbers without a call: no allocation, no argument list. Whatever an instruction here does not
//! cover (another type at run time, a division by zero) goes to the operator's row, which knows the error.

use flambeau_ir::value::IValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Remainder,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    Is,
    IsNot,
    Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Not,
    Neg,
    Len,
    Dim,
    IntOfFloat,
    FloatOfInt,
    BoolOfInt,
}

/// The fast form of an operator, by its full name.
pub fn binary(name: &str) -> Option<Binary> {
    Some(match name {
        "aten::add.int" | "aten::add.float" => Binary::Add,
        "aten::sub.int" | "aten::sub.float" => Binary::Sub,
        "aten::mul.int" | "aten::mul.float" => Binary::Mul,
        "aten::div.int" | "aten::div.float" => Binary::Div,
        "aten::floordiv.int" => Binary::FloorDiv,
        "aten::remainder.int" => Binary::Remainder,
        "aten::eq.int" | "aten::eq.float" | "aten::eq.bool" | "aten::eq.str" => Binary::Eq,
        "aten::ne.int" | "aten::ne.float" | "aten::ne.bool" | "aten::ne.str" => Binary::Ne,
        "aten::lt.int" | "aten::lt.float" => Binary::Lt,
        "aten::le.int" | "aten::le.float" => Binary::Le,
        "aten::gt.int" | "aten::gt.float" => Binary::Gt,
        "aten::ge.int" | "aten::ge.float" => Binary::Ge,
        "aten::__and__.bool" => Binary::And,
        "aten::__or__.bool" => Binary::Or,
        "aten::__is__" => Binary::Is,
        "aten::__isnot__" => Binary::IsNot,
        "aten::size.int" => Binary::Size,
        _ => return None,
    })
}

pub fn unary(name: &str) -> Option<Unary> {
    Some(match name {
        "aten::__not__" => Unary::Not,
        "aten::neg.int" | "aten::neg.float" => Unary::Neg,
        "aten::len.t" => Unary::Len,
        "aten::dim" => Unary::Dim,
        "aten::Int.float" => Unary::IntOfFloat,
        "aten::Float.int" => Unary::FloatOfInt,
        "aten::Bool.int" => Unary::BoolOfInt,
        _ => return None,
    })
}

/// Python's `//` and `%`: towards minus infinity, the remainder with the divisor's sign.
fn floor_div(a: i64, b: i64) -> Option<i64> {
    let q = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) {
        q - 1
    } else {
        q
    })
}

#[inline(always)]
pub fn run_binary(op: Binary, a: &IValue, b: &IValue) -> Option<IValue> {
    use IValue::{Bool, Double, Int};
    Some(match (a, b) {
        (Int(a), Int(b)) => {
            let (a, b) = (*a, *b);
            match op {
                Binary::Add => Int(a.wrapping_add(b)),
                Binary::Sub => Int(a.wrapping_sub(b)),
                Binary::Mul => Int(a.wrapping_mul(b)),
                Binary::Div => Double(a as f64 / b as f64),
                Binary::FloorDiv => Int(floor_div(a, b)?),
                // The operator itself says what is wrong with other numbers.
                Binary::Remainder => Int(a.wrapping_sub(floor_div(a, b)?.wrapping_mul(b))),
                Binary::Eq | Binary::Is => Bool(a == b),
                Binary::Ne | Binary::IsNot => Bool(a != b),
                Binary::Lt => Bool(a < b),
                Binary::Le => Bool(a <= b),
                Binary::Gt => Bool(a > b),
                Binary::Ge => Bool(a >= b),
                Binary::And | Binary::Or | Binary::Size => return None,
            }
        }
        (Double(a), Double(b)) => {
            let (a, b) = (*a, *b);
            match op {
                Binary::Add => Double(a + b),
                Binary::Sub => Double(a - b),
                Binary::Mul => Double(a * b),
                Binary::Div => Double(a / b),
                Binary::Eq => Bool(a == b),
                Binary::Ne => Bool(a != b),
                Binary::Lt => Bool(a < b),
                Binary::Le => Bool(a <= b),
                Binary::Gt => Bool(a > b),
                Binary::Ge => Bool(a >= b),
                _ => return None,
            }
        }
        (Bool(a), Bool(b)) => match op {
            Binary::And => Bool(*a && *b),
            Binary::Or => Bool(*a || *b),
            Binary::Eq | Binary::Is => Bool(a == b),
            Binary::Ne | Binary::IsNot => Bool(a != b),
            _ => return None,
        },
        (IValue::Str(a), IValue::Str(b)) => match op {
            Binary::Eq => Bool(a == b),
            Binary::Ne => Bool(a != b),
            _ => return None,
        },
        (IValue::Tensor(t), Int(dim)) if op == Binary::Size => Int(t.size(*dim).ok()?),
        (IValue::None, other) | (other, IValue::None) => match op {
            Binary::Is => Bool(other.is_none()),
            Binary::IsNot => Bool(!other.is_none()),
            _ => return None,
        },
        _ => return None,
    })
}

#[inline(always)]
pub fn run_unary(op: Unary, a: &IValue) -> Option<IValue> {
    Some(match (op, a) {
        (Unary::Not, IValue::Bool(b)) => IValue::Bool(!b),
        (Unary::Neg, IValue::Int(i)) => IValue::Int(i.wrapping_neg()),
        (Unary::Neg, IValue::Double(f)) => IValue::Double(-f),
        (Unary::Len, IValue::List(l)) => IValue::Int(l.len() as i64),
        (Unary::Dim, IValue::Tensor(t)) => IValue::Int(t.dim() as i64),
        (Unary::IntOfFloat, IValue::Double(f)) if f.abs() < 9.2e18 => IValue::Int(*f as i64),
        (Unary::FloatOfInt, IValue::Int(i)) => IValue::Double(*i as f64),
        (Unary::BoolOfInt, IValue::Int(i)) => IValue::Bool(*i != 0),
        _ => return None,
    })
}
