//! Any bytes as an archive or a checkpoint: opened, listed, read and taken apart. What is read must be what its directory
//! says.
#![no_main]

use flambeau_archive::pickle::{Value, View};
use flambeau_archive::{Archive, Checkpoint, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        inflate_base: 1 << 20,
        ..Limits::default()
    };
    if let Ok(checkpoint) = Checkpoint::from_bytes(bytes.to_vec(), &limits, &mut |_, _| true) {
        let pickle = checkpoint.pickle();
        for &id in pickle.postorder() {
            if let View::Persistent(id) = pickle.view(Value::Node(id))
                && let Some(&[_, _, key, ..]) = pickle.as_tuple(id)
                && let Some(key) = pickle.as_str(key)
            {
                let _ = checkpoint.storage(key);
            }
        }
    }
    let Ok(mut archive) = Archive::from_bytes(bytes.to_vec(), &limits) else {
        return;
    };
    let _ = archive.expect_torchscript();
    let _ = archive.version();
    let _ = archive.byte_order();
    let _ = archive.legacy_model();
    let names: Vec<String> = archive.entries().iter().map(|e| e.name.clone()).collect();
    for name in &names {
        if let Ok(contents) = archive.read(name) {
            assert_eq!(contents.len() as u64, archive.entry(name).map_or(0, |e| e.size));
        }
    }
    for name in &names {
        if let Ok(Some(region)) = archive.take(name) {
            assert!(archive.read(name).is_err());
            assert_eq!(
                region.to_vec(),
                bytes[archive.entry(name).map_or(0..0, |e| e.range.clone())]
            );
        }
    }
    let modules: Vec<String> = archive.package_modules().into_iter().map(str::to_owned).collect();
    if let Some(module) = modules.first() {
        let _ = archive.into_package_module(module);
    }
});
