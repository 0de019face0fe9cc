//! Which handler answers which method: a line each. Parsing, the state checks, the experimental gate and the one
//! answer are done here for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use app_server_core::account::AccountOp;
use app_server_core::host::{Answer, Reply};
use app_server_core::thread::ThreadOp;
use app_server_core::{CoreError, Services, config_store};
use app_server_protocol::experimental::gated_fields;
use app_server_protocol::methods::{EMPTY_ANSWERS, WITHOUT_BACKEND, WITHOUT_BACKEND_EXPERIMENTAL, client};
use app_server_protocol::v2::method_alias;
use app_server_protocol::{ClientMethod as M, Request, RequestId, RpcError, Stability};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::handlers::{
    account, command, config, features, feedback, files, hooks, mcp, model, process, providers, review,
    search, section, session, skills, thread, turn,
};
use crate::lanes::Lane;
use crate::message_processor::Server;
use crate::outgoing::Responder;
use crate::rpc_error;

/// What an operation on a thread is sent as; nothing when it was refused already.
pub(crate) type Routed = Option<(Uuid, ThreadOp)>;

/// A handler that runs beside the loop, on a snapshot of the server's state.
type Aside<R, S> = fn(&Services, <R as Request>::Params, S) -> Result<<R as Request>::Response, CoreError>;

/// One request on its way to its handler.
pub(crate) struct Call<'a> {
    pub(crate) id: RequestId,
    pub(crate) method: &'a str,
    pub(crate) params: Option<&'a RawValue>,
}

