#!/usr/bin/env bash
# blender.sh POSTHOUSE TOP: what we read of a Blender file is what Blender says of it. Speaks TAP.
set -uo pipefail
posthouse=$(realpath "$1") top=$(realpath "$2")
command -v blender >/dev/null || { echo "1..0 # SKIP there is no Blender here (tools/install-deps long)"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 bad=0
ok() { number=$((number + 1)); if "${@:2}" >"$work/said" 2>&1; then echo "ok $number $1"; else echo "not ok $number $1"; sed 's/^/# /' "$work/said"; bad=1; fi; }

ok "Blender makes a scene" blender -b --factory-startup -noaudio -P "$top/tests/conformance/blender_scene.py" -- "$work/scene"
cat >"$work/compare.mjs" <<'JS'
import { readFileSync } from "node:fs";
import assert from "node:assert";
const truth = JSON.parse(readFileSync(process.argv[2])), ours = JSON.parse(readFileSync(process.argv[3]));
const of = process.argv[4];
// A sequencer's strip shows a sound that is a datablock too; the folder of its images may be written twice.
const written = [...new Set(ours.files.filter((f) => f.of === of).map((f) => f.written))].sort();
assert.deepEqual(written, truth.written);
for (const k of ["first", "last", "step", "width", "height", "output"]) assert.equal(ours.renders[k], truth[k], k);
const missing = ours.files.filter((f) => f.state === "missing").map((f) => f.written).sort();
assert.deepEqual(missing, ["//cache.mdd", "//smoke_0001.vdb", "//tex/not there ü.png"]);
JS
for name in scene small; do
  "$posthouse" scene "$work/scene/$name.blend" --json >"$work/$name.json"
  ok "$name.blend: something is missing" test $? = 1
  ok "$name.blend: each path, frame range and size is Blender's" node "$work/compare.mjs" "$work/scene/truth.json" "$work/$name.json" "$work/scene/$name.blend"
done
ok "a linked library has its own needs" "$posthouse" scene "$work/scene/lib.blend"
echo "1..$number"
exit $bad
