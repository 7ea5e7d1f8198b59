#!/usr/bin/env bash
# Camera originals in a house: what only a maker's software decodes is stored, told and never damaged; a transcode stands
# for it, whichever came first; who claims too much is told, and a person decides.
# originals.sh PROGRAM TOP MAKE_CAMERA HELPER
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
make=$(realpath "$3") helper=$(realpath "$4")
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
cd "$work" || exit 1
id_of() { ask GET "/projects/$project/assets?limit=100" | field ".items.find(a=>a.name==='$1')?.id"; }
there() { [ -n "$(id_of "$1")" ]; }
attached_is() { [ "$(ask GET "/assets/$1/transcode" | field .attached?.name)" = "$2" ]; }
put() { "$posthouse" put "$@" --house "$url" --token-file "$house/local.token" --project "$project"; }
film() { ffmpeg -v error -y -f lavfi -i testsrc2=s=64x36:r=25:d=0.48 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -timecode "$2" "$1"; }

"$make" red A001_C002_0101AB_001.R3D A001_C002_0101AB_001.R3D 10:11:12:13
"$make" brxq A003_05251123_C001.braw x 01:02:03:04 A003
"$make" aprn one.mov x 02:00:00:00 A004
"$make" aprn two.mov x 02:00:00:00 A004
film A001_C002_0101AB_proxy.mov 10:11:12:13
film "A003_05251123_C001.mov" 01:02:03:04
film cut.mov 05:00:00:00

ok "without a house it is told with what it says and whose software it takes" bash -c "'$posthouse' probe A001_C002_0101AB_001.R3D >told && grep -q 'no picture without the maker' told && grep -q '10:11:12:13' told && grep -q 'A001, from the header' told"
"$make" CRAW A005C001_260101CU_CANON.CRM x 23:59:58:07 A005
ok "Canon's RAW says its timecode, reel and camera" bash -c "'$posthouse' probe A005C001_260101CU_CANON.CRM >told && cat told && grep -q '23:59:58:07' told && grep -q 'A005, from' told && grep -q 'EOS C300 Mark III' told && grep -q 'no picture without the maker' told && grep -q '12 frames at 25' told"
ok "an order of it is refused with the way out" bash -c "! '$posthouse' transcode A001_C002_0101AB_001.R3D --profile web-h264-720p --out none 2>why && grep -q 'only RED.s R3D SDK decodes' why && grep -q 'transcode that is attached' why"

# Ten frames that only the tests' helper decodes.
node -e 'const b=Buffer.alloc(50);b.write("TSTRAW01");[64,36,25,1,10].forEach((v,i)=>b.writeUInt32LE(v,8+4*i));b.write("08:00:00:00",28);for(let i=0;i<10;i++)b[40+i]=25*i;require("fs").writeFileSync("shot.tst",b)'
ok "what nobody decodes is no media" bash -c "! '$posthouse' probe shot.tst"
ok "a maker's helper tells what it is" bash -c "'$posthouse' probe shot.tst --engine.helpers='tst=$helper' | tee told3 | grep -q '10 frames at 25' && grep -q '08:00:00:00' told3 && grep -q 'T001' told3"
ok "the house opens" open_house --worker.slots=2 --engine.helpers="tst=$helper"
project=$(ask POST /projects '{"name":"Shoot"}' | field .id)
ok "an original and its transcode come, the original first" put A001_C002_0101AB_001.R3D
ok "it is there" until_true 60 there A001_C002_0101AB_001.R3D
red=$(id_of A001_C002_0101AB_001.R3D)
ok "it is ready, and nothing of it is damaged" until_true 120 state_is "$red" ready
ok "its facts stand in the library" same "$(ask GET "/assets/$red" | field '.version.facts.camera.reel+" "+j.version.facts.camera.clip+" "+j.version.facts.camera.picture+" "+j.version.facts.timecode.start+" "+j.version.facts.damage.length')" "A001 A001_C002_0101AB false 10:11:12:13 0"
version=$(ask GET "/assets/$red" | field .version.id)
curl -sS -X POST -H "Authorization: Bearer $token" -H "Content-Type: application/json" -d '{"rules":"broadcast"}' "$url/api/v1/versions/$version/qc" >"$work/answer" 2>&1
ok "a check of it is refused with the way out" grep -q "only RED's R3D SDK decodes" "$work/answer"
ok "the transcode comes" put A001_C002_0101AB_proxy.mov
ok "it is attached by itself" until_true 60 attached_is "$red" A001_C002_0101AB_proxy.mov
shown() { [ "$(ask GET "/assets/$red" | field '.version.derived.some(d=>d.kind==="scrub"&&!d.growing)')" = true ]; }
ok "the player shows its pictures" until_true 120 shown
ok "with the original's timecode" same "$(ask GET "/assets/$red" | field '.version.facts.timecode.start+" "+j.version.facts.timecode.from+" "+j.version.shown.how+" "+j.version.facts.duration_frames')" "10:11:12:13 file header name 12"
ok "a note belongs to the original" same "$(ask POST "/assets/$red/comments" "{\"text\":\"Good\",\"frame\":3,\"version\":\"$version\"}" | field .version)" "$version"

