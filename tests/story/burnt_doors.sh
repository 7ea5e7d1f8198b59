#!/usr/bin/env bash
# Where a project says that its viewers' names are burnt into pictures: every door to a picture, tried by somebody who must see only
# burnt ones, and by a link. burnt_doors.sh PROGRAM TOP. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
mkdir -p "$work/home"; export HOME=$work/home
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
ok "a deliverable is made" until_true 120 made
ok "a report is made" until_true 120 done_is
ok "before the project says so, a proxy is shown without a name" test "$(code "$before")" = 200
ask PATCH "/projects/$project" '{"burn_names":"viewers"}' >/dev/null
ok "the address that was given out before is refused" until_true 60 bash -c "[ \"\$(curl -sSk -o '$work/got' -w '%{http_code}' '$before')\" = 403 ]"
ok "no list has an address of a picture without the name" bash -c "curl -sS -H 'Authorization: Bearer $rea' '$url/api/v1/projects/$project/assets' | node -e 'const j=JSON.parse(require(\"fs\").readFileSync(0));process.exit(j.items[0].version.derived.some(d=>[\"scrub\",\"review\",\"poster\",\"index\"].includes(d.kind))?1:0)'"
# ---- every address of the API that gives a picture, or what it was made of
for path in "/versions/$version/files" "/versions/$version/files/1/bytes" "/versions/$version/files/1/chunks" "/projects/$project/zip" "/projects/$project/zip?assets=$asset" \
  "/deliveries/$order/bytes" "/deliveries/$order/files/0" "/deliveries/$order/zip" "/deliveries/$order/look" "/qc/$report/pictures/0" "/qc/$report/paper?form=pdf" "/qc/$report/paper" \
  "/assets/$asset/parcel" "/tree/bytes?path=Film/film.mov" "/versions/$version/caption-file?format=srt"; do
  ok "GET ${path%%/[0-9A-Z]*} is refused (${path##*/})" refused "/api/v1$path"
done
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
# ---- a link that only shows
link=$(ask POST "/projects/$project/shares" "{\"title\":\"Look\",\"assets\":[\"$asset\"],\"permission\":\"view\",\"download\":false}" | field .url)
share=$(ask GET "/projects/$project/shares" | field '[0].id')
curl -sS -X POST -H 'Content-Type: application/json' -d "{\"key\":\"${link##*/}\"}" -c jar -o visitor "$url/api/v1/shares/open"
as_visitor() { code -b jar "$url/api/v1$1"; }
shut() { case $(as_visitor "$1") in 403 | 404) ;; *) false ;; esac; }
ok "a visitor of a link comes in" test "$(as_visitor "/assets/$asset")" = 200
ok "and has no address of a picture without the link's name" bash -c "! grep -oE '\"kind\": *\"(scrub|review|poster)\"' '$work/got'"
for path in "/versions/$version/files/1/bytes" "/shares/$share/zip" "/deliveries/$order/bytes" "/deliveries/$order/look"; do ok "and no bytes (${path##*/})" shut "$path"; done
ok "who may download has the original as it is" test "$(code -H "Authorization: Bearer $token" "$url/api/v1/versions/$version/files/1/bytes")" = 200
ok "the house closes" close_house
finish
