#!/usr/bin/env bash
# Deliverables of several files from a house: stems, ladders with captions, a film with captions beside it; workers and the
# house are killed on the way, captions are missing, a disk is full. Every file is judged by outsiders.
# house_files.sh PROGRAM TOP
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
refused() { curl -sS -X POST -H "Authorization: Bearer $token" -H "Content-Type: application/json" -d "$2" "$url/api/v1$1" >"$work/answer"; cat "$work/answer"; }
put_captions() { "$posthouse" put "$1" --captions-of "$2" --house "$url" --token-file "$house/local.token"; }
take() { "$posthouse" get "$1" --out "$2" --house.folder="$house"; }
state() { ask GET "/deliveries/$1" | field .state; }
ended() { case $(state "$1") in done | failed) true ;; *) ! kill -0 "$server" 2>/dev/null ;; esac; }
order() { ask POST "/versions/$version/deliveries" "{\"profile\":\"$1\"}" | field .id; }
cd "$work" || exit 1

# A film with three mixes; its captions in two languages.
ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=25:d=6 -f lavfi -i "aevalsrc='0.3*sin(440*2*PI*t)|0.2*sin(550*2*PI*t)':s=48000:d=6" \
  -f lavfi -i "aevalsrc='0.3*sin(200*2*PI*t)|0.2*sin(300*2*PI*t)|0.1*sin(400*2*PI*t)|0.4*sin(60*2*PI*t)|0.2*sin(700*2*PI*t)|0.2*sin(800*2*PI*t)':s=48000:c=5.1:d=6" \
  -f lavfi -i "aevalsrc='0.1*random(0)|0.1*random(1)':s=48000:d=6" -map 0 -map 1 -map 2 -map 3 -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p \
  -c:a pcm_s24le -metadata:s:a:0 language=eng -metadata:s:a:1 language=eng -metadata:s:a:2 language=fra -timecode 10:00:00:00 Reel.mov
printf '1\n00:00:01,000 --> 00:00:02,520\nGood <b>morning.</b>\n\n2\n00:00:03,000 --> 00:00:04,000\nHow are you?\n' >en.srt
printf '1\n00:00:01,000 --> 00:00:03,000\nHej <i>du</i>\n' >sv.srt
cp -r "$top/data" data
rungs() { # NAME CODEC OPTIONS RUNGS
  echo "{\"name\":\"$1\",\"title\":\"$1\",\"description\":\"$1\",\"container\":\"mp4\",\"extension\":\".mp4\",\"video\":{\"codec\":\"$2\",\"pixel_format\":\"yuv420p\",\"sdr\":true,\"gop_s\":1,\"segment_s\":2,\"options\":$3},
    \"ladder\":[$4],\"audio\":{\"codec\":\"aac\",\"rate\":48000,\"channels\":2,\"bit_rate\":96000},\"checksums\":[\"sha256\"]}" >"data/profiles/$1.json"
}
rungs h264 libx264 '{"preset":"superfast","crf":"26"}' '{"name":"360p","width":640,"height":360},{"name":"180p","width":320,"height":180}'
rungs hevc libx265 '{"preset":"ultrafast","crf":"34"}' '{"name":"180p","width":320,"height":180},{"name":"90p","width":160,"height":90}'
rungs av1 libsvtav1 '{"preset":"12","crf":"50"}' '{"name":"180p","width":320,"height":180},{"name":"90p","width":160,"height":90}'
echo '{"name":"outlet","title":"Outlet","description":"as an outlet asks","container":"mp4","extension":".mp4","video":{"codec":"libx264","pixel_format":"yuv420p","options":{"preset":"superfast","crf":"26"}},
  "audio":{"codec":"aac","rate":48000,"channels":2,"streams":1},"naming":{"pattern":"{title}_{rate}"},"captions":{"formats":["scc","srt"],"languages":["en","sv"],"needed":true,"name":"{name}_{language}"}}' >data/profiles/outlet.json
stems='stereo:eng=1 5.1:eng=2 stereo:fra:music-and-effects=3'

ok "without a house a film without its captions is refused too" bash -c "! '$posthouse' transcode Reel.mov --profile data/profiles/outlet.json --out none 2>why && grep -q 'captions: wanted scc or srt, seen none' why && grep -q -- '--captions FILE' why"
ok "stems without a house" "$posthouse" transcode Reel.mov --profile stems-wav-48k24 --map "$stems" --out here
ok "a ladder without a house" "$posthouse" transcode Reel.mov --profile data/profiles/h264.json --captions en.srt:en:cc --captions sv.srt:sv:subtitle --out ladder

ok "the house opens" open_house --worker.slots=2 --data.folder="$work/data"
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ok "a rule wants all that comes in for the outlet" "$posthouse" watch-rule add Film "To the outlet" --profiles outlet --house.folder="$house"
ok "the film comes in" bring Reel.mov
film=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it becomes ready" until_true 120 state_is "$film" ready
version=$(ask GET "/assets/$film" | field .version.id)

