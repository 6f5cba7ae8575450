//! Damaged and forged archives: always an error, or a result, within bounds of time and memory; never a panic.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use flambeau::{CallOptions, DType, Error, ErrorKind, IValue, LoadOptions, Module, Tensor};
use flambeau_archive::pickle::Writer;
use flambeau_archive::{ArchiveWriter, Packing};

static MODEL: &[u8] = include_bytes!("../../../examples/digits/model.pt");
/// Lists, dicts, tuples, numbers and text besides tensors, in few bytes.
static SMALL: &[u8] = include_bytes!("../../flambeau-archive/tests/fixtures/everything.pt");

/// What one file may take. The model itself takes some milliseconds and less than ten megabytes.
const TIME: Duration = Duration::from_secs(20);
const MEMORY: u64 = 200 << 20;

/// A line of `/proc/self/status`, in bytes; nothing where there is no such file.
fn status(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Runs the body, one at a time in this process, and checks what it took: its time, and the growth of the process's
/// peak of memory.
fn bounded<T>(what: &str, body: impl FnOnce() -> T) -> T {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Resets the peak to what is used now.
    let can_reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status("VmHWM:");
    let started = Instant::now();
    let result = body();
    let took = started.elapsed();
    assert!(took < TIME, "{what} took {took:?}");
    if let (true, Some(before), Some(after)) = (can_reset, before, status("VmHWM:")) {
        let grown = after.saturating_sub(before);
        assert!(grown < MEMORY, "{what} took {grown} bytes");
    }
    result
}

/// Loads and calls with small budgets. A panic below the interface would come as [`ErrorKind::Internal`].
fn attempt(bytes: Vec<u8>) -> Result<(), Error> {
    let what = format!("a file of {} bytes", bytes.len());
    bounded(&what, || load_and_call(bytes))
}

fn load_and_call(bytes: Vec<u8>) -> Result<(), Error> {
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
    // `features` of the digits, and of what is forged here; `forward` of the other.
    let has_features = module.method_names().iter().any(|m| m == "features");
    let (method, sizes) = if has_features {
        ("features", &[1, 1, 8, 8][..])
    } else {
        ("forward", &[2, 3][..])
    };
    let input = IValue::from(Tensor::zeros(sizes, DType::Float)?);
    module
        .call_with(method, &[input], &[], &options)
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

#[test]
fn the_model_itself_runs() {
    attempt(MODEL.to_vec()).unwrap();
}

#[test]
fn truncated() {
    let mut numbers = Numbers(1);
    for _ in 0..1000 {
        let len = numbers.below(MODEL.len());
        assert!(attempt(MODEL[..len].to_vec()).is_err(), "cut at {len}");
    }
}

#[test]
fn flipped_bytes() {
    let mut numbers = Numbers(2);
    let mut refused = 0;
    for round in 0..10_000 {
        let mut bytes = SMALL.to_vec();
        for _ in 0..1 + round % 3 {
            let at = numbers.below(bytes.len());
            bytes[at] ^= 1 << numbers.below(8);
        }
        refused += usize::from(attempt(bytes).is_err());
    }
    // Checksums catch nearly all; what they do not cover is harmless.
    assert!(refused > 5_000, "{refused}");
}

/// Flips that checksums do not catch, since they are in what the archive is then made of.
#[test]
fn flipped_code_and_values() {
    let archive = flambeau_archive::Archive::from_bytes(SMALL.to_vec(), &Default::default()).unwrap();
    let entries: Vec<(String, Vec<u8>)> = archive
        .entries()
        .iter()
        .filter(|e| !e.name.starts_with('.') && e.name != "version" && e.name != "byteorder")
        .map(|e| (e.name.clone(), archive.read(&e.name).unwrap().into_owned()))
        .collect();
    let damaged: Vec<usize> = (0..entries.len())
        .filter(|&i| entries[i].0.ends_with(".pkl") || entries[i].0.ends_with(".py"))
        .collect();
    let mut numbers = Numbers(3);
    for round in 0..2_000 {
        let target = damaged[round % damaged.len()];
        let mut bytes = Vec::new();
        let mut writer = ArchiveWriter::new(&mut bytes, "m").unwrap();
        for (i, (name, data)) in entries.iter().enumerate() {
            let mut data = data.clone();
            if i == target && !data.is_empty() {
                for _ in 0..1 + round % 2 {
                    let at = numbers.below(data.len());
                    data[at] ^= 1 << numbers.below(8);
                }
            }
            writer.add(name, &data, Packing::Stored).unwrap();
        }
        writer.finish(3).unwrap();
        let _ = attempt(bytes);
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
    let error = attempt(archive(code, data)).expect_err("it ran");
    assert!(error.to_string().contains(part), "expected `{part}` in: {error}");
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
    // A tensor of a storage that is not there.
    let mut missing = b"\x80\x02".to_vec();
    missing.extend(tensor("9", "K\x05", "K\0", "K\x05", "K\x01"));
    check(&missing, "no entry");
}

/// The pickle of a tensor alone: its storage's key, the storage's count, offset, sizes, strides. Each character is a
/// byte.
fn tensor(key: &str, count: &str, offset: &str, sizes: &str, strides: &str) -> Vec<u8> {
    let text = format!(
        "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0{key}X\x03\0\0\0cpu{count}tQ{offset}({sizes}t({strides}t\u{89}tR."
    );
    text.chars().map(|c| c as u8).collect()
}

/// Storages of 40 bytes with descriptions that do not fit them.
#[test]
fn forged_tensors() {
    let code = "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  w : Tensor\n  def features(self: __torch__.M, x: Tensor) -> Tensor:\n    return torch.sum(self.w)\n";
    let run = |count: &str, offset: &str, sizes: &str, strides: &str| {
        let value = tensor("0", count, offset, sizes, strides);
        // An object with the tensor as its attribute `w`.
        let data = [
            &b"\x80\x02c__torch__\nM\n)\x81}X\x01\0\0\0w"[..],
            &value[..value.len() - 1],
            b"sb.",
        ]
        .concat();
        let mut bytes = Vec::new();
        let mut writer = ArchiveWriter::new(&mut bytes, "m").unwrap();
        writer.add("data.pkl", &data, Packing::Stored).unwrap();
        writer
            .add("code/__torch__.py", code.as_bytes(), Packing::Stored)
            .unwrap();
        writer
            .add("constants.pkl", b"\x80\x02).", Packing::Stored)
            .unwrap();
        writer.add("data/0", &[0; 40], Packing::Stored).unwrap();
        writer.finish(3).unwrap();
        attempt(bytes)
    };
    run("K\x0a", "K\0", "K\x0a", "K\x01").unwrap();
    run("K\x0a", "K\x02", "K\x02K\x02", "K\x04K\x02").unwrap();
    run("K\x0a", "K\x09", "J\0\0\x01\0", "K\0").unwrap(); // one element many times
    let minus = "J\u{ff}\u{ff}\u{ff}\u{ff}";
    let huge = "\u{8a}\x08\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\x7f";
    for (count, offset, sizes, strides, part) in [
        (
            "K\x0b",
            "K\0",
            "K\x0b",
            "K\x01",
            "has 40 bytes, and the pickle asks for 44",
        ),
        (
            huge,
            "K\0",
            "K\x0b",
            "K\x01",
            "a storage of 9223372036854775807 elements",
        ),
        (minus, "K\0", "K\x01", "K\x01", "a storage of -1 elements"),
        ("K\x0a", "K\0", "K\x0a", minus, "strides [-1]"),
        ("K\x0a", minus, "K\x02", "K\x01", ""),
        ("K\x0a", "K\0", minus, "K\x01", ""),
        ("K\x0a", "K\x01", "K\x0a", "K\x01", ""),
        ("K\x0a", huge, "K\x01", "K\x01", ""),
        ("K\x0a", "K\0", "K\x02", huge, ""),
        ("K\x0a", "K\0", huge, "K\x01", ""),
        ("K\x0a", "K\0", &format!("{huge}{huge}"), "K\0K\0", ""),
        ("K\x0a", "K\0", "K\x02K\x02", "K\x01", ""),
        ("K\x0a", "K\0", "X\x01\0\0\0a", "K\x01", "expected an int"),
    ] {
        let error = run(count, offset, sizes, strides).expect_err("it ran");
        assert!(error.to_string().contains(part), "expected `{part}` in: {error}");
    }
}

/// Objects and containers that contain themselves, and deep ones.
#[test]
fn forged_graphs_of_objects() {
    let code = "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  child : Any\n  def features(self: __torch__.M, x: Tensor) -> Tensor:\n    return x\n";
    // M whose `child` is itself; a list in itself; a dict as its own value.
    refused(
        code,
        b"\x80\x02c__torch__\nM\n)\x81q\0}X\x05\0\0\0childh\0sb.",
        "contains itself",
    );
    refused(
        code,
        b"\x80\x02c__torch__\nM\n)\x81}X\x05\0\0\0child]q\0h\0asb.",
        "contains itself",
    );
    refused(
        code,
        b"\x80\x02c__torch__\nM\n)\x81}X\x05\0\0\0child}q\0X\x01\0\0\0kh\0ssb.",
        "contains itself",
    );
    // 10,000 tuples in each other, and 10,000 objects.
    let deep = [
        &b"\x80\x02c__torch__\nM\n)\x81}X\x05\0\0\0childN"[..],
        &[0x85; 10_000],
        b"sb.",
    ]
    .concat();
    refused(code, &deep, "deeper than the allowed 1000");
    let object = b"c__torch__\nM\n)\x81}X\x05\0\0\0child";
    let deep = [
        &b"\x80\x02"[..],
        &object.repeat(10_000),
        b"N",
        &b"sb".repeat(10_000),
        b".",
    ]
    .concat();
    refused(code, &deep, "deeper than the allowed 1000");
}

/// Deflated entries that grow: one of a large ratio, and several that are too much together.
#[test]
fn bombs() {
    let check = |sizes: &[usize]| {
        let mut bytes = Vec::new();
        let mut writer = ArchiveWriter::new(&mut bytes, "m").unwrap();
        writer.add("data.pkl", OBJECT, Packing::Stored).unwrap();
        writer
            .add("constants.pkl", b"\x80\x02).", Packing::Stored)
            .unwrap();
        for (i, &size) in sizes.iter().enumerate() {
            let name = if i == 0 {
                "code/__torch__.py".to_string()
            } else {
                format!("code/m{i}.py")
            };
            writer.add(&name, &vec![b'\n'; size], Packing::Deflated).unwrap();
        }
        writer.finish(3).unwrap();
        assert!(bytes.len() < 1 << 20);
        let error = attempt(bytes).unwrap_err();
        assert!(error.to_string().contains("would inflate to"), "{error}");
    };
    check(&[150 << 20]);
    check(&[30 << 20; 5]);
}

/// Entries that lie over each other or outside of the file.
#[test]
fn forged_directories() {
    let good = archive(&class("    return x\n"), OBJECT);
    let at = |part: &[u8]| good.windows(part.len()).rposition(|w| w == part).unwrap();
    // In the directory the name follows 46 bytes; sizes are at 20 and 24 of them, the offset at 42.
    let (entry, other) = (at(b"m/data.pkl") - 46, at(b"m/constants.pkl") - 46);
    let patched = |place: usize, value: &[u8]| {
        let mut bytes = good.clone();
        bytes[place..place + value.len()].copy_from_slice(value);
        bytes
    };
    for bytes in [
        patched(entry + 20, &[255, 255, 255, 0, 255, 255, 255, 0]),
        patched(entry + 20, &[255; 8]),
        patched(entry + 24, &[255, 255, 0, 0]),
        patched(entry + 42, &good[other + 42..other + 46]),
        patched(entry + 42, &[0, 0, 0, 0x7f]),
    ] {
        let error = attempt(bytes).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::File, "{error}");
    }
}
