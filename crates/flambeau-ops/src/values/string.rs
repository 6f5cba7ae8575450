//! String methods, on bytes, as TorchScript has them: ASCII only, and with oddities that models rely on.

use std::sync::Arc;

use flambeau_ir::ops::Rows;
use flambeau_tensor::{Error, ErrorKind, Result};

use super::list::slice_indices;
use super::{each, error, from_bytes};

type Str = Arc<str>;

pub fn declare(ops: &mut Rows) {
    basics(ops);
    search(ops);
    split(ops);
    letter_case(ops);
    classes(ops);
    padding(ops);
    stripping(ops);
}

fn value_error(message: &str) -> Error {
    Error::new(ErrorKind::Value, format!("ValueError: {message}"))
}

/// The first place at or after `from` where `needle` stands.
fn find(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    if from > text.len() || needle.len() > text.len() - from {
        return None;
    }
    if needle.is_empty() {
        return Some(from);
    }
    text[from..]
        .windows(needle.len())
        .position(|w| w == needle)
        .map(|p| p + from)
}

/// Bounds as the methods with `start` and `end` take them; -1 as end is behind the last byte.
fn bounds(size: usize, start: i64, end: i64) -> (i64, i64) {
    let size = size as i64;
    let start = if start < 0 {
        (size.saturating_add(start)).max(0)
    } else {
        start
    };
    let end = if end < 0 {
        (size.saturating_add(end).saturating_add(1)).max(0)
    } else {
        end
    };
    (start, end)
}

fn part(text: &[u8], start: i64, end: i64) -> &[u8] {
    let size = text.len() as i64;
    let (start, end) = (start.clamp(0, size), end.clamp(0, size));
    if end > start {
        &text[start as usize..end as usize]
    } else {
        &[]
    }
}

fn find_in(text: &str, needle: &str, start: i64, end: i64, last: bool) -> Result<i64> {
    let (start, end) = bounds(text.len(), start, end);
    if end > start && start > text.len() as i64 {
        return Err(out_of_range(start, text.len()));
    }
    let part = part(text.as_bytes(), start, end);
    let needle = needle.as_bytes();
    let mut found = find(part, needle, 0);
    if last {
        while let Some(next) = found.and_then(|p| find(part, needle, p + 1)) {
            found = Some(next);
        }
    }
    Ok(found.map_or(-1, |p| p as i64 + start))
}

fn out_of_range(start: i64, size: usize) -> Error {
    error(format!(
        "basic_string::substr: __pos (which is {start}) > this->size() (which is {size})"
    ))
}

/// `self[start:end]` of `startswith` and `endswith`, which insist on a start within the string.
fn checked_part(text: &str, start: i64, end: i64) -> Result<&[u8]> {
    let (start, end) = bounds(text.len(), start, end);
    if start > text.len() as i64 {
        return Err(out_of_range(start, text.len()));
    }
    // A negative length wraps around there and takes all that follows.
    let end = if end < start { i64::MAX } else { end };
    Ok(part(text.as_bytes(), start, end))
}

