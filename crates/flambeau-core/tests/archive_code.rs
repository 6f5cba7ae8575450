//! Compiles the code of recorded archives, every method of every class.
//!
//! The archives are found through `FLAMBEAU_CONFORMANCE`; without it the test says so and passes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use flambeau_archive::{Archive, Limits};
use flambeau_core::lower::import::{CodeSource, SourceImporter};
use flambeau_ir::types::Type;
use flambeau_ir::value::IValue;
use flambeau_tensor::{DType, Tensor};

struct Code(HashMap<String, Arc<str>>);

impl CodeSource for Code {
    fn code(&self, path: &str) -> Option<Arc<str>> {
        self.0.get(path).cloned()
    }
}

fn archives() -> Vec<PathBuf> {
    let Some(root) = std::env::var_os("FLAMBEAU_CONFORMANCE").map(PathBuf::from) else {
        return Vec::new();
    };
    let only = std::env::var("ARCHIVE").ok();
    let mut found = Vec::new();
    for folder in ["ops", "models"] {
        for entry in std::fs::read_dir(root.join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or("")
                .to_string();
            if path.extension().is_some_and(|e| e == "pt")
                && only.as_ref().is_none_or(|o| name.starts_with(o.as_str()))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn recorded_archives() {
    let archives = archives();
    if archives.is_empty() {
        println!("FLAMBEAU_CONFORMANCE is not set: skipped");
        return;
    }
    let (mut methods, mut failed) = (0, 0);
    let start = Instant::now();
    let placeholder = Tensor::zeros(&[1], DType::Float).expect("a tensor of one element");
    for path in archives {
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or("")
            .to_string();
        let archive = match Archive::open(&path, &Limits::default()) {
            Ok(archive) => archive,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        let mut code = HashMap::new();
        let mut classes = Vec::new();
        for entry in archive.entries() {
            let Some(path) = entry
                .name
                .strip_prefix("code/")
                .and_then(|p| p.strip_suffix(".py"))
            else {
                continue;
            };
            let Ok(text) = archive.read_text(&entry.name) else {
                continue;
            };
            for line in text.lines().filter_map(|l| l.strip_prefix("class ")) {
                let class = line.split(['(', ':']).next().unwrap_or("");
                classes.push(format!("{}.{class}", path.replace('/', ".")));
            }
            code.insert(path.to_string(), Arc::from(text));
        }
        let constants = vec![IValue::Tensor(placeholder.clone()); 4096];
        let version = archive.version().unwrap_or(0);
        let importer = SourceImporter::new(Arc::new(Code(code)), constants, version, flambeau_ops::table());
        let mut seen = 0;
        for class in &classes {
            match importer.find_type(class) {
                Ok(Some(Type::Class(class))) => {
                    for method in class.methods() {
                        methods += 1;
                        match method.graph() {
                            Ok(graph) => {
                                if std::env::var("PRINT").is_ok() {
                                    println!("#### {name} {}\n{graph}", method.name());
                                }
                            }
                            Err(error) => {
                                failed += 1;
                                seen += 1;
                                if seen <= 2 {
                                    println!("{name} {}: {error}", method.name());
                                }
                            }
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    failed += 1;
                    println!("{name} {class}: {error}");
                }
            }
        }
    }
    println!("{methods} methods, {failed} failed, {:?}", start.elapsed());
}
