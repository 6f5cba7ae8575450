//! What loading takes: weights stay in the file's map.

use flambeau::{DType, Module};
use flambeau_archive::{ArchiveWriter, Packing, write_file};

use super::check;

const CODE: &str = "class M(Module):\n  __parameters__ = [\"w\", ]\n  __buffers__ = []\n  w : Tensor\n  def forward(self: __torch__.M, i: int) -> Tensor:\n    return torch.select(self.w, 0, i)\n";
const ELEMENTS: u32 = 16 << 20;

/// The process's peak of memory, in bytes.
fn peak() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[test]
fn weights_stay_in_the_file() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("weights.pt");
    let mut data = b"\x80\x02c__torch__\nM\n)\x81}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\00X\x03\0\0\0cpuJ".to_vec();
    data.extend(ELEMENTS.to_le_bytes());
    data.extend(b"tQK\0(J");
    data.extend(ELEMENTS.to_le_bytes());
    data.extend(b"t(K\x01t\x89}tRsb.");
    write_file(&path, |file| {
        let mut writer = ArchiveWriter::new(file, "m")?;
        writer.add("data.pkl", &data, Packing::Stored)?;
        writer.add("code/__torch__.py", CODE.as_bytes(), Packing::Deflated)?;
        writer.add("constants.pkl", b"\x80\x02).", Packing::Stored)?;
        let mut weights = vec![0u8; ELEMENTS as usize * 4];
        weights[40..44].copy_from_slice(&2.5f32.to_le_bytes());
        writer.add("data/0", &weights, Packing::Stored)?;
        writer.finish(3)?;
        Ok(())
    })
    .unwrap();
    let len = std::fs::metadata(&path).unwrap().len();
    let can_reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = peak();
    let module = Module::load(&path).unwrap();
    let found = module.forward(&[10i64.into()]).unwrap();
    if let (true, Some(before), Some(after)) = (can_reset, before, peak()) {
        // 1.2 times the file and 20 MB would be allowed; nothing of the weights but the page that is read is taken.
        let grown = after.saturating_sub(before);
        assert!(grown < len / 4, "loading {len} bytes took {grown}");
    }
    check(&found, DType::Float, &[2.5]);
    // Writing to the weights leaves the file alone.
    let weight = module.attribute("w").unwrap();
    weight.as_tensor().unwrap().fill_(7.0).unwrap();
    check(&module.forward(&[10i64.into()]).unwrap(), DType::Float, &[7.0]);
    let again = Module::load(&path).unwrap();
    check(&again.forward(&[10i64.into()]).unwrap(), DType::Float, &[2.5]);
    drop((module, again));
    std::fs::remove_file(&path).unwrap();
}
