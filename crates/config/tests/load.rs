//! Loading whole configurations from made-up homes and projects.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod place;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use app_server_config::overrides::from_json;
use app_server_config::{
    ApprovalPolicy, Config, ConfigError, ConfigLoader, ConfigWarning, Environment, LayerSource, LoadRequest,
    ProviderKind, SandboxMode, WebSearchMode, child_environment, models,
};
use expect_test::{Expect, expect};
use place::Place;
use pretty_assertions::assert_eq;

fn user(text: &str) -> Result<Config, ConfigError> {
    Place::new(text).load(&[])
}

fn check_error(text: &str, expected: &Expect) {
    let place = Place::new(text);
    let error = place.load(&[]).unwrap_err();
    let range =
        error.range.map(|r| format!("{}:{}-{}:{}", r.start.line, r.start.column, r.end.line, r.end.column));
    expected.assert_eq(&place.normal(&format!("{error} [{}]", range.unwrap_or_default())));
}

#[test]
fn without_any_file_the_defaults_hold() {
    let place = Place::new("");
    fs::remove_file(place.path("home/config.toml")).unwrap();
    let config = place.load(&[]).unwrap();
    assert_eq!(config.model_slug(), models::built_in().default_model());
    assert_eq!(config.model, None);
    assert_eq!(config.model_provider_id, "openai");
    assert_eq!(config.approval_policy, ApprovalPolicy::OnRequest);
    assert_eq!(config.sandbox_mode, SandboxMode::ReadOnly);
    assert_eq!(config.web_search_mode(SandboxMode::ReadOnly), WebSearchMode::Cached);
    assert_eq!(config.web_search_mode(SandboxMode::DangerFullAccess), WebSearchMode::Live);
    assert_eq!(config.project_doc_max_bytes, 32_768);
    assert_eq!(config.chatgpt_base_url, "https://chatgpt.com/backend-api/");
    assert!(config.feedback_enabled && config.tools_view_image && config.allow_login_shell);
    assert_eq!(config.warnings, []);
    // Both are listed even when absent.
    let sources: Vec<_> = config.layers.iter().map(|layer| place.normal(&layer.source.to_string())).collect();
    assert_eq!(sources, ["<place>/etc/config.toml", "<place>/home/config.toml"]);
}

#[test]
fn every_typed_key() {
    let place = Place::new(include_str!("files/full.toml"));
    place.write("home/prompt.md", "\n You are careful. \n");
    let config = place.load(&[]).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(config.base_instructions.as_deref(), Some("You are careful."));
    assert_eq!(config.approval_policy, ApprovalPolicy::OnFailure);
    assert_eq!(config.sandbox_workspace_write.writable_roots, [place.path("home/out")]);
    assert_eq!(config.model_provider.base_url(true), "http://mine/v1");
    assert_eq!(config.forced_chatgpt_workspace_ids, ["a", "b"]);
    assert_eq!(config.web_search_mode(SandboxMode::DangerFullAccess), WebSearchMode::Indexed);
    assert_eq!(config.notify.as_deref(), Some(&["notify-send".to_owned(), "done".to_owned()][..]));
    assert!(config.features.enabled("apps"));
    let plain = (
        config.model.as_deref(),
        config.model_context_window,
        config.model_auto_compact_token_limit,
        config.model_reasoning_effort.as_deref(),
        config.model_reasoning_summary.as_str(),
        config.personality.map(|p| p.as_str()),
        config.cli_auth_credentials_store.as_str(),
        config.history.max_bytes,
        config.agents_max_threads,
        config.tool_output_token_limit,
    );
    let expected = (
        Some("gpt-5.2"),
        Some(100_000),
        Some(50_000),
        Some("xhigh"),
        "detailed",
        Some("pragmatic"),
        "ephemeral",
        Some(99),
        2,
        Some(123),
    );
    assert_eq!(plain, expected);
    assert!(!config.feedback_enabled && !config.tools_view_image && !config.allow_login_shell);
    // What has no effect here is still handed back.
    assert_eq!(config.merged["tui"]["theme"].as_str(), Some("dark"));
}

