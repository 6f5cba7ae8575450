//! The zip directory: from the end of the file to a checked list of entries. No bytes are inflated here.
//!
//! ```text
//! local header | data | descriptor?   … one per entry, none overlapping
//! central directory                   one record per entry, with sizes and the offset of its local header
//! zip64 end record + locator?         when a count or offset does not fit, and always in PyTorch's files
//! end record | comment
//! ```
//!
//! The central directory is believed; a local header must agree with it on the name, and the data of all entries must
//! lie before the directory without sharing a byte, so that two readers cannot see two different archives.

use crate::{Error, Limits, Result};
use std::ops::Range;

/// How the bytes of an entry are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Stored,
    Deflated,
    /// A method number that is listed but cannot be read.
    Other(u16),
}

/// One file of the zip container.
#[derive(Debug, Clone)]
pub struct RawEntry {
    pub name: String,
    pub method: Method,
    pub encrypted: bool,
    pub crc: u32,
    pub size: u64,
    /// The data as it lies in the file, `compressed` bytes.
    pub data: Range<usize>,
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
const END_LEN: usize = 22;
const LOCATOR64_LEN: usize = 20;
const END64_LEN: usize = 56;
const CENTRAL_LEN: usize = 46;
const LOCAL_LEN: usize = 30;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(
        bytes.get(at..at.checked_add(2)?)?.try_into().ok()?,
    ))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(
        bytes.get(at..at.checked_add(8)?)?.try_into().ok()?,
    ))
}

struct End {
    count: u64,
    directory: Range<usize>,
}

/// Lists and checks the entries of a zip file.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<RawEntry>> {
    let end = find_end(bytes)?;
    if end.count > limits.entries as u64 {
        return Err(Error::limit(format!(
            "the archive declares {} entries, more than the allowed {}",
            end.count, limits.entries
        )));
    }
    if end.count > (end.directory.len() / CENTRAL_LEN) as u64 {
        return Err(Error::corrupt(format!(
            "the archive declares {} entries, but its directory has room for {} at most",
            end.count,
            end.directory.len() / CENTRAL_LEN
        )));
    }
    let mut entries = Vec::with_capacity(end.count as usize);
    let mut spans = Vec::with_capacity(end.count as usize);
    let mut at = end.directory.start;
    for index in 0..end.count {
        let (entry, start, next) = central(bytes, at, &end.directory)
            .map_err(|e| e.within(format_args!("entry {index} of the archive")))?;
        spans.push((start, entry.data.end, entries.len()));
        entries.push(entry);
        at = next;
    }
    spans.sort_unstable();
    for pair in spans.windows(2) {
        let ((_, end, a), (start, _, b)) = (pair[0], pair[1]);
        if start < end {
            return Err(Error::corrupt(format!(
                "entries `{}` and `{}` overlap in the file",
                entries[a].name, entries[b].name
            )));
        }
    }
    Ok(entries)
}

/// Whether the file ends like a zip file, for telling what a damaged file is.
pub fn has_end(bytes: &[u8]) -> bool {
    find_end(bytes).is_ok()
}

fn find_end(bytes: &[u8]) -> Result<End> {
    let missing = || {
        Error::corrupt("the file is truncated or not a zip archive: the zip directory at its end is missing")
    };
    let last = bytes.len().checked_sub(END_LEN).ok_or_else(missing)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let signature = END.to_le_bytes();
    let mut problem = None;
    for at in (first..=last)
        .rev()
        .filter(|&at| bytes[at..].starts_with(&signature))
    {
        match end_at(bytes, at) {
            Ok(end) => return Ok(end),
            // The comment may hold the signature by chance, so look on; the first complaint is the likeliest.
            Err(e) => problem = problem.or(Some(e)),
        }
    }
    Err(problem.unwrap_or_else(missing))
}

fn end_at(bytes: &[u8], at: usize) -> Result<End> {
    let cut = || Error::corrupt("the end record of the zip archive is cut off");
    let field16 = |o| u16_at(bytes, at + o).map(u64::from).ok_or_else(cut);
    let field32 = |o| u32_at(bytes, at + o).map(u64::from).ok_or_else(cut);
    let (mut disk, mut total) = (field16(8)?, field16(10)?);
    let (mut size, mut offset) = (field32(12)?, field32(16)?);
    let mut limit = at;
    if let Some(locator) = at.checked_sub(LOCATOR64_LEN)
        && u32_at(bytes, locator) == Some(LOCATOR64)
    {
        let record = u64_at(bytes, locator + 8).ok_or_else(cut)?;
        let record = usize::try_from(record).map_err(|_| cut())?;
        if record.checked_add(END64_LEN).is_none_or(|end| end > locator)
            || u32_at(bytes, record) != Some(END64)
        {
            return Err(Error::corrupt(
                "the zip64 end record is not where the archive says it is",
            ));
        }
        disk = u64_at(bytes, record + 24).ok_or_else(cut)?;
        total = u64_at(bytes, record + 32).ok_or_else(cut)?;
        size = u64_at(bytes, record + 40).ok_or_else(cut)?;
        offset = u64_at(bytes, record + 48).ok_or_else(cut)?;
        limit = record;
    }
    if disk != total {
        return Err(Error::new(
            crate::ErrorKind::Unsupported,
            "the zip archive spans several files",
        ));
    }
    let end = offset.checked_add(size).filter(|&end| end <= limit as u64);
    let Some(end) = end else {
        return Err(Error::corrupt(format!(
            "the file is truncated or damaged: its directory should lie at {offset} with {size} bytes, \
             but must end before {limit}"
        )));
    };
    Ok(End {
        count: total,
        directory: offset as usize..end as usize,
    })
}