/// Answers a request, now or when its handler is done.
pub(crate) async fn dispatch(server: &mut Server, call: Call<'_>) {
    let Some(method) = M::from_name(method_alias(call.method)) else {
        return call.unknown(server);
    };
    match method {
        // Quick, and they change the server's state: answered here.
        M::Initialize => call.here::<client::Initialize>(server, method, session::initialize),
        M::ThreadLoadedList => call.here::<client::ThreadLoadedList>(server, method, thread::loaded_list),
        M::CollaborationModeList => {
            call.here::<client::CollaborationModeList>(server, method, model::collaboration_modes);
        }

        // About one thread: done by its actor, in the order they came.
        M::ThreadStart => call.by_thread::<client::ThreadStart>(server, method, thread::start).await,
        M::ThreadResume => call.by_thread::<client::ThreadResume>(server, method, thread::resume).await,
        M::ThreadRead => call.by_thread::<client::ThreadRead>(server, method, thread::read).await,
        M::ThreadArchive => call.by_thread::<client::ThreadArchive>(server, method, thread::archive).await,
        M::ThreadUnarchive => {
            call.by_thread::<client::ThreadUnarchive>(server, method, thread::unarchive).await
        }
        M::ThreadNameSet => call.by_thread::<client::ThreadNameSet>(server, method, thread::set_name).await,
        M::ThreadUnsubscribe => {
            call.by_thread::<client::ThreadUnsubscribe>(server, method, thread::unsubscribe).await;
        }
        M::ThreadShellCommand => {
            call.by_thread::<client::ThreadShellCommand>(server, method, thread::shell_command).await;
        }
        M::ThreadBackgroundTerminalsList => {
            call.by_thread::<client::ThreadBackgroundTerminalsList>(server, method, thread::list_terminals)
                .await;
        }
        M::ThreadBackgroundTerminalsTerminate => {
            call.by_thread::<client::ThreadBackgroundTerminalsTerminate>(
                server,
                method,
                thread::end_terminal,
            )
            .await;
        }
        M::ThreadBackgroundTerminalsClean => {
            call.by_thread::<client::ThreadBackgroundTerminalsClean>(server, method, thread::end_terminals)
                .await;
        }
        M::ThreadFork => call.by_thread::<client::ThreadFork>(server, method, thread::fork).await,
        M::ThreadRollback => call.by_thread::<client::ThreadRollback>(server, method, thread::rollback).await,
        M::ThreadRevert => call.by_thread::<client::ThreadRevert>(server, method, thread::revert).await,
        M::ThreadDelete => call.by_thread::<client::ThreadDelete>(server, method, thread::delete).await,
        M::ThreadMetadataUpdate => {
            call.by_thread::<client::ThreadMetadataUpdate>(server, method, thread::update_metadata).await
        }
        M::ThreadInjectItems => {
            call.by_thread::<client::ThreadInjectItems>(server, method, thread::inject_items).await
        }
        M::ThreadSettingsUpdate => {
            call.by_thread::<client::ThreadSettingsUpdate>(server, method, thread::update_settings).await
        }
        M::ThreadTurnsList => {
            call.by_thread::<client::ThreadTurnsList>(server, method, thread::list_turns).await
        }
        M::ThreadItemsList => {
            call.by_thread::<client::ThreadItemsList>(server, method, thread::list_items).await
        }
        M::ThreadItemsRead => {
            call.by_thread::<client::ThreadItemsRead>(server, method, thread::read_items).await
        }
        M::ThreadCompactStart => {
            call.by_thread::<client::ThreadCompactStart>(server, method, thread::compact).await
        }
        M::ThreadGoalSet => call.by_thread::<client::ThreadGoalSet>(server, method, thread::set_goal).await,
        M::ThreadGoalGet => call.by_thread::<client::ThreadGoalGet>(server, method, thread::get_goal).await,
        M::ThreadGoalClear => {
            call.by_thread::<client::ThreadGoalClear>(server, method, thread::clear_goal).await
        }
        M::ThreadSearchOccurrences => {
            call.by_thread::<client::ThreadSearchOccurrences>(server, method, thread::search_occurrences)
                .await
        }
        M::ThreadSectionMove => {
            call.by_thread::<client::ThreadSectionMove>(server, method, section::move_thread).await;
        }
        M::ReviewStart => call.by_thread::<client::ReviewStart>(server, method, review::start).await,
        M::TurnStart => call.by_thread::<client::TurnStart>(server, method, turn::start).await,
        M::TurnSteer => call.by_thread::<client::TurnSteer>(server, method, turn::steer).await,
        M::TurnSettingsUpdate => {
            call.by_thread::<client::TurnSettingsUpdate>(server, method, turn::update_settings).await;
        }
        M::TurnInterrupt => call.by_thread::<client::TurnInterrupt>(server, method, turn::interrupt).await,

        // About who is signed in: done by the account's actor, in the order they came.
        M::AccountRead => call.by_account::<client::AccountRead>(server, method, account::read).await,
        M::AccountLoginStart => {
            call.by_account::<client::AccountLoginStart>(server, method, account::login).await;
        }
        M::AccountLoginCancel => {
            call.by_account::<client::AccountLoginCancel>(server, method, account::cancel_login).await;
        }
        M::AccountLogout => call.by_account::<client::AccountLogout>(server, method, account::logout).await,
        M::AccountRateLimitsRead => {
            call.by_account::<client::AccountRateLimitsRead>(server, method, account::rate_limits).await;
        }

        // They use the disk: done aside, on a snapshot.
        M::ThreadList => {
            call.aside::<client::ThreadList, _>(server, method, thread::live_statuses, thread::list)
        }
        M::ThreadSearch => {
            call.aside::<client::ThreadSearch, _>(server, method, thread::live_statuses, thread::search)
        }
        M::ThreadSectionList => {
            call.aside::<client::ThreadSectionList, _>(server, method, nothing, section::list)
        }
        M::ThreadSectionCreate => {
            call.aside::<client::ThreadSectionCreate, _>(server, method, nothing, section::create)
        }
        M::ThreadSectionUpdate => {
            call.aside::<client::ThreadSectionUpdate, _>(server, method, nothing, section::update)
        }
        M::ThreadSectionDelete => {
            call.aside::<client::ThreadSectionDelete, _>(server, method, nothing, section::delete)
        }
        M::ThreadAttachmentList => call.aside::<client::ThreadAttachmentList, _>(
            server,
            method,
            thread::live_statuses,
            section::attachments,
        ),
        M::ThreadAttachmentOwnerList => {
            call.aside::<client::ThreadAttachmentOwnerList, _>(server, method, nothing, section::owners)
        }
        M::ThreadAttachmentAdd => {
            call.aside::<client::ThreadAttachmentAdd, _>(server, method, nothing, section::add_attachment)
        }
        M::ThreadAttachmentRemove => call.aside::<client::ThreadAttachmentRemove, _>(
            server,
            method,
            nothing,
            section::remove_attachment,
        ),
        M::ModelProviderList => {
            call.aside::<client::ModelProviderList, _>(server, method, nothing, providers::list)
        }
        M::ModelProviderCapabilitiesRead => call.aside::<client::ModelProviderCapabilitiesRead, _>(
            server,
            method,
            nothing,
            providers::capabilities,
        ),

        // They wait for others: done beside the loop.
        M::ModelList => call.spawned::<client::ModelList, _>(server, method, model::list),

        // Behind what is written to the configuration, which may switch one off.
        M::SkillsList => {
            call.in_lane::<client::SkillsList, _>(server, method, |_| Lane::of("config"), skills::list)
        }
        M::SkillsConfigWrite => call.in_lane::<client::SkillsConfigWrite, _>(
            server,
            method,
            |_| Lane::of("config"),
            skills::write,
        ),
        M::SkillsExtraRootsSet => {
            call.at_once::<client::SkillsExtraRootsSet>(server, method, skills::set_extra_roots)
        }

        // They look and queue, on the loop; the answer comes when the work is done.
        M::CommandExec => call.at_once::<client::CommandExec>(server, method, command::exec),
        M::CommandExecWrite => call.at_once::<client::CommandExecWrite>(server, method, command::write),
        M::CommandExecTerminate => {
            call.at_once::<client::CommandExecTerminate>(server, method, command::terminate)
        }
        M::CommandExecResize => call.at_once::<client::CommandExecResize>(server, method, command::resize),
        M::ProcessSpawn => call.at_once::<client::ProcessSpawn>(server, method, process::spawn),
        M::ProcessWriteStdin => {
            call.at_once::<client::ProcessWriteStdin>(server, method, process::write_stdin)
        }
        M::ProcessKill => call.at_once::<client::ProcessKill>(server, method, process::kill),
        M::ProcessResizePty => call.at_once::<client::ProcessResizePty>(server, method, process::resize_pty),
        // They wait for servers of others: done beside the loop.
        M::McpServerStatusList => {
            call.spawned::<client::McpServerStatusList, _>(server, method, mcp::list_status)
        }
        M::McpServerToolCall => call.spawned::<client::McpServerToolCall, _>(server, method, mcp::call_tool),
        M::McpServerResourceRead => {
            call.spawned::<client::McpServerResourceRead, _>(server, method, mcp::read_resource)
        }
        M::ConfigMcpServerReload => {
            call.spawned::<client::ConfigMcpServerReload, _>(server, method, mcp::reload)
        }

        // About the configuration: one after the other, so that what is read is what was written before.
        M::ConfigRead => {
            call.in_lane::<client::ConfigRead, _>(server, method, config::lane, config_store::read)
        }
        M::ConfigValueWrite => call.in_lane::<client::ConfigValueWrite, _>(
            server,
            method,
            config::lane,
            config_store::write_value,
        ),
        M::ConfigBatchWrite => call.in_lane::<client::ConfigBatchWrite, _>(
            server,
            method,
            config::lane,
            config_store::write_batch,
        ),

        M::FeedbackUpload => call.in_lane::<client::FeedbackUpload, _>(
            server,
            method,
            |_| Lane::of("feedback"),
            feedback::upload,
        ),

        // Their capability is not built yet: parsed and gated like the others, then refused.
        M::McpServerOauthLogin => {
            call.in_lane::<client::McpServerOauthLogin, _>(server, method, mcp::login_lane, mcp::login);
        }
        M::ConfigRequirementsRead => {
            call.aside::<client::ConfigRequirementsRead, _>(server, method, nothing, features::requirements);
        }
        M::HooksList => call.spawned::<client::HooksList, _>(server, method, hooks::list),
        M::ExperimentalFeatureList => {
            call.spawned::<client::ExperimentalFeatureList, _>(server, method, features::list);
        }
        M::PermissionProfileList => {
            call.aside::<client::PermissionProfileList, _>(
                server,
                method,
                nothing,
                features::permission_profiles,
            );
        }
        M::FuzzyFileSearch => call.spawned::<client::FuzzyFileSearch, _>(server, method, search::search),
        M::FsReadFile => call.spawned::<client::FsReadFile, _>(server, method, files::read_file),
        M::FsGetMetadata => {
            call.aside::<client::FsGetMetadata, _>(server, method, nothing, files::get_metadata)
        }
        M::FsReadDirectory => {
            call.aside::<client::FsReadDirectory, _>(server, method, nothing, files::read_directory)
        }
        M::FsWriteFile => {
            call.in_lane::<client::FsWriteFile, _>(server, method, files::changes, files::write_file)
        }
        M::FsCreateDirectory => call.in_lane::<client::FsCreateDirectory, _>(
            server,
            method,
            files::changes,
            files::create_directory,
        ),
        M::FsRemove => call.in_lane::<client::FsRemove, _>(server, method, files::changes, files::remove),
        M::FsCopy => call.in_lane::<client::FsCopy, _>(server, method, files::changes, files::copy),
        M::FsWatch => {
            call.in_lane_answering::<client::FsWatch, _>(server, method, files::watch_lane, files::watch)
        }
        M::FsUnwatch => {
            call.in_lane::<client::FsUnwatch, _>(server, method, files::unwatch_lane, files::unwatch)
        }
        M::ExperimentalFeatureEnablementSet => {
            call.here::<client::ExperimentalFeatureEnablementSet>(server, method, features::set_enablement);
        }
        M::FuzzyFileSearchSessionStart => {
            call.at_once::<client::FuzzyFileSearchSessionStart>(server, method, search::start_session);
        }
        M::FuzzyFileSearchSessionUpdate => {
            call.at_once::<client::FuzzyFileSearchSessionUpdate>(server, method, search::update_session);
        }
        M::FuzzyFileSearchSessionStop => {
            call.at_once::<client::FuzzyFileSearchSessionStop>(server, method, search::stop_session);
        }
    }
}

