// Bar-coded clips: the frame's number stands in the top tenth of the picture as 16 bars, white for
// one and black for nought, lowest bit left. Whoever sees the pixels knows which frame it is, whatever
// the player says. Burnt in by ffmpeg's drawbox before any encoding, so it goes through everything.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const RATES = [
  { name: '23.976', rate: '24000/1001', start: '00:59:58:00' },
  { name: '24', rate: '24/1', start: '01:00:00:00' },
  { name: '25', rate: '25/1', start: '10:00:00:00' },
  { name: '29.97', rate: '30000/1001', start: '00:59:58;00' },
  { name: '30', rate: '30/1', start: '01:00:00:00' },
  { name: '50', rate: '50/1', start: '01:00:00:00' },
  { name: '59.94', rate: '60000/1001', start: '00:59:58;00' },
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
export async function makeSource(file, { rate, start, seconds = 20, width = 1280, height = 720 }) {
  if (existsSync(file)) return file;
  const part = `${file}.part.mov`;
  await run('nice', ['ffmpeg', '-v', 'error', '-y',
    '-f', 'lavfi', '-i', `testsrc2=s=${width}x${height}:r=${rate}:d=${seconds},${barsFilter()}`,
    '-f', 'lavfi', '-i', `sine=f=330:b=4:r=48000:d=${seconds}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '16', '-g', '48', '-bf', '2', '-pix_fmt', 'yuv420p',
    '-c:a', 'pcm_s16le', '-ac', '2', '-timecode', start, '-threads', '2', part]);
  renameSync(part, file);
  return file;
}

// The derived files that the player reads, made by the ffmpeg command and a small writer of the index
// (docs/formats/derived-files.md): for the player's own tests, which need no house.
export async function makeDerived(folder, { rate, start, seconds = 8, width = 640, height = 360 }) {
  if (existsSync(`${folder}/review.idx`)) return;
  mkdirSync(folder, { recursive: true });
  const source = await makeSource(`${folder}/source.mov`, { rate, start, seconds, width, height });
  const fragmented = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'];
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-pix_fmt', 'yuv420p', '-threads', '2'];
  await run('nice', ['ffmpeg', '-v', 'error', '-y', '-i', source, '-map', '0:v', '-vf', `scale=${width * 3 / 4}:${height * 3 / 4}`,
    ...video, '-g', '1', '-crf', '24', ...fragmented, '-min_frag_duration', '1000000', `${folder}/scrub.mp4`]);
  await run('nice', ['ffmpeg', '-v', 'error', '-y', '-i', source, '-map', '0:v', '-map', '0:a', ...video,
    '-g', '12', '-keyint_min', '12', '-sc_threshold', '0', '-crf', '23', '-c:a', 'aac', '-b:a', '128k', ...fragmented, `${folder}/review.mp4`]);
  await makeIndex(`${folder}/scrub.mp4`, `${folder}/scrub.idx`, rate);
  await makeIndex(`${folder}/review.mp4`, `${folder}/review.idx`, rate);
}

export async function makeIndex(mp4, out, rate) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries',
    'packet=pts,pos,size,flags:stream=width,height,time_base', '-of', 'json', mp4], { maxBuffer: 1 << 28 });
  const { packets, streams: [s] } = JSON.parse(stdout);
  const bytes = readFileSync(mp4);
  const at = bytes.indexOf('avcC');
  const avcC = bytes.subarray(at + 4, at - 4 + bytes.readUInt32BE(at - 4));
  const [num, den] = rate.split('/').map(Number);
  const head = Math.ceil((64 + avcC.length) / 16) * 16;
  const b = Buffer.alloc(head + 16 * packets.length);
  b.write('PHIX', 0);
  b.writeUInt16LE(1, 4);
  b.writeUInt16LE(1, 6);
  b.writeUInt32LE(num, 8);
  b.writeUInt32LE(den, 12);
  b.writeUInt32LE(Number(s.time_base.split('/')[1]), 16);
  b.writeUInt32LE(packets.length, 20);
  b.writeUInt16LE(s.width, 32);
  b.writeUInt16LE(s.height, 34);
  b.writeUInt16LE(Math.round(num / den), 36);
  b.writeUInt16LE(1, 38);
  b.writeInt32LE(-2147483648, 40);
  b.writeUInt16LE(avcC.length, 44);
  b.writeUInt16LE(head, 46);
  avcC.copy(b, 64);
  packets.forEach((p, i) => {
    b.writeBigUInt64LE(BigInt(p.pos) | (BigInt(p.size) << 40n), head + 16 * i);
    b.writeBigUInt64LE(BigInt(p.pts) | ((p.flags[0] === 'K' ? 1n : 0n) << 56n), head + 16 * i + 8);
  });
  writeFileSync(out, b);
}
