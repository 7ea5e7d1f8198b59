#!/usr/bin/env bash
# The farm's policy: jobs after jobs, frames done again by their numbers, budgets, GPUs by index. Speaks TAP.
set -uo pipefail
source "$(dirname "$0")/house_lib.sh"
here() { "$posthouse" "$@" --house "$url" --token-file "$house/local.token"; }
is() { [ "$("${@:3}" | field "$1")" = "$2" ]; } # is FIELD VALUE COMMAND...
job_is() { is .state "$2" ask GET "/jobs/$1"; }
mkdir -p "$work/bin" "$work/out"
# Two GPUs, as nvidia-smi tells them; the worker of the house inherits the path.
cat >"$work/bin/nvidia-smi" <<'SMI'
#!/bin/sh
printf '0, 24576\n1, 12288\n'
SMI
chmod +x "$work/bin/nvidia-smi"
export PATH=$work/bin:$PATH
template() { # template NAME COMMANDS FRAMES [REQUIREMENTS]: a step Say whose task runs a shell's words with the frame as $1
  printf 'specificationVersion: jobtemplate-2023-09\nname: %s\nsteps:\n- name: Say\n%s  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "%s"}]}\n  script:\n    actions: {onRun: {command: /bin/sh, args: ["-c", %s, sh, "{{Task.Param.Frame}}"]}}\n' \
    "$1" "${4:+  hostRequirements: $4
}" "$3" "$(node -e 'console.log(JSON.stringify(process.argv[1]))' "$2")" >"$work/$1.yaml"
}
submit() { here submit "$work/$1.yaml" --project Farm "${@:2}" | cut -d' ' -f1; }

ok "the house opens" open_house --worker.slots=3 "--worker.price=36 USD"
ok "a project" ask POST /projects '{"name":"Farm"}'
gpus() { is '[0].gpus.length' 2 ask GET /nodes; }
ok "the worker has found two GPUs" until_true 60 gpus
ok "and the memory of the smaller one" is '[0].gpus[0]' "GPU, 12288 MiB" ask GET /nodes

# Each holds its GPU for a moment: a folder that is there already means that two have the same one.
template Gpu "mkdir $work/out/gpu\$CUDA_VISIBLE_DEVICES || exit 1; sleep 0.2; rmdir $work/out/gpu\$CUDA_VISIBLE_DEVICES; echo \$CUDA_VISIBLE_DEVICES >$work/out/frame\$1" 1-8 '{amounts: [{name: amount.worker.gpu, min: 1}, {name: amount.worker.gpu.memory, min: 12000}]}'
gpu=$(submit Gpu)
template After "test -e $work/out/frame8" 1-2
after=$(submit After --after "$gpu")
done_() { job_is "$1" "$2"; }
ok "the second waits for the first" bash -c "'$posthouse' job $after why --house '$url' --token-file '$house/local.token' | grep -q 'waits for job $gpu'"
ok "tasks with GPUs are done" until_true 60 done_ "$gpu" done
ok "none failed: no GPU was used twice" is .steps[0].failed 0 ask GET "/jobs/$gpu"
ok "and both were used" test "$(sort -u "$work"/out/frame* | tr -d '\n')" = 01
ok "then the second is done" until_true 60 done_ "$after" done
ok "a GPU with more memory is not there" test "$(template Big true 1-2 '{amounts: [{name: amount.worker.gpu, min: 1}, {name: amount.worker.gpu.memory, min: 30000}]}'; big=$(submit Big); sleep 0.5; here job "$big" why | grep -c 'GPU'; here job "$big" cancel >/dev/null)" = 1