impl Call<'_> {
    /// Parses the params and checks, in this order: their form, that the session has begun, the capability.
    fn accept<R: Request>(&self, server: &Server, method: M) -> Result<R::Params, RpcError>
    where
        R::Params: DeserializeOwned,
    {
        let params = parse(self.params)?;
        match (method, server.session()) {
            (M::Initialize, None) => return Ok(params),
            (M::Initialize, Some(_)) => return Err(RpcError::invalid("Already initialized")),
            (_, None) => return Err(RpcError::invalid("Not initialized")),
            (_, Some(session)) if session.experimental => return Ok(params),
            (_, Some(_)) => {}
        }
        if method.stability() == Stability::Experimental {
            return Err(needs_capability(self.method));
        }
        self.check_fields(method)?;
        Ok(params)
    }

    /// Refuses experimental fields of a client that did not ask for them (wire specification 2.6).
    fn check_fields(&self, method: M) -> Result<(), RpcError> {
        let Some(params) = self.params else { return Ok(()) };
        let fields = gated_fields(method);
        // Nearly every request: nothing to look for.
        if fields.is_empty() && !params.get().contains("granular") {
            return Ok(());
        }
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(params.get()) else {
            return Ok(());
        };
        let is_set = |field: &&&str| members.get(**field).is_some_and(|value| value.get() != "null");
        if let Some(field) = fields.iter().find(is_set) {
            return Err(needs_capability(&format!("{}.{field}", self.method)));
        }
        if members.get("approvalPolicy").is_some_and(|policy| policy.get().starts_with('{')) {
            return Err(needs_capability("askForApproval.granular"));
        }
        Ok(())
    }

    fn responder(&self, server: &Server) -> Responder {
        Responder::new(server.outgoing.clone(), self.id.clone())
    }

    /// Runs a handler on the loop.
    fn here<R: Request>(
        self,
        server: &mut Server,
        method: M,
        handler: fn(&mut Server, R::Params) -> Result<R::Response, RpcError>,
    ) where
        R::Params: DeserializeOwned,
        R::Response: Serialize,
    {
        let responder = self.responder(server);
        let result = self.accept::<R>(server, method).and_then(|params| handler(server, params));
        responder.send(result);
        if method == M::Initialize {
            session::after_initialize(server);
        }
    }

    /// Hands the request to the actor of the thread it names.
    async fn by_thread<R: Request>(
        self,
        server: &mut Server,
        method: M,
        handler: fn(R::Params, Reply<R::Response>) -> Routed,
    ) where
        R::Params: DeserializeOwned,
        R::Response: Serialize + 'static,
    {
        if let Some((params, reply)) = self.accept_for_actor::<R>(server, method)
            && let Some((id, op)) = handler(params, reply)
        {
            server.send_to_thread(id, op).await;
        }
    }

    /// Hands the request to the account's actor.
    async fn by_account<R: Request>(
        self,
        server: &mut Server,
        method: M,
        handler: fn(R::Params, Reply<R::Response>) -> AccountOp,
    ) where
        R::Params: DeserializeOwned,
        R::Response: Serialize + 'static,
    {
        if let Some((params, reply)) = self.accept_for_actor::<R>(server, method) {
            server.send_to_account(handler(params, reply)).await;
        }
    }

    /// Parses and checks params; what is refused is answered.
    fn accept_for_actor<R: Request>(
        self,
        server: &Server,
        method: M,
    ) -> Option<(R::Params, Reply<R::Response>)>
    where
        R::Params: DeserializeOwned,
        R::Response: Serialize + 'static,
    {
        let responder = self.responder(server);
        match self.accept::<R>(server, method) {
            Ok(params) => {
                let reply = Reply::new(move |answer: Result<Answer<R::Response>, CoreError>| match answer {
                    Ok(Answer { result, turns: Some(turns) }) => responder.send_with_turns(&result, turns),
                    Ok(Answer { result, turns: None }) => responder.send(Ok(result)),
                    Err(error) => responder.send(Err::<R::Response, _>(rpc_error::from_core(&error))),
                });
                Some((params, reply))
            }
            Err(error) => {
                responder.send(Err::<R::Response, _>(error));
                None
            }
        }
    }

    /// Hands the request on the loop to what keeps its answer for later: nothing in it may wait.
    fn at_once<R: Request>(
        self,
        server: &Server,
        method: M,
        handler: fn(&Arc<Services>, R::Params, Reply<R::Response>),
    ) where
        R::Params: DeserializeOwned,
        R::Response: Serialize + 'static,
    {
        if let Some((params, reply)) = self.accept_for_actor::<R>(server, method)
            && let Some(session) = server.session()
        {
            handler(&session.services, params, reply);
        }
    }

    /// Runs a handler that waits for others beside the loop. At the end of the session it is waited for; what could take
    /// long then watches `Services::closing`.
    fn spawned<R: Request, F>(self, server: &Server, method: M, handler: fn(Arc<Services>, R::Params) -> F)
    where
        R::Params: DeserializeOwned,
        R::Response: Serialize + 'static,
        F: Future<Output = Result<R::Response, CoreError>> + Send + 'static,
    {
        if let Some((params, reply)) = self.accept_for_actor::<R>(server, method)
            && let Some(session) = server.session()
        {
            let work = handler(Arc::clone(&session.services), params);
            server.tasks.spawn(async move { reply.send(work.await) }.in_current_span());
        }
    }

    /// The same one after the other with the requests of the same lane, in the order they came.
    fn in_lane<R: Request, F>(
        self,
        server: &mut Server,
        method: M,
        lane: fn(&R::Params) -> Lane,
        handler: fn(Arc<Services>, R::Params) -> F,
    ) where
        R::Params: DeserializeOwned + Send + 'static,
        R::Response: Serialize + 'static,
        F: Future<Output = Result<R::Response, CoreError>> + Send + 'static,
    {
        let answering = move |services, params, reply: Reply<R::Response>| async move {
            reply.send(handler(services, params).await);
        };
        self.in_lane_answering::<R, _>(server, method, lane, answering);
    }

    /// The same for a handler that goes on after its answer.
    fn in_lane_answering<R: Request, F>(
        self,
        server: &mut Server,
        method: M,
        lane: fn(&R::Params) -> Lane,
        handler: impl FnOnce(Arc<Services>, R::Params, Reply<R::Response>) -> F + Send + 'static,
    ) where
        R::Params: DeserializeOwned + Send + 'static,
        R::Response: Serialize + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Some((params, reply)) = self.accept_for_actor::<R>(server, method) else { return };
        let entered = server.lanes.enter(lane(&params));
        let Some(session) = server.session() else { return };
        let services = Arc::clone(&session.services);
        let work = async move {
            let _place = entered.await;
            handler(services, params, reply).await;
        };
        server.tasks.spawn(work.in_current_span());
    }

    /// Runs a handler that blocks on the disk beside the loop. `snapshot` is taken on the loop.
    fn aside<R: Request, S: Send + 'static>(
        self,
        server: &mut Server,
        method: M,
        snapshot: fn(&Server) -> S,
        handler: Aside<R, S>,
    ) where
        R::Params: DeserializeOwned + Send + 'static,
        R::Response: Serialize + 'static,
    {
        let responder = self.responder(server);
        let params = match self.accept::<R>(server, method) {
            Ok(params) => params,
            Err(error) => return responder.send(Err::<R::Response, _>(error)),
        };
        let Some(session) = server.session() else { return };
        let services = Arc::clone(&session.services);
        let snapshot = snapshot(server);
        let span = tracing::Span::current();
        server.tasks.spawn_blocking(move || {
            let _entered = span.entered();
            let result = handler(&services, params, snapshot);
            responder.send(result.map_err(|error| rpc_error::from_core(&error)));
        });
    }

    /// Answers what is not in the table: methods of backends this server does not have, and unknown ones.
    fn unknown(self, server: &mut Server) {
        let responder = self.responder(server);
        let is_experimental = WITHOUT_BACKEND_EXPERIMENTAL.contains(&self.method);
        let empty = EMPTY_ANSWERS.iter().find(|(method, _)| *method == self.method);
        if !is_experimental && empty.is_none() && !WITHOUT_BACKEND.contains(&self.method) {
            let names: Vec<String> = M::ALL.iter().map(|method| format!("`{}`", method.name())).collect();
            let text = format!(
                "Invalid request: unknown variant `{}`, expected one of {}",
                self.method,
                names.join(", ")
            );
            return responder.send(Err::<(), _>(RpcError::invalid(text)));
        }
        let result = match (server.session(), empty) {
            (None, _) => Err(RpcError::invalid("Not initialized")),
            (Some(session), _) if is_experimental && !session.experimental => {
                Err(needs_capability(self.method))
            }
            (Some(_), Some((_, answer))) => serde_json::from_str::<Box<RawValue>>(answer)
                .map_err(|error| RpcError::internal(error.to_string())),
            (Some(_), None) => Err(RpcError::invalid(format!(
                "{} needs a backend that this server does not have",
                self.method
            ))),
        };
        responder.send(result);
    }
}

/// Parses params; a type that takes none accepts anything, others need an object.
fn parse<P: DeserializeOwned>(params: Option<&RawValue>) -> Result<P, RpcError> {
    let invalid = |error: String| RpcError::invalid(format!("Invalid request: {error}"));
    match params.map(RawValue::get) {
        None | Some("null") => {
            serde_json::from_str("null").map_err(|_| invalid("missing field `params`".to_owned()))
        }
        // A struct would also be read from an array, member by member.
        Some(text) if !text.starts_with('{') => Err(invalid("params must be an object".to_owned())),
        Some(text) => serde_json::from_str(text).map_err(|error| invalid(error.to_string())),
    }
}

/// The snapshot of a handler that needs none.
fn nothing(_server: &Server) {}

fn needs_capability(what: &str) -> RpcError {
    RpcError::invalid(format!("{what} requires experimentalApi capability"))
}
