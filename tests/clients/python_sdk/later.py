"""Tests of capabilities that are still to come; `run.sh BINARY later` runs them. They move to test_sdk.py one by one."""

from harness import SdkTest
from mock_model import text_answer
from test_sdk import said


class Later(SdkTest):
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
