//! The classes that a module needs, as the files of `code/`.

use std::sync::Arc;

use flambeau_ir::types::{ClassType, Type};
use flambeau_ir::value::{IValue, Object};
use indexmap::IndexMap;

use super::{Result, SaveError, TypeNames};
use crate::code::{CodePrinter, NamedType, Tagged, Unit};
use crate::lower::upgraders;

pub(super) struct File {
    /// `code/__torch__/a/b.py`.
    pub path: String,
    pub text: Tagged,
}

pub(super) struct Code {
    pub files: Vec<File>,
    pub constants: Vec<IValue>,
    /// The first archive version in which the operators that the code calls mean what they mean today.
    pub version: u64,
}

/// Prints the classes of the objects that are saved, then the root's and everything that the definitions lead to, each
/// type into the file of its module.
pub(super) fn print(root: &Object, classes: &[Arc<ClassType>], names: &TypeNames) -> Result<Code> {
    let rename = |ty: &Type| names.name(ty);
    let mut printer = CodePrinter::new(&rename);
    let mut units: IndexMap<String, Unit> = IndexMap::new();
    for class in classes.iter().chain([root.class()]) {
        printer.add_dependency(NamedType::Class(class.clone()));
    }
    let mut next = 0;
    while let Some(named) = printer.dependencies().get(next).cloned() {
        next += 1;
        let ty = match &named {
            NamedType::Class(c) => Type::Class(c.clone()),
            NamedType::Tuple(t) => t.clone(),
            NamedType::Interface(i) => Type::Interface(i.clone()),
            NamedType::Enum(e) => Type::Enum(e.clone()),
            NamedType::Function(f) => Type::Function(f.clone()),
        };
        let name = names.name(&ty).unwrap_or_default();
        let qualifier = name.rsplit_once('.').map_or("", |(q, _)| q).to_string();
        let unit = units.entry(qualifier).or_default();
        printer.within(unit, |p| p.named_type(&named))?;
    }
    let mut version = 0;
    for named in printer.dependencies() {
        let functions = match named {
            NamedType::Class(class) => {
                let hooks = class.forward_hooks().into_iter().chain(class.forward_pre_hooks());
                class.methods().into_iter().chain(hooks).collect()
            }
            NamedType::Function(function) => vec![function.clone()],
            _ => Vec::new(),
        };
        for function in functions {
            let graph = function.graph()?;
            if let Some(node) = graph
                .all_nodes()
                .into_iter()
                .find(|&n| graph.kind(n) == "prim::PythonOp")
            {
                return Err(SaveError::Value(format!(
                    "Could not export Python function call '{}'. Remove calls to Python functions before export. \
                     Did you forget to add @script or @script_method annotation? If this is a nn.ModuleList, add it \
                     to __constants__: it is called in `{}`, and an archive holds no Python; mark it with \
                     `@unused` if the saved program never calls it",
                    graph.str_attr(node, "name").unwrap_or_default(),
                    function.name()
                )));
            }
            let ops = graph
                .all_nodes()
                .into_iter()
                .filter_map(|n| graph.node(n).op.clone());
            version = ops.map(|op| upgraders::version_of(&op)).fold(version, u64::max);
        }
    }
    let files = units
        .into_iter()
        .map(|(qualifier, unit)| File {
            path: format!("code/{}.py", qualifier.replace('.', "/")),
            text: unit.body,
        })
        .collect();
    Ok(Code {
        files,
        constants: printer.finish().1,
        version,
    })
}
