/*
 * Reader of the waveform (formats/peaks): several scales, each a list of min and max for every
 * channel. Drawing asks for columns; the coarsest scale that is still finer than a column answers.
 */

export interface PeakLevel {
  samples: number; // a point
  points: number;
  offset: number;
}

export interface Peaks {
  channels: number;
  sampleRate: number;
  levels: PeakLevel[];
  bytes: Uint8Array;
}

export function readPeaks(bytes: Uint8Array): Peaks | null {
  if (bytes.length < 16) return null;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (v.getUint32(0, false) !== 0x5048504b || v.getUint16(4, true) !== 1) return null;
  const channels = v.getUint16(6, true);
  const sampleRate = v.getUint32(8, true);
  const count = v.getUint16(12, true);
  if (channels < 1 || channels > 8 || !sampleRate || count > 16 || bytes.length < 16 + count * 16) return null;
  const levels: PeakLevel[] = [];
  for (let i = 0; i < count; i++) {
    const at = 16 + i * 16;
    const level = { samples: v.getUint32(at, true), points: v.getUint32(at + 4, true), offset: Number(v.getBigUint64(at + 8, true)) };
    if (!level.samples || level.offset + level.points * channels * 2 > bytes.length) return null;
    levels.push(level);
  }
  return { channels, sampleRate, levels, bytes };
}

// Min and max (-128..127) of each of `columns` equal spans of samples [from, to); `channel` -1 is all
// of them together. Result: min, max in turn.
export function peakColumns(peaks: Peaks, channel: number, from: number, to: number, columns: number): Int8Array {
  const out = new Int8Array(columns * 2);
  const span = (to - from) / columns;
  let level: PeakLevel | undefined;
  for (const l of peaks.levels) if (!level || l.samples <= span) level = l;
  if (!level || span <= 0) return out;
  const data = new Int8Array(peaks.bytes.buffer, peaks.bytes.byteOffset + level.offset, level.points * peaks.channels * 2);
  const [c0, c1] = channel < 0 ? [0, peaks.channels] : [channel, channel + 1];
  for (let x = 0; x < columns; x++) {
    const first = Math.max(0, Math.floor((from + x * span) / level.samples));
    const last = Math.min(level.points, Math.max(first + 1, Math.ceil((from + (x + 1) * span) / level.samples)));
    let low = 127;
    let high = -128;
    for (let p = first; p < last; p++) {
      for (let c = c0; c < c1; c++) {
        const at = (p * peaks.channels + c) * 2;
        low = Math.min(low, data[at] ?? 0);
        high = Math.max(high, data[at + 1] ?? 0);
      }
    }
    if (low <= high) {
      out[x * 2] = low;
      out[x * 2 + 1] = high;
    }
  }
  return out;
}