/// Reads one central record; returns it with the start of its local header and the place of the next record.
fn central(bytes: &[u8], at: usize, directory: &Range<usize>) -> Result<(RawEntry, usize, usize)> {
    let record = &bytes[..directory.end];
    let cut = || Error::corrupt("the directory record is cut off");
    if u32_at(record, at) != Some(CENTRAL) {
        return Err(Error::corrupt("the directory record has no signature"));
    }
    let field16 = |o| u16_at(record, at + o).ok_or_else(cut);
    let field32 = |o| u32_at(record, at + o).ok_or_else(cut);
    let flags = field16(8)?;
    let method = match field16(10)? {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => Method::Other(other),
    };
    let crc = field32(16)?;
    let (packed, size, offset) = (field32(20)?, field32(24)?, field32(42)?);
    let (name_len, extra_len, comment_len) = (field16(28)?, field16(30)?, field16(32)?);
    let name_at = at + CENTRAL_LEN;
    let extra_at = name_at + usize::from(name_len);
    let next = extra_at + usize::from(extra_len) + usize::from(comment_len);
    if next > directory.end {
        return Err(cut());
    }
    let name = std::str::from_utf8(&bytes[name_at..extra_at])
        .map_err(|_| Error::corrupt("the name is not UTF-8"))?
        .to_owned();
    let extra = &bytes[extra_at..extra_at + usize::from(extra_len)];
    let (size, packed, offset) = zip64(extra, size, packed, offset)
        .ok_or_else(|| Error::corrupt(format!("the zip64 sizes of `{name}` are missing")))?;
    let outside = || {
        Error::corrupt(format!(
            "`{name}` should lie at {offset} with {packed} bytes, which is outside of the file's {} bytes of data",
            directory.start
        ))
    };
    let start = usize::try_from(offset).map_err(|_| outside())?;
    let data = local(&bytes[..directory.start], start, &name).ok_or_else(outside)?;
    let data_at = data.map_err(|e| e.within(format_args!("`{name}`")))?;
    let data_end = usize::try_from(packed)
        .ok()
        .and_then(|packed| data_at.checked_add(packed))
        .filter(|&end| end <= directory.start)
        .ok_or_else(outside)?;
    if method == Method::Stored && size != packed {
        return Err(Error::corrupt(format!(
            "`{name}` is stored with {packed} bytes but declares a size of {size}"
        )));
    }
    let entry = RawEntry {
        name,
        method,
        encrypted: flags & 1 != 0,
        crc,
        size,
        data: data_at..data_end,
    };
    Ok((entry, start, next))
}

/// Where the data after a local header begins; `None` if the header does not lie in `bytes`.
fn local(bytes: &[u8], at: usize, name: &str) -> Option<Result<usize>> {
    if u32_at(bytes, at)? != LOCAL {
        return Some(Err(Error::corrupt(
            "there is no local header where the directory says",
        )));
    }
    let name_len = usize::from(u16_at(bytes, at + 26)?);
    let extra_len = usize::from(u16_at(bytes, at + 28)?);
    let name_at = at + LOCAL_LEN;
    let found = bytes.get(name_at..name_at + name_len)?;
    if found != name.as_bytes() {
        return Some(Err(Error::corrupt(format!(
            "the local header names it `{}`",
            String::from_utf8_lossy(found).escape_debug()
        ))));
    }
    Some(Ok(name_at + name_len + extra_len))
}

/// Replaces the fields that say "see zip64" by those of the extra field.
fn zip64(mut extra: &[u8], size: u32, packed: u32, offset: u32) -> Option<(u64, u64, u64)> {
    let mut fields: &[u8] = &[];
    while extra.len() >= 4 {
        let (id, len) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let Some(data) = extra.get(4..4 + len) else { break };
        if id == 1 {
            fields = data;
        }
        extra = &extra[4 + len..];
    }
    let mut wide = |narrow: u32| {
        if narrow != u32::MAX {
            return Some(u64::from(narrow));
        }
        let value = u64_at(fields, 0)?;
        fields = &fields[8..];
        Some(value)
    };
    Some((wide(size)?, wide(packed)?, wide(offset)?))
}
