#!/usr/bin/env bash
# A project as a folder of this machine: what programs do with files, a line that is cut, a house that comes back. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
. "$top/tests/story/doors_lib.sh"
mounted=""
unmount() { [ -n "$mounted" ] && { fusermount3 -u -z "$work/m" 2>/dev/null; kill "$mounted" 2>/dev/null; wait "$mounted" 2>/dev/null; }; mounted=""; }
trap 'unmount; clean' EXIT
mount_it() { # mount_it OPTION...: returns when it is there
  mkdir -p "$work/m"
  : >"$work/mount.err" # what an earlier one has said is not of this one
  "$posthouse" mount "$work/m" --house.folder="$house" --project Film --mount.cache.folder="$work/cache" "$@" 2>"$work/mount.err" &
  mounted=$!
  until_true 60 settled && grep -q 'is there;' "$work/mount.err"
}
settled() { grep -q 'is there;' "$work/mount.err" || ! kill -0 "$mounted" 2>/dev/null; }

ok "the house opens" open_with_project --worker=off
if ! mount_it; then
  # In many containers nothing can be mounted; that is said, and nothing else is looked at.
  grep -q 'FUSE said so' "$work/mount.err" || cat "$work/mount.err" >&2
  unmount
  echo "ok 2 a folder can not be mounted here # SKIP $(tail -1 "$work/mount.err")"
  echo "1..2"
  exit 0
fi
m=$work/m
noise 20000000 >clip.mov; noise 3000000 >other.mov

# ---- reading
here put clip.mov --project Film --folder "Day 1" >/dev/null 2>&1
ok "what is in the house is there" until_true 60 test -f "$m/Day 1/clip.mov"
ok "with its size" test "$(stat -c %s "$m/Day 1/clip.mov")" = 20000000
ok "limits of the line and the project" caps_on
ok "and its bytes, which count against both" counts out 20000000 cmp "$m/Day 1/clip.mov" clip.mov
ok "some of the middle" bash -c "cmp <(tail -c +12345679 '$m/Day 1/clip.mov' | head -c 1000) <(tail -c +12345679 clip.mov | head -c 1000)"
ok "four readers at once" bash -c "for i in 1 2 3 4; do cmp '$m/Day 1/clip.mov' clip.mov || echo bad >bad & done; wait; [ ! -e bad ]"

