"""The Python SDK's public interface against the server under test.

Each test is a thing SDK users do, checked on what the SDK hands them and on what the model was asked. Run by `run.sh`.
"""

import asyncio
import threading
import time
from typing import Any

from harness import SdkTest
from mock_model import WAIT_S, Answer, Gate, call_answer, command_answer, messages, text_answer
from openai_codex import ApprovalMode, AsyncCodex, InvalidRequestError, Sandbox, Thread, TurnHandle
from openai_codex.client import CodexClient
from openai_codex.types import (
    SortDirection,
    ThreadItem,
    ThreadSortKey,
    Turn,
    TurnCompletedNotification,
    TurnStatus,
)


def texts(items: list[ThreadItem]) -> list[tuple[str, str]]:
    """(type, text) of the messages among `items`, in order."""
    found = []
    for item in items:
        item = item.root
        if item.type == "userMessage":
            found.append((item.type, "".join(part.root.text for part in item.content)))
        elif item.type == "agentMessage":
            found.append((item.type, item.text))
    return found


def said(request: dict, *wanted: str) -> list[tuple[str, str]]:
    """Those user and assistant messages of a model request that the test knows, in the order they were sent.

    The server adds messages of its own (environment, instructions), which are not the SDK's business.
    """
    return [(role, text) for role, text in messages(request) if text in wanted]


def completed_turn(turn: TurnHandle) -> Turn:
    """Reads the turn's stream to its end."""
    *_, last = turn.stream()
    assert isinstance(last.payload, TurnCompletedNotification), last
    return last.payload.turn


def patch_answer(path: str, line: str, *, id: str = "1") -> Answer:
    """A patch that adds a file with one line, as a shell tool's command."""
    patch = f"*** Begin Patch\n*** Add File: {path}\n+{line}\n*** End Patch"
    return command_answer(f"apply_patch <<'EOF'\n{patch}\nEOF\n", id=id)


