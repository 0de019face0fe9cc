//! CPU time and memory of another process, out of `/proc` (Linux only).

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Length of the tick in which `/proc/PID/stat` counts. `USER_HZ` is 100 on every Linux Rust runs on.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process so far: user and system time of all its threads, those that have ended included, children
/// excluded. The kernel derives the sum from the scheduler's clock, so it is exact up to the [`TICK`] it is given in.
///
/// `/proc/PID/schedstat` has nanoseconds, but of the first thread only, and per-thread files vanish with their thread.
pub(super) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = read(pid, "stat")?;
    parse_cpu_ticks(&stat).map(|ticks| TICK * ticks).with_context(|| format!("no CPU times in {stat:?}"))
}

fn parse_cpu_ticks(stat: &str) -> Option<u32> {
    // The second field is the program's name in parentheses and may itself contain blanks and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory of a process, in bytes.
pub(super) struct Memory {
    /// Everything mapped and present, pages shared with other processes included.
    pub(super) resident: u64,
    /// The most `resident` has ever been.
    pub(super) peak: u64,
    /// Like `resident`, with each shared page divided by the number of processes that share it.
    pub(super) proportional: u64,
}

/// What the process occupies now.
pub(super) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = read(pid, "status")?;
    let rollup = read(pid, "smaps_rollup")?;
    Ok(Memory {
        resident: field_bytes(&status, "VmRSS:")?,
        peak: field_bytes(&status, "VmHWM:")?,
        proportional: field_bytes(&rollup, "Pss:")?,
    })
}

fn field_bytes(text: &str, name: &str) -> anyhow::Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map(|kibibytes| kibibytes * 1024)
        .with_context(|| format!("no {name} in\n{text}"))
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path} (the bench needs Linux)"))
}

#[cfg(test)]
mod tests {
    use super::{field_bytes, parse_cpu_ticks};

    #[test]
    fn cpu_ticks_are_found_behind_any_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 2 3 4 150 25 9 9 20 0 1 0 5 6 7";
        assert_eq!(parse_cpu_ticks(stat), Some(175));
        assert_eq!(parse_cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn memory_fields_are_kibibytes() {
        assert_eq!(field_bytes("VmHWM:\t  12 kB\nVmRSS:\t  10 kB\n", "VmRSS:").unwrap(), 10_240);
        assert!(field_bytes("VmHWM:\t  12 kB\n", "VmRSS:").is_err());
    }
}
