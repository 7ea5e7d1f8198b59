// Bar-coded clips: the frame's number stands in the top tenth of the picture as 16 bars, white for
// one and black for nought, lowest bit left. Whoever sees the pixels knows which frame it is, whatever
// the player says. Burnt in by ffmpeg's drawbox before any encoding, so it goes through everything.
import { execFile } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const RATES = [
  { name: '23.976', rate: '24000/1001', start: '00:59:58:00' },
  { name: '24', rate: '24/1', start: '01:00:00:00' },
  { name: '25', rate: '25/1', start: '10:00:00:00' },
  { name: '29.97DF', rate: '30000/1001', start: '00:58:58;00' },
  { name: '30', rate: '30/1', start: '01:00:00:00' },
  { name: '50', rate: '50/1', start: '01:00:00:00' },
  { name: '59.94DF', rate: '60000/1001', start: '00:58:58;00' },
];

export const BITS = 16;

export function barsFilter() {
  const bars = ['drawbox=x=0:y=0:w=iw:h=ih/10:color=black:t=fill'];
  for (let bit = 0; bit < BITS; bit++) {
    bars.push(`drawbox=x=iw*${bit}/${BITS}:y=0:w=iw/${BITS}:h=ih/10:color=white:t=fill` +
      `:enable='eq(mod(floor(n/${2 ** bit}),2),1)'`);
  }
  return bars.join(',');
}

// A source as a camera or an edit would hand it over: long GOP with B-frames, timecode track, sound.
export async function makeSource(file, { rate, start, seconds = 20, width = 1280, height = 720, grain = 0 }) {
  if (existsSync(file)) return file;
  const part = `${file}.${process.pid}.part.mov`; // another test may be making the same
  await run('nice', ['ffmpeg', '-v', 'error', '-y',
    '-f', 'lavfi', '-i', `testsrc2=s=${width}x${height}:r=${rate}:d=${seconds},${grain ? `noise=alls=${grain}:allf=t,` : ''}${barsFilter()}`,
    '-f', 'lavfi', '-i', `sine=f=330:b=4:r=48000:d=${seconds}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-g', '48', '-bf', '2', '-pix_fmt', 'yuv420p',
    '-c:a', 'pcm_s16le', '-ac', '2', '-timecode', start, '-threads', '2', part]);
  renameSync(part, file);
  return file;
}
