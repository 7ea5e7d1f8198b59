#!/usr/bin/env bash
# Links: files taken one by one and as one archive, files sent by a request, and who may, how often, how fast. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
mkdir -p "$work/mail"
node "$top/tests/story/mail_server.mjs" "$work/mail" >"$work/mail.port" 2>&1 &
mailer=$!
trap 'kill $mailer 2>/dev/null; clean' EXIT
until_true 20 test -s "$work/mail.port"

ok "the house opens" open_with_project --worker=off --trusted.proxies=127.0.0.1 --mail.server="smtp://127.0.0.1:$(cat "$work/mail.port")" --mail.from=house@film.test
mkdir -p "card/A001/clips" "card/A001/ü"
noise 3000000 one >"card/A001/clips/one.mov"; noise 12000000 two >"card/A001/clips/two.mov"; noise 20 three >"card/A001/ü/three.txt"
touch -d 2026-11-01T10:00:00Z card/A001/clips/one.mov
ok "a card comes in" put card/A001

# visit FILE KEY [JSON-REST] [FROM]: comes in by a link; the cookie is kept in FILE; the answer is the body
visit() {
  curl -sS --fail-with-body -c "$1" -H "X-Forwarded-For: ${4:-198.51.100.7}" -H 'Content-Type: application/json' -d "{\"key\":\"$2\"${3:-}}" "$url/api/v1/shares/open"
}
key_of() { sed 's/.*"url" *: *"[^"]*\/s\/\([^"]*\)".*/\1/'; }

# ---- a folder, as one archive
ok "a link to a folder" here link make Film/A001 --title "The card" --message "For the colourist" --json
cp "$work/said" made; key=$(grep '"url"' made | key_of); share=$(grep '"id"' made | head -1 | sed 's/.*: *"\(.*\)".*/\1/')
ok "a visitor comes in" bash -c "$(declare -f visit); url=$url; visit jar $key ',\"name\":\"Ada\"' >me"
ok "and is told what there is" holds 'a.share.title==="The card"&&a.share.kind==="files"&&a.share.message==="For the colourist"&&a.person===undefined' me
curl -sS -b jar "$url/api/v1/shares/$share/files" >files
ok "the folder's structure is kept" holds 'a.items.map(f=>f.path).join()==="A001/clips/one.mov,A001/clips/two.mov,A001/ü/three.txt"&&a.total===3&&a.bytes===15000020' files
zip=$url/api/v1/shares/$share/zip
ok "all of it is one archive" curl -sS --fail -b jar -o whole.zip -D zip.head "$zip"
ok "it is named, has a size, and goes on by ranges" bash -c "grep -qi '^content-disposition: .*The card.zip' zip.head && grep -qi '^accept-ranges: bytes' zip.head && grep -qi '^etag: ' zip.head && grep -qi \"^content-length: \$(stat -c %s whole.zip)\" zip.head"
for judge in "unzip -tqq" "7zz t" "python3 -m zipfile -t"; do
  command -v ${judge%% *} >/dev/null && ok "${judge%% *} finds it whole" bash -c "$judge whole.zip | tee said; ! grep -qi bad said"
done
ok "the files are the same" bash -c "rm -rf out; mkdir out; cd out; unzip -qq ../whole.zip && diff -r A001 ../card/A001"
ok "with their times" test "$(stat -c %Y out/A001/clips/one.mov)" = "$(date -d 2026-11-01T10:00:00Z +%s)"
head -c 4000000 whole.zip >cut.zip
ok "a download that was cut goes on" curl -sS --fail -C - -b jar -o cut.zip "$zip"
ok "and is the same to the byte" cmp whole.zip cut.zip
size=$(stat -c %s whole.zip)
for range in "$((size - 900))-" 3000000-3000400 0-99 2999990-3000300; do
  curl -sS --fail -b jar -r "$range" -o part "$zip"
  first=${range%%-*}
  ok "bytes $range are those of the whole" bash -c "cmp part <(tail -c +$((first + 1)) whole.zip | head -c \$(stat -c %s part)) && test -s part"
