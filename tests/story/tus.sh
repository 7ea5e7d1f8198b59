#!/usr/bin/env bash
# tus 1.0 as outsiders speak it: curl, line by line of the protocol, and tus-js-client where it is there. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/house_lib.sh"
. "$(dirname "$0")/bring_lib.sh"
client=$top/tests/story/tus.mjs

ok "the house opens" open_with_project
transfer=$(ask POST "/projects/$project/transfers" '{"name":"drop","origin":"page"}' | field .id)
tus() { # tus curl-arguments...: headers into `head`, answers the status
  curl -sS -o body -D head -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Tus-Resumable: 1.0.0' "$@" | tail -c 3
}
head_of() { # head_of NAME: of the last answer
  tr -d '\r' <head | sed -n "s/^$1: //Ip" | tail -1
}
meta() { # meta PATH: Upload-Metadata
  printf 'Upload-Metadata: transfer %s,path %s,modified %s' "$(printf %s "$transfer" | base64 -w0)" "$(printf %s "$1" | base64 -w0)" "$(printf 2026-11-01T10:00:00Z | base64 -w0)"
}
create() { # create PATH LENGTH: the upload's address into `at`
  tus -X POST "$url/api/v1/uploads" -H "$(meta "$1")" -H "Upload-Length: $2" >created
  at=$(head_of Location); [[ $at == http* ]] || at=$url$at
  [ "$(cat created)" = 201 ]
}
patch() { # patch OFFSET FILE [MORE...]
  tus -X PATCH "$at" -H "Upload-Offset: $1" -H 'Content-Type: application/offset+octet-stream' --data-binary "@$2" "${@:3}"
}
offset() { tus -I "$at" >/dev/null; head_of Upload-Offset; }

ok "OPTIONS says what is spoken" test "$(tus -X OPTIONS "$url/api/v1/uploads")" = 204
ok "the version" test "$(head_of Tus-Version)" = 1.0.0
for extension in creation creation-with-upload creation-defer-length termination checksum expiration; do
  ok "the extension $extension" bash -c "[[ ,$(head_of Tus-Extension), == *,$extension,* ]]"
done
ok "sha256 is among the check sums" bash -c "[[ ,$(head_of Tus-Checksum-Algorithm), == *,sha256,* ]]"
ok "another version is told 412" test "$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Tus-Resumable: 0.2.2' -H 'Upload-Length: 3' -X POST "$url/api/v1/uploads")" = 412
ok "nobody may begin" test "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 3' -H "$(meta x)" -X POST "$url/api/v1/uploads")" = 401

noise 5000000 >five; head -c 2000000 five >two; tail -c +2000001 five >three
ok "an upload is made" create "Day 1/five.bin" 5000000
ok "it has an address" test -n "$(head_of Location)"
ok "it expires" test -n "$(head_of Upload-Expires)"
ok "HEAD says that nothing is there" test "$(offset)" = 0
ok "and how long it will be" test "$(head_of Upload-Length)" = 5000000
ok "and is not kept by caches" bash -c "[[ '$(head_of Cache-Control)' == *no-store* ]]"
ok "bytes of another type are refused" test "$(tus -X PATCH "$at" -H 'Upload-Offset: 0' -H 'Content-Type: text/plain' --data-binary @two)" = 415
ok "the first bytes" test "$(patch 0 two)" = 204
ok "how far it is then" test "$(head_of Upload-Offset)" = 2000000
ok "the same bytes again do not follow" test "$(patch 0 two)" = 409
ok "nor do such that leave a hole" test "$(patch 3000000 three)" = 409
ok "a check sum that is wrong is told 460" test "$(patch 2000000 three -H "Upload-Checksum: sha256 $(openssl dgst -sha256 -binary two | base64 -w0)")" = 460
ok "and nothing of it is kept" test "$(offset)" = 2000000
ok "one that nobody knows is refused" test "$(patch 2000000 three -H 'Upload-Checksum: crc99 AAAA')" = 400
ok "more than was to come is refused" bash -c "[ $(cat five three >many; patch 2000000 many) = 413 ]"
ok "what came before is there still" test "$(offset)" = 2000000
ok "the rest, with its check sum" test "$(patch 2000000 three -H "Upload-Checksum: sha1 $(openssl dgst -sha1 -binary three | base64 -w0)")" = 204
ok "it is whole" test "$(head_of Upload-Offset)" = 5000000
ok "it is an asset, and the same" same_as "Film/Day 1/five.bin" five
ok "with its time" test "$(stat -c %Y taken/five.bin)" = "$(date -d 2026-11-01T10:00:00Z +%s)"

