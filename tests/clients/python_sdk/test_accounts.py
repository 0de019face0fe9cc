"""Signing in and out with the Python SDK, against an issuer the test plays. Run by `run.sh`.

A login in the browser needs one of two fixed ports of this machine (1455, 1457), and a server that wants one asks whoever
has it to give way. These tests therefore run one after the other, and not beside another suite that signs in.
"""

import asyncio
import json
from typing import Any

from harness import SdkTest
from issuer import ACCOUNT_ID, API_KEY, EMAIL, PLAN, USER_CODE, Issuer, Page, Tokens
from mock_model import Answer, text_answer
from openai_codex import AsyncCodex, Codex, InvalidRequestError
from openai_codex.types import CancelLoginAccountStatus

UNAUTHORIZED = Answer(status=401, error={"error": {"message": "the token is not accepted"}})


class AccountTest(SdkTest):
    """A test with a provider that needs somebody to be signed in."""

    def assert_account(self, codex: Codex) -> None:
        """The issuer's person is signed in."""
        answer = codex.account()
        self.assertTrue(answer.requires_openai_auth)
        account = answer.account.root
        self.assertEqual(("chatgpt", EMAIL, PLAN), (account.type, account.email, account.plan_type.value))

    def assert_nobody(self, codex: Codex) -> None:
        """Nobody is signed in, and nothing is stored."""
        answer = codex.account()
        self.assertTrue(answer.requires_openai_auth)
        self.assertIsNone(answer.account)
        self.assertFalse((self.home / "auth.json").exists())

    def assert_stored(self, tokens: Tokens, *, api_key: str | None) -> None:
        """`auth.json` holds just these tokens and is for nobody else's eyes."""
        stored = self.stored()
        self.assertEqual("chatgpt", stored["auth_mode"])
        self.assertEqual(api_key, stored["OPENAI_API_KEY"])
        self.assertEqual({**vars(tokens), "account_id": ACCOUNT_ID}, stored["tokens"])
        self.assertTrue(stored["last_refresh"].endswith("Z"))
        self.assertEqual(0o600, (self.home / "auth.json").stat().st_mode & 0o777)

    def stored(self) -> dict[str, Any]:
        return json.loads((self.home / "auth.json").read_text("utf-8"))

    def assert_sent(self, headers: dict[str, str], tokens: Tokens) -> None:
        """A model request was signed with these tokens."""
        self.assertEqual(f"Bearer {tokens.access_token}", headers["authorization"])
        self.assertEqual(ACCOUNT_ID, headers["chatgpt-account-id"])

    def sign_in(self, codex: Codex, issuer: Issuer) -> Page:
        """Signs in with the browser, from beginning to end."""
        login = codex.login_chatgpt()
        page = issuer.browse(login.auth_url)
        completed = login.wait()
        self.assertEqual((True, None), (completed.success, completed.error))
        self.assertEqual(login.login_id, completed.login_id)
        return page


class ApiKeys(AccountTest):
    def test_key_is_stored_used_and_removed(self) -> None:
        model = self.model(text_answer("hello"), needs_account=True)
        codex = self.server()
        self.assert_nobody(codex)
        codex.login_api_key("sk-test")
        self.assertEqual("apiKey", codex.account().account.root.type)
        file = self.home / "auth.json"
        self.assertEqual('{\n  "auth_mode": "apikey",\n  "OPENAI_API_KEY": "sk-test"\n}', file.read_text("utf-8"))
        self.assertEqual(0o600, file.stat().st_mode & 0o777)

        self.assertEqual("hello", codex.thread_start().run("hi").final_response)
        self.assertEqual("Bearer sk-test", model.headers[0]["authorization"])
        self.assertNotIn("chatgpt-account-id", model.headers[0])

        codex.logout()
        self.assert_nobody(codex)

    def test_later_key_counts(self) -> None:
        model = self.model(text_answer("hello"), needs_account=True)
        codex = self.server()
        codex.login_api_key("sk-first")
        codex.login_api_key("sk-second")
        codex.thread_start().run("hi")
        self.assertEqual("Bearer sk-second", model.headers[0]["authorization"])

    def test_provider_that_needs_no_account_shows_and_sends_none(self) -> None:
        model = self.model(text_answer("hello"))
        codex = self.server()
        codex.login_api_key("sk-test")
        answer = codex.account()
        self.assertFalse(answer.requires_openai_auth)
        self.assertIsNone(answer.account)
        codex.thread_start().run("hi")
        self.assertNotIn("authorization", model.headers[0])

    def test_logout_of_nobody(self) -> None:
        self.model(needs_account=True)
        codex = self.server()
        codex.logout()
        self.assert_nobody(codex)


