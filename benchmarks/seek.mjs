/*
 * Seeks to an exact frame that is not in the window, as a person makes them: in the built page, on a real house's 720p review
 * proxy through its media listener, from the Enter behind a typed frame to the right bars in the picture (read from pixels).
 * Printed beside it: a bare <video> in the same page on the same samples (a plain MP4 of them, from the same house), sent to
 * the frame's centre, until its bars are right. Then the same while the page's other tab brings a large file in, and the
 * frames of 2,100 seeks over seven rates. JSON lines.   node benchmarks/seek.mjs [--quick] [--program=build/posthouse]
 * Promise: p50 <= 30 ms, p95 <= 60 ms, 0 wrong; while an upload runs p95 <= 1.5 x the quiet one; first load <= 80 KB gzipped.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { open_browser, root } from "../tests/page/browser.mjs";
import { hands } from "../tests/page/in_page.mjs";
import { makeSource } from "../tests/page/player_clips.mjs";
import { open_house, until } from "../tests/page/real.mjs";

const quick = process.argv.includes("--quick");
const program = process.argv.find((w) => w.startsWith("--program="))?.slice(10) ?? join(root, "build/posthouse");
const seeks = quick ? 30 : 200;
const house = await open_house({ program });
const source = await makeSource(join(house.work, "minute.mov"), { rate: "24000/1001", start: "01:00:00:00", seconds: 60, width: 1280, height: 720 });
const big = join(house.work, "upload.raw");
const fd = openSync(big, "w");
for (let i = 0; i < 64; i++) writeSync(fd, randomFillSync(Buffer.alloc(16 << 20)));
closeSync(fd);
const browser = await open_browser();
const say = (line) => console.log(JSON.stringify({ bench: "seek", ...line }));
const at = (list, p) => Number([...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))].toFixed(1));
try {
  const project = (await house.ask("POST", "/projects", { name: "Bench" })).id;
  await house.put(project, source);
  const person = await house.person({ name: "Eye", email: "eye@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "editor" });
  const asset = await house.is(project, "minute.mov", "ready", 600_000);

  // The peer's file: the review proxy's own samples with the index in front, as <video> likes it; the house serves it too.
  const proxy = join(house.work, "review.mp4");
  const peer_file = join(house.work, "peer.mp4");
  execFileSync("curl", ["-sS", "--fail", "-o", proxy, new URL(asset.version.derived.find((d) => d.kind === "review").url, house.url).href]);
  execFileSync("ffmpeg", ["-v", "error", "-y", "-i", proxy, "-map", "0:v", "-c", "copy", "-movflags", "+faststart", peer_file]);
  await house.put(project, peer_file);
  const peer_asset = await house.is(project, "peer.mp4", "ready", 600_000);

  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  // The 720p proxy alone: without this the page shows the smaller all-intra one first, and sooner.
  let alone = true;
  await page.route(/\/api\/v1\/(assets|versions)\/[A-Z0-9]+$/, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    const version = body.version ?? body;
    if (alone && version.derived) version.derived = version.derived.filter((d) => !d.kind.startsWith("scrub"));
    await route.fulfill({ response: answer, json: body });
  });
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
  const measure = (n) => page.evaluate(ours, { seeks: n, count: asset.version.facts.duration_frames });
  const open = async () => {
    await page.goto(`${house.url}/p/${project}/a/${asset.id}`);
    await page.waitForSelector(".picture[data-shown='0']", { timeout: 60_000 });
    await page.evaluate(hands);
    await measure(5);
  };

  await open();
  const quiet = await measure(seeks);
  const peer = await page.evaluate(theirs, { url: `/api/v1/versions/${peer_asset.version.id}/files/1/bytes`, frames: quiet.frames });
  const seek = (what, ms, more) => {
    say({ what: `${what}, p50`, ours: at(ms, 0.5), unit: "ms", at_most: 30, ...more(0.5) });
    say({ what: `${what}, p95`, ours: at(ms, 0.95), unit: "ms", at_most: 60, ...more(0.95) });
  };
  seek("to a frame outside the window, 720p proxy alone; peer: <video> on the same samples", quiet.ms, (p) => ({ peer: at(peer.ms, p), seeks, wrong: quiet.wrong, peer_wrong_or_never: peer.wrong }));
  alone = false;
  await open();
  const both = await measure(seeks);
  seek("to a frame outside the window, as the page does it: the all-intra proxy first", both.ms, () => ({ seeks, wrong: both.wrong }));
  say({ what: "wrong frames in these", ours: quiet.wrong + both.wrong, unit: "wrong", at_most: 0 });

  // While the page's other tab sends a gigabyte. Quiet and busy take turns, so that a noisy machine is the same to both.
  alone = true;
  await open();
  const tab = await context.newPage();
  tab.on("dialog", (d) => d.accept().catch(() => undefined)); // "leave the page?"
  await tab.goto(`${house.url}/p/${project}`);
  await tab.waitForSelector("#asset-0");
  const still = [];
  const busy = [];
  let sent = "";
  const turns = quick ? 1 : 4;
  for (let turn = 0; turn < turns; turn++) {
    await page.bringToFront();
    still.push(...(await measure(Math.ceil(seeks / turns))).ms);
    await tab.setInputFiles("input[type=file]", big);
    await until("the upload runs", async () => (await tab.textContent(".uploads header").catch(() => "")).includes("/s"));
    for (let part = 0; part < 5; part++) {
      const some = await measure(10);
      const words = await tab.textContent(".uploads header");
      if (!words.includes("Sending")) break; // it was over before these were done: they do not count
      busy.push(...some.ms);
      sent = words;
    }
    await tab.reload();
    await tab.waitForSelector("#asset-0");
  }
  const [q, b] = [at(still, 0.95), at(busy, 0.95)];
  say({ what: "p95 while another tab uploads, against the quiet one", ours: b, peer: q, unit: "ms", ratio: Number((b / q).toFixed(2)), at_most: 1.5, seeks: busy.length, p50_ms: at(busy, 0.5), quiet_p50_ms: at(still, 0.5), upload: /[\d.]+ [kMG]?B\/s/.exec(sent)?.[0] ?? "" });
  say({ what: "the page's first load, gzipped", ours: Number((JSON.parse(readFileSync(join(root, "build/web/manifest.json"), "utf8")).first_load_gzip_bytes / 1024).toFixed(1)), unit: "KiB", at_most: 80 });
} finally {
  await browser.close();
  await house.close();
}
if (!quick) {
  const frames = spawnSync("node", [join(root, "tests/page/frames.mjs"), program, "--json"], { stdio: "inherit", env: { ...process.env, POSTHOUSE_TEST_SIZE: "long" } });
  process.exitCode = frames.status ?? 1;
}

// ---- in the page

async function ours({ seeks, count }) {
  const ms = [];
  const frames = [];
  let wrong = 0;
  for (let i = 0; i < seeks; i++) {
    let to;
    do to = Math.floor(Math.random() * count);
    while (Math.abs(to - now().frame) < 48);
    frames.push(to);
    await sleep(250); // at rest, as people are; longer than reading ahead takes
    const began = await go(`f${to}`);
    await until(() => now().shown === to);
    const n = seen();
    ms.push(performance.now() - began);
    if (n !== to) wrong++;
  }
  return { ms, frames, wrong };
}

async function theirs({ url, frames }) {
  const video = document.createElement("video");
  video.src = url;
  video.muted = true;
  video.preload = "auto";
  document.body.append(video);
  await until(() => video.readyState >= 2).catch(() => { throw new Error(`<video> does not play ${url}: ${video.error?.message ?? "no error"}`); });
  const ms = [];
  let wrong = 0;
  for (const n of frames) {
    await sleep(250);
    const began = performance.now();
    video.currentTime = ((n + 0.5) * 1001) / 24000;
    try {
      await until(() => !video.seeking && bars(video) === n, 2000);
      ms.push(performance.now() - began);
    } catch {
      wrong++;
    }
  }
  video.remove();
  return { ms: ms.length ? ms : [NaN], wrong };
}
