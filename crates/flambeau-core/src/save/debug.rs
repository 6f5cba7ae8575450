//! `.debug_pkl`: for each part of a source file, where it was written originally. Texts are kept
//! once, cut into lines, and referred to by number.

use std::collections::HashMap;
use std::sync::Arc;

use flambeau_archive::pickle::Writer;
use flambeau_ir::source::{Source, SourceRange};

const FORMAT: &str = "FORMAT_WITH_STRING_TABLE";

pub(super) fn pickle(ranges: &[(usize, Option<SourceRange>)]) -> Vec<u8> {
    let mut texts = Texts::default();
    // The empty text stands first, for ranges without a source.
    texts.number("");
    let mut sources: HashMap<*const Source, Lines> = HashMap::new();
    for source in ranges
        .iter()
        .filter_map(|(_, range)| range.as_ref())
        .map(|r| &r.source)
    {
        if !sources.contains_key(&Arc::as_ptr(source)) {
            let lines = Lines::of(source, &mut texts);
            sources.insert(Arc::as_ptr(source), lines);
        }
    }
    let nowhere = Lines {
        lines: vec![0],
        file: 0,
        first_line: 0,
    };

    let mut w = Writer::new();
    w.str(FORMAT);
    w.begin_tuple(texts.all.len());
    texts.all.iter().for_each(|text| w.str(text));
    w.end_tuple(texts.all.len());
    w.begin_tuple(ranges.len());
    for (at, range) in ranges {
        let (lines, start, end) = match range {
            Some(r) => (&sources[&Arc::as_ptr(&r.source)], r.start, r.end),
            None => (&nowhere, 0, 0),
        };
        w.int(*at as i64);
        w.begin_special_list("build_intlist");
        lines.lines.iter().for_each(|&line| w.int(line));
        w.end_special_list();
        w.int(lines.file);
        w.int(lines.first_line);
        w.end_tuple(3);
        w.int(start.into());
        w.int(end.into());
        w.end_tuple(3);
        // Tags tie ranges to instructions of the mobile format, which is not written.
        w.int(0);
        w.end_tuple(3);
    }
    w.end_tuple(ranges.len());
    w.end_tuple(3);
    w.finish()
}

#[derive(Default)]
struct Texts {
    all: Vec<String>,
    numbers: HashMap<String, i64>,
}

impl Texts {
    fn number(&mut self, text: &str) -> i64 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.all.len() as i64;
        self.all.push(text.to_string());
        self.numbers.insert(text.to_string(), number);
        number
    }
}

struct Lines {
    lines: Vec<i64>,
    file: i64,
    first_line: i64,
}

impl Lines {
    fn of(source: &Source, texts: &mut Texts) -> Lines {
        let lines = source
            .text
            .split_inclusive('\n')
            .map(|line| texts.number(line))
            .collect();
        let file = texts.number(source.filename.as_deref().unwrap_or(""));
        Lines {
            lines,
            file,
            first_line: source.first_line as i64,
        }
    }
}
