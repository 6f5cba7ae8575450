//! The interpreter: one loop over instructions, with its own stack of frames, so that deep calls of a program never
//! exhaust the thread's stack.

use std::sync::Arc;

use flambeau_ir::types::Type;
use flambeau_ir::value::print::display;
use flambeau_ir::value::{IValue, Object};

use super::error::{Error, ErrorKind, Result, TraceFrame};
use super::inner::{Awaitable, forked, nested, sort_objects, wait};
use super::operator::{call_row, missing, script_program};
use super::program::{Inst, Operand, Operands, Program, Register};
use super::runtime::Runtime;
use super::{method_of, program_of, scalar, structural};

/// Runs a program to its end.
pub fn run(runtime: &Arc<Runtime>, program: &Arc<Program>, args: Vec<IValue>) -> Result<IValue> {
    let mut machine = Machine {
        runtime,
        stack: Vec::with_capacity(program.registers.max(16)),
        frames: Vec::new(),
        args,
        entered: Vec::new(),
    };
    machine.run(program.clone())
}

struct Frame {
    program: Arc<Program>,
    base: usize,
    /// The instruction that runs next.
    pc: usize,
    /// Where the caller wants the result.
    dst: Register,
    /// Several results of a script go where the operator's outputs go.
    dsts: Option<Operands>,
    /// An operator's script, which call stacks do not show.
    is_script: bool,
}

struct Machine<'r> {
    runtime: &'r Arc<Runtime>,
    /// The registers of all frames.
    stack: Vec<IValue>,
    frames: Vec<Frame>,
    /// The arguments of the call at hand; kept to save allocations.
    args: Vec<IValue>,
    /// Objects of open `with` blocks and the frame depth they belong to.
    entered: Vec<(usize, IValue)>,
}

/// What ends the inner loop.
enum Flow {
    /// The arguments are in `args`.
    Call {
        program: Arc<Program>,
        dst: Register,
        dsts: Option<Operands>,
        is_script: bool,
    },
    Return(IValue),
}

#[inline(always)]
fn read<'a>(regs: &'a [IValue], program: &'a Program, operand: Operand) -> &'a IValue {
    if operand.is_constant() {
        &program.constants[operand.index()]
    } else {
        &regs[operand.index()]
    }
}

#[inline(always)]
fn take(regs: &mut [IValue], program: &Program, operand: Operand) -> IValue {
    if operand.is_constant() {
        program.constants[operand.index()].clone()
    } else if operand.is_move() {
        std::mem::take(&mut regs[operand.index()])
    } else {
        regs[operand.index()].clone()
    }
}

#[inline(always)]
fn set(regs: &mut [IValue], dst: Register, value: IValue) {
    // NOWHERE is beyond every frame.
    if let Some(slot) = regs.get_mut(dst as usize) {
        *slot = value;
    }
}

fn gather(into: &mut Vec<IValue>, regs: &mut [IValue], program: &Program, operands: Operands) {
    into.clear();
    for i in 0..operands.len {
        let operand = program.operands[(operands.start + i) as usize];
        into.push(take(regs, program, operand));
    }
}

fn scatter(regs: &mut [IValue], program: &Program, dsts: Operands, value: IValue) -> Result<()> {
    match program.list(dsts) {
        [] => {}
        [only] => set(regs, only.0, value),
        several => {
            let items = structural::tuple_items(&value)?;
            if items.len() != several.len() {
                let message = format!("expected {} results, found {}", several.len(), items.len());
                return Err(Error::runtime(message));
            }
            for (dst, item) in several.iter().zip(items) {
                set(regs, dst.0, item.clone());
            }
        }
    }
    Ok(())
}

