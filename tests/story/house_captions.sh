#!/usr/bin/env bash
# Captions in a house: brought for a film, read, checked, edited, retimed, taken out in other formats, and delivered with
# it. house_captions.sh PROGRAM TOP
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
refused() { ! ask "$@" >"$work/answer" 2>/dev/null && cat "$work/answer"; }
send() { curl -sS --fail-with-body -X POST -H "Authorization: Bearer $token" --data-binary "@$2" "$url/api/v1$1"; }
put_captions() { "$posthouse" put "$1" --captions-of "$2" --house "$url" --token-file "$house/local.token"; }
cd "$work" || exit 1

ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=30000/1001:d=6 -c:v libx264 -preset ultrafast -g 30 -pix_fmt yuv420p -timecode '00:59:58;00' "$work/Reel.mov"
printf '1\n00:00:01,001 --> 00:00:02,502\nGood <i>morning.</i>\n\n2\n00:00:02,502 --> 00:00:04,004\n{\\an8}How are you\nthis fine day?\n' >"$work/Reel.en.srt"
printf '1\n00:00:01,001 --> 00:00:03,003\nBuenos dias.\n' >"$work/Reel.es.srt"
printf '1\n00:50:01,001 --> 00:50:03,003\nanother one\n' >"$work/other.srt"
printf 'Scenarist_SCC V1.0\n\n00:50:00;00\t9420 9420 9470 9470 c8e5 ecec ef80 942f 942f\n' >"$work/early.scc"
printf '1\n00:00:01,001 --> 00:00:0x,003\nbroken\n' >"$work/broken.srt"

ok "the house opens" open_house
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ok "the film comes in" bring "$work/Reel.mov"
film=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it becomes ready" until_true 60 state_is "$film" ready
version=$(ask GET "/assets/$film" | field .version.id)
ok "captions come in for it" put_captions "$work/Reel.en.srt" "$film:en:cc"
ok "by the film's path too" put_captions "$work/Reel.es.srt" "Film/Reel.mov:es-MX"
ok "both are listed, with language, role and number of cues" same "$(ask GET "/assets/$film/captions" | field '.map(c=>[c.language,c.role,c.format,c.cues,c.number].join(" ")).join(", ")')" "en cc srt 2 1, es-MX subtitle srt 1 1"
en=$(ask GET "/assets/$film/captions" | field '[0].asset') v1=$(ask GET "/assets/$film/captions" | field '[0].version')
ok "they are assets of a kind of their own, ready" same "$(ask GET "/assets/$en" | field '.kind+" "+j.version.state+" "+j.version.facts.container')" "captions ready srt"
ok "those of another programme are refused with why" bash -c "! '$posthouse' put other.srt --captions-of $film --house $url --token-file $house/local.token 2>why && grep -q 'is not of this programme' why && grep -q 'the programme ends at 01:00:04;00' why"
ok "and those before its start" bash -c "! '$posthouse' put early.scc --captions-of $film --house $url --token-file $house/local.token 2>why && grep -q 'begins at 00:59:58;00' why"
ok "a broken one is refused with its line" bash -c "! '$posthouse' put broken.srt --captions-of $film --house $url --token-file $house/local.token 2>why && grep -q 'line 2' why"
ok "a broken one brought as a file is kept, and says what is wrong" bring "$work/broken.srt"
broken=$(ask GET "/projects/$project/assets?kind=captions&q=broken" | field '.items[0].id')
ok "it is no damage" until_true 20 state_is "$broken" ready
ok "its line is in its facts" bash -c "grep -q 'line 2' <<<'$(ask GET "/assets/$broken" | field .version.facts.tags.problem)'"

