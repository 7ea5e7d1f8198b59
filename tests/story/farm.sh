#!/usr/bin/env bash
# A farm: POV-Ray frames through a house, its worker, one in a network of its own and two of a real Slurm's, while server,
# workers, renderers and Slurm's controller are killed, the disk of the frames is full, and the network is cut. Every frame
# counts exactly once, and its pixels are those of a quiet run. Speaks TAP.
# farm.sh PROGRAM TOP [long]. KILLS: how often (12; long: 200). SEED: which, in what order.
set -uo pipefail
# Mounts are seen by nobody else, and go with us.
if [ "$(id -u)" = 0 ] && [ -z "${FARM_ALONE:-}" ] && unshare -m true 2>/dev/null; then FARM_ALONE=1 exec unshare -m --propagation private bash "$0" "$@"; fi
source "$(dirname "$0")/house_lib.sh"
source "$(dirname "$0")/slurm_lib.sh"
kills=${KILLS:-12}; [ "${3:-}" = long ] && kills=${KILLS:-200}
seed=${SEED:-$RANDOM}; RANDOM=$seed
frames=${FRAMES:-40}
net=f$((RANDOM % 9000 + 1000)) subnet=10.$((RANDOM % 100 + 100)).$((RANDOM % 250)) far="" keeper="" later=()
end_all() {
  local p
  for p in $far $keeper "${later[@]}"; do kill -9 "$p" 2>/dev/null; done
  slurm_down
  [ -e "/run/netns/$net" ] && ip netns del "$net"
  ip link del "v$net" 2>/dev/null
  umount -l "$work/show" 2>/dev/null
  clean
}
trap end_all EXIT

