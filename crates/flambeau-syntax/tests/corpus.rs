//! Recorded programs and archives: everything parses, prints back to an equal tree, and PyTorch's error excerpts
//! and source locations come out as recorded. Skipped, with a notice, where the recordings are absent.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use flambeau_archive::{Archive, Limits};
use flambeau_syntax::*;
use serde_json::Value;

/// The folder with the recordings, if it is there.
fn conformance() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let path = std::env::var_os("FLAMBEAU_CONFORMANCE").map_or_else(|| default.into(), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!(
        "skipped: no recordings at {} (set FLAMBEAU_CONFORMANCE)",
        path.display()
    );
    None
}

fn files(folder: PathBuf, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn cases() -> Vec<(String, Value)> {
    let Some(folder) = conformance() else {
        return Vec::new();
    };
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        (
            path.display().to_string(),
            serde_json::from_str(&text).expect("JSON"),
        )
    };
    files(folder.join("language"), "json")
        .into_iter()
        .map(read)
        .collect()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or("")
}

/// The debug form of a tree without its spans.
fn without_spans(module: &Module) -> String {
    let mut out = String::new();
    let debug = format!("{:?}", module.body);
    let mut rest = debug.as_str();
    while let Some(at) = rest.find("Span { start: ") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once('}').map_or("", |(_, r)| r);
    }
    out + rest
}

/// Parses a text, prints it, parses that, and compares the trees.
fn round_trip(name: &str, text: &str, archive: bool) {
    let parse = |text: &str| {
        let file = Arc::new(SourceFile::new(name, text));
        let (module, diagnostics) = if archive {
            parse_archive_module(&file)
        } else {
            parse_module(&file)
        };
        assert!(diagnostics.is_empty(), "{name}:\n{}", render(&diagnostics, false));
        (file, module)
    };
    let (file, module) = parse(text);
    let printed = print_module(&module, &file);
    let (_, again) = parse(&printed);
    // A signature comment that cannot be read is not printed.
    if !text.contains("# type:") && !text.contains("#type:") {
        assert_eq!(
            without_spans(&module),
            without_spans(&again),
            "{name}:\n{printed}"
        );
    }
}

#[test]
fn programs_round_trip() {
    for (name, case) in cases() {
        if case["compile_error"]["python_itself"] != true {
            round_trip(&name, text(&case, "source"), false);
        }
        for (file, code) in case["archive_code"].as_object().into_iter().flatten() {
            round_trip(&format!("{name}: {file}"), code.as_str().expect("text"), true);
        }
        // A call of Python code that could not be saved prints as `^f()`.
        if let Some(code) = case["code"].as_str().filter(|code| !code.contains('^')) {
            round_trip(&format!("{name}: code"), code, true);
        }
    }
}

#[test]
fn archives_round_trip() {
    let Some(folder) = conformance() else { return };
    let mut archives = files(folder.join("models"), "pt");
    archives.extend(files(folder.join("ops"), "pt"));
    let (mut count, mut bytes) = (0, 0);
    let mut time = std::time::Duration::ZERO;
    let mut large = String::new();
    for path in archives {
        let name = path.display().to_string();
        let archive = Archive::open(&path, &Limits::default()).expect("an archive");
        let entries: Vec<String> = archive.entries().iter().map(|e| e.name.to_string()).collect();
        for entry in entries
            .iter()
            .filter(|e| e.starts_with("code/") && e.ends_with(".py"))
        {
            let code = archive.read_text(entry).expect("text");
            round_trip(&format!("{name}: {entry}"), &code, true);
            let file = Arc::new(SourceFile::new(entry.as_str(), &*code));
            let start = std::time::Instant::now();
            let _ = parse_archive_module(&file);
            time += start.elapsed();
            count += 1;
            bytes += code.len();
            if large.len() < 1 << 20 {
                large.push_str(&code);
            }
        }
    }
    eprintln!("{count} files, {bytes} bytes, parsed once in {time:?}");
    let file = Arc::new(SourceFile::new("large.py", large));
    let start = std::time::Instant::now();
    let _ = parse_archive_module(&file);
    eprintln!("one file of {} bytes in {:?}", file.text.len(), start.elapsed());
}

/// An excerpt of a recorded message: where it starts, the line it names, the function it names.
fn excerpts(message: &str) -> Vec<(usize, u32, &str)> {
    let mark = "  File \"case.py\", line ";
    let one = |(at, _): (usize, &str)| {
        let rest = message[at + mark.len()..].split('\n').next().unwrap_or("");
        let (line, function) = rest.split_once(", in ").unwrap_or((rest, ""));
        (at, line.parse().unwrap_or(0), function)
    };
    message.match_indices(mark).map(one).collect()
}

