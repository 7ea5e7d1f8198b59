#!/usr/bin/env bash
# The house by WebDAV, with outsiders' clients: litmus, curl, cadaver, rclone. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
. "$top/tests/story/doors_lib.sh"

ok "the house opens" open_with_project --worker=off --trusted.proxies=127.0.0.1
ok "an account" ann
dav=$url/dav
web() { curl -sS -u "$mail:$password" "$@"; }
status() { web -o /dev/null -w '%{http_code}' "$@"; }

# ---- litmus judges the protocol
for suite in basic copymove props locks http; do
  ok "litmus: $suite" bash -c "TESTS=$suite litmus '$dav/Film/' '$mail' '$password' 2>&1 | tee litmus.out; grep -q ', 0 failed' litmus.out"
done
ok "litmus warned of nothing" bash -c "! grep -i warning litmus.out"
web -X DELETE "$dav/Film/litmus/" -o /dev/null

# ---- who may
ok "nobody sees anything" test "$(curl -sS -o /dev/null -w '%{http_code}' -X PROPFIND -H 'Depth: 0' "$dav/")" = 401
ok "a wrong password is refused" test "$(curl -sS -o /dev/null -w '%{http_code}' -u "$mail:wrong" "$dav/Film/x")" = 401
ok "a password over a plain line from elsewhere is refused" test "$(status -H 'X-Forwarded-For: 192.0.2.9' -X PROPFIND -H 'Depth: 0' "$dav/")" = 403
ok "through a proxy that speaks TLS it is fine" test "$(status -H 'X-Forwarded-For: 192.0.2.9' -H 'X-Forwarded-Proto: https' -X PROPFIND -H 'Depth: 0' "$dav/")" = 207
guesses() { for i in $(seq 40); do curl -sS -o /dev/null -w '%{http_code}\n' -H 'X-Forwarded-For: 192.0.2.8' -H 'X-Forwarded-Proto: https' -u "$mail:guess$i" "$dav/Film/x"; done; }
ok "a guesser is slowed down" bash -c "$(declare -f guesses); mail='$mail' dav='$dav'; guesses | grep -q 429"
ok "and nobody else" test "$(status -X PROPFIND -H 'Depth: 0' "$dav/")" = 207
reader=$(here user token "$mail" --scope read 2>/dev/null)
ok "a reading token reads" test "$(curl -sS -o /dev/null -w '%{http_code}' -u "x:$reader" -X PROPFIND -H 'Depth: 1' "$dav/Film/")" = 207
ok "and does not write" test "$(curl -sS -o /dev/null -w '%{http_code}' -u "x:$reader" -T link "$dav/Film/no.mov")" = 403

# ---- files
noise 20000000 >clip.mov; noise 3000000 >other.mov
ok "a folder is made" test "$(status -X MKCOL "$dav/Film/Day%201")" = 201
ok "a file is put" test "$(status -T clip.mov "$dav/Film/Day%201/clip.mov")" = 201
ok "it is an asset, the same" same_as "Film/Day 1/clip.mov" clip.mov
ok "it comes back" bash -c "curl -sS -u '$mail:$password' '$dav/Film/Day%201/clip.mov' | cmp - clip.mov"
ok "and a part of it" bash -c "curl -sS -u '$mail:$password' -r 8388600-8388700 '$dav/Film/Day%201/clip.mov' | cmp - <(tail -c +8388601 clip.mov | head -c 101)"
ok "under a name in another case and decomposed too" bash -c "curl -sS -u '$mail:$password' '$dav/film/DAY%201/Clip.MOV' | cmp - clip.mov"
ok "written over it has a further version" bash -c "[ $(status -T other.mov "$dav/Film/Day%201/clip.mov") = 204 ]"
ok "two of them" test "$(versions clip)" = 2
etag=$(web -I "$dav/Film/Day%201/clip.mov" | tr -d '\r' | sed -n 's/^etag: //Ip')
ok "who says what he knew writes over nothing else" test "$(status -H 'If-Match: "0123"' -T clip.mov "$dav/Film/Day%201/clip.mov")" = 412
ok "and does where it is so" test "$(status -H "If-Match: $etag" -T clip.mov "$dav/Film/Day%201/clip.mov")" = 204
before=$(assets)
timeout 2 curl -sS -u "$mail:$password" --limit-rate 2M -T clip.mov "$dav/Film/cut.mov" -o /dev/null
ok "half a file is no file" test "$(status "$dav/Film/cut.mov")" = 404
ok "and no asset" test "$(assets)" = "$before"
ok "nothing of it is left on the way" until_true 60 test "$(sqlite3 "$house/house.db" "select count(*) from door_files where state='arriving'")" = 0
ask PUT /quotas "{\"scope\":\"project\",\"subject\":\"$project\",\"bytes\":1}" >/dev/null
ok "over the project's quota nothing comes in" test "$(status -T clip.mov "$dav/Film/more.mov")" = 507
ask PUT /quotas "{\"scope\":\"project\",\"subject\":\"$project\",\"bytes\":0}" >/dev/null
ok "a body over the limit is refused" test "$(head -c 400000 /dev/zero | status -X PROPFIND -H 'Depth: 0' --data-binary @- "$dav/Film/")" = 413
printf '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop><displayname>&e;</displayname></prop></propfind>' >entity.xml
ok "a body with entities is refused" test "$(status -X PROPFIND -H 'Depth: 0' --data-binary @entity.xml "$dav/Film/")" = 400
printf '<html><script>alert(1)</script></html>' >page.html
status -T page.html "$dav/Film/page.html" >/dev/null
web -D head -o /dev/null "$dav/Film/page.html"
ok "what somebody brought in does not run as a page of the house" bash -c "grep -qi '^content-security-policy:.*sandbox' head && grep -qi '^content-disposition: attachment' head"