cat >"$work/scene.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <0, sin(clock * 6.28), 0>, 1 pigment { rgb <1, 0.3, 0.2> } finish { phong 1 } }
plane { y, -1 pigment { checker rgb 1, rgb 0.2 } }
POV
values=(-p Scene="$work/scene.pov" -p Frames="1-$frames" -p LastFrame="$frames" -p Width=96 -p Height=54 -p ChunkSize=2 -p Threads=1)
quiet=$work/quiet hashes=$(printf '%0*d' ${#frames} 0 | tr 0 '#')
here() { "$posthouse" "$@" --house.folder="$house"; }
sql() { sqlite3 -cmd '.timeout 10000' "$house/house.db" "$1"; }
ask() { curl -sSk --fail-with-body -X "$1" -H "Authorization: Bearer $token" ${3:+-H "Content-Type: application/json" -d "$3"} "$url/api/v1$2"; }
pixels() { (cd "$1" && for f in frame_*.png; do echo "$f $(ffmpeg -v error -i "$f" -f md5 -)"; done); }

# ---- what there is to kill: kinds=(...), each has a function kill_KIND that is true when it has killed something
kinds=(server worker renderer)
kill_server() { kill -9 "$server"; wait "$server" 2>/dev/null; open; }
a_renderer() { victim=$(pgrep -x -f "povray .*$work/scene.pov.*" | shuf -n1); [ -n "$victim" ]; }
kill_renderer() { until_true 5 a_renderer && kill -9 "$victim" 2>/dev/null; }
kill_worker() {
  local victim; victim=$({ worker_pid; echo "$far"; slurm_workers; } | grep . | shuf -n1)
  kill -9 "$victim" 2>/dev/null && { [ "$victim" != "$far" ] || { wait "$far" 2>/dev/null; far_up; }; }
}
slurm_workers() { [ -n "${SLURM_UP:-}" ] && for p in $(slurm_pids); do { tr '\0' ' ' <"/proc/$p/cmdline" | grep -q 'posthouse work' && echo "$p"; } 2>/dev/null; done; }

disk_small() { mkdir -p "$work/show" && mount -t tmpfs -o size=64m none "$work/show" 2>/dev/null; }
# In all of these somebody puts it right after a while, and more is killed meanwhile.
kill_disk() {
  [ -e "$work/show/full" ] && return 1
  { cat /dev/zero >"$work/show/full"; } 2>/dev/null
  (sleep $((RANDOM % 3 + 1)); rm "$work/show/full") & later+=($!)
}
net_up() {
  ip netns add "$net" && ip link add "v$net" type veth peer name e0 netns "$net" && ip addr add "$subnet.1/24" dev "v$net" &&
    ip link set "v$net" up && ip -n "$net" addr add "$subnet.2/24" dev e0 && ip -n "$net" link set e0 up && ip -n "$net" link set lo up
}
far_up() {
  nsenter --net="/run/netns/$net" unshare --uts bash -c "hostname far; exec '$posthouse' work --house='https://$subnet.1:$port' --fingerprint='$(sed -n 2p "$house/ready")' --token-file='$house/worker.token' --worker.slots=1 --name=far" 2>>"$work/far.err" &
  far=$!
}
cuts=0
kill_network() { # one in four lasts longer than a lease
  [ "$(cat "/sys/class/net/v$net/operstate")" = up ] || return 1
  local s=$((RANDOM % 4 + 1)); cuts=$((cuts + 1)); [ $((cuts % 4)) = 3 ] && s=25
  ip link set "v$net" down
  (sleep $s; ip link set "v$net" up) & later+=($!)
}
kill_controller() {
  local pid; pid=$(cat "$slurm/run/slurmctld.pid" 2>/dev/null) || return 1
  kill -9 "$pid" 2>/dev/null || return 1
  until_true 10 bash -c "! kill -0 $pid 2>/dev/null"
  slurmctld -f "$SLURM_CONF"
}
keep() {
  "$posthouse" nodes keep --every 1 --house.folder="$house" --launch=slurm --launch.cores=1 --launch.slots=1 --launch.most=2 --launch.boot='5 s' --launch.idle='10 s' >>"$work/keep.out" 2>>"$work/keep.err" & keeper=$!
}

port=$(free_ports 2)
open() { open_house --worker.slots=2 --listen=0.0.0.0 --tls=on --port="$port"; }
ok "the house opens" open
project=$(ask POST /projects '{"name":"Farm"}' | field .id)
if [ -n "${FARM_ALONE:-}" ]; then
  disk_small && kinds+=(disk)
  net_up 2>/dev/null && { far_up; kinds+=(network); }
fi
if lacks=$(slurm_lacks); then echo "# without Slurm: $lacks"; else
  ok "a Slurm with two nodes is up" slurm_up 2
  SLURM_UP=1; keep; kinds+=(controller)
fi
echo "# seed $seed, kinds: ${kinds[*]}"

# ---- jobs, one after the other as long as there is something to kill
jobs=()
another() {
  out=$work/show/frames${#jobs[@]}
  mkdir -p "$out"
  here submit "$top/data/renderers/povray.yaml" "${values[@]}" -p OutputDir="$out" --project Farm --output "$out/frame_$hashes.png" --size 96x54 >"$work/submitted" || return 1
  job=$(cut -d' ' -f1 "$work/submitted"); jobs+=("$job")
}
state_of_job() { sql "select state from jobs where id='$1'"; }
ok "a job is submitted" another
ok "a second waits until it may begin" bash -c "'$posthouse' submit '$top/data/renderers/povray.yaml' -p Scene='$work/scene.pov' -p OutputDir='$work/show' --suspended --project Farm --house.folder='$house' >'$work/second'"
second=$(cut -d' ' -f1 "$work/second")
ok "and says why" bash -c "'$posthouse' job $second why --house.folder='$house' | grep -qi suspended"
ok "it is cancelled" here job "$second" cancel
some_done() { [ "$(sql "select done from jobs where id='$job'")" -gt 0 ]; }
ok "frames are rendered" until_true 120 some_done
tokens() { ask GET "/jobs/$job/attempts?limit=1000" | field '.filter(a=>a.state==="committed").map(a=>a.token)[0]'; }
ok "what a renderer prints is kept" bash -c "'$posthouse' job $job log $(tokens) --house.folder='$house' | grep -q 'Persistence of Vision'"

# A person's part: what was given up because it failed too often is asked for again.
see_to() {
  case $(state_of_job "$1") in
    done) return 0 ;;
    failed) here job "$1" retry >>"$work/orders" 2>&1 ;;
    stopped) here job "$1" resume >>"$work/orders" 2>&1 ;;
  esac
  return 1
}
# Between two kills something is made, or some seconds pass: otherwise nobody would be at work when it comes.
committed() { sql "select count(*) from attempts where state='committed'"; }
more() { [ "$(committed)" -gt "$before" ]; }
count=0
declare -A done_to
for kind in "${kinds[@]}"; do done_to[$kind]=0; done
order=()
tried=0
while [ $count -lt "$kills" ] && [ $tried -lt $((kills * 20)) ]; do
  tried=$((tried + 1))
  [ ${#order[@]} -gt 0 ] || mapfile -t order < <(for k in "${kinds[@]}"; do echo "$RANDOM $k"; done | sort -n | cut -d' ' -f2)
  see_to "$job"
  # There is always enough to do.
  [ "$(sql "select total-done from jobs where id='$job'")" -gt 10 ] || another || { bad=1; break; }
  before=$(committed); until_true 4 more
  sleep "0.$((RANDOM % 6))"
  kind=${order[0]} order=("${order[@]:1}")
  if "kill_$kind"; then
    count=$((count + 1)); done_to[$kind]=$((done_to[$kind] + 1))
    [ $((count % 20)) != 0 ] || echo "# $count of $kills kills, ${#jobs[@]} jobs, $(committed) attempts count, $(df --output=used -m "$work/show" | tail -1 | tr -d ' ') MB of frames"
  fi
done
for p in "${later[@]}"; do wait "$p" 2>/dev/null; done
echo "# $count kills in ${#jobs[@]} jobs: $(for k in "${kinds[@]}"; do printf '%s %s, ' "$k" "${done_to[$k]}"; done)"
ok "as many were killed as was asked for" test "$count" = "$kills"
all_done() { local j all=0; for j in "${jobs[@]}"; do see_to "$j" || all=1; done; return $all; }
ok "every job is done in the end" until_true 600 all_done
total=$((frames * ${#jobs[@]}))
ok "each frame counts exactly once" test "$(sql "select sum(last-first+1) from attempts where state='committed'")" = "$total"
[ "${done_to[disk]:-0}" = 0 ] || ok "a full disk is said to be one" test "$(sql "select count(*) from attempts where error like '%there is no room in%'")" -gt 0
ok "no two attempts count for the same" test "$(sql "select count(*) from attempts a join attempts b on a.job=b.job and a.fence<b.fence and a.first<=b.last and a.last>=b.first where a.state='committed' and b.state='committed'")" = 0
ok "all frames are in their place" test "$(find "$work/show" -name 'frame_*.png' -not -path '*/.posthouse-*' | wc -l)" = "$total"
ok "a quiet run" "$posthouse" openjd run "$top/data/renderers/povray.yaml" "${values[@]}" -p OutputDir="$quiet"
pixels "$quiet" >"$work/quiet.md5"
same() { local i; for i in "${!jobs[@]}"; do diff <(pixels "$work/show/frames$i") "$work/quiet.md5" || return 1; done; }
ok "has the same pixels" same
echo "# attempts: $(sql 'select state, count(*) from attempts group by state' | tr '\n' ' '), orders: $(cat "$work/orders" 2>/dev/null | wc -l)"
echo "# counted, by workers: $(sql "select count(*)||' '||case when name like 'slurm-%' then 'slurm' else name end from attempts a join workers w on a.worker=w.id where a.state='committed' group by case when name like 'slurm-%' then 'slurm' else name end" | tr '\n' ',')"
if [ -n "$keeper" ]; then kill -TERM "$keeper"; wait "$keeper"; ok "the keeper leaves when it is told to" test $? = 0; keeper=; fi
ok "the house closes" close_house
ok "nothing of it is damaged" "$posthouse" check --house.folder="$house"
finish
