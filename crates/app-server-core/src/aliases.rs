//! `apply_patch` as a program: a folder with a link to our own binary, at the end of the `PATH` of commands, for models
//! that put the patch into a pipe (sandbox specification 5).

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names our binary answers to.
const NAMES: &[&str] = &["apply_patch", "applypatch"];

/// The folder, made at the first use.
#[derive(Debug)]
pub(crate) struct Aliases {
    folder: PathBuf,
    is_made: OnceLock<bool>,
}

impl Aliases {
    pub(crate) fn new(codex_home: &Path) -> Self {
        Aliases { folder: codex_home.join("app-server").join("bin"), is_made: OnceLock::new() }
    }

    /// Adds the folder to the `PATH`. Without it a patch in a pipe does not find its program, and nothing else
    /// changes.
    pub(crate) fn add_to_path(&self, env: &mut [(OsString, OsString)]) {
        let make = || self.make().map_err(|error| tracing::debug!(%error, "no aliases for commands")).is_ok();
        if !*self.is_made.get_or_init(make) {
            return;
        }
        if let Some((_, path)) = env.iter_mut().find(|(name, _)| name == OsStr::new("PATH")) {
            // Behind everything the user has: it adds a program and replaces none.
            path.push(":");
            path.push(&self.folder);
        }
    }

    #[cfg(unix)]
    fn make(&self) -> std::io::Result<()> {
        let own = std::env::current_exe()?;
        std::fs::create_dir_all(&self.folder)?;
        for name in NAMES {
            let link = self.folder.join(name);
            if std::fs::read_link(&link).is_ok_and(|target| target == own) {
                continue;
            }
            // Renamed into place, so that no command of another server misses it for a moment.
            let fresh = self.folder.join(format!(".{name}.{}", std::process::id()));
            std::os::unix::fs::symlink(&own, &fresh)?;
            std::fs::rename(&fresh, &link)?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn make(&self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
