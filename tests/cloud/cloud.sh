#!/usr/bin/env bash
# cloud.sh FOLDER TOP: the programs for AWS, Azure and Google against an endpoint that answers as their references say and
# checks signatures and tokens by itself. Speaks TAP.
set -uo pipefail
built=$(realpath "$1") top=$(realpath "$2")
work=$(mktemp -d)
node "$top/tests/cloud/endpoint.mjs" "$work" >"$work/endpoint.log" 2>&1 & endpoint=$!
trap 'kill $endpoint 2>/dev/null; rm -rf "$work"' EXIT
number=0 bad=0
ok() { number=$((number + 1)); if "${@:2}" >"$work/said" 2>&1; then echo "ok $number $1"; else echo "not ok $number $1"; sed 's/^/# /' "$work/said" "$work/endpoint.log" | tail -20; bad=1; fi; }
until_true() { local end=$(($(date +%s) + $1)); shift; until "$@" >/dev/null 2>&1; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.05; done; }
until_true 20 test -s "$work/port" || { echo "1..0 # SKIP node does not serve here"; exit 0; }
at=http://127.0.0.1:$(cat "$work/port")
secret='s3cret/With+signs=='
printf %s "$secret" >"$work/secret"
printf 'AKIDEXAMPLE\n%s\n' "$secret" >"$work/aws.key"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/private.pem" 2>/dev/null
openssl pkey -in "$work/private.pem" -pubout -out "$work/public.pem"
node -e 'const fs=require("fs");fs.writeFileSync(process.argv[2],JSON.stringify({type:"service_account",client_email:"farm@project-1.iam.gserviceaccount.com",private_key:fs.readFileSync(process.argv[1],"utf8")}))' "$work/private.pem" "$work/google.key"
echo "ssh-ed25519 AAAA test" >"$work/ssh.pub"
printf '#!/bin/sh\nhostname @NAME@\n' >"$work/boot.sh"
common="house = film
boot.file = $work/boot.sh"
cat >"$work/aws.conf" <<C
$common
region = eu-central-1
image = ami-1
type = c5a.4xlarge
subnet = subnet-1
security.group = sg-1
key.file = $work/aws.key
endpoint = $at
metadata = $at
C
cat >"$work/azure.conf" <<C
$common
subscription = sub-1
group = farm
location = westeurope
image = /subscriptions/sub-1/images/farm
type = Standard_F16s_v2
subnet = /subscriptions/sub-1/subnets/farm
ssh.key.file = $work/ssh.pub
tenant = tenant-1
client = client-1
secret.file = $work/secret
endpoint = $at
login = $at
metadata = $at
C
cat >"$work/google.conf" <<C
$common
project = project-1
zone = zone-1
image = projects/project-1/global/images/farm
type = c2-standard-16
subnet = projects/project-1/regions/r/subnetworks/farm
key.file = $work/google.key
endpoint = $at
login = $at
metadata = $at
C
for cloud in aws azure google; do
  run() { "$built/posthouse-cloud-$cloud" "$@" --config "$work/$cloud.conf"; }
  says() { run "${@:3}" >"$work/heard" 2>&1; local status=$?; cat "$work/heard"; [ $status = "$1" ] && grep -qE -- "$2" "$work/heard"; }
  count() { [ "$(run list | grep -cE " (starting|running) ")" = "$1" ]; }
  : >"$work/mood"
  ok "$cloud: there is nothing" count 0
  ok "$cloud: five machines come up by a host list" run up 'c[1-4],n07'
  ok "$cloud: each is listed once, over several pages" count 5
  ok "$cloud: a list says name, id, state, beginning, type" bash -c "'$built/posthouse-cloud-$cloud' list --config '$work/$cloud.conf' | grep -qE '^n07 [^ ]+ (starting|running) 1795687200 [^ ]+\$'"
  ok "$cloud: asked for again, there is one of each still" run up 'c[1-4],n07'
  ok "$cloud: still five" count 5
  sed 's/^house = .*/house = other/' "$work/$cloud.conf" >"$work/other.conf"
  ok "$cloud: another house sees none of them" bash -c "[ -z \"\$('$built/posthouse-cloud-$cloud' list --config '$work/other.conf')\" ]"
  ok "$cloud: and can not take them away" "$built/posthouse-cloud-$cloud" down c1 --config "$work/other.conf"
  ok "$cloud: five" count 5
  ok "$cloud: two are taken away" run down 'c[1-2]'
  ok "$cloud: three are left" count 3
  ok "$cloud: taking away what is gone is fine" run down c1
  echo busy >"$work/mood"
  ok "$cloud: a busy provider is asked again" run up c9
  : >"$work/mood"
  ok "$cloud: and has made one" count 4
  echo full >"$work/mood"
  ok "$cloud: no capacity is said in the provider's words" says 3 'InsufficientInstanceCapacity|SkuNotAvailable|ZONE_RESOURCE_POOL_EXHAUSTED' up d1
  : >"$work/mood"
  ok "$cloud: no notice" bash -c "[ -z \"\$('$built/posthouse-cloud-$cloud' notice --config '$work/$cloud.conf')\" ]"
  echo notice >"$work/mood"
  ok "$cloud: a notice" says 0 'terminate 2026|Preempt|preempted' notice
  : >"$work/mood"
  ok "$cloud: all go" run down 'c[1-9],n07'
  ok "$cloud: none is left" count 0
done
ok "a new machine's script has its name in it" bash -c "grep -o 'UserData=[^&\"]*' '$work/requests' | head -1 | cut -d= -f2 | sed 's/%3D/=/g;s/%2B/+/g;s,%2F,/,g' | base64 -d | grep -q 'hostname c1'"
ok "spot machines were asked for" test "$(grep -c 'MarketType=spot\|\\"priority\\":\\"Spot\\"\|\\"provisioningModel\\":\\"SPOT\\"' "$work/requests")" -ge 15
sed -i '/^key.file/d' "$work/aws.conf"
cloud=aws
ok "without a key the machine's role is used" count 0
printf 'AKIDEXAMPLE\nwrong %s\n' "$secret" >"$work/aws.key"; echo "key.file = $work/aws.key" >>"$work/aws.conf"
ok "a wrong key is refused, and not shown" bash -c "out=\$('$built/posthouse-cloud-aws' list --config '$work/aws.conf' 2>&1); [ \$? != 0 ] && grep -q AuthFailure <<<\"\$out\" && ! grep -qF '$secret' <<<\"\$out\""
printf wrong >"$work/secret.azure"; sed "s,^secret.file.*,secret.file = $work/secret.azure," "$work/azure.conf" >"$work/wrong.conf"
ok "Azure: neither is a wrong secret" bash -c "out=\$('$built/posthouse-cloud-azure' list --config '$work/wrong.conf' 2>&1); [ \$? != 0 ] && grep -q invalid_client <<<\"\$out\""
ok "a list that is none is refused" bash -c "! '$built/posthouse-cloud-aws' up 'c[1-' --config '$work/aws.conf'"
ok "a mistyped setting is named" bash -c "echo 'regoin = x' >'$work/typo.conf'; '$built/posthouse-cloud-aws' list --config '$work/typo.conf' 2>&1 | grep -q 'region'"
echo "1..$number"
exit $bad
