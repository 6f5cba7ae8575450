//! Writing archives as PyTorch writes them.

use flambeau_archive::pickle::Writer;
use flambeau_archive::{Archive, ArchiveWriter, ErrorKind, Limits, Method, Packing, root_name, write_file};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The contents of a file of PyTorch's, written by us, are the same file.
#[test]
fn equal_bytes() {
    for name in ["everything.pt", "relu.ptl", "state_dict.pth"] {
        let original = std::fs::read(fixture(name)).unwrap();
        let archive = Archive::from_bytes(original.clone(), &Limits::default()).unwrap();
        let mut writer = ArchiveWriter::new(Vec::new(), archive.root()).unwrap();
        for entry in archive.entries() {
            let packing = if entry.method == Method::Deflated {
                Packing::Deflated
            } else {
                Packing::Stored
            };
            writer
                .add(&entry.name, &archive.read(&entry.name).unwrap(), packing)
                .unwrap();
        }
        let ours = writer.finish(3).unwrap();
        assert!(
            ours == original,
            "{name} differs at byte {:?}",
            ours.iter().zip(&original).position(|(a, b)| a != b)
        );
    }
}

/// The pickle of `tests/fixtures/everything.pt`, opcode by opcode.
#[test]
fn equal_pickles() {
    let archive = Archive::open(fixture("everything.pt"), &Limits::default()).unwrap();
    let mut w = Writer::new();
    w.begin_object("__torch__", "Everything");
    w.begin_dict();

    // A tensor: its storage is memoised always, and so is the tensor.
    fn storage(w: &mut Writer, kind: &str, key: &str, len: i64) -> u32 {
        w.begin_args();
        w.str("storage");
        w.global("torch", kind);
        w.str(key);
        w.str("cpu");
        w.int(len);
        w.end_args();
        w.persistent();
        w.memoize()
    }
    fn ints(w: &mut Writer, values: &[i64]) {
        w.begin_args();
        values.iter().for_each(|&v| w.int(v));
        w.end_args();
    }
    fn rest(w: &mut Writer, offset: i64, sizes: &[i64], strides: &[i64], grad: bool) -> u32 {
        w.int(offset);
        ints(w, sizes);
        ints(w, strides);
        w.bool(grad);
        w.global("collections", "OrderedDict");
        w.end_tuple(0);
        w.reduce();
        w.end_args();
        w.reduce();
        w.memoize()
    }
    let begin = |w: &mut Writer| {
        w.global("torch._utils", "_rebuild_tensor_v2");
        w.begin_args();
    };
    w.str("counter");
    begin(&mut w);
    let counter = storage(&mut w, "LongStorage", "0", 5);
    let same = rest(&mut w, 0, &[5], &[1], false);
    w.str("training");
    w.bool(true);
    w.str("_is_full_backward_hook");
    w.none();
    w.str("same");
    w.get(same);
    w.str("view");
    begin(&mut w);
    w.get(counter);
    rest(&mut w, 1, &[2], &[1], false);
    w.str("half");
    begin(&mut w);
    storage(&mut w, "HalfStorage", "1", 2);
    rest(&mut w, 0, &[2], &[1], false);
    w.str("tensors");
    w.begin_special_list("build_tensorlist");
    begin(&mut w);
    storage(&mut w, "FloatStorage", "2", 2);
    rest(&mut w, 0, &[2], &[1], false);
    begin(&mut w);
    storage(&mut w, "FloatStorage", "3", 1);
    rest(&mut w, 0, &[1], &[1], false);
    w.end_special_list();
    w.str("empty");
    w.begin_special_list("build_intlist");
    w.end_special_list();
    w.str("ints");
    w.begin_special_list("build_intlist");
    [1, 300, 70000, -1, 1 << 40].into_iter().for_each(|v| w.int(v));
    w.end_special_list();
    w.str("floats");
    w.begin_special_list("build_doublelist");
    [0.5, f64::INFINITY].into_iter().for_each(|v| w.float(v));
    w.end_special_list();
    w.str("bools");
    w.begin_special_list("build_boollist");
    [true, false].into_iter().for_each(|v| w.bool(v));
    w.end_special_list();
    w.str("strings");
    w.begin_typed();
    w.begin_list();
    ["a", "b", "a", "grüße"].into_iter().for_each(|v| w.str(v));
    w.end_list();
    w.end_typed("List[str]");
    w.str("maybe");
    w.none();
    w.str("names");
    w.begin_typed();
    w.begin_dict();
    w.str("a");
    w.float(1.5);
    w.str("b");
    w.float(2.0);
    w.end_dict();
    w.end_typed("Dict[str, float]");
    w.str("pair");
    w.begin_tuple(2);
    w.int(1);
    w.str("x");
    w.end_tuple(2);
    w.str("many");
    w.begin_tuple(4);
    (1..=4).for_each(|v| w.int(v));
    w.end_tuple(4);
    w.str("complex");
    w.complex(1.0, 2.0);
    w.str("device");
    w.global("torch", "device");
    w.str("cpu");
    w.end_tuple(1);
    w.reduce();
    w.memoize();
    w.str("linear");
    w.begin_object("__torch__.torch.nn.modules.linear", "Linear");
    w.begin_dict();
    w.str("weight");
    begin(&mut w);
    storage(&mut w, "FloatStorage", "4", 12);
    rest(&mut w, 0, &[4, 3], &[3, 1], true);
    w.str("bias");
    begin(&mut w);
    storage(&mut w, "FloatStorage", "5", 4);
    rest(&mut w, 0, &[4], &[1], true);
    w.str("training");
    w.bool(true);
    w.str("_is_full_backward_hook");
    w.none();
    w.end_dict();
    w.build();
    w.memoize();
    w.end_dict();
    w.build();
    w.memoize();
    assert_eq!(w.finish(), &archive.read("data.pkl").unwrap()[..]);
}

