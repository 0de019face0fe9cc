//! Every older spelling that input may have, and that output has today's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;

use app_server_protocol::ClientMethod;
use app_server_protocol::methods::{Request, RequestVisitor, ServerMethod};
use app_server_protocol::v2::*;
use pretty_assertions::assert_eq;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Checks that each of `spellings` is read as the same value, which is written as `written`.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(written: &Value, spellings: &[Value]) -> T {
    let expected: T = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&expected).unwrap(), written);
    for spelling in spellings {
        // From text, as on the wire: a `Value` is read along other paths.
        let read: T = serde_json::from_str(&spelling.to_string())
            .unwrap_or_else(|error| panic!("{error} in {spelling}"));
        assert_eq!(read, expected, "{spelling}");
    }
    expected
}

#[track_caller]
fn refused<T: DeserializeOwned + Debug>(json: &Value) -> String {
    serde_json::from_str::<T>(&json.to_string()).unwrap_err().to_string()
}

#[test]
fn approval_policies() {
    check::<AskForApproval>(
        &json!("untrusted"),
        &[json!("unlessTrusted"), json!("unless-trusted"), json!("unless_trusted")],
    );
    check::<AskForApproval>(&json!("on-request"), &[json!("onRequest"), json!("on_request")]);
    for word in ["on-failure", "onFailure", "on_failure"] {
        let policy: AskForApproval = serde_json::from_value(json!(word)).unwrap();
        assert_eq!(policy, AskForApproval::OnFailure);
        assert_eq!(
            serde_json::to_value(&policy).unwrap(),
            json!("on-request"),
            "no client has a word for it"
        );
    }
    check::<AskForApproval>(&json!("never"), &[]);
    check::<AskForApproval>(
        &json!({ "granular": {
            "mcp_elicitations": true, "request_permissions": false, "rules": true, "sandbox_approval": false,
            "skill_approval": false,
        } }),
        &[
            json!({ "granular": { "mcp_elicitations": true, "rules": true, "sandbox_approval": false } }),
            json!({ "granular": {
                "mcp_elicitations": true, "request_permissions": null, "rules": true, "sandbox_approval": false,
                "skill_approval": null,
            } }),
        ],
    );
    assert!(refused::<AskForApproval>(&json!("sometimes")).contains("unknown variant"));
}

#[test]
fn sandbox_modes() {
    check::<SandboxMode>(&json!("read-only"), &[json!("readOnly")]);
    check::<SandboxMode>(&json!("workspace-write"), &[json!("workspaceWrite")]);
    check::<SandboxMode>(&json!("danger-full-access"), &[json!("dangerFullAccess")]);
    assert!(refused::<SandboxMode>(&json!("none")).contains("unknown variant"));
}

#[test]
fn sandbox_policies() {
    check::<SandboxPolicy>(
        &json!({ "type": "dangerFullAccess" }),
        &[
            json!({ "type": "danger-full-access" }),
            json!({ "mode": "dangerFullAccess" }),
            json!({ "mode": "danger-full-access" }),
        ],
    );
    check::<SandboxPolicy>(
        &json!({ "type": "readOnly", "networkAccess": false }),
        &[
            json!({ "type": "readOnly" }),
            json!({ "type": "read-only" }),
            json!({ "mode": "readOnly" }),
            json!({ "type": "readOnly", "networkAccess": null }),
        ],
    );
    check::<SandboxPolicy>(
        &json!({ "type": "externalSandbox", "networkAccess": "restricted" }),
        &[json!({ "type": "externalSandbox" }), json!({ "mode": "external-sandbox", "networkAccess": null })],
    );
    check::<SandboxPolicy>(
        &json!({
            "type": "workspaceWrite", "excludeSlashTmp": true, "excludeTmpdirEnvVar": true, "networkAccess": true,
            "writableRoots": ["/a"],
        }),
        &[
            json!({
                "mode": "workspaceWrite", "excludeSlashTmp": true, "excludeTmpdirEnvVar": true,
                "networkAccess": true, "writableRoots": ["/a"],
            }),
            json!({
                "mode": "workspace-write", "exclude_slash_tmp": true, "exclude_tmpdir_env_var": true,
                "network_access": true, "writable_roots": ["/a"],
            }),
        ],
    );
    check::<SandboxPolicy>(
        &json!({
            "type": "workspaceWrite", "excludeSlashTmp": false, "excludeTmpdirEnvVar": false,
            "networkAccess": false, "writableRoots": [],
        }),
        &[
            json!({ "type": "workspaceWrite" }),
            json!({ "type": "workspaceWrite", "writableRoots": null, "networkAccess": null }),
        ],
    );
    let both = json!({ "type": "readOnly", "mode": "dangerFullAccess" });
    let read: SandboxPolicy = serde_json::from_value(both).unwrap();
    assert_eq!(read, SandboxPolicy::ReadOnly { network_access: false }, "`type` is today's and wins");
    assert!(refused::<SandboxPolicy>(&json!({})).contains("missing field `type`"));
    assert!(refused::<SandboxPolicy>(&json!({ "mode": "open" })).contains("unknown variant"));
}

