"""A scripted issuer of accounts for tests: OAuth with PKCE, device codes, renewal and revoking, standard library only.

The test plays the person: `Issuer.browse` is the browser, `Issuer.approve` types a device code in. The issuer checks what
the server under test sends, as a real one would, and answers what it does not like with an error; it also keeps a
list of that in `problems`. It knows nothing of the SDK.
"""

import base64
import hashlib
import http.client
import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

WAIT_S = 20
"""How long anything here waits before it gives the test up; far above what a healthy run needs."""

MAX_REDIRECTS = 5

CLIENT_ID = "app_of_tests"
EMAIL = "person@example.com"
PLAN = "plus"
ACCOUNT_ID = "acct-1"
API_KEY = "sk-of-the-account"
USER_CODE = "TEST-1234"

_REDIRECT_URI = re.compile(r"http://localhost:(1455|1457)/auth/callback")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{43,}")


def jwt(claims: dict[str, Any]) -> str:
    """A token that says `claims`. Nobody checks its signature."""
    parts = [json.dumps({"alg": "none"}).encode(), json.dumps(claims).encode(), b"signature"]
    return ".".join(_base64url(part) for part in parts)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Page:
    """What the browser shows at the end."""

    status: int
    url: str
    text: str


@dataclass
class Tokens:
    """What one person is given at once."""

    id_token: str
    access_token: str
    refresh_token: str


@dataclass
class _Grant:
    """What a code is good for, once."""

    challenge: str
    redirect_uri: str


