"""Tests of capabilities that are still to come; `run.sh BINARY later` runs them. They move to test_sdk.py one by one."""

from typing import Any

from harness import SdkTest
from mock_model import Answer, command_answer, text_answer
from openai_codex import ApprovalMode, Sandbox
from openai_codex.client import CodexClient
from openai_codex.types import ThreadItem
from test_sdk import said, texts


class Later(SdkTest):
    def test_command_runs_and_its_output_reaches_the_model(self) -> None:
        model = self.model(command_answer("echo ca$((3 + 4))rd > made; cat made"), text_answer("done", id="2"))
        thread = self.server().thread_start(approval_mode=ApprovalMode.deny_all, sandbox=Sandbox.full_access)
        result = thread.run("make it")

        self.assertEqual("done", result.final_response)
        self.assertEqual(
            ["userMessage", "commandExecution", "agentMessage"], [item.root.type for item in result.items]
        )
        command = result.items[1].root
        self.assertEqual("completed", command.status.value)
        self.assertEqual(0, command.exit_code)
        self.assertEqual("ca7rd\n", command.aggregated_output)
        self.assertEqual("ca7rd\n", (self.work / "made").read_text())
        outputs = [item["output"] for item in model.requests[1]["input"] if item["type"] == "function_call_output"]
        self.assertEqual(1, len(outputs))
        self.assertIn("ca7rd", str(outputs[0]))

    def test_fork_copies_the_history(self) -> None:
        model = self.model(
            text_answer("root", id="1"), text_answer("branch", id="2"), text_answer("trunk", id="3")
        )
        codex = self.server()
        thread = codex.thread_start()
        thread.run("start")
        fork = codex.thread_fork(thread.id)
        self.assertNotEqual(thread.id, fork.id)
        fork.run("on the branch")
        thread.run("on the trunk")

        known = ("start", "root", "on the branch", "branch", "on the trunk")
        start = [("user", "start"), ("assistant", "root")]
        self.assertEqual([*start, ("user", "on the branch")], said(model.requests[1], *known))
        self.assertEqual([*start, ("user", "on the trunk")], said(model.requests[2], *known))
        self.assertEqual({thread.id, fork.id}, {stored.id for stored in codex.thread_list().data})

    def test_metadata_models_and_account_parse(self) -> None:
        self.model()
        codex = self.server()
        self.assertTrue(codex.metadata.userAgent.startswith("codex_python_sdk/"))
        self.assertEqual("unix", codex.metadata.platformFamily)
        self.assertIn(codex.metadata.platformOs, ("linux", "macos"))
        models = codex.models(include_hidden=True).data
        self.assertTrue(models)
        self.assertEqual(1, sum(model.is_default for model in models))
        account = codex.account()
        self.assertIsNone(account.account)
        self.assertFalse(account.requires_openai_auth)


class Refusal(Exception):
    """Raised by a handler in place of an answer."""


