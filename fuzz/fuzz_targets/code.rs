//! Any text: the parser must not panic, must bound the depth of its tree, and what it accepts must print back.
#![no_main]

use std::sync::Arc;

use flambeau_syntax::{
    Diagnostic, Module, SourceFile, highlight, parse_archive_module, parse_module, print_module, render,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let file = Arc::new(SourceFile::new("fuzz.py", &*text));
    let (_, _) = parse_archive_module(&file);
    let (module, diagnostics) = parse_module(&file);
    show(&file, &module, &diagnostics);
    if diagnostics.is_empty() {
        let printed = print_module(&module, &file);
        let again = Arc::new(SourceFile::new("again.py", printed));
        let (reread, problems) = parse_module(&again);
        assert!(
            problems.is_empty(),
            "{}\n{}",
            again.text,
            render(&problems, false)
        );
        assert_eq!(print_module(&reread, &again), again.text);
    }
});

/// Everything that draws excerpts.
fn show(file: &Arc<SourceFile>, module: &Module, diagnostics: &[Diagnostic]) {
    let _ = render(diagnostics, true);
    for place in diagnostics.iter().filter_map(|d| d.primary.as_ref()) {
        let _ = highlight(file, place.span, "");
    }
    for stmt in module.body.iter().take(8) {
        let _ = highlight(file, stmt.torch_span(file), "f");
    }
}
