#!/usr/bin/env bash
# Machines: what a task says of itself, and what a person may say of a worker, through the house's own addresses.
# Speaks TAP.
set -uo pipefail
source "$(dirname "$0")/house_lib.sh"
template='{"specificationVersion":"jobtemplate-2023-09","name":"Count","steps":[{"name":"Say","parameterSpace":{"taskParameterDefinitions":[{"name":"Frame","type":"INT","range":"11-14"}]},"script":{"actions":{"onRun":{"command":"/bin/echo","args":["frame","{{Task.Param.Frame}}"]}}}}]}'
submit() { ask POST "/projects/$project/jobs" "$(node -e 'console.log(JSON.stringify({template:process.argv[1],options:{suspended:true}}))' "$template")" | field .id; }
is() { [ "$("${@:3}" | field "$1")" = "$2" ]; } # is FIELD VALUE COMMAND...
audited() { ask GET /audit | field ".items.filter(r=>r.action===\"$1\").length" | grep -qx "$2"; }
status_of() { curl -s -o "$work/body" -w '%{http_code}' -X "$1" -H "Authorization: Bearer $token" "$url/api/v1$2"; }

ok "the house opens" open_house --worker.slots=1
project=$(ask POST /projects '{"name":"Farm"}' | field .id)
here() { is .length 1 ask GET /nodes && is '[0].state' idle ask GET /nodes; }
ok "a worker comes" until_true 60 here
node=$(ask GET /nodes | field '[0].id')
job=$(submit)
ok "a job is named anew" is .title "Better" ask PATCH "/jobs/$job" '{"name":"Better"}'
ok "a task says its values before it runs" is .values.Frame 13 ask GET "/jobs/$job/steps/1/tasks/2"
ok "there is no fifth task" test "$(status_of GET "/jobs/$job/steps/1/tasks/4")" = 404
ok "the worker is drained" is .state draining ask POST "/nodes/$node/drain"
ok "the job goes on" ask POST "/jobs/$job/resume"
ok "the sums say so" is .workers.draining 1 ask GET /farm
ok "and whose it is" is '.shares[0].name' Farm ask GET /farm
ok "the house closes" close_house
ok "and opens" open_house --worker.slots=1
drained() { is "[0].state" draining ask GET /nodes; }
ok "the worker is drained still" until_true 60 drained
ok "its job waits" is .state waiting ask GET "/jobs/$job"
ok "its machine is put in quarantine" is .state quarantined ask POST "/nodes/$node/quarantine"
ok "it is good again, and drained" is .state draining ask POST "/nodes/$node/good"
ok "it is resumed" ask POST "/nodes/$node/resume"
ended() { is .state done ask GET "/jobs/$job"; }
ok "its job is done" until_true 60 ended
ok "a task tells who made it" is '.attempts[0].state' committed ask GET "/jobs/$job/steps/1/tasks/2"
ok "and that there is a log" is '.attempts[0].log' true ask GET "/jobs/$job/steps/1/tasks/2"
ok "a limit is made" ask PUT /limits '{"name":"arnold","scope":"task","total":3}'
for act in worker.drained worker.quarantined worker.good worker.resumed limit.changed job.changed; do ok "$act is in the audit" audited $act 1; done
ok "nobody else may drain" test "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/api/v1/nodes/$node/drain")" = 401
ok "an unknown worker is not found" test "$(status_of POST /nodes/01J00000000000000000000000/drain)" = 404
ok "the house closes again" close_house
finish
