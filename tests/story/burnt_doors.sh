#!/usr/bin/env bash
# Where a project says that its viewers' names are burnt into pictures: every door to a picture, tried by somebody who must see only
# burnt ones, and by a link. burnt_doors.sh PROGRAM TOP. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
mkdir -p "$work/home"; export HOME=$work/home
mounter="" sender=""
leave() {
  for pid in $mounter $sender; do kill -9 "$pid" 2>/dev/null; done
  fusermount3 -uz "$work/day/m" 2>/dev/null
  clean
}
trap leave EXIT
mail=rea@example.org password="eleven blue herons"
ffmpeg -v error -y -f lavfi -i testsrc2=s=64x36:r=25:d=0.48 -c:v libx264 -preset ultrafast -pix_fmt yuv420p film.mov
ok "the house opens, with its doors" open_house --worker.slots=2 --sftp=on --sftp.port=0 --ftps=on --ftps.port=0
project=$(ask POST /projects '{"name":"Film"}' | field .id)
ok "a film comes" put film.mov
asset=$(ask GET "/projects/$project/assets" | field .items[0].id)
ok "it has proxies" until_true 120 state_is "$asset" ready
version=$(ask GET "/assets/$asset" | field .version.id)
here user add "$mail" --name Rea >link 2>/dev/null
curl -sS -X POST -H 'Content-Type: application/json' -d "{\"token\":\"$(sed 's/.*#//' link)\",\"password\":\"$password\"}" "$url/api/v1/welcome" >/dev/null
ask POST "/projects/$project/members" "{\"email\":\"$mail\",\"role\":\"reviewer\"}" >/dev/null
here user token "$mail" --scope all >said; grep -oE '[A-Za-z0-9_-]{43}' said | tail -1 >rea.token
rea=$(cat rea.token)
before=$(curl -sS -H "Authorization: Bearer $rea" "$url/api/v1/assets/$asset" | field '.version.derived.find(d=>d.kind==="scrub").url')
code() { curl -sSk -o "$work/got" -w '%{http_code}' "$@"; }
by_rea() { code -H "Authorization: Bearer $rea" "${@:2}" "$url$1"; }
refused() { # refused PATH...: 403 or 404, and no bytes of a film or picture
  local status; status=$(by_rea "$@"); echo "$1: $status"
  [ "$status" = 403 ] || [ "$status" = 404 ]
}
report=$(ask POST "/versions/$version/qc" '{"rules":"broadcast"}' | field .id)
done_is() { [ "$(ask GET "/qc/$report" | field .state)" = done ]; }
order=$(ask POST "/versions/$version/deliveries" '{"profile":"review-h264"}' | field .id)
made() { [ "$(ask GET "/deliveries/$order" | field .state)" = done ]; }
# A job whose frame is a picture, and a recording that still comes in.
ffmpeg -v error -y -i film.mov -frames:v 1 frame.png
cat >job.yaml <<YAML
specificationVersion: jobtemplate-2023-09
name: frames
parameterDefinitions:
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: $work/day/shots}
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1"}]}
  script:
    actions:
      onRun: {command: sh, args: [-c, "cp $work/day/frame.png {{Param.Out}}/0001.png"]}