fn basics(ops: &mut Rows) {
    ops.op("aten::add.str(str a, str b) -> str")
        .doc("Both strings joined.")
        .kernel(|a: Str, b: Str| format!("{a}{b}"));
    ops.op("aten::len.str(str s) -> int")
        .doc("The number of bytes.")
        .kernel(|s: Str| s.len() as i64);
    ops.op("aten::list(str t) -> str[]")
        .doc("The characters as strings.")
        .kernel(|t: Str| {
            if t.is_ascii() {
                t.bytes().map(|b| (b as char).to_string()).collect::<Vec<_>>()
            } else {
                t.chars().map(String::from).collect()
            }
        });
    each(
        ops,
        "The byte at a place, which may count from the end.",
        &[
            "aten::__getitem__.str(str s, int index) -> str",
            "prim::StringIndex(str string, int index) -> str",
        ],
        |s: Str, index: i64| {
            let size = s.len() as i64;
            let place = if index < 0 {
                size.wrapping_add(index)
            } else {
                index
            };
            if !(0..size).contains(&place) {
                let place = place as u64;
                return Err(error(format!(
                    "basic_string::at: __n (which is {place}) >= this->size() (which is {size})"
                )));
            }
            let place = place as usize;
            Ok(from_bytes(&s.as_bytes()[place..=place]))
        },
    );
    ops.op("aten::slice.str(str string, int? start=None, int? end=None, int step=1) -> str")
        .doc("The bytes from `start` to `end`.")
        .kernel(
            |s: Str, start: Option<i64>, end: Option<i64>, step: i64| -> Result<Str> {
                if step == 0 {
                    return Err(error("String slice should have non-zero step"));
                }
                let bytes = s.as_bytes();
                let picked: Vec<u8> = slice_indices(bytes.len(), start, end, step)
                    .map(|i| bytes[i])
                    .collect();
                Ok(from_bytes(&picked))
            },
        );
    ops.op("aten::join(str self, str[] values) -> str")
        .doc("The values with the string between them.")
        .kernel(|s: Str, values: Vec<Str>| values.join(&s));
    ops.op("aten::replace(str self, str old, str new, int max=-1) -> str")
        .doc("The string with the first `max` occurrences replaced.")
        .kernel(|s: Str, old: Str, new: Str, max: i64| {
            if old.is_empty() {
                return s.to_string();
            }
            if max < 0 {
                s.replace(&*old, &new)
            } else {
                s.replacen(&*old, &new, max as usize)
            }
        });
}

