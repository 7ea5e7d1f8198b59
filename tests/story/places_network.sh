#!/usr/bin/env bash
# Media in place on real network volumes: SMB (Samba and smbnetfs), SFTP (OpenSSH and sshfs) and NFS 3 (Ganesha and nfs_mount.c, which
# stands for the kernel's client), mounted, changed by others, cut off in mid-scan and mounted again; on NFS also as a soft mount whose
# server goes and comes, and as a hard one whose server hangs. In namespaces of its own, so that no mount and no port of the machine
# is touched. places_network.sh PROGRAM TOP KINDS [NFS_MOUNT]
set -uo pipefail
skip() { echo "1..0 # SKIP $*"; exit 0; }
if [ "${1:-}" != inside ]; then
  [ "$(id -u)" = 0 ] || skip "only root may mount"
  [ -c /dev/fuse ] || skip "there is no /dev/fuse"
  programs="ip unshare fusermount3"
  [[ $3 == *smb* ]] && programs+=" smbnetfs smbd"
  [[ $3 == *sftp* ]] && programs+=" sshfs"
  [[ $3 == *nfs* ]] && programs+=" ganesha.nfsd rpcbind"
  [[ $3 != *nfs* ]] || [ -x "${4:-}" ] || skip "nfs_mount is not built: libnfs is not here"
  for program in $programs; do command -v $program >/dev/null || [ -x /usr/sbin/$program ] || skip "$program is not here"; done
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
kinds=$3 nfs_mount=$(realpath "${4:-/}")
cd "$work" || exit 1
children=()
clean_all() {
  for kind in smb sftp nfs; do umount -l "$work/volumes/$kind" 2>/dev/null; done
  for pid in "${children[@]}"; do kill "$pid" 2>/dev/null; kill -CONT "$pid" 2>/dev/null; done
  clean
}
trap clean_all EXIT
mkdir -p volumes/smb volumes/sftp volumes/nfs volumes/local smb home/.smb ssh nfs

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
cat >nfs/conf <<END
NFS_CORE_PARAM { Protocols = 3; MNT_Port = 20048; Enable_NLM = false; Enable_RQUOTA = false; }
NFSv4 { Graceless = true; RecoveryRoot = $work/nfs; RecoveryBackend = fs; }
NFS_KRB5 { Active_krb5 = false; }
EXPORT { Export_Id = 1; Path = $work/share.nfs; Pseudo = /share; Access_Type = RW; Squash = Root_Squash; SecType = sys; Protocols = 3; Attr_Expiration_Time = 0; FSAL { Name = VFS; } }
LOG { Default_Log_Level = WARN; }
END
if [[ $kinds == *nfs* ]]; then # its ports are told by rpcbind
  mount -t tmpfs none /run && mkdir -p /run/rpcbind && { rpcbind -f -w >>nfs/out 2>&1 & children+=($!); }
  until_true 60 bash -c '</dev/tcp/127.0.0.1/111'
fi
serve_nfs() { ganesha.nfsd -F -f "$work/nfs/conf" -L "$work/nfs/log" -p "$work/nfs/pid" >>nfs/out 2>&1 & nfs_server=$!; children+=($!); until_true 60 bash -c '</dev/tcp/127.0.0.1/2049'; }
nfs_begin() {
  ASAN_OPTIONS=detect_leaks=0 "$nfs_mount" "nfs://127.0.0.1$work/share.nfs?version=3&nfsport=2049&mountport=20048" "$work/volumes/nfs" "$@" >>nfs/out 2>&1 & nfs_client=$!
  until mountpoint -q "$work/volumes/nfs"; do kill -0 $nfs_client || return 1; sleep 0.05; done
  children+=($nfs_client)
}
# The kernel's client remembers sizes and times for a minute, this one for longer than the test: who does not ask the server sees nothing.
mount_nfs() { until_true 60 nfs_begin ${1:-soft actimeo=3600}; }
mount_smb() { HOME=$work/home smbnetfs "$work/volumes/smb" -o "config=$work/home/.smb/smbnetfs.conf"; }
mount_sftp() { sshfs -p 2222 -o "IdentityFile=$work/ssh/me" -o StrictHostKeyChecking=no -o UserKnownHostsFile="$work/ssh/hosts" "root@127.0.0.1:$work/share.sftp" "$work/volumes/sftp"; }
mounted_at() { [ "$1" = smb ] && echo "$work/volumes/smb/127.0.0.1/nas" || echo "$work/volumes/$1"; }
server_dies() {
  case $1 in
    smb) kill -9 $smb_server; pkill -9 -P $smb_server ;;
    sftp) pkill -9 -f "sshd: root@notty" ;;
    nfs) kill -9 $nfs_server ;;
  esac
}
unanswered() { [ -n "$(place .unanswered)" ]; }
refused() { ! say put --in-place "$1" --to "Film nfs" >said.out 2>&1; cat said.out; grep -q "$2" said.out; }