#[test]
fn what_is_written_reads_back() {
    let mut writer = ArchiveWriter::new(Vec::new(), "m").unwrap();
    let big = vec![7u8; 100_000];
    writer.add("data/0", &big, Packing::Stored).unwrap();
    writer.add("code/big.py", &big, Packing::Deflated).unwrap();
    writer.add("extra/", b"", Packing::Stored).unwrap_err();
    writer.add("extra/empty", b"", Packing::Deflated).unwrap();
    writer.add("extra/../up", b"", Packing::Stored).unwrap_err();
    writer.add("data/0", b"", Packing::Stored).unwrap_err();
    writer
        .add(&"long".repeat(20_000), b"", Packing::Stored)
        .unwrap_err();
    let bytes = writer.finish(10).unwrap();
    let archive = Archive::from_bytes(bytes, &Limits::default()).unwrap();
    archive.verify().unwrap();
    assert_eq!(archive.version().unwrap(), 10);
    assert_eq!(archive.entries().len(), 6);
    assert!(archive.entries().iter().all(|e| e.range.start % 64 == 0));
    assert_eq!(
        archive.read("code/big.py").unwrap(),
        archive.read("data/0").unwrap()
    );
    assert!(archive.entry("code/big.py").unwrap().compressed_size() < 1000);
    assert_eq!(archive.read("extra/empty").unwrap().len(), 0);
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let folder = scratch("atomic");
    let path = folder.join("m.pt");
    write_file(&path, |sink| {
        ArchiveWriter::new(sink, &root_name(&path))?.finish(3).map(drop)
    })
    .unwrap();
    let first = std::fs::read(&path).unwrap();
    assert_eq!(Archive::open(&path, &Limits::default()).unwrap().root(), "m");
    let error = write_file(&path, |sink| {
        let mut writer = ArchiveWriter::new(sink, "m")?;
        writer.add("data/0", &[0; 5000], Packing::Stored)?;
        writer.add("data/0", &[0; 5000], Packing::Stored)
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read(&path).unwrap(), first);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let missing = write_file(&folder.join("no/such/m.pt"), |_| Ok(())).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
}

/// Writes the file that the test below names, and is killed while it does.
#[test]
fn slow_writer() {
    let Some(path) = std::env::var_os("FLAMBEAU_TEST_SLOW_WRITE") else {
        return;
    };
    let _ = write_file(Path::new(&path), |sink| {
        sink.write_all(&[7; 3 << 20]).unwrap();
        sink.flush().unwrap();
        println!("half");
        std::thread::sleep(Duration::from_secs(600));
        Ok(())
    });
}

#[test]
fn a_killed_save_leaves_the_old_file() {
    let folder = scratch("killed");
    let path = folder.join("m.pt");
    let save = |contents: &[u8]| write_file(&path, |sink| Ok(sink.write_all(contents).unwrap())).unwrap();
    let hidden = || -> Vec<_> {
        let all = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
        all.filter(|p| *p != path).collect()
    };
    save(b"old");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "slow_writer", "--nocapture"])
        .env("FLAMBEAU_TEST_SLOW_WRITE", &path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(|l| l.ok()).any(|l| l.ends_with("half")));

    // A save of another process meanwhile takes nothing away from it, however long it has been at it.
    let found = hidden();
    let [left] = &found[..] else {
        panic!("expected one temporary file, found {found:?}")
    };
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let age = || {
        File::options()
            .append(true)
            .open(left)
            .unwrap()
            .set_modified(hour_ago)
            .unwrap()
    };
    age();
    save(b"other");
    assert!(left.exists());

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"other");
    assert!(left.exists(), "a kill leaves no time to clean up");
    age();
    std::fs::write(folder.join(".m.pt.mine.tmp"), "").unwrap();
    std::fs::write(folder.join(".n.pt.1-0.tmp"), "").unwrap();
    save(b"new");
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert!(!left.exists());
    assert_eq!(hidden().len(), 2, "files of others stay");
}

#[test]
fn names_of_top_folders() {
    for (path, root) in [
        ("a/m.pt", "m"),
        ("m", "m"),
        ("m.tar.pt", "m.tar"),
        (".pt", "archive"),
        ("a/..", "archive"),
        ("", "archive"),
    ] {
        assert_eq!(root_name(Path::new(path)), root, "{path}");
    }
}
