// The farm's logic, without a browser: tasks as bytes, ranges, frames, cells, the queue's order.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { load } from "./browser.mjs";

const runs = await load("web/farm/runs.ts");
const { LogText, mark_of } = await load("web/farm/log_lines.ts");
const model = await load("web/farm/model.ts");
const { found_by } = await load("web/farm/found.ts");

test("a search finds what the house's own finds", () => {
  const vectors = JSON.parse(readFileSync(new URL("../vectors/search.json", import.meta.url), "utf8"));
  for (const v of vectors.names) {
    for (const typed of v.by) assert.ok(found_by(v.name, typed), `${v.name} is found by ${typed}`);
    for (const typed of v.not) assert.ok(!found_by(v.name, typed), `${v.name} is not found by ${typed}`);
  }
});

test("runs become a byte a task and are counted", () => {
  const known = new Uint8Array(100_000).fill(runs.UNKNOWN);
  runs.paint(known, [{ first: 0, last: 49_999, state: "done" }, { first: 50_000, last: 50_003, state: "running" }, { first: 50_004, last: 200_000, state: "waiting" }]);
  runs.paint(known, [{ first: 10, last: 10, state: "failed" }]);
  assert.deepEqual(runs.count(known), [49_996, 4, 49_999, 1, 0, 0]);
  assert.deepEqual(runs.all_in(known, "failed"), [[10, 10]]);
  assert.deepEqual(runs.all_in(known, "done"), [[0, 9], [11, 49_999]]);
  assert.equal(runs.next_in(known, "failed", 10, 1), 10);
  assert.equal(runs.next_in(known, "running", 99_999, 1), 50_000);
  assert.equal(runs.next_in(known, "running", 0, -1), 50_003);
  assert.equal(runs.next_in(known, "cancelled", 0, 1), null);
});

test("ranges stay in order and apart, whatever is added or taken out", () => {
  // against a set of numbers, which can not be wrong
  let ranges = [];
  const set = new Set();
  let seed = 7;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let turn = 0; turn < 2000; turn++) {
    const first = random(300);
    const last = first + random(20);
    const take = random(3) === 0;
    ranges = take ? runs.remove(ranges, [first, last]) : runs.add(ranges, [first, last]);
    for (let i = first; i <= last; i++) take ? set.delete(i) : set.add(i);
    assert.equal(runs.size_of(ranges), set.size);
    for (let i = 1; i < ranges.length; i++) assert.ok(ranges[i][0] > ranges[i - 1][1] + 1, "apart and in order");
    const probe = random(320);
    assert.equal(runs.has(ranges, probe), set.has(probe));
  }
});

test("a selection is said as frames, and long ones are cut", () => {
  const frames = runs.frames_of("1001-1100,1200-1300:10");
  const shown = (t) => String(runs.frame_at(frames, t));
  assert.equal(runs.text_of([[0, 9], [14, 14]]), "0–9, 14");
  assert.equal(runs.text_of([[0, 9], [100, 102]], shown), "1001–1010, 1200–1220");
  assert.equal(runs.text_of([[0, 0], [2, 2], [4, 4]], String, 2), "0, 2, and 1 ranges more");
});

const axis = (numbers, more = {}) => ({ name: "Frame", span: 1, count: 1e9, frame: true, numbers, ...more });

test("what a machine runs is called as its job calls it", () => {
  const frame = axis("1001-1010", { count: 10 });
  const layer = { name: "Layer", span: 10, count: 2, frame: false, texts: ["beauty", "matte"] };
  const named = (list, first, last) => runs.span_text(runs.axes_of(list), first, last);
  assert.equal(named([frame], 0, 9), "frames 1001–1010");
  assert.equal(named([frame], 3, 3), "frame 1004");
  assert.equal(named([frame, layer], 3, 3), "1004 beauty");
  assert.equal(named([frame, layer], 9, 10), "1010 beauty – 1001 matte");
  assert.equal(named([], 0, 0), ""); // a ticket for an engine
  assert.equal(named([], 2, 4), "tasks 2–4");
});

test("frames of tasks go there and back", () => {
  for (const list of ["1-100", "100-1", "-5-5", "1-10:3", "7", "1001-1010,2001-2010:2,5"]) {
    const frames = runs.frames_of(list);
    const axes = runs.axes_of([axis(list)]);
    let task = 0;
    for (let f; (f = runs.frame_at(frames, task)) !== null; task++) assert.deepEqual(runs.ranges_of(String(f), 1000, axes), [[task, task]], `${list}: ${f}`);
    assert.ok(task > 0, list);
  }
  for (const list of ["", "a", "1-", "1-10:0", "10-1:1", "1,,2"]) assert.equal(runs.frames_of(list), null, list);
});

