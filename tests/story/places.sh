#!/usr/bin/env bash
# Media in place: a folder of a volume is taken as it lies, moved, changed, unmounted and back; names that are no UTF-8, links,
# what may not be read; kill -9; a copy into the house. Nothing of it is ever written to, and no other bytes are given.
# places.sh PROGRAM TOP
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
sql_is() { [ "$(sql "$1")" = "$2" ]; }
say() { "$posthouse" "$@" --house.folder="$house"; }
place() { ask GET "/places/$id" | field "$1"; }
place_is() { [ "$(place "$1")" = "$2" ]; }
asset() { ask GET "/projects/$project/assets?limit=1000" | field ".items.find(a=>a.name==='$1')$2"; }
asset_is() { [ "$(asset "$1" "$2")" = "$3" ]; }
get() { rm -rf "$work/out"; say get "$1" --out "$work/out"; }
fetch() { curl -sS -o "$work/fetched" -w '%{http_code}' -H "Authorization: Bearer $token" "$url/api/v1/versions/$1/files/1/bytes"; }
listed() { (cd "$nas" && find . -printf '%p %s %T@ %m\n' | sort && find . -type f -readable -exec sha256sum {} + | sort); }
cd "$work" || exit 1

nas=$work/volumes/nas
mkdir -p "$nas/Day 1/frames" "$nas/Day 2" "$nas/.snapshot" "$work/volumes/secret"
ffmpeg -v error -f lavfi -i testsrc2=s=64x36:r=25:d=0.48 -c:v mjpeg "$nas/Day 1/A001.mov" || exit 1
for n in 0001 0002 0003; do ffmpeg -v error -f lavfi -i "color=c=red:s=64x36" -frames:v 1 "$nas/Day 1/frames/sh.$n.png"; done
head -c 9000000 /dev/urandom >"$nas/Day 2/long.bin" # two chunks
cp "$nas/Day 2/long.bin" "$nas/.snapshot/long.bin"
echo "a note" >"$nas/Day 1/note.txt"
: >"$nas/Day 1/empty.txt"
odd=$(printf 'caf\351.txt')
echo "not UTF-8" >"$nas/Day 2/$odd"
echo "from tomorrow" >"$nas/Day 2/tomorrow.txt"
echo "out of reach" >"$work/volumes/secret/key.txt"
ln -s ../../secret/key.txt "$nas/Day 2/out.txt"
ln -s .. "$nas/Day 1/loop"
find "$nas" -type f -exec touch -d '2020-02-02 02:02:02' {} +
touch -d '2037-01-01' "$nas/Day 2/tomorrow.txt"
listed >before

ok "the house opens" open_house --worker.slots=2 --places.roots="$work/volumes" --places.every=1s
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ok "a folder outside of the roots is refused" bash -c "! '$posthouse' put --in-place /etc --project Film --house.folder='$house' 2>why && grep -q 'can not be a place' why && grep -q places.roots why"
ok "one that would show the house is refused" bash -c "! '$posthouse' put --in-place '$work' --project Film --house.folder='$house' 2>why && grep -q 'can not be a place' why"
ok "a folder is taken in place, looked at and hashed" say put --in-place "$nas" --to Film --wait
id=$(sql "select id from places")
ok "all its files are there, links and snapshots left out" same "$(place .files) $(place .hashed_files) $(place .links) $(place .waiting)" "9 9 2 0"
ok "it is in the list" grep -q "in place" <(say place)
ok "its files can be listed, folder by folder" bash -c "'$posthouse' place files '$id' 'Day 2' --house.folder='$house' >said2 && grep -q '9000000  2020-02-02 02:02  hashed   long.bin' said2"
ok "and again is refused" bash -c "! '$posthouse' put --in-place '$nas/Day 1' --project Film --house.folder='$house' 2>why && grep -q 'in place already' why"
ok "frames are one asset" same "$(asset 'sh.####.png' .version.file_count)" 3
ok "a name that is no UTF-8 is shown as far as it goes" same "$(asset $'caf\xef\xbf\xbd.txt' .version.size)" 10
ok "folders are the project's" same "$(ask GET "/projects/$project/folders" | field '.map(f=>f.name).sort().join()')" "Day 1,Day 2,frames"
ok "what lies in place is said with its asset" same "$(asset long.bin '.version.place.path') $(asset long.bin '.version.place.state') $(asset long.bin '.version.place.hashed')" "Day 2/long.bin here true"
film=$(asset A001.mov .id)
ok "a film in place becomes ready" until_true 120 state_is "$film" ready
ok "its proxies are in the store" test "$(asset A001.mov .version.derived.length)" -gt 3
ok "a sequence too" until_true 120 state_is "$(asset 'sh.####.png' .id)" ready
ok "get brings the bytes back, proven" bash -c "'$posthouse' get 'Film/Day 2/long.bin' --out out --house.folder='$house' && cmp out/long.bin '$nas/Day 2/long.bin'"
ok "and those of the odd name" same "$(fetch "$(asset $'caf\xef\xbf\xbd.txt' .version.id)"; cat fetched)" "200not UTF-8"
stored=$(sql "select coalesce(sum(c.length), 0) from chunks c join extents e on e.id = c.extent where e.kind <> 'place' and c.length > 5000000")
ok "nothing of the volume was copied" same "$stored" 0

