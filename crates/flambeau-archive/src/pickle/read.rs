//! The pickle machine: a stack, a memo, and nodes instead of calls.

use super::{Built, Global, Node, NodeId, Pickle, Value, opcode as op};
use crate::{Error, ErrorKind, Limits, Result};
use std::collections::HashMap;

/// Module and attribute names longer than this are not names.
const NAME_BYTES: usize = 4096;

/// Reads the pickle that fills `bytes`. `allow` is asked about every global, `(module, name)`, before anything is made
/// of it.
pub fn read(bytes: &[u8], limits: &Limits, allow: &mut dyn FnMut(&str, &str) -> bool) -> Result<Pickle> {
    read_prefix(bytes, limits, allow).map(|(pickle, _)| pickle)
}

/// Reads the pickle at the start of `bytes`; also returns how many bytes it took. Old `torch.save` files hold several
/// pickles in a row.
pub fn read_prefix(
    bytes: &[u8],
    limits: &Limits,
    allow: &mut dyn FnMut(&str, &str) -> bool,
) -> Result<(Pickle, usize)> {
    if bytes.len() > limits.pickle_bytes {
        return Err(Error::limit(format!(
            "the pickle has {} bytes, more than the allowed {}",
            bytes.len(),
            limits.pickle_bytes
        )));
    }
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        nodes: Vec::new(),
        budget: limits.pickle_values.min(u32::MAX as usize),
        limits,
    };
    let root = machine.run(allow)?;
    let order = postorder(&machine.nodes, root, limits.pickle_depth)?;
    Ok((
        Pickle {
            nodes: machine.nodes,
            root,
            order,
        },
        machine.at,
    ))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    /// Stack heights at which a `MARK` stands.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    nodes: Vec<Node>,
    /// Values that may still be pushed.
    budget: usize,
    limits: &'a Limits,
}

