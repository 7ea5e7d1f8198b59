#!/usr/bin/env bash
# Deliverables go out: to a folder, to S3 (each signature proven by a server of another make), by SFTP to a real sshd, through
# an outlet's own program, by a link and by hand; the house is killed on the way. sending.sh PROGRAM TOP
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
here=$top/tests/story
others=()
clean_all() { for pid in "${others[@]}"; do kill "$pid" 2>/dev/null; done; clean; }
trap clean_all EXIT
sql() { sqlite3 -readonly "$house/house.db" "$1"; }

# Profiles of our own beside the house's: boxed, with digests and a name by a pattern.
cp -r "$top/data" "$work/data"
edit() { node -e 'const fs=require("fs");const [from,to,more]=process.argv.slice(1);const p=JSON.parse(fs.readFileSync(from));fs.writeFileSync(to,JSON.stringify({...p,...JSON.parse(more)}))' "$work/data/profiles/wav-48k24.json" "$work/data/profiles/$1.json" "$2"; }
edit boxed '{"name":"boxed","package":"folder","checksums":["md5","xxh64"],"naming":{"pattern":"{title}[_S{season:2}E{episode:2}]_{layout}_{id}","characters":"A-Za-z0-9_-","case":"upper","length":40}}'
cat >"$work/licensed" <<'EOS'
#!/bin/bash
# As a licensed encoder: a film in, a file out; without its licence it says so.
[ -e "$(dirname "$0")/licence" ] || { echo "no licence was found"; exit 7; }
echo "encoding $1"; exec ffmpeg -v error -i "$1" -map 0 -c:v prores_ks -profile:v 3 -c:a copy -timecode "$(ffprobe -v error -show_entries stream_tags=timecode -of csv=p=0 "$1" | grep -m1 :)" -color_primaries bt709 -color_trc bt709 -colorspace bt709 "$2"
EOS
chmod +x "$work/licensed"
node -e 'const fs=require("fs");const [d,w]=process.argv.slice(1);const p=JSON.parse(fs.readFileSync(d+"/prores-422-hq-mov.json"));p.name="licensed";p.video={codec:"v210",pixel_format:"yuv422p10le",encoder:{program:w+"/licensed",arguments:["{input}","{output}"],makes:"prores"}};fs.writeFileSync(d+"/licensed.json",JSON.stringify(p))' "$work/data/profiles" "$work"
edit judged '{"name":"judged","qc":"broadcast","checksums":["md5"],"naming":{"pattern":"{title}_checked"}}'

mkdir -p "$work/out" "$work/s3" "$work/heard"
node "$here/s3_server.mjs" "$work/s3" >"$work/s3.port" & others+=($!)
node "$here/hook_server.mjs" "$work/heard" "$work/hook.secret" >"$work/hook.port" & others+=($!)
until_true 20 test -s "$work/s3.port" && until_true 20 test -s "$work/hook.port"
s3_port=$(cat "$work/s3.port") hook_port=$(cat "$work/hook.port")
mkdir -p "$work/mail"; echo "letter box" >"$work/mail.password"
node "$here/mail_sink.mjs" "$work/mail" house "letter box" >"$work/mail.port" & others+=($!)
until_true 20 test -s "$work/mail.port"
mail=(--mail.server="smtp://127.0.0.1:$(cat "$work/mail.port")" --mail.from=house@example.org --mail.user=house --mail.password.file="$work/mail.password")

ffmpeg -v error -f lavfi -i "sine=440:r=48000:d=60" -ac 2 -c:a pcm_s24le "$work/Élan vital S01E02.wav"
ok "the house opens" open_house --worker.slots=2 --data.folder="$work/data" "${mail[@]}"
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ask POST /hooks "{\"kind\":\"webhook\",\"target\":\"http://127.0.0.1:$hook_port/deliveries\"}" | field .secret >"$work/hook.secret"
ask POST /hooks '{"kind":"mail","target":"desk@example.org"}' >/dev/null
ok "the sound comes in" bring "$work/Élan vital S01E02.wav"
asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
cp "$work/Élan vital S01E02.wav" "$work/Trailer.wav"
ok "and a second one" bring "$work/Trailer.wav"
ok "it becomes ready" until_true 60 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version.id)

