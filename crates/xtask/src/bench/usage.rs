//! CPU time and memory of another process, out of `/proc` (Linux only).

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;

/// Length of the tick in which `/proc/PID/stat` counts. `USER_HZ` is 100 on every Linux Rust runs on.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process so far, user and system time together.
///
/// The kernel derives both sums from the scheduler's clock, so they are exact up to the [`TICK`] they are given in.
/// `/proc/PID/schedstat` has nanoseconds, but of the first thread only, and per-thread files vanish with their thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CpuTime {
    /// All threads of the process, those that have ended included.
    pub(super) own: Duration,
    /// Child processes that have ended and were waited for, and theirs.
    pub(super) children: Duration,
}

/// Reads the CPU time of a process.
pub(super) fn cpu_time(pid: u32) -> anyhow::Result<CpuTime> {
    let stat = read(pid, "stat")?;
    parse_cpu_time(&stat).with_context(|| format!("no CPU times in {stat:?}"))
}

fn parse_cpu_time(stat: &str) -> Option<CpuTime> {
    // The second field is the program's name in parentheses and may itself contain blanks and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(|field| field.parse::<u32>().ok());
    let mut sum = || Some(TICK * (ticks.next()?? + ticks.next()??));
    Some(CpuTime { own: sum()?, children: sum()? })
}

/// Wall and CPU time since a moment.
pub(super) struct Clock {
    pid: u32,
    begin: Instant,
    cpu: CpuTime,
}

/// What a [`Clock`] shows, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    pub(super) wall: f64,
    /// CPU of the process itself.
    pub(super) cpu: f64,
    /// CPU of its child processes, once they have ended.
    pub(super) children: f64,
}

impl Clock {
    /// Starts to count for this process.
    pub(super) fn start(pid: u32) -> anyhow::Result<Self> {
        Ok(Self { pid, cpu: cpu_time(pid)?, begin: Instant::now() })
    }

    /// What has been spent since the start.
    pub(super) fn read(&self) -> anyhow::Result<Spent> {
        let wall = self.begin.elapsed().as_secs_f64();
        let now = cpu_time(self.pid)?;
        Ok(Spent {
            wall,
            cpu: now.own.saturating_sub(self.cpu.own).as_secs_f64(),
            children: now.children.saturating_sub(self.cpu.children).as_secs_f64(),
        })
    }
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
    use super::{CpuTime, TICK, field_bytes, parse_cpu_time};

    #[test]
    fn cpu_ticks_are_found_behind_any_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 2 3 4 150 25 9 9 20 0 1 0 5 6 7";
        assert_eq!(parse_cpu_time(stat), Some(CpuTime { own: TICK * 175, children: TICK * 18 }));
        assert_eq!(parse_cpu_time("7 (a) S 1"), None);
    }

    #[test]
    fn memory_fields_are_kibibytes() {
        assert_eq!(field_bytes("VmHWM:\t  12 kB\nVmRSS:\t  10 kB\n", "VmRSS:").unwrap(), 10_240);
        assert!(field_bytes("VmHWM:\t  12 kB\n", "VmRSS:").is_err());
    }
}
