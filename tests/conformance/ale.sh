#!/usr/bin/env bash
# ale.sh TOOL FOLDER: our Avid logs before OpenTimelineIO's ALE adapter, and its own before us (PyPI, in a venv below
# FOLDER). Skipped without it.
set -uo pipefail
tool=$(realpath "$1") folder=$2
here=$(cd "$(dirname "$0")" && pwd)
wanted="opentimelineio==0.18.1 otio-ale-adapter==1.1.0"
mkdir -p "$folder"
folder=$(realpath "$folder")
if [ "$(cat "$folder/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$folder/venv"
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q install --disable-pip-version-check $wanted; } >"$folder/venv.log" 2>&1; then
    echo "1..0 # SKIP the ALE adapter can not be had from PyPI ($folder/venv.log)"
    exit 0
  fi
  echo "$wanted" >"$folder/venv/made-of"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tool" write >"$work/ours.ale" || { echo "Bail out! ale_tool"; exit 1; }
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" "$here/ale_compare.py" "$tool" "$work"
