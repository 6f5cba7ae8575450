//! Real models with recorded inputs and outputs: `flambeau verify` must agree on each.
//!
//! ```text
//! FLAMBEAU_CONFORMANCE  the folder with `models/`; default `../shared/conformance` beside the repository
//! MODEL=bert            the models whose names contain this only, with the program's output
//! UPDATE=1              write the number that agrees to `models.count`, which otherwise may only grow
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);

fn models() -> Option<Vec<PathBuf>> {
    let folder = match std::env::var_os("FLAMBEAU_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    let entries = std::fs::read_dir(folder.join("models")).ok()?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "pt"))
        .collect();
    found.sort();
    Some(found)
}

/// Whether the model agrees, and the last line that the program wrote.
fn verify(model: &Path) -> (bool, String) {
    let started = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_flambeau"))
        .arg("verify")
        .arg(model)
        .arg(model.with_extension("safetensors"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return (false, error.to_string()),
    };
    // The output is a few lines, which the pipes hold.
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if started.elapsed() > LIMIT => {
                let _ = child.kill();
                let _ = child.wait();
                return (false, format!("not done after {} s", LIMIT.as_secs()));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => return (false, error.to_string()),
        }
    }
    let Ok(output) = child.wait_with_output() else {
        return (false, "no output".into());
    };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let last = text
        .lines()
        .rev()
        .find(|l| !l.trim().is_empty())
        .unwrap_or("")
        .to_string();
    (output.status.success(), last)
}

#[test]
fn recorded_models() {
    let Some(models) = models() else {
        println!("skipped: no conformance data; set FLAMBEAU_CONFORMANCE to its folder");
        return;
    };
    let only = std::env::var("MODEL").ok();
    let wanted = |path: &&PathBuf| {
        only.as_ref()
            .is_none_or(|only| path.to_string_lossy().contains(only.as_str()))
    };
    let (mut agreeing, mut count) = (0, 0);
    for model in models.iter().filter(wanted) {
        let (agrees, line) = verify(model);
        count += 1;
        agreeing += usize::from(agrees);
        let name = model.file_stem().unwrap_or_default().to_string_lossy();
        let line: String = line.chars().take(160).collect();
        println!("{} {name:45} {line}", if agrees { "ok  " } else { "FAIL" });
    }
    println!("{agreeing} of {count} models agree");
    if only.is_some() {
        return;
    }
    let pin = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models.count");
    let pinned: usize = std::fs::read_to_string(&pin)
        .ok()
        .and_then(|t| t.trim().parse().ok())
        .unwrap_or(0);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&pin, format!("{}\n", agreeing.max(pinned))).expect("the count can be written");
    }
    assert!(agreeing >= pinned, "{agreeing} models agree; {pinned} did before");
}
