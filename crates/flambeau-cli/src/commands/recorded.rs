//! Recorded calls: a `.safetensors` file with inputs `in.0`, `in.1`, … and outputs `out…`; lists, tuples and dicts by
//! dotted names. Reading only; the comparison is `verify`'s.

use std::path::Path;

use flambeau::{Scalar, Schema, Tensor, Type};

use super::{Arguments, Result, fit_at, fit_named};
use crate::values::{Literal, Reader};

pub struct Recorded {
    inputs: Tree,
    pub outputs: Vec<(String, Tensor)>,
}

impl Recorded {
    pub fn read(path: &Path) -> Result<Recorded> {
        let Literal::Dict(pairs) = Reader::new(0).read_file(&path.to_string_lossy())? else {
            return Err(format!("`{}`: expected named tensors", path.display()));
        };
        let mut recorded = Recorded {
            inputs: Tree::default(),
            outputs: Vec::new(),
        };
        for (name, value) in pairs {
            let (Literal::Str(name), Literal::Tensor(tensor)) = (name, value) else {
                continue;
            };
            let mut parts = name.split('.');
            match parts.next() {
                Some("in") => recorded.inputs.insert(parts, tensor),
                Some("out") => recorded.outputs.push((name, tensor)),
                _ => {}
            }
        }
        Ok(recorded)
    }

    /// The inputs as the arguments of a method.
    pub fn arguments(&self, schema: &Schema) -> Result<Arguments> {
        let mut found = Arguments::default();
        let mut positional: Vec<(usize, &Tree)> = Vec::new();
        for (name, tree) in &self.inputs.children {
            match name.parse() {
                Ok(position) => positional.push((position, tree)),
                Err(_) => {
                    let ty = schema.arguments.iter().find(|a| *a.name == **name).map(|a| &a.ty);
                    found
                        .kwargs
                        .push((name.clone(), fit_named(schema, name, &tree.literal(ty))?));
                }
            }
        }
        positional.sort_by_key(|(position, _)| *position);
        for (position, tree) in positional {
            let ty = schema.arguments.get(position + 1).map(|a| &a.ty);
            found.args.push(fit_at(schema, position, &tree.literal(ty))?);
        }
        Ok(found)
    }
}

/// Names taken apart at their dots.
#[derive(Default)]
struct Tree {
    tensor: Option<Tensor>,
    children: Vec<(String, Tree)>,
}

impl Tree {
    fn insert<'a>(&mut self, mut path: impl Iterator<Item = &'a str>, tensor: Tensor) {
        let Some(part) = path.next() else {
            self.tensor = Some(tensor);
            return;
        };
        let at = match self.children.iter().position(|(name, _)| name == part) {
            Some(at) => at,
            None => {
                self.children.push((part.to_string(), Tree::default()));
                self.children.len() - 1
            }
        };
        self.children[at].1.insert(path, tensor);
    }

    /// As the type wants it: a 0-d tensor serves as a number, numbered children as a list or tuple, named ones as a dict.
    fn literal(&self, ty: Option<&Type>) -> Literal {
        let ty = ty.map(|t| t.optional_inner().unwrap_or(t));
        if let Some(tensor) = &self.tensor {
            let wants_number = ty.is_some_and(|t| {
                matches!(
                    t,
                    Type::Int | Type::Float | Type::Bool | Type::Number | Type::Complex
                )
            });
            return match tensor.item() {
                Ok(value) if wants_number && tensor.dim() == 0 => number(value, ty),
                _ => Literal::Tensor(tensor.clone()),
            };
        }
        let element = |i: usize| match ty {
            Some(Type::List(element)) => Some(&**element),
            Some(Type::Tuple(t)) => t.elements.get(i),
            Some(Type::Dict(kv)) => Some(&kv.1),
            _ => None,
        };
        if self
            .children
            .iter()
            .all(|(name, _)| name.parse::<usize>().is_ok())
            && !matches!(ty, Some(Type::Dict(_)))
        {
            let mut numbered: Vec<(usize, &Tree)> = self
                .children
                .iter()
                .filter_map(|(n, t)| Some((n.parse().ok()?, t)))
                .collect();
            numbered.sort_by_key(|(i, _)| *i);
            let items = numbered
                .into_iter()
                .map(|(i, tree)| tree.literal(element(i)))
                .collect();
            return if matches!(ty, Some(Type::List(_))) {
                Literal::List(items)
            } else {
                Literal::Tuple(items)
            };
        }
        let pairs = self
            .children
            .iter()
            .map(|(name, tree)| (Literal::Str(name.clone()), tree.literal(element(0))));
        Literal::Dict(pairs.collect())
    }
}

fn number(value: flambeau::Scalar, ty: Option<&Type>) -> Literal {
    match (value, ty) {
        (value, Some(Type::Bool)) => Literal::Bool(value.to_bool()),
        (value, Some(Type::Int)) => Literal::Int(value.to_i64()),
        (Scalar::Bool(b), _) => Literal::Bool(b),
        (Scalar::Int(i), _) => Literal::Int(i),
        (Scalar::Float(f), _) => Literal::Float(f),
        (Scalar::Complex(c), _) => Literal::Complex(c.re, c.im),
    }
}
