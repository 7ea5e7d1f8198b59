#!/usr/bin/env node
// wan.mjs BUILD-FOLDER [ROW...]: long lines, made by tests/wan in network namespaces of their own (root, `ip`). Each figure is the
// receiver's goodput over a whole transfer, from the first packet of the meeting to the last byte, against what the line can
// carry: full-size TCP payload (1,448 of 1,538 bytes on the wire) less what the line loses. Median of three; a run in
// which the line itself was late by more than 200 us on average, or failed, is thrown away. Peers by turns in the same lines.
// One JSON line a row, the ratio last. WAN_BYTES makes it smaller.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";

const build = process.argv[2] ?? "build", wanted = process.argv.slice(3);
const bytes = Number(process.env.WAN_BYTES ?? 2 ** 30), tries = 6, late = 200;
const bulk = `${build}/benchmarks/bench-bulk`, wan = `${build}/tests/wan/wan`;
const a = `pha${process.pid}`, b = `phb${process.pid}`;

const ip = (...words) => execFileSync("ip", words, { stdio: ["ignore", "pipe", "ignore"] });
const has = (program) => { try { execFileSync("sh", ["-c", `command -v ${program}`]); return true; } catch { return false; } };
function start(program, words, { until } = {}) {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  const it = { child, out: "", err: "" };
  it.ended = new Promise((done) => child.on("close", (status) => done(status)));
  it.ready = new Promise((done) => {
    const look = () => (until === undefined || (it.out + it.err).includes(until)) && done();
    child.stdout.on("data", (d) => { it.out += d; look(); });
    child.stderr.on("data", (d) => { it.err += d; look(); });
    it.ended.then(done);
    look();
  });
  return it;
}
const inside = (space, program, words, how) => start("ip", ["netns", "exec", space, program, ...words], how);
const json = (text) => text.split("\n").filter((l) => l.startsWith("{")).map((l) => JSON.parse(l));

// A line for one run: what `work` gives, and how the line itself did.
async function onLine(options, work) {
  for (const space of [a, b]) {
    ip("netns", "add", space);
    for (const set of ["net.ipv4.tcp_wmem=4096 1048576 134217728", "net.ipv4.tcp_rmem=4096 1048576 134217728", "net.ipv4.tcp_no_metrics_save=1"])
      execFileSync("ip", ["netns", "exec", space, "sysctl", "-qw", set]);
  }
  const line = start(wan, [a, b, ...options], { until: "ready" });
  try {
    await line.ready;
    const result = await work();
    line.child.kill("SIGTERM");
    await line.ended;
    const ways = json(line.out);
    return { result, there: ways[0], bad: ways.some((w) => w.late_us > late || w.failed > 0), late: Math.max(...ways.map((w) => w.late_us)) };
  } finally {
    line.child.kill("SIGTERM");
    await line.ended;
    for (const space of [a, b]) ip("netns", "del", space);
  }
}

async function flows(list) { // [{bytes, items, policy, mbit, after_s}]: seconds and numbers of each
  const receiver = inside(b, bulk, ["receive", "198.18.0.2", "7000", String(list.length)], { until: "ready" });
  await receiver.ready;
  const senders = [];
  for (const [i, f] of list.entries()) {
    if (f.after_s) await new Promise((done) => setTimeout(done, f.after_s * 1000));
    senders.push(inside(a, bulk, ["send", "198.18.0.2", "7000", String(i), String(f.bytes), String(f.items ?? 1), f.policy ?? "fair", String(f.mbit ?? 0)]));
  }
  await Promise.all([...senders.map((s) => s.ended), receiver.ended]);
  const came = json(receiver.out);
  return list.map((f, i) => {
    const sent = json(senders[i].out)[0], got = came.find((r) => r.session === i);
    if (!sent || !got || got.bytes !== f.bytes || got.wrong) throw new Error(`a flow failed: ${senders[i].err} ${receiver.err}`);
    const seconds = (got.ended_us - sent.began_us) / 1e6;
    return { began: sent.began_us, ended: got.ended_us, seconds, mbit: (f.bytes * 8) / seconds / 1e6, twice: (100 * got.twice) / f.bytes, lost: sent.lost, queue: sent.queue_ms };
  });
}

