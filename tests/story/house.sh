#!/usr/bin/env bash
# A house's first day: it opens, refuses a second of itself, is set up, takes a clip in, makes it playable, delivers it,
# and closes without leaving anything behind.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"

began=$(date +%s%N)
ok "the house opens" open_house
took=$((($(date +%s%N) - began) / 1000000))
echo "# it took $took ms"
ok "the link for the first administrator is said" grep -qE '^http://127.0.0.1:[0-9]+/setup#[A-Za-z0-9_-]{43}$' "$work/serve.out"
ok "tokens are readable by their owner only" test "$(stat -c %a "$house/local.token" "$house/worker.token" | sort -u)" = 600
ok "a second one in the same folder is refused, saying who has it" bash -c \
  "out=\$('$posthouse' serve --house.folder='$house' --port=0 --media.port=0 2>&1); [ \$? = 3 ] && grep -q 'process $server uses' <<<\"\$out\""
port=${url##*:}
ok "a port in use is said with the way out" bash -c \
  "out=\$('$posthouse' serve --house.folder='$work/other' --port=$port --media.port=0 2>&1); [ \$? = 3 ] && grep -q 'port $port' <<<\"\$out\" && grep -q 'fix: stop the program' <<<\"\$out\""
ok "that one left no worker behind" test ! -e "$work/other/worker.pid"
ok "the page is served" bash -c "curl -sS '$url/' | grep -qi '<!doctype html'"
setup=$(sed -n 's/.*setup#//p' "$work/serve.out")
ok "setting up makes a session" bash -c "curl -sS --fail-with-body -c '$work/jar' -H 'Content-Type: application/json' -d '{\"token\":\"$setup\",\"name\":\"Ada\",\"email\":\"ada@example.org\",\"password\":\"a long enough one\"}' '$url/api/v1/setup' | grep -q Ada"
ok "the link does not work twice" bash -c "! curl -sS --fail -H 'Content-Type: application/json' -d '{\"token\":\"$setup\",\"name\":\"Eve\",\"email\":\"eve@example.org\",\"password\":\"a long enough one\"}' '$url/api/v1/setup'"
ok "a worker is here" until_true 10 bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/nodes' | grep -q '\"state\":\"\(idle\|working\)\"'"

project=$(ask POST /projects '{"name":"Film"}' | field .id)
ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=24000/1001:d=2 -f lavfi -i sine=440:r=48000:d=2 -c:v libx264 -preset ultrafast \
  -pix_fmt yuv420p -c:a aac -timecode 00:59:58:00 "$work/Reel 2.mov"
# Through tus, as the page does.
transfer=$(ask POST "/projects/$project/transfers" '{"name":"drop","origin":"page"}' | field .id)
size=$(stat -c %s "$work/Reel 2.mov")
metadata="transfer $(printf %s "$transfer" | base64 -w0),path $(printf %s "Reel 2.mov" | base64 -w0)"
at=$(curl -sS -D- -o /dev/null -X POST -H "Authorization: Bearer $token" -H "Tus-Resumable: 1.0.0" -H "Upload-Length: $size" -H "Upload-Metadata: $metadata" "$url/api/v1/uploads" | tr -d '\r' | sed -n 's/^Location: //p')
ok "the clip goes in by tus" curl -sS --fail -X PATCH -H "Authorization: Bearer $token" -H "Tus-Resumable: 1.0.0" -H "Upload-Offset: 0" -H "Content-Type: application/offset+octet-stream" --data-binary "@$work/Reel 2.mov" "$url$at"
asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it becomes ready" until_true 60 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version)
ok "its facts are known" test "$(field .facts.duration_frames <<<"$version") $(field .facts.timecode.start <<<"$version")" = "48 00:59:58:00"
scrub=$(field '.derived.find(d=>d.kind==="scrub").url' <<<"$version")
ok "bytes of its scrub proxy come by range" test "$(curl -sS -r 4-7 "$scrub")" = ftyp
ok "the index says every frame" test "$(curl -sS -r 20-23 "$(field '.derived.find(d=>d.kind==="scrub_index").url' <<<"$version")" | od -An -tu4 | tr -d ' ')" = 48
ok "scratch is empty" test -z "$(find "$house/scratch" -mindepth 1 ! -path "$house/scratch/frames")"
echo "a letter" >"$work/notes.txt"; echo "not a film" >"$work/broken.mov"; cp "$work/Reel 2.mov" "$work/again.mov"
for file in notes.txt broken.mov again.mov; do ok "$file comes in by put" bring "$work/$file"; done
id_of() { ask GET "/projects/$project/assets" | field ".items.find(a=>a.name==='$1').id"; }
ok "a document is ready as it is" until_true 10 state_is "$(id_of notes.txt)" ready
broken=$(id_of broken.mov)
ok "what is no film fails" until_true 20 state_is "$broken" failed
ok "saying what and why" test "$(ask GET "/assets/$broken" | field '.version.problem.detail.length>10&&j.version.problem.title.length>5')" = true
ok "what has been made once is not made again" until_true 5 state_is "$(id_of again.mov)" ready
ok "only one proxy job was needed" test "$(ask GET "/jobs?project=$project" | field '.items.filter(j=>j.kind==="proxy").length')" = 1

# A longer one plays while its proxies are made.
ffmpeg -v error -f lavfi -i testsrc2=s=1920x1080:r=25:d=10 -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/long.mov"
ok "a longer clip comes in" bring "$work/long.mov"
long=$(id_of long.mov)
grows() { growing=$(ask GET "/assets/$long" | field '.version.derived.find(d=>d.kind==="scrub"&&d.growing&&d.size>100000).url'); [ -n "$growing" ]; }
ok "its scrub proxy can be seen growing" until_true 20 grows
ok "what is there of it plays" bash -c "[ \$(curl -sS '$growing' | ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 - 2>/dev/null) -gt 4 ]"
ok "it becomes ready" until_true 60 state_is "$long" ready
ok "nothing grows any more" test "$(ask GET "/assets/$long" | field '.version.derived.filter(d=>d.growing).length')" = 0

delivery=$(ask POST "/versions/$(field .id <<<"$version")/deliveries" '{"profile":"prores-422-hq-mov"}' | field .id)
delivered() { [ "$(ask GET "/deliveries/$delivery" | field .state)" = done ]; }
ok "a delivery is made" until_true 60 delivered
ok "every check of it is ok" test "$(ask GET "/deliveries/$delivery" | field '.checks.length>3&&j.checks.every(c=>c.ok)')" = true
ask GET "/deliveries/$delivery/bytes" >"$work/out.mov"
ok "its bytes are a ProRes film of 48 frames" test "$(ffprobe -v error -count_frames -select_streams v -show_entries stream=codec_name,nb_read_frames -of csv=p=0 "$work/out.mov")" = prores,48
ok "an unknown profile lists those there are" bash -c "curl -sS -X POST -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d '{\"profile\":\"nothing\"}' '$url/api/v1/versions/$(field .id <<<"$version")/deliveries' | grep -q web-h264-1080p"

here() { "$posthouse" "$1" --house "$url" --token-file "$house/local.token" "${@:2}"; }
ok "posthouse deliver makes and takes out a file" here deliver "Film/Reel 2.mov" --profile web-h264-1080p --out "$work/delivered"
ok "it is a film" test "$(ffprobe -v error -select_streams v -show_entries stream=codec_name -of csv=p=0 "$work/delivered/Reel 2.mp4")" = h264
ok "it does not replace a file" bash -c "'$posthouse' deliver $asset --profile web-h264-1080p --out '$work/delivered' --house '$url' --token-file '$house/local.token' 2>&1 | grep -q 'is there already'"
ok "posthouse jobs lists them all" bash -c "'$posthouse' jobs --all --house '$url' --token-file '$house/local.token' | grep -q 'Proxies of Reel 2.mov'"
ok "and says why one failed" bash -c "'$posthouse' jobs --all --house '$url' --token-file '$house/local.token' | grep -q 'broken.mov is not media'"
failed_job=$(ask GET "/assets/$broken" | field .version.job)
ok "a failed one is tried again" here jobs retry "$failed_job"
ok "and fails again" until_true 20 state_is "$broken" failed
worker=$(worker_pid)
ok "Ctrl-C closes it" close_house
ok "its worker is gone with it" bash -c "! kill -0 $worker 2>/dev/null"
ok "the ready file is gone" test ! -e "$house/ready"
ok "it opens again and has everything" open_house
ok "the asset is still ready" state_is "$asset" ready
ok "no link for a first administrator is said any more" bash -c "! grep -q setup# '$work/serve.out'"
ok "it closes again" close_house
ok "it opens with TLS and a certificate of its own" open_house --tls=on
ok "the fingerprint is said" grep -qF "$(sed -n 2p "$house/ready")" "$work/serve.out"
ok "its worker finds it" until_true 10 bash -c "curl -sSk -H 'Authorization: Bearer $token' '$url/api/v1/nodes' | grep -q '\"state\":\"\(idle\|working\)\"'"
ok "so does the command line" bash -c "'$posthouse' jobs --all --house.folder='$house' | grep -q 'Proxies of'"
worker=$(worker_pid)
began=$(date +%s%N)
kill -INT "$server"; sleep 0.05; kill -INT "$server"; wait "$server"
ok "a second Ctrl-C hurries it" test $((($(date +%s%N) - began) / 1000000)) -lt 2000
ok "and leaves no worker" until_true 3 bash -c "! grep -qz '^work$' /proc/$worker/cmdline"
server=""
finish
