// The player's and the review's logic, without a browser.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, root } from './browser.mjs';

const tc = await load('web/player/timecode.ts');
const shuttle = await load('web/player/shuttle.ts');
const index = await load('web/player/frameindex.ts');
const peaks = await load('web/player/peaks.ts');
const draw = await load('web/review/draw.ts');
const threads = await load('web/review/threads.ts');
const loud = await load('web/player/loudness.ts');
const { KEYS, KEY_SETS, keysOf } = await load('web/player/keys.ts');
const vectors = JSON.parse(readFileSync(join(root, 'tests/vectors/timecode.json'), 'utf8'));

test('timecode agrees with C on every vector', () => {
  for (const v of vectors.labels) {
    const rate = tc.tcRate(tc.parseRational(v.rate), v.base, v.drop);
    assert.ok(rate, v.label);
    assert.equal(tc.formatTimecode(v.frames, rate), v.label);
    assert.deepEqual(tc.parseTimecode(v.label, rate), { ok: true, frames: v.frames });
  }
  for (const v of vectors.refused) {
    assert.equal(tc.parseTimecode(v.label, tc.tcRate(tc.parseRational(v.rate), v.base, v.drop)).ok, false, v.label);
  }
});

test('drop-frame goes there and back for a whole day, and wraps', () => {
  const rate = tc.tcRate({ num: 30000, den: 1001 }, 30, true);
  for (let n = 0; n < tc.framesPerDay(rate); n += 997) assert.equal(tc.parseTimecode(tc.formatTimecode(n, rate), rate).frames, n);
  assert.equal(tc.formatTimecode(tc.framesPerDay(rate), rate), '00:00:00;00');
  assert.equal(tc.formatTimecode(-1, rate), '23:59:59;29');
  assert.equal(tc.tcRate({ num: 24000, den: 1001 }, 24, true), null);
});

test('what is typed into the go-to box is understood', () => {
  const rate = tc.tcRate({ num: 25, den: 1 }, 25, false);
  assert.deepEqual(tc.parseEntry('10000', rate), { kind: 'timecode', frames: 1500 });
  assert.deepEqual(tc.parseEntry('1:00', rate), { kind: 'timecode', frames: 25 });
  assert.deepEqual(tc.parseEntry('+12', rate), { kind: 'offset', frames: 12 });
  assert.deepEqual(tc.parseEntry('-1:00', rate), { kind: 'offset', frames: -25 });
  assert.deepEqual(tc.parseEntry('f1440', rate), { kind: 'frame', frame: 1440 });
  assert.equal(tc.parseEntry('soon', rate).kind, 'wrong');
});

test('a frame centre, cut to whole microseconds, is still in its frame; its edge is not', () => {
  const fps = { num: 24000, den: 1001 };
  let edgesWrong = 0;
  for (let n = 0; n < 5000; n++) {
    const cut = (s) => Math.floor(s * 1e6) / 1e6;
    assert.equal(Math.floor(cut(tc.frameCentreSeconds(n, fps)) * 24000 / 1001), n);
    if (Math.floor(cut(n * 1001 / 24000) * 24000 / 1001) !== n) edgesWrong++;
    assert.equal(tc.frameOfMediaTime(cut(n * 1001 / 24000), fps), n);
  }
  assert.ok(edgesWrong > 1000);
});

test('J K L go through the speeds, back through them, and step while K is held', () => {
  let s = shuttle.STILL;
  const speeds = [];
  for (const key of ['L', 'L', 'L', 'L', 'L', 'J', 'J', 'J', 'J', 'J', 'K']) {
    const [next, act] = shuttle.press(s, key);
    s = next;
    speeds.push(act.speed);
  }
  assert.deepEqual(speeds, [1, 2, 4, 8, 8, 4, 2, 1, -1, -2, 0]);
  assert.deepEqual(shuttle.press(s, 'L')[1], { act: 'step', frames: 1 });
  assert.deepEqual(shuttle.press(s, 'J')[1], { act: 'step', frames: -1 });
  assert.deepEqual(shuttle.press(shuttle.release(s, 'K'), 'L')[1], { act: 'speed', speed: 1 });
});

