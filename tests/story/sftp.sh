#!/usr/bin/env bash
# The house by SFTP, with outsiders' clients: OpenSSH's sftp, lftp, rclone. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
. "$top/tests/story/doors_lib.sh"

ok "the house opens" open_with_project --worker=off
ok "without being asked it speaks no SFTP" test ! -e "$house/sftp.ready"
close_house
sftp_open() { # a house with the door, and its port in $door
  open_house --port="$port" --worker=off --sftp=on --sftp.port=0 && until_true 60 test -s "$house/sftp.ready" && door=$(cat "$house/sftp.ready")
}
ok "asked to it does" sftp_open
ok "an account" ann
ok "the host's key is the owner's alone" test "$(stat -c %a "$house/sftp.key")" = 600
ssh-keygen -q -t ed25519 -N '' -C "ann's laptop" -f key
ssh-keygen -q -t ecdsa -N '' -f other
ok "a public key is added" here user key "$mail" --add key.pub
ok "twice it is refused" says "somebody's already" 3 here user key "$mail" --add key.pub
ok "what is no key too" says "no public key" 2 here user key "$mail" --add key
ok "it is listed" says "ssh-ed25519 .*laptop" 0 here user key "$mail"

by_key() { # by_key KEY SCRIPT [OPTION...]
  sftp -q -P "$door" -i "$1" -o IdentitiesOnly=yes -o PasswordAuthentication=no -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
    -o UserKnownHostsFile="$work/known" -o User="$mail" -b "$2" "${@:3}" 127.0.0.1 2>&1
}
printf 'pwd\nls\n' >look
ok "with the key one is in" bash -c "$(declare -f by_key); door=$door mail=$mail work=$work; by_key key look | tee seen; grep -q Film seen"
ok "with another key one is not" bash -c "! $(declare -f by_key); door=$door mail=$mail work=$work; ! by_key other look"
by_password() { lftp -u "$1,$2" -e "set sftp:auto-confirm yes; set net:max-retries 1; set net:timeout 60; $3; exit" "sftp://127.0.0.1:$door" 2>&1; }
ok "with the password too" bash -c "$(declare -f by_password); door=$door; by_password $mail '$password' ls | tee seen; grep -q Film seen"
ok "with a wrong one not" bash -c "$(declare -f by_password); door=$door; ! by_password $mail wrong ls"
reader=$(here user token "$mail" --scope read 2>/dev/null)
ok "a reading token reads" bash -c "$(declare -f by_password); door=$door; by_password $mail '$reader' ls | tee seen; grep -q Film seen"
ok "and does not write" bash -c "$(declare -f by_password); door=$door; ! by_password $mail '$reader' 'put look -o Film/no.txt'"

here user add boss@example.org --admin >boss 2>/dev/null; boss=$(here user token boss@example.org 2>/dev/null)
ok "nobody else says that a key was proven, not even an administrator" test "$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $boss" -H 'Content-Type: application/json' -d "{\"door\":\"x\",\"user\":\"$mail\",\"address\":\"192.0.2.1\",\"key\":\"$(cut -d' ' -f2 key.pub)\"}" "$url/api/v1/doors/enter")" = 403

# ---- OpenSSH's own
noise 20000000 >clip.mov; noise 3000000 >other.mov
printf 'cd Film\nmkdir "Day 1"\ncd "Day 1"\nput -p clip.mov\nls -l\nget clip.mov back.mov\nrename clip.mov moved.mov\n-rm nothing\nput other.mov\nrm other.mov\n' >day
touch -d 2026-03-04T05:06:07Z clip.mov
ok "sftp makes, puts, gets, renames, removes" by_key key day
ok "what came back is the same" cmp back.mov clip.mov
ok "it is an asset, the same" same_as "Film/Day 1/moved.mov" clip.mov
ok "with its time" test "$(stat -c %Y taken/*)" = "$(stat -c %Y clip.mov)"
ok "of two one was removed" test "$(assets)" = 1
printf 'put other.mov "Film/Day 1/moved.mov"\n' >over
ok "put over it" by_key key over
ok "makes a further version" test "$(versions moved)" = 2
printf 'rmdir "Film/Day 1"\n' >no
ok "a folder that is not empty stays" bash -c "$(declare -f by_key); door=$door mail=$mail work=$work; ! by_key key no"
printf 'mkdir /New\n' >no
ok "no project is made here" bash -c "$(declare -f by_key); door=$door mail=$mail work=$work; ! by_key key no"
printf 'get ../../../../etc/passwd out\n' >no
ok "nothing of the machine is seen" bash -c "$(declare -f by_key); door=$door mail=$mail work=$work; ! by_key key no && [ ! -e out ]"