ok "the document has the film's frames and labels" same "$(ask GET "/versions/$v1/cues" | field '.cues.map(c=>c.in+"-"+c.out).join(" ")+" "+j.rate+" "+j.drop+" "+j.frames+" "+j.cues[0].lines[0][1].i+" "+j.cues[1].vertical')" "30-75 75-120 30000/1001 true 180 true top"
ask GET "/versions/$v1/cues" | node -e 'const d=JSON.parse(require("fs").readFileSync(0));d.cues[0].in=33;d.cues[0].lines=[[{t:"Good "},{t:"evening.",b:true}]];console.log(JSON.stringify(d))' >"$work/edited.json"
ok "an edit is a new version" same "$(send "/assets/$en/cues?base=$v1" "$work/edited.json" | field '.number+" "+j.format')" "2 srt"
v2=$(ask GET "/assets/$film/captions" | field '[0].version')
ok "with what was edited, and what was not as it was" same "$(ask GET "/versions/$v2/cues" | field '.cues.map(c=>c.in+"-"+c.out).join(" ")+" "+j.cues[0].lines[0][1].t+j.cues[0].lines[0][1].b+j.cues[1].vertical')" "33-75 75-120 evening.truetop"
ok "who began from an older one is told" bash -c "! curl -sS --fail-with-body -X POST -H 'Authorization: Bearer $token' --data-binary @edited.json '$url/api/v1/assets/$en/cues?base=$v1' >why; grep -q 'meanwhile' why"
node -e 'console.log(JSON.stringify({cues:[{in:5,out:5,lines:[]}]}))' >"$work/bad.json"
ok "a cue without length is refused" bash -c "! curl -sS --fail-with-body -X POST -H 'Authorization: Bearer $token' --data-binary @bad.json '$url/api/v1/assets/$en/cues' >why; grep -q 'cue 1' why"
ok "rules are laid on what is being edited" same "$(node -e 'console.log(JSON.stringify({cues:[{in:30,out:34,lines:[[{t:"Far too many words for four frames of any film"}]]}]}))' >fast.json; send "/versions/$v2/cues/check?rules=netflix-ttsg" fast.json | field '.some(f=>f.rule==="min-duration"&&f.cue===1)&&j.some(f=>f.rule==="reading-speed")')" true
ok "the rules there are" bash -c "grep -q netflix-ttsg <<<'$(ask GET /caption-rules | field '.map(r=>r.name).join(" ")')'"

ok "any format goes out: SCC with the film's labels" bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/versions/$v2/caption-file?format=scc' | tee out.scc | grep -q '^00:59:5[89];..'"
ok "which is read back to the same frames" same "$("$posthouse" caption info out.scc --film Reel.mov --json | field '.cues.map(c=>c.in+"-"+c.out).join(" ")')" "33-75 75-120"
ok "what a format can not say is said" same "$(ask GET "/versions/$v2/caption-report?format=scc" | field '.notes.some(n=>n.group==="bold"&&n.cue===1)')" true
ok "a later start is a version" same "$(ask POST "/assets/$en/caption-retime" '{"offset":3}' | field .number)" 3
v3=$(ask GET "/assets/$film/captions" | field '[0].version')
ok "three frames later" same "$(ask GET "/versions/$v3/cues" | field '.cues.map(c=>c.in+"-"+c.out).join(" ")')" "36-78 78-123"

# Rights
ask POST /people '{"name":"Gus","email":"gus@x.example","admin":false}' >person.json
ok "who may not view sees nothing" bash -c "[ \$(curl -s -o /dev/null -w '%{http_code}' '$url/api/v1/assets/$film/captions') = 401 ]"