on_nfs() { # what NFS alone does
  # It is away in mid-scan, and comes back, as a soft mount sees it; and again.
  for n in 1 2 3; do
    say place rescan "$id" >/dev/null
    until_true 60 place_is .scanning true
    server_dies nfs
    ok "nfs: its server goes in mid-scan, $n: it is offline" until_true 300 place_is .state offline
    serve_nfs
    ok "nfs: it comes back, $n: it is online by itself" until_true 300 place_is .state online
    ok "nfs: and no file was taken for deleted or changed, $n" same "$(files "state = 'here'") $(files "state <> 'here'")" "2064 1"
  done
  # Root is nobody there.
  echo secret >"$share/Day 2/secret.txt"; chmod 600 "$share/Day 2/secret.txt"
  ok "nfs: a file that the server does not let us read is seen, and not read" until_true 300 place_is .unread 1
  chmod 644 "$share/Day 2/secret.txt"
  ok "nfs: and is when it lets us" until_true 300 place_is .hashed_files 2065
  # What a client leaves of a file that is deleted while it is open.
  cp "$share/Day 2/new.txt" "$share/Day 2/.nfs00000000000a1b2c00000001"; echo another >"$share/Day 2/another.txt"
  ok "nfs: what comes is hashed" until_true 300 place_is .hashed_files 2066
  ok "nfs: what is deleted and still open is no media" place_is .files 2066

  # A hard mount whose server hangs: no call to it ends, and nothing else waits for it.
  umount -l "$work/volumes/nfs"
  ok "nfs: it is mounted hard" mount_nfs hard
  ok "nfs: and is online" until_true 300 place_is .state online
  echo one >volumes/local/one.txt
  ok "nfs: there is a place on a disk of the machine, too" say put --in-place "$work/volumes/local" --to "Film nfs" --wait
  local_place=$(sql "select id from places order by number desc limit 1")
  kill -STOP $nfs_server
  say place rescan "$id" >/dev/null
  ok "nfs: its server hangs: it is said not to answer" until_true 300 unanswered
  ok "nfs: and is not taken for offline" place_is .state online
  echo two >volumes/local/two.txt
  ok "nfs: the other place goes on" until_true 300 sql_is "select hashed_files from places where id = '$local_place'" 2
  ok "nfs: who makes a place of it is told that it does not answer" refused "$work/volumes/nfs/Day 1" "does not answer"
  ok "nfs: and who asks for a file of it" bash -c "rm -rf out; ! '$posthouse' get 'Film nfs/Day 2/note.txt' --out out --house.folder='$house' >said.out 2>&1; cat said.out; grep -q 'does not answer' said.out"
  ok "nfs: and people write" ask PATCH "/projects/$project" '{"name":"Film nfs"}'
  kill -CONT $nfs_server
  ok "nfs: it answers again" until_true 300 place_is .unanswered ""
  ok "nfs: and has lost nothing" same "$(files "state = 'here'") $(files "state <> 'here'")" "2066 1"
  echo third >"$share/Day 2/third.txt"
  ok "nfs: what comes is seen" until_true 300 place_is .hashed_files 2067
}

ok "the house opens" open_house --worker.slots=1 --places.roots="$work/volumes" --places.every=1s
for kind in $kinds; do
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
  [ $kind = sftp ] || server_dies $kind
  umount -l "$work/volumes/$kind"
  ok "$kind: a volume that is cut off is offline" until_true 300 place_is .state offline
  ok "$kind: with since when, and when it was seen last" grep -q "offline since 20.*last seen at 20" <(say place show "$id")
  ok "$kind: none of its files is taken for deleted" same "$(files "state = 'gone'")" 1
  [ $kind = sftp ] || ok "$kind: its server comes back" serve_$kind
  ok "$kind: it is mounted again" mount_$kind
  ok "$kind: and is online" until_true 300 place_is .state online
  ok "$kind: what had come is seen" until_true 300 place_is .files 2064
  ok "$kind: and none is missed" same "$(files "state = 'gone'")" 1
  ok "$kind: all of it is taken and hashed" until_true 600 place_is .hashed_files 2064

  # The server dies under the mount: the kernel still has it.
  server_dies $kind
  ok "$kind: a server that dies is a volume that is offline" until_true 300 place_is .state offline
  ok "$kind: none of its files is taken for deleted then" same "$(files "state = 'gone'")" 1
  [ $kind = nfs ] || umount -l "$work/volumes/$kind" # a client of NFS finds its server again
  [ $kind = sftp ] || ok "$kind: its server comes back again" serve_$kind
  [ $kind = nfs ] || ok "$kind: it is mounted once more" mount_$kind
  ok "$kind: and all is as it was" until_true 300 place_is .state online
  ok "$kind: file by file" same "$(files "state = 'here'") $(files "state = 'gone'")" "2064 1"
  [ $kind != nfs ] || on_nfs
done
ok "the house closes" close_house
finish
