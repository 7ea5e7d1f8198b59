#!/usr/bin/env bash
# A real Slurm gives the machines and the house's workers pull the work; a node dies, and everything is made once. The house
# itself has no worker.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/slurm_lib.sh"
if lacks=$(slurm_lacks); then echo "1..0 # SKIP $lacks"; exit 0; fi
end_all() { [ -n "${keeper:-}" ] && kill -9 "$keeper" 2>/dev/null; slurm_down; clean; }
trap end_all EXIT

ok "Slurm with three nodes is up" slurm_up 3
ok "a house without a worker opens" open_house --worker=off
rules=(--house.folder="$house" --launch=slurm --launch.cores=1 --launch.slots=1 --launch.most=3 --launch.boot='60 s' --launch.idle='2 s')
nodes() { "$posthouse" nodes "$@" "${rules[@]}"; }
running() { [ "$(squeue -h -t R -o %i | wc -l)" = "$1" ]; }
workers_here() { [ "$(ask GET /nodes | field '.filter(w=>w.state!=="away").length')" = "$1" ]; }

# ---- preflight
ok "a preflight finds nothing in the way of three workers" nodes check
ok "and says which limits are too low for many" bash -c "'$posthouse' nodes check --house.folder='$house' --launch=slurm --launch.most=20000 >'$work/check' 2>&1; [ \$? != 0 ] && grep -q 'MaxArraySize is too low' '$work/check' && grep -q 'MaxJobCount=' '$work/check'"
ok "a partition that is not there is said before anything is asked for" bash -c "'$posthouse' nodes check --house.folder='$house' --launch=slurm --launch.partition=moon | grep -qi 'partition'"

# ---- work comes
project=$(ask POST /projects '{"name":"Film"}' | field .id)
for i in 1 2 3 4; do
  ffmpeg -v error -f lavfi -i "testsrc2=s=320x180:r=24:d=$((2 + i))" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/clip$i.mov"
  ok "clip $i comes in" bring "$work/clip$i.mov"
done
ok "nobody works" workers_here 0
ok "nothing is asked for by looking" bash -c "'$posthouse' nodes --json --house.folder='$house' --launch=slurm --launch.most=3 >'$work/look' && [ -z \"\$(squeue -h)\" ]"
ok "two machines are enough to find out how long a task is" test "$(field '.target+" "+j.held_by' <"$work/look")" = "2 estimate"

"$posthouse" nodes keep --every 1 "${rules[@]}" >"$work/keep.out" 2>"$work/keep.err" & keeper=$!
ok "workers come by themselves" until_true 40 bash -c "grep -q launch.want '$work/keep.err'"
ready() { [ "$(ask GET "/projects/$project/assets" | field '.items.filter(a=>a.version.state==="ready").length')" = "$1" ]; }
ok "they glide in and pull work" until_true 60 bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/nodes' | grep -q '\"name\":\"slurm-'"

# ---- a node dies: its slurmd and all it runs, without a word
victim() { node=$(squeue -h -t R -o %N | head -1); [ -n "$node" ]; }
ok "one of them runs on a node" until_true 40 victim
if [ -n "${node:-}" ]; then
  job=$(squeue -h -t R -w "$node" -o %A | head -1)
  kill -9 "$(cat "$slurm/run/slurmd.$node.pid")"
  for p in $(slurm_pids); do
    grep -qz "^SLURM_JOB_ID=$job$" "/proc/$p/environ" 2>/dev/null && kill -9 "$p" 2>/dev/null
  done
fi
ok "every clip is ready all the same" until_true 120 ready 4
ok "each was made once" test "$(ask GET "/jobs?project=$project&limit=200" | field '.items.filter(j=>j.state!=="done").length')" = 0
ok "no more machines were asked for than allowed" bash -c "! grep -E 'launch.want count=([4-9]|[0-9][0-9])' '$work/keep.err'"

