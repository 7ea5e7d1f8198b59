/*
 * The farm of the house that is not there: as many jobs of as many tasks as one wishes, made up from their number; what is
 * ordered is done to them. Answers as docs/formats/submission.md says.
 */
const STATES = ["waiting", "running", "done", "failed", "cancelled"];
const shows = ["sh010 beauty", "sh010 volumetrics", "sh020 crowd", "sq03 water FX cache", "sh044 comp", "lookdev turntable Größe", "sh120 hair (a name that somebody made much too long on purpose, v0012 FINAL final 2)", "titles"];
const people = ["Maya Keller", "Dirk Iversen", "Oona Laine", "Sam Okafor"];

export function farm({ id, at, project, other, fault, jobs: count = 0, tasks: size = 100_000, now = Date.now() }) {
  const kept = new Map(); // job and step -> states
  const ago = (minutes) => new Date(now - minutes * 60e3).toISOString();
  const jobs = Array.from({ length: count }, (_, n) => {
    const state = n < 3 ? "running" : n === 3 ? "approval" : n === 4 ? "stopped" : n === 5 ? "suspended" : n % 10 < 3 ? "running" : n % 10 < 6 ? "waiting" : n % 40 === 7 ? "failed" : n % 40 === 8 ? "cancelled" : "done";
    const total = n === 1 ? 240 : n === 2 ? 48 : size;
    const over = ["done", "failed", "cancelled"].includes(state);
    return { id: id("R", n), project: n % 9 === 8 ? other.id : project.id, kind: "render", title: `${shows[n % shows.length]}${n >= shows.length ? ` ${n}` : ""}`, state, priority: [50, 50, 80, 50, 20][n % 5], tier: n % 31 === 30 ? 4 : 2, progress: 0, done: 0, total, unit: "tasks", rate: null,
      left_s: state === "running" ? 600 + ((n * 7919) % 90_000) : null, created: ago(30 + n * 3), started: state === "waiting" ? null : ago(20 + n * 3), ended: over ? ago(5 + n) : null, asset: null, version: null, attempts: 1,
      problem: state === "failed" || state === "stopped" ? fault(500, "media", "Frame 1044 could not be rendered", "Error: texture \"/show/tex/rock_d.1012.tx\" not found (3 attempts on render07, render11)", "bring the texture, then requeue the failed frames") : null, by: people[n % people.length],
      options: { preview_every: state === "approval" ? 20 : 0 },
      ...(n === 0 ? { deadline: ago(-180), budget: { amount: 40, currency: "USD" }, spent: { amount: 12.5, currency: "USD" } } : {}) };
  });
  const number_of = (j) => jobs.indexOf(j);
  const steps_of = (j) => (number_of(j) === 0 ? ["Simulate", "Render", "Comp"] : ["Render"]);
  const sizes = new Map(jobs.map((j) => [j, j.total]));
  const total_of = (j, step) => (number_of(j) === 0 && step !== 2 ? 1000 : sizes.get(j));
  const states = (j, step) => {
    const key = `${j.id}/${step}`;
    let s = kept.get(key);
    if (s) return s;
    const total = total_of(j, step);
    s = new Uint8Array(total);
    const n = number_of(j);
    const part = j.state === "done" ? 1 : j.state === "waiting" ? 0 : j.state === "approval" ? 0.05 : n === 0 ? [1, 0.42, 0][step - 1] : 0.1 + ((n * 37) % 80) / 100;
    const until = Math.floor(total * part);
    if (j.state === "approval") {
      for (const i of [0, 20, 40, 60, 80, Math.floor(total / 2), total - 1]) s[i] = 2;
      kept.set(key, s);
      return s;
    }
    s.fill(2, 0, until);
    if (j.state === "running" && part < 1 && part > 0) s.fill(1, until, Math.min(total, until + 24));
    if (j.state === "failed" || j.state === "stopped" || n < 3 || n % 7 === 1) for (let i = 37; i < until; i += 997) s.fill(3, i, i + 1 + (i % 3));
    if (j.state === "cancelled") s.fill(4, until);
    if (j.state === "failed") s.fill(2, until), s.fill(3, Math.floor(total * 0.6), Math.floor(total * 0.6) + 12);
    kept.set(key, s);
    return s;
  };
  const step_look = (j, number) => {
    const counts = [0, 0, 0, 0, 0];
    for (const s of states(j, number)) counts[s]++;
    const [waiting, running, done, failed, cancelled] = counts;
    return { number, name: steps_of(j)[number - 1], tasks: total_of(j, number), waiting, ready: number_of(j) === 0 && number === 3 ? 0 : waiting, running, done, failed, cancelled, mean_ms: done ? 84_000 + number_of(j) * 100 : 0, chunk: 1 };
  };
  const looks = new Map();
  const look = (j) => {
    if (!looks.has(j.id)) looks.set(j.id, steps_of(j).map((_, i) => step_look(j, i + 1)));
    const steps = looks.get(j.id);
    const sum = (what) => steps.reduce((n, s) => n + s[what], 0);
    j.done = sum("done");
    j.total = sum("tasks");
    j.progress = j.done / j.total;
    const of = (what) => steps.reduce((n, s) => n + s[what], 0);
    return { ...j, steps, counts: Object.fromEntries(["waiting", "ready", "running", "done", "failed", "cancelled"].map((k) => [k, of(k)])) };
  };
  const listed = (j) => ({ ...look(j), steps: undefined, options: undefined }); // as in lists and news
  const changed = (j) => (looks.delete(j.id), look(j));
  const run_of = (s, from) => {
    let last = from;
    while (last + 1 < s.length && s[last + 1] === s[from]) last++;
    return { first: from, last, state: STATES[s[from]] };
  };
  const runs = (s, from, to) => {
    const found = [];
    for (let i = from; i <= to; i = found[found.length - 1].last + 1) {
      found.push(run_of(s, i));
      if (found.length === 5000) break;
    }
    const last = found.length ? found[found.length - 1].last : to;
    return { runs: found, next: last < to ? last + 1 : null };
  };
  const why = (j) => ({
    waiting: [{ kind: "turn", text: `its turn has not come: ${jobs.filter((k) => k.state === "running").length} jobs of the same or a higher priority are before it`, step: 1, word: "", a: 0, b: 0, c: 0 }, { kind: "limit", text: "limit arnold: 20 of 20 are taken, 4 of them by programs outside of the farm", step: 1, word: "arnold", a: 20, b: 20, c: 4 }, { kind: "worker", text: "12 of 40 machines have less than the 128 GB of memory that it asks for", step: 1, word: "", a: 12, b: 40, c: 128 }],
    suspended: [{ kind: "suspended", text: "it is suspended; somebody must resume it", step: 0, word: "", a: 0, b: 0, c: 0 }],
    stopped: [{ kind: "stopped", text: "it was stopped: the last 5 attempts failed, on more than one host; mend the scene and resume it", step: 0, word: "", a: 5, b: 0, c: 0 }],
    approval: [{ kind: "approval", text: "its 7 preview frames are done; somebody must approve them", step: 0, word: "", a: 7, b: 0, c: 0 }],
    failed: [{ kind: "over", text: "it has failed: 12 of 100000 tasks; requeue them to try again", step: 0, word: "", a: 12, b: 0, c: 0 }],
  })[j.state] ?? [];
  const worker = (n) => `render${String(1 + (n % 40)).padStart(2, "0")}`;
  const task = (j, step, n) => {
    const state = STATES[states(j, step)[n]];
    const attempt = (k, s) => ({ attempt: id("B", step * 4e6 + n * 4 + k), token: number_of(j) * 4e6 + n * 4 + k, step, first: n, last: n, worker: worker(n + k * 4), state: s, began: ago(12 - k), ended: s === "running" ? null : ago(11 - k),
      problem: s === "failed" ? fault(500, "media", `Frame ${1001 + n} could not be rendered`, "arnold ended with 1; its last error line: texture \"/show/tex/rock_d.1012.tx\" not found", "bring the texture, then requeue") : null });
    const attempts = state === "failed" ? [attempt(3, "failed"), attempt(2, "failed"), attempt(1, "lost")] : state === "done" ? [attempt(1, "committed")] : state === "running" ? [attempt(1, "running")] : [];
    return { number: n, state, values: { Frame: 1001 + n, Camera: "main" }, attempts, outputs: state === "done" ? [{ path: `/show/sh010/beauty.${1001 + n}.exr`, url: `/mock/frame/${n}.svg` }] : [] };
  };
  const logs = new Map();
  const log = (token, after) => {
    const failing = token % 4 === 3;
    const total = 4000;
    if (!logs.has(failing)) logs.set(failing, Array.from({ length: total }, (_, i) => (failing && i > total - 3 ? `00:01:${i % 60} ERROR | [texture] "/show/tex/rock_d.1012.tx" not found` : i % 613 === 200 ? `00:00:41 WARNING | [mesh] /set/rock_${i} has no normals; made them` : `00:00:${String(i % 60).padStart(2, "0")} ${String(400 + (i % 90))}MB | ${["bucket", "rays", "loading plugin", "[sss] sampling"][i % 4]} ${i}/${total}`)).join("\n") + "\n");
    const text = logs.get(failing).slice(after, after + 60_000);
    return { text, next: after + text.length };
  };
  const limits = [{ name: "arnold", scope: "task", total: 20, used: 16, outside: 4, yields: true, free: 0, learned: 0 }, { name: "nuke", scope: "host", total: 40, used: 11, outside: 0, yields: false, free: 21, learned: 32 }, { name: "houdini-engine", scope: "host", total: 8, used: 8, outside: 0, yields: false, free: 0, learned: 8 }];
  const nodes = Array.from({ length: count ? 40 : 0 }, (_, n) => {
    const state = n === 7 ? "quarantined" : n === 9 ? "draining" : n === 12 ? "away" : n % 11 === 10 ? "idle" : "working";
    const busy = state === "working" || state === "draining" ? 1 + (n % 3) : 0;
    const speed = (bytes_s) => (n % 2 ? null : { bytes_s, measured: ago(n * 50) });
    return { from_house: speed(11_812_500), to_house: speed(4_730_000), id: id("K", n + 1), name: worker(n), host: worker(n), state, why: { quarantined: "5 failures of 3 jobs within 10 minutes", away: "it has not been heard of since its line was cut" }[state] ?? null, until: state === "quarantined" ? ago(-26) : null, slots: 3, busy, cpus: n % 4 ? 64 : 32, memory_mb: n % 4 ? 262_144 : 131_072, gpus: n % 5 ? [] : ["RTX A5000", "RTX A5000"], tags: n % 5 ? ["linux"] : ["linux", "gpu"], pool: n < 20 ? "main" : "night", seen: ago(state === "away" ? 47 : 0), failures: n === 7 ? 5 : n % 13 === 4 ? 1 : 0,
      runs: Array.from({ length: busy }, (_, k) => ({ attempt: id("T", n * 3 + k), job: jobs[k]?.id ?? "", project: project.id, title: jobs[k]?.title ?? "", step: 1, first: 420 + n, last: 420 + n, progress: ((n * 13 + k * 31) % 100) / 100, started: ago(3 + k) })) };
  });
  const shares = count ? [{ project: project.id, name: project.name, weight: 3, running: 61, waiting: 812_440 }, { project: other.id, name: other.name, weight: 1, running: 14, waiting: 120_000 }] : [];
  const over = (j) => ["done", "failed", "cancelled"].includes(j.state);

  const each_task = (j, step, first, last, change) => {
    const s = states(j, step);
    for (let i = first; i <= Math.min(last, s.length - 1); i++) s[i] = change(s[i]);
  };
  const orders = {
    suspend: (j) => (over(j) ? "it has ended" : ((j.state = "suspended"), null)),
    resume: (j) => (over(j) ? "it has ended" : ((j.state = "running"), null)),
    approve: (j) => (j.state !== "approval" ? "no preview of it waits" : ((j.state = "running"), null)),
    cancel: (j) => (over(j) ? "it has ended" : ((j.state = "cancelled"), steps_of(j).forEach((_, i) => each_task(j, i + 1, 0, Infinity, (s) => (s === 2 ? 2 : 4))), null)),
    retry: (j) => (steps_of(j).forEach((_, i) => each_task(j, i + 1, 0, Infinity, (s) => (s > 2 ? 0 : s))), (j.state = "waiting"), (j.ended = null), (j.problem = null), null),
  };

  const answer = (verb, path, url, json) => {
    let m;
    if ((m = /^\/jobs\/(\w+)(?:\/(.*))?$/.exec(path))) {
      const j = jobs.find((x) => x.id === m[1]);
      if (!j) return null;
      const rest = m[2] ?? "";
      if (verb === "PATCH") return Object.assign(j, json()), [200, look(j)];
      if (!rest) return [200, look(j)];
      if ((m = /^attempts\/(\d+)\/log$/.exec(rest))) return [200, log(Number(m[1]), Number(url.searchParams.get("after") ?? 0))];
      if (rest === "attempts") return [200, []];
      if (rest === "why") return [200, why(j)];
      const order = verb === "POST" && orders[rest];
      if (order) {
        const refused = order(j);
        return refused ? [409, fault(409, "conflict", `${j.title} can not be changed`, refused, "requeue what you need")] : [200, changed(j)];
      }
      if ((m = /^steps\/(\d+)\/axes$/.exec(rest))) {
        const count = total_of(j, Number(m[1]));
        return [200, [{ name: "Frame", span: 1, count, numbers: `1001-${1000 + count}`, frame: true }]];
      }
      if ((m = /^steps\/(\d+)\/tasks(?:\/(\d+))?$/.exec(rest))) {
        const s = states(j, Number(m[1]));
        if (m[2]) return [200, task(j, Number(m[1]), Number(m[2]))];
        return [200, runs(s, Number(url.searchParams.get("from") ?? 0), Math.min(s.length - 1, Number(url.searchParams.get("to") ?? s.length - 1)))];
      }
      if ((m = /^steps\/(\d+)\/(requeue|cancel)$/.exec(rest))) {
        const { first, last } = json();
        each_task(j, Number(m[1]), first, last, m[2] === "requeue" ? () => 0 : (s) => (s === 2 ? 2 : 4));
        return [200, changed(j)];
      }
    }
    if (path === "/nodes") return [200, nodes];
    if (path === "/speeds") return [200, count ? [{ kind: "put", direction: "in", name: "suite-4", host: "suite-4", bytes_s: 61_440_000, measured: ago(12), elsewhere: false, here: false }] : []];
    if ((m = /^\/nodes\/(\w+)\/(drain|resume|quarantine|good)$/.exec(path))) {
      const n = nodes.find((x) => x.id === m[1]);
      n.state = { drain: "draining", quarantine: "quarantined" }[m[2]] ?? (n.busy ? "working" : "idle");
      n.why = n.until = null;
      if (m[2] === "good") n.failures = 0;
      return [200, n];
    }
    if (path === "/limits" && verb === "PUT") {
      const said = json();
      const l = limits.find((x) => x.name === said.name) ?? limits[limits.push({ used: 0, learned: 0 }) - 1];
      Object.assign(l, said, { free: said.total - (said.outside ?? 0) - l.used });
    }
    if (path === "/limits") return [200, count ? limits : []];
    if (path === "/farm") return [200, { shares, slots: 120, busy: 75, waiting: 932_440, ready: 931_000, running: 75, jobs: { waiting: 300, running: 300, suspended: 1, stopped: 1, approval: 1 }, workers: { idle: 4, working: 30, away: 1, draining: 1, quarantined: 1 } }];
    return null;
  };
  // A few frames of a job go on: what the news of a running job does.
  const go_on = (j, step = 1, many = 10) => {
    const s = states(j, step);
    let left = many;
    for (let i = 0; i < s.length && left; i++) if (s[i] === 1) (s[i] = 2), left--;
    for (let i = 0, begun = 0; i < s.length && begun < many; i++) if (s[i] === 0) (s[i] = 1), begun++;
    return changed(j);
  };
  return { jobs, look, listed, answer, go_on, over };
}
