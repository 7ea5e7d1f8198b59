#!/usr/bin/env bash
# Recordings that come in while they are written are taken out and looked at as they grow; those that nobody closes; full disks, files that
# are cut short or replaced. growing.sh PROGRAM TOP. Speaks TAP.
# In a namespace of its own where that can be had: it mounts.
if [ -z "${IN_NAMESPACE:-}" ] && unshare -m true 2>/dev/null; then IN_NAMESPACE=yes exec unshare -m bash "$0" "$@"; fi
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
. "$(dirname "$0")/doors_lib.sh"
mounter="" sender="" getter=""
leave() {
  for pid in $mounter $sender $getter; do kill -9 "$pid" 2>/dev/null; done
  fusermount3 -uz "$work/day/m" 2>/dev/null
  umount -l "$house/store" 2>/dev/null
  clean
}
trap leave EXIT
MiB=1048576
mkdir -p "$house/store"
small=no; [ -n "${IN_NAMESPACE:-}" ] && mount -t tmpfs -o size=96m tmpfs "$house/store" 2>/dev/null && small=yes
ok "a house opens" open_with_project --worker=off --growing.lost="4 s" --sftp=on --sftp.port=0 --ftps=on --ftps.port=0
ok "and its doors" until_true 120 test -s "$house/sftp.ready" -a -s "$house/ftps.ready"
ok "an account" ann

recording() { # recording NAME EXPRESSION: of it as the house says it
  ask GET "/projects/$project/growing" | node -e 'const g=JSON.parse(require("fs").readFileSync(0)).find(g=>g.path===process.argv[1]);process.exit(g&&eval(process.argv[2])?0:1)' "$1" "$2"
}
gone() { ! recording "$1" true; }
send() { # send FILE [OPTION...]: in the background, with what is held open closed
  "$posthouse" put "$1" --house.folder="$house" --growing --project Film --folder Rec --quiet 1 --patience 60 "${@:2}" >"send.out" 2>&1 9>&- 8>&- &
  sender=$!
}
sent() { wait "$sender"; local status=$?; sender=""; cat send.out; return $status; }
take() { "$posthouse" get "$1" --house.folder="$house" --out taken --json >take.out 2>take.err 9>&- 8>&- & getter=$!; }
took() { wait "$getter"; local status=$?; getter=""; cat take.out take.err; return $status; }
part_has() { [ "$(stat -c %s taken/.posthouse-*-grows.part 2>/dev/null || echo 0)" -ge "$1" ]; }
size_is() { [ "$(stat -c %s "$1")" = "$2" ]; }
in_house() { here ls Film/Rec | grep -q "$1"; }

# ---- taken out as it grows
mkdir rec m taken; noise $((21 * MiB)) a >whole; exec 9<>rec/A.mxf
write() { dd if=whole bs=1M skip="$1" count="$2" status=none >&9; }
write 0 9; send rec/A.mxf
ok "a recording comes in" until_true 120 recording A.mxf "g.arrived===8*$MiB"
take Film/Rec/A.mxf
ok "what is there of it is taken out, under no name" until_true 120 part_has $((8 * MiB))
ok "it has no other name" bash -c '[ "$(ls taken)" = "" ]'
kill -9 $getter; wait $getter 2>/dev/null
"$posthouse" mount m --house.folder="$house" >mount.out 2>&1 9>&- & mounter=$!
if until_true 60 mountpoint -q m; then
  ok "a mount shows it, with what is there" size_is m/Film/Rec/A.mxf $((8 * MiB))
  exec 8<m/Film/Rec/A.mxf
  ok "it is read so far, and ends there" bash -c "[ \$(dd bs=1M status=none <&8 | cmp -n $((8 * MiB)) - whole && dd bs=1M status=none <&8 | wc -c) = 0 ]"
  ok "and can not be written" bash -c '! echo x 2>/dev/null >>m/Film/Rec/A.mxf'
else echo "# no mount here: $(head -3 mount.out)"; mounter=""; fi
by_sftp() { lftp -u "$mail,$password" -e "set sftp:auto-confirm yes; set net:max-retries 1; set net:timeout 120; $1; exit" "sftp://127.0.0.1:$(cat "$house/sftp.ready")" 2>&1 9>&- 8>&-; }
by_ftps() { curl -sS --ssl-reqd -k -u "$mail:$password" "$@" "ftp://localhost:$(cat "$house/ftps.ready")/Film/Rec/A.mxf" 2>&1 9>&- 8>&-; }
so_far() { "${@:2}"; cmp "$1" <(head -c $((8 * MiB)) whole); } # so_far FILE COMMAND...: which wrote what is there to FILE
ok "by SFTP what is there is read" so_far by.sftp by_sftp "get Film/Rec/A.mxf -o by.sftp"
ok "by FTPS too" so_far by.ftps by_ftps -o by.ftps
ok "and from where one left off" so_far by.part eval 'head -c 5000000 whole >by.part; by_ftps -C - -o by.part'
write 9 9; take Film/Rec/A.mxf
ok "the same get goes on as it grows" until_true 120 part_has $((16 * MiB))
if [ -n "$mounter" ]; then
  ok "the mount's listing grows" until_true 120 size_is m/Film/Rec/A.mxf $((16 * MiB))
  ok "whoever has it open reads on" bash -c "dd bs=1M status=none <&8 | cmp - <(tail -c +$((8 * MiB + 1)) whole | head -c $((8 * MiB)))"
