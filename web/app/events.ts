/*
 * app/events: the house's news, live.
 *
 * One WebSocket for the page. Every message has a number; after a break the page asks for what came
 * after the last one it saw and misses nothing. A subscriber names what it wants to hear; `caught_up`
 * is called once the socket has delivered everything up to now (also after a break), which is the
 * moment to load anew what was loaded before the socket was open.
 */
import type { Event as News } from "api-types";
import { signal } from "@preact/signals";
import { base } from "./api";
import { lost, online, when_online } from "./link";

export type { News };

export interface Wish {
  project?: string;
  asset?: string; // news whose subject is the asset or whose body names it
  kinds?: string[]; // "job.changed", or "comment." for all that begin so
  hear: (news: News) => void;
  caught_up?: () => void;
}

// The number of the last message seen; 0 before the first.
export const last_number = signal(0);
export const live = signal(false);

const wishes = new Set<Wish>();
let socket: WebSocket | null = null;
let wanted = false;
let pause_ms = 500;
let silent_timer = 0;

// Begins hearing; the answer ends it.
export function subscribe(wish: Wish): () => void {
  wishes.add(wish);
  if (live.value) queueMicrotask(() => wishes.has(wish) && wish.caught_up?.());
  return () => void wishes.delete(wish);
}

export function connect(): void {
  if (wanted) return;
  wanted = true;
  open();
}

export function disconnect(): void {
  wanted = false;
  last_number.value = 0;
  live.value = false;
  socket?.close();
  socket = null;
}

// True when the news is about the asset: its subject, or named in its body.
export function concerns(news: News, asset: string): boolean {
  if (news.subject === asset) return true;
  const body = news.body as { asset?: unknown } | null;
  return typeof body === "object" && body !== null && body.asset === asset;
}

function open(): void {
  if (!wanted || socket) return;
  const address = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${base}/events`;
  const mine = new WebSocket(address);
  socket = mine;
  mine.onopen = () => {
    pause_ms = 500;
    const after = last_number.value;
    mine.send(JSON.stringify({ subscribe: after ? { after } : {} }));
    expect_sound();
  };
  mine.onmessage = (message) => {
    expect_sound();
    take(String(message.data));
  };
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    live.value = false;
    window.clearTimeout(silent_timer);
    if (!wanted) return;
    window.setTimeout(() => void when_online().then(open), pause_ms * (0.75 + Math.random() / 2));
    pause_ms = Math.min(pause_ms * 2, 15_000);
    void probe();
  };
}

// A dead line may stay silent for minutes: a minute and a half without a word, and we dial again.
// The house says {"now": n} when there is nothing else to say.
function expect_sound(): void {
  window.clearTimeout(silent_timer);
  silent_timer = window.setTimeout(() => socket?.close(), 90_000);
}

async function probe(): Promise<void> {
  try {
    await fetch("/health/live", { cache: "no-store", signal: AbortSignal.timeout(5000) });
  } catch {
    lost();
  }
}

function take(text: string): void {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return;
  }
  if (typeof message !== "object" || message === null) return;
  if ("now" in message) {
    const now = Number((message as { now: unknown }).now);
    if (now > last_number.value) last_number.value = now;
    if (!live.value) {
      live.value = true;
      for (const wish of [...wishes]) wish.caught_up?.();
    }
    return;
  }
  const news = message as News;
  if (typeof news.number !== "number" || typeof news.kind !== "string") return;
  if (news.number <= last_number.value && last_number.value > 0) return; // said twice
  last_number.value = news.number;
  for (const wish of [...wishes]) {
    if (wish.project && news.project !== wish.project) continue;
    if (wish.asset && !concerns(news, wish.asset)) continue;
    if (wish.kinds && !wish.kinds.some((k) => (k.endsWith(".") ? news.kind.startsWith(k) : news.kind === k))) continue;
    wish.hear(news);
  }
}

window.addEventListener("online", () => {
  pause_ms = 500;
  open();
});
online.subscribe((is) => {
  if (is) open();
});
