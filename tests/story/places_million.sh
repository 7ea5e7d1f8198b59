#!/usr/bin/env bash
# A million files of a place: seen, listed, made assets and hashed, while people ask the house for things. The files are sparse.
# Figures are told as comments, also how far it came every minute. places_million.sh PROGRAM TOP [FILES]
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
count=${3:-1000000} each=500
same() { [ "$1" = "$2" ] || { echo "seen: $1"; echo "wanted: $2"; false; }; }
sql() { sqlite3 -readonly "$house/house.db" "$1"; }
say() { "$posthouse" "$@" --house.folder="$house"; }
place() { ask GET "/places/$id" | field "$1"; }
told=0
tell_rate() { # how many are hashed, and how many a second since the last time
  local now=$(($(date +%s%N) / 1000000)) is; is=$(sql "select hashed_files from places")
  [ $told = 0 ] || echo "# $(((now - began / 1000000) / 1000)) s: $(sql "select count(*) from place_versions") assets, $is hashed, $(((is - told_hashed) * 1000 / (now - told))) a second"
  told=$now told_hashed=$is
}
until_place() { # until_place SECONDS EXPRESSION: asked every half second, without end when the machine is slow
  local end=$(($(date +%s) + $1))
  local next=$(($(date +%s) + 60))
  until [ "$(ask GET "/places/$id" | node -e 'const r=JSON.parse(require("fs").readFileSync(0));console.log(eval(process.argv[1]))' "$2")" = true ]; do [ "$(date +%s)" -lt $end ] || return 1; [ "$(date +%s)" -lt $next ] || { tell_rate >&3; next=$(($(date +%s) + 60)); }; sleep 0.5; done
}
exec 3>&1
cd "$work" || exit 1
cat >make.mjs <<'END'
import fs from "node:fs";
const [top, count, each] = [process.argv[2], +process.argv[3], +process.argv[4]];
const at = new Date("2020-02-02T02:02:02Z");
for (let i = 0; i < count; i++) {
  const folder = `${top}/${String(Math.floor(i / each / 50)).padStart(3, "0")}/${String(Math.floor(i / each) % 50).padStart(2, "0")}`;
  if (i % each === 0) fs.mkdirSync(folder, { recursive: true });
  const fd = fs.openSync(`${folder}/A${String(i).padStart(7, "0")}C.mov`, "w");
  fs.ftruncateSync(fd, 1000 + (i % 977));
  fs.futimesSync(fd, at, at);
  fs.closeSync(fd);
}
END
cat >people.mjs <<'END'
// What people ask for meanwhile, one after the other; ends when the file "stop" is there, and says how long they waited.
import fs from "node:fs";
const [url, token, project] = process.argv.slice(2), took = [], head = { Authorization: `Bearer ${token}` };
let failed = 0;
while (!fs.existsSync("stop")) {
  for (const path of ["/projects", `/projects/${project}/assets?limit=100`, "/places"]) {
    const began = performance.now();
    const answer = await fetch(`${url}/api/v1${path}`, { headers: head });
    await answer.text();
    failed += answer.ok ? 0 : 1;
    took.push(performance.now() - began);
  }
  const began = performance.now(); // and something that is written
  const answer = await fetch(`${url}/api/v1/projects/${project}`, { method: "PATCH", headers: { ...head, "Content-Type": "application/json" }, body: JSON.stringify({ name: "Film" }) });
  await answer.text();
  failed += answer.ok ? 0 : 1;
  took.push(performance.now() - began);
  await new Promise((go) => setTimeout(go, 100));
}
took.sort((a, b) => a - b);
const part = (p) => took[Math.min(took.length - 1, Math.floor(took.length * p))].toFixed(0);
console.log(`${took.length} requests, ${failed} failed, median ${part(0.5)} ms, 95 of 100 within ${part(0.95)} ms, 99 of 100 within ${part(0.99)} ms, the slowest ${part(1)} ms`);
process.exit(failed ? 1 : 0);
END
ok "$count files are made" node make.mjs "$work/nas" "$count" $each
ok "the house opens" open_house --worker=off --places.roots="$work" --places.every=10s
project=$(ask POST /projects '{"name":"Film"}' | field .id)
node people.mjs "$url" "$token" "$project" >people.out 2>&1 & people=$!
began=$(date +%s%N)
ok "they are taken in place" say put --in-place "$work/nas" --to Film
id=$(sql "select id from places")
ok "all are seen, counted and listed" until_place 1800 "r.scanned&&r.files===$count"
echo "# seen after $((($(date +%s%N) - began) / 1000000)) ms; $(grep -o 'place.looked.*' serve.err | head -1)"
ok "with names, sizes and dates" same "$(say place files "$id" 000/07 --json | grep -c '"size": [0-9]')" $each
ok "all become assets" until_place 7200 "r.waiting===0"
echo "# assets after $((($(date +%s%N) - began) / 1000000000)) s"
ok "each of them" same "$(sql "select count(*) from assets")" "$count"
ok "all are hashed" until_place 7200 "r.hashed_files===$count"
took=$((($(date +%s%N) - began) / 1000000))
echo "# hashed after $((took / 1000)) s: $((count * 1000 / took)) files a second, from seen to hashed"
ok "none was left out" same "$(place .unread) $(sql "select count(*) from contents where unhashed = 1")" "0 0"
touch stop
ok "people were answered all the time" wait $people
echo "# people: $(cat people.out)"
echo "# the house: $(grep VmHWM "/proc/$server/status" | tr -s '\t ' ' '), state $(du -m "$house/house.db" | cut -f1) MB"
ok "a look at all of them finds nothing new" say place rescan "$id"
echo changed >nas/000/00/new.txt
ok "one that comes is seen" until_place 1800 "r.files===$((count + 1))"
ok "the house closes" close_house
finish
