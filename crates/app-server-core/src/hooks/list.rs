//! `hooks/list`: what is configured, and what of it may run.

use std::path::Path;

use app_server_config::{Config, Hook, HookAction, HookTrust, Hooks, LayerSource, LoadRequest};
use app_server_protocol::v2::{
    AbsolutePathBuf, HookErrorInfo, HookHandler, HookMetadata, HookTrustStatus, HooksListEntry,
    HooksListParams, HooksListResponse,
};

use super::run::{wire_event, wire_source};
use crate::error::CoreError;
use crate::services::Services;
use crate::thread;

/// Lists the hooks of folders, or of the folder and configuration of a loaded thread.
///
/// # Errors
/// When the thread is not loaded.
pub async fn list(services: &Services, params: HooksListParams) -> Result<HooksListResponse, CoreError> {
    if let Some(id) = &params.thread_id {
        let (config, cwd) = thread::config_of(services, id).await?;
        return Ok(HooksListResponse { data: vec![entry(&config, &cwd)] });
    }
    let own = services.config.environment().working_dir();
    let folders = match params.cwds.as_slice() {
        [] => vec![own.to_owned()],
        cwds => cwds.iter().map(|cwd| own.join(cwd)).collect(),
    };
    let mut data = Vec::new();
    for cwd in folders {
        let load = LoadRequest { cwd: Some(&cwd), ..LoadRequest::default() };
        data.push(match services.config.load(&load) {
            Ok(config) => entry(&config, &cwd),
            Err(error) => {
                let path = error.path.clone().unwrap_or_else(|| services.config.user_file());
                let error =
                    HookErrorInfo { message: error.to_string(), path: path.to_string_lossy().into_owned() };
                HooksListEntry {
                    cwd: cwd.to_string_lossy().into_owned(),
                    errors: vec![error],
                    hooks: Vec::new(),
                    warnings: Vec::new(),
                }
            }
        });
    }
    Ok(HooksListResponse { data })
}

fn entry(config: &Config, cwd: &Path) -> HooksListEntry {
    let found = Hooks::of(config, cwd);
    let errors = found.errors.into_iter().map(|error| HookErrorInfo {
        message: error.message,
        path: error.path.to_string_lossy().into_owned(),
    });
    HooksListEntry {
        cwd: cwd.to_string_lossy().into_owned(),
        errors: errors.collect(),
        hooks: found.hooks.into_iter().map(shown).collect(),
        warnings: found.warnings,
    }
}

fn shown(hook: Hook) -> HookMetadata {
    HookMetadata {
        handler: match hook.action {
            HookAction::Command { command, is_async } => HookHandler::Command { command, is_async },
            HookAction::McpTool { server, tool } => HookHandler::McpTool { server, tool },
        },
        additional_context_limit: hook.additional_context_limit,
        current_hash: hook.current_hash,
        display_order: hook.display_order,
        enabled: hook.enabled,
        environment_id: None,
        event_name: wire_event(hook.event),
        is_managed: matches!(hook.source, LayerSource::LegacyManaged { .. }),
        key: hook.key,
        matcher: hook.matcher,
        plugin_id: None,
        source: wire_source(&hook.source),
        source_path: AbsolutePathBuf(hook.source_path.to_string_lossy().into_owned()),
        status_message: hook.status_message,
        timeout_sec: hook.timeout_s,
        trust_status: match hook.trust {
            HookTrust::Managed => HookTrustStatus::Managed,
            HookTrust::Untrusted => HookTrustStatus::Untrusted,
            HookTrust::Trusted => HookTrustStatus::Trusted,
            HookTrust::Modified => HookTrustStatus::Modified,
        },
    }
}
