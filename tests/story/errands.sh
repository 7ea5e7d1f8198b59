#!/usr/bin/env bash
# What the house needs itself (proxies, deliverables, quality control) done by workers that see none of its disks: what they
# read is fetched by its content, what they make is sent back, and it is to the byte what a worker with disks makes. One is
# killed in the middle of a deliverable, the house in the middle of a measurement. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
declare -A far=()
far_server="" far_house=$work/house
end_all() { for p in "${far[@]}" $far_server; do kill -9 "$p" 2>/dev/null; done; clean; }
trap end_all EXIT
unshare -m true 2>/dev/null || { echo "1..0 # SKIP no mount namespaces here"; exit 0; }
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
worker() { # worker NAME [OPTION...]: where the house's folder is not
  unshare -m bash -c 'mount --make-rprivate / && mount -t tmpfs none "$1" && shift && exec "$@"' - "$house" \
    "$posthouse" work --house="$url" --name="$1" --token-file="$work/worker.token" --worker.disks=off --worker.slots=1 \
    --worker.cache.folder="$work/cache-$1" "${@:2}" 2>>"$work/$1.err" &
  far[$1]=$!
}
kill_worker() { kill -9 "${far[$1]}"; wait "${far[$1]}" 2>/dev/null; unset "far[$1]"; }
why_is() { "$posthouse" job "$1" why --house.folder="$house" | grep -q "$2"; }
bring_reel() { # into the house that is open: $project $asset $version
  project=$(ask POST /projects '{"name":"Film"}' | field .id)
  bring "$work/Reel.mov" || return 1
  asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
  version=$(ask GET "/assets/$asset" | field .version.id)
}
# Where sound lies between the pictures of a review is a matter of timing, in any two runs: that one is compared by its streams.
derived() { sql "select kind, name, size, case when kind like 'review%' then '' else hex(content) end from derived order by kind, name"; }
review() {
  ffmpeg -v error -i "$house/store/$(sql "select e.path from derived d join content_chunks k on k.content=d.content join chunks c on c.hash=k.hash join extents e on e.id=c.extent where d.name='review.mp4'")" \
    -map 0:v -map 0:a -c copy -f streamhash -
}
delivered() { [ "$(ask GET "/deliveries/$1" | field .state)" = done ]; }
checked() { [ "$(ask GET "/qc/$1" | field .state)" = done ]; }
measured() { sql "select hex(content), size from qc_reports"; }
runs_at() { # runs_at JOB STEP: names of the workers
  sql "select w.name from attempts t join jobs j on j.number=t.job join steps s on s.job=t.job and s.number=t.step join workers w on w.id=t.worker where j.id='$1' and s.name='$2' and t.state='running'"
}
export TMPDIR=$work/tmp; mkdir -p "$TMPDIR"
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=18 -f lavfi -i sine=440:r=48000:d=18 -c:v libx264 -preset ultrafast \
  -g 30 -bf 2 -pix_fmt yuv420p -c:a pcm_s16le -timecode 10:00:00:00 "$work/Reel.mov"

ok "a house opens, without a worker" open_house --worker=off
"$posthouse" user add ann@example.org --house.folder="$house" >"$work/said" 2>&1
"$posthouse" user token ann@example.org --scope worker --house.folder="$house" >"$work/worker.token" 2>/dev/null
ok "a reel comes in" bring_reel
probe=$(ask GET "/jobs?project=$project" | field '.items[0].id')
worker small --worker.cache="1 MiB"
ok "a worker with too small a cache is not asked to look at it, which is said" until_true 20 why_is "$probe" 'cache<64 MiB'
kill_worker small
worker other --worker.tickets=off
ok "nor one that is there for renders only" until_true 20 why_is "$probe" 'cache<64 MiB\|no=tickets'
kill_worker other

