#!/usr/bin/env bash
# openjd_run.sh POSTHOUSE SOURCE BUILD [NAME...]: the reference command line and ours run the same templates with the same
# arguments (openjd_run/*.yaml, each "# args:" line one run): exit status, what the tasks print, in order, and the summary
# must be the same. Ours is called through a script named openjd, as it is meant to stand in. ./test takes one run in six,
# ./test --long all.
set -uo pipefail
posthouse=$(realpath "$1") source=$2 build=$3
shift 3
here=$source/tests/conformance
. "$here/openjd_venv.sh"
openjd_reference "$build" || { echo "1..0 # SKIP the reference openjd-cli can not be had"; exit 0; }
work=$(mktemp -d /tmp/posthouse-openjd-run.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/cases" "$work/tmp"
cp "$here"/openjd_run/* "$work/cases"
printf '#!/bin/sh\nexec %s openjd "$@"\n' "$posthouse" >"$work/bin/openjd"
chmod +x "$work/bin/openjd"
export TMPDIR=$work/tmp PYTHONUNBUFFERED=1 HOME=/home/someone

# What the tasks print: lines between "Output:" and the end of a process, without times; what is made up anew each time
# is named by its kind. Of a line that is refused only that it is refused, not the words.
outputs() {
  sed -E 's/^([0-9]+ days?, )?[0-9]+:[0-9:.]+\t//; s/^[0-9]{4}-[0-9-]+T[0-9:.]+[+-][0-9:]+\t//' "$1" |
    awk '/^Output:$/ {on = 1; print "--"; next} /^Process pid [0-9]+ exited with code/ {on = 0; $3 = ""; print; next}
         /^Command exited but|^Received openjd_redacted_env|^openjd_redacted_env is ignored|^Malformed openjd_redacted/ {next} /^Canceling subprocess|^INTERRUPT|^Grace period|^TIMEOUT|^Notify period|^Gracetime|^Open Job Description CLI: (Adj|Ran)/ {next}
         on' |
    sed -E "s#$work/tmp/OpenJD/[A-Za-z0-9_]+/[A-Za-z0-9_]+\.json#RULES#g; s#$work/tmp/OpenJD/[A-Za-z0-9_]+/path_mapping.json#RULES#g
            s#$work/tmp/OpenJD/[A-Za-z0-9_]+#SESSION#g; s#embedded_files[A-Za-z0-9_]*/[A-Za-z0-9_.-]+#FILE#g; s# -- ERROR: .*# -- ERROR#
            s#SESSION/[A-Za-z0-9_]+\.sh#SCRIPT#g; s#$work#WORK#g; s#^.*: ([A-Za-z-]+): not found#NOT FOUND#"
}
steps() { grep -oE "Open Job Description CLI: (Running (job|step)|All actions|ERROR executing).*|--------- .*|^(Job|Step|Chunks run): .*|Session ended [a-z ]+" "$1"; }
shape() { # of JSON and YAML: the members, without what differs each time
  "$build/openjd-reference/bin/python" - "$1" "$2" <<'PY'
import json, sys, yaml
text = open(sys.argv[1]).read()
d = json.loads(text) if sys.argv[2] == "json" else yaml.safe_load(text)
d.pop("duration", None)
d["logs"] = bool(d.get("logs"))
if d["status"] == "error" and "job_name" not in d:
    d["message"] = bool(d["message"])
print(json.dumps(d, sort_keys=True))
PY
}

number=0 bad=0 seen=0
every=6; [ "${POSTHOUSE_TEST_SIZE:-}" = long ] || [ $# -gt 0 ] && every=1
one() { # NAME ARGS
  local name=$1 words
  seen=$((seen + 1))
  [ $((seen % every)) = 0 ] || return
  number=$((number + 1))
  local line=${2//@RULES/\'$(tr -d '\n' <"$work/cases/rules.json" | sed 's/\\/\\/g')\'}
  eval "words=(${line//@/$work/cases})"
  # What the reference does is kept: it takes a second or more to start.
  local kept=$build/openjd-reference/kept/$(cat "$work"/cases/* "$0" <(echo "$name $2") | sha256sum | cut -c1-32)
  for who in theirs ours; do
    local openjd=$work/bin/openjd
    [ $who = theirs ] && openjd=$reference && [ -f "$kept" ] && cp "$kept" "$work/theirs" && continue
    (cd "$work/cases" && timeout 60 "$openjd" run "$name" "${words[@]+"${words[@]}"}" >"$work/$who.out" 2>"$work/$who.err" </dev/null)
    echo "exit $?" >"$work/$who"
    case " $line " in
    *" --output json "*) shape "$work/$who.out" json >>"$work/$who" 2>&1 ;;
    *" --output yaml "*) shape "$work/$who.out" yaml >>"$work/$who" 2>&1 ;;
    *) grep -q '^# compare: exit' "$work/cases/$name" && { continue; }
       outputs "$work/$who.out" >>"$work/$who"; steps "$work/$who.out" >>"$work/$who" ;;
    esac
  done
  [ -f "$kept" ] || { mkdir -p "${kept%/*}" && cp "$work/theirs" "$kept"; }
  if cmp -s "$work/theirs" "$work/ours"; then
    echo "ok $number - $name $2"
  else
    echo "not ok $number - $name $2"
    diff "$work/theirs" "$work/ours" | head -40 | sed 's/^/# /'
    head -5 "$work/ours.err" | sed 's/^/# ours: /'
    bad=1
  fi
}

for file in "$work"/cases/*.yaml; do
  name=$(basename "$file")
  [ $# -eq 0 ] || [[ " $* " == *" ${name%.yaml} "* ]] || continue
  while IFS= read -r line; do one "$name" "$line"; done < <(sed -n 's/^# args: \{0,1\}//p' "$file")
done
[ $# -gt 0 ] || for template in "$source"/data/renderers/*.yaml; do
  seen=$((seen + 1))
  [ $((seen % every)) = 0 ] || continue
  number=$((number + 1))
  said=$("$reference" check "$template" 2>&1) && "$work/bin/openjd" check "$template" >/dev/null && echo "ok $number - both accept $(basename "$template")" ||
    { bad=1; echo "not ok $number - $(basename "$template")"; sed 's/^/# /' <<<"$said"; }
done
echo "1..$number"
exit $bad
