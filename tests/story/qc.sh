#!/usr/bin/env bash
# Quality control of a version in a house, by a real worker: asked for, measured, judged, waived by name, approved; and a page
# and a PDF of the command's report.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"

ok "the house opens" open_house
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ffmpeg -v error -f lavfi -i testsrc2=s=480x270:r=25:d=4 -f lavfi -i sine=440:r=48000:d=4 \
  -vf "noise=alls=4:allf=t,drawbox=enable='between(n,40,42)':color=black:t=fill" -c:v libx264 -preset ultrafast -crf 16 -pix_fmt yuv420p -c:a pcm_s16le \
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
ok "the report names the bytes it is of, and that they are what was stored" test "$(ask GET "/qc/$report" | field '.bytes.sha256+" "+j.bytes.size+" "+j.bytes.holds')" = "$(sha256sum <"$work/reel.mov" | cut -d' ' -f1) $(stat -c %s "$work/reel.mov") true"
pictured() { [ "$(ask GET "/qc/$1" | field '.findings.find(f=>f.rule==="black-dropout").picture')" = true ]; }
ok "each finding gets a picture" until_true 120 pictured "$report"
curl -sS --fail -H "Authorization: Bearer $token" "$url/api/v1/qc/$report/pictures/40" -o "$work/40.jpg"
ok "it is the frame where it begins" test "$(ffprobe -v error -f lavfi "movie=$work/40.jpg,signalstats" -show_entries frame_tags=lavfi.signalstats.YAVG -of csv=p=0 | cut -d. -f1)" -lt 20
ok "a stranger does not see it" test "$(curl -sS -o /dev/null -w '%{http_code}' "$url/api/v1/qc/$report/pictures/40")" = 401
ok "a frame without a finding has none" test "$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$url/api/v1/qc/$report/pictures/7")" = 404

