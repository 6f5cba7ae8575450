//! A bar on the standard error while a job goes on; only on a terminal, and gone when the job is done.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const WIDTH: usize = 30;
/// Nothing is drawn for what is done sooner, nor more often.
const PAUSE: Duration = Duration::from_millis(200);

pub struct Progress {
    what: &'static str,
    is_terminal: bool,
    drawn: Instant,
    is_shown: bool,
}

impl Progress {
    pub fn new(what: &'static str) -> Progress {
        Progress {
            what,
            is_terminal: std::io::stderr().is_terminal(),
            drawn: Instant::now(),
            is_shown: false,
        }
    }

    /// How much is done, between 0 and 1.
    pub fn set(&mut self, done: f64) {
        if !self.is_terminal || self.drawn.elapsed() < PAUSE {
            return;
        }
        self.drawn = Instant::now();
        self.is_shown = true;
        let _ = write!(std::io::stderr(), "\r{}", bar(self.what, done));
    }
}

fn bar(what: &str, done: f64) -> String {
    let done = done.clamp(0.0, 1.0);
    let full = (done * WIDTH as f64) as usize;
    format!(
        "{what} [{}{}] {:3.0} %",
        "#".repeat(full),
        "-".repeat(WIDTH - full),
        done * 100.0
    )
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            // Back to the beginning of the line, and erases it.
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars() {
        assert_eq!(bar("calls", 0.0), format!("calls [{}]   0 %", "-".repeat(30)));
        assert_eq!(
            bar("calls", 0.5),
            format!("calls [{}{}]  50 %", "#".repeat(15), "-".repeat(15))
        );
        assert_eq!(bar("calls", 7.0), format!("calls [{}] 100 %", "#".repeat(30)));
    }
}
