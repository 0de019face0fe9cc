//! The AGENTS.md files: which are read, in which order, how much of them. What is said around them in the request is
//! not decided here.

use std::cell::LazyCell;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::roots;
use crate::settings::Config;

/// Names tried in each directory, before the configured ones.
const NAMES: [&str; 2] = ["AGENTS.override.md", "AGENTS.md"];
/// Bytes of the user's own file that are taken; what a file of instructions says in more than that nobody reads.
const MAX_OWN_BYTES: u64 = 1024 * 1024;
/// Between the user's own text and the project's.
const SEPARATOR: &str = "\n\n--- project-doc ---\n\n";

/// What the AGENTS.md files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectDocs {
    /// The joined text; `None` when no file says anything.
    pub text: Option<String>,
    /// The files it comes from, absolute, in load order: home, then project root to cwd. Answered to clients as
    /// `instructionSources`.
    pub sources: Vec<PathBuf>,
    /// Files of the project that are links to somewhere outside of it, and were not read: a repository must not have
    /// files of the user's put before the model.
    pub refused: Vec<PathBuf>,
}

/// Reads the AGENTS.md files for a thread in `cwd`, which must be absolute (config.md section 8, agent-loop.md section
/// 15; checked against both references). Of the user's own file a MiB is taken; the project's share a budget of
/// `project_doc_max_bytes`, and the file that crosses it is cut at the byte. Files that cannot be read are skipped with
/// a log line, links that lead out of the project are skipped and named.
pub fn project_docs(codex_home: &Path, cwd: &Path, config: &Config) -> ProjectDocs {
    let mut docs = ProjectDocs::default();
    let own = NAMES.iter().find_map(|name| {
        let path = codex_home.join(name);
        let text = read(&path, MAX_OWN_BYTES)?;
        let text = text.trim();
        (!text.is_empty()).then(|| (path, text.to_owned()))
    });
    let mut parts = Vec::new();
    if let Some((path, text)) = own {
        docs.sources.push(path);
        parts.push(text);
    }
    let project = project_texts(cwd, config, &mut docs);
    if !project.is_empty() {
        parts.push(project.join("\n\n"));
    }
    docs.text = (!parts.is_empty()).then(|| parts.join(SEPARATOR));
    docs
}

fn project_texts(cwd: &Path, config: &Config, docs: &mut ProjectDocs) -> Vec<String> {
    let mut left = config.project_doc_max_bytes as u64;
    let mut texts = Vec::new();
    let root = roots::project_root(cwd, &config.project_root_markers);
    let real_root = LazyCell::new(|| root.canonicalize());
    for dir in roots::chain(root, cwd) {
        if left == 0 {
            break;
        }
        let fallbacks = config.project_doc_fallback_filenames.iter().map(String::as_str);
        let Some(path) =
            NAMES.into_iter().chain(fallbacks).map(|name| dir.join(name)).find(|path| is_file(path))
        else {
            continue;
        };
        let leads_out = |real: PathBuf| real_root.as_ref().is_ok_and(|root| !real.starts_with(root));
        if path.canonicalize().is_ok_and(leads_out) {
            tracing::warn!(path = %path.display(), "instructions file skipped: it leads out of the project");
            docs.refused.push(path);
            continue;
        }
        let Some(bytes) = read_bytes(&path, left) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        if !text.trim().is_empty() {
            left -= bytes.len() as u64;
            texts.push(text.into_owned());
            docs.sources.push(path);
        }
    }
    texts
}

/// A regular file or a symbolic link; a folder of that name does not hide the names after it.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file() || meta.is_symlink())
}

fn read(path: &Path, limit: u64) -> Option<String> {
    read_bytes(path, limit).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn read_bytes(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // A link may lead to a pipe or device, which would never end.
    let regular = path
        .metadata()
        .and_then(|meta| if meta.is_file() { Ok(()) } else { Err(io::Error::other("not a regular file")) });
    match regular.and_then(|()| File::open(path)?.take(limit).read_to_end(&mut bytes)) {
        Ok(_) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "instructions file skipped");
            None
        }
    }
}
