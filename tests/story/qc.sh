#!/usr/bin/env bash
# Quality control of a version in a house, by a real worker: asked for, measured, judged, waived by name, approved; and a page
# and a PDF of the command's report.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"

ok "the house opens" open_house
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ffmpeg -v error -f lavfi -i testsrc2=s=480x270:r=25:d=4 -f lavfi -i sine=440:r=48000:d=4 \
  -vf "noise=alls=4:allf=t,drawbox=enable='between(n,40,42)':color=black:t=fill" -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a pcm_s16le \
  -timecode 01:00:00:00 "$work/reel.mov"
ok "a reel comes in" bring "$work/reel.mov"
asset=$(ask GET "/projects/$project/assets" | field '.items[0].id')
ok "it becomes ready" until_true 60 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version.id)
ok "the rules are listed" test "$(ask GET /qc-rules | field '.some(r=>r.name==="broadcast")')" = true
ok "rules that are not there are refused" bash -c "! curl -sS --fail -X POST -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' -d '{\"rules\":\"none\"}' '$url/api/v1/versions/$version/qc'"
report=$(ask POST "/versions/$version/qc" '{"rules":"broadcast"}' | field .id)
done_is() { [ "$(ask GET "/qc/$report" | field .state)" = done ]; }
ok "the version is checked" until_true 60 done_is
black=$(ask GET "/qc/$report" | field '.findings.find(f=>f.rule==="black-dropout")')
ok "the black is found to the frame, with its timecode" test "$(field '.from+" "+j.to+" "+j.timecode' <<<"$black")" = "40 42 01:00:01:15"
ok "it can not be approved with findings to fix" bash -c "! curl -sS --fail -X POST -H 'Authorization: Bearer $token' '$url/api/v1/qc/$report/approval'"
for which in $(ask GET "/qc/$report" | field '.findings.filter(f=>f.severity==="fix").map(f=>f.number).join(" ")'); do
  ok "finding $which is waived" ask POST "/qc/$report/findings/$which/waiver" '{"reason":"a test picture"}'
done
ok "and then it is approved by name" test -n "$(ask POST "/qc/$report/approval" | field .approved_by)"
ok "the list says so" test "$(ask GET "/versions/$version/qc" | field '[0].verdict')" = fix
ok "the job is done" test "$(ask GET "/jobs?project=$project" | field '.items.find(j=>j.kind==="qc").state')" = done
ok "the house closes" close_house

"$posthouse" qc "$work/reel.mov" --html "$work/report.html" --pdf "$work/report.pdf" --pictures "$work/pictures" >"$work/report.txt"
ok "the command's status says that something is to fix" test $? = 1
ok "it says the rule, its clause, the frames" grep -q "01:00:01:15 frames 40-42: 3 frames of black" "$work/report.txt"
ok "there is a picture of the frame" test "$(ffprobe -v error -show_entries stream=width -of csv=p=0 "$work/pictures/frame-0000040.jpg")" = 480
ok "the page has pictures" grep -q 'src="data:image/jpeg;base64,' "$work/report.html"
ok "the PDF has pages and pictures" bash -c "grep -aq '^%PDF-1.4' '$work/report.pdf' && grep -aq '/Type/Page/' '$work/report.pdf' && grep -aq DCTDecode '$work/report.pdf'"
finish
