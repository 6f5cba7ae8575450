//! Telling what a file is when it is not a TorchScript archive, and what its owner can do about it.

use crate::{Error, ErrorKind};

/// What a file seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// `torch.jit.save`, PyTorch 1.1 and later.
    TorchScript,
    /// `torch.jit.save` of PyTorch 1.0 to 1.2, with a `model.json`.
    TorchScriptLegacy,
    /// A lite-interpreter file: bytecode without the source, in a zip.
    MobileBytecode,
    /// The flatbuffer form of the mobile interpreter.
    MobileFlatbuffer,
    /// `torch.save`, PyTorch 1.6 and later.
    Checkpoint,
    /// `torch.save` before PyTorch 1.6, or with the old serialization.
    CheckpointLegacy,
    /// `torch.save` of PyTorch 0.1: a tar file.
    CheckpointTar,
    /// `torch.package`.
    Package,
    /// `torch.export.save`.
    Export,
    /// `torch.export.save` with a compiled AOTInductor model inside.
    AotInductor,
    /// A model archive of TorchServe.
    TorchServe,
    ExecuTorch,
    Safetensors,
    Onnx,
    Hdf5,
    /// GGUF, the file of llama.cpp.
    Gguf,
    Keras,
    /// `.npz` of NumPy.
    Npz,
    Npy,
    TfLite,
    /// Core ML or another plain protobuf is not told apart; a pickle that is not PyTorch's.
    Pickle,
    Gzip,
    SevenZip,
    Tar,
    /// A zip file with nothing of PyTorch in it.
    Zip,
    /// The preview format before PyTorch 1.0.
    Preview,
    GitLfsPointer,
    /// PNG, JPEG, GIF, WebP.
    Picture,
    Html,
    Text,
    Directory,
    Empty,
    Unknown,
}

impl FileKind {
    /// What it is, for a sentence.
    pub fn describe(self) -> &'static str {
        use FileKind::*;
        match self {
            TorchScript => "a TorchScript archive",
            TorchScriptLegacy => "a TorchScript archive of PyTorch 1.0 to 1.2",
            MobileBytecode => "a mobile (lite interpreter) file with bytecode only",
            MobileFlatbuffer => "a mobile (lite interpreter) flatbuffer file",
            Checkpoint => {
                "a checkpoint of `torch.save`: weights or pickled Python objects, without a program"
            }
            CheckpointLegacy => {
                "a checkpoint of `torch.save` in its old format: weights or pickled Python objects, without a program"
            }
            CheckpointTar => "a checkpoint of PyTorch 0.1: a tar file",
            Package => "a `torch.package` file",
            Export => "a program of `torch.export.save`",
            AotInductor => "a package of compiled code of AOTInductor",
            TorchServe => "a model archive of TorchServe",
            ExecuTorch => "a program of ExecuTorch",
            Safetensors => "a safetensors file: weights without a program",
            Onnx => "an ONNX model",
            Hdf5 => "an HDF5 file, as Keras writes them",
            Gguf => "a GGUF file: weights without a program",
            Keras => "a Keras model",
            Npz => "an `.npz` file of NumPy: arrays without a program",
            Npy => "an `.npy` file of NumPy: an array without a program",
            TfLite => "a TensorFlow Lite model",
            Pickle => "a Python pickle",
            Gzip => "a gzip file",
            SevenZip => "a 7-zip file",
            Tar => "a tar file",
            Zip => "a zip file without a TorchScript program in it",
            Preview => "an archive of the preview releases before PyTorch 1.0",
            GitLfsPointer => "a git-lfs pointer: a note of where the real file is",
            Picture => "a picture",
            Html => "a web page, probably the error page of a download",
            Text => "a text file",
            Directory => "a directory",
            Empty => "empty",
            Unknown => "not of a kind that is known here",
        }
    }

    /// What its owner can do next.
    pub fn advice(self) -> &'static str {
        use FileKind::*;
        match self {
            TorchScript | TorchScriptLegacy => "",
            MobileBytecode => {
                "export the model again with `torch.jit.save`, or `_save_for_lite_interpreter` of a version that keeps the code"
            }
            MobileFlatbuffer => "save the model again with `torch.jit.save`",
            Checkpoint | CheckpointLegacy | CheckpointTar => {
                "load it in Python with `torch.load`, script or trace the model, and write that with `torch.jit.save`"
            }
            Package => {
                "load the model in Python with `torch.package.PackageImporter` and write it with `torch.jit.save`"
            }
            Export | AotInductor | ExecuTorch => {
                "this is a different program format; script or trace the original model and write it with `torch.jit.save`"
            }
            TorchServe => "unpack it: the model inside, often `model.pt`, may be a TorchScript archive",
            Safetensors | Gguf | Npz | Npy => {
                "a model needs its program too: script or trace it in Python and write it with `torch.jit.save`"
            }
            Onnx | TfLite | Hdf5 | Keras => {
                "use a runtime of that format, or the original PyTorch model with `torch.jit.save`"
            }
            Pickle => {
                "pickles can run any code when loaded, so they are not; write the model with `torch.jit.save`"
            }
            Gzip | SevenZip | Tar => "unpack it first",
            Zip => {
                "check that it is the right file; if a TorchScript archive was zipped again, unzip it once"
            }
            Preview => "re-export the model with a current PyTorch",
            Picture => "the model comes first and its inputs after it",
            GitLfsPointer => "fetch the real file, for example with `git lfs pull`",
            Html | Text => "download the file again and look at what arrived",
            Directory => {
                "give the path of a `.pt` file; an unpacked archive has to be zipped without compression first"
            }
            Empty => "the download or the copy did not finish; fetch the file again",
            Unknown => "expected a zip archive that `torch.jit.save` wrote",
        }
    }
}

