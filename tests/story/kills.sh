#!/usr/bin/env bash
# Server, worker and engine are killed at moments that a seed chooses while clips become ready: nothing is lost, and
# every job has exactly one attempt that counts. kills.sh PROGRAM TOP [SEED [ROUNDS]]
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
RANDOM=${3:-7} rounds=${4:-9} clips=3
echo "# seed ${3:-7}"

descendants() { local child; for child in $(ps -o pid= --ppid "$1"); do echo "$child"; descendants "$child"; done; }
engine_pid() { for pid in $(descendants "$(worker_pid)"); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = posthouse-engin ] && { echo "$pid"; return; }; done; }
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
active() { [ "$(sql "select count(*) from jobs where state in ('waiting','running')")" != 0 ]; }

ok "the house opens" open_house
project=$(ask POST /projects '{"name":"Film"}' | field .id)
for ((i = 0; i < clips; i++)); do
  ffmpeg -v error -f lavfi -i "testsrc2=s=1280x720:r=25:d=4,hue=h=$((i * 40))" -f lavfi -i "sine=$((300 + i * 100)):r=48000:d=4" \
    -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac "$work/clip$i.mov"
  ok "clip $i comes in" bring "$work/clip$i.mov"
done
killed_server=0 killed_worker=0 killed_engine=0
for ((round = 0; round < rounds && SECONDS < 60; round++)); do
  sleep "0.$((RANDOM % 900 + 100))"
  # When all is done already, proxies are asked for again by another clip.
  if ! active; then
    ffmpeg -v error -f lavfi -i "testsrc2=s=1280x720:r=25:d=4,hue=h=$((round * 20 + 7))" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/more$round.mov"
    bring "$work/more$round.mov" >/dev/null 2>&1; clips=$((clips + 1))
    sleep "0.$((RANDOM % 900 + 100))"
  fi
  case $((round % 3)) in
    0) kill -9 "$server"; wait "$server" 2>/dev/null; killed_server=$((killed_server + 1))
      worker=$(worker_pid)
      sleep "0.$((RANDOM % 500))"
      ok "round $round: the worker lives on without its server" kill -0 "$worker"
      ok "round $round: the server opens again" open_house
      ok "round $round: with the worker it had" test "$(worker_pid)" = "$worker" ;;
    1) pid=$(engine_pid); [ -n "$pid" ] && kill -9 "$pid" && killed_engine=$((killed_engine + 1)) ;;
    2) worker=$(worker_pid); kill -9 "$worker"; killed_worker=$((killed_worker + 1))
      new_worker() { [ "$(worker_pid)" != "$worker" ] && kill -0 "$(worker_pid)"; }
      ok "round $round: a new worker comes" until_true 10 new_worker ;;
  esac
done
echo "# killed: server $killed_server, worker $killed_worker, engine $killed_engine"
all_ready() { [ "$(sql "select count(*) from versions where state='ready'")" = $clips ]; }
ok "all of it becomes ready" until_true 90 all_ready
all_done() { [ "$(sql "select count(*) from jobs where state<>'done'")" = 0 ]; }
ok "every job is done" until_true 5 all_done
ok "there is a probe and a proxy job for each clip, no more" test "$(sql 'select count(*) from jobs')" = $((clips * 2))
ok "each was committed exactly once" test "$(sql "select count(*) from jobs j where (select count(*) from attempts a where a.job=j.number and a.state='committed')<>1")" = 0
ok "every version has its derived files" test "$(sql 'select count(*) from versions v where (select count(distinct kind) from derived d where d.source=v.content)<5')" = 0
echo "# attempts: $(sql 'select state, count(*) from attempts group by state' | tr '\n' ' ')"
empty() { [ -z "$(find "$house/scratch" -mindepth 1 ! -path "$house/scratch/frames")" ]; }
engines() { [ -z "$(engine_pid)" ]; }
ok "no engine is left" until_true 5 engines
for kind in scrub review; do
  for asset in $(ask GET "/projects/$project/assets" | field ".items.map(a=>a.id).join(' ')"); do
    address=$(ask GET "/assets/$asset" | field ".version.derived.find(d=>d.kind==='$kind').url")
    ok "$kind of $asset plays to its end" test "$(curl -sS "$address" | ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 -)" = 100
  done
done
ok "Ctrl-C closes it" close_house
ok "every byte of the house is proven" "$posthouse" check --house.folder="$house"
ok "no worker is left" bash -c "! kill -0 $(worker_pid) 2>/dev/null"
finish
