#!/usr/bin/env bash
# Elastic nodes: Slurm boots machines for the house's workers and gives them back. One never comes, one has a spot notice, one is
# left over by somebody; then Blender's and POV-Ray's frames, where one more never comes and one dies in the middle: the work is
# made all the same, once, with the pixels of a quiet run, and at the end nothing is paid for.
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
ok "a worker on one of them takes work" until_true 150 bash -c "curl -sSk -H 'Authorization: Bearer $token' '$url/api/v1/nodes' | grep -q 'slurm-'"
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

# ---- frames: c3 never comes, c2 dies
if command -v blender >/dev/null && command -v povray >/dev/null; then
  rm "$slurm/notice.c2"
  echo c3 >>"$slurm/never"
  cat >"$work/scene.pov" <<'POV'
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location <0, 1, -4> look_at 0 }
light_source { <2, 4, -3> rgb 1 }
sphere { <0, sin(clock * 6.28), 0>, 1 pigment { rgb <1, 0.3, 0.2> } finish { phong 1 } }
plane { y, -1 pigment { checker rgb 1, rgb 0.2 } }
POV
  cat >"$work/make.py" <<'PY'
import bpy, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
s = bpy.context.scene
bpy.ops.mesh.primitive_monkey_add()
m = bpy.context.object
m.keyframe_insert("rotation_euler", frame=1)
m.rotation_euler[2] = 2
m.keyframe_insert("rotation_euler", frame=10)
bpy.ops.object.light_add(type="SUN")
bpy.ops.object.camera_add(location=(0, -5, 0), rotation=(1.5708, 0, 0))
s.camera = bpy.context.object
s.render.engine, s.cycles.samples, s.cycles.use_denoising = "CYCLES", 4, False
s.render.resolution_x, s.render.resolution_y, s.render.resolution_percentage = 96, 54, 100
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
PY
  ok "a Blender scene is made" blender -b --factory-startup -noaudio -P "$work/make.py" -- "$work/scene.blend"
  blender=(-p Scene="$work/scene.blend" -p Frames=1-8 -p ChunkSize=1 -p Format=PNG -p Engine=CYCLES)
  povray=(-p Scene="$work/scene.pov" -p Frames=1-24 -p LastFrame=24 -p Width=96 -p Height=54 -p ChunkSize=2 -p Threads=1)
  submitted() { # submitted NAME PATTERN WORDS...: its job's id is in NAME.job
    mkdir -p "$work/show/$1"
    "$posthouse" submit "$top/data/renderers/$1.yaml" "${@:3}" -p OutputDir="$work/show/$1" --project Film --output "$work/show/$1/$2" --size 96x54 --house.folder="$house" >"$work/$1.job" && sed -i 's/ .*//' "$work/$1.job"
  }
  ok "Blender's frames are submitted" submitted blender 'frame_####.png' "${blender[@]}"
  ok "POV-Ray's too" submitted povray 'frame_##.png' "${povray[@]}"
  "$posthouse" nodes keep --every 1 "${rules[@]}" --launch.boot='20 s' >"$work/keep.out" 2>"$work/frames.err" & keeper=$!
  made() { [ "$(ask GET "/jobs/$(cat "$work/blender.job")" | field .done)" -ge 2 ]; }
  ok "some are made" until_true 300 made
  node=$(squeue -h -t R -o %N | grep -vx c3 | head -1)
  ok "a machine of those dies" bash -c "[ -e /run/netns/$NET$node ] && ip netns pids $NET$node | xargs -r kill -9 && ip netns del $NET$node"
  done_is() { [ "$(ask GET "/jobs/$(cat "$work/$1.job")" | field .state)" = done ]; }
  ok "Blender's frames are made all the same" until_true 400 done_is blender
  ok "POV-Ray's too" until_true 400 done_is povray
  ok "one machine never came" grep -q '^failed c3' "$slurm/power"
  sql() { sqlite3 -cmd '.timeout 10000' "$house/house.db" "$1"; }
  counted() { [ "$(sql "select sum(last-first+1) from attempts a join jobs j on a.job=j.number where a.state='committed' and j.id='$(cat "$work/$1.job")'")" = "$2" ]; }
  ok "each of Blender's counts once" counted blender 8
  ok "each of POV-Ray's counts once" counted povray 24
  quiet() { "$posthouse" openjd run "$top/data/renderers/$1.yaml" "${@:2}" -p OutputDir="$work/quiet/$1"; }
  ok "a quiet run of Blender" quiet blender "${blender[@]}"
  ok "a quiet run of POV-Ray" quiet povray "${povray[@]}"
  pixels() { (cd "$1" && for f in frame_*.png; do echo "$f $(ffmpeg -v error -i "$f" -f md5 -)"; done); }
  for one in blender povray; do ok "$one's pixels are those of a quiet run" diff <(pixels "$work/show/$one") <(pixels "$work/quiet/$one"); done
  echo "# attempts: $(sql "select j.kind, a.state, count(*) from attempts a join jobs j on a.job=j.number where j.kind='render' group by 1,2" | tr '\n' ' ')"
  ok "all machines are given back" until_true 200 bash -c "[ -z \"\$(ls '$slurm/machines')\" ] && [ -z \"\$(squeue -h)\" ]"
  kill -TERM $keeper; wait $keeper; keeper=
fi
ok "the house closes" close_house
finish