ok "another transcode comes before its original" put A003_05251123_C001.mov
ok "it is looked at" until_true 60 there A003_05251123_C001.mov
ok "and is ready" until_true 120 state_is "$(id_of A003_05251123_C001.mov)" ready
ok "then the original" put A003_05251123_C001.braw
ok "it is there, too" until_true 60 there A003_05251123_C001.braw
ok "they found each other" until_true 60 attached_is "$(id_of A003_05251123_C001.braw)" A003_05251123_C001.mov

ok "two originals of one reel and timecode come" put one.mov two.mov
ok "they are there" until_true 60 there two.mov
one=$(id_of one.mov) two=$(id_of two.mov)
ok "both are ready" until_true 120 state_is "$one" ready
ok "the second, too" until_true 120 state_is "$two" ready
ffmpeg -v error -y -i cut.mov -c copy -timecode 02:00:00:00 -metadata:s:v:0 reel_name=A004 A004C001_130101_R1AB.mov
ok "one transcode comes that could be of either" put A004C001_130101_R1AB.mov
ok "it is there as well" until_true 60 there A004C001_130101_R1AB.mov
claimed=$(id_of A004C001_130101_R1AB.mov)
ok "it is ready as well" until_true 120 state_is "$claimed" ready
ok "nobody gets it by itself" same "$(ask GET "/assets/$claimed/transcode" | field '.attached+" "+j.candidates.length')" "null 2"
ok "the command says who claims it" bash -c "'$posthouse' original show '$one' --house '$url' --token-file '$house/local.token' >said2 && grep -q 'no transcode is attached' said2 && grep -q 'is claimed by $two' said2"
ok "a person decides" "$posthouse" original attach "$two" "$claimed" --house "$url" --token-file "$house/local.token"
ok "and it is so" attached_is "$two" A004C001_130101_R1AB.mov
curl -sS -X POST -H "Authorization: Bearer $token" -H "Content-Type: application/json" -d "{\"transcode\":\"$claimed\"}" "$url/api/v1/assets/$one/transcode" >"$work/answer" 2>&1
ok "it can not be the other's as well" grep -q "stands for another original" "$work/answer"
ok "one step back" "$posthouse" original detach "$two" --house "$url" --token-file "$house/local.token"
ok "takes it off" attached_is "$two" ""

ok "a file that only a maker's helper decodes comes" put shot.tst
ok "it is there like any other" until_true 60 there shot.tst
tst=$(id_of shot.tst)
ok "it is ready like any other" until_true 120 state_is "$tst" ready
ok "with proxies by the helper" same "$(ask GET "/assets/$tst" | field '.version.derived.some(d=>d.kind==="scrub")+" "+j.version.facts.duration_frames+" "+j.version.facts.timecode.start')" "true 10 08:00:00:00"

