//! `.debug_pkl` entries: where the parts of an archive's source files were written originally. Read when an error or
//! a listing asks for the first time.

use std::sync::{Arc, OnceLock};

use flambeau_archive::Limits;
use flambeau_archive::pickle::{self, Pickle, Value, View};
use flambeau_ir::source::{Source, SourceRange};

/// Ranges by the offset in the file at which they begin to count, ascending.
pub(super) struct Origins {
    bytes: Vec<u8>,
    limits: Limits,
    ranges: OnceLock<Vec<(u32, Option<SourceRange>)>>,
}

impl Origins {
    pub(super) fn new(bytes: Vec<u8>, limits: Limits) -> Origins {
        Origins {
            bytes,
            limits,
            ranges: OnceLock::new(),
        }
    }

    /// Where the text at an offset came from. A damaged record tells nothing.
    pub(super) fn find(&self, at: u32) -> Option<SourceRange> {
        let ranges = self.ranges.get_or_init(|| self.read().unwrap_or_default());
        let after = ranges.partition_point(|(start, _)| *start <= at);
        ranges.get(after.checked_sub(1)?)?.1.clone()
    }

    fn read(&self) -> Option<Vec<(u32, Option<SourceRange>)>> {
        let allow = &mut |module: &str, name: &str| (module, name) == ("torch.jit._pickle", "build_intlist");
        let pickle = pickle::read(&self.bytes, &self.limits, allow).ok()?;
        let root = pickle.as_tuple(pickle.root())?;
        let (texts, records) = match root {
            // Since PyTorch 1.10 lines are kept once, in a table.
            [format, texts, records] if pickle.as_str(*format) == Some("FORMAT_WITH_STRING_TABLE") => {
                (Some(pickle.as_sequence(*texts)?), pickle.as_sequence(*records)?)
            }
            records => (None, records),
        };
        let mut reader = Reader {
            pickle: &pickle,
            texts,
            sources: Vec::new(),
        };
        let mut ranges: Vec<_> = records
            .iter()
            .filter_map(|&record| reader.record(record))
            .collect();
        ranges.sort_by_key(|(start, _)| *start);
        Some(ranges)
    }
}

struct Reader<'a> {
    pickle: &'a Pickle,
    texts: Option<&'a [Value]>,
    /// Sources are written once and referred to.
    sources: Vec<(Value, Option<Arc<Source>>)>,
}

impl Reader<'_> {
    /// `(offset, (source, start, end), …)`
    fn record(&mut self, record: Value) -> Option<(u32, Option<SourceRange>)> {
        let [offset, range, ..] = self.pickle.as_tuple(record)? else {
            return None;
        };
        let [source, start, end] = self.pickle.as_tuple(*range)? else {
            return None;
        };
        let offset = u32::try_from(self.int(*offset)?).ok()?;
        let (start, end) = (
            u32::try_from(self.int(*start)?).ok()?,
            u32::try_from(self.int(*end)?).ok()?,
        );
        let range = self
            .source(*source)
            .filter(|s| !s.text.is_empty())
            .map(|s| SourceRange::new(&s, start, end));
        Some((offset, range))
    }

    fn int(&self, value: Value) -> Option<i64> {
        match value {
            Value::Int(i) => Some(i),
            _ => None,
        }
    }

    fn source(&mut self, value: Value) -> Option<Arc<Source>> {
        if let Some((_, made)) = self.sources.iter().rev().take(64).find(|(v, _)| *v == value) {
            return made.clone();
        }
        let made = self.read_source(value);
        self.sources.push((value, made.clone()));
        made
    }

    fn read_source(&self, value: Value) -> Option<Arc<Source>> {
        let [text, file, first_line] = self.pickle.as_tuple(value)? else {
            return None;
        };
        let first_line = usize::try_from(self.int(*first_line)?).ok()?;
        let Some(texts) = self.texts else {
            let text = self.pickle.as_str(*text)?;
            return Some(Source::new(text, self.pickle.as_str(*file), first_line));
        };
        let at = |index: i64| self.pickle.as_str(*texts.get(usize::try_from(index).ok()?)?);
        let lines = match self.pickle.view(*text) {
            View::Reduce(call) => self
                .pickle
                .as_sequence(*self.pickle.as_tuple(call.args)?.first()?)?,
            View::List(lines) | View::Tuple(lines) => lines,
            _ => return None,
        };
        let mut all = String::new();
        for line in lines {
            all.push_str(at(self.int(*line)?)?);
        }
        let file = at(self.int(*file)?).filter(|f| !f.is_empty());
        Some(Source::new(all, file, first_line))
    }
}
