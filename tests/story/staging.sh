#!/usr/bin/env bash
# A worker that sees none of the house's disks (a mount namespace of its own) and reaches it over TLS: inputs come by their
# content, frames go back through the house. It is killed while it fetches and while it sends; its cache is bounded and mends
# itself. A worker that sees the share at another path. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
far=""
net=ph$$ subnet=10.$((20 + RANDOM % 200)).$((RANDOM % 250)) enter=()
end_all() { [ -n "$far" ] && kill -9 "$far" 2>/dev/null; ip netns del $net 2>/dev/null; clean; }
trap end_all EXIT
unshare -m true 2>/dev/null || { echo "1..0 # SKIP no mount namespaces here"; exit 0; }
here() { "$posthouse" "$1" --house.folder="$house" "${@:2}"; }
says() { # says PATTERN STATUS COMMAND...
  local status=0
  "${@:3}" >"$work/heard" 2>&1 || status=$?
  cat "$work/heard"; echo "status $status"
  [[ $status = $2 ]] && grep -qE -- "$1" "$work/heard"
}
worker() { # worker [OPTION...]: where the house's folder and the show are not
  "${enter[@]}" unshare -m -u bash -c 'hostname far-mill && mount --make-rprivate / && mount -t tmpfs none "$1" && { [ -z "$3" ] || mount --bind "$2" "$3"; } &&
    mount -t tmpfs none "$2" && shift 3 && exec "$@"' - "$house" "$show" "${elsewhere:-}" \
    "$posthouse" work --house="$far_url" --fingerprint="$print" --token-file="$work/worker.token" --worker.slots=2 "$@" 2>>"$work/far.err" &
  far=$!
}
stop_worker() { kill -TERM $far 2>/dev/null; wait $far 2>/dev/null; far=""; }
kill_worker() { kill -9 $far; wait $far 2>/dev/null; far=""; }
state() { ask GET "/jobs/$1" | field .state; }
job_is() { [ "$(state "$1")" = "$2" ]; }
job_id() { field .id <"$1"; }
cached() { find "$cache" -path '*/files/*' -type f "$@"; }
fetched() { [ "$(sed -n 's/.*worker.staged.* fetched=\([0-9]*\) .*/\1/p' "$work/far.err" | tail -1)" = "$1" ]; }
export TMPDIR=$work/tmp; mkdir -p "$TMPDIR"
show=$work/show cache=$work/cache
ask() { curl -sSk --fail-with-body -X "$1" -H "Authorization: Bearer $token" ${3:+-H "Content-Type: application/json" -d "$3"} "$url/api/v1$2"; }

ok "a house over TLS opens, without a worker" open_house --worker=off --tls=on --listen=0.0.0.0
# Where we may, its network is another one too: nothing is shared but the wire.
far_url=$url
if ip netns add $net 2>/dev/null && ip link add v$net type veth peer name e0 netns $net && ip addr add $subnet.1/24 dev v$net &&
  ip link set v$net up && ip -n $net addr add $subnet.2/24 dev e0 && ip -n $net link set e0 up && ip -n $net link set lo up; then
  enter=(nsenter "--net=/run/netns/$net") far_url=https://$subnet.1:${url##*:}
fi
print=$(sed -n 2p "$house/ready")
project=$(ask POST /projects '{"name":"Farm"}' | field .id)
"$posthouse" user add ann@example.org --house.folder="$house" >"$work/said" 2>&1
"$posthouse" user token ann@example.org --scope worker --house.folder="$house" >"$work/worker.token" 2>/dev/null
mkdir -p "$show/parts" "$show/maps"
cat >"$show/ball.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
#include "parts/rig.inc"
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <sin(clock * 6.28), 0, 0>, R pigment { rgb <1, 0.3, 0.2> } }
plane { y, -1 pigment { image_map { png "maps/floor.png" } rotate x*90 } }
POV
echo '#declare R = 1;' >"$show/parts/rig.inc"
size=(-p Width=96 -p Height=54)
farm=(--project Farm --stage)
pixels() { ffmpeg -v error -i "$1" -f md5 -; }