impl Machine<'_> {
    fn run(&mut self, allow: &mut dyn FnMut(&str, &str) -> bool) -> Result<Value> {
        loop {
            let start = self.at;
            let code = self
                .byte()
                .map_err(|e| e.within(format_args!("pickle, byte {start}")))?;
            let done = self.step(code, allow).map_err(|e| {
                let name = op::name(code).unwrap_or("an unknown opcode");
                e.within(format_args!("pickle, byte {start}, {name}"))
            })?;
            if let Some(root) = done {
                return Ok(root);
            }
        }
    }

    fn step(&mut self, code: u8, allow: &mut dyn FnMut(&str, &str) -> bool) -> Result<Option<Value>> {
        match code {
            op::PROTO => {
                let version = self.byte()?;
                if version > 5 {
                    return Err(Error::corrupt(format!(
                        "protocol {version} is not a pickle protocol"
                    )));
                }
            }
            op::FRAME => {
                self.take(8)?;
            }
            op::STOP => {
                let root = self.pop()?;
                if !self.stack.is_empty() || !self.marks.is_empty() {
                    return Err(Error::corrupt("values are left on the stack"));
                }
                return Ok(Some(root));
            }
            op::MARK => {
                self.spend()?;
                self.marks.push(self.stack.len());
            }
            op::POP => {
                self.pop()?;
            }
            op::POP_MARK => {
                self.pop_mark()?;
            }
            op::DUP => {
                let top = self.peek()?;
                self.push(top)?;
            }

            op::NONE => self.push(Value::None)?,
            op::NEWTRUE => self.push(Value::Bool(true))?,
            op::NEWFALSE => self.push(Value::Bool(false))?,
            op::BININT => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))?;
            }
            op::BININT1 => {
                let value = self.byte()?;
                self.push(Value::Int(value.into()))?;
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()))?;
            }
            op::LONG1 => {
                let len = usize::from(self.byte()?);
                let bytes = self.take(len)?.to_vec();
                match long(&bytes) {
                    Some(value) => self.push(Value::Int(value))?,
                    None => self.push_node(Node::Long(bytes.into()))?,
                }
            }
            op::BINFLOAT => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(value))?;
            }

            op::SHORT_BINSTRING | op::SHORT_BINUNICODE => {
                let len = usize::from(self.byte()?);
                self.text(len)?;
            }
            op::BINSTRING | op::BINUNICODE => {
                let len = u32::from_le_bytes(self.array()?) as usize;
                self.text(len)?;
            }
            op::BINUNICODE8 => {
                let len = self.len8()?;
                self.text(len)?;
            }
            op::SHORT_BINBYTES => {
                let len = usize::from(self.byte()?);
                self.binary(len)?;
            }
            op::BINBYTES => {
                let len = u32::from_le_bytes(self.array()?) as usize;
                self.binary(len)?;
            }
            op::BINBYTES8 => {
                let len = self.len8()?;
                self.binary(len)?;
            }

            op::EMPTY_TUPLE => self.push_node(Node::Tuple(Box::default()))?,
            op::TUPLE1 => self.tuple(1)?,
            op::TUPLE2 => self.tuple(2)?,
            op::TUPLE3 => self.tuple(3)?,
            op::TUPLE => {
                let values = self.pop_mark()?;
                self.push_node(Node::Tuple(values.into()))?;
            }
            op::EMPTY_LIST => self.push_node(Node::List(Vec::new()))?,
            op::LIST => {
                let values = self.pop_mark()?;
                self.push_node(Node::List(values))?;
            }
            op::APPEND => {
                let value = self.pop()?;
                self.append(vec![value])?;
            }
            op::APPENDS => {
                let values = self.pop_mark()?;
                self.append(values)?;
            }
            op::EMPTY_DICT => self.push_node(Node::Dict(Vec::new()))?,
            op::DICT => {
                let values = self.pop_mark()?;
                let pairs = pairs(&values)?;
                self.push_node(Node::Dict(pairs))?;
            }
            op::SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(vec![(key, value)])?;
            }
            op::SETITEMS => {
                let values = self.pop_mark()?;
                self.set_items(pairs(&values)?)?;
            }
            op::EMPTY_SET => self.push_node(Node::Set(Vec::new()))?,
            op::ADDITEMS => {
                let mut values = self.pop_mark()?;
                let target = self.peek()?;
                match self.node_mut(target) {
                    Some(Node::Set(set)) => set.append(&mut values),
                    _ => return Err(Error::corrupt("expected a set to add to")),
                }
            }

            op::BINPUT => {
                let slot = self.byte()?;
                self.put(slot.into())?;
            }
            op::LONG_BINPUT => {
                let slot = u32::from_le_bytes(self.array()?);
                self.put(slot)?;
            }
            op::MEMOIZE => {
                let slot = u32::try_from(self.memo.len()).map_err(|_| Error::corrupt("the memo is full"))?;
                self.put(slot)?;
            }
            op::BINGET => {
                let slot = self.byte()?;
                self.get(slot.into())?;
            }
            op::LONG_BINGET => {
                let slot = u32::from_le_bytes(self.array()?);
                self.get(slot)?;
            }

            op::GLOBAL => {
                let module = self.line()?;
                let name = self.line()?;
                self.global(module, name, allow)?;
            }
            op::STACK_GLOBAL => {
                let name = self.pop_name()?;
                let module = self.pop_name()?;
                self.global(module, name, allow)?;
            }
            op::NEWOBJ => {
                let built = self.call()?;
                self.push_node(Node::Object(built))?;
            }
            op::REDUCE => {
                let built = self.call()?;
                self.push_node(Node::Reduce(built))?;
            }
            op::BUILD => {
                let state = self.pop()?;
                let target = self.peek()?;
                match self.node_mut(target) {
                    Some(Node::Object(built) | Node::Reduce(built)) if built.state.is_none() => {
                        built.state = Some(state);
                    }
                    Some(Node::Object(_) | Node::Reduce(_)) => {
                        return Err(Error::corrupt("the object has a state already"));
                    }
                    _ => return Err(Error::corrupt("expected an object to give a state to")),
                }
            }
            op::BINPERSID => {
                let id = self.pop()?;
                self.push_node(Node::Persistent(id))?;
            }
            other => {
                return Err(Error::corrupt(format!(
                    "opcode 0x{other:02x} is not one that PyTorch writes into an archive"
                )));
            }
        }
        Ok(None)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn take(&mut self, len: usize) -> Result<&[u8]> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..len) else {
            return Err(Error::corrupt(format!(
                "the pickle ends early: {len} bytes expected, {} left",
                rest.len()
            )));
        };
        self.at += len;
        Ok(taken)
    }

    fn len8(&mut self) -> Result<usize> {
        let len = u64::from_le_bytes(self.array()?);
        usize::try_from(len).map_err(|_| Error::corrupt(format!("a length of {len} bytes is not possible")))
    }

    fn text(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?;
        let node = match std::str::from_utf8(bytes) {
            Ok(text) => Node::Str(text.into()),
            Err(_) => Node::Bytes(bytes.into()),
        };
        self.push_node(node)
    }

    fn binary(&mut self, len: usize) -> Result<()> {
        let bytes = self.take(len)?.into();
        self.push_node(Node::Bytes(bytes))
    }

    fn line(&mut self) -> Result<Box<str>> {
        let rest = &self.bytes[self.at..];
        let rest = &rest[..rest.len().min(NAME_BYTES + 1)];
        let len = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or_else(|| Error::corrupt("the name of a global has no end"))?;
        let text = std::str::from_utf8(&rest[..len])
            .map_err(|_| Error::corrupt("the name of a global is not UTF-8"))?;
        self.at += len + 1;
        Ok(text.into())
    }

    fn pop_name(&mut self) -> Result<Box<str>> {
        let value = self.pop()?;
        match self.node_mut(value) {
            Some(Node::Str(name)) if name.len() <= NAME_BYTES => Ok(name.clone()),
            _ => Err(Error::corrupt("the name of a global is not a string")),
        }
    }

    fn global(
        &mut self,
        module: Box<str>,
        name: Box<str>,
        allow: &mut dyn FnMut(&str, &str) -> bool,
    ) -> Result<()> {
        let global = Global { module, name };
        if !allow(&global.module, &global.name) {
            return Err(Error::new(
                ErrorKind::Forbidden,
                format!(
                    "the global `{}` is not part of TorchScript and will not be used",
                    global.to_string().escape_debug()
                ),
            ));
        }
        self.push_node(Node::Global(Box::new(global)))
    }

    fn spend(&mut self) -> Result<()> {
        self.budget = self.budget.checked_sub(1).ok_or_else(|| {
            Error::limit(format!(
                "the pickle makes more than the allowed {} values",
                self.limits.pickle_values
            ))
        })?;
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result<()> {
        self.spend()?;
        self.stack.push(value);
        Ok(())
    }

    fn push_node(&mut self, node: Node) -> Result<()> {
        // The budget is at most `u32::MAX`, and every node takes one.
        let id = NodeId(self.nodes.len() as u32);
        self.push(Value::Node(id))?;
        self.nodes.push(node);
        Ok(())
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value> {
        if self.stack.len() <= self.floor() {
            return Err(Error::corrupt("a value is missing on the stack"));
        }
        self.stack
            .pop()
            .ok_or_else(|| Error::corrupt("a value is missing on the stack"))
    }

    fn peek(&self) -> Result<Value> {
        match self.stack.last() {
            Some(&value) if self.stack.len() > self.floor() => Ok(value),
            _ => Err(Error::corrupt("a value is missing on the stack")),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self
            .marks
            .pop()
            .ok_or_else(|| Error::corrupt("a mark is missing on the stack"))?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, len: usize) -> Result<()> {
        if self.stack.len() < self.floor() + len {
            return Err(Error::corrupt("a value is missing on the stack"));
        }
        let values = self.stack.split_off(self.stack.len() - len);
        self.push_node(Node::Tuple(values.into()))
    }

    fn node_mut(&mut self, value: Value) -> Option<&mut Node> {
        if let Value::Node(id) = value {
            self.nodes.get_mut(id.index())
        } else {
            None
        }
    }

    fn append(&mut self, mut values: Vec<Value>) -> Result<()> {
        let target = self.peek()?;
        match self.node_mut(target) {
            Some(Node::List(list)) => list.append(&mut values),
            Some(Node::Object(built) | Node::Reduce(built)) => built.elements.append(&mut values),
            _ => return Err(Error::corrupt("expected a list to append to")),
        }
        Ok(())
    }

    fn set_items(&mut self, mut pairs: Vec<(Value, Value)>) -> Result<()> {
        let target = self.peek()?;
        match self.node_mut(target) {
            Some(Node::Dict(dict)) => dict.append(&mut pairs),
            Some(Node::Object(built) | Node::Reduce(built)) => built.items.append(&mut pairs),
            _ => return Err(Error::corrupt("expected a dict to set items of")),
        }
        Ok(())
    }

    fn call(&mut self) -> Result<Box<Built>> {
        let args = self.pop()?;
        let callable = self.pop()?;
        match callable {
            Value::Node(id) if matches!(self.nodes[id.index()], Node::Global(_)) => {
                let (items, elements) = (Vec::new(), Vec::new());
                Ok(Box::new(Built {
                    callable: id,
                    args,
                    state: None,
                    items,
                    elements,
                }))
            }
            _ => Err(Error::corrupt("only a global can be called")),
        }
    }

    fn put(&mut self, slot: u32) -> Result<()> {
        let value = self.peek()?;
        self.spend()?;
        self.memo.insert(slot, value);
        Ok(())
    }

    fn get(&mut self, slot: u32) -> Result<()> {
        let value = *self
            .memo
            .get(&slot)
            .ok_or_else(|| Error::corrupt(format!("memo slot {slot} is empty")))?;
        self.push(value)
    }
}

fn pairs(values: &[Value]) -> Result<Vec<(Value, Value)>> {
    let (pairs, rest) = values.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::corrupt("a key without a value"));
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

/// A little-endian two's complement integer that fits in 64 bits.
fn long(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|&b| b & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let mut wide = [fill; 8];
    let (low, high) = bytes.split_at(bytes.len().min(8));
    wide[..low.len()].copy_from_slice(low);
    let value = i64::from_le_bytes(wide);
    (high.iter().all(|&b| b == fill) && (value < 0) == negative).then_some(value)
}

/// The `index`-th value that a node refers to; `None` after the last.
pub(super) fn child(node: &Node, index: usize) -> Option<Value> {
    let pair = |pairs: &[(Value, Value)], index: usize| {
        let &(key, value) = pairs.get(index / 2)?;
        Some(if index.is_multiple_of(2) { key } else { value })
    };
    match node {
        Node::Str(_) | Node::Bytes(_) | Node::Long(_) | Node::Global(_) => None,
        Node::List(values) | Node::Set(values) => values.get(index).copied(),
        Node::Tuple(values) => values.get(index).copied(),
        Node::Dict(pairs) => pair(pairs, index),
        Node::Persistent(value) => (index == 0).then_some(*value),
        Node::Object(built) | Node::Reduce(built) => match index {
            0 => Some(Value::Node(built.callable)),
            1 => Some(built.args),
            2 => Some(built.state.unwrap_or(Value::None)),
            _ => {
                let index = index - 3;
                let items = built.items.len() * 2;
                if index < items {
                    pair(&built.items, index)
                } else {
                    built.elements.get(index - items).copied()
                }
            }
        },
    }
}

/// Children before parents; refuses cycles and too much depth.
fn postorder(nodes: &[Node], root: Value, most: usize) -> Result<Vec<NodeId>> {
    const NEW: u32 = 0;
    const OPEN: u32 = u32::MAX;
    let Value::Node(root) = root else {
        return Ok(Vec::new());
    };
    // 0 for an unseen node, MAX for one whose children are being visited, else its height.
    let mut height = vec![NEW; nodes.len()];
    let mut order = Vec::new();
    let mut path = vec![(root, 0usize, 0u32)];
    height[root.index()] = OPEN;
    while let Some((id, next, tallest)) = path.last_mut() {
        let Some(value) = child(&nodes[id.index()], *next) else {
            let (id, own) = (*id, *tallest + 1);
            if own as usize > most {
                return Err(too_deep(most));
            }
            height[id.index()] = own;
            order.push(id);
            path.pop();
            if let Some((_, _, tallest)) = path.last_mut() {
                *tallest = own.max(*tallest);
            }
            continue;
        };
        *next += 1;
        let Value::Node(child) = value else { continue };
        match height[child.index()] {
            NEW => {
                if path.len() >= most {
                    return Err(too_deep(most));
                }
                height[child.index()] = OPEN;
                path.push((child, 0, 0));
            }
            OPEN => {
                return Err(Error::corrupt(
                    "the pickle holds a container that contains itself",
                ));
            }
            known => *tallest = known.max(*tallest),
        }
    }
    Ok(order)
}

fn too_deep(most: usize) -> Error {
    Error::limit(format!(
        "the pickle nests containers deeper than the allowed {most}"
    ))
}