# ---- captions that are needed
fit() { ask GET "/versions/$version/readiness" | field ".find(p=>p.name==='outlet').fit.filter(f=>/caption/.test(f.what)).map(f=>f.what+' '+f.seen+' '+f.state).join(', ')"; }
ok "readiness says that captions are missing" same "$(fit)" "captions none no, captions: en none no, captions: sv none no"
refused "/versions/$version/deliveries" '{"profile":"outlet"}' >/dev/null
ok "an order without them is refused with what, why and how to mend it" bash -c 'grep -q "Reel.mov cannot be made into Outlet" answer && grep -q "captions: wanted scc or srt, seen none" answer && grep -q "captions-of FILM:LANGUAGE:ROLE" answer'
ok "and so is its plan" grep -q "seen none" <(ask POST "/versions/$version/delivery-plan" '{"profile":"outlet"}')
ok "English captions come" put_captions en.srt "$film:en:cc"
ok "readiness says which language is missing" same "$(fit)" "captions en cc ok, captions: en there ok, captions: sv en cc no"
refused "/versions/$version/deliveries" '{"profile":"outlet"}' >/dev/null
ok "an order without the second language is refused with its name" grep -q "captions: sv" answer
ok "nothing was ordered" same "$(sql 'select count(*) from deliveries')" 0
ok "Swedish captions come" put_captions sv.srt "$film:sv:subtitle"
ok "readiness has all" same "$(fit)" "captions en cc, sv subtitle ok, captions: en there ok, captions: sv there ok"

# ---- a ladder and stems, workers killed in each step, the house killed while the first files are there
h264=$(order h264)
wav=$(ask POST "/versions/$version/deliveries" "{\"profile\":\"stems-wav-48k24\",\"map\":\"$stems\"}" | field .id)
job=$(ask GET "/deliveries/$h264" | field .job)
ok "the ladder is a job of all its rungs" same "$(sql "select group_concat(name || tasks, ' ') from (select s.name, s.tasks from steps s join jobs j on j.number=s.job where j.id='$job' order by s.number)")" "index2 sound2 segment6 mux4 bind1"
running() { sql "select distinct s.name from attempts t join jobs j on j.number=t.job join steps s on s.job=t.job and s.number=t.step where j.kind='encode' and t.state='running' and s.name<>'bind'"; }
killed=" " house_killed=no half=no until_s=$((SECONDS + 200))
while [ $SECONDS -lt $until_s ] && ! { ended "$h264" && ended "$wav"; }; do
  # All files of a deliverable, or none.
  case $(sql "select count(*) from deliveries d where (d.state = 'done') <> exists (select 1 from delivery_files f where f.delivery = d.id)") in 0 | '') ;; *) half=yes ;; esac
  if [ $house_killed = no ] && [ "$(sql "select count(*) > 0 from delivery_pieces where step='mux'")" = 1 ]; then
    worker=$(worker_pid)
    kill -9 "$server" "$worker" 2>/dev/null; wait "$server" 2>/dev/null
    house_killed=yes
    open_house --worker.slots=2 --data.folder="$work/data" || break
  fi
  for step in $(running); do
    worker=$(worker_pid)
    if [[ $killed != *" $step "* ]] && kill -9 "$worker" 2>/dev/null; then
      killed+="$step "
      new_worker() { [ "$(worker_pid)" != "$worker" ] && kill -0 "$(worker_pid)"; }
      until_true 60 new_worker
      break
    fi
  done
done
echo "# workers were killed in:$killed the house: $house_killed"
ok "workers were killed on the way" test "$killed" != " "
ok "both are done" same "$(state "$h264") $(state "$wav")" "done done"
ok "with every check" same "$(ask GET "/deliveries/$h264" | field '.checks.every(c=>c.ok)')$(ask GET "/deliveries/$wav" | field '.checks.every(c=>c.ok)')" truetrue
ok "no deliverable was ever there in part" test $half = no

by_rule() { [ "$(sql "select count(*) from delivery_orders o join deliveries d on d.id = o.delivery where o.rule is not null and d.state = 'done'")" = 1 ]; }
ok "the rule went on when the last captions had come" until_true 200 by_rule
no_pieces() { [ "$(sql 'select count(*) from delivery_pieces')" = 0 ]; }
ok "nothing of their pieces is kept" until_true 60 no_pieces

