#!/usr/bin/env bash
# Two folders and a house kept the same: changes on all sides, conflicts, kills, a house that is away. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
syncers=()
stop_syncers() { for pid in "${syncers[@]+"${syncers[@]}"}"; do kill -9 "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done; syncers=(); }
trap 'stop_syncers; clean' EXIT
# Two people's machines: a folder of state each.
start() { # start NAME [OPTION...]: becomes the syncer of a folder; in a subshell
  export XDG_STATE_HOME=$work/state-$1 USER=$1
  exec "$posthouse" sync "$work/$1" "${@:2}" --house "$url" --token-file "$house/local.token" --quiet 0
}
once() { (start "$1" --once "${@:2}"); } # once NAME [OPTION...]
run_on() { (start "$1" --scan-every 5 2>>"$work/$1.err") & syncers+=($!); }
list_of() { # names (folders end in /) and the bytes of files, without what is not kept
  (cd "$work/$1" && find . -mindepth 1 \( -name '.*' -prune \) -o -type d -printf '%P/\n' -o -type f ! -name '*.prlock' ! -name '*.pek' -printf '%P\n' | sort | while read -r f; do
    case $f in */) echo "$f" ;; *) [ -f "$f" ] && md5sum "$f" || echo "$f" ;; esac; done)
}
equal() { diff <(list_of ann) <(list_of ben); }
both() { once ann && once ben && once ann && equal; }

ok "the house opens" open_with_project --worker=off
mkdir -p "$work/ann" "$work/ben"
a=$work/ann b=$work/ben
mkdir -p "$a/Edit/bins" "$a/empty"; : >"$a/nothing.txt"; cp /etc/hosts "$a/twin 1"; cp /etc/hosts "$a/twin 2"
printf 'cut 1' >"$a/Edit/cut.prproj"; noise 9000000 >"$a/Edit/take.wav"; noise 300000 >"$a/Edit/bins/a.avb"
printf 'ann' >"$a/Edit/cut.prlock"; printf x >"$a/.DS_Store"; printf 'peaks' >"$a/Edit/take.pek"; ln -s /etc/hosts "$a/link"
touch -d '2024-05-06 07:08:09' "$a/Edit/take.wav"

ok "a folder is brought into the house" once ann --with Film/Cutting
ok "and out of it, at another desk" once ben --with Film/Cutting
ok "with empty folders" test -d "$b/empty"
ok "and empty files" test -f "$b/nothing.txt" -a ! -s "$b/nothing.txt"
ok "both are the same" bash -c "cmp '$a/Edit/take.wav' '$b/Edit/take.wav' && cmp '$a/Edit/cut.prproj' '$b/Edit/cut.prproj' && cmp '$a/Edit/bins/a.avb' '$b/Edit/bins/a.avb'"
ok "times stay" test "$(stat -c %Y "$b/Edit/take.wav")" = "$(stat -c %Y "$a/Edit/take.wav")"
ok "lock files, peaks and links are left out" bash -c "! find '$b' | grep -E 'prlock|pek|link|DS_Store'"
ok "a link is said" says 'note: link: a symbolic link' 0 once ann
once ann --json >said.json
ok "the same again does nothing" holds 'a.equal && a.sent===0 && a.fetched===0 && a.paths===9' said.json
ok "what is left out is counted, with its reason and first names" holds 'a.left_count===4&&a.left.map(l=>l.count).join()==="2,1,1"&&a.left[0].first.sort().join()===".DS_Store,Edit/cut.prlock"&&a.left[1].first[0]==="Edit/take.pek"&&/symbolic/.test(a.left[2].why)' said.json
ok "and nobody is told that all is equal" says 'both sides are equal, without what is left out' 0 once ann
ok "but how much is not kept" grep -q 'note: 4 left out: 2 hidden, lock or temporary names .*; 1 by patterns .*; 1 symbolic links (link)' heard

printf 'cut 2' >"$b/Edit/cut.prproj"
mv "$a/Edit/bins" "$a/Edit/Bins of day 1"; rm -r "$a/empty"; mkdir "$a/Ton"; mv "$a/Edit/take.wav" "$a/Ton/take 1.wav"
once ann --json >said.json
ok "what is moved is moved: no bytes go" holds 'a.equal && a.sent===0 && a.moved===2' said.json
once ben --json >said.json
ok "and there too; what was saved there goes to the house" holds 'a.equal && a.fetched===0 && a.moved===2 && a.sent===1' said.json
ok "then both are equal again" both

