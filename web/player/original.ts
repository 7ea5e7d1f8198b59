// Frames of originals, asked for until an engine has made them.
import type { FrameShown, FrameWish } from 'api-types';
import { post } from '../app/api';

const ASK_MS = [40, 60, 100, 150, 250, 400]; // most are there in less than half a second

export const url_of = (f: FrameShown): Record<string, string> => Object.fromEntries(f.files.map((x) => [x.kind, x.url]));

export const wait = (ms: number, stop: AbortSignal): Promise<void> => new Promise((done, gone) => {
  const timer = setTimeout(done, ms);
  stop.addEventListener('abort', () => { clearTimeout(timer); gone(new DOMException('', 'AbortError')); });
});

export async function fetch_frame(version: string, wish: FrameWish, stop: AbortSignal, heard: (f: FrameShown) => void): Promise<FrameShown> {
  for (let n = 0; ; n++) {
    const f = await post<FrameShown>(`/versions/${version}/frames`, wish, { signal: stop, patient: false });
    heard(f);
    if (f.state === 'ready' || f.state === 'failed') return f;
    await wait(ASK_MS[Math.min(n, ASK_MS.length - 1)] ?? 400, stop);
  }
}

export async function bytes(url: string, stop: AbortSignal, range?: [number, number]): Promise<ArrayBuffer> {
  const r = await fetch(url, { signal: stop, credentials: 'omit', ...(range && { headers: { Range: `bytes=${range[0]}-${range[1]}` } }) });
  if (!r.ok) throw new Error(`the picture did not come (${r.status})`);
  return r.arrayBuffer();
}
