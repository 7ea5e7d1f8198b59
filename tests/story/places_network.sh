#!/usr/bin/env bash
# Media in place on real network volumes: SMB (Samba and smbnetfs) and SFTP (OpenSSH and sshfs), mounted, changed by others, cut off
# in mid-scan and mounted again. In namespaces of its own, so that no mount and no port of the machine is touched.
# places_network.sh PROGRAM TOP [KIND...]
set -uo pipefail
skip() { echo "1..0 # SKIP $*"; exit 0; }
if [ "${1:-}" != inside ]; then
  [ "$(id -u)" = 0 ] || skip "only root may mount"
  [ -c /dev/fuse ] || skip "there is no /dev/fuse"
  for program in sshfs smbnetfs smbd ip unshare fusermount3; do command -v $program >/dev/null || [ -x /usr/sbin/$program ] || skip "$program is not here"; done
  unshare -mn --propagation private true 2>/dev/null || skip "namespaces can not be made here"
  exec unshare -mn --propagation private bash "$(realpath "$0")" inside "$@"
fi
shift
. "$(dirname "$0")/house_lib.sh"
ip link set lo up
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
sql_is() { [ "$(sql "$1")" = "$2" ]; }
say() { "$posthouse" "$@" --house.folder="$house"; }
place() { ask GET "/places/$id" | field "$1"; }
place_is() { [ "$(place "$1")" = "$2" ]; }
asset() { ask GET "/projects/$project/assets?limit=1000" | field ".items.find(a=>a.name==='$1')$2"; }
asset_is() { [ "$(asset "$1" "$2")" = "$3" ]; }
cd "$work" || exit 1
children=()
clean_all() {
  for kind in smb sftp; do umount -l "$work/volumes/$kind" 2>/dev/null; done
  for pid in "${children[@]}"; do kill "$pid" 2>/dev/null; done
  clean
}
trap clean_all EXIT
mkdir -p volumes/smb volumes/sftp smb home/.smb ssh

# ---- servers and how their shares are mounted
cat >smb/smb.conf <<END
[global]
 smb ports = 445
 interfaces = 127.0.0.1
 bind interfaces only = yes
 private dir = $work/smb
 lock directory = $work/smb
 state directory = $work/smb
 cache directory = $work/smb
 pid directory = $work/smb
 ncalrpc dir = $work/smb/ncalrpc
 log file = $work/smb/log
 map to guest = bad user
 guest account = root
 server role = standalone server
 disable netbios = yes
[nas]
 path = $work/share.smb
 guest ok = yes
 force user = root
