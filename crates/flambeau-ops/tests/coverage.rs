//! `docs/operators.md` says which operators run. It is made from the table; `UPDATE=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use flambeau_ops::table;

/// Kinds of operators that do not run, by their names; the first that fits takes a name.
const KINDS: &[(&str, fn(&str) -> bool)] = &[
    ("Quantised tensors", |n| {
        contains(
            n,
            &[
                "quantize", "qparams", "int_repr", "q_scale", "q_zero", "q_per", "qscheme", "int4", "int8",
                "fbgemm",
            ],
        ) || contains(
            n,
            &["_fq_helper", "_obs_", "saturate_weight", "_cslt", "dyn_quant"],
        )
    }),
    ("Sparse tensors", |n| {
        contains(
            n,
            &[
                "sparse", "coalesce", "spmm", "spsolve", "spdiags", "crow_", "ccol_", "col_ind", "row_ind",
                "_nnz",
            ],
        ) || matches!(
            n,
            "hspmm" | "smm" | "sspaddmm" | "_dimI" | "_dimV" | "values_copy" | "_values" | "_values_copy"
        ) || contains(n, &["indices_copy", "_indices"])
            || n == "indices"
            || n == "_to_dense"
    }),
    ("Nested tensors", |n| {
        contains(n, &["nested", "jagged", "to_padded_tensor"])
    }),
    ("Kernels of other devices", |n| {
        contains(
            n,
            &[
                "cudnn", "miopen", "mkldnn", "_mps", "mps_", "_cufft", "triton", "nnpack", "xla", "philox",
            ],
        ) || contains(
            n,
            &[
                "efficient_attention",
                "flash_attention",
                "fused_attention",
                "thnn_fused",
                "thnn_diff",
            ],
        ) || contains(
            n,
            &[
                "_scaled_mm",
                "grouped_mm",
                "_scaled_addmm",
                "mixed_dtypes",
                "mem_eff",
            ],
        )
    }),
    ("Derivatives", |n| {
        contains(n, &["backward", "_grad", "_jvp", "grad_"])
            || matches!(n, "grad" | "get_gradients" | "_make_dual" | "_unpack_dual")
    }),
    ("Steps of optimisers and of scaled gradients", |n| {
        contains(n, &["_fused_ada", "_fused_sgd", "_amp_"])
    }),
    ("Remote references", |n| {
        matches!(
            n,
            "owner" | "owner_name" | "is_owner" | "local_value" | "to_here" | "confirmed_by_owner"
        )
    }),
    ("PyTorch's own tests", |n| {
        n.starts_with("_test_") || n == "_foobar"
    }),
    ("Others", |_| true),
];

fn contains(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|p| name.contains(p))
}

/// Names as one paragraph.
fn paragraph(names: &[&str]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for (i, name) in names.iter().enumerate() {
        let word = format!("`{name}`{}", if i + 1 < names.len() { "," } else { "" });
        if width > 0 && width + word.len() >= 118 {
            text.push('\n');
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        width += word.len();
        text.push_str(&word);
    }
    text
}

fn page() -> String {
    // By namespace and name: how many overloads there are, and how many run.
    let mut names: BTreeMap<String, BTreeMap<String, (usize, usize)>> = BTreeMap::new();
    for op in table().all() {
        let Some((namespace, name)) = op.name().split_once("::") else {
            continue;
        };
        let entry = names
            .entry(namespace.to_string())
            .or_default()
            .entry(name.to_string())
            .or_default();
        entry.0 += 1;
        entry.1 += usize::from(op.is_runnable());
    }
    let mut text = String::from(
        "# Operators\n\nMade from the table of operators by `UPDATE=1 cargo test -p flambeau-ops --test coverage`.\n\nA \
         name runs when at least one of its overloads has a row. Programs that use other names load and print; running\n\
         them fails where such an operator is called, and `register_op` can add it.\n\n\
         | namespace | names | run | overloads | run |\n|---|---|---|---|---|\n",
    );
    for (namespace, names) in &names {
        // Structural nodes of graphs are no operators.
        if namespace == "prim" {
            continue;
        }
        let run = names.values().filter(|(_, run)| *run > 0).count();
        let (all, running) = names
            .values()
            .fold((0, 0), |(a, r), (all, run)| (a + all, r + run));
        let _ = writeln!(
            text,
            "| `{namespace}::` | {} | {run} | {all} | {running} |",
            names.len()
        );
    }
    let Some(aten) = names.get("aten") else {
        return text;
    };
    let missing: Vec<&str> = aten
        .iter()
        .filter(|(_, n)| n.1 == 0)
        .map(|(n, _)| n.as_str())
        .collect();
    let _ = write!(text, "\n## `aten::` names that do not run: {}\n", missing.len());
    let mut rest = missing;
    for (kind, fits) in KINDS {
        let (these, others): (Vec<&str>, Vec<&str>) = rest.into_iter().partition(|n| fits(n));
        rest = others;
        if !these.is_empty() {
            let _ = write!(text, "\n**{kind}** ({}): {}\n", these.len(), paragraph(&these));
        }
    }
    let partly: Vec<&str> = aten
        .iter()
        .filter(|(_, (all, run))| *run > 0 && run < all)
        .map(|(n, _)| n.as_str())
        .collect();
    if !partly.is_empty() {
        let _ = write!(
            text,
            "\n## `aten::` names of which some overloads run: {}\n\n{}\n",
            partly.len(),
            paragraph(&partly)
        );
    }
    for (title, namespaces) in [
        ("torchvision", &["torchvision"][..]),
        (
            "PyTorch-Geometric",
            &["torch_scatter", "torch_cluster", "torch_sparse"][..],
        ),
    ] {
        let _ = write!(text, "\n## {title}\n");
        for namespace in namespaces {
            let Some(names) = names.get(*namespace) else {
                continue;
            };
            let run: Vec<&str> = names
                .iter()
                .filter(|(_, n)| n.1 > 0)
                .map(|(n, _)| n.as_str())
                .collect();
            let _ = write!(text, "\n`{namespace}::`: {}\n", paragraph(&run));
        }
    }
    text.push_str(
        "\n## Recorded samples that fail\n\nAll of PyTorch's recorded samples of operators pass \
         (`crates/flambeau-core/tests/ops.rs`) but one:\n`nn_functional_multi_head_attention_forward`, `f013_float32`. \
         PyTorch itself does not give the recorded answer\nwhen it runs that archive; it gives Flambeau's.\n",
    );
    text
}

#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operators.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/operators.md is not what the table says; UPDATE=1 writes it"
    );
}
