// Frame accuracy in the real browser: the number in the picture's bars is the number on the label,
// after seeks, steps, drags, play and pause, and backward, at seven rates. Read from the pixels shown.
// PLAYER_CLIPS=folder uses what the engine made there (folder/25/scrub.mp4, ...), for the rates it has.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RATES, makeDerived } from './player_clips.mjs';
import { open } from './player_bench.mjs';

const long = process.argv.includes('--long') || process.env.LONG === '1';
const given = process.env.PLAYER_CLIPS;
const clips = given ?? join(tmpdir(), `posthouse-clips-${long ? 'long' : 'short'}`);
const rates = RATES.filter((r) => !given || existsSync(join(given, r.name, 'review.idx')));
let bench;
before(async () => {
  mkdirSync(clips, { recursive: true });
  for (const r of given ? [] : rates) await makeDerived(join(clips, r.name), { ...r, ...(long && { seconds: 20, width: 1280, height: 720 }) });
  bench = await open(clips);
});
after(async () => { await bench?.close(); });

for (const r of rates) {
  test(`at ${r.name} the frame shown is the frame named`, { timeout: 120_000 }, async () => {
    await bench.clip(r);
    const got = await bench.page.evaluate(async (seeks) => {
      const wrong = [];
      let read = 0;
      const N = pl.state.count;
      const check = (what) => {
        read++;
        const n = seen();
        if (n !== pl.state.frame || n !== pl.state.shown) wrong.push(`${what}: named ${pl.state.frame}, said shown ${pl.state.shown}, bars ${n} (${pl.state.from})`);
      };
      const there = () => until(() => pl.state.shown === pl.state.frame);
      for (let i = 0; i < seeks; i++) {
        const n = Math.floor(Math.random() * N);
        pl.seek(n);
        await there();
        check('seek');
        if (i % 4 === 0) { await until(() => pl.state.from === 'review'); check('rest'); }
        if (i % 10 === 0) for (const by of [1, 1, 1, -1, -1]) { pl.step(by); await there(); check('step'); }
      }
      for (let i = 0; i < 60; i++) { // a hand on the bar: any picture must be under its own number
        pl.seek(Math.floor(N * Math.abs(Math.sin(i / 20))), true);
        await sleep(8);
        read++;
        const n = seen();
        if (n !== pl.state.shown) wrong.push(`drag: said shown ${pl.state.shown}, bars ${n}`);
      }
      for (let i = 0; i < 3; i++) {
        pl.seek(Math.floor(Math.random() * (N / 2)));
        await there();
        const from = pl.state.frame;
        pl.setSpeed(1);
        await until(() => pl.state.from === 'video');
        await sleep(200 + Math.random() * 300);
        pl.setSpeed(0);
        await until(() => pl.state.from !== 'video');
        check('pause');
        await until(() => pl.state.from === 'review');
        check('pause, at rest');
        if (pl.state.frame <= from) wrong.push(`playing from ${from} came to ${pl.state.frame}`);
      }
      for (const speed of [-1, -4, 4]) {
        pl.seek(Math.floor(N / 2));
        await there();
        const from = pl.state.frame;
        const stop = pl.subscribe((s) => {
          if (s.speed === 0 || s.shown === from) return;
          read++;
          const n = seen();
          if (n !== s.shown) wrong.push(`at ${speed}x: said shown ${s.shown}, bars ${n}`);
        });
        pl.setSpeed(speed);
        await sleep(500);
        pl.setSpeed(0);
        stop();
        await there();
        check(`after ${speed}x`);
        if (Math.sign(pl.state.frame - from) !== Math.sign(speed)) wrong.push(`${speed}x went from ${from} to ${pl.state.frame}`);
      }
      return { wrong, read };
    }, long ? 300 : 45);
    assert.deepEqual(got.wrong, []);
    assert.ok(got.read > (long ? 300 : 100), `only ${got.read} pictures were read`);
  });
}
