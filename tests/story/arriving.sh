#!/usr/bin/env bash
# Folders are watched: what comes to rest goes into the house, once. arriving.sh PROGRAM TOP. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
# One round of looks; the watcher ends by itself when time alone brings nothing further.
watch() { # watch FOLDER PLACE [OPTION...]
  here watch "$1" --to "$2" --every 0 --looks 2 --once "${@:3}"
}
listed() { # listed PLACE: names of assets and folders, sorted, on one line
  here ls "$1" --json | node -e 'const a=JSON.parse(require("fs").readFileSync(0));const n=[];const walk=v=>Array.isArray(v)?v.forEach(walk):v&&typeof v==="object"&&(v.name&&n.push(v.name),Object.values(v).forEach(walk));walk(a);console.log([...new Set(n)].sort().join(" "))'
}
assets() { # assets: how many versions the project has in all
  ask GET "/projects/$project/transfers?limit=1000" | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).reduce((s,t)=>s+t.files_done,0))'
}
ok "a house opens" open_with_project --worker=off

# ---- loose files
mkdir -p in/Day/empty && echo one >in/a.txt && echo two >in/Day/b.txt && echo half >in/c.mov.part && touch in/.DS_Store
touch -d "2025-03-04 05:06:07 UTC" in/a.txt
ok "what has come to rest is taken, what is unfinished waits" says 'waits: c.mov.part: has the name of something unfinished' 1 watch in Film/In
ok "it is said what came" grep -q 'taken: .* and 1 more' heard
ok "where it was in the folder it is in the house" says 'b.txt' 0 here ls "Film/In/Day"
ok "with folders that are empty" says 'empty' 0 here ls "Film/In/Day"
ok "byte for byte" same_as "Film/In/a.txt" in/a.txt
ok "with its date" bash -c 'test "$(stat -c %Y taken/a.txt)" = "$(stat -c %Y in/a.txt)"'
before=$(assets)
mv in/c.mov.part in/c.mov
ok "with its final name it goes, and nothing goes twice" says 'taken: c.mov' 0 watch in Film/In
ok "indeed nothing" [ "$(assets)" = $((before + 1)) ]
exec 7>>in/d.mov; echo begun >&7
ok "a file that is open for writing waits, as long as it may be quiet" says 'd.mov: is open for writing' 1 watch in Film/In
exec 7>&-
ok "closed it goes" says 'taken: d.mov' 0 watch in Film/In
touch in/e.txt in/f.txt in/skip.txt
ok "patterns choose" says 'taken: e.txt' 0 watch in Film/In --include 'e.*' --include 'sk*' --exclude 'skip*'
ok "a folder that is not there is waited for" says 'is not there' 3 watch "$PWD/away" Film/In
ok "a watch without a place to bring it to is refused" says 'say --to' 2 here watch in --once

# ---- killed in the middle
mkdir big && noise 60000000 >big/x.bin && for i in $(seq 300); do echo "$i" >"big/s$i.txt"; done
before=$(assets)
"$posthouse" watch big --house.folder="$house" --to Film/Big --every 0 --looks 1 --via https >watch.out 2>&1 &
pid=$!
begun() { [ "$(assets)" -gt "$before" ]; }
ok "it begins" until_true 120 begun
kill -9 $pid; wait $pid 2>/dev/null
ok "killed and started anew it takes the rest" watch big Film/Big
ok "everything once" [ "$(assets)" = $((before + 301)) ]
ok "whole" same_as "Film/Big/x.bin" big/x.bin
kill_house
ok "a house that is away is said" says 'problem' 3 watch in Film/In --include 'f.*' --patience 1
ok "the house opens again" open_house --worker=off --places.roots="$PWD/own"
project=$(ask GET /projects | field '[0].id')
ok "and what waited goes" says 'taken: f.txt' 0 watch in Film/In --include 'f.*'

