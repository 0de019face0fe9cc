"""Tests of capabilities that are still to come; `run.sh BINARY later` runs them. They move to test_sdk.py one by one."""

from harness import SdkTest


class Later(SdkTest):
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