test("what is typed as frames chooses tasks", () => {
  const frames = runs.axes_of([axis("1001-1100", { count: 100 })]);
  assert.deepEqual(runs.ranges_of("1001-1010, 1050", 100, frames), [[0, 9], [49, 49]]);
  assert.deepEqual(runs.ranges_of("1010 - 1001", 100, frames), [[0, 9]]);
  assert.deepEqual(runs.ranges_of("900-1005", 100, frames), [[0, 4]], "what is outside is left out");
  assert.deepEqual(runs.ranges_of("2000", 100, frames), []);
  assert.deepEqual(runs.ranges_of("3-5,200", 100, []), [[3, 5]]);
  assert.equal(runs.ranges_of("abc", 100, frames), null);
  const every_tenth = runs.axes_of([axis("0-90:10", { count: 10 })]);
  assert.deepEqual(runs.ranges_of("15-45", 10, every_tenth), [[2, 4]]);
});

test("frames with layers and tiles: tasks have names, and what is typed finds them, as a list of all would", () => {
  const lists = [
    [axis("1001-1020", { span: 6, count: 20 }), { name: "Layer", span: 2, count: 3, frame: false, texts: ["beauty", "matte", "Volume"] }, { name: "Tile", span: 1, count: 2, frame: false, numbers: "1-2" }],
    [{ name: "Layer", span: 20, count: 3, frame: false, texts: ["beauty", "matte", "Volume"] }, axis("1001-1020", { count: 20 }), { name: "Tile", span: 60, count: 2, frame: false, numbers: "1-2" }],
  ];
  for (const list of lists) {
    const axes = runs.axes_of(list);
    const value = (x, t) => runs.axes_of([x])[0].at(Math.floor(t / x.span) % x.count);
    const [frame, layer, tile] = ["Frame", "Layer", "Tile"].map((n) => list.find((x) => x.name === n));
    const those = (wanted) => Array.from({ length: 120 }, (_, t) => t).filter((t) => wanted(Number(value(frame, t)), value(layer, t), Number(value(tile, t))));
    const chosen = (text) => runs.ranges_of(text, 120, axes).flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
    assert.deepEqual(chosen("1005-1007"), those((f) => f >= 1005 && f <= 1007));
    assert.deepEqual(chosen("1005-1007 volume"), those((f, l) => f >= 1005 && f <= 1007 && l === "Volume"));
    assert.deepEqual(chosen("matte Tile=2, 1001"), those((f, l, t) => (l === "matte" && t === 2) || f === 1001));
    assert.deepEqual(chosen("1100-1200"), []);
    assert.equal(runs.name_of(axes, those((f, l, t) => f === 1003 && l === "matte" && t === 2)[0]).split(" ").sort().join(" "), "1003 2 Tile matte");
    assert.equal(runs.short_name_of(axes, those((f) => f === 1003)[0]), "1003");
  }
  assert.equal(runs.name_of([], 7), "7");
  assert.equal(runs.short_name_of(runs.axes_of([{ name: "Shot", span: 1, count: 2, frame: false, texts: ["sh010_comp", "b"] }]), 0), "sh010_…");
});

test("cells fit the room, and rows begin with round numbers", () => {
  const sizes = [1, 2, 3, 4, 6, 8, 12, 16, 24];
  for (const total of [1, 10, 240, 5000, 100_000]) {
    const size = runs.fitting(total, 1000, 600, sizes);
    const columns = runs.columns_of(total, 1000, size);
    assert.ok(Math.ceil(total / columns) * size <= 600 && columns * size <= 1000, `${total}: ${size}`);
  }
  assert.equal(runs.columns_of(100_000, 1000, 2), 500);
  assert.equal(runs.columns_of(100_000, 997, 8), 100);
});

const job = (n, more = {}) => ({ id: `J${n}`, project: "P", kind: "render", title: `shot ${n}`, state: "waiting", priority: 50, tier: 2, progress: 0, done: 0, total: 10, unit: "tasks", created: `2026-11-24T00:00:${String(n).padStart(2, "0")}Z`, attempts: 0, by: "Maya", counts: { waiting: 10, ready: 10, running: 0, done: 0, failed: 0, cancelled: 0 }, ...more });
const wish = { project: null, filter: "all", kind: "all", q: "", mine: null, sort: "turn", order: "asc" };

