//! Every older spelling accepted on input, in one place. Output always uses today's spelling.
//!
//! Each reader here takes what three protocol levels send: the first public form, 0.94 and 0.169. Tests are in
//! `tests/compat.rs`.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

use super::*;

/// Reads null as the type's default: clients send explicit nulls for everything they do not set.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Keeps "absent" apart from "null", for fields where null clears a value.
pub(crate) fn double_option<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for AskForApproval {
    /// Kebab, camel and snake case; `unlessTrusted` is `untrusted`; `on-failure` is understood and not sent.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Spelling {
            #[serde(
                rename = "untrusted",
                alias = "unlessTrusted",
                alias = "unless-trusted",
                alias = "unless_trusted"
            )]
            Untrusted,
            #[serde(rename = "on-request", alias = "onRequest", alias = "on_request")]
            OnRequest,
            #[serde(rename = "on-failure", alias = "onFailure", alias = "on_failure")]
            OnFailure,
            #[serde(rename = "never")]
            Never,
            #[serde(rename = "granular")]
            Granular {
                mcp_elicitations: bool,
                #[serde(default, deserialize_with = "null_as_default")]
                request_permissions: bool,
                rules: bool,
                sandbox_approval: bool,
                #[serde(default, deserialize_with = "null_as_default")]
                skill_approval: bool,
            },
        }
        Ok(match Spelling::deserialize(deserializer)? {
            Spelling::Untrusted => AskForApproval::Untrusted,
            Spelling::OnRequest => AskForApproval::OnRequest,
            Spelling::OnFailure => AskForApproval::OnFailure,
            Spelling::Never => AskForApproval::Never,
            Spelling::Granular {
                mcp_elicitations,
                request_permissions,
                rules,
                sandbox_approval,
                skill_approval,
            } => AskForApproval::Granular {
                mcp_elicitations,
                request_permissions,
                rules,
                sandbox_approval,
                skill_approval,
            },
        })
    }
}

impl<'de> Deserialize<'de> for SandboxMode {
    /// Kebab and camel case.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum Spelling {
            #[serde(alias = "readOnly")]
            ReadOnly,
            #[serde(alias = "workspaceWrite")]
            WorkspaceWrite,
            #[serde(alias = "dangerFullAccess")]
            DangerFullAccess,
        }
        Ok(match Spelling::deserialize(deserializer)? {
            Spelling::ReadOnly => SandboxMode::ReadOnly,
            Spelling::WorkspaceWrite => SandboxMode::WorkspaceWrite,
            Spelling::DangerFullAccess => SandboxMode::DangerFullAccess,
        })
    }
}

impl<'de> Deserialize<'de> for SandboxPolicy {
    /// Tagged by `type` (today) or `mode` (the first public form), camel or kebab case.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
        enum Spelling {
            #[serde(alias = "danger-full-access")]
            DangerFullAccess,
            #[serde(alias = "read-only")]
            ReadOnly {
                #[serde(default, deserialize_with = "null_as_default")]
                network_access: bool,
            },
            #[serde(alias = "external-sandbox")]
            ExternalSandbox {
                #[serde(default, deserialize_with = "null_as_default")]
                network_access: NetworkAccess,
            },
            #[serde(alias = "workspace-write")]
            WorkspaceWrite {
                #[serde(default, deserialize_with = "null_as_default", alias = "exclude_slash_tmp")]
                exclude_slash_tmp: bool,
                #[serde(default, deserialize_with = "null_as_default", alias = "exclude_tmpdir_env_var")]
                exclude_tmpdir_env_var: bool,
                #[serde(default, deserialize_with = "null_as_default", alias = "network_access")]
                network_access: bool,
                #[serde(default, deserialize_with = "null_as_default", alias = "writable_roots")]
                writable_roots: Vec<AbsolutePathBuf>,
            },
        }
        let mut value = Value::deserialize(deserializer)?;
        if let Some(object) = value.as_object_mut()
            && !object.contains_key("type")
            && let Some(mode) = object.remove("mode")
        {
            object.insert("type".to_owned(), mode);
        }
        Ok(match serde_json::from_value(value).map_err(D::Error::custom)? {
            Spelling::DangerFullAccess => SandboxPolicy::DangerFullAccess,
            Spelling::ReadOnly { network_access } => SandboxPolicy::ReadOnly { network_access },
            Spelling::ExternalSandbox { network_access } => SandboxPolicy::ExternalSandbox { network_access },
            Spelling::WorkspaceWrite {
                exclude_slash_tmp,
                exclude_tmpdir_env_var,
                network_access,
                writable_roots,
            } => SandboxPolicy::WorkspaceWrite {
                exclude_slash_tmp,
                exclude_tmpdir_env_var,
                network_access,
                writable_roots,
            },
        })
    }
}

