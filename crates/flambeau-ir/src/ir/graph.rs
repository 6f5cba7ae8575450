//! The graph itself: an arena of nodes, values and blocks with their edges, and the edits that
//! keep the edges consistent. Nodes of a block form a doubly linked list, so that passes insert
//! and remove in constant time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Attr, Symbol};
use crate::function::Function;
use crate::ops::Op;
use crate::source::SourceRange;
use crate::types::Type;
use crate::value::IValue;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(super) u32);
        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}
id!(NodeId);
id!(ValueId);
id!(BlockId);

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Def {
    Node(NodeId),
    /// A parameter of a block (the graph's inputs are those of its top block).
    Param(BlockId),
}

/// Who uses a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    Node(NodeId),
    /// The block returns it.
    Return(BlockId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Use {
    pub user: User,
    pub index: usize,
}

#[derive(Clone)]
pub struct Value {
    /// Its number in the order of creation, which is its name unless it has one.
    pub unique: u32,
    pub(super) name: Option<Arc<str>>,
    pub ty: Type,
    pub def: Def,
    pub(super) uses: Vec<Use>,
}

/// The calls through which an inlined node came here, innermost first.
#[derive(Clone)]
pub struct InlinedCall {
    /// The function that the node was written in.
    pub function: Arc<str>,
    /// Where that function was called.
    pub range: Option<SourceRange>,
    pub caller: Option<Arc<InlinedCall>>,
}

#[derive(Clone)]
pub struct Node {
    pub kind: Symbol,
    pub(super) inputs: SmallVec<[ValueId; 4]>,
    pub(super) outputs: SmallVec<[ValueId; 1]>,
    pub(super) blocks: SmallVec<[BlockId; 2]>,
    pub(super) attrs: Vec<(Arc<str>, Attr)>,
    /// The block that the node stands in; `None` before it is placed or after it is taken out.
    pub(super) owner: Option<BlockId>,
    pub(super) prev: Option<NodeId>,
    pub(super) next: Option<NodeId>,
    pub range: Option<SourceRange>,
    pub inlined: Option<Arc<InlinedCall>>,
    /// The operator row that schema matching chose.
    pub op: Option<Arc<Op>>,
    /// The function that a `prim::CallFunction`'s callee constant, or a static call, refers to.
    pub function: Option<Arc<Function>>,
    pub(super) destroyed: bool,
}

#[derive(Clone, Default)]
pub struct Block {
    pub(super) params: Vec<ValueId>,
    pub(super) returns: Vec<ValueId>,
    pub(super) first: Option<NodeId>,
    pub(super) last: Option<NodeId>,
    /// The node whose block this is; `None` for the graph's top block.
    pub owner: Option<NodeId>,
}

/// Where new nodes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InsertPoint {
    End(BlockId),
    Before(NodeId),
}

/// A clone keeps all numbers; [`Graph::copy`] gives new ones.
#[derive(Clone)]
pub struct Graph {
    pub(super) values: Vec<Value>,
    pub(super) nodes: Vec<Node>,
    pub(super) blocks: Vec<Block>,
    pub(super) names: HashMap<Arc<str>, ValueId>,
    pub(super) suffixes: HashMap<String, usize>,
    pub(super) next_unique: u32,
    insert_point: InsertPoint,
    /// The location given to nodes as they are created.
    pub current_range: Option<SourceRange>,
}

impl Default for Graph {
    fn default() -> Self {
        Graph::new()
    }
}

impl Graph {
    pub fn new() -> Graph {
        Graph {
            values: Vec::new(),
            nodes: Vec::new(),
            blocks: vec![Block::default()],
            names: HashMap::new(),
            suffixes: HashMap::new(),
            next_unique: 0,
            insert_point: InsertPoint::End(BlockId(0)),
            current_range: None,
        }
    }

