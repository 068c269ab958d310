#!/usr/bin/env python3
"""A language server that says what a script tells it to: FILE holds {"text before the cursor's end": "suggestion"}.

Writes every notification and command that a plugin reports to LOG, one JSON object a line. Used to test editor plugins
without a model. Usage: scripted_server.py SCRIPT LOG
"""

import json
import sys

script = json.load(open(sys.argv[1], encoding="utf-8"))
log = open(sys.argv[2], "a", encoding="utf-8", buffering=1)
documents: dict[str, str] = {}
count = 0


def offset(text: str, position: dict) -> int:
    lines = text.split("\n")
    line = lines[position["line"]]
    units = line.encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le")
    return sum(len(one) + 1 for one in lines[: position["line"]]) + len(units)


def send(message: dict) -> None:
    content = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
    sys.stdout.buffer.flush()


def complete(params: dict) -> dict:
    global count
    text = documents[params["textDocument"]["uri"]]
    before = text[: offset(text, params["position"])]
    for ending, suggestion in script.items():
        if before.endswith(ending):
            count += 1
            command = {"title": "Suggestion accepted", "command": "gemfill.accepted", "arguments": [f"id-{count}"]}
            place = {"start": params["position"], "end": params["position"]}
            return {"items": [{"insertText": suggestion, "range": place, "command": command}]}
    return {"items": []}


def handle(method: str, params: dict):
    if method == "initialize":
        log.write(json.dumps({"method": method, "params": params["initializationOptions"]}) + "\n")
        sync = {"openClose": True, "change": 2}
        commands = {"commands": ["gemfill.accepted", "gemfill.status"]}
        return {"capabilities": {"textDocumentSync": sync, "inlineCompletionProvider": True,
                                 "executeCommandProvider": commands}}
    if method == "textDocument/didOpen":
        documents[params["textDocument"]["uri"]] = params["textDocument"]["text"]
    elif method == "textDocument/didChange":
        uri = params["textDocument"]["uri"]
        for change in params["contentChanges"]:
            text = documents[uri]
            if "range" not in change:
                documents[uri] = change["text"]
                continue
            start, end = offset(text, change["range"]["start"]), offset(text, change["range"]["end"])
            documents[uri] = text[:start] + change["text"] + text[end:]
    elif method == "textDocument/inlineCompletion":
        return complete(params)
    elif method.startswith("fim/") or method == "workspace/executeCommand":
        log.write(json.dumps({"method": method, "params": params}) + "\n")
    return None


while True:
    length = 0
    while (header := sys.stdin.buffer.readline().strip()):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not length:
        break
    message = json.loads(sys.stdin.buffer.read(length))
    if "method" not in message:
        continue
    if message["method"] == "exit":
        break
    result = handle(message["method"], message.get("params") or {})
    if "id" in message:
        send({"id": message["id"], "result": result})