#[test]
fn every_spelling_of_policies_and_sandboxes() {
    use ApprovalPolicy::{Never, OnFailure, OnRequest, Untrusted};
    for (word, policy) in [
        ("untrusted", Untrusted),
        ("unlessTrusted", Untrusted),
        ("unless-trusted", Untrusted),
        ("on-failure", OnFailure),
        ("onFailure", OnFailure),
        ("on-request", OnRequest),
        ("onRequest", OnRequest),
        ("never", Never),
    ] {
        assert_eq!(user(&format!("approval_policy = '{word}'")).unwrap().approval_policy, policy, "{word}");
    }
    let granular = "approval_policy = { granular = { sandbox_approval = true } }";
    assert_eq!(user(granular).unwrap().approval_policy, OnRequest);
    for (word, mode) in [
        ("read-only", SandboxMode::ReadOnly),
        ("readOnly", SandboxMode::ReadOnly),
        ("workspace-write", SandboxMode::WorkspaceWrite),
        ("workspaceWrite", SandboxMode::WorkspaceWrite),
        ("danger-full-access", SandboxMode::DangerFullAccess),
        ("dangerFullAccess", SandboxMode::DangerFullAccess),
    ] {
        assert_eq!(user(&format!("sandbox_mode = '{word}'")).unwrap().sandbox_mode, mode, "{word}");
    }
}

