# What the stories of a running house share. Speaks TAP. Every house has its own folder and free ports, and every
# process that is started is ended by its number.
posthouse=$(realpath "$1") top=$(realpath "$2")
work=$(mktemp -d)
number=0 bad=0 server=""
house=$work/house

ok() { # ok NAME COMMAND...: the command must succeed
  number=$((number + 1))
  if "${@:2}" >"$work/said" 2>&1; then echo "ok $number $1"; else
    echo "not ok $number $1"; sed 's/^/# /' "$work/said" | tail -20; bad=1
  fi
}
finish() {
  [ $bad = 0 ] || { echo "# --- server"; sed 's/^/# /' "$work/serve.err" | tail -60; echo "# --- worker"; sed 's/^/# /' "$house/worker.log" | tail -60; }
  echo "1..$number"
  exit $bad
}
worker_pid() { cut -d' ' -f1 "$house/worker.pid" 2>/dev/null; }
clean() {
  [ -n "$server" ] && kill -9 "$server" 2>/dev/null
  local worker; worker=$(worker_pid)
  [ -n "$worker" ] && grep -qz "^work$" "/proc/$worker/cmdline" 2>/dev/null && kill -9 "$worker" 2>/dev/null
  rm -rf "$work"
}
trap clean EXIT
until_true() { # until_true SECONDS COMMAND...
  local end=$(($(date +%s%N) + $1 * 1000000000)); shift
  until "$@" >/dev/null 2>&1; do [ "$(date +%s%N)" -lt $end ] || return 1; sleep 0.05; done
}
open_house() { # open_house [OPTION...]: returns when it is ready
  rm -f "$house/ready" # of one that was killed
  "$posthouse" serve --house.folder="$house" --port=0 --media.port=0 --store.reserve=0 "$@" >"$work/serve.out" 2>>"$work/serve.err" &
  server=$!
  until_true 20 test -s "$house/ready" || return 1
  url=$(head -1 "$house/ready")
  token=$(cat "$house/local.token")
}
close_house() { # by Ctrl-C; its status is the answer
  kill -INT "$server"; wait "$server"; local status=$?; server=""; return $status
}
ask() { # ask METHOD PATH [JSON]: the answer of the house; fails with its status
  curl -sS --fail-with-body -X "$1" -H "Authorization: Bearer $token" ${3:+-H "Content-Type: application/json" -d "$3"} "$url/api/v1$2"
}
field() { node -e 'const j=JSON.parse(require("fs").readFileSync(0));const v=eval("j"+process.argv[1]);console.log(v===undefined||v===null?"":typeof v==="object"?JSON.stringify(v):v)' "$1"; }
# Limits that nothing reaches: what counts against them is seen, and nothing waits for the clock. caps_on [PERSON-ID]
caps_on() {
  local scope
  for scope in '"line"' "\"project\",\"subject\":\"$project\"" ${1:+"\"person\",\"subject\":\"$1\""}; do
    ask POST /caps "{\"scope\":$scope,\"in_bits\":1000000000000,\"out_bits\":1000000000000}" >/dev/null || return 1
  done
}
counted() { ask GET /caps | field ".map(c=>c.$1_bytes).join(' ')"; } # counted in|out: bytes of each limit
counts() { # counts in|out BYTES COMMAND...: it succeeds, and so many bytes (or what the function BYTES then says; a tenth more at most) count against each limit
  local before after i wanted
  before=($(counted "$1")); "${@:3}" || return 1
  wanted=$2; [[ $2 = *[!0-9]* ]] && wanted=$("$2")
  enough() {
    after=($(counted "$1")); [ ${#after[@]} = ${#before[@]} ] && [ ${#after[@]} -gt 1 ] || return 1
    for i in "${!before[@]}"; do [ $((after[i] - before[i])) -ge "$wanted" ] && [ $((after[i] - before[i])) -le $((wanted * 11 / 10)) ] || return 1; done
  }
  until_true 60 enough "$1" && return 0
  echo "counted before: ${before[*]}; after: $(counted "$1"); wanted $wanted more"
  return 1
}
bring() { # bring FILE [NAME]: through chunks, as put does, but by hand; prints nothing
  "$posthouse" put "$1" --house "$url" --token-file "$house/local.token" --project "$project"
}
state_is() { # state_is ASSET STATE
  [ "$(ask GET "/assets/$1" | field .version.state)" = "$2" ]
}
