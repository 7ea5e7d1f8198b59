#!/usr/bin/env bash
# bulk.sh POSTHOUSE TOP: files go in and out by UDP when it passes, else by TCP; the same bytes either way, also when the
# house is killed in the middle, and only who may does so.
. "$(dirname "$0")/house_lib.sh"
export XDG_STATE_HOME=$work/state

made() { head -c "$2" /dev/urandom >"$work/$1"; }
put() { "$posthouse" put "$work/$1" --project "$project" --house "$url" --token-file "$house/local.token" --json "${@:2}" >"$work/put.json"; }
asset_of() { ask GET "/projects/$project/assets?limit=100" | node -e '
  const all = JSON.parse(require("fs").readFileSync(0)).items; const it = all.find(a => a.name === process.argv[1] || a.name.startsWith(process.argv[1]));
  if (!it) process.exit(1); console.log(it.id)' "$1"; }
got_back() { # got_back NAME [OPTION...]
  rm -rf "$work/out"
  "$posthouse" get "$(asset_of "$1")" --out "$work/out" --house "$url" --token-file "$house/local.token" --json "${@:2}" >"$work/get.json" &&
    cmp "$work/$1" "$work/out/$1"
}
via() { [ "$(field .via <"$work/$1.json")" = "$2" ]; }

made reel1.bin 30000000
made reel2.bin 20000001
made reel3.bin 60000000
mkdir "$work/card"; for i in $(seq 40); do head -c $((i * 700)) /dev/urandom >"$work/card/note$i.bin"; done

ok "a house opens" open_house --worker=off
project=$(ask POST /projects '{"name":"Bulk"}' | field .id)
ok "a file goes in" put reel1.bin
ok "it went by UDP" via put udp
ok "it comes out the same" got_back reel1.bin
ok "by UDP too" via get udp
ok "many small files go in by UDP" put card
ok "by TCP it goes when that is wished" put reel2.bin --via tcp
ok "and says so" via put tcp
ok "by one line too" got_back reel2.bin --via https
ok "a fixed rate is kept to by who sends" put reel2.bin --policy fixed --rate 800 --name again
same_again() { put reel1.bin && [ "$(field .sent_bytes <"$work/put.json")" = 0 ]; }
ok "what the house has is not sent again" same_again
wrong_word() { ! "$posthouse" put "$work/reel1.bin" --project "$project" --via pigeon --house "$url" --token-file "$house/local.token" 2>"$work/said.err" && grep -q "no way called pigeon" "$work/said.err"; }
ok "a way that there is none of is refused" wrong_word

# Sessions belong to who may: a token that reads only can open one to take out, and none to bring in.
transfer=$(ask POST "/projects/$project/transfers" '{"name":"t","origin":"put"}' | field .id)
session_has_all() { ask POST "/transfers/$transfer/bulk" | node -e 'const j=JSON.parse(require("fs").readFileSync(0)); process.exit(j.port > 0 && j.secret.length === 43 ? 0 : 1)'; }
ok "a session is asked for over the API" session_has_all
nobody() { [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/api/v1/transfers/$transfer/bulk")" = 401 ]; }
ok "nobody gets none" nobody

# What is taken out is to go first from now on.
version=$(ask GET "/assets/$(asset_of reel1.bin)" | field .version.id)
stream() { ask GET /traffic | field ".streams.find(s=>s.kind==='download'&&s.via==='udp'&&s.subject==='$version').$1"; }
ok "a download is let go before others" ask PATCH "/traffic/$(stream id)" '{"priority":77}'

# Killed in the middle: the put waits, goes on in a new session, and all is there.
killed() {
  put reel3.bin --policy fixed --rate 100 &
  local sender=$!
  until_true 60 sh -c "grep -q bulk.open '$work/serve.err' && ls '$house'/store/incoming/*.log" || return 1
  kill -9 "$server"; wait "$server" 2>/dev/null
  local port=${url##*:}
  rm -f "$house/ready"
  "$posthouse" serve --house.folder="$house" --port="$port" --media.port=0 --store.reserve=0 --worker=off >"$work/serve.out" 2>>"$work/serve.err" &
  server=$!
  until_true 60 test -s "$house/ready" || return 1
  wait $sender
}
ok "a house that is killed and opened again gets the rest" killed
ok "and has the exact bytes" got_back reel3.bin

ok "an earlier file comes out again" got_back reel1.bin
ok "before others, as was said before the house died" test "$(stream priority)" = 77
ok "the house closes" close_house
ok "a house without UDP opens" open_house --worker=off --bulk=off
made reel4.bin 3000000
ok "a file goes in there too" put reel4.bin
ok "by TCP" via put tcp
ok "the house closes again" close_house
finish