mkdir -p "$a/days"; for i in $(seq 30); do mkdir "$a/days/$i"; echo same >"$a/days/$i/one.txt"; echo "note $i" >"$a/days/$i/two.txt"; done
ok "thirty folders" both
mv "$a/days/7" "$a/days/seventh"; mkdir "$a/days/new"; mv "$a/days/8" "$a/days/new/eighth"
once ann --json >said.json
ok "a renamed folder is one move, whatever lies in it" holds 'a.equal && a.sent===0 && a.moved===2 && a.listed<=6' said.json
once ben --json >said.json
ok "and so at the other desk, where only what changed is listed" holds 'a.equal && a.fetched===0 && a.moved===2 && a.listed<=8' said.json
ok "both are as one" equal
# A sequence is one asset of the house; its frames are files here.
mkdir "$work/shot"; for i in 1 2 3; do echo "frame $i" >"$work/shot/s.000$i.exr"; done
ok "a sequence comes into the house" "$posthouse" put "$work/shot" --project Film --folder Cutting --house "$url" --token-file "$house/local.token"
ok "and to both desks" both
shot=$(dirname "$(cd "$a" && find . -name s.0001.exr)")
ok "as its frames" test "$(cat "$b/$shot/s.0003.exr")" = "frame 3"
echo "frame 4" >"$a/$shot/s.0004.exr"; echo "frame 2 again" >"$a/$shot/s.0002.exr"; rm "$a/$shot/s.0001.exr"
ok "one frame is added, one changed, one deleted" both
ok "and so at the other desk" test "$(cd "$b/$shot" && cat s.*)" = "$(printf 'frame 2 again\nframe 3\nframe 4')"
ok "it is still one asset" test "$(ask GET "/projects/$project/assets?kind=sequence" | field .total)" = 1
rm -r "$b/$shot"
ok "a whole sequence goes" both
ok "everywhere" test ! -e "$a/$shot"
ask PATCH "/projects/$project" '{"name":"Feature"}' >/dev/null
echo more >"$a/days/1/three.txt"
ok "a project that is renamed in the house is the same folder" both
ask PATCH "/projects/$project" '{"name":"Film"}' >/dev/null
rm -r "$a/days"; once ann --allow-deletes >/dev/null 2>&1
ok "folders go" once ben --allow-deletes
ok "the project has a history" test "$(ask GET "/projects/$project/assets?q=cut" | field .items[0].versions)" = 2

printf 'from ann' >"$a/Edit/cut.prproj"; printf 'from ben' >"$b/Edit/cut.prproj"
once ann >/dev/null 2>&1
ok "both have changed it: both stay" says 'conflict: Edit/cut.prproj was changed here and in the house' 0 once ben
ok "everywhere" both
ok "the house's under its name, the other one beside it" bash -c "[ \"\$(cat '$a/Edit/cut.prproj')\" = 'from ann' ] && [ \"\$(cat '$a'/Edit/*conflict*ben*.prproj)\" = 'from ben' ]"

