#!/usr/bin/env bash
# The house by FTP over TLS, with outsiders' clients: curl, lftp, rclone. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
. "$top/tests/story/doors_lib.sh"

ok "the house opens" open_with_project --worker=off --ftps=on --ftps.port=0
ok "and its FTPS door" until_true 60 test -s "$house/ftps.ready"
door=$(cat "$house/ftps.ready")
ok "an account" ann
ftp() { curl -sS --ssl-reqd --cacert "$house/tls.certificate.pem" --resolve "localhost:$door:127.0.0.1" -u "$mail:$password" "$@"; }
far=ftp://localhost:$door

# ---- who may
ok "nobody logs in over a plain line" bash -c "! curl -sS -u '$mail:$password' '$far/' 2>/dev/null"
ok "a wrong password is refused" bash -c "! curl -sS --ssl-reqd -k -u '$mail:wrong' '$far/' 2>/dev/null"
ok "with the right one one is in" bash -c "curl -sS --ssl-reqd --cacert '$house/tls.certificate.pem' -u '$mail:$password' '$far/' | grep -q Film"
raw() { printf '%s\r\n' "$@" QUIT | timeout 60 openssl s_client -quiet -starttls ftp -connect "localhost:$door" 2>/dev/null; }
ok "the house's own ports are nobody's to point at" bash -c "$(declare -f raw); door=$door; raw 'USER $mail' 'PASS $password' 'PORT 127,0,0,1,0,22' | tee said; grep -q '^522' said"
ok "data in the open is refused" bash -c "$(declare -f raw); door=$door; raw 'USER $mail' 'PASS $password' 'PASV' | tee said; grep -q '^521' said"
ok "rubbish is answered" bash -c "$(declare -f raw); door=$door; raw '%%%' 'XXXXXXXXXXXX y' 'RETR' 'USER' | tee said; grep -q '^500' said && grep -q '^530' said"

# ---- curl
noise 20000000 >clip.mov; noise 3000000 >other.mov
ok "curl puts a file, making its folder" ftp --ftp-create-dirs -T clip.mov "$far/Film/Day%201/clip.mov"
ok "it is an asset, the same" same_as "Film/Day 1/clip.mov" clip.mov
ok "it comes back" bash -c "curl -sS --ssl-reqd -k -u '$mail:$password' '$far/Film/Day%201/clip.mov' | cmp - clip.mov"
ok "and its rest" bash -c "curl -sS --ssl-reqd -k -u '$mail:$password' -C 12345678 '$far/Film/Day%201/clip.mov' | cmp - <(tail -c +12345679 clip.mov)"
ok "put over it" ftp -T other.mov "$far/Film/Day%201/clip.mov"
ok "makes a further version" test "$(versions clip)" = 2
before=$(assets)
curl -sS --ssl-reqd -k -u "$mail:$password" --limit-rate 2M -T clip.mov "$far/Film/cut.mov" >/dev/null 2>&1 &
slow=$!
ok "one is on its way" until_true 60 bash -c "[ \$(sqlite3 '$house/house.db' \"select count(*) from door_files where name='cut.mov' and state='arriving'\") = 1 ]"
kill -9 $slow; wait $slow 2>/dev/null
ok "cut off, it is no asset" test "$(assets)" = "$before"
size_of() { ftp -I "$far/Film/cut.mov" 2>/dev/null | tr -d '\r' | sed -n 's/^Content-Length: //p'; }
ok "who sent it sees how far it is" until_true 60 bash -c "$(declare -f ftp size_of); door=$door house=$house mail=$mail password='$password' far=$far; n=\$(size_of); [ -n \"\$n\" ] && [ \"\$n\" -lt 20000000 ]"
ok "and goes on from there" ftp -C - -T clip.mov "$far/Film/cut.mov"
ok "to what it was to be" same_as Film/cut.mov clip.mov

# ---- limits
ok "limits of the line, the project and a person" caps_on "$(ann_id)"
ok "what is put counts against each of them" counts in 3000000 ftp -T other.mov "$far/Film/counted.mov"
ok "what is taken too" counts out 3000000 ftp -o counted.mov "$far/Film/counted.mov"

# ---- lftp and rclone
by_lftp() { lftp -u "$mail,$password" -e "set dns:order inet; set ftp:ssl-force true; set ftp:ssl-protect-data true; set ssl:ca-file $house/tls.certificate.pem; set net:max-retries 1; set net:timeout 60; $1; exit" "ftp://localhost:$door" 2>&1; }
mkdir -p card/A/B; cp clip.mov card/A/; cp other.mov card/A/B/; printf one >card/A/B/notes.txt; printf two >"card/A/B/Zürich 1.txt"
touch -d 2026-03-04T05:06:07Z card/A/clip.mov
ok "lftp mirrors a folder in" by_lftp "mirror -R --parallel=2 card Film/Card"
ok "with its times" bash -c "$(declare -f by_lftp); mail=$mail password='$password' house=$house door=$door; by_lftp 'cls -l --time-style=%FT%T Film/Card/A/clip.mov' | tee said; grep -q 2026-03-04 said"
ok "and out" bash -c "$(declare -f by_lftp); mail=$mail password='$password' house=$house door=$door; by_lftp 'mirror Film/Card out' && diff -r card out"
ok "renames and removes" bash -c "$(declare -f by_lftp); mail=$mail password='$password' house=$house door=$door; by_lftp 'mv Film/Card/A/B/notes.txt Film/Card/n.txt; rm Film/Card/n.txt; rm -r Film/Card' && ! by_lftp 'cd Film/Card'"
rclone config create house ftp host localhost port "$door" user "$mail" pass="$(rclone obscure "$password")" explicit_tls true no_check_certificate true >/dev/null 2>&1
ok "rclone copies a folder in" rclone copy card house:Film/Card2
ok "and finds it the same" rclone check --download card house:Film/Card2

ok "tokens of sessions end with them" until_true 60 bash -c "[ \$(sqlite3 '$house/house.db' \"select count(*) from tokens where name like 'SFTP from%' or name like 'FTPS from%'\") = 0 ]"
ok "posthouse check agrees" here check
finish