test("the queue's order is the farm's: for a person, running, tier, priority, age; then what ended last", () => {
  const list = [job(1), job(2, { priority: 80 }), job(3, { tier: 4 }), job(4, { state: "running" }), job(5, { state: "approval" }), job(6, { state: "done", ended: "2026-11-24T01:00:00Z" }), job(7, { state: "failed", ended: "2026-11-24T02:00:00Z" })];
  assert.deepEqual(model.ordered(list, wish).map((j) => j.id), ["J5", "J4", "J3", "J2", "J1", "J7", "J6"]);
  assert.deepEqual(model.ordered(list, { ...wish, filter: "active" }).length, 5);
  assert.deepEqual(model.ordered(list, { ...wish, filter: "approval" }).map((j) => j.id), ["J5"]);
  assert.deepEqual(model.ordered(list, { ...wish, q: "SHOT 6" }).map((j) => j.id), ["J6"]);
  assert.deepEqual(model.ordered(list, { ...wish, mine: "Dirk" }), []);
  assert.deepEqual(model.ordered(list, { ...wish, kind: "media" }), []);
  assert.deepEqual(model.ordered(list, { ...wish, sort: "priority", order: "desc" })[0].id, "J3");
});

test("a job's counts are those of its tasks; an engine's one task is told by its beats", () => {
  const counts = { waiting: 6, ready: 4, running: 6, done: 4, failed: 2, cancelled: 2 };
  assert.deepEqual(model.counts_of(job(1, { counts })), { done: 4, running: 6, waiting: 6, failed: 2, cancelled: 2, total: 20 });
  const one = { waiting: 0, ready: 0, running: 1, done: 0, failed: 0, cancelled: 0 };
  assert.deepEqual(model.counts_of(job(1, { kind: "proxy", state: "running", counts: one, done: 120, total: 288 })), { done: 120, running: 168, waiting: 0, failed: 0, cancelled: 0, total: 288 });
  const step = { number: 1, name: "Render", tasks: 10, waiting: 3, ready: 2, running: 3, done: 2, failed: 1, cancelled: 1, mean_ms: 1000, chunk: 1 };
  assert.deepEqual(model.machine_ms(job(1, { steps: [step] })), { spent: 3000, all: 9000 });
});

test("a log that comes in pieces has the lines that it would have in one, whatever the cuts", () => {
  const whole = "start\nFra:1 Mem:4M\rFra:1 Mem:9M\nWARNING no normals\n\n00:01 ERROR | texture not found\nlast without an end";
  const once = new LogText();
  once.add(whole);
  assert.deepEqual(once.lines.map((l) => l.text), ["start", "Fra:1 Mem:9M", "WARNING no normals", "", "00:01 ERROR | texture not found", "last without an end"]);
  assert.deepEqual(once.marked, [2, 4]);
  for (let size = 1; size < whole.length; size++) {
    const pieces = new LogText();
    for (let at = 0; at < whole.length; at += size) pieces.add(whole.slice(at, at + size));
    assert.deepEqual([...pieces.lines], [...once.lines], `pieces of ${size}`);
    assert.deepEqual(pieces.marked, once.marked);
  }
});

test("words that sound bad and are not are left alone", () => {
  for (const line of ["0 errors, 0 warnings", "loading error_color.tx", "no warnings", "Running command sh -c 'echo ERROR: x'", "/shots/error/beauty.exr", "rendering", "  Fatal Stream to console.........On"]) assert.equal(mark_of(line), null, line);
  for (const line of ["Error: not found", "[ERROR] x", "FATAL", "Traceback (most recent call last):", "Killed"]) assert.equal(mark_of(line), "error", line);
});

test("a job tells its deadline and its money in a few words", () => {
  const now = Date.parse("2026-11-27T08:00:00Z");
  const job = { state: "running", deadline: "2026-11-27T10:00:00Z", left_s: 3600 };
  assert.deepEqual(model.due_of(job, now), { text: "due in 2 h 0 min", late: false });
  assert.equal(model.due_of({ ...job, left_s: 9000 }, now).late, true);
  assert.equal(model.due_of(job, now + 3 * 3600_000).text, "1 h 0 min over its deadline");
  assert.deepEqual(model.due_of({ ...job, state: "done", ended: "2026-11-27T09:59:00Z" }, now), { text: "within its deadline", late: false });
  assert.equal(model.due_of({ state: "running" }, now), null);
  assert.equal(model.money_of({}), null);
  assert.deepEqual(model.money_of({ budget: { amount: 10, currency: "USD" }, spent: { amount: 3.204, currency: "USD" } }), { text: "3.20 of 10.00 USD", over: false });
  assert.equal(model.money_of({ budget: { amount: 1, currency: "USD" }, spent: { amount: 1, currency: "USD" } }).over, true);
  assert.equal(model.money_of({ spent: { amount: 1, currency: "EUR" } }).text, "1.00 EUR");
});
