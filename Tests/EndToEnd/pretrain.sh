#!/usr/bin/env bash
# A tiny base from a tiny tree, by the one command: carve, train, stop and go on, export, evaluate, card.
#
# $PYTHON is an interpreter with torch and scripts/pretrain/requirements.txt; scripts/test makes one.
# Sources come from this repository, so that nothing is fetched; the held-out repository is made here. Takes some minutes.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:?pretrain.sh: name an interpreter with torch in PYTHON}
"$python" -c 'import gguf, torch, transformers' 2> /dev/null || { echo "torch, transformers or gguf could not be installed"; exit 77; }
export GEMFILL=${GEMFILL:-$root/.build/release/gemfill}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "pretrain.sh: $*" >&2; exit 1; }

mkdir -p "$work/w/tree" "$work/w/heldout" "$work/w/heldout-tree"
cd "$work/w"
mkdir -p venv-cpu/bin
printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" > venv-cpu/bin/python
chmod +x venv-cpu/bin/python
touch venv-cpu/ready
touch fetched
cp -r "$root/Sources/Syntax" tree/swift
cp -r "$root/Benchmarks" tree/python
cat > tree.json <<'JSON'
{"bytes": 1, "bytes_by_language": {"swift": 1, "python": 1}, "packages": [{"name": "swift", "licence": "Apache-2.0", "bytes_by_language": {"swift": 1}}]}
JSON
repository=heldout/sample
git init -q "$repository"
# Each file grows in four commits, so that what the last of them insert stands in files that were there before.
for part in 1 2 3 4; do
  for file in "$root"/scripts/pretrain/*.py "$root"/Tests/EndToEnd/*.py; do
    lines=$(($(wc -l < "$file") * part / 4))
    head -n "$lines" "$file" > "$repository/$(basename "$file")"
    git -C "$repository" add -A
    git -C "$repository" -c user.name=a -c user.email=a@example.com commit -qm "$(basename "$file"), part $part"
  done
done
git -C "$repository" archive --prefix=sample/ HEAD | tar -x -C heldout-tree
cat > tiny.json <<'JSON'
{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 32, "query_pre_attn_scalar": 32}
JSON

export GEMFILL_PRETRAIN_DIR=$work/w
run() { "$root/scripts/pretrain/run" --config tiny.json --tokens 1e5 --out "$work/out/gemfill-base" --evaluation 0.5 "$@"; }
run --until carve
[ -s shards/summary.json ] || fail "no shards"

# Interrupted and whole runs of the same number of steps lose the same.
train() { OMP_NUM_THREADS=1 "$python" "$root/scripts/pretrain/train.py" --dir "$1" --config tiny.json --micro 512 --batch 1000 --held 8 --steps 8 "${@:2}" > "$work/train.log" 2>&1; }
for name in whole pieces; do mkdir "$work/$name"; ln -s "$work/w/shards" "$work/$name/shards"; done
train "$work/whole" || fail "training failed: $(tail -n 5 "$work/train.log")"
train "$work/pieces" --stop-after 3 && fail "a stopped run says that it is done"
train "$work/pieces" || fail "training does not go on: $(tail -n 5 "$work/train.log")"
steps() { grep -o '"step": [0-9]*, "tokens": [0-9]*, "loss": [0-9.]*' "$1/train/log.jsonl"; }
[ "$(steps "$work/whole" | wc -l)" = 8 ] || fail "not eight steps"
diff <(steps "$work/whole") <(steps "$work/pieces") || fail "a run that was stopped learns something else"

run --minutes 0.3
for file in gemfill-base-q8_0.gguf gemfill-base-q4_0.gguf config.json tokenizer.model card.json; do
  [ -s "$work/out/gemfill-base/$file" ] || fail "no $file"
done
grep -q '"cuda_run_done": false' "$work/out/gemfill-base/card.json" || fail "the card does not say that this is no CUDA run"
grep -q '| all | base |' "$work/out/README.md" || fail "no scores in the card"
"$GEMFILL" model show "$work/out/gemfill-base/gemfill-base-q4_0.gguf" --quiet > /dev/null || fail "the export does not load"
echo "pretrain.sh: good"