# ---- stems
ok "the stems are taken out by the delivery's id" take "$wav" out
ok "they are what is made without a house, but for what the files say of themselves" bash -c 'cd here/Reel && for f in *; do cmp <(ffmpeg -v error -i "$f" -f s24le -) <(ffmpeg -v error -i "../../out/Reel/$f" -f s24le -) || exit 1; done'
ok "as many, by the same names" same "$(ls out/Reel)" "$(ls here/Reel)"
ok "called by layout, language and role" same "$(ls out/Reel | tr '\n' ' ')" "Reel.5.1-eng.wav Reel.stereo-eng.wav Reel.stereo-fra-music-and-effects.wav "
judge() { # FILE TRACK: the file holds exactly the samples of that track of the master
  cmp <(ffmpeg -v error -i Reel.mov -map "0:a:$2" -f s24le -) <(sox "out/Reel/$1" -t raw -e signed -b 24 -L -)
}
ok "sox reads exactly the stereo mix" judge Reel.stereo-eng.wav 0
ok "exactly the surround mix" judge Reel.5.1-eng.wav 1
ok "and exactly music and effects" judge Reel.stereo-fra-music-and-effects.wav 2
ok "all are 288,000 samples of 24 bits" same "$(soxi -s out/Reel/*.wav | sort -u) $(soxi -b out/Reel/*.wav | sort -u)" "288000 24"
ok "ffprobe sees where they begin: 10 hours of 48,000" same "$(for f in out/Reel/*.wav; do ffprobe -v error -show_entries format_tags=time_reference -of csv=p=0 "$f"; done | sort -u)" 1728000000
ok "MediaInfo sees the language of each" same "$(for f in out/Reel/*.wav; do mediainfo --Inform='Audio;%Language% ' "$f"; done | tr -d '\n')" "en en fr "

