#!/usr/bin/env bash
# openjd.sh POSTHOUSE TASKS FOLDER: the same templates, task parameter spaces, values and expressions for Posthouse and for
# the reference implementation from PyPI (openjd-model, openjd-cli), in a venv of the test's own. Skipped without it.
set -uo pipefail
posthouse=$(realpath "$1") tasks=$(realpath "$2") folder=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/openjd" ]; then
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q install openjd-model openjd-cli; } >"$folder/venv.log" 2>&1; then
    echo "1..0 # SKIP the reference implementation can not be had from PyPI ($folder/venv.log)"
    exit 0
  fi
fi
PYTHONDONTWRITEBYTECODE=1 exec "$folder/venv/bin/python" "$here/openjd_compare.py" "$posthouse" "$tasks" "$folder"
