#!/usr/bin/env bash
# What people tell of an asset is kept by its house, with their name, and goes into what is delivered of it.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"

cp -r "$top/data" "$work/data"
node -e 'const fs=require("fs"),p=JSON.parse(fs.readFileSync(process.argv[1]));p.name="store-itmsp";p.package="itmsp";p.metadata={required:["work.title","track.language"]};fs.writeFileSync(process.argv[2],JSON.stringify(p,null,2))' \
  "$top/data/profiles/web-h264-720p.json" "$work/data/profiles/store-itmsp.json"
ok "the house opens" open_house --data.folder="$work/data"
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=1 -f lavfi -i sine=440:r=48000:d=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a pcm_s16le \
  -metadata title="From the file" -timecode 01:00:00:00 "$work/reel.mov"
ok "a reel comes in" bring "$work/reel.mov"
asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it becomes ready" until_true 60 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version.id)
record() { ask GET "/versions/$version/record" | field ".values.filter(v=>v.field==='$1').map(v=>v.number+' '+v.value+' '+v.from+(v.told?' told':'')).join('|')"; }
tells() { ask PATCH "/versions/$version/record" "$1"; }
ok "the file's own title is known, with its place" test "$(record work.title)" = "1 From the file udta/©nam"
ok "a delivery that requires what nobody knows is refused with it" bash -c '[[ "$1" == *"track.language has no value"* ]]' - "$(ask POST "/versions/$version/deliveries" '{"profile":"store-itmsp"}')"
ok "somebody tells another one" tells '{"field":"work.title","value":"Nächte"}'
ok "it is known by who told it" bash -c '[[ "$1" == "1 Nächte "*" told" ]]' - "$(record work.title)"
ok "ids and languages are told too" tells '{"field":"work.eidr","value":"10.5240/AAAA"}'
ok "of a track by its number" tells '{"field":"track.language","number":2,"value":"fr-CA"}'
ok "the language is its sound track's" bash -c '[[ "$1" == *"2 fr-CA "* ]]' - "$(record track.language)"
ok "what is no value is refused with those there are" bash -c '[[ "$1" == *"one of: feature"* ]]' - "$(tells '{"field":"work.type","value":"film"}')"
ok "so is a field that is none" bash -c '! [[ "$1" == *values* ]]' - "$(tells '{"field":"work.titel","value":"x"}')"
ok "what the file says of its streams is not told" bash -c '! [[ "$1" == *values* ]]' - "$(tells '{"field":"track.stream","value":"3"}')"
ok "what was told is taken back" bash -c '[[ "$1" == "" ]]' - "$(tells '{"field":"work.country","value":"FR"}' >/dev/null; tells '{"field":"work.country"}' >/dev/null; record work.country)"
made=$(ask POST "/versions/$version/deliveries" '{"profile":"store-itmsp"}' | field .id)
done_is() { [ "$(ask GET "/deliveries/$made" | field .state)" = done ]; }
ok "it is delivered" until_true 90 done_is
ok "and taken out" curl -sS --fail -H "Authorization: Bearer $token" -o "$work/made.mp4" "$url/api/v1/deliveries/$made/bytes"
ffprobe -v error -show_format -show_streams "$work/made.mp4" >"$work/probe"
ok "the file says what was told" bash -c "grep -q 'title=Nächte' '$work/probe' && grep -q 'EIDR=10.5240/AAAA' '$work/probe' && grep -q 'language=fra' '$work/probe'"
mkdir "$work/out"
there=$(ask POST /destinations "{\"name\":\"out\",\"kind\":\"folder\",\"settings\":{\"path\":\"$work/out\"}}" | field .id)
to() { ask POST "/deliveries/$made/sendings" "{\"destination\":\"$there\"}" | field .sending.id; }
is() { [ "$(ask GET "/deliveries/$made" | field ".sendings.find(s=>s.id==='$1').state")" = "$2" ]; }
first=$(to)
ok "a package whose sidecar lacks something is not sent" until_true 30 is "$first" failed
ok "and says all that is missing" grep -q "work.vendor_id.*work.provider" <(ask GET "/deliveries/$made" | field ".sendings.find(s=>s.id==='$first').problem")
for said in work.vendor_id=V1 work.language=de "work.synopsis=Two nights" "rights.copyright=2026 Fluss" work.date=2026-03-04 work.provider=Haus; do
  tells "{\"field\":\"${said%%=*}\",\"value\":\"${said#*=}\"}" >/dev/null
done
second=$(to)
ok "told, it is sent" until_true 30 is "$second" sent
box=$(find "$work/out" -name metadata.xml)
ok "its metadata.xml names film, title and digest" bash -c 'xmllint --noout "$1" && grep -q "<title>Nächte</title>" "$1" && grep -q "<provider>Haus</provider>" "$1" && grep -q "$(md5sum <"$(dirname "$1")"/*.mp4 | cut -d" " -f1)" "$1"' - "$box"
# Fields: a sound of the same slate and time, a log, and back again.
ffmpeg -v error -f lavfi -i sine=440:r=48000:d=2 -c:a pcm_s16le -write_bext 1 -metadata description=$'sSCENE=24A\nsTAKE=1' \
  -metadata time_reference=172752000 "$work/T001.wav"
