#!/usr/bin/env bash
# blender.sh POSTHOUSE TOP: what we read of a Blender file is what Blender says of it. Speaks TAP.
set -uo pipefail
posthouse=$(realpath "$1") top=$(realpath "$2")
command -v blender >/dev/null || { echo "1..0 # SKIP there is no Blender here (tools/install-deps long)"; exit 0; }
work=$(mktemp -d)
server=""
trap '[ -n "$server" ] && kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT
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

# ---- the add-on, in Blender, against a real house
cat >"$work/render.py" <<'PY'
import bpy, sys
out = sys.argv[sys.argv.index("--") + 1]
bpy.ops.object.camera_add(location=(0, -8, 1), rotation=(1.4, 0, 0))
scene = bpy.context.scene
scene.camera = bpy.context.object
scene.frame_end, scene.render.filepath, scene.render.engine = 4, "//out/f_####", "CYCLES"
scene.render.image_settings.file_format, scene.render.resolution_x, scene.render.resolution_y = "PNG", 80, 44
scene.cycles.samples, scene.cycles.use_denoising = 2, False
bpy.ops.wm.save_as_mainfile(filepath=out)
PY
ok "Blender makes one to render" blender -b --factory-startup -noaudio -P "$work/render.py" -- "$work/small_render.blend"
ok "the add-on is packed" "$top/tools/blender-addon" "$work/addon.zip"
"$posthouse" serve --house.folder="$work/house" --port=0 --media.port=0 --store.reserve=0 >/dev/null 2>"$work/serve.err" & server=$!
for _ in $(seq 200); do [ -s "$work/house/ready" ] && break; sleep 0.1; done
export POSTHOUSE_URL=$(head -1 "$work/house/ready") POSTHOUSE_TOKEN=$(cat "$work/house/local.token")
export BLENDER_USER_SCRIPTS=$work/scripts BLENDER_USER_CONFIG=$work/config
project=$(curl -sS -H "Authorization: Bearer $POSTHOUSE_TOKEN" -H 'Content-Type: application/json' -d '{"name":"B"}' "$POSTHOUSE_URL/api/v1/projects" | node -pe 'JSON.parse(require("fs").readFileSync(0)).id')
addon() { blender -b "$1" -noaudio -P "$top/tests/conformance/blender_addon.py" -- "$work/addon.zip" "$project" "$work/answer.json"; }
told() { node -e 'const a=JSON.parse(require("fs").readFileSync(process.argv[1]));process.exit(eval(process.argv[2])?0:1)' "$work/answer.json" "$1"; }
addon "$work/scene/scene.blend" >/dev/null 2>&1
ok "the add-on refuses a scene whose files are missing, by name" told 'a.problem.why.includes("not there ü.png") && a.problem.why.includes("cache.mdd")'
addon "$work/small_render.blend" >/dev/null 2>&1
ok "it sends one that is whole" told 'a.job.id.length === 26 && a.job.priority === 70 && a.job.total === 4'
ended() { for _ in $(seq 600); do "$posthouse" job "$(node -pe 'JSON.parse(require("fs").readFileSync(process.argv[1])).job.id' "$work/answer.json")" | grep -q '^  done,' && return; sleep 0.2; done; return 1; }
ok "the farm renders it" ended
ok "every frame is there" bash -c "ls -a $work/out; [ \"\$(ls $work/out | xargs)\" = \"f_0001.png f_0002.png f_0003.png f_0004.png\" ]"
kill -INT $server; wait $server 2>/dev/null
echo "1..$number"
exit $bad