class Turns(SdkTest):
    def test_run_returns_answer_items_and_usage(self) -> None:
        model = self.model(text_answer("Hel", "lo", input_tokens=120, output_tokens=7))
        thread = self.server().thread_start()
        result = thread.run("say hello")

        self.assertEqual("Hello", result.final_response)
        self.assertEqual(TurnStatus.completed, result.status)
        self.assertIsNone(result.error)
        self.assertEqual([("userMessage", "say hello"), ("agentMessage", "Hello")], texts(result.items))
        self.assertEqual((120, 7, 127), self.counts(result.usage.last))
        self.assertEqual((120, 7, 127), self.counts(result.usage.total))
        self.assertLessEqual(result.started_at, result.completed_at)
        self.assertGreaterEqual(result.duration_ms, 0)
        request = model.requests[0]
        self.assertEqual("mock-model", request["model"])
        self.assertTrue(request["stream"])
        self.assertEqual([("user", "say hello")], said(request, "say hello"))

    def test_stream_shows_deltas_in_order_between_start_and_end(self) -> None:
        gate = Gate()
        parts = [f"part {number} " for number in range(20)]
        self.model(text_answer(*parts[:10], gate, *parts[10:]))
        turn = self.server().thread_start().turn("count")

        events, seen = [], []
        for event in turn.stream():
            events.append(event)
            if event.method == "item/agentMessage/delta":
                seen.append(event.payload.delta)
                # What was streamed so far has to arrive while the rest of the answer is not there yet.
                if "".join(seen) == "".join(parts[:10]):
                    gate.open()
        self.assertEqual("".join(parts), "".join(seen))

        methods = [event.method for event in events]
        kinds = {}
        for event in events:
            if event.method in ("item/started", "item/completed"):
                kinds.setdefault(event.payload.item.root.type, []).append(event.method)
        self.assertEqual("turn/started", methods[0])
        self.assertEqual("turn/completed", methods[-1])
        self.assertEqual(1, methods.count("turn/completed"))
        self.assertEqual(["item/started", "item/completed"], kinds["userMessage"])
        self.assertEqual(["item/started", "item/completed"], kinds["agentMessage"])
        self.assertLess(methods.index("thread/tokenUsage/updated"), methods.index("turn/completed"))
        deltas = [index for index, method in enumerate(methods) if method == "item/agentMessage/delta"]
        message = [index for index, event in enumerate(events) if self.is_agent_message(event)]
        self.assertLess(message[0], deltas[0])
        self.assertLess(deltas[-1], message[1])
        self.assertEqual(TurnStatus.completed, events[-1].payload.turn.status)
        self.assertEqual({turn.id}, {events[0].payload.turn.id, events[-1].payload.turn.id})

    def test_second_turn_sends_the_history(self) -> None:
        model = self.model(text_answer("blue", id="1"), text_answer("because", id="2"))
        thread = self.server().thread_start()
        first = thread.run("which colour?")
        second = thread.run("why?")

        self.assertEqual(["blue", "because"], [first.final_response, second.final_response])
        self.assertNotEqual(first.id, second.id)
        self.assertEqual(30, second.usage.total.total_tokens)
        self.assertEqual(
            [("user", "which colour?"), ("assistant", "blue"), ("user", "why?")],
            said(model.requests[1], "which colour?", "blue", "why?"),
        )

    def test_output_schema_reaches_the_model(self) -> None:
        schema = {
            "type": "object",
            "properties": {"answer": {"type": "integer"}},
            "required": ["answer"],
            "additionalProperties": False,
        }
        model = self.model(text_answer('{"answer":42}', id="1"), text_answer("plain", id="2"))
        thread = self.server().thread_start()
        self.assertEqual('{"answer":42}', thread.run("as JSON", output_schema=schema).final_response)
        thread.run("as text")

        asked = model.requests[0]["text"]["format"]
        self.assertEqual("json_schema", asked["type"])
        self.assertEqual(schema, asked["schema"])
        # It holds for its own turn only.
        self.assertNotIn("format", model.requests[1].get("text") or {})

    def test_failed_turn_raises_and_the_thread_goes_on(self) -> None:
        refusal = {"error": {"message": "the prompt is not to my taste", "type": "invalid_request_error"}}
        model = self.model(
            Answer(status=400, error=refusal),
            Answer(status=400, error=refusal),
            text_answer("better"),
        )
        thread = self.server().thread_start()
        with self.assertRaises(RuntimeError) as raised:
            thread.run("first try")
        self.assertIn("the prompt is not to my taste", str(raised.exception))

        turn = completed_turn(thread.turn("second try"))
        self.assertEqual(TurnStatus.failed, turn.status)
        self.assertIn("the prompt is not to my taste", turn.error.message)

        self.assertEqual("better", thread.run("third try").final_response)
        self.assertEqual(3, len(model.requests))

    def test_input_of_700_kilobytes_on_one_line(self) -> None:
        text = "x" * 699_990 + " the end"
        answer = "y" * 700_000
        model = self.model(text_answer(answer))
        result = self.server().thread_start().run(text)

        self.assertEqual(answer, result.final_response)
        self.assertEqual([("userMessage", text), ("agentMessage", answer)], texts(result.items))
        self.assertEqual([("user", text)], said(model.requests[0], text))

    def test_two_threads_at_once_do_not_mix(self) -> None:
        gates = {name: (Gate(), Gate()) for name in ("left", "right")}
        self.model(
            *(
                text_answer(f"{name} one ", first, f"{name} two ", second, f"{name} three", when=name, id=name)
                for name, (first, second) in gates.items()
            )
        )
        codex = self.server()
        turns = {name: codex.thread_start().turn(f"go {name}") for name in gates}
        self.assertEqual(2, len({turn.id for turn in turns.values()}))

        streams: dict[str, list] = {name: [] for name in gates}

        def consume(name: str) -> None:
            streams[name].extend(turns[name].stream())

        readers = [threading.Thread(target=consume, args=(name,)) for name in gates]
        for reader in readers:
            reader.start()
        # Both are under way at the same time; then they take turns, and the first to start ends last.
        for first, _ in gates.values():
            first.wait_reached()
        for name in ("right", "left"):
            gates[name][0].open()
            gates[name][1].wait_reached()
        for name, reader in zip(("right", "left"), reversed(readers)):
            gates[name][1].open()
            reader.join()

        for name, events in streams.items():
            deltas = [event.payload.delta for event in events if event.method == "item/agentMessage/delta"]
            self.assertEqual(f"{name} one {name} two {name} three", "".join(deltas))
            self.assertEqual({turns[name].thread_id}, {event.payload.thread_id for event in events})
            items = [event.payload.item for event in events if event.method == "item/completed"]
            self.assertEqual(
                [("userMessage", f"go {name}"), ("agentMessage", f"{name} one {name} two {name} three")],
                texts(items),
            )
            self.assertEqual(TurnStatus.completed, events[-1].payload.turn.status)

    def test_async_client(self) -> None:
        self.model(text_answer("ho", "la"))

        async def use() -> tuple[str | None, list[str]]:
            async with AsyncCodex(self.config()) as codex:
                thread = await codex.thread_start()
                result = await thread.run("greet")
                listed = await codex.thread_list()
                return result.final_response, [stored.preview for stored in listed.data]

        self.assertEqual(("hola", ["greet"]), asyncio.run(use()))

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

    @staticmethod
    def counts(usage) -> tuple[int, int, int]:
        return usage.input_tokens, usage.output_tokens, usage.total_tokens

    @staticmethod
    def is_agent_message(event) -> bool:
        return (
            event.method in ("item/started", "item/completed") and event.payload.item.root.type == "agentMessage"
        )


