#!/usr/bin/env bash
# An adapter trained here, loaded by PEFT over the exported base in transformers: the same logits.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! "$PYTHON" -c 'import torch, transformers, peft, safetensors, sentencepiece' 2>/dev/null; then
  echo "torch, transformers and peft are not installed; see .build/venv in docs/building.md"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/code"
cp "$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])')"/{argparse,ast,csv,difflib,inspect,tarfile,zipfile}.py "$work/code"
fim-train "$work/code" --steps 2 --batch-tokens 2048 --learning-rate 0.02 --name interop --quiet
scripts/fixtures/test_interop.sh gemfill-base interop
