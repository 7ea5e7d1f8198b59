# What the stories of the program alone share, in a folder of their own. Speaks TAP.
posthouse=$(realpath "$1") top=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0 bad=0
ok() { # ok NAME COMMAND...: the command must succeed
  number=$((number + 1))
  if "${@:2}" >said 2>&1; then echo "ok $number $1"; else echo "not ok $number $1"; sed 's/^/# /' said | tail -20; bad=1; fi
}
says() { # says PATTERN STATUS COMMAND...: the command ends with the status and says something like the pattern
  "${@:3}" >heard 2>&1
  local status=$?
  cat heard
  [ $status = "$2" ] && grep -qE -- "$1" heard
}