/// The span that an excerpt marks, from its tildes.
fn marked_span(file: &SourceFile, excerpt: &str, line: u32) -> Option<Span> {
    let mut first = None;
    let mut last = None;
    let mut lines = 0;
    for text in excerpt.lines().skip(1) {
        let bare = text.strip_suffix(" <--- HERE").unwrap_or(text);
        let tildes = bare.trim_start_matches(' ');
        if !tildes.is_empty() && tildes.bytes().all(|b| b == b'~') {
            let column = (bare.len() - tildes.len()) as u32;
            first.get_or_insert(column);
            last = Some(bare.len() as u32);
            lines += 1;
            if bare.len() != text.len() {
                break;
            }
        }
    }
    let at = |index: u32, column: u32| file.line_span(index as usize).start + column;
    Some(Span::new(at(line - 1, first?), at(line - 1 + lines - 1, last?)))
}

#[test]
fn excerpts_are_pytorchs() {
    let (mut exact, mut total) = (0, 0);
    for (name, case) in cases() {
        // Here PyTorch compiles the inner function of a decorator, and shows only that.
        if name.ends_with("unsupported_syntax/other_decorator.json") {
            continue;
        }
        let calls = case["calls"].as_array().into_iter().flatten();
        let raised = calls.filter_map(|c| c["raises"]["message"].as_str());
        for message in raised.chain(case["compile_error"]["message"].as_str()) {
            let file = Arc::new(SourceFile::new("case.py", text(&case, "source")));
            let (module, _) = parse_module(&file);
            for (at, line, function) in excerpts(message) {
                let Some(span) = marked_span(&file, &message[at..], line) else {
                    continue;
                };
                let ours = highlight(&file, span, function);
                assert!(
                    message[at..].trim_end().starts_with(ours.trim_end()),
                    "{name}:\n{}\n---- ours:\n{ours}",
                    &message[at..]
                );
                total += 1;
                let known = torch_spans(&file, &module).contains(&span);
                exact += u32::from(known);
                if !known {
                    eprintln!("{name}: marked `{}`", file.slice(span));
                }
            }
        }
    }
    eprintln!("{exact} of {total} marked spans are those of nodes");
    assert!(
        exact * 100 >= total * 99,
        "{exact} of {total} marked spans are those of nodes"
    );
}

/// All spans that PyTorch's frontend would give to nodes of the tree.
fn torch_spans(file: &SourceFile, module: &Module) -> BTreeSet<Span> {
    let mut spans = BTreeSet::new();
    for stmt in &module.body {
        stmt.walk(&mut |node| match node {
            Node::Expr(e) => {
                spans.insert(e.torch_span(file));
                spans.insert(e.torch_marked_span(file));
                // What the frontend refuses is marked by its first byte.
                spans.insert(e.span.head(1));
                if let ExprKind::Compare {
                    left, comparators, ..
                } = &e.kind
                {
                    spans.insert(left.torch_span(file).to(comparators[0].torch_span(file)));
                }
                if let ExprKind::Attribute { attr, .. } = &e.kind {
                    spans.insert(attr.span);
                }
            }
            Node::Stmt(s) => {
                spans.insert(s.torch_span(file));
                spans.insert(s.span.head(s.kind.frontend_name().1));
                if let StmtKind::FunctionDef(def) = &s.kind {
                    spans.insert(def.torch_span(file));
                    spans.insert(def.span.head(3));
                    spans.extend(def.params.iter().flat_map(|p| {
                        let star = Span::new(p.name.span.start.saturating_sub(1), p.name.span.end);
                        [p.name.span, p.torch_span(file), star]
                    }));
                }
                if let StmtKind::With { items, .. } = &s.kind {
                    spans.extend(
                        items
                            .iter()
                            .map(|i| i.context.span.head("with statements".len() as u32)),
                    );
                }
                if let StmtKind::ClassDef(_) = &s.kind {
                    spans.insert(s.span.head(5));
                }
            }
        });
    }
    spans
}

#[test]
fn graph_locations_are_starts_of_nodes() {
    let (mut known, mut total) = (0, 0);
    for (_, case) in cases() {
        let file = Arc::new(SourceFile::new("case.py", text(&case, "source")));
        let (module, _) = parse_module(&file);
        let starts: BTreeSet<String> = torch_spans(&file, &module)
            .iter()
            .map(|s| file.location(s.start))
            .collect();
        for line in text(&case, "graph").lines() {
            let Some((_, location)) = line.rsplit_once("# ") else {
                continue;
            };
            if location.starts_with("case.py:") {
                total += 1;
                known += u32::from(starts.contains(location));
            }
        }
    }
    eprintln!("{known} of {total} locations in graphs are starts of nodes");
    assert!(
        known * 1000 >= total * 999,
        "{known} of {total} locations in graphs are starts of nodes"
    );
}
