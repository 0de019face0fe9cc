"""What every test of the SDK needs: a home, a work folder, a model, servers, and the checks after the test.

Used through `SdkTest`. Only the SDK's public interface is used; what it hides (exit code, stderr, raw stdout) comes
from `tap.py`.
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from issuer import Issuer
from mock_model import Answer, MockModel
from openai_codex import Codex, CodexConfig

EXIT_MS = 2000
"""The SDK kills a server that has not exited this long after stdin was closed."""

TEST_TIMEOUT_S = 60
"""A test that takes longer hangs: its servers are killed, upon which the SDK's waiting calls raise."""

HOMES_VARIABLE = "APP_SERVER_TEST_HOMES"
"""Names the folder in which homes are made; the system's temporary folder when unset."""

BINARY_VARIABLE = "APP_SERVER_BINARY"
"""Absolute path of the server binary; set by `run.sh`."""

CONFIG = """\
model = "mock-model"
model_provider = "mock"

[model_providers.mock]
name = "mock"
base_url = "{base_url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
"""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r'(^|\s)ERROR(\s|:|$)|"level":\s*"ERROR"')


class SdkTest(unittest.TestCase):
    """A test with a fresh `CODEX_HOME` (`self.home`) and a fresh work folder (`self.work`).

    When the test is over, every server it started must have exited with code 0 within two seconds of being closed,
    must have written nothing but JSON lines to stdout and no ERROR line to stderr, the model must have been asked
    exactly as often as the test scripted, and an issuer, if there is one, must have had nothing to object to.
    """

    def setUp(self) -> None:
        base = os.environ.get(HOMES_VARIABLE)
        if base:
            os.makedirs(base, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="sdk-", dir=base)).resolve()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.home, self.work = self.folder / "home", self.folder / "work"
        self._records = self.folder / "records"
        for folder in (self.home, self.work, self._records):
            folder.mkdir()
        self._launcher = self._write_launcher()
        self._servers: list[Codex] = []
        self._issuer: Issuer | None = None
        self._timer = threading.Timer(TEST_TIMEOUT_S, self._kill_servers)
        self._timer.start()
        self.addCleanup(self._finish)

    def model(self, *answers: Answer, needs_account: bool = False) -> MockModel:
        """Starts the model server of this test and writes the config file that points at it."""
        self._model = MockModel(*answers)
        config = CONFIG.format(base_url=self._model.base_url)
        if needs_account:
            config += "requires_openai_auth = true\n"
        (self.home / "config.toml").write_text(config, encoding="utf-8")
        return self._model

    def issuer(self) -> Issuer:
        """Starts an issuer of accounts, which the servers launched after it take for theirs."""
        self._issuer = Issuer()
        return self._issuer

    def config(self) -> CodexConfig:
        """How the SDK is to launch the server: its own command line, with our binary, home and work folder."""
        env = {"CODEX_HOME": str(self.home), "HOME": str(self.folder), "NO_PROXY": "127.0.0.1"}
        if self._issuer is not None:
            env |= self._issuer.environment
        return CodexConfig(codex_bin=str(self._launcher), cwd=str(self.work), env=env)

    def server(self) -> Codex:
        """Launches a server; it is closed with the test, if not before."""
        codex = Codex(self.config())
        self._servers.append(codex)
        return codex

    def _write_launcher(self) -> Path:
        # A script instead of `launch_args_override`: this way the arguments are those the SDK makes up itself.
        launcher = self.folder / "codex"
        tap = Path(__file__).resolve().with_name("tap.py")
        words = [sys.executable, "-IS", str(tap), str(self._records), os.environ[BINARY_VARIABLE]]
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
        launcher.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)
        return launcher

    def _finish(self) -> None:
        try:
            for codex in self._servers:
                codex.close()
        finally:
            self._timer.cancel()
            model = getattr(self, "_model", None)
            if model is not None:
                model.close()
            if self._issuer is not None:
                self._issuer.close()
            self._kill_servers()
        self._check_servers()
        if model is not None:
            self.assertEqual([], model.unexpected, "model requests that the test did not expect")
            self.assertEqual(0, model.unused, "scripted model answers that were never asked for")
        if self._issuer is not None:
            self.assertEqual([], self._issuer.problems, "what the issuer objected to")

    def _kill_servers(self) -> None:
        """Ends the servers that have not exited, each by its own process id."""
        for record in self._records.glob("*.pid"):
            if not record.with_suffix(".exit").exists():
                try:
                    os.kill(int(record.read_text()), signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def _check_servers(self) -> None:
        records = sorted(self._records.glob("*.pid"))
        self.assertTrue(records, "no server was started")
        for record in records:
            stderr = _ANSI.sub("", record.with_suffix(".stderr").read_text("utf-8", "replace"))
            exit_record = record.with_suffix(".exit")
            self.assertTrue(exit_record.exists(), f"the server did not exit in time; its stderr:\n{stderr}")
            ended = json.loads(exit_record.read_text())
            self.assertEqual(0, ended["code"], f"exit code of the server; its stderr:\n{stderr}")
            self.assertIsNotNone(ended["closed_ms"], "the server ended before it was closed")
            self.assertLess(ended["closed_ms"], EXIT_MS, "ms from close to exit")
            errors = [line for line in stderr.splitlines() if _ERROR.search(line)]
            self.assertEqual([], errors, "ERROR lines on stderr")
            self._check_stdout(record.with_suffix(".stdout").read_bytes())

    def _check_stdout(self, stdout: bytes) -> None:
        self.assertTrue(stdout.endswith(b"\n"), "stdout ends with a whole line")
        for line in stdout.splitlines():
            try:
                message = json.loads(line)
            except ValueError:
                self.fail(f"a line on stdout is not JSON: {line[:200]!r}")
            self.assertIsInstance(message, dict, "a line on stdout is not an object")
            self.assertNotIn("jsonrpc", message)
