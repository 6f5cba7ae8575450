//! An opened archive: named entries of a mapped file, read within budgets.

use crate::directory::{self, Method, RawEntry};
use crate::kind::{self, FileKind};
use crate::{Error, ErrorKind, Limits, Mapping, Region, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A TorchScript archive, or another zip file of PyTorch's, opened for reading.
///
/// Names leave out the top folder, as PyTorch's record names do: `data.pkl`, `code/__torch__.py`, `data/0`.
#[derive(Debug)]
pub struct Archive {
    mapping: Arc<Mapping>,
    root: String,
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
    kind: FileKind,
    limits: Limits,
}

/// One entry, as [`Archive::entries`] lists it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name without the top folder.
    pub name: String,
    /// Size of the contents.
    pub size: u64,
    pub method: Method,
    /// The bytes as they lie in the file, still deflated if they are.
    pub range: Range<usize>,
    pub crc: u32,
    encrypted: bool,
    taken: bool,
}

impl Entry {
    /// How many bytes the entry takes in the file.
    pub fn compressed_size(&self) -> u64 {
        self.range.len() as u64
    }
}

/// Which byte order the tensors of an archive have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

impl Archive {
    /// Maps the file and reads its directory.
    pub fn open(path: impl AsRef<Path>, limits: &Limits) -> Result<Archive> {
        let path = path.as_ref();
        let place = |e: Error| {
            if e.kind() == ErrorKind::Io {
                e
            } else {
                e.within(format_args!("`{}`", path.display()))
            }
        };
        Mapping::open(path, limits)
            .and_then(|mapping| Self::from_mapping(mapping, limits))
            .map_err(place)
    }

    /// Opens an archive that is in memory: a `Vec<u8>`, which tensors may then live in, or a shared `Arc<[u8]>`.
    pub fn from_bytes(bytes: impl Into<Mapping>, limits: &Limits) -> Result<Archive> {
        Self::from_mapping(bytes.into(), limits)
    }

    pub fn from_mapping(mapping: Mapping, limits: &Limits) -> Result<Archive> {
        if mapping.len() as u64 > limits.file_bytes {
            return Err(Error::limit(format!(
                "the file has {} bytes, more than the allowed {}",
                mapping.len(),
                limits.file_bytes
            )));
        }
        let bytes = mapping.slice(0..mapping.len());
        if let Some(kind) = kind::of_bytes(bytes) {
            return Err(kind::refusal(kind));
        }
        let raw = directory::read(bytes, limits)?;
        check_inflated(&raw, bytes.len() as u64, limits)?;
        let root = root_of(&raw)?;
        let mut entries = Vec::with_capacity(raw.len());
        let mut index = HashMap::with_capacity(raw.len());
        for entry in raw {
            check_name(&entry.name)?;
            if entry.name.ends_with('/') {
                continue; // a folder, which other zip tools add
            }
            let Some(name) = entry.name.strip_prefix(&root) else {
                continue; // beside the top folder, out of reach for PyTorch too
            };
            let name = name.to_owned();
            if index.insert(name.clone(), entries.len()).is_some() {
                return Err(Error::corrupt(format!(
                    "the archive has two entries named `{name}`"
                )));
            }
            entries.push(Entry {
                name,
                size: entry.size,
                method: entry.method,
                range: entry.data,
                crc: entry.crc,
                encrypted: entry.encrypted,
                taken: false,
            });
        }
        let kind = kind::of_entries(
            |name| index.contains_key(name),
            entries.iter().map(|e| e.name.as_str()),
        );
        let root = root.trim_end_matches('/').to_owned();
        Ok(Archive {
            mapping: Arc::new(mapping),
            root,
            entries,
            index,
            kind,
            limits: limits.clone(),
        })
    }

    /// What the entries make of this archive. [`Archive::expect_torchscript`] turns it into a refusal.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Refuses anything but an archive of `torch.jit.save`, saying what it is and what to do with it.
    pub fn expect_torchscript(&self) -> Result<()> {
        match self.kind {
            FileKind::TorchScript | FileKind::TorchScriptLegacy => Ok(()),
            FileKind::Package if !self.package_modules().is_empty() => Err(Error::new(
                ErrorKind::NotTorchScript(FileKind::Package),
                format!(
                    "this is a `torch.package` file with TorchScript modules inside (`{}`); say which one to load",
                    self.package_modules().join("`, `")
                ),
            )),
            other => Err(kind::refusal(other)),
        }
    }