# ---- writing
ok "what is copied in counts against them too" counts in 3000000 cp -p other.mov "$m/Day 1/other.mov"
ok "is an asset, the same, when the copying is over" same_as "Film/Day 1/other.mov" other.mov
ok "with its time" test "$(stat -c %Y "$m/Day 1/other.mov")" = "$(stat -c %Y other.mov)"
before=$(assets)
printf one >"$m/cut.prproj"
printf 'ann@desk' >"$m/cut.prlock"; printf lock >"$m/Bin.lck"
ok "lock files are there" bash -c "[ \"\$(cat '$m/cut.prlock')\" = ann@desk ] && [ \"\$(cat '$m/Bin.lck')\" = lock ]"
ok "and are no assets" test "$(assets)" = $((before + 1))
printf two >"$m/cut.prproj.tmp42"; mv "$m/cut.prproj.tmp42" "$m/cut.prproj"
printf three >"$m/.cut.prproj.swap"; mv "$m/.cut.prproj.swap" "$m/cut.prproj"
ok "saved beside and renamed over it is the new one" bash -c "[ \"\$(cat '$m/cut.prproj')\" = three ]"
ok "and one asset with a history" test "$(versions cut)" = 3
printf four >"$m/cut.prproj"
ok "written over it has one more" test "$(versions cut)" = 4
rm "$m/cut.prlock" "$m/Bin.lck"
ok "lock files go" bash -c "! ls -A '$m' | grep -E 'lock|lck'"
cp clip.mov whole.mov
printf 'moov' | dd of=whole.mov bs=1 seek=36 conv=notrunc 2>/dev/null
ok "who writes and then comes back to the head, as recorders do" bash -c "cp clip.mov '$m/rec.mov' && printf moov | dd of='$m/rec.mov' bs=1 seek=36 conv=notrunc 2>/dev/null && cmp '$m/rec.mov' whole.mov"
cat >twice.mjs <<'JS'
import { openSync, writeSync, readFileSync, closeSync, fsyncSync } from "node:fs";
const [, , from, to] = process.argv, all = readFileSync(from), fd = openSync(to, "w+");
for (let at = 0; at < all.length; at += 1 << 20) writeSync(fd, all, at, Math.min(1 << 20, all.length - at), at);
writeSync(fd, "moov", 36);
fsyncSync(fd);
closeSync(fd);
JS
ok "in one go too" bash -c "node twice.mjs clip.mov '$m/rec2.mov' && cmp '$m/rec2.mov' whole.mov"
ok "it is the same in the house" same_as Film/rec2.mov whole.mov
ok "what is added is added" bash -c "printf abc >'$m/log.txt' && printf def >>'$m/log.txt' && [ \"\$(cat '$m/log.txt')\" = abcdef ]"
ok "what is cut is cut" bash -c "truncate -s 2 '$m/log.txt' && [ \"\$(cat '$m/log.txt')\" = ab ]"
ok "folders are made, renamed, removed" bash -c "mkdir '$m/A' && mkdir '$m/A/B' && mv '$m/A/B' '$m/C' && rmdir '$m/A' && ls '$m' | grep -q '^C$'"
ok "a folder with something in it stays" bash -c "cp other.mov '$m/C/' && ! rmdir '$m/C' 2>/dev/null && rm '$m/C/other.mov' && rmdir '$m/C'"
mkdir -p tree/a/b; printf 1 >tree/a/one.txt; cp other.mov tree/a/b/; for i in 1 2 3; do printf "$i" >"tree/a/b/f.000$i.exr"; done
ok "rsync brings a folder in" rsync -rt tree/ "$m/tree/"
ok "and finds it the same" bash -c "[ -z \"\$(rsync -rtnci tree/ '$m/tree/' | grep -v '/\$')\" ]"
ok "rm takes it away" rm -r "$m/tree"
ok "a name in another case is the same file" bash -c "cmp '$m/day 1/CLIP.mov' clip.mov"

# ---- the cache is bounded
unmount
ok "with a cache smaller than the file" mount_it --mount.cache=16MiB
ok "it is read all the same" bash -c "cmp '$m/Day 1/clip.mov' clip.mov && cmp '$m/Day 1/clip.mov' clip.mov"
ok "and the disk has no more than that" bash -c "[ \$(du -sm '$work/cache' | cut -f1) -le 24 ]"

# ---- the house goes away and comes back
unmount
ok "mounted again" mount_it
head -c 100 "$m/Day 1/other.mov" >/dev/null
kill_house
ok "with the house gone a read fails" bash -c "! timeout 120 cat '$m/Day 1/clip.mov' >/dev/null 2>said; grep -qi 'input/output' said"
ok "a write too, when it is closed" bash -c "! timeout 240 cp other.mov '$m/lost.mov' 2>said; grep -qiE 'input/output' said"
ok "the log says why" grep -q 'mount.failed.*why=' "$work/mount.err"
ok "the house comes back" open_house --port="$port" --worker=off
ok "and with it the files" until_true 60 cmp "$m/Day 1/clip.mov" clip.mov
ok "half a write is nowhere" bash -c "! ls '$m' | grep -q lost"
ok "writing works again" bash -c "cp other.mov '$m/found.mov' && cmp '$m/found.mov' other.mov"
unmount
ok "for looking only" mount_it --read-only
ok "nothing can be written" bash -c "! touch '$m/x.mov' 2>/dev/null && ! rm '$m/found.mov' 2>/dev/null && cmp '$m/found.mov' other.mov"
unmount
ok "nothing is left mounted" bash -c "! grep -q ' $m ' /proc/mounts"
ok "posthouse check agrees" here check
finish
