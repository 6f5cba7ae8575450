//! Operators whose meaning changed: code of an old archive gets what it got then. `make_versions.py` recorded the cases
//! with PyTorch.

use flambeau::{ErrorKind, LoadOptions, Module};
use flambeau_archive::{ArchiveWriter, Packing};
use serde_json::Value;

const HEAD: &str = "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n  def forward(self: __torch__.M) -> Tensor:\n";
const DATA: &[u8] = b"\x80\x02c__torch__\nM\n)\x81}X\x08\x00\x00\x00training\x88sb.";

fn archive(body: &[Value], version: u64) -> Vec<u8> {
    let mut code = HEAD.to_string();
    for line in body {
        code.push_str(&format!("    {}\n", line.as_str().unwrap()));
    }
    let mut bytes = Vec::new();
    let mut writer = ArchiveWriter::new(&mut bytes, "m").unwrap();
    let entries = [
        ("data.pkl", DATA),
        ("code/__torch__.py", code.as_bytes()),
        ("constants.pkl", b"\x80\x02)."),
    ];
    for (name, data) in entries {
        writer.add(name, data, Packing::Stored).unwrap();
    }
    writer.finish(version).unwrap();
    bytes
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| f64::from(value.as_bool() == Some(true)))
}

#[test]
fn results_of_their_own_time() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../fixtures/versions.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let version = case["version"].as_u64().unwrap();
        let body = case["body"].as_array().unwrap();
        let module = Module::from_bytes(archive(body, version), &LoadOptions::default()).unwrap();
        let expected = &case["expected"];
        let found = match module.forward(&[]) {
            Ok(found) => found,
            Err(error) if expected.is_null() => {
                assert_ne!(*error.kind(), ErrorKind::Internal, "{error}");
                continue;
            }
            Err(error) => {
                wrong.push(format!("{case}: {error}"));
                continue;
            }
        };
        let tensor = found.as_tensor().unwrap();
        let values: Vec<f64> = tensor.to_scalars().unwrap().iter().map(|s| s.to_f64()).collect();
        let wanted: Vec<f64> = expected["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(number)
            .collect();
        let same = values.len() == wanted.len()
            && values
                .iter()
                .zip(&wanted)
                .all(|(a, b)| a == b || (a - b).abs() <= 2e-6 * b.abs());
        if !same
            || tensor.dtype().torch_name() != format!("torch.{}", expected["dtype"].as_str().unwrap_or(""))
        {
            wrong.push(format!(
                "{case}: found {} {values:?}",
                tensor.dtype().torch_name()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
