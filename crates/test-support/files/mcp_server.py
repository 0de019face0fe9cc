"""A server of the Model Context Protocol over stdin and stdout, for tests.

Without arguments it has the tools `echo` and `boom` and the resource `demo://a`. Arguments, in any number and order:

    all                 offers the other tools below as well
    title=TEXT          says so in the handshake, to tell servers apart
    ready-when=FILE     answers the handshake once FILE exists
    silent              never answers the handshake
    die=CODE            prints three lines to stderr and ends with CODE, before the handshake
    noisy               prints to stdout what is not the protocol, around every message
    stubborn            ignores SIGTERM and the end of its input
    refuse-tools        answers `tools/list` with an error
    protocol=VERSION    answers the handshake with that version
    log=FILE            appends every message it reads to FILE, a line each

Every `log`ged line is the message as it was read. Tools beside `echo` and `boom`:

    pid                 says its process id
    env {name}          says the value of a variable of its own, or "unset"
    cwd                 says its folder
    progress {steps}    tells of so many steps, every second one with a message, then answers
    ask {url?, schema?} asks the user in a form, or to open a URL, and answers with what came back
    add {name}          adds a tool of that name and says that the list has changed
    big {bytes}         answers with a text of that length
    hang                never answers; told to cancel, writes `cancelled` to stderr
    wait {file}         answers once the file exists
    crash {code?}       prints a line to stderr and ends
    child               leaves a child process behind and says its id
    picture             answers with an image
    hologram            answers with a kind of content nobody knows
    dot.name!           says its name
    look                changes nothing, and says so in its annotations
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NOTHING = {"type": "object", "properties": {}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

MODES = {}
for argument in sys.argv[1:]:
    key, _, value = argument.partition("=")
    MODES[key] = value

OUT = threading.Lock()
ANSWERS = {}
ADDED = []


def say(message):
    """Writes a message; several threads do."""
    with OUT:
        if "noisy" in MODES:
            print("starting... [ok]", flush=True)
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
        if "noisy" in MODES:
            print('{"half": ', flush=True)


def appears(path):
    while not os.path.exists(path):
        time.sleep(0.01)


def tool(name, schema=NOTHING, description=None, **more):
    return {"name": name, "description": description or f"the tool {name}", "inputSchema": schema, **more}


def tools():
    listed = [
        tool("echo", TEXT, "demo echo tool"),
        tool("boom", NOTHING, "demo failing tool"),
    ]
    if "all" in MODES:
        names = ["pid", "env", "cwd", "progress", "ask", "add", "big", "hang", "wait", "crash", "child", "picture",
                 "hologram", "dot.name!"]
        listed += [tool(name) for name in names]
        listed.append(tool("look", annotations={"readOnlyHint": True}))
    return listed + [tool(name) for name in ADDED]


def text(value, **more):
    return {"content": [{"type": "text", "text": str(value)}], **more}


def ask(params):
    """Asks the client something and waits for the answer."""
    number = f"q{len(ANSWERS)}"
    came = threading.Event()
    ANSWERS[number] = [came, None]
    say({"id": number, "method": "elicitation/create", "params": params})
    came.wait()
    return ANSWERS[number][1]


def question(arguments):
    if "url" in arguments:
        return {"mode": "url", "message": "Please look", "url": arguments["url"], "elicitationId": "e1"}
    schema = arguments.get("schema") or {
        "type": "object",
        "properties": {"sure": {"type": "boolean", "title": "Sure?"}},
        "required": ["sure"],
    }
    return {"mode": "form", "message": "Are you sure?", "requestedSchema": schema}


def progress(params, arguments):
    token = params.get("_meta", {}).get("progressToken")
    steps = arguments.get("steps", 3)
    for step in range(1, steps + 1):
        told = {"progressToken": token, "progress": step, "total": steps}
        if step % 2 == 1:
            told["message"] = f"step {step}"
        say({"method": "notifications/progress", "params": told})
    return text(f"{steps} steps")


def call(number, params):
    name, arguments = params["name"], params.get("arguments") or {}
    if name == "echo":
        result = text("echo: " + arguments["text"], structuredContent={"ok": True})
    elif name == "boom":
        result = text("it broke", isError=True)
    elif name == "pid":
        result = text(os.getpid())
    elif name == "env":
        result = text(os.environ.get(arguments["name"], "unset"))
    elif name == "cwd":
        result = text(os.getcwd())
    elif name == "progress":
        result = progress(params, arguments)
    elif name == "ask":
        result = text(json.dumps(ask(question(arguments)), sort_keys=True))
    elif name == "add":
        ADDED.append(arguments["name"])
        say({"method": "notifications/tools/list_changed"})
        result = text("added")
    elif name == "big":
        result = text("x" * arguments["bytes"])
    elif name == "hang":
        return
    elif name == "wait":
        appears(arguments["file"])
        result = text("it is there")
    elif name == "crash":
        print("about to crash", file=sys.stderr, flush=True)
        os._exit(arguments.get("code", 7))
    elif name == "child":
        child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        result = text(child.pid)
    elif name == "picture":
        result = {"content": [{"type": "text", "text": "a pixel"},
                              {"type": "image", "data": PIXEL, "mimeType": "image/png"}]}
    elif name == "hologram":
        result = {"content": [{"type": "hologram", "depth": 3}]}
    elif name in ("dot.name!", "look") or name in ADDED:
        result = text(name)
    else:
        say({"id": number, "error": {"code": -32602, "message": f"unknown tool {name}"}})
        return
    say({"id": number, "result": result})


def initialize(number, params):
    if "silent" in MODES:
        return
    if "ready-when" in MODES:
        appears(MODES["ready-when"])
    info = {"name": "demo-server", "version": "1.2.3"}
    if "title" in MODES:
        info["title"] = MODES["title"]
    version = MODES.get("protocol") or params.get("protocolVersion")
    capabilities = {"tools": {}, "resources": {}}
    say({"id": number, "result": {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}})


def request(number, method, params):
    if method == "initialize":
        initialize(number, params)
    elif method == "ping":
        say({"id": number, "result": {}})
    elif method == "tools/list" and "refuse-tools" in MODES:
        say({"id": number, "error": {"code": -32000, "message": "no tools today"}})
    elif method == "tools/list":
        say({"id": number, "result": {"tools": tools()}})
    elif method == "tools/call":
        call(number, params)
    elif method == "resources/list":
        resources = [{"uri": "demo://a", "name": "a", "mimeType": "text/plain"}]
        say({"id": number, "result": {"resources": resources}})
    elif method == "resources/templates/list":
        say({"id": number, "result": {"resourceTemplates": []}})
    elif method == "resources/read" and params.get("uri") == "demo://a":
        contents = [{"uri": "demo://a", "mimeType": "text/plain", "text": "resource body"}]
        say({"id": number, "result": {"contents": contents}})
    elif method == "resources/read":
        say({"id": number, "error": {"code": -32002, "message": "no such resource"}})
    else:
        say({"id": number, "error": {"code": -32601, "message": f"unknown method {method}"}})


def take(message):
    number, method, params = message.get("id"), message.get("method"), message.get("params") or {}
    if method == "notifications/cancelled":
        print("cancelled", file=sys.stderr, flush=True)
    elif method is None and number in ANSWERS:
        ANSWERS[number][1] = message.get("result") or message.get("error")
        ANSWERS[number][0].set()
    elif method is not None and number is not None:
        # A thread each, so that one call can wait while others are answered.
        threading.Thread(target=request, args=(number, method, params), daemon=True).start()


def main():
    if "die" in MODES:
        for line in ("first line", "second line", "cannot find the database"):
            print(line, file=sys.stderr, flush=True)
        sys.exit(int(MODES["die"]))
    if "stubborn" in MODES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    log = open(MODES["log"], "a", encoding="utf-8") if "log" in MODES else None
    for line in sys.stdin:
        if log:
            log.write(line)
            log.flush()
        take(json.loads(line))
    while "stubborn" in MODES:
        time.sleep(60)


main()