fn search(ops: &mut Rows) {
    ops.op("aten::find(str self, str substr, int start=0, int end=-1) -> int")
        .doc("Where the substring stands first, or -1.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| find_in(&s, &sub, start, end, false));
    ops.op("aten::rfind(str self, str substr, int start=0, int end=-1) -> int")
        .doc("Where the substring stands last, or -1.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| find_in(&s, &sub, start, end, true));
    fn found(place: i64) -> Result<i64> {
        if place < 0 {
            Err(value_error("substring not found"))
        } else {
            Ok(place)
        }
    }
    ops.op("aten::index.str(str self, str substr, int start=0, int end=-1) -> int")
        .doc("Where the substring stands first.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| found(find_in(&s, &sub, start, end, false)?));
    ops.op("aten::rindex(str self, str substr, int start=0, int end=-1) -> int")
        .doc("Where the substring stands last.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| found(find_in(&s, &sub, start, end, true)?));
    ops.op("aten::count(str self, str substr, int start=0, int end=-1) -> int")
        .doc("How often the substring begins between `start` and `end`.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| {
            if start > s.len() as i64 || s.is_empty() {
                return 0;
            }
            let (start, end) = bounds(s.len(), start, end);
            if sub.is_empty() {
                // PyTorch never ends here; Python counts the gaps.
                return (end.min(s.len() as i64) - start + 1).max(0);
            }
            let (mut place, mut count) = (start as usize, 0);
            while let Some(p) = find(s.as_bytes(), sub.as_bytes(), place) {
                if p as i64 >= end {
                    break;
                }
                count += 1;
                place = p + sub.len();
            }
            count
        });
    ops.op("aten::startswith(str self, str substr, int start=0, int end=-1) -> bool")
        .doc("Whether the string begins with the substring.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| -> Result<bool> {
            Ok(checked_part(&s, start, end)?.starts_with(sub.as_bytes()))
        });
    ops.op("aten::endswith(str self, str substr, int start=0, int end=-1) -> bool")
        .doc("Whether the string ends with the substring.")
        .kernel(|s: Str, sub: Str, start: i64, end: i64| -> Result<bool> {
            Ok(checked_part(&s, start, end)?.ends_with(sub.as_bytes()))
        });
}

fn lines(s: &[u8], keep: bool) -> Vec<Str> {
    let mut out = Vec::new();
    let mut from = 0;
    for (i, b) in s.iter().enumerate() {
        if matches!(b, b'\n' | b'\r' | 0x0b | 0x0c | 0x1c | 0x1d | 0x1e) {
            out.push(from_bytes(&s[from..i]));
            if keep {
                out.push(from_bytes(&s[i..=i]));
            }
            from = i + 1;
        }
    }
    if from != s.len() {
        out.push(from_bytes(&s[from..]));
    }
    out
}

fn strings(items: Vec<Str>) -> Vec<String> {
    items.iter().map(|s| s.to_string()).collect()
}

fn split(ops: &mut Rows) {
    ops.op("aten::split.str(str self, str? separator=None, int max=-1) -> str[]")
        .doc("The pieces between the separators, or between blanks.")
        .kernel(|s: Str, separator: Option<Str>, max: i64| {
            let Some(separator) = separator else {
                // `max` has no effect here.
                let blank = |c: char| matches!(c, ' ' | '\t'..='\r' | '\x1c'..='\x1e');
                return Ok(s
                    .split(blank)
                    .filter(|p| !p.is_empty())
                    .map(String::from)
                    .collect::<Vec<_>>());
            };
            if separator.is_empty() {
                return Err(value_error("empty separator"));
            }
            Ok(match max {
                ..0 => s.split(&*separator).map(String::from).collect(),
                i64::MAX => s.split(&*separator).map(String::from).collect(),
                _ => s
                    .splitn(max as usize + 1, &*separator)
                    .map(String::from)
                    .collect(),
            })
        });
    ops.op("aten::rsplit(str self, str separator=\" \", int max=-1) -> str[]")
        .doc("The pieces between the separators, counted from the end.")
        .kernel(|s: Str, separator: Str, max: i64| {
            if separator.is_empty() {
                return Err(value_error("empty separator"));
            }
            let mut pieces: Vec<String> = match max {
                ..0 | i64::MAX => s.rsplit(&*separator).map(String::from).collect(),
                _ => s
                    .rsplitn(max as usize + 1, &*separator)
                    .map(String::from)
                    .collect(),
            };
            pieces.reverse();
            Ok(pieces)
        });
    ops.op("aten::splitlines(str self, bool keepends=False) -> str[]")
        .doc("The lines; with `keepends`, each line's end follows it as a string of its own.")
        .kernel(|s: Str, keep: bool| strings(lines(s.as_bytes(), keep)));
    ops.op("aten::partition(str self, str separator) -> (str, str, str)")
        .doc("What stands before the first separator, the separator, and what follows.")
        .kernel(|s: Str, separator: Str| match s.find(&*separator) {
            Some(p) => (
                s[..p].to_string(),
                separator.to_string(),
                s[p + separator.len()..].to_string(),
            ),
            None => (s.to_string(), String::new(), String::new()),
        });
    ops.op("aten::rpartition(str self, str separator) -> (str, str, str)")
        .doc("What stands before the last separator, the separator, and what follows.")
        .kernel(|s: Str, separator: Str| match s.rfind(&*separator) {
            Some(p) => (
                s[..p].to_string(),
                separator.to_string(),
                s[p + separator.len()..].to_string(),
            ),
            None => (String::new(), String::new(), s.to_string()),
        });
}

fn letter_case(ops: &mut Rows) {
    ops.op("aten::lower(str self) -> str")
        .doc("The string in lower case.")
        .kernel(|s: Str| s.to_ascii_lowercase());
    ops.op("aten::upper(str self) -> str")
        .doc("The string in upper case.")
        .kernel(|s: Str| s.to_ascii_uppercase());
    ops.op("aten::swapcase(str self) -> str")
        .doc("Upper case for lower, lower for upper.")
        .kernel(|s: Str| {
            let swap = |c: char| {
                if c.is_ascii_uppercase() {
                    c.to_ascii_lowercase()
                } else {
                    c.to_ascii_uppercase()
                }
            };
            s.chars().map(swap).collect::<String>()
        });
    ops.op("aten::capitalize(str self) -> str")
        .doc("The first letter in upper case, the others in lower.")
        .kernel(|s: Str| {
            let mut first = true;
            let mut one = |c: char| {
                if std::mem::take(&mut first) {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                }
            };
            s.chars().map(&mut one).collect::<String>()
        });
    ops.op("aten::title(str self) -> str")
        .doc("The first letter of each word in upper case.")
        .kernel(|s: Str| {
            let mut inside = false;
            let mut one = |c: char| {
                let made = if inside {
                    c.to_ascii_lowercase()
                } else {
                    c.to_ascii_uppercase()
                };
                inside = c.is_ascii_alphabetic();
                made
            };
            s.chars().map(&mut one).collect::<String>()
        });
}

/// Whether all bytes are of one class; never for the empty string.
fn all(s: &str, class: fn(&u8) -> bool) -> bool {
    !s.is_empty() && s.bytes().all(|b| class(&b))
}

fn cased(s: &str, wrong: fn(&u8) -> bool) -> bool {
    s.bytes().any(|b| b.is_ascii_alphabetic()) && !s.bytes().any(|b| wrong(&b))
}

fn is_title(s: &str) -> bool {
    let (mut any, mut inside) = (false, false);
    for b in s.bytes() {
        if inside && b.is_ascii_uppercase() || !inside && b.is_ascii_lowercase() {
            return false;
        }
        inside = b.is_ascii_alphabetic();
        any |= inside;
    }
    any
}

fn is_identifier(s: &str) -> bool {
    let Some(first) = s.bytes().next() else {
        return false;
    };
    !first.is_ascii_digit() && s.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn classes(ops: &mut Rows) {
    ops.op("aten::isalnum(str self) -> bool")
        .doc("Whether all are letters and digits.")
        .kernel(|s: Str| all(&s, u8::is_ascii_alphanumeric));
    ops.op("aten::isalpha(str self) -> bool")
        .doc("Whether all are letters.")
        .kernel(|s: Str| all(&s, u8::is_ascii_alphabetic));
    each(
        ops,
        "Whether all are digits.",
        &[
            "aten::isdecimal(str self) -> bool",
            "aten::isdigit(str self) -> bool",
            "aten::isnumeric(str self) -> bool",
        ],
        |s: Str| all(&s, u8::is_ascii_digit),
    );
    ops.op("aten::isspace(str self) -> bool")
        .doc("Whether all are blanks.")
        .kernel(|s: Str| all(&s, |b| matches!(b, b' ' | b'\t'..=b'\r')));
    ops.op("aten::isidentifier(str self) -> bool")
        .doc("Whether the string is letters and digits, no digit first.")
        .kernel(|s: Str| is_identifier(&s));
    ops.op("aten::islower(str self) -> bool")
        .doc("Whether all letters are in lower case, and there is one.")
        .kernel(|s: Str| cased(&s, u8::is_ascii_uppercase));
    ops.op("aten::isupper(str self) -> bool")
        .doc("Whether all letters are in upper case, and there is one.")
        .kernel(|s: Str| cased(&s, u8::is_ascii_lowercase));
    ops.op("aten::istitle(str self) -> bool")
        .doc("Whether words begin in upper case and go on in lower.")
        .kernel(|s: Str| is_title(&s));
    ops.op("aten::isprintable(str self) -> bool")
        .doc("Whether all can be printed.")
        .kernel(|s: Str| s.bytes().all(|b| b.is_ascii_graphic() || b == b' '));
}

/// How many fill characters a width asks for, within reason.
fn missing(s: &str, width: i64) -> Result<usize> {
    let missing = width.saturating_sub(s.len() as i64).max(0);
    // It is made twice on the way to its value.
    let there_is_room = String::new().try_reserve_exact(missing as usize).is_ok();
    if missing > 1 << 32 || !there_is_room {
        return Err(error(format!("a string of {width} bytes is too long")));
    }
    Ok(missing as usize)
}

fn fill(fillchar: &str) -> Result<char> {
    let mut chars = fillchar.chars();
    match (chars.next(), fillchar.len()) {
        (Some(c), 1) => Ok(c),
        _ => Err(error(
            "TypeError: The fill character must be exactly one character long",
        )),
    }
}

fn repeated(c: char, n: usize) -> String {
    std::iter::repeat_n(c, n).collect()
}

fn padding(ops: &mut Rows) {
    ops.op("aten::center(str self, int width, str fillchar=\" \") -> str")
        .doc("The string in the middle of `width` characters.")
        .kernel(|s: Str, width: i64, fillchar: Str| -> Result<String> {
            let c = fill(&fillchar)?;
            let padding = missing(&s, width)?;
            let (mut left, mut right) = (padding / 2, padding.div_ceil(2));
            if width % 2 != 0 {
                std::mem::swap(&mut left, &mut right);
            }
            Ok(format!("{}{s}{}", repeated(c, left), repeated(c, right)))
        });
    ops.op("aten::ljust(str self, int width, str fillchar=\" \") -> str")
        .doc("The string filled up at the right.")
        .kernel(|s: Str, width: i64, fillchar: Str| -> Result<String> {
            let c = fill(&fillchar)?;
            Ok(format!("{s}{}", repeated(c, missing(&s, width)?)))
        });
    ops.op("aten::rjust(str self, int width, str fillchar=\" \") -> str")
        .doc("The string filled up at the left.")
        .kernel(|s: Str, width: i64, fillchar: Str| -> Result<String> {
            let c = fill(&fillchar)?;
            Ok(format!("{}{s}", repeated(c, missing(&s, width)?)))
        });
    ops.op("aten::zfill(str self, int width) -> str")
        .doc("The string filled up with zeros at the left; a sign stays where it is.")
        .kernel(|s: Str, width: i64| -> Result<String> {
            Ok(format!("{}{s}", repeated('0', missing(&s, width)?)))
        });
    ops.op("aten::expandtabs(str self, int tabsize=8) -> str")
        .doc("Tabs as blanks; columns count from the string's start.")
        .kernel(|s: Str, tabsize: i64| -> Result<String> {
            let tabs = s.bytes().filter(|b| *b == b'\t').count() as i64;
            missing("", tabs.saturating_mul(tabsize))?;
            let mut out = String::new();
            for c in s.chars() {
                if c != '\t' {
                    out.push(c);
                } else if tabsize > 0 {
                    let size = tabsize as usize;
                    let blanks = size - out.len() % size;
                    out.extend(std::iter::repeat_n(' ', blanks));
                }
            }
            Ok(out)
        });
}

fn stripping(ops: &mut Rows) {
    fn strip(s: &str, chars: &str, left: bool, right: bool) -> Str {
        let mut bytes = s.as_bytes();
        let strip = |b: &u8| chars.as_bytes().contains(b);
        if right {
            bytes = &bytes[..bytes.iter().rposition(|b| !strip(b)).map_or(0, |p| p + 1)];
        }
        if left {
            bytes = &bytes[bytes.iter().position(|b| !strip(b)).unwrap_or(bytes.len())..];
        }
        from_bytes(bytes)
    }
    ops.op("aten::strip(str self, str chars=\" \\n\\t\\f\\v\") -> str")
        .doc("The string without the characters at its ends.")
        .kernel(|s: Str, chars: Str| strip(&s, &chars, true, true));
    ops.op("aten::lstrip(str self, str chars=\" \\n\\t\\f\\v\") -> str")
        .doc("The string without the characters at its start.")
        .kernel(|s: Str, chars: Str| strip(&s, &chars, true, false));
    ops.op("aten::rstrip(str self, str chars=\" \\n\\t\\f\\v\") -> str")
        .doc("The string without the characters at its end.")
        .kernel(|s: Str, chars: Str| strip(&s, &chars, false, true));
}
