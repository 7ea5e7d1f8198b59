#!/usr/bin/env bash
# Media comes in and goes out through the real programs: whole, resumed, over a line that breaks, while the house is
# killed. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"

ok "the house opens" open_with_project

# ---- a card with all that cards and people have
mkdir -p "card/A001 Ünït/CLIP" && cd card/A001* || exit 1
noise 20000000 >CLIP/A001C001.bin
noise 8388608 >CLIP/exactly-a-chunk.bin
noise 1048576 >"just not small.bin"
: >empty.txt
for i in 1001 1002 1003 1005; do noise 30000 $i >"shot.$i.dpx"; done
for i in $(seq 300); do echo "note $i" >"note $i.txt"; done
echo quoted >"a \"quoted\" \\ name.txt"
long=$(printf 'ä%.0s' $(seq 126))txt # 255 bytes
echo long >"$long"
touch .DS_Store; ln -s ../../project link
cd "$work/day" || exit 1

ok "a folder is put" says '"closed": true' 0 put card/A001* --json
ok "all of it was sent" holds 'a.closed && a.failed.length===0 && a.sent_bytes===a.bytes && a.left_out===2' heard
ok "the journal of a put that is done goes" bash -c '! find "$XDG_STATE_HOME" -name put -type f | grep -q .'
ok "folders keep their structure" says 'A001C001.bin' 0 here ls "Film/A001 Ünït/CLIP"
ok "numbered pictures are one asset" says 'sequence +120 kB +shot.####.dpx' 0 here ls "Film/A001 Ünït"
ok "a file comes out verified" says 'verified' 0 here get "Film/A001 Ünït/CLIP/A001C001.bin" --out out
ok "it is the same" cmp card/A001*/CLIP/A001C001.bin out/A001C001.bin
ok "an empty one comes out" here get "Film/A001 Ünït/empty.txt" --out out
ok "one of 255 bytes comes out" here get "Film/A001 Ünït/$long" --out out
ok "it is the same too" cmp card/A001*/"$long" "out/$long"
ok "a sequence comes out as a folder" here get "Film/A001 Ünït/shot.####.dpx" --out out
ok "each of its pictures is the same" bash -c 'for n in 1001 1002 1003 1005; do cmp card/A001*/shot.$n.dpx out/shot/shot.$n.dpx || exit 1; done'
ok "times are kept" bash -c '[ $(stat -c %Y card/A001*/CLIP/A001C001.bin) = $(stat -c %Y out/A001C001.bin) ]'
ok "what is there and the same is left" says '20.0 MB of it was there already' 0 here get "Film/A001 Ünït/CLIP/A001C001.bin" --out out
echo other >out/A001C001.bin
ok "what is something else is not replaced" says 'there already, and is something else' 3 here get "Film/A001 Ünït/CLIP/A001C001.bin" --out out
ok "and is as it was" grep -q other out/A001C001.bin
ok "nothing half done is left" bash -c '! find out -name ".posthouse-*" | grep -q .'
ok "a file that the house has is not sent again" says '"closed": true' 0 put card/A001*/CLIP --json
ok "not one byte of its chunks" holds 'a.sent_bytes===0 && a.shared_bytes===28388608' heard
ok "a folder of the project can be named, and is made" says '1 file, 0 B' 0 put card/A001*/empty.txt --folder "Day 1/Sound"
ok "it is there" says 'empty.txt' 0 here ls "Film/Day 1/Sound"
ok "projects are listed" says 'Film' 0 here ls
ok "the house is whole" says 'every byte proven' 0 here check

# ---- lines that hold and break: of TCP, as UDP would go past them
cat >line.mjs <<'JS'
// line.mjs PORT MARK cut|hold: a line between put and house. `cut`: it breaks after 30 MB, is dead for two seconds, and
// breaks once more. `hold`: after 30 MB nothing more gets through until there is a file MARK.go, so that whatever is killed
// then is killed in the middle. MARK has the line's port; MARK.held says that it holds.
import net from "node:net";
import fs from "node:fs";
const [to, mark, kind] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
let cuts = 0, bytes = 0, dead = false;
const open = new Set(), held = [];
const holding = () => kind === "hold" && bytes > 30e6 && !fs.existsSync(mark + ".go");
const server = net.createServer((a) => {
  if (dead) return a.destroy();
  const b = net.connect(to, "127.0.0.1");
  open.add(a); open.add(b);
  a.on("data", (d) => {
    bytes += d.length;
    if (holding()) {
      a.pause(); held.push(() => { b.write(d); a.resume(); });
      fs.writeFileSync(mark + ".held", "");
      return;
    }
    if (!b.write(d)) { a.pause(); b.once("drain", () => a.resume()); }
    if (kind === "cut" && bytes > 30e6 * (cuts + 1) && cuts < 2) {
      cuts++; dead = true;
      for (const s of open) s.destroy();
      open.clear();
      setTimeout(() => { dead = false; }, 2000);
    }
  });
  b.on("data", (d) => { if (!a.write(d)) { b.pause(); a.once("drain", () => b.resume()); } });
  for (const [one, other] of [[a, b], [b, a]]) {
    one.on("error", () => {});
    one.on("close", () => { open.delete(one); other.destroy(); });
  }
});
setInterval(() => { if (held.length && !holding()) for (const go of held.splice(0)) go(); }, 50);
server.listen(0, "127.0.0.1", () => fs.writeFileSync(mark, String(server.address().port)));
process.on("SIGTERM", () => { fs.writeFileSync(mark + ".cuts", String(cuts)); process.exit(0); });
JS
over() { # over MARK KIND: a line to the house
  node line.mjs "$port" "$1" "$2" & line=$!
  until_true 10 test -s "$1"
}
by() { # by MARK COMMAND...: posthouse over that line
  env POSTHOUSE_URL="http://127.0.0.1:$(cat "$1")" POSTHOUSE_TOKEN="$token" "$posthouse" "${@:2}"
}