impl<'de> Deserialize<'de> for DynamicToolSpec {
    /// A tool without `type` is a function, as in 0.94.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
        enum Spelling {
            Function {
                #[serde(default, deserialize_with = "null_as_default")]
                defer_loading: bool,
                description: String,
                input_schema: Value,
                name: String,
            },
            Namespace {
                description: String,
                name: String,
                tools: Vec<DynamicToolNamespaceTool>,
            },
        }
        let mut value = Value::deserialize(deserializer)?;
        if let Some(object) = value.as_object_mut() {
            object.entry("type").or_insert_with(|| "function".into());
        }
        Ok(match serde_json::from_value(value).map_err(D::Error::custom)? {
            Spelling::Function { defer_loading, description, input_schema, name } => {
                DynamicToolSpec::Function { defer_loading, description, input_schema, name }
            }
            Spelling::Namespace { description, name, tools } => {
                DynamicToolSpec::Namespace { description, name, tools }
            }
        })
    }
}

impl<'de> Deserialize<'de> for ModeKind {
    /// 0.94's other modes are the default mode today.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Spelling {
            Plan,
            #[serde(alias = "code", alias = "pair_programming", alias = "pairprogramming", alias = "execute")]
            #[serde(alias = "custom")]
            Default,
        }
        Ok(match Spelling::deserialize(deserializer)? {
            Spelling::Plan => ModeKind::Plan,
            Spelling::Default => ModeKind::Default,
        })
    }
}

impl<'de> Deserialize<'de> for CommandExecutionApprovalDecision {
    /// The words of the first approval API are understood as well.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum Spelling {
            #[serde(alias = "approved")]
            Accept,
            #[serde(alias = "approved_for_session")]
            AcceptForSession,
            AcceptWithExecpolicyAmendment {
                execpolicy_amendment: Vec<String>,
            },
            ApplyNetworkPolicyAmendment {
                network_policy_amendment: NetworkPolicyAmendment,
            },
            #[serde(alias = "denied")]
            Decline,
            #[serde(alias = "abort")]
            Cancel,
        }
        use CommandExecutionApprovalDecision as Decision;
        Ok(match Spelling::deserialize(deserializer)? {
            Spelling::Accept => Decision::Accept,
            Spelling::AcceptForSession => Decision::AcceptForSession,
            Spelling::AcceptWithExecpolicyAmendment { execpolicy_amendment } => {
                Decision::AcceptWithExecpolicyAmendment { execpolicy_amendment }
            }
            Spelling::ApplyNetworkPolicyAmendment { network_policy_amendment } => {
                Decision::ApplyNetworkPolicyAmendment { network_policy_amendment }
            }
            Spelling::Decline => Decision::Decline,
            Spelling::Cancel => Decision::Cancel,
        })
    }
}

impl<'de> Deserialize<'de> for FileChangeApprovalDecision {
    /// The words of the first approval API are understood as well.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum Spelling {
            #[serde(alias = "approved")]
            Accept,
            #[serde(alias = "approved_for_session")]
            AcceptForSession,
            #[serde(alias = "denied")]
            Decline,
            #[serde(alias = "abort")]
            Cancel,
        }
        Ok(match Spelling::deserialize(deserializer)? {
            Spelling::Accept => FileChangeApprovalDecision::Accept,
            Spelling::AcceptForSession => FileChangeApprovalDecision::AcceptForSession,
            Spelling::Decline => FileChangeApprovalDecision::Decline,
            Spelling::Cancel => FileChangeApprovalDecision::Cancel,
        })
    }
}