made() { [ "$(ask GET "/deliveries/$1" | field .state)" = done ]; }
order() { ask POST "/versions/$version/deliveries" "$1" | field .id; }
to() { ask POST "/deliveries/$1/sendings" "{\"destination\":\"$2\"}" | field .sending.id; }
sent() { [ "$(ask GET "/deliveries/$1" | field ".sendings.find(s=>s.id==='$2').state")" = "$3" ]; }
why() { ask GET "/deliveries/$1" | field ".sendings.find(s=>s.id==='$2').problem"; }

# ---- names
plan=$(ask POST "/versions/$version/delivery-plan" '{"profile":"boxed"}')
ok "a name that lacks a number says so before it is ordered" grep -q "the name lacks id" <<<"$plan"
plan=$(ask POST "/versions/$version/delivery-plan" '{"profile":"boxed","naming":{"id":"77"}}')
ok "its name and what goes with it are shown before it is ordered" grep -q '"ELAN_VITAL_S01E02_S01E02_20_77/: ELAN_VITAL_S01E02_S01E02_20_77.wav, manifest.json, checksums.md5, checksums.xxh64"' <<<"$plan"
ok "a name that is too long is refused" grep -q "characters too long" <(ask POST "/versions/$version/delivery-plan" '{"profile":"boxed","naming":{"id":"77","title":"A very long title that nobody would read to its end"}}')

