//! `thread/metadata/update`: changes what is recorded about a thread.

use app_server_protocol::v2::{
    Thread, ThreadMetadataGitInfoUpdateParams, ThreadMetadataUpdateParams, ThreadMetadataUpdateResponse,
};
use app_server_rollout::{GitChange, Scope};

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;
use crate::thread::stored;

impl Actor {
    pub(in crate::thread) async fn update_metadata(
        &mut self,
        params: ThreadMetadataUpdateParams,
        reply: Reply<ThreadMetadataUpdateResponse>,
    ) {
        let result = git_change(params.git_info).and_then(|change| self.change_git(change));
        reply.send(result.map(|thread| ThreadMetadataUpdateResponse { thread }));
    }

    fn change_git(&mut self, change: GitChange) -> Result<Thread, CoreError> {
        self.known_to_change()?;
        self.services.store.metadata().set_git(self.id, change)?;
        if let Some(loaded) = &self.loaded {
            return Ok(loaded.thread());
        }
        let found = self.find(Scope::Any)?.ok_or_else(|| CoreError::NoRollout(self.id.to_string()))?;
        Ok(stored::thread(&self.services.store.header(&found.path)?))
    }
}

fn git_change(params: Option<ThreadMetadataGitInfoUpdateParams>) -> Result<GitChange, CoreError> {
    let ThreadMetadataGitInfoUpdateParams { branch, origin_url, sha } = params.unwrap_or_default();
    let change = GitChange {
        branch: trimmed("branch", branch)?,
        commit_hash: trimmed("sha", sha)?,
        repository_url: trimmed("originUrl", origin_url)?,
    };
    if change.is_empty() {
        return Err(CoreError::Invalid("gitInfo must include at least one field".to_owned()));
    }
    Ok(change)
}

fn trimmed(field: &str, value: Option<Option<String>>) -> Result<Option<Option<String>>, CoreError> {
    let Some(Some(text)) = value else { return Ok(value) };
    match text.trim() {
        "" => Err(CoreError::Invalid(format!("gitInfo.{field} must not be empty"))),
        text => Ok(Some(Some(text.to_owned()))),
    }
}
