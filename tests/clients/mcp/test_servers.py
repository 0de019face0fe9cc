"""Servers that others wrote, driven through the app-server: by the client's own calls, and by a model's in a turn."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from client import WAIT_S, Client, Message
from mock_model import MockModel, call_answer, text_answer

BINARY = os.environ["APP_SERVER_BINARY"]
SERVERS = Path(os.environ["MCP_SERVERS"])
EVERYTHING = SERVERS / "npm" / "node_modules" / ".bin" / "mcp-server-everything"
TIME = SERVERS / "venv" / "bin" / "mcp-server-time"

CONFIG = """\
model = "mock-model"
model_provider = "mock"
approval_policy = "{policy}"
sandbox_mode = "workspace-write"
mcp_oauth_credentials_store = "file"

[model_providers.mock]
name = "mock"
base_url = "{base_url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false

[mcp_servers.{name}]
{table}
startup_timeout_sec = 60
"""


class ServerTest(unittest.TestCase):
    """A test with a home, a folder, a scripted model and one server. The app-server must exit cleanly and leave no
    process behind."""

    name = "demo"

    def table(self) -> str:
        """The definition of the server."""
        raise NotImplementedError

    def start(self, *answers: Any, policy: str = "on-request") -> None:
        base = Path(tempfile.mkdtemp(prefix="mcp-tests-"))
        self.addCleanup(shutil.rmtree, base, ignore_errors=True)
        home, work = base / "home", base / "work"
        home.mkdir()
        work.mkdir()
        self.model = MockModel(*answers)
        self.addCleanup(self.model.close)
        config = CONFIG.format(policy=policy, base_url=self.model.base_url, name=self.name, table=self.table())
        (home / "config.toml").write_text(config, encoding="utf-8")
        environment = {**os.environ, "CODEX_HOME": str(home)}
        self.client = Client(BINARY, environment, work)
        self.addCleanup(self.stop)
        self.thread = self.client.request("thread/start", {"cwd": str(work)})["thread"]["id"]

    def stop(self) -> None:
        self.assertEqual(self.client.close(), 0, "".join(self.client.stderr))
        errors = [line for line in self.client.stderr if re.search(r"\bERROR\b", line)]
        self.assertEqual(errors, [])

    def status(self) -> Message:
        listed = self.client.request("mcpServerStatus/list", {"threadId": self.thread})["data"]
        self.assertEqual([entry["name"] for entry in listed], [self.name])
        return listed[0]

    def call(self, tool: str, **arguments: Any) -> Message:
        params = {"threadId": self.thread, "server": self.name, "tool": tool, "arguments": arguments}
        return self.client.request("mcpServer/tool/call", params)

    def text(self, tool: str, **arguments: Any) -> str:
        return "\n".join(part.get("text", "") for part in self.call(tool, **arguments)["content"])

    def turn(self, text: str) -> Message:
        """Runs a turn and returns its item of a tool call."""
        self.client.request("turn/start", {"threadId": self.thread, "input": [{"type": "text", "text": text}]})
        self.client.until(lambda message: message.get("method") == "turn/completed")
        completed = [params["item"] for params in self.client.told("item/completed")]
        return next(item for item in completed if item["type"] == "mcpToolCall")


class Everything:
    """What the reference server is asked, however it is reached."""

    def test_what_it_offers(self) -> None:
        self.start()
        status = self.status()
        self.assertEqual(status["runtimeStatus"], "connected")
        self.assertEqual(status["serverInfo"]["name"], "mcp-servers/everything")
        self.assertIn("trigger-long-running-operation", status["tools"])
        self.assertTrue(status["resources"])
        self.assertTrue(status["resourceTemplates"])

    def test_calls_of_the_client(self) -> None:
        self.start()
        self.assertEqual(self.text("echo", message="grüß dich"), "Echo: grüß dich")
        self.assertIn("5", self.text("get-sum", a=2, b=3))
        structured = self.call("get-structured-content", location="Chicago")["structuredContent"]
        self.assertIn("temperature", structured)
        kinds = [part["type"] for part in self.call("get-tiny-image")["content"]]
        self.assertIn("image", kinds)
        links = [part["type"] for part in self.call("get-resource-links", count=2)["content"]]
        self.assertEqual(links.count("resource_link"), 2)
        self.assertTrue(self.call("echo").get("isError"), "an argument is missing")

    def test_resources(self) -> None:
        self.start()
        uri = self.status()["resources"][0]["uri"]
        params = {"threadId": self.thread, "server": self.name, "uri": uri}
        contents = self.client.request("mcpServer/resource/read", params)["contents"]
        self.assertEqual(contents[0]["uri"], uri)
        self.assertTrue(contents[0]["text"])

    def test_a_turn_with_progress(self) -> None:
        call = call_answer(f"mcp__{self.name}__trigger-long-running-operation", duration=0.5, steps=5)
        self.start(call, text_answer("done", id="2"), policy="never")
        item = self.turn("take your time")
        self.assertEqual((item["status"], item["server"]), ("completed", self.name))
        self.assertIn("completed", item["result"]["content"][0]["text"])
        told = self.client.told("item/mcpToolCall/progress")
        self.assertTrue(told)
        self.assertTrue(all(params["itemId"] == item["id"] for params in told))
        offered = [tool.get("name") for tool in self.model.requests[0]["tools"]]
        self.assertIn(f"mcp__{self.name}__echo", offered)

    def test_a_turn_with_a_question(self) -> None:
        asked: list[Message] = []

        def answer(message: Message) -> Message:
            asked.append(message["params"])
            self.assertEqual(message["method"], "mcpServer/elicitation/request")
            if (message["params"].get("_meta") or {}).get("codex_approval_kind") == "mcp_tool_call":
                return {"action": "accept"}
            return {"action": "accept", "content": {"name": "Ada", "check": True, "integer": 7}}

        call = call_answer(f"mcp__{self.name}__trigger-elicitation-request")
        self.start(call, text_answer("done", id="2"))
        self.client.answer = answer
        item = self.turn("ask me")
        self.assertEqual(len(asked), 2, asked)
        self.assertEqual(asked[1]["mode"], "form")
        self.assertIn("birthdate", asked[1]["requestedSchema"]["properties"])
        texts = json.dumps(item["result"]["content"])
        self.assertIn("Ada", texts)
        self.assertEqual(item["status"], "completed")


class EverythingOverStdio(Everything, ServerTest):
    """The reference server as a process of the app-server's."""

    name = "everything"

    def table(self) -> str:
        return f'command = "{EVERYTHING}"\nargs = ["stdio"]'