# ---- what lies beside a clip
count() { [ "$(ask GET "/projects/$project/assets?limit=200" | field ".items.filter(a=>/$1/.test(a.name)).length")" = "$2" ]; }
"$make" arri A005C001_130101_R1AB.0000001.ari x ""; "$make" arri A005C001_130101_R1AB.0000002.ari x ""
printf 'Heading\r\nFPS\t25\r\nColumn\r\nName\tTape\tStart\r\nData\r\nA005C001_130101_R1AB\tA005R1AB\t13:00:00:00\r\n' >A005.ALE
ok "a log comes before the frames that it tells of" put A005.ALE
ok "the frames come" put A005C001_130101_R1AB.0000001.ari A005C001_130101_R1AB.0000002.ari
ok "they are one asset of two files" until_true 60 count 'A005C001' 1
told() { ask GET "/projects/$project/assets?limit=200" | field '.items.filter(a=>/A005C001/.test(a.name)).map(a=>a.version.state+" "+a.version.file_count+" "+a.version.facts.camera?.reel+" "+a.version.facts.timecode?.start+" "+a.version.facts.timecode?.from+" "+a.version.facts.rate)[0]'; }
is_told() { [ "$(told)" = "ready 2 A005R1AB 13:00:00:00 sidecar 25" ]; }
ok "the log says reel, timecode and rate" until_true 120 is_told

# ---- one recording in several files
facts() { ask GET "/assets/$1" | field '.version.state+" "+j.version.file_count+" "+j.version.facts.duration_frames+" "+j.version.facts.timecode?.start+" "+j.version.facts.audio.length+" "+j.version.facts.span?.kind'; }
whole() { [ "$(facts "$1")" = "$2" ]; }
for i in 1 2; do
  ffmpeg -v error -y -f lavfi -i testsrc2=s=64x36:r=25:d=0.48 -f lavfi -i sine=r=48000:d=0.48 -c:v libx264 -g 6 -bf 2 -preset ultrafast -pix_fmt yuv420p -c:a aac \
    -timecode 10:00:0$i:00 "GX0${i}0007.MP4"
done
ok "the second chapter comes alone" put GX020007.MP4
ok "it says that the first is missing" until_true 60 bash -c "curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/projects/$project/assets?limit=200' | grep -q 'part 1'"
ok "the first chapter comes" put GX010007.MP4
ok "they are one asset" until_true 60 count '0007.MP4' 1
chapters=$(id_of GX010007.MP4)
ok "frames and timecode run on" until_true 120 whole "$chapters" "ready 2 24 10:00:01:00 1 follow"
order=$(ask POST "/versions/$(ask GET "/assets/$chapters" | field .version.id)/deliveries" '{"profile":"review-h264"}' | field .id)
made() { [ "$(ask GET "/deliveries/$order" | field .state)" = done ]; }
ok "a deliverable of it has all frames" until_true 120 made
ok "it is fetched" "$posthouse" get "$order" --out "$work/out" --house.folder="$house"
ok "and plays them" bash -c "[ \"\$(ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 '$work'/out/* | tr -d ,)\" = 24 ]"

