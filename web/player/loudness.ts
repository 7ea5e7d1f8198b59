/*
 * Peaks and short-term loudness of sound as it is heard, channel by channel. ITU-R BS.1770-4: each channel
 * goes through the two filters of annex 1 (their coefficients are for 48 kHz, so that is what it wants),
 * the mean squares are weighted by where the channel stands and summed; short-term (EBU Tech 3341) is the
 * last three seconds. No DOM; the meter's worklet runs it.
 */

export const METER_RATE = 48_000;
const BLOCK = METER_RATE / 10;
const BLOCKS = 30; // three seconds

// b0 b1 b2 a1 a2, tables 1 and 2.
const SHELF = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585] as const;
const HIGH_PASS = [1, -2, 1, -1.99004745483398, 0.99007225036621] as const;

export interface ChannelPlace {
  name: string;
  weight: number; // in loudness
  left: number; // how much of it is heard on each side
  right: number;
}

const HALF = Math.SQRT1_2;
const place = (name: string, left: number, right: number, weight = 1): ChannelPlace => ({ name, weight, left, right });
const FRONT = [place('L', 1, 0), place('R', 0, 1), place('C', HALF, HALF)];
const LFE = place('LFE', HALF, HALF, 0);

// Where the channels of a file stand, by their number; those that nobody has said lie by turns left and right.
export function places_of(channels: number): ChannelPlace[] {
  switch (channels) {
    case 1: return [place('M', 1, 1)];
    case 2: return FRONT.slice(0, 2);
    case 3: return FRONT;
    case 5: return [...FRONT, place('Ls', HALF, 0, 1.41), place('Rs', 0, HALF, 1.41)];
    case 6: return [...FRONT, LFE, place('Ls', HALF, 0, 1.41), place('Rs', 0, HALF, 1.41)];
    case 8: return [...FRONT, LFE, place('Lb', HALF, 0, 1.41), place('Rb', 0, HALF, 1.41), place('Ls', HALF, 0, 1.41), place('Rs', 0, HALF, 1.41)];
    default: return Array.from({ length: channels }, (_, i) => place(String(i + 1), i % 2 ? 0 : 1, i % 2 ? 1 : 0));
  }
}

class Weighted {
  private state = new Float64Array(4);
  // Adds up the squares of these samples behind both filters.
  squares(samples: Float32Array): number {
    let [x1 = 0, x2 = 0, y1 = 0, y2 = 0] = this.state;
    let sum = 0;
    for (const x of samples) {
      // Each filter in its second direct form, transposed: two memories.
      const a = SHELF[0] * x + x1;
      x1 = SHELF[1] * x - SHELF[3] * a + x2;
      x2 = SHELF[2] * x - SHELF[4] * a;
      const b = HIGH_PASS[0] * a + y1;
      y1 = HIGH_PASS[1] * a - HIGH_PASS[3] * b + y2;
      y2 = HIGH_PASS[2] * a - HIGH_PASS[4] * b;
      sum += b * b;
    }
    this.state.set([x1, x2, y1, y2]);
    return sum;
  }
}

export class Loudness {
  private filters: Weighted[];
  private places: ChannelPlace[];
  private ring = new Float64Array(BLOCKS);
  private blocks = 0; // seen
  private sum = 0;
  private samples = 0; // in the block that is being filled

  constructor(readonly channels: number) {
    this.places = places_of(channels);
    this.filters = this.places.map(() => new Weighted());
  }

  // A few samples of each channel, equally many; fewer than a block.
  add(sound: readonly Float32Array[]): void {
    sound.forEach((samples, c) => {
      const weight = this.places[c]?.weight ?? 0;
      if (weight > 0) this.sum += weight * (this.filters[c]?.squares(samples) ?? 0);
    });
    this.samples += sound[0]?.length ?? 0;
    if (this.samples < BLOCK) return;
    this.ring[this.blocks % BLOCKS] = this.sum / this.samples;
    this.blocks++;
    this.sum = 0;
    this.samples = 0;
  }

  // LUFS over the last three seconds (over what there is, before); -Infinity when silent.
  get short(): number {
    const n = Math.min(BLOCKS, this.blocks);
    let mean = 0;
    for (let i = 0; i < n; i++) mean += (this.ring[i] ?? 0) / n;
    return mean > 0 ? -0.691 + 10 * Math.log10(mean) : -Infinity;
  }
}

export const decibels = (level: number): number => (level > 0 ? 20 * Math.log10(level) : -Infinity);
