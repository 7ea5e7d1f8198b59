/*
 * Reader of the frame index beside a proxy (formats/frameindex, layout in the plan): where each
 * frame's bytes lie in the MP4, and when it is shown. Bytes in, values out; no network here.
 *
 * The index is read in pages, since two hours are 2.8 MB and the first picture needs 64 KiB of it.
 * While a proxy grows its index has no count: it is as long as the file.
 */

export const RECORD_BYTES = 16;
export const PAGE_FRAMES = 4096;
export const NO_FILE_NUMBER = -2147483648;

export interface IndexHeader {
  complete: boolean;
  vfr: boolean;
  drop: boolean;
  num: number;
  den: number;
  timescale: number;
  count: number; // 0 while it grows
  startFrame: number;
  width: number;
  height: number;
  base: number;
  framesPerLabel: number;
  firstFile: number | null;
  avcC: Uint8Array;
  headerBytes: number;
}

export interface IndexProblem {
  problem: string;
}

export function readHeader(bytes: Uint8Array): IndexHeader | IndexProblem {
  if (bytes.length < 64) return { problem: 'the frame index is shorter than its header' };
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (v.getUint32(0, false) !== 0x50484958) return { problem: 'this is not a frame index' };
  const version = v.getUint16(4, true);
  if (version !== 1) return { problem: `the frame index has version ${version}; this page reads 1` };
  const flags = v.getUint16(6, true);
  const avcSize = v.getUint16(44, true);
  const headerBytes = v.getUint16(46, true);
  if (headerBytes % RECORD_BYTES !== 0 || headerBytes < 64 + avcSize || bytes.length < 64 + avcSize) {
    return { problem: 'the frame index contradicts itself about its header' };
  }
  const num = v.getUint32(8, true);
  const den = v.getUint32(12, true);
  const timescale = v.getUint32(16, true);
  if (!num || !den || !timescale) return { problem: 'the frame index gives no rate' };
  const file = v.getInt32(40, true);
  return {
    complete: (flags & 1) !== 0,
    vfr: (flags & 2) !== 0,
    drop: (flags & 4) !== 0,
    num, den, timescale,
    count: v.getUint32(20, true),
    startFrame: Number(v.getBigInt64(24, true)),
    width: v.getUint16(32, true),
    height: v.getUint16(34, true),
    base: v.getUint16(36, true),
    framesPerLabel: v.getUint16(38, true),
    firstFile: file === NO_FILE_NUMBER ? null : file,
    avcC: bytes.slice(64, 64 + avcSize),
    headerBytes,
  };
}

// "avc1.640028" from the decoder configuration record (ISO/IEC 14496-15, 5.3.3.1: profile,
// compatibility and level are its bytes 1 to 3).
export function codecOf(avcC: Uint8Array): string | null {
  if (avcC.length < 7 || avcC[0] !== 1) return null;
  return `avc1.${[...avcC.subarray(1, 4)].map((b) => b.toString(16).padStart(2, '0')).join('')}`;
}

interface Page {
  offset: Float64Array;
  size: Uint32Array;
  time: Float64Array;
  flags: Uint8Array;
  filled: number; // records known, from the page's first
}

// The records known so far, by pages. A growing index fills its last page bit by bit.
export class FrameIndex {
  private pages = new Map<number, Page>();
  count: number;
  complete: boolean;

  constructor(readonly header: IndexHeader) {
    this.count = header.complete ? header.count : 0;
    this.complete = header.complete;
  }

