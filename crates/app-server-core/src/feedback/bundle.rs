//! The bundle: `feedback.json` with what the user said and what this is; with logs also `log.txt`, the latest lines kept
//! in memory, and `rollout.jsonl`, the thread.

use std::fs;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use app_server_protocol::WIRE_LEVEL;
use app_server_protocol::v2::FeedbackUploadParams;
use app_server_rollout::Scope;
use serde::Serialize;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::zip::Zip;
use crate::services::Services;

/// Where bundles are, below the home.
const FOLDER: &str = "feedback";
/// How much of a thread goes in: its end.
const ROLLOUT_BYTES: u64 = 64 * 1024 * 1024;
/// Bundles of one thread.
const MAX_BUNDLES: usize = 10_000;

pub(super) struct Bundle<'a> {
    pub(super) services: &'a Services,
    pub(super) id: Uuid,
    pub(super) params: &'a FeedbackUploadParams,
}

/// What `feedback.json` says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    thread_id: String,
    classification: &'a str,
    reason: Option<&'a str>,
    include_logs: bool,
    at: String,
    version: &'a str,
    protocol: &'a str,
    os: &'a str,
    arch: &'a str,
    client: &'a str,
    user_agent: &'a str,
}

impl Bundle<'_> {
    /// Writes the bundle whole or not at all; returns where it is.
    pub(super) fn write(&self) -> io::Result<PathBuf> {
        let folder = self.services.config.codex_home().join(FOLDER);
        fs::create_dir_all(&folder)?;
        let mut zip = Zip::new(NamedTempFile::new_in(&folder)?);
        let said = self.said()?;
        zip.add("feedback.json", |to| to.write_all(said.as_bytes()))?;
        if self.params.include_logs {
            let log = self.services.logs.text();
            // What has become a secret since the line was kept.
            let log = self.services.secrets().mask(&log).into_owned();
            zip.add("log.txt", |to| to.write_all(log.as_bytes()))?;
            if let Some((from, is_cut)) = self.rollout()? {
                zip.add("rollout.jsonl", |to| self.write_rollout(from, is_cut, to))?;
            }
        }
        keep(zip.finish()?, &folder, self.id)
    }

    fn said(&self) -> io::Result<String> {
        let said = Said {
            thread_id: self.id.to_string(),
            classification: &self.params.classification,
            reason: self.params.reason.as_deref(),
            include_logs: self.params.include_logs,
            at: jiff::Timestamp::now().to_string(),
            version: self.services.version,
            protocol: WIRE_LEVEL,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            client: &self.services.client.originator,
            user_agent: &self.services.client.user_agent,
        };
        let text = serde_json::to_string_pretty(&said)?;
        Ok(self.services.secrets().mask(&text).into_owned())
    }

    /// What the thread's files hold; nothing for a thread nobody stored. Of a very long one half a line may be first.
    fn rollout(&self) -> io::Result<Option<(Box<dyn Read>, bool)>> {
        let store = &self.services.store;
        let Some(found) = store.find(self.id, Scope::Any)? else { return Ok(None) };
        let chain = store.chain(&found.path).map_err(io::Error::other)?;
        chain.open_end(ROLLOUT_BYTES).map(Some)
    }

    fn write_rollout(&self, from: Box<dyn Read>, is_cut: bool, to: &mut dyn Write) -> io::Result<()> {
        let secrets = self.services.secrets();
        let mut from = BufReader::new(from);
        let mut to = BufWriter::new(to);
        let mut line = Vec::new();
        if is_cut {
            from.read_until(b'\n', &mut line)?;
            line.clear();
        }
        while from.read_until(b'\n', &mut line)? > 0 {
            to.write_all(secrets.mask(&String::from_utf8_lossy(&line)).as_bytes())?;
            line.clear();
        }
        to.flush()
    }
}

/// Gives the bundle its name; one that is there already stays.
fn keep(mut file: NamedTempFile, folder: &Path, id: Uuid) -> io::Result<PathBuf> {
    file.as_file().sync_all()?;
    for number in 1..=MAX_BUNDLES {
        let name = if number == 1 { format!("{id}.zip") } else { format!("{id}-{number}.zip") };
        let path = folder.join(name);
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = error.file,
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::other("there are too many bundles of this thread"))
}