ok "an upload with its first bytes" test "$(tus -X POST "$url/api/v1/uploads" -H "$(meta at-once.bin)" -H 'Upload-Length: 2000000' -H 'Content-Type: application/offset+octet-stream' --data-binary @two)" = 201
ok "all of them" test "$(head_of Upload-Offset)" = 2000000
ok "is an asset at once" same_as Film/at-once.bin two
ok "an upload of unknown length" test "$(tus -X POST "$url/api/v1/uploads" -H "$(meta later.bin)" -H 'Upload-Defer-Length: 1')" = 201
at=$(head_of Location); [[ $at == http* ]] || at=$url$at
ok "takes bytes" test "$(patch 0 two)" = 204
ok "HEAD says that its length comes later" bash -c "$(declare -f tus head_of); token=$token; tus -I '$at' >/dev/null; [ \"\$(head_of Upload-Defer-Length)\" = 1 ]"
ok "is told its length with the last" test "$(patch 2000000 three -H 'Upload-Length: 5000000')" = 204
ok "is an asset then" same_as Film/later.bin five
ok "an empty file" create empty.bin 0
ok "is an asset too" says empty.bin 0 here ls Film
ok "one that is not wanted any more" create "gone.bin" 100
ok "goes" test "$(tus -X DELETE "$at")" = 204
ok "and is not there then" bash -c "[[ $(tus -I "$at") =~ 404|410 ]]"
for path in ../out /etc/passwd "$(printf 'line\nend')" ""; do
  ok "a name that can not be kept is refused: ${path//[^[:print:]]/?}" bash -c "[[ $(create "$path" 5; cat created) =~ 4.. ]]"
done
ok "metadata that is no base64 is refused" test "$(tus -X POST "$url/api/v1/uploads" -H 'Upload-Length: 5' -H 'Upload-Metadata: transfer !!!,path ???')" = 422
ok "a transfer that is not there" test "$(tus -X POST "$url/api/v1/uploads" -H 'Upload-Length: 5' -H "Upload-Metadata: transfer $(printf 01J0000000000000000000TR01 | base64 -w0),path $(printf a | base64 -w0)")" = 404

# ---- a line that is cut in the middle, a house that is killed
noise 40000000 >forty
create forty.bin 40000000
timeout 3 curl -sS -o /dev/null --limit-rate 8M -X PATCH -H "Authorization: Bearer $token" -H 'Tus-Resumable: 1.0.0' -H 'Upload-Offset: 0' -H 'Content-Type: application/offset+octet-stream' --data-binary @forty "$at"
until_true 10 bash -c "$(declare -f tus head_of offset); token=$token at='$at'; [ \"\$(offset)\" -gt 0 ]"
came=$(offset)
ok "of a line that was cut what came is kept ($came bytes)" test "$came" -gt 8000000 -a "$came" -lt 40000000
kill_house
ok "the house is killed and opens again" open_house --port="$port"
kept=$(offset)
ok "what was acknowledged is there" test "$kept" = "$came"
tail -c +$((kept + 1)) forty >rest
ok "it goes on" test "$(patch "$kept" rest)" = 204
ok "to what it was to be" same_as Film/forty.bin forty

if [ -d "$top/web/node_modules/tus-js-client" ]; then
  ok "tus-js-client brings a file in, with a pause in the middle" node "$client" "$top" "$url" "$token" "$transfer" forty page.bin
  ok "and it is the same" same_as Film/page.bin forty
else
  echo "# tus-js-client is not here: the page was not built"
fi
finish