impl<'de> Deserialize<'de> for DynamicToolCallResponse {
    /// 0.94 answers `{output, success}`: one text item.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Spelling {
            #[serde(default)]
            content_items: Option<Vec<DynamicToolCallOutputContentItem>>,
            #[serde(default)]
            output: Option<String>,
            success: bool,
        }
        let answer = Spelling::deserialize(deserializer)?;
        let content_items = match (answer.content_items, answer.output) {
            (Some(items), _) => items,
            (None, Some(text)) => vec![DynamicToolCallOutputContentItem::InputText { text }],
            (None, None) => return Err(D::Error::missing_field("contentItems")),
        };
        Ok(DynamicToolCallResponse { content_items, success: answer.success })
    }
}

/// Today's name of a method: some were renamed without changing their params.
pub fn method_alias(name: &str) -> &str {
    match name {
        "thread/compact" => "thread/compact/start",
        _ => name,
    }
}

/// Tokens a client brings, as 0.94 (`idToken`, which names the account) and 0.169 (`chatgptAccountId`) send them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalTokens {
    access_token: String,
    #[serde(default)]
    id_token: Option<String>,
    #[serde(default)]
    chatgpt_account_id: Option<String>,
    #[serde(default)]
    chatgpt_plan_type: Option<String>,
}

impl ExternalTokens {
    /// Refuses tokens of which neither form's member tells the account.
    fn checked<E: Error>(self) -> Result<Self, E> {
        if self.id_token.is_none() && self.chatgpt_account_id.is_none() {
            return Err(E::missing_field("chatgptAccountId"));
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for LoginAccountParams {
    /// `chatgptAuthTokens` in either form.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
        enum Spelling {
            ApiKey {
                api_key: String,
            },
            Chatgpt {
                #[serde(default)]
                app_brand: Option<LoginAppBrand>,
                #[serde(default, deserialize_with = "null_as_default")]
                codex_streamlined_login: bool,
                #[serde(default, deserialize_with = "null_as_default")]
                use_hosted_login_success_page: bool,
            },
            ChatgptDeviceCode,
            ChatgptAuthTokens(ExternalTokens),
            AmazonBedrock {
                api_key: String,
                region: String,
            },
            AmazonBedrockAccessKeys {
                access_key_id: String,
                region: String,
                secret_access_key: String,
                #[serde(default)]
                session_token: Option<String>,
            },
        }
        Ok(match Spelling::deserialize(deserializer)? {
            Spelling::ApiKey { api_key } => LoginAccountParams::ApiKey { api_key },
            Spelling::Chatgpt { app_brand, codex_streamlined_login, use_hosted_login_success_page } => {
                LoginAccountParams::Chatgpt {
                    app_brand,
                    codex_streamlined_login,
                    use_hosted_login_success_page,
                }
            }
            Spelling::ChatgptDeviceCode => LoginAccountParams::ChatgptDeviceCode,
            Spelling::ChatgptAuthTokens(tokens) => {
                let ExternalTokens { access_token, id_token, chatgpt_account_id, chatgpt_plan_type } =
                    tokens.checked()?;
                LoginAccountParams::ChatgptAuthTokens {
                    access_token,
                    chatgpt_account_id,
                    chatgpt_plan_type,
                    id_token,
                }
            }
            Spelling::AmazonBedrock { api_key, region } => {
                LoginAccountParams::AmazonBedrock { api_key, region }
            }
            Spelling::AmazonBedrockAccessKeys { access_key_id, region, secret_access_key, session_token } => {
                LoginAccountParams::AmazonBedrockAccessKeys {
                    access_key_id,
                    region,
                    secret_access_key,
                    session_token,
                }
            }
        })
    }
}

impl<'de> Deserialize<'de> for ChatgptAuthTokensRefreshResponse {
    /// In either form of the tokens.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ExternalTokens { access_token, id_token, chatgpt_account_id, chatgpt_plan_type } =
            ExternalTokens::deserialize(deserializer)?.checked()?;
        Ok(ChatgptAuthTokensRefreshResponse { access_token, chatgpt_account_id, chatgpt_plan_type, id_token })
    }
}
