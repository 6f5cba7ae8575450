//! Reading archives that PyTorch wrote.

use flambeau_archive::pickle::{self, Value, View};
use flambeau_archive::{Archive, ByteOrder, Checkpoint, ErrorKind, FileKind, Limits};
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn open(name: &str) -> Archive {
    Archive::open(fixture(name), &Limits::default()).unwrap()
}

#[test]
fn an_archive_of_pytorch() {
    let mut archive = open("everything.pt");
    archive.expect_torchscript().unwrap();
    archive.verify().unwrap();
    assert_eq!(archive.root(), "everything");
    assert_eq!(archive.version().unwrap(), 3);
    assert_eq!(archive.extra_files().collect::<Vec<_>>(), ["note.txt"]);
    assert!(
        archive
            .read_text("code/__torch__.py")
            .unwrap()
            .contains("class Everything(Module):")
    );
    let counter = archive.take("data/0").unwrap().unwrap();
    assert_eq!(counter.as_ptr() as usize % 64, 0);
    assert!(counter.is_writable());
    assert_eq!(archive.read("data/0").unwrap_err().kind(), ErrorKind::Missing);
    assert!(archive.take("code/__torch__.py").unwrap().is_none());
}

#[test]
fn a_pickle_of_pytorch() {
    let archive = open("everything.pt");
    let mut globals = Vec::new();
    let data = archive.read("data.pkl").unwrap();
    let pickle = pickle::read(&data, archive.limits(), &mut |module, name| {
        globals.push(format!("{module}.{name}"));
        true
    })
    .unwrap();
    assert!(
        globals.contains(&"torch._utils._rebuild_tensor_v2".to_owned()),
        "{globals:?}"
    );
    let View::Object(object) = pickle.view(pickle.root()) else {
        panic!()
    };
    assert_eq!(
        pickle.global(object.callable).unwrap().to_string(),
        "__torch__.Everything"
    );
    let state = pickle.as_dict(object.state.unwrap()).unwrap();
    let names: Vec<_> = state
        .iter()
        .map(|&(key, _)| pickle.as_str(key).unwrap())
        .collect();
    for name in ["counter", "linear", "ints", "maybe"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let written = pickle::write(&pickle);
    let again = pickle::read(&written, archive.limits(), &mut |_, _| true).unwrap();
    assert_eq!(pickle::write(&again), written);
    let forbidden = pickle::read(&data, archive.limits(), &mut |_, name| name != "complex").unwrap_err();
    assert_eq!(forbidden.kind(), ErrorKind::Forbidden);
}

#[test]
fn checkpoints_are_not_programs() {
    let kind = |name| match Archive::open(fixture(name), &Limits::default()) {
        Ok(archive) => archive.kind(),
        Err(e) => match e.kind() {
            ErrorKind::NotTorchScript(kind) => kind,
            other => panic!("{name}: {other:?} {e}"),
        },
    };
    assert_eq!(kind("everything.pt"), FileKind::TorchScript);
    assert_eq!(kind("relu.ptl"), FileKind::TorchScript);
    assert_eq!(kind("state_dict.pth"), FileKind::Checkpoint);
    assert_eq!(kind("state_dict_old.pth"), FileKind::CheckpointLegacy);
    assert_eq!(kind("."), FileKind::Directory);
    assert_eq!(kind("make.py"), FileKind::Text);
}

#[test]
fn a_module_inside_of_a_package() {
    let package = open("package.pt");
    assert_eq!(package.kind(), FileKind::Package);
    assert_eq!(package.package_modules(), ["0"]);
    assert!(
        package
            .expect_torchscript()
            .unwrap_err()
            .to_string()
            .contains("TorchScript modules inside (`0`)")
    );
    let mut archive = package.into_package_module("0").unwrap();
    archive.expect_torchscript().unwrap();
    archive.verify().unwrap();
    assert!(archive.version().unwrap() >= 3);
    assert!(archive.contains("data.pkl") && archive.contains("constants.pkl"));
    assert!(archive.contains("code/__torch__/torch/nn/modules/activation.py"));
    assert_eq!(archive.take("data/0.storage").unwrap().unwrap().len(), 4);
    assert!(archive.take("constants/0.storage").is_err());
    let missing = open("package.pt").into_package_module("7").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Missing);
    assert!(open("everything.pt").into_package_module("0").is_err());
}

#[test]
fn checkpoints_old_and_new() {
    let open = |name| Checkpoint::open(fixture(name), &Limits::default(), &mut |module, _| module != "os");
    for name in ["state_dict.pth", "state_dict_old.pth"] {
        let checkpoint = open(name).unwrap();
        assert_eq!(checkpoint.byte_order(), ByteOrder::Little);
        let pickle = checkpoint.pickle();
        let storage = pickle
            .postorder()
            .iter()
            .find_map(|&id| match pickle.view(Value::Node(id)) {
                View::Persistent(id) => pickle.as_tuple(id),
                _ => None,
            });
        let key = pickle.as_str(storage.unwrap()[2]).unwrap();
        assert_eq!(
            &*checkpoint.storage(key).unwrap(),
            [1f32, 1.0].map(f32::to_le_bytes).as_flattened(),
            "{name}"
        );
        assert_eq!(checkpoint.storage("none").unwrap_err().kind(), ErrorKind::Missing);
    }
    assert!(
        open("everything.pt")
            .unwrap_err()
            .to_string()
            .ends_with("not a checkpoint of `torch.save`")
    );
    assert_eq!(
        open("make.py").unwrap_err().kind(),
        ErrorKind::NotTorchScript(FileKind::Text)
    );
    let old = std::fs::read(fixture("state_dict_old.pth")).unwrap();
    for len in 14..old.len() {
        let error =
            Checkpoint::from_bytes(old[..len].to_vec(), &Limits::default(), &mut |_, _| true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
    }
}