END
echo "smb_timeout 20000" >home/.smb/smbnetfs.conf
: >home/.smb/smb.conf
chmod 600 home/.smb/*
ssh-keygen -q -t ed25519 -N "" -f ssh/host && ssh-keygen -q -t ed25519 -N "" -f ssh/me && cp ssh/me.pub ssh/known
mkdir -p /run/sshd
serve_smb() { smbd --foreground --no-process-group -s "$work/smb/smb.conf" >>smb/out 2>&1 & children+=($!); smb_server=$!; until_true 60 bash -c '</dev/tcp/127.0.0.1/445'; }
serve_sftp() {
  /usr/sbin/sshd -D -e -f /dev/null -p 2222 -h "$work/ssh/host" -o ListenAddress=127.0.0.1 -o "AuthorizedKeysFile=$work/ssh/known" -o StrictModes=no -o PidFile=none \
    -o PermitRootLogin=yes -o UsePAM=no -o "Subsystem=sftp internal-sftp" >>ssh/out 2>&1 &
  children+=($!); until_true 60 bash -c '</dev/tcp/127.0.0.1/2222'
}
mount_smb() { HOME=$work/home smbnetfs "$work/volumes/smb" -o "config=$work/home/.smb/smbnetfs.conf"; }
mount_sftp() { sshfs -p 2222 -o "IdentityFile=$work/ssh/me" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$work/ssh/hosts" "root@127.0.0.1:$work/share.sftp" "$work/volumes/sftp"; }
mounted_at() { [ "$1" = smb ] && echo "$work/volumes/smb/127.0.0.1/nas" || echo "$work/volumes/sftp"; }
server_pids() { pgrep -f "$work" -x "$1"; }

ok "the house opens" open_house --worker.slots=1 --places.roots="$work/volumes" --places.every=1s
for kind in ${3:-smb sftp}; do
  share=$work/share.$kind
  mkdir -p "$share/Day 1" "$share/Day 2/deep/er"
  ffmpeg -v error -f lavfi -i testsrc2=s=64x36:r=25:d=0.48 -c:v mjpeg "$share/Day 1/A001.mov" || exit 1
  for n in $(seq 60); do head -c $((n * 100)) /dev/urandom >"$share/Day 2/deep/f$n.bin"; done
  echo "a note" >"$share/Day 2/note.txt"; echo "to be deleted" >"$share/Day 2/old.txt"; echo "to be moved" >"$share/Day 2/deep/er/from.txt"
  find "$share" -type f -exec touch -d '2020-02-02 02:02:02' {} +
  ok "$kind: a server serves" serve_$kind
  ok "$kind: its share is mounted" mount_$kind
  at=$(mounted_at $kind)
  ok "$kind: and can be read" until_true 60 test -s "$at/Day 2/note.txt"
  project=$(ask POST /projects "{\"name\":\"Film $kind\"}" | field .id)
  ok "$kind: it is taken in place, looked at and hashed" say put --in-place "$at" --to "Film $kind" --wait
  id=$(sql "select id from places order by number desc limit 1") row=$(sql "select max(number) from places")
  files() { sql "select count(*) from place_files where place = $row and $1"; }
  files_are() { [ "$(files "$1")" = "$2" ]; }
  ok "$kind: with all of its files" same "$(place .files) $(place .hashed_files)" "64 64"
  ok "$kind: a film becomes ready" until_true 180 asset_is A001.mov .version.state ready
  ok "$kind: its bytes are given, proven" bash -c "rm -rf out; '$posthouse' get 'Film $kind/Day 2/note.txt' --out out --house.folder='$house' && cmp out/note.txt '$share/Day 2/note.txt'"

  # Others change what is there; nobody tells.
  kept=$(asset from.txt .id)
  echo "a longer note" >"$share/Day 2/note.txt"; echo "new" >"$share/Day 2/new.txt"; rm "$share/Day 2/old.txt"; mv "$share/Day 2/deep/er/from.txt" "$share/Day 1/to.txt"
  touch -d '2021-02-02' "$share/Day 2/note.txt" "$share/Day 2/new.txt"
  began=$(date +%s)
  ok "$kind: a change is a new version" until_true 300 asset_is note.txt .versions 2
  ok "$kind: what is new comes" until_true 300 asset_is new.txt .version.place.state here
  ok "$kind: what is deleted is offline" until_true 300 asset_is old.txt .version.place.state gone
  ok "$kind: what was moved stays the same asset" until_true 300 asset_is to.txt .id "$kept"
  echo "# $kind: all of it seen within $(($(date +%s) - began)) s"

  # It is cut off while it is looked at: many files have come, of which some have been seen.
  mkdir -p "$share/Day 3"
  (cd "$share/Day 3" && for n in $(seq 40); do mkdir d$n; (cd d$n && for m in $(seq 50); do echo $n.$m >f$m.txt; done); done)
  say place rescan "$id" >/dev/null
  until_true 60 place_is .scanning true
  [ $kind = smb ] && { kill -9 $smb_server; pkill -9 -P $smb_server; }
  umount -l "$work/volumes/$kind"
  ok "$kind: a volume that is cut off is offline" until_true 300 place_is .state offline
  ok "$kind: with since when, and when it was seen last" grep -q "offline since 20.*last seen at 20" <(say place show "$id")
  ok "$kind: none of its files is taken for deleted" same "$(files "state = 'gone'")" 1
  [ $kind = smb ] && ok "$kind: its server comes back" serve_smb
  ok "$kind: it is mounted again" mount_$kind
  ok "$kind: and is online" until_true 300 place_is .state online
  ok "$kind: what had come is seen" until_true 300 place_is .files 2064
  ok "$kind: and none is missed" same "$(files "state = 'gone'")" 1
  ok "$kind: all of it is taken and hashed" until_true 600 place_is .hashed_files 2064

  # The server dies under the mount: the kernel still has it.
  if [ $kind = smb ]; then kill -9 $smb_server; pkill -9 -P $smb_server; else pkill -9 -f "sshd: root@notty"; fi
  ok "$kind: a server that dies is a volume that is offline" until_true 300 place_is .state offline
  ok "$kind: none of its files is taken for deleted then" same "$(files "state = 'gone'")" 1
  umount -l "$work/volumes/$kind"
  [ $kind = smb ] && ok "$kind: its server comes back again" serve_smb
  ok "$kind: it is mounted once more" mount_$kind
  ok "$kind: and all is as it was" until_true 300 place_is .state online
  ok "$kind: file by file" same "$(files "state = 'here'") $(files "state = 'gone'")" "2064 1"
done
ok "the house closes" close_house
finish
