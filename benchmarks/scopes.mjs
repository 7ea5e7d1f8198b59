/*
 * Scopes while scrubbing, in Chromium without a GPU: from a 720p picture on a canvas (as the player's is) to all four scopes
 * drawn and flushed, 320 pixels across sampled, with the page's own code; and the same of an original's code values (640 x
 * 360, 10 bits). A new picture each time. JSON lines.   node benchmarks/scopes.mjs
 * Promise: at least 25 a second while scrubbing (of a proxy: an original's frame comes when the picture stands).
 */
import { open_browser, require_web, root } from "../tests/page/browser.mjs";

const entry = `
import { drawScopes } from './web/player/scopes_draw';
import { ofPicture, ofSamples } from './web/player/scopes_math';
const make = (w, h) => Object.assign(document.createElement('canvas'), { width: w, height: h });
const scopes = [0, 0, 0, 0].map(() => document.body.appendChild(make(1, 1)));
const all = (s) => drawScopes(scopes, s);
const picture = make(1280, 720), pen = picture.getContext('2d', { alpha: false });
const few = make(320, 180).getContext('2d', { alpha: false, willReadFrequently: true });
few.imageSmoothingEnabled = false;
const flush = () => scopes.map((c) => c.getContext('2d').getImageData(0, 0, 1, 1).data[0]);
let room;
window.proxies = (n) => {
  const took = [];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < 40; k++) { pen.fillStyle = 'hsl(' + (i * 7 + k * 9) + ' 80% ' + (k * 2 + 10) + '%)'; pen.fillRect(k * 32, 0, 32, 720); }
    pen.getImageData(0, 0, 1, 1);
    const t = performance.now();
    few.drawImage(picture, 0, 0, 320, 180);
    room = ofPicture(few.getImageData(0, 0, 320, 180).data, 320, 180, room);
    all(room);
    flush();
    took.push(performance.now() - t);
  }
  return took;
};
window.originals = (n) => {
  const said = { width: 3840, height: 2160, channels: 3, type: 'u16', bits: 10, space: 'ycbcr', matrix: 'bt709', full: false, step: 6, scopes_width: 640, scopes_height: 360 };
  const took = [];
  for (let i = 0; i < n; i++) {
    const code = Uint16Array.from({ length: 640 * 360 * 3 }, (_, k) => 64 + (k * 37 + i * 101) % 877);
    const t = performance.now();
    all(ofSamples(code.buffer, said, 640, 360));
    flush();
    took.push(performance.now() - t);
  }
  return took;
};`;
const made = await require_web("esbuild").build({ stdin: { contents: entry, resolveDir: root, loader: "ts" }, bundle: true, write: false, format: "iife" });
const browser = await open_browser();
try {
  const page = await browser.newPage();
  await page.setContent("<body></body>");
  await page.evaluate(made.outputFiles[0].text);
  for (const [what, name] of [["proxies", "of a 720p proxy"], ["originals", "of an original's code values"]]) {
    await page.evaluate((w) => window[w](20), what); // the compiler has seen it
    const took = (await page.evaluate((w) => window[w](150), what)).sort((a, b) => a - b);
    const at = (p) => took[Math.floor(took.length * p)];
    const rate = 1000 * took.length / took.reduce((a, t) => a + t, 0);
    console.log(JSON.stringify({ bench: "scopes", name: `four scopes ${name}`, a_second: Number(rate.toFixed(1)), p50_ms: Number(at(0.5).toFixed(1)), p95_ms: Number(at(0.95).toFixed(1)), ...(what === "proxies" && { promise: ">= 25 a second", holds: rate >= 25 }) }));
  }
} finally {
  await browser.close();
}
