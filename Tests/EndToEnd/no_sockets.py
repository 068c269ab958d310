#!/usr/bin/env python3
"""The language server opens no socket: looked at while it loads, completes and idles."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

seen, done = set(), threading.Event()


def watch(pid):
    """Collects what the descriptors of the process point to, until told to stop."""
    folder = pathlib.Path(f"/proc/{pid}/fd")
    while not done.is_set():
        try:
            for descriptor in folder.iterdir():
                try:
                    seen.add(os.readlink(descriptor))
                except OSError:
                    pass  # closed meanwhile
        except OSError:
            return
        time.sleep(0.0005)


def send(process, **message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    process.stdin.flush()


def answer(process, identifier):
    while True:
        length = 0
        while (line := process.stdout.readline()) != b"\r\n":
            if not line:
                sys.exit("the server ended: " + process.stderr.read().decode("utf-8", "replace")[-500:])
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(process.stdout.read(length))
        if message.get("id") == identifier and "method" not in message:
            return message["result"]
        if "id" in message and "method" in message:
            send(process, id=message["id"], result=None)


with tempfile.TemporaryDirectory() as folder:
    text = "def area(width, height):\n    return width * height\n\n\ndef volume(width, height, depth):\n    return "
    file = pathlib.Path(folder, "area.py")
    file.write_text(text)
    with subprocess.Popen(["fim-lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        watcher = threading.Thread(target=watch, args=(process.pid,))
        watcher.start()
        send(process, id=1, method="initialize", params={
            "processId": os.getpid(), "rootUri": pathlib.Path(folder).as_uri(), "capabilities": {}})
        answer(process, 1)
        send(process, method="initialized", params={})
        send(process, method="textDocument/didOpen", params={"textDocument": {
            "uri": file.as_uri(), "languageId": "python", "version": 1, "text": text}})
        send(process, id=2, method="textDocument/inlineCompletion", params={
            "textDocument": {"uri": file.as_uri()}, "position": {"line": 5, "character": 11},
            "context": {"triggerKind": 1}})
        assert isinstance(answer(process, 2)["items"], list)
        time.sleep(0.3)
        send(process, id=3, method="shutdown")
        answer(process, 3)
        send(process, method="exit")
        process.wait(10)
        done.set()
        watcher.join()
sockets = sorted(name for name in seen if name.startswith("socket:"))
assert any(name.startswith("pipe:") for name in seen), f"the watcher saw nothing: {seen}"
assert not sockets, f"the language server held sockets: {sockets}"
print(f"no socket among {len(seen)} descriptors")