# ---- to a folder
folder=$("$posthouse" destination add Outgoing folder path="$work/out" --house.folder="$house")
ok "a destination that says rubbish is refused" bash -c "! \"$posthouse\" destination add Bad folder path=out --house.folder=\"$house\""
ok "it is tested" grep -q "it can be written" <("$posthouse" destination test Outgoing --house.folder="$house")
boxed=$(order '{"profile":"boxed","naming":{"id":"77"}}')
ok "it is made" until_true 60 made "$boxed"
box=$work/out/ELAN_VITAL_S01E02_S01E02_20_77
goes_there() { sending=$(to "$boxed" "$folder"); until_true 60 sent "$boxed" "$sending" sent; }
box_bytes() { cat "$box"/* | wc -c; }
ok "limits of the line, the project and who sends" caps_on "$(ask GET /me | field .person.id)"
ok "it goes to the folder, and counts against all three" counts out box_bytes goes_there
ok "its digests are right" bash -c "cd '$box' && md5sum -c checksums.md5 && [ \$(wc -l <checksums.md5) = 2 ]"
ok "xxHash's own program agrees" bash -c "command -v xxhsum >/dev/null || exit 0; cd '$box' && xxhsum -c checksums.xxh64"
ok "nothing half is left there" test "$(ls -A "$work/out")" = ELAN_VITAL_S01E02_S01E02_20_77
ok "the receipt knows the digests" grep -q "$(sha256sum "$box"/*.wav | cut -d' ' -f1)" <(ask GET "/sendings/$sending/receipt")
ask GET "/sendings/$sending/receipt/signed" >"$work/delivery.receipt.json"
ok "the house has signed it" grep -q "^genuine, signed with the house's key" <("$posthouse" receipt verify "$work/delivery.receipt.json" --house --house.folder="$house")
ok "the same again changes nothing" until_true 25 sent "$boxed" "$(to "$boxed" "$folder")" sent
echo other >"$box/manifest.json"
other=$(to "$boxed" "$folder")
ok "what lies there already is not written over" until_true 25 sent "$boxed" "$other" failed
ok "and it says so" grep -q "is there already" <<<"$(why "$boxed" "$other")"
second=$(ask GET "/projects/$project/assets" | field '.items.find(a=>a.id!=="'$asset'").id')
ok "the same again under another name is there" until_true 60 state_is "$second" ready
version2=$(ask GET "/assets/$second" | field .version.id)
ok "a name that is taken is refused" grep -q "called ELAN_VITAL_S01E02_S01E02_20_77.wav already" <(ask POST "/versions/$version2/delivery-plan" '{"profile":"boxed","naming":{"id":"77","title":"Elan vital S01E02","season":"1","episode":"2"}}')

# ---- states
refused() { ! ask "$@"; }
ok "asking for a redelivery needs its reason" refused POST "/deliveries/$boxed/states" '{"state":"redelivery_asked"}'
ask POST "/deliveries/$boxed/states" '{"state":"received"}' >/dev/null
ask POST "/deliveries/$boxed/states" '{"state":"redelivery_asked","note":"the slate is wrong"}' >/dev/null
ok "what the outlet says is kept in order" test "$(ask GET "/deliveries/$boxed/states" | field '.map(s=>s.state).join(" ")')" = "sent sent received redelivery_asked"

# ---- to S3, in parts; the house is killed on the way
echo '{"access_key":"TESTKEY","secret_key":"TESTSECRET"}' >"$work/keys.json"
s3=$("$posthouse" destination add Bucket s3 endpoint="http://127.0.0.1:$s3_port" bucket=masters region=eu-central-1 prefix="in/Élan 1" part_mib=5 --secrets "$work/keys.json" --house.folder="$house")
ok "S3 is tested" grep -q "it can be written" <("$posthouse" destination test Bucket --house.folder="$house")
ok "no secret lies in the database" bash -c "! grep -q TESTSECRET '$house/house.db' '$house/house.db-wal'"
ok "and none is told" bash -c "! grep -q TESTSECRET <<<'$(ask GET /destinations)'"
plain=$(order '{"profile":"wav-48k24"}')
ok "another is made" until_true 60 made "$plain"
echo 400 >"$work/s3/slow-ms"
sending=$(to "$plain" "$s3")
ok "parts arrive" until_true 60 grep -q "part 2" "$work/s3/log"
kill -9 "$server"; wait "$server" 2>/dev/null
rm "$work/s3/slow-ms"; echo 1 >"$work/s3/fail-parts"
ok "the house was killed, and opens again" open_house --worker.slots=2 --data.folder="$work/data" "${mail[@]}"
ok "it goes on and arrives" until_true 40 sent "$plain" "$sending" sent
ok "in one upload" test "$(grep -c began "$work/s3/log")" = 1
ok "no part went twice but the one under way" test "$(grep -c '^part [12]$' "$work/s3/log")" -le 3
ask GET "/deliveries/$plain/bytes" >"$work/plain.wav"
ok "what is there is what was made" cmp "$work/plain.wav" "$work/s3/last"
echo 300000 >"$work/s3/slow-ms" # a part takes longer than all of this
: >"$work/s3/log"
elsewhere=$("$posthouse" destination add Elsewhere s3 endpoint="http://127.0.0.1:$s3_port" bucket=masters region=eu-central-1 prefix=elsewhere part_mib=5 --secrets "$work/keys.json" --house.folder="$house")
sending=$(to "$plain" "$elsewhere")
ok "an upload begins" until_true 60 grep -q "began" "$work/s3/log"
job=$(ask GET "/deliveries/$plain" | field ".sendings.find(s=>s.id==='$sending').job")
ok "it is cancelled" "$posthouse" job "$job" cancel --house.folder="$house"
ok "a sending that is cancelled takes its parts away there" until_true 60 grep -q "aborted" "$work/s3/log"
ok "and nothing was stored" bash -c "! grep -q stored '$work/s3/log'"
rm "$work/s3/slow-ms"
echo yes >"$work/s3/odd-etags"
boxed_there=$(to "$boxed" "$s3")
ok "a server with other ETags is read back" until_true 25 sent "$boxed" "$boxed_there" sent
ok "and that is the proof" grep -q "read back" <(ask GET "/sendings/$boxed_there/receipt")
echo '{"access_key":"TESTKEY","secret_key":"WRONG"}' >"$work/wrong.json"
wrong=$("$posthouse" destination add Wrong s3 endpoint="http://127.0.0.1:$s3_port" bucket=masters region=eu-central-1 --secrets "$work/wrong.json" --house.folder="$house")
ok "a wrong key is said, with the way out" grep -q "check the destination's keys" <("$posthouse" destination test Wrong --house.folder="$house" 2>&1)

# ---- what keeps it here
ok "without quality control that the profile asks for nothing is ordered" grep -q "quality control (broadcast) has not been passed" <(ask POST "/versions/$version/deliveries" '{"profile":"judged"}' 2>&1)

# ---- through a program: its secret is on no command line, its log is read, its exit status judged
cat >"$work/tool" <<'EOS'
#!/bin/bash
# As an outlet's tool: it wants a password from its environment and a token from a file, and says how far it is.
tr '\0' ' ' </proc/$$/cmdline >"$TOOL_SAYS/cmdline"
[ "$TOOL_PASSWORD" = "open sesame" ] || { echo "Session Stop (Error: failed to authenticate)"; exit 19; }
[ "$(cat "$2")" = "a token" ] || exit 19
[ -e "$TOOL_SAYS/busy" ] && { rm "$TOOL_SAYS/busy"; echo "the server is busy"; exit 2; }
echo "sending 40% "; cp -r "$1" "$3/"; echo "sending 100% "
[ -e "$TOOL_SAYS/lies" ] || echo "Completed: all"
EOS
chmod +x "$work/tool"; mkdir -p "$work/portal"; touch "$work/busy"
cat >"$work/data/senders/tool.json" <<'EOS'
{"title": "A tool", "program": "/usr/bin/false", "arguments": ["{package}", "{secret_file.token}", "{where}"],
 "environment": {"TOOL_PASSWORD": "{secret.password}", "TOOL_SAYS": "{says}"}, "values": {"where": "folder", "says": "folder"},
 "secrets": {"password": "password", "token": "token"}, "exits": {"retry": [2], "login": [19]}, "proof": "end",
 "lines": [{"match": "(?<percent>\\d+)%", "means": "progress"}, {"match": "^Completed:", "means": "end"},
           {"match": "authenticate", "means": "error", "class": "failed", "says": "the server does not accept the password"}]}
EOS
echo '{"secrets":{"password":"open sesame","token":"a token"}}' >"$work/tool.keys"
tool=$("$posthouse" destination add Portal program sender=tool program="$work/tool" values="{\"where\":\"$work/portal\",\"says\":\"$work\"}" --secrets "$work/tool.keys" --house.folder="$house")
sending=$(to "$boxed" "$tool")
ok "a program takes it; that it was busy is tried again" until_true 40 sent "$boxed" "$sending" sent
ok "it was busy once" test ! -e "$work/busy"
ok "it got the whole package" cmp "$work/plain.wav" "$work/portal/ELAN_VITAL_S01E02_S01E02_20_77/ELAN_VITAL_S01E02_S01E02_20_77.wav"
ok "no secret was on its command line" bash -c "grep -q ELAN '$work/cmdline' && ! grep -q 'sesame\|a token' '$work/cmdline'"
touch "$work/lies"
sending=$(to "$boxed" "$tool")
ok "one that ends well without saying so is not believed" until_true 25 sent "$boxed" "$sending" failed
sed 's/{secret_file.token}/{secret.token}/' "$work/data/senders/tool.json" >"$work/data/senders/loud.json"
ok "a description that puts a secret into an argument is refused" bash -c "\"$posthouse\" destination add Loud program sender=loud program='$work/tool' --secrets '$work/tool.keys' --house.folder='$house' 2>&1 | grep -q 'every user of the machine'"

# ---- by a link and by hand
link=$("$posthouse" destination add Link link days=3 --house.folder="$house")
answer=$(ask POST "/deliveries/$boxed/sendings" "{\"destination\":\"$link\"}")
sending=$(field .sending.id <<<"$answer") key=$(field .link <<<"$answer" | cut -d'#' -f2)
ok "a link is ready" until_true 25 sent "$boxed" "$sending" ready
ok "behind it are the files" test "$(curl -sS "$url/api/v1/pickup" -H "Content-Type: application/json" -d "{\"key\":\"$key\"}" | field .files.length)" = 4
curl -sS "$url/api/v1/pickup/0?key=$key" -o "$work/fetched.wav"
ok "whoever has it fetches them" cmp "$work/plain.wav" "$work/fetched.wav"
ok "and then it is sent" sent "$boxed" "$sending" sent
ok "another key opens nothing" bash -c "! curl -sS --fail '$url/api/v1/pickup/0?key=x$key'"
hand=$("$posthouse" destination add Courier hand checklist='["Log in","Upload the film first","Then the manifest"]' portal=https://portal.outlet.example --house.folder="$house")
sending=$(to "$boxed" "$hand")
ok "by hand it is ready" until_true 25 sent "$boxed" "$sending" ready
ok "with what is to be done" test "$(ask GET "/deliveries/$boxed" | field ".sendings.find(s=>s.id==='$sending').checklist.length")" = 3
ask POST "/sendings/$sending/sent" '{"note":"ticket 4711"}' >/dev/null
ok "and a person says that it was" sent "$boxed" "$sending" sent

# ---- by SFTP, to a real server
if [ -x /usr/sbin/sshd ]; then
  mkdir -p "$work/ssh/in" /run/sshd 2>/dev/null
  ssh-keygen -q -t ed25519 -N "" -f "$work/ssh/host"; ssh-keygen -q -t ed25519 -N "a phrase" -f "$work/ssh/user"
  cp "$work/ssh/user.pub" "$work/ssh/authorized"; chmod 600 "$work/ssh/authorized"
  sftp_port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
  printf '%s\n' "Port $sftp_port" "ListenAddress 127.0.0.1" "HostKey $work/ssh/host" "AuthorizedKeysFile $work/ssh/authorized" "StrictModes no" "UsePAM no" "PidFile none" "PermitRootLogin yes" "PasswordAuthentication no" "Subsystem sftp internal-sftp" >"$work/ssh/conf"
  /usr/sbin/sshd -D -f "$work/ssh/conf" -E "$work/ssh/log" & others+=($!)
  host_key=$(ssh-keygen -lf "$work/ssh/host.pub" | cut -d' ' -f2)
  node -e 'console.log(JSON.stringify({private_key:require("fs").readFileSync(process.argv[1],"utf8"),passphrase:"a phrase"}))' "$work/ssh/user" >"$work/ssh.keys"
  until_true 10 bash -c "</dev/tcp/127.0.0.1/$sftp_port"
  sftp=$("$posthouse" destination add Outlet sftp host=127.0.0.1 port="$sftp_port" user="$(id -un)" path="$work/ssh/in" host_key="$host_key" --secrets "$work/ssh.keys" --house.folder="$house")
  ok "SFTP is tested" grep -q "the right one" <("$posthouse" destination test Outlet --house.folder="$house" 2>&1)
  sending=$(to "$boxed" "$sftp")
  ok "it goes by SFTP" until_true 40 sent "$boxed" "$sending" sent
  ok "whole" cmp "$work/plain.wav" "$work/ssh/in/ELAN_VITAL_S01E02_S01E02_20_77/ELAN_VITAL_S01E02_S01E02_20_77.wav"
  ok "and nothing half is left" test "$(ls -A "$work/ssh/in")" = ELAN_VITAL_S01E02_S01E02_20_77
  other_key=SHA256:$(head -c 32 /dev/zero | base64 | tr -d =)
  "$posthouse" destination add Impostor sftp host=127.0.0.1 port="$sftp_port" user=x path=/ host_key="$other_key" --secrets "$work/ssh.keys" --house.folder="$house" >/dev/null
  ok "a server with another key is told nothing" grep -q "compare the server's key" <("$posthouse" destination test Impostor --house.folder="$house" 2>&1)
else
  for what in tested goes whole half key; do ok "# SKIP there is no sshd here" true; done
fi

# ---- a licensed encoder of the operator's
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=440:r=48000:d=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -color_primaries bt709 -color_trc bt709 -colorspace bt709 -c:a pcm_s24le -timecode 10:00:00:00 "$work/Reel.mov"
ok "a film comes in" bring "$work/Reel.mov"
reel=$(ask GET "/projects/$project/assets" | field '.items.find(a=>a.name==="Reel.mov").id')
ok "and is ready" until_true 40 state_is "$reel" ready
film=$(ask GET "/assets/$reel" | field .version.id)
licensed=$(ask POST "/versions/$film/deliveries" '{"profile":"licensed"}' | field .id)
tried() { ask GET "/jobs/$(ask GET "/deliveries/$licensed" | field .job)/attempts" | grep -q "no licence was found"; }
ok "what the encoder says when it will not is told" until_true 40 tried
touch "$work/licence"
ok "with its licence it is made" until_true 60 made "$licensed"
ok "every check of what it made is ok" test "$(ask GET "/deliveries/$licensed" | field '.checks.filter(c=>!c.ok).map(c=>c.what+": "+c.seen).join("; ")')" = ""
ok "its codec among them" test "$(ask GET "/deliveries/$licensed" | field '.checks.find(c=>c.what==="picture codec").seen')" = prores
ok "nothing of the way is kept" until_true 20 test "$(sql 'select count(*) from delivery_pieces')" = 0
ok "without a house it is refused with the way out" bash -c "\"$posthouse\" transcode '$work/Reel.mov' --profile '$work/data/profiles/licensed.json' --out '$work/none' 2>&1 | grep -q 'bring it into a house'"

# ---- what lands becomes
rule=$("$posthouse" watch-rule add Film "To the bucket" --profiles wav-48k24,judged --to Outgoing --house.folder="$house" | cut -d' ' -f1)
ffmpeg -v error -f lavfi -i "sine=880:r=48000:d=2" -ac 1 -c:a pcm_s16le "$work/Landed.wav"
ok "something lands" bring "$work/Landed.wav"
ok "it became a deliverable and went there" until_true 40 test -s "$work/out/Landed.wav"
ok "what could not be is said where people look" grep -q "quality control (broadcast)" <(ask GET "/projects/$project/watch-runs?bad=1")
landed=$(ask GET "/projects/$project/assets" | field '.items.find(a=>a.name==="Landed.wav").version.id')
checked() { report=$(ask GET "/versions/$landed/qc" | field '.find(r=>r.rules==="broadcast"&&r.state==="done").id') && [ -n "$report" ]; }
ok "the rule asks for quality control by itself" until_true 120 checked
checked
for which in $(ask GET "/qc/$report" | field '.findings.filter(f=>f.severity==="fix").map(f=>f.number).join(" ")'); do
  ask POST "/qc/$report/findings/$which/waiver" '{"reason":"a test tone"}' >/dev/null
done
printf 'a pass' >"$work/pass.pdf"
ok "a certificate is attached" curl -sS --fail -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/octet-stream' --data-binary "@$work/pass.pdf" "$url/api/v1/qc/$report/certificate?name=pass.pdf&device=HFPA&number=7&date=2026-11-20"
ask POST "/qc/$report/approval" >/dev/null
became() { [ -n "$(ask GET "/projects/$project/watch-runs" | field '.find(r=>r.profile==="judged"&&r.name==="Landed.wav").delivery')" ]; }
ok "and when that is approved, asks for the deliverable" until_true 60 became
ok "which goes out with its certificate" until_true 60 cmp "$work/pass.pdf" "$work/out/Landed_checked.pse.pdf"
listed() { grep -q " Landed_checked.pse.pdf$" "$work/out/Landed_checked.wav.md5"; }
ok "and digests of both" until_true 60 listed
cp "$work/out/Landed.wav" "$work/Again.wav"; count() { sql 'select count(*) from deliveries'; }; before=$(count)
ok "the deliverable comes in again" bring "$work/Again.wav"
again=$(ask GET "/projects/$project/assets" | field '.items.find(a=>a.name==="Again.wav").id')
ok "and is ready" until_true 40 state_is "$again" ready
sleep 1
ok "but triggers nothing" test "$(count)" = "$before"

# ---- who is told
heard() { grep -q "\"status\":200.*\"event\":\"$1\"" "$work/heard/heard"; }
ok "a webhook is told, though it refused at first" until_true 25 heard delivery.sent
ok "each was signed" bash -c "! grep '\"good\":false' '$work/heard/heard'"
ok "one that was refused came again with the same id" test "$(grep -c "$(head -1 "$work/heard/heard" | grep -o '"id":"[^"]*"')" "$work/heard/heard")" -ge 2
mailed() { grep -l "^Subject: .*=73=65=6E=74" "$work"/mail/*.eml >/dev/null 2>&1; } # "sent"
ok "a letter comes, though the mail server turned the first one away" until_true 60 mailed
letter=$(grep -l "^Subject: .*=73=65=6E=74" "$work"/mail/*.eml | head -1)
ok "to whom it is for, from the house" bash -c 'grep -q "^to <desk@example.org>" "$1" && grep -q "^from <house@example.org>" "$1" && grep -q "^To: desk@example.org" "$1"' - "$letter"
ok "and says what became of it" grep -q "): sent$" "$letter"
ok "the log of it is there" test "$(ask GET /notices | field '.some(n=>n.state==="told"&&n.tries>1)')" = true
ok "Ctrl-C closes it" close_house
finish
