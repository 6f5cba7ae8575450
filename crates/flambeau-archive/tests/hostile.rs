//! Damaged and forged files: each is refused with a sentence, or read without harm.

use flambeau_archive::pickle;
use flambeau_archive::{Archive, ErrorKind, Limits, Result};

fn small() -> Vec<u8> {
    std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/everything.pt"
    ))
    .unwrap()
}

/// Does everything there is to do with an archive.
fn exercise(bytes: &[u8]) -> Result<()> {
    let limits = Limits::default();
    let mut archive = Archive::from_bytes(bytes.to_vec(), &limits)?;
    archive.expect_torchscript()?;
    archive.version()?;
    archive.byte_order()?;
    let names: Vec<String> = archive.entries().iter().map(|e| e.name.clone()).collect();
    for name in &names {
        let contents = archive.read(name)?;
        if name.ends_with("pkl") {
            let pickle = pickle::read(&contents, &limits, &mut |_, _| true)?;
            let written = pickle::write(&pickle);
            let again = pickle::read(&written, &limits, &mut |_, _| true)?;
            assert_eq!(pickle::write(&again), written);
        }
    }
    for name in &names {
        if let Some(region) = archive.take(name)? {
            assert_eq!(region.to_vec().len(), region.len());
        }
    }
    Ok(())
}

#[test]
fn truncation() {
    let bytes = small();
    exercise(&bytes).unwrap();
    for len in (0..bytes.len()).step_by(97).chain(bytes.len() - 60..bytes.len()) {
        let error = exercise(&bytes[..len]).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotTorchScript(_)),
            "{len}: {:?} {error}",
            error.kind()
        );
    }
}

#[test]
fn flipped_bytes() {
    let original = small();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut refused = 0;
    for _ in 0..4000 {
        let mut bytes = original.clone();
        for _ in 0..1 + random() % 3 {
            let at = random() as usize % bytes.len();
            bytes[at] ^= 1 << (random() % 8);
        }
        refused += usize::from(exercise(&bytes).is_err());
    }
    // A flip in the padding or a time stamp is harmless.
    assert!(refused > 2000, "{refused}");
}

/// Flips inside of a pickle get past the checksums when they are made first.
#[test]
fn flipped_pickles() {
    let limits = Limits::default();
    let archive = Archive::from_bytes(small(), &limits).unwrap();
    let original = archive.read("data.pkl").unwrap().into_owned();
    for at in 0..original.len() {
        for bit in 0..8 {
            let mut bytes = original.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(pickle) = pickle::read(&bytes, &limits, &mut |_, _| true) {
                let written = pickle::write(&pickle);
                let again = pickle::read(&written, &limits, &mut |_, _| true).unwrap();
                assert_eq!(pickle::write(&again), written);
            }
        }
        let _ = pickle::read(&original[..at], &limits, &mut |_, _| true).unwrap_err();
    }
}

/// One entry of a forged zip file: what is there, and what is claimed.
struct Forged<'a> {
    name: &'a str,
    method: u16,
    data: &'a [u8],
    size: u64,
    /// Claims that the entry lies where an earlier one does.
    at: Option<usize>,
}

fn stored<'a>(name: &'a str, data: &'a [u8]) -> Forged<'a> {
    Forged {
        name,
        method: 0,
        data,
        size: data.len() as u64,
        at: None,
    }
}

