//! Accounts: signing in and out, what requests are signed with, and what is done about a credential that is not accepted
//! (auth specification). The model and the issuer of tokens are scripted; answers are held back at gates, so that no test
//! sleeps for a guess.

mod api_key;
mod attacks;
mod browser;
mod compaction;
mod device;
mod external;
mod limits;
mod logout;
mod refresh;
mod restrictions;
mod storage;
mod stored;

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use app_server_test_support::issuer::{IssuedTokens, days_ago, unix_in};
use app_server_test_support::{
    Answer, BlockingMockModel, LoginPorts, Person, ScriptedIssuer, TempHome, TestServer,
};
use serde_json::{Value, json};

use crate::BINARY;
use crate::calls::LIMIT;

/// The id of the program at the issuer, as it is set for the server under test.
const CLIENT_ID: &str = "client-under-test";
/// How often something is looked at that nothing tells of.
const POLL: Duration = Duration::from_millis(5);

/// A home whose provider needs an account, a scripted model that refuses some tokens, and a scripted issuer.
struct AccountScene {
    home: TempHome,
    model: BlockingMockModel,
    issuer: ScriptedIssuer,
    manners: Arc<Mutex<Manners>>,
}

/// What the model does with a request.
#[derive(Default)]
struct Manners {
    /// What it says to the next requests that it accepts; then, `answer`.
    answers: VecDeque<Answer>,
    /// What requests must not be signed with: they are answered with 401.
    refused: BTreeSet<String>,
    /// Whether requests are refused whatever they are signed with.
    refuses_all: bool,
    /// Done before the next refusal goes out.
    before_refusal: Option<Box<dyn FnOnce() + Send>>,
}

impl AccountScene {
    fn new() -> Self {
        Self::with_config("")
    }

    /// `extra` is put before the first table of the configuration.
    fn with_config(extra: &str) -> Self {
        let manners = Arc::<Mutex<Manners>>::default();
        let model = BlockingMockModel::start_with({
            let manners = Arc::clone(&manners);
            move |request| {
                let mut manners = manners.lock().unwrap();
                let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
                if !manners.refuses_all && !bearer.is_some_and(|token| manners.refused.contains(token)) {
                    return manners.answers.pop_front().unwrap_or_else(|| Answer::message("answer"));
                }
                let before_refusal = manners.before_refusal.take();
                drop(manners);
                if let Some(before_refusal) = before_refusal {
                    before_refusal();
                }
                Answer::json(401, &json!({"error": {"message": "the token is not accepted"}}))
            }
        });
        let scene = Self { home: TempHome::new().unwrap(), model, issuer: ScriptedIssuer::start(), manners };
        scene.configure(extra);
        scene
    }

    /// Writes the configuration anew, with `extra` before its first table.
    fn configure(&self, extra: &str) {
        self.configure_provider(extra, "requires_openai_auth = true");
    }

    /// Writes the configuration anew, with `provider` at the end of the provider's table.
    fn configure_provider(&self, extra: &str, provider: &str) {
        let (model, issuer) = (self.model.base_url(), self.issuer.url());
        self.home
            .write_config(&format!(
                r#"model = "mock-model"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"
chatgpt_base_url = "{issuer}/backend-api"
{extra}
[model_providers.mock]
name = "mock"
base_url = "{model}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
{provider}
"#
            ))
            .unwrap();
    }

    /// Starts the server and initializes it.
    fn server(&self) -> TestServer {
        self.server_in(&[])
    }

    /// The same with more in the server's environment.
    fn server_in(&self, env: &[(&str, &str)]) -> TestServer {
        let mut server = self.uninitialized(env);
        server.initialize(json!({"experimentalApi": true}));
        server
    }

    fn uninitialized(&self, env: &[(&str, &str)]) -> TestServer {
        let issuer = self.issuer_env();
        let all: Vec<(&str, &str)> =
            issuer.iter().map(|(name, value)| (*name, value.as_str())).chain(env.iter().copied()).collect();
        TestServer::start_in(BINARY, &self.home, &all)
    }

