//! Recorded TorchScript programs, run through the compiler and the interpreter and compared with what PyTorch made
//! of them. `tests/pinned/language.txt` says how many comparisons of each kind hold; the numbers may only rise
//! (`UPDATE=1` writes them anew). `LIST=kind` prints the comparisons of a kind that fail, `ONLY=topic/case` runs a part.
//! Skipped, with a notice, where the recordings are absent.

mod engine;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value as Json;

use engine::{Compiled, Failure};

/// How long one program may take, all its calls together.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Worker stack: programs nest less deeply than this allows, and a debug build needs more than the usual 2 MB.
const STACK: usize = 16 << 20;

/// One comparison: its kind, and what is wrong if it does not hold.
struct Check {
    kind: &'static str,
    problem: Option<String>,
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn note(&mut self, kind: &'static str, outcome: Result<(), String>) {
        self.0.push(Check {
            kind,
            problem: outcome.err(),
        });
    }

    fn text(&mut self, kind: &'static str, expected: &str, found: Result<String, String>) {
        let outcome = found.and_then(|found| {
            if found == expected {
                Ok(())
            } else {
                Err(first_difference(expected, &found))
            }
        });
        self.note(kind, outcome);
    }
}

/// Where two texts part.
fn first_difference(expected: &str, found: &str) -> String {
    for (i, (e, f)) in expected.lines().zip(found.lines()).enumerate() {
        if e != f {
            return format!("line {}: expected `{e}`, found `{f}`", i + 1);
        }
    }
    let (e, f) = (expected.lines().count(), found.lines().count());
    format!(
        "expected {e} lines, found {f}; next `{}`",
        found.lines().nth(e).unwrap_or("")
    )
}

/// The recordings, if they are there.
fn recordings() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let root = std::env::var_os("FLAMBEAU_CONFORMANCE").map_or_else(|| default.into(), PathBuf::from);
    let folder = root.join("language");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no recordings at {} (set FLAMBEAU_CONFORMANCE)",
        folder.display()
    );
    None
}