done
ok "one file by itself" curl -sS --fail -b jar -o one "$url/api/v1/versions/$(field '.items[0].version' <files)/files/1/bytes"
ok "it is that file" cmp one card/A001/clips/one.mov
noise 100 four >"card/A001/four.txt"
ok "another file comes into the folder" bash -c "$(declare -f here put); posthouse=$posthouse house=$house; put card/A001/four.txt --folder A001"
curl -sS -b jar "$url/api/v1/shares/$share/files" >files
ok "and is there at once" holds 'a.total===4' files
archive=$(field .archive <files)
ok "an archive that was begun before is not mixed with the new one" test "$(curl -sS -o /dev/null -w '%{http_code}' -b jar -r 5- "$zip?as=000$archive")" = 409
ok "who used it is known" here link uses "$share"
cp "$work/said" uses
ok "by name, and what" bash -c "grep -q 'opened.*Ada' uses && grep -q 'zip.*to its end' uses && grep -q 'file.*one.mov' uses"
ok "a visitor sees nothing else of the project" test "$(curl -sS -o /dev/null -w '%{http_code}' -b jar "$url/api/v1/projects/$project/folders")" = 404

# ---- who may, and how often
echo "a horse in the battery" >secret
ok "a link with a password, for two visits" here link make Film/A001 --password-file secret --uses 2 --json
cp "$work/said" made; key=$(grep '"url"' made | key_of); locked=$(grep '"id"' made | head -1 | sed 's/.*: *"\(.*\)".*/\1/')
curl -sS -H 'Content-Type: application/json' -d "{\"key\":\"$key\"}" "$url/api/v1/shares/door" >door
ok "its door asks for one, and does not say what is behind it" holds 'a.password===true&&a.title===null&&a.kind==="files"' door
ok "without it nobody comes in" bash -c "$(declare -f visit); url=$url; ! visit no $key >said; grep -q '\"password\"' said"
# A hundred addresses, each with a wrong password, at once.
node -e 'const [url,key]=process.argv.slice(1);let n=0;for(let i=1;i<=100;i++)fetch(url+"/api/v1/shares/open",{method:"POST",headers:{"Content-Type":"application/json","X-Forwarded-For":"203.0.113."+i},body:JSON.stringify({key,password:"a wrong one "+i})}).then(r=>r.text()).catch(()=>0).finally(()=>++n===100&&process.exit(0))' "$url" "$key" &
guessers=$!
knows() { visit right "$key" ',"password":"a horse in the battery"' 192.0.2.44; }
export -f visit; export url key
ok "among a hundred guessers the one who knows it comes in" until_true 240 bash -c "$(declare -f knows); knows"
wait $guessers
guessed() { visit six "$key" ',"password":"not that one at all"' 203.0.113.200 >said 2>&1; grep -q 'too many tries' said; }
ok "who guesses on and on has to wait" until_true 240 guessed
ok "a second visit" visit second "$key" ',"password":"a horse in the battery"' 192.0.2.45
ok "the third is refused" bash -c "! visit third $key ',\"password\":\"a horse in the battery\"' 192.0.2.46 >said; grep -q 'as often as it may be' said"
ok "whoever was in comes back" curl -sS --fail -b second -c second -H 'Content-Type: application/json' -d "{\"key\":\"$key\"}" -o /dev/null "$url/api/v1/shares/open"

