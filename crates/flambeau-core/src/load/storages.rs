//! Tensor memory out of an archive: where it lies in the mapped file whenever that can be, copied otherwise. Storages
//! are made once per entry, so tensors that shared memory when they were saved share it again.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_archive::{Archive, ByteOrder, Region};
use flambeau_tensor::{DType, Storage};

use super::error::{LoadError, Result};

#[derive(Default)]
pub(super) struct Storages {
    /// By where the entry lies: an entry may go by two names.
    made: HashMap<(usize, u64), Arc<Storage>>,
}

impl Storages {
    /// The storage of an entry, which must hold `count` elements.
    pub(super) fn get(
        &mut self,
        archive: &mut Archive,
        entry: &str,
        dtype: DType,
        count: i64,
    ) -> Result<Arc<Storage>> {
        let wanted = u64::try_from(count)
            .ok()
            .and_then(|n| n.checked_mul(dtype.size() as u64))
            .ok_or_else(|| LoadError::data(format!("`{entry}`: a storage of {count} elements")))?;
        let short = |have: u64| {
            let message = format!("`{entry}` has {have} bytes, and the pickle asks for {wanted}");
            Err(LoadError::data(message))
        };
        let (start, size) = match archive.entry(entry) {
            Some(found) => (found.range.start, found.size),
            None if count == 0 => return Ok(Storage::zeroed(0)?),
            None => return Err(LoadError::data(format!("the archive has no entry `{entry}`"))),
        };
        if size < wanted {
            return short(size);
        }
        if let Some(storage) = self.made.get(&(start, size)) {
            return Ok(storage.clone());
        }
        let swap = archive.byte_order()? == ByteOrder::Big && dtype.size() > 1;
        let storage = match archive.take(entry)? {
            Some(region) if swap => Storage::from_bytes(&swapped(region.to_vec(), dtype))?,
            Some(region) => in_place(region, dtype)?,
            None => {
                let bytes = archive.read(entry)?;
                match swap {
                    true => Storage::from_bytes(&swapped(bytes.into_owned(), dtype))?,
                    false => Storage::from_bytes(&bytes)?,
                }
            }
        };
        self.made.insert((start, size), storage.clone());
        Ok(storage)
    }
}

/// Lends the region to a storage if its elements are aligned and may be written.
#[allow(unsafe_code)]
fn in_place(region: Region, dtype: DType) -> Result<Arc<Storage>> {
    let (start, len) = (region.as_ptr(), region.len());
    let component = if dtype.is_complex() {
        dtype.size() / 2
    } else {
        dtype.size()
    };
    if !region.is_writable() || !(start as usize).is_multiple_of(component.max(1)) {
        return Ok(Storage::from_bytes(&region.to_vec())?);
    }
    // A bool must be 0 or 1 wherever it is read as one; the tensor crate checks that when it reads.
    // SAFETY: the region keeps its `len` bytes mapped, private and writable while it lives; the archive gives each
    // entry out once and does not read it afterwards; the alignment was checked.
    Ok(unsafe { Storage::parameters(start, len, Box::new(region)) })
}

/// Elements with their bytes in the machine's order.
fn swapped(mut bytes: Vec<u8>, dtype: DType) -> Vec<u8> {
    let width = if dtype.is_complex() {
        dtype.size() / 2
    } else {
        dtype.size()
    };
    bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    bytes
}

/// The dtype of a storage class: `FloatStorage`.
pub(super) fn storage_dtype(class: &str) -> Option<DType> {
    DType::from_name(class.strip_suffix("Storage")?)
}

/// The dtypes of PyTorch that have a storage class and nothing here to hold them.
pub(super) fn unsupported_dtype(class: &str) -> Option<String> {
    let name = class.strip_suffix("Storage")?.to_ascii_lowercase();
    (name.starts_with("float8_") || matches!(&*name, "uint16" | "uint32")).then_some(name)
}
