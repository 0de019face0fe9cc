//! `initialize`, and what follows from it.

use std::sync::Arc;

use app_server_config::{ConfigWarning, Environment};
use app_server_core::{Client, Services, account};
use app_server_http::{HttpClient, NetworkOptions};
use app_server_protocol::v2::{AbsolutePathBuf, ConfigWarningNotification, TextPosition, TextRange};
use app_server_protocol::{InitializeParams, InitializeResponse, RpcError, ServerNotification, WIRE_LEVEL};

use crate::VERSION;
use crate::message_processor::{Prepared, Server, Session};
use crate::outgoing::Preferences;
use crate::platform;

/// Begins the session.
pub(crate) fn initialize(
    server: &mut Server,
    params: InitializeParams,
) -> Result<InitializeResponse, RpcError> {
    let InitializeParams { client_info, capabilities } = params;
    if !is_header_value(&client_info.name) {
        let text =
            format!("Invalid clientInfo.name: '{}'. Must be a valid HTTP header value.", client_info.name);
        return Err(RpcError::invalid(text));
    }
    let Some(Prepared { config, launcher, secrets, logs }) = server.prepared.take() else {
        return Err(RpcError::invalid("Already initialized"));
    };
    let capabilities = capabilities.unwrap_or_default();
    let environment = Arc::clone(&server.environment);
    let originator = environment.originator_override().unwrap_or(&client_info.name).to_owned();
    let user_agent = user_agent(&originator, &client_info.name, &client_info.version);
    let response = InitializeResponse {
        codex_home: AbsolutePathBuf(config.codex_home().to_string_lossy().into_owned()),
        platform_family: std::env::consts::FAMILY.to_owned(),
        platform_os: std::env::consts::OS.to_owned(),
        user_agent: user_agent.clone(),
    };
    server.outgoing.prefer(Preferences {
        experimental: capabilities.experimental_api,
        opted_out: capabilities.opt_out_notification_methods.unwrap_or_default().into_iter().collect(),
    });
    let http = HttpClient::new(network_options(&environment));
    let client = Client { originator, user_agent };
    let services = Services::new(config, http, server.host(), client, VERSION, launcher, secrets);
    let services = Arc::new(services.with_logs(logs));
    server.begin(Session { experimental: capabilities.experimental_api, services });
    Ok(response)
}

/// Tells of problems found at start, after the answer.
pub(crate) fn after_initialize(server: &mut Server) {
    let Some(session) = server.session() else { return };
    let (config, warnings) = session.services.config.at_startup(None);
    for warning in warnings {
        server.outgoing.notify(&ServerNotification::ConfigWarning(wire_warning(warning)));
    }
    if let Some(config) = config {
        account::warn_of_violation(&session.services, &config);
    }
}

fn wire_warning(warning: ConfigWarning) -> ConfigWarningNotification {
    let position = |at: app_server_config::Position| TextPosition { column: at.column, line: at.line };
    ConfigWarningNotification {
        details: warning.details,
        path: warning.path.map(|path| path.to_string_lossy().into_owned()),
        range: warning
            .range
            .map(|range| TextRange { end: position(range.end), start: position(range.start) }),
        summary: warning.summary,
    }
}

/// The user agent (decisions, "Identity and launch"): clients split at the first slash and compare what follows as a
/// version, so the protocol level stands there.
fn user_agent(originator: &str, name: &str, version: &str) -> String {
    let platform = platform::describe();
    let text = format!("{originator}/{WIRE_LEVEL} ({platform}) app-server/{VERSION} ({name}; {version})");
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect()
}

fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

/// An empty variable counts as not set.
fn network_options(environment: &Environment) -> NetworkOptions {
    let ca_bundle =
        ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"].into_iter().find_map(|name| environment.non_blank(name));
    NetworkOptions {
        ca_bundle: ca_bundle.map(Into::into),
        ignore_proxies: environment.var("CODEX_SANDBOX") == Some("seatbelt"),
    }
}