# ---- cards
card() { # card FOLDER: a P2 card of two clips
  mkdir -p "$1"/CONTENTS/{AUDIO,CLIP,ICON,PROXY,VIDEO,VOICE}
  for n in 0001AB 0002CD; do
    noise 2000 $n >"$1/CONTENTS/VIDEO/$n.MXF"
    echo "<P2Main><ClipContent><ClipName>$n</ClipName><EssenceList><Video><VideoFormat>MXF</VideoFormat></Video></EssenceList></ClipContent></P2Main>" >"$1/CONTENTS/CLIP/$n.XML"
  done
}
card cards/A001; mv cards/A001/CONTENTS/VIDEO/0002CD.MXF late
ok "a card that its index calls incomplete waits, and says for what" says 'A001: the card \(Panasonic P2\) is not complete: CONTENTS/VIDEO/0002CD.MXF' 1 watch cards Film/Cards
ok "nothing of it is taken" bash -c '! grep -q taken: heard'
mv late cards/A001/CONTENTS/VIDEO/0002CD.MXF
ok "complete it goes as a whole" says 'taken: .* and 3 more' 0 watch cards Film/Cards
ok "with its structure" says 'ICON' 0 here ls "Film/Cards/A001/CONTENTS"
card cards/A002; rm cards/A002/CONTENTS/VIDEO/0001AB.MXF
ok "a person may order it in as it is" says 'taken: .* and 2 more' 0 watch cards Film/Cards --as-it-is A002
ok "what was taken so is not asked about again" says 'watching' 0 watch cards Film/Cards
card cards/A003; exec 7>>cards/A003/CONTENTS/VIDEO/0001AB.MXF
ok "a card of which a file is still written waits as a whole" says 'A003: .*0001AB.MXF is open for writing' 1 watch cards Film/Cards
exec 7>&-
"$posthouse" mhl create cards/A003 >/dev/null; printf x | dd of=cards/A003/CONTENTS/VIDEO/0002CD.MXF conv=notrunc 2>/dev/null
ok "a card that is not what its list of hashes says is not taken" says 'A003: CONTENTS/VIDEO/0002CD.MXF is not what its list of hashes says' 1 watch cards Film/Cards --as-it-is A003
noise 2000 0002CD >cards/A003/CONTENTS/VIDEO/0002CD.MXF
ok "mended it is" says 'taken: .*' 0 watch cards Film/Cards
legacy() { # legacy FOLDER LIST FILE...: a list of MHL 1 by other people's programs
  (cd "$1" && { echo '<?xml version="1.0" encoding="UTF-8"?><hashlist version="1.1"><creatorinfo><tool>by hand</tool></creatorinfo>'
    for f in "${@:3}"; do echo "<hash><file>$f</file><size>$(stat -c %s "$f")</size><md5>$(md5sum <"$f" | cut -c1-32)</md5><xxhash64be>$(xxhsum -H1 "$f" 2>/dev/null | cut -c1-16)</xxhash64be></hash>"; done
    echo '</hashlist>'; } >"$2"); }
