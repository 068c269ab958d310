#!/usr/bin/env python3
"""fim-lsp driven by a client that this project did not write: pygls and lsprotocol, then raw frames for what a decent
client cannot send. Needs fim-lsp on PATH and an embedded base; exit code 0 when all is well."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# The interpreter with pygls is the one that $PYTHON names; continue in it.
if "PYTHON" in os.environ and os.environ.get("GEMFILL_TEST_IN_PYTHON") != "1":
    os.environ["GEMFILL_TEST_IN_PYTHON"] = "1"
    os.execv(os.environ["PYTHON"], [os.environ["PYTHON"], *sys.argv])

from lsprotocol import types as lsp  # noqa: E402
from pygls.lsp.client import LanguageClient  # noqa: E402

SERVER = shutil.which("fim-lsp") or sys.exit("fim-lsp is not on PATH")
# What a keystroke may cost: this many prompt tokens.
MOST_EVALUATED = 4
failures: list[str] = []


def check(condition: bool, what: str) -> None:
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def python_file(lines: int) -> str:
    """A module that looks like code: small classes whose methods resemble each other."""
    words = ["account", "balance", "currency", "invoice", "ledger", "payment", "record", "total"]
    out = ["import json", "", ""]
    number = 0
    while len(out) < lines:
        word, other = words[number % 8], words[(number * 3 + 1) % 8]
        out += [
            f"class {word.title()}{number}:",
            f"    def __init__(self, {word}, {other}):",
            f"        self.{word} = {word}",
            f"        self.{other} = {other}",
            "",
            f"    def {word}_as_text(self):",
            f"        return json.dumps({{\"{word}\": self.{word}, \"{other}\": self.{other}}})",
            "",
            "",
        ]
        number += 1
    return "\n".join(out[:lines]) + "\n"


class Editor:
    """One open document and the log of the server."""

    def __init__(self, client: LanguageClient, path: Path, text: str):
        self.client, self.uri, self.text, self.version = client, path.as_uri(), text, 1
        client.text_document_did_open(lsp.DidOpenTextDocumentParams(
            lsp.TextDocumentItem(uri=self.uri, language_id="python", version=1, text=text)))

    def position(self, offset: int) -> lsp.Position:
        before = self.text[:offset]
        line = before.count("\n")
        return lsp.Position(line, len(before[before.rfind("\n") + 1:].encode("utf-16-le")) // 2)

    def insert(self, offset: int, text: str) -> int:
        place = self.position(offset)
        self.version += 1
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(
            lsp.VersionedTextDocumentIdentifier(uri=self.uri, version=self.version),
            [lsp.TextDocumentContentChangePartial(range=lsp.Range(place, place), text=text)]))
        self.text = self.text[:offset] + text + self.text[offset:]
        return offset + len(text)

    def params(self, position: lsp.Position, invoked: bool = False) -> lsp.InlineCompletionParams:
        kind = lsp.InlineCompletionTriggerKind.Invoked if invoked else lsp.InlineCompletionTriggerKind.Automatic
        return lsp.InlineCompletionParams(
            text_document=lsp.TextDocumentIdentifier(self.uri), position=position,
            context=lsp.InlineCompletionContext(trigger_kind=kind))

    async def complete(self, position: lsp.Position, invoked: bool = False) -> list[lsp.InlineCompletionItem]:
        result = await self.client.text_document_inline_completion_async(self.params(position, invoked))
        check(isinstance(result, lsp.InlineCompletionList), f"an InlineCompletionList, not {result!r}")
        if not isinstance(result, lsp.InlineCompletionList):
            return []
        for item in result.items:
            check(isinstance(item.insert_text, str) and item.insert_text.strip() != "", "text that is not empty")
            check(item.insert_text == item.insert_text.rstrip(), "text without trailing white space")
            check(item.range == lsp.Range(position, position), f"an empty range at the cursor, not {item.range}")
            check(item.command is not None and item.command.command == "gemfill.accepted", "a command")
        return list(result.items)


async def conversation(folder: Path) -> None:
    client = LanguageClient("gemfill-test", "1")
    lines: list[str] = []

    @client.feature(lsp.WINDOW_LOG_MESSAGE)
    def on_log(params: lsp.LogMessageParams) -> None:
        lines.append(params.message)

    await client.start_io(SERVER, "--stdio")
    capabilities = lsp.ClientCapabilities(
        general=lsp.GeneralClientCapabilities(position_encodings=[lsp.PositionEncodingKind.Utf16]),
        text_document=lsp.TextDocumentClientCapabilities(inline_completion=lsp.InlineCompletionClientCapabilities()))
    answer = await client.initialize_async(lsp.InitializeParams(
        capabilities=capabilities, process_id=os.getpid(), root_uri=folder.as_uri(),
        workspace_folders=[lsp.WorkspaceFolder(folder.as_uri(), "test")]))
    check(bool(answer.capabilities.inline_completion_provider), "inlineCompletionProvider")
    check(answer.capabilities.position_encoding == lsp.PositionEncodingKind.Utf16, "utf-16")
    client.initialized(lsp.InitializedParams())

    async def log_of(count: int) -> list[str]:
        for _ in range(500):
            found = [line for line in lines if "completion id=" in line]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)
        return [line for line in lines if "completion id=" in line]

    editor = Editor(client, folder / "module.py", python_file(300))
    asked = 0

    # Keystroke after keystroke in the middle of the file: a list every time, and hardly any prompt to evaluate.
    at = editor.text.index("class Record") if "class Record" in editor.text else len(editor.text) // 2
    at = editor.insert(at, "def total_of(records):\n    \n\n\n") - 3
    await editor.complete(editor.position(at))
    asked += 1
    shown = 0
    for letter in "result = 0\n    for record in records:\n        result = result + rec":
        at = editor.insert(at, letter)
        shown += len(await editor.complete(editor.position(at)))
        asked += 1
    found = await log_of(asked)
    check(len(found) == asked, f"{asked} lines of the log, not {len(found)}")
    figures = [{key: value for key, value in re.findall(r"(\w+)=(\S+)", line)} for line in found]
    check(int(figures[0]["evaluated"]) > MOST_EVALUATED, "the first request evaluates its prompt")
    costs = [int(one["evaluated"]) for one in figures[1:] if one["source"] == "model" and one.get("reason") != "insideWord"]
    check(len(costs) >= 20, f"at least 20 keystrokes that ask the model, not {len(costs)}")
    check(bool(costs) and max(costs) <= MOST_EVALUATED, f"at most {MOST_EVALUATED} evaluated tokens, not {costs}")
    print(f"{len(costs)} keystrokes asked the model and evaluated {min(costs, default=0)} to {max(costs, default=0)} "
          "prompt tokens; "
          f"{len(figures) - 1 - len(costs)} did not need it; {shown} had a suggestion")
    check(not any("result" in line or "record" in line for line in lines), "a log without source text")

    # Places outside the document, and inside a character.
    for place in [lsp.Position(10_000, 0), lsp.Position(0, 10_000), lsp.Position(2**31 - 1, 2**31 - 1)]:
        check(await editor.complete(place) == [], f"nothing at {place}")
    wide = Editor(client, folder / "wide.py", "s = '😀'\nt = \n")
    await wide.complete(lsp.Position(1, 4), invoked=True)
    inside = await client.text_document_inline_completion_async(wide.params(lsp.Position(0, 6), invoked=True))
    check(isinstance(inside, lsp.InlineCompletionList), "a list inside a surrogate pair")
    wide.insert(0, "é😀\ud83d".encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
    await wide.complete(lsp.Position(1, 4), invoked=True)

    # A newer request replaces the older one; a cancelled one is answered once; the server stays.
    pair = await asyncio.gather(*[
        client.text_document_inline_completion_async(editor.params(editor.position(at - back), True)) for back in (3, 0)])
    check(all(isinstance(one, lsp.InlineCompletionList) for one in pair), "two lists")
    task = client.protocol.send_request_async(
        lsp.TEXT_DOCUMENT_INLINE_COMPLETION, editor.params(editor.position(40), True), msg_id="to-be-cancelled")
    future = asyncio.ensure_future(task)
    await asyncio.sleep(0)
    client.protocol.notify(lsp.CANCEL_REQUEST, lsp.CancelParams(id="to-be-cancelled"))
    try:
        check(isinstance(await asyncio.wait_for(future, 10), lsp.InlineCompletionList), "a list or an error")
    except asyncio.CancelledError:
        pass
    except Exception as error:  # pygls raises its own type for an error answer
        check("-32800" in repr(error) or "cancel" in str(error).lower(), f"RequestCancelled, not {error!r}")

    # Acceptance by the command of an item.
    accepted = False
    for start in ["import ", "        self.", "    return ", "class "]:
        place = editor.insert(len(editor.text), "\n" + start)
        items = await editor.complete(editor.position(place), invoked=True)
        if items:
            editor.insert(place, items[0].insert_text)
            command = items[0].command
            await client.workspace_execute_command_async(
                lsp.ExecuteCommandParams(command=command.command, arguments=command.arguments))
            accepted = True
            break
    check(accepted, "a suggestion at one of four places")
    status = await client.workspace_execute_command_async(lsp.ExecuteCommandParams(command="gemfill.status"))
    check(status is not None and status["accepted"] == 1, f"one acceptance in the status, not {status}")

    await client.shutdown_async(None)
    client.exit(None)
    await asyncio.wait_for(client.stop(), 10)


# ---------------------------------------------------------------- raw frames


class Raw:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def write(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, content: bytes | dict) -> None:
        content = content if isinstance(content, bytes) else json.dumps({"jsonrpc": "2.0", **content}).encode()
        self.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)

    def read(self) -> dict:
        length = 0
        while (line := self.process.stdout.readline().strip()):
            length = int(line.split(b":")[1])
        return json.loads(self.process.stdout.read(length))

    def answer(self, identifier) -> dict:
        while True:
            message = self.read()
            if "method" not in message and message.get("id") == identifier:
                return message

    def start(self) -> None:
        self.send({"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}})
        check("result" in self.answer(1), "an answer to initialize")
        self.send({"method": "initialized", "params": {}})


def hostile() -> None:
    raw = Raw()
    raw.send({"id": 7, "method": "shutdown"})
    check(raw.answer(7)["error"]["code"] == -32002, "ServerNotInitialized")
    raw.start()
    for content in [b"{", b"", b"[[[[", b"\xff\xfe\x00", b"[" * 200_000, b'{"jsonrpc":"2.0","id":1e999}']:
        raw.send(content)
        check(raw.answer(None)["error"]["code"] == -32700, f"ParseError for {content[:20]!r}")
    for content in [b"[]", b"7", b"{}", b'{"method":5}']:
        raw.send(content)
        check(raw.answer(None)["error"]["code"] == -32600, f"InvalidRequest for {content!r}")
    for header in [b"Content-Length: abc\r\n\r\n", b"Rubbish\r\n\r\n", b"Content-Length: -1\r\n\r\n",
                   b"A: b\r\n" * 100 + b"\r\n", b"x" * 100_000 + b"\r\n\r\n"]:
        raw.write(header)
        check(raw.answer(None)["error"]["code"] == -32700, f"ParseError for the header {header[:20]!r}")
    size = (64 << 20) + 1
    raw.write(b"Content-Length: %d\r\n\r\n" % size)
    for _ in range(64):
        raw.write(b" " * (1 << 20))
    raw.write(b" ")
    check(raw.answer(None)["error"]["code"] == -32700, "ParseError for a message that is too large")
    raw.send({"id": 8, "method": "textDocument/hover", "params": {}})
    check(raw.answer(8)["error"]["code"] == -32601, "MethodNotFound")
    for number, params in enumerate([None, [], {}, {"textDocument": {"uri": 1}}, {
            "textDocument": {"uri": "file:///x"}, "position": {"line": -1, "character": 0}}]):
        raw.send({"id": 20 + number, "method": "textDocument/inlineCompletion", "params": params})
        check(raw.answer(20 + number)["error"]["code"] == -32602, f"InvalidParams for {params}")
    # A document of many megabytes, changes that make no sense, and still the server answers.
    item = {"uri": "file:///big.py", "languageId": "python", "version": 1, "text": "x = 1\n" * 3_000_000}
    raw.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "x = \n"}
    raw.send({"method": "textDocument/didOpen", "params": {"textDocument": item}})
    place, early = {"line": 0, "character": 4}, {"line": 0, "character": 1}
    for change in [{"text": 5}, {"range": {"start": place, "end": early}, "text": "y"}, {"range": 3, "text": "y"}, 9]:
        raw.send({"method": "textDocument/didChange", "params": {
            "textDocument": {"uri": "file:///a.py", "version": 2}, "contentChanges": [change]}})
    for number, uri in enumerate(["file:///big.py", "file:///a.py", "file:///never-opened.py"]):
        raw.send({"id": 40 + number, "method": "textDocument/inlineCompletion", "params": {
            "textDocument": {"uri": uri}, "position": place, "context": {"triggerKind": 1}}})
        check(raw.answer(40 + number).get("result") == {"items": []}, f"an empty list for {uri}")
    raw.send({"id": 60, "method": "shutdown"})
    check("result" in raw.answer(60), "an answer to shutdown")
    raw.send({"id": 61, "method": "textDocument/inlineCompletion", "params": {}})
    check(raw.answer(61)["error"]["code"] == -32600, "InvalidRequest after shutdown")
    raw.send({"method": "exit"})
    check(raw.process.wait(10) == 0, "exit code 0")

    gone = Raw()
    gone.start()
    gone.process.stdin.close()
    check(gone.process.wait(10) == 1, "exit code 1 when the client is gone")

    orphan = Raw()
    child = subprocess.Popen(["sleep", "0"])
    child.wait()
    orphan.send({"id": 1, "method": "initialize", "params": {"processId": child.pid, "capabilities": {}}})
    check("result" in orphan.answer(1), "an answer to initialize")
    check(orphan.process.wait(20) == 1, "the end with the parent process")


with tempfile.TemporaryDirectory() as name:
    asyncio.run(asyncio.wait_for(conversation(Path(name)), 120))
hostile()
print("lsp_pygls:", f"{len(failures)} failed" if failures else "all checks passed")
sys.exit(1 if failures else 0)