#[test]
fn dynamic_tools_without_a_type_are_functions() {
    check::<DynamicToolSpec>(
        &json!({
            "type": "function", "deferLoading": false, "description": "d", "inputSchema": { "type": "object" },
            "name": "n",
        }),
        &[
            json!({ "name": "n", "description": "d", "inputSchema": { "type": "object" } }),
            json!({ "name": "n", "description": "d", "inputSchema": { "type": "object" }, "deferLoading": null }),
        ],
    );
    check::<DynamicToolSpec>(
        &json!({ "type": "namespace", "description": "d", "name": "n", "tools": [
            { "type": "function", "deferLoading": true, "description": "d", "inputSchema": {}, "name": "m" },
        ] }),
        &[],
    );
    assert!(refused::<DynamicToolSpec>(&json!({ "name": "n" })).contains("missing field"));
}

#[test]
fn dynamic_tool_answers_with_a_plain_text() {
    check::<DynamicToolCallResponse>(
        &json!({ "contentItems": [{ "type": "inputText", "text": "found" }], "success": true }),
        &[
            json!({ "output": "found", "success": true }),
            json!({ "output": "found", "contentItems": null, "success": true }),
        ],
    );
    assert!(refused::<DynamicToolCallResponse>(&json!({ "success": true })).contains("missing field"));
}

#[test]
fn collaboration_modes() {
    check::<ModeKind>(&json!("plan"), &[]);
    check::<ModeKind>(
        &json!("default"),
        &[
            json!("code"),
            json!("pair_programming"),
            json!("pairprogramming"),
            json!("execute"),
            json!("custom"),
        ],
    );
}

#[test]
fn command_approval_decisions() {
    type Decision = CommandExecutionApprovalDecision;
    check::<Decision>(&json!("accept"), &[json!("approved")]);
    check::<Decision>(&json!("acceptForSession"), &[json!("approved_for_session")]);
    check::<Decision>(&json!("decline"), &[json!("denied")]);
    check::<Decision>(&json!("cancel"), &[json!("abort")]);
    check::<Decision>(
        &json!({ "acceptWithExecpolicyAmendment": { "execpolicy_amendment": ["touch"] } }),
        &[],
    );
    check::<Decision>(
        &json!({ "applyNetworkPolicyAmendment": {
            "network_policy_amendment": { "action": "allow", "host": "example.com" },
        } }),
        &[],
    );
    assert!(refused::<Decision>(&json!("maybe")).contains("unknown variant"));
}

#[test]
fn file_approval_decisions() {
    type Decision = FileChangeApprovalDecision;
    check::<Decision>(&json!("accept"), &[json!("approved")]);
    check::<Decision>(&json!("acceptForSession"), &[json!("approved_for_session")]);
    check::<Decision>(&json!("decline"), &[json!("denied")]);
    check::<Decision>(&json!("cancel"), &[json!("abort")]);
}

#[test]
fn logins_with_tokens_of_either_form() {
    let today = check::<LoginAccountParams>(
        &json!({
            "type": "chatgptAuthTokens", "accessToken": "a", "chatgptAccountId": "org-1", "chatgptPlanType": null,
        }),
        &[json!({ "type": "chatgptAuthTokens", "accessToken": "a", "chatgptAccountId": "org-1" })],
    );
    let expected = LoginAccountParams::ChatgptAuthTokens {
        access_token: "a".to_owned(),
        chatgpt_account_id: Some("org-1".to_owned()),
        chatgpt_plan_type: None,
        id_token: None,
    };
    assert_eq!(today, expected);

    let older = json!({ "type": "chatgptAuthTokens", "idToken": "i", "accessToken": "a" });
    let expected = LoginAccountParams::ChatgptAuthTokens {
        access_token: "a".to_owned(),
        chatgpt_account_id: None,
        chatgpt_plan_type: None,
        id_token: Some("i".to_owned()),
    };
    assert_eq!(serde_json::from_value::<LoginAccountParams>(older).unwrap(), expected);

    let neither = json!({ "type": "chatgptAuthTokens", "accessToken": "a" });
    assert_eq!(refused::<LoginAccountParams>(&neither), "missing field `chatgptAccountId`");
    let without_token = json!({ "type": "chatgptAuthTokens", "idToken": "i" });
    assert_eq!(refused::<LoginAccountParams>(&without_token), "missing field `accessToken`");
}

