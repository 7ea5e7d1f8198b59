#!/bin/bash
# netns_cloud.sh up|down|list|notice: a provider for tests, with the four verbs. A machine is a network namespace with a host
# name and a slurmd of its own, on the bridge $NET of the folder $CLOUD. Machines named in $CLOUD/never are paid for and never come.
# Traps: `nsenter --net` and not `ip netns exec` (it remounts /sys and slurmd dies); slurmd -b, else its registration is ignored;
# whoever takes a machine away must kill what runs on it.
. "$CLOUD/net"
case $1 in
up)
  for n in $(scontrol show hostnames "${2:?}"); do
    echo "up $n" >>"$CLOUD/power"
    [ -e "$CLOUD/machines/$n" ] && continue
    date +%s >"$CLOUD/machines/$n"
    grep -qx "$n" "$CLOUD/never" 2>/dev/null && continue
    o=$((10 + ${n#c}))
    ip netns add "$NET$n"; ip link add "v$NET$o" type veth peer name e0 netns "$NET$n"; ip link set "v$NET$o" master "$NET" up
    ip -n "$NET$n" addr add "$SUBNET.$o/24" dev e0; ip -n "$NET$n" link set e0 up; ip -n "$NET$n" link set lo up
    nsenter --net="/run/netns/$NET$n" unshare --uts bash -c "hostname $n; exec slurmd -b -N $n -f $SLURM_CONF" </dev/null >>"$CLOUD/boot.log" 2>&1
  done ;;
down)
  for n in $(scontrol show hostnames "${2:?}"); do
    echo "down $n" >>"$CLOUD/power"
    [ -e "/run/netns/$NET$n" ] && { ip netns pids "$NET$n" | xargs -r kill -9; sleep 0.1; ip netns del "$NET$n"; ip link del "v$NET$((10 + ${n#c}))" 2>/dev/null; }
    rm -f "$CLOUD/machines/$n" "$CLOUD/run/slurmd.$n.pid"
  done ;;
list) for f in "$CLOUD"/machines/*; do [ -e "$f" ] && echo "$(basename "$f") ns-$(basename "$f") running $(cat "$f") netns"; done ;;
notice) [ -e "$CLOUD/notice.$(hostname)" ] && echo "terminate soon" ;;
esac
exit 0
