//! Files that are there whole or not at all.
//!
//! The bytes go into a hidden file beside the wanted one, `.NAME.PID-ATTEMPT.tmp`, which takes its name when it is
//! complete. What a killed process leaves behind is removed when the same file is written again.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// Writes a file so that it is there whole or not at all: into a temporary file beside it, which is renamed when `body`
/// has succeeded and the bytes are on the disk.
pub fn write_file<T>(path: &Path, body: impl FnOnce(&mut BufWriter<File>) -> Result<T>) -> Result<T> {
    let shown = path.display();
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Some(name) = path.file_name() else {
        return Err(Error::new(
            ErrorKind::Io,
            format!("cannot write `{shown}`: it is not the name of a file"),
        ));
    };
    remove_leftovers(folder, name);
    let (temporary, file) = temporary(folder, name)
        .map_err(|e| Error::io(format_args!("cannot write a file in `{}`", folder.display()), e))?;
    let mut sink = BufWriter::with_capacity(1 << 20, file);
    let result = body(&mut sink).and_then(|value| {
        let file = sink
            .into_inner()
            .map_err(|e| Error::io(format_args!("cannot write `{shown}`"), e.into_error()))?;
        if let Ok(old) = std::fs::metadata(path) {
            // What the file may be read by stays as it was; where that cannot be set, the default is no worse.
            let _ = file.set_permissions(old.permissions());
        }
        file.sync_all()
            .map_err(|e| Error::io(format_args!("cannot write `{shown}`"), e))?;
        std::fs::rename(&temporary, path)
            .map_err(|e| Error::io(format_args!("cannot write `{shown}`"), e))?;
        // Only now its lock may go.
        drop(file);
        Ok(value)
    });
    if result.is_err() {
        let _ = std::fs::remove_file(&temporary);
    } else if let Ok(folder) = File::open(folder) {
        // Makes the new name durable; not every system can, and the contents are safe either way.
        let _ = folder.sync_all();
    }
    result
}

/// How old a temporary file must be to be a leftover. Its owner holds its lock until it has its name, but not at once.
const LEFTOVER_AGE: Duration = Duration::from_secs(10);

/// Removes the temporary files of processes that were killed while they wrote this file.
fn remove_leftovers(folder: &Path, name: &OsStr) {
    // Without locks nothing tells a leftover from a file that is being written.
    if cfg!(target_family = "wasm") {
        return;
    }
    let prefix = format!(".{}.", name.to_string_lossy());
    let is_leftover = |path: &Path| -> std::io::Result<bool> {
        let file = File::open(path)?;
        let age = file.metadata()?.modified()?.elapsed().unwrap_or_default();
        Ok(age >= LEFTOVER_AGE && file.try_lock().is_ok())
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let own = entry.file_name();
        let own = own.to_string_lossy();
        let numbers = own
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(".tmp"));
        if numbers.is_some_and(is_numbers) && is_leftover(&entry.path()).unwrap_or(false) {
            // Whoever may not remove it can still write the file.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The `PID-ATTEMPT` of a temporary file's name.
fn is_numbers(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(process, attempt)| is_number(process) && is_number(attempt))
}

fn temporary(folder: &Path, name: &OsStr) -> std::io::Result<(PathBuf, File)> {
    // A wasm host has no process ids, and asking for one would panic.
    let process = if cfg!(target_family = "wasm") {
        0
    } else {
        std::process::id()
    };
    for attempt in 0..1000u32 {
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{process}-{attempt}.tmp"));
        let path = folder.join(own);
        match File::options().write(true).create_new(true).open(&path) {
            Ok(file) => {
                // Tells a later save that somebody still writes. Not every file system has locks.
                let _ = file.try_lock();
                return Ok((path, file));
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::AlreadyExists,
        "no temporary name is free",
    ))
}
