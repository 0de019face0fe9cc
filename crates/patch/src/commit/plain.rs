//! Writing where folders cannot be held open: by path, checked just before. Links swapped in between are not seen.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{CommitError, CommitFailure, Step, temporary_name};
use crate::resolve;

/// Does `steps`, below `roots` if given.
pub(super) fn write(steps: &[Step<'_>], roots: Option<&[PathBuf]>) -> Result<(), CommitError> {
    let mut writer = Writer::default();
    let written = writer.write(steps, roots);
    match written {
        Ok(()) => {
            writer.clean();
            Ok(())
        }
        Err(mut error) => {
            error.not_undone = writer.undo();
            Err(error)
        }
    }
}

#[derive(Default)]
struct Writer {
    made: Vec<PathBuf>,
    leftovers: Vec<PathBuf>,
    /// Files in place, and where the old ones are.
    done: Vec<(PathBuf, Option<PathBuf>)>,
}

impl Writer {
    fn write(&mut self, steps: &[Step<'_>], roots: Option<&[PathBuf]>) -> Result<(), CommitError> {
        let mut temporaries = Vec::with_capacity(steps.len());
        for step in steps {
            temporaries.push(self.prepare(step, roots)?);
        }
        for (step, temporary) in steps.iter().zip(temporaries) {
            self.put(step, temporary.as_deref()).map_err(|error| step.failed(error))?;
        }
        Ok(())
    }

    fn prepare(
        &mut self,
        step: &Step<'_>,
        roots: Option<&[PathBuf]>,
    ) -> Result<Option<PathBuf>, CommitError> {
        let real = resolve::real_folder(step.folder).map_err(|error| step.failed(error))?;
        if roots.is_some_and(|roots| !roots.iter().any(|root| real.starts_with(root))) {
            return Err(step.error(CommitFailure::Outside));
        }
        let same = resolve::read(step.path).map(|found| found.as_ref() == step.before);
        step.check(same)?;
        if real != step.folder {
            return Err(step.error(CommitFailure::Changed));
        }
        step.after
            .map(|after| self.temporary(step.folder, &after.content))
            .transpose()
            .map_err(|e| step.failed(e))
    }

    fn temporary(&mut self, folder: &Path, content: &[u8]) -> io::Result<PathBuf> {
        self.make(folder)?;
        let path = folder.join(temporary_name());
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        self.leftovers.push(path.clone());
        file.write_all(content)?;
        Ok(path)
    }

    fn make(&mut self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make(parent)?;
        }
        fs::create_dir(folder)?;
        self.made.push(folder.to_owned());
        Ok(())
    }

    fn put(&mut self, step: &Step<'_>, temporary: Option<&Path>) -> io::Result<()> {
        let old = step.before.map(|_| step.folder.join(temporary_name()));
        if let Some(old) = &old {
            if let Some(temporary) = temporary
                && let Ok(metadata) = fs::metadata(step.path)
            {
                // A rename asks the folder only; whoever made the file read-only meant it.
                if metadata.permissions().readonly() {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                fs::set_permissions(temporary, metadata.permissions())?;
            }
            fs::rename(step.path, old)?;
            self.done.push((step.path.to_owned(), Some(old.clone())));
        }
        if let Some(temporary) = temporary {
            fs::rename(temporary, step.path)?;
            if old.is_none() {
                self.done.push((step.path.to_owned(), None));
            }
        }
        Ok(())
    }

    fn clean(&mut self) {
        self.leftovers.extend(self.done.drain(..).filter_map(|(_, old)| old));
        for path in self.leftovers.drain(..) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "a temporary file of a patch stays");
                }
                _ => {}
            }
        }
    }

    fn undo(&mut self) -> Vec<PathBuf> {
        let mut failed = Vec::new();
        while let Some((path, old)) = self.done.pop() {
            let undone = match old {
                Some(old) => fs::rename(old, &path),
                None => fs::remove_file(&path),
            };
            if undone.is_err() {
                failed.push(path);
            }
        }
        self.clean();
        while let Some(folder) = self.made.pop() {
            let others = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
            if !others && fs::remove_dir(&folder).is_err() {
                failed.push(folder);
            }
        }
        failed
    }
}
