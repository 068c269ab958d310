"""A git repository that has everything in it that goes wrong: secrets (made anew in every run), foreign encodings, links in a
circle, binaries, brackets without end, pages with scripts, notebooks, copies, other people's code."""

import json
import os
import random
import string
import subprocess
import sysconfig
from pathlib import Path

MODULES = ["argparse.py", "bdb.py", "configparser.py", "csv.py", "dataclasses.py", "difflib.py", "ftplib.py", "pickle.py",
           "shutil.py", "tarfile.py", "textwrap.py", "zipfile.py"]
COMMITS = 12
IDENTITY = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Test"), ("EMAIL", "test@example.org"))}


def git(root, *words, time=0):
    date = f"{1_700_000_000 + 86_400 * time} +0000"
    environment = {**os.environ, **IDENTITY, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date,
                   "GIT_CONFIG_GLOBAL": os.devnull}
    reply = subprocess.run(["git", "-C", root, "-c", "protocol.file.allow=always", *words], check=True, capture_output=True,
                           env=environment)
    return reply.stdout.decode().strip()


class Repository:
    """The files on disk, what was hidden in them, and which path must be left out for which reason."""

    def __init__(self, root: Path, seed: int):
        self.root = root
        self.random = random.Random(seed)
        self.secrets: dict[str, str] = {}
        self.time = 0
        root.mkdir()
        git(root, "init", "-q", "-b", "main")
        self.texts = {}
        library = Path(sysconfig.get_paths()["stdlib"])
        for name in MODULES:
            if (library / name).is_file():
                self.texts[name] = (library / name).read_text("utf-8").splitlines(keepends=True)
        self.write_modules(0)
        self.write_secrets()
        self.write_troubles()
        self.commit("First state")
        for number in range(1, COMMITS):
            self.write_modules(number)
            self.commit(f"Step {number}")

    def write(self, path: str, content: str | bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str) -> str:
        self.time += 1
        git(self.root, "add", "-A", time=self.time)
        git(self.root, "commit", "-q", "--allow-empty", "-m", message, time=self.time)
        return git(self.root, "rev-parse", "HEAD")

    def write_modules(self, step: int) -> None:
        """Modules of Python's library, of which each commit knows a few lines more."""
        for name, lines in self.texts.items():
            missing = {line for start in range(60, len(lines) - 12, 48) if start // 48 % COMMITS > step
                       for line in range(start, start + 2 + start % 4)}
            self.write("src/" + name, "".join(line for at, line in enumerate(lines) if at not in missing))

    # ------------------------------------------------------------ secrets

    def letters(self, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(self.random.choice(alphabet) for _ in range(count))

    def secret(self, name: str, prefix: str, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        """Remembers the part that nobody may see again."""
        hidden = self.letters(count, alphabet)
        self.secrets[name] = hidden
        return prefix + hidden

    def write_secrets(self) -> None:
        upper, hexadecimal = string.ascii_uppercase + "234567", "0123456789abcdef"
        planted = {
            "aws-key": self.secret("aws-key", "AKIA", 16, upper),
            "github": self.secret("github", "ghp_", 36),
            "gitlab": self.secret("gitlab", "glpat-", 20),
            "slack": "xoxb-" + self.letters(11, string.digits) + "-" + self.letters(12, string.digits) + "-"
                     + self.secret("slack", "", 24),
            "npm": self.secret("npm", "npm_", 36),
            "hugging-face": self.secret("hugging-face", "hf_", 34, string.ascii_letters),
            "stripe": self.secret("stripe", "sk_" + "live_", 24),
            "google": self.secret("google", "AIza", 35),
            "generic": self.secret("generic", "", 40, string.ascii_letters + string.digits),
            "url": "postgres://admin:" + self.secret("url", "", 22) + "@db.internal.example/main",
            "hex": self.secret("hex", "", 40, hexadecimal),
        }
        key = "\n".join(self.secret(f"pem-{line}", "", 64) for line in range(12))
        begin, end = ("-----%s RSA PRIVATE KEY-----" % word for word in ("BEGIN", "END"))
        self.write("src/settings.py", (
            "import os\n\n\nclass Settings:\n    def __init__(self, environment=os.environ):\n"
            f"        self.aws_access_key_id = \"{planted['aws-key']}\"\n"
            f"        self.github_token = '{planted['github']}'\n"
            f"        self.gitlab = \"{planted['gitlab']}\"\n"
            f"        self.database_url = \"{planted['url']}\"\n"
            f"        self.api_secret = \"{planted['generic']}\"\n\n"
            "    def is_complete(self):\n        return all(vars(self).values())\n\n\n"
            f"KEY = \"\"\"{begin}\n{key}\n{end}\n\"\"\"\n\n\n"
            "def load(path):\n    with open(path) as file:\n        return Settings(dict(line.split('=') for line in file))\n"))
        self.write("web/client.js", (
            f"const slackToken = '{planted['slack']}';\nconst stripe = require('stripe')(\"{planted['stripe']}\");\n"
            f"const npmToken = \"{planted['npm']}\";\n\n"
            "export async function send(channel, text) {\n"
            "  const answer = await fetch('https://slack.com/api/chat.postMessage', {\n"
            "    method: 'POST',\n    headers: { Authorization: `Bearer ${slackToken}` },\n"
            "    body: JSON.stringify({ channel, text }),\n  });\n  return answer.ok;\n}\n"
            # Long enough for several examples: the one of a short file may fall on a secret and be left out.
            + "".join(
                f"\nexport function {name}(items, limit) {{\n  const chosen = [];\n  for (const item of items) {{\n"
                f"    if (item.{name} === undefined || chosen.length >= limit) continue;\n    chosen.push(item.{name});\n  }}\n"
                f"  return chosen.sort((first, second) => first - second);\n}}\n"
                for name in ("price", "weight", "distance", "amount", "duration", "rank", "height", "score"))))
        self.write("deploy/deploy.sh", (
            f"#!/bin/sh\nexport HF_TOKEN={planted['hugging-face']}\nexport GOOGLE_API_KEY={planted['google']}\n"
            f"client_secret={planted['hex']}\n"
            "for host in web1 web2; do\n  scp -r build \"$host\":/srv/app\n  ssh \"$host\" systemctl restart app\ndone\n"
            + "".join(
                f"\n{name}() {{\n  local target=$1\n  if [ ! -d \"$target/{name}\" ]; then\n    mkdir -p \"$target/{name}\"\n  fi\n"
                f"  cp -r \"releases/{name}\" \"$target/{name}/current\"\n  echo \"{name} is in $target\"\n}}\n"
                for name in ("frontend", "backend", "database", "worker", "proxy", "metrics", "logs", "search"))))

    # ------------------------------------------------------------ everything else that goes wrong

    def write_troubles(self) -> None:
        library = Path(sysconfig.get_paths()["stdlib"])
        windows = (library / "shlex.py").read_text("utf-8").replace("\n", "\r\n")
        self.write("src/windows.py", windows)
        self.write("src/marked.py", b"\xef\xbb\xbf" + (library / "queue.py").read_bytes())
        self.write("src/wide.py", windows.encode("utf-16"))
        self.write("src/binary.py", b"\0\1\2\3" * 40)
        self.write("src/broken_utf8.py", b"name = 'caf\xe9'\nprint(name, name, name, name)\n")
        self.write("src/deep.js", "[" * 100_000 + "]" * 100_000)
        self.write("src/long_line.js", "x = '" + "abcdefghij " * 400_000 + "';\n")
        self.write("vendor/other/library.py", "def vendored(a, b):\n    return a + b\n" * 30)
        self.write("package-lock.json", json.dumps({"packages": {f"p{n}": {"version": f"1.{n}.0"} for n in range(300)}}, indent=1))
        self.write("src/made_pb2.py", "# Generated by the protocol buffer compiler.  DO NOT EDIT!\nimport sys\n" + "x = 1\n" * 40)
        self.write("src/copyleft.py", "# SPDX-License-Identifier: GPL-3.0-only\n\n"
                   + (library / "sched.py").read_text("utf-8"))
        self.write("page/index.html", (
            "<!DOCTYPE html>\n<html>\n<head>\n<style>\nbody { margin: 0; color: #333; }\n.total { font-weight: bold; }\n</style>\n"
            "</head>\n<body>\n<ul id=\"items\"></ul>\n<script>\n"
            "function show(items) {\n  const list = document.getElementById('items');\n  for (const item of items) {\n"
            "    const entry = document.createElement('li');\n    entry.textContent = item.name;\n    list.append(entry);\n  }\n}\n"
            "show([{ name: 'one' }, { name: 'two' }]);\n</script>\n</body>\n</html>\n"))
        cells = [{"cell_type": "markdown", "metadata": {}, "source": ["# Notes"]}] + [
            {"cell_type": "code", "execution_count": n, "metadata": {}, "outputs": [],
             "source": [f"def measure_{n}(table):\n", f"    rows = table.filter(lambda row: row.kind == {n})\n",
                        "    return sum(row.value for row in rows)\n"]} for n in range(8)]
        self.write("notes/study.ipynb", json.dumps({
            "cells": cells, "metadata": {"kernelspec": {"language": "python", "name": "python3"}}, "nbformat": 4,
            "nbformat_minor": 5}, indent=1))
        copied = "".join(self.texts["textwrap.py"])
        self.write("src/same.py", copied.replace("\n", "\n\n"))
        self.write("src/nearly.py", copied.replace("initial_indent", "first_indent"))
        self.write(".gitignore", "build/\n*.log\n")
        self.write("build/made.py", "def built():\n    return 1\n" * 20)
        os.symlink(".", self.root / "loop")
        os.symlink("../..", self.root / "src/up")
        self.write(".gemfill.json", json.dumps({"carving": {}}))

    def hide_from_reading(self) -> list[str]:
        """What cannot be read, outside of git: a name that is no text, and (not for root) a file without permission."""
        paths = []
        with open(os.fsencode(self.root) + b"/src/name\xff.py", "w") as file:
            file.write("x = 1\n" * 40)
        if os.geteuid() != 0:
            self.write("src/locked.py", "def locked():\n    return 1\n" * 20)
            os.chmod(self.root / "src/locked.py", 0)
            paths.append("src/locked.py")
        os.mkfifo(self.root / "src/pipe.py")
        return paths
