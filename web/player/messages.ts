// What the page and the decode worker say to each other. Frames are integers; a picture travels with
// its number in one message, so that the number under the picture is changed in the same breath.

export type Source = 'scrub' | 'review';

export interface Address {
  media: string;
  index: string;
  growing: boolean;
}

export interface Addresses {
  scrub?: Address;
  review?: Address;
}

export interface TrackSeen {
  num: number;
  den: number;
  timescale: number;
  width: number;
  height: number;
  count: number;
  complete: boolean;
  vfr: boolean;
  drop: boolean;
  base: number;
  framesPerLabel: number;
  startFrame: number;
  firstFile: number | null;
  codec: string;
}

export interface Fault {
  what: string;
  why: string;
  fix: string;
  fatal: boolean; // nothing can be shown; otherwise one frame, or a pause in the network
}

export type ToWorker =
  | { kind: 'open'; addresses: Addresses }
  | { kind: 'addresses'; addresses: Addresses }
  | { kind: 'seek'; id: number; frame: number; moving: boolean } // moving: more seeks are expected
  | { kind: 'run'; id: number; from: number; speed: number; first: number; last: number; loop: boolean }
  | { kind: 'ahead'; from: number; to: number } // bytes of these frames will be wanted
  | { kind: 'grew' }
  | { kind: 'times' };

export type FromWorker =
  | { kind: 'opened'; scrub: TrackSeen | null; review: TrackSeen | null }
  | { kind: 'grew'; source: Source; count: number; complete: boolean }
  // id: of the seek or run answered; null: a picture on the way, named by its own number
  | { kind: 'shown'; id: number | null; frame: number; source: Source; concealed: boolean; picture: VideoFrame; width: number; height: number }
  | { kind: 'ended'; id: number; frame: number }
  | { kind: 'waiting'; id: number; waiting: boolean } // a run waits for bytes
  | { kind: 'held'; ranges: [number, number][] }
  | { kind: 'times'; source: Source; times: Float64Array; timescale: number }
  | { kind: 'stale' } // the addresses have run out: send new ones
  | { kind: 'fault'; fault: Fault; frame: number | null }
  | { kind: 'recovered' };