impl Machine<'_> {
    fn run(&mut self, program: Arc<Program>) -> Result<IValue> {
        if let Err(error) = self.push(program, super::program::NOWHERE, None, false) {
            return Err(error);
        }
        loop {
            match self.inner() {
                Ok(Flow::Call {
                    program,
                    dst,
                    dsts,
                    is_script,
                }) => {
                    if let Err(error) = self.push(program, dst, dsts, is_script) {
                        return Err(self.fail(error));
                    }
                }
                Ok(Flow::Return(value)) => {
                    let Some(done) = self.frames.pop() else {
                        return Ok(value);
                    };
                    self.stack.truncate(done.base);
                    let Some(caller) = self.frames.last() else {
                        return Ok(value);
                    };
                    let regs = &mut self.stack[caller.base..];
                    match done.dsts {
                        None => set(regs, done.dst, value),
                        Some(dsts) => {
                            let program = caller.program.clone();
                            if let Err(error) = scatter(regs, &program, dsts, value) {
                                return Err(self.fail(error));
                            }
                        }
                    }
                }
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    fn push(
        &mut self,
        program: Arc<Program>,
        dst: Register,
        dsts: Option<Operands>,
        is_script: bool,
    ) -> Result<()> {
        if self.args.len() != program.inputs {
            let message = format!(
                "`{}` takes {} arguments, and {} were given",
                program.name,
                program.inputs,
                self.args.len()
            );
            return Err(Error::runtime(message));
        }
        if self.frames.len() >= self.runtime.budget.depth {
            let message = format!(
                "the program calls itself too deeply (more than {} calls are open)",
                self.frames.len()
            );
            return Err(Error::new(ErrorKind::Stopped, message));
        }
        self.runtime.tick()?;
        let base = self.stack.len();
        self.stack.append(&mut self.args);
        self.stack
            .resize(base + program.registers.max(program.inputs), IValue::None);
        self.frames.push(Frame {
            program,
            base,
            pc: 0,
            dst,
            dsts,
            is_script,
        });
        Ok(())
    }

    /// Leaves open `with` blocks, innermost first, and puts the call stack on the error.
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        let trace = self.trace();
        while let Some((_, object)) = self.entered.pop() {
            let exit = object.as_object().and_then(|o| o.class().method("__exit__"));
            if let Some(exit) = exit
                && let Ok(program) = program_of(&exit)
            {
                // As in PyTorch, an error in `__exit__` does not hide the first one.
                let _ = nested(
                    self.runtime,
                    &program,
                    vec![object, IValue::None, IValue::None, IValue::None],
                );
            }
        }
        error.called_from(trace)
    }

    fn trace(&self) -> Vec<TraceFrame> {
        let mut trace = Vec::new();
        for frame in self.frames.iter().take_while(|f| !f.is_script) {
            let mut name = frame.program.name.clone();
            let location = frame
                .program
                .location(frame.pc.saturating_sub(1))
                .cloned()
                .unwrap_or_default();
            let mut calls = Vec::new();
            let mut at = location.inlined.clone();
            while let Some(call) = at {
                at = call.caller.clone();
                calls.push(call);
            }
            for call in calls.into_iter().rev() {
                let short = call.function.rsplit('.').next().unwrap_or(&call.function).into();
                trace.push(TraceFrame {
                    function: std::mem::replace(&mut name, short),
                    range: call.range.clone(),
                });
            }
            trace.push(TraceFrame {
                function: name,
                range: location.range,
            });
        }
        trace
    }

    /// Runs the top frame until it calls, returns or fails.
    fn inner(&mut self) -> Result<Flow> {
        let Machine {
            runtime,
            stack,
            frames,
            args,
            entered,
        } = self;
        let depth = frames.len();
        let Some(frame) = frames.last_mut() else {
            return Err(Error::internal("no frame"));
        };
        let program = frame.program.clone();
        let program = &*program;
        let regs = &mut stack[frame.base..];
        let mut pc = frame.pc;
        macro_rules! attempt {
            ($e:expr) => {
                match $e {
                    Ok(value) => value,
                    Err(error) => {
                        frame.pc = pc;
                        return Err(error.into());
                    }
                }
            };
        }
        macro_rules! fail {
            ($e:expr) => {{
                frame.pc = pc;
                return Err($e);
            }};
        }
        loop {
            let Some(inst) = program.code.get(pc) else {
                fail!(Error::internal("the program has no end"))
            };
            pc += 1;
            match *inst {
                Inst::Binary { op, dst, a, b, row } => {
                    let (a, b) = (read(regs, program, a), read(regs, program, b));
                    let value = match scalar::run_binary(op, a, b) {
                        Some(value) => value,
                        None => {
                            let given = [a.clone(), b.clone()];
                            attempt!(call_row(runtime, &program.rows[row as usize], &given))
                        }
                    };
                    set(regs, dst, value);
                }
                Inst::Unary { op, dst, a, row } => {
                    let a = read(regs, program, a);
                    let value = match scalar::run_unary(op, a) {
                        Some(value) => value,
                        None => {
                            let given = [a.clone()];
                            attempt!(call_row(runtime, &program.rows[row as usize], &given))
                        }
                    };
                    set(regs, dst, value);
                }
                Inst::ListItem {
                    dst,
                    list,
                    index,
                    row,
                } => {
                    let (list, index) = (read(regs, program, list), read(regs, program, index));
                    let quick = match (list, index) {
                        (IValue::List(list), IValue::Int(at)) => {
                            let items = list.read();
                            let wrapped = if *at < 0 { *at + items.len() as i64 } else { *at };
                            usize::try_from(wrapped).ok().and_then(|i| items.get(i).cloned())
                        }
                        _ => None,
                    };
                    let value = match quick {
                        Some(value) => value,
                        None => {
                            let given = [list.clone(), index.clone()];
                            attempt!(call_row(runtime, &program.rows[row as usize], &given))
                        }
                    };
                    set(regs, dst, value);
                }
                Inst::Move { dst, src } => {
                    let value = take(regs, program, src);
                    set(regs, dst, value);
                }
                Inst::MoveAll { dsts, srcs } => {
                    gather(args, regs, program, srcs);
                    for (i, value) in args.drain(..).enumerate() {
                        set(regs, program.operands[dsts.start as usize + i].0, value);
                    }
                }
                Inst::Drop { register } => set(regs, register, IValue::None),
                Inst::Jump { target } => pc = target as usize,
                Inst::JumpUnless { condition, target } => {
                    if !attempt!(structural::truth(read(regs, program, condition))) {
                        pc = target as usize;
                    }
                }
                Inst::LoopHead {
                    trip,
                    max,
                    condition,
                    counter,
                    end,
                } => {
                    let go = attempt!(structural::truth(read(regs, program, condition)));
                    let (at, max) = (regs[trip as usize].as_int(), read(regs, program, max).as_int());
                    let (Some(at), Some(max)) = (at, max) else {
                        fail!(Error::runtime("the trip count of a loop is not an int"))
                    };
                    if go && at < max {
                        attempt!(runtime.tick());
                        set(regs, counter, IValue::Int(at));
                    } else {
                        pc = end as usize;
                    }
                }
                Inst::LoopNext { trip, head } => {
                    if let IValue::Int(at) = &mut regs[trip as usize] {
                        *at = at.saturating_add(1);
                    }
                    pc = head as usize;
                }
                Inst::Return { values } => {
                    frame.pc = pc;
                    let value = match program.list(values) {
                        [only] => take(regs, program, *only),
                        _ => {
                            let mut items = Vec::new();
                            gather(&mut items, regs, program, values);
                            IValue::tuple(items)
                        }
                    };
                    return Ok(Flow::Return(value));
                }
                Inst::Operator {
                    row,
                    args: given,
                    dsts,
                } => {
                    gather(args, regs, program, given);
                    let value = attempt!(call_row(runtime, &program.rows[row as usize], args));
                    args.clear();
                    attempt!(scatter(regs, program, dsts, value));
                }
                Inst::Scripted {
                    row,
                    args: given,
                    dsts,
                } => {
                    gather(args, regs, program, given);
                    let callee = attempt!(script_program(&program.rows[row as usize]));
                    frame.pc = pc;
                    let dst = super::program::NOWHERE;
                    return Ok(Flow::Call {
                        program: callee,
                        dst,
                        dsts: Some(dsts),
                        is_script: true,
                    });
                }
                Inst::Missing { row } => fail!(missing(&program.rows[row as usize])),
                Inst::Invalid { message } => fail!(Error::runtime(&*program.names[message as usize])),
                Inst::Call {
                    function,
                    args: given,
                    dst,
                } => {
                    gather(args, regs, program, given);
                    let callee = attempt!(program_of(&program.functions[function as usize]));
                    frame.pc = pc;
                    return Ok(Flow::Call {
                        program: callee,
                        dst,
                        dsts: None,
                        is_script: false,
                    });
                }
                Inst::CallMethod {
                    name,
                    args: given,
                    dst,
                } => {
                    gather(args, regs, program, given);
                    let name = &program.names[name as usize];
                    let callee = attempt!(method_of(args.first(), name));
                    frame.pc = pc;
                    return Ok(Flow::Call {
                        program: callee,
                        dst,
                        dsts: None,
                        is_script: false,
                    });
                }
                Inst::CallValue {
                    callee,
                    args: given,
                    dst,
                } => {
                    let callee = match read(regs, program, callee) {
                        IValue::Function(function) => attempt!(program_of(function)),
                        other => fail!(structural::expected("a function", other)),
                    };
                    gather(args, regs, program, given);
                    frame.pc = pc;
                    return Ok(Flow::Call {
                        program: callee,
                        dst,
                        dsts: None,
                        is_script: false,
                    });
                }
                Inst::Enter { object, dst } => {
                    let object = take(regs, program, object);
                    let callee = attempt!(method_of(Some(&object), "__enter__"));
                    args.clear();
                    args.push(object.clone());
                    entered.push((depth, object));
                    frame.pc = pc;
                    return Ok(Flow::Call {
                        program: callee,
                        dst,
                        dsts: None,
                        is_script: false,
                    });
                }
                Inst::Exit { object, dst } => {
                    let object = take(regs, program, object);
                    let callee = attempt!(method_of(Some(&object), "__exit__"));
                    if entered.last().is_some_and(|(at, _)| *at == depth) {
                        entered.pop();
                    }
                    args.clear();
                    args.extend([object, IValue::None, IValue::None, IValue::None]);
                    frame.pc = pc;
                    return Ok(Flow::Call {
                        program: callee,
                        dst,
                        dsts: None,
                        is_script: false,
                    });
                }
                Inst::Fork {
                    program: callee,
                    args: given,
                    dst,
                    ty,
                } => {
                    let mut inner = Vec::new();
                    gather(&mut inner, regs, program, given);
                    let element = match &program.types[ty as usize] {
                        Type::Future(element) => (**element).clone(),
                        other => other.clone(),
                    };
                    let future = forked(runtime, &program.programs[callee as usize], inner, element);
                    set(regs, dst, IValue::Future(future));
                }
                Inst::Awaitable {
                    program: callee,
                    args: given,
                    dst,
                    ..
                } => {
                    let mut inner = Vec::new();
                    gather(&mut inner, regs, program, given);
                    let callee = program.programs[callee as usize].clone();
                    let pending = Awaitable::new(callee, inner);
                    set(regs, dst, IValue::Capsule(Arc::new(pending)));
                }
                Inst::Wait { future, dst } => {
                    let future = take(regs, program, future);
                    let value = attempt!(wait(runtime, future));
                    set(regs, dst, value);
                }
                Inst::Tuple { args: given, dst, ty } => {
                    let mut items = Vec::with_capacity(given.len as usize);
                    gather(&mut items, regs, program, given);
                    set(regs, dst, structural::tuple(items, &program.types[ty as usize]));
                }
                Inst::TupleUnpack { tuple, dsts } => {
                    let tuple = take(regs, program, tuple);
                    let items = attempt!(structural::tuple_items(&tuple));
                    if items.len() != dsts.len as usize {
                        let message =
                            format!("expected a tuple of {}, found one of {}", dsts.len, items.len());
                        fail!(Error::runtime(message));
                    }
                    for (i, item) in items.iter().enumerate() {
                        let dst = program.operands[dsts.start as usize + i].0;
                        set(regs, dst, item.clone());
                    }
                }
                Inst::TupleIndex { tuple, index, dst } => {
                    let items = attempt!(structural::tuple_items(read(regs, program, tuple)));
                    let value = attempt!(structural::item(items, read(regs, program, index), "Tuple list"));
                    set(regs, dst, value);
                }
                Inst::TupleSlice {
                    tuple,
                    start,
                    end,
                    dst,
                } => {
                    let tuple = take(regs, program, tuple);
                    let items = attempt!(structural::tuple_items(&tuple));
                    let end = (end as usize).min(items.len());
                    let start = (start as usize).min(end);
                    set(regs, dst, IValue::tuple(items[start..end].to_vec()));
                }
                Inst::List { args: given, dst, ty } => {
                    let mut items = Vec::with_capacity(given.len as usize);
                    gather(&mut items, regs, program, given);
                    set(regs, dst, structural::list(items, &program.types[ty as usize]));
                }
                Inst::ListUnpack { list, dsts } => {
                    let list = take(regs, program, list);
                    let Some(items) = list.as_list().map(|l| l.to_vec()) else {
                        fail!(structural::expected("a list", &list))
                    };
                    if items.len() != dsts.len as usize {
                        let message = format!(
                            "Expected {} elements in a list but found {}",
                            dsts.len,
                            items.len()
                        );
                        fail!(Error::runtime(message));
                    }
                    for (i, item) in items.into_iter().enumerate() {
                        set(regs, program.operands[dsts.start as usize + i].0, item);
                    }
                }
                Inst::Dict { args: given, dst, ty } => {
                    let mut items = Vec::with_capacity(given.len as usize);
                    gather(&mut items, regs, program, given);
                    set(regs, dst, structural::dict(items, &program.types[ty as usize]));
                }
                Inst::CreateObject { class, dst } => {
                    let object = Object::new(program.classes[class as usize].clone());
                    set(regs, dst, IValue::Object(object));
                }
                Inst::GetSlot {
                    object,
                    slot,
                    dst,
                    name,
                } => {
                    let value = match read(regs, program, object) {
                        IValue::Object(o) => o.get_slot(slot as usize),
                        other => fail!(structural::expected("an object", other)),
                    };
                    let Some(value) = value else {
                        let name = &program.names[name as usize];
                        fail!(Error::runtime(format!("the attribute '{name}' has no value")))
                    };
                    set(regs, dst, value);
                }
                Inst::GetAttr { object, name, dst } => {
                    let name = &program.names[name as usize];
                    let value = match read(regs, program, object) {
                        IValue::Object(o) => o.get(name),
                        other => fail!(structural::expected("an object", other)),
                    };
                    let Some(value) = value else {
                        fail!(Error::runtime(format!("the attribute '{name}' has no value")))
                    };
                    set(regs, dst, value);
                }
                Inst::SetSlot { object, slot, value } => {
                    let value = take(regs, program, value);
                    match read(regs, program, object) {
                        IValue::Object(o) => o.set_slot(slot as usize, value),
                        other => fail!(structural::expected("an object", other)),
                    }
                    if object.is_move() {
                        regs[object.index()] = IValue::None;
                    }
                }
                Inst::SetAttr { object, name, value } => {
                    let value = take(regs, program, value);
                    let name = &program.names[name as usize];
                    let found = match read(regs, program, object) {
                        IValue::Object(o) => o.set(name, value),
                        other => fail!(structural::expected("an object", other)),
                    };
                    if !found {
                        fail!(Error::runtime(format!("the object has no attribute '{name}'")));
                    }
                    if object.is_move() {
                        regs[object.index()] = IValue::None;
                    }
                }
                Inst::ContainerIndex { module, index, dst } => {
                    let (module, index) = (take(regs, program, module), take(regs, program, index));
                    set(regs, dst, attempt!(structural::container_item(&module, &index)));
                }
                Inst::Print { args: given } => {
                    gather(args, regs, program, given);
                    let parts: Vec<String> = args.iter().map(display).collect();
                    args.clear();
                    (runtime.context.stdout)(&format!("{}\n", parts.join(" ")));
                }
                Inst::Raise { message, class } => {
                    let message = take(regs, program, message);
                    let class = match read(regs, program, class) {
                        IValue::Str(class) => Some(class.clone()),
                        _ => None,
                    };
                    fail!(Error::new(ErrorKind::Raised(class), display(&message)))
                }
                Inst::IsInstance { value, types, dst } => {
                    let types = &program.type_lists[types as usize];
                    let is = structural::is_instance(read(regs, program, value), types);
                    set(regs, dst, IValue::Bool(is));
                }
                Inst::UnwrapOptional { value, dst } => {
                    let value = take(regs, program, value);
                    if value.is_none() {
                        fail!(Error::runtime("Unwrapping null optional"));
                    }
                    set(regs, dst, value);
                }
                Inst::ToList {
                    tensor,
                    dim,
                    element,
                    dst,
                } => {
                    let (tensor, dim) = (take(regs, program, tensor), take(regs, program, dim));
                    let value = attempt!(structural::to_list(&tensor, &dim, read(regs, program, element)));
                    set(regs, dst, value);
                }
                Inst::EnumName { value, dst } => {
                    let value = take(regs, program, value);
                    let name = attempt!(structural::enum_value(&value)).name.clone();
                    set(regs, dst, IValue::Str(name));
                }
                Inst::EnumValue { value, dst } => {
                    let value = take(regs, program, value);
                    let inner = attempt!(structural::enum_value(&value)).value.clone();
                    set(regs, dst, inner);
                }
                Inst::SortObjects {
                    args: given,
                    dst,
                    in_place,
                } => {
                    gather(args, regs, program, given);
                    let value = attempt!(sort_objects(runtime, args, in_place));
                    args.clear();
                    set(regs, dst, value);
                }
            }
        }
    }
}