# ---- how fast: a download is slow, paused, goes on, and ends when the link is revoked
ok "the line is capped" here traffic cap line --out 800k
curl -sS -b jar -o slow.zip "$zip" 2>/dev/null &
slow=$!
streams() { ask GET /traffic | field '.streams.filter(s=>s.kind==="zip"&&s.moving)'"$1"; }
moves() { [ "$(streams '.length')" -ge 1 ] 2>/dev/null && [ "$(streams '[0].done')" -gt 100000 ]; }
ok "what moves is seen" until_true 60 moves
id=$(streams '[0].id')
ok "it is the visitor's" test "$(streams '[0].who')" = Ada
ok "it is paused" here traffic pause "$id"
ok "and said to be" test "$(streams '[0].paused')" = true
ok "it goes first when it goes on" here traffic priority "$id" 90
ok "it goes on" here traffic go-on "$id"
before=$(streams '[0].done')
further() { [ "$(streams '[0].done')" -gt "$before" ]; }
ok "bytes move again" until_true 60 further
ok "the link is revoked" here link revoke "$share"
ended() { ! kill -0 $slow 2>/dev/null; }
ok "and the download ends at once" until_true 60 ended
ok "before it was whole" bash -c "[ \$(stat -c %s slow.zip) -lt $size ]"
ok "nobody comes in any more" test "$(curl -sS -o /dev/null -w '%{http_code}' -b jar "$zip")" -ge 401
cap=$(here traffic caps | cut -d' ' -f1)
ok "the line is free again" here traffic uncap "$cap"
kept() { ask GET /traffic/history | field '.filter(m=>m.kind==="zip"&&m.who==="Ada").length' | grep -qv '^0$'; }
ok "the history has it" until_true 60 kept