# ---- and goes
ok "idle machines are given back" until_true 60 bash -c "[ -z \"\$(squeue -h -t R,PD,CF)\" ]"
ok "for being idle" grep -qE 'launch.end .*why=(idle|lost|not_needed)' "$work/keep.err"
kill -TERM "$keeper"; wait "$keeper"; ok "the keeper leaves when it is told to" test $? = 0; keeper=

# ---- by hand, and draining
ok "two are asked for by hand" nodes launch 2
ok "they come" until_true 60 workers_here 2
ok "they are drained" nodes drain all
ok "and leave" until_true 40 workers_here 0
ok "without being killed" until_true 20 bash -c "[ -z \"\$(squeue -h)\" ]"

# ---- native: a worker a task
ffmpeg -v error -f lavfi -i "testsrc2=s=320x180:r=24:d=9" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/clip5.mov"
ok "another clip comes in" bring "$work/clip5.mov"
ok "its probe is a task of Slurm's" nodes launch 1 --launch.kind=native
ok "it does one and leaves" until_true 60 bash -c "[ \"\$(curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/jobs?limit=1' | grep -c '\"kind\":\"proxy\"')\" = 1 ] && [ -z \"\$(squeue -h)\" ]"
"$posthouse" nodes keep --every 1 "${rules[@]}" --launch.kind=native >"$work/keep.out" 2>"$work/native.err" & keeper=$!
ok "the rest is done by a worker for each task" until_true 90 ready 5
ok "which were asked for as tasks waited" grep -q 'launch.want count=1 held_by=queue' "$work/native.err"
kill -TERM "$keeper"; wait "$keeper"; keeper=

# ---- frames: POV-Ray through a template; a node dies in the middle
if command -v povray >/dev/null; then
  cat >"$work/scene.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <0, sin(clock * 6.28), 0>, 1 pigment { rgb <1, 0.3, 0.2> } finish { phong 1 } }
plane { y, -1 pigment { checker rgb 1, rgb 0.2 } }
POV
  out=$work/show; mkdir -p "$out"
  ok "24 frames are submitted" bash -c "'$posthouse' submit '$top/data/renderers/povray.yaml' -p Scene='$work/scene.pov' -p Frames=1-24 -p LastFrame=24 -p Width=96 -p Height=54 -p ChunkSize=2 -p Threads=1 -p OutputDir='$out' --project Film --output '$out/frame_##.png' --size 96x54 --house '$url' --token-file '$house/local.token' >'$work/submitted'"
  job=$(cut -d' ' -f1 "$work/submitted")
  # Nobody knows how long a chunk is: the mean of what ended before stands for it.
  ok "as many machines are wanted as there are chunks, within the rules" bash -c "'$posthouse' nodes --json ${rules[*]@Q} --launch.boot='1 s' | tee /dev/stderr | grep -q '\"target\": 3'"
  "$posthouse" nodes keep --every 1 "${rules[@]}" --launch.boot='20 s' >"$work/keep.out" 2>"$work/frames.err" & keeper=$!
  made() { [ "$(ask GET "/jobs/$job" | field .done)" -ge "$1" ]; }
  ok "some are made" until_true 90 made 3
  if victim; then
    lost=$(squeue -h -t R -w "$node" -o %A | head -1)
    kill -9 "$(cat "$slurm/run/slurmd.$node.pid")" 2>/dev/null
    for p in $(slurm_pids); do grep -qz "^SLURM_JOB_ID=$lost$" "/proc/$p/environ" 2>/dev/null && kill -9 "$p" 2>/dev/null; done
  fi
  job_done() { [ "$(ask GET "/jobs/$job" | field .state)" = done ]; }
  ok "all are made all the same" until_true 180 job_done
  ok "each is in its place" test "$(find "$out" -maxdepth 1 -name 'frame_*.png' | wc -l)" = 24
  ok "and counts once" test "$(sqlite3 -cmd '.timeout 10000' "$house/house.db" "select sum(last-first+1) from attempts where state='committed' and job=(select number from jobs where id='$job')")" = 24
  kill -TERM "$keeper"; wait "$keeper"; keeper=
fi
ok "the house closes" close_house
finish