    /// The top folder that all entries share, without the slash; PyTorch names it after the file.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// All entries in the order of the directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.index.get(name).map(|&i| &self.entries[i])
    }

    pub fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bytes of the whole file.
    pub fn file_len(&self) -> usize {
        self.mapping.len()
    }

    /// The contents of an entry: borrowed if stored, inflated if deflated. Deflated entries, and stored ones up to
    /// [`Limits::crc_bytes`], are checked against their CRC.
    pub fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let entry = self.find(name)?;
        let bytes = self.mapping.slice(entry.range.clone());
        match entry.method {
            Method::Stored => {
                if entry.size <= self.limits.crc_bytes {
                    check_crc(entry, bytes)?;
                }
                Ok(Cow::Borrowed(bytes))
            }
            Method::Deflated => inflate(entry, bytes).map(Cow::Owned),
            Method::Other(method) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("`{name}` uses zip method {method}; only stored and deflated entries can be read"),
            )),
        }
    }

    /// The contents of an entry as text.
    pub fn read_text(&self, name: &str) -> Result<String> {
        String::from_utf8(self.read(name)?.into_owned())
            .map_err(|e| Error::corrupt(format!("`{name}` is not UTF-8 text: {}", e.utf8_error())))
    }

    /// Takes a stored entry out of the archive, to be used where it lies with no copy; `None` if it is deflated and
    /// must be [`read`](Archive::read). Each entry can be taken once, and not be read afterwards. No CRC is checked.
    pub fn take(&mut self, name: &str) -> Result<Option<Region>> {
        self.find(name)?;
        let entry = &mut self.entries[self.index[name]];
        if entry.method != Method::Stored {
            return Ok(None);
        }
        entry.taken = true;
        Ok(Some(Region::new(self.mapping.clone(), entry.range.clone())))
    }

    /// Reads every entry and compares its CRC: what `unzip -t` does.
    pub fn verify(&self) -> Result<()> {
        for entry in self.entries.iter().filter(|e| !e.taken) {
            let bytes = self.read(&entry.name)?;
            if entry.size > self.limits.crc_bytes {
                check_crc(entry, &bytes)?;
            }
        }
        Ok(())
    }

    /// The archive's format version (`version`, or `.data/version` in packages): 1 to 10 so far.
    pub fn version(&self) -> Result<u64> {
        let name = ["version", ".data/version"]
            .into_iter()
            .find(|name| self.contains(name))
            .ok_or_else(|| Error::new(ErrorKind::Missing, "the archive has no `version` entry"))?;
        let bytes = self.read(name)?;
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(32)]);
        text.trim().parse().map_err(|_| {
            Error::corrupt(format!(
                "the archive's version is not a number: `{}`",
                text.trim().escape_debug()
            ))
        })
    }

    /// The byte order of the tensors. Archives before PyTorch 2.1 do not say and are little-endian in practice.
    pub fn byte_order(&self) -> Result<ByteOrder> {
        if !self.contains("byteorder") {
            return Ok(ByteOrder::Little);
        }
        match self.read("byteorder")?.trim_ascii() {
            b"little" => Ok(ByteOrder::Little),
            b"big" => Ok(ByteOrder::Big),
            other => Err(Error::corrupt(format!(
                "`byteorder` should say `little` or `big`, found `{}`",
                String::from_utf8_lossy(&other[..other.len().min(32)]).escape_debug()
            ))),
        }
    }

    /// Names of the extra files that the author stored, without `extra/`. PyTorch writes some of its own:
    /// `mobile_info.json`, `producer_info.json`.
    pub fn extra_files(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|e| e.name.strip_prefix("extra/"))
    }

    /// The TorchScript modules inside of a `torch.package` file, by the numbers it gives them: `0`, `1`.
    pub fn package_modules(&self) -> Vec<&str> {
        let names = self.entries.iter().map(|e| e.name.as_str());
        let mut names: Vec<&str> = names
            .filter_map(|name| name.strip_prefix(PACKAGE_MODULES)?.strip_suffix("/data.pkl"))
            .filter(|name| !name.contains('/'))
            .collect();
        names.sort_by_key(|name| (name.len(), *name));
        names
    }

    /// One of these modules, seen as an archive of its own. A package keeps the records of a module in other places:
    ///
    /// ```text
    /// .data/ts_code/N/data.pkl, constants.pkl    data.pkl, constants.pkl
    /// .data/ts_code/code/…                       code/…
    /// .data/K.storage                            data/K.storage; constants/K.storage is the same entry
    /// ```
    pub fn into_package_module(mut self, module: &str) -> Result<Archive> {
        if !self.package_modules().contains(&module) {
            let message = format!(
                "the package has no TorchScript module `{}`; it has [{}]",
                module.escape_debug(),
                self.package_modules().join(", ")
            );
            return Err(Error::new(ErrorKind::Missing, message));
        }
        let own = format!("{PACKAGE_MODULES}{module}/");
        let code = format!("{PACKAGE_MODULES}code/");
        self.index.clear();
        let mut entries = Vec::new();
        for mut entry in std::mem::take(&mut self.entries) {
            let name = if let Some(rest) = entry.name.strip_prefix(&own) {
                rest.to_owned()
            } else if let Some(rest) = entry.name.strip_prefix(&code) {
                format!("code/{rest}")
            } else if let Some(rest) = entry
                .name
                .strip_prefix(".data/")
                .filter(|rest| rest.ends_with(".storage"))
            {
                self.index.insert(format!("constants/{rest}"), entries.len());
                format!("data/{rest}")
            } else if entry.name == "byteorder" || entry.name == ".data/version" {
                entry.name
            } else {
                continue;
            };
            entry.name = name.clone();
            self.index.insert(name, entries.len());
            entries.push(entry);
        }
        self.entries = entries;
        self.kind = FileKind::TorchScript;
        Ok(self)
    }

    fn find(&self, name: &str) -> Result<&Entry> {
        let entry = self
            .entry(name)
            .ok_or_else(|| Error::new(ErrorKind::Missing, format!("the archive has no entry `{name}`")))?;
        if entry.encrypted {
            let message = format!("`{name}` is encrypted; decrypt the archive first");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if entry.taken {
            let message = format!("`{name}` was taken out of the archive already");
            return Err(Error::new(ErrorKind::Missing, message));
        }
        Ok(entry)
    }
}