function indexBytes(count, { complete = true } = {}) {
  const b = Buffer.alloc(80 + 16 * count);
  b.write('PHIX', 0);
  b.writeUInt16LE(1, 4);
  b.writeUInt16LE(complete ? 1 : 0, 6);
  b.writeUInt32LE(24000, 8);
  b.writeUInt32LE(1001, 12);
  b.writeUInt32LE(24000, 16);
  b.writeUInt32LE(complete ? count : 0, 20);
  b.writeBigInt64LE(86352n, 24);
  b.writeUInt16LE(24, 36);
  b.writeUInt16LE(1, 38);
  b.writeInt32LE(1001, 40);
  b.writeUInt16LE(8, 44);
  b.writeUInt16LE(80, 46);
  b.set([1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 0], 64);
  for (let i = 0; i < count; i++) {
    b.writeBigUInt64LE(BigInt(5e9 + i * 1000) | (900n << 40n), 80 + i * 16);
    b.writeBigUInt64LE(BigInt(i * 1001) | ((i % 12 ? 0n : 1n) << 56n), 88 + i * 16);
  }
  return new Uint8Array(b);
}

test('the frame index is read by pages, past 4 GiB, with its groups', () => {
  const bytes = indexBytes(5000);
  const header = index.readHeader(bytes);
  assert.equal(index.codecOf(header.avcC), 'avc1.64001f');
  assert.equal(header.firstFile, 1001);
  assert.equal(header.startFrame, 86352);
  const x = new index.FrameIndex(header);
  x.add(0, bytes.subarray(80, 80 + 16 * 100));
  assert.deepEqual(x.missing(99), null);
  assert.deepEqual(x.missing(100), { first: 100, from: 80 + 1600, to: 80 + 4096 * 16 });
  x.add(100, bytes.subarray(80 + 1600));
  assert.equal(x.offset(4999), 5e9 + 4999000);
  assert.equal(x.size(4999), 900);
  assert.equal(x.time(4999), 4999 * 1001);
  assert.equal(x.keyBefore(23), 12);
  assert.equal(x.groupEnd(23), 24);
  assert.deepEqual(index.coalesce(x, [0, 1, 2, 300]).map((r) => r.frames), [[0, 1, 2], [300]]);
});

test('a growing index grows, and a broken one is refused in words', () => {
  const bytes = indexBytes(30, { complete: false });
  const x = new index.FrameIndex(index.readHeader(bytes));
  assert.equal(x.count, 0);
  x.add(0, bytes.subarray(80, 80 + 16 * 10 + 7)); // a record half written is not one
  assert.equal(x.count, 10);
  x.add(10, bytes.subarray(80 + 160));
  assert.equal(x.count, 30);
  for (const bad of [new Uint8Array(10), new Uint8Array(80), bytes.map((b, i) => (i === 46 ? 7 : b)), bytes.map((b, i) => (i >= 8 && i < 12 ? 0 : b))]) {
    assert.equal(typeof index.readHeader(bad).problem, 'string');
  }
});

test('waveform columns come from the scale that fits', () => {
  const b = Buffer.alloc(16 + 16 + 8);
  b.write('PHPK', 0);
  b.writeUInt16LE(1, 4);
  b.writeUInt16LE(1, 6);
  b.writeUInt32LE(48000, 8);
  b.writeUInt16LE(1, 12);
  b.writeUInt32LE(256, 16);
  b.writeUInt32LE(4, 20);
  b.writeBigUInt64LE(32n, 24);
  for (let i = 0; i < 4; i++) { b.writeInt8(-10 * i, 32 + i * 2); b.writeInt8(20 * i, 33 + i * 2); }
  const p = peaks.readPeaks(new Uint8Array(b));
  assert.deepEqual([...peaks.peakColumns(p, -1, 0, 1024, 2)], [-10, 20, -30, 60]);
  assert.equal(peaks.readPeaks(new Uint8Array(b).subarray(0, 34)), null);
});

test('drawings stay where they were drawn at every size', () => {
  const small = draw.toPicture(110, 60, { left: 10, top: 10, width: 200, height: 100 });
  assert.deepEqual(small, draw.toPicture(1010, 510, { left: 10, top: 10, width: 2000, height: 1000 }));
  const from = { tool: 'arrow', colour: '#fff', width: 0.005, points: [0.1, 0.2, 0.5] };
  const arrow = draw.extend(draw.extend(from, 0.3, 0.3, 0.5), 0.5, 0.2, 0.5);
  assert.deepEqual(arrow.points, [0.1, 0.2, 0.5, 0.5, 0.2, 0.5]);
  assert.match(draw.pathOf(arrow, 2).d, /^M200\.0 200\.0L1000\.0 200\.0M/);
  assert.equal(draw.pathOf({ ...arrow, tool: 'box' }, 1).d, 'M100.0 200.0H500.0V200.0H100.0Z');
});

