//! Stopwatch, medians, and what the machine is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time now, for differences.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    Instant::now()
}

/// Durations, sorted.
#[derive(Default, Clone)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        let at = self.0.partition_point(|other| *other <= time);
        self.0.insert(at, time);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of all is not above.
    pub fn at(&self, share: f64) -> Duration {
        let nth = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(nth.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or_default()
    }

    pub fn median(&self) -> Duration {
        self.at(0.5)
    }

    /// `p50 1.2 ms, p99 3.4 ms, most 5.6 ms`
    pub fn spread(&self) -> String {
        format!("p50 {}, p99 {}, most {} ({} times)", ms(self.at(0.5)), ms(self.at(0.99)), ms(self.at(1.0)), self.len())
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        let mut all: Vec<_> = times.into_iter().collect();
        all.sort_unstable();
        Self(all)
    }
}

/// `12.3 ms`, with as many digits as are worth reading.
pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        ms if ms < 1.0 => format!("{:.0} µs", ms * 1000.0),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

/// How many times as long.
pub fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(1e-9)
}

/// A heading.
pub fn heading(text: &str) {
    println!("\n## {text}");
}

/// One figure.
pub fn line(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<58} {figure}");
}

/// A folder that is gone when it is dropped, on the disk that the build is on (and not in memory, where a flush costs nothing).
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// A line of `/proc/<process>/status`, in kB.
pub fn status_kb(process: u32, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// `14.2 MB`
pub fn mb(kb: u64) -> String {
    format!("{:.1} MB", kb as f64 / 1024.0)
}

/// A program on the search path.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let dirs = std::env::var_os("PATH")?;
    std::env::split_paths(&dirs).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// A child process, not yet started.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> std::process::Command {
    #[expect(clippy::disallowed_methods, reason = "what is measured is another program")]
    std::process::Command::new(program)
}

/// Says what all of it is measured on.
pub fn machine() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("# kaas {} on {cores} cores of{cpu}, {} of memory", env!("CARGO_PKG_VERSION"), memory.trim());
    line("load when it began (1, 5, 15 minutes)", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    line("an fsync of 4 kB here", flushes(folder().path()).spread());
    if let Some(terraform) = terraform() {
        let said = command(terraform).arg("version").output().map(|out| out.stdout).unwrap_or_default();
        line("terraform", String::from_utf8_lossy(&said).lines().next().unwrap_or_default());
    }
}

/// The terraform that kaas would find.
pub fn terraform() -> Option<PathBuf> {
    on_path("terraform").or_else(|| on_path("tofu"))
}

fn flushes(dir: &Path) -> Times {
    use std::io::Write as _;
    let mut file = std::fs::File::create(dir.join("flush")).expect("a file");
    let flush = |_| {
        let begun = now();
        file.write_all(&[7; 4096]).and_then(|()| file.sync_all()).expect("written");
        begun.elapsed()
    };
    (0..100).map(flush).collect()
}
