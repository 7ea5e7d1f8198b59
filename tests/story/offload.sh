#!/usr/bin/env bash
# A card is offloaded: proven by md5sum, xxhsum, pdftotext, exiftool and openssl; killed in the middle; no room; lists that
# lie; into a house as well. offload.sh PROGRAM TOP. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
export HOME=$work/home XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
mkdir -p "$HOME" "$work/day" && cd "$work/day" || exit 1
says() { # says PATTERN STATUS COMMAND...
  "${@:3}" >heard 2>&1
  local status=$?
  cat heard
  [ $status = "$2" ] && grep -qE -- "$1" heard
}
offload() { "$posthouse" offload "$@" --house.folder="$house"; }
holds() { node -e 'const a=JSON.parse(require("fs").readFileSync(process.argv[2]));if(!eval(process.argv[1])){console.log(process.argv[1],"is not so:",JSON.stringify(a).slice(0,3000));process.exit(1)}' "$@"; }
fresh() { rm -rf a b c && mkdir a b c; }

# ---- a card of a camera, with what cards have
mkdir -p card/CONTENTS/{AUDIO,CLIP,ICON,PROXY,VIDEO,VOICE} && fresh
ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=0.4 -c:v mpeg2video -f mxf card/CONTENTS/VIDEO/0001AB.MXF || exit 1
cp card/CONTENTS/VIDEO/0001AB.MXF card/CONTENTS/VIDEO/0002CD.MXF
clip() { # clip NAME SPAN
  echo "<P2Main><ClipContent><ClipName>$1</ClipName><Relation><GlobalShotID>S</GlobalShotID><Connection>$2</Connection></Relation><EssenceList><Video><VideoFormat>MXF</VideoFormat></Video></EssenceList></ClipContent></P2Main>" >"card/CONTENTS/CLIP/$1.XML"
}
clip 0001AB "<Next/>"; clip 0002CD "<Previous/>"
: >card/CONTENTS/LASTCLIP.TXT; echo h >card/.hidden; echo ü >"card/CONTENTS/VOICE/Tön 1.WAV"
(cd card && md5sum CONTENTS/VIDEO/*.MXF >card.md5 && xxhsum -H1 CONTENTS/CLIP/0001AB.XML >CONTENTS/CLIP/0001AB.XML.xxh64) 2>/dev/null
touch -d "2025-03-04 05:06:07" card/CONTENTS/VIDEO/*.MXF card/CONTENTS/ICON card

ok "a card goes to two places and may be formatted" says '^SAFE TO FORMAT: 2 copies in 2 places' 0 offload card --to one=a --to two=b
ok "its kind is known, its clip of two files is one" grep -q 'card (Panasonic P2): 9 files, .*, 1 clips' heard
ok "what the card says of itself was compared" grep -q '3 compared, 0 not the same' heard
ok "both copies are the card, and a history" bash -c 'for x in a b; do rm -rf t; cp -a $x/card t; rm -r t/ascmhl; diff -r card t || exit 1; done'
ok "names, empty folders and times stay" bash -c 'list() { (cd $1 && find . -path ./ascmhl -prune -o -printf "%P %y %s %T@\n" | sed "s/d 4096/d 0/" | sort); }; diff <(list card) <(list a/card)'
ok "the history verifies" says '9 verified' 0 "$posthouse" mhl verify a/card
ok "it says that it was a transfer" grep -q '<process>transfer</process>' a/card/ascmhl/0001_*.mhl
ok "the table has each file with its digest" bash -c 'd=$(xxhsum -H1 card/CONTENTS/VIDEO/0001AB.MXF 2>/dev/null | cut -d" " -f1); grep -q "^CONTENTS/VIDEO/0001AB.MXF,0001AB,.*,$d,card.md5,yes," a/*.csv && [ $(wc -l <a/card_offload_*.csv) = 10 ]'
ok "the report says so on paper" bash -c 'pdftotext -layout a/*.pdf - | tee t.txt | grep -q "SAFE TO FORMAT" && ! grep -q NOT t.txt && grep -q "one clip in 2 parts" t.txt && grep -q "Tön 1.WAV" t.txt'
ok "with a picture of the clip" bash -c 'pdfimages -list a/*.pdf | grep -q jpeg && exiftool -PageCount a/*.pdf | grep -q 1'

# ---- the receipt
receipt=$(ls a/*.receipt.json)
ok "the receipt is genuine" says '^genuine' 0 "$posthouse" receipt verify "$receipt" --house.folder="$house"
ok "openssl finds the same" node -e '
  const fs = require("fs"), { execFileSync } = require("child_process");
  const whole = JSON.parse(fs.readFileSync(process.argv[1]));
  const sorted = (v) => Array.isArray(v) ? v.map(sorted) : v && typeof v === "object" ? Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])])) : v;
  fs.writeFileSync("message", JSON.stringify(sorted(whole.receipt)));
  fs.writeFileSync("signature", Buffer.from(whole.signature.value, "base64url"));
  fs.writeFileSync("key.der", Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(whole.signature.key, "base64url")]));
  execFileSync("openssl", ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin", "-in", "message", "-sigfile", "signature"], { stdio: "inherit" });' "$receipt"
sed 's/"safe_to_format": true/"safe_to_format":false/' "$receipt" >forged.json
ok "one that was changed is not" says '^NOT GENUINE' 1 "$posthouse" receipt verify forged.json --house.folder="$house"
openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout >other.pem 2>/dev/null
ok "nor one of another key" says '^NOT KNOWN' 1 "$posthouse" receipt verify "$receipt" --key other.pem --house.folder="$house"
key=$("$posthouse" receipt key --house.folder="$house")
ok "its own key can be given" says '^genuine' 0 "$posthouse" receipt verify "$receipt" --key "$key" --house.folder="$house"

# ---- the light
ok "the same again compares, and says so" says '0 written, 9 there before' 0 offload card --to one=a --to two=b --pictures 0
ok "two copies in one place are not enough" says 'NOT SAFE TO FORMAT' 1 offload card --to one=a --to one=b --pictures 0
ok "why is said" grep -q '2 copies in 1 places; asked are 2 in 2' heard
ok "a policy of one is one's own" says '^SAFE TO FORMAT' 0 offload card --to a --pictures 0 --offload.copies=1 --offload.places=1
rm card/CONTENTS/VIDEO/0002CD.MXF; fresh
ok "a clip that the card lists and has not is said" says 'CONTENTS/VIDEO/0002CD.MXF of clip 0002CD, which CONTENTS/CLIP/0002CD.XML lists' 1 offload card --to one=a --to two=b --pictures 0
ok "and keeps it from being safe" grep -q '^NOT SAFE TO FORMAT' heard
sed -i '/0002CD.MXF/d' card/card.md5; fresh
ok "who takes it as it is says so" says '^SAFE TO FORMAT' 0 offload card --to one=a --to two=b --pictures 0 --incomplete
sed -i 's/^[0-9a-f]\{8\}/00000000/' card/card.md5; fresh
ok "a file that is not what the card says is found" says '1 not the same' 1 offload card --to one=a --to two=b --pictures 0 --incomplete
ok "by its name, and the digest that tells" grep -qE '0001AB.MXF is not what card.md5 says: md5 was to be 00000000[0-9a-f]{24} and is [0-9a-f]{32}' heard
rm card/card.md5 card/CONTENTS/CLIP/0002CD.XML

# ---- what goes wrong
fresh
ok "the same place twice is refused" says 'two of the places are the same folder' 2 offload card --to a --to ./a
ok "a place on the card is refused" says 'is on the card itself' 2 offload card --to card/CONTENTS
ok "nothing was written" bash -c '! find a b card -name "*.half" -o -path "a/card*" | grep -q .'
no_room() { unshare -m bash -c 'mount -t tmpfs -o size=64k tmpfs c || exit 9; shift; exec "$@"' - - "$posthouse" offload card --to one=a --to two=c --pictures 0 --house.folder="$house"; }
ok "no room is said before anything is written" says 'there is no room for the card' 3 no_room
ok "indeed nothing" bash -c '! ls a | grep -q .'
limited() { (trap '' XFSZ; ulimit -f 64; exec "$posthouse" offload card --to one=a --to two=b --pictures 0 --reports r --house.folder="$house"); }
mkdir r; ok "a disk that takes no more is said" says 'NOT SAFE TO FORMAT' 1 limited
ok "no half file has a name" bash -c '! find a b -name 0001AB.MXF -o -name "*.half" | grep -q .'
fresh
node -e 'const fs=require("fs"),b=Buffer.alloc(1<<20);const f=fs.openSync("card/CONTENTS/VIDEO/0003EF.MXF","w");for(let i=0;i<200;i++){b.fill(i);fs.writeSync(f,b)}'
half_there() { find a b -name '*.half' -size +1M | grep -q .; }
killed=no
for try in 1 2 3 4 5 6 7 8 9 10; do
  fresh
  "$posthouse" offload card --to one=a --to two=b --pictures 0 --house.folder="$house" >killed.out 2>&1 &
  pid=$!
  until half_there || ! kill -0 $pid 2>/dev/null; do :; done
  kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null
  half_there && { killed=yes; break; }
done
ok "it is killed in the middle of a file" [ $killed = yes ]
ok "which has no name then" bash -c '! find a b -name 0003EF.MXF -size -200M | grep -q .'
ok "the same again goes on, and all is whole" says '^SAFE TO FORMAT' 0 offload card --to one=a --to two=b --pictures 0
ok "it is" bash -c 'cmp card/CONTENTS/VIDEO/0003EF.MXF a/card/CONTENTS/VIDEO/0003EF.MXF && cmp card/CONTENTS/VIDEO/0003EF.MXF b/card/CONTENTS/VIDEO/0003EF.MXF && ! find a b -name "*.half" | grep -q .'
rm card/CONTENTS/VIDEO/0003EF.MXF

# ---- into a house
ok "a house opens" open_house
project=$(ask POST /projects '{"name":"Film"}' | field .id)
fresh; touch card/.DS_Store
ok "the card goes into the house, too" says '"safe_to_format": true' 0 offload card --to one=a --to two=b --house="$url" --token-file "$house/local.token" --project Film --folder "Day 1" --pictures 0 --offload.copies=3 --offload.places=3 --json
ok "it counts as a place of its own" holds 'a.policy.places_made===3&&a.places[2].whole&&a.places[2].name==="the house"' heard
ok "the house has it as it was" says '0001AB.MXF' 0 "$posthouse" ls "Film/Day 1/card/CONTENTS/VIDEO" --house.folder="$house"
ok "with its empty folders" says 'ICON' 0 "$posthouse" ls "Film/Day 1/card/CONTENTS" --house.folder="$house"
ok "the house's own key signed it" says '^genuine, signed with the house' 0 "$posthouse" receipt verify "$(ls a/*.receipt.json)" --house --house.folder="$house"
ok "the same again is the same" says '^SAFE TO FORMAT: 3 copies in 3 places' 0 offload card --to one=a --to two=b --house --project Film --folder "Day 1" --pictures 0
ok "without a project it is told what lacks" says 'say --project' 2 offload card --to a --house
ok "the house closes" close_house
ok "a house that is away keeps the light red" says '^NOT SAFE TO FORMAT' 1 offload card --to one=a --to two=b --house=http://127.0.0.1:9 --token-file "$house/local.token" --project Film --pictures 0
finish
