#!/bin/bash
# Random byte ranges of one file: ours with 2 threads against nginx with 2 workers, by turns, the
# median of 5. One JSON line a size and transport, with the CPU time of the server for one request,
# which says more than the rate does on a busy machine.
#   benchmarks/range_serving.sh BENCH-PROGRAM [PORT]
set -euo pipefail
program=$1 port=${2:-18190}
seconds=${SECONDS_EACH:-2}
dir=$(mktemp -d)
pids=()
finish() {
    exec 9>&- || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
head -c 104857600 /dev/urandom >"$dir/file.mp4"
mkfifo "$dir/hold"
"$program" "$dir/file.mp4" "$port" $((port + 1)) "$dir/cert.pem" "$dir/key.pem" <"$dir/hold" &
pids+=($!)
exec 9>"$dir/hold"
for _ in $(seq 100); do [ -s "$dir/cert.pem" ] && break; sleep 0.05; done
cat >"$dir/nginx.conf" <<NGINX
daemon off; pid $dir/pid; error_log $dir/error.log; worker_processes 2;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types { video/mp4 mp4; }
  client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
  uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server {
    listen 127.0.0.1:$((port + 2)); listen 127.0.0.1:$((port + 3)) ssl;
    ssl_certificate $dir/cert.pem; ssl_certificate_key $dir/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; root $dir;
  }
}
NGINX
chmod 755 "$dir"
chmod 644 "$dir/file.mp4"
nginx -c "$dir/nginx.conf" -e "$dir/error.log" &
pids+=($!)
cat >"$dir/range.lua" <<'LUA'
local length = tonumber(os.getenv("RANGE_LENGTH"))
math.randomseed(7)
request = function()
  local from = math.random(0, 104857600 - length)
  return wrk.format("GET", "/file.mp4", {["Range"] = "bytes=" .. from .. "-" .. (from + length - 1)})
end
LUA
for p in 0 1 2 3; do
    for _ in $(seq 100); do (: <"/dev/tcp/127.0.0.1/$((port + p))") 2>/dev/null && break; sleep 0.05; done
done
ticks() { cat $(printf '/proc/%s/stat ' "$@") | awk '{t += $14 + $15} END {print t}'; }
# WHO URL PID... -> requests a second; adds the server's work to the file WHO: ticks and requests
rate() {
    local who=$1 url=$2 before
    shift 2
    before=$(ticks "$@")
    wrk -t1 -c16 -d"${seconds}s" -s "$dir/range.lua" "$url" >"$dir/said"
    awk '/Non-2xx/ {print "non-2xx answers" >"/dev/stderr"; exit 1}' "$dir/said"
    echo "$(($(ticks "$@") - before)) $(awk '/requests in/ {print $1}' "$dir/said")" >>"$dir/$who"
    awk '/Requests\/sec/ {print $2}' "$dir/said"
}
work() { awk -v hz="$(getconf CLK_TCK)" '{t += $1; n += $2} END {printf "%.1f", t * 1e6 / hz / n}' "$dir/$1"; }
median() { printf '%s\n' "$@" | sort -n | sed -n 3p; }
for kind in plain tls; do
    if [ $kind = plain ]; then ours=http://127.0.0.1:$port theirs=http://127.0.0.1:$((port + 2))
    else ours=https://127.0.0.1:$((port + 1)) theirs=https://127.0.0.1:$((port + 3)); fi
    for length in 16384 262144 1048576; do
        export RANGE_LENGTH=$length
        a=() b=()
        rm -f "$dir/ours" "$dir/theirs"
        for _ in 1 2 3 4 5; do
            a+=("$(rate ours "$ours/file.mp4" "${pids[0]}")")
            b+=("$(rate theirs "$theirs/file.mp4" $(pgrep -P "${pids[1]}"))")
        done
        promise=
        [ $kind = tls ] || { [ $length = 262144 ] && promise=',"at_least":0.55' || promise=',"at_least":1.0'; }
        awk -v k=$kind -v l=$((length / 1024)) -v a="$(median "${a[@]}")" -v b="$(median "${b[@]}")" -v p="$promise" \
            -v w="$(work ours)" -v v="$(work theirs)" 'BEGIN {
            printf "{\"bench\":\"ranges\",\"what\":\"ranges of %d KiB, %s, against nginx\",\"ours\":%.0f,\"peer\":%.0f,\"unit\":\"a second\",\"ratio\":%.2f%s,\"work_us\":%s,\"peer_work_us\":%s}\n", l, k, a, b, a / b, p, w, v }'
    done
done