/// The error for a file of this kind.
pub(crate) fn refusal(kind: FileKind) -> Error {
    let (what, advice) = (kind.describe(), kind.advice());
    let message = match kind {
        FileKind::Empty => format!("the file is empty; {advice}"),
        FileKind::Unknown => {
            format!("this is not a TorchScript archive: the file is {what}; {advice}")
        }
        _ => format!("this is not a TorchScript archive but {what}; {advice}"),
    };
    Error::new(ErrorKind::NotTorchScript(kind), message)
}

pub(crate) fn directory_error() -> Error {
    refusal(FileKind::Directory)
}

/// Identifies a file that is not a zip archive by its bytes; `None` for a zip archive.
pub fn of_bytes(bytes: &[u8]) -> Option<FileKind> {
    use FileKind::*;
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if bytes.is_empty() {
        return Some(Empty);
    }
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        return None;
    }
    // The magic number of the old `torch.save`, pickled as a LONG1 of ten bytes.
    const OLD_SAVE: &[u8] = &[
        0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
    ];
    let kind = if starts(b"PYTORCH1") {
        Preview
    } else if starts(&[0x80])
        && bytes[..bytes.len().min(64)]
            .windows(OLD_SAVE.len())
            .any(|w| w == OLD_SAVE)
    {
        CheckpointLegacy
    } else if starts(&[0x80]) && matches!(bytes.get(1), Some(2..=5)) {
        Pickle
    } else if starts(b"\x89HDF\r\n\x1a\n") {
        Hdf5
    } else if starts(b"GGUF") {
        Gguf
    } else if starts(b"\x93NUMPY") {
        Npy
    } else if starts(&[0x1f, 0x8b]) {
        Gzip
    } else if starts(b"7z\xbc\xaf\x27\x1c") {
        SevenZip
    } else if starts(b"\x89PNG\r\n\x1a\n")
        || starts(&[0xff, 0xd8, 0xff])
        || starts(b"GIF8")
        || (starts(b"RIFF") && at(8, b"WEBP"))
    {
        Picture
    } else if at(4, b"TFL3") {
        TfLite
    } else if at(4, b"PTMF") {
        MobileFlatbuffer
    } else if at(4, b"ET1") {
        ExecuTorch
    } else if at(257, b"ustar") {
        if bytes[..bytes.len().min(1 << 16)]
            .windows(8)
            .any(|w| w == b"storages")
        {
            CheckpointTar
        } else {
            Tar
        }
    } else if is_safetensors(bytes) {
        Safetensors
    } else if starts(b"version https://git-lfs") {
        GitLfsPointer
    } else if is_onnx(bytes) {
        Onnx
    } else if let Some(text) = text_of(bytes) {
        let text = text.trim_start().to_ascii_lowercase();
        let html = ["<!doctype html", "<html", "<?xml", "<head", "<body"];
        if html.iter().any(|tag| text.starts_with(tag)) {
            Html
        } else {
            Text
        }
    } else if crate::directory::has_end(bytes) {
        return None; // a zip archive with something in front
    } else {
        Unknown
    };
    Some(kind)
}

/// Eight bytes of length, then JSON.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some(len) = bytes
        .get(..8)
        .and_then(|b| b.try_into().ok())
        .map(u64::from_le_bytes)
    else {
        return false;
    };
    (2..=100_000_000).contains(&len)
        && len + 8 <= bytes.len() as u64
        && bytes.get(8) == Some(&b'{')
        && bytes[9..]
            .trim_ascii_start()
            .first()
            .is_some_and(|b| matches!(b, b'"' | b'}'))
}

/// A protobuf that begins as `ModelProto` does: field 1 (ir_version, small), then a string field of the producer or
/// the graph.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=20, 0x12 | 0x1a | 0x22 | 0x2a | 0x3a | 0x42, ..])
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(512)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The cut at 512 may fall inside a character.
        Err(e) if bytes.len() > 512 && e.error_len().is_none() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    text.chars()
        .all(|c| !c.is_control() || c.is_whitespace())
        .then_some(text)
}

/// Identifies a zip archive by the names of its entries, top folder removed.
pub fn of_entries<'a>(has: impl Fn(&str) -> bool, names: impl Iterator<Item = &'a str> + Clone) -> FileKind {
    use FileKind::*;
    let any = |test: &dyn Fn(&str) -> bool| names.clone().any(test);
    let code = any(&|n: &str| n.starts_with("code/"));
    if has("model.json")
        && any(&|n: &str| n.starts_with("code/") || n.starts_with("tensors/") || n.starts_with("libs/"))
    {
        TorchScriptLegacy
    } else if has("data.pkl") && (has("constants.pkl") || code) {
        TorchScript
    } else if has("bytecode.pkl") {
        MobileBytecode
    } else if has(".data/python_version")
        || has(".data/extern_modules")
        || any(&|n: &str| n.starts_with(".data/ts_code/"))
    {
        Package
    } else if any(&|n: &str| n.starts_with("data/aotinductor/") || n.contains("/aotinductor/")) {
        AotInductor
    } else if has("archive_format")
        || has("serialized_exported_program.json")
        || has("models/model.json")
        || any(&|n: &str| n.starts_with("serialized_exported_program"))
    {
        Export
    } else if has("data.pkl") {
        Checkpoint
    } else if any(&|n: &str| n == "MAR-INF/MANIFEST.json" || n == "MANIFEST.json") {
        TorchServe
    } else if has("config.json") && has("model.weights.h5") {
        Keras
    } else if any(&|_| true) && names.clone().all(|n| n.ends_with(".npy")) {
        Npz
    } else {
        Zip
    }
}
