#!/usr/bin/env bash
# Broken, foreign and hostile input at the command line: an exit code that fits, one clear line on stderr, no crash, no
# half-written file, and what was there before is still there.
set -uo pipefail
cd "$(dirname "$0")/../.."
base=${GEMFILL_BASE:-$PWD/models/gemfill-base/gemfill-base-q8_0.gguf}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0 failures=0

complain() { failures=$((failures + 1)); echo "FAILED: $*"; sed 's/^/    /' "$work/err" | head -n 5; }

# expect CODE PATTERN COMMAND...: exit code and, for failures, exactly one line that matches
expect() {
  local code=$1 pattern=$2 status=0 lines
  shift 2
  checks=$((checks + 1))
  timeout 120 "$@" --quiet >"$work/out" 2>"$work/err" || status=$?
  [ $status -eq "$code" ] || { complain "$* ended with $status, not $code"; return; }
  grep -qiE -- "$pattern" "$work/err" "$work/out" || { complain "$*: nothing says '$pattern'"; return; }
  [ "$code" -eq 0 ] && return
  lines=$(grep -c . "$work/err")
  [ "$lines" -eq 1 ] || complain "$*: $lines lines on stderr, not one"
}

# ---------------------------------------------------------------- broken model files

head -c 200000 "$base" >"$work/truncated.gguf"
head -c 40 "$base" >"$work/stump.gguf"
: >"$work/empty.gguf"
head -c 100000 /dev/urandom >"$work/noise.gguf"
python3 - "$base" "$work" <<'PYTHON'
import json, pathlib, struct, sys
base, work = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2])
# A tensor count of 2^62, and a first metadata key of 2^63 bytes.
(work / "counts.gguf").write_bytes(base[:8] + struct.pack("<Q", 1 << 62) + base[16:4096])
(work / "key.gguf").write_bytes(base[:24] + struct.pack("<Q", 1 << 63) + base[32:4096])
config = {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "hidden_size": 64, "num_hidden_layers": 1,
          "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "intermediate_size": 128, "vocab_size": 320,
          "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "sliding_window": 16}

def safetensors(name, header, data=b"\0" * 64):
    folder = work / name
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)

def tensor(begin, end, shape=(320, 64)):
    return {"model.embed_tokens.weight": {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}}

safetensors("offset-behind-end", tensor(0, 320 * 64 * 4))
safetensors("offset-backwards", tensor(64, 0))
safetensors("offset-huge", tensor(0, 1 << 63))
safetensors("shape-overflow", tensor(0, 64, (1 << 40, 1 << 40)))
safetensors("header-no-json", b"{" + b"x" * 50)
safetensors("header-deep", b"[" * 100_000)
(work / "header-length").mkdir()
(work / "header-length/config.json").write_text(json.dumps(config))
(work / "header-length/model.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + b"{}")
PYTHON
for file in truncated stump empty noise counts key; do
  expect 1 "$file\.gguf" gemfill bench --model "$work/$file.gguf" --prompt 8 --generate 1
  expect 1 "$file\.gguf" gemfill model add "$work/$file.gguf"
done
for folder in offset-behind-end offset-backwards offset-huge shape-overflow header-no-json header-deep header-length; do
  expect 1 "$folder" gemfill bench --model "$work/$folder" --prompt 8 --generate 1
done
expect 1 "nowhere" gemfill bench --model "$work/nowhere.gguf"

# ---------------------------------------------------------------- adapters that do not fit

python3 - "$work" <<'PYTHON'
import json, pathlib, struct, sys
work = pathlib.Path(sys.argv[1])

def adapter(name, tensors, **changes):
    folder = work / name
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "task_type": "CAUSAL_LM",
              "base_model_name_or_path": "someone/else", **changes}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    header, data = {}, b""
    for key, shape in tensors.items():
        size = 4 * shape[0] * shape[1]
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += b"\0" * size
    text = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)

path = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
adapter("foreign-shape", {path + "A.weight": [4, 2048], path + "B.weight": [2048, 4]})
adapter("half", {path + "A.weight": [4, 256]})
adapter("other-kind", {path + "A.weight": [4, 256], path + "B.weight": [256, 4]}, peft_type="IA3")
adapter("other-base", {path + "A.weight": [4, 256], path + "B.weight": [256, 4]})
card = {"name": "other-base", "base_name": "another.gguf", "base_sha256": "0" * 64}
(work / "other-base/card.json").write_text(json.dumps(card))
PYTHON
mkdir "$work/repository"
printf 'def area(width, height):\n    return width * height\n' >"$work/repository/area.py"
git -C "$work/repository" init -q
expect 1 "foreign-shape|card|base" gemfill adapter import "$work/foreign-shape"
expect 1 "half|card|lora" gemfill adapter import "$work/half"
expect 1 "other-kind|IA3|card" gemfill adapter import "$work/other-kind"
expect 0 "" gemfill adapter import "$work/other-base"
expect 1 "trained on another\.gguf" gemfill complete "$work/repository/area.py:2:5" --adapter other-base
expect 1 "trained on another\.gguf" gemfill eval "$work/repository" --older "$work/repository" --adapter other-base
expect 1 "no adapter named 'nobody'" gemfill complete "$work/repository/area.py:2:5" --adapter nobody