const middle = (list) => [...list].sort((x, y) => x - y)[Math.floor(list.length / 2)];
const limitOf = (mbit, loss) => (mbit * 1448) / 1538 * (1 - loss / 100);
async function goodRuns(count, options, work) {
  const good = [], thrown = [];
  for (let i = 0; i < tries && good.length < count; i++) {
    const run = await onLine(options, work);
    (run.bad ? thrown : good).push(run);
  }
  return { runs: good.length ? good : thrown, good: good.length, thrown: thrown.length };
}
const round = (value, digits = 1) => Number(value.toFixed(digits));
function tell(row, figures, ratio) {
  const { goodput_mbit, limit_mbit, beside = "", good, thrown, late_us } = figures;
  console.log(JSON.stringify({ bench: "wan", row, goodput_mbit: round(goodput_mbit), of_mbit: round(limit_mbit), beside, runs: good, thrown, line_late_us: round(late_us ?? 0), ratio: round(ratio, 3) }));
}

async function one(row, mbit, rtt, loss) {
  const options = ["--rate", String(mbit), "--rtt", String(rtt), "--loss", String(loss)];
  const { runs, good, thrown } = await goodRuns(3, options, () => flows([{ bytes }]));
  const rate = middle(runs.map((r) => r.result[0].mbit)), limit = limitOf(mbit, loss);
  const at = runs.find((r) => r.result[0].mbit === rate);
  tell(row, { goodput_mbit: rate, limit_mbit: limit, good, thrown, late_us: at.late, beside: `twice ${round(at.result[0].twice, 2)} %, dropped by the queue ${at.there.dropped}` }, rate / limit);
}

const seconds = 12;
async function tcp(row, mbit, rtt, loss, control, streams) {
  if (!has("iperf3")) return;
  const options = ["--rate", String(mbit), "--rtt", String(rtt), "--loss", String(loss)];
  const { runs, good, thrown } = await goodRuns(1, options, () => iperf(control, streams, seconds));
  const limit = limitOf(mbit, loss);
  tell(row, { goodput_mbit: runs[0].result, limit_mbit: limit, good, thrown, late_us: runs[0].late, beside: `iperf3, ${seconds} s` }, runs[0].result / limit);
}
async function iperf(control, streams, span) {
  const server = inside(b, "iperf3", ["-s", "-1", "-B", "198.18.0.2", "--forceflush"], { until: "listening" });
  await server.ready;
  const client = inside(a, "iperf3", ["-c", "198.18.0.2", "-t", String(span), "-C", control, "-P", String(streams), "-J"]);
  await client.ended;
  await server.ended;
  return (JSON.parse(client.out).end.sum_received?.bits_per_second ?? 0) / 1e6;
}

// Two flows that begin together: what the slower had by the time the faster was through, against that.
async function share(row) {
  const each = bytes / 2, limit = limitOf(200, 0);
  const { runs, good, thrown } = await goodRuns(1, ["--rate", "200", "--rtt", "40"], () => flows([{ bytes: each }, { bytes: each }]));
  const [first, last] = runs[0].result.sort((x, y) => x.ended - y.ended);
  const alone = (last.ended - first.ended) * limit / 8, ratio = Math.max(0, each - alone) / each; // us x Mbit/s
  tell(row, { goodput_mbit: first.mbit * ratio, limit_mbit: first.mbit, good, thrown, late_us: runs[0].late, beside: `both there for ${round(first.seconds)} s` }, ratio);
}