# ---- what is missing is named, by who submits and by the house
ok "a missing texture is named before anything is sent" says 'maps/floor.png' 3 here submit "$show/ball.pov" "${farm[@]}" --frames 1 "${size[@]}"
ffmpeg -v error -f lavfi -i testsrc2=s=64x64 -frames:v 1 "$show/maps/floor.png"
cat >"$work/sum.yaml" <<'YAML'
specificationVersion: jobtemplate-2023-09
name: Sum
parameterDefinitions:
- {name: Files, type: PATH, objectType: DIRECTORY, dataFlow: IN}
- {name: Big, type: PATH, objectType: FILE, dataFlow: IN}
- {name: Want, type: STRING}
steps:
- name: Sum
  script:
    actions:
      onRun: {command: bash, args: ["-c", "set -e; have=$(cd \"$0\" && find . -type f | sort | xargs cat | cat - \"$1\" | md5sum | cut -d' ' -f1); echo sum $have; ! (echo x >> \"$1\") 2>/dev/null || chmod u+w \"$1\"; [ $have = $2 ]", "{{Param.Files}}", "{{Param.Big}}", "{{Param.Want}}"]}
YAML
mkdir -p "$show/many"
(cd "$show/many" && for i in $(seq 40); do mkdir -p d$i; for k in $(seq 50); do echo "file $i $k" >d$i/f$k.txt; done; done)
head -c 110000000 /dev/urandom >"$show/big.bin"
sum=$(cd "$show/many" && find . -type f | sort | xargs cat | cat - "$show/big.bin" | md5sum | cut -d' ' -f1)
many=(-p Files="$show/many" -p Big="$show/big.bin" -p Want="$sum")
ok "an input that a parameter names is missed as well" says 'none.bin' 3 here submit "$work/sum.yaml" "${farm[@]}" "${many[@]}" -p Big="$show/none.bin"
ask POST "/projects/$project/transfers" '{"name":"x","origin":"job"}' >"$work/t"
cat >"$work/options.json" <<JSON
{"template": $(node -e 'console.log(JSON.stringify(require("fs").readFileSync(process.argv[1],"utf8")))' "$work/sum.yaml"),
 "parameters": {"Files": "$show/many", "Big": "$show/big.bin", "Want": "x"}, "options": {"data": "staged", "transfer": "$(field .id <"$work/t")"}}
JSON
ok "the house refuses a job whose inputs it was not given" bash -c "! curl -sSk -X POST -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d @'$work/options.json' --fail-with-body '$url/api/v1/projects/$project/jobs' >'$work/refused'"
ok "by their names" grep -q "$show/many, $show/big.bin" "$work/refused"

# ---- a scene with an include and a texture
ok "a scene is submitted" says '"state": "(waiting|loading|running)"' 0 here submit "$show/ball.pov" "${farm[@]}" --frames 1-4 --chunk 2 --out "$show/out" "${size[@]}" --json
first=$(job_id "$work/heard")
"$posthouse" openjd run "$top/data/renderers/povray.yaml" -p Scene="$show/ball.pov" -p Frames=1-4 -p LastFrame=4 "${size[@]}" -p OutputDir="$work/alone" -p Library="$show" -p LibraryUsed=true >/dev/null 2>&1
ffmpeg -v error -y -f lavfi -i color=red:s=64x64 -frames:v 1 "$show/maps/floor.png"
ok "that a file has changed since is noticed by its content" says 'maps/floor.png' 1 here job "$first" inputs --check
worker --worker.disks=off --worker.cache="200 MB" --worker.cache.folder="$cache"
ok "a worker that sees none of it renders" until_true 60 job_is "$first" done
ok "all frames are in their places, and nothing else" test "$(ls -A "$show/out" | tr '\n' ' ')" = "frame_1.png frame_2.png frame_3.png frame_4.png "
ok "from the files as they were submitted" test "$(pixels "$show/out/frame_3.png")" = "$(pixels "$work/alone/frame_3.png")"
ok "what it made is among the job's files, by content" bash -c "[ \$(curl -sSk -H 'Authorization: Bearer $token' '$url/api/v1/jobs/$first/inputs' | grep -o '\"path\"' | wc -l) = 7 ]"
ok "its files came by UDP" grep -q 'worker.staged.* fetched=[1-9].* via=UDP' "$work/far.err"
logs() { local t; for t in $(ask GET "/jobs/$first/attempts" | field '.map(a=>a.token).join(" ")'); do here job "$first" log "$t"; done; }
ok "the task's log says so" says 'fetched by this worker: [1-9].*, by UDP' 0 logs
ok "and by which way its frames went" says 'went to the house by UDP' 0 logs
ok "its session's files are gone" until_true 20 bash -c "! ls -d '$TMPDIR'/posthouse-worker-*/files-* 2>/dev/null"
ok "what is no staged job is not for it" says '"state"' 0 here submit "$show/ball.pov" --project Farm --frames 1 "${size[@]}" --json
shared=$(job_id "$work/heard")
ok "which is said" says 'no=disks' 0 here job "$shared" why
here job "$shared" cancel >/dev/null
ok "the library has none of it" test "$(ask GET "/projects/$project/assets" | field .items.length)" = 0