# ---------------------------------------------------------------- repositories

head -c 200000000 /dev/zero | tr '\0' 'x' >"$work/repository/huge.py"
printf 'name = "caf\xe9"\n' >"$work/repository/latin1.py"
printf '\0\1\2' >"$work/repository/binary.py"
mkfifo "$work/repository/pipe.py"
ln -s . "$work/repository/loop"
python3 -c "print('[' * 100000)" >"$work/repository/deep.py"
expect 0 "" gemfill carve "$work/repository" --out "$work/examples.jsonl" --stats --json
python3 - "$work/out" "$work/examples.jsonl" <<'PYTHON' || complain "carve: skipped files are not counted, or examples are broken"
import json, sys
stats = json.dumps(json.load(open(sys.argv[1])))
paths = {json.loads(line)["path"] for line in open(sys.argv[2], encoding="utf-8")}
assert paths <= {"area.py", "deep.py"}, paths
assert "large" in stats.lower(), stats
PYTHON
rm -rf "$work/repository/huge.py" "$work/repository/pipe.py"

mkdir "$work/prose" "$work/nothing"
printf '\x89PNG\r\n\x1a\n\0\0\0' >"$work/prose/picture.png"
for folder in prose nothing missing; do
  expect 1 "$folder" gemfill carve "$work/$folder" --out "$work/none.jsonl"
  expect 1 "$folder" fim-train "$work/$folder" --budget 2s --name none
  expect 1 "$folder" gemfill eval "$work/$folder" --older "$work/$folder"
done
[ ! -e "$work/none.jsonl" ] || complain "a failed carve left $work/none.jsonl behind"

# ---------------------------------------------------------------- places that can't be written

printf 'kept\n' >"$work/file"
expect 1 "file/inside" gemfill carve "$work/repository" --out "$work/file/inside.jsonl"
expect 1 "/proc/" gemfill carve "$work/repository" --out /proc/gemfill/examples.jsonl
GEMFILL_HOME=$work/file expect 1 "$work/file" gemfill adapter list
GEMFILL_HOME=relative expect 1 "not an absolute path" gemfill adapter list
[ "$(cat "$work/file")" = kept ] || complain "a file that stood in the way was changed"

# ---------------------------------------------------------------- a full disk

# A limit on the size of files stands in for it: writing fails in the middle.
full=(bash -c 'trap "" XFSZ; ulimit -f 2000; exec "$@"' full)
expect 1 "cannot write .*full\.gguf" "${full[@]}" gemfill model export "$base" --format gguf --type f32 --out "$work/full.gguf"
expect 1 "cannot write .*full" "${full[@]}" gemfill model export "$base" --out "$work/full"
expect 1 "cannot write .*full\.gguf" "${full[@]}" gemfill model quantize "$base" --out "$work/full.gguf"
cp "$base" "$work/model.gguf"
# A model without its packed cache works all the same.
expect 0 "" "${full[@]}" gemfill complete "$work/repository/area.py:2:5" --base "$work/model.gguf" --json
[ -z "$(find "$work" -name 'full*' -o -name '*.gempack*' -o -name '*.part*')" ] ||
  complain "writing to a full disk left $(find "$work" -name 'full*' -o -name '*.gempack*' -o -name '*.part*')"

# ---------------------------------------------------------------- positions outside the file

expect 1 "area\.py" gemfill complete "$work/repository/area.py:99:1"
expect 1 "area\.py" gemfill complete "$work/repository/area.py:1:999"
expect 1 "missing\.py" gemfill complete "$work/repository/missing.py:1:1"

# ---------------------------------------------------------------- wrong usage is exit code 2

expect 2 "unknown command '--quiet'" gemfill
expect 2 "unknown command 'crave'" gemfill crave
expect 2 "unknown option '--wat'" gemfill carve --wat
expect 2 "PATH" gemfill carve
expect 2 "PATH" fim-train
expect 2 "budget" fim-train "$work/repository" --budget soon
expect 2 "limit" gemfill eval "$work/repository" --limit many
expect 2 "limit" gemfill eval "$work/repository" --limit 0
expect 2 "older|split" gemfill eval "$work/repository" --older "$work/repository" --split HEAD
expect 2 "FILE:LINE:COLUMN" gemfill complete "$work/repository/area.py"
expect 2 "QUERY" gemfill search
expect 2 "needs one of" gemfill adapter

echo "bad input: $checks checks, $failures failed"
[ $failures -eq 0 ]
