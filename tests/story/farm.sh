#!/usr/bin/env bash
# A farm: POV-Ray frames through a house and its worker, while server, worker and renderers are killed. Every frame counts
# exactly once, and its pixels are those of a quiet run. Speaks TAP. KILLS: how often (20).
set -uo pipefail
source "$(dirname "$0")/house_lib.sh"
kills=${KILLS:-20}; [ "${3:-}" = long ] && kills=200
frames=${FRAMES:-$((kills * 2 + 20))}

cat >"$work/scene.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <0, sin(clock * 6.28), 0>, 1 pigment { rgb <1, 0.3, 0.2> } finish { phong 1 } }
plane { y, -1 pigment { checker rgb 1, rgb 0.2 } }
POV
out=$work/show/frames quiet=$work/quiet
mkdir -p "$out"
values=(-p Scene="$work/scene.pov" -p Frames="1-$frames" -p LastFrame="$frames" -p Width=96 -p Height=54 -p ChunkSize=2 -p Threads=1)
here() { "$posthouse" "$@" --house "$url" --token-file "$house/local.token"; }
sql() { sqlite3 -cmd '.timeout 10000' "$house/house.db" "$1"; }
pixels() { (cd "$1" && for f in frame_*.png; do echo "$f $(ffmpeg -v error -i "$f" -f md5 -)"; done); }
# ours alone: started for this house, or below its folder
worker_of() { worker_pid; }
renderer_of() { pgrep -f "povray.*$work/scene.pov" | shuf -n1; }

ok "the house opens" open_house --worker.slots=2
project=$(ask POST /projects '{"name":"Farm"}' | field .id)
ok "a job is submitted" bash -c "'$posthouse' submit '$top/data/renderers/povray.yaml' ${values[*]@Q} -p OutputDir='$out' --project Farm --output '$out/frame_$(printf '%0*d' ${#frames} 0 | tr 0 '#').png' --size 96x54 --house '$url' --token-file '$house/local.token' >'$work/submitted'"
job=$(cut -d' ' -f1 "$work/submitted")
ok "a second waits until it may begin" bash -c "'$posthouse' submit '$top/data/renderers/povray.yaml' -p Scene='$work/scene.pov' -p OutputDir='$out' --suspended --project Farm --house '$url' --token-file '$house/local.token' >'$work/second'"
second=$(cut -d' ' -f1 "$work/second")
ok "and says why" bash -c "'$posthouse' job $second why --house '$url' --token-file '$house/local.token' | grep -qi suspended"
ok "it is cancelled" here job "$second" cancel

some_done() { [ "$(sql "select done from jobs where id='$job'")" -gt 0 ]; }
ok "frames are rendered" until_true 120 some_done
tokens() { ask GET "/jobs/$job/attempts?limit=1000" | field '.filter(a=>a.state==="committed").map(a=>a.token)[0]'; }
ok "what a renderer prints is kept" bash -c "'$posthouse' job $job log $(tokens) --house '$url' --token-file '$house/local.token' | grep -q 'Persistence of Vision'"
count=0
while [ $count -lt "$kills" ] && [ "$(sql "select ended from jobs where id='$job'")" != 1 ]; do
  sleep "0.$((RANDOM % 7 + 2))"
  case $((RANDOM % 3)) in
    0) victim=$(renderer_of) ;;
    1) victim=$(worker_of) ;;
    2) kill -9 "$server"; wait "$server" 2>/dev/null; count=$((count + 1)); open_house --worker.slots=2 || { bad=1; break; }; continue ;;
  esac
  [ -n "$victim" ] && kill -9 "$victim" 2>/dev/null && count=$((count + 1))
done
echo "# $count kills"
ended() { [ "$(sql "select ended from jobs where id='$job'")" = 1 ]; }
again() { ended || return 1; [ "$(sql "select state from jobs where id='$job'")" = done ] || { here job "$job" retry; return 1; }; }
ok "the job is done in the end" until_true 400 again
ok "each frame counts exactly once" test "$(sql "select sum(last-first+1) from attempts where state='committed' and job=(select number from jobs where id='$job')")" = "$frames"
ok "all frames are in their place" test "$(find "$out" -maxdepth 1 -name 'frame_*.png' | wc -l)" = "$frames"
ok "a quiet run" "$posthouse" openjd run "$top/data/renderers/povray.yaml" "${values[@]}" -p OutputDir="$quiet"
ok "has the same pixels" diff <(pixels "$out") <(pixels "$quiet")
echo "# attempts: $(sql 'select state, count(*) from attempts group by state' | tr '\n' ' ')"
ok "the house closes" close_house
finish