# ---- moved, changed, gone
mkdir "$nas/Day 3"
mv "$nas/Day 1/A001.mov" "$nas/Day 3/B002.mov"
ok "a moved film is the same asset" until_true 120 asset_is B002.mov .id "$film"
ok "with its proxies, in the folder where it went" same "$(asset B002.mov .version.state) $(asset B002.mov .version.place.path) $(asset B002.mov .version.place.state)" "ready Day 3/B002.mov here"
was=$(asset note.txt .version.id)
echo "another note, longer" >"$nas/Day 1/note.txt"
ok "a changed file is a new version" until_true 120 asset_is note.txt .versions 2
ok "whose bytes are the new ones" same "$(fetch "$(asset note.txt .version.id)"; cat fetched)" "200another note, longer"
ok "those of the old one are gone, and that is said" same "$(fetch "$was"; grep -o 'these bytes are gone' fetched)" "404these bytes are gone"
touch "$nas/Day 2/long.bin"
ok "a file that was only touched is no new version" until_true 120 sql_is "select state || hashed from place_files where cast(name as text) = 'long.bin'" here1
ok "not one" same "$(asset long.bin .versions)" 1
mv "$nas/Day 2/tomorrow.txt" "$work/kept.txt"
ok "a file that is gone is offline, with since when" until_true 120 asset_is tomorrow.txt '.version.place.state' gone
ok "its bytes are asked for in vain, with what and why" same "$(fetch "$(asset tomorrow.txt .version.id)"; grep -o 'offline since 20.*last seen at 20' fetched | cut -c1-13)" "404offline since"
mv "$work/kept.txt" "$nas/Day 2/tomorrow.txt"
ok "and back as what it was" until_true 120 asset_is tomorrow.txt '.version.place.state' here

# ---- the volume goes, and leaves an empty mount point; a film on it was not looked at so far
ok "the house closes" close_house
ok "and opens without a worker" open_house --worker=off --places.roots="$work/volumes" --places.every=1s
ffmpeg -v error -f lavfi -i testsrc2=s=64x36:r=25:d=0.24 -c:v mjpeg -y "$work/C003.mov"
touch -d '2020-02-02 02:02:02' "$work/C003.mov"; mv "$work/C003.mov" "$nas/Day 2/C003.mov"
ok "a film comes, and waits" until_true 120 asset_is C003.mov .version.state probing
mv "$nas" "$work/away"; mkdir "$nas"
ok "an empty folder is a volume that is offline" until_true 120 place_is .state offline
ok "none of its files is taken for deleted" same "$(sql "select count(*) from place_files where state <> 'here'") $(place .gone)" "0 0"
ok "its assets say so" same "$(asset long.bin '.version.place.state')" offline
ok "the place says since when" grep -q "offline since 20.*last seen at 20.*is its volume mounted" <(say place show "$id")
ok "and what to do" grep -q "mount it again.*posthouse place move $id DIR" <(say place show "$id")
kill -9 "$server"; wait "$server" 2>/dev/null
ok "the house is killed and opens again" open_house --worker.slots=2 --places.roots="$work/volumes" --places.every=1s
ok "work that needs the volume fails, and says why" until_true 120 asset_is C003.mov .version.state failed
rmdir "$nas"; mv "$work/away" "$nas"
ok "the volume is back" until_true 120 place_is .state online
ok "and what failed meanwhile is done by itself" until_true 120 asset_is C003.mov .version.state ready
ok "with all its files" same "$(asset long.bin '.version.place.state') $(sql "select count(*) from place_files where state <> 'here'")" "here 0"

