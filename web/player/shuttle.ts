/*
 * J K L as on an edit machine: which speed a key leads to. L again and again is 1, 2, 4, 8 forward,
 * J the same backward; pressing the other way first slows down through the same steps. K stops;
 * while K is held, J and L step one frame. No DOM, no clock.
 */

export const SPEEDS = [1, 2, 4, 8] as const;

export interface Shuttle {
  speed: number; // 0 stands; negative runs backward; |speed| is 0.25..8
  kHeld: boolean;
}

export type ShuttleAct = { act: 'speed'; speed: number } | { act: 'step'; frames: number } | { act: 'none' };

export const STILL: Shuttle = { speed: 0, kHeld: false };

function faster(speed: number): number {
  const size = Math.abs(speed);
  const next = SPEEDS.find((s) => s > size) ?? SPEEDS[SPEEDS.length - 1] ?? 8;
  return Math.sign(speed) * next;
}

function slower(speed: number): number {
  const size = Math.abs(speed);
  const below = [...SPEEDS].reverse().find((s) => s < size);
  return below === undefined ? 0 : Math.sign(speed) * below;
}

function toward(s: Shuttle, sign: 1 | -1): [Shuttle, ShuttleAct] {
  if (s.kHeld) return [{ ...s, speed: 0 }, { act: 'step', frames: sign }];
  let speed: number;
  if (s.speed === 0) speed = sign;
  else if (Math.sign(s.speed) === sign) speed = faster(s.speed);
  else speed = Math.abs(s.speed) <= 1 ? sign : slower(s.speed);
  return [{ ...s, speed }, { act: 'speed', speed }];
}

export function press(s: Shuttle, key: 'J' | 'K' | 'L'): [Shuttle, ShuttleAct] {
  if (key === 'L') return toward(s, 1);
  if (key === 'J') return toward(s, -1);
  return [{ speed: 0, kHeld: true }, s.speed === 0 ? { act: 'none' } : { act: 'speed', speed: 0 }];
}

export function release(s: Shuttle, key: 'J' | 'K' | 'L'): Shuttle {
  return key === 'K' ? { ...s, kHeld: false } : s;
}

// Which frame stands at `elapsedMs` after starting from `from` at `speed`; the player shows this one
// or names the one it shows instead. Stops at the ends.
export function frameAt(from: number, speed: number, elapsedMs: number, num: number, den: number, count: number): number {
  const moved = Math.floor((Math.abs(speed) * elapsedMs * num) / (den * 1000));
  return Math.max(0, Math.min(count - 1, from + Math.sign(speed) * moved));
}

// At 8x there is no time to show every frame: show each nth, so that about `most` a second are shown.
export function stride(speed: number, fps: number, most = 30): number {
  return Math.max(1, Math.round((Math.abs(speed) * fps) / most));
}
