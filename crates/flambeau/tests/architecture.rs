//! The map must not lie: every path that the pages name exists. And what CONTRIBUTING.md asks of files holds for all.

use std::path::{Path, PathBuf};

#[test]
fn named_paths_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut missing = Vec::new();
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let text = std::fs::read_to_string(root.join(page)).expect(page);
        // A command's arguments follow its path.
        let quoted = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter_map(|q| q.split(' ').next());
        let paths =
            quoted.filter(|q| q.starts_with("crates/") || q.starts_with("tools/") || q.starts_with("fuzz/"));
        missing.extend(
            paths
                .filter(|p| !root.join(p).exists())
                .map(|p| format!("{page}: {p}")),
        );
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A file of a few hundred lines is the rule; one that is longer has a second subject.
const MOST_LINES: usize = 950;

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn files_say_what_they_are_for_and_are_short() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut files);
    assert!(files.len() > 100);
    let mut complaints = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_unit_test = path
            .file_stem()
            .is_some_and(|s| s.to_string_lossy().ends_with("tests"));
        if !text.starts_with("//!") && !is_unit_test {
            complaints.push(format!("{}: expected `//!` with what it is for", path.display()));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            complaints.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
