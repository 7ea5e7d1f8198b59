// Seek to an exact frame that is not in the window, on the 720p review proxy alone: from the call to
// the right bars on the canvas. Beside it <video> on the same samples and the same frames (sent to the
// frame's centre; until its bars are right). Also 2,000 and more seeks over the seven rates: wrong ones.
// Prints JSON lines. Promise: p50 <= 30 ms, p95 <= 60 ms, 0 wrong.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RATES, makeDerived } from '../tests/page/player_clips.mjs';
import { open } from '../tests/page/player_bench.mjs';

const quick = process.argv.includes('--quick');
const clips = join(tmpdir(), 'posthouse-clips-long');
mkdirSync(clips, { recursive: true });
for (const r of quick ? RATES.slice(0, 1) : RATES) await makeDerived(join(clips, r.name), { ...r, seconds: 20, width: 1280, height: 720 });
// The peer gets the same samples in an MP4 with its index in front: a fragmented file without one is
// not something <video> can seek in by itself.
const first = join(clips, RATES[0].name);
execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', `${first}/review.mp4`, '-map', '0:v', '-c', 'copy', '-bsf:v', 'setts=pts=PTS-STARTPTS:dts=DTS-STARTDTS', '-movflags', '+faststart', `${first}/peer.mp4`]);
const bench = await open(clips);
const at = (list, p) => Number(list[Math.min(list.length - 1, Math.floor(list.length * p))].toFixed(1));
const sorted = (list) => [...list].sort((a, b) => a - b);

await bench.clip({ ...RATES[0], only: 'review' });
const ours = await bench.page.evaluate(async (n) => {
  const ms = [];
  const frames = [];
  let wrong = 0;
  for (let i = 0; i < n; i++) {
    let to;
    do { to = Math.floor(Math.random() * pl.state.count); } while (Math.abs(to - pl.state.frame) < 48);
    frames.push(to);
    await sleep(120); // at rest, as people are; longer than reading ahead takes
    const began = performance.now();
    pl.seek(to);
    await until(() => pl.state.shown === to);
    if (seen() !== to) wrong++;
    ms.push(performance.now() - began);
  }
  return { ms, frames, wrong };
}, quick ? 40 : 200);
const peer = await bench.page.evaluate(async ({ frames, name }) => {
  pl.close();
  const video = document.createElement('video');
  video.src = one('review').media.replace('review.mp4', 'peer.mp4');
  video.muted = true;
  document.body.append(video);
  await until(() => video.readyState >= 2);
  const ms = [];
  let wrong = 0;
  for (const n of frames) {
    await sleep(120);
    const began = performance.now();
    video.currentTime = (n + 0.5) * 1001 / 24000;
    try {
      await until(() => !video.seeking && bars(video) === n, 1000);
      ms.push(performance.now() - began);
    } catch { wrong++; }
  }
  return { ms: ms.length ? ms : [0], wrong, name };
}, { frames: ours.frames, name: RATES[0].name });
const [o, v] = [sorted(ours.ms), sorted(peer.ms)];
console.log(JSON.stringify({ bench: 'seek', what: '720p proxy, outside the window', seeks: o.length, wrong: ours.wrong, p50_ms: at(o, 0.5), p95_ms: at(o, 0.95),
  peer: '<video>, same samples', peer_p50_ms: at(v, 0.5), peer_p95_ms: at(v, 0.95), peer_never: peer.wrong, goal: 'p50 <= 30, p95 <= 60' }));

if (!quick) {
  let seeks = 0;
  let wrong = 0;
  for (const r of RATES) {
    await bench.clip(r);
    const got = await bench.page.evaluate(async () => {
      let bad = 0;
      for (let i = 0; i < 300; i++) {
        const n = Math.floor(Math.random() * pl.state.count);
        pl.seek(n);
        await until(() => pl.state.shown === n);
        if (seen() !== n) bad++;
      }
      return bad;
    });
    seeks += 300;
    wrong += got;
  }
  console.log(JSON.stringify({ bench: 'frames', what: 'random seeks over seven rates, bars read from the canvas', seeks, wrong, goal: '0 wrong' }));
}
await bench.close();
