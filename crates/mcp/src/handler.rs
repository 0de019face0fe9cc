//! Our side of a connection: what we say of ourselves, and what becomes of what a server asks.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::RoleClient;
use rmcp::model::{
    ClientCapabilities, ClientConfig, ClientResult, CustomResult, ElicitationCapability, ErrorCode,
    ErrorData, FormElicitationCapability, Implementation, ProtocolVersion, ServerNotification, ServerRequest,
    UrlElicitationCapability,
};
use rmcp::service::{InboundStreamOrigin, NotificationContext, RequestContext, Service};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::message::ELICITATION;
use crate::tap::Calls;
use crate::{Action, Answer, Elicitation, Listener};

/// The name under which servers know us; some look at it.
const NAME: &str = "codex-mcp-client";
const TITLE: &str = "Codex";

/// Answers a server.
pub(crate) struct Handler {
    version: String,
    listener: Arc<dyn Listener>,
    calls: Arc<Calls>,
    ended: CancellationToken,
}

impl Handler {
    /// `version` is ours; `ended` is cancelled when the connection has ended.
    pub(crate) fn new(
        version: &str,
        listener: Arc<dyn Listener>,
        calls: Arc<Calls>,
        ended: CancellationToken,
    ) -> Self {
        Self { version: version.to_owned(), listener, calls, ended }
    }

    /// Asks the user. A question that is taken back is answered with a cancel, which nobody reads.
    async fn elicit(&self, params: Value, context: &RequestContext<RoleClient>) -> CustomResult {
        let request = match context.extensions.get::<InboundStreamOrigin>() {
            Some(InboundStreamOrigin::OutboundRequest(id)) => Some(id),
            _ => None,
        };
        let (call, _clock) = match self.calls.asking(request) {
            Some((tag, clock)) => (Some(tag), Some(clock)),
            None => (None, None),
        };
        let withdrawn = CancellationToken::new();
        let _at_the_end = withdrawn.clone().drop_guard();
        let answering = self.listener.elicit(Elicitation { params, call, withdrawn });
        let answer = tokio::select! {
            answer = answering => answer,
            () = context.ct.cancelled() => Answer { action: Action::Cancel, content: None },
            () = self.ended.cancelled() => Answer { action: Action::Cancel, content: None },
        };
        let action = match answer.action {
            Action::Accept => "accept",
            Action::Decline => "decline",
            Action::Cancel => "cancel",
        };
        let mut result = json!({"action": action});
        if let (Action::Accept, Some(content)) = (answer.action, answer.content) {
            result["content"] = content;
        }
        CustomResult(result)
    }
}

/// Params of a request the library has read, as the server wrote them.
fn unread(params: &impl serde::Serialize) -> Value {
    serde_json::to_value(params).unwrap_or_default()
}

fn not_found(method: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("this client has no {method}"), None)
}

impl Service<RoleClient> for Handler {
    async fn handle_request(
        &self,
        request: ServerRequest,
        context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        match request {
            ServerRequest::PingRequest(_) => Ok(ClientResult::empty(())),
            ServerRequest::ElicitRequest(request) => {
                Ok(self.elicit(unread(&request.params), &context).await.into())
            }
            ServerRequest::CustomRequest(request) if request.method == ELICITATION => {
                Ok(self.elicit(request.params.unwrap_or_default(), &context).await.into())
            }
            // Not offered, but an empty list does less harm than an error.
            ServerRequest::ListRootsRequest(_) => Ok(CustomResult(json!({"roots": []})).into()),
            ServerRequest::CustomRequest(request) => Err(not_found(&request.method)),
            _ => Err(not_found("sampling")),
        }
    }

    async fn handle_notification(
        &self,
        _notification: ServerNotification,
        _context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        // What matters of them the tap has taken.
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(
            ElicitationCapability::new()
                .with_form(FormElicitationCapability::default())
                .with_url(UrlElicitationCapability::default()),
        );
        let mut implementation = Implementation::new(NAME, self.version.clone());
        implementation.title = Some(TITLE.to_owned());
        ClientConfig::new(capabilities, implementation).with_protocol_version(ProtocolVersion::V_2025_06_18)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        // Later versions have no handshake.
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }
}