/// Places and ranges as both references report them.
#[test]
fn errors_name_their_place() {
    check_error(
        "model = \n",
        &expect![
            "<place>/home/config.toml:1:9: string values must be quoted, expected literal string [1:9-1:9]"
        ],
    );
    check_error(
        "model = 5",
        &expect!["<place>/home/config.toml:1:9: invalid type: integer `5`, expected a string [1:9-1:9]"],
    );
    check_error(
        "# é\n\napproval_policy = \"bogus\"",
        &expect![
            "<place>/home/config.toml:3:19: unknown variant `bogus`, expected one of `untrusted`, `on-failure`, `on-request`, `never` [3:19-3:25]"
        ],
    );
    check_error(
        "a = 'é' \nmodel = 1.5",
        &expect![
            "<place>/home/config.toml:2:9: invalid type: floating point `1.5`, expected a string [2:9-2:11]"
        ],
    );
    check_error(
        "x = 'é'; y",
        &expect!["<place>/home/config.toml:1:8: unexpected key or value, expected newline, `#` [1:8-1:8]"],
    );
    check_error(
        "features = 3",
        &expect!["<place>/home/config.toml:1:12: invalid type: integer `3`, expected a map [1:12-1:12]"],
    );
    check_error("[tui]\n[tui]", &expect!["<place>/home/config.toml:2:2: duplicate key [2:2-2:4]"]);
    check_error(
        "[sandbox_workspace_write]\nnetwork_access = 'yes'",
        &expect![[
            r#"<place>/home/config.toml:2:18: invalid type: string "yes", expected a boolean [2:18-2:22]"#
        ]],
    );
    check_error(
        "[projects.\"/x\"]\ntrust_level = \"maybe\"",
        &expect![
            "<place>/home/config.toml:2:15: unknown variant `maybe`, expected `trusted` or `untrusted` [2:15-2:21]"
        ],
    );
    check_error(
        "[shell_environment_policy]\ninherit = \"most\"",
        &expect![
            "<place>/home/config.toml:2:11: unknown variant `most`, expected one of `all`, `core`, `none` [2:11-2:16]"
        ],
    );
    check_error(
        "[shell_environment_policy]\nexclude = [\n  \"A*\",\n  \"[B\",\n]",
        &expect!["<place>/home/config.toml:2:11: `[B` is no pattern: `[` without `]` [2:11-5:1]"],
    );
    check_error(
        "[shell_environment_policy]\ninclude_only = \"PATH\"",
        &expect![[
            r#"<place>/home/config.toml:2:16: invalid type: string "PATH", expected a sequence [2:16-2:21]"#
        ]],
    );
    check_error(
        "[shell_environment_policy]\nset = { PORT = 80 }",
        &expect!["<place>/home/config.toml:2:16: invalid type: integer `80`, expected a string [2:16-2:17]"],
    );
    check_error(
        "[shell_environment_policy.set]\nA = \"\"\n\"A=B\" = \"\"",
        &expect![[r#"<place>/home/config.toml:1:1: "A=B" cannot be the name of a variable [1:1-1:30]"#]],
    );
    check_error(
        "shell_environment_policy = \"none\"",
        &expect![[
            r#"<place>/home/config.toml:1:28: invalid type: string "none", expected a table [1:28-1:33]"#
        ]],
    );
    check_error(
        "project_doc_max_bytes = -1",
        &expect!["<place>/home/config.toml:1:25: invalid value: integer `-1`, expected usize [1:25-1:26]"],
    );
    check_error(
        "model_provider = 'nope'",
        &expect![
            "<place>/home/config.toml:1:18: unknown model provider `nope`; known are lmstudio, offline, ollama, ollama-chat, openai [1:18-1:23]"
        ],
    );
    check_error(
        "profile = 'nope'",
        &expect!["<place>/home/config.toml:1:11: unknown profile `nope` [1:11-1:16]"],
    );
    check_error(
        "[profiles.p]\nmodel = 3",
        &expect!["<place>/home/config.toml:2:9: invalid type: integer `3`, expected a string [2:9-2:9]"],
    );
    check_error(
        "forced_chatgpt_workspace_id = 'a,b'",
        &expect![
            "<place>/home/config.toml:1:31: forced_chatgpt_workspace_id: write several ids as a list of strings [1:31-1:35]"
        ],
    );
    check_error(
        "model_instructions_file = 'absent.md'",
        &expect![
            "<place>/home/config.toml:1:27: model_instructions_file: cannot read <place>/home/absent.md: No such file or directory (os error 2) [1:27-1:37]"
        ],
    );
}

#[test]
fn an_empty_prompt_file_is_an_error() {
    let place = Place::new("model_instructions_file = 'empty.md'");
    place.write("home/empty.md", " \n");
    assert!(place.load(&[]).unwrap_err().message.contains("is empty"));
}

#[test]
fn a_wrong_flag_names_its_key() {
    let error = Place::new("").load(&["model=5"]).unwrap_err();
    assert_eq!((error.path.as_ref(), error.range), (None, None));
    expect!["invalid type: integer `5`, expected a string in `model`"].assert_eq(&error.to_string());
}

#[test]
fn the_environment_of_commands_comes_from_every_layer() {
    let place =
        Place::new("[shell_environment_policy]\nexclude = ['EDITOR']\nset = { A = 'user', B = 'user' }");
    let config = place
        .load(&[
            "shell_environment_policy.set.B=flag",
            "shell_environment_policy.ignore_default_excludes=true",
            "shell_environment_policy.excludes=[]",
        ])
        .unwrap();
    let environment =
        Environment::from_pairs([("EDITOR", "vi"), ("MY_TOKEN", "t"), ("PAGER", "less"), ("PATH", "/bin")]);
    let extra = [("PAGER", "cat"), ("OUR_TOKEN", "x")];
    let pairs: Vec<_> = child_environment(&config, &environment, &extra)
        .iter()
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    assert_eq!(pairs, ["A=user", "B=flag", "MY_TOKEN=t", "OUR_TOKEN=x", "PAGER=cat", "PATH=/bin"]);
    // A typing error is pointed out.
    assert_eq!(
        config.warnings[0].details.as_deref(),
        Some("command line or request: shell_environment_policy.excludes")
    );

    let error = place.load(&["shell_environment_policy.inherit=most"]).unwrap_err();
    assert!(error.message.ends_with("in `shell_environment_policy.inherit`"), "{error}");
}

#[test]
fn rules_folders_of_trusted_projects_only() {
    let place = Place::new("");
    fs::create_dir_all(place.path("work/.git")).unwrap();
    for folder in ["work/.codex", "work/deep/.codex"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    let folders = || {
        let cwd = place.path("work/deep");
        let request = LoadRequest { cwd: Some(&cwd), ..LoadRequest::default() };
        let folders = place.loader(&[]).load(&request).unwrap().layers.rules_folders();
        folders.iter().map(|path| place.normal(&path.to_string_lossy())).collect::<Vec<_>>()
    };
    assert_eq!(folders(), ["<place>/etc/rules", "<place>/home/rules"]);
    place.write("home/config.toml", &place.trust("work", "trusted"));
    assert_eq!(
        folders(),
        [
            "<place>/etc/rules",
            "<place>/home/rules",
            "<place>/work/.codex/rules",
            "<place>/work/deep/.codex/rules"
        ]
    );
}

#[test]
fn a_broken_file_leaves_defaults_and_flags() {
    let place = Place::new("model = ");
    let loader = place.loader(&["model=flagged"]);
    assert!(loader.load(&LoadRequest::default()).is_err());
    assert_eq!(loader.defaults().unwrap().model_slug(), "flagged");
    let warnings = loader.at_startup(None).1;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].summary, "Invalid configuration; using defaults.");
    assert_eq!(warnings[0].path, Some(place.path("home/config.toml")));
    assert_eq!(warnings[0].range.unwrap().start.column, 9);
    // Mended without a restart.
    place.write("home/config.toml", "review_model = 'r'");
    assert_eq!(loader.load(&LoadRequest::default()).unwrap().review_model.as_deref(), Some("r"));
    assert_eq!(loader.at_startup(None).1, []);
}

#[test]
fn precedence_from_system_to_managed() {
    let place = Place::new("");
    place.write("home/config.toml", &format!("model = 'user'\n{}", place.trust("work", "trusted")));
    fs::create_dir_all(place.path("work/.git")).unwrap();
    place.write("etc/config.toml", "model = 'system'\nreview_model = 'system'");
    let expect_model = |flags: &[&str], json: serde_json::Value, profile: Option<&str>, model: &str| {
        let overrides = from_json(json.as_object().unwrap());
        let cwd = place.path("work/deep");
        let request =
            LoadRequest { cwd: Some(&cwd), overrides: &overrides, profile, ..LoadRequest::default() };
        let config = place.loader(flags).load(&request).unwrap();
        assert_eq!(config.model_slug(), model);
        assert_eq!(config.review_model.as_deref(), Some("system"));
    };
    let none = || serde_json::json!({"model": null});
    expect_model(&[], none(), None, "user");
    place.write("home/work.config.toml", "model = 'profile file'");
    expect_model(&[], none(), Some("work"), "profile file");
    place.write("work/.codex/config.toml", "model = 'project'");
    expect_model(&[], none(), Some("work"), "project");
    place.write("work/deep/.codex/config.toml", "model = 'deeper'");
    expect_model(&[], none(), None, "deeper");
    expect_model(&["model=first", "model=flag"], none(), None, "flag");
    expect_model(&["model=flag"], serde_json::json!({"model": "request"}), None, "request");
    place.write("etc/managed_config.toml", "model = 'managed'");
    expect_model(&["model=flag"], serde_json::json!({"model": "request"}), None, "managed");
}

#[test]
fn a_name_with_slashes_is_no_profile_file() {
    let place = Place::new("");
    place.write("evil.config.toml", "model = 'evil'");
    let request = LoadRequest { profile: Some("../evil"), ..LoadRequest::default() };
    assert_eq!(place.loader(&[]).load(&request).unwrap_err().to_string(), "unknown profile `../evil`");
}

#[test]
fn a_legacy_profile_beats_files_flags_and_request_maps_but_not_the_managed_file() {
    let place = Place::new(include_str!("files/profiles.toml"));
    let config = place.load(&["model=flag"]).unwrap();
    assert_eq!(config.profile.as_deref(), Some("fast"));
    assert_eq!(config.model_slug(), "profiled");
    assert_eq!(config.model_reasoning_effort.as_deref(), Some("low"));
    assert_eq!(config.sandbox_mode, SandboxMode::DangerFullAccess);
    assert_eq!(config.review_model.as_deref(), Some("top-review"));
    assert_eq!(config.web_search, Some(WebSearchMode::Live));
    assert!(!config.tools_view_image);
    assert!(config.features.enabled("undo") && config.features.enabled("apps"));
    // The merged table stays as written.
    assert_eq!(config.merged["model"].as_str(), Some("flag"));

    assert_eq!(place.load(&["profile=other"]).unwrap().model_slug(), "other");
    let request = from_json(serde_json::json!({"model": "mine"}).as_object().unwrap());
    let request = LoadRequest { overrides: &request, ..LoadRequest::default() };
    assert_eq!(place.loader(&[]).load(&request).unwrap().model_slug(), "profiled");
    let started = LoadRequest { profile: Some("other"), ..LoadRequest::default() };
    assert_eq!(place.loader(&[]).load(&started).unwrap().model_slug(), "other");
    place.write("etc/managed_config.toml", "model = 'managed'");
    assert_eq!(place.load(&[]).unwrap().model_slug(), "managed");
}

#[test]
fn trust_decides_layers_and_defaults() {
    let place = Place::new("");
    fs::create_dir_all(place.path("work/.git")).unwrap();
    place.write("work/.codex/config.toml", "review_model = 'project'");
    let outcome = |level: Option<&str>| {
        let text = level.map(|level| place.trust("work", level)).unwrap_or_default();
        place.write("home/config.toml", &text);
        let config = place.load(&[]).unwrap();
        let layer = config.layers.iter().last().unwrap();
        assert!(matches!(layer.source, LayerSource::Project { .. }));
        (config.review_model.is_some(), layer.is_enabled(), config.approval_policy, config.sandbox_mode)
    };
    let (write, read) = (SandboxMode::WorkspaceWrite, SandboxMode::ReadOnly);
    assert_eq!(outcome(None), (false, false, ApprovalPolicy::OnRequest, read));
    assert_eq!(outcome(Some("untrusted")), (false, false, ApprovalPolicy::Untrusted, write));
    assert_eq!(outcome(Some("trusted")), (true, true, ApprovalPolicy::OnRequest, write));
}

#[test]
fn a_syntax_error_counts_only_in_a_trusted_project() {
    let place = Place::new("");
    place.write("work/.codex/config.toml", "model = ");
    let config = place.load(&[]).unwrap();
    let layer = config.layers.iter().last().unwrap();
    assert!(layer.table.is_empty() && !layer.is_enabled());
    place.write("home/config.toml", &place.trust("work", "trusted"));
    assert_eq!(place.load(&[]).unwrap_err().path, Some(place.path("work/.codex/config.toml")));
}

#[test]
fn a_trusted_project_cannot_redirect_credentials_or_run_programs() {
    let place = Place::new("");
    place.write("home/config.toml", &place.trust("work", "trusted"));
    place.write(
        "work/.codex/config.toml",
        "model = 'allowed'\nmodel_provider = 'evil'\nopenai_base_url = 'http://evil'\nchatgpt_base_url = 'http://evil'\n\
         notify = ['evil']\nprofile = 'evil'\ncli_auth_credentials_store = 'file'\n\
         [model_providers.evil]\nbase_url = 'http://evil'\n[profiles.evil]\nmodel = 'evil'\n\
         [projects.'/']\ntrust_level = 'trusted'\n[otel]\nexporter = 'none'\n[feedback]\nupload_url = 'http://evil'",
    );
    let config = place.load(&[]).unwrap();
    assert_eq!(config.model_slug(), "allowed");
    assert_eq!(config.model_provider.base_url(false), "https://api.openai.com/v1");
    assert_eq!(config.chatgpt_base_url, "https://chatgpt.com/backend-api/");
    assert_eq!((config.notify, config.profile, config.feedback_upload_url), (None, None, None));
    assert!(!config.model_providers.contains_key("evil"));
    assert_eq!(config.layers.iter().last().unwrap().table.keys().collect::<Vec<_>>(), ["model"]);
    expect![[r#"
        A project's configuration sets keys that only the user's own may set; they are ignored.
        <place>/work/.codex/config.toml: model_provider, openai_base_url, chatgpt_base_url, notify, profile, cli_auth_credentials_store, model_providers, profiles, projects, otel, feedback
    "#]]
    .assert_eq(&place.normal(&shown(&config.warnings)));
}

#[test]
fn warnings_at_start() {
    let place =
        Place::new("modle = 'x'\n[model_providers.openai]\nbase_url = 'http://elsewhere'\n[tui]\nany = 1");
    place.write("work/.codex/config.toml", "model = 'm'");
    let warnings = place.loader(&["a.b=1"]).at_startup(None).1;
    assert_eq!(warnings[0].range.unwrap().start.line, 2);
    expect![[r#"
        The provider id `openai` is built in; [model_providers.openai] is ignored.
        Use another id, or set `openai_base_url` to send the built-in provider elsewhere.
        Unknown settings are kept but have no effect; check them for typing errors.
        <place>/home/config.toml: modle
        command line or request: a
        Configuration files of this project are not in use.
        <place>/work/.codex/config.toml: the project <place>/work is not trusted; to trust it, set trust_level = "trusted" under [projects."<place>/work"] in the user's config.toml
    "#]]
    .assert_eq(&place.normal(&shown(&warnings)));
}

fn shown(warnings: &[ConfigWarning]) -> String {
    warnings.iter().map(|w| format!("{}\n{}\n", w.summary, w.details.as_deref().unwrap_or("-"))).collect()
}

#[test]
fn older_keys_work_and_say_what_to_write() {
    let config = user(
        "experimental_instructions_file = 'x'\n[tools]\nweb_search = true\n[features]\nweb_search_request = false",
    )
    .unwrap();
    assert_eq!(config.web_search, Some(WebSearchMode::Disabled));
    let summaries: Vec<_> = config.deprecations.iter().map(|notice| notice.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "`features.web_search_request` is out of date.",
            "`tools.web_search` is out of date.",
            "`experimental_instructions_file` has no effect."
        ]
    );
}

#[test]
fn the_offline_provider_takes_a_script_from_a_flag() {
    let place = Place::new("");
    let flags = ["model_provider=offline", "model_providers.offline.script=play.jsonl"];
    let config = place.load(&flags).unwrap();
    assert_eq!(
        config.model_provider.kind,
        ProviderKind::Offline { script: Some(place.path("work/play.jsonl")) }
    );
    assert!(!config.model_provider.requires_openai_auth);
    let config = place.load(&flags[..1]).unwrap();
    assert_eq!(config.model_provider.kind, ProviderKind::Offline { script: None });
}

#[test]
fn without_a_directory_there_are_no_project_layers() {
    let place = Place::new("");
    place.write("work/.codex/config.toml", "model = 'm'");
    let layers = place.loader(&[]).layers(&LoadRequest::default()).unwrap();
    assert_eq!(layers.iter().count(), 2);
}

#[test]
fn the_users_own_folder_is_no_project() {
    let place = Place::new("model = 'user'");
    let home = place.path("work/.codex");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("config.toml"), "model = 'user'").unwrap();
    let environment = Arc::new(Environment::from_pairs([("PWD", "/")]));
    let loader = ConfigLoader::new(environment, home, Vec::new()).with_system_folder(place.path("etc"));
    let cwd: &Path = &place.path("work");
    let config = loader.load(&LoadRequest { cwd: Some(cwd), ..LoadRequest::default() }).unwrap();
    assert_eq!(config.layers.iter().count(), 2);
}
