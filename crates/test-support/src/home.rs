//! A fresh `CODEX_HOME` and a project folder beside it, gone when dropped. It knows the layout of the home, no product type.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary base folder that holds `home` (the `CODEX_HOME`) and `work` (the project).
#[derive(Debug)]
pub struct TempHome {
    /// Removes everything when dropped.
    _base: TempDir,
    base: PathBuf,
}

impl TempHome {
    /// Makes the folders in the system's temporary folder.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn new() -> io::Result<Self> {
        Self::of(TempDir::with_prefix("app-server-test-")?)
    }

    /// Makes the folders within `parent`; the reference refuses homes in the system's temporary folder.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn within(parent: &Path) -> io::Result<Self> {
        Self::of(TempDir::with_prefix_in("app-server-test-", parent)?)
    }

    fn of(dir: TempDir) -> io::Result<Self> {
        // Servers answer with resolved paths; the tests compare them.
        let base = fs::canonicalize(dir.path())?;
        let home = Self { _base: dir, base };
        fs::create_dir(home.home())?;
        fs::create_dir(home.work())?;
        Ok(home)
    }

    /// Returns the folder that holds the other two.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Returns the `CODEX_HOME`.
    pub fn home(&self) -> PathBuf {
        self.base.join("home")
    }

    /// Returns the project folder.
    pub fn work(&self) -> PathBuf {
        self.base.join("work")
    }

    /// Writes `config.toml`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, text: &str) -> io::Result<()> {
        fs::write(self.home().join("config.toml"), text)
    }

    /// Writes a `config.toml` whose provider is the model server at `base_url`, without retries, approvals or sandbox;
    /// `extra` is put before the first table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_mock_config(&self, base_url: &str, extra: &str) -> io::Result<()> {
        self.write_config(&format!(
            r#"model = "mock-model"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"
{extra}
[model_providers.mock]
name = "mock"
base_url = "{base_url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"#
        ))
    }

    /// Returns the rollout files of the home, oldest name first.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn rollouts(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        collect_rollouts(&self.home().join("sessions"), &mut found)?;
        found.sort();
        Ok(found)
    }
}

fn collect_rollouts(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_rollouts(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollouts_are_found_in_their_folders() {
        let home = TempHome::new().unwrap();
        assert!(home.rollouts().unwrap().is_empty());
        let day = home.home().join("sessions/2026/01/02");
        fs::create_dir_all(&day).unwrap();
        fs::write(day.join("rollout-b.jsonl"), "").unwrap();
        fs::write(day.join("rollout-a.jsonl"), "").unwrap();
        fs::write(day.join("other.txt"), "").unwrap();
        assert_eq!(home.rollouts().unwrap(), [day.join("rollout-a.jsonl"), day.join("rollout-b.jsonl")]);

        home.write_mock_config("http://127.0.0.1:1/v1", "web_search = true").unwrap();
        assert!(
            fs::read_to_string(home.home().join("config.toml")).unwrap().contains("\nweb_search = true\n[")
        );
    }
}
