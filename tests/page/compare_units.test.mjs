// Which frame belongs to which, maps of sound, and points of a loudness curve; without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./browser.mjs";

const { by_origin, by_timecode, moved } = await load("web/compare/mapping.ts");
const sound = await load("web/deliver/sound_model.ts");
const line = await load("web/review/timeline_model.ts");
const side = (rate, count, start = 0, more = {}) => ({ rate, count, start, labels: Math.round(rate.num / rate.den), timecode: true, times: null, ...more });
const R25 = { num: 25, den: 1 }, R24 = { num: 24, den: 1 }, R2997 = { num: 30000, den: 1001 }, R23976 = { num: 24000, den: 1001 };

test("two of one rate are locked by timecode, and what one lacks is nothing", () => {
  const m = by_timecode(side(R25, 100, 900_000), side(R25, 75, 900_025));
  assert.deepEqual([0, 24, 25, 99].map(m.toRight), [null, null, 0, 74]);
  assert.deepEqual([0, 74, 75].map(m.toLeft), [25, 99, null]);
  assert.match(by_timecode(side(R25, 10, 5), side(R25, 10, 0, { timecode: false })).words, /frame number/);
  assert.equal(by_timecode(side(R25, 10, 5), side(R25, 10, 0, { timecode: false })).toRight(3), 3);
});

test("as many frames at another rate are the same frames; fewer of the same length go by time", () => {
  const conformed = by_timecode(side(R24, 240, 86_400), side(R25, 240, 90_000));
  for (const n of [0, 1, 100, 239]) assert.equal(conformed.toRight(n), n);
  // ten seconds each: both labels begin at 01:00:00:00
  const timed = by_timecode(side(R25, 250, 90_000), side({ num: 50, den: 1 }, 500, 180_000));
  assert.deepEqual([0, 1, 249].map(timed.toRight), [1, 3, 499]);
  for (const n of [0, 1, 77, 249]) assert.equal(timed.toLeft(timed.toRight(n)), n);
  // the right begins a second later
  const late = by_timecode(side(R25, 250, 90_000), side({ num: 50, den: 1 }, 450, 180_050));
  assert.equal(late.toRight(24), null);
  assert.equal(late.toRight(25), 1);
});

test("a deliverable is of the frames that its plan says", () => {
  const trimmed = by_origin({ kind: "runs", runs: [[0, 48, 10], [10, 100, 5]] }, side(R25, 200), side(R25, 15));
  assert.deepEqual([0, 9, 10, 14, 15].map(trimmed.toLeft), [48, 57, 100, 104, null]);
  assert.deepEqual([47, 48, 57, 58, 100].map(trimmed.toRight), [null, 0, 9, null, 10]);
  // a pull-down undone: four of five, from the second frame on
  const film = by_origin({ kind: "list", first: 1, steps: "1121112" }, side(R2997, 11), side(R23976, 8));
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(film.toLeft), [1, 2, 3, 5, 6, 7, 8, 10]);
  assert.deepEqual([0, 1, 3, 4, 5, 9, 10].map(film.toRight), [null, 0, 2, 2, 3, 6, 7]);
  assert.equal(by_origin({ kind: "same" }, side(R25, 10), side(R24, 10)).toRight(9), 9);
  // frames of no constant rate, made constant: the one on screen at that time
  const times = { at: [0, 40, 80, 200, 240], scale: 1000 };
  const vfr = by_origin({ kind: "time" }, side(R25, 5, 0, { times }), side(R25, 7));
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map(vfr.toLeft), [0, 1, 2, 2, 2, 3, 4]);
  assert.deepEqual([0, 1, 2, 3, 4].map(vfr.toRight), [0, 1, 3, 5, 6]);
});

test("the right can be moved against the left by whole frames", () => {
  const right = side(R25, 10), m = moved(by_timecode(side(R25, 10), right), right, 2);
  assert.deepEqual([0, 7, 8].map(m.toRight), [2, 9, null]);
  assert.equal(m.toLeft(5), 3);
  assert.match(m.words, /moved by \+2/);
});

const mono = (n) => Array.from({ length: n }, (_, i) => ({ index: i, codec: "pcm_s24le", sample_rate: 48000, channels: 1, layout: "mono", duration_samples: 1 }));
test("what a profile does of itself becomes rows, and rows the map that the house reads", () => {
  const planned = [
    { name: "5.1", layout: "5.1", how: "", language: "deu", channels: ["L", "R", "C", "LFE", "Ls", "Rs"].map((label, i) => ({ label, from: [{ track: i + 1, channel: 1, gain_db: 0 }] })) },
    { name: "Stereo", layout: "stereo", how: "", channels: ["L", "R"].map((label, i) => ({ label, from: [{ track: 1, channel: i + 1, gain_db: 0 }, { track: 1, channel: 3, gain_db: -3 }] })) },
  ];
  const rows = sound.rows_of(planned, mono(8));
  assert.equal(sound.map_text(rows), "5.1:deu=1.1,2.1,3.1,4.1,5.1,6.1 stereo=1@lo-ro");
  rows[0].split = true;
  rows[1] = { layout: "stereo", split: false, language: "en GB!", rule: "", from: sound.filled("stereo", ["7.1"], sound.sources_of(mono(8))) };
  assert.equal(sound.map_text(rows), "5.1*:deu=1.1,2.1,3.1,4.1,5.1,6.1 stereo:enGB=7.1,2.1");
  assert.deepEqual(sound.filled("quad", [], sound.sources_of(mono(2))), ["1.1", "2.1", "silence", "silence"]);
  assert.deepEqual(sound.gain_to(-23, -20, -1), { gain: -3, peak: -4 });
});

test("a point of a curve and a frame find each other, and a peak over the limit is found near by", () => {
  const l = { rate: "25/1", frames: 250, limits: {}, programmes: [] };
  const o = { name: "", integrated: -23, range: 1, point_ms: 200, length_ms: 10_000, momentary: [], short: Array(50).fill(-230), peaks: [], over: [[103, 12], [180, 5]] };
  assert.deepEqual([0, 4, 5, 249, 400].map((f) => line.point_of_frame(l, o, f)), [0, 0, 1, 49, 49]);
  assert.equal(line.frame_of_point(l, o, 10), 50);
  assert.equal(line.over_near(o, 100, 4), 103);
  assert.equal(line.over_near(o, 90, 4), null);
  assert.equal(line.value_text(-231), "−23.1");
  assert.equal(line.value_text(-999), "−∞");
});
