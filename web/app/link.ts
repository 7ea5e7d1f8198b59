/*
 * app/link: is the house within reach?
 *
 * Whoever meets a dead line says lost(); then the health address is asked until it answers. Writes and
 * views wait with when_online(). The bar at the top of the page shows `online`.
 */
import { signal } from "@preact/signals";

export const online = signal(true);
// When the next try is due (ms since 1970), for "trying again in 4 s"; 0 while online.
export const next_try_at = signal(0);
// How many writes are kept back until the house answers again.
export const waiting_writes = signal(0);

let waiters: (() => void)[] = [];
let timer = 0;
let pause_ms = 1000;

export function lost(): void {
  if (!online.value) return;
  online.value = false;
  pause_ms = 1000;
  plan(300);
}

// Asks at once ("Try now").
export function try_now(): void {
  if (!online.value) plan(0);
}

// Resolves when the house answers; at once when it does.
export function when_online(): Promise<void> {
  return online.value ? Promise.resolve() : new Promise((done) => waiters.push(done));
}

function plan(ms: number): void {
  window.clearTimeout(timer);
  next_try_at.value = Date.now() + ms;
  timer = window.setTimeout(() => void attempt(), ms);
}

async function attempt(): Promise<void> {
  try {
    const answer = await fetch("/health/live", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error("not live");
    online.value = true;
    next_try_at.value = 0;
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  } catch {
    pause_ms = Math.min(pause_ms * 1.7, 10_000);
    plan(pause_ms);
  }
}

window.addEventListener("offline", lost);
window.addEventListener("online", try_now);