# Delivered with it
delivery=$(ask POST "/versions/$version/deliveries" '{"profile":"web-h264-720p"}' | field .id)
ok "a delivery takes them" until_true 90 bash -c "[ \"\$(curl -s -H 'Authorization: Bearer $token' $url/api/v1/deliveries/$delivery | node -e 'console.log(JSON.parse(require(\"fs\").readFileSync(0)).state)')\" = done ]"
ask GET "/deliveries/$delivery/bytes" >out.mp4
ok "they are in its pictures, at their frames" same "$("$posthouse" caption extract out.mp4 - --to srt 2>/dev/null | grep -c -e '00:00:01,201 --> 00:00:02,603')" 1
ok "Spanish is CC3" bash -c "'$posthouse' caption extract out.mp4 - --to srt --channel 3 | grep -q 'Buenos dias.'"
ok "and in tracks with their languages" same "$(ffprobe -v error -select_streams s -show_entries stream_tags=language -of csv=p=0 out.mp4 | tr '\n' ' ')" "eng spa "
"$posthouse" transcode Reel.mov --profile web-h264-720p --out here --captions <(curl -sS -H "Authorization: Bearer $token" "$url/api/v1/versions/$v3/caption-file"):en:cc --captions Reel.es.srt:es-MX:subtitle >/dev/null 2>&1
ok "the bytes are those of the command line" cmp here/Reel.mp4 out.mp4
ok "readiness counts them" same "$(ask GET "/versions/$version/readiness" | field '.find(p=>p.name==="amazon-prores-mezzanine").fit.find(f=>f.what==="captions").state')" ok
ok "captions of no film any more" ask DELETE "/assets/$en/captions-of"
ok "are not listed with it" same "$(ask GET "/assets/$film/captions" | field .length)" 1
ok "and can be given to it again" same "$(ask PUT "/assets/$en/captions-of" "{\"film\":\"$film\",\"language\":\"en\",\"role\":\"sdh\"}" | field .role)" sdh
ok "a film can not be captions" bash -c "! curl -sS --fail-with-body -X PUT -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d '{\"film\":\"$film\",\"language\":\"\",\"role\":\"cc\"}' '$url/api/v1/assets/$film/captions-of' >why; grep -q 'is no caption file' why"
# What lies in the film alone is taken out of it
ffmpeg -v error -f lavfi -i testsrc2=s=64x36:r=25:d=2 -i <(printf '1\n00:00:00,520 --> 00:00:01,480\nGood <i>night.</i>\n') -map 0 -map 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:s mov_text -metadata:s:s:0 language=eng -timecode 10:00:00:00 "$work/Own.mov"
ok "a film with captions of its own comes in" bring "$work/Own.mov"
own=$(ask GET "/projects/$project/assets" | field '.items.find(a=>a.name==="Own.mov").id')
ok "and becomes ready" until_true 60 state_is "$own" ready
version=$(ask GET "/assets/$own" | field .version.id)
ok "readiness counts them and says from where" same "$(ask GET "/versions/$version/readiness" | field '.find(p=>p.name==="amazon-prores-mezzanine").fit.filter(f=>f.what==="captions").map(f=>f.state+" "+f.seen).join()')" "ok eng subtitle (mov_text in track 2)"
delivery=$(ask POST "/versions/$version/deliveries" '{"profile":"web-ladder-h264"}' | field .id)
ok "a ladder of it is made" until_true 120 bash -c "[ \"\$(curl -s -H 'Authorization: Bearer $token' $url/api/v1/deliveries/$delivery | node -e 'console.log(JSON.parse(require(\"fs\").readFileSync(0)).state)')\" = done ]"
which=$(ask GET "/deliveries/$delivery" | field '.files.find(f=>f.role==="captions"&&f.language==="en")?.number')
ok "with a file of them, in their language, at their frames" bash -c "grep -A1 '00:00:00.520 --> 00:00:01.480' <<<\"\$1\" | grep -q '<i>night.</i>'" - "$(ask GET "/deliveries/$delivery/files/${which:-0}")"
delivery=$(ask POST "/versions/$version/deliveries" '{"profile":"web-h264-720p"}' | field .id)
ok "and a film" until_true 120 bash -c "[ \"\$(curl -s -H 'Authorization: Bearer $token' $url/api/v1/deliveries/$delivery | node -e 'console.log(JSON.parse(require(\"fs\").readFileSync(0)).state)')\" = done ]"
ask GET "/deliveries/$delivery/bytes" >own.mp4
ok "that has them in it" bash -c "ffmpeg -v error -i own.mp4 -map 0:s:0 -f srt - | grep -q 'night.'"
"$posthouse" transcode Own.mov --profile web-h264-720p --out here >/dev/null 2>&1
ok "as the command line does" cmp here/Own.mp4 own.mp4
ok "the house closes" close_house
finish