# ---- into the house, and without a server
ok "one is copied into the house" say place keep "Film/Day 2/long.bin"
ok "proven and whole" until_true 120 asset_is long.bin .version.place ""
mv "$nas/Day 2/long.bin" "$work/long.bin"
ok "and is read there when its file goes" until_true 120 sql_is "select count(*) from place_files where state = 'gone'" 1
ok "byte by byte" same "$(fetch "$(asset long.bin .version.id)"; cmp fetched "$work/long.bin" && echo same)" 200same
ok "a file of the same bytes shares nothing with the place" bring "$nas/Day 2/tomorrow.txt"
ok "and is in the store" sql_is "select count(*) from content_chunks k join chunks c on c.hash = k.hash join extents e on e.id = c.extent join version_files f on f.content = k.content where f.name = 'tomorrow.txt' and e.kind = 'place'" 0
ok "check finds nothing wrong" say check
ok "and says what lies elsewhere" grep -q "in place" <(say check)
ok "a backup says what it leaves out" grep -q "that lie in place" <("$posthouse" backup "$work/backup" --house.folder="$house")
mv "$work/long.bin" "$nas/Day 2/long.bin"
ok "plain files come back without a server" bash -c "'$posthouse' store export plain --house.folder='$house' && cmp 'plain/Film/Day 3/B002.mov' '$nas/Day 3/B002.mov'"
ok "the house closes" close_house

# ---- on another machine the volumes lie elsewhere
first=$house house=$work/again
mv volumes elsewhere
ok "a restore says which places are not there, and the way out" bash -c "'$posthouse' restore backup --house.folder='$house' >said2 && grep -q 'not on this machine: $nas (Film)' said2 && grep -q 'posthouse place move $id DIR' said2"
ok "what lies there is not exported, and that is said" bash -c "! '$posthouse' store export none --house.folder='$house' --store.reserve=0 >said2 2>&1 && grep -q 'left out: .*is not there' said2 && grep -q 'files left out' said2"
ok "the restored house opens" open_house --worker=off --places.roots="$work/elsewhere" --places.every=1s
ok "the place is offline: the setting does not name it" until_true 120 grep -q "none of the folders of the setting places.roots" <(say place show "$id")
ok "a folder that holds none of its files is refused" bash -c "! '$posthouse' place move '$id' elsewhere/secret --house.folder='$house' 2>why && grep -q 'does not look like this place' why"
ok "the place is told where it is" say place move "$id" elsewhere/nas
ok "and goes on there" until_true 120 place_is .state online
ok "with its bytes" bash -c "rm -rf out; '$posthouse' get 'Film/Day 1/note.txt' --out out --house.folder='$house' && cmp out/note.txt 'elsewhere/nas/Day 1/note.txt'"
ok "it closes" close_house
house=$first
mv elsewhere volumes

ok "the first opens again" open_house --worker.slots=1 --places.roots="$work/volumes" --places.every=1s
ok "a place can be forgotten" say place forget "$id"
ok "then it is not in the list" until_true 120 sql_is "select count(*) from places" 0
ok "its assets are among the deleted ones, what was copied stays" same "$(ask GET "/projects/$project/assets?limit=1000" | field '.items.map(a=>a.name).sort().join()')" "long.bin,tomorrow.txt"
rm "$nas/Day 2/C003.mov"; mv "$nas/Day 3/B002.mov" "$nas/Day 1/A001.mov"; rmdir "$nas/Day 3"; echo "a note" >"$nas/Day 1/note.txt"
touch -d '2020-02-02 02:02:02' "$nas/Day 1/note.txt" "$nas/Day 2/long.bin"
listed >after
ok "nothing on the volume was written to" diff <(grep -av '^\./\?\(Day .\)\? \|^\. ' before) <(grep -av '^\./\?\(Day .\)\? \|^\. ' after)
ok "the house closes" close_house
finish