# ---- limits
ok "limits of the line, the project and a person" caps_on "$(ann_id)"
ok "what is put counts against each of them" counts in 3000000 web -T other.mov "$dav/Film/counted.mov" -o /dev/null
ok "what is taken too" counts out 3000000 web "$dav/Film/counted.mov" -o /dev/null

# ---- cadaver
printf 'machine 127.0.0.1 login %s password %s\n' "$mail" "$token" >"$HOME/.netrc"; chmod 600 "$HOME/.netrc"
printf 'open %s/Film/\nmkcol Reel\ncd Reel\nput other.mov\nmove other.mov moved.mov\nls\nget moved.mov back.mov\ndelete moved.mov\nquit\n' "$dav" >script
ok "cadaver makes, puts, moves, gets, deletes" bash -c "cadaver <script >cadaver.out 2>&1; cat cadaver.out; cmp back.mov other.mov && ! grep -i failed cadaver.out"

# ---- rclone
mkdir -p card/A/B; cp clip.mov card/A/; cp other.mov card/A/B/; printf one >card/A/B/notes.txt; printf two >"card/A/B/Zürich #1.txt"
rclone config create house webdav url "$dav" vendor owncloud user "$mail" pass="$(rclone obscure "$password")" >/dev/null 2>&1
ok "rclone copies a folder in" rclone copy card house:Film/Card
ok "and finds it the same" rclone check --download card house:Film/Card
ok "with its times" bash -c "rclone lsl house:Film/Card/A/clip.mov | grep -q \"$(date -u -r card/A/clip.mov +%Y-%m-%d)\""
ok "again it has nothing to do" bash -c "rclone copy -v card house:Film/Card 2>&1 | tee again; ! grep -q 'Copied' again"
ok "rclone moves" rclone moveto house:Film/Card/A/B/notes.txt house:Film/Card/notes.txt
ok "rclone takes all out" bash -c "rclone copy house:Film/Card out && cmp out/A/B/Zürich\ \#1.txt card/A/B/Zürich\ \#1.txt && cmp out/notes.txt card/A/B/notes.txt"
ok "rclone deletes a folder" rclone purge house:Film/Card
ok "which is gone" test "$(status -X PROPFIND -H 'Depth: 0' "$dav/Film/Card")" = 404

# ---- the house is killed; who is disabled is out
kill_house
ok "it is killed and opens again" open_house --port="$port" --worker=off --trusted.proxies=127.0.0.1
ok "what was put is there" bash -c "curl -sS -u '$mail:$password' '$dav/Film/Day%201/clip.mov' | cmp - clip.mov"
ok "posthouse check agrees" here check
here user disable "$mail" 2>/dev/null
ok "who is disabled sees nothing" test "$(status -X PROPFIND -H 'Depth: 0' "$dav/")" = 401
finish