  // Takes whole records from `bytes`, the first being that of frame `first`. Returns how many.
  add(first: number, bytes: Uint8Array): number {
    const records = Math.floor(bytes.length / RECORD_BYTES);
    const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < records; i++) {
      const frame = first + i;
      const number = Math.floor(frame / PAGE_FRAMES);
      let page = this.pages.get(number);
      if (!page) {
        page = { offset: new Float64Array(PAGE_FRAMES), size: new Uint32Array(PAGE_FRAMES),
          time: new Float64Array(PAGE_FRAMES), flags: new Uint8Array(PAGE_FRAMES), filled: 0 };
        this.pages.set(number, page);
      }
      const at = i * RECORD_BYTES;
      const slot = frame % PAGE_FRAMES;
      // 40 bits of offset and 24 of size; 56 bits of time: all under 2^53 for files under a terabyte.
      page.offset[slot] = v.getUint32(at, true) + v.getUint8(at + 4) * 2 ** 32;
      page.size[slot] = v.getUint16(at + 5, true) + v.getUint8(at + 7) * 2 ** 16;
      page.time[slot] = v.getUint32(at + 8, true) + (v.getUint32(at + 12, true) & 0xffffff) * 2 ** 32;
      page.flags[slot] = v.getUint8(at + 15);
      if (slot === page.filled) page.filled = slot + 1;
    }
    if (!this.complete) this.count = Math.max(this.count, first + records);
    return records;
  }

  finish(count: number): void {
    this.count = count;
    this.complete = true;
  }

  has(frame: number): boolean {
    const page = this.pages.get(Math.floor(frame / PAGE_FRAMES));
    return page !== undefined && frame % PAGE_FRAMES < page.filled;
  }

  // Which records are missing for this frame, as a byte range of the index file; null when none is.
  missing(frame: number): { first: number; from: number; to: number } | null {
    if (this.has(frame)) return null;
    const number = Math.floor(frame / PAGE_FRAMES);
    const first = number * PAGE_FRAMES + (this.pages.get(number)?.filled ?? 0);
    const end = this.complete ? Math.min((number + 1) * PAGE_FRAMES, this.count) : (number + 1) * PAGE_FRAMES;
    return { first, from: this.header.headerBytes + first * RECORD_BYTES, to: this.header.headerBytes + end * RECORD_BYTES };
  }

  private page(frame: number): Page {
    const page = this.pages.get(Math.floor(frame / PAGE_FRAMES));
    if (!page || frame % PAGE_FRAMES >= page.filled) throw new RangeError(`frame ${frame} is not in the index yet`);
    return page;
  }
  offset(frame: number): number { return this.page(frame).offset[frame % PAGE_FRAMES] ?? 0; }
  size(frame: number): number { return this.page(frame).size[frame % PAGE_FRAMES] ?? 0; }
  time(frame: number): number { return this.page(frame).time[frame % PAGE_FRAMES] ?? 0; }
  key(frame: number): boolean { return ((this.page(frame).flags[frame % PAGE_FRAMES] ?? 0) & 1) !== 0; }
  concealed(frame: number): boolean { return ((this.page(frame).flags[frame % PAGE_FRAMES] ?? 0) & 2) !== 0; }

  // The key frame that decoding `frame` starts from, as far as is known (pages are read first).
  keyBefore(frame: number): number {
    let n = frame;
    while (n > 0 && this.has(n) && !this.key(n)) n--;
    return n;
  }
  // The first frame of the next group, or the count.
  groupEnd(frame: number): number {
    let n = frame + 1;
    while (n < this.count && this.has(n) && !this.key(n)) n++;
    return n;
  }
}

export interface Run {
  frames: number[];
  from: number; // bytes [from, to)
  to: number;
}

// Puts the wanted frames (ascending) into few byte ranges: samples that lie together or nearly so are
// asked for at once, since a request costs more than some bytes too many.
export function coalesce(index: FrameIndex, frames: number[], gapBytes = 96 << 10, mostBytes = 4 << 20): Run[] {
  const runs: Run[] = [];
  for (const frame of frames) {
    const from = index.offset(frame);
    const to = from + index.size(frame);
    const last = runs[runs.length - 1];
    if (last && from >= last.from && from - last.to <= gapBytes && to - last.from <= mostBytes) {
      last.frames.push(frame);
      last.to = Math.max(last.to, to);
    } else {
      runs.push({ frames: [frame], from, to });
    }
  }
  return runs;
}

// Which frame is shown at time `t` (in the index's timescale) by a list of ascending times.
export function frameAtTime(times: ArrayLike<number>, t: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((times[middle] ?? 0) <= t) low = middle;
    else high = middle - 1;
  }
  return low;
}