test('comments arrive in any order, twice, and sit on every frame of their range', () => {
  const c = (id, frame, more = {}) => ({ id, frame, end_frame: null, text: '', created: id, resolved: false, deleted: false, mine: false, parent: null, ...more });
  let list = [c('b', 20), c('a', 10, { end_frame: 12 })];
  list = threads.put(threads.put(list, c('r', 10, { parent: 'a' })), c('r', 10, { parent: 'a', text: 'again' }));
  const all = threads.threads(list, 'all');
  assert.deepEqual(all.map((t) => [t.head.id, t.replies.length]), [['a', 1], ['b', 0]]);
  assert.equal(threads.neighbour(all, 10, 1).id, 'b');
  assert.equal(threads.neighbour(threads.threads(list, 'all'), 20, -1).id, 'a');
  assert.deepEqual(threads.at_frame(list, 12).map((x) => x.id), ['a']);
  assert.deepEqual(threads.drop(list, 'a').map((x) => x.id), ['b']);
});

test('which version is shown: the one named, else the one on the screen, else the newest', async () => {
  const { version_shown, version_beside, by_version } = await load('web/review/versions.ts');
  const all = [3, 2, 1].map((number) => ({ id: `v${number}`, number }));
  const asset = { version: all[0] };
  assert.equal(version_shown(asset, all, undefined, null).number, 3);
  assert.equal(version_shown(asset, all, 1, 'v2').number, 1);
  assert.equal(version_shown(asset, all, undefined, 'v2').number, 2); // v3 came while one looked
  assert.equal(version_shown(asset, all, 9, 'v2').number, 3);
  assert.deepEqual([version_beside(all, 'v3', 1), version_beside(all, 'v1', 1), version_beside(all, 'v3', -1)].map((v) => v.number), [2, 3, 1]);
  assert.equal(version_beside(all.slice(0, 1), 'v3', 1), null);
  const c = (id, version, more = {}) => ({ id, version, parent: null, deleted: false, resolved: false, ...more });
  const { here, elsewhere } = by_version([c('a', 'v1'), c('b', 'v2'), c('r', 'v2', { parent: 'b' }), c('d', 'v2', { resolved: true })], 'v1');
  assert.deepEqual([here.map((x) => x.id), elsewhere.map((x) => x.id)], [['a'], ['b']]);
});

test('short-term loudness is that of EBU Tech 3341, with the channels weighted by their places', () => {
  // A 1 kHz tone for four seconds, in blocks as the browser gives them; the levels are of its peak, in dBFS.
  const measured = (levels) => {
    const l = new loud.Loudness(levels.length);
    for (let n = 0; n < 4 * 48000; n += 128) {
      l.add(levels.map((db) => Float32Array.from({ length: 128 }, (_, i) => 10 ** (db / 20) * Math.sin(2 * Math.PI * 1000 * (n + i) / 48000))));
    }
    return l.short;
  };
  const near = (got, want) => assert.ok(Math.abs(got - want) < 0.1, `${got} for ${want}`);
  near(measured([-23, -23]), -23); // case 1
  near(measured([-33, -33]), -33); // case 2
  near(measured([-28, -28, -24, -30, -30]), -23); // case 6, L R C Ls Rs
  near(measured([-28, -28, -24, 0, -30, -30]), -23); // the LFE does not count
  near(measured([0]), -3.01); // BS.1770-4: one channel of 0 dBFS
  assert.equal(measured([-Infinity, -Infinity]), -Infinity);
  assert.ok(Math.abs(loud.decibels(0.5) + 6.02) < 0.01);
});

test('no key means two things in any set', () => {
  for (const { name } of KEY_SETS) {
    const seen = new Map();
    for (const row of KEYS) for (const k of keysOf(row, name)) {
      assert.ok(!seen.has(k), `${name}: ${k} is ${seen.get(k)} and ${row[0]}`);
      seen.set(k, row[0]);
    }
  }
});
