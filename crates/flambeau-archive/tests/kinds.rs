//! Files that are not TorchScript archives are named, with what to do about them.

use flambeau_archive::{Archive, ArchiveWriter, ErrorKind, FileKind, Limits, Packing};

#[track_caller]
fn check(bytes: &[u8], expected: FileKind) {
    let error = match Archive::from_bytes(bytes.to_vec(), &Limits::default()) {
        Ok(archive) => archive.expect_torchscript().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::NotTorchScript(expected), "{error}");
    let sentence = error.to_string();
    assert!(
        sentence.contains(expected.describe()) && sentence.ends_with(expected.advice()),
        "{sentence}"
    );
}

#[test]
fn by_their_bytes() {
    use FileKind::*;
    check(b"", Empty);
    check(b"PYTORCH1\0\0\0\0", Preview);
    check(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", CheckpointLegacy);
    check(b"\x80\x04\x95\x12\0\0\0\0\0\0\0}\x94.", Pickle);
    check(b"\x89HDF\r\n\x1a\n\0\0", Hdf5);
    check(b"GGUF\x03\0\0\0", Gguf);
    check(b"\x93NUMPY\x01\0v\0", Npy);
    check(b"\x1f\x8b\x08\0", Gzip);
    check(b"\x89PNG\r\n\x1a\n\0", Picture);
    check(b"\xff\xd8\xff\xe0\0", Picture);
    check(b"7z\xbc\xaf\x27\x1c\0\x04", SevenZip);
    check(b"\x1c\0\0\0TFL3\0\0", TfLite);
    check(b"\x1c\0\0\0PTMF\0\0", MobileFlatbuffer);
    check(b"\x1c\0\0\0ET12\0\0", ExecuTorch);
    check(b"\x02\0\0\0\0\0\0\0{}", Safetensors);
    check(b"\x14\0\0\0\0\0\0\0{\"w\":{}}            ", Safetensors);
    check(b"\x08\x07\x12\x07pytorch:\x10", Onnx);
    check(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        GitLfsPointer,
    );
    check(b"  <!DOCTYPE html>\n<html><title>404</title>", Html);
    check(b"Not Found", Text);
    check(b"\xff\xfe\x00\x01", Unknown);
    check(&[0; 600], Unknown);
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    check(&tar, Tar);
    tar[512..520].copy_from_slice(b"storages");
    check(&tar, CheckpointTar);
}

#[test]
fn by_their_entries() {
    use FileKind::*;
    let check = |names: &[&str], expected| {
        let mut writer = ArchiveWriter::new(Vec::new(), "m").unwrap();
        for name in names {
            writer.add(name, b"", Packing::Stored).unwrap();
        }
        check(&writer.finish(3).unwrap(), expected);
    };
    check(&["data.pkl", "data/0"], Checkpoint);
    check(&["bytecode.pkl", "constants.pkl"], MobileBytecode);
    check(
        &[".data/python_version", ".data/extern_modules", "m/model.pkl"],
        Package,
    );
    check(&["archive_format", "models/model.json", "data/weights/w"], Export);
    check(&["serialized_exported_program.json"], Export);
    check(&["data/aotinductor/model/model.so"], AotInductor);
    check(&["MAR-INF/MANIFEST.json", "model.pt"], TorchServe);
    check(&["readme"], Zip);
}

#[test]
fn programs() {
    use FileKind::*;
    let check = |names: &[&str], expected| {
        let mut writer = ArchiveWriter::new(Vec::new(), "m").unwrap();
        for name in names {
            writer.add(name, b"", Packing::Stored).unwrap();
        }
        let archive = Archive::from_bytes(writer.finish(3).unwrap(), &Limits::default()).unwrap();
        archive.expect_torchscript().unwrap();
        assert_eq!(archive.kind(), expected);
    };
    check(&["data.pkl", "constants.pkl", "code/__torch__.py"], TorchScript);
    check(
        &["data.pkl", "constants.pkl", "code/__torch__.py", "bytecode.pkl"],
        TorchScript,
    );
    check(&["model.json", "code/m.py", "tensors/0"], TorchScriptLegacy);
}
