#!/usr/bin/env bash
# What should not come in, comes at a bad time, or finds no room: said clearly, nothing lost, nothing half there, and the
# house goes on. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"

ok "the house opens" open_with_project
assets() { ask GET "/projects/$project/assets" | field .total; }

# ---- names
mkdir -p names/in && cd names/in || exit 1
echo good >"good name é.txt"; echo nl >"$(printf 'line\nend.txt')"; echo bad >"$(printf 'latin1-\xe9.txt')"; echo tab >"$(printf 'tab\there.txt')"
noise 2000000 >"$(printf 'big\nline.bin')"
cd ../..
ok "names that can not be kept are said with why and fix" says 'control character' 3 put names/in
ok "each of them is" bash -c '[ $(grep -c "can not be kept" heard) = 4 ] && grep -q "not valid UTF-8" heard && grep -q "fix: rename" heard'
ok "the others are in" says 'good name é.txt' 0 here ls Film/in
ok "and only they" test "$(here ls Film/in | wc -l)" = 1
transfer=$(ask POST "/projects/$project/transfers" '{"name":"raw","origin":"put"}' | field .id)
begin() { # begin PATH-AS-JSON [SIZE] [MORE]: the status
  curl -sS -o answer -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d "{\"path\":$1,\"size\":${2:-10}${3:-}}" "$url/api/v1/transfers/$transfer/files"
}
for path in '"../escape.mov"' '"a/../../b"' '"/etc/passwd"' '"a//b"' '"a/"' '"."' '""' '"line\nend"' "\"$(printf 'x%.0s' $(seq 256))\""; do
  ok "the house refuses the path ${path:0:20} itself" bash -c "[ $(begin "$path") = 422 ] && grep -q '\"fix\"' answer"
done
ok "nor one with a NUL" test "$(begin '"nul\u0000.mov"')" = 400
ok "it takes one of 255 bytes" test "$(begin "\"$(printf 'x%.0s' $(seq 255))\"")" = 200
ok "a size below nothing is refused" test "$(begin '"less"' -5)" = 422
ok "a size no disk has finds no room" test "$(begin '"huge"' 100000000000000)" = 507
ok "one that can not be is refused" test "$(begin '"absurd"' 9000000000000000000)" = 422

# ---- two at once
noise 120000000 >reel.bin
rm -rf "$XDG_STATE_HOME"
"$posthouse" put --house.folder="$house" reel.bin --project Film >one 2>&1 & one=$!
until_true 10 bash -c 'find "$XDG_STATE_HOME" -name put -size +0 | grep -q .' # it has the lock
kill -STOP $one
ok "the same put twice at once: the second is refused" says 'another put of the same' 3 put reel.bin
kill -CONT $one
ok "the first comes through" wait $one
noise 120000000 other >reel.bin
XDG_STATE_HOME=$work/elsewhere "$posthouse" put --house.folder="$house" reel.bin --project Film >one 2>&1 & one=$!
ok "the same file from two machines at once comes in twice" put reel.bin
ok "the other one too" wait $one
ok "both are whole" same_as "Film/reel (2).bin" reel.bin
ok "really" same_as "Film/reel (3).bin" reel.bin
begin '"shared.bin"' 20000000 ',"key":"one"' >/dev/null
file=$(field .id <answer)
head -c 8388608 reel.bin >chunk
curl -sS -o /dev/null -X PUT -H "Authorization: Bearer $token" -H "Chunk-Sha256: $(sha256sum <chunk | cut -d' ' -f1)" --data-binary @chunk "$url/api/v1/files/$file/chunks/0"
ok "into one place at once: the second is refused" test "$(begin '"shared.bin"' 20000000 ',"key":"two"')" = 409
ok "and told who is before it" grep -q 'somebody else is sending this file' answer
ok "the first goes on" test "$(begin '"shared.bin"' 20000000 ',"key":"one"')" = 200
ok "what came damaged is refused" test "$(curl -sS -o answer -w '%{http_code}' -X PUT -H "Authorization: Bearer $token" -H "Chunk-Sha256: $(echo x | sha256sum | cut -d' ' -f1)" --data-binary @chunk "$url/api/v1/files/$file/chunks/1")" = 422
ok "what is not complete can not be made a file" test "$(curl -sS -o answer -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "{\"content\":\"$(echo x | sha256sum | cut -d' ' -f1)\",\"chunks\":3}" "$url/api/v1/files/$file/commit")" = 409
ok "and what is missing is said" grep -q 'chunks are missing, the first is 1' answer