#[test]
fn the_other_logins() {
    check::<LoginAccountParams>(&json!({ "type": "apiKey", "apiKey": "sk-1" }), &[]);
    check::<LoginAccountParams>(&json!({ "type": "chatgptDeviceCode" }), &[]);
    check::<LoginAccountParams>(
        &json!({
            "type": "chatgpt", "appBrand": null, "codexStreamlinedLogin": false,
            "useHostedLoginSuccessPage": false,
        }),
        &[json!({ "type": "chatgpt" }), json!({ "type": "chatgpt", "codexStreamlinedLogin": null })],
    );
    check::<LoginAccountParams>(&json!({ "type": "amazonBedrock", "apiKey": "k", "region": "r" }), &[]);
    check::<LoginAccountParams>(
        &json!({
            "type": "amazonBedrockAccessKeys", "accessKeyId": "k", "region": "r", "secretAccessKey": "s",
            "sessionToken": null,
        }),
        &[],
    );
}

#[test]
fn refreshed_tokens_of_either_form() {
    check::<ChatgptAuthTokensRefreshResponse>(
        &json!({ "accessToken": "a", "chatgptAccountId": "org-1", "chatgptPlanType": "plus" }),
        &[],
    );
    let older: ChatgptAuthTokensRefreshResponse =
        serde_json::from_value(json!({ "idToken": "i", "accessToken": "a" })).unwrap();
    let expected = ChatgptAuthTokensRefreshResponse {
        access_token: "a".to_owned(),
        chatgpt_account_id: None,
        chatgpt_plan_type: None,
        id_token: Some("i".to_owned()),
    };
    assert_eq!(older, expected);
    let neither = json!({ "accessToken": "a" });
    assert_eq!(refused::<ChatgptAuthTokensRefreshResponse>(&neither), "missing field `chatgptAccountId`");
}

#[test]
fn renamed_methods() {
    assert_eq!(method_alias("thread/compact"), "thread/compact/start");
    assert_eq!(ClientMethod::from_name("thread/compact"), None, "an alias hides no method of today");
    for method in ClientMethod::ALL {
        assert_eq!(method_alias(method.name()), method.name());
        assert_eq!(ClientMethod::from_name(method.name()), Some(*method));
    }
    assert_eq!(method_alias("no/such/method"), "no/such/method");
}

#[test]
fn folders_to_list_threads_of() {
    let cwd = |json: Value| serde_json::from_value::<ThreadListParams>(json).unwrap().cwd;
    assert_eq!(cwd(json!({ "cwd": "/a" })), Some(ThreadListCwdFilter::One("/a".to_owned())));
    assert_eq!(
        cwd(json!({ "cwd": ["/a", "/b"] })),
        Some(ThreadListCwdFilter::Many(vec!["/a".to_owned(), "/b".to_owned()]))
    );
    assert_eq!(cwd(json!({ "cwd": [] })), Some(ThreadListCwdFilter::Many(Vec::new())));
    assert_eq!(cwd(json!({ "cwd": null })), None);
    assert_eq!(cwd(json!({})), None);
}

#[test]
fn sort_keys() {
    for (spelling, key) in [
        ("created_at", ThreadSortKey::CreatedAt),
        ("updated_at", ThreadSortKey::UpdatedAt),
        ("recency_at", ThreadSortKey::RecencyAt),
        ("section_position", ThreadSortKey::SectionPosition),
    ] {
        let params: ThreadListParams = serde_json::from_value(json!({ "sortKey": spelling })).unwrap();
        assert_eq!(params.sort_key, Some(key));
    }
    assert!(refused::<ThreadListParams>(&json!({ "sortKey": "size" })).contains("unknown variant"));
}

#[test]
fn efforts_are_any_word_and_summaries_are_not() {
    for effort in ["minimal", "xhigh", "as hard as you can"] {
        let params = json!({ "threadId": "t", "input": [], "effort": effort });
        let params: TurnStartParams = serde_json::from_value(params).unwrap();
        assert_eq!(params.effort, Some(ReasoningEffort(effort.to_owned())));
    }
    assert!(
        refused::<TurnStartParams>(&json!({ "threadId": "t", "input": [], "summary": "verbose" }))
            .contains("unknown variant")
    );
}