YAML
mkdir -p shots rec
job=$(ask POST "/projects/$project/jobs" "$(node -e 'const [t,o]=process.argv.slice(1);console.log(JSON.stringify({name:"frames",template:require("fs").readFileSync(t,"utf8"),options:{tries:1,outputs:[{path:o}]}}))' job.yaml "$work/day/shots/####.png")" | field .id)
small() { ask GET "/jobs/$job/steps/1/tasks/0" | field .outputs[0].url; }
pictured() { [[ "$(small)" = /api/* ]]; }
ok "a frame of a job has a small picture" until_true 120 pictured
small=$(small)
noise $((9 << 20)) >rec/A.mxf
"$posthouse" put rec/A.mxf --house.folder="$house" --project Film --folder Rec --growing --never-closed --quiet 600 --patience 60 >send.out 2>&1 & sender=$!
grows() { growing=$(ask GET "/projects/$project/growing" | field '[0].arrived>=8388608?j[0].file:""'); [ -n "$growing" ]; }
ok "a recording comes in" until_true 120 grows
ok "a deliverable is made" until_true 120 made
ok "a report is made" until_true 120 done_is
ok "before the project says so, a proxy is shown without a name" test "$(code "$before")" = 200
ok "and so is the small picture" test "$(by_rea "$small")" = 200
ask PATCH "/projects/$project" '{"burn_names":"viewers"}' >/dev/null
ok "the address that was given out before is refused" until_true 60 bash -c "[ \"\$(curl -sSk -o '$work/got' -w '%{http_code}' '$before')\" = 403 ]"
ok "no list has an address of a picture without the name" bash -c "curl -sS -H 'Authorization: Bearer $rea' '$url/api/v1/projects/$project/assets' | node -e 'const j=JSON.parse(require(\"fs\").readFileSync(0));process.exit(j.items[0].version.derived.some(d=>[\"scrub\",\"review\",\"poster\",\"index\"].includes(d.kind))?1:0)'"
# ---- every address of the API that gives a picture, or what it was made of
for path in "/versions/$version/files" "/versions/$version/files/1/bytes" "/versions/$version/files/1/chunks" "/projects/$project/zip" "/projects/$project/zip?assets=$asset" \
  "/deliveries/$order/bytes" "/deliveries/$order/files/0" "/deliveries/$order/zip" "/deliveries/$order/look" "/qc/$report/pictures/0" "/qc/$report/paper?form=pdf" "/qc/$report/paper" \
  "/assets/$asset/parcel" "/tree/bytes?path=Film/film.mov" "/versions/$version/caption-file?format=srt"; do
  ok "GET ${path%%/[0-9A-Z]*} is refused (${path##*/})" refused "/api/v1$path"
done
ok "the small picture of a job's frame is refused" refused "$small"
for path in "/files/$growing/bytes" "/files/$growing/came" "/tree/bytes?path=Film/Rec/A.mxf"; do ok "a recording that comes in is refused (${path##*/})" refused "/api/v1$path"; done
ok "its bytes are refused by UDP" refused "/api/v1/versions/$version/bulk" -X POST
ok "a frame of the original is asked for with the name in it" bash -c "curl -sS -X POST -H 'Authorization: Bearer $rea' -H 'Content-Type: application/json' -d '{\"frame\":3}' '$url/api/v1/versions/$version/frames' | grep -q '\"burnt\": *true'"
ok "and not to keep" refused "/api/v1/versions/$version/frames" -X POST -H 'Content-Type: application/json' -d '{"frame":3,"save":true}'
# ---- programs
ok "get is refused" bash -c "! '$posthouse' get $asset --out out --house '$url' --token-file rea.token && [ ! -s out/film.mov ]"
mkdir mine; "$posthouse" sync mine --with Film --once --house "$url" --token-file rea.token >sync.said 2>&1
ok "sync brings no bytes" test ! -s mine/film.mov
dav() { curl -sSk -u "$mail:$password" -o "$work/got" -w '%{http_code}' "$@"; }
ok "WebDAV shows names" test "$(dav -X PROPFIND -H 'Depth: 1' "$url/dav/Film/")" = 207
ok "and gives no bytes" test "$(dav "$url/dav/Film/film.mov")" = 403
until_true 60 test -s "$house/sftp.ready"; until_true 60 test -s "$house/ftps.ready"
sftp=$(cat "$house/sftp.ready") ftps=$(cat "$house/ftps.ready")
ssh-keygen -q -t ed25519 -N "" -f key; here user key "$mail" --add key.pub >/dev/null 2>&1
echo "get Film/film.mov sftp.mov" >batch
sftp -q -P "$sftp" -i key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile="known" -o User="$mail" -b batch 127.0.0.1 >sftp.said 2>&1
ok "SFTP gives no bytes" bash -c "[ ! -s 'sftp.mov' ] && grep -qi 'denied\|failure' 'sftp.said'"
ok "FTPS gives no bytes" bash -c "! curl -sS --ssl-reqd --cacert '$house/tls.certificate.pem' --resolve 'localhost:$ftps:127.0.0.1' -u '$mail:$password' -o 'ftps.mov' 'ftp://localhost:$ftps/Film/film.mov' && [ ! -s 'ftps.mov' ]"
ok "a recording that comes in is not taken out" bash -c "! '$posthouse' get Film/Rec/A.mxf --growing --patience 1 --out out --house '$url' --token-file rea.token && [ -z \"\$(find out -type f -size +0 2>/dev/null)\" ]"
mkdir m; "$posthouse" mount m --house "$url" --token-file rea.token --mount.cache.folder="$work/cache" >mount.out 2>&1 & mounter=$!
settled() { grep -q 'is there;' mount.out || ! kill -0 "$mounter" 2>/dev/null; }
until_true 60 settled
if grep -q 'is there;' mount.out; then
  ok "a mount shows names and sizes" until_true 60 bash -c '[ "$(stat -c %s m/Film/film.mov)" = "$(stat -c %s film.mov)" ]'
  ok "and gives no bytes" bash -c '! cat m/Film/film.mov >mounted.mov && [ ! -s mounted.mov ]'
  ok "nor of a recording" bash -c '! cat m/Film/Rec/A.mxf >mounted.mxf 2>&1; [ "$(stat -c %s mounted.mxf)" -lt 4096 ]'
else echo "# no mount here: $(head -3 mount.out)"; mounter=""; fi
# ---- a link that only shows
link=$(ask POST "/projects/$project/shares" "{\"title\":\"Look\",\"assets\":[\"$asset\"],\"permission\":\"view\",\"download\":false}" | field .url)
share=$(ask GET "/projects/$project/shares" | field '[0].id')
curl -sS -X POST -H 'Content-Type: application/json' -d "{\"key\":\"${link##*/}\"}" -c jar -o visitor "$url/api/v1/shares/open"
as_visitor() { code -b jar "$url/api/v1$1"; }
shut() { case $(as_visitor "$1") in 403 | 404) ;; *) false ;; esac; }
ok "a visitor of a link comes in" test "$(as_visitor "/assets/$asset")" = 200
ok "and has no address of a picture without the link's name" bash -c "! grep -oE '\"kind\": *\"(scrub|review|poster)\"' '$work/got'"
for path in "/versions/$version/files/1/bytes" "/shares/$share/zip" "/deliveries/$order/bytes" "/deliveries/$order/look"; do ok "and no bytes (${path##*/})" shut "$path"; done
# ---- a link for downloads: files as they are, its pictures with its title
link=$(ask POST "/projects/$project/shares" "{\"title\":\"Take\",\"assets\":[\"$asset\"],\"permission\":\"view\",\"download\":true}" | field .url)
curl -sS -X POST -H 'Content-Type: application/json' -d "{\"key\":\"${link##*/}\"}" -c jar -o visitor "$url/api/v1/shares/open"
ok "a visitor of a link for downloads comes in" test "$(as_visitor "/assets/$asset")" = 200
ok "and has no address of a picture without the link's title" bash -c "! grep -oE '\"kind\": *\"(scrub|review|poster)\"' '$work/got'"
ok "its files are as they are" bash -c "[ '$(as_visitor "/versions/$version/files/1/bytes")' = 200 ] && cmp '$work/got' film.mov"
for path in "/deliveries/$order/bytes" "/deliveries/$order/look" "/qc/$report/pictures/0" "${small#/api/v1}" "/files/$growing/bytes" "/files/$growing/growing"; do ok "and what it does not show is shut (${path##*/})" shut "$path"; done
ask PATCH "/projects/$project" '{"downloads_need":"owner"}' >/dev/null
ok "where downloads need more than a link has, it gives none" shut "/versions/$version/files/1/bytes"
ask PATCH "/projects/$project" '{"downloads_need":"nothing"}' >/dev/null
ok "who may download has the original as it is" test "$(code -H "Authorization: Bearer $token" "$url/api/v1/versions/$version/files/1/bytes")" = 200
ok "the house closes" close_house
finish
