//! PyTorch's layers: Python texts, read like the user's own programs.

use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use flambeau_ir::ops::OpTable;

use super::value::Class;
use crate::lower::program::Program;

/// The files of the library by the module that PyTorch has them in.
const FILES: &[(&str, &str)] = &[
    ("torch.nn.init", include_str!("nn/init.py")),
    ("torch.nn.modules.module", include_str!("nn/module.py")),
    ("torch.nn.modules.utils", include_str!("nn/utils.py")),
    ("torch.nn.modules.linear", include_str!("nn/linear.py")),
    ("torch.nn.modules.conv", include_str!("nn/conv.py")),
    ("torch.nn.modules.activation", include_str!("nn/activation.py")),
    ("torch.nn.modules.batchnorm", include_str!("nn/batchnorm.py")),
    (
        "torch.nn.modules.instancenorm",
        include_str!("nn/instancenorm.py"),
    ),
    (
        "torch.nn.modules.normalization",
        include_str!("nn/normalization.py"),
    ),
    ("torch.nn.modules.dropout", include_str!("nn/dropout.py")),
    ("torch.nn.modules.pooling", include_str!("nn/pooling.py")),
    ("torch.nn.modules.padding", include_str!("nn/padding.py")),
    ("torch.nn.modules.container", include_str!("nn/container.py")),
    ("torch.nn.modules.sparse", include_str!("nn/sparse.py")),
    ("torch.nn.modules.rnn", include_str!("nn/rnn.py")),
    ("torch.nn.modules.flatten", include_str!("nn/flatten.py")),
    ("torch.nn.modules.upsampling", include_str!("nn/upsampling.py")),
    (
        "torch.nn.modules.pixelshuffle",
        include_str!("nn/pixelshuffle.py"),
    ),
    ("torch.nn.modules.distance", include_str!("nn/distance.py")),
    ("torch.nn.modules.loss", include_str!("nn/loss.py")),
];

type Programs = Vec<(&'static str, Arc<Program>)>;

fn programs(table: &'static OpTable) -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let mut made = Vec::new();
        for (module, text) in FILES {
            let file = format!("{}.py", module.replace('.', "/"));
            // A test reads every file; one that did not parse would only miss its names here.
            if let Ok(program) = Program::parse(text, &file, module, table) {
                made.push((*module, program));
            }
        }
        made
    })
}

/// The text that defines a dotted name, and its name there.
pub(super) fn python(path: &str, table: &'static OpTable) -> Option<(Arc<Program>, String)> {
    let (module, name) = path.rsplit_once('.')?;
    let programs = programs(table);
    let defines = |p: &Arc<Program>| p.defines(name);
    let found = match module {
        "torch.nn" | "torch.nn.modules" => programs
            .iter()
            .find(|(m, p)| m.starts_with("torch.nn.modules.") && defines(p)),
        _ => programs.iter().find(|(m, p)| *m == module && defines(p)),
    };
    found.map(|(_, program)| (program.clone(), name.to_string()))
}

pub(super) fn is_library(program: &Arc<Program>) -> bool {
    program.module_name().starts_with("torch.nn.")
}

/// Whether a path is a module of Python's or PyTorch's of which something is known.
pub(super) fn is_package(path: &str) -> bool {
    matches!(
        path,
        "torch.nn.modules" | "torch.nn.parameter" | "copy" | "itertools" | "collections.abc"
    ) || FILES.iter().any(|(m, _)| *m == path)
}

pub(super) fn is_known(path: &str, table: &'static OpTable) -> bool {
    is_package(path) || crate::lower::library::module(path, table).is_some()
}

/// `torch.nn.Module`
pub(super) fn module_class(table: &'static OpTable) -> Rc<Class> {
    let programs = programs(table);
    let program = programs
        .iter()
        .find(|(m, _)| *m == "torch.nn.modules.module")
        .map(|(_, p)| p.clone());
    let program = program.unwrap_or_else(|| Program::empty(table));
    Rc::new(Class {
        name: "Module".into(),
        program,
        def: None,
        bases: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    /// A file that does not parse would only miss its names.
    #[test]
    fn every_file_is_read() {
        let read = super::programs(flambeau_ops::table());
        assert_eq!(read.len(), super::FILES.len());
    }
}