# ---- proxies
worker one; worker two
ok "workers without disks make it ready" until_true 90 state_is "$asset" ready
ok "both its jobs were theirs" test "$(sql "select count(*) from attempts t join workers w on w.id=t.worker where t.state='committed' and w.name in ('one','two')")" = 2
ok "what they read was fetched" grep -q 'worker.fetched.* files=1' "$work/one.err" "$work/two.err"
derived >"$work/far.derived"; review >>"$work/far.derived"
ok "it has proxies" test "$(wc -l <"$work/far.derived")" -ge 5

# ---- a deliverable; one of them is killed in the middle
delivery=$(ask POST "/versions/$version/deliveries" '{"profile":"web-h264-720p"}' | field .id)
job=$(ask GET "/deliveries/$delivery" | field .job)
parts=$(sql "select sum(s.tasks) from steps s join jobs j on j.number=s.job where j.id='$job'")
victim=""
caught() { victim=$(runs_at "$job" segment | head -1); [ -n "$victim" ]; }
ok "its segments are being made" until_true 60 caught
kill_worker "$victim"
echo "# killed: $victim"

# Until its lease is over: the same by a worker with disks, in another house.
far_server=$server far_url=$url far_token=$token far_version=$version
house=$work/near
ok "another house, with a worker on its disks" open_house --worker.slots=2
ok "gets the same reel" bring_reel
ok "and makes it ready" until_true 90 state_is "$asset" ready
near_delivery=$(ask POST "/versions/$version/deliveries" '{"profile":"web-h264-720p"}' | field .id)
near_report=$(ask POST "/versions/$version/qc" '{"rules":"broadcast"}' | field .id)
ok "delivers it" until_true 90 delivered "$near_delivery"
ok "and checks it" until_true 90 checked "$near_report"
derived >"$work/near.derived"; review >>"$work/near.derived"
measured >"$work/near.measured"
ask GET "/deliveries/$near_delivery/bytes" >"$work/near.mp4"
ok "it closes" close_house
house=$far_house server=$far_server url=$far_url token=$far_token version=$far_version far_server=""
ok "the proxies are the same, to the byte" diff "$work/near.derived" "$work/far.derived"

ok "the other one ends what the killed one had begun" until_true 90 delivered "$delivery"
ask GET "/deliveries/$delivery/bytes" >"$work/far.mp4"
ok "the deliverable is the same, to the byte" cmp "$work/near.mp4" "$work/far.mp4"
ok "with every check" test "$(ask GET "/deliveries/$delivery" | field '.checks.every(c=>c.ok)')" = true
ok "each part counted once" test "$(sql "select count(*) || ' ' || count(distinct t.step || ' ' || t.first) from attempts t join jobs j on j.number=t.job where j.id='$job' and t.state='committed'")" = "$parts $parts"
ok "what was lost was lost" test "$(sql "select count(*) from attempts t join jobs j on j.number=t.job where j.id='$job' and t.state='lost'")" -ge 1
ok "the reel was fetched once by each" test "$(cat "$work/one.err" "$work/two.err" | grep -c 'worker.fetched.* files=1 fetched=1')" -le 2

# ---- a measurement; the house is killed in the middle
worker three
report=$(ask POST "/versions/$version/qc" '{"rules":"broadcast"}' | field .id)
at_work() { [ "$(sql "select count(*) from attempts t join jobs j on j.number=t.job where j.kind='qc' and t.state='running'")" = 1 ]; }
ok "the reel is being measured" until_true 60 at_work
kill -9 "$server"; wait "$server" 2>/dev/null; server=""
ok "the house that was killed opens again" open_house --worker=off --port="${url##*:}"
ok "its worker hands in what it made meanwhile" until_true 90 checked "$report"
measured >"$work/far.measured"
ok "the measurement is the same, to the byte" cmp "$work/near.measured" "$work/far.measured"
ok "nothing is left on the workers, of the killed one neither" until_true 20 bash -c "! ls -d '$TMPDIR'/posthouse-worker-*/errand-* 2>/dev/null"

for name in "${!far[@]}"; do kill_worker "$name"; done
ok "the house closes" close_house
ok "every byte of it is proven" "$posthouse" check --house.folder="$house"
finish
