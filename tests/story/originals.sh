#!/usr/bin/env bash
# Camera originals in a house: what only a maker's software decodes is stored, told and never damaged; a transcode stands
# for it, whichever came first; who claims too much is told, and a person decides.
# originals.sh PROGRAM TOP MAKE_CAMERA
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
make=$(realpath "$3")
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
ok "an order of it is refused with the way out" bash -c "! '$posthouse' transcode A001_C002_0101AB_001.R3D --profile web-h264-720p --out none 2>why && grep -q 'only RED.s R3D SDK decodes' why && grep -q 'transcode that is attached' why"

ok "the house opens" open_house --worker.slots=2
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
ok "the house closes" close_house
finish
