//! Programs: the flat form of a graph that the interpreter runs.
//!
//! ```text
//! frame    register 0 ..= n-1      inputs come first; registers are reused as values die
//! operand  u32: 00 copy register | 01 move out of register | 10 constant
//! code     [Inst]; control flow by index; lists of operands in one side table
//! ```

use std::sync::Arc;

use flambeau_ir::function::Function;
use flambeau_ir::ir::InlinedCall;
use flambeau_ir::ops::Op;
use flambeau_ir::source::SourceRange;
use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::IValue;

use super::scalar::{Binary, Unary};

/// A register of a frame.
pub type Register = u32;
/// Where nothing is kept.
pub const NOWHERE: Register = u32::MAX;

/// Where an instruction takes a value from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Operand(pub(super) u32);

const MOVE: u32 = 1 << 30;
const CONSTANT: u32 = 1 << 31;
const INDEX: u32 = MOVE - 1;

impl Operand {
    pub(super) fn register(register: Register) -> Operand {
        Operand(register)
    }
    pub(super) fn constant(index: usize) -> Operand {
        Operand(index as u32 | CONSTANT)
    }
    pub(super) fn moved(self) -> Operand {
        Operand(self.0 | MOVE)
    }
    pub(super) fn is_constant(self) -> bool {
        self.0 & CONSTANT != 0
    }
    pub(super) fn is_move(self) -> bool {
        self.0 & MOVE != 0
    }
    pub(super) fn index(self) -> usize {
        (self.0 & INDEX) as usize
    }
}

/// A range of the program's operand table.
#[derive(Clone, Copy)]
pub struct Operands {
    pub start: u32,
    pub len: u32,
}

/// One instruction. `dst` is a register or [`NOWHERE`]; names in tables of the program are indices.
pub enum Inst {
    Move {
        dst: Register,
        src: Operand,
    },
    /// All sources are read before any destination is written.
    MoveAll {
        dsts: Operands,
        srcs: Operands,
    },
    /// Forgets a value that only one branch used.
    Drop {
        register: Register,
    },
    Jump {
        target: u32,
    },
    JumpUnless {
        condition: Operand,
        target: u32,
    },
    /// The head of a loop: ends it when the trip count or the condition says so.
    LoopHead {
        trip: Register,
        max: Operand,
        condition: Operand,
        counter: Register,
        end: u32,
    },
    LoopNext {
        trip: Register,
        head: u32,
    },
    Return {
        values: Operands,
    },

    Binary {
        op: Binary,
        dst: Register,
        a: Operand,
        b: Operand,
        row: u32,
    },
    Unary {
        op: Unary,
        dst: Register,
        a: Operand,
        row: u32,
    },
    /// `aten::__getitem__` of a list.
    ListItem {
        dst: Register,
        list: Operand,
        index: Operand,
        row: u32,
    },

    /// An operator row with a kernel.
    Operator {
        row: u32,
        args: Operands,
        dsts: Operands,
    },
    /// An operator row whose script runs.
    Scripted {
        row: u32,
        args: Operands,
        dsts: Operands,
    },
    /// An operator that cannot run; the message is made when it is reached.
    Missing {
        row: u32,
    },
    /// A structural node that cannot run, with the reason.
    Invalid {
        message: u32,
    },

    Call {
        function: u32,
        args: Operands,
        dst: Register,
    },
    /// A method found by name in the class of the first argument.
    CallMethod {
        name: u32,
        args: Operands,
        dst: Register,
    },
    /// A function that is a value.
    CallValue {
        callee: Operand,
        args: Operands,
        dst: Register,
    },
    Enter {
        object: Operand,
        dst: Register,
    },
    Exit {
        object: Operand,
        dst: Register,
    },
    Fork {
        program: u32,
        args: Operands,
        dst: Register,
        ty: u32,
    },
    Awaitable {
        program: u32,
        args: Operands,
        dst: Register,
        ty: u32,
    },
    Wait {
        future: Operand,
        dst: Register,
    },

    Tuple {
        args: Operands,
        dst: Register,
        ty: u32,
    },
    TupleUnpack {
        tuple: Operand,
        dsts: Operands,
    },
    TupleIndex {
        tuple: Operand,
        index: Operand,
        dst: Register,
    },
    TupleSlice {
        tuple: Operand,
        start: u32,
        end: u32,
        dst: Register,
    },
    List {
        args: Operands,
        dst: Register,
        ty: u32,
    },
    ListUnpack {
        list: Operand,
        dsts: Operands,
    },
    Dict {
        args: Operands,
        dst: Register,
        ty: u32,
    },
    CreateObject {
        class: u32,
        dst: Register,
    },
    GetSlot {
        object: Operand,
        slot: u32,
        dst: Register,
        name: u32,
    },
    SetSlot {
        object: Operand,
        slot: u32,
        value: Operand,
    },
    /// Attributes of objects whose class is not known statically.
    GetAttr {
        object: Operand,
        name: u32,
        dst: Register,
    },
    SetAttr {
        object: Operand,
        name: u32,
        value: Operand,
    },
    ContainerIndex {
        module: Operand,
        index: Operand,
        dst: Register,
    },

    Print {
        args: Operands,
    },
    Raise {
        message: Operand,
        class: Operand,
    },
    IsInstance {
        value: Operand,
        types: u32,
        dst: Register,
    },
    UnwrapOptional {
        value: Operand,
        dst: Register,
    },
    ToList {
        tensor: Operand,
        dim: Operand,
        element: Operand,
        dst: Register,
    },
    EnumName {
        value: Operand,
        dst: Register,
    },
    EnumValue {
        value: Operand,
        dst: Register,
    },
    /// Sorting objects calls their `__lt__`.
    SortObjects {
        args: Operands,
        dst: Register,
        in_place: bool,
    },
}

/// Where an instruction comes from.
#[derive(Clone, Default)]
pub struct Location {
    pub range: Option<SourceRange>,
    pub inlined: Option<Arc<InlinedCall>>,
}

pub struct Program {
    /// The function's short name, which call stacks show.
    pub name: Arc<str>,
    pub code: Vec<Inst>,
    /// For each instruction, an index into `locations`.
    pub(super) places: Vec<u32>,
    pub(super) locations: Vec<Location>,
    pub(super) operands: Vec<Operand>,
    pub registers: usize,
    pub inputs: usize,
    pub(super) constants: Vec<IValue>,
    pub(super) rows: Vec<Arc<Op>>,
    pub(super) functions: Vec<Arc<Function>>,
    pub(super) classes: Vec<Arc<ClassType>>,
    pub(super) types: Vec<Type>,
    pub(super) type_lists: Vec<Vec<Type>>,
    pub(super) names: Vec<Arc<str>>,
    pub(super) programs: Vec<Arc<Program>>,
}

impl Program {
    pub(super) fn list(&self, operands: Operands) -> &[Operand] {
        &self.operands[operands.start as usize..(operands.start + operands.len) as usize]
    }

    pub(super) fn location(&self, at: usize) -> Option<&Location> {
        self.locations.get(*self.places.get(at)? as usize)
    }
}