# ---- files that come in
ok "a person of the house" here user add owner@film.test --name Owner --admin
here user token owner@film.test --scope all >said; grep -oE '[A-Za-z0-9_-]{43}' said | tail -1 >owner.token
ok "a request of hers" here link request --token-file owner.token --house "$url" Film/Sound --title "Sound of day 1" --types mov,wav --most "30 MB" --field 'Scene!' --field 'Kind=mix|stems' --uses 1 --json
cp "$work/said" made; key=$(grep '"url"' made | key_of); request=$(grep '"id"' made | head -1 | sed 's/.*: *"\(.*\)".*/\1/')
ok "somebody opens it" bash -c "visit her $key ',\"name\":\"Bo\"' >me"
ok "what is asked" holds 'a.share.kind==="request"&&a.share.wants.fields[0].required&&a.share.wants.types.length===2' me
csrf=$(field .csrf <me)
her() { # her METHOD PATH [JSON]
  curl -sS --fail-with-body -b her -H "X-CSRF: $csrf" -H 'X-Forwarded-For: 198.51.100.9' -X "$1" ${3:+-H 'Content-Type: application/json' -d "$3"} "$url/api/v1$2"
}
ok "an answer that is missing is asked for" bash -c "$(declare -f her); csrf=$csrf; ! her POST /shares/$request/drops '{\"name\":\"x\",\"answers\":{}}' >said; grep -q Scene said"
ok "sending begins" her POST "/shares/$request/drops" '{"name":"Day 1","answers":{"Scene":"12 Ext.","Kind":"mix"},"key":"k1"}'
transfer=$(field .transfer <"$work/said")
ok "the same once more is the same" bash -c "$(declare -f her); csrf=$csrf; her POST /shares/$request/drops '{\"name\":\"Day 1\",\"answers\":{\"Scene\":\"12 Ext.\",\"Kind\":\"mix\"},\"key\":\"k1\"}' | grep -q $transfer"
ok "a second sending is one too many" bash -c "$(declare -f her); csrf=$csrf; ! her POST /shares/$request/drops '{\"name\":\"y\",\"answers\":{\"Scene\":\"1\"}}' >said; grep -q 'as often' said"
tus() { curl -sS -o body -D head -w '%{http_code}' -b her -H "X-CSRF: $csrf" -H 'Tus-Resumable: 1.0.0' "$@"; }
meta() { printf 'Upload-Metadata: transfer %s,path %s' "$(printf %s "$transfer" | base64 -w0)" "$(printf %s "$1" | base64 -w0)"; }
head_of() { tr -d '\r' <head | sed -n "s/^$1: //Ip" | tail -1; }
ok "a file of another type is refused" test "$(tus -X POST "$url/api/v1/uploads" -H "$(meta virus.exe)" -H 'Upload-Length: 10')" = 415
ok "so is one that is too large" test "$(tus -X POST "$url/api/v1/uploads" -H "$(meta big.wav)" -H 'Upload-Length: 40000000')" = 413
noise 12000000 sound >mix.wav
ok "a file begins" test "$(tus -X POST "$url/api/v1/uploads" -H "$(meta "reel 1/mix.wav")" -H 'Upload-Length: 12000000')" = 201
at=$url$(head_of Location)
head -c 5000000 mix.wav >first; tail -c +5000001 mix.wav >rest
ok "half of it" test "$(tus -X PATCH "$at" -H 'Upload-Offset: 0' -H 'Content-Type: application/offset+octet-stream' --data-binary @first)" = 204
kill_house; ok "the house is killed, and opens again" open_house --worker=off --trusted.proxies=127.0.0.1 --mail.server="smtp://127.0.0.1:$(cat "$work/mail.port")" --mail.from=house@film.test
export url; at=$url/api/v1/uploads/${at##*/}
ok "where it stands" bash -c "test \"\$(curl -sS -I -b her -H 'Tus-Resumable: 1.0.0' $at | tr -d '\r' | sed -n 's/^Upload-Offset: //Ip')\" = 5000000"
ok "the rest" test "$(tus -X PATCH "$at" -H 'Upload-Offset: 5000000' -H 'Content-Type: application/offset+octet-stream' --data-binary @rest)" = 204
ok "somebody else's visit may not touch it" bash -c "visit other $key ',\"name\":\"Eve\"' 198.51.100.66 >me2; test \"\$(curl -sS -o /dev/null -w '%{http_code}' -b other -H 'Tus-Resumable: 1.0.0' -I $at)\" = 404"
ok "all is sent" her POST "/transfers/$transfer/close"
her GET "/transfers/$transfer/receipt" >receipt
ok "the receipt has its SHA-256" holds "a.files.length===1&&a.files[0].sha256==='$(sha256sum mix.wav | cut -d' ' -f1)'&&a.stored===1" receipt
ok "it is in the project, in its folder" same_as "Film/Sound/reel 1/mix.wav" mix.wav
ok "with the answers" bash -c "'$posthouse' link drops $request --house.folder='$house' | tee said; grep -q 'Scene: 12 Ext.' said && grep -q 'by Bo' said"
asset=$(ask GET "/projects/$project/assets?q=mix" | field '.items[0].id')
ask GET "/assets/$asset/came" >came
ok "which stay with what came" holds 'a.came.answers.Kind==="mix"&&a.came.title==="Sound of day 1"' came

# ---- mail, quotas, looks
told() { grep -lq 'To: owner@film.test' "$work"/mail/*.eml; }
ok "whoever asked is told by mail" until_true 60 told
ok "by whom, and what was answered" bash -c "mail=\$(grep -l 'To: owner@film.test' '$work'/mail/*.eml | head -1); grep -q '^Bo sent 1 file' \$mail && grep -q 'Scene: 12 Ext.' \$mail"
ok "a link is sent by mail" here link make Film/Sound --title Mixes --mail colour@film.test
mailed() { grep -lq 'To: colour@film.test' "$work"/mail/*.eml; }
ok "the mail arrives" until_true 60 mailed
ok "with the link in it" bash -c "grep -q '/s/' \"\$(grep -l 'To: colour@film.test' '$work'/mail/*.eml | head -1)\""
ok "a quota" here traffic quota project Film "20 MB"
noise 9000000 over >over.bin
ok "more than it is refused, what is there counted" says "more than may be brought in" 3 put over.bin
ok "without the quota it comes" bash -c "'$posthouse' traffic quota project Film 0 --house.folder='$house'"
ok "and does" put over.bin
ok "a brand" ask PUT "/projects/$project/brand" '{"name":"Film House","colour":"#20a0c0","message":"","logo":"data:image/png;base64,iVBORw0KGgo="}'
ok "a logo that is a page is refused" bash -c "! curl -sS --fail -X PUT -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d '{\"name\":\"\",\"colour\":\"\",\"message\":\"\",\"logo\":\"data:text/html;base64,AAAA\"}' $url/api/v1/projects/$project/brand"
curl -sS -H 'Content-Type: application/json' -d "{\"key\":\"$key\"}" "$url/api/v1/shares/door" >door
ok "the door looks like it" holds 'a.brand.name==="Film House"&&a.brand.colour==="#20a0c0"' door
ok "the house closes" close_house
finish
