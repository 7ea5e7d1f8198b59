#!/usr/bin/env bash
# A worker at an artist's desk: it waits while its user is there, stops what runs when he comes back, and gives it back when
# he stays. A plan is made of what a job has shown so far. Speaks TAP.
set -uo pipefail
source "$(dirname "$0")/house_lib.sh"
desk=""
trap '[ -n "$desk" ] && kill -9 "$desk" 2>/dev/null; clean' EXIT
here() { "$posthouse" "$@" --house "$url" --token-file "$house/local.token"; }
is() { [ "$("${@:3}" | field "$1")" = "$2" ]; } # is FIELD VALUE COMMAND...
node_is() { is '[0].state' "$1" ask GET /nodes; }
job_is() { is .state "$2" ask GET "/jobs/$1"; }
work_here() { # work_here GIVE_BACK: a worker that asks our own program for the user
  "$posthouse" work --house.folder="$house" --desk --worker.slots=1 --worker.away='60 s' "--worker.idle_command=$work/idle" "--worker.give_back=$1" >>"$house/worker.log" 2>&1 &
  desk=$!
}
printf '#!/bin/sh\ncat %s/seconds\n' "$work" >"$work/idle"; chmod +x "$work/idle"
user() { echo "$1" >"$work/seconds"; } # user SECONDS: since the last input
cat >"$work/Count.yaml" <<YAML
specificationVersion: jobtemplate-2023-09
name: Count
steps:
- name: Count
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1-3"}]}
  script:
    actions: {onRun: {command: /bin/sh, args: ["-c", "for i in \$(seq 15); do echo x >>$work/ticks; sleep 0.1; done; dd if=/dev/zero of=$work/frame.\$1 bs=1000 count=4", sh, "{{Task.Param.Frame}}"]}}
YAML
: >"$work/ticks"
ticks() { wc -l <"$work/ticks"; }

user 0
ok "the house opens" open_house --worker=off
ok "a project" ask POST /projects '{"name":"Farm"}'
work_here '0 s'
ok "a worker is there, and so is its user" until_true 60 node_is desk
ok "it says so" is '[0].why' "its user is back" ask GET /nodes
head -c 5000 /dev/zero >"$work/texture"
echo "{\"inputs\":[\"$work/texture\"]}" >"$work/options.json"
job=$(here submit "$work/Count.yaml" --project Farm --options "$work/options.json" --budget '50 USD' --deadline 2999-01-01T00:00:00Z | cut -d' ' -f1)
says() { here job "$job" why | grep -q "$1"; }
ok "its work waits" until_true 20 says 'paused'
ok "no plan can be made yet" bash -c "! '$posthouse' plan $job --house '$url' --token-file '$house/local.token' 2>'$work/no' && grep -q 'how long a frame' '$work/no'"
user 600
ticking() { [ "$(ticks)" -gt "$1" ]; }
ok "when he goes it begins" until_true 60 ticking 2
user 0
rests() { says 'attempts of it run' && says 'user is back' && node_is desk; }
ok "when he comes back what runs is stopped" until_true 60 rests
sleep 1; stopped=$(ticks); sleep 2
ok "nothing of it goes on" test "$(ticks)" = "$stopped"
ok "and nothing of it is lost" is '.filter(a=>a.state==="running").length' 1 ask GET "/jobs/$job/attempts"
user 600
ok "when he goes it goes on where it was" until_true 60 ticking "$stopped"
some() { [ "$(ask GET "/jobs/$job" | field '.done')" -ge 1 ]; }
ok "a frame is done" until_true 60 some
ok "in one attempt" is '.filter(a=>a.state!=="running"&&a.state!=="committed").length' 0 ask GET "/jobs/$job/attempts"
ok "a plan is made of it" bash -c "'$posthouse' plan $job --json --house '$url' --token-file '$house/local.token' >'$work/plan'"
ok "with the choice to stay" is '.choices.filter(c=>c.machine===null).length' 1 cat "$work/plan"
ok "which people can read" bash -c "'$posthouse' plan $job --house '$url' --token-file '$house/local.token' | grep -q 'here only'"
done_() { job_is "$job" done; }
ok "and the others" until_true 90 done_
ok "nothing is left to plan" bash -c "! '$posthouse' plan $job --house '$url' --token-file '$house/local.token' 2>/dev/null"
kill -INT "$desk"; wait "$desk"
sed "s/name: Count/name: Long/; s/seq 15/seq 3000/" "$work/Count.yaml" >"$work/Long.yaml"
long=$(here submit "$work/Long.yaml" --project Farm | cut -d' ' -f1)
work_here '1 s'
running() { is '.filter(a=>a.state==="running").length' 1 ask GET "/jobs/$long/attempts"; }
ok "a worker that is less patient" until_true 60 running
user 0
given_back() { is '.filter(a=>a.state==="running").length' 0 ask GET "/jobs/$long/attempts" && node_is desk; }
ok "gives back what has waited" until_true 60 given_back
ok "and nobody is blamed" is '.steps[0].failed' 0 ask GET "/jobs/$long"
user 600
ok "it is begun again when he goes" until_true 60 running
ok "it is cancelled" here job "$long" cancel
kill -INT "$desk"; wait "$desk"; desk=""
ok "hours that can not be read are refused" bash -c "! '$posthouse' work --house.folder='$house' --desk --worker.hours='at night' 2>'$work/no' && grep -q 'worker.hours' '$work/no'"
ok "the house closes" close_house
finish