mkdir -p old/B007/Clips; noise 3000 m >old/B007/Clips/a.mov; noise 3000 n >old/B007/Clips/b.mov
legacy old/B007 B007.mhl Clips/a.mov Clips/b.mov; was=$(md5sum <old/B007/Clips/b.mov | cut -c1-32)
printf x | dd of=old/B007/Clips/b.mov conv=notrunc 2>/dev/null; is=$(md5sum <old/B007/Clips/b.mov | cut -c1-32)
ok "a folder with a list of MHL 1 is held against it, with its name and which hash" says "B007: Clips/b.mov is not what its list of hashes says: by B007.mhl md5 was to be $was and is $is" 1 watch old Film/Old --as-it-is B007
ok "nothing of it is taken" bash -c '! grep -q taken: heard'
ok "put as it is, the house says the same" says "wrong: B007/Clips/b.mov is not what B007/B007.mhl says: md5 was to be $was and is $is" 1 put old/B007 --folder Put
ok "of the others that they are right" grep -q 'lists of hashes: 1 file right, 1 file wrong' heard
ok "and its asset shows it" bash -c '"$0" ls Film/Put/B007/Clips --house.folder="$1" | tee said | grep -q "b.mov  wrong hash" && ! grep "a.mov" said | grep -q wrong' "$posthouse" "$house"
noise 3000 n >old/B007/Clips/b.mov
ok "mended it goes" says 'taken: .*' 0 watch old Film/Old
ok "and is right" bash -c 'for i in $(seq 600); do "$0" ls Film/Old/B007/Clips --house.folder="$1" --json | grep -q "\"right\": true" && exit; sleep 0.1; done; exit 1' "$posthouse" "$house"
mkdir loose; noise 3000 p >loose/a.mov; noise 3000 q >loose/b.mov; (cd loose && md5sum a.mov b.mov >sums.md5)
printf x | dd of=loose/b.mov conv=notrunc 2>/dev/null
ok "a file that goes by itself is held against a list beside it" says "wrong: b.mov is not what sums.md5 says: md5 was to be $(sed -n '2s/ .*//p' loose/sums.md5) and is $(md5sum <loose/b.mov | cut -c1-32)" 1 put loose/b.mov --folder One
ok "one that is right is right" says 'lists of hashes: 1 file right, 0 files wrong' 0 put loose/a.mov --folder One
noise 3000 q >loose/b.mov; rm loose/sums.md5; legacy loose list.mhl a.mov b.mov; printf x | dd of=loose/b.mov conv=notrunc 2>/dev/null
ok "so are loose files of a watched folder" says 'taken: .*' 0 watch loose Film/Loose
ok "and their assets show it" bash -c 'for i in $(seq 600); do "$0" ls Film/Loose --house.folder="$1" >said && grep -q "b.mov  wrong hash" said && ! grep "a.mov" said | grep -q wrong && exit; sleep 0.1; done; cat said; exit 1' "$posthouse" "$house"
card cards/A004
ok "a list is made where there is none, and comes along" bash -c '"$0" watch cards --house.folder="$1" --to Film/Cards --every 0 --looks 2 --once --lists make >heard && "$0" mhl verify cards/A004 && "$0" ls Film/Cards/A004/ascmhl --house.folder="$1" | grep -q chain' "$posthouse" "$house"

# ---- afterwards
ok "what the house has is moved to done" says 'taken' 0 watch cards Film/Moved --after move --as-it-is A002
ok "whole cards with all that is in them" bash -c '[ "$(ls cards)" = done ] && [ -d cards/done/A001/CONTENTS/ICON ] && [ -s cards/done/A002/CONTENTS/VIDEO/0002CD.MXF ]'
mkdir out && echo x >out/x.txt && echo y >out/y.txt
exec 7>>out/y.txt
ok "or deleted, and only that" says 'taken: x.txt' 1 watch out Film/Out --after delete
exec 7>&-
ok "what was not taken stays" bash -c '[ ! -e out/x.txt ] && [ -s out/y.txt ]'

