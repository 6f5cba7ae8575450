//! Graphs as text, character for character as PyTorch prints them.

use std::fmt::{self, Write};
use std::sync::Arc;

use flambeau_tensor::{Scalar, Tensor};

use super::graph::{BlockId, Graph, NodeId, ValueId};
use super::{Attr, Symbol};
use crate::types::Type;
use crate::value::{IValue, print};

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(true))
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(true))
    }
}

impl Graph {
    /// The graph as text, with `# file:line:column` after each node if `locations`.
    pub fn to_text(&self, locations: bool) -> String {
        let mut printer = Printer {
            out: String::new(),
            groups: Vec::new(),
            locations,
        };
        printer.graph(self);
        printer.out
    }

    /// One node as text, without the blocks inside it.
    pub fn node_text(&self, node: NodeId) -> String {
        let mut printer = Printer {
            out: String::new(),
            groups: Vec::new(),
            locations: false,
        };
        printer.header(self, node);
        printer.out
    }
}

struct Printer {
    out: String,
    /// Subgraphs met so far; they are printed after the graph that uses them.
    groups: Vec<(Symbol, Arc<Graph>)>,
    locations: bool,
}

impl Printer {
    fn graph(&mut self, g: &Graph) {
        self.out.push_str("graph(");
        self.values(g, g.inputs(), ",\n      ", true);
        self.out.push_str("):\n");
        for node in g.block_nodes(g.block()) {
            self.node(g, node, 1);
        }
        self.out.push_str("  return (");
        self.values(g, g.outputs(), ", ", false);
        self.out.push_str(")\n");
        let groups = std::mem::take(&mut self.groups);
        for (i, (kind, subgraph)) in groups.iter().enumerate() {
            let _ = write!(self.out, "with {kind}_{i} = ");
            // Each subgraph numbers its own groups, as PyTorch does.
            self.graph(subgraph);
        }
    }

    fn values(&mut self, g: &Graph, values: &[ValueId], separator: &str, types: bool) {
        for (i, &value) in values.iter().enumerate() {
            if i > 0 {
                self.out.push_str(separator);
            }
            let _ = write!(self.out, "%{}", g.name(value));
            if types {
                let _ = write!(self.out, " : {}", g.ty(value));
            }
        }
    }

    fn header(&mut self, g: &Graph, node: NodeId) {
        self.values(g, g.node_outputs(node), ", ", true);
        self.out.push_str(" = ");
        match g.attr(node, "Subgraph") {
            Some(Attr::Graph(subgraph)) => {
                let _ = write!(self.out, "{}_{}", g.kind(node), self.groups.len());
                self.groups.push((g.node(node).kind.clone(), subgraph.clone()));
                if g.attrs(node).len() > 1 {
                    self.attributes(g, node);
                }
            }
            _ if g.kind(node) == "prim::PythonOp" => {
                let name = g.str_attr(node, "name").unwrap_or_default();
                let _ = write!(self.out, "^{name}[]()");
            }
            _ => {
                self.out.push_str(g.kind(node));
                if !g.attrs(node).is_empty() {
                    self.attributes(g, node);
                }
            }
        }
        self.out.push('(');
        self.values(g, g.node_inputs(node), ", ", false);
        self.out.push(')');
    }

    fn node(&mut self, g: &Graph, node: NodeId, level: usize) {
        self.out.push_str(&"  ".repeat(level));
        self.header(g, node);
        if self.locations
            && let Some(range) = &g.node(node).range
        {
            let range = range.original().unwrap_or_else(|| range.clone());
            if let Some((file, line, column)) = range.file_line_col() {
                let _ = write!(self.out, " # {file}:{line}:{column}");
            }
        }
        self.out.push('\n');
        for (i, &block) in g.node_blocks(node).iter().enumerate() {
            self.block(g, block, i, level + 1);
        }
    }

    fn block(&mut self, g: &Graph, block: BlockId, number: usize, level: usize) {
        let _ = write!(self.out, "{}block{number}(", "  ".repeat(level));
        self.values(g, g.params(block), ", ", true);
        self.out.push_str("):\n");
        for node in g.block_nodes(block) {
            self.node(g, node, level + 1);
        }
        let _ = write!(self.out, "{}-> (", "  ".repeat(level + 1));
        self.values(g, g.returns(block), ", ", false);
        self.out.push_str(")\n");
    }

