#!/usr/bin/env bash
# Elastic nodes: Slurm boots machines for the house's workers and gives them back. One never comes, one dies, one has a spot notice,
# one is left over by somebody: the work is made all the same, and at the end nothing is paid for.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/slurm_lib.sh"
if lacks=$(slurm_lacks); then echo "1..0 # SKIP $lacks"; exit 0; fi
export CLOUD=$slurm NET=p$((RANDOM % 9000 + 1000)) SUBNET=10.$((RANDOM % 100 + 100)).$((RANDOM % 250))
mkdir -p "$slurm"/{state,log,run,spool,machines}
cloud=$top/tests/story/netns_cloud.sh
end_all() {
  [ -n "${keeper:-}" ] && kill -9 "$keeper" 2>/dev/null
  local n; for n in 1 2 3 4 5; do [ -e "/run/netns/${NET}c$n" ] && bash "$cloud" down "c$n"; done
  slurm_down; ip link del "$NET" 2>/dev/null; clean
}
trap end_all EXIT
printf 'NET=%s\nSUBNET=%s\n' "$NET" "$SUBNET" >"$slurm/net"
if ! { ip link add "$NET" type bridge && ip addr add "$SUBNET.1/24" dev "$NET" && ip link set "$NET" up && ip netns add "${NET}t" && ip netns del "${NET}t"; } 2>/dev/null; then
  echo "1..0 # SKIP network namespaces can not be made here"; exit 0
fi
for verb in up down; do
  printf '#!/bin/bash\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin SLURM_CONF=%s CLOUD=%s\nexec bash %s %s "$1"\n' "$SLURM_CONF" "$CLOUD" "$cloud" $verb >"$slurm/$verb.sh"
done
printf '#!/bin/bash\necho "failed $1" >>%s/power\n' "$slurm" >"$slurm/failed.sh"
printf '#!/bin/bash\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin SLURM_CONF=%s CLOUD=%s\nexec bash %s "$@"\n' "$SLURM_CONF" "$CLOUD" "$cloud" >"$slurm/cloud.sh"
chmod +x "$slurm"/*.sh
port=$(free_ports 2)
{ slurm_conf "$SUBNET.1" "$port"
  echo "SlurmdPort=$((port + 1))
ResumeProgram=$slurm/up.sh
SuspendProgram=$slurm/down.sh
ResumeFailProgram=$slurm/failed.sh
SuspendTime=4
SuspendTimeout=5
ResumeTimeout=20
ResumeRate=0
SuspendRate=0
PrivateData=cloud
TreeWidth=65533
CommunicationParameters=NoAddrCache
SlurmctldParameters=idle_on_node_suspend,power_save_interval=1,power_save_min_interval=1"
  for n in 1 2 3 4; do echo "NodeName=c$n NodeAddr=$SUBNET.$((10 + n)) CPUs=2 RealMemory=500 Weight=$n Feature=cloud,spot State=CLOUD"; done
  echo "PartitionName=farm Nodes=c[1-4] Default=YES MaxTime=INFINITE State=UP"; } >"$SLURM_CONF"
echo c1 >"$slurm/never" # the one that Slurm takes first

munge_up
ok "Slurm is up, with machines that are off" slurmctld -f "$SLURM_CONF" -c
ok "it answers" until_true 20 sinfo
ok "a house over TLS opens, without a worker of its own" open_house --worker=off --listen=0.0.0.0 --tls=on
fingerprint=$(sed -n 2p "$house/ready")
ask() { curl -sSk --fail-with-body -X "$1" -H "Authorization: Bearer $token" ${3:+-H "Content-Type: application/json" -d "$3"} "$url/api/v1$2"; }
rules=(--house.folder="$house" --launch=slurm --launch.slots=1 --launch.most=2 --launch.boot='90 s' --launch.idle='3 s' --launch.url="https://$SUBNET.1:${url##*:}"
  --launch.notice="$slurm/cloud.sh" --launch.cloud="$slurm/cloud.sh" --launch.price=0.5 --launch.budget=100)
nodes() { "$posthouse" nodes "$@" "${rules[@]}"; }
ok "a worker does not call a far house in the clear" bash -c "! '$posthouse' work --house=http://$SUBNET.1:1 --token-file='$house/worker.token' 2>&1 | tee /dev/stderr | grep -q started"
ok "nothing is in the way" nodes check
project=$(ask POST /projects '{"name":"Film"}' | field .id)
for i in 1 2 3; do
  ffmpeg -v error -f lavfi -i "testsrc2=s=320x180:r=24:d=$((2 + i))" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/clip$i.mov"
  ok "clip $i comes in" "$posthouse" put "$work/clip$i.mov" --house.folder="$house" --project "$project"
done
"$posthouse" nodes keep --every 1 "${rules[@]}" >"$work/keep.out" 2>"$work/keep.err" & keeper=$!
ready() { [ "$(ask GET "/projects/$project/assets" | field '.items.filter(a=>a.version.state==="ready").length')" = "$1" ]; }
ok "Slurm boots machines" until_true 40 grep -q '^up c' "$slurm/power"
ok "a worker on one of them takes work" until_true 150 bash -c "curl -sSk -H 'Authorization: Bearer $token' '$url/api/v1/workers' | grep -q 'slurm-'"
ok "every clip is ready" until_true 150 ready 3
ok "the machine that never came was given up" until_true 60 grep -q '^failed c1' "$slurm/power"
ok "idle machines are given back" until_true 90 bash -c "grep -q '^down c2' '$slurm/power' && [ -z \"\$(squeue -h)\" ]"
ok "and nothing is paid for" until_true 60 bash -c "[ -z \"\$(ls '$slurm/machines' | grep -v c1)\" ]"
# c1 is paid for and Slurm has forgotten it (its suspend is what nobody does for a node that is down): the house reaps it.
ok "one that nobody knows of is reaped" until_true 150 bash -c "[ -z \"\$(ls '$slurm/machines')\" ]"
ok "what it cost is known" test "$(cut -d' ' -f2 "$house/launch.money" | awk '{print ($1 > 0)}')" = 1

# ---- a spot notice: it drains, and nothing is lost
ffmpeg -v error -f lavfi -i "testsrc2=s=1280x720:r=24:d=20" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/long.mov"
touch "$slurm/notice.c2" # the next one on c2 has notice from its first moment
ok "another clip comes in" "$posthouse" put "$work/long.mov" --house.folder="$house" --project "$project"
ok "it is ready" until_true 200 ready 4
ok "no attempt was lost" bash -c "! grep -q sweep.lost '$work/serve.err'"
kill -TERM $keeper; wait $keeper; keeper=
ok "the house closes" close_house
finish