// Beside one TCP stream: what of the line is left to it, while both are there.
async function besideTcp(row, control) {
  if (!has("iperf3")) return;
  const options = ["--rate", "200", "--rtt", "40"];
  const { runs, good, thrown } = await goodRuns(1, options, async () => {
    const ours = flows([{ bytes: bytes / 2 }]);
    await new Promise((done) => setTimeout(done, 1000));
    const other = await iperf(control, 1, 15);
    await ours;
    return other;
  });
  tell(row, { goodput_mbit: runs[0].result, limit_mbit: limitOf(200, 0), good, thrown, late_us: runs[0].late, beside: `one ${control} stream for 15 s beside ours` }, runs[0].result / limitOf(200, 0));
}

async function queue(row) {
  if (!has("ping")) return;
  const { runs, good, thrown } = await goodRuns(1, ["--rate", "200", "--rtt", "40"], async () => {
    const ours = flows([{ bytes: bytes / 2 }]);
    await new Promise((done) => setTimeout(done, 3000));
    const ping = inside(a, "ping", ["-q", "-i", "0.05", "-c", "200", "198.18.0.2"]);
    await ping.ended;
    await ours;
    return Number(/= [\d.]+\/([\d.]+)\//.exec(ping.out)?.[1] ?? 0) - 40;
  });
  console.log(JSON.stringify({ bench: "wan", row, goodput_mbit: round(runs[0].result), of_mbit: 20, beside: "ms that a ping waits longer while we send at fair; at most 20", runs: good, thrown, line_late_us: round(runs[0].late), ratio: round(runs[0].result / 20, 3) }));
}

// The same with all that stands around it: files on disk, the house's store made durable, every chunk hashed at both ends.
async function withHouse(work) { // work(folder, ask a command of posthouse)
  const folder = mkdtempSync("/var/tmp/posthouse-wan-");
  const serve = inside(b, `${build}/posthouse`, ["serve", `--house.folder=${folder}/house`, "--listen=198.18.0.2", "--port=8480", "--media.port=0", "--store.reserve=0", "--worker=off", "--tls=off"]);
  try {
    for (let i = 0; !existsSync(`${folder}/house/ready`) && i < 600; i++) await new Promise((done) => setTimeout(done, 100));
    const url = readFileSync(`${folder}/house/ready`, "utf8").split("\n")[0];
    return await work(folder, async (...words) => {
      if (words[0] === "project") {
        const token = readFileSync(`${folder}/house/local.token`, "utf8").trim();
        const it = inside(a, "curl", ["-sS", "-H", `Authorization: Bearer ${token}`, "-H", "Content-Type: application/json", "-d", '{"name":"Wan"}', `${url}/api/v1/projects`]);
        await it.ended;
        return JSON.parse(it.out).id;
      }
      const it = inside(a, `${build}/posthouse`, [...words, "--house", url, "--token-file", `${folder}/house/local.token`]);
      if (await it.ended) throw new Error(`posthouse ${words[0]}: ${it.err.trim().split("\n").pop()}`);
      return JSON.parse(it.out);
    });
  } finally {
    serve.child.kill("SIGKILL");
    await serve.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
function noise(path, size = bytes) {
  execFileSync("sh", ["-c", `openssl enc -aes-128-ctr -pass pass:${process.pid} -nosalt -pbkdf2 </dev/zero 2>/dev/null | head -c ${size} >${path}`]);
}
async function ofHouse(row, out, mbit, rtt, loss) {
  const options = ["--rate", String(mbit), "--rtt", String(rtt), "--loss", String(loss)];
  const { runs, good, thrown } = await goodRuns(3, options, () => withHouse(async (folder, house) => {
    noise(`${folder}/film.bin`);
    const project = await house("project");
    const put = await house("put", `${folder}/film.bin`, "--project", project, "--json", ...(out ? ["--via", "https"] : []));
    if (!out) return { mbit: (put.sent_bytes * 8) / put.seconds / 1e6, via: put.via };
    const got = await house("get", "Wan/film.bin", "--out", `${folder}/out`, "--json");
    return { mbit: (got.received_bytes * 8) / got.seconds / 1e6, via: got.via };
  }));
  const rate = middle(runs.map((r) => r.result.mbit)), limit = limitOf(mbit, loss);
  tell(row, { goodput_mbit: rate, limit_mbit: limit, good, thrown, late_us: runs[0].late, beside: `posthouse ${out ? "get" : "put"}, from disk to disk, by ${runs[0].result.via}` }, rate / limit);
}

// What people use now, over the same line: from disk to disk, through a server of their own in the other namespace.
async function bySsh(row, program, mbit, rtt, loss) {
  if (!has(program) || !has("/usr/sbin/sshd")) return;
  const options = ["--rate", String(mbit), "--rtt", String(rtt), "--loss", String(loss)];
  const { runs, good, thrown } = await goodRuns(1, options, async () => {
    const folder = mkdtempSync("/var/tmp/posthouse-wan-");
    let sshd;
    try {
      noise(`${folder}/film.bin`);
      for (const key of ["host", "mine"]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${key}`]);
      mkdirSync("/run/sshd", { recursive: true });
      writeFileSync(`${folder}/sshd.conf`, `Port 2222\nListenAddress 198.18.0.2\nHostKey ${folder}/host\nAuthorizedKeysFile ${folder}/mine.pub\nStrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n`);
      sshd = inside(b, "/usr/sbin/sshd", ["-D", "-e", "-f", `${folder}/sshd.conf`], { until: "listening" });
      await sshd.ready;
      const how = ["-i", `${folder}/mine`, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];
      const began = performance.now();
      const it = program === "scp"
        ? inside(a, "scp", [...how, "-P", "2222", `${folder}/film.bin`, `root@198.18.0.2:${folder}/out.bin`])
        : inside(a, "rsync", ["--whole-file", "-e", `ssh -p 2222 ${how.join(" ")}`, `${folder}/film.bin`, `root@198.18.0.2:${folder}/out.bin`]);
      if (await it.ended) throw new Error(`${program}: ${it.err.trim()}`);
      return (bytes * 8) / (performance.now() - began) / 1e3;
    } finally {
      sshd?.child.kill("SIGTERM");
      await sshd?.ended;
      rmSync(folder, { recursive: true, force: true });
    }
  });
  const limit = limitOf(mbit, loss);
  tell(row, { goodput_mbit: runs[0].result, limit_mbit: limit, good, thrown, late_us: runs[0].late, beside: `${program === "scp" ? "scp" : "rsync over ssh"}, from disk to disk` }, runs[0].result / limit);
}

// Programs of their own kind: one file, less of it than of ours so that a run ends within a minute. `work(folder)` gives when it
// began and ended; what it brought is counted.
const peer_bytes = Math.min(bytes, 2 ** 28);
async function peer(row, what, needs, mbit, rtt, loss, size, work) {
  const lacking = needs.filter((n) => !existsSync(n) && !has(n));
  if (lacking.length) {
    console.error(`wan: ${row}: left out, there is no ${lacking.join(", ")} (tools/install-deps bench)`);
    return;
  }
  const options = ["--rate", String(mbit), "--rtt", String(rtt), "--loss", String(loss)];
  const { runs, good, thrown } = await goodRuns(1, options, async () => {
    const folder = mkdtempSync("/var/tmp/posthouse-wan-");
    try {
      return await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  const limit = limitOf(mbit, loss);
  tell(row, { goodput_mbit: runs[0].result, limit_mbit: limit, good, thrown, late_us: runs[0].late, beside: `${what}, ${size / 2 ** 20} MiB` }, runs[0].result / limit);
}
const rate_since = (began) => (peer_bytes * 8) / (performance.now() - began) / 1e3;
function came(path, what, it) {
  const size = existsSync(path) ? statSync(path).size : 0;
  if (size !== peer_bytes) throw new Error(`${what} brought ${size} of ${peer_bytes} bytes: ${it.err.trim().split("\n").pop()}`);
}

// QUIC: the example server and client of ngtcp2 with bbr, windows wide enough for the line.
const quic = (row, mbit, rtt, loss) => peer(row, "ngtcp2 with bbr, from disk to disk", ["gtlsclient", "/usr/sbin/gtlsserver"], mbit, rtt, loss, peer_bytes, async (folder) => {
  noise(`${folder}/film.bin`, peer_bytes);
  mkdirSync(`${folder}/out`);
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=wan", "-keyout", `${folder}/key`, "-out", `${folder}/cert`], { stdio: "ignore" });
  const wide = ["-q", "--no-quic-dump", "--no-http-dump", "--cc=bbr", "--max-data=64M", "--max-window=128M", "--max-stream-window=128M"];
  const server = inside(b, "/usr/sbin/gtlsserver", [...wide, `--htdocs=${folder}`, "198.18.0.2", "4433", `${folder}/key`, `${folder}/cert`]);
  try {
    await new Promise((done) => setTimeout(done, 500));
    const began = performance.now();
    const it = inside(a, "gtlsclient", [...wide, "--max-stream-data-bidi-local=64M", "--exit-on-all-streams-close", `--download=${folder}/out`, "198.18.0.2", "4433", "https://wan/film.bin"]);
    await it.ended;
    const rate = rate_since(began);
    came(`${folder}/out/film.bin`, "ngtcp2", it);
    return rate;
  } finally {
    server.child.kill("SIGKILL");
    await server.ended;
  }
});

// On a line that loses packets it is so slow that it gets a quarter.
const udt = (row, mbit, rtt, loss, size = loss ? peer_bytes / 4 : peer_bytes) => peer(row, "UDT 4.11, memory to memory", ["g++", "/usr/include/udt/udt.h"], mbit, rtt, loss, size, async (folder) => {
  execFileSync("g++", ["-O2", "-w", "-o", `${folder}/udt`, new URL("udt_peer.cpp", import.meta.url).pathname, "-ludt", "-lpthread"]);
  const receiver = inside(b, `${folder}/udt`, ["receive", "198.18.0.2", "9000", String(size)], { until: "listening" });
  await receiver.ready;
  const began = performance.now();
  let ended = 0;
  receiver.child.stdout.on("data", () => { ended ||= performance.now(); });
  const sender = inside(a, `${folder}/udt`, ["send", "198.18.0.2", "9000", String(size)]);
  const over = setTimeout(() => { sender.child.kill("SIGKILL"); receiver.child.kill("SIGKILL"); }, 120000);
  await Promise.all([sender.ended, receiver.ended]);
  clearTimeout(over);
  if (!ended) throw new Error(`udt: ${sender.err} ${receiver.err}`);
  return (size * 8) / (ended - began) / 1e3;
});

// uftp is for multicast; to one receiver it goes by unicast too, at a rate that it is told (95 % of the line) as it finds none by itself
// on a line that loses packets: what it loses it sends again in further passes.
const uftp = (row, mbit, rtt, loss) => peer(row, "uftp 4.10 at 95 % of the line, from disk to disk", ["uftp", "uftpd"], mbit, rtt, loss, peer_bytes, async (folder) => {
  noise(`${folder}/film.bin`, peer_bytes);
  mkdirSync(`${folder}/out`);
  const server = inside(b, "uftpd", ["-d", "-D", `${folder}/out`, "-T", `${folder}`, "-B", "4194304", "-x", "1"]);
  try {
    await new Promise((done) => setTimeout(done, 500));
    const began = performance.now();
    const it = inside(a, "uftp", ["-R", String(Math.round((mbit * 950 * 1448) / 1538)), "-B", "4194304", "-M", "198.18.0.2", "-P", "198.18.0.2", "-x", "1", `${folder}/film.bin`]);
    await it.ended;
    const rate = rate_since(began);
    came(`${folder}/out/film.bin`, "uftp", { err: it.err + it.out + server.err + server.out });
    return rate;
  } finally {
    server.child.kill("SIGKILL");
    await server.ended;
  }
});

async function small(row) {
  const options = ["--rate", "500", "--rtt", "100"];
  const whole = 20000 * 10240;
  const { runs, good, thrown } = await goodRuns(1, options, async () => [(await flows([{ bytes: whole }]))[0], (await flows([{ bytes: whole, items: 20000 }]))[0]]);
  const [single, many] = runs[0].result;
  tell(row, { goodput_mbit: many.mbit, limit_mbit: single.mbit, good, thrown, late_us: runs[0].late, beside: "20,000 items of 10 KiB against one of the same size" }, many.mbit / single.mbit);
}

async function loopback(row) {
  ip("netns", "add", b);
  ip("-n", b, "link", "set", "lo", "up");
  try {
    const receiver = inside(b, bulk, ["receive", "127.0.0.1", "7000", "1"], { until: "ready" });
    await receiver.ready;
    const sender = inside(b, bulk, ["send", "127.0.0.1", "7000", "0", String(bytes * 2), "1"]);
    await Promise.all([sender.ended, receiver.ended]);
    const sent = json(sender.out)[0], got = json(receiver.out)[0];
    const mbit = (got.bytes * 8) / (got.ended_us - sent.began_us);
    tell(row, { goodput_mbit: mbit, limit_mbit: 3000, good: 1, thrown: 0, beside: "both ends on two cores; the aim is 3 Gbit/s" }, mbit / 3000);
  } finally {
    ip("netns", "del", b);
  }
}

const rows = {
  "wan-500-100-0": (n) => one(n, 500, 100, 0),
  "wan-500-100-1": (n) => one(n, 500, 100, 1),
  "wan-500-100-2": (n) => one(n, 500, 100, 2),
  "wan-500-100-10": (n) => one(n, 500, 100, 10),
  "wan-1000-50-1": (n) => one(n, 1000, 50, 1),
  "put-500-100-0": (n) => ofHouse(n, false, 500, 100, 0),
  "put-500-100-1": (n) => ofHouse(n, false, 500, 100, 1),
  "get-500-100-1": (n) => ofHouse(n, true, 500, 100, 1),
  "wan-small-files": (n) => small(n),
  "wan-two-flows": (n) => share(n),
  "wan-beside-cubic": (n) => besideTcp(n, "cubic"),
  "wan-beside-bbr": (n) => besideTcp(n, "bbr"),
  "wan-queue": (n) => queue(n),
  "wan-loopback": (n) => loopback(n),
  "tcp-cubic-500-100-0": (n) => tcp(n, 500, 100, 0, "cubic", 1),
  "tcp-bbr-500-100-0": (n) => tcp(n, 500, 100, 0, "bbr", 1),
  "tcp-bbr-500-100-1": (n) => tcp(n, 500, 100, 1, "bbr", 1),
  "tcp-bbr8-500-100-1": (n) => tcp(n, 500, 100, 1, "bbr", 8),
  "rsync-500-100-0": (n) => bySsh(n, "rsync", 500, 100, 0),
  "rsync-500-100-1": (n) => bySsh(n, "rsync", 500, 100, 1),
  "scp-500-100-1": (n) => bySsh(n, "scp", 500, 100, 1),
  "tcp-bbr-500-100-2": (n) => tcp(n, 500, 100, 2, "bbr", 1),
  "quic-500-100-0": (n) => quic(n, 500, 100, 0),
  "quic-500-100-1": (n) => quic(n, 500, 100, 1),
  "udt-500-100-0": (n) => udt(n, 500, 100, 0),
  "udt-500-100-1": (n) => udt(n, 500, 100, 1),
  "uftp-500-100-0": (n) => uftp(n, 500, 100, 0),
  "uftp-500-100-1": (n) => uftp(n, 500, 100, 1),
};
if (process.getuid() !== 0) {
  console.error("wan: lines need root (namespaces and tun devices)");
  process.exit(1);
}
for (const [name, run] of Object.entries(rows)) {
  if (wanted.length && !wanted.some((w) => name.includes(w))) continue;
  try {
    await run(name);
  } catch (e) {
    console.error(`wan: ${name}: ${e.message}`);
    process.exitCode = 1;
  }
}
