//! Ends processes that have no namespace of their own to end them: everything that descends from this one.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process};

/// Who cannot be killed for this long belongs to somebody else, as what `sudo` runs does.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rounds of stopping before killing; each finds what was started during the one before.
const STOPPING_ROUNDS: usize = 8;
/// How long the dying get before the next look.
const PAUSE: Duration = Duration::from_millis(1);

/// Kills and reaps every descendant. This process must be a reaper of orphans, so that they stay its descendants.
pub(super) fn end_all() {
    let give_up = Instant::now() + PATIENCE;
    loop {
        // Stopped processes start no others, so that this ends even for one that forks without pause.
        let mut found = descendants();
        for _ in 0..STOPPING_ROUNDS {
            signal(&found, Signal::STOP);
            let again = descendants();
            let steady = again.len() == found.len();
            found = again;
            if steady {
                break;
            }
        }
        signal(&found, Signal::KILL);
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => break,
                Err(_no_child) => return,
            }
        }
        if Instant::now() > give_up {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // It may have ended meanwhile.
        let _ = kill_process(*pid, signal);
    }
}

/// Returns the descendants of this process, parents before children.
fn descendants() -> Vec<Pid> {
    let mut found = vec![rustix::process::getpid()];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children(*pid));
        next += 1;
    }
    found.remove(0);
    found
}

fn children(pid: Pid) -> Vec<Pid> {
    let mut found = Vec::new();
    let folder = format!("/proc/{}/task", pid.as_raw_nonzero());
    for thread in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match std::fs::read_to_string(thread.path().join("children")) {
            Ok(text) => found.extend(text.split_whitespace().filter_map(pid_of)),
            // A kernel without these lists.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && thread.path().exists() => {
                return children_by_search(pid);
            }
            Err(_) => {}
        }
    }
    found
}

fn children_by_search(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| pid_of(entry.file_name().to_str()?));
    numbers.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name before it may contain anything, parentheses included.
    let (_, rest) = text.rsplit_once(')')?;
    pid_of(rest.split_whitespace().nth(1)?)
}

fn pid_of(text: &str) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}
