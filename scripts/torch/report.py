"""What a run says: one JSON line per step in metrics.jsonl, with the names of the native engine, and lines on standard output for the
program that started it (--lines) or for people."""
import json


class Report:
    """Of the leading process; the others have none."""

    def __init__(self, folder, lines):
        self.path, self.lines, self.file = folder / "metrics.jsonl", lines, None

    def begin(self, step):
        """Opens the file behind the lines of the first `step` steps: a killed run leaves lines that its checkpoint does not know of, and
        perhaps half a line."""
        kept = []
        if step > 0 and self.path.exists():
            for line in self.path.read_text("utf-8", "replace").splitlines():
                try:
                    if json.loads(line)["step"] <= step:
                        kept.append(line + "\n")
                except (ValueError, KeyError, TypeError):
                    continue
        self.file = open(self.path, "w", buffering=1, encoding="utf-8")
        self.file.writelines(kept)

    def step(self, metrics, fraction, remaining):
        """After an optimiser step; a full disk does not stop the run."""
        try:
            self.file.write(json.dumps(metrics) + "\n")
        except OSError:
            pass
        if self.lines:
            self.say("step", **metrics, fraction=fraction, remaining=remaining)
        else:
            print("step {step}  loss {loss:.3f}  {tokens_per_second:.0f} tokens/s".format(**metrics),
                  f"  {int(remaining) // 60}:{int(remaining) % 60:02} left", flush=True)

    def say(self, event, **values):
        """Something else that happened."""
        if self.lines:
            print(json.dumps({"event": event, **values}), flush=True)
        else:
            print(event + ":", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items()), flush=True)

    def close(self):
        """Ends the file."""
        if self.file:
            self.file.close()
