//! Writing archives, byte for byte in PyTorch's layout.
//!
//! Every entry has a data descriptor and an extra field `FB` that pads its data to 64 bytes, so that a tensor can be
//! used where it lies in a mapped file. The end always carries a zip64 record. Time stamps are zero: equal contents make
//! equal files.

use crate::{Error, Result};
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

/// Data of every entry begins at a multiple of this.
pub const ALIGNMENT: u64 = 64;
/// Sizes, counts and offsets from here on need zip64 fields.
const WIDE: u64 = u32::MAX as u64;
/// Names are UTF-8, and sizes follow the data.
const FLAGS: u16 = 0x0808;

/// How an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is: tensors and pickles.
    Stored,
    /// Deflated, as PyTorch writes code and its debug records.
    Deflated,
}

/// Writes an archive to anything that takes bytes.
#[derive(Debug)]
pub struct ArchiveWriter<W: Write> {
    sink: W,
    root: String,
    at: u64,
    directory: Vec<u8>,
    names: HashSet<String>,
    name_hash: u64,
    crc_hash: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// `root` is the top folder, which PyTorch names after the file without its extension; see [`root_name`]. Empty for
    /// a zip file without one, such as `.npz`.
    pub fn new(sink: W, root: &str) -> Result<Self> {
        if !root.is_empty() {
            crate::archive::check_name(root)?;
        }
        if root.contains('/') {
            return Err(Error::corrupt(format!(
                "`{root}` is not the name of a top folder"
            )));
        }
        Ok(ArchiveWriter {
            sink,
            root: root.to_owned(),
            at: 0,
            directory: Vec::new(),
            names: HashSet::new(),
            name_hash: 0,
            crc_hash: 0,
        })
    }

