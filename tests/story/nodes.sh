#!/usr/bin/env bash
# Workers that are enrolled by a token and find the house by its address; the launcher `local`; keeping as many as are needed.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
far="" keeper=""
end_all() {
  local p
  for p in $far $keeper; do kill -9 "$p" 2>/dev/null; done
  [ -s "$house/launch.id" ] && for p in $(ours); do kill -9 "$p" 2>/dev/null; done
  clean
}
trap end_all EXIT
ours() { grep -lz -- "^--name=local-$(cat "$house/launch.id")-" /proc/[0-9]*/cmdline 2>/dev/null | sed 's/[^0-9]//g'; }
here() { # here NAME: a worker of that name has a line
  [ "$(ask GET /nodes | field ".filter(w=>w.name.startsWith('$1')&&w.state!=='away').length")" = "${2:-1}" ]
}
ready() { [ "$(ask GET "/projects/$project/assets" | field '.items.filter(a=>a.version.state==="ready").length')" = "$1" ]; }
clip() { ffmpeg -v error -f lavfi -i "testsrc2=s=320x180:r=24:d=$1" -c:v libx264 -preset ultrafast -pix_fmt yuv420p "$work/clip$1.mov" && bring "$work/clip$1.mov"; }
work_for() { exec "$posthouse" work --house="$url" --worker.slots=1 "$@"; }

ok "a house without a worker opens" open_house --worker=off
project=$(ask POST /projects '{"name":"Film"}' | field .id)

# ---- enrolment
ok "somebody is invited" "$posthouse" user add ann@example.org --house.folder="$house"
for scope in worker read; do
  "$posthouse" user token ann@example.org --scope $scope --house.folder="$house" >"$work/$scope.token" 2>/dev/null
done
ok "a worker without a token is told what to do" bash -c "'$posthouse' work --house='$url' 2>&1 | grep -q 'user token'"
(work_for --token-file="$work/read.token" --name=reader --worker.orphan='3 s') 2>"$work/reader.err"; ok "a token that is no worker's is no good" grep -q 'worker.away' "$work/reader.err"
(work_for --token-file="$work/worker.token" --name=far --notice="$work/notice.sh") 2>"$work/far.err" & far=$!
printf '#!/bin/sh\n[ "$1" = notice ] && [ -e %s ] && echo "terminate soon"\nexit 0\n' "$work/going" >"$work/notice.sh"; chmod +x "$work/notice.sh"
ok "with a worker's token it is here" until_true 20 here far
ok "a clip comes in" clip 2
ok "and is made by it" until_true 60 ready 1
touch "$work/going"
ok "when its machine has notice to go it leaves by itself" until_true 30 bash -c "! kill -0 $far"
wait $far; ok "well" test $? = 0
ok "saying why" grep -q 'worker.drains why=notice' "$work/far.err"
(work_for --token-file="$work/worker.token" --name=far) 2>>"$work/far.err" & far=$!
ok "another comes" until_true 20 here far
ok "its person is shut out" "$posthouse" user disable ann@example.org --house.folder="$house"
ok "its line is cut, as its token does not count any more" until_true 20 bash -c "grep -qE 'worker.away|worker.send' <(tail -3 '$work/far.err')"
ok "it gets no more work" clip 3
kill -TERM $far; wait $far; far=

# ---- the launcher on this machine
rules=(--house.folder="$house" --launch.slots=1 --launch.most=2 --launch.idle='2 s' --launch.boot='30 s')
nodes() { "$posthouse" nodes "$@" "${rules[@]}"; }
ok "two workers are launched" nodes launch 2
ok "they come and make what waited" until_true 60 ready 2
ok "they are listed" bash -c "[ \"\$('$posthouse' nodes ${rules[*]@Q} | grep -cE '(idle|busy) +this machine')\" = 2 ]"
ok "and end when told to" nodes end all
ok "both" until_true 20 here local- 0
ok "what is not there can not be ended" bash -c "! '$posthouse' nodes end nobody --house.folder='$house'"
ok "a budget that is no amount is refused" bash -c "'$posthouse' nodes --launch.budget=much --house.folder='$house' 2>&1 | grep -q 'launch.budget'"
ok "a launcher that is none is refused" bash -c "'$posthouse' nodes --launch=moon --house.folder='$house' 2>&1 | grep -q 'local or slurm'"
ok "another clip comes in" clip 4
ok "without money none is asked for" test "$("$posthouse" nodes --json "${rules[@]}" --launch.price=1 --launch.budget=0 | field '.target+" "+j.held_by')" = "0 budget"
"$posthouse" nodes keep --every 1 "${rules[@]}" 2>"$work/keep.err" & keeper=$!
ok "a keeper launches what is needed" until_true 60 ready 3
ok "and ends it when it rests" until_true 40 bash -c "grep -q 'launch.end .*why=idle' '$work/keep.err'"
ok "none is left" until_true 20 bash -c "[ -z \"\$(grep -lz -- '^--name=local-$(cat "$house/launch.id")-' /proc/[0-9]*/cmdline 2>/dev/null)\" ]"
kill -TERM $keeper; wait $keeper; ok "the keeper leaves when told to" test $? = 0; keeper=
ok "the house closes" close_house
ok "it opens and keeps workers by itself" open_house --worker=off "${rules[@]:1}"
ok "another clip comes in" clip 5
ok "and is made" until_true 60 ready 4
ok "the house closes" close_house
ok "with its keeper" bash -c "[ -z \"\$(grep -lz '^keep$' \$(grep -lz -- '^--house.folder=$house$' /proc/[0-9]*/cmdline 2>/dev/null) /dev/null)\" ]"
finish
