// Scopes and layers as numbers, without a browser. The bars' code values are those of the standard.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, root } from './browser.mjs';

const m = await load('web/player/scopes_math.ts');
const layers = await load('web/player/layers.ts');
const { bars } = JSON.parse(readFileSync(join(root, 'tests/vectors/scopes.json'), 'utf8'));
const said = { width: 8, height: 1, channels: 3, type: 'u16', bits: 10, space: 'ycbcr', matrix: 'bt709', full: false, step: 1, scopes_width: 8, scopes_height: 1 };
const code = Uint16Array.from(bars.flatMap((b) => b.code));
const signal = m.ofSamples(code.buffer, said, bars.length, 1);

test('colour bars are the colours that they are named after', () => {
  bars.forEach((b, i) => b.rgb.forEach((v, k) => assert.ok(Math.abs(signal.rgb[3 * i + k] - v) < 0.002, `${b.name} ${k}: ${signal.rgb[3 * i + k]}`)));
});

test('bars of 75 % stand in the boxes of 75 % on the vectorscope, and grey in its middle', () => {
  const size = 240;
  const counts = m.measure(signal, m.counts(1, 1, size)).chroma;
  const boxes = new Map(m.targets(signal.weights, 0.75).map((t) => [t.name, m.place(t.cb, t.cr, size)]));
  let found = 0;
  for (const b of bars) {
    const [x, y] = boxes.get(b.name) ?? [size / 2, size / 2];
    let here = 0;
    for (let dy = -2; dy <= 1; dy++) for (let dx = -2; dx <= 1; dx++) here += counts[(Math.floor(y) + dy) * size + Math.floor(x) + dx];
    assert.ok(here > 0, b.name);
    found += boxes.has(b.name) ? 1 : 0;
  }
  assert.equal(found, 6);
  assert.equal(counts.reduce((a, n) => a + n, 0), bars.length);
});

test('luma of the bars is at its level in the waveform, each in its column', () => {
  const columns = bars.length, { luma: counts, parade } = m.measure(signal, m.counts(columns, columns, 1));
  bars.forEach((b, i) => {
    const row = m.LEVELS - 1 - m.level((b.code[0] - 64) / 876);
    assert.equal([row - 1, row, row + 1].reduce((n, r) => n + counts[r * bars.length + i], 0), 1, b.name);
  });
  // The parade: red, green and blue beside each other.
  bars.forEach((b, i) => b.rgb.forEach((v, k) => {
    const row = m.LEVELS - 1 - m.level(v);
    assert.equal([row - 1, row, row + 1].reduce((n, r) => n + parade[r * columns * 3 + k * columns + i], 0), 1, `${b.name} ${k}`);
  }));
});

test('limited and full range name the same light by other codes, and what is over white is seen', () => {
  assert.equal(m.share(16, 8, false, false), 0);
  assert.equal(m.share(235, 8, false, false), 1);
  assert.equal(m.share(940, 10, false, false), 1);
  assert.equal(m.share(3760, 12, false, false), 1);
  assert.equal(m.share(1023, 10, true, false), 1);
  assert.equal(m.share(512, 10, false, true), 0);
  assert.ok(m.share(1019, 10, false, false) > 1.09);
  const white = m.ofSamples(Uint16Array.of(1019, 512, 512, 4, 512, 512).buffer, said, 2, 1);
  const { red: counts } = m.measure(white, m.counts(1, 1, 1));
  assert.equal(counts[m.level(1)], 0);
  assert.equal(counts.slice(m.level(1.05)).reduce((a, n) => a + n, 0), 1);
  assert.equal(counts.slice(0, m.level(0)).reduce((a, n) => a + n, 0), 1);
  assert.match(m.scaleName(said), /limited range: 64 is 0 %, 940 is 100 %, bt709/);
  assert.match(m.scaleName({ ...said, full: true }), /0 is 0 %, 1023 is 100 %/);
});

test('a picture of the browser has the same scopes as the samples it is made of', () => {
  const rgba = Uint8ClampedArray.from(bars.flatMap((b) => [...b.rgb.map((v) => Math.round(v * 255)), 255]));
  const shown = m.ofPicture(rgba, bars.length, 1);
  for (let i = 0; i < shown.rgb.length; i++) assert.ok(Math.abs(shown.rgb[i] - signal.rgb[i]) < 0.005);
});

