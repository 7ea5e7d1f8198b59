// The meter on the sound's own thread: no sample passes unseen, however busy the page is.
import { Loudness } from './loudness';

export interface MeterNews {
  peaks: number[]; // of each channel since the last news, 0..1 and over
  short: number; // LUFS
}

declare const registerProcessor: (name: string, kind: unknown) => void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const EVERY = 8; // blocks of 128 samples: 47 times a second

class Meter extends AudioWorkletProcessor {
  private loudness = new Loudness(1);
  private peaks: number[] = [];
  private blocks = 0;

  process(inputs: Float32Array[][]): boolean {
    const sound = inputs[0] ?? [];
    if (sound.length === 0) return true; // nothing plays
    if (sound.length !== this.peaks.length) {
      this.loudness = new Loudness(sound.length);
      this.peaks = sound.map(() => 0);
    }
    sound.forEach((samples, c) => {
      let most = this.peaks[c] ?? 0;
      for (const x of samples) most = Math.max(most, Math.abs(x));
      this.peaks[c] = most;
    });
    this.loudness.add(sound);
    if (++this.blocks % EVERY === 0) {
      this.port.postMessage({ peaks: this.peaks, short: this.loudness.short } satisfies MeterNews);
      this.peaks = this.peaks.map(() => 0);
    }
    return true;
  }
}
registerProcessor('meter', Meter);