fi
write 18 100; printf 'REWRITTEN' | dd of=rec/A.mxf bs=1 seek=100 conv=notrunc status=none
exec 9>&-
ok "closed it is in the house" sent
ok "and out of it" took
ok "as it was closed, with the header that was written at last" cmp taken/A.mxf rec/A.mxf
ok "most of it came while it grew, the changed chunk and the rest after that" holds "a.grown_bytes>=8*$MiB&&a.received_bytes<a.bytes&&a.received_bytes>=8*$MiB" take.out
ok "nothing else is left" bash -c '[ "$(ls -A taken)" = A.mxf ]'
closed() { "${@:2}"; cmp "$1" rec/A.mxf; }
ok "by SFTP it is the closed one" until_true 120 closed by.sftp eval 'rm -f by.sftp; by_sftp "get Film/Rec/A.mxf -o by.sftp"'
ok "by FTPS too" until_true 120 closed by.ftps by_ftps -o by.ftps
if [ -n "$mounter" ]; then
  # By the descriptor that is open since it grew.
  at() { node -e 'const b=Buffer.alloc(+process.argv[2]);require("fs").readSync(8,b,0,b.length,+process.argv[1]);process.exit(b.toString("latin1")===process.argv[3]?0:1)' "$1" "${#2}" "$2"; }
  ok "whoever had it open all the time has the closed file's header" until_true 120 at 100 REWRITTEN
  ok "and its end" bash -c "dd bs=1M status=none <&8 | cmp - <(tail -c +$((16 * MiB + 1)) rec/A.mxf)"
  exec 8<&-
  ok "who opens it has the closed file" until_true 120 cmp m/Film/Rec/A.mxf rec/A.mxf
fi

# ---- never closed
exec 9<>rec/B.mxf; write 0 10; send rec/B.mxf
ok "another one comes in" until_true 120 recording B.mxf "g.arrived===8*$MiB"
kill -9 $sender; wait $sender 2>/dev/null
ok "its sender is gone: that is seen" until_true 120 recording B.mxf 'g.state==="lost"'
ok "and said, with what can be done" says 'not closed since 20.*nothing is heard of its sender.*8.4 MB of 10.5 MB here' 0 here growing Film/Rec/B.mxf
ok "its folder lists it, not closed" says 'B.mxf  still not closed' 0 here ls Film/Rec
ok "of a project all" says 'growing [0-9A-Z]{26} --close' 0 here growing Film
rm -rf taken; mkdir taken; take Film/Rec/B.mxf
ok "who takes it out is told" until_true 120 grep -q 'nothing is heard of its sender' take.err
ok "a person takes it as it is" says 'is a version as it was: 8.4 MB of 10.5 MB' 0 here growing Film/Rec/B.mxf --close
ok "it is out then, too" took
ok "with the bytes that were there" cmp -n $((8 * MiB)) taken/B.mxf whole
ok "it says for good that it was never closed" recording B.mxf 'g.state==="stored"&&g.unclosed_by&&g.asset&&g.version'
send rec/B.mxf
refused() { ! sent && grep -qE "$1" send.out; }
ok "its sender, when it is back, hears so" refused 'has taken .*B.mxf as it was: 8.4 MB'
exec 9>&-
exec 9<>rec/C.mxf; write 0 9; send rec/C.mxf
ok "one more comes in" until_true 120 recording C.mxf "g.arrived===8*$MiB"
ok "a person drops it" says 'C.mxf was dropped: 8.4 MB' 0 here growing Film/Rec/C.mxf --drop
ok "its sender hears so" refused 'was dropped in the house'
ok "nothing is left of it" bash -c '! grep -q C.mxf <<<"$("$0" ls Film/Rec --house.folder="$1"; "$0" growing Film --house.folder="$1")"' "$posthouse" "$house"
exec 9>&-

# ---- cut short, replaced, no room
exec 9<>rec/D.mxf; write 0 17; send rec/D.mxf
ok "one comes in" until_true 120 recording D.mxf "g.arrived===16*$MiB"
truncate -s $((3 * MiB)) rec/D.mxf
ok "that it became shorter is said" until_true 120 grep -q 'became shorter than what was sent' send.out
exec 9>&-
ok "it is the closed one at last" sent
ok "short as it is" same_as Film/Rec/D.mxf rec/D.mxf
exec 9<>rec/E.mxf; write 0 9; send rec/E.mxf
ok "another comes in" until_true 120 recording E.mxf "g.arrived===8*$MiB"
cp whole rec/E.new; mv rec/E.new rec/E.mxf
ok "one that is another file by now is refused" refused 'was replaced by another file while it grew'
ok "nothing of it is an asset" bash -c '! "$0" ls Film/Rec --house.folder="$1" | grep E.mxf | grep -vq growing' "$posthouse" "$house"
exec 9>&-
if [ $small = yes ]; then
  exec 9<>rec/F.mxf; noise $((90 * MiB)) f >&9; send rec/F.mxf
  ok "no room in the house is said while it grows" until_true 120 grep -q 'waits: the house has no room' send.out
  ok "no asset comes of it" bash -c '! "$0" ls Film/Rec --house.folder="$1" | grep F.mxf | grep -vq growing' "$posthouse" "$house"
  mount -o remount,size=400m "$house/store"
  exec 9>&-
  ok "with room it goes on by itself" sent
  ok "whole" same_as Film/Rec/F.mxf rec/F.mxf
fi
[ -n "$mounter" ] && { fusermount3 -u m; wait $mounter; mounter=""; }
ok "the house closes" close_house
finish