#[test]
fn reviews_in_the_first_public_form() {
    let target = json!({ "type": "uncommittedChanges" });
    for append in [true, false] {
        let json = json!({ "threadId": "t", "target": target, "appendToOriginalThread": append });
        let params: ReviewStartParams = serde_json::from_value(json).unwrap();
        let expected = ReviewStartParams {
            delivery: None,
            target: ReviewTarget::UncommittedChanges,
            thread_id: "t".to_owned(),
            append_to_original_thread: Some(append),
        };
        assert_eq!(params, expected);
    }
    let json = json!({ "threadId": "t", "target": target, "delivery": "detached" });
    let params: ReviewStartParams = serde_json::from_value(json).unwrap();
    assert_eq!(params.delivery, Some(Some(ReviewDelivery::Detached)));
    assert_eq!(params.append_to_original_thread, None);
    // Who sends null knows of it, and of the items it stands for.
    let json = json!({ "threadId": "t", "target": target, "delivery": null });
    assert_eq!(serde_json::from_value::<ReviewStartParams>(json).unwrap().delivery, Some(None));
    let commit: ReviewTarget = serde_json::from_value(json!({ "type": "commit", "sha": "s" })).unwrap();
    assert_eq!(commit, ReviewTarget::Commit { sha: "s".to_owned(), title: None });
}

#[test]
fn input_without_its_newer_members() {
    let text: UserInput = serde_json::from_value(json!({ "type": "text", "text": "hello" })).unwrap();
    assert_eq!(text, UserInput::Text { text: "hello".to_owned(), text_elements: Vec::new() });
    let text = json!({ "type": "text", "text": "hello", "text_elements": null });
    assert_eq!(
        serde_json::from_value::<UserInput>(text).unwrap(),
        UserInput::Text { text: "hello".to_owned(), text_elements: Vec::new() }
    );
    let image: UserInput = serde_json::from_value(json!({ "type": "image", "url": "u" })).unwrap();
    let source = MediaSource::Url { url: "u".to_owned() };
    assert_eq!(image, UserInput::Image { source, detail: None });
}

#[test]
fn capabilities_that_are_null_are_off() {
    check::<InitializeCapabilities>(
        &serde_json::to_value(InitializeCapabilities::default()).unwrap(),
        &[
            json!({}),
            json!({
                "experimentalApi": null, "explicitGatewayOauth": null, "extensions": null,
                "mcpServerOpenaiFormElicitation": null, "optOutNotificationMethods": null,
                "requestAttestation": null, "requiredHumanApproval": null,
            }),
        ],
    );
}

/// Sets each optional member of params, and of the client's answers, to null in turn.
struct Nulls {
    definitions: Value,
    schemas: Vec<(&'static str, Option<String>, Option<String>)>,
    checked: usize,
}

impl Nulls {
    fn check<T: Serialize + DeserializeOwned>(&mut self, type_name: &str) {
        let schema = &self.definitions[type_name];
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let optional = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
        let nulls: Value = optional
            .filter(|name| !required.contains(&name.as_str()))
            .map(|name| (name.clone(), Value::Null))
            .collect::<serde_json::Map<_, _>>()
            .into();
        for name in nulls.as_object().into_iter().flatten().map(|(name, _)| name) {
            // Required members are left out: only a complaint about the null itself counts.
            let error = serde_json::from_str::<T>(&json!({ name: null }).to_string()).err();
            let complaint = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(
                complaint.is_empty() || complaint.starts_with("missing field"),
                "{type_name}.{name} may not be null: {complaint}"
            );
            self.checked += 1;
        }
        if required.is_empty() && schema["properties"].is_object() {
            serde_json::from_str::<T>(&nulls.to_string()).unwrap();
            serde_json::from_str::<T>("{}").unwrap();
        }
    }
}

impl RequestVisitor for Nulls {
    fn request<R: Request>(&mut self) {
        let line = self.schemas.iter().find(|(method, _, _)| *method == R::METHOD).unwrap().clone();
        if let Some(params) = line.1 {
            self.check::<R::Params>(&params);
        }
        if let Some(response) = line.2 {
            self.check::<R::Response>(&response);
        }
    }
}

#[test]
fn null_is_the_same_as_absent() {
    let bundle = &app_server_protocol::export::json_schema(true)["codex_app_server_protocol.v2.schemas.json"];
    let mut bundle: Value = serde_json::from_str(bundle).unwrap();
    let definitions = bundle["definitions"].take();
    let schemas = app_server_protocol::export::client_table()
        .into_iter()
        .map(|line| (line.method, line.params, None))
        .chain(ServerMethod::ALL.iter().map(|method| {
            let answer = definitions["ServerRequest"]["oneOf"].as_array().unwrap().iter();
            let params = answer
                .filter(|variant| variant["properties"]["method"]["enum"][0] == method.name())
                .find_map(|variant| variant["properties"]["params"]["$ref"].as_str())
                .unwrap();
            // The answer of `XParams` is `XResponse`, in all of them.
            let response = params.trim_start_matches("#/definitions/").replace("Params", "Response");
            (method.name(), None, Some(response))
        }))
        .collect();
    let mut nulls = Nulls { definitions, schemas, checked: 0 };
    ClientMethod::visit_all(&mut nulls);
    ServerMethod::visit_all(&mut nulls);
    assert!(nulls.checked > 200, "only {} members were checked", nulls.checked);
}
