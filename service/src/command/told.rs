//! How commands that walk through the whole store tell how far they are, and what it cost.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::metrics::Stopwatch;

const EVERY: Duration = Duration::from_secs(2);

/// Rows of one table after the other.
pub struct Progress {
    whole: Stopwatch,
    since: Stopwatch,
    what: Option<String>,
    rows: u64,
    all: u64,
    last: Duration,
}

impl Progress {
    pub fn start() -> Self {
        let (whole, since) = (Stopwatch::start(), Stopwatch::start());
        Self { whole, since, what: None, rows: 0, all: 0, last: Duration::ZERO }
    }

    /// So many more rows of this; says so now and then, and what each came to at its end.
    pub fn add(&mut self, what: impl Display, rows: u64) -> io::Result<()> {
        let what = what.to_string();
        if self.what.as_ref() != Some(&what) {
            self.end()?;
            (self.what, self.rows, self.since, self.last) = (Some(what), 0, Stopwatch::start(), Duration::ZERO);
        }
        self.rows += rows;
        self.all += rows;
        if self.since.elapsed() - self.last >= EVERY {
            self.last = self.since.elapsed();
            self.line("…")?;
        }
        Ok(())
    }

    fn line(&self, end: &str) -> io::Result<()> {
        let Some(what) = &self.what else { return Ok(()) };
        let rate = self.rows as f64 / self.since.elapsed().as_secs_f64().max(0.001);
        let mut out = io::stdout().lock();
        writeln!(out, "  {what:<18} {:>10} rows{end}  {rate:>8.0}/s", self.rows)?;
        out.flush()
    }

    fn end(&self) -> io::Result<()> {
        self.line(" ")
    }

    /// How many rows there were in all, how long it took, and the most memory that it had.
    pub fn finish(self) -> io::Result<String> {
        self.end()?;
        let seconds = self.whole.elapsed().as_secs_f64();
        let memory = peak_memory().map(|mib| format!(", at most {mib} MiB of memory")).unwrap_or_default();
        Ok(format!("{} rows in {seconds:.1} s{memory}", self.all))
    }
}

/// As Linux tells it; nothing elsewhere.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.div_ceil(1024))
}
