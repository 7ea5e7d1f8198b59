#!/usr/bin/env bash
# What the farm renders comes together and into the library by itself: frames as a sequence and a movie, again as the next
# version, with gaps and odd frames said by number; while the house is killed. Speaks TAP.
set -uo pipefail
source "$(dirname "$0")/house_lib.sh"
here() { "$posthouse" "$@" --house "$url" --token-file "$house/local.token"; }
sql() { sqlite3 -cmd '.timeout 10000' "$house/house.db" "$1"; }
pixels() { ffmpeg -v error -i "$1" -f md5 -; }

cat >"$work/scene.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <0, sin(clock * 6.28), 0>, 1 pigment { rgb <1, 0.3, 0.2> } finish { phong 1 } }
plane { y, -1 pigment { checker rgb 1, rgb 0.2 } }
POV
out=$work/show/frames
mkdir -p "$out" "$work/show/tiles"
scene=(-p Width=96 -p Height=54 -p Threads=1 -p Antialias=0)
job_of() { cut -d' ' -f1 "$work/submitted"; }
assets_of() { ask GET "/jobs/$1" | field ".assets$2"; }
asset_is() { [ "$(assets_of "$1" '[0].state')" = "$2" ]; }
requeue() { ask POST "/jobs/$1/steps/1/requeue" "{\"first\":$2,\"last\":$3}"; }

ok "the house opens" open_house --worker.slots=2
project=$(ask POST /projects '{"name":"Farm"}' | field .id)
ok "frames and a movie of them are asked for" bash -c "'$posthouse' submit '$work/scene.pov' ${scene[*]} --frames 1-8 --chunk 2 --out '$out' --not-black --asset 'Ring' --asset-folder 'Renders/sh010' --movie web-h264-1080p --rate 25 --project Farm --wait --house '$url' --token-file '$house/local.token' >'$work/submitted'"
job=$(job_of)
asset=$(assets_of "$job" '[0].asset')
ok "the sequence is in the library" until_true 60 state_is "$asset" ready
ok "under its name, with its frames and its rate" test "$(ask GET "/assets/$asset" | field '.name') $(ask GET "/assets/$asset" | field '.version.facts.sequence.count') $(ask GET "/assets/$asset" | field '.version.facts.rate')" = "Ring 8 25"
ok "in its folder" test "$(ask GET "/projects/$project/folders" | field '.map(f=>f.name).sort().join()')" = Renders,sh010
movie_made() { [ -n "$(assets_of "$job" '[0].movie')" ]; }
ok "a movie of it is made" until_true 60 movie_made
movie=$(assets_of "$job" '[0].movie')
ok "it plays" until_true 60 state_is "$movie" ready
ok "and is of the same length" test "$(ask GET "/assets/$movie" | field .version.facts.duration_frames)" = 8

# Again: the next version.
requeue "$job" 2 3 >/dev/null
again() { [ "$(ask GET "/assets/$asset" | field .version.number)" = 2 ]; }
ok "frames that are rendered again make the next version" until_true 60 again
ok "and nothing else" test "$(sql "select count(*) from assets")" = 2
movie_again() { [ "$(ask GET "/assets/$movie" | field .version.number)" = 2 ]; }
ok "of the movie too" until_true 60 movie_again

