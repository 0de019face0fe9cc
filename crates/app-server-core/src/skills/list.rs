//! The methods about skills.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_config::LoadRequest;
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AbsolutePathBuf, LegacyAppPathString, SkillDependencies, SkillErrorInfo, SkillInterface, SkillMetadata,
    SkillScope, SkillToolDependency, SkillsChangedNotification, SkillsExtraRootsSetParams,
    SkillsExtraRootsSetResponse, SkillsListEntry, SkillsListParams, SkillsListResponse,
};
use app_server_skills::{Interface, Problem, Scope, Skill, ToolDependency};

use super::{Skills, watching};
use crate::error::CoreError;
use crate::services::Services;

/// `skills/list`: the skills of each folder, of the server's own if none is named. A folder whose configuration does not
/// load has that as its only error.
///
/// # Errors
/// [`CoreError::Internal`] for an error of the server.
pub async fn list(
    services: Arc<Services>,
    params: SkillsListParams,
) -> Result<SkillsListResponse, CoreError> {
    let listed = tokio::task::spawn_blocking(move || listed(&services, params)).await;
    listed.map_err(|error| CoreError::Internal(format!("reading the skills failed: {error}")))
}

fn listed(services: &Arc<Services>, params: SkillsListParams) -> SkillsListResponse {
    let own = services.config.environment().working_dir();
    let cwds = match params.cwds.is_empty() {
        true => vec![text(own)],
        false => params.cwds,
    };
    let data = cwds.into_iter().map(|cwd| entry(services, own, cwd, params.force_reload)).collect();
    SkillsListResponse { data }
}

fn entry(services: &Arc<Services>, own: &Path, cwd: String, anew: bool) -> SkillsListEntry {
    // `join` keeps an absolute path as it is.
    let folder = own.join(&cwd);
    let load = LoadRequest { cwd: Some(&folder), ..LoadRequest::default() };
    let skills = services.config.load(&load).and_then(|config| Skills::of(services, &config, &folder, anew));
    match skills {
        Ok(skills) => {
            watching::shown(services, skills.roots.clone(), &skills.found);
            SkillsListEntry {
                cwd,
                errors: skills.found.problems.iter().map(error).collect(),
                skills: skills
                    .found
                    .skills
                    .iter()
                    .map(|skill| metadata(skill, skills.switches.is_on(skill)))
                    .collect(),
            }
        }
        Err(error) => {
            let path = error.path.as_deref().map_or_else(|| cwd.clone(), text);
            let errors = vec![SkillErrorInfo { message: error.to_string(), path }];
            SkillsListEntry { cwd, errors, skills: Vec::new() }
        }
    }
}

/// `skills/extraRoots/set`: folders with skills for this session, in place of those set before. That skills have changed
/// is told before the answer, as the reference of level 0.169 does.
pub fn set_extra_roots(
    services: &Services,
    params: SkillsExtraRootsSetParams,
) -> SkillsExtraRootsSetResponse {
    let roots: Vec<PathBuf> = params.extra_roots.into_iter().map(|root| root.0.into()).collect();
    let before = std::mem::replace(&mut services.skills.lock().extra, roots.clone());
    if before != roots {
        watching::forget(services);
        services.host.notify(ServerNotification::SkillsChanged(SkillsChangedNotification {}));
    }
    SkillsExtraRootsSetResponse {}
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn error(problem: &Problem) -> SkillErrorInfo {
    SkillErrorInfo { message: problem.message.clone(), path: text(&problem.path) }
}

fn metadata(skill: &Skill, enabled: bool) -> SkillMetadata {
    let tools: Vec<SkillToolDependency> = skill.dependencies.iter().map(tool).collect();
    SkillMetadata {
        dependencies: (!tools.is_empty()).then_some(SkillDependencies { tools }),
        description: skill.description.clone(),
        enabled,
        interface: skill.interface.as_ref().map(interface),
        name: skill.name.clone(),
        path: LegacyAppPathString(text(&skill.path)),
        plugin_id: None,
        scope: match skill.scope {
            Scope::Repo => SkillScope::Repo,
            Scope::User => SkillScope::User,
            Scope::System => SkillScope::System,
            Scope::Admin => SkillScope::Admin,
        },
        short_description: skill.short_description.clone(),
    }
}

fn interface(interface: &Interface) -> SkillInterface {
    let icon = |path: &Option<PathBuf>| path.as_deref().map(text).map(AbsolutePathBuf);
    SkillInterface {
        brand_color: interface.brand_color.clone(),
        default_prompt: interface.default_prompt.clone(),
        display_name: interface.display_name.clone(),
        icon_large: icon(&interface.icon_large),
        icon_large_url: None,
        icon_small: icon(&interface.icon_small),
        icon_small_url: None,
        short_description: interface.short_description.clone(),
    }
}

fn tool(tool: &ToolDependency) -> SkillToolDependency {
    SkillToolDependency {
        command: tool.command.clone(),
        description: tool.description.clone(),
        transport: tool.transport.clone(),
        r#type: tool.r#type.clone(),
        url: tool.url.clone(),
        value: tool.value.clone(),
    }
}
