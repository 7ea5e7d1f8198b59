#!/usr/bin/env bash
# Two houses: a project goes from one to the other with its versions, decisions, notes and facts; both are killed in the
# middle; both go on working, and what is new goes both ways. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
other=$work/other far=""
mkdir -p "$other"
trap '[ -n "$far" ] && kill -9 "$far" 2>/dev/null; clean' EXIT

open_other() { # the second house, with a certificate of its own; its address stays
  rm -f "$other/ready"
  "$posthouse" serve --house.folder="$other" --house.name="House B" --tls=on --port="${other_port:-0}" --media.port=0 --store.reserve=0 --worker=off >"$work/other.out" 2>>"$work/other.err" &
  far=$!
  until_true 60 test -s "$other/ready" || return 1
  other_url=$(head -1 "$other/ready") other_port=${other_url##*:}
}
there() { "$posthouse" "$1" --house.folder="$other" "${@:2}"; }
asked() { curl -ksS --fail-with-body -X "$1" -H "Authorization: Bearer $(cat "$other/local.token")" ${3:+-H "Content-Type: application/json" -d "$3"} "$other_url/api/v1$2"; }
open_here() { open_house --house.name="House A" --worker=off --port="${port:-0}"; }
sql() { sqlite3 -readonly "$1/house.db" "$2"; }

ok "a house opens" open_here
port=${url##*:}
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ok "another one opens" open_other
noise 40000000 one >one.mov; noise 3000 two >two.txt; noise 500 three >three.txt
ok "a clip comes in" put one.mov --folder "Day 1"
ok "and a document" put two.txt --folder "Day 1/Papers"
clip=$(ask GET "/projects/$project/assets?q=one" | field '.items[0].id')
paper=$(ask GET "/projects/$project/assets?q=two" | field '.items[0].id')
ok "a second version of it" put three.txt --version-of "$paper"
version=$(ask GET "/assets/$clip" | field .version.id)
note=01JJJJJJJJJJJJJJJJJJJJJJJ1 reply=01JJJJJJJJJJJJJJJJJJJJJJJ2
ok "people of the house" bash -c "$(declare -f here); posthouse=$posthouse house=$house; here user add anna@film.test --name 'Anna Berg' --admin && here user token anna@film.test --scope all >said && grep -oE '[A-Za-z0-9_-]{43}' said | tail -1 >anna.token"
anna() { curl -sS --fail-with-body -X "$1" -H "Authorization: Bearer $(cat anna.token)" ${3:+-H "Content-Type: application/json" -d "$3"} "$url/api/v1$2"; }
ok "Anna draws on a frame" anna POST "/assets/$clip/comments" "{\"id\":\"$note\",\"version\":\"$version\",\"frame\":3,\"text\":\"too dark\",\"drawing\":[{\"tool\":\"pen\",\"colour\":\"#ff0000\",\"width\":0.01,\"points\":[0.1,0.1,0.5,0.4,0.4,0.5]}]}"
ok "and replies to it" anna POST "/assets/$clip/comments" "{\"id\":\"$reply\",\"version\":\"$version\",\"frame\":3,\"parent\":\"$note\",\"text\":\"really\"}"
ok "and asks for changes" anna POST "/versions/$version/statuses" '{"status":"changes","note":"see the note"}'

# ---- naming the other house
ok "an account there" bash -c "$(declare -f there); posthouse=$posthouse other=$other; there user add a@film.test --name 'House A' --admin && there user token a@film.test --scope all >said && grep -oE '[A-Za-z0-9_-]{43}' said | tail -1 >their.token"
print=$(sed -n 2p "$other/ready")
ok "a house with another certificate is not trusted" bash -c "$(declare -f here); posthouse=$posthouse house=$house; here house add Wrong '$other_url' --their-token their.token --their-print $(printf '0%.0s' {1..64}) && ! here house test Wrong && here house forget Wrong"
ok "the other house is named" here house add B "$other_url" --their-token their.token --their-print "$print"
ok "and says who it is" says "House B, posthouse .*account there is House A" 0 here house test B
ok "its token is in no list and no log" bash -c "! grep -rqF \"\$(cat their.token)\" $house/house.db* $work/serve.err $work/serve.out"

# ---- sending, and both killed in the middle
ok "the line is capped" here traffic cap line --out 16M
parcel=$(here send Film --to B:Reels --no-wait)
job=$(ask GET "/parcels/$parcel" | field .job)
chunks() { sql "$other" "select count(*) from upload_chunks" 2>/dev/null || echo 0; }
moved() { [ "$(ask GET "/jobs/$job" | field .done)" -ge $((8388608 * $1)) ] 2>/dev/null; }
ok "a chunk is there" until_true 120 moved 1
kill_house
ok "the house that sends was killed in the middle" test "$(sql "$house" "select count(*) from parcels where result is null")" = 1
ok "and opens again" open_here
ok "it goes on" until_true 120 moved 2
kill -9 "$far"; wait "$far" 2>/dev/null; far=""
ok "the house that receives was killed in the middle" test "$(sql "$house" "select count(*) from parcels where result is null")" = 1
ok "and opens again at the same address" open_other
ok "the line is free" here traffic uncap "$(here traffic caps | cut -d' ' -f1)"
sent() { ask GET "/parcels/$parcel" >parcel; [ "$(field .state <parcel)" = done ]; }
ok "all of it arrives" until_true 240 sent
# What is small may have been taken before the kills: of the last try only the large file is certain.
ok "with what was there not sent again" holds 'a.result.assets===2&&a.result.bytes>=40000000&&a.result.moved<=40003500-8388608' parcel
ask GET "/parcels/$parcel/receipt" >receipt.json
ok "the other house signed for it" says "genuine, signed with.*" 0 "$posthouse" receipt verify receipt.json --key "$(asked GET /receipts/key | field .key)"

# ---- what is there
far_project=$(asked GET /projects | field '.find(p=>p.name==="Reels").id')
asked GET "/projects/$far_project/assets" >assets
far_clip=$(field '.items.find(a=>a.name==="one.mov").id' <assets) far_paper=$(field '.items.find(a=>a.name==="two.txt").id' <assets)
ok "ids are the same" test "$far_clip $far_paper" = "$clip $paper"
asked GET "/projects/$far_project/folders" >folders
ok "in the same folders" holds 'a.map(f=>f.name).sort().join()==="Day 1,Papers"' folders
asked GET "/assets/$paper/versions" >versions
ok "with both versions in order" holds 'a.map(v=>v.number).sort().join()==="1,2"&&a.every(v=>/ \(at House A\)$/.test(v.by))' versions
ok "the file is the same" bash -c "$(declare -f there); posthouse=$posthouse other=$other; rm -rf out; there get Reels/'Day 1'/one.mov --out out && cmp out/one.mov one.mov"
asked GET "/assets/$clip/comments" >notes
ok "the notes came, with the reply and the drawing, by name" holds 'a.length===2&&a[0].by==="Anna Berg (at House A)"&&a[0].drawing.length===1&&a[0].frame===3&&a[1].parent===a[0].id&&a[1].text==="really"' notes
asked GET "/versions/$version/statuses" >statuses
ok "and the decision" holds 'a[0].status==="changes"&&a[0].by==="Anna Berg (at House A)"&&a[0].note==="see the note"' statuses
ok "nobody became an account there" test "$(sql "$other" "select count(*) from people where name like 'Anna%'")" = 0

# ---- again, and both ways
ok "sending again moves no media" here send Film --to B:Reels --json
cp "$work/said" again
ok "and makes nothing twice" holds 'a.result.moved===0&&a.result.versions===0&&a.result.notes===0&&a.result.files===0' again
noise 700 ours >ours.txt; noise 800 theirs >theirs.txt
ok "the other house writes a note" asked POST "/assets/$clip/comments" "{\"version\":\"$version\",\"frame\":3,\"parent\":\"$note\",\"text\":\"brighter now\"}"
ok "and a version" there put theirs.txt --version-of "$paper" --project Reels
ok "this one makes a version too" put ours.txt --version-of "$paper"
ok "what is theirs is fetched" here fetch Reels/"Day 1" --from B --into Film --json
cp "$work/said" fetched
ok "one note and one version, which comes last" holds 'a.result.notes===1&&a.result.versions===1&&a.result.files===1&&a.result.renumbered[0]==="two.txt: version 3 is version 4 there"' fetched
ask GET "/assets/$clip/comments" >notes
ok "the note came home, by name" holds 'a.length===3&&a.filter(n=>/ \(at House B\)$/.test(n.by)).length===1&&a.filter(n=>n.by==="Anna Berg").length===2' notes
ok "ours goes there" here send Film/"Day 1/Papers/two.txt" --to B:Reels --json
cp "$work/said" third
ok "and is last there" holds 'a.result.assets===1&&a.result.versions===1&&a.result.moved===700&&a.result.renumbered.length===1' third
ok "both houses have four versions" test "$(ask GET "/assets/$paper/versions" | field .length) $(asked GET "/assets/$paper/versions" | field .length)" = "4 4"
# ---- what changed later counts in both
asked PATCH "/comments/$note" '{"resolved":true}' >/dev/null
ok "what is resolved there comes" here fetch Reels --from B --into Film
ok "resolved" test "$(ask GET "/assets/$clip/comments" | field ".find(n=>n.id==='$note').resolved")" = true
anna PATCH "/comments/$note" '{"resolved":false}' >/dev/null
anna DELETE "/comments/$reply" >/dev/null
folder=$(ask GET "/projects/$project/folders" | field ".find(f=>f.name==='Day 1').id")
ok "a folder and a clip are renamed, a decision is made" bash -c "$(declare -f ask); token=$token url=$url; ask PATCH /folders/$folder '{\"name\":\"First day\"}' && ask PATCH /assets/$clip '{\"name\":\"one final.mov\"}' && ask POST /versions/$version/statuses '{\"status\":\"approved\"}' >said"
ok "that goes there" here send Film --to B:Reels --json
cp "$work/said" changed
ok "as changes, and no bytes" holds 'a.result.moved===0&&a.result.renamed===1&&a.result.placed===0&&a.result.notes_gone===1&&a.result.notes_changed>=1&&a.result.decisions===1' changed
asked GET "/assets/$clip/comments" >notes
ok "the note is open again there, the reply is gone" holds "!a.find(n=>n.id===\"$note\").resolved&&!a.some(n=>n.id===\"$reply\")" notes
ok "the folder has its new name, and there is no second one" test "$(asked GET "/projects/$far_project/folders" | field '.map(f=>f.name).sort().join()')" = "First day,Papers"
ok "so has the clip" test "$(asked GET "/assets/$clip" | field .name)" = "one final.mov"
ok "and its decision counts" test "$(asked GET "/assets/$clip" | field .version.status)" = approved
asked PATCH "/assets/$clip" '{"name":"one graded.mov"}' >/dev/null
asked PATCH "/projects/$far_project" '{"name":"Reels of B"}' >/dev/null
ok "a project that was renamed there is found again" here send Film --to B:Reels
ok "a name that is later there stays" test "$(asked GET "/assets/$clip" | field .name) $(asked GET /projects | field .length)" = "one graded.mov 1"
ok "and comes home" bash -c "$(declare -f here); posthouse=$posthouse house=$house; here fetch 'Reels of B' --from B --into Film"
ok "by name" test "$(ask GET "/assets/$clip" | field .name)" = "one graded.mov"
asked PATCH "/projects/$far_project" '{"name":"Reels"}' >/dev/null

# ---- policies hold for other houses too
# Tokens that the command line makes count as made with a second factor: these are not any more.
without_factor() { sqlite3 "$1/house.db" "pragma busy_timeout = 60000; update tokens set factor = 0 where person in (select id from people where email = '$2')" >/dev/null; }
without_factor "$other" a@film.test; without_factor "$house" anna@film.test
asked PATCH "/projects/$far_project" '{"downloads_need":"factor"}' >/dev/null
ok "what needs a second factor there is not fetched without one" says "download" 3 here fetch Reels --from B --into Film
asked PATCH "/projects/$far_project" '{"downloads_need":"nothing"}' >/dev/null
ask PATCH "/projects/$project" '{"downloads_need":"factor"}' >/dev/null
there_id=$(ask GET /houses | field '.find(h=>h.name==="B").id')
ok "nor sent from here by who has none" test "$(anna POST "/projects/$project/parcels" "{\"house\":\"$there_id\",\"way\":\"out\"}" 2>/dev/null | field .kind)" = denied
ask PATCH "/projects/$project" '{"downloads_need":"nothing"}' >/dev/null
# ---- many small ones: together, and each known afterwards
mkdir -p leaves; for i in $(seq 250); do echo "leaf $i of ours" >"leaves/leaf $i.txt"; done; : >leaves/empty.txt
many=$(ask POST /projects '{"name":"Leaves"}' | field .id)
ok "251 small files come in" here put leaves --project Leaves
ok "and go there" here send Leaves --to B --json
cp "$work/said" leaves.json
ok "all of them" holds 'a.result.assets===251&&a.result.assets_made===251&&a.result.files===251' leaves.json
contents() { sql "$1" "select f.name, f.size, hex(f.content) from version_files f join versions v on v.id = f.version join assets a on a.id = v.asset join projects p on p.id = a.project where p.name = '$2' order by f.name"; }
ok "each as it is" test "$(contents "$house" Leaves)" = "$(contents "$other" Leaves)"
ok "to be read" bash -c "$(declare -f there); posthouse=$posthouse other=$other; rm -rf out; there get 'Leaves/leaves/leaf 7.txt' --out out && cmp 'out/leaf 7.txt' 'leaves/leaf 7.txt'"
leaf=$(ask GET "/projects/$many/assets?q=leaf%207&limit=1" | field '.items[0].id')
ask PATCH "/assets/$leaf" '{"name":"fallen.txt"}' >/dev/null
ok "a renamed one goes again" here send Leaves --to B --json
cp "$work/said" leaves.json
ok "and no other" holds 'a.result.assets===251&&a.result.renamed===1&&a.result.moved===0' leaves.json
ok "and is the only document that was taken" test "$(sql "$other" "select count(*) from parcel_takes where transfer = (select max(transfer) from parcel_takes)")" = 1
ask POST /projects '{"name":"Leaves again"}' >/dev/null
ok "they come home by other ways too" here fetch Leaves --from B --into "Leaves again" --json
cp "$work/said" leaves.json
ok "all of them, each as it is" bash -c "[ '$(contents "$house" Leaves)' = '$(contents "$house" "Leaves again")' ] && [ \$(wc -l <<<'$(contents "$house" "Leaves again")') = 251 ]"

ok "nothing more is to be fetched" here fetch Reels --from B --into Film --json
cp "$work/said" last
ok "and nothing is doubled" holds 'a.result.moved===0&&a.result.versions===0&&a.result.notes===0' last

# ---- two people bring the same card at the same time
mkdir -p twice/CARD; noise 9000000 clip >twice/CARD/a.mov; noise 9000000 clip >twice/CARD/b.mov; noise 4000 note >twice/CARD/c.txt
bring_as() { XDG_STATE_HOME=$work/state-$1 "$posthouse" put twice/CARD --project Film --folder "Twice/$3" --house "$url" --token-file "$2" >"$1.out" 2>&1; }
(bring_as anna anna.token One) & one=$!
(bring_as desk "$house/local.token" One) & two=$!
wait $one; first=$?
wait $two
ok "both are told that it is there" test "$first $?" = "0 0"
ok "and neither of anybody else" bash -c "! grep -i 'somebody' anna.out desk.out"

# ---- limits hold whatever the way
slower() { # slower MS COMMAND...: it takes at least so long
  local began=${EPOCHREALTIME/[.,]/}; "${@:2}" || return 1
  [ $((${EPOCHREALTIME/[.,]/} - began)) -ge $(($1 * 1000)) ]
}
noise 3000000 paced >paced.mov
ok "a put by TCP keeps its rate" slower 1000 put paced.mov --via tcp --rate 16
paced=$(ask GET "/projects/$project/assets?q=paced" | field '.items[0].id')
ok "so does a get" slower 1000 here get "$paced" --out paced --via tcp --rate 16
ok "the line is capped again" here traffic cap line --out 16M
ok "WebDAV keeps to it" slower 1000 curl -sS --fail -H "Authorization: Bearer $token" -o dav.mov "$url/dav/Film/paced.mov"
ok "and brings the file" cmp dav.mov paced.mov
kept() { ask GET /traffic/history >history; holds "a.some(m=>m.kind===\"house\"&&m.via===\"udp\")&&a.some(m=>m.kind===\"upload\"&&m.via!==\"udp\")" history; }
ok "the history says by which way each went" until_true 120 kept

# ---- rights
ok "an account that may not write there" bash -c "$(declare -f there here); posthouse=$posthouse other=$other house=$house; there user add r@film.test --name Reader && there user token r@film.test --scope read >said && grep -oE '[A-Za-z0-9_-]{43}' said | tail -1 >read.token && here house add Reader '$other_url' --their-token read.token --their-print $print"
ok "is refused with the reason" says "Reader: " 3 here send Film --to Reader:Nowhere
ok "a forgotten house is gone" bash -c "$(declare -f here); posthouse=$posthouse house=$house; here house forget Reader && ! here house test Reader"
ok "Ctrl-C closes it" close_house
finish