# A frame that is gone, and one that is another.
mv "$out/ring_3.png" "$work/kept.png" 2>/dev/null || mv "$out"/*3.png "$work/kept.png"
three=$(cd "$out" && ls | head -1 | sed 's/[0-9]*\.png/3.png/')
requeue "$job" 0 0 >/dev/null
ok "a missing frame is said by its number" until_true 60 bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/jobs/$job' | grep -q 'frame 3 is missing'"
ok "the job says how it is mended" bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/jobs/$job' | grep -q 'render frame 3 of Render again'"
ffmpeg -v error -i "$work/kept.png" -vf scale=48:27 "$out/$three"
requeue "$job" 0 0 >/dev/null
ok "a frame of another size is said by its number" until_true 60 bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/jobs/$job' | grep -q 'frame 3 is not as it should be.*48 x 27'"
requeue "$job" 2 2 >/dev/null
third() { [ "$(ask GET "/assets/$asset" | field .version.number)" = 3 ]; }
ok "rendered again it comes in" until_true 60 third
ok "and the job has no problem any more" test "$(ask GET "/jobs/$job" | field .problem)" = ""

# Tiles: frames that are put together are those of a whole render, bit for bit.
cat >"$work/tiles.yaml" <<'YAML'
specificationVersion: jobtemplate-2023-09
extensions: [EXPR]
name: Tiles
parameterDefinitions:
- {name: Scene, type: PATH, objectType: FILE, dataFlow: IN}
- {name: OutputDir, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
steps:
- name: Render
  parameterSpace:
    taskParameterDefinitions:
    - {name: Frame, type: INT, range: "1-3"}
    - {name: Tile, type: INT, range: "1-4"}
  script:
    let:
    - c = (Task.Param.Tile - 1) % 2
    - r = (Task.Param.Tile - 1) // 2
    actions:
      onRun:
        command: povray
        args: ["+I{{Param.Scene}}", "+O{{Param.OutputDir}}/t{{Task.Param.Tile}}_{{Task.Param.Frame}}.png", "+W96", "+H54", "-A", "-D", "+FN", "+WT1", "+K{{Task.Param.Frame / 3}}", "+SC{{c * 48 + 1}}", "+EC{{c * 48 + 48}}", "+SR{{r * 27 + 1}}", "+ER{{r * 27 + 27}}"]
YAML
cat >"$work/tiles.json" <<JSON
{"outputs":[{"step":"Render","path":"$work/show/tiles/t{tile}_#.png","width":96,"height":54,"not_black":true,"asset":{"name":"Tiled"},
  "tiles":{"parameter":"Tile","columns":2,"rows":2,"crop":"whole","into":"$work/show/whole_#.png"}}]}
JSON
ok "tiles are rendered and put together" bash -c "'$posthouse' submit '$work/tiles.yaml' -p Scene='$work/scene.pov' -p OutputDir='$work/show/tiles' --options '$work/tiles.json' --project Farm --wait --house '$url' --token-file '$house/local.token' >'$work/submitted'"
tiled=$(job_of)
for frame in 1 2 3; do
  povray "+I$work/scene.pov" "+O$work/alone_$frame.png" +W96 +H54 -A -D +FN +WT1 "+K$(awk "BEGIN{printf \"%.17g\", $frame/3}")" >/dev/null 2>&1
  ok "frame $frame is the whole one bit for bit" test "$(pixels "$work/show/whole_$frame.png")" = "$(pixels "$work/alone_$frame.png")"
done
ok "they are a sequence" until_true 60 state_is "$(assets_of "$tiled" '[0].asset')" ready
sed 's/"columns":2/"columns":3/' "$work/tiles.json" >"$work/wrong.json"
ok "a grid that is not the template's is refused" bash -c "! '$posthouse' submit '$work/tiles.yaml' -p Scene='$work/scene.pov' -p OutputDir='$work/show/tiles' --options '$work/wrong.json' --project Farm --house '$url' --token-file '$house/local.token' 2>'$work/refusal'; grep -q 'frame 1 has 4 tiles, the grid 6' '$work/refusal'"

# Frames appear as their tiles are there, while the job runs; a tile that is made again makes its frame again, and no other.
gate=$work/gate
sed -e 's|command: povray|command: bash|' -e "s|args: \[|args: [\"-c\", \"while [ \$0 = 3 ] \&\& [ ! -e $gate ]; do sleep 0.1; done; exec povray \\\\\"\$@\\\\\"\", \"{{Task.Param.Frame}}\", |" "$work/tiles.yaml" >"$work/slow.yaml"
sed -e 's|,"asset":{"name":"Tiled"}||' -e "s|/whole_#|/early_#|; s|/tiles/t|/slow/t|" "$work/tiles.json" >"$work/slow.json"
mkdir -p "$work/show/slow"
ok "a job whose last frame waits is submitted" bash -c "'$posthouse' submit '$work/slow.yaml' -p Scene='$work/scene.pov' -p OutputDir='$work/show/slow' --options '$work/slow.json' --project Farm --house '$url' --token-file '$house/local.token' >'$work/submitted'"
slow=$(job_of)
early() { [ -e "$work/show/early_1.png" ] && [ -e "$work/show/early_2.png" ]; }
ok "its first frames are there" until_true 60 early
ok "while it runs" test "$(ask GET "/jobs/$slow" | field .state) $(ls "$work/show" | grep -c early)" = "running 2"
ok "they are whole ones" test "$(pixels "$work/show/early_2.png")" = "$(pixels "$work/alone_2.png")"
which=$(stat -c '%i %y' "$work/show/early_1.png" "$work/show/early_2.png")
rm "$work/show/slow/"t?_2.png
touch "$gate"
ok "then it ends, though somebody has cleared tiles away" until_true 60 bash -c "[ \"\$(sqlite3 -readonly '$house/house.db' \"select state from gathers where job='$slow'\")\" = done ]"
ok "with all its frames" test "$(pixels "$work/show/early_3.png")" = "$(pixels "$work/alone_3.png")"
ok "none was made twice" test "$(stat -c '%i %y' "$work/show/early_1.png" "$work/show/early_2.png")" = "$which"
requeue "$slow" 0 0 >/dev/null
again() { [ "$(sql "select count(*) from gathers where job='$slow' and state = 'done'")" = 2 ]; }
ok "a tile is made again" until_true 60 again
ok "its frame too, the other not" test "$(stat -c %i "$work/show/early_1.png" "$work/show/early_2.png" | paste -sd' ' | awk -v was="$(cut -d' ' -f1 <<<"$which" | paste -sd' ')" '{split(was, w); print ($1 != w[1]) ($2 == w[2])}')" = 11

cat >"$work/odd.yaml" <<YAML
specificationVersion: jobtemplate-2023-09
name: Odd
parameterDefinitions:
- {name: OutputDir, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1-3"}, {name: Tile, type: INT, range: "1-2"}]}
  script:
    actions:
      onRun: {command: bash, args: ["-c", "while [ \$0 = 3 ] && [ ! -e $gate.odd ]; do sleep 0.1; done; ffmpeg -v error -f lavfi -i testsrc2=s=48x\$((\$0 == 1 && \$1 == 2 ? 30 : 27)) -frames:v 1 \$2/t\$1_\$0.png", "{{Task.Param.Frame}}", "{{Task.Param.Tile}}", "{{Param.OutputDir}}"]}
YAML
cat >"$work/odd.json" <<JSON
{"outputs":[{"path":"$work/show/odd/t{tile}_#.png","tiles":{"parameter":"Tile","columns":2,"rows":1,"crop":"part","into":"$work/show/odd_#.png"}}]}
JSON
ok "a job whose tiles do not fit is submitted" bash -c "'$posthouse' submit '$work/odd.yaml' -p OutputDir='$work/show/odd' --options '$work/odd.json' --project Farm --house '$url' --token-file '$house/local.token' >'$work/submitted'"
odd=$(job_of)
told() { ask GET "/jobs/$odd" | field .problem.title | grep -q 'frame 1 can not be put together'; }
ok "which is said while it runs" until_true 60 told
ok "and the frames that fit come" until_true 60 test -e "$work/show/odd_2.png"
ok "it runs still" test "$(ask GET "/jobs/$odd" | field .state)" = running
touch "$gate.odd"
odd_failed() { [ "$(assets_of "$odd" '[0].state')" = failed ] && told; }
ok "at its end it is said again" until_true 60 odd_failed
ok "and all that fits is there" test -e "$work/show/odd_3.png"

# The house is killed while frames come in.
ok "a job that is black is no picture" bash -c "echo 'camera { location 0 }' >'$work/black.pov'; ! '$posthouse' submit '$work/black.pov' ${scene[*]} --frames 1-2 --out '$work/show/black' --not-black --tries 1 --project Farm --wait --house '$url' --token-file '$house/local.token'"
ok "and says so" bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/projects/$project/jobs' | head -c 0; sqlite3 '$house/house.db' \"select error from attempts where error like '%black everywhere%'\" | grep -q bad_output"
versions() { sql "select count(*) from versions v join assets a on a.id = v.asset where a.id = '$asset'"; }
for round in 1 2 3 4; do
  before=$(versions)
  requeue "$job" $((round % 4 * 2)) $((round % 4 * 2 + 1)) >/dev/null
  for kill in 1 2 3; do
    sleep "0.$((RANDOM % 9 + 1))"
    kill -9 "$server"; wait "$server" 2>/dev/null
    open_house --worker.slots=2 || { bad=1; break; }
  done
  one_more() { [ "$(versions)" = $((before + 1)) ] && asset_is "$job" done && [ "$(sql "select state from jobs where id='$job'")" = done ]; }
  ok "killed three times there is one version more ($round)" until_true 90 one_more
done
sleep 1
ok "and no other asset" test "$(sql "select count(*) from assets where kind = 'sequence'")" = 2
ok "nothing is left on the way" test -z "$(ls -A "$house/gathered" 2>/dev/null)"
ok "the house closes" close_house
ok "what is stored is whole" "$posthouse" check --house.folder="$house"
finish
