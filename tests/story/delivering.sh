#!/usr/bin/env bash
# A delivery in segments on the farm, whose workers are killed in each of its steps: what comes out is, to the byte, what
# one engine makes of the same file without a house. delivering.sh PROGRAM TOP
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
sql() { sqlite3 -readonly "$house/house.db" "$1"; }

ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=13 -f lavfi -i sine=440:r=48000:d=13 -c:v libx264 -preset ultrafast \
  -g 30 -bf 2 -pix_fmt yuv420p -c:a pcm_s16le -timecode 10:00:00:00 "$work/Reel.mov"
for workers in 1 3; do
  ok "$workers engines make it here" "$posthouse" transcode "$work/Reel.mov" --profile web-h264-1080p --out "$work/here$workers" --workers $workers
done
ok "both make the same bytes" cmp "$work/here1/Reel.mp4" "$work/here3/Reel.mp4"

# A disk that is full while segments are written: a small one is mounted, where this machine lets us.
cat >"$work/full.sh" <<'EOS'
mkdir -p "$3" && mount -t tmpfs -o size=700k tmpfs "$3" || exit 9
"$1" transcode "$2" --profile web-h264-1080p --out "$3" --workers 2 2>"$3.said" && exit 1
[ ! -e "$3/Reel.mp4" ] || exit 2
mount -o remount,size=200m "$3" || exit 9
"$1" transcode "$2" --profile web-h264-1080p --out "$3" --workers 2 >/dev/null && cp "$3/Reel.mp4" "$3.mp4" && [ "$(ls -A "$3")" = Reel.mp4 ]
EOS
if unshare -rm true 2>/dev/null; then
  ok "a full disk leaves nothing under the file's name, and the same command goes on" unshare -rm bash "$work/full.sh" "$posthouse" "$work/Reel.mov" "$work/small"
  ok "it says that there is no room" grep -q "No space left" "$work/small.said"
  ok "what comes of it is the same" cmp "$work/here1/Reel.mp4" "$work/small.mp4"
else
  for what in leaves says makes; do ok "# SKIP no small disk can be mounted here" true; done
fi

ok "the house opens" open_house --worker.slots=2
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ok "the clip comes in" bring "$work/Reel.mov"
asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it becomes ready" until_true 60 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version.id)
delivery=$(ask POST "/versions/$version/deliveries" '{"profile":"web-h264-1080p"}' | field .id)
job=$(ask GET "/deliveries/$delivery" | field .job)
ok "its job has the steps of a delivery" test "$(sql "select group_concat(name || tasks, ' ') from (select s.name, s.tasks from steps s join jobs j on j.number=s.job where j.id='$job' order by s.number)")" = "index1 sound1 segment3 mux1"
running() { sql "select distinct s.name from attempts t join jobs j on j.number=t.job join steps s on s.job=t.job and s.number=t.step where j.id='$job' and t.state='running'"; }
state() { ask GET "/deliveries/$delivery" | field .state; }
killed=" " until_s=$((SECONDS + 90))
while [ $SECONDS -lt $until_s ] && [ "$(state)" != done ]; do
  for step in $(running); do
    worker=$(worker_pid)
    if [[ $killed != *" $step "* ]] && kill -9 "$worker" 2>/dev/null; then
      killed+="$step "
      new_worker() { [ "$(worker_pid)" != "$worker" ] && kill -0 "$(worker_pid)"; }
      until_true 20 new_worker
      break
    fi
  done
done
echo "# workers were killed in:$killed"
ok "workers were killed on the way" test "$killed" != " "
ok "it is done" test "$(state)" = done
ok "with every check" test "$(ask GET "/deliveries/$delivery" | field '.checks.every(c=>c.ok)')" = true
ask GET "/deliveries/$delivery/bytes" >"$work/there.mp4"
ok "the farm makes the same bytes" cmp "$work/here1/Reel.mp4" "$work/there.mp4"
ok "each part counted once" test "$(sql "select count(*) from attempts t join jobs j on j.number=t.job where j.id='$job' and t.state='committed'")" = 6
ok "nothing of its pieces is kept" test "$(sql 'select count(*) from delivery_pieces')" = 0
ok "Ctrl-C closes it" close_house
ok "every byte of the house is proven" "$posthouse" check --house.folder="$house"
finish
