"""What a run says: one JSON line per step in metrics.jsonl, with the names of the native engine, and lines on standard output for the
program that started it (--lines) or for people."""
import json


class Report:
    """Of the leading process; the others have none."""

    def __init__(self, folder, lines, appending):
        self.lines = lines
        self.file = open(folder / "metrics.jsonl", "a" if appending else "w", buffering=1, encoding="utf-8")

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
        self.file.close()