# ---- killed while it fetches, and the next one while it sends
cat >"$work/large.yaml" <<'YAML'
specificationVersion: jobtemplate-2023-09
name: Large
parameterDefinitions:
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1"}]}
  script:
    actions:
      onRun: {command: nice, args: [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "color=gray:s=6000x4000", "-frames:v", "1", "-pix_fmt", "rgb48le", "-compression_algo", "raw", "{{Param.Out}}/a.000{{Task.Param.Frame}}.tif"]}
YAML
ok "a job of 2,000 small files and a big one" says '"state": "(waiting|loading|running)"' 0 here submit "$work/sum.yaml" "${farm[@]}" "${many[@]}" --json
second=$(job_id "$work/heard")
ok "is being fetched" until_true 60 bash -c "[ -n \"\$(find '$cache' -path '*/parts/*' -size +8M)\" ]"
kill_worker
ok "a job of large frames" says '"state": "(waiting|loading|running)"' 0 here submit "$work/large.yaml" "${farm[@]}" -p Out="$show/large" --output "$show/large/a.####.tif" --size 6000x4000 --json
third=$(job_id "$work/heard")
worker --worker.disks=off --worker.cache="200 MB" --worker.cache.folder="$cache"
ok "one of them is on its way to the house" until_true 60 bash -c "[ -n \"\$(find '$house/scratch' -name 0-1 -size +1M)\" ]"
kill_worker
ok "nothing is half there" bash -c "! ls -A '$show/large' 2>/dev/null | grep -v '^a.0001.tif$' | grep ."
mkdir -p "$work/elsewhere" "$show/mapped/.posthouse-00000000000000000000000000-0"
touch "$show/mapped/.posthouse-00000000000000000000000000-0/"{.lock,half.png}
elsewhere=$work/elsewhere worker --worker.paths="$show=$work/elsewhere" --worker.cache="200 MB" --worker.cache.folder="$cache"