# ---- a line that is cut goes on
noise 40000000 >forty.mov
printf 'put forty.mov Film/forty.mov\n' >forty; printf 'reput forty.mov Film/forty.mov\n' >rest
sftp -q -l 16000 -P "$door" -i key -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile="$work/known" -o User="$mail" -b forty 127.0.0.1 >/dev/null 2>&1 &
slow=$!
on_its_way() { [ "$(sqlite3 "$house/house.db" "select count(*) from door_files where state = 'arriving'")" = 1 ]; }
came() { printf 'ls -l Film/forty.mov\n' >look2; by_key key look2 | awk '/forty/ {print $5}'; }
ok "a slow one is on its way" until_true 60 on_its_way

session=$(pgrep -f "door sftp --house.folder=$house" | while read -r p; do grep -q "^Uid:.65534" "/proc/$p/status" 2>/dev/null && echo "$p"; done | head -1)
[ "$(id -u)" = 0 ] && ok "its session has no rights on this machine" bash -c "grep -q '^Uid:.65534' /proc/$session/status && grep -q '^NoNewPrivs:.1' /proc/$session/status && grep -q '^Seccomp:.2' /proc/$session/status"
pkill -9 -P "$slow"; kill -9 "$slow"; wait "$slow" 2>/dev/null
ok "cut off, it is no asset" test "$(assets)" = 1
ok "what came is shown to who sent it" until_true 60 bash -c "$(declare -f by_key came); door=$door mail=$mail work=$work; came >far; [ \"\$(cat far)\" -lt 40000000 ]"
ok "and goes on from there" by_key key rest
ok "it is whole" same_as Film/forty.mov forty.mov

# ---- limits
printf 'put other.mov Film/counted.mov\n' >in; printf 'get Film/counted.mov counted.mov\n' >out.of
ok "limits of the line, the project and a person" caps_on "$(ann_id)"
ok "what is put counts against each of them" counts in 3000000 by_key key in
ok "what is taken too" counts out 3000000 by_key key out.of

# ---- lftp and rclone
mkdir -p card/A/B; cp clip.mov card/A/; cp other.mov card/A/B/; printf one >card/A/B/notes.txt; printf two >"card/A/B/Zürich 1.txt"
ok "lftp mirrors a folder in" by_password "$mail" "$password" "mirror -R --parallel=2 card Film/Card"
ok "and out" bash -c "$(declare -f by_password); door=$door; by_password $mail '$password' 'mirror Film/Card out' && diff -r card out"
ok "parts of a file at once too" bash -c "$(declare -f by_password); door=$door; by_password $mail '$password' 'pget -n 3 Film/Card/A/clip.mov -o parts.mov' && cmp parts.mov clip.mov"
rclone config create house sftp host 127.0.0.1 port "$door" user "$mail" pass="$(rclone obscure "$password")" shell_type none >/dev/null 2>&1
ok "rclone copies a folder in" rclone copy card house:Film/Card2
ok "and finds it the same" rclone check --download card house:Film/Card2
ok "again it has nothing to do" bash -c "rclone copy -v card house:Film/Card2 2>&1 | tee again; ! grep -q Copied again"
ok "rclone removes it" rclone purge house:Film/Card2

# ---- after it
ok "tokens of sessions end with them" until_true 60 bash -c "[ \$(sqlite3 '$house/house.db' \"select count(*) from tokens where name like 'SFTP from%'\") = 0 ]"
kill_house
ok "the house is killed and opens again" sftp_open
ok "to those who know it it is the same host" bash -c "$(declare -f by_key); door=$door mail=$mail work=$work; sed -i 's/:[0-9]*\]/:$door]/; s/\]:[0-9]* /]:$door /' $work/known; by_key key look -o StrictHostKeyChecking=yes | grep -q Film"
id=$(here user key "$mail" | cut -d' ' -f1)
here user key "$mail" --remove "$id"
ok "without its key nobody is in" bash -c "$(declare -f by_key); door=$door mail=$mail work=$work; ! by_key key look"
here user disable "$mail" 2>/dev/null
ok "nor who is disabled" bash -c "$(declare -f by_password); door=$door; ! by_password $mail '$password' ls"
ok "posthouse check agrees" here check
finish