class EverythingOverHttp(Everything, ServerTest):
    """The reference server as somebody else's process."""

    name = "remote"

    @classmethod
    def setUpClass(cls) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cls.port = free.getsockname()[1]
        cls.process = subprocess.Popen(
            [str(EVERYTHING), "streamableHttp"],
            env={**os.environ, "PORT": str(cls.port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # It says so when it listens.
        for line in cls.process.stderr:
            if "listening" in line.lower():
                break

    @classmethod
    def tearDownClass(cls) -> None:
        cls.process.kill()
        cls.process.communicate(timeout=WAIT_S)

    def table(self) -> str:
        return f'url = "http://127.0.0.1:{self.port}/mcp"'


class Time(ServerTest):
    """A server made with the Python SDK."""

    name = "time"

    def table(self) -> str:
        return f'command = "{TIME}"\nargs = ["--local-timezone", "Etc/UTC"]'

    def test_calls(self) -> None:
        self.start()
        self.assertEqual(set(self.status()["tools"]), {"get_current_time", "convert_time"})
        now = json.loads(self.text("get_current_time", timezone="Europe/Berlin"))
        self.assertEqual(now["timezone"], "Europe/Berlin")
        self.assertTrue(self.call("get_current_time", timezone="Nowhere/Land").get("isError"))

    def test_a_turn(self) -> None:
        arguments = {"source_timezone": "Etc/UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        call = call_answer("mcp__time__convert_time", **arguments)
        self.start(call, text_answer("done", id="2"), policy="never")
        item = self.turn("what time is it there?")
        self.assertEqual(item["status"], "completed")
        self.assertIn("21:00", item["result"]["content"][0]["text"])
        outputs = [part for part in self.model.requests[1]["input"] if part["type"] == "function_call_output"]
        self.assertIn("21:00", json.dumps(outputs))


if __name__ == "__main__":
    unittest.main()