    fn attributes(&mut self, g: &Graph, node: NodeId) {
        self.out.push('[');
        let shown = g.attrs(node).iter().filter(|(_, a)| !matches!(a, Attr::Graph(_)));
        for (i, (name, attr)) in shown.enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            let constant = (g.kind(node) == "prim::Constant")
                .then(|| g.constant_of(node))
                .flatten();
            let text = match constant {
                // Lists and dicts say their type where the items do not.
                Some(constant @ (IValue::List(_) | IValue::Dict(_))) => value(&constant),
                _ => attribute(attr),
            };
            let _ = write!(self.out, "{name}={text}");
        }
        self.out.push(']');
    }
}

fn attribute(attr: &Attr) -> String {
    let join = |items: Vec<String>| format!("[{}]", items.join(", "));
    match attr {
        Attr::Int(i) => i.to_string(),
        Attr::Float(f) => print::float(*f),
        Attr::Complex(c) => print::complex(*c),
        Attr::Str(s) => graph_string(s),
        Attr::Tensor(t) => tensor(t),
        Attr::Ints(v) => join(v.iter().map(i64::to_string).collect()),
        Attr::Floats(v) => join(v.iter().map(|f| print::float(*f)).collect()),
        Attr::Complexes(v) => join(v.iter().map(|c| print::complex(*c)).collect()),
        Attr::Strs(v) => join(v.iter().map(|s| graph_string(s)).collect()),
        Attr::Tensors(v) => join(v.iter().map(tensor).collect()),
        Attr::Value(v) => value(v),
        Attr::Type(t) => t.to_string(),
        Attr::Types(v) => join(v.iter().map(Type::to_string).collect()),
        Attr::Graph(_) => "<Graph>".into(),
    }
}

fn value(v: &IValue) -> String {
    match v {
        IValue::Str(s) => graph_string(s),
        IValue::Double(_) => print::literal(v),
        IValue::List(list) if list.element_type().is_tensor() && !list.is_empty() => "[<Tensors>]".into(),
        IValue::List(list) if list.is_empty() || !print::is_inferable(list.element_type()) => {
            annotated(v, &print::write(v, &value, &tensor))
        }
        IValue::Dict(dict)
            if dict.is_empty()
                || !print::is_inferable(dict.key_type())
                || !print::is_inferable(dict.value_type()) =>
        {
            annotated(v, &print::write(v, &value, &tensor))
        }
        IValue::Object(_) => "object".into(),
        IValue::Enum(member) => format!("{}.{}", member.class.name, member.name),
        other => print::write(other, &value, &tensor),
    }
}

fn annotated(v: &IValue, text: &str) -> String {
    format!("annotate({}, {text})", v.ty().annotation_str())
}

/// As [`print::quoted`], but for the bytes outside ASCII: PyTorch's printer of graphs takes their octal digits from
/// signed numbers, so that they come out below `0`.
fn graph_string(text: &str) -> String {
    if text.is_ascii() {
        return print::quoted(text);
    }
    let mut out = String::from("\"");
    let mut ascii = String::new();
    for &byte in text.as_bytes() {
        if byte.is_ascii() {
            ascii.push(byte as char);
            let quoted = print::quoted(&ascii);
            out.push_str(&quoted[1..quoted.len() - 1]);
            ascii.clear();
            continue;
        }
        let byte = byte as i8;
        let digit = |d: i8| (b'0' as i8 + d % 8) as u8 as char;
        out.extend(['\\', digit(byte / 64), digit(byte / 8), digit(byte)]);
    }
    out.push('"');
    out
}

/// Up to this many elements are shown.
const SHOWN: usize = 10;

fn tensor(t: &Tensor) -> String {
    match (t.numel(), t.item()) {
        // Tensors of one element are mostly boxed numbers, so they print like them.
        (1, Ok(Scalar::Float(f))) => format!("{{{}}}", general(f)),
        (1, Ok(Scalar::Int(i))) => format!("{{{i}}}"),
        (1, Ok(Scalar::Bool(b))) => format!("{{{}}}", b as u8),
        (1, Ok(Scalar::Complex(c))) => format!("{{{}}}", print::complex(c)),
        (n, _) if n as usize <= SHOWN => match flambeau_tensor::print::format(t) {
            Ok(text) => text.replace('\n', " "),
            Err(_) => "<Tensor>".into(),
        },
        _ => "<Tensor>".into(),
    }
}

/// C++'s default formatting of a double: six significant digits.
fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return print::g17(value);
    }
    let text = format!("{value:.5e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |s: &str| {
        if s.contains('.') {
            s.trim_end_matches('0').trim_end_matches('.').to_string()
        } else {
            s.to_string()
        }
    };
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
    }
    trim(&format!("{value:.*}", (5 - exponent).max(0) as usize))
}
