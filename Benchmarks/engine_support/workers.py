"""Processes that answer one measure per line, and how busy the machine was with other things meanwhile."""

import json
import os
import pathlib
import select
import subprocess
import time

# No single measure takes longer; a worker that does is hung.
PATIENCE = 600


class Failed(Exception):
    """A measure that could not be taken, in one line."""


def two_cores():
    """Two of the CPUs that this process may use, on different cores where possible."""
    usable = sorted(os.sched_getaffinity(0))

    def core(cpu):
        try:
            place = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
            return (place / "physical_package_id").read_text(), (place / "core_id").read_text()
        except OSError:
            return cpu

    chosen = {}
    for cpu in usable:
        chosen.setdefault(core(cpu), cpu)
    return (list(chosen.values()) + usable)[:2]


class Worker:
    """One engine with a model loaded."""

    def __init__(self, name, words, cores):
        self.name = name
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, cores))
        os.set_blocking(self.process.stdout.fileno(), False)
        self.unread = b""

    def ask(self, request):
        """The answer to one line; `Failed` where there is none."""
        try:
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Failed(self.last_words()) from None
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Failed(f"{self.name}: no answer to '{request[:40]}' in {PATIENCE} s")
            piece = self.process.stdout.read()
            if piece == b"":
                raise Failed(self.last_words())
            self.unread += piece or b""
        line, _, self.unread = self.unread.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}: {request[:40]}: {answer['error']}")
        return answer

    def try_ask(self, request):
        """The answer, or None where this engine cannot do it."""
        try:
            return self.ask(request)
        except Failed:
            return None

    def last_words(self):
        self.process.kill()
        lines = self.process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        return f"{self.name} ended: {lines[-1] if lines else 'without a word'}"

    def processor_seconds(self):
        try:
            words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class ForeignLoad:
    """What share of the machine's processor time went to processes other than the engines."""

    def __init__(self):
        self.ours = []
        self.started, self.before = time.monotonic(), self.busy()

    @staticmethod
    def busy():
        words = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]
        user, nice, system, _, _, interrupt, soft, steal = map(int, words[:8])
        return (user + nice + system + interrupt + soft + steal) / os.sysconf("SC_CLK_TCK")

    def share(self):
        ours = sum(worker.processor_seconds() for worker in self.ours)
        elapsed = (time.monotonic() - self.started) * (os.cpu_count() or 1)
        return max(0.0, (self.busy() - self.before - ours) / elapsed)
