"""A client of the app-server: requests, notifications and answers as lines of JSON."""

import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S = 60
"""How long anything may take; far above what a healthy run needs."""

Message = dict[str, Any]


class Client:
    """A running app-server. Every message it sends is kept in `seen`."""

    def __init__(self, binary: str, environment: dict[str, str], folder: Path) -> None:
        self.seen: list[Message] = []
        self.answer: Callable[[Message], Any] | None = None
        """Answers requests of the server; without it they stay open."""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._ids = 0
        self.process = subprocess.Popen(
            [binary, "app-server", "--listen", "stdio://"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            text=True,
            encoding="utf-8",
        )
        self.stderr: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        info = {"name": "mcp-tests", "version": "1.0.0"}
        self.request("initialize", {"clientInfo": info, "capabilities": {"experimentalApi": True}})
        self._send({"method": "initialized"})

    def _read_stdout(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_stderr(self) -> None:
        self.stderr.extend(self.process.stderr)

    def _send(self, message: Message) -> None:
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def _next(self) -> Message:
        line = self._lines.get(timeout=WAIT_S)
        if line is None:
            raise AssertionError("the server has ended: " + "".join(self.stderr))
        message = json.loads(line)
        self.seen.append(message)
        if "method" in message and "id" in message and self.answer is not None:
            self._send({"id": message["id"], "result": self.answer(message)})
        return message

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Waits for a message."""
        while True:
            message = self._next()
            if wanted(message):
                return message

    def request(self, method: str, params: Message | None = None) -> Any:
        """Sends a request and returns its result."""
        self._ids += 1
        number = self._ids
        self._send({"id": number, "method": method, "params": params or {}})
        message = self.until(lambda message: message.get("id") == number and "method" not in message)
        if "error" in message:
            raise AssertionError(f"{method}: {message['error']}")
        return message["result"]

    def told(self, method: str) -> list[Message]:
        """The params of all messages of this method so far."""
        return [message["params"] for message in self.seen if message.get("method") == method]

    def close(self) -> int:
        """Ends the input and returns the exit code."""
        self.process.stdin.close()
        code = self.process.wait(timeout=WAIT_S)
        for reader in self._readers:
            reader.join(timeout=WAIT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return code