ok "production sound comes in" bring "$work/T001.wav"
sound() { ask GET "/projects/$project/assets?kind=sound&fields=1" | field ".items[0]$1"; }
sound_is() { [ "$(sound "$1")" = "$2" ]; }
ok "its slate is read from the file" until_true 60 sound_is .fields.f1 24A
fields() { "$posthouse" fields "$1" "$project" "${@:2}" --house "$url" --token-file "$house/local.token"; }
printf 'Clip;Scene;Take;Lens\r\nreel.mov;24A;1;35 mm\r\nnobody.mov;1;1;\r\n' >"$work/log.csv"
dry() { fields import "$work/log.csv" --make --dry-run >"$work/plan"; [ $? = 1 ]; }
ok "a log is shown first, with the row that fits nothing" dry
ok "it says what would change" grep -q 'line 2 reel.mov: Scene "" -> "24A"' "$work/plan"
ok "nothing has changed" test "$(ask GET "/projects/$project/fields" | field .length)" = 5
log() { fields import "$work/log.csv" --make --json >"$work/plan"; [ $? = 1 ]; }
ok "then it is brought in" log
ok "sound and picture are one take" test "$(ask GET "/projects/$project/assets?kind=clip&fields=1" | field '.items.map(a=>a.take.with[0].name+a.take.with[0].offset_frames+a.fields.f6).join()')" = "T001.wav-2535 mm"
ok "the sound is listed with its picture" test "$(ask GET "/projects/$project/assets?takes=1" | field .total)" = 1
where() { node -e 'console.log(encodeURIComponent(process.argv[1]))' "$1"; }
ok "it is found by what was said" test "$(ask GET "/projects/$project/assets?where=$(where '{"of":"f6","is":"contains","value":"35"}')" | field .total)" = 1
ok "an Avid log goes out" fields export "$work/out.ale"
ok "with tape, scene and timecode" grep -qP '^reel.mov\tVA1\t01:00:00:00\t01:00:01:00\t24A\t1\t' "$work/out.ale"
ok "it comes back as it is" fields import "$work/out.ale" --dry-run
ok "bringing in is undone as one step" fields undo "$(field .change <"$work/plan")"
ok "then the take is none any more" test "$(ask GET "/projects/$project/assets?kind=clip&fields=1" | field '.items[0].take')" = ""
# Notes go where their frame went: the first of three shots is gone from the second version.
shots() { for s in "$@"; do printf -- '-t 0.4 -f lavfi -i %s=s=320x180:r=25 ' "$s"; done; }
cut_of() { # cut_of FILE SHOT...: a film of these shots
  ffmpeg -v error $(shots "${@:2}") -filter_complex "concat=n=$(($# - 1))" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$1"
}
cut_of "$work/cut.mov" smptebars mandelbrot testsrc
cut_of "$work/cut2.mov" mandelbrot testsrc
ok "a film comes in" bring "$work/cut.mov"
film=$(ask GET "/projects/$project/assets?q=cut" | field '.items[0].id')
ok "it is ready" until_true 60 state_is "$film" ready
first=$(ask GET "/assets/$film" | field .version.id)
note() { ask POST "/assets/$film/comments" "{\"version\":\"$first\",\"frame\":$1,\"text\":\"$2\"}"; }
ok "somebody notes a frame of each shot" bash -c "test -n '$(note 5 bars)$(note 14 mandelbrot)$(note 27 test)'"
# An older program made its proxies: they are without the prints by which a frame is found again.
ok "its proxies are an older program's" sqlite3 -cmd '.timeout 60000' "$house/house.db" "delete from derived where kind='prints'"
ok "its next version comes in" "$posthouse" put "$work/cut2.mov" --version-of "$film" --house "$url" --token-file "$house/local.token" --project "$project"
second() { [ "$(ask GET "/assets/$film" | field '.version.number+j.version.state')" = 2ready ]; }
ok "it is ready too" until_true 60 second
newest=$(ask GET "/assets/$film" | field .version.id)
carried() { [ "$(ask GET "/assets/$film/comments" | field ".filter(c=>c.version==='$newest').map(c=>c.text+c.frame+c.origin.how+c.origin.number+c.origin.timecode).join()")" = "$1" ]; }
ok "two notes are where their frames went, with where they come from" until_true 60 carried "mandelbrot4picture100:00:00:14,test17picture100:00:01:02"
ok "the prints that were not there were made, once" test "$(sqlite3 -readonly "$house/house.db" "select count(*)||(select group_concat(state) from jobs where kind='prints') from derived where kind='prints' and size>0")" = 2done
waiting() { ask GET "/versions/$newest/waiting-notes" | field "$1"; }
ok "the third is listed as not carried" test "$(waiting '.map(w=>w.comment.text+w.why).join()')" = "barsits frame is gone: no frame of this version looks like it"
ok "it is placed by hand" ask POST "/versions/$newest/waiting-notes" "{\"comment\":\"$(waiting '[0].comment.id')\",\"frame\":2}"
ok "and waits no more" test "$(waiting .length)" = 0
ok "nothing counts twice" test "$(ask GET "/assets/$film" | field .open_comments)" = 3
ok "the house closes" close_house
finish