/// `topic/case` and the file.
fn cases(folder: &Path) -> Vec<(String, PathBuf)> {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut found = Vec::new();
    for topic in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(topic.path()).into_iter().flatten().flatten() {
            let path = file.path();
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let name = format!("{}/{stem}", topic.file_name().to_string_lossy());
            if path.extension().is_some_and(|e| e == "json") && name.contains(&only) {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn language() {
    let Some(folder) = recordings() else { return };
    let list = std::env::var("LIST").unwrap_or_default();
    // Passed and all, per kind and per topic.
    let mut kinds: BTreeMap<&'static str, (u32, u32)> = BTreeMap::new();
    let mut topics: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (name, path) in cases(&folder) {
        let checks = in_time(&path);
        let topic = topics
            .entry(name.split('/').next().unwrap_or("").to_string())
            .or_default();
        for check in checks.0 {
            let passed = u32::from(check.problem.is_none());
            for count in [kinds.entry(check.kind).or_default(), &mut *topic] {
                count.0 += passed;
                count.1 += 1;
            }
            if let Some(problem) = check.problem
                && (list == check.kind || list == "all")
            {
                eprintln!("{} {name}: {problem}", check.kind);
            }
        }
    }
    for (topic, (passed, all)) in &topics {
        eprintln!("{topic:20} {passed:5} of {all}");
    }
    eprintln!();
    for (kind, (passed, all)) in &kinds {
        eprintln!("{kind:20} {passed:5} of {all}");
    }
    if std::env::var_os("ONLY").is_none() {
        pinned(&kinds);
    }
}

/// Compares the counts with the pinned ones.
fn pinned(kinds: &BTreeMap<&'static str, (u32, u32)>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pinned/language.txt");
    if std::env::var_os("UPDATE").is_some() {
        let text: String = kinds
            .iter()
            .map(|(kind, (passed, _))| format!("{kind} {passed}\n"))
            .collect();
        std::fs::create_dir_all(Path::new(path).parent().expect("a folder")).expect("a writable folder");
        std::fs::write(path, text).expect("a writable file");
        return;
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    for line in text.lines() {
        let (kind, least) = line.rsplit_once(' ').expect("a kind and a number");
        let least: u32 = least.parse().expect("a number");
        let passed = kinds.get(kind).map_or(0, |counts| counts.0);
        assert!(
            passed >= least,
            "{kind}: {passed} comparisons hold, {least} did before (LIST={kind} lists)"
        );
    }
}

/// Runs one case on a thread of its own; a panic or a hang is a failed comparison like any other.
fn in_time(path: &Path) -> Checks {
    let text = std::fs::read_to_string(path).expect("a readable case");
    let case: Json = serde_json::from_str(&text).expect("a case in JSON");
    let (send, receive) = mpsc::channel();
    let work = move || {
        let mut checks = Checks::default();
        run(&case, &mut checks);
        // Nobody listens after the time limit.
        let _ = send.send(checks);
    };
    let worker = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .expect("a thread");
    match receive.recv_timeout(TIME_LIMIT) {
        Ok(mut checks) => {
            checks.note("survives", Ok(()));
            checks
        }
        Err(mpsc::RecvTimeoutError::Timeout) => failed("hangs".into()),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let panic = worker.join().err();
            let message = panic.and_then(|p| {
                p.downcast_ref::<String>()
                    .cloned()
                    .or(p.downcast_ref::<&str>().map(|s| s.to_string()))
            });
            failed(format!("panics: {}", message.unwrap_or_default()))
        }
    }
}

fn failed(problem: String) -> Checks {
    Checks(vec![Check {
        kind: "survives",
        problem: Some(problem),
    }])
}

fn run(case: &Json, checks: &mut Checks) {
    let source = case["source"].as_str().unwrap_or("");
    let entry = case["entry"].as_str().unwrap_or("");
    let compiled = engine::compile(source, entry);
    if case["outcome"] == "compile_error" {
        refuses(case, compiled.err(), checks);
        return;
    }
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(failure) => {
            checks.note("compiles", Err(failure.message));
            return;
        }
    };
    checks.note("compiles", Ok(()));
    let mut shown = |method: Option<&str>, record: &Json| {
        for (kind, found) in [
            ("code", compiled.code(method)),
            ("graph", compiled.graph(method)),
            ("schema", compiled.schema(method)),
        ] {
            if let Some(expected) = record[kind].as_str() {
                checks.text(kind, expected, found);
            }
        }
    };
    shown(None, case);
    for (name, record) in case["methods"].as_object().into_iter().flatten() {
        if name != "forward" {
            shown(Some(name), record);
        }
    }
    archived(case, &compiled, checks);
    imported(case, checks);
    calls(case, compiled, checks);
}

/// The code that our own archive holds.
fn archived(case: &Json, compiled: &Compiled, checks: &mut Checks) {
    let Some(expected) = case["archive_code"].as_object().filter(|files| !files.is_empty()) else {
        return;
    };
    let outcome = compiled.archive_code().and_then(|found| {
        for (name, text) in expected {
            let expected = text.as_str().unwrap_or("");
            match found.get(name) {
                None => return Err(format!("no file {name}")),
                Some(found) if found != expected => {
                    return Err(format!("{name} {}", first_difference(expected, found)));
                }
                Some(_) => {}
            }
        }
        match found.keys().find(|name| !expected.contains_key(*name)) {
            Some(name) => Err(format!("a file more: {name}")),
            None => Ok(()),
        }
    });
    checks.note("archive code", outcome);
}

/// The code that PyTorch saves for a function, compiled and run. (A module needs the values of its attributes.)
fn imported(case: &Json, checks: &mut Checks) {
    let files = case["archive_code"].as_object().into_iter().flatten();
    let files: BTreeMap<String, String> = files
        .map(|(name, text)| (name.clone(), text.as_str().unwrap_or("").to_string()))
        .collect();
    if case["entry_kind"] != "function" || files.is_empty() {
        return;
    }
    let compiled = match engine::import(files) {
        Ok(compiled) => compiled,
        Err(failure) => return checks.note("import: compiles", Err(failure.message)),
    };
    checks.note("import: compiles", Ok(()));
    for record in case["calls"].as_array().into_iter().flatten() {
        // Saving drops default arguments, and PyTorch says where else it differs after a reload.
        let same = record.get("raises").is_none() && record.get("after_reload").is_none();
        let arguments = |field: &str| record[field].as_array().map_or(0, Vec::len);
        let complete = compiled.parameter(None, arguments("args"), None).is_none();
        if same && complete {
            let mut inner = Checks::default();
            call(record, &compiled, 1e-4, &mut inner);
            let problem = inner.0.into_iter().find_map(|c| c.problem);
            checks.note("import: result", problem.map_or(Ok(()), Err));
        }
    }
}

/// A program that PyTorch refuses must be refused, if possible in the same words.
fn refuses(case: &Json, failure: Option<Failure>, checks: &mut Checks) {
    let Some(failure) = failure else {
        checks.note("refuses", Err("is accepted".into()));
        return;
    };
    checks.note("refuses", Ok(()));
    let expected = &case["compile_error"];
    // Python's own words for what is no Python are Python's.
    if expected["python_itself"] != true {
        let message = expected["message"].as_str().unwrap_or("").trim();
        let found = without_addresses(failure.message.trim());
        let found = found.as_str();
        checks.text(
            "refuses: sentence",
            sentence(message),
            Ok(sentence(found).to_string()),
        );
        checks.text("refuses: excerpt", message, Ok(found.to_string()));
        checks.text(
            "refuses: class",
            expected["type"].as_str().unwrap_or(""),
            Ok(failure.class),
        );
    }
}

fn last_line(text: &str) -> String {
    text.trim().lines().next_back().unwrap_or("").to_string()
}

/// Addresses in the names of classes, as the recordings mask them.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("unit at: 0x");
    let mut masked = parts.next().unwrap_or_default().to_string();
    for part in parts {
        masked += "unit at: 0xADDR";
        masked += part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    masked
}

/// A message without the excerpt behind it.
fn sentence(message: &str) -> &str {
    message
        .split("\n  File \"")
        .next()
        .unwrap_or("")
        .trim()
        .trim_end_matches(':')
}

fn calls(case: &Json, compiled: Compiled, checks: &mut Checks) {
    let tolerance = if case["approx"] == true { 1e-4 } else { 1e-5 };
    let is_function = case["entry_kind"] == "function";
    let mut compiled = Some(compiled);
    for record in case["calls"].as_array().into_iter().flatten() {
        // Each call of a function was recorded on a freshly compiled one.
        let callee = match compiled.take() {
            Some(callee) => callee,
            None => match engine::compile(
                case["source"].as_str().unwrap_or(""),
                case["entry"].as_str().unwrap_or(""),
            ) {
                Ok(callee) => callee,
                Err(failure) => return checks.note("result", Err(failure.message)),
            },
        };
        call(record, &callee, tolerance, checks);
        if !is_function {
            compiled = Some(callee);
        }
    }
}

fn call(record: &Json, callee: &Compiled, tolerance: f64, checks: &mut Checks) {
    let method = record["method"].as_str();
    let raises = record.get("raises");
    let kind = if raises.is_some() { "raises" } else { "result" };
    let find = |name: &str| callee.find_type(name);
    let mut args = Vec::new();
    let mut kwargs = Vec::new();
    for (i, arg) in record["args"].as_array().into_iter().flatten().enumerate() {
        match values::decode(arg, callee.parameter(method, i, None).as_ref(), &find) {
            Ok(value) => args.push(value),
            Err(problem) => return checks.note(kind, Err(problem)),
        }
    }
    for (name, arg) in record["kwargs"].as_object().into_iter().flatten() {
        match values::decode(arg, callee.parameter(method, 0, Some(name)).as_ref(), &find) {
            Ok(value) => kwargs.push((name.clone(), value)),
            Err(problem) => return checks.note(kind, Err(problem)),
        }
    }
    let (outcome, stdout) = callee.call(method, args.clone(), kwargs);
    match (raises, outcome) {
        (None, Ok(result)) => {
            checks.note("result", values::compare(&record["result"], &result, tolerance));
        }
        (None, Err(failure)) => checks.note("result", Err(last_line(&failure.message))),
        (Some(_), Ok(result)) => checks.note("raises", Err(format!("returns {result:?}"))),
        (Some(expected), Err(failure)) => {
            checks.note("raises", Ok(()));
            // Where PyTorch's process died, any clean error will do.
            if expected["type"] != "process died" {
                let message = expected["message"].as_str().unwrap_or("").trim();
                let found = without_addresses(failure.message.trim());
                let found = found.as_str();
                // The call's own errors say what is wrong first, those of running code last.
                let binding = expected["stage"] == "argument_binding";
                let line = |text: &str| {
                    let mut lines = text.lines();
                    if binding { lines.next() } else { lines.next_back() }
                        .unwrap_or("")
                        .to_string()
                };
                checks.text("raises: sentence", &line(message), Ok(line(found)));
                if !binding {
                    checks.text("raises: traceback", message, Ok(found.to_string()));
                }
                checks.text(
                    "raises: class",
                    expected["type"].as_str().unwrap_or(""),
                    Ok(failure.class),
                );
            }
        }
    }
    if let Some(expected) = record["stdout"].as_str().filter(|text| !text.is_empty()) {
        checks.text("stdout", expected, Ok(stdout));
    }
    for (expected, found) in record["args_after"].as_array().into_iter().flatten().zip(&args) {
        checks.note("args_after", values::compare(expected, found, tolerance));
    }
    for (name, expected) in record["state_after"].as_object().into_iter().flatten() {
        let outcome = match callee.attribute(name) {
            Some(found) => values::compare(expected, &found, tolerance),
            None => Err(format!("no attribute `{name}`")),
        };
        checks.note("state_after", outcome);
    }
}