template Bad 'exit 1' 1
bad_job=$(submit Bad --tries 1)
waits=$(submit After --after "$bad_job")
anyhow=$(submit After --after-anyhow "$bad_job")
ok "a job fails" until_true 60 done_ "$bad_job" failed
ok "who waits anyhow goes on" until_true 60 done_ "$anyhow" done
ok "the house closes" close_house
ok "and opens" open_house --worker.slots=3 "--worker.price=36 USD"
failed_said() { here job "$waits" why | grep -q "$bad_job, which has failed"; }
ok "after a restart the other says that what it waits for has failed" until_true 20 failed_said
ok "it is cancelled" here job "$waits" cancel
ok "a job can not wait for one that is not there" bash -c "! '$posthouse' submit '$work/After.yaml' --project Farm --after 01J00000000000000000000000 --house '$url' --token-file '$house/local.token' 2>'$work/no' && grep -q 'no job' '$work/no'"

template Frames "echo x >>$work/out/made\$1" 101-110
frames=$(submit Frames)
ok "frames are made" until_true 60 done_ "$frames" done
ok "some are asked for again by their numbers" here job requeue "$frames" --step Say --frames 103-104,110
ok "they are made again" until_true 60 done_ "$frames" done
ok "and no others" test "$(cat "$work"/out/made* | wc -l)$(cat "$work/out/made103" "$work/out/made110" | wc -l)" = 134
ok "no such frames are said so" bash -c "! '$posthouse' job $frames requeue --frames 7 --house '$url' --token-file '$house/local.token'"

# A slot of this machine costs 12 USD an hour, 0.0033 a second.
template Dear "sleep 1" 1-200
dear=$(submit Dear --budget '0.02 USD' --deadline 2999-01-01T00:00:00Z)
broke() { here job "$dear" why | grep -q 'the budget is 0.02 USD'; }
ok "a budget stops a job" until_true 60 broke
idle() { is '.steps[0].running' 0 ask GET "/jobs/$dear"; }
ok "what runs ends" until_true 30 idle
ok "it is not overspent" node -e 'const j=JSON.parse(process.argv[1]);process.exit(j.spent.amount>0&&j.spent.amount<=0.03&&j.steps[0].done>=1&&j.steps[0].done<10?0:1)' "$(ask GET "/jobs/$dear")"
spent=$(ask GET "/jobs/$dear" | field .spent.amount)
ok "the house closes again" close_house
ok "and opens again" open_house --worker.slots=3 "--worker.price=36 USD"
learned() { [ "$(ask GET "/jobs/$dear" | field '.steps[0].mean_ms')" -ge 900 ]; }
ok "how long a task takes is known" until_true 20 learned
ok "what was spent is known" is .spent.amount "$spent" ask GET "/jobs/$dear"
ok "and holds" until_true 20 broke
ok "a person sees it" bash -c "'$posthouse' job $dear --house '$url' --token-file '$house/local.token' | grep -q 'spent of 0.02'"
ok "a higher budget" ask PATCH "/jobs/$dear" '{"budget":{"amount":5,"currency":"USD"}}'
runs() { is '.state' running ask GET "/jobs/$dear"; }
ok "lets it go on" until_true 20 runs
# Nothing is launched here: the keeper only says how many machines it would have, and what holds it.
machines() { "$posthouse" nodes --house.folder="$house" --launch.most=50 --launch.slots=1 --launch.boot='3 s' --json "$@"; }
none() { machines "$@" | node -e 'const j=JSON.parse(require("fs").readFileSync(0));process.exit(j.held_by==="deadline"&&j.target<=1?0:1)'; }
many() { machines "$@" | node -e 'const j=JSON.parse(require("fs").readFileSync(0));process.exit(j.held_by!=="deadline"&&j.target>5?0:1)'; }
ok "for a far deadline hardly a machine is needed" until_true 30 none
ok "without one" ask PATCH "/jobs/$dear" '{"deadline":""}'
ok "as many as it is worth" until_true 30 many
ok "a small budget" ask PATCH "/jobs/$dear" '{"budget":{"amount":0.01,"currency":"USD"}}'
paid() { machines --launch.price='36 USD' | node -e 'process.exit(JSON.parse(require("fs").readFileSync(0)).target<=3?0:1)'; }
ok "pays for no machine" paid
ok "a job that is suspended" here job "$dear" suspend
ok "needs none" test "$(machines | field .target)" = 0
ok "the house closes at last" close_house
finish
