#!/usr/bin/env bash
# A backup of a house that people work in, and the house that is made of it. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
cd "$work" || exit 1
says() { # says PATTERN STATUS COMMAND...: ends with the status and says something like the pattern
  "${@:3}" >heard 2>&1
  local status=$?
  cat heard
  [[ $status =~ ^$2$ ]] && grep -qE -- "$1" heard
}
P() { "$posthouse" "$@" --house "$url" --token-file "$house/local.token" --project Reels; }
backup() { "$posthouse" backup "$work/safe" --house.folder="$house" --store.reserve=0 "$@"; }
restore() { "$posthouse" restore "$work/safe" --house.folder="$work/$1" "${@:2}"; }
whole() { "$posthouse" check --house.folder="$work/$1" --store.reserve=0; }
newest() { "$posthouse" restore "$work/safe" --list | tail -1 | cut -d" " -f1; }
take() { # take HOUSE_FOLDER NAME: the bytes of an asset as a running house gives them
  rm -rf taken; "$posthouse" get "Reels/$2" --out taken --house "$url" --token-file "$1/local.token" && cmp "taken/$2" "$2"
}

ok "a house opens" open_house --worker=off
ask POST /projects '{"name":"Reels"}' >made; project=$(field .id <made)
for n in 1 2 3; do head -c $((n * 9000000)) /dev/urandom >"reel $n.mov"; done
mkdir small; for n in $(seq 300); do echo "note $n" >small/note$n.txt; done
ok "films and small files are brought in" P put "reel 1.mov" "reel 2.mov" small
ask POST "/projects/$project/shares" '{}' >/dev/null 2>&1
# Of one name: two films with what lies beside them (the first has nothing), two sequences, a file and a folder.
for n in 1 2 3; do mkdir "of$n"; head -c $((n * 1000)) /dev/urandom >"of$n/same.mov"; for f in 1 2 3; do echo "$n $f" >"of$n/shot.000$f.dpx"; done; done
echo "second's" >of2/same.cdl; echo "third's" >of3/same.cdl; mkdir twin folder; echo in >twin/in.txt; cp of1/same.mov folder/twin
for n in 1 2 3; do ok "files of one name come, $n" P put of$n/*; done
ok "a file comes" P put folder/twin
ok "and a folder of its name" P put twin
ok "the file has another version, which is called like somebody else's frame" P put --version-of Reels/twin of3/shot.0002.dpx
# People work on: something is brought in, and renamed, all the time.
mkdir busy
(n=0; while [ -e busy ]; do n=$((n + 1)); head -c 3000000 /dev/urandom >"busy.$n.mov"; P put "busy.$n.mov" >/dev/null 2>&1; ask PATCH "/projects/$project" "{\"name\":\"Reels\"}" >/dev/null; done) &
busy=$!
ok "a backup is made while they work" says 'state and keys, .* of media' 0 backup
ok "its manifest and list are there, and nothing half made" bash -c '[ -s "safe/$1/manifest.json" ] && [ -s "safe/$1/bytes.list" ] && [ ! -e safe/.partial ]' _ "$(newest)"
ok "the key that secrets are sealed with is in it, who is logged in on this machine is not" bash -c '[ -s "safe/$1/seal.key" ] && [ ! -e "safe/$1/local.token" ]' _ "$(newest)"
"$posthouse" backup "$work/safe" --house.folder="$house" >/dev/null 2>&1 & killed=$!
until_true 20 test -e safe/.partial/house.db; kill -9 $killed; wait $killed 2>/dev/null
ok "one that is killed is none" bash -c '[ "$(ls safe | grep -c Z)" = 1 ] || [ -s "safe/$(ls safe | grep Z | tail -1)/manifest.json" ]'
ok "the next one clears up after it and copies only what is new" backup
rm -r busy; wait $busy
ok "the newest is restored beside the running house" says 'restored from' 0 restore again
ok "every byte of it is proven" says 'every byte proven' 0 whole again
ok "a second restore does not touch it" says 'already' 3 restore again
ok "Ctrl-C closes the first" close_house
first=$house house=$work/again
ok "the restored house opens" open_house --worker=off
ok "and gives back what was brought in" take "$house" "reel 2.mov"
ok "all small files are there" bash -c '[ "$(curl -s -H "Authorization: Bearer $1" "$2/api/v1/projects/$3/assets?limit=1000" | grep -o note[0-9]*.txt | sort -u | wc -l)" = 300 ]' _ "$token" "$url" "$project"
ok "it takes new films" P put "reel 3.mov"
ok "it closes" close_house
house=$first

ok "media comes back as plain files without a server" "$posthouse" store export out --house.folder="$house"
ok "as they were brought in, with their dates" bash -c 'cmp "out/Reels/reel 2.mov" "reel 2.mov" && [ "$(stat -c %Y "out/Reels/reel 2.mov")" = "$(stat -c %Y "reel 2.mov")" ] && diff -r small out/Reels/small'
of() { node -e 'const l=require("fs").readFileSync("out/posthouse-export.jsonl","utf8").trim().split("\n").map(l=>JSON.parse(l));for(const e of l.filter(e=>eval(process.argv[1])))console.log(e.path)' "$1"; } # of CONDITION: paths by the list
once() { for f in "${@:2}"; do [ "$(find out -type f -exec cmp -s {} "$f" \; -print | wc -l)" = "$1" ] || { echo "$f"; find out -type f | grep -v note; return 1; }; done; }
ok "what has one name comes out each under its own" once 1 of[12]/*.dpx of[23]/same.*
ok "what lies beside a film keeps its number, whatever the others have" bash -c 'for n in 2 3; do f=$(find out -name "same*.mov" -exec cmp -s {} of$n/same.mov \; -print); cmp of$n/same.cdl "${f%.mov}.cdl" || exit 1; done'
ok "the frames of a sequence stay together under their names" bash -c 'for n in 1 2 3; do [ -n "$(find out -name shot.0001.dpx -exec cmp -s {} of$n/shot.0001.dpx \; -printf "%h\n" | while read -r d; do cmp "$d/shot.0002.dpx" of$n/shot.0002.dpx && cmp "$d/shot.0003.dpx" of$n/shot.0003.dpx && echo "$d"; done)" ] || exit 1; done'
ok "a file and a folder, too" bash -c 'cmp twin/in.txt out/Reels/twin/in.txt && cmp of3/shot.0002.dpx "out/Reels/shot.0002 (2).dpx"'
ok "with all versions both are there" bash -c '"$1" store export every --all-versions --house.folder="$2" && cmp of3/shot.0002.dpx "every/Reels/shot.0002 (2).dpx" && cmp folder/twin "every/Reels/twin (v1)"' _ "$posthouse" "$house"
ok "the list says which is which" [ "$(of 'e.came_as==="same.mov"' | wc -l)" = 3 ]
find out -type f -printf '%p %s %T@\n' | grep -v export.jsonl | sort >lay
ok "again writes nothing again" says '([0-9,]+) files in out, \1 of them were there already' 0 "$posthouse" store export out --house.folder="$house"
ok "and all lies where it lay" bash -c 'find out -type f -printf "%p %s %T@\n" | grep -v export.jsonl | sort | diff lay -'
rm out/Reels/same.mov; echo "somebody's own" >"out/Reels/reel 1.mov"; mv "out/Reels/reel 2.mov" kept.mov; echo "somebody's" >"out/Reels/reel 2.mov"; grep -v '"reel 2.mov"' out/posthouse-export.jsonl >list; printf '{"path":"../x","own_fol' >>list; cp list out/posthouse-export.jsonl
ok "what was cut and spoiled comes again" "$posthouse" store export out --house.folder="$house"
ok "in its place; over what is in no list nothing is written" bash -c 'cmp of1/same.mov out/Reels/same.mov && cmp "reel 1.mov" "out/Reels/reel 1.mov" && grep -q somebody "out/Reels/reel 2.mov" && cmp kept.mov "out/Reels/reel 2 (2).mov"'

# Names that no house gives, and two projects of one name.
mkdir odd; cp "$house/house.db" "$house/seal.key" odd/; cp -r "$house/store" odd/store
sqlite3 odd/house.db "update version_files set name = '../../up' where name = 'note1.txt'; update version_files set name = '..' where name = 'note2.txt'; update version_files set name = 'a/b' where name = 'note3.txt';
  update version_files set name = char(10) || 'c' || char(127) where name = 'note4.txt'; update version_files set name = printf('%.*c', 400, 'y') || '.mov' where name in ('note5.txt', 'note6.txt'); update version_files set name = '.posthouse.part' where name = 'note7.txt';
  insert into projects (id, name, sequence_rate, created_ms, assets, bytes) select '00' || substr(id, 3), name, sequence_rate, created_ms, 0, 0 from projects limit 1; update assets set project = (select min(id) from projects), folder = '' where name = 'note8.txt'; update folders set name = '..' where name = 'twin'"
ok "whatever it is called all of it comes out, in the folder" "$posthouse" store export strange --house.folder="$work/odd"
ok "under names that a disk takes" bash -c 'for n in 1 2 3 4 5 6 7 8; do [ "$(find strange/Reels* -type f -exec cmp -s {} small/note$n.txt \; -print | wc -l)" = 1 ] || { echo $n; exit 1; }; done; [ -d strange/Reels/_ ] && cmp small/note8.txt "strange/Reels (2)/note8.txt" && [ ! -e up ] && [ "$(find strange -name "yyy* (2).mov" | wc -l)" = 1 ]'
ok "a backup of the state alone names the bytes it needs" says 'bytes.list' 0 backup --state-only
ok "of which the store has every one" bash -c '[ -s "safe/$2/bytes.list" ] && while read -r size name; do [ -e "$1/store/$name" ] || exit 1; done <"safe/$2/bytes.list"' _ "$house" "$(newest)"
ok "it is restored with the store's own bytes" says 'restored' 0 restore third --store "$house/store"
ok "and is whole" says 'every byte proven' 0 whole third
ok "without any it says what is missing" says 'was not in the backup' 0 restore fourth

extent=$(find "$house/store/extents" -type f | head -1)
printf 'x' | dd of="$extent" bs=1 seek=70000 conv=notrunc status=none
rm -r safe/store
ok "what has rotted is told and left out, the rest is backed up" says 'not what was stored|could not be backed up' 1 backup
ok "older backups go, and the bytes only they need" backup --keep 1 --state-only
ok "one is left" test "$(ls safe | grep -c Z)" = 1
printf 'x' | dd of="safe/$(newest)/house.db" bs=1 seek=5000 conv=notrunc status=none
ok "a database that was changed since is refused" says 'not what was backed up' 3 restore fifth
ok "and is no house" test ! -e fifth/house.db
mkdir -p old/migrations; cp "$top"/data/migrations/*.sql old/migrations; rm "$(ls old/migrations/*.sql | tail -1)"
tampered=$(newest)
POSTHOUSE_TEST_CLOCK_MS=-86400000 backup >/dev/null 2>&1
ok "the newest is the one made last, also when the clock was set back a day" bash -c '[[ "$1" < "$2" ]]' _ "$(newest)" "$tampered"
ok "a backup of a newer program is refused by an older one" says 'newer Posthouse' 3 restore sixth --data.folder="$work/old"
ok "and by this one it is not" says 'restored' '[01]' restore sixth
ok "a backup inside the house is refused" says 'inside the house' 2 "$posthouse" backup "$house/safe" --house.folder="$house"
mkdir full; mount -t tmpfs -o size=4m none full 2>/dev/null && {
  ok "a full disk is said, and nothing half is there" says 'No space|full' 3 "$posthouse" backup "$work/full" --house.folder="$house"
  ok "in what it leaves" bash -c '! ls full | grep -q Z'
  umount full
} || echo "ok $((number += 1)) # SKIP nothing can be mounted here: a full disk is not tried"
finish