    /// What makes the server ask the scripted issuer.
    fn issuer_env(&self) -> [(&'static str, String); 4] {
        let url = self.issuer.url();
        [
            ("CODEX_APP_SERVER_LOGIN_ISSUER", url.clone()),
            ("CODEX_APP_SERVER_LOGIN_CLIENT_ID", CLIENT_ID.to_owned()),
            ("CODEX_REFRESH_TOKEN_URL_OVERRIDE", format!("{url}/oauth/token")),
            ("CODEX_REVOKE_TOKEN_URL_OVERRIDE", format!("{url}/oauth/revoke")),
        ]
    }

    fn auth_path(&self) -> PathBuf {
        self.home.home().join("auth.json")
    }

    /// Writes `auth.json`.
    fn write_auth(&self, bytes: impl AsRef<[u8]>) {
        fs::write(self.auth_path(), bytes).unwrap();
        fs::set_permissions(self.auth_path(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Signs the usual person in as at an earlier time, with a token that is good for an hour, and returns what is stored.
    fn sign_in(&self) -> IssuedTokens {
        self.sign_in_as(&Person::default(), 0, Some(60 * 60))
    }

    /// Signs somebody in as so many days ago, with a token that is good for so many seconds from now; `None`: it does not
    /// say for how long.
    fn sign_in_as(&self, person: &Person, days: i64, seconds: Option<i64>) -> IssuedTokens {
        let tokens = self.issuer.issue(person, seconds.map(unix_in));
        self.write_auth(tokens.stored(&days_ago(days)).to_string());
        tokens
    }

    /// What `auth.json` holds.
    fn auth(&self) -> Value {
        serde_json::from_slice(&fs::read(self.auth_path()).unwrap()).unwrap()
    }

    /// Makes the model refuse a token from now on.
    fn refuse(&self, token: &str) {
        self.manners.lock().unwrap().refused.insert(token.to_owned());
    }

    /// Makes the model refuse every token, or those refused one by one only.
    fn refuse_all(&self, is_all: bool) {
        self.manners.lock().unwrap().refuses_all = is_all;
    }

    /// What the model says next.
    fn answer_with(&self, answer: Answer) {
        self.manners.lock().unwrap().answers.push_back(answer);
    }

    /// Does something while the model refuses the next request: the server has sent it, and has no answer.
    fn before_next_refusal(&self, work: impl FnOnce() + Send + 'static) {
        self.manners.lock().unwrap().before_refusal = Some(Box::new(work));
    }

    /// Runs a turn in a thread of its own and returns the turn as it ended.
    fn turn(&self, server: &mut TestServer) -> Value {
        let thread = server.start_thread(&self.home.work());
        let messages = server.run_turn(&thread, "hi");
        messages.last().unwrap()["params"]["turn"].clone()
    }

    /// Runs a turn in a thread of its own, which must be completed.
    fn good_turn(&self, server: &mut TestServer) {
        let turn = self.turn(server);
        assert_eq!(turn["status"], "completed", "{turn}");
    }

    /// Runs a turn in a thread of its own, which must fail; returns what kind of error it is.
    fn failed_turn(&self, server: &mut TestServer) -> Value {
        let turn = self.turn(server);
        assert_eq!(turn["status"], "failed", "{turn}");
        turn["error"]["codexErrorInfo"].clone()
    }

    /// What the model's requests so far were signed with.
    fn bearers(&self) -> Vec<Option<String>> {
        let of_request = |header: Option<&str>| header?.strip_prefix("Bearer ").map(str::to_owned);
        let requests = self.model.model().requests().into_iter().filter(|request| request.method == "POST");
        requests.map(|request| of_request(request.header("authorization"))).collect()
    }

    /// What the last request to the model was signed with, and for which workspace.
    fn last_signature(&self) -> (Option<String>, Option<String>) {
        let requests = self.model.model().requests();
        let last = requests.iter().rev().find(|request| request.method == "POST").unwrap();
        let header = |name| last.header(name).map(str::to_owned);
        (header("authorization"), header("chatgpt-account-id"))
    }
}

/// The kind of error of a turn whose last request was answered with 401.
fn refused() -> Value {
    json!({"httpConnectionFailed": {"httpStatusCode": 401}})
}

/// Starts a login that is done at once and returns everything up to `account/updated`; the answer is to come first.
fn log_in(server: &mut TestServer, params: Value) -> Vec<Value> {
    server.start_request("account/login/start", params);
    server.until("account/updated", |message| message["method"] == "account/updated")
}

/// Signs in with an API key.
fn log_in_by_key(server: &mut TestServer, key: &str) {
    log_in(server, json!({"type": "apiKey", "apiKey": key}));
}

/// Who is signed in, and whether somebody must be.
fn read_account(server: &mut TestServer) -> Value {
    server.request("account/read", json!({}))
}

/// Who is signed in.
fn account(server: &mut TestServer) -> Value {
    read_account(server)["account"].take()
}

/// The account of the usual person.
fn usual_account() -> Value {
    json!({"type": "chatgpt", "email": "user@example.com", "planType": "pro", "workspaceName": null})
}

/// Takes the end of a login.
fn take_completed(server: &mut TestServer) -> Value {
    server.take("account/login/completed")["params"].take()
}

/// Takes the end of a login that failed and returns why.
fn take_failure(server: &mut TestServer, login_id: &str) -> String {
    let completed = take_completed(server);
    assert_eq!(
        (&completed["success"], &completed["loginId"]),
        (&json!(false), &json!(login_id)),
        "{completed}"
    );
    completed["error"].as_str().unwrap().to_owned()
}

/// Takes the news that somebody is signed in now.
fn take_signed_in(server: &mut TestServer, login_id: &str) {
    let completed = take_completed(server);
    assert_eq!(
        (&completed["success"], &completed["loginId"]),
        (&json!(true), &json!(login_id)),
        "{completed}"
    );
    assert_eq!(completed["error"], Value::Null);
    let updated = server.take("account/updated")["params"].take();
    assert_eq!(updated, json!({"authMode": "chatgpt", "planType": "pro"}));
}

/// Waits for a fact that nothing tells of.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "still not so: {what}");
        thread::sleep(POLL);
    }
}

/// Says whether nobody listens there.
fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// No file below a folder holds a text.
fn assert_nowhere(folder: &Path, text: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_nowhere(&path, text);
        } else if let Ok(bytes) = fs::read(&path) {
            let holds_it = String::from_utf8_lossy(&bytes).contains(text);
            assert!(!holds_it, "{text:?} is in {}", path.display());
        }
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