    /// The top block.
    pub fn block(&self) -> BlockId {
        BlockId(0)
    }
    pub fn inputs(&self) -> &[ValueId] {
        &self.blocks[0].params
    }
    pub fn outputs(&self) -> &[ValueId] {
        &self.blocks[0].returns
    }
    pub fn add_input(&mut self, name: &str, ty: Type) -> ValueId {
        let value = self.add_block_param(self.block(), ty);
        if !name.is_empty() {
            self.set_name(value, name);
        }
        value
    }

    // ---- reading -------------------------------------------------------------------------------

    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.index()]
    }
    pub fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.index()]
    }
    pub fn value(&self, value: ValueId) -> &Value {
        &self.values[value.index()]
    }
    pub fn ty(&self, value: ValueId) -> &Type {
        &self.values[value.index()].ty
    }
    pub fn set_type(&mut self, value: ValueId, ty: Type) {
        self.values[value.index()].ty = ty;
    }
    pub fn kind(&self, node: NodeId) -> &str {
        &self.nodes[node.index()].kind
    }
    pub fn node_inputs(&self, node: NodeId) -> &[ValueId] {
        &self.nodes[node.index()].inputs
    }
    pub fn node_outputs(&self, node: NodeId) -> &[ValueId] {
        &self.nodes[node.index()].outputs
    }
    pub fn node_blocks(&self, node: NodeId) -> &[BlockId] {
        &self.nodes[node.index()].blocks
    }
    /// The only output of a node that has one.
    pub fn output(&self, node: NodeId) -> ValueId {
        debug_assert_eq!(self.nodes[node.index()].outputs.len(), 1, "{}", self.kind(node));
        self.nodes[node.index()].outputs[0]
    }
    pub fn params(&self, block: BlockId) -> &[ValueId] {
        &self.blocks[block.index()].params
    }
    pub fn returns(&self, block: BlockId) -> &[ValueId] {
        &self.blocks[block.index()].returns
    }
    /// The node whose block this is.
    pub fn block_owner(&self, block: BlockId) -> Option<NodeId> {
        self.blocks[block.index()].owner
    }
    /// The block that the node stands in.
    pub fn owning_block(&self, node: NodeId) -> Option<BlockId> {
        self.nodes[node.index()].owner
    }
    pub fn defining_node(&self, value: ValueId) -> Option<NodeId> {
        match self.values[value.index()].def {
            Def::Node(node) => Some(node),
            Def::Param(_) => None,
        }
    }
    /// The block in whose scope the value is defined.
    pub fn defining_block(&self, value: ValueId) -> Option<BlockId> {
        match self.values[value.index()].def {
            Def::Node(node) => self.owning_block(node),
            Def::Param(block) => Some(block),
        }
    }
    pub fn uses(&self, value: ValueId) -> &[Use] {
        &self.values[value.index()].uses
    }
    pub fn has_uses(&self, value: ValueId) -> bool {
        !self.values[value.index()].uses.is_empty()
    }
    pub fn first_node(&self, block: BlockId) -> Option<NodeId> {
        self.blocks[block.index()].first
    }
    pub fn last_node(&self, block: BlockId) -> Option<NodeId> {
        self.blocks[block.index()].last
    }
    pub fn next_node(&self, node: NodeId) -> Option<NodeId> {
        self.nodes[node.index()].next
    }
    pub fn prev_node(&self, node: NodeId) -> Option<NodeId> {
        self.nodes[node.index()].prev
    }
    /// The nodes of a block in order, not of the blocks inside it. A snapshot, so that a pass may
    /// edit while it walks; it should skip nodes that [`Graph::is_destroyed`].
    pub fn block_nodes(&self, block: BlockId) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        let mut at = self.first_node(block);
        while let Some(node) = at {
            nodes.push(node);
            at = self.next_node(node);
        }
        nodes
    }
    /// All nodes in program order, those of nested blocks after the node that holds them.
    pub fn all_nodes(&self) -> Vec<NodeId> {
        let mut nodes = Vec::new();
        let mut pending = vec![self.first_node(self.block())];
        while let Some(at) = pending.pop() {
            let Some(node) = at else { continue };
            nodes.push(node);
            pending.push(self.next_node(node));
            for &block in self.node_blocks(node).iter().rev() {
                pending.push(self.first_node(block));
            }
        }
        nodes
    }
    pub fn is_destroyed(&self, node: NodeId) -> bool {
        self.nodes[node.index()].destroyed
    }
    pub fn value_capacity(&self) -> usize {
        self.values.len()
    }

    // ---- creating ------------------------------------------------------------------------------

    /// A node that stands nowhere yet, with `outputs` values of type Tensor.
    pub fn create(&mut self, kind: impl Into<Symbol>, inputs: &[ValueId], outputs: usize) -> NodeId {
        let node = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node {
            kind: kind.into(),
            inputs: SmallVec::new(),
            outputs: SmallVec::new(),
            blocks: SmallVec::new(),
            attrs: Vec::new(),
            owner: None,
            prev: None,
            next: None,
            range: self.current_range.clone(),
            inlined: None,
            op: None,
            function: None,
            destroyed: false,
        });
        for &input in inputs {
            self.add_node_input(node, input);
        }
        for _ in 0..outputs {
            self.add_output(node, Type::TENSOR);
        }
        node
    }
    /// Creates a node at the insertion point.
    pub fn insert(&mut self, kind: impl Into<Symbol>, inputs: &[ValueId], outputs: usize) -> NodeId {
        let node = self.create(kind, inputs, outputs);
        self.insert_node(node);
        node
    }
    pub fn insert_node(&mut self, node: NodeId) {
        match self.insert_point {
            InsertPoint::End(block) => self.append(block, node),
            InsertPoint::Before(at) => self.insert_before(node, at),
        }
    }
    fn new_value(&mut self, ty: Type, def: Def) -> ValueId {
        let value = ValueId(self.values.len() as u32);
        self.values.push(Value {
            unique: self.next_unique,
            name: None,
            ty,
            def,
            uses: Vec::new(),
        });
        self.next_unique += 1;
        value
    }
    pub fn add_output(&mut self, node: NodeId, ty: Type) -> ValueId {
        let value = self.new_value(ty, Def::Node(node));
        self.nodes[node.index()].outputs.push(value);
        value
    }
    pub fn add_block(&mut self, node: NodeId) -> BlockId {
        let block = BlockId(self.blocks.len() as u32);
        self.blocks.push(Block {
            owner: Some(node),
            ..Block::default()
        });
        self.nodes[node.index()].blocks.push(block);
        block
    }
    pub fn add_block_param(&mut self, block: BlockId, ty: Type) -> ValueId {
        let at = self.blocks[block.index()].params.len();
        self.insert_block_param(block, at, ty)
    }
    pub fn insert_block_param(&mut self, block: BlockId, at: usize, ty: Type) -> ValueId {
        let value = self.new_value(ty, Def::Param(block));
        self.blocks[block.index()].params.insert(at, value);
        value
    }

    // ---- insertion point -----------------------------------------------------------------------

    pub fn set_insert_end(&mut self, block: BlockId) {
        self.insert_point = InsertPoint::End(block);
    }
    pub fn set_insert_before(&mut self, node: NodeId) {
        self.insert_point = InsertPoint::Before(node);
    }
    /// To come back to with [`Graph::restore_insert_point`].
    pub fn insert_point(&self) -> InsertPoint {
        self.insert_point
    }
    pub fn restore_insert_point(&mut self, point: InsertPoint) {
        self.insert_point = point;
    }
    pub fn insert_block(&self) -> BlockId {
        match self.insert_point {
            InsertPoint::End(block) => block,
            InsertPoint::Before(node) => self.owning_block(node).unwrap_or(BlockId(0)),
        }
    }
    /// Runs `f` with the insertion point at the end of `block`, then restores it.
    pub fn within<R>(&mut self, block: BlockId, f: impl FnOnce(&mut Graph) -> R) -> R {
        let saved = std::mem::replace(&mut self.insert_point, InsertPoint::End(block));
        let result = f(self);
        self.insert_point = saved;
        result
    }
    /// Runs `f` with the insertion point before `node`, then restores it.
    pub fn before<R>(&mut self, node: NodeId, f: impl FnOnce(&mut Graph) -> R) -> R {
        let saved = std::mem::replace(&mut self.insert_point, InsertPoint::Before(node));
        let result = f(self);
        self.insert_point = saved;
        result
    }

    // ---- placing -------------------------------------------------------------------------------

    pub fn append(&mut self, block: BlockId, node: NodeId) {
        debug_assert!(
            self.nodes[node.index()].owner.is_none(),
            "the node stands somewhere already"
        );
        let last = self.blocks[block.index()].last.replace(node);
        match last {
            Some(last) => self.nodes[last.index()].next = Some(node),
            None => self.blocks[block.index()].first = Some(node),
        }
        let data = &mut self.nodes[node.index()];
        (data.owner, data.prev, data.next) = (Some(block), last, None);
    }
    pub fn prepend(&mut self, block: BlockId, node: NodeId) {
        match self.first_node(block) {
            Some(first) => self.insert_before(node, first),
            None => self.append(block, node),
        }
    }
    pub fn insert_before(&mut self, node: NodeId, at: NodeId) {
        debug_assert!(
            self.nodes[node.index()].owner.is_none(),
            "the node stands somewhere already"
        );
        let block = self.nodes[at.index()]
            .owner
            .expect("the anchor stands in a block");
        let prev = self.nodes[at.index()].prev.replace(node);
        match prev {
            Some(prev) => self.nodes[prev.index()].next = Some(node),
            None => self.blocks[block.index()].first = Some(node),
        }
        let data = &mut self.nodes[node.index()];
        (data.owner, data.prev, data.next) = (Some(block), prev, Some(at));
    }
    pub fn insert_after(&mut self, node: NodeId, at: NodeId) {
        match self.nodes[at.index()].next {
            Some(next) => self.insert_before(node, next),
            None => self.append(
                self.nodes[at.index()]
                    .owner
                    .expect("the anchor stands in a block"),
                node,
            ),
        }
    }
    /// Takes the node out of its block without touching its edges.
    pub fn detach(&mut self, node: NodeId) {
        let Some(block) = self.nodes[node.index()].owner.take() else {
            return;
        };
        let (prev, next) = (
            self.nodes[node.index()].prev.take(),
            self.nodes[node.index()].next.take(),
        );
        match prev {
            Some(prev) => self.nodes[prev.index()].next = next,
            None => self.blocks[block.index()].first = next,
        }
        match next {
            Some(next) => self.nodes[next.index()].prev = prev,
            None => self.blocks[block.index()].last = prev,
        }
        if self.insert_point == InsertPoint::Before(node) {
            self.insert_point = next.map_or(InsertPoint::End(block), InsertPoint::Before);
        }
    }
    pub fn move_before(&mut self, node: NodeId, at: NodeId) {
        self.detach(node);
        self.insert_before(node, at);
    }
    pub fn move_to_end(&mut self, node: NodeId, block: BlockId) {
        self.detach(node);
        self.append(block, node);
    }

    /// Removes a node whose outputs are unused, with its blocks.
    pub fn destroy(&mut self, node: NodeId) {
        debug_assert!(
            self.node_outputs(node).iter().all(|&o| !self.has_uses(o)),
            "destroying `{}` whose outputs are used",
            self.kind(node)
        );
        for block in self.nodes[node.index()].blocks.clone() {
            self.destroy_block_contents(block);
        }
        self.nodes[node.index()].blocks.clear();
        self.clear_inputs(node);
        self.detach(node);
        for output in self.nodes[node.index()].outputs.clone() {
            self.forget_name(output);
        }
        let data = &mut self.nodes[node.index()];
        data.destroyed = true;
        data.attrs.clear();
    }
    fn destroy_block_contents(&mut self, block: BlockId) {
        self.clear_returns(block);
        let mut at = self.last_node(block);
        while let Some(node) = at {
            let prev = self.prev_node(node);
            // Later nodes are gone already, so nothing uses the outputs any more.
            self.destroy(node);
            at = prev;
        }
        for param in self.blocks[block.index()].params.clone() {
            self.forget_name(param);
        }
    }
    /// Removes block number `index` of a node.
    pub fn erase_block(&mut self, node: NodeId, index: usize) {
        let block = self.nodes[node.index()].blocks.remove(index);
        self.destroy_block_contents(block);
    }

    // ---- edges ---------------------------------------------------------------------------------

    fn drop_use(&mut self, value: ValueId, user: User, index: usize) {
        let uses = &mut self.values[value.index()].uses;
        if let Some(at) = uses.iter().position(|u| u.user == user && u.index == index) {
            uses.remove(at);
        }
    }
    /// Renumbers the uses that `user` makes from position `from` on by `by`.
    fn shift_uses(&mut self, user: User, from: usize, by: isize) {
        let values: Vec<ValueId> = match user {
            User::Node(node) => self.nodes[node.index()].inputs.to_vec(),
            User::Return(block) => self.blocks[block.index()].returns.clone(),
        };
        let mut seen: Vec<ValueId> = Vec::new();
        for value in values {
            if seen.contains(&value) {
                continue;
            }
            seen.push(value);
            for u in &mut self.values[value.index()].uses {
                if u.user == user && u.index >= from {
                    u.index = u.index.wrapping_add_signed(by);
                }
            }
        }
    }
    pub fn add_node_input(&mut self, node: NodeId, value: ValueId) {
        let index = self.nodes[node.index()].inputs.len();
        self.nodes[node.index()].inputs.push(value);
        self.values[value.index()].uses.push(Use {
            user: User::Node(node),
            index,
        });
    }
    pub fn insert_node_input(&mut self, node: NodeId, at: usize, value: ValueId) {
        self.shift_uses(User::Node(node), at, 1);
        self.nodes[node.index()].inputs.insert(at, value);
        self.values[value.index()].uses.push(Use {
            user: User::Node(node),
            index: at,
        });
    }
    pub fn replace_input(&mut self, node: NodeId, index: usize, value: ValueId) -> ValueId {
        let old = std::mem::replace(&mut self.nodes[node.index()].inputs[index], value);
        self.drop_use(old, User::Node(node), index);
        self.values[value.index()].uses.push(Use {
            user: User::Node(node),
            index,
        });
        old
    }
    pub fn remove_input(&mut self, node: NodeId, index: usize) {
        let value = self.nodes[node.index()].inputs[index];
        self.drop_use(value, User::Node(node), index);
        self.nodes[node.index()].inputs.remove(index);
        // `value` may still be an input elsewhere, so the shift comes after the removal.
        self.shift_uses(User::Node(node), index + 1, -1);
    }
    pub fn clear_inputs(&mut self, node: NodeId) {
        for (index, value) in std::mem::take(&mut self.nodes[node.index()].inputs)
            .into_iter()
            .enumerate()
        {
            self.drop_use(value, User::Node(node), index);
        }
    }
    pub fn erase_output(&mut self, node: NodeId, index: usize) {
        let value = self.nodes[node.index()].outputs.remove(index);
        debug_assert!(!self.has_uses(value));
        self.forget_name(value);
    }
    /// Output number `i` becomes what was number `order[i]`.
    pub fn permute_outputs(&mut self, node: NodeId, order: &[usize]) {
        let old = self.nodes[node.index()].outputs.clone();
        self.nodes[node.index()].outputs = order.iter().map(|o| old[*o]).collect();
    }
    /// Parameter number `from + i` becomes what was number `from + order[i]`.
    pub fn permute_params(&mut self, block: BlockId, from: usize, order: &[usize]) {
        let old = self.blocks[block.index()].params.clone();
        for (i, o) in order.iter().enumerate() {
            self.blocks[block.index()].params[from + i] = old[from + o];
        }
    }
    pub fn erase_block_param(&mut self, block: BlockId, index: usize) {
        let value = self.blocks[block.index()].params.remove(index);
        debug_assert!(!self.has_uses(value));
        self.forget_name(value);
    }
    /// Adds a value to what the block returns.
    pub fn add_return(&mut self, block: BlockId, value: ValueId) {
        let index = self.blocks[block.index()].returns.len();
        self.insert_return(block, index, value);
    }
    pub fn insert_return(&mut self, block: BlockId, at: usize, value: ValueId) {
        self.shift_uses(User::Return(block), at, 1);
        self.blocks[block.index()].returns.insert(at, value);
        self.values[value.index()].uses.push(Use {
            user: User::Return(block),
            index: at,
        });
    }
    pub fn replace_return(&mut self, block: BlockId, index: usize, value: ValueId) -> ValueId {
        let old = std::mem::replace(&mut self.blocks[block.index()].returns[index], value);
        self.drop_use(old, User::Return(block), index);
        self.values[value.index()].uses.push(Use {
            user: User::Return(block),
            index,
        });
        old
    }
    pub fn erase_return(&mut self, block: BlockId, index: usize) {
        let value = self.blocks[block.index()].returns[index];
        self.drop_use(value, User::Return(block), index);
        self.blocks[block.index()].returns.remove(index);
        self.shift_uses(User::Return(block), index + 1, -1);
    }
    pub fn clear_returns(&mut self, block: BlockId) {
        for (index, value) in std::mem::take(&mut self.blocks[block.index()].returns)
            .into_iter()
            .enumerate()
        {
            self.drop_use(value, User::Return(block), index);
        }
    }
    /// Makes every user of `from` use `to`.
    pub fn replace_all_uses(&mut self, from: ValueId, to: ValueId) {
        if from == to {
            return;
        }
        let uses = std::mem::take(&mut self.values[from.index()].uses);
        for u in &uses {
            match u.user {
                User::Node(node) => self.nodes[node.index()].inputs[u.index] = to,
                User::Return(block) => self.blocks[block.index()].returns[u.index] = to,
            }
        }
        self.values[to.index()].uses.extend(uses);
    }

    // ---- attributes ----------------------------------------------------------------------------

    pub fn attr(&self, node: NodeId, name: &str) -> Option<&Attr> {
        self.nodes[node.index()]
            .attrs
            .iter()
            .find(|(n, _)| &**n == name)
            .map(|(_, a)| a)
    }
    pub fn attrs(&self, node: NodeId) -> &[(Arc<str>, Attr)] {
        &self.nodes[node.index()].attrs
    }
    pub fn set_attr(&mut self, node: NodeId, name: &str, attr: Attr) {
        let attrs = &mut self.nodes[node.index()].attrs;
        match attrs.iter_mut().find(|(n, _)| &**n == name) {
            Some((_, have)) => *have = attr,
            None => attrs.push((name.into(), attr)),
        }
    }
    /// The string attribute `name`, as calls and attribute accesses have it.
    pub fn str_attr(&self, node: NodeId, name: &str) -> Option<&str> {
        match self.attr(node, name)? {
            Attr::Str(s) => Some(s),
            _ => None,
        }
    }

    // ---- constants -----------------------------------------------------------------------------

    /// Creates a `prim::Constant` for any value, without placing it.
    pub fn create_constant(&mut self, value: IValue) -> NodeId {
        let node = self.create("prim::Constant", &[], 1);
        self.set_constant(node, value);
        node
    }
    /// Places a constant at the insertion point.
    pub fn insert_constant(&mut self, value: IValue) -> ValueId {
        let node = self.create_constant(value);
        self.insert_node(node);
        self.output(node)
    }
    fn set_constant(&mut self, node: NodeId, value: IValue) {
        let ty = value.ty();
        let attr = match &value {
            IValue::None | IValue::Uninitialized => None,
            IValue::Bool(b) => Some(Attr::Int(*b as i64)),
            IValue::Int(i) => Some(Attr::Int(*i)),
            IValue::Double(f) => Some(Attr::Float(*f)),
            IValue::Complex(c) => Some(Attr::Complex(*c)),
            IValue::Str(s) => Some(Attr::Str(s.clone())),
            IValue::Device(d) => Some(Attr::Str(d.to_string().into())),
            IValue::Tensor(t) => Some(Attr::Tensor(t.clone())),
            IValue::Function(f) => {
                self.nodes[node.index()].function = Some(f.clone());
                self.set_attr(node, "name", Attr::Str(f.short_name().into()));
                let output = self.output(node);
                self.set_type(output, ty);
                return;
            }
            _ => Some(Attr::Value(value.clone())),
        };
        if let Some(attr) = attr {
            self.set_attr(node, "value", attr);
        }
        let output = self.output(node);
        self.set_type(output, ty);
    }
    /// The value of a `prim::Constant`, or `None` when `value` is not one.
    pub fn constant(&self, value: ValueId) -> Option<IValue> {
        let node = self.defining_node(value)?;
        (self.kind(node) == "prim::Constant")
            .then(|| self.constant_of(node))
            .flatten()
    }
    pub fn constant_of(&self, node: NodeId) -> Option<IValue> {
        let ty = self.ty(self.output(node));
        if let Some(function) = &self.nodes[node.index()].function {
            return Some(IValue::Function(function.clone()));
        }
        let list = |element: Type, items: Vec<IValue>| Some(IValue::list(element, items));
        Some(match (self.attr(node, "value"), ty) {
            (None, _) => IValue::None,
            (Some(Attr::Int(i)), Type::Bool) => IValue::Bool(*i != 0),
            (Some(Attr::Int(i)), _) => IValue::Int(*i),
            (Some(Attr::Float(f)), _) => IValue::Double(*f),
            (Some(Attr::Complex(c)), _) => IValue::Complex(*c),
            (Some(Attr::Str(s)), Type::Device) => IValue::Device(crate::value::Device::parse(s)?),
            (Some(Attr::Str(s)), _) => IValue::Str(s.clone()),
            (Some(Attr::Tensor(t)), _) => IValue::Tensor(t.clone()),
            (Some(Attr::Value(v)), _) => v.clone(),
            (Some(Attr::Ints(v)), Type::List(e)) if **e == Type::Bool => {
                return list(Type::Bool, v.iter().map(|i| IValue::Bool(*i != 0)).collect());
            }
            (Some(Attr::Ints(v)), _) => return list(Type::Int, v.iter().map(|i| IValue::Int(*i)).collect()),
            (Some(Attr::Floats(v)), _) => {
                return list(Type::Float, v.iter().map(|f| IValue::Double(*f)).collect());
            }
            (Some(Attr::Complexes(v)), _) => {
                return list(Type::Complex, v.iter().map(|c| IValue::Complex(*c)).collect());
            }
            (Some(Attr::Strs(v)), _) => {
                return list(Type::Str, v.iter().map(|s| IValue::Str(s.clone())).collect());
            }
            (Some(Attr::Tensors(v)), _) => return Some(IValue::tensors(v.iter().cloned())),
            (Some(Attr::Type(_) | Attr::Types(_) | Attr::Graph(_)), _) => return None,
        })
    }
    /// Whether the value is the constant None.
    pub fn must_be_none(&self, value: ValueId) -> bool {
        matches!(self.ty(value), Type::None)
            || self.defining_node(value).is_some_and(|n| {
                self.kind(n) == "prim::Constant"
                    && self.attr(n, "value").is_none()
                    && self.node(n).function.is_none()
            })
    }
}
