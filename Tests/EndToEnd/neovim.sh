#!/usr/bin/env bash
# The Neovim plugin in a real, headless Neovim: first against a scripted server, every key and every report; then with
# fim-lsp and the embedded base, until the acceptance stands in `gemfill stats --json`.
set -euo pipefail
cd "$(dirname "$0")/../.."
export E2E_SUPPORT=$PWD/Tests/EndToEnd/support
E2E_WORK=$(mktemp -d)
export E2E_WORK
trap 'rm -rf "$E2E_WORK"' EXIT
export PYTHON=${PYTHON:-python3}
# Neovim's own files, its log of language servers among them, go where they disturb nobody.
export XDG_CONFIG_HOME=$E2E_WORK/config XDG_CACHE_HOME=$E2E_WORK/cache XDG_STATE_HOME=$E2E_WORK/state
export XDG_DATA_HOME=$E2E_WORK/data
export GEMFILL_HOME=${GEMFILL_HOME:-$E2E_WORK/home}

command -v nvim >/dev/null || { echo "FAILED: no nvim; scripts/setup --tests installs it"; exit 1; }
nvim --version | head -n 1

run() { # DRIVER FILE
  timeout --kill-after=5 120 nvim --headless -u NONE -i NONE -n --cmd "set runtimepath^=$PWD/editors/neovim" \
    -c 'runtime plugin/gemfill.lua' -c "luafile $E2E_SUPPORT/$1" "$2" </dev/null >"$E2E_WORK/screen" 2>&1 && return
  echo "FAILED: $1"
  tail -n 20 "$E2E_WORK/screen"
  tail -n 5 "$E2E_WORK/cache/nvim/lsp.log" 2>/dev/null || true
  exit 1
}

cat >"$E2E_WORK/script.json" <<'JSON'
{"x = al": "pha.beta(gamma)", "x = alpha": ".beta(gamma)", "x = alpha.": "beta(gamma)", "y = al": "pha.beta(gamma)",
 "z = al": "pha.beta(gamma)", "    if ": "a:\n        return b\n    return c", "f(ar": "gument", "+ al": "pha.beta(gamma)"}
JSON
: >"$E2E_WORK/told.jsonl"
echo >"$E2E_WORK/file.py"
run neovim_scripted.lua "$E2E_WORK/file.py"
echo "scripted server: all checks passed"

echo 'x = 1' >"$E2E_WORK/builtin.py"
run neovim_builtin.lua "$E2E_WORK/builtin.py"
echo "built-in inline completion: configured as expected"

git init -q "$E2E_WORK/project"
cp Tests/EndToEnd/lsp_pygls.py "$E2E_WORK/project/client.py"
run neovim_real.lua "$E2E_WORK/project/client.py"
"$PYTHON" - "$E2E_WORK/accepted.txt" "$E2E_WORK/project/client.py" <<'PY'
import pathlib, sys
accepted, saved = (pathlib.Path(path).read_text() for path in sys.argv[1:])
assert accepted in saved, "the accepted text is not in the saved file"
print("accepted:", accepted.splitlines()[0])
PY
stats=$(gemfill stats --json)
"$PYTHON" - "$stats" <<'PY'
import json, sys
stats = json.loads(sys.argv[1])
assert stats["accepted"] == 1, stats
assert stats["shown"] >= 1 and stats["evidence"] == "client", stats
print("stats: accepted", stats["accepted"], "of", stats["shown"], "shown; interval", stats["acceptance"])
PY
