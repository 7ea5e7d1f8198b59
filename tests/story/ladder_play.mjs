// ladder_play.mjs FOLDER: serves it in ranges and has Chromium play its HLS by Media Source Extensions: the first rung, and from the third
// fragment on the last one. Ends with 1 when a frame that should be shown is not.
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { open_browser } from "../page/browser.mjs";

const folder = process.argv[2];
const server = createServer((ask, answer) => {
  if (ask.url === "/") return answer.setHeader("content-type", "text/html").end("<link rel=icon href=data:,><video muted></video>");
  const path = `${folder}/${ask.url.slice(1)}`, size = statSync(path).size;
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(ask.headers.range ?? `bytes=0-${size - 1}`).map(Number);
  answer.writeHead(ask.headers.range ? 206 : 200, { "content-length": to - from + 1 });
  createReadStream(path, { start: from, end: to }).pipe(answer);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

function playlist(name) {
  const text = readFileSync(`${folder}/${name}.m3u8`, "utf8");
  const [, file, head] = /MAP:URI="([^"]+)",BYTERANGE="(\d+)@0"/.exec(text);
  return { file, head: Number(head), parts: [...text.matchAll(/BYTERANGE:(\d+)@(\d+)\n/g)].map((m) => [Number(m[2]), Number(m[1])]) };
}
const codecs = /CODECS="([^,]+),([^"]+)"/.exec(readFileSync(`${folder}/master.m3u8`, "utf8"));
const browser = await open_browser();
let bad = 1;
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const seen = await page.evaluate(async ({ high, low, sound, codecs }) => {
    const get = async (file, at, size) => (await fetch(file, { headers: { range: `bytes=${at}-${at + size - 1}` } })).arrayBuffer();
    const media = new MediaSource(), video = document.querySelector("video");
    video.src = URL.createObjectURL(media);
    await new Promise((done) => media.addEventListener("sourceopen", done, { once: true }));
    const add = (buffer, bytes) => new Promise((done, fail) => {
      buffer.addEventListener("updateend", done, { once: true });
      buffer.addEventListener("error", () => fail(new Error("a fragment is refused")), { once: true });
      buffer.appendBuffer(bytes);
    });
    const picture = media.addSourceBuffer(`video/mp4; codecs="${codecs[0]}"`), voice = media.addSourceBuffer(`audio/mp4; codecs="${codecs[1]}"`);
    for (const [list, parts] of [[high, high.parts.slice(0, 2)], [low, low.parts.slice(2)]]) {
      await add(picture, await get(list.file, 0, list.head));
      for (const [at, size] of parts) await add(picture, await get(list.file, at, size));
    }
    await add(voice, await get(sound.file, 0, sound.head));
    for (const [at, size] of sound.parts) await add(voice, await get(sound.file, at, size));
    media.endOfStream();
    const shown = [];
    for (const s of [0.02, 1.5, 2.5, 4.4]) {
      video.currentTime = s;
      // A frame of the seek before may still come: the last one within ten seconds counts.
      let last = [s, -1, 0];
      await new Promise((done) => {
        const end = setTimeout(done, 10_000);
        const look = (_, frame) => {
          last = [s, frame.mediaTime, frame.width];
          if (frame.mediaTime > s - 0.0343 && frame.mediaTime <= s + 0.001) return clearTimeout(end), done();
          video.requestVideoFrameCallback(look);
        };
        video.requestVideoFrameCallback(look);
      });
      shown.push(last);
    }
    return { shown, duration: video.duration, ranges: video.buffered.length, begins: video.buffered.start(0), ends: video.buffered.end(0), error: video.error?.message };
  }, { high: playlist("360p"), low: playlist("180p"), sound: playlist("sound"), codecs: codecs.slice(1) });
  console.log(JSON.stringify(seen));
  const right = seen.shown.every(([s, at, width]) => at <= s + 0.001 && at > s - 0.0343 && width === (s < 2.002 ? 640 : 320));
  bad = right && seen.ranges === 1 && seen.begins < 0.001 && Math.abs(seen.ends - 4.5) < 0.05 && !seen.error ? 0 : 1;
} finally {
  await browser.close();
  server.close();
}
process.exit(bad);