# ---- the ladder
ok "the ladder is taken out" take "$h264" out2
ok "every file is, to the byte, what is made without a house" diff -r -x SHA256SUMS ladder/Reel out2/Reel
ok "a second time it is not written over" bash -c "! '$posthouse' get '$h264' --out out2 --house.folder='$house' 2>why && grep -q 'is there already' why"
pictures() { ffmpeg -v error -allowed_extensions ALL -i "$1" -map "0:v:$2" -f framemd5 - | grep -v '^#' | awk '{print $NF}'; }
count() { ffprobe -v error -allowed_extensions ALL -select_streams "$2" -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$1" | grep -m1 .; }
read_ladder() { # FOLDER RUNGS: ffmpeg reads every rung by both manifests, and the rungs' files hold the same
  local n=0 rung manifest
  for rung in $2; do
    ffmpeg -v error -i "$1/$rung.mp4" -map 0:v -f framemd5 - | grep -v '^#' | awk '{print $NF}' >want
    for manifest in master.m3u8 manifest.mpd; do
      pictures "$1/$manifest" $n >have
      [ "$(wc -l <want)" = 150 ] && cmp want have || { echo "$rung by $manifest"; return 1; }
    done
    n=$((n + 1))
  done
}
ok "ffmpeg reads all frames of its rungs by the master playlist and the manifest" read_ladder out2/Reel "360p 180p"
ok "and the sound" test "$(count out2/Reel/master.m3u8 a:0)" -gt 280
ok "each of its files has one track" same "$(for f in out2/Reel/*.mp4; do ffprobe -v error -show_entries stream=codec_type -of csv=p=0 "$f"; done | tr '\n' ' ')" "video video audio audio "
ok "the captions are renditions with language and role" bash -c 'cd out2/Reel && grep -q "TYPE=SUBTITLES.*NAME=\"en cc\",LANGUAGE=\"en\".*transcribes-spoken-dialog.*URI=\"text-en-cc.m3u8\"" master.m3u8 && grep -q "TYPE=SUBTITLES.*LANGUAGE=\"sv\".*FORCED=NO,URI=\"text-sv.m3u8\"" master.m3u8 && [ "$(grep -c "mimeType=\"text/vtt\"" manifest.mpd)" = 2 ]'
ok "ffprobe reads them as WebVTT" same "$(ffprobe -v error -show_entries packet=pts_time -select_streams s -of csv=p=0 out2/Reel/text-en-cc.vtt | tr '\n' ' ')" "1.000000 3.000000 "
ok "with their style" grep -q 'Hej <i>du</i>' out2/Reel/text-sv.vtt
codecs=hevc:hvc1; [ "${POSTHOUSE_TEST_SIZE:-}" = long ] && codecs="hevc:hvc1 av1:av01"
for codec in $codecs; do
  made=$(order "${codec%:*}")
  ok "a ladder of ${codec%:*} is made" until_true 200 ended "$made"
  ok "it is taken out" take "$made" "${codec%:*}"
  ok "says so as players ask for it" grep -q "CODECS=\"${codec#*:}" "${codec%:*}/Reel/master.m3u8"
  ok "and is read whole" read_ladder "${codec%:*}/Reel" "180p 90p"
done

# ---- a film with captions beside it, from the command line
ok "a film is delivered with its captions" bash -c "'$posthouse' deliver '$film' --profile outlet --out film --house.folder='$house' >told 2>lost; cat told lost; grep -q Reel_25_en.scc told"
ok "what their form can not say is said" grep -q "Reel_25_en.scc can not say all of the captions" lost
ok "they are named as its profile asks" same "$(ls film | tr '\n' ' ')" "Reel_25.mp4 Reel_25_en.scc Reel_25_sv.srt "
ok "subtitles are at the times of the film" same "$(ffprobe -v error -show_entries packet=pts_time,duration_time -select_streams s -of csv=p=0 film/Reel_25_sv.srt | tr '\n' ' ')" "1.000000,2.000000 "
ok "closed captions at its labels, read back to the same frames" same "$("$posthouse" caption info film/Reel_25_en.scc --film film/Reel_25.mp4 --json | field '.cues.map(c=>c.in+"-"+c.out).join(" ")')" "25-63 75-100"
outlet=$(ask GET "/projects/$project/deliveries" | field '.find(d=>d.profile==="outlet").id')
ok "each file can be fetched, and is what it says" bash -c "curl -sS -H 'Authorization: Bearer $token' $url/api/v1/deliveries/$outlet/files/1 | cmp - film/Reel_25_en.scc"
ok "the loss is kept with the file" same "$(ask GET "/deliveries/$outlet" | field '.files[1].notes.map(n=>n.group+" "+n.cue).join()')" "bold 1"
ok "the film alone as well" bash -c "curl -sS -H 'Authorization: Bearer $token' $url/api/v1/deliveries/$outlet/bytes | cmp - film/Reel_25.mp4"
ok "all of a ladder come as one archive" bash -c "curl -sS -H 'Authorization: Bearer $token' -o ladder.zip $url/api/v1/deliveries/$h264/zip && unzip -qq ladder.zip -d unzipped && diff -r unzipped/Reel out2/Reel"
ok "a ladder has no one file" bash -c "curl -sS -H 'Authorization: Bearer $token' $url/api/v1/deliveries/$h264/bytes | grep -q 'is several files'"

# ---- out of the house
mkdir sent
ask POST /destinations "{\"name\":\"Outgoing\",\"kind\":\"folder\",\"settings\":{\"path\":\"$work/sent\"}}" | field .id >destination
send() { ask POST "/deliveries/$1/sendings" "{\"destination\":\"$(cat destination)\"}" | field .sending.id; }
gone() { case $(ask GET "/deliveries/$1" | field '.sendings[0].state') in sent | failed) true ;; *) false ;; esac; }
first=$(send "$h264") && send "$outlet" >/dev/null
ok "the ladder is sent" until_true 120 gone "$h264"
ok "as a folder of all its files, with digests that are right" bash -c 'cd sent/Reel && sha256sum --quiet -c checksums.sha256 && diff -r -x SHA256SUMS -x checksums.sha256 -x manifest.json ../../out2/Reel .'
ok "the receipt names each with its digest" same "$(ask GET "/sendings/$first/receipt" | field '.files.filter(f=>f.role==="media"||f.role==="playlist"||f.role==="captions").length')" "$(ls out2/Reel | wc -l)"
ok "the film is sent" until_true 120 gone "$outlet"
ok "with its captions" bash -c 'for f in film/*; do cmp "$f" "sent/$(basename "$f")" || exit 1; done'

# ---- a full disk
cat >full.sh <<'EOF'
mkdir -p small && mount -t tmpfs -o size=300k tmpfs small || exit 9
"$1" transcode Reel.mov --profile stems-wav-48k24 --out small 2>said && exit 1
[ ! -e small/Reel ] || exit 2
grep -q "No space left" said || exit 3
mount -o remount,size=50m small || exit 9
"$1" transcode Reel.mov --profile stems-wav-48k24 --out small >/dev/null && [ "$(ls small/Reel | wc -l)" = 3 ] && ! ls -A small | grep -q posthouse || exit 4
mkdir tiny && mount -t tmpfs -o size=100k tmpfs tiny || exit 9
"$1" get "$2" --out tiny --house.folder="$3" 2>said && exit 5
grep -q "No space left" said && [ -z "$(ls -A tiny)" ] || exit 6
mount -o remount,size=50m tiny || exit 9
"$1" get "$2" --out tiny --house.folder="$3" >/dev/null && diff -r tiny/Reel out2/Reel
EOF
if unshare -rm true 2>/dev/null; then
  ok "a full disk leaves nothing under its name, neither stems made nor a ladder taken out, and the same command goes on" unshare -rm bash full.sh "$posthouse" "$h264" "$house"
else
  ok "# SKIP no small disk can be mounted here" true
fi

ok "Ctrl-C closes it" close_house
ok "every byte of the house is proven" "$posthouse" check --house.folder="$house"
finish
