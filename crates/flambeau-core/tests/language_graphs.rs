//! How many recorded programs compile to the graphs that PyTorch makes, or fail with its message.
//!
//! The recordings are found through `FLAMBEAU_CONFORMANCE`; without it the test says so and passes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flambeau_core::lower::program::Program;
use serde_json::Value;

fn conformance() -> Option<PathBuf> {
    let root = std::env::var_os("FLAMBEAU_CONFORMANCE").map(PathBuf::from)?;
    let language = root.join("language");
    language.is_dir().then_some(language)
}

enum Outcome {
    Same,
    Different(String),
    Skipped,
}

fn check(case: &Value) -> Outcome {
    let text = |key: &str| case[key].as_str().unwrap_or("");
    if case["entry_kind"].as_str() != Some("function") || case["compile_error"]["python_itself"] == true {
        return Outcome::Skipped;
    }
    let table = flambeau_ops::table();
    let result = Program::parse(text("source"), "case.py", "case", table).and_then(|program| {
        program.compile_decorated()?;
        program.script(text("entry"))
    });
    match (result, case["graph"].as_str()) {
        (Ok(function), Some(expected)) => {
            let graph = function.graph().map(|g| g.to_string()).unwrap_or_default();
            let schema = function.schema().map(|s| s.to_string()).unwrap_or_default();
            let code = flambeau_core::code::function_code(&function).unwrap_or_else(|e| e.to_string());
            if graph.trim_end() != expected.trim_end() {
                Outcome::Different(graph)
            } else if schema != text("schema") {
                Outcome::Different(format!("schema {schema}\nnot    {}", text("schema")))
            } else if code.trim_end() != text("code").trim_end() {
                Outcome::Different(format!("code\n{code}\n--- not\n{}", text("code")))
            } else {
                Outcome::Same
            }
        }
        (Ok(_), None) => Outcome::Different("it compiled".into()),
        (Err(error), Some(_)) => Outcome::Different(format!("error: {error}")),
        (Err(error), None) => {
            let expected = case["compile_error"]["message"].as_str().unwrap_or("");
            let found = error.to_string();
            let found = without_addresses(&found);
            if found.trim() == expected.trim() {
                Outcome::Same
            } else {
                Outcome::Different(found)
            }
        }
    }
}

/// Addresses in the names of classes, as the recordings mask them.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("unit at: 0x");
    let mut masked = parts.next().unwrap_or_default().to_string();
    for part in parts {
        masked += "unit at: 0xADDR";
        masked += part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    masked
}

fn topics(root: &Path) -> Vec<PathBuf> {
    let mut topics: Vec<PathBuf> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    topics.sort();
    topics
}

#[test]
fn recorded_programs() {
    let Some(root) = conformance() else {
        println!("FLAMBEAU_CONFORMANCE is not set: skipped");
        return;
    };
    let only = std::env::var("TOPIC").ok();
    let verbose = std::env::var("VERBOSE").is_ok();
    let mut totals: BTreeMap<String, [usize; 6]> = BTreeMap::new();
    for topic in topics(&root) {
        let name = topic
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or("")
            .to_string();
        if only
            .as_ref()
            .is_some_and(|o| !o.split(',').any(|t| t.split('/').next() == Some(name.as_str())))
        {
            continue;
        }
        let mut files: Vec<PathBuf> = std::fs::read_dir(&topic)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.path())
            .collect();
        files.sort();
        for file in files {
            let stem = file
                .file_stem()
                .and_then(|n| n.to_str())
                .unwrap_or("")
                .to_string();
            let wanted = |o: &str| o.split_once('/').is_none_or(|(_, case)| case == stem);
            if only
                .as_ref()
                .is_some_and(|o| !o.split(',').any(|t| t.starts_with(&name) && wanted(t)))
            {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&file) else {
                continue;
            };
            let Ok(case) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            let compiles = case["graph"].is_string();
            let offset = if compiles { 0 } else { 3 };
            let counts = totals.entry(name.clone()).or_default();
            let outcome = std::panic::catch_unwind(|| check(&case))
                .unwrap_or_else(|_| Outcome::Different("PANIC".into()));
            match outcome {
                Outcome::Same => counts[offset] += 1,
                Outcome::Skipped => counts[offset + 2] += 1,
                Outcome::Different(found) => {
                    counts[offset + 1] += 1;
                    if verbose {
                        let expected = case["graph"]
                            .as_str()
                            .or_else(|| case["compile_error"]["message"].as_str())
                            .unwrap_or("");
                        println!(
                            "==== {name}/{stem}\n{}\n--- expected\n{expected}\n--- found\n{found}",
                            case["source"].as_str().unwrap_or("")
                        );
                    } else {
                        let first = found.lines().find(|l| !l.trim().is_empty()).unwrap_or("");
                        println!("{name}/{stem}: {}", first.chars().take(120).collect::<String>());
                    }
                }
            }
        }
    }
    let mut sum = [0; 6];
    for (name, counts) in &totals {
        println!(
            "{name:20} graphs {} of {} ({} skipped), errors {} of {} ({} skipped)",
            counts[0],
            counts[0] + counts[1],
            counts[2],
            counts[3],
            counts[3] + counts[4],
            counts[5]
        );
        for (s, c) in sum.iter_mut().zip(counts) {
            *s += c;
        }
    }
    println!(
        "all: graphs {} of {} ({} skipped), errors {} of {} ({} skipped)",
        sum[0],
        sum[0] + sum[1],
        sum[2],
        sum[3],
        sum[3] + sum[4],
        sum[5]
    );
}