class RunningTurns(SdkTest):
    def test_interrupt_ends_a_held_stream(self) -> None:
        gate = Gate()
        model = self.model(text_answer("half of ", gate, "it", id="1"), text_answer("again", id="2"))
        thread = self.server().thread_start()
        turn = thread.turn("take your time")
        gate.wait_reached()
        turn.interrupt()
        result = turn.run()

        self.assertEqual(TurnStatus.interrupted, result.status)
        self.assertNotIn(("agentMessage", "half of it"), texts(result.items))
        self.assertEqual("again", thread.run("once more").final_response)
        self.assertEqual(
            [("user", "take your time"), ("user", "once more")],
            said(model.requests[1], "take your time", "half of ", "half of it", "once more"),
        )
        with self.assertRaises(InvalidRequestError) as raised:
            turn.interrupt()
        self.assertIn("no active turn to interrupt", raised.exception.message)

    def test_steered_text_is_in_the_next_request(self) -> None:
        gate = Gate()
        model = self.model(
            text_answer("looking", gate, " at the left", id="1"), text_answer("right it is", id="2")
        )
        thread = self.server().thread_start()
        turn = thread.turn("where is it?")
        gate.wait_reached()
        steered = turn.steer("try the right")
        gate.open()
        result = turn.run()

        self.assertEqual(turn.id, steered.turn_id)
        self.assertEqual(TurnStatus.completed, result.status)
        self.assertEqual("right it is", result.final_response)
        # The first answer may be let finish or be cut off (then it is no item); both are correct.
        items = [item for item in texts(result.items) if item != ("agentMessage", "looking at the left")]
        self.assertEqual(
            [
                ("userMessage", "where is it?"),
                ("userMessage", "try the right"),
                ("agentMessage", "right it is"),
            ],
            items,
        )
        questions = ("where is it?", "try the right")
        self.assertEqual([("user", "where is it?")], said(model.requests[0], *questions))
        self.assertEqual([("user", text) for text in questions], said(model.requests[1], *questions))

    def test_steer_without_a_running_turn_is_refused(self) -> None:
        self.model(text_answer("done"))
        turn = self.server().thread_start().turn("quick")
        turn.run()
        with self.assertRaises(InvalidRequestError) as raised:
            turn.steer("too late")
        self.assertIn("no active turn to steer", raised.exception.message)

    def test_closing_the_client_ends_a_server_with_a_running_turn(self) -> None:
        gate = Gate()
        self.model(text_answer("never ", gate, "ending"))
        codex = self.server()
        codex.thread_start().turn("go on")
        gate.wait_reached()
        codex.close()