class Browser(AccountTest):
    def test_login_from_the_address_to_a_turn(self) -> None:
        model, issuer = self.model(text_answer("hello"), needs_account=True), self.issuer()
        codex = self.server()
        self.assert_nobody(codex)
        page = self.sign_in(codex, issuer)
        self.assertEqual(200, page.status)
        self.assertNotIn("token", page.url)

        # The issuer has compared verifier and challenge, redirect addresses and the client.
        self.assertEqual(["code", "api_key"], [kind for kind, _ in issuer.calls])
        self.assertEqual("codex_python_sdk", issuer.authorized[0]["originator"])
        self.assert_account(codex)
        self.assert_stored(issuer.tokens[0], api_key=API_KEY)

        self.assertEqual("hello", codex.thread_start().run("hi").final_response)
        self.assert_sent(model.headers[0], issuer.tokens[0])

    def test_refusal_at_the_issuer_ends_the_login(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()
        issuer.refusal = "access_denied"
        codex = self.server()
        login = codex.login_chatgpt()
        issuer.browse(login.auth_url)
        completed = login.wait()
        self.assertFalse(completed.success)
        self.assertIn("access_denied", completed.error)
        self.assertEqual([], issuer.calls)
        self.assert_nobody(codex)

    def test_cancelled_login_ends_and_another_one_can_begin(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()
        codex = self.server()
        login = codex.login_chatgpt()
        self.assertEqual(CancelLoginAccountStatus.canceled, login.cancel().status)
        completed = login.wait()
        self.assertFalse(completed.success)
        self.assertTrue(completed.error)
        self.assertEqual(CancelLoginAccountStatus.not_found, login.cancel().status)
        self.assert_nobody(codex)
        self.sign_in(codex, issuer)
        self.assert_account(codex)

    def test_second_login_ends_the_first(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()
        codex = self.server()
        first, second = codex.login_chatgpt(), codex.login_chatgpt()
        self.assertNotEqual(first.login_id, second.login_id)
        self.assertFalse(first.wait().success)
        issuer.browse(second.auth_url)
        self.assertTrue(second.wait().success)
        self.assert_account(codex)

    def test_login_with_a_key_ends_a_waiting_one(self) -> None:
        self.model(needs_account=True)
        self.issuer()
        codex = self.server()
        login = codex.login_chatgpt()
        codex.login_api_key("sk-test")
        self.assertFalse(login.wait().success)
        self.assertEqual("apiKey", codex.account().account.root.type)

    def test_closing_the_client_ends_a_server_with_a_waiting_login(self) -> None:
        self.model(needs_account=True)
        self.issuer()
        # That it exits in time is checked after every test.
        self.server().login_chatgpt()

    def test_another_process_on_the_same_home_sees_the_login(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()
        left, right = self.server(), self.server()
        self.assert_nobody(right)
        self.sign_in(left, issuer)
        self.assert_account(right)
        right.logout()
        self.assert_nobody(left)

    def test_async_client(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()

        async def sign_in_and_out() -> None:
            async with AsyncCodex(self.config()) as codex:
                login = await codex.login_chatgpt()
                await asyncio.to_thread(issuer.browse, login.auth_url)
                self.assertTrue((await login.wait()).success)
                self.assertEqual(EMAIL, (await codex.account()).account.root.email)
                await codex.logout()
                self.assertIsNone((await codex.account()).account)

        asyncio.run(sign_in_and_out())


class DeviceCodes(AccountTest):
    def test_login_waits_until_the_code_is_typed(self) -> None:
        model, issuer = self.model(text_answer("hello"), needs_account=True), self.issuer()
        codex = self.server()
        login = codex.login_chatgpt_device_code()
        self.assertEqual((f"{issuer.url}/codex/device", USER_CODE), (login.verification_url, login.user_code))
        issuer.wait_for("device_poll")
        self.assert_nobody(codex)
        issuer.approve()
        completed = login.wait()
        self.assertEqual((True, None), (completed.success, completed.error))

        self.assert_account(codex)
        # No API key is asked for.
        self.assertEqual([], issuer.bodies("api_key"))
        self.assert_stored(issuer.tokens[0], api_key=None)
        codex.thread_start().run("hi")
        self.assert_sent(model.headers[0], issuer.tokens[0])

    def test_cancelled_login_ends(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()
        codex = self.server()
        login = codex.login_chatgpt_device_code()
        issuer.wait_for("device_poll")
        self.assertEqual(CancelLoginAccountStatus.canceled, login.cancel().status)
        self.assertFalse(login.wait().success)
        self.assertEqual(CancelLoginAccountStatus.not_found, login.cancel().status)
        self.assert_nobody(codex)

    def test_issuer_without_device_codes_is_named_as_the_reason(self) -> None:
        self.model(needs_account=True)
        self.issuer().offers_device_codes = False
        codex = self.server()
        with self.assertRaisesRegex(InvalidRequestError, "device"):
            codex.login_chatgpt_device_code()
        self.assert_nobody(codex)


class SignedIn(AccountTest):
    def test_logout_revokes_the_refresh_token(self) -> None:
        self.model(needs_account=True)
        issuer = self.issuer()
        codex = self.server()
        self.sign_in(codex, issuer)
        codex.logout()
        self.assert_nobody(codex)
        revoked = issuer.wait_for("revoke")
        self.assertEqual(issuer.tokens[0].refresh_token, revoked["token"])
        self.assertEqual("refresh_token", revoked["token_type_hint"])

    def test_account_renews_tokens_when_asked_to(self) -> None:
        model, issuer = self.model(text_answer("hello"), needs_account=True), self.issuer()
        codex = self.server()
        self.sign_in(codex, issuer)
        codex.account()
        self.assertEqual([], issuer.bodies("refresh"))
        self.assertEqual(EMAIL, codex.account(refresh_token=True).account.root.email)
        self.assertEqual(1, len(issuer.bodies("refresh")))
        self.assert_stored(issuer.tokens[1], api_key=API_KEY)
        codex.thread_start().run("hi")
        self.assert_sent(model.headers[0], issuer.tokens[1])

    def test_refused_token_is_renewed_within_the_turn(self) -> None:
        # The second request is sent after a look at the store, where another process may have put newer tokens.
        model = self.model(UNAUTHORIZED, UNAUTHORIZED, text_answer("hello"), needs_account=True)
        issuer = self.issuer()
        codex = self.server()
        self.sign_in(codex, issuer)
        self.assertEqual("hello", codex.thread_start().run("hi").final_response)
        self.assertEqual(1, len(issuer.bodies("refresh")))
        old, new = issuer.tokens
        for headers, tokens in zip(model.headers, (old, old, new), strict=True):
            self.assert_sent(headers, tokens)
        self.assert_stored(new, api_key=API_KEY)
