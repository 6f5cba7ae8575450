//! The pages of `docs/language`: every Python block is compiled, and what the compiler says must be the text below it.
//! `UPDATE=1` writes the texts anew. Behind `python` may stand an expression: the module to build.

use std::path::{Path, PathBuf};

use flambeau_core::construct;
use flambeau_core::lower::program::Program;
use flambeau_syntax::{Diagnostic, render};

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language");
    let entries = std::fs::read_dir(folder).expect("the folder of the manual");
    let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    found.retain(|p| p.extension().is_some_and(|e| e == "md"));
    found.sort();
    found
}

/// All that is wrong with a program, drawn.
fn complaints(source: &str, entry: &str) -> String {
    let found: Vec<Diagnostic> = match Program::parse(source, "example.py", "", flambeau_ops::table()) {
        Err(error) => error.diagnostics(),
        Ok(program) => {
            let errors = program.compile_all();
            let mut found: Vec<Diagnostic> = errors.iter().flat_map(|e| e.diagnostics()).collect();
            if let (true, false) = (found.is_empty(), entry.is_empty())
                && let Err(error) = construct::entry(&program, entry, 0)
            {
                found.extend(error.diagnostics());
            }
            found
        }
    };
    render(&found, false)
}

/// The page with the texts that the compiler gives, and how many mistakes it shows.
fn compiled(page: &str, name: &str) -> (String, usize) {
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    let mut mistakes = 0;
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let Some(entry) = line.strip_prefix("```python") else {
            continue;
        };
        let mut source = String::new();
        for line in lines.by_ref() {
            out += &format!("{line}\n");
            if line == "```" {
                break;
            }
            source += &format!("{line}\n");
        }
        let said = complaints(&source, entry.trim());
        let follows = lines.clone().find(|l| !l.is_empty()) == Some(&"```text");
        let update = std::env::var_os("UPDATE").is_some();
        if follows == said.is_empty() {
            let text = format!("{name}: the program\n{source}\ngives\n{said}");
            assert!(update, "{text}");
            eprintln!("{text}");
        }
        if follows {
            mistakes += 1;
            for line in lines.by_ref() {
                out += &format!("{line}\n");
                if line == "```text" {
                    break;
                }
            }
            for line in lines.by_ref() {
                if line == "```" {
                    break;
                }
            }
            out += &format!("{}\n```\n", said.trim_end());
        }
    }
    (out, mistakes)
}

#[test]
fn the_manual_says_what_the_compiler_says() {
    let mut mistakes = 0;
    for path in pages() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let page = std::fs::read_to_string(&path).expect("a readable page");
        let (expected, count) = compiled(&page, &name);
        mistakes += count;
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, expected).expect("a writable page");
        } else if page != expected {
            let differs = page.lines().zip(expected.lines()).find(|(a, b)| a != b);
            panic!("{name} differs: {differs:?} (UPDATE=1 writes it anew)");
        }
    }
    assert!(mistakes >= 60, "{mistakes} mistakes are shown, 60 are wanted");
}
