#!/usr/bin/env bash
set -euo pipefail
source ./lib.sh

readonly places=("one" two)
declare -A count

# Says how much is free in a folder.
free_space() {
  local folder=$1
  df -h "$folder" | tail -n 1 | awk '{ print $4 }'
}

function main {
  for place in "${places[@]}"; do
    if [[ ! -d "$place" ]]; then
      echo "no $place" >&2
      continue
    fi
    count[$place]=$(ls "$place" | wc -l)
  done
  case "${1:-}" in
    -v | --verbose)
      free_space /
      ;;
    *)
      echo "usage: $0 [-v]"
      ;;
  esac
  while read -r line; do
    printf '%s\n' "$line"
  done < <(sort names.txt)
}

main "$@"