const PACKAGE_MODULES: &str = ".data/ts_code/";

fn check_crc(entry: &Entry, bytes: &[u8]) -> Result<()> {
    let found = crc32fast::hash(bytes);
    if found != entry.crc {
        return Err(Error::corrupt(format!(
            "`{}` is damaged: its checksum is {found:08x}, expected {:08x}",
            entry.name, entry.crc
        )));
    }
    Ok(())
}

fn inflate(entry: &Entry, bytes: &[u8]) -> Result<Vec<u8>> {
    let damaged = |why: &str| Error::corrupt(format!("`{}` does not inflate: {why}", entry.name));
    // The declared size passed the budget when the archive was opened, and bounds the output here.
    let size = usize::try_from(entry.size).map_err(|_| damaged("its size does not fit in memory"))?;
    let out = miniz_oxide::inflate::decompress_to_vec_with_limit(bytes, size).map_err(|e| {
        use miniz_oxide::inflate::TINFLStatus;
        match e.status {
            TINFLStatus::HasMoreOutput => damaged(&format!("there is more than the declared {size} bytes")),
            TINFLStatus::FailedCannotMakeProgress => damaged("the data ends early"),
            _ => damaged("the data is not valid deflate"),
        }
    })?;
    if out.len() != size {
        return Err(damaged(&format!("declared {size} bytes, found {}", out.len())));
    }
    check_crc(entry, &out)?;
    Ok(out)
}

fn check_inflated(entries: &[RawEntry], file_len: u64, limits: &Limits) -> Result<()> {
    let budget = limits
        .inflate_base
        .saturating_add(limits.inflate_ratio.saturating_mul(file_len));
    let mut total = 0u64;
    for entry in entries.iter().filter(|e| e.method == Method::Deflated) {
        total = total.saturating_add(entry.size);
        if total > budget {
            return Err(Error::limit(format!(
                "the archive would inflate to {total} bytes at least (up to `{}`), more than the allowed {budget} \
                 for a file of {file_len} bytes",
                entry.name
            )));
        }
        // Deflate cannot shrink by more than about 1032:1, so a larger claim is false whatever the budget.
        if entry.size / 1040 > entry.data.len() as u64 {
            return Err(Error::corrupt(format!(
                "`{}` declares {} bytes, which its {} compressed bytes cannot hold",
                entry.name,
                entry.size,
                entry.data.len()
            )));
        }
    }
    Ok(())
}

/// The top folder with its slash. PyTorch takes that of the first entry; an archive that another zip tool rewrote may
/// list others first, so the folder that holds a record every archive has goes before.
fn root_of(entries: &[RawEntry]) -> Result<String> {
    let marks = [
        "/version",
        "/data.pkl",
        "/model.json",
        "/constants.pkl",
        "/.data/version",
    ];
    for mark in marks {
        let root = entries.iter().find_map(|e| {
            let root = e.name.strip_suffix(mark)?;
            (!root.contains('/') && !root.is_empty()).then(|| format!("{root}/"))
        });
        if let Some(root) = root {
            return Ok(root);
        }
    }
    if entries.is_empty() {
        return Err(Error::new(
            ErrorKind::NotTorchScript(FileKind::Zip),
            "archive does not contain any files: it is an empty zip file",
        ));
    }
    let top = |e: &RawEntry| e.name.split_once('/').map(|(root, _)| format!("{root}/"));
    let first = top(&entries[0]);
    Ok(first
        .filter(|root| entries.iter().all(|e| e.name.starts_with(root)))
        .unwrap_or_default())
}

/// Names are never used as paths here, but tools that unpack archives do use them.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let bad = name.is_empty()
        || name.starts_with('/')
        || name.contains(['\0', '\\'])
        || name.split('/').any(|part| part == ".." || part == ".");
    if bad {
        return Err(Error::corrupt(format!(
            "`{}` is not a valid entry name",
            name.escape_debug()
        )));
    }
    Ok(())
}
