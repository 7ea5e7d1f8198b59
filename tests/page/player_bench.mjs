// A page with nothing but the player on it, in the real Chromium, served with byte ranges from a folder
// of clips: what the frame tests and benchmarks/seek drive. `seen()` in the page reads the bars from the
// pixels on the screen: the canvas or the <video>, whichever is on top.
import { createReadStream, mkdirSync, mkdtempSync, statSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const need = createRequire(join(root, 'web/package.json'));
export const esbuild = need('esbuild');
const { chromium } = need('playwright-core');

// TypeScript of the page as a module for node.
export async function load(path) {
  const out = join(mkdtempSync(join(tmpdir(), 'player-')), 'm.mjs');
  await esbuild.build({ entryPoints: [join(root, path)], bundle: true, format: 'esm', outfile: out, logLevel: 'error',
    nodePaths: [join(root, 'web/node_modules')] });
  return import(pathToFileURL(out).href);
}

const FLAGS = ('--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync --disable-dev-shm-usage --disable-background-timer-throttling ' +
  '--disable-renderer-backgrounding --disable-backgrounding-occluded-windows --autoplay-policy=no-user-gesture-required').split(' ');
const PAGE = `<!doctype html><title>player</title><style>#h{position:relative;width:960px;height:540px}.picture{position:absolute}
.picture>*{position:absolute;inset:0;width:100%;height:100%}.picture-video,.by-video .picture-exact{visibility:hidden}.by-video .picture-video{visibility:visible}</style><div id=h></div>`;

function server(clips, made) {
  const kinds = { js: 'text/javascript', mp4: 'video/mp4' };
  const s = http.createServer((q, r) => {
    const path = q.url.split('?')[0];
    if (path === '/') return r.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    const file = path.startsWith('/clips/') ? join(clips, path.slice(7)) : join(made, path);
    let size;
    try { size = statSync(file).size; } catch { return r.writeHead(404).end(); }
    const head = { 'content-type': kinds[file.split('.').pop()] ?? 'application/octet-stream', 'accept-ranges': 'bytes', 'cache-control': 'no-store' };
    const range = /bytes=(\d+)-(\d*)/.exec(q.headers.range ?? '');
    if (!range) return createReadStream(file).pipe(r.writeHead(200, { ...head, 'content-length': size }));
    const from = Number(range[1]);
    const to = Math.min(range[2] ? Number(range[2]) : size - 1, size - 1);
    if (from >= size) return r.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return createReadStream(file, { start: from, end: to })
      .pipe(r.writeHead(206, { ...head, 'content-range': `bytes ${from}-${to}/${size}`, 'content-length': to - from + 1 }));
  });
  return new Promise((ok) => s.listen(0, '127.0.0.1', () => ok(s)));
}

export async function open(clips) {
  const made = mkdtempSync(join(tmpdir(), 'player-page-'));
  mkdirSync(made, { recursive: true });
  await esbuild.build({ entryPoints: { player: join(root, 'web/player/player.ts'), worker: join(root, 'web/player/decode.worker.ts') },
    bundle: true, format: 'esm', outdir: made, target: 'es2022', logLevel: 'error' });
  const s = await server(clips, made);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  const page = await browser.newPage();
  const address = `http://127.0.0.1:${s.address().port}/`;
  return {
    page,
    // Opens a clip; in the page then: pl (the player), seen(), until(condition), raw (a bare <video>).
    async clip({ name, rate, only = null }) {
      await page.goto(address);
      await page.evaluate(async ({ name, rate, only }) => {
        const { Player } = await import('/player.js');
        const one = (k) => ({ media: `${location.origin}/clips/${name}/${k}.mp4`, index: `${location.origin}/clips/${name}/${k}.idx`, growing: false });
        const addresses = { ...(only !== 'review' && { scrub: one('scrub') }), review: one('review') };
        const pl = new Player(document.getElementById('h'), { makeWorker: () => new Worker('/worker.js', { type: 'module' }), renew: async () => addresses });
        const line = new OffscreenCanvas(1280, 1).getContext('2d', { willReadFrequently: true });
        const bars = (el) => {
          const w = el.videoWidth || el.width;
          const h = el.videoHeight || el.height;
          line.drawImage(el, 0, h * 0.05, w, 1, 0, 0, 1280, 1);
          const { data } = line.getImageData(0, 0, 1280, 1);
          let n = 0;
          for (let bit = 0; bit < 16; bit++) if (data[Math.floor((bit + 0.5) * 80) * 4 + 1] > 127) n += 2 ** bit;
          return n;
        };
        const until = (f, ms = 8000) => new Promise((ok, no) => {
          const began = performance.now();
          const look = () => {
            if (f()) ok(performance.now() - began);
            else if (performance.now() - began > ms) no(new Error(`waited ${ms} ms for ${f}; the player: ${JSON.stringify({ ...pl.state, held: 0 })}`));
            else setTimeout(look, 1);
          };
          look();
        });
        Object.assign(window, { pl, bars, until, one, seen: () => bars(pl.box.classList.contains('by-video') ? pl.video : pl.canvas), sleep: (ms) => new Promise((k) => setTimeout(k, ms)) });
        await pl.open({ ...addresses, picture: true, rate, durationFrames: 0, startFrame: 0, base: 25, framesPerLabel: 1, drop: false, firstFile: null, aspect: 16 / 9 });
        await until(() => pl.state.status === 'ready' && pl.state.shown === 0);
      }, { name, rate, only });
    },
    async close() {
      await browser.close();
      s.closeAllConnections?.();
      s.close();
    },
  };
}
