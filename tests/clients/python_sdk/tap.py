"""Stands between the SDK and the server and keeps what passed.

usage: tap.py RECORD_DIR BINARY [ARGUMENT...]

The SDK keeps its child process to itself: exit code, stderr and raw stdout lines are not part of its public
interface. The tests therefore name a small script as the SDK's binary, which runs this program, which runs the
server with unchanged arguments. Bytes are passed on untouched. In RECORD_DIR it leaves, named after its own
process id: `.pid` (the server's process id), `.stdout`, `.stderr`, and at the end `.exit` (JSON: `code`, and
`closed_ms`, the time from the end of stdin to the exit, null when the server ended by itself).
It knows nothing of the SDK, the protocol or the tests.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

CHUNK_BYTES = 1 << 16


def main() -> None:
    base = os.path.join(sys.argv[1], str(os.getpid()))
    with open(base + ".stderr", "wb") as stderr:
        server = subprocess.Popen(
            sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, bufsize=0
        )
    write_whole(base + ".pid", str(server.pid))

    stdin_ended = threading.Event()
    closed_at: list[float] = []

    def pass_stdin() -> None:
        try:
            while chunk := os.read(0, CHUNK_BYTES):
                view = memoryview(chunk)
                while view:
                    view = view[server.stdin.write(view) :]
        except BrokenPipeError:
            pass
        closed_at.append(time.monotonic())
        server.stdin.close()
        stdin_ended.set()

    def pass_stdout() -> None:
        with open(base + ".stdout", "wb", buffering=0) as kept:
            while chunk := os.read(server.stdout.fileno(), CHUNK_BYTES):
                kept.write(chunk)
                try:
                    view = memoryview(chunk)
                    while view:
                        view = view[os.write(1, view) :]
                except BrokenPipeError:
                    pass

    def pass_signal(number: int, _frame: object) -> None:
        # The SDK closes stdin first and signals at once; the server has to see them in the same order.
        stdin_ended.wait(timeout=1)
        server.send_signal(number)

    signal.signal(signal.SIGTERM, pass_signal)
    threading.Thread(target=pass_stdin, daemon=True).start()
    reader = threading.Thread(target=pass_stdout, daemon=True)
    reader.start()

    code = server.wait()
    ended_at = time.monotonic()
    # A descendant that outlived the server may still hold the pipe: do not wait for it for ever.
    reader.join(timeout=1)
    closed_ms = round((ended_at - closed_at[0]) * 1000) if closed_at else None
    write_whole(base + ".exit", json.dumps({"code": code, "closed_ms": closed_ms}))
    # The stdin thread may be blocked in a read that nothing will ever end.
    os._exit(code if code >= 0 else 128 - code)


def write_whole(path: str, text: str) -> None:
    """A reader of `path` sees nothing or all of `text`."""
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


main()