# ---- until their leases are over: the same disks, seen elsewhere; steps after steps; whose files are whose
ok "a worker that sees the share at another path renders" says ', done' 0 here submit "$show/ball.pov" --project Farm --frames 1-2 --out "$show/mapped" "${size[@]}" --wait
ok "into the share; what a worker that died has left there goes" until_true 20 bash -c "[ \"\$(ls -A '$show/mapped' | tr '\n' ' ')\" = 'frame_1.png frame_2.png ' ]"
cat >"$work/steps.yaml" <<'YAML'
specificationVersion: jobtemplate-2023-09
name: Steps
parameterDefinitions:
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
- {name: Film, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1-3"}]}
  script:
    actions:
      onRun: {command: nice, args: [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x36", "-frames:v", "1", "{{Param.Out}}/f.000{{Task.Param.Frame}}.png"]}
- name: Film
  dependencies: [{dependsOn: Render}]
  script:
    actions:
      onRun: {command: nice, args: [ffmpeg, "-v", "error", "-i", "{{Param.Out}}/f.%04d.png", "-c:v", "mpeg4", "{{Param.Film}}/film.mov"]}
YAML
cat >"$work/steps.json" <<JSON
{"outputs": [{"step": "Render", "path": "$show/steps/f.####.png"}, {"step": "Film", "path": "$show/films/film.mov"}]}
JSON
ok "a step reads what the step before it made" says ', done' 0 here submit "$work/steps.yaml" "${farm[@]}" -p Out="$show/steps" -p Film="$show/films" --options "$work/steps.json" --wait
ok "all of it comes to its place" test "$(ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 "$show/films/film.mov") $(ls -A "$show/steps" | tr '\n' ' ')" = "3 f.0001.png f.0002.png f.0003.png "
cat >"$show/tile.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { 0, 1 pigment { rgb <1, 0.3, 0.2> } }
POV
cat >"$work/tiles.yaml" <<'YAML'
specificationVersion: jobtemplate-2023-09
extensions: [EXPR]
name: Tiles
parameterDefinitions:
- {name: Scene, type: PATH, objectType: FILE, dataFlow: IN}
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT}
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1-2"}, {name: Tile, type: INT, range: "1-2"}]}
  script:
    actions:
      onRun: {command: povray, args: ["+I{{Param.Scene}}", "+O{{Param.Out}}/t{{Task.Param.Tile}}_{{Task.Param.Frame}}.png", "+W96", "+H54", "-A", "-D", "+FN", "+WT1", "+SC{{Task.Param.Tile * 48 - 47}}", "+EC{{Task.Param.Tile * 48}}"]}
YAML
cat >"$work/tiles.json" <<JSON
{"outputs": [{"path": "$show/tiles/t{tile}_#.png", "tiles": {"parameter": "Tile", "columns": 2, "rows": 1, "crop": "whole", "into": "$show/tiled_#.png"}}]}
JSON
earlier=$(grep -c worker.staged "$work/far.err")
ok "tiles of a staged job come back" says ', done' 0 here submit "$work/tiles.yaml" "${farm[@]}" -p Scene="$show/tile.pov" -p Out="$show/tiles" --options "$work/tiles.json" --wait
staged_since() { sed -n 's/.*worker.staged.* files=\([0-9]*\) .*/\1/p' "$work/far.err" | tail -n +$((earlier + 1)) | grep -vxE '2001|0' | sort -u | paste -sd' '; } # without the jobs of before
ok "nobody fetches what others of the same step made" test "$(staged_since)" = 1
ok "each into its place" test "$(ls -A "$show/tiles" | tr '\n' ' ')" = "t1_1.png t1_2.png t2_1.png t2_2.png "
povray "+I$show/tile.pov" "+O$work/whole.png" +W96 +H54 -A -D +FN +WT1 >/dev/null 2>&1
ok "and are put together" until_true 30 test -e "$show/tiled_2.png"
ok "to the whole frame" test "$(pixels "$show/tiled_2.png")" = "$(pixels "$work/whole.png")"
printf '%s\n' 'specificationVersion: jobtemplate-2023-09' 'name: Sleep' 'steps:' '- {name: S, script: {actions: {onRun: {command: sleep, args: ["60"]}}}}' >"$work/sleep.yaml"
ok "a job that reads nothing" says '"state"' 0 here submit "$work/sleep.yaml" "${farm[@]}" --json
sleeps=$(job_id "$work/heard")
ok "runs" until_true 30 job_is "$sleeps" running
ask GET "/jobs/$sleeps/attempts" >"$work/attempts"
held="worker=$(ask GET /nodes | field '.find(w=>w.state==="working").id')&attempt=$(field '[0].attempt' <"$work/attempts")&token=$(field '[0].token' <"$work/attempts")"
other=$(ask GET "/jobs/$first/inputs" | field '.files[0].content')
as_worker() { curl -sSk -o "$work/answer" -w '%{http_code}' -H "Authorization: Bearer $(cat "$work/worker.token")" "$far_url/api/v1$1"; }
ok "its worker may ask for its files" test "$(as_worker "/work/files?$held")" = 200
ok "and for those of no other job" test "$(as_worker "/work/file?$held&content=$other")" = 404
ok "an attempt that is not held gives nothing" test "$(as_worker "/work/files?${held}1")" = 409
as_worker "/work/made?$held&output=0&frame=1&size=1&content=$other" >/dev/null; ok "an output that the job does not have can not be sent" grep -q "no such output" "$work/answer"
as_worker "/work/made?$held&name=..%2F..%2Fx&size=1&content=$other" >/dev/null; ok "nor one by a name that leads away" grep -q "can not have that name" "$work/answer"
ok "a person's token is none of a worker" bash -c "! curl -sSk --fail -H 'Authorization: Bearer $token' '$url/api/v1/work/files?$held'"
here job "$sleeps" cancel >/dev/null

ok "after both kills the first is done all the same" until_true 120 job_is "$second" done
ok "the big file went on where it stood" grep -q 'cache.goes_on' "$work/far.err"
ok "all small files are kept, each once" test "$(cached -size -100k | wc -l)" = 2005 # the three frames of the steps are the same
ok "the second is done as well" until_true 120 job_is "$third" done
ok "each frame is in its place, whole" bash -c "cd '$show/large' && [ \"\$(ls -A | tr '\n' ' ')\" = 'a.0001.tif ' ] && for f in *; do [ \"\$(ffprobe -v error -show_entries stream=width,height -of csv=p=0 \$f)\" = 6000,4000 ] || exit 1; done"
ok "the house keeps its own folder for itself" says 'no frames are brought' 3 here submit "$work/large.yaml" "${farm[@]}" -p Out="$house/store" --output "$house/store/a.####.tif"
ok "the same again needs nothing" says ', done' 0 here submit "$work/sum.yaml" "${farm[@]}" "${many[@]}" --wait
ok "not one file" fetched 0
ok "nor were chunks sent to the house again" grep -qE 'sent: ([0-9]+ B|[0-9.]+ [kK]i?B)' "$work/heard"

# ---- how fast the line was
speed() { ask GET /speeds | node -e 'const s=JSON.parse(require("fs").readFileSync(0)).find(s=>s.kind===process.argv[1]&&s.direction===process.argv[2]);process.exit(s&&s.bytes_s>1e5&&Date.now()-Date.parse(s.measured)<6e5?0:1)' "$@"; }
ok "what it fetched has measured the line to it" until_true 20 speed worker out
ok "what it sent, the line from it" until_true 20 speed worker in
ok "what was brought for jobs, that of who submitted" speed put in
printf '{"suspended": true}' >"$work/later.json"
ok "a job that waits for a plan" says '"state"' 0 here submit "$work/large.yaml" "${farm[@]}" -p Out="$show/planned" --output "$show/planned/a.####.tif" --options "$work/later.json" --json
planned=$(job_id "$work/heard")
ok "is planned by what was measured" says 'Line up [0-9.]+ Mbit/s \(measured by worker of .* ago\), down [0-9.]+ Mbit/s \(measured by worker' '[01]' here plan "$planned" --frame-seconds 60
ok "unless it is said" says 'Line up 40 Mbit/s \(as you said\)' '[01]' here plan "$planned" --frame-seconds 60 --link 40
ok "nodes tell it with its date" says 'line from the house to worker .* Mbit/s, measured .* ago$' 0 here nodes
here job "$planned" cancel >/dev/null

# ---- damage and bounds
moved() { ask GET /traffic/history | field ".filter(m=>m.kind==='staging'&&m.way==='$1'&&m.via==='udp'&&m.bytes>1e7).length" | grep -qv '^0$'; }
ok "the history says that the big file went by UDP" until_true 60 moved out
ok "and the large frame" until_true 60 moved in
mkdir -p "$show/few"; echo few >"$show/few/f.txt"
big_job() { # big_job: the sum of what is there now
  local sum; sum=$(cat "$show/few/f.txt" "$show/part.bin" | md5sum | cut -d' ' -f1)
  here submit "$work/sum.yaml" "${farm[@]}" -p Files="$show/few" -p Big="$show/part.bin" -p Want="$sum" --wait
}
came_bytes() { sed -n 's/.*worker.staged.* fetched_bytes=\([0-9]*\) .*/\1/p' "$work/far.err" | tail -1; }
head -c 20000000 /dev/urandom >"$show/part.bin"
ok "a file of three chunks comes" says ', done' 0 big_job
printf X | dd of="$show/part.bin" bs=1 seek=9000000 conv=notrunc 2>/dev/null
ok "limits of the line, the project and whose worker it is" caps_on "$(ask GET /people | field ".find(p=>p.email==='ann@example.org').id")"
ok "and again, with one of them changed, which counts against each" counts out 8388608 says ', done' 0 big_job
ok "only that one is fetched" test "$(came_bytes)" = 8388608
stop_worker
victim=$(cached -size +100M | head -1)
chmod u+w "$victim"; printf X | dd of="$victim" bs=1 seek=77777777 conv=notrunc 2>/dev/null
# UDP is blocked from here on, where we have a network of its own to block it in.
blocked=TCP
{ [ ${#enter[@]} -gt 0 ] && ip -n $net rule add pref 1 ipproto udp blackhole; } 2>/dev/null || blocked=UDP
worker --worker.disks=off --worker.cache="200 MB" --worker.cache.folder="$cache"
ok "a damaged file of the cache does not get into a job" says ', done' 0 here submit "$work/sum.yaml" "${farm[@]}" "${many[@]}" --wait
ok "it was noticed" grep -q 'cache.damaged' "$work/far.err"
head -c 120000000 /dev/urandom >"$show/big.bin"
sum=$(cd "$show/many" && find . -type f | sort | xargs cat | cat - "$show/big.bin" | md5sum | cut -d' ' -f1)
ok "another big file comes, and counts too" counts out 120000000 says ', done' 0 here submit "$work/sum.yaml" "${farm[@]}" "${many[@]}" -p Big="$show/big.bin" -p Want="$sum" --wait
came_by() { sed -n 's/.*worker.staged.* fetched=\([0-9]*\) .* via=\(.*\)/\1 \2/p' "$work/far.err" | tail -1; }
ok "without UDP it came by several lines of TCP" test "$(came_by)" = "1 $blocked"
ip -n $net rule del pref 1 2>/dev/null
ok "the cache stays within its bounds" test "$(cached -printf '%s\n' | awk '{s+=$1} END {print (s < 200000000)}')" = 1
ok "what was used longest ago went" test ! -e "$victim"
ok "workers that were killed left nothing behind" test "$(ls -d "$TMPDIR"/posthouse-worker-* | wc -l)" = 1

# ---- what nobody needs any more leaves the store; the house is killed while it sweeps
stop_worker
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
left() { sql "select count(*) from job_files"; }
ok "one of the inputs comes into the library, too" "$posthouse" put "$show/maps/floor.png" --house.folder="$house" --project Farm
kept=$(ask GET "/projects/$project/assets" | field '.items[0].version.id')
ok "the house closes" close_house
files=$(left) full=$(sql "select sum(length) from chunks")
ok "it opens again, and keeps nothing longer than it must" open_house --worker=off --tls=on --listen=0.0.0.0 --staged.keep="0 s"
going() { local n; n=$(left) && [ "$n" -lt $((files * 2 / 3)) ]; }
ok "files of jobs that have ended are going" until_true 30 going
kill -9 "$server"; wait "$server" 2>/dev/null; server=""
echo "# killed with $(left) of $files rows left"
ok "killed in the middle of it" test "$(left)" -gt 0
ok "it has lost nothing that it names" "$posthouse" check --house.folder="$house"
ok "it opens again" open_house --worker=off --tls=on --listen=0.0.0.0 --staged.keep="0 s"
gone() { [ "$(left) $(sql "select count(*) from transfers where origin = 'job'")" = "0 0" ]; }
ok "and goes on" until_true 60 gone
ok "it says how much it freed" until_true 20 grep -qE 'sweep.staged files=[1-9][0-9]* bytes=[1-9][0-9]* freed=[1-9]' "$work/serve.err"
ok "nothing stays that nobody names" test "$(sql "select count(*) from contents where content not in (select content from version_files union select content from derived)")" = 0
ok "what the library has stays" cmp <(ask GET "/versions/$kept/files/1/bytes") "$show/maps/floor.png"
ok "the store is smaller" test "$(sql "select sum(length) from chunks")" -lt $((full / 100))
ok "so is the disk" test "$(du -sb "$house/store" | cut -f1)" -lt $((full / 20))
ok "a job whose files are gone is not begun again, and says why" says 'not kept any more' 3 here job "$sleeps" retry
ok "nor does it show them" says 'not kept any more' 3 here job "$first" inputs --check

close_house
ok "every byte of the house is proven" "$posthouse" check --house.folder="$house"
sqlite3 "$house/house.db" "pragma foreign_keys = off; delete from contents where content in (select content from version_files)"
ok "what is known and not there would be said" says 'not in its store' 1 here check
finish