test('a pixel is named by its codes and its per cent, and a float by itself', () => {
  assert.equal(m.inWords([721, 512, 512], said), 'Y 721  Cb 512  Cr 512   Y 75.0 %  R 75.0 %  G 75.0 %  B 75.0 %');
  assert.equal(m.inWords([0.5, 1.25, NaN], { ...said, type: 'f32', space: 'linear', bits: 32 }), 'R 0.50000  G 1.2500  B NaN');
});

test('false colour names black, grey, skin and white, and leaves the rest grey', () => {
  assert.equal(m.bandOf(0)?.words, 'black, nothing in it');
  assert.equal(m.bandOf(41)?.words, '18 % grey');
  assert.equal(m.bandOf(100)?.words, 'white, nothing in it');
  assert.equal(m.bandOf(20), null);
  const words = new Uint32Array(bars.length), to = new Uint8ClampedArray(words.buffer);
  m.falseColour(signal, words);
  assert.deepEqual([...to.slice(28, 31)], m.BANDS[0].colour); // black
  assert.equal(to[0], to[1]); // 75 % white is grey
  for (let i = 1; i < m.BANDS.length; i++) assert.ok(m.BANDS[i].from >= m.BANDS[i - 1].to);
});

test('layers are named for people, the part only where it is needed, and found by any part of their name', () => {
  const layer = (key, part, kind, channels) => ({ key, part, kind, channels, type: 'half', shown: true });
  const exr = { left_out: 0, parts: [{ name: 'beauty' }, { name: '' }], layers: [layer('0:*', 0, 'colour', ['R', 'G', 'B']), layer('0:diffuse.*', 0, 'colour', ['diffuse.R', 'diffuse.G', 'diffuse.B']), layer('1:Z', 1, 'grey', ['Z'])] };
  assert.deepEqual(exr.layers.map((l) => layers.layerName(exr, l)), ['beauty: R G B', 'beauty: diffuse', 'part 2: Z']);
  assert.deepEqual(layers.layerName({ ...exr, parts: [{ name: '' }] }, exr.layers[1]), 'diffuse');
  assert.deepEqual(layers.found(exr, 'DIFF').map((l) => l.key), ['0:diffuse.*']);
  assert.equal(layers.found(exr, '').length, 3);
});

test('the picture that is there at once is the exact one, dithered; rows painted by parts are the whole', async () => {
  const t = await load('web/player/table.ts');
  const n = 17, at3 = new Float32Array(n ** 3 * 3);
  for (let b = 0, i = 0; b < n; b++) for (let g = 0; g < n; g++) for (let r = 0; r < n; r++, i += 3) at3.set([r * 0.7 + b * 0.3, g * 0.8 + r * 0.2, b].map((v) => Math.sqrt(v / (n - 1))), i);
  const three = (v) => Float32Array.of(v, v, v);
  const table = { light: false, size1: 2, low1: three(0), high1: three(1), at1: Float32Array.of(0, 0, 0, 1, 1, 1), size3: n, low3: three(0), high3: three(1), at3 };
  const width = 96, height = 40, said10 = { ...said, width, height, space: 'rgb', full: true };
  const data = Uint16Array.from({ length: width * height * 3 }, (_, i) => { const x = Math.floor(i / 3) % width; return [100 + x * 8, 900 - x * 4, 300 + x][i % 3]; });
  for (const light of [false, true]) {
    const picture = light ? { frame: 0, said: { ...said10, type: 'f32', space: 'linear', bits: 32 }, data: Float32Array.from(data, (v) => v / 700) } : { frame: 0, said: said10, data };
    const p = t.prepare(picture, width, height), q = t.quick({ ...table, light }, false);
    const [exact, parts, first] = [0, 0, 0].map(() => new Uint8ClampedArray(width * height * 4));
    t.paint(p, q, exact);
    for (let row = 0; row < height; row += 16) t.paint(p, q, parts, row, Math.min(height, row + 16));
    assert.deepEqual(parts, exact);
    t.paint_at_once(p, q, first);
    let sum = 0, most = 0;
    exact.forEach((v, i) => { sum += first[i] - v; most = Math.max(most, Math.abs(first[i] - v)); });
    assert.ok(most <= 10, `${most} of 255`);
    assert.ok(Math.abs(sum / exact.length) < 0.6, `on average ${sum / exact.length}`);
  }
});