class Threads(SdkTest):
    def test_resume_in_a_new_process_keeps_the_history(self) -> None:
        model = self.model(text_answer("the capital is Paris", id="1"), text_answer("the Seine", id="2"))
        first = self.server()
        thread = first.thread_start()
        thread.run("what is the capital?")
        # The SDK closes stdin and sends SIGTERM at once: the turn has to be on disk by now.
        first.close()

        resumed = self.server().thread_resume(thread.id)
        self.assertEqual(thread.id, resumed.id)
        result = resumed.run("and its river?")
        self.assertEqual("the Seine", result.final_response)
        self.assertEqual(30, result.usage.total.total_tokens)
        self.assertEqual(
            [("user", "what is the capital?"), ("assistant", "the capital is Paris"), ("user", "and its river?")],
            said(model.requests[1], "what is the capital?", "the capital is Paris", "and its river?"),
        )
        self.assertEqual(
            [
                [("userMessage", "what is the capital?"), ("agentMessage", "the capital is Paris")],
                [("userMessage", "and its river?"), ("agentMessage", "the Seine")],
            ],
            self.turns(resumed),
        )

    def test_resume_without_turns_passes_the_version_gate(self) -> None:
        # The SDK sends this option only to a server whose user agent names a recent enough version.
        self.model(text_answer("one", id="1"), text_answer("two", id="2"))
        first = self.server()
        thread = first.thread_start()
        thread.run("first")
        first.close()
        resumed = self.server().thread_resume(thread.id, include_turns=False)
        self.assertEqual("two", resumed.run("second").final_response)

    def test_resume_of_an_unknown_thread_is_refused(self) -> None:
        self.model()
        unknown = "01890a5d-ac96-774b-bcce-b302099a8057"
        with self.assertRaises(InvalidRequestError) as raised:
            self.server().thread_resume(unknown)
        self.assertIn(f"no rollout found for thread id {unknown}", raised.exception.message)

    def test_list_shows_stored_threads_in_pages(self) -> None:
        prompts = ["apples", "pears", "plums"]
        self.model(*(text_answer("ok", id=prompt) for prompt in prompts))
        first = self.server()
        ids = {}
        for prompt in prompts:
            thread = first.thread_start()
            thread.run(prompt)
            ids[thread.id] = prompt
        first.thread_start()  # Never prompted: not listed.
        first.close()

        codex = self.server()
        everything = codex.thread_list()
        self.assertEqual(ids, {thread.id: thread.preview for thread in everything.data})
        self.assertIsNone(everything.next_cursor)
        for thread in everything.data:
            self.assertEqual("mock", thread.model_provider)
            self.assertEqual(str(self.work), str(thread.cwd.root if hasattr(thread.cwd, "root") else thread.cwd))
            self.assertFalse(thread.ephemeral)

        paged, cursor = [], None
        for _ in prompts:
            page = codex.thread_list(limit=1, cursor=cursor)
            self.assertEqual(1, len(page.data))
            paged += [thread.id for thread in page.data]
            cursor = page.next_cursor
        self.assertEqual([thread.id for thread in everything.data], paged)
        self.assertIsNone(cursor)
        self.assertEqual([], codex.thread_list(cwd=str(self.home)).data)

    def test_read_returns_turns_only_when_asked(self) -> None:
        self.model(text_answer("one", id="1"), text_answer("two", id="2"))
        codex = self.server()
        thread = codex.thread_start()
        results = [thread.run("first"), thread.run("second")]

        self.assertEqual([], thread.read().thread.turns)
        stored = thread.read(include_turns=True).thread
        self.assertEqual(thread.id, stored.id)
        self.assertEqual("first", stored.preview)
        self.assertEqual("idle", stored.status.root.type)
        self.assertEqual([result.id for result in results], [turn.id for turn in stored.turns])
        self.assertEqual({TurnStatus.completed}, {turn.status for turn in stored.turns})
        expected = [
            [("userMessage", "first"), ("agentMessage", "one")],
            [("userMessage", "second"), ("agentMessage", "two")],
        ]
        self.assertEqual(expected, self.turns(thread))
        codex.close()

        # The same from disk, in a process that has not loaded the thread (unarchiving does not load it).
        other = self.server()
        other.thread_archive(thread.id)
        unloaded = other.thread_unarchive(thread.id)
        self.assertEqual("notLoaded", unloaded.read().thread.status.root.type)
        self.assertEqual(expected, self.turns(unloaded))

    def test_archive_hides_and_unarchive_brings_back(self) -> None:
        self.model(text_answer("kept", id="1"), text_answer("more", id="2"))
        codex = self.server()
        thread = codex.thread_start()
        thread.run("keep this")

        codex.thread_archive(thread.id)
        self.assertEqual([], codex.thread_list().data)
        self.assertEqual([thread.id], [stored.id for stored in codex.thread_list(archived=True).data])
        with self.assertRaises(InvalidRequestError):
            codex.thread_resume(thread.id)

        back = codex.thread_unarchive(thread.id)
        self.assertEqual(thread.id, back.id)
        self.assertEqual([thread.id], [stored.id for stored in codex.thread_list().data])
        self.assertEqual([], codex.thread_list(archived=True).data)
        self.assertEqual("more", codex.thread_resume(thread.id).run("go on").final_response)

    def test_name_is_seen_in_list_and_read(self) -> None:
        self.model(text_answer("ok"))
        first = self.server()
        thread = first.thread_start()
        thread.run("name me")
        self.assertIsNone(thread.read().thread.name)
        thread.set_name("A fine name")
        self.assertEqual("A fine name", thread.read().thread.name)
        self.assertEqual(["A fine name"], [stored.name for stored in first.thread_list().data])
        first.close()

        other = self.server()
        self.assertEqual(["A fine name"], [stored.name for stored in other.thread_list().data])

    def test_fork_reads_like_its_source_and_leaves_it_alone(self) -> None:
        answers = [text_answer(text, id=text) for text in ("one", "two", "three", "four")]
        model = self.model(*answers)
        first = self.server()
        source = first.thread_start()
        results = [source.run("first"), source.run("second")]
        source.set_name("The source")
        first.close()

        # Of a thread that is only stored.
        codex = self.server()
        fork = codex.thread_fork(source.id)
        stored = fork.read(include_turns=True).thread
        self.assertEqual((source.id, "first", "The source"), (stored.forked_from_id, stored.preview, stored.name))
        self.assertEqual([result.id for result in results], [turn.id for turn in stored.turns])
        trunk = codex.thread_resume(source.id)
        self.assertEqual(self.turns(trunk), self.turns(fork))
        self.assertEqual("three", fork.run("third").final_response)
        known = ("first", "one", "second", "two", "third")
        self.assertEqual(list(known), [text for _, text in said(model.requests[2], *known)])
        self.assertEqual(3, len(self.turns(fork)))
        self.assertEqual(2, len(self.turns(trunk)))

        # One in memory is not listed, and gone with its process.
        passing = codex.thread_fork(fork.id, ephemeral=True)
        self.assertEqual("four", passing.run("fourth").final_response)
        self.assertEqual(3, len(self.turns(fork)))
        both = {source.id, fork.id}
        self.assertEqual(both, {thread.id for thread in codex.thread_list().data})
        codex.close()

        other = self.server()
        self.assertEqual(both, {thread.id for thread in other.thread_list().data})
        self.assertEqual(3, len(self.turns(other.thread_resume(fork.id))))
        with self.assertRaises(InvalidRequestError):
            other.thread_resume(passing.id)

    def test_fork_of_a_running_turn_has_it_as_interrupted(self) -> None:
        gate = Gate()
        self.model(text_answer("one", id="1"), text_answer("half of ", gate, "it", id="2"))
        codex = self.server()
        thread = codex.thread_start()
        thread.run("first")
        turn = thread.turn("second")
        gate.wait_reached()
        fork = codex.thread_fork(thread.id)
        statuses = [turn.status for turn in fork.read(include_turns=True).thread.turns]
        self.assertEqual([TurnStatus.completed, TurnStatus.interrupted], statuses)
        gate.open()
        self.assertEqual(TurnStatus.completed, completed_turn(turn).status)
        expected = [[("userMessage", "first"), ("agentMessage", "one")], [("userMessage", "second")]]
        self.assertEqual(expected, self.turns(fork))

    def test_list_is_searched_and_sorted(self) -> None:
        prompts = ["red apples", "green pears", "red plums"]
        self.model(*(text_answer("ok", id=prompt) for prompt in prompts), text_answer("ok", id="again"))
        codex = self.server()
        threads = []
        for prompt in prompts:
            threads.append(codex.thread_start())
            threads[-1].run(prompt)
        apples, pears, plums = (thread.id for thread in threads)

        def listed(**params: Any) -> list[str]:
            return [thread.id for thread in codex.thread_list(**params).data]

        self.assertEqual([plums, pears, apples], listed())
        self.assertEqual([apples, pears, plums], listed(sort_direction=SortDirection.asc))
        self.assertEqual([plums, apples], listed(search_term="RED"))
        threads[1].set_name("Red at heart")
        self.assertEqual([plums, pears, apples], listed(search_term="red"))
        self.assertEqual([], listed(search_term="yellow"))
        self.assertEqual([], listed(model_providers=["other"]))
        codex.thread_archive(plums)
        self.assertEqual([pears, apples], listed(search_term="red"))
        self.assertEqual([plums], listed(search_term="red", archived=True))
        threads[0].run("more of them")
        self.assertEqual([apples, pears], listed(sort_key=ThreadSortKey.updated_at))

    def test_read_shows_a_turn_that_runs_and_one_that_failed(self) -> None:
        gate = Gate()
        refusal = {"error": {"message": "not to my taste", "type": "invalid_request_error"}}
        self.model(Answer(status=400, error=refusal), text_answer("half of ", gate, "it"))
        thread = self.server().thread_start()
        failed = completed_turn(thread.turn("first"))
        turn = thread.turn("second")
        gate.wait_reached()
        stored = thread.read(include_turns=True).thread
        self.assertEqual("active", stored.status.root.type)
        self.assertEqual([failed.id, turn.id], [turn.id for turn in stored.turns])
        self.assertEqual([TurnStatus.failed, TurnStatus.in_progress], [turn.status for turn in stored.turns])
        self.assertIn("not to my taste", stored.turns[0].error.message)
        self.assertEqual([("userMessage", "second")], texts(stored.turns[1].items))
        gate.open()
        self.assertEqual(TurnStatus.completed, completed_turn(turn).status)
        self.assertEqual([("userMessage", "second"), ("agentMessage", "half of it")], self.turns(thread)[1])

    def test_compact_leaves_the_users_words_and_a_note(self) -> None:
        answers = [text_answer(text, id=text) for text in ("one", "two", "the note", "three", "four")]
        model = self.model(*answers)
        codex = self.server()
        thread = codex.thread_start()
        thread.run("first")
        thread.run("second")
        before = self.turns(thread)
        thread.compact()
        self.await_idle(thread)

        compacted = thread.read(include_turns=True).thread.turns
        self.assertEqual(["contextCompaction"], [item.root.type for item in compacted[2].items])
        self.assertEqual(TurnStatus.completed, compacted[2].status)
        self.assertEqual(before, self.turns(thread)[:2])
        self.assertEqual("three", thread.run("third").final_response)
        known = ("first", "one", "second", "two", "third")
        self.assertEqual(["first", "second", "third"], [text for _, text in said(model.requests[3], *known)])
        codex.close()

        # The model of another process is told the same.
        other = self.server().thread_resume(thread.id)
        self.assertEqual("four", other.run("fourth").final_response)
        note = next(text for _, text in messages(model.requests[3]) if "the note" in text)
        expected = ["first", "second", note, "third", "three", "fourth"]
        told = said(model.requests[4], *known, *expected)
        self.assertEqual(expected, [text for _, text in told])
        self.assertEqual(5, len(self.turns(other)))

    def await_idle(self, thread: Thread) -> None:
        """Returns once no turn runs: compacting is told of to nobody who waits for a turn of their own."""
        end = time.monotonic() + WAIT_S
        while thread.read().thread.status.root.type != "idle":
            self.assertLess(time.monotonic(), end, "the thread stays busy")
            time.sleep(0.02)

    @staticmethod
    def turns(thread: Thread) -> list[list[tuple[str, str]]]:
        return [texts(turn.items) for turn in thread.read(include_turns=True).thread.turns]


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