# ---- a put that is killed, and one whose house is killed
mkdir reels; noise 150000000 >reels/reel1.bin; noise 60000000 >reels/reel2.bin
over first hold
POSTHOUSE_URL="http://127.0.0.1:$(cat first)" POSTHOUSE_TOKEN="$token" "$posthouse" put reels --via tcp --project Film --json >said_first 2>&1 &
putting=$!
ok "a put is in the middle" until_true 30 test -e first.held
ok "and some of it has arrived" until_true 30 arrived 8388608
kill -9 $putting; wait $putting 2>/dev/null
touch first.go
ok "a put that was killed goes on where it stood" says '"closed": true' 0 by first put reels --via tcp --project Film --json
kill $line; wait $line 2>/dev/null
ok "what was there was not sent again" holds 'a.closed && a.shared_bytes>=8388608 && a.sent_bytes>=100000000 && a.sent_bytes+a.shared_bytes===a.bytes' heard
ok "what it came to is right" here get Film/reels/reel1.bin --out out
ok "byte for byte" cmp reels/reel1.bin out/reel1.bin

noise 150000000 again >reels/reel1.bin; noise 60000000 again >reels/reel2.bin
over second hold
POSTHOUSE_URL="http://127.0.0.1:$(cat second)" POSTHOUSE_TOKEN="$token" "$posthouse" put reels --via tcp --project Film --json >said_second 2>&1 &
putting=$!
ok "another is in the middle" until_true 30 test -e second.held
kill_house
touch second.go
sleep 1
ok "a house that was killed opens again" open_house --port="$port"
ok "the put goes on by itself" wait $putting
ok "and everything is there" holds 'a.closed && a.failed.length===0 && a.bytes===210000000' said_second
kill $line; wait $line 2>/dev/null
ok "byte for byte, too" same_as "Film/reels/reel1 (2).bin" reels/reel1.bin
ok "the house is whole after that" says 'every byte proven' 0 here check

# ---- a line that breaks
over line cut
noise 90000000 line >reels/reel3.bin
ok "a put over a line that breaks twice comes through" says '"closed": true' 0 by line put reels/reel3.bin --via tcp --project Film --json
ok "nothing failed" holds 'a.closed && a.failed.length===0 && a.bytes===90000000' heard
kill $line; wait $line 2>/dev/null
ok "it did break twice" grep -q 2 line.cuts
ok "byte for byte after that" same_as Film/reel3.bin reels/reel3.bin

# ---- a get that is killed
"$posthouse" get --house.folder="$house" Film/reel3.bin --out out3 >/dev/null 2>&1 & getting=$!
half() { [ "$(du -k --apparent-size out3/.posthouse-* 2>/dev/null | cut -f1)" ] && [ "$(du -k out3/.posthouse-* 2>/dev/null | cut -f1)" -gt 8000 ]; }
until_true 20 half
kill -9 $getting 2>/dev/null; wait $getting 2>/dev/null
if [ -e out3/reel3.bin ]; then echo "# the get was too quick to be killed"; rm out3/reel3.bin; fi
ok "a get that was killed goes on" here get Film/reel3.bin --out out3 --json
ok "it is the same, whenever it was killed" cmp reels/reel3.bin out3/reel3.bin
ok "and the hidden file is gone" bash -c '! ls out3/.posthouse-* 2>/dev/null'

# ---- without what is needed
ok "without a project put says what it needs" says 'say --project' 2 here put card
ok "an unknown project names those there are" says 'there are: Film' 3 here put card --project Flim
ok "a path that is not there is told" says 'there is no nothing' 3 put nothing
mkdir other && echo 1 >other/reel1.bin
ok "two of one name are told before anything is sent" says 'would be called' 2 put reels/reel1.bin other/reel1.bin
close_house
ok "without a house the way out is said" says 'no house to talk to|cannot reach' 3 "$posthouse" ls --house.folder="$house"
finish