# captions that belong to the film, by an outlet's own set
printf '1\n00:00:01,000 --> 00:00:01,200\nShort and far too long to be read in the time it is shown\n\n2\n00:00:02,000 --> 00:00:03,000\nFine.\n' >"$work/film.srt"
printf '1\n01:30:00,000 --> 01:30:02,000\nAnother film.\n' >"$work/other.srt"
bring_captions() { curl -sS --fail-with-body -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$url/api/v1/assets/$asset/captions?name=$(basename "$1")&language=en&role=subtitle"; }
ok "captions come in" bring_captions "$work/film.srt"
second=$(ask POST "/versions/$version/qc" '{"rules":"netflix"}' | field .id)
second_done() { [ "$(ask GET "/qc/$second" | field .state)" = done ]; }
ok "the version is checked by an outlet's set" until_true 120 second_done
ok "which nobody has confirmed yet" test "$(ask GET "/qc/$second" | field .standing)" = unconfirmed
ok "their faults are findings at their frames, held against the cuts that were seen" test "$(ask GET "/qc/$second" | field '.findings.filter(f=>f.check==="captions").map(f=>[f.rule,f.severity,f.from,f.to,f.timecode].join(" ")).sort().join(", ")')" = "caption-line-length issue 25 29 01:00:01:00, caption-min-duration issue 25 29 01:00:01:00, caption-reading-speed issue 25 29 01:00:01:00, caption-snap-in issue 50 74 01:00:02:00, caption-snap-out issue 25 29 01:00:01:00"
gate() { ask GET "/versions/$version/readiness" | field ".find(p=>p.name==='${1:-netflix-nonbranded-prores}')"'.fit.find(f=>f.what==="quality control").seen'; }
ok "an outlet's deliverable waits for a report by its own set" bash -c '[[ $1 == "its report says \"fix\""* ]]' - "$(gate)"
for which in $(ask GET "/qc/$second" | field '.findings.filter(f=>f.severity==="fix").map(f=>f.number).join(" ")'); do
  ask POST "/qc/$second/findings/$which/waiver" '{"reason":"a test picture"}' >/dev/null
done
ok "waived and approved" ask POST "/qc/$second/approval"
ok "it lets the deliverable through" test "$(gate)" = passed
ok "captions of another programme can not be attached unseen" bash -c '! "$@"' - curl -sS --fail -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/octet-stream' --data-binary "@$work/other.srt" "$url/api/v1/assets/$asset/captions?name=other.srt&language=de&role=subtitle"
sed 's/Fine/Better/' "$work/film.srt" >"$work/de.srt"
ok "others come in" bring_captions "$work/de.srt"
ok "and the report is of captions that are not those any more" test "$(gate)" = "its captions are not those that were checked"

# a certificate for flashing pictures
ok "until then it is a pre-check" test "$(ask GET "/qc/$report" | field .pse)" = pre-check
printf '%%PDF-1.4 pass' >"$work/pass.pdf"
attach() { curl -sS -o "$work/answer" -w '%{http_code}' -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/octet-stream' --data-binary "@$work/pass.pdf" "$url/api/v1/qc/${2:-$report}/certificate?name=pass.pdf&$1"; }
ok "a certificate says which device, number and date" test "$(attach 'device=HFPA&number=&date=2026-11-20')$(grep -o 'the number of the certificate' "$work/answer")" = "422the number of the certificate"
ok "it is attached" test "$(attach 'device=Harding+FPA+desktop+4.0&number=A-117&date=2026-11-20')" = 200
ok "once" test "$(attach 'device=x&number=y&date=2026-11-20')" = 409
ok "the report has it" test "$(ask GET "/qc/$report" | field '.pse+" "+j.certificate.device+" "+j.certificate.number+" "+j.certificate.date')" = "certificate Harding FPA desktop 4.0 A-117 2026-11-20"
ok "and its file, as it was" cmp "$work/pass.pdf" <(curl -sS -H "Authorization: Bearer $token" "$url/api/v1/qc/$report/certificate")
curl -sS -H "Authorization: Bearer $token" "$url/api/v1/qc/$report/paper" -o "$work/house.html"
curl -sS -H "Authorization: Bearer $token" "$url/api/v1/qc/$report/paper?form=pdf" -o "$work/house.pdf"
ok "page and paper of the house have pictures, bytes and certificate" bash -c 'cd "$1" && grep -q "data:image/jpeg;base64," house.html && grep -q "Harding FPA desktop 4.0, A-117" house.html && grep -q "$(sha256sum <reel.mov | cut -d" " -f1)" house.html && grep -aq DCTDecode house.pdf && grep -aq "A-117" house.pdf' - "$work"

british=$(ask POST "/versions/$version/qc" '{"rules":"uk-dpp"}' | field .id)
british_done() { [ "$(ask GET "/qc/$british" | field .state)" = done ]; }
ok "an outlet whose set wants a certificate" until_true 120 british_done
for which in $(ask GET "/qc/$british" | field '.findings.filter(f=>f.severity==="fix").map(f=>f.number).join(" ")'); do
  ask POST "/qc/$british/findings/$which/waiver" '{"reason":"a test picture"}' >/dev/null
done
ask POST "/qc/$british/approval" >/dev/null
ok "is not content with our pre-check" test "$(gate as11-uk-dpp-hd)" = "no certificate of a listed device for flashing pictures is attached"
attach 'device=HFPA&number=8&date=2026-11-21' "$british" >/dev/null
ok "but with a listed device's pass" test "$(gate as11-uk-dpp-hd)" = passed

# bytes that are not what was stored
extent=$(find "$house" -type f -size "$(stat -c %s "$work/reel.mov")c" -path '*extents*' | head -1)
printf 'XXXXXXXX' | dd of="$extent" bs=1 seek=$(($(stat -c %s "$extent") / 2)) conv=notrunc 2>/dev/null
third=$(ask POST "/versions/$version/qc" '{"rules":"broadcast"}' | field .id)
third_done() { [ "$(ask GET "/qc/$third" | field .state)" = done ]; }
ok "a damaged copy is checked" until_true 120 third_done
ok "and is to fix: its bytes are not what was stored" test "$(ask GET "/qc/$third" | field '.findings.filter(f=>f.check==="hash").map(f=>f.severity+" "+f.where).join(",")+" "+j.bytes.holds')" = "fix reel.mov false"
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