class Goals(SdkTest):
    """Goals, which the SDK offers where its client is made: one runs as turns that begin by themselves."""

    def start(self, *answers: Answer) -> None:
        """Starts a server and a thread that has had a turn."""
        self.requests = self.model(text_answer("hello", id="0"), *answers).requests
        self.client = CodexClient(self.config())
        self._servers.append(self.client)
        self.client.start()
        self.client.initialize()
        self.thread_id = self.client.thread_start({"cwd": str(self.work)}).thread.id
        turn_id = self.client.turn_start(self.thread_id, "hi").turn.id
        self.client.register_turn_notifications(turn_id)
        while self.client.next_turn_notification(turn_id).method != "turn/completed":
            pass
        self.client.unregister_turn_notifications(turn_id)

    def test_goal_goes_on_by_itself_until_the_model_says_it_is_reached(self) -> None:
        self.start(
            text_answer("half of it", id="1"),
            call_answer("update_goal", id="2", status="complete"),
            text_answer("all of it", id="3"),
        )
        state, first = self.client.start_goal_operation(self.thread_id, "make it green")
        goals, turns = [], []
        while not state.is_finished() or len(turns) < 2:
            event = self.client.next_goal_notification(state)
            if event.method == "thread/goal/updated":
                goals.append(event.payload.goal)
            if event.method == "turn/completed":
                turns.append(event.payload.turn)
        self.client.unregister_goal_operation(state)

        self.assertEqual((first, [TurnStatus.completed] * 2), (turns[0].id, [turn.status for turn in turns]))
        self.assertEqual(("active", 0), (goals[0].status.value, goals[0].tokens_used))
        self.assertEqual("complete", goals[-1].status.value)
        self.assertEqual({"make it green"}, {goal.objective for goal in goals})
        self.assertTrue(any("make it green" in text for _, text in messages(self.requests[1])))
        stored = self.client.thread_read(self.thread_id, include_turns=True).thread.turns
        expected = [[("agentMessage", "half of it")], [("agentMessage", "all of it")]]
        self.assertEqual(expected, [texts(turn.items) for turn in stored[1:]])

    def test_paused_goal_waits_and_a_cleared_one_is_gone(self) -> None:
        gate = Gate()
        self.start(text_answer("half of it", gate, id="1"), text_answer("as you like", id="2"))
        state, _ = self.client.start_goal_operation(self.thread_id, "make it green")
        gate.wait_reached()
        goal = self.client.pause_goal(self.thread_id).goal
        self.assertEqual(("make it green", "paused"), (goal.objective, goal.status.value))
        gate.open()
        while self.client.next_goal_notification(state).method != "turn/completed":
            pass
        # No turn has begun by itself: the next request to the model is the user's.
        self.assertTrue(self.client.thread_goal_clear(self.thread_id).cleared)
        self.assertFalse(self.client.thread_goal_clear(self.thread_id).cleared)
        self.client.unregister_goal_operation(state)
        turn_id = self.client.turn_start(self.thread_id, "never mind").turn.id
        self.client.register_turn_notifications(turn_id)
        while self.client.next_turn_notification(turn_id).method != "turn/completed":
            pass
        self.client.unregister_turn_notifications(turn_id)
        self.assertEqual("never mind", messages(self.requests[2])[-1][1])
        self.assertEqual(3, len(self.client.thread_read(self.thread_id, include_turns=True).thread.turns))


class Server(SdkTest):
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

    def test_two_servers_share_a_home(self) -> None:
        self.model(text_answer("one", id="1"), text_answer("two", id="2"))
        left, right = self.server(), self.server()
        thread = left.thread_start()
        thread.run("from the left")
        other = right.thread_start()
        other.run("from the right")
        both = {thread.id, other.id}
        self.assertEqual(both, {stored.id for stored in left.thread_list().data})
        self.assertEqual(both, {stored.id for stored in right.thread_list().data})
