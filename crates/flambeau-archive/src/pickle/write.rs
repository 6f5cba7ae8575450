//! Writing pickles, opcode for opcode as PyTorch's C++ pickler orders them.

use super::{Node, NodeId, Pickle, Value, opcode as op, read::child};
use std::collections::HashMap;

/// Emits a pickle program of protocol 2.
///
/// PyTorch memoises strings and globals by value, right after the first one, and containers by identity when somebody
/// else holds them too; the memo numbers count up from 0. `Writer` does the former by itself, the latter is asked for
/// with [`memoize`](Writer::memoize) and [`get`](Writer::get).
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    strings: HashMap<Vec<u8>, u32>,
    globals: HashMap<(Box<str>, Box<str>), u32>,
    next: u32,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    pub fn new() -> Writer {
        Writer {
            out: vec![op::PROTO, 2],
            strings: HashMap::new(),
            globals: HashMap::new(),
            next: 0,
        }
    }

    /// Ends the program and returns it.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(op::STOP);
        self.out
    }

    pub fn none(&mut self) {
        self.out.push(op::NONE);
    }

    pub fn bool(&mut self, value: bool) {
        self.out.push(if value { op::NEWTRUE } else { op::NEWFALSE });
    }

    pub fn int(&mut self, value: i64) {
        if let Ok(byte) = u8::try_from(value) {
            self.out.extend([op::BININT1, byte]);
        } else if let Ok(short) = u16::try_from(value) {
            self.out.push(op::BININT2);
            self.out.extend(short.to_le_bytes());
        } else if let Ok(int) = i32::try_from(value) {
            self.out.push(op::BININT);
            self.out.extend(int.to_le_bytes());
        } else {
            self.out.extend([op::LONG1, 8]);
            self.out.extend(value.to_le_bytes());
        }
    }

    pub fn float(&mut self, value: f64) {
        self.out.push(op::BINFLOAT);
        self.out.extend(value.to_be_bytes());
    }

    /// A complex number, as PyTorch writes it: a call of `builtins.complex`.
    pub fn complex(&mut self, real: f64, imag: f64) {
        self.global("builtins", "complex");
        self.float(real);
        self.float(imag);
        self.out.extend([op::TUPLE2, op::REDUCE]);
    }

    pub fn str(&mut self, value: &str) {
        self.text(value.as_bytes());
    }

    /// A string whose bytes need not be UTF-8, as TorchScript's strings.
    pub fn text(&mut self, value: &[u8]) {
        if let Some(&slot) = self.strings.get(value) {
            return self.get(slot);
        }
        // Protocol 2 ends at 4 GiB; what is longer takes the opcode of protocol 4, which PyTorch does not read.
        match u32::try_from(value.len()) {
            Ok(len) => {
                self.out.push(op::BINUNICODE);
                self.out.extend(len.to_le_bytes());
            }
            Err(_) => {
                self.out.push(op::BINUNICODE8);
                self.out.extend((value.len() as u64).to_le_bytes());
            }
        }
        self.out.extend(value);
        let slot = self.memoize();
        self.strings.insert(value.into(), slot);
    }

    pub fn global(&mut self, module: &str, name: &str) {
        let key = (Box::from(module), Box::from(name));
        if let Some(&slot) = self.globals.get(&key) {
            return self.get(slot);
        }
        self.out.push(op::GLOBAL);
        for part in [module, name] {
            self.out.extend(part.as_bytes());
            self.out.push(b'\n');
        }
        let slot = self.memoize();
        self.globals.insert(key, slot);
    }

    /// Names the value just written, so that [`get`](Writer::get) can repeat it.
    pub fn memoize(&mut self) -> u32 {
        let slot = self.next;
        self.next += 1;
        self.slot(op::BINPUT, op::LONG_BINPUT, slot);
        slot
    }

    pub fn get(&mut self, slot: u32) {
        self.slot(op::BINGET, op::LONG_BINGET, slot);
    }

    fn slot(&mut self, short: u8, long: u8, slot: u32) {
        if let Ok(byte) = u8::try_from(slot) {
            self.out.extend([short, byte]);
        } else {
            self.out.push(long);
            self.out.extend(slot.to_le_bytes());
        }
    }

    /// Opens an argument list, or a tuple of any length: closed by [`end_args`](Writer::end_args).
    pub fn begin_args(&mut self) {
        self.out.push(op::MARK);
    }

    pub fn end_args(&mut self) {
        self.out.push(op::TUPLE);
    }

    /// Opens a tuple of `len` elements, in the short form of PyTorch's tuples: closed by `end_tuple(len)`.
    pub fn begin_tuple(&mut self, len: usize) {
        if len > 3 {
            self.out.push(op::MARK);
        }
    }

    pub fn end_tuple(&mut self, len: usize) {
        self.out.push(match len {
            0 => op::EMPTY_TUPLE,
            1 => op::TUPLE1,
            2 => op::TUPLE2,
            3 => op::TUPLE3,
            _ => op::TUPLE,
        });
    }

    pub fn begin_list(&mut self) {
        self.out.extend([op::EMPTY_LIST, op::MARK]);
    }

    pub fn end_list(&mut self) {
        self.out.push(op::APPENDS);
    }

    pub fn begin_dict(&mut self) {
        self.out.extend([op::EMPTY_DICT, op::MARK]);
    }

    pub fn end_dict(&mut self) {
        self.out.push(op::SETITEMS);
    }

    /// Opens an object of the class; its state follows and [`build`](Writer::build) closes it.
    pub fn begin_object(&mut self, module: &str, name: &str) {
        self.global(module, name);
        self.out.extend([op::EMPTY_TUPLE, op::NEWOBJ]);
    }

    pub fn build(&mut self) {
        self.out.push(op::BUILD);
    }

    /// Calls the global below with the argument tuple on top.
    pub fn reduce(&mut self) {
        self.out.push(op::REDUCE);
    }

    /// Turns the tuple on top into a persistent id.
    pub fn persistent(&mut self) {
        self.out.push(op::BINPERSID);
    }

    /// Opens a container whose type is recorded: the container follows, then `end_typed` with its annotation.
    pub fn begin_typed(&mut self) {
        self.global("torch.jit._pickle", "restore_type_tag");
    }

    pub fn end_typed(&mut self, annotation: &str) {
        self.str(annotation);
        self.out.extend([op::TUPLE2, op::REDUCE]);
    }

    /// Opens a list of the kinds that have their own constructor: `build_intlist`, `build_tensorlist`,
    /// `build_doublelist`, `build_boollist`.
    pub fn begin_special_list(&mut self, constructor: &str) {
        self.global("torch.jit._pickle", constructor);
        self.begin_args();
        self.begin_list();
    }

    pub fn end_special_list(&mut self) {
        self.end_list();
        self.end_args();
        self.reduce();
    }
}