# ---- recordings. Their recorder is this script: it holds the file open as 9, appends, and writes the header anew.
recording() { ask GET "/projects/$project/growing" | node -e 'const g=JSON.parse(require("fs").readFileSync(0)).find(g=>g.path===process.argv[1]);process.exit(g&&eval(process.argv[2])?0:1)' "$1" "$2"; }
ffmpeg -v error -f lavfi -i testsrc2=s=640x360:r=25:d=3,noise=alls=90:allf=t -c:v mpeg2video -qscale:v 1 -qmin 1 -g 1 -b:v 90M -maxrate 90M -bufsize 20M whole.mxf || exit 1
write() { dd if=whole.mxf bs=1M skip="$1" count="$2" status=none >&9; }
mkdir rec; exec 9<>rec/A001.mxf
write 0 9
"$posthouse" put rec/A001.mxf --house.folder="$house" --growing --project Film --folder Rec --quiet 1 >grow.out 2>&1 9>&- &
grower=$!
ok "a recording is seen while it is written" until_true 60 recording A001.mxf 'g.arrived>=8388608'
ok "and can be watched" until_true 120 recording A001.mxf 'g.watch==="yes"&&g.frames>3&&g.derived.length===4&&/^00:00:00:/.test(g.duration_text)'
kill -9 $grower; wait $grower 2>/dev/null
write 9 9
"$posthouse" put rec/A001.mxf --house.folder="$house" --growing --project Film --folder Rec --quiet 1 >grow.out 2>&1 9>&- &
grower=$!
ok "killed and started anew it goes on, and its end moves on" until_true 120 recording A001.mxf 'g.arrived>=16777216&&g.frames>20'
ok "it is the same one" [ "$(ask GET "/projects/$project/growing" | field .length)" = 1 ]
write 18 1000
printf 'REWRITTEN' | dd of=rec/A001.mxf bs=1 seek=100 conv=notrunc status=none
exec 9>&-
grown() { wait $grower; local status=$?; cat grow.out; return $status; }
ok "closed it is in the house" grown
ok "with the header that its recorder wrote at last" same_as "Film/Rec/A001.mxf" rec/A001.mxf
ok "and grows no more" [ "$(ask GET "/projects/$project/growing" | field .length)" = 0 ]
exec 9<>rec/B002.mov; noise 9000000 b >&9
"$posthouse" watch rec --house.folder="$house" --to Film/Rec2 --every 0 --looks 2 --growing >watch.out 2>&1 9>&- &
watcher=$!
ok "a folder's recordings go as they grow" until_true 60 recording B002.mov 'g.arrived===8388608'
ok "one that can not be read before its end only travels, and says so" until_true 60 recording B002.mov 'g.watch==="no"&&/when it is closed/.test(g.why)'
file=$(ask GET "/projects/$project/growing" | field '[0].file')
ok "a person may say that it is over" ask POST "/files/$file/finish"
ok "then it is a version, never closed by its recorder" until_true 60 recording B002.mov 'g.state==="stored"&&g.asset&&g.unclosed_by'
ok "what lay there came too, each once" until_true 60 grep -q 'taken: .*A001.mxf' watch.out
ok "the recording is noted by the watcher" until_true 60 grep -q 'taken: B002.mov' watch.out
exec 9>&-
kill $watcher; wait $watcher
ok "another look takes nothing" bash -c '"$0" watch rec --house.folder="$1" --to Film/Rec2 --every 0 --looks 2 --once >heard && ! grep -q taken heard' "$posthouse" "$house"

# ---- folders that the house itself watches
watched() { ask GET /watched | node -e 'const a=JSON.parse(require("fs").readFileSync(0));if(!(eval(process.argv[1]))){console.log(JSON.stringify(a));process.exit(1)}' "$1"; }
has_asset() { here ls "$1" | grep -q "$2"; }
mkdir own; card own/C001; rm own/C001/CONTENTS/VIDEO/0002CD.MXF
refused() { ! ask POST /watched "{\"path\":\"$1\",\"project\":\"$project\",\"rules\":{}}" >refusal && grep -q "$2" refusal; }
mkdir outside
ok "only below the folders that a setting names" refused "$PWD/outside" 'can not be watched.*places.roots'
ok "a link does not lead out of them" bash -c 'ln -s ../outside own/link'
ok "indeed not" refused "$PWD/own/link" 'can not be watched'
rm own/link
ok "an administrator names a folder" ask POST /watched "{\"path\":\"$PWD/own\",\"project\":\"$project\",\"folder\":\"Own\",\"rules\":{\"every\":0,\"looks\":2,\"include\":[\"*.txt\",\"*.MXF\",\"*.XML\"]}}"
ok "its house's own media can not be one" refused "$house/store" "can not be watched"
echo own >own/n.txt
ok "what comes to rest there is in the project" until_true 120 has_asset Film/Own n.txt
ok "what came and what waits are told, with the way out" until_true 120 watched 'a[0].state&&a[0].state.arrivals.length===1&&a[0].state.waits.some(w=>w.path==="C001"&&/is not complete/.test(w.why)&&/as-it-is/.test(w.fix))'
ok "a person orders the card in as it is" ask POST "/watched/$(ask GET /watched | field '[0].id')/take" '{"name":"C001"}'
ok "and it comes" until_true 120 has_asset Film/Own/C001/CONTENTS/VIDEO 0001AB.MXF
ok "it is let rest" ask PATCH "/watched/$(ask GET /watched | field '[0].id')" '{"enabled":false}'
ok "and taken away" ask DELETE "/watched/$(ask GET /watched | field '[0].id')"
ok "the house closes" close_house
finish
