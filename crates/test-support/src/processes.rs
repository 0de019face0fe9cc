//! The processes of the machine as `/proc` shows them: whether a command still runs, whatever has become of its parents.
//! It knows nothing of the server.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the machine is looked at: the end of a process that is nobody's child cannot be waited for.
const POLL: Duration = Duration::from_millis(5);

/// A command that sleeps for as long as any test, with a duration that no other process on the machine has: it is found
/// by its command line. Dropping it ends those that are left, so that a failed test leaves nothing.
#[derive(Debug)]
pub struct Sleeper {
    seconds: String,
}

impl Default for Sleeper {
    fn default() -> Self {
        Self::new()
    }
}

impl Sleeper {
    /// Makes a command line nobody else has.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { seconds: format!("600.{:07}{number:03}", std::process::id()) }
    }

    /// Returns the words for a shell: `sleep <a long time>`.
    pub fn command(&self) -> String {
        format!("sleep {}", self.seconds)
    }

    /// Returns the ids of all processes that sleep so; a shell that was told to is not one.
    pub fn running(&self) -> Vec<u32> {
        let wanted = format!("sleep\0{}\0", self.seconds);
        process_ids()
            .into_iter()
            .filter(|id| {
                let command = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
                command.ends_with(wanted.as_bytes())
            })
            .collect()
    }

    /// Waits until `count` processes sleep so.
    ///
    /// # Errors
    /// Those that do when the limit has passed.
    pub fn wait_running(&self, count: usize, limit: Duration) -> Result<(), Vec<u32>> {
        let deadline = Instant::now() + limit;
        loop {
            let running = self.running();
            if running.len() == count {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(running);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        for id in self.running() {
            // It may have ended by itself.
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
    }
}

/// Returns the ended children of a process that it has not waited for.
pub fn zombies_of(parent: u32) -> Vec<u32> {
    let is_zombie = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name is in parentheses and may hold anything.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.next() == Some("Z") && fields.next() == Some(parent.to_string().as_str())
    };
    process_ids().into_iter().filter(is_zombie).collect()
}

fn process_ids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_is_found_until_it_ends() {
        let sleeper = Sleeper::new();
        let shell = format!("{} & exec {}", sleeper.command(), sleeper.command());
        let mut child = Command::new("sh").args(["-c", &shell]).spawn().unwrap();
        sleeper.wait_running(2, Duration::from_secs(10)).unwrap();
        for id in sleeper.running() {
            assert!(Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap().success());
        }
        sleeper.wait_running(0, Duration::from_secs(10)).unwrap();
        assert_eq!(zombies_of(std::process::id()), [child.id()]);
        child.wait().unwrap();
        assert!(zombies_of(std::process::id()).is_empty());
    }
}