/// Writes a pickle that was read, with the same sharing. What PyTorch's pickler wrote comes out equal in meaning, not in
/// bytes: it marks argument tuples of any length, and memoises objects for reasons that the pickle does not show.
pub fn write(pickle: &Pickle) -> Vec<u8> {
    let mut uses = vec![0u32; pickle.len()];
    for &id in pickle.postorder() {
        let node = &pickle.nodes[id.index()];
        for value in (0..).map_while(|i| child(node, i)) {
            if let Value::Node(id) = value {
                uses[id.index()] = uses[id.index()].saturating_add(1);
            }
        }
    }
    let mut emit = Emit {
        pickle,
        uses,
        slots: HashMap::new(),
        writer: Writer::new(),
    };
    emit.run();
    emit.writer.finish()
}

enum Step {
    Value(Value),
    Op(u8),
    Memoize(NodeId),
}

struct Emit<'a> {
    pickle: &'a Pickle,
    uses: Vec<u32>,
    slots: HashMap<NodeId, u32>,
    writer: Writer,
}

impl Emit<'_> {
    fn run(&mut self) {
        // What is left to write, last first; a stack of its own keeps a deep pickle from exhausting the thread's.
        let mut steps = vec![Step::Value(self.pickle.root)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Op(code) => self.writer.out.push(code),
                Step::Memoize(id) => {
                    let slot = self.writer.memoize();
                    self.slots.insert(id, slot);
                }
                Step::Value(value) => {
                    let from = steps.len();
                    self.value(value, &mut steps);
                    steps[from..].reverse();
                }
            }
        }
    }

    fn value(&mut self, value: Value, steps: &mut Vec<Step>) {
        let id = match value {
            Value::None => return self.writer.none(),
            Value::Bool(b) => return self.writer.bool(b),
            Value::Int(i) => return self.writer.int(i),
            Value::Float(f) => return self.writer.float(f),
            Value::Node(id) => id,
        };
        if let Some(&slot) = self.slots.get(&id) {
            return self.writer.get(slot);
        }
        let op = |steps: &mut Vec<Step>, code| steps.push(Step::Op(code));
        let all =
            |steps: &mut Vec<Step>, values: &[Value]| steps.extend(values.iter().copied().map(Step::Value));
        let pairs = |steps: &mut Vec<Step>, pairs: &[(Value, Value)]| {
            steps.extend(pairs.iter().flat_map(|&(k, v)| [Step::Value(k), Step::Value(v)]));
        };
        match &self.pickle.nodes[id.index()] {
            Node::Str(s) => return self.writer.str(s),
            Node::Global(g) => return self.writer.global(&g.module, &g.name),
            // Text that is not UTF-8 is read as bytes, so bytes that are UTF-8 must have been bytes.
            Node::Bytes(b) if std::str::from_utf8(b).is_err() => return self.writer.text(b),
            Node::Bytes(b) => {
                self.writer.out.push(op::BINBYTES8);
                self.writer.out.extend((b.len() as u64).to_le_bytes());
                self.writer.out.extend(&b[..]);
            }
            Node::Long(b) => {
                self.writer.out.extend([op::LONG1, b.len() as u8]); // read from a LONG1
                self.writer.out.extend(&b[..]);
            }
            Node::List(values) => {
                op(steps, op::EMPTY_LIST);
                op(steps, op::MARK);
                all(steps, values);
                op(steps, op::APPENDS);
            }
            Node::Set(values) => {
                op(steps, op::EMPTY_SET);
                op(steps, op::MARK);
                all(steps, values);
                op(steps, op::ADDITEMS);
            }
            Node::Tuple(values) => {
                if values.len() > 3 {
                    op(steps, op::MARK);
                }
                all(steps, values);
                op(
                    steps,
                    [op::EMPTY_TUPLE, op::TUPLE1, op::TUPLE2, op::TUPLE3, op::TUPLE][values.len().min(4)],
                );
            }
            Node::Dict(items) => {
                op(steps, op::EMPTY_DICT);
                op(steps, op::MARK);
                pairs(steps, items);
                op(steps, op::SETITEMS);
            }
            Node::Persistent(value) => {
                steps.push(Step::Value(*value));
                op(steps, op::BINPERSID);
            }
            node @ (Node::Object(built) | Node::Reduce(built)) => {
                steps.push(Step::Value(Value::Node(built.callable)));
                steps.push(Step::Value(built.args));
                op(
                    steps,
                    if matches!(node, Node::Object(_)) {
                        op::NEWOBJ
                    } else {
                        op::REDUCE
                    },
                );
                if !built.items.is_empty() {
                    op(steps, op::MARK);
                    pairs(steps, &built.items);
                    op(steps, op::SETITEMS);
                }
                if !built.elements.is_empty() {
                    op(steps, op::MARK);
                    all(steps, &built.elements);
                    op(steps, op::APPENDS);
                }
                if let Some(state) = built.state {
                    steps.push(Step::Value(state));
                    op(steps, op::BUILD);
                }
            }
        }
        if self.uses[id.index()] > 1 {
            steps.push(Step::Memoize(id));
        }
    }
}