fn forge(entries: &[Forged]) -> Vec<u8> {
    let (mut file, mut directory, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for e in entries {
        let start = e.at.map_or(file.len(), |i| starts[i]);
        starts.push(start);
        let crc = crc32fast::hash(e.data);
        let mut fields = Vec::new();
        fields.extend(20u16.to_le_bytes());
        fields.extend(0x800u16.to_le_bytes());
        fields.extend(e.method.to_le_bytes());
        fields.extend([0; 4]);
        fields.extend(crc.to_le_bytes());
        fields.extend((e.data.len() as u32).to_le_bytes());
        fields.extend((e.size as u32).to_le_bytes());
        fields.extend((e.name.len() as u16).to_le_bytes());
        fields.extend([0; 2]);
        if e.at.is_none() {
            file.extend(b"PK\x03\x04");
            file.extend(&fields);
            file.extend(e.name.as_bytes());
            file.extend(e.data);
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend((start as u32).to_le_bytes());
        directory.extend(e.name.as_bytes());
    }
    let start = file.len() as u32;
    let count = (entries.len() as u16).to_le_bytes();
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count);
    file.extend(count);
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    file
}

fn refused(bytes: &[u8], kind: ErrorKind, part: &str) {
    let error = Archive::from_bytes(bytes.to_vec(), &Limits::default())
        .and_then(|a| a.verify())
        .unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn forged_directories() {
    let version = || stored("m/version", b"3\n");
    refused(
        &forge(&[
            version(),
            Forged {
                at: Some(0),
                ..stored("m/version", b"3\n")
            },
        ]),
        ErrorKind::Corrupt,
        "overlap",
    );
    refused(
        &forge(&[version(), stored("m/a", b"1"), stored("m/a", b"2")]),
        ErrorKind::Corrupt,
        "two entries named `a`",
    );
    refused(
        &forge(&[
            version(),
            Forged {
                at: Some(0),
                ..stored("m/other", b"3\n")
            },
        ]),
        ErrorKind::Corrupt,
        "local header",
    );
    for name in ["m/../a", "m/./a", "/m/a", "m\\a", "m/a\0b", ""] {
        refused(
            &forge(&[version(), stored(name, b"")]),
            ErrorKind::Corrupt,
            "not a valid entry name",
        );
    }
    refused(
        &forge(&[
            version(),
            Forged {
                size: 2_200_000_000,
                ..stored("m/a", b"1")
            },
        ]),
        ErrorKind::Corrupt,
        "declares a size",
    );
    refused(
        &forge(&[
            version(),
            Forged {
                method: 12,
                ..stored("m/a", b"1")
            },
        ]),
        ErrorKind::Unsupported,
        "zip method 12",
    );

    let edit = |at_from_end: usize, bytes: &[u8]| {
        let mut file = forge(&[version(), stored("m/data/0", &[0; 64])]);
        let at = file.len() - at_from_end;
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    // Counts of entries, size and offset of the directory, in the end record.
    refused(
        &edit(14, &[255, 255, 255, 255]),
        ErrorKind::Corrupt,
        "declares 65535 entries",
    );
    refused(
        &edit(10, &[255, 255, 255, 127]),
        ErrorKind::Corrupt,
        "truncated or damaged",
    );
    refused(
        &edit(6, &[255, 255, 255, 127]),
        ErrorKind::Corrupt,
        "truncated or damaged",
    );
    refused(&edit(14, &[3, 0, 2, 0]), ErrorKind::Unsupported, "several files");
    // Sizes of the last record: 22 of the end, 8 of the name and 46 of the record before.
    refused(
        &edit(22 + 8 + 46 - 20, &[0, 0, 0, 127, 0, 0, 0, 127]),
        ErrorKind::Corrupt,
        "outside of the file",
    );
    refused(
        &edit(22 + 8 + 46 - 20, &[255; 8]),
        ErrorKind::Corrupt,
        "zip64 sizes",
    );
    refused(
        &edit(22 + 8 + 46 - 42, &[255, 255, 0, 0]),
        ErrorKind::Corrupt,
        "outside of the file",
    );
    refused(
        &edit(22 + 8 + 46 - 8, &[1, 0]),
        ErrorKind::Unsupported,
        "encrypted",
    );
}

#[test]
fn bombs() {
    let zeros = vec![0u8; 80 << 20];
    let packed = miniz_oxide::deflate::compress_to_vec(&zeros, 1);
    let bomb = |size| Forged {
        name: "m/code/a.py",
        method: 8,
        data: &packed,
        size,
        at: None,
    };
    let version = || stored("m/version", b"3\n");
    // More than the budget.
    refused(
        &forge(&[version(), bomb(zeros.len() as u64)]),
        ErrorKind::Limit,
        "would inflate to",
    );
    // Several that are below the budget alone.
    let many: Vec<_> = (0..9).map(|i| format!("m/{i}")).collect();
    let half: Vec<_> = many
        .iter()
        .map(|name| Forged {
            name,
            ..bomb(zeros.len() as u64 / 2)
        })
        .collect();
    refused(&forge(&half), ErrorKind::Limit, "would inflate to");
    // Declared smaller than it is, larger than it is, and larger than deflate can do.
    refused(
        &forge(&[version(), bomb(1000)]),
        ErrorKind::Corrupt,
        "more than the declared 1000 bytes",
    );
    let text = miniz_oxide::deflate::compress_to_vec(b"import torch\n", 9);
    let file = |size| {
        forge(&[
            version(),
            Forged {
                name: "m/a",
                method: 8,
                data: &text,
                size,
                at: None,
            },
        ])
    };
    refused(&file(14), ErrorKind::Corrupt, "declared 14 bytes, found 13");
    refused(&file(100_000), ErrorKind::Corrupt, "cannot hold");
    // The checksum of `forge` is that of the compressed bytes.
    refused(&file(13), ErrorKind::Corrupt, "checksum");
    let limits = Limits {
        entries: 1,
        ..Limits::default()
    };
    let error = Archive::from_bytes(file(13), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the archive declares 2 entries, more than the allowed 1"
    );
    let limits = Limits {
        file_bytes: 10,
        ..Limits::default()
    };
    let error = Archive::from_bytes(file(13), &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

fn pickle_error(bytes: &[u8]) -> String {
    pickle::read(bytes, &Limits::default(), &mut |module, _| module != "os")
        .unwrap_err()
        .to_string()
}

#[test]
fn forged_pickles() {
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(
            pickle_error(bytes),
            expected,
            "{}",
            bytes[..bytes.len().min(50)].escape_ascii()
        );
    }
    check(
        b"",
        "pickle, byte 0: the pickle ends early: 1 bytes expected, 0 left",
    );
    check(
        b"\x80\x02N",
        "pickle, byte 3: the pickle ends early: 1 bytes expected, 0 left",
    );
    check(
        b"\x80\x09.",
        "pickle, byte 0, PROTO: protocol 9 is not a pickle protocol",
    );
    check(b".", "pickle, byte 0, STOP: a value is missing on the stack");
    check(b"NN.", "pickle, byte 2, STOP: values are left on the stack");
    check(b"(N.", "pickle, byte 2, STOP: values are left on the stack");
    check(b"(0", "pickle, byte 1, POP: a value is missing on the stack");
    check(
        b"N(\x85",
        "pickle, byte 2, TUPLE1: a value is missing on the stack",
    );
    check(b"t", "pickle, byte 0, TUPLE: a mark is missing on the stack");
    check(
        b"X\xff\xff\xff\xffabc",
        "pickle, byte 0, BINUNICODE: the pickle ends early: 4294967295 bytes expected, 3 left",
    );
    check(
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa",
        "pickle, byte 0, BINUNICODE8: the pickle ends early: 18446744073709551615 bytes expected, 1 left",
    );
    check(b"h\x07.", "pickle, byte 0, BINGET: memo slot 7 is empty");
    check(
        b"cos\nsystem\n.",
        "pickle, byte 0, GLOBAL: the global `os.system` is not part of TorchScript and will not be used",
    );
    check(
        b"\x8c\x02os\x8c\x06system\x93.",
        "pickle, byte 12, STACK_GLOBAL: the global `os.system` is not part of TorchScript and will not be used",
    );
    check(
        b"ctorch",
        "pickle, byte 0, GLOBAL: the name of a global has no end",
    );
    check(
        b"c\xff\n\xff\n",
        "pickle, byte 0, GLOBAL: the name of a global is not UTF-8",
    );
    check(b"N)R.", "pickle, byte 2, REDUCE: only a global can be called");
    check(
        b"NNb.",
        "pickle, byte 2, BUILD: expected an object to give a state to",
    );
    check(b"NNa.", "pickle, byte 2, APPEND: expected a list to append to");
    check(b"}(Nu.", "pickle, byte 3, SETITEMS: a key without a value");
    check(
        b"ca\nb\n)\x81NbNb.",
        "pickle, byte 10, BUILD: the object has a state already",
    );
    check(
        b"I1\n.",
        "pickle, byte 0, an unknown opcode: opcode 0x49 is not one that PyTorch writes into an archive",
    );
    check(b"]q\0h\0a.", "the pickle holds a container that contains itself");
    let deep = [&b"N"[..], &[0x85; 10_000], b"."].concat();
    check(&deep, "the pickle nests containers deeper than the allowed 1000");
    let deep = [&[b']'; 10_000][..], &[b'a'; 9_999], b"."].concat();
    check(&deep, "the pickle nests containers deeper than the allowed 1000");
    let marks = vec![b'('; 40 << 20];
    assert!(pickle_error(&marks).ends_with("the pickle makes more than the allowed 33554432 values"));
}

/// Thirty lists, each holding the one before twice: small here, and a billion to who copies instead of sharing.
#[test]
fn much_sharing_costs_nothing() {
    let mut bytes = b"]".to_vec();
    for slot in 0..30 {
        bytes.extend([b'q', slot, b'0', b']', b'(', b'h', slot, b'h', slot, b'e']);
    }
    bytes.push(b'.');
    let pickle = pickle::read(&bytes, &Limits::default(), &mut |_, _| true).unwrap();
    assert_eq!(pickle.postorder().len(), 31);
    assert!(pickle::write(&pickle).len() < 1000);
}
