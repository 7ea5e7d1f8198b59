#!/usr/bin/env bash
# colour.sh ASK TOOL FOLDER: viewing transforms beside OpenColorIO (PyPI: opencolorio, in a venv below FOLDER) and ffmpeg.
# Skipped without it.
set -uo pipefail
ask=$(realpath "$1") tool=$(realpath "$2") folder=$3
wanted="opencolorio==2.4.2 numpy==2.2.6"
mkdir -p "$folder"
folder=$(realpath "$folder")
if [ "$(cat "$folder/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$folder/venv"
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q install --disable-pip-version-check $wanted; } >"$folder/venv.log" 2>&1; then
    echo "1..0 # SKIP OpenColorIO can not be had from PyPI ($folder/venv.log)"
    exit 0
  fi
  echo "$wanted" >"$folder/venv/made-of"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" "$(dirname "$0")/colour_judge.py" "$ask" "$tool" "$work"