class _Refused(Exception):
    """An answer that is an error: status and JSON body."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error}


class Issuer:
    """Serves on a free port of the loopback interface. Set the switches before the server asks."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        """When set, the person is not let in: the browser is sent back with this `error`."""
        self.offers_device_codes = True
        self.problems: list[str] = []
        """Requests a real issuer would not have taken; a test that ends with one has failed."""
        self.tokens: list[Tokens] = []
        """Everything that was given out, the newest last."""
        self.authorized: list[dict[str, str]] = []
        """The query of each page a browser opened to sign in."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Each call of the server, as kind and body. Kinds: code, api_key, refresh, revoke, device_start, device_poll."""
        self._grants: dict[str, _Grant] = {}
        self._refreshable: set[str] = set()
        self._device_is_approved = False
        self._made = 0
        self._changed = threading.Condition()
        # The server makes a handler per connection and gives it nothing: the issuer travels in a class of its own.
        handler = type("Handler", (_Handler,), {"issuer": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        """The issuer's URL, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a server take this issuer for its own."""
        return {
            "CODEX_APP_SERVER_LOGIN_ISSUER": self.url,
            "CODEX_APP_SERVER_LOGIN_CLIENT_ID": CLIENT_ID,
        }

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def browse(self, url: str) -> Page:
        """Opens `url` as the person's browser does, who signs in at once; follows redirects to the last page."""
        for _ in range(MAX_REDIRECTS):
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=WAIT_S)
            try:
                target = parts.path + ("?" + parts.query if parts.query else "")
                connection.request("GET", target, headers={"connection": "close"})
                answer = connection.getresponse()
                location, text = answer.getheader("location"), answer.read().decode("utf-8", "replace")
            finally:
                connection.close()
            if location is None:
                return Page(answer.status, url, text)
            url = location
        raise AssertionError("the browser was redirected too often")

    def approve(self) -> None:
        """The person types the user code in."""
        with self._changed:
            self._device_is_approved = True

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the calls of one kind, in the order they arrived."""
        with self._changed:
            return [body for called, body in self.calls if called == kind]

    def wait_for(self, kind: str) -> dict[str, Any]:
        """Returns the first call of a kind, once there is one."""
        with self._changed:
            found = self._changed.wait_for(lambda: any(kind == called for called, _ in self.calls), WAIT_S)
            if not found:
                raise AssertionError(f"the issuer was never asked: {kind}")
        return self.bodies(kind)[0]

    def _note(self, kind: str, body: dict[str, Any]) -> None:
        self.calls.append((kind, body))
        self._changed.notify_all()

    def _check(self, *, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)
            raise _Refused(400, problem)

    def _new(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}-{self._made}"

    def _grant(self, grant: _Grant) -> str:
        code = self._new("code")
        self._grants[code] = grant
        return code

    def _give_tokens(self) -> dict[str, str]:
        auth = {"chatgpt_plan_type": PLAN, "chatgpt_account_id": ACCOUNT_ID, "chatgpt_user_id": "user-1"}
        serial = self._new("token")
        id_claims = {"jti": serial, "email": EMAIL, "https://api.openai.com/auth": auth}
        access_claims = {**id_claims, "exp": int(time.time()) + 3600}
        tokens = Tokens(jwt(id_claims), jwt(access_claims), self._new("refresh"))
        self.tokens.append(tokens)
        self._refreshable.add(tokens.refresh_token)
        return dict(vars(tokens))

    def _authorize(self, query: dict[str, str]) -> str:
        """Returns where the browser is sent."""
        self.authorized.append(query)
        redirect_uri, state = query.get("redirect_uri", ""), query.get("state", "")
        expected = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
        for name, value in expected.items():
            self._check(holds=query.get(name) == value, problem=f"authorize: {name}")
        self._check(holds=bool(_REDIRECT_URI.fullmatch(redirect_uri)), problem="authorize: redirect_uri")
        self._check(holds="offline_access" in query.get("scope", "").split(), problem="authorize: scope")
        self._check(holds=bool(_BASE64URL.fullmatch(state)), problem="authorize: state")
        challenge = query.get("code_challenge", "")
        self._check(holds=bool(_BASE64URL.fullmatch(challenge)), problem="authorize: code_challenge")
        if self.refusal is not None:
            return f"{redirect_uri}?{urlencode({'error': self.refusal, 'state': state})}"
        code = self._grant(_Grant(challenge, redirect_uri))
        return f"{redirect_uri}?{urlencode({'code': code, 'state': state})}"

    def _token(self, body: dict[str, Any]) -> dict[str, Any]:
        self._check(holds=body.get("client_id") == CLIENT_ID, problem="token: client_id")
        kind = body.get("grant_type")
        if kind == "authorization_code":
            return self._redeem(body)
        if kind == "urn:ietf:params:oauth:grant-type:token-exchange":
            self._note("api_key", body)
            known = any(body.get("subject_token") == tokens.id_token for tokens in self.tokens)
            self._check(holds=known, problem="api key: subject_token")
            return {"access_token": API_KEY}
        self._check(holds=kind == "refresh_token", problem=f"token: grant_type {kind}")
        self._note("refresh", body)
        spent = body.get("refresh_token")
        if spent not in self._refreshable:
            raise _Refused(401, "refresh_token_reused")
        self._refreshable.remove(spent)
        return self._give_tokens()

    def _redeem(self, body: dict[str, Any]) -> dict[str, Any]:
        self._note("code", body)
        grant = self._grants.pop(body.get("code", ""), None)
        self._check(holds=grant is not None, problem="code: unknown, or used before")
        is_proven = challenge_of(body.get("code_verifier", "")) == grant.challenge
        self._check(holds=is_proven, problem="code: the verifier does not fit the challenge")
        self._check(holds=body.get("redirect_uri") == grant.redirect_uri, problem="code: redirect_uri")
        return self._give_tokens()

    def _revoke(self, body: dict[str, Any]) -> dict[str, Any]:
        self._note("revoke", body)
        self._refreshable.discard(body.get("token", ""))
        return {}

    def _device_start(self, body: dict[str, Any]) -> dict[str, Any]:
        self._note("device_start", body)
        self._check(holds=body == {"client_id": CLIENT_ID}, problem="device: client_id")
        if not self.offers_device_codes:
            raise _Refused(404, "not_found")
        return {"device_auth_id": "device-1", "user_code": USER_CODE, "interval": "1"}

    def _device_poll(self, body: dict[str, Any]) -> dict[str, Any]:
        self._note("device_poll", body)
        expected = {"device_auth_id": "device-1", "user_code": USER_CODE}
        self._check(holds=body == expected, problem="device: not the codes that were given out")
        if not self._device_is_approved:
            raise _Refused(403, "authorization_pending")
        verifier = self._new("verifier")
        challenge = challenge_of(verifier)
        code = self._grant(_Grant(challenge, f"{self.url}/deviceauth/callback"))
        return {"authorization_code": code, "code_challenge": challenge, "code_verifier": verifier}


class _Handler(BaseHTTPRequestHandler):
    issuer: Issuer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the default would write every request to stderr."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/oauth/authorize":
            self._send_json(404, {"error": "not_found"})
            return
        try:
            with self.issuer._changed:
                location = self.issuer._authorize(dict(parse_qsl(parts.query)))
        except _Refused as refused:
            self._send_json(refused.status, refused.body)
            return
        self.send_response(302)
        self.send_header("location", location)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        answers = {
            "/oauth/token": self.issuer._token,
            "/oauth/revoke": self.issuer._revoke,
            "/api/accounts/deviceauth/usercode": self.issuer._device_start,
            "/api/accounts/deviceauth/token": self.issuer._device_poll,
        }
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = answers.get(self.path)
        if answer is None:
            self._send_json(404, {"error": "not_found"})
            return
        is_form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        body = dict(parse_qsl(raw.decode())) if is_form else json.loads(raw)
        try:
            with self.issuer._changed:
                status, found = 200, answer(body)
        except _Refused as refused:
            status, found = refused.status, refused.body
        self._send_json(status, found)

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
