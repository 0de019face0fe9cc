//! The keys that mean something, so that a misspelt one can be pointed out. Unknown keys are never an error.

use toml::{Table, Value};

/// Known keys as dotted patterns: `*` is any one name, a trailing `**` anything below.
const KNOWN: &[&str] = &[
    "agents.**",
    "allow_login_shell",
    "analytics.**",
    "approval_policy",
    "approval_policy.granular.**",
    "approvals_reviewer",
    "apps.**",
    "audio.**",
    "auto_review.**",
    "background_terminal_max_timeout",
    "browser_use.**",
    "chatgpt_base_url",
    "check_for_update_on_startup",
    "cli_auth_credentials_store",
    "cloud.**",
    "compact_prompt",
    "computer_use.**",
    "daybreak.**",
    "default_permissions",
    "desktop.**",
    "developer_instructions",
    "disable_paste_burst",
    "disable_response_storage",
    "experimental_compact_prompt_file",
    "experimental_instructions_file",
    "experimental_realtime_start_instructions",
    "experimental_realtime_ws_backend_prompt",
    "experimental_realtime_ws_base_url",
    "experimental_thread_store",
    "experimental_thread_store_endpoint",
    "experimental_use_freeform_apply_patch",
    "experimental_use_unified_exec_tool",
    "features.**",
    "feedback.enabled",
    "feedback.upload_url",
    "file_opener",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "ghost_snapshot.**",
    "goals.**",
    "hide_agent_reasoning",
    "history.max_bytes",
    "history.persistence",
    "hooks.**",
    "include_apply_patch_tool",
    "include_apps_instructions",
    "include_collaboration_mode_instructions",
    "include_permissions_instructions",
    "instructions",
    "js_repl_node_module_dirs",
    "js_repl_node_path",
    "log_dir",
    "marketplaces.**",
    "mcp_oauth_callback_port",
    "mcp_oauth_callback_url",
    "mcp_oauth_credentials_store",
    "mcp_servers.**",
    "model",
    "model_auto_compact_token_limit",
    "model_auto_compact_token_limit_scope",
    "model_catalog_json",
    "model_context_window",
    "model_instructions_file",
    "model_personality",
    "model_provider",
    "model_providers.*.auth.**",
    "model_providers.*.aws.**",
    "model_providers.*.base_url",
    "model_providers.*.env_http_headers.**",
    "model_providers.*.env_key",
    "model_providers.*.env_key_instructions",
    "model_providers.*.experimental_bearer_token",
    "model_providers.*.http_headers.**",
    "model_providers.*.name",
    "model_providers.*.query_params.**",
    "model_providers.*.request_max_retries",
    "model_providers.*.requires_openai_auth",
    "model_providers.*.script",
    "model_providers.*.stream_idle_timeout_ms",
    "model_providers.*.stream_max_retries",
    "model_providers.*.supports_websockets",
    "model_providers.*.websocket_connect_timeout_ms",
    "model_providers.*.wire_api",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_supports_reasoning_summaries",
    "model_verbosity",
    "notice.**",
    "notify",
    "openai_base_url",
    "orchestrator.**",
    "oss_provider",
    "otel.**",
    "permissions.**",
    "personality",
    "plan_mode_reasoning_effort",
    "plugins.**",
    "profile",
    "profiles.**",
    "project_doc_fallback_filenames",
    "project_doc_max_bytes",
    "project_root_markers",
    "projects.*.trust_level",
    "responses_api_metadata.**",
    "review_model",
    "sandbox_mode",
    "sandbox_workspace_write.exclude_slash_tmp",
    "sandbox_workspace_write.exclude_tmpdir_env_var",
    "sandbox_workspace_write.network_access",
    "sandbox_workspace_write.writable_roots",
    "service_tier",
    "shell_environment_policy.exclude",
    "shell_environment_policy.experimental_use_profile",
    "shell_environment_policy.ignore_default_excludes",
    "shell_environment_policy.include_only",
    "shell_environment_policy.inherit",
    "shell_environment_policy.set.**",
    "show_raw_agent_reasoning",
    "skills.**",
    "sqlite_home",
    "suppress_unstable_features_warning",
    "tool_output_token_limit",
    "tool_suggest.**",
    "tools.update_plan.**",
    "tools.view_image",
    "tools.web_search",
    "tools.web_search.**",
    "tui.**",
    "web_search",
    "windows.**",
    "windows_wsl_setup_acknowledged",
];

/// Returns the dotted paths of the keys no one looks at; below an unknown table only the table is named.
pub(crate) fn unknown(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    collect(table, KNOWN, "", &mut found);
    found
}

/// `patterns` are what is left of the known patterns below `prefix`.
fn collect(table: &Table, patterns: &[&str], prefix: &str, found: &mut Vec<String>) {
    for (key, value) in table {
        let below: Vec<&str> = patterns
            .iter()
            .filter_map(|pattern| {
                let (first, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
                (first == "*" || first == key).then_some(rest)
            })
            .collect();
        let path = format!("{prefix}{key}");
        match value {
            _ if below.is_empty() => found.push(path),
            _ if below.contains(&"**") => {}
            Value::Table(inner) if below.iter().any(|rest| !rest.is_empty()) => {
                collect(inner, &below, &format!("{path}."), found);
            }
            // A value of the wrong kind is a type error, reported elsewhere.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn names_what_is_not_known() {
        let table = "
            modle = 1
            model = 'x'
            approval_policy = { granular = { rules = true } }
            [tui]
            anything = { goes = 1 }
            [sandbox_workspace_write]
            network = true
            [model_providers.x]
            name = 'x'
            http_headers = { 'X-A' = 'b' }
            base_ulr = 'y'
            [made.up]
            a = 1
        "
        .parse()
        .unwrap();
        assert_eq!(
            unknown(&table),
            ["modle", "sandbox_workspace_write.network", "model_providers.x.base_ulr", "made"]
        );
    }
}
