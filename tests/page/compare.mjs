/*
 * Two films locked frame by frame on the page, in the real browser and a real house: two versions by their timecode, a version at
 * another rate, a master and what was made of it; each picture is read by the bars in it. Then loudness and findings over time, an
 * order with a map of the sound, gain and a limiter by name (held against what ffmpeg measures in the file), and what goes beside
 * a master. Speaks TAP; LOOK=FOLDER takes pictures.   node compare.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, open_browser, root } from "./browser.mjs";
import { makeSource } from "./player_clips.mjs";
import { open_house, until } from "./real.mjs";

// An outlet that wants a loudness, in a folder of data of its own.
const own_data = mkdtempSync(join(tmpdir(), "posthouse-compare-"));
cpSync(join(root, "data"), join(own_data, "data"), { recursive: true });
const prores = JSON.parse(readFileSync(join(own_data, "data/profiles/prores-422-hq-mov.json"), "utf8"));
writeFileSync(join(own_data, "data/profiles/loud.json"), JSON.stringify({ ...prores, name: "loud", title: "An outlet with a loudness", package: "folder", naming: { pattern: "{title}_{id}", characters: "A-Za-z0-9_-", length: 40 }, loudness: { method: "bs1770-4", target: -14, within: 0.5, true_peak: -3 } }));
const hdr10 = JSON.parse(readFileSync(join(own_data, "data/profiles/web-hevc-hdr10.json"), "utf8"));
writeFileSync(join(own_data, "data/profiles/hdr-boxed.json"), JSON.stringify({ ...hdr10, name: "hdr-boxed", title: "An HDR outlet, boxed", package: "folder", checksums: ["md5"] }));
mkdirSync(join(own_data, "out"));
const house = await open_house({ program: process.argv[2], settings: ["--worker.slots=2", `--data.folder=${join(own_data, "data")}`] });
const browser = await open_browser();
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
context.setDefaultTimeout(60_000);
const page = await context.newPage();
const faults = [];
page.on("pageerror", (e) => faults.push(e.message));
let number = 0, failed = 0;
async function step(name, act) {
  number++;
  try {
    await act();
    console.log(`ok ${number} ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok ${number} ${name}\n${String(e.stack ?? e).split("\n").slice(0, 12).map((l) => `# ${l}`).join("\n")}`);
    await look(`failed-${number}`);
  }
}
async function look(name) {
  if (!process.env.LOOK) return;
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(process.env.LOOK, `${name}-${width}.png`) });
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}
const ffmpeg = (...args) => execFileSync("ffmpeg", ["-v", "error", "-y", ...args]);

// What both pictures say of themselves, once the left one is frame `n` and the other stands too.
function bars_of() {
  const read = (canvas) => {
    if (canvas.dataset.shown === "-1") return null;
    const to = document.createElement("canvas");
    [to.width, to.height] = [canvas.width, canvas.height];
    const g = to.getContext("2d");
    g.drawImage(canvas, 0, 0);
    let value = 0;
    for (let bit = 0; bit < 16; bit++) {
      const d = g.getImageData(Math.round((canvas.width * (bit + 0.5)) / 16), Math.round(canvas.height / 20), 1, 1).data;
      if (d[1] > 128) value += 2 ** bit;
    }
    return value;
  };
  const [left, right] = document.querySelectorAll(".compare-stage canvas");
  return { left: read(left), right: read(right), shown: [Number(left.dataset.shown), Number(right.dataset.shown)] };
}
const shows = (left, right) => until(`frame ${left} stands beside ${right}`, async () => {
  const now = await page.evaluate(bars_of);
  return now.shown[0] === left && now.shown[1] === right ? now : null;
});

let project = "", film = null, versions = [];
await step("a film comes in three versions: as it was shot, without its first second, and at another rate", async () => {
  const one = await makeSource(join(house.work, "Film.mov"), { rate: "25/1", start: "10:00:00:00", seconds: 4, width: 640, height: 360 });
  const two = join(house.work, "two.mov"), three = join(house.work, "three.mov");
  const coded = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "16", "-pix_fmt", "yuv420p", "-an"];
  ffmpeg("-i", one, "-vf", "select='gte(n,25)',setpts=N/25/TB,eq=brightness=0.04", "-r", "25", ...coded, "-timecode", "10:00:01:00", two);
  ffmpeg("-r", "24", "-i", one, ...coded, "-r", "24", "-timecode", "10:00:00:00", three);
  project = (await house.ask("POST", "/projects", { name: "Film" })).id;
  await house.put(project, one);
  film = await house.is(project, "Film.mov");
  await page.goto(house.setup.startsWith("http") ? house.setup : `${house.url}/setup#${house.setup}`);
  await page.getByLabel("Your name").fill("Maya Keller");
  await page.getByLabel("E-mail").fill("maya@house.example");
  await page.locator("input[type=password]").fill("some words together");
  await page.locator("button[type=submit]").click();
  await page.waitForSelector(".shell");
  for (const [n, file] of [[2, two], [3, three]]) {
    await house.put(project, file, "--version-of", film.id);
    await until(`version ${n} is ready`, async () => {
      versions = await house.ask("GET", `/assets/${film.id}/versions`);
      return versions.length === n && versions.every((v) => v.state === "ready");
    }, 180_000);
  }
  versions.sort((a, b) => a.number - b.number);
});

await step("two versions open from the player, locked by timecode at the frame that was looked at", async () => {
  await page.goto(`${house.url}/p/${project}/a/${film.id}?v=2&f=30`);
  await page.waitForSelector(".picture[data-shown='30']");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("menuitem", { name: /^v1,/ }).click();
  await page.waitForSelector(".compare-say:has-text('Locked by timecode')");
  // frame 30 of both, by the address; the right one lacks the first second
  const now = await shows(30, 5);
  assert.deepEqual([now.left, now.right], [30, 30]);
  await look("compare-beside");
  await accessible(page, "a comparison");
});

await step("every frame that is gone to has its own beside it", async () => {
  for (const key of ["ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowLeft", "End"]) await page.keyboard.press(key);
  assert.equal((await shows(99, 74)).right, 99);
  await page.keyboard.press("Home");
  await page.waitForSelector(".compare .review-tc.right:has-text('no such frame')");
  const none = await until("nothing stands on the right", async () => {
    const now = await page.evaluate(bars_of);
    return now.shown[0] === 0 && now.shown[1] === -1 ? now : null;
  });
  assert.deepEqual([none.left, none.right], [0, null]);
  for (let n = 1; n < 4; n++) await page.keyboard.press("Shift+ArrowRight");
  for (const n of [75, 76, 77, 78]) {
    const now = await shows(n, n - 25);
    assert.deepEqual([now.left, now.right], [n, n]);
    await page.keyboard.press("ArrowRight");
  }
});

await step("while it plays, forward and backward, no picture stands beside another's", async () => {
  await page.evaluate(`window.bars_of = ${bars_of.toString()}`);
  await page.keyboard.press("Home");
  for (let n = 0; n < 2; n++) await page.keyboard.press("Shift+ArrowRight");
  await shows(50, 25);
  for (const [key, end] of [["l", 99], ["j", 0]]) {
    await page.evaluate(() => {
      window.pairs = [];
      window.eye = setInterval(() => window.pairs.push(window.bars_of()), 30);
    });
    await page.keyboard.press(key);
    await until("it has come to the end", async () => (await page.evaluate(bars_of)).shown[0] === end, 120_000);
    const pairs = await page.evaluate(() => { clearInterval(window.eye); return window.pairs; });
    assert.ok(new Set(pairs.map((p) => p.left)).size > 1, "it moved");
    for (const p of pairs) {
      assert.equal(p.left, p.shown[0]);
      if (p.right !== null) assert.equal(p.right, p.left, JSON.stringify(p));
      else assert.ok(p.left < 25, JSON.stringify(p));
    }
  }
});

await step("one key changes how they are shown; the difference of different pictures is not nothing", async () => {
  await page.keyboard.press("End");
  await shows(99, 74);
  await page.keyboard.press("x");
  await page.waitForSelector(".compare-stage[data-mode=wipe] .edge");
  await look("compare-wipe");
  await page.keyboard.press("x");
  await page.waitForSelector(".compare-stage[data-mode=difference]");
  const said = await page.waitForSelector(".compare-say :text('differs by')");
  assert.ok(Number(/by ([\d.]+)/.exec(await said.textContent())[1]) > 3, await said.textContent());
  await page.keyboard.press("g");
  await page.waitForSelector(".compare-say :text('shown 4 times')");
  await look("compare-difference");
  await page.keyboard.press(".");
  await page.waitForSelector(".compare-say:has-text('moved by +1')");
  await until("the address says how", async () => page.url().includes("m=difference") && page.url().includes("f=99"));
});

await step("a version at another rate goes frame by frame", async () => {
  await page.goto(`${house.url}/p/${project}/compare/v-${versions[0].id}/v-${versions[2].id}?f=60`);
  await page.waitForSelector(".compare-say:has-text('frame by frame, 25 to 24')");
  const now = await shows(60, 60);
  assert.deepEqual([now.left, now.right], [60, 60]);
});

await step("a master and what was made of it: its pictures are made when somebody looks", async () => {
  const made = await house.ask("POST", `/versions/${versions[0].id}/deliveries`, { profile: "web-h264-720p" });
  await until("it is made", async () => (await house.ask("GET", `/deliveries/${made.id}`)).state === "done", 180_000);
  await page.goto(`${house.url}/p/${project}/deliver`);
  await page.getByRole("button", { name: "Compare with the master" }).click();
  await page.waitForSelector(".compare-say:has-text('Locked frame by frame')", { timeout: 180_000 });
  for (const n of [1, 2, 3]) await page.keyboard.press("ArrowRight");
  const now = await shows(3, 3);
  assert.deepEqual([now.left, now.right], [3, 3]);
  await page.keyboard.press("End");
  assert.equal((await shows(99, 99)).right, 99);
  await look("compare-deliverable");
});

// 8 s of 5.1, each channel a tone of its own; 100 ms from the fourth second on reach over the limit.
const mix = { name: "Mix.mov", peak_frame: 100 };
// What ffmpeg's own meter says of a file.
const said_of = (file, stream = 0) => spawnSync("ffmpeg", ["-nostats", "-hide_banner", "-i", file, "-map", `0:a:${stream}`, "-af", "ebur128=peak=true", "-f", "null", "-"], { encoding: "utf8" }).stderr.split("Summary:").pop();
await step("a mix is checked: loudness over time lies under the picture, a true peak leads to its frame", async () => {
  const channels = ["0.1*sin(2*PI*400*t)+if(between(t\\,4\\,4.1)\\,0.88*sin(2*PI*997*t)\\,0)", "0.1*sin(2*PI*500*t)", "0.2*sin(2*PI*600*t)", "0.05*sin(2*PI*60*t)", "0.02*sin(2*PI*800*t)", "0.03*sin(2*PI*900*t)"];
  ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=8", "-f", "lavfi", "-i", `aevalsrc=${channels.join("|")}:c=5.1(side):s=48000:d=8`, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
    "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-c:a", "pcm_s24le", "-timecode", "10:00:00:00", join(house.work, mix.name));
  await house.put(project, join(house.work, mix.name));
  mix.asset = await house.is(project, mix.name, "ready", 180_000);
  mix.version = mix.asset.version.id;
  const report = await house.ask("POST", `/versions/${mix.version}/qc`, { rules: "broadcast" });
  await until("it is measured", async () => (await house.ask("GET", `/qc/${report.id}`)).state === "done", 180_000);
  const line = await house.ask("GET", `/qc/${report.id}/timeline`);
  assert.equal(line.programmes.length, 1);
  const [own] = line.programmes;
  assert.deepEqual([line.limits.target_lufs, line.limits.most_dbtp], [-23, -1]);
  assert.equal(own.length_ms, 8_000);
  assert.equal(own.momentary.length, 80);
  // no more than three windows are there: none of 3 s before, all the same of steady tones afterwards
  assert.equal(own.short[28], -999);
  assert.ok(Math.abs(own.short[32] - own.short[38]) <= 1);
  assert.deepEqual(own.over.map(([frame]) => frame >= mix.peak_frame && frame <= mix.peak_frame + 3), [true]);
  const outside = /I:\s+(-[\d.]+) LUFS/.exec(await said_of(join(house.work, mix.name)));
  assert.ok(Math.abs(own.integrated - Number(outside[1])) <= 0.1, `${own.integrated} and ffmpeg ${outside[1]}`);
  await page.goto(`${house.url}/p/${project}/a/${mix.asset.id}`);
  await page.waitForSelector(".picture[data-shown='0']");
  await page.click("section.comments >> text=Quality");
  await page.waitForSelector(".timeline-head:has-text('LUFS')");
  await until("the curves are drawn", () => page.evaluate(() => (document.querySelector(".timeline canvas")?.width ?? 0) > 100));
  const canvas = page.locator(".timeline canvas"), room = await canvas.boundingBox();
  await canvas.click({ position: { x: (room.width * (own.over[0][0] + 0.5)) / 200 + 2, y: 10 } });
  await page.waitForSelector(`.picture[data-shown='${own.over[0][0]}']`);
  await look("timeline");
  await accessible(page, "loudness over time");
});

await step("an order says its sound channel by channel, what becomes of the loudness, and in whose name", async () => {
  await page.goto(`${house.url}/p/${project}`);
  await page.click(`text=${mix.name}`);
  await page.keyboard.press("Control+d");
  await page.click("dialog label:has-text('An outlet with a loudness')");
  await page.locator("dialog").getByLabel("Id", { exact: true }).fill("7");
  await page.waitForSelector("dialog .tracks :text('track 1')");
  await page.waitForSelector("dialog :text('Measured:')");
  await page.getByRole("button", { name: "Map it by hand" }).click();
  // 5.1 with the front's sides changed, and a mix of it in two beside
  await page.locator("dialog .map-channels").getByLabel("L", { exact: true }).selectOption("1.2");
  await page.locator("dialog .map-channels").getByLabel("R", { exact: true }).selectOption("1.1");
  await page.getByRole("button", { name: "Another track" }).click();
  await page.locator("dialog .map-track").nth(1).getByLabel("Made of").selectOption("lo-ro");
  await page.locator("dialog .map-track").nth(1).getByLabel("Language").fill("de");
  await page.getByRole("button", { name: "Even gain to the target" }).click();
  await page.waitForSelector("dialog :text('unless somebody consents')");
  await look("order-sound");
  await page.locator("dialog").getByText("A true-peak limiter may change the mix").click();
  assert.equal(await page.getByLabel("Who consents to it").inputValue(), "Maya Keller");
  await page.waitForSelector("dialog :text('the limiter holds it')");
  await look("order-limiter");
  await accessible(page, "an order of sound");
  await page.locator("dialog footer button[type=submit]:not([disabled])").click();
  await page.waitForSelector("dialog", { state: "detached" });
});

await step("what was chosen is true of the file, as others measure it", async () => {
  const made = await until("it is made", async () => {
    const [d] = await house.ask("GET", `/versions/${mix.version}/deliveries`);
    if (d?.state === "failed") throw new Error(JSON.stringify(d.problem));
    return d?.state === "done" ? d : null;
  }, 240_000);
  assert.ok(made.checks.some((c) => c.what.includes("limiter") && /Maya Keller/.test(c.seen + c.wanted)), JSON.stringify(made.checks.map((c) => [c.what, c.seen])));
  const file = join(house.work, "made.mov");
  const answer = await fetch(`${house.url}/api/v1/deliveries/${made.id}/bytes`, { headers: { Authorization: `Bearer ${house.token}` } });
  writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
  const streams = JSON.parse(execFileSync("ffprobe", ["-v", "error", "-show_streams", "-select_streams", "a", "-of", "json", file])).streams;
  assert.deepEqual(streams.map((s) => [s.channels, s.channel_layout]), [[6, "5.1(side)"], [2, "stereo"]].map(([n, l], i) => [n, streams[i].channel_layout === "5.1" ? "5.1" : l]));
  assert.equal(streams[1].tags?.language, "deu");
  const said = said_of(file);
  const loud = Number(/I:\s+(-?[\d.]+) LUFS/.exec(said)[1]), peak = Number(/Peak:\s+(-?[\d.]+) dBFS/.exec(said)[1]);
  assert.ok(Math.abs(loud + 14) <= 0.5, `loudness ${loud}`);
  assert.ok(peak <= -2.9, `true peak ${peak}`);
  // L is what R was: 500 Hz is in it and 400 Hz is not
  const tone = (f, channel) => Number(/mean_volume: (-?[\d.]+)/.exec(spawnSync("ffmpeg", ["-nostats", "-hide_banner", "-i", file, "-map", "0:a:0", "-af", `pan=mono|c0=c${channel},bandpass=f=${f}:width_type=h:w=20,bandpass=f=${f}:width_type=h:w=20,volumedetect`, "-f", "null", "-"], { encoding: "utf8" }).stderr)[1]);
  assert.ok(tone(500, 0) > tone(400, 0) + 12, "left is what was right");
  assert.ok(tone(400, 1) > tone(500, 1) + 12, "right is what was left");
});

const mdf = (frames) => `<?xml version="1.0"?>\n<DolbyLabsMDF xmlns="http://www.dolby.com/schemas/dvmd/4_0_2" version="4.0.2"><Outputs><Output><CompositionName>Night</CompositionName><Video><Track><EditRate>25 1</EditRate>
<Shot><UniqueID>x</UniqueID><Record><In>0</In><Duration>${frames}</Duration></Record></Shot></Track></Video></Output></Outputs></DolbyLabsMDF>\n`;
await step("what a master's light is, is stated by a person; what goes beside it is held against it", async () => {
  const night = join(house.work, "Night.mov"), good = join(house.work, "Night of the very long name which somebody gave to its Dolby Vision metadata.xml"), bad = join(house.work, "short.xml");
  ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc,format=yuv422p10le", "-c:v", "prores_aw", "-movflags", "write_colr", "-timecode", "10:00:00:00", night);
  writeFileSync(good, mdf(50));
  writeFileSync(bad, mdf(40));
  await house.put(project, night, good, bad);
  const film_of_night = await house.is(project, "Night.mov", "ready", 180_000);
  mix.night = film_of_night;
  await until("both files are there", async () => (await house.assets(project)).filter((a) => a.name.endsWith(".xml") && a.version.state === "ready").length === 2);
  await page.goto(`${house.url}/p/${project}`);
  await page.click("text=Night.mov");
  await page.waitForSelector(".facts :text('not stated')");
  await page.getByRole("button", { name: "Put a file beside it…" }).click();
  await page.locator("dialog select").selectOption({ label: "short.xml" });
  await page.locator("dialog footer button[type=submit]").click();
  await page.waitForSelector(".beside-file:has-text('does not fit')");
  await look("beside-wrong");
  await page.locator(".beside-file").getByRole("button", { name: "Take it off" }).click();
  await page.waitForSelector(".beside-file", { state: "detached" });
  await page.getByRole("button", { name: "Put a file beside it…" }).click();
  await page.locator("dialog select").selectOption({ index: 0 });
  await page.locator("dialog select").selectOption({ label: good.split("/").pop() });
  await page.locator("dialog footer button[type=submit]").click();
  await page.waitForSelector(".beside-file summary:has-text('fits')");
  await page.getByRole("button", { name: "State the light" }).click();
  await page.getByLabel("Mastering display").selectOption("p3-d65");
  await page.getByLabel("Brightest, cd/m²").fill("1000");
  await page.getByLabel("Darkest, cd/m²").fill("0.005");
  await page.getByLabel("MaxCLL, cd/m²").fill("990");
  await page.getByLabel("MaxFALL, cd/m²").fill("210");
  await look("light");
  await accessible(page, "the light of a master");
  await page.getByRole("button", { name: "State it in my name" }).click();
  await page.waitForSelector(".facts :text('P3-D65, 1000 to 0.005')");
  await page.waitForSelector(".facts :text('told by Maya Keller')");
  await look("master");
  await accessible(page, "a master's facts");
});

await step("what was stated is in the deliverable, and what goes beside it in the package, to the byte", async () => {
  const to = await house.ask("POST", "/destinations", { name: "Out", kind: "folder", settings: { path: join(own_data, "out") }, secrets: {} });
  const made = await house.ask("POST", `/versions/${mix.night.version.id}/deliveries`, { profile: "hdr-boxed", destination: to.id });
  await until("it is sent", async () => {
    const d = await house.ask("GET", `/deliveries/${made.id}`);
    if (d.state === "failed") throw new Error(JSON.stringify(d.problem));
    return d.standing === "sent";
  }, 240_000);
  const files = execFileSync("find", [".", "-type", "f"], { cwd: join(own_data, "out"), encoding: "utf8" }).trim().split("\n");
  const xml = files.find((f) => f.endsWith(".xml")), film_file = files.find((f) => f.endsWith(".mp4"));
  assert.equal(readFileSync(join(own_data, "out", xml), "utf8"), mdf(50));
  const sums = readFileSync(join(own_data, "out", files.find((f) => f.endsWith("checksums.md5"))), "utf8");
  assert.ok(sums.includes(xml.split("/").pop()), sums);
  const said = execFileSync("ffprobe", ["-v", "error", "-show_frames", "-read_intervals", "%+#1", "-select_streams", "v", join(own_data, "out", film_file)], { encoding: "utf8" });
  assert.match(said, /max_content=990/);
  assert.match(said, /max_average=210/);
  assert.match(said, /max_luminance=10000000\/10000/);
  assert.match(said, /red_x=34000\/50000/);
});

await step("nothing went wrong in the page", async () => assert.deepEqual(faults, []));
await browser.close();
await house.close();
rmSync(own_data, { recursive: true, force: true });
console.log(`1..${number}`);
process.exit(failed ? 1 : 0);
