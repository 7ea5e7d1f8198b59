/*
 * All channels of the sound, each with a meter, solo and mute. They come from the `audio` file, played by an element of
 * its own that is held to the picture's clock; <video> with its stereo is silent meanwhile. Of sound without a picture the
 * player's own element is tapped. What is heard is mixed to two here, channel by channel, so that one alone is heard too.
 */
import { METER_RATE, places_of, type ChannelPlace } from './loudness';
import type { MeterNews } from './meter.worklet';

const LATE_S = 0.25; // farther from the picture than this: a jump; nearer: a little faster or slower
const NEAR_S = 0.015;

export interface SoundDoor {
  worklet: string; // address of the meter
  news: (n: MeterNews) => void;
  renew: () => Promise<string | null>;
}

export class Sound {
  places: ChannelPlace[];
  solo = new Set<number>();
  mute = new Set<number>();
  private context: AudioContext;
  private source: MediaElementAudioSourceNode;
  private meter: AudioWorkletNode | null = null;
  private volume: GainNode;
  private sides: { left: GainNode; right: GainNode }[] = [];
  private split: ChannelSplitterNode | null = null;
  private merge: ChannelMergerNode;
  private timer = 0;
  private closed = false;

  private constructor(private element: HTMLMediaElement, private video: HTMLMediaElement, channels: number) {
    this.context = new AudioContext({ sampleRate: METER_RATE, latencyHint: 'interactive' });
    this.source = this.context.createMediaElementSource(element);
    this.merge = this.context.createChannelMerger(2);
    this.volume = this.context.createGain();
    this.merge.connect(this.volume).connect(this.context.destination);
    this.places = places_of(channels);
    this.wire();
  }

  static get possible(): boolean {
    return typeof AudioWorkletNode === 'function' && typeof AudioContext === 'function' && window.isSecureContext;
  }

  // `url`: of the file with all channels; null: `video` plays it already. `renew` gives its address anew.
  static async open(video: HTMLMediaElement, url: string | null, channels: number, door: SoundDoor): Promise<Sound> {
    let element: HTMLMediaElement = video;
    if (url) {
      element = document.createElement('audio');
      element.crossOrigin = 'anonymous';
      element.preload = 'auto';
      element.src = url;
    }
    const sound = new Sound(element, video, channels);
    try {
      await sound.context.audioWorklet.addModule(door.worklet);
      if (sound.closed) return sound;
      const meter = new AudioWorkletNode(sound.context, 'meter', { numberOfInputs: 1, numberOfOutputs: 0, channelCountMode: 'max', channelInterpretation: 'discrete' });
      meter.port.onmessage = ({ data }: MessageEvent<MeterNews>) => {
        if (data.peaks.length !== sound.places.length) { // what is really in the file
          sound.places = places_of(data.peaks.length);
          sound.wire();
        }
        door.news(data);
      };
      sound.source.connect(meter);
      sound.meter = meter;
    } catch (e) {
      sound.close();
      throw e;
    }
    void sound.context.resume().catch(() => undefined);
    if (!sound.apart) return sound;
    let renewed = -Infinity;
    element.addEventListener('error', () => {
      if (sound.closed || performance.now() - renewed < 5000) return;
      renewed = performance.now();
      void door.renew().then((fresh) => { if (fresh && !sound.closed) element.src = fresh; }, () => undefined);
    });
    sound.timer = window.setInterval(() => sound.follow(), 40);
    return sound;
  }

  // It sounds by itself, beside `video`.
  get apart(): boolean {
    return this.element !== this.video;
  }

  // The way from each channel to both sides.
  private wire(): void {
    for (const s of this.sides) for (const g of [s.left, s.right]) g.disconnect();
    this.split?.disconnect();
    if (this.split) this.source.disconnect(this.split);
    const split = this.context.createChannelSplitter(this.places.length);
    split.channelInterpretation = 'discrete';
    this.source.connect(split);
    this.split = split;
    this.sides = this.places.map((_, c) => {
      const left = this.context.createGain();
      const right = this.context.createGain();
      split.connect(left, c).connect(this.merge, 0, 0);
      split.connect(right, c).connect(this.merge, 0, 1);
      return { left, right };
    });
    this.balance();
  }

  // LFE is not in a mix for two (BS.775), but it is heard when it is asked for alone.
  private balance(): void {
    this.places.forEach((p, c) => {
      const heard = this.solo.size > 0 ? this.solo.has(c) : !this.mute.has(c) && (p.weight > 0 || this.places.length < 3);
      const s = this.sides[c];
      if (!s) return;
      s.left.gain.value = heard ? p.left : 0;
      s.right.gain.value = heard ? p.right : 0;
    });
  }

  toggle(what: 'solo' | 'mute', channel: number): void {
    const set = this[what];
    if (!set.delete(channel)) set.add(channel);
    this.balance();
  }

  setVolume(volume: number, muted: boolean): void {
    this.volume.gain.value = muted ? 0 : volume;
  }

  // Held to the picture: it runs when <video> runs, at its place and speed.
  private follow(): void {
    const { element, video } = this;
    const runs = !video.paused && !video.seeking && video.readyState >= 3;
    const off = element.currentTime - video.currentTime;
    if (!runs) {
      if (!element.paused) element.pause();
      if (Math.abs(off) > LATE_S && !element.seeking) element.currentTime = video.currentTime; // ready for when it runs
      return;
    }
    if (this.context.state === 'suspended') void this.context.resume().catch(() => undefined);
    if (Math.abs(off) > LATE_S && !element.seeking) element.currentTime = video.currentTime;
    const lean = Math.abs(off) > NEAR_S ? Math.max(-0.05, Math.min(0.05, -off)) : 0;
    const rate = video.playbackRate * (1 + lean);
    if (Math.abs(element.playbackRate - rate) > 0.002) element.playbackRate = rate;
    if (element.paused) void element.play().catch(() => undefined);
  }

  // An element that was tapped is silent from now on: it can be tapped only once.
  close(): void {
    this.closed = true;
    window.clearInterval(this.timer);
    this.meter?.port.close();
    this.element.pause();
    if (this.apart) {
      this.element.removeAttribute('src');
      this.element.load();
    }
    void this.context.close().catch(() => undefined);
  }
}