rm "$a/Ton/take 1.wav"; printf 'better' >"$b/Ton/take 1.wav"
ok "a change wins over a deletion" both
ok "so it is there" test "$(cat "$a/Ton/take 1.wav")" = better
rm "$b"/Edit/*conflict*
ok "a deletion goes round" both
ok "and what it took is in the trash of the other" bash -c "[ \"\$(cat '$a'/.posthouse-trash/*/Edit/*conflict*)\" = 'from ben' ]"

mkdir "$a/many"; for i in $(seq 60); do echo "$i" >"$a/many/note $i.txt"; done
ok "sixty files" both
rm -r "$b/many"
ok "that all are gone at once is asked about" says 'would be deleted' 1 once ben
ok "and nothing was deleted" bash -c "[ \$(ls '$a/many' | wc -l) = 60 ]"
ok "until it is allowed" once ben --allow-deletes
ok "everywhere" bash -c "[ -e '$a/many' ]"
once ann >/dev/null 2>&1
ok "or not" bash -c "[ \$(ls '$a/many' | wc -l) = 60 ]"
once ann --allow-deletes >/dev/null 2>&1
ok "when the other side allows it too" equal
mv "$a/.posthouse-sync" "$work/marker"; mv "$a" "$work/real"; mkdir "$a"
ok "a disk that is not mounted is not taken for an empty folder" says 'may not be mounted' 3 once ann
rmdir "$a"; mv "$work/real" "$a"; mv "$work/marker" "$a/.posthouse-sync"

printf 'decomposed' >"$a/$(printf 'Caf\145\314\201.txt')"; printf 'one' >"$a/Same.txt"; printf 'two' >"$a/same.txt"; printf bad >"$a/$(printf 'bad\377name')"
ok "names that differ in case only, or are not UTF-8, are said" says 'another spelling' 0 once ann
ok "the one that is not kept is counted" grep -q 'names that another differs from only in case or accents ([Ss]ame.txt)' heard
ok "and not lost" bash -c "[ \"\$(cat '$a/Same.txt')\$(cat '$a/same.txt')\" = onetwo ] && grep -q 'not UTF-8' heard"
once ben >/dev/null 2>&1
ok "decomposed letters are the same name" test "$(cat "$b/$(printf 'Caf\303\251.txt')")" = decomposed
rm -f "$a"/Caf* "$a/same.txt" "$a/Same.txt" "$a"/bad* "$b/Same.txt" "$b/same.txt"
echo '*.wip' >"$a/.posthouse-ignore"; echo keep >"$b/scene.wip"
once ben >/dev/null 2>&1
once ann >/dev/null 2>&1
ok "what is left out here is left out" test ! -e "$a/scene.wip"
echo 'twin*' >>"$a/.posthouse-ignore"; once ann >/dev/null 2>&1; once ben >/dev/null 2>&1
ok "a pattern that leaves out what was synced deletes nothing" bash -c "[ -e '$a/twin 1' ] && [ -e '$b/twin 2' ]"
mv "$a/twin 1" "$work/twin"; ln -s "$work/twin" "$a/twin 1"; rm "$a/.posthouse-ignore"; once ann >/dev/null 2>&1; once ben >/dev/null 2>&1
ok "nor does a link in a file's place" test -e "$b/twin 1"
rm "$a/twin 1"; mv "$work/twin" "$a/twin 1"; rm "$b/scene.wip"
ok "both are equal" both

# ---- as they run on
run_on ann; run_on ben
status_is() { [ "$(XDG_STATE_HOME=$work/state-$1 "$posthouse" sync status --json | field '[0].state')" = "$2" ]; }
ok "they run" until_true 90 bash -c "grep -q 'are kept the same' '$work/ann.err' && grep -q 'are kept the same' '$work/ben.err'"
ok "what is left out stands in the log" until_true 90 grep -q 'posthouse: .* left out: .*hidden, lock or temporary names' "$work/ann.err"
left_said() { XDG_STATE_HOME=$work/state-ann "$posthouse" sync status "$a" >left.said && grep -q 'left out: 2 hidden, lock or temporary names: .*DS_Store' left.said; }
ok "and with the state" until_true 90 left_said
printf 'live' >"$a/Edit/live.edl"
ok "what is saved here is there" until_true 90 cmp "$a/Edit/live.edl" "$b/Edit/live.edl"
mv "$b/Edit/live.edl" "$b/lived.edl"
ok "what is renamed there is so here" until_true 90 bash -c "[ -e '$a/lived.edl' ] && [ ! -e '$a/Edit/live.edl' ]"
ok "the state is said" until_true 90 status_is ann equal
kill_house
printf 'while away' >"$a/away.txt"
ok "the house is away: that is said" until_true 90 status_is ann offline
ok "it comes back" open_house --worker=off --port="$port"
ok "and all goes on" until_true 90 cmp "$a/away.txt" "$b/away.txt"
XDG_STATE_HOME=$work/state-ben "$posthouse" sync pause "$b" >/dev/null
ok "a pause" until_true 90 status_is ben paused
stop_syncers
XDG_STATE_HOME=$work/state-ben "$posthouse" sync resume "$b" >/dev/null

# ---- a day by dice: the same each time for one seed. Both sides save, rename and delete; syncers are killed.
rounds=4; [ "${POSTHOUSE_TEST_SIZE:-}" = long ] && rounds=60
RANDOM=20261127 serial=0
noise 1500000 >"$work/noise"
: >"$work/saved" >"$work/undone" # what syncers found; what people themselves wrote over or removed
undo() { [ -e "$1" ] && { cat "$1"; echo; } >>"$work/undone"; return 0; }
dice() { # one change in the folder
  local dir=$1 f=$1/day/f$((RANDOM % 8)).txt r=$1/day/r$((RANDOM % 8)).txt
  mkdir -p "$dir/day"
  case $((RANDOM % 6)) in
    0 | 1 | 2) undo "$f"; serial=$((serial + 1)); printf '%s' "text $serial of $(basename "$dir")" >"$f.tmp"; mv "$f.tmp" "$f" ;;
    3) [ -e "$f" ] && { undo "$r"; mv "$f" "$r"; } ;;
    4) undo "$r"; rm -f "$r" ;;
    5) { cat "$work/noise"; echo $RANDOM; } >"$dir/day/big.bin" ;;
  esac
  return 0
}
for ((round = 0; round < rounds; round++)); do
  for ((i = 0; i < 5; i++)); do dice "$a"; dice "$b"; done
  for f in "$a"/day/*.txt "$b"/day/*.txt; do { cat "$f"; echo; } >>"$work/saved"; done
  (start ann --once --allow-deletes >/dev/null 2>&1) & one=$!
  (start ben --once --allow-deletes >/dev/null 2>&1) & two=$!
  sleep "0.$((RANDOM % 7))" # no wait for anything: where the kill falls is chance
  ((RANDOM % 2)) && kill -9 $one
  ((RANDOM % 2)) && kill -9 $two
  wait $one $two 2>/dev/null
done 2>/dev/null
together() { for i in 1 2 3 4 5; do once ann --allow-deletes; once ben --allow-deletes; equal >/dev/null && return; done; equal; }
ok "after a day by dice, with kills, both are equal" together
cat >history.mjs <<'JS'
// Which of the saved texts are in neither folder, nor a trash, nor the house's history, though nobody undid them?
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, existsSync } from "node:fs";
const [, , url, token, project, work] = process.argv;
const ask = async (path) => (await fetch(url + "/api/v1" + path, { headers: { Authorization: "Bearer " + token } })).json();
const sha = (bytes) => createHash("sha256").update(bytes).digest();
const lines = (name) => readFileSync(work + "/" + name, "utf8").split("\n").filter(Boolean);
const there = new Set();
const walk = (folder) => {
  if (existsSync(folder)) for (const e of readdirSync(folder, { withFileTypes: true }))
    e.isDirectory() ? walk(folder + "/" + e.name) : there.add(sha(sha(readFileSync(folder + "/" + e.name))).toString("hex"));
};
walk(work + "/ann"); walk(work + "/ben");
for (const deleted of ["", "&deleted=true"])
  for (const a of (await ask(`/projects/${project}/assets?limit=1000${deleted}`)).items)
    for (const v of await ask(`/assets/${a.id}/versions`))
      for (const f of (await ask(`/versions/${v.id}/files`)).items) there.add(f.content);
const undone = new Set(lines("undone"));
const saved = [...new Set(lines("saved"))].filter((t) => !undone.has(t));
const lost = saved.filter((t) => !there.has(sha(sha(t)).toString("hex")));
console.log(`${saved.length} texts, lost: ${lost.join(", ")}`);
process.exit(saved.length > 5 && !lost.length ? 0 : 1);
JS
ok "and no text that was saved is lost" node history.mjs "$url" "$token" "$project" "$work"
ok "forgetting one" bash -c "XDG_STATE_HOME='$work/state-ben' '$posthouse' sync forget '$b' && [ ! -e '$b/.posthouse-sync' ] && [ -e '$b/day' ]"
ok "which can begin anew" once ben --with Film/Cutting
ok "and changes nothing" equal
close_house >/dev/null
ok "the house proves it" says 'every byte proven' 0 here check
finish