    pub fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Writes one entry; the name leaves out the top folder.
    pub fn add(&mut self, name: &str, bytes: &[u8], packing: Packing) -> Result<()> {
        let full = if self.root.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.root)
        };
        crate::archive::check_name(&full)?;
        if full.ends_with('/') {
            return Err(Error::corrupt(format!("`{name}` is the name of a folder")));
        }
        let Ok(name_len) = u16::try_from(full.len()) else {
            return Err(Error::corrupt(format!(
                "a name of {} bytes does not fit in a zip archive",
                full.len()
            )));
        };
        if !self.names.insert(name.to_owned()) {
            return Err(Error::corrupt(format!(
                "the archive has an entry `{name}` already"
            )));
        }
        let crc = crc32fast::hash(bytes);
        // Three bytes and less are stored in any case; PyTorch's zip library has it so.
        let packed = (packing == Packing::Deflated && bytes.len() > 3)
            .then(|| miniz_oxide::deflate::compress_to_vec(bytes, 9));
        let (method, version) = if packed.is_some() { (8u16, 20u16) } else { (0, 0) };
        let data = packed.as_deref().unwrap_or(bytes);
        let (size, packed_size, offset) = (bytes.len() as u64, data.len() as u64, self.at);

        let zip64 = zip64_field(size, packed_size, offset);
        let start = offset + 30 + u64::from(name_len) + zip64.len() as u64 + 4;
        let padding = (start.next_multiple_of(ALIGNMENT) - start) as usize;
        let mut head = Vec::with_capacity(256);
        head.extend(b"PK\x03\x04");
        put16(&mut head, &[version, FLAGS, method, 0, 0]);
        put32(&mut head, &[0, 0, 0]);
        put16(&mut head, &[name_len, (zip64.len() + 4 + padding) as u16]);
        head.extend(full.as_bytes());
        head.extend(&zip64);
        head.extend(b"FB");
        put16(&mut head, &[padding as u16]);
        head.resize(head.len() + padding, b'Z');
        self.put(&head)?;
        self.put(data)?;

        let mut tail = Vec::with_capacity(24);
        tail.extend(b"PK\x07\x08");
        put32(&mut tail, &[crc]);
        if zip64.is_empty() {
            put32(&mut tail, &[packed_size as u32, size as u32]);
        } else {
            put64(&mut tail, &[packed_size, size]);
        }
        self.put(&tail)?;

        let entry = &mut self.directory;
        entry.extend(b"PK\x01\x02");
        put16(entry, &[0, version, FLAGS, method, 0, 0]);
        put32(entry, &[crc, packed_size.min(WIDE) as u32, size.min(WIDE) as u32]);
        put16(entry, &[name_len, zip64.len() as u16, 0, 0, 0]);
        put32(entry, &[0, offset.min(WIDE) as u32]);
        entry.extend(full.as_bytes());
        entry.extend(&zip64);

        // Of the name any hash will do; the checksums are combined as PyTorch does.
        self.name_hash = self.name_hash.wrapping_add(hash(name.as_bytes()));
        self.crc_hash = combine(self.crc_hash, crc.into());
        Ok(())
    }

    /// Writes what PyTorch writes last, unless it was added already (`version`, `byteorder` and an id made of the
    /// contents), then the directory, and returns the sink.
    pub fn finish(mut self, version: u64) -> Result<W> {
        if !self.contains("version") {
            self.add("version", format!("{version}\n").as_bytes(), Packing::Stored)?;
        }
        if !self.contains("byteorder") {
            self.add("byteorder", b"little", Packing::Stored)?;
        }
        if !self.contains(".data/serialization_id") {
            let id = format!("{:020}{:020}", self.name_hash, self.crc_hash);
            self.add(".data/serialization_id", id.as_bytes(), Packing::Stored)?;
        }
        self.finish_plain()
    }

    /// Writes the directory alone, for a zip file that is no archive of PyTorch's.
    pub fn finish_plain(mut self) -> Result<W> {
        let (count, size, offset) = (self.names.len() as u64, self.directory.len() as u64, self.at);
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let mut end = Vec::with_capacity(98);
        let end64 = self.at;
        end.extend(b"PK\x06\x06");
        put64(&mut end, &[44]);
        put16(&mut end, &[0x031e, 0x002d]);
        put32(&mut end, &[0, 0]);
        put64(&mut end, &[count, count, size, offset]);
        end.extend(b"PK\x06\x07");
        put32(&mut end, &[0]);
        put64(&mut end, &[end64]);
        put32(&mut end, &[1]);
        end.extend(b"PK\x05\x06");
        let short = count.min(u16::MAX.into()) as u16;
        put16(&mut end, &[0, 0, short, short]);
        put32(&mut end, &[size.min(WIDE) as u32, offset.min(WIDE) as u32]);
        put16(&mut end, &[0]);
        self.put(&end)?;
        self.sink
            .flush()
            .map_err(|e| Error::io("cannot write the archive", e))?;
        Ok(self.sink)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink
            .write_all(bytes)
            .map_err(|e| Error::io("cannot write the archive", e))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// The top folder that PyTorch gives an archive of this path: its file name up to the last dot.
pub fn root_name(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = name.rfind('.').map_or(&*name, |dot| &name[..dot]);
    let usable = !stem.is_empty() && crate::archive::check_name(stem).is_ok();
    if usable {
        stem.to_owned()
    } else {
        "archive".to_owned()
    }
}

/// The zip64 field, empty where none is needed.
fn zip64_field(size: u64, packed: u64, offset: u64) -> Vec<u8> {
    let wide: Vec<u64> = [size, packed, offset]
        .into_iter()
        .filter(|&v| v >= WIDE)
        .collect();
    let mut field = Vec::new();
    if !wide.is_empty() {
        put16(&mut field, &[1, 8 * wide.len() as u16]);
        put64(&mut field, &wide);
    }
    field
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn combine(seed: u64, value: u64) -> u64 {
    seed ^ value
        .wrapping_add(0x9e37_79b9)
        .wrapping_add(seed << 6)
        .wrapping_add(seed >> 2)
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}
