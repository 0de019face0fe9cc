"""A scripted model server for tests: the Responses API over HTTP with server-sent events, standard library only.

The test says beforehand what each request is answered with and reads afterwards what the requests contained.
A `Gate` inside an answer holds the stream until the test opens it, so that nothing has to be timed.
This module knows nothing of the SDK or of the server under test.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 20
"""How long anything here waits before it gives the test up; far above what a healthy run needs."""


class Gate:
    """A point in an answer where the stream stops until the test calls `open`."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def wait_reached(self) -> None:
        """Returns once the stream stands at this gate, that is, everything before it has been sent."""
        if not self._reached.wait(WAIT_S):
            raise AssertionError("the model stream never reached the gate")

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        """Called by the model server: announces the arrival, then waits for `open`."""
        self._reached.set()
        self._opened.wait()


@dataclass
class Answer:
    """The answer to one model request.

    `when`: only a request whose last user message contains this text gets the answer; None matches any request.
    `events`: SSE events and gates in order, or a function that makes them (without gates) from the request's body.
    `error`: with a `status` other than 200, the JSON body sent instead.
    """

    events: list[dict[str, Any] | Gate] | Callable[[dict[str, Any]], list[dict[str, Any]]] = field(
        default_factory=list
    )
    when: str | None = None
    status: int = 200
    error: dict[str, Any] | None = None


def text_answer(
    *parts: str | Gate, when: str | None = None, id: str = "1", input_tokens: int = 10, output_tokens: int = 5
) -> Answer:
    """An assistant message streamed as one delta per text in `parts`; gates stand where they are given.

    `id` becomes part of the response id and the message id.
    """
    message = {"type": "message", "role": "assistant", "id": f"msg_{id}"}
    events: list[dict[str, Any] | Gate] = [
        {"type": "response.created", "response": {"id": f"resp_{id}"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**message, "content": []}},
    ]
    for part in parts:
        if isinstance(part, Gate):
            events.append(part)
        else:
            delta = {"item_id": message["id"], "output_index": 0, "content_index": 0, "delta": part}
            events.append({"type": "response.output_text.delta", **delta})
    whole = "".join(part for part in parts if isinstance(part, str))
    content = [{"type": "output_text", "text": whole}]
    events += [
        {"type": "response.output_item.done", "output_index": 0, "item": {**message, "content": content}},
        _completed(id, input_tokens, output_tokens),
    ]
    return Answer(events=events, when=when)


def command_answer(command: str, *, id: str = "1") -> Answer:
    """A call of whichever shell tool the request offers, with a command line of `sh`."""
    arguments = {
        "exec_command": {"cmd": command},
        "shell_command": {"command": command},
        "shell": {"command": ["sh", "-c", command]},
    }

    def events(request: dict[str, Any]) -> list[dict[str, Any]]:
        offered = [tool.get("name") for tool in request["tools"]]
        name = next(name for name in arguments if name in offered)
        call = {"type": "function_call", "id": f"fc_{id}", "call_id": f"call_{id}", "name": name}
        item = {**call, "arguments": json.dumps(arguments[name])}
        return [
            {"type": "response.created", "response": {"id": f"resp_{id}"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            _completed(id, input_tokens=10, output_tokens=5),
        ]

    return Answer(events=events)


def call_answer(name: str, *, id: str = "1", **arguments: Any) -> Answer:
    """A call of a function tool."""
    call = {"type": "function_call", "id": f"fc_{id}", "call_id": f"call_{id}", "name": name}
    item = {**call, "arguments": json.dumps(arguments)}
    return Answer(
        events=[
            {"type": "response.created", "response": {"id": f"resp_{id}"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            _completed(id, input_tokens=10, output_tokens=5),
        ]
    )


def _completed(id: str, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    usage = {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input_tokens + output_tokens,
    }
    return {"type": "response.completed", "response": {"id": f"resp_{id}", "usage": usage}}


def messages(request: dict[str, Any]) -> list[tuple[str, str]]:
    """The conversation in a recorded request: (role, text) of every message item, in order."""
    found = []
    for item in request.get("input", []):
        if item.get("type", "message") == "message":
            content = item.get("content", "")
            texts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
            found.append((item["role"], "".join(texts)))
    return found


class MockModel:
    """Serves `answers` on a free port of the loopback interface, each of them once."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[dict[str, Any]] = []
        """Bodies of the model requests, in the order they arrived."""
        self.headers: list[dict[str, str]] = []
        """Their headers, with names in small letters."""
        self.unexpected: list[str] = []
        """Model requests for which no answer was left; a test that ends with one has failed."""
        self._answers = list(answers)
        self._gates = [
            event
            for answer in answers
            if not callable(answer.events)
            for event in answer.events
            if isinstance(event, Gate)
        ]
        self._lock = threading.Lock()
        # The server makes a handler per connection and gives it nothing: the model travels in a class of its own.
        handler = type("Handler", (_Handler,), {"model": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def base_url(self) -> str:
        """The provider's base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def unused(self) -> int:
        """Number of answers nobody asked for."""
        with self._lock:
            return len(self._answers)

    def close(self) -> None:
        """Opens every gate and stops serving."""
        for gate in self._gates:
            gate.open()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        said = [text for role, text in messages(body) if role == "user"]
        last = said[-1] if said else ""
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            for index, answer in enumerate(self._answers):
                if answer.when is None or answer.when in last:
                    return self._answers.pop(index)
            self.unexpected.append(last[:200])
        return Answer(status=500, error={"error": {"message": "the test scripted no answer for this request"}})


class _Handler(BaseHTTPRequestHandler):
    model: MockModel
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the default would write every request to stderr."""

    def do_GET(self) -> None:
        # Model catalogues and the like: a provider need not have them.
        self._send_json(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.endswith("/v1/responses"):
            self._send_json(404, {"error": {"message": "not found"}})
            return
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.model._take(body, headers)
        try:
            if answer.error is not None:
                self._send_json(answer.status, answer.error)
            else:
                events = answer.events(body) if callable(answer.events) else answer.events
                self._send_stream(events)
        except (BrokenPipeError, ConnectionResetError):
            # An interrupted turn hangs up.
            self.close_connection = True

    def _send_json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_stream(self, events: list[dict[str, Any] | Gate]) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            if isinstance(event, Gate):
                event.pass_through()
            else:
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()
