#!/usr/bin/env bash
# What `gemfill bench` answers beside speeds, which no test asserts: one typed token costs one evaluated token, cutting
# back changes nothing, and a line that is no measure is answered by an error while the next one still works.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '%s\n' 'keystroke 60 30 4' 'keystroke 60 30 4' 'cutback 700 40' 'cutback 700 650' 'nonsense 1' 'prefill 99999999' \
  'encode 300' 'encode 120 32 61 32 49' 'greedy 3 2 100 200' 'logits 2 2 100 200' 'adapter 4 8 4' 'limits' |
  gemfill bench --requests --quiet >"$work/answers"
gemfill bench --keystrokes --prefix 60 --suffix 30 --generate 2 --json --quiet >"$work/keystrokes"

"${PYTHON:-python3}" - "$work" <<'PYTHON'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
answers = [json.loads(line) for line in (work / "answers").read_text().splitlines()]
assert len(answers) == 12, answers
first, second, near, far, nonsense, large, byte, text, greedy, logits, adapter, limits = answers
# begin, two marks of the prefix and suffix, one of the middle; a token was typed before the first request too.
assert first["evaluated"] == 60 + 1 + 30 + 4, first
assert second["evaluated"] == 1 and second["generated"] <= 4, second
for answer in (near, far):
    assert answer["evaluated"] == 1 and answer["largest_difference"] < 0.05, answer
assert "nonsense" in nonsense["error"] and "99999999" in large["error"] and "300" in byte["error"]
assert text["tokens"] and all(token > 2 for token in text["tokens"]), text
assert len(greedy["tokens"]) == 3 and len(logits["logits"]) == 2
assert adapter["rank"] == 4 and adapter["with_tokens_per_second"] > 0
assert limits["bytes_per_token"] > 1_000_000 and limits["read_bandwidth"] > 0
keystrokes = json.loads((work / "keystrokes").read_text())
assert keystrokes["evaluated"] == 1 and len(keystrokes["all_ms"]) == 15, keystrokes
PYTHON
echo "13 answers are as they should be"
