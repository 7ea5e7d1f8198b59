#!/usr/bin/env bash
# imports.sh POSTHOUSE TOP FOLDER: templates made of other farms' jobs, before the reference implementation of Open Job
# Description (openjd-cli of PyPI, in a venv below FOLDER). Speaks TAP.
set -uo pipefail
posthouse=$(realpath "$1") top=$(realpath "$2") venv=$3/openjd-reference
. "$(dirname "$0")/openjd_venv.sh"
openjd_reference "$3" || { echo "1..0 # SKIP openjd-cli can not be had"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 bad=0
ok() { number=$((number + 1)); if "${@:2}" >"$work/said" 2>&1; then echo "ok $number $1"; else echo "not ok $number $1"; sed 's/^/# /' "$work/said"; bad=1; fi; }
try() { # try NAME FILE...: it is imported, and the reference accepts it
  ok "$1 is imported" "$posthouse" openjd import "${@:2}" --out "$work/$1"
  ok "$1 is a template" "$venv/bin/openjd" check "$work/$1/template.json"
}
jobs=$top/tests/formats/jobs
try maya "$jobs/maya.job" "$jobs/maya.plugin"
try line "$jobs/line.job" "$jobs/line.plugin"
try show "$jobs/show.alf"
try json "$top/fuzz/seeds/deadline/json"
for plugin in Blender Arnold Vray Nuke Houdini AfterEffects Python MayaCmd; do
  printf 'Plugin=%s\nName=%s\nFrames=10-1x3,20-40\nChunkSize=4\nSequential=True\nEnvironmentKeyValue0=A={{b}}\n' $plugin $plugin >"$work/job"
  printf '%s=/a {b}}.0001.x\n' SceneFile InputFile InputFilename OutputDriver ScriptFile >"$work/plugin"
  try $plugin "$work/job" "$work/plugin"
done
ok "the reference runs it" "$venv/bin/openjd" run "$work/line/template.json" --step Render
grep -q 'a b-002--2{x}{{y}}' "$work/said"; ok "and its words arrive as they were" test $? = 0
echo "1..$number"
exit $bad
