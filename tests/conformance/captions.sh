#!/usr/bin/env bash
# captions.sh POSTHOUSE FOLDER: our caption files before ttconv, pycaption, webvtt-py, pysubs2 (PyPI, in a venv below FOLDER),
# imscJS (npm) and ffmpeg, and theirs before us. Skipped without them.
set -uo pipefail
posthouse=$(realpath "$1") folder=$2
here=$(cd "$(dirname "$0")" && pwd)
wanted="ttconv==1.2.3 pycaption==2.3.14 webvtt-py==0.6.0 pysubs2==1.8.1"
mkdir -p "$folder"
folder=$(realpath "$folder")
if [ "$(cat "$folder/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$folder/venv"
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q install --disable-pip-version-check $wanted; } >"$folder/venv.log" 2>&1; then
    echo "1..0 # SKIP the readers of captions can not be had from PyPI ($folder/venv.log)"
    exit 0
  fi
  echo "$wanted" >"$folder/venv/made-of"
fi
# imscJS, from npm; what it sees is skipped without it
[ -d "$folder/node_modules/imsc" ] || (cd "$folder" && echo '{}' >package.json && npm install --silent --no-audit --no-fund imsc@1.1.5) >"$folder/npm.log" 2>&1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" "$here/captions_compare.py" "$posthouse" "$work" "$folder"