class Approvals(SdkTest):
    """Approval handlers, which the SDK takes where its client is made."""

    COMMAND = "item/commandExecution/requestApproval"
    FILE_CHANGE = "item/fileChange/requestApproval"

    def start(self, decision: Any, *answers: Answer) -> None:
        """Starts a server and a thread that asks before everything; the handler notes what it is asked and gives
        `decision`, raises it if it is an exception, or is the SDK's own if it is None."""
        self.requests = self.model(*answers).requests
        self.asked: list[tuple[str, dict[str, Any]]] = []

        def handler(method: str, params: dict[str, Any] | None) -> dict[str, Any]:
            self.asked.append((method, params or {}))
            if isinstance(decision, Exception):
                raise decision
            return {"decision": decision}

        self.client = CodexClient(self.config(), None if decision is None else handler)
        self._servers.append(self.client)
        self.client.start()
        self.client.initialize()
        params = {"approvalPolicy": "untrusted", "sandbox": "danger-full-access", "cwd": str(self.work)}
        self.thread_id = self.client.thread_start(params).thread.id

    def turn(self) -> tuple[list[ThreadItem], str]:
        """Runs a turn; returns its completed items and its status."""
        turn_id = self.client.turn_start(self.thread_id, "go").turn.id
        self.client.register_turn_notifications(turn_id)
        items = []
        try:
            while True:
                event = self.client.next_turn_notification(turn_id)
                if event.method == "item/completed":
                    items.append(event.payload.item.root)
                if event.method == "turn/completed":
                    return items, event.payload.turn.status.value
        finally:
            self.client.unregister_turn_notifications(turn_id)

    def output(self, request: int) -> str:
        """What the last tool call gave, as the model was told in a request."""
        outputs = [item["output"] for item in self.requests[request]["input"] if item["type"].endswith("_output")]
        return str(outputs[-1])

    def test_approved_command_runs(self) -> None:
        self.start("accept", command_answer("touch made; echo ca$((3 + 4))rd"), text_answer("done", id="2"))
        items, status = self.turn()

        self.assertEqual(["userMessage", "commandExecution", "agentMessage"], [item.type for item in items])
        self.assertEqual(("completed", "completed", 0), (status, items[1].status.value, items[1].exit_code))
        self.assertTrue((self.work / "made").exists())
        self.assertIn("ca7rd", self.output(1))
        [(method, params)] = self.asked
        self.assertEqual((self.COMMAND, self.thread_id), (method, params["threadId"]))
        self.assertEqual((items[1].id, str(self.work)), (params["itemId"], params["cwd"]))
        self.assertIn("touch made", params["command"])

    def test_declined_command_does_not_run_and_the_turn_goes_on(self) -> None:
        self.start("decline", command_answer("touch made"), text_answer("a pity", id="2"))
        items, status = self.turn()

        self.assertEqual(["userMessage", "commandExecution", "agentMessage"], [item.type for item in items])
        self.assertEqual(("completed", "declined"), (status, items[1].status.value))
        self.assertEqual("a pity", items[2].text)
        self.assertFalse((self.work / "made").exists())
        self.assertIn("rejected by user", self.output(1))
        self.assertEqual([self.COMMAND], [method for method, _ in self.asked])

    def test_cancelled_command_ends_the_turn(self) -> None:
        self.start("cancel", command_answer("touch made"))
        items, status = self.turn()

        self.assertEqual(("interrupted", "declined"), (status, items[-1].status.value))
        self.assertFalse((self.work / "made").exists())

    def test_approved_file_change_is_made(self) -> None:
        self.start("accept", patch_answer("made", "content"), text_answer("done", id="2"))
        items, status = self.turn()

        self.assertEqual(["userMessage", "fileChange", "agentMessage"], [item.type for item in items])
        self.assertEqual(("completed", "completed"), (status, items[1].status.value))
        self.assertEqual([str(self.work / "made")], [change.path for change in items[1].changes])
        self.assertEqual("content\n", (self.work / "made").read_text())
        [(method, params)] = self.asked
        self.assertEqual((self.FILE_CHANGE, items[1].id), (method, params["itemId"]))

    def test_declined_file_change_is_not_made(self) -> None:
        self.start("decline", patch_answer("made", "content"), text_answer("a pity", id="2"))
        items, status = self.turn()

        self.assertEqual(["userMessage", "fileChange", "agentMessage"], [item.type for item in items])
        self.assertEqual(("completed", "declined"), (status, items[1].status.value))
        self.assertFalse((self.work / "made").exists())
        self.assertIn("rejected by user", self.output(1))

    def test_approved_for_the_session_is_asked_once(self) -> None:
        answers = [
            answer
            for turn in ("1", "2")
            for answer in (command_answer("echo x >> made", id=turn), text_answer("done", id=f"{turn}d"))
        ]
        self.start("acceptForSession", *answers)
        self.turn()
        items, status = self.turn()

        self.assertEqual(("completed", "completed"), (status, items[1].status.value))
        self.assertEqual("x\nx\n", (self.work / "made").read_text())
        self.assertEqual([self.COMMAND], [method for method, _ in self.asked])

    def test_files_approved_for_the_session_are_asked_once(self) -> None:
        answers = [
            answer
            for turn in ("1", "2")
            for answer in (patch_answer("made", f"text {turn}", id=turn), text_answer("done", id=f"{turn}d"))
        ]
        self.start("acceptForSession", *answers)
        self.turn()
        self.turn()

        self.assertEqual("text 2\n", (self.work / "made").read_text())
        self.assertEqual([self.FILE_CHANGE], [method for method, _ in self.asked])

    def test_default_handler_accepts(self) -> None:
        answers = [command_answer("touch made"), patch_answer("patched", "x", id="2"), text_answer("done", id="3")]
        self.start(None, *answers)
        items, status = self.turn()

        self.assertEqual("completed", status)
        self.assertEqual(["completed", "completed"], [item.status.value for item in items[1:3]])
        self.assertTrue((self.work / "made").exists())
        self.assertTrue((self.work / "patched").exists())

    def test_handler_that_raises_leaves_the_command_undone(self) -> None:
        # The SDK stops reading and never answers; what is to be seen is that the server waits, and ends when closed.
        self.start(Refusal("no"), command_answer("touch made"))
        with self.assertRaisesRegex(Exception, "no"):
            self.turn()
        self.client.close()

        self.assertEqual(1, len(self.asked))
        self.assertFalse((self.work / "made").exists())


def patch_answer(path: str, line: str, *, id: str = "1") -> Answer:
    """A patch that adds a file with one line, as a shell tool's command."""
    patch = f"*** Begin Patch\n*** Add File: {path}\n+{line}\n*** End Patch"
    return command_answer(f"apply_patch <<'EOF'\n{patch}\nEOF\n", id=id)
