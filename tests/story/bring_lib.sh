# What the stories of bringing in share, on top of house_lib.sh.
export XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
unset POSTHOUSE_URL POSTHOUSE_TOKEN
mkdir -p "$work/day" && cd "$work/day" || exit 1

says() { # says PATTERN STATUS COMMAND...: the command ends with the status and says something like the pattern
  local status=0
  "${@:3}" >heard 2>&1 || status=$?
  cat heard
  echo "status $status"
  [ $status = "$2" ] && grep -qE -- "$1" heard
}
holds() { # holds EXPRESSION FILE: true of the JSON in it, called `a`
  node -e 'const a=JSON.parse(require("fs").readFileSync(0,"utf8"));process.exit(eval(process.argv[1])===true?0:1)' "$1" <"$2" || { cat "$2"; return 1; }
}
here() { # here COMMAND...: a command of posthouse with this house
  "$posthouse" "$1" --house.folder="$house" "${@:2}"
}
put() { here put "$@" --project Film; }
kill_house() {
  kill -9 "$server"
  wait "$server" 2>/dev/null
  server=''
}
same_as() { # same_as ASSET FILE: taken out it is that file
  rm -rf taken
  here get "$1" --out taken && cmp taken/* "$2"
}
arrived() { # arrived BYTES: of the newest transfer, while it is open
  [ "$(ask GET "/projects/$project/transfers" | field '[0].state==="open"?j[0].bytes_done:0')" -ge "$1" ] 2>/dev/null
}
noise() { # noise BYTES [NAME]: the same for the same, and nothing that compresses
  openssl enc -aes-128-ctr -pass "pass:$1${2:-}" -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c "$1"
  return 0 # openssl is cut off by head
}
open_with_project() {
  open_house "$@" && ask POST /projects '{"name":"Film"}' >project && project=$(field .id <project) && port=${url##*:}
}
