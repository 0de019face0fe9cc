//! The command lines under measurement.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// A server binary with its arguments.
pub(super) struct Subject {
    /// Absolute, with links resolved: the server is started in another folder.
    program: PathBuf,
    arguments: Vec<String>,
    /// As the user wrote it; the head of its column.
    label: String,
}

impl Subject {
    /// A command line split at blanks; the first word is the path of an executable file.
    pub(super) fn parse(command: &str) -> anyhow::Result<Self> {
        let mut words = command.split_whitespace();
        let Some(program) = words.next() else { bail!("an empty command line cannot be measured") };
        let path = Path::new(program)
            .canonicalize()
            .with_context(|| format!("{program} is not a file (give a path: PATH is not searched)"))?;
        Ok(Self {
            program: path,
            arguments: words.map(str::to_owned).collect(),
            label: [Path::new(program).file_name().map_or(program.into(), |name| name.to_string_lossy())]
                .into_iter()
                .chain(command.split_whitespace().skip(1).map(Into::into))
                .collect::<Vec<_>>()
                .join(" "),
        })
    }

    /// Our own release build, made first when there is none. An existing one is taken as it is, however old.
    pub(super) fn release_build() -> anyhow::Result<Self> {
        let path = workspace().join("target/release/app-server");
        if !path.exists() {
            let status = Command::new("cargo")
                .args(["build", "--release", "--package", "app-server"])
                .current_dir(workspace())
                .status()
                .context("cannot run cargo")?;
            ensure!(status.success(), "the release build failed");
        }
        Self::parse(path.to_str().context("the path of the checkout is not UTF-8")?)
    }

    /// The executable file itself.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// The arguments before an `app-server`, for another subcommand of a binary that is a server by such a word; None
    /// for one that is nothing else.
    pub(super) fn arguments_beside_server(&self) -> Option<Vec<String>> {
        let server = self.arguments.iter().position(|word| word == "app-server")?;
        Some(self.arguments[..server].to_vec())
    }

    /// The command that starts it, without environment, folder and pipes.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// Root of the checkout this program was built from.
pub(super) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
