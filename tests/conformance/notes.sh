#!/usr/bin/env bash
# notes.sh POSTHOUSE TOOL FOLDER: our notes before OpenTimelineIO and its adapters (PyPI, in a venv below FOLDER), and
# xmllint. Skipped without them.
set -uo pipefail
tool=$(realpath "$2") folder=$3
here=$(cd "$(dirname "$0")" && pwd)
wanted="opentimelineio==0.17.0 otio-cmx3600-adapter==1.0.0 otio-fcp-adapter==1.0.0 otio-fcpx-xml-adapter==1.0.0"
mkdir -p "$folder"
folder=$(realpath "$folder")
if [ "$(cat "$folder/venv/made-of" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$folder/venv"
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" -q install --disable-pip-version-check $wanted; } >"$folder/venv.log" 2>&1; then
    echo "1..0 # SKIP OpenTimelineIO can not be had from PyPI ($folder/venv.log)"
    exit 0
  fi
  echo "$wanted" >"$folder/venv/made-of"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tool" otio >"$work/show.otio" && "$tool" xmeml >"$work/show.xml" && "$tool" fcpxml >"$work/show.fcpxml" && "$tool" resolve-edl >"$work/show.edl" || { echo "Bail out! notes_tool"; exit 1; }
PYTHONDONTWRITEBYTECODE=1 "$folder/venv/bin/python" "$here/notes_compare.py" "$work"
