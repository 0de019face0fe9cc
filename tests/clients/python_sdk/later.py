"""Tests of capabilities that are still to come; `run.sh BINARY later` runs them. They move to test_sdk.py one by one."""

from harness import SdkTest
from mock_model import command_answer, text_answer
from openai_codex import ApprovalMode, Sandbox
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
