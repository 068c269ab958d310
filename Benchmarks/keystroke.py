#!/usr/bin/env python3
"""Time from a keystroke to the answer of fim-lsp, over stdio, as an editor sees it.

Takes a file of about 300 lines, and for some of its lines deletes the line's text and types it again, key by key. After
each key it sends the change and asks for a completion, and waits for the answer. Reported are all keys, and apart from
them those for which the model was asked (the others are typed-through suggestions and places inside words).

    Benchmarks/keystroke.py [--server fim-lsp] [--file FILE] [--lines N] [--tokens N] [--adapter NAME] [--json]
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

LANGUAGES = {".py": "python", ".swift": "swift", ".js": "javascript", ".ts": "typescript", ".go": "go", ".rs": "rust"}


class Server:
    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.figures: dict[str, dict[str, str]] = {}
        self.arrived = threading.Condition()
        threading.Thread(target=self.read_log, daemon=True).start()
        self.count = 0

    def read_log(self) -> None:
        for line in self.process.stderr:
            text = line.decode("utf-8", "replace")
            if " completion id=" not in text:
                continue
            figures = dict(re.findall(r"(\w+)=(\S+)", text))
            with self.arrived:
                self.figures[figures["id"]] = figures
                self.arrived.notify_all()

    def send(self, message: dict) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.process.stdin.flush()

    def call(self, method: str, params) -> tuple[str, dict]:
        self.count += 1
        self.send({"id": self.count, "method": method, "params": params})
        while True:
            length = 0
            while (header := self.process.stdout.readline().strip()):
                length = int(header.split(b":")[1])
            if length == 0:
                sys.exit("the server ended; run it by hand to see why")
            message = json.loads(self.process.stdout.read(length))
            if message.get("id") == self.count:
                return str(self.count), message

    def figures_of(self, identifier: str) -> dict[str, str]:
        with self.arrived:
            self.arrived.wait_for(lambda: identifier in self.figures, timeout=5)
            return self.figures.get(identifier, {})


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def run(options) -> dict:
    path = pathlib.Path(options.file)
    lines = path.read_text().split("\n")[:300]
    command = [options.server, "--stdio"]
    for name in ["adapter", "tokens", "base"]:
        if getattr(options, name) is not None:
            command += ["--" + name, str(getattr(options, name))]
    server = Server(command)
    server.call("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {}})
    server.send({"method": "initialized", "params": {}})
    uri = "file:///benchmark/" + path.name
    language = LANGUAGES.get(path.suffix, "text")
    text = "\n".join(lines)
    server.send({"method": "textDocument/didOpen", "params": {"textDocument": {
        "uri": uri, "languageId": language, "version": 1, "text": text}}})

    candidates = [number for number, line in enumerate(lines) if len(line.strip()) >= 12 and number > 20]
    step = max(1, len(candidates) // options.lines)
    version = 1
    rows = []

    def change(line: int, start: int, end: int, new: str) -> None:
        nonlocal version
        version += 1
        server.send({"method": "textDocument/didChange", "params": {
            "textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": new, "range": {
                "start": {"line": line, "character": start}, "end": {"line": line, "character": end}}}]}})

    for number in candidates[::step][: options.lines]:
        line = lines[number]
        indent = len(line) - len(line.lstrip())
        change(number, indent, utf16(line), "")
        column = indent
        # The first question at a new place evaluates the whole prompt; it is no keystroke.
        for letter in [""] + list(line.strip()):
            began = time.perf_counter()
            if letter:
                change(number, column, column, letter)
                column += utf16(letter)
            identifier, answer = server.call("textDocument/inlineCompletion", {
                "textDocument": {"uri": uri}, "position": {"line": number, "character": column},
                "context": {"triggerKind": 2}})
            elapsed = (time.perf_counter() - began) * 1_000
            figures = server.figures_of(identifier)
            model = figures.get("source") == "model"
            rows.append({
                "ms": elapsed, "model": model, "first": letter == "", "shown": bool(answer["result"]["items"]),
                "evaluated": int(figures.get("evaluated", 0)), "tokens": int(figures.get("tokens", 0))})
        if utf16(line) > column:
            change(number, column, column, line[len(line.rstrip()):])
    server.call("shutdown", None)
    server.send({"method": "exit", "params": None})
    server.process.wait(10)
    return summary(rows)


def spread(values: list[float]) -> dict:
    if not values:
        return {"count": 0}
    ordered = sorted(values)
    return {"count": len(values), "median": statistics.median(values), "p95": ordered[int(0.95 * (len(ordered) - 1))],
            "max": ordered[-1]}


def summary(rows: list[dict]) -> dict:
    keys = [row for row in rows if not row["first"]]
    model = [row for row in keys if row["model"]]
    return {
        "keystroke_ms": spread([row["ms"] for row in keys]),
        "model_ms": spread([row["ms"] for row in model]),
        "first_at_a_place_ms": spread([row["ms"] for row in rows if row["first"]]),
        "evaluated_tokens": spread([row["evaluated"] for row in model]),
        "generated_tokens": spread([row["tokens"] for row in model]),
        "shown_share": sum(row["shown"] for row in keys) / max(1, len(keys)),
        "without_model_share": 1 - len(model) / max(1, len(keys)),
        "cores": len(os.sched_getaffinity(0)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default=shutil.which("fim-lsp") or ".build/release/fim-lsp")
    parser.add_argument("--file", default=str(pathlib.Path(__file__).parent.parent / "Tests/EndToEnd/lsp_pygls.py"))
    parser.add_argument("--lines", type=int, default=15, help="lines to type (default 15)")
    parser.add_argument("--tokens", type=int, default=24, help="most tokens of a suggestion (default 24)")
    parser.add_argument("--adapter")
    parser.add_argument("--base")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("GEMFILL_HOME", home)
        result = run(options)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['cores']} cores, {result['keystroke_ms']['count']} keystrokes")
    for name, label in [("keystroke_ms", "keystroke to answer, ms"), ("model_ms", "the same, model asked, ms"),
                        ("first_at_a_place_ms", "first question at a place, ms"),
                        ("evaluated_tokens", "prompt tokens evaluated"), ("generated_tokens", "tokens generated")]:
        row = result[name]
        if row["count"]:
            print(f"{label:32} median {row['median']:7.1f}   p95 {row['p95']:7.1f}   max {row['max']:7.1f}   of {row['count']}")
    print(f"{result['shown_share']:.0%} of keystrokes had a suggestion, {result['without_model_share']:.0%} needed no model")


if __name__ == "__main__":
    main()
