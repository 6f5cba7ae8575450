//! Damaged and forged archives: always an error, or a result, within bounds; never a panic.

use std::time::{Duration, Instant};

use flambeau::{CallOptions, DType, Error, ErrorKind, IValue, LoadOptions, Module, Tensor};
use flambeau_archive::pickle::Writer;
use flambeau_archive::{ArchiveWriter, Packing};

static MODEL: &[u8] = include_bytes!("../../../examples/digits/model.pt");

/// Loads and calls with small budgets. A panic below the interface would come as [`ErrorKind::Internal`].
fn attempt(bytes: Vec<u8>) -> Result<(), Error> {
    let checked = |error: Error| {
        assert!(*error.kind() != ErrorKind::Internal, "{error}");
        error
    };
    let module = Module::from_bytes(bytes, &LoadOptions::default()).map_err(checked)?;
    module.operators();
    let options = CallOptions {
        max_steps: Some(100_000),
        max_time: Some(Duration::from_secs(5)),
        stdout: Some(std::sync::Arc::new(|_| ())),
        warn: Some(std::sync::Arc::new(|_| ())),
        ..CallOptions::default()
    };
    let image = IValue::from(Tensor::zeros(&[1, 1, 8, 8], DType::Float)?);
    module
        .call_with("features", &[image], &[], &options)
        .map_err(checked)?;
    Ok(())
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// `FULL=1` takes ten times as many.
fn rounds(few: usize) -> usize {
    if std::env::var_os("FULL").is_some() {
        few * 10
    } else {
        few
    }
}

#[test]
fn the_model_itself_runs() {
    attempt(MODEL.to_vec()).unwrap();
}

#[test]
fn truncated() {
    let mut numbers = Numbers(1);
    for _ in 0..rounds(200) {
        let len = numbers.below(MODEL.len());
        assert!(attempt(MODEL[..len].to_vec()).is_err(), "cut at {len}");
    }
}

#[test]
fn flipped_bytes() {
    let mut numbers = Numbers(2);
    for round in 0..rounds(1000) {
        let mut bytes = MODEL.to_vec();
        // The text and the directory are where it matters; most of the file is weights.
        let from = if round % 2 == 0 { bytes.len() * 3 / 4 } else { 0 };
        for _ in 0..1 + round % 3 {
            let at = from + numbers.below(bytes.len() - from);
            bytes[at] ^= 1 << numbers.below(8);
        }
        let started = Instant::now();
        let _ = attempt(bytes);
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "round {round} took {:?}",
            started.elapsed()
        );
    }
}

/// An archive with a module of class `__torch__.M` whose code is given.
fn archive(code: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArchiveWriter::new(&mut bytes, "m").unwrap();
    writer.add("data.pkl", data, Packing::Stored).unwrap();
    writer
        .add("code/__torch__.py", code.as_bytes(), Packing::Deflated)
        .unwrap();
    let mut constants = Writer::new();
    constants.begin_tuple(0);
    constants.end_tuple(0);
    writer
        .add("constants.pkl", &constants.finish(), Packing::Stored)
        .unwrap();
    writer.finish(3).unwrap();
    bytes
}

/// Protocol 2: an object of `__torch__.M` with an empty state.
const OBJECT: &[u8] = b"\x80\x02c__torch__\nM\n)\x81}b.";

fn class(body: &str) -> String {
    format!(
        "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  def features(self: __torch__.M, x: Tensor) -> Tensor:\n{body}"
    )
}

fn refused(code: &str, data: &[u8], part: &str) {
    let started = Instant::now();
    let error = attempt(archive(code, data)).expect_err("it ran");
    assert!(error.to_string().contains(part), "expected `{part}` in: {error}");
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "took {:?}",
        started.elapsed()
    );
}

#[test]
fn forged_code() {
    attempt(archive(&class("    return x\n"), OBJECT)).unwrap();
    let deep = |open: &str, close: &str| {
        class(&format!(
            "    return {}x{}\n",
            open.repeat(10_000),
            close.repeat(10_000)
        ))
    };
    for (open, close) in [("(", ")"), ("torch.neg(", ")"), ("[", "]"), ("-", "")] {
        assert!(attempt(archive(&deep(open, close), OBJECT)).is_err());
    }
    let mut nested = String::new();
    for level in 0..10_000 {
        nested.push_str(&format!("{}if True:\n", " ".repeat(4 + level)));
    }
    nested.push_str(&format!("{}return x\n", " ".repeat(4 + 10_000)));
    assert!(attempt(archive(&class(&nested), OBJECT)).is_err());
    refused(
        &class("    while True:\n      x = torch.neg(x)\n    return x\n")
            .replace("while True", "while bool(1)"),
        OBJECT,
        "",
    );
    refused(
        &class("    for i in range(9223372036854775807):\n      x = torch.neg(x)\n    return x\n"),
        OBJECT,
        "stopped",
    );
    refused(&class("    return (self).features(x, )\n"), OBJECT, "recursive");
    refused(
        &class("    return torch.zeros([1000000, 1000000, 1000000])\n"),
        OBJECT,
        "",
    );
    refused(&class("    return torch.empty([-1])\n"), OBJECT, "");
    refused(
        &class("    return torch.as_strided(x, [100000], [1000], 0)\n"),
        OBJECT,
        "",
    );
    refused(&class("    return y\n"), OBJECT, "undefined value y");
}

#[test]
fn forged_values() {
    let code = class("    return x\n");
    let check = |data: &[u8], part: &str| refused(&code, data, part);
    check(b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00idtR.", "os.system");
    check(b"\x80\x02c__torch__\nNo\n)\x81}b.", "No");
    check(b"\x80\x02K\x01.", "expected a module");
    check(b"", "");
    let deep: Vec<u8> = [
        b"\x80\x02".as_slice(),
        &b"]".repeat(100_000),
        &b"a".repeat(99_999),
        b".",
    ]
    .concat();
    check(&deep, "");
    // A tensor of a storage that is not there, and one with strides out of bounds.
    check(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00\x30X\x03\x00\x00\x00cpuK\x05tQK\x00(K\x05t(K\x01t\x89}tR.", "no entry");
}
