//! The program as its users meet it: wrong files, wrong inputs, outputs that cannot be written. What it says and with
//! which code it ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
        .to_string_lossy()
        .into_owned()
}

fn model() -> String {
    repository("examples/digits/model.pt")
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn flambeau(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flambeau"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Ends with the code and says the part: on the standard output for 0 and 1, else on the standard error.
#[track_caller]
fn check(arguments: &[&str], code: i32, part: &str) {
    let output = flambeau(arguments);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    let text = if code < 2 { &out } else { &err };
    assert!(
        text.contains(part),
        "{arguments:?}: expected `{part}` in\n{out}\n{err}"
    );
    assert!(
        !err.contains("panicked") && !err.contains("internal error"),
        "{arguments:?}: {err}"
    );
}

#[test]
fn files_that_are_no_models() {
    let archives = "crates/flambeau-archive/tests/fixtures";
    let written = |name: &str, bytes: &[u8]| {
        let path = scratch(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_string_lossy().into_owned()
    };
    let folder = repository("examples");
    let cases = [
        (
            repository(&format!("{archives}/state_dict.pth")),
            "a checkpoint of `torch.save`",
        ),
        (
            repository(&format!("{archives}/state_dict_old.pth")),
            "in its old format",
        ),
        (
            written("w.safetensors", b"\x02\0\0\0\0\0\0\0{}"),
            "a safetensors file: weights without a program",
        ),
        (
            written("bare.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            "it is an empty zip file",
        ),
        (
            repository("crates/flambeau-cli/tests/bare.zip"),
            "a zip file without a TorchScript program",
        ),
        (written("text.pt", b"hello"), "a text file"),
        (written("empty.pt", b""), "the file is empty"),
        (repository("examples/digits/seven.png"), "a picture"),
        (folder, "a directory"),
        ("/dev/null".into(), "empty"),
        ("nowhere.pt".into(), "cannot open `nowhere.pt`"),
    ];
    for (path, part) in &cases {
        for command in ["run", "inspect", "code", "graph", "bench"] {
            check(&[command, path], 2, part);
            // The file is named, whatever it is.
            check(&[command, path], 2, path.rsplit('/').next().unwrap());
        }
    }
    // An archive of the mobile interpreter keeps its code.
    check(
        &["run", &repository(&format!("{archives}/relu.ptl")), "-2.5"],
        0,
        "0",
    );
    check(
        &["run", &repository(&format!("{archives}/package.pt")), "[-2.0]"],
        0,
        "-0.5",
    );
}

#[test]
fn inputs_that_do_not_fit() {
    let model = model();
    for (arguments, part) in [
        (&[][..], "missing value for argument 'image'"),
        (
            &["rand:1x1x8x8", "3"],
            "expected at most 2 argument(s) but received 3",
        ),
        (
            &["'text'"],
            "argument `image`: expected a value of type Tensor, found a string",
        ),
        (&["text"], "a string needs quotes"),
        (&["picture=rand:1x1x8x8"], "missing value for argument 'image'"),
        (&["rand:1x1x8x8", "image=rand:1x1x8x8"], "image"),
        (
            &["rand:1x1x8x8:i64"],
            "Input type (long) and bias type (float) should be the same",
        ),
        (
            &["rand:2x1x8x8"],
            "builtins.ValueError: expected one image, found 2",
        ),
        (&["rand:1x1x8x8:f33"], "`f33` is not a dtype"),
        (&["rand:-1x2"], "`-1` is not a size"),
        (&["rand:100000x100000x100000:f32"], "is too large"),
        (
            &["rand:90000x90000:f64"],
            "you tried to allocate 64800000000 bytes",
        ),
        (
            &["zeros:90000x90000:f64"],
            "you tried to allocate 64800000000 bytes",
        ),
        (&["nowhere.npy"], "cannot read `nowhere.npy`"),
        (&["[nowhere.npy]"], "cannot read `nowhere.npy`"),
        (&["--image", "nowhere.png"], "cannot read `nowhere.png`"),
        (
            &["--method", "nothing"],
            "has no method `nothing`; it has [forward, top, features]",
        ),
        (&["rand:1x1x8x8", "--time-limit", "-1"], "seconds"),
        (
            &["rand:1x1x8x8", "-o", "/nowhere/x.json"],
            "cannot write a file in `/nowhere`",
        ),
        (
            &["rand:1x1x8x8", "-o", "x.doc"],
            "expected a file of one of the kinds",
        ),
    ] {
        check(&[&["run", &*model], arguments].concat(), 2, part);
    }
    check(&["run", &model, "rand:1x1x8x8"], 0, "(");
    check(
        &["run", &model, "image=rand:8x8x3", "--method", "features"],
        2,
        "RuntimeError",
    );
}

#[test]
fn what_inspect_shows() {
    let fixture = |name: &str| repository(&format!("crates/flambeau/tests/fixtures/{name}"));
    check(&["inspect", &fixture("devices_cuda.pt")], 0, "devices: cuda:0");
    check(
        &["inspect", &fixture("old_1.0.1.pt")],
        0,
        "written by pytorch 1.0",
    );
    check(
        &["inspect", &fixture("old_1.0.1.pt")],
        0,
        "a TorchScript archive of PyTorch 1.0 to 1.2, format version 1",
    );
    check(
        &["inspect", &fixture("features.pt")],
        0,
        "extra files: more/data.bin, note.txt",
    );
    check(&["inspect", &model(), "--json"], 0, "\"format_version\": 3");
    // A model that cannot run: operators and functions that are not there, each with its places.
    let missing = fixture("unknown_ops.pt");
    check(&["inspect", &missing], 0, "mine::sharpen");
    check(&["inspect", &missing], 0, "code/__torch__.py:7");
    check(&["inspect", &missing], 0, "mine::blur");
    check(&["run", &missing, "rand:2"], 2, "mine::sharpen");
    // One whose objects cannot even be restored.
    let broken = fixture("broken_state.pt");
    for part in [
        "mine::unpack",
        "code/__torch__.py:11",
        "forward(__torch__.M self, Tensor x) -> Tensor",
    ] {
        check(&["inspect", &broken], 0, part);
    }
    check(
        &["code", &broken, "--method", "forward"],
        0,
        "torch.add(x, packed)",
    );
    check(&["graph", &broken], 0, "aten::add");
    check(&["run", &broken, "rand:2"], 2, "mine::unpack");
}

#[test]
fn outputs() {
    let model = model();
    // A reader that goes away is no error; a full disk is one.
    let mut child = Command::new(env!("CARGO_BIN_EXE_flambeau"))
        .args(["inspect", &model])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flambeau"));
        let output = command.args(["inspect", &model]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the output"));
    }
    // A model through a pipe.
    let mut child = Command::new(env!("CARGO_BIN_EXE_flambeau"))
        .args(["run", "/dev/stdin", "rand:1x1x8x8"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&std::fs::read(&model).unwrap())
        .unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let file = scratch("out.safetensors");
    let path = file.to_string_lossy();
    check(
        &["run", &model, "rand:1x1x8x8", "--method", "top", "-o", &path],
        0,
        "",
    );
    assert!(file.exists());
}

/// Numbers among the outputs compare with tensors of no dimension, as the recorded models have them.
#[test]
fn verify_compares_numbers() {
    let model = model();
    let (io, answer) = (scratch("io.safetensors"), scratch("answer.json"));
    let (io, answer) = (io.to_string_lossy(), answer.to_string_lossy());
    check(&["run", &model, "zeros:1x1x8x8", "-o", &answer], 0, "");
    let found: serde_json::Value = serde_json::from_slice(&std::fs::read(&*answer).unwrap()).unwrap();
    let write = |digit: f64, probability: f64| {
        let header = r#"{"in.0":{"dtype":"F32","shape":[1,1,8,8],"data_offsets":[0,256]},"out.0":{"dtype":"I64","shape":[],"data_offsets":[256,264]},"out.1":{"dtype":"F32","shape":[],"data_offsets":[264,268]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 256]);
        bytes.extend((digit as i64).to_le_bytes());
        bytes.extend((probability as f32).to_le_bytes());
        std::fs::write(&*io, bytes).unwrap();
    };
    let (digit, probability) = (found[0].as_f64().unwrap(), found[1].as_f64().unwrap());
    write(digit, probability);
    check(&["verify", &model, &io], 0, "ok   out.1");
    write(digit + 1.0, probability);
    check(&["verify", &model, &io], 1, "FAIL out.0");
    write(digit, probability + 0.1);
    check(&["verify", &model, &io, "--json"], 1, "\"agrees\": false");
    check(&["verify", &model, &model], 2, "model.pt");
}

#[test]
fn source_files() {
    let written = |name: &str, text: &str| {
        let path = scratch(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let good = written(
        "good.py",
        "def twice(n: int) -> int:\n    return 2 * n\n\ndef half(x: float) -> float:\n    return x / 2.0\n",
    );
    let bad = written("bad.py", "def f(n: int) -> str:\n    return n\n");
    let saved = scratch("twice.pt").to_string_lossy().into_owned();
    check(&["run", &good, "--entry", "twice", "21"], 0, "42");
    check(
        &["code", &good, "--entry", "half"],
        0,
        "def half(x: float) -> float:",
    );
    check(&["graph", &good, "--entry", "twice"], 0, "aten::mul");
    check(&["compile", &good], 0, "twice, half");
    check(&["run", &good, "1"], 2, "choose one with `--entry`: twice, half");
    check(&["run", &good, "--entry", "thrice", "1"], 2, "thrice");
    check(&["compile", &good, "--entry", "twice", "-o", &saved], 0, "");
    check(&["run", &saved, "4"], 0, "8");
    check(
        &["run", &saved, "--entry", "twice", "4"],
        2,
        "is for source files",
    );
    check(&["compile", &bad], 2, "error[type.return]");
    check(&["run", &bad, "3"], 2, "expected `str`, found `int`");
}
