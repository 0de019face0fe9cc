//! The process environment, read once. Nothing else in the product reads a variable or the working directory, so a
//! test can hand in any environment it likes. It must not interpret configuration.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::shell;

/// Names the home folder of the product; must exist when set.
pub const CODEX_HOME: &str = "CODEX_HOME";
/// Replaces the client's name as originator (auth.md section 12).
pub const ORIGINATOR_OVERRIDE: &str = "CODEX_INTERNAL_ORIGINATOR_OVERRIDE";

/// A snapshot of the environment, the home folder and the working directory, taken once at start.
#[derive(Clone)]
pub struct Environment {
    vars: BTreeMap<OsString, OsString>,
    home_dir: Option<PathBuf>,
    working_dir: PathBuf,
    user_shell: Option<PathBuf>,
}

/// Why there is no home folder to work in.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// `CODEX_HOME` names something that is not there: a typing error must not silently make a new identity.
    #[error("CODEX_HOME points to {}, which cannot be used", path.display())]
    Missing {
        /// The value of the variable.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The default folder is absent and cannot be made.
    #[error("cannot create {}", path.display())]
    Create {
        /// The folder that was to be made.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither `CODEX_HOME` nor a home folder of the user is known.
    #[error("no home folder: set CODEX_HOME")]
    Unknown,
}

impl Environment {
    /// Reads the environment of this process. Called once, by the binary.
    #[expect(clippy::disallowed_methods, reason = "the one place where the working directory is read")]
    pub fn capture() -> Self {
        let vars: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        Self {
            user_shell: shell::of_this_user().or_else(|| absolute(&vars, "SHELL")),
            vars,
            home_dir: std::env::home_dir().filter(|path| !path.as_os_str().is_empty()),
            // A deleted working directory must not keep the server from starting.
            working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    /// Builds an environment out of pairs; `HOME`, `PWD` and `SHELL`, when given, are the home, the working directory
    /// and the user's shell.
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let vars: BTreeMap<OsString, OsString> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let path = |name: &str| vars.get(OsStr::new(name)).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self {
            home_dir: path("HOME"),
            working_dir: path("PWD").unwrap_or_else(|| PathBuf::from("/")),
            user_shell: absolute(&vars, "SHELL"),
            vars,
        }
    }

    /// Returns a variable, if it is set and valid UTF-8.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(OsStr::new(name))?.to_str()
    }

    /// Returns a variable that holds more than white space. Keys and addresses use this: a blank one counts as unset.
    pub fn non_blank(&self, name: &str) -> Option<&str> {
        self.var(name).filter(|value| !value.trim().is_empty())
    }

    /// Returns every variable, valid UTF-8 or not, for handing to child processes after the environment policy.
    pub fn vars(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.vars.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Returns the directory the server was started in. Relative paths of the command line and of requests count from
    /// here.
    pub fn working_dir(&self) -> &Path {
        &self.working_dir
    }

    /// Returns the user's home folder.
    pub fn home_dir(&self) -> Option<&Path> {
        self.home_dir.as_deref()
    }

    /// Returns the product's home folder, canonical: `$CODEX_HOME`, else `~/.codex` (made when missing).
    ///
    /// # Errors
    /// A `CODEX_HOME` that does not exist is an error (auth.md section 2), as is a default that cannot be made.
    pub fn codex_home(&self) -> Result<PathBuf, HomeError> {
        if let Some(path) = self.vars.get(OsStr::new(CODEX_HOME)).filter(|value| !value.is_empty()) {
            let path = self.working_dir.join(path);
            return match path.canonicalize() {
                Ok(real) if real.is_dir() => Ok(real),
                Ok(_) => Err(HomeError::Missing { path, source: io::ErrorKind::NotADirectory.into() }),
                Err(source) => Err(HomeError::Missing { path, source }),
            };
        }
        let path = self.home_dir.as_ref().ok_or(HomeError::Unknown)?.join(".codex");
        std::fs::create_dir_all(&path)
            .and_then(|()| path.canonicalize())
            .map_err(|source| HomeError::Create { path, source })
    }

    /// Returns the originator that replaces the client's name, if one is set.
    pub fn originator_override(&self) -> Option<&str> {
        self.non_blank(ORIGINATOR_OVERRIDE)
    }

    /// Returns `$SHELL`, when it is an absolute path. What commands run in is [`crate::login_shell`].
    pub fn shell(&self) -> Option<&Path> {
        self.non_blank("SHELL").map(Path::new).filter(|path| path.is_absolute())
    }

    /// Returns the user's shell, as the account has it: the passwd entry of the user we run as, else `$SHELL`. It need
    /// not exist, nor be a shell we can use.
    pub fn user_shell(&self) -> Option<&Path> {
        self.user_shell.as_deref()
    }

    /// Returns the folder for temporary files named by `$TMPDIR`, when it is an absolute path.
    pub fn tmpdir(&self) -> Option<&Path> {
        self.non_blank("TMPDIR").map(Path::new).filter(|path| path.is_absolute())
    }

    /// Returns the terminal's name for the user agent: `TERM_PROGRAM[/version]`, else `TERM`, else `unknown`
    /// (wire.md 2.3).
    pub fn terminal(&self) -> String {
        match (self.non_blank("TERM_PROGRAM"), self.non_blank("TERM_PROGRAM_VERSION")) {
            (Some(program), Some(version)) => format!("{program}/{version}"),
            (Some(program), None) => program.to_owned(),
            (None, _) => self.non_blank("TERM").unwrap_or("unknown").to_owned(),
        }
    }
}

/// A variable that holds an absolute path.
fn absolute(vars: &BTreeMap<OsString, OsString>, name: &str) -> Option<PathBuf> {
    vars.get(OsStr::new(name)).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Shows no values: they may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.len())
            .field("working_dir", &self.working_dir)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn default_home_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let env = Environment::from_pairs([("HOME", dir.path())]);
        let home = env.codex_home().unwrap();
        assert!(home.is_dir());
        assert_eq!(home, dir.path().canonicalize().unwrap().join(".codex"));
    }

    #[test]
    fn codex_home_must_exist_and_is_canonical() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("a")).unwrap();
        let env = |value: &Path| Environment::from_pairs([(CODEX_HOME, value)]);
        assert_eq!(env(&real.join("a/../a")).codex_home().unwrap(), real.join("a"));
        assert!(matches!(env(&real.join("nope")).codex_home(), Err(HomeError::Missing { .. })));
        std::fs::write(real.join("file"), "").unwrap();
        assert!(matches!(env(&real.join("file")).codex_home(), Err(HomeError::Missing { .. })));
        // An empty value counts as unset; then nothing is known at all.
        assert!(matches!(env(Path::new("")).codex_home(), Err(HomeError::Unknown)));
    }

    #[test]
    fn terminal_names() {
        let terminal = |pairs: &[(&str, &str)]| Environment::from_pairs(pairs.iter().copied()).terminal();
        assert_eq!(terminal(&[]), "unknown");
        assert_eq!(terminal(&[("TERM", "xterm")]), "xterm");
        assert_eq!(terminal(&[("TERM", "xterm"), ("TERM_PROGRAM", "vscode")]), "vscode");
        assert_eq!(terminal(&[("TERM_PROGRAM", "vscode"), ("TERM_PROGRAM_VERSION", "1.9")]), "vscode/1.9");
    }

    #[test]
    fn debug_shows_no_values() {
        let env = Environment::from_pairs([("A_KEY", "hunter2")]);
        assert!(!format!("{env:?}").contains("hunter2"));
    }
}
