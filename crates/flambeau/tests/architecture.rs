//! The map must not lie: every path that ARCHITECTURE.md and CONTRIBUTING.md name exists.

use std::path::Path;

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