# ---- files that change, files that can not be read
noise 200000000 >growing.bin
(while [ ! -e grown ]; do echo more >>growing.bin; sleep 0.02; done) & growing=$!
before=$(assets)
ok "a file that changes while it is sent is noticed" says 'changed while it was sent' 3 put growing.bin
ok "the way out is said" grep -q 'fix: wait until nobody writes' heard
touch grown; wait $growing
ok "nothing of it is there" test "$(assets)" = "$before"
ok "when it rests it comes in" says '1 file, .* verified' 0 put growing.bin
ok "as it is now" same_as Film/growing.bin growing.bin
mkdir -p shut/in; echo 1 >shut/in/1.txt; mkfifo shut/in/pipe
ok "what is no file is left out and said" says 'left out: what is no file, 1' 0 put shut
ok "a folder without files is said" bash -c 'mkdir empty; "$0" put --house.folder="$1" empty --project Film 2>&1 | grep -q "no file to put"' "$posthouse" "$house"

# ---- damage at the house
noise 9000000 >rot.bin
ok "a file is there" put rot.bin
extent=$(find "$house/store/extents" -type f -size 9000000c)
ok "the house proves it" says 'every byte proven' 0 here check
dd if="$extent" of=was bs=1 skip=4000000 count=1 status=none
tr '\000-\377' '\001-\377\000' <was | dd of="$extent" bs=1 seek=4000000 conv=notrunc status=none
ok "rot is found, and where" says "damaged: $extent at 0" 1 here check --quick
ok "by its hash too" says 'not what was stored' 1 here check
ok "as JSON" bash -c '"$0" check --house.folder="$1" --json >found; [ $? = 1 ]' "$posthouse" "$house"
ok "with the place" holds 'a.damaged===1 && a.damage[0].what==="the bytes are not what was stored" && a.database_ok' found
ok "get does not take it for good" says 'not what the house says it is' 1 here get Film/rot.bin --out rotten
ok "nothing is there under its name" test ! -e rotten/rot.bin

# ---- a database that is not the store's
close_house
mv "$house/house.db" "$work/kept.db"; rm -f "$house"/house.db-*
ok "a lost database is not taken for a new house by check" says 'has lost its database' 3 here check
ok "nor by serve" says 'not of one house' 3 "$posthouse" serve --house.folder="$house" --port=0 --media.port=0
ok "the media is all there still" test -e "$extent"
rm -f "$house"/house.db*; mv "$work/kept.db" "$house/house.db"
dd if=was of="$extent" bs=1 seek=4000000 conv=notrunc status=none
ok "with the right one the house opens again" open_house
ok "and media comes out as before" same_as "Film/rot.bin" rot.bin
close_house

# ---- a full disk: a small one is mounted, where this machine lets us
cat >full.sh <<'EOS'
set -uo pipefail
. "$2/tests/story/house_lib.sh"; . "$2/tests/story/bring_lib.sh"
ok() { "${@:2}" >"$work/said" 2>&1 && echo "yes $1" || { echo "no $1"; cat "$work/said"; }; }
mkdir -p "$house/store" && mount -t tmpfs -o size=48m tmpfs "$house/store" || exit 9
ok "opens" open_with_project
mkdir two; noise 30000000 >two/a.bin; noise 30000000 b >two/b.bin; noise 60000000 >large.bin
ok "too large" says 'no room for these bytes' 3 put large.bin
ok "fix" grep -q 'fix: free space' heard
ok "two that fit one by one" says 'no room|is full' 3 put two
ok "no half" test "$(ask GET "/projects/$project/assets" | field '.items.every(a=>a.version.size===30000000)')" = true
ok "lives" test "$(curl -s -o /dev/null -w '%{http_code}' "$url/health/live")" = 200
ok "whole" says 'every byte proven' 0 here check
mount -o remount,size=200m "$house/store"
ok "goes on" says 'verified in the house' 0 put two
ok "b" same_as Film/two/b.bin two/b.bin
ok "a" same_as Film/two/a.bin two/a.bin
close_house
EOS
if unshare -rm bash full.sh "$posthouse" "$top" >full.out 2>&1; then
  ok "a file that does not fit is refused at once" grep -q 'yes too large' full.out
  ok "with the way out" grep -q 'yes fix' full.out
  ok "when the disk fills up the put stops and says so" grep -q 'yes two that fit' full.out
  ok "nothing half is there, and the house lives" bash -c 'grep -q "yes no half" full.out && grep -q "yes lives" full.out && grep -q "yes whole" full.out'
  ok "with more room it goes on" grep -q 'yes goes on' full.out
  ok "to what it should be" bash -c 'grep -q "yes a" full.out && grep -q "yes b" full.out'
  grep -q '^no ' full.out && sed 's/^/# /' full.out
else
  echo "# a full disk was not tried: this machine lets nobody mount"; sed 's/^/# /' full.out | tail -3
fi
finish