ffmpeg -v error -y -f lavfi -i testsrc2=s=256x144:r=25:d=0.48 -c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p -timecode 11:00:00:00 -f mxf_opatom set_V1.mxf
ffmpeg -v error -y -f lavfi -i sine=r=48000:d=0.48 -c:a pcm_s16le -timecode 11:00:00:00 -f mxf_opatom set_A1.mxf
# One material package for both: the second file gets the first one's UMID.
one_package() { node -e 'const fs=require("fs"),[a,b]=[1,2].map(i=>fs.readFileSync(process.argv[i]));const key=Buffer.from("060e2b34025301010d010101010136","hex");
const umid=x=>{const at=x.indexOf(Buffer.from([0x44,1,0,32]),x.indexOf(key))+4;return Buffer.from(x.subarray(at,at+32))};const [m,o]=[umid(a),umid(b)];
for(let at=0;(at=b.indexOf(o,at))>=0;)m.copy(b,at);fs.writeFileSync(process.argv[2],b)' "$1" "$2"; }
one_package set_V1.mxf set_A1.mxf
ok "the sound of an MXF set comes first" put set_A1.mxf
ok "then its picture" put set_V1.mxf
ok "they are one asset, too" until_true 60 count set_ 1
set_is_whole() { whole "$(id_of set_V1.mxf)" "ready 2 12 11:00:00:00 1 tracks"; }
ok "with picture and sound" until_true 120 set_is_whole

# A P2 recording over three cards, of which the middle one comes last: one asset, whose parts are a picture and a sound each.
p2() { # p2 CARD CLIP NUMBER XML: with Next and Previous
  local card=$1 clip=$2 start
  start=$(printf '12:00:00:%02d' $(((${3} - 1) * 12)))
  mkdir -p "$card"/CONTENTS/{AUDIO,CLIP,ICON,PROXY,VIDEO,VOICE}
  ffmpeg -v error -y -f lavfi -i testsrc2=s=256x144:r=25:d=0.48 -c:v dnxhd -profile:v dnxhr_lb -pix_fmt yuv422p -timecode "$start" -f mxf_opatom "$card/CONTENTS/VIDEO/$clip.MXF"
  ffmpeg -v error -y -f lavfi -i sine=r=48000:d=0.48 -c:a pcm_s16le -timecode "$start" -f mxf_opatom "$card/CONTENTS/AUDIO/${clip}00.MXF"
  one_package "$card/CONTENTS/VIDEO/$clip.MXF" "$card/CONTENTS/AUDIO/${clip}00.MXF"
  cat >"$card/CONTENTS/CLIP/$clip.XML" <<XML
<P2Main xmlns="urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.1"><ClipContent><ClipName>$clip</ClipName><GlobalClipID>id$3</GlobalClipID><Duration>12</Duration><EditUnit>1/25</EditUnit>
<EssenceList><Video><VideoFormat>MXF</VideoFormat></Video><Audio><AudioFormat>MXF</AudioFormat></Audio></EssenceList>
<Relation><OffsetInShot>$(((${3} - 1) * 12))</OffsetInShot><GlobalShotID>shot1</GlobalShotID><Connection>$4</Connection></Relation></ClipContent></P2Main>
XML
}
next_to() { printf '<%s><GlobalClipID>id%s</GlobalClipID><ClipName>%s</ClipName><P2SerialNo.>%s</P2SerialNo.></%s>' "$1" "$2" "$3" "$4" "$1"; }
p2 P2A 0001AB 1 "$(next_to Next 2 0001CD P2B)"
p2 P2B 0001CD 2 "$(next_to Previous 1 0001AB P2A)$(next_to Next 3 0001EF P2C)"
p2 P2C 0001EF 3 "$(next_to Previous 2 0001CD P2B)"
missing() { ask GET "/assets/$1" | field '.version.facts.span?.missing?.join(", ")'; }
misses() { [ "$(missing "$1")" = "$2" ]; }
clips() { [ "$(ask GET "/projects/$project/assets?limit=200" | field ".items.filter(a=>/^0001..(00)?\.MXF$/.test(a.name)).length")" = "$1" ]; }
ok "the first card of a recording comes" put P2A
ok "its picture and sound are one asset" until_true 60 clips 1
shot=$(id_of 0001AB.MXF)
ok "which says in which clip and card it goes on" until_true 60 misses "$shot" "clip 0001CD (card P2B), in which it goes on"
ok "the third comes" put P2C
ok "it is the same asset" until_true 60 clips 1
ok "which says that the middle is not there" until_true 60 misses "$shot" "clip 0001CD (card P2B)"
ok "so does the command" bash -c "'$posthouse' ls Shoot/P2A/CONTENTS/VIDEO --house '$url' --token-file '$house/local.token' | grep -q 'missing: clip 0001CD (card P2B)'"
ok "the second comes" put P2B
ok "frames, sound and timecode of all three run on" until_true 120 whole "$shot" "ready 6 36 12:00:00:00 1 follow"
ok "nothing is missing" misses "$shot" ""
ok "still one asset" clips 1

# The sound of a clip, and the middle of recordings, did not come.
for n in 001 003; do "$make" red "A009_C001_0101AB_$n.R3D" "A009_C001_0101AB_$n.R3D" 10:11:12:13; done
mkdir -p EX/BPAV/CLPR/7_0001_0{1,3}
for n in 01 03; do cp GX010007.MP4 "GX${n}0009.MP4"; cp GX010007.MP4 "EX/BPAV/CLPR/7_0001_$n/7_0001_$n.MP4"; done
ok "recordings without their middle come" put A009_C001_0101AB_001.R3D A009_C001_0101AB_003.R3D GX010009.MP4 GX030009.MP4
ok "RED says which" until_true 60 misses "$(id_of A009_C001_0101AB.R3D)" "part 2"
ok "GoPro says which" until_true 60 misses "$(id_of GX010009.MP4)" "part 2"
put EX >put.out 2>put.err
ok "an XDCAM EX card without the middle of a clip is told" grep -q 'missing on the card: part 2 of clip 7_0001' put.err
ok "its parts are one asset, which says which is not there" until_true 60 misses "$(id_of 7_0001_01.MP4)" "part 2 of clip 7_0001"

# Another card's parts came later: they go where they are missing, in their order; the asset and its notes stay.
ex=$(id_of 7_0001_01.MP4)
mkdir -p later/EX/BPAV/CLPR/7_0001_02 later/EX2/BPAV/CLPR/7_0002_0{2,3} last/EX2/BPAV/CLPR/7_0002_01
cp GX020007.MP4 later/EX/BPAV/CLPR/7_0001_02/7_0001_02.MP4
for n in 2 3; do cp GX020007.MP4 later/EX2/BPAV/CLPR/7_0002_0$n/7_0002_0$n.MP4; done
cp GX010007.MP4 last/EX2/BPAV/CLPR/7_0002_01/7_0002_01.MP4
names() { ask GET "/versions/$(ask GET "/assets/$1" | field .version.id)/files" | field '.items.map(f=>f.name).join()'; }
names_are() { [ "$(names "$1")" = "$2" ]; }
put later/EX later/EX2 >put.out 2>put.err
both_cards() { [ "$(ask GET "/projects/$project/cards" | field '.filter((c,i,all)=>c.transfer===all[0].transfer&&c.card.kind==="xdcam-ex").map(c=>c.card.clips).join()')" = 1,1 ]; }
ok "two cards in one transfer stand over their folders" until_true 60 both_cards
ok "and are two of the transfer" same "$(ask GET "/projects/$project/transfers" | field '.find(t=>t.more_cards.length)?.more_cards.length')" 1
ok "the part that was missing is where it belongs" until_true 120 names_are "$ex" 7_0001_01.MP4,7_0001_02.MP4,7_0001_03.MP4
ok "nothing is missing of it" misses "$ex" ""
second=$(id_of 7_0002_02.MP4)
ok "a note on a clip without its beginning" test -n "$(ask POST "/assets/$second/comments" "{\"text\":\"Wait\",\"frame\":1,\"version\":\"$(ask GET "/assets/$second" | field .version.id)\"}" | field .id)"
(cd last && put EX2 >/dev/null 2>&1)
ok "whose beginning comes, and goes first" until_true 120 names_are "$second" 7_0002_01.MP4,7_0002_02.MP4,7_0002_03.MP4
ok "it is called so, and keeps its note" same "$(ask GET "/assets/$second" | field .name) $(ask GET "/assets/$second/comments" | field '.some(n=>n.text==="Wait")')" "7_0002_01.MP4 true"

# A card whose index lists three streams of one recording, of which one is not there; with what else is on a card.
mkdir -p CARD/BDMV/STREAM CARD/BDMV/PLAYLIST CARD/BDMV/CLIPINF CARD/BDMV/BACKUP
for i in 0 1; do
  ffmpeg -v error -y -f lavfi -i testsrc2=s=64x36:r=25:d=0.48 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mpegts "CARD/BDMV/STREAM/0000$i.MTS"; : >"CARD/BDMV/CLIPINF/0000$i.CPI"
done
echo x >CARD/.camera
node -e 'const items=["00000","00001","00002"].map((n,i)=>Buffer.concat([Buffer.from([0,11]),Buffer.from(n+"M2TS"),Buffer.from([0,i?6:1])]));
const body=Buffer.concat([Buffer.from([0,0,0,3,0,0]),...items]),head=Buffer.alloc(20);head.write("MPLS0100");head.writeUInt32BE(20,8);const size=Buffer.alloc(4);size.writeUInt32BE(body.length);
require("fs").writeFileSync("CARD/BDMV/PLAYLIST/00000.MPL",Buffer.concat([head,size,body]))'
put CARD >put.out 2>put.err
ok "a card is told, with what its own index lists and is not there" bash -c "grep -q 'a card: AVCHD' put.out && grep -q 'missing on the card: CARD/BDMV/STREAM/00002.MTS' put.err"
ok "its streams that go on are one asset" until_true 60 count 'MTS' 1
stream_is_whole() { case $(facts "$(id_of 00000.MTS)") in "ready 2 24 "*follow) true ;; *) false ;; esac; }
ok "of two files" until_true 120 stream_is_whole
ok "which says that the third is not there" until_true 60 misses "$(id_of 00000.MTS)" "CARD/BDMV/STREAM/00002.MTS of clip 00002, which CARD/BDMV/PLAYLIST/00000.MPL lists, CARD/BDMV/CLIPINF/00002.CPI of clip 00002, which CARD/BDMV/PLAYLIST/00000.MPL lists"
ok "the card's folder says it as well" same "$(ask GET "/projects/$project/cards" | field '.filter(c=>c.card.kind==="avchd").map(c=>c.card.missing.length+" "+c.card.folder)[0]')" "2 $(ask GET "/projects/$project/folders" | field '.find(f=>f.name==="CARD").id')"
ok "and the command" bash -c "'$posthouse' ls Shoot/CARD --house '$url' --token-file '$house/local.token' | grep -q 'missing on the card: CARD/BDMV/STREAM/00002.MTS'"
mkdir -p later/CARD/BDMV/STREAM later/CARD/BDMV/CLIPINF; cp CARD/BDMV/STREAM/00001.MTS later/CARD/BDMV/STREAM/00002.MTS; : >later/CARD/BDMV/CLIPINF/00002.CPI
stream=$(id_of 00000.MTS)
(cd later && put CARD >/dev/null 2>&1)
ok "the third stream comes later" until_true 120 names_are "$stream" 00000.MTS,00001.MTS,00002.MTS
ok "and is not missing any more" misses "$stream" ""
ok "empty folders, empty and hidden files are kept" bash -c "'$posthouse' ls Shoot/CARD --house '$url' --token-file '$house/local.token' | grep -q .camera && curl -sS -H 'Authorization: Bearer $token' '$url/api/v1/projects/$project/folders' | grep -q BACKUP"
# What cards have beside clips: both kinds of letters with marks, names that differ by case, empty and hidden files and folders, dates.
mkdir -p KEPT/DCIM/empty KEPT/A; : >KEPT/zero.bin; : >KEPT/A/.none; echo h >KEPT/.hidden; echo a >KEPT/A/name.txt; echo b >KEPT/A/NAME.TXT
echo c >"KEPT/$(printf 'Zu\xcc\x88rich.txt')"; echo d >"KEPT/$(printf 'Z\xc3\xbcrich 2.txt')"
find KEPT -type f -exec touch -d 2020-02-03T04:05:06.789Z {} +
ok "a folder with what cards have comes" put KEPT
ok "the house closes" close_house
ok "all of it comes out" "$posthouse" store export plain --house.folder="$house"
ok "with its bytes and names" diff -r KEPT plain/Shoot/KEPT
# Joined clips lie where they lay.
cp -r later/CARD/BDMV CARD/; cp -r last/EX2/BPAV later/EX2/; cp -r later/EX/BPAV EX/
ok "cards whose clips were joined come out as they went in" bash -c "diff -r EX plain/Shoot/EX && diff -r later/EX2 plain/Shoot/EX2 && diff -r CARD plain/Shoot/CARD && for n in A B C; do diff -r P2\$n plain/Shoot/P2\$n; done"
listed() { (cd "$1" && find . -printf '%y %p' \( -type f -printf ' %s %T@' -o -printf '' \) -printf '\n' | sort); }
ok "its folders and dates" same "$(listed plain/Shoot/KEPT)" "$(listed KEPT)"
finish
