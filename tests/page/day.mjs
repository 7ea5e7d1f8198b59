/*
 * A day on the page, in the real browser and a real house: set up by the one-time link, files and folders dropped, watched,
 * stepped through, commented live by two, shared, the house killed and back, delivered, an upload gone on with after the
 * browser was closed. Speaks TAP.   node tests/page/day.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FLAGS, accessible, open_browser, require_web } from "./browser.mjs";
import { makeSource } from "./player_clips.mjs";
import { open_house, sleep, until } from "./real.mjs";

const house = await open_house({ program: process.argv[2] });
const { work } = house;
const browser = await open_browser();
let number = 0;
let failed = 0;
async function step(name, act) {
  number++;
  const began = Date.now();
  try {
    await act();
    console.log(`ok ${number} ${name}\n# ${Date.now() - began} ms`);
  } catch (e) {
    failed++;
    console.log(`not ok ${number} ${name}\n${String(e.stack ?? e).split("\n").slice(0, 14).map((l) => `# ${l}`).join("\n")}`);
    for (const [who, page] of Object.entries(seats)) {
      console.log(`# ${who} at ${page.url()}: ${(await page.evaluate(() => document.body.innerText.replace(/\s+/g, " ").slice(0, 600)).catch((x) => String(x)))}`);
      if (process.env.LOOK) await page.screenshot({ path: join(process.env.LOOK, `failed-${number}-${who}.png`) }).catch(() => undefined);
    }
  }
}

const seats = {};
const faults = [];
async function seat(who, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(`${who}: ${e.message}`));
  page.on("console", (m) => /Content Security Policy/.test(m.text()) && faults.push(`${who}: ${m.text()}`));
  seats[who] = page;
  return page;
}
const shown = (page, frame, from = "") => page.waitForSelector(`.picture[data-shown="${frame}"]${from && `[data-from=${from}]`}`);
const text_of = (page, selector) => page.textContent(selector);
// The number in the picture's bars, from the pixels on the screen.
const bars = (page) => page.evaluate(() => {
  const box = document.querySelector(".picture.by-video, .picture:has(canvas)");
  const el = box.classList.contains("by-video") ? box.querySelector("video") : box.querySelector("canvas");
  const line = new OffscreenCanvas(1280, 1).getContext("2d");
  const [w, h] = [el.videoWidth || el.width, el.videoHeight || el.height];
  line.drawImage(el, 0, h * 0.05, w, 1, 0, 0, 1280, 1);
  const { data } = line.getImageData(0, 0, 1280, 1);
  let n = 0;
  for (let bit = 0; bit < 16; bit++) if (data[Math.floor((bit + 0.5) * 80) * 4 + 1] > 127) n += 2 ** bit;
  return n;
});
// Files and folders dropped on the page as a hand does it.
async function drop(page, ...paths) {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await cdp.send("Input.dispatchDragEvent", { type, x: 640, y: 450, data });
}
const sha256 = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

const maya = { name: "Maya Keller", email: "maya@house.example", password: "a long enough one" };
const berg_wish = { name: "Jonas Berg", email: "jonas@studio.example", password: "another long one" };
let project, clip, berg;

const reel = join(work, "Reel 2.mov");
await makeSource(reel, { rate: "30000/1001", start: "00:59:58;00", seconds: 5, width: 640, height: 360 });
const grain = join(work, "grain.mov");
await makeSource(grain, { rate: "24/1", start: "10:00:00:00", seconds: 2, width: 640, height: 360, grain: 60 });
const card = join(work, "Card A001");
mkdirSync(join(card, "CLIPS"), { recursive: true });
for (let n = 0; n < 30; n++) writeFileSync(join(card, `note ${n} Größe.txt`), `small file number ${n}`);
writeFileSync(join(card, "CLIPS", "broken.mov"), Buffer.alloc(400_000, 7));
execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "sine=440:r=48000:d=2", join(card, "CLIPS", "wild.wav")]);

const m = await seat("Maya");
await step("the one-time link makes the first administrator", async () => {
  await m.goto(`${house.url}/setup#${house.setup}`);
  await m.fill("[autocomplete=name]", maya.name);
  await m.fill("[type=email]", maya.email);
  await m.fill("[type=password]", maya.password);
  await m.click("[type=submit]");
  await m.waitForSelector("text=Make the first project");
  await accessible(m, "the first page");
});
await step("a project is made", async () => {
  await m.click("text=New project");
  await m.fill("dialog input", "The Long Shore");
  await m.click("text=Make the project");
  await m.waitForSelector("text=Drop files or whole folders anywhere");
  project = /\/p\/([^/?]+)/.exec(m.url())[1];
  await accessible(m, "an empty library");
});
await step("a file and a whole folder are dropped and arrive, every byte", async () => {
  await drop(m, reel, card);
  await m.waitForSelector("text=33 files arrived");
  const list = await house.assets(project);
  assert.equal(list.length, 33);
  const folders = await house.ask("GET", `/projects/${project}/folders`);
  assert.deepEqual(folders.map((f) => f.name).sort(), ["CLIPS", "Card A001"]);
  const clips = folders.find((f) => f.name === "CLIPS");
  assert.equal(clips.parent, folders.find((f) => f.name === "Card A001").id);
  assert.deepEqual(list.filter((a) => a.folder === clips.id).map((a) => a.name).sort(), ["broken.mov", "wild.wav"]);
  for (const [name, path] of [["Reel 2.mov", reel], ["note 7 Größe.txt", join(card, "note 7 Größe.txt")]]) {
    const id = list.find((a) => a.name === name).version.id;
    const answer = await fetch(`${house.url}/api/v1/versions/${id}/files/1/bytes`, { headers: { Authorization: `Bearer ${house.token}` } });
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(path)), name);
  }
});
await step("without a reload its tile goes from words of progress to a picture and a length in timecode", async () => {
  await m.fill("[type=search]", "Reel");
  await m.waitForSelector("#asset-0:has-text('Reel 2.mov') img[src]");
  await m.waitForSelector("#asset-0:has-text('00:00:05;00')");
  clip = await house.is(project, "Reel 2.mov");
  assert.equal(clip.version.facts.duration_frames, 150);
});
await step("its facts are shown; what failed says what, why and the way out", async () => {
  await m.click("#asset-0");
  for (const fact of [/29\.97 \(30000\/1001\)/, /00:59:58;00/, /drop-frame/, /640 × 360/]) assert.match(await text_of(m, ".facts"), fact);
  await accessible(m, "facts");
  await m.fill("[type=search]", "broken");
  await m.waitForSelector("#asset-0:has-text('failed')");
  await m.click("#asset-0");
  await m.waitForSelector(".facts .problem");
  assert.match(await text_of(m, ".facts .problem"), /broken\.mov.*Way out/s);
});
await step("deleting can be undone", async () => {
  await m.keyboard.press("Delete");
  await m.click("text=Undo");
  await until("it is back", async () => (await house.assets(project)).length === 33, 15_000);
  await m.fill("[type=search]", "");
});

await step("Enter opens it; arrows step by frames, bars and drop-frame timecode agree", async () => {
  await m.goto(`${house.url}/p/${project}?q=Reel`);
  await m.waitForSelector("#asset-0");
  await m.keyboard.press("ArrowRight");
  await m.keyboard.press("Enter");
  await shown(m, 0);
  assert.equal(await bars(m), 0);
  assert.equal(await text_of(m, "#timecode"), "00:59:58;00");
  for (let n = 1; n <= 3; n++) {
    await m.keyboard.press("ArrowRight");
    await shown(m, n);
    assert.equal(await bars(m), n);
  }
  await m.keyboard.press("Shift+ArrowRight");
  await shown(m, 33);
  await m.keyboard.press("=");
  await m.keyboard.type("1:00:00;00");
  await m.keyboard.press("Enter");
  await shown(m, 60);
  assert.equal(await bars(m), 60);
  await m.keyboard.press("ArrowLeft");
  await shown(m, 59, "review");
  assert.equal(await bars(m), 59);
  assert.equal(await text_of(m, "#timecode"), "00:59:59;29");
  await until("the address names the frame", () => m.url().includes("f=59"), 5000);
  await accessible(m, "the player");
  // Back without a load: the player's sheet has come and must not change the tiles.
  await m.click("nav >> text=Library");
  const tile = await m.waitForSelector("#asset-0 .picture");
  assert.equal(await tile.evaluate((t) => getComputedStyle(t).position), "relative");
});
await step("an address with a frame opens on it", async () => {
  await m.goto(`${house.url}/p/${project}/a/${clip.id}?f=117`);
  await shown(m, 117);
  assert.equal(await bars(m), 117);
});
await step("L plays with sound, K stops on the frame that is named", async () => {
  await m.keyboard.press("Home");
  await shown(m, 0);
  await m.keyboard.press("l");
  await m.waitForSelector(".picture[data-from=video]");
  await sleep(700);
  await m.keyboard.press("k");
  await m.waitForSelector(".picture:not(.by-video)");
  const at = Number(await m.getAttribute(".picture", "data-frame"));
  await shown(m, at, "review");
  assert.ok(at > 0);
  assert.equal(await bars(m), at);
  assert.ok(await m.evaluate(() => document.querySelector("video").webkitAudioDecodedByteCount > 0), "sound was decoded");
});

await step("a grainy clip, whose fragments are larger than one request, plays too", async () => {
  await house.put(project, grain);
  const a = await house.is(project, "grain.mov");
  assert.ok(a.version.derived.find((d) => d.kind === "review").size > 4.2 * (1 << 20), "half a second is more than 1 MiB");
  await m.goto(`${house.url}/p/${project}/a/${a.id}`);
  await shown(m, 0);
  await m.keyboard.press("l");
  await m.waitForSelector(".picture.by-video");
  await m.keyboard.press("k");
});

await step("5.1: each channel has its meter, and is heard alone or not at all", async () => {
  // Six tones of their own loudness: L -20, R -26, C -12, LFE -30, Ls -35, Rs -40 dBFS.
  const file = join(work, "mix 51.mov");
  const levels = [-20, -26, -12, -30, -35, -40];
  const tone = levels.map((db, c) => `${(10 ** (db / 20)).toFixed(5)}*sin(2*PI*${c === 3 ? 60 : 300 + 100 * c}*t)`).join("|");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=8", "-f", "lavfi", "-i", `aevalsrc=${tone}:c=5.1:s=48000:d=8`, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "pcm_s16le", file]);
  await house.put(project, file);
  const a = await house.is(project, "mix 51.mov");
  // What goes to the loudspeakers is tapped, whatever the page says of it.
  await m.addInitScript(() => {
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...more) {
      if (to instanceof AudioDestinationNode) {
        const split = this.context.createChannelSplitter(2);
        connect.call(this, split);
        window.out = [0, 1].map((c) => {
          const tap = this.context.createAnalyser();
          connect.call(split, tap, c);
          return tap;
        });
      }
      return connect.call(this, to, ...more);
    };
    const make = document.createElement.bind(document);
    document.createElement = (name, ...more) => (name === "audio" ? (window.beside = make(name, ...more)) : make(name, ...more));
  });
  await m.goto(`${house.url}/p/${project}/a/${a.id}`);
  await shown(m, 0);
  await m.keyboard.press("a");
  await m.waitForSelector(".meters");
  await m.keyboard.press("/"); // round and round
  await m.keyboard.press("l");
  await m.waitForSelector(".picture.by-video");
  const read = () => m.evaluate(() => [...document.querySelectorAll(".meter [role=meter]")].map((e) => Number(e.getAttribute("aria-valuenow"))));
  const right = async () => (await read()).every((db, c) => Math.abs(db - levels[c]) <= 2);
  await until("the sound keeps to the picture within a frame", () => m.evaluate(() => Math.abs(window.beside.currentTime - document.querySelector("video").currentTime) < 0.04), 30_000);
  await until("the meters say what is in the file", right, 30_000).catch(async (e) => { throw new Error(`${e.message}: ${await read()}`); });
  const heard = () => m.evaluate(() => window.out.map((tap) => {
    const wave = new Float32Array(2048);
    tap.getFloatTimeDomainData(wave);
    return 20 * Math.log10(Math.max(1e-5, ...wave.map(Math.abs)));
  }));
  const hears = (what, left, right) => until(what, async () => {
    const [l, r] = await heard();
    return Math.abs(l - left) < 1 && Math.abs(r - right) < 1;
  }, 30_000).catch(async (e) => { throw new Error(`${e.message}: ${await heard()}`); });
  await m.keyboard.press("Alt+1");
  await hears("L alone, on the left", -20, -100);
  await m.keyboard.press("Alt+1");
  await m.click(".meter:nth-child(4) >> text=S");
  await hears("C alone, on both sides", -15, -15);
  await m.click(".meter:nth-child(4) >> text=S");
  for (const c of [2, 4, 6, 7]) await m.click(`.meter:nth-child(${c}) >> text=M`);
  await hears("R alone is left", -100, -26);
  await accessible(m, "meters");
  await m.keyboard.press("k");
  await m.keyboard.press("a");
  await m.waitForSelector(".meters", { state: "detached" });
});

const j = await seat("Jonas");
await step("a second person logs in and looks at the same clip", async () => {
  berg = await house.person(berg_wish);
  await house.ask("POST", `/projects/${project}/members`, { email: berg.email, role: "reviewer" });
  await j.goto(`${house.url}/p/${project}/a/${clip.id}`);
  await j.fill("[type=email]", berg.email);
  await j.fill("[type=password]", berg.password);
  await j.click("[type=submit]");
  await shown(j, 0);
});
await step("a comment with a drawing on a frame is seen by the other at once, in the same place", async () => {
  await m.goto(`${house.url}/p/${project}/a/${clip.id}?f=40`);
  await shown(m, 40, "review");
  await m.click(".writer >> text=Arrow");
  const box = await m.locator(".picture").boundingBox();
  await m.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.5);
  await m.mouse.down();
  await m.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.6, { steps: 6 });
  await m.mouse.move(box.x + box.width * 0.75, box.y + box.height * 0.75, { steps: 6 });
  await m.mouse.up();
  await m.click(".writer >> text=Box");
  await m.mouse.move(box.x + box.width * 0.1, box.y + box.height * 0.2);
  await m.mouse.down();
  await m.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.4, { steps: 4 });
  await m.mouse.up();
  await m.fill("#comment-words", "Boom in frame, right.");
  await m.press("#comment-words", "Enter");
  await j.click(".comment:has-text('Boom in frame, right.')");
  await shown(j, 40);
  const [one] = await house.ask("GET", `/assets/${clip.id}/comments`);
  assert.equal(one.frame, 40);
  assert.equal(one.timecode, "00:59:59;10");
  const [arrow, square] = one.drawing;
  assert.deepEqual([arrow.tool, square.tool], ["arrow", "box"]);
  const ends = [arrow.points[0], arrow.points[1], arrow.points.at(-3), arrow.points.at(-2)];
  [0.25, 0.5, 0.75, 0.75].forEach((want, i) => assert.ok(Math.abs(ends[i] - want) < 0.005, `${ends}`));
  assert.equal(await j.locator(".picture-over path").count(), 2);
});
await step("an answer comes back live; typing pauses and sending goes on", async () => {
  await j.click(".comment >> text=Reply");
  await j.fill(".comment textarea", "Painted out in v8.");
  await j.press(".comment textarea", "Enter");
  await m.waitForSelector(".reply:has-text('Painted out in v8.')");
  await m.keyboard.press("Escape");
  await m.evaluate(() => document.activeElement?.blur());
  await m.keyboard.press("Home");
  await m.keyboard.press("l");
  await m.waitForSelector(".picture[data-from=video]");
  await m.keyboard.press("m");
  await m.keyboard.type("here");
  await m.waitForSelector(".picture:not(.by-video)");
  await m.keyboard.press("Enter");
  await m.waitForSelector(".picture.by-video");
  await m.evaluate(() => document.activeElement?.blur());
  await m.keyboard.press("k");
  await j.waitForSelector(".comment:has-text('here')");
});
await step("a range from I to O, a jump by N and P, and resolving are seen by both", async () => {
  await m.goto(`${house.url}/p/${project}/a/${clip.id}?f=100`);
  await shown(m, 100);
  await m.keyboard.press("i");
  await m.keyboard.press("Shift+ArrowRight");
  await shown(m, 130);
  await m.keyboard.press("o");
  await m.fill("#comment-words", "Hold this run.");
  await m.press("#comment-words", "Enter");
  await j.waitForSelector(".comment:has-text('01:00:01;10 – 01:00:02;10')");
  await j.waitForSelector(".bar-marks .range");
  await m.evaluate(() => document.activeElement?.blur());
  await m.keyboard.press("Home");
  await shown(m, 0);
  await m.keyboard.press("End");
  await shown(m, 149);
  await m.keyboard.press("p");
  await shown(m, 100);
  await m.click(".comment:has-text('Hold this run.') >> text=Resolve");
  await j.waitForSelector(".comment:has-text('Hold this run.')", { state: "detached" });
});

await step("notes go out for an editing program, come back from one, and onto a sheet with their frames", async () => {
  const menu = async (name) => {
    await j.click(".notes-menu");
    await j.waitForSelector("[role=menu] >> text=DaVinci Resolve");
    if (process.env.LOOK) await j.screenshot({ path: join(process.env.LOOK, "notes-menu.png") });
    await j.click(`[role=menu] >> text=${name}`);
  };
  const coming = j.waitForEvent("download");
  await menu("DaVinci Resolve");
  const file = await coming;
  assert.match(file.suggestedFilename(), / notes\.edl$/);
  const edl = readFileSync(await file.path(), "utf8");
  const said = (await house.ask("GET", `/assets/${clip.id}/comments`)).filter((c) => !c.parent);
  const boom = said.find((c) => c.text === "Boom in frame, right.");
  assert.equal(edl.match(/\|C:/g).length, said.length);
  assert.ok(edl.includes(` ${boom.timecode} `) && edl.includes("Boom in frame, right. / ") && edl.includes("Painted out in v8. |C:"), edl);
  // From Media Composer: one fits, one is from another programme.
  const bin = join(work, "from avid.txt");
  const at = said.find((c) => c.text === "Hold this run.").timecode;
  writeFileSync(bin, `Eva\t${at}\tV1\tred\tCheck the grade.\t1\nEva\t20:00:00${at.at(-3)}00\tV1\tred\tElsewhere.\t1\n`);
  const choosing = j.waitForEvent("filechooser");
  await menu("Bring notes in");
  await (await choosing).setFiles(bin);
  await j.waitForSelector("dialog:has-text('1 new'):has-text('not in the programme')");
  if (process.env.LOOK) await j.screenshot({ path: join(process.env.LOOK, "notes-left.png") });
  await j.click("dialog >> text=Close");
  await m.waitForSelector(".comment:has-text('Eva: Check the grade.')");
  await j.evaluate(() => { window.print = () => undefined; });
  await menu("Sheet with pictures");
  await j.waitForSelector(".notes-sheet section", { state: "attached" });
  await j.emulateMedia({ media: "print" });
  if (process.env.LOOK) await j.screenshot({ path: join(process.env.LOOK, "notes-sheet.png") });
  const rows = await j.$$eval(".notes-sheet section", (all) => all.map((s) => [s.innerText, s.querySelector("img")?.naturalWidth ?? 0]));
  assert.equal(rows.length, said.length + 1);
  assert.ok(rows.every(([, wide]) => wide === 640) && rows.some(([words]) => words.includes("Painted out in v8.")), JSON.stringify(rows));
  await j.emulateMedia({ media: null });
  await j.evaluate(() => window.dispatchEvent(new Event("afterprint")));
  await j.waitForSelector(".notes-sheet", { state: "detached" });
});

await step("a link with a password lets a stranger look and comment, and nothing more", async () => {
  await m.goto(`${house.url}/p/${project}?q=Reel`);
  await m.click("#asset-0");
  await m.click(".facts >> text=Share");
  await m.fill("dialog [type=password]", "three gulls");
  await accessible(m, "the share dialog");
  await m.click("text=Make the link");
  const link = await m.textContent("dialog .copy-line code");
  const v = await seat("visitor", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await v.goto(link);
  await v.fill("[type=password]", "wrong one");
  await v.click("[type=submit]");
  await v.waitForSelector(".wrong, .problem");
  await v.fill("[type=password]", "three gulls");
  await v.click("[type=submit]");
  await shown(v, 0);
  assert.ok((await v.evaluate(() => document.documentElement.scrollWidth)) <= 390, "fits a phone");
  await accessible(v, "a share");
  await v.tap("[aria-label='One frame on'], [title^='One frame on']");
  await shown(v, 1);
  assert.equal(await bars(v), 1);
  await v.fill("#comment-words", "Love it.");
  await v.press("#comment-words", "Enter");
  await v.fill("dialog input", "Vera");
  await v.click("dialog >> text=Send the comment");
  await j.waitForSelector(".comment:has-text('Vera'):has-text('Love it.')");
  assert.equal(await v.locator("a[download]").count(), 0);
  const status = await v.evaluate((id) => fetch(`/api/v1/versions/${id}/files/1/bytes`).then((r) => r.status), clip.version.id);
  assert.ok(status === 403 || status === 404, `the original: ${status}`);
  const others = await v.evaluate((p) => fetch(`/api/v1/projects/${p}/assets`).then((r) => (r.ok ? r.json().then((l) => l.items.length) : 0)), project);
  assert.ok(others <= 1, `${others} assets are seen`);
  for (const s of await house.ask("GET", `/projects/${project}/shares`)) await house.ask("DELETE", `/shares/${s.id}`);
  await v.goto(link);
  await v.waitForSelector(".problem");
  await v.context().close();
  delete seats.visitor;
});
await step("a link that gives the download has a button for it", async () => {
  const made = await house.ask("POST", `/projects/${project}/shares`, { title: "With the original", assets: [clip.id], permission: "view", download: true });
  const v = await seat("visitor");
  await v.goto(new URL(made.url, house.url).href);
  await shown(v, 0);
  assert.equal(await v.locator("#comment-words").count(), 0);
  const [file] = await Promise.all([v.waitForEvent("download"), v.click("a[download]")]);
  assert.equal(sha256(await file.path()), sha256(reel));
  await v.context().close();
  delete seats.visitor;
});

await step("the house is killed: a bar says so, what is written waits, and goes out once when it is back", async () => {
  await j.goto(`${house.url}/p/${project}/a/${clip.id}?f=20`);
  await shown(j, 20);
  await house.stop("SIGKILL");
  await j.waitForSelector(".offline");
  await j.fill("#comment-words", "Written while it was away.");
  await j.press("#comment-words", "Enter");
  await j.waitForSelector(".comment:has-text('waits for the line')");
  await j.keyboard.press("ArrowRight");
  await house.start();
  await j.waitForSelector(".offline", { state: "detached" });
  await j.waitForSelector(".comment:has-text('Written while it was away.'):not(:has(.busy))");
  const kept = (await house.ask("GET", `/assets/${clip.id}/comments`)).filter((c) => c.text === "Written while it was away.");
  assert.equal(kept.length, 1);
  await j.evaluate(() => document.activeElement?.blur());
  await j.keyboard.press("End");
  await shown(j, 149);
  assert.equal(await bars(j), 149);
});

await step("a delivery is ordered, watched, checked and downloaded", async () => {
  await m.goto(`${house.url}/p/${project}?q=Reel`);
  await m.click("#asset-0");
  await m.click(".facts >> text=Deliver");
  await m.click("dialog .profile:has-text('prores-422-hq-mov')");
  await m.click("dialog footer >> text=Deliver");
  await m.goto(`${house.url}/p/${project}/deliver`);
  await m.waitForSelector(".delivery:has-text('checks passed')", { timeout: 90_000 });
  await accessible(m, "deliver");
  const [file] = await Promise.all([m.waitForEvent("download"), m.click(".delivery a[download]")]);
  const seen = execFileSync("ffprobe", ["-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", await file.path()]).toString().trim();
  assert.equal(seen, "prores,150");
});
await step("a further version: the picture stays, menu and key switch, the address says which, comments stay with theirs", async () => {
  const before = (await house.assets(project)).length;
  const second = await makeSource(join(work, "Reel 2 again.mov"), { rate: "30000/1001", start: "00:59:58;00", seconds: 3, width: 640, height: 360 });
  const version = (words) => j.waitForSelector(`.version:has-text('${words}')`);
  await j.goto(`${house.url}/p/${project}/a/${clip.id}?f=30`);
  await shown(j, 30);
  await house.put(project, second, "--version-of", clip.id);
  const newest = await until("version 2 is ready", async () => {
    const { versions, version: v } = await house.asset(project, "Reel 2.mov");
    return versions === 2 && v.state === "ready" && v;
  });
  assert.equal((await house.assets(project)).length, before);
  await j.waitForSelector(".newer:has-text('Version 2 has come')");
  assert.equal(await text_of(j, ".version"), "v1 of 2");
  await j.click(".newer");
  await version("v2 of 2");
  await shown(j, 30);
  assert.equal(await bars(j), 30);
  assert.ok(!j.url().includes("v="), j.url());
  await j.fill("#comment-words", "Better now.");
  await j.press("#comment-words", "Enter");
  await until("it is kept on version 2", async () => (await house.ask("GET", `/assets/${clip.id}/comments`)).find((c) => c.text === "Better now.")?.version === newest.id);
  await j.evaluate(() => document.activeElement?.blur());
  await j.keyboard.press("v");
  await version("v1 of 2");
  await shown(j, 30);
  assert.ok(j.url().includes("v=1"), j.url());
  await j.waitForSelector(".comment:has-text('Boom in frame'):has-text('on v1')");
  assert.equal(await j.locator(".comment:has-text('Better now.')").count(), 0);
  await j.click(".elsewhere");
  await accessible(j, "comments of two versions");
  await j.click(".comment:has-text('Better now.'):has-text('on v2') >> text=Better now.");
  await version("v2 of 2");
  await j.click(".version");
  await j.click("[role=menuitemradio]:has-text('v1')");
  await version("v1 of 2");
  await j.reload();
  await version("v1 of 2");
  await j.goBack();
  await version("v2 of 2");
  await j.goto(`${house.url}/p/${project}?q=Reel`);
  await j.click("#asset-0");
  await j.click(".facts a[href*='v=1']");
  await version("v1 of 2");
});
await step("jobs, people, members, shares, tokens, workers and the audit log are there, accessible, and fit a phone", async () => {
  for (const [address, words] of [["/jobs", "Proxies of Reel 2.mov"], [`/p/${project}/settings`, "Jonas Berg"], [`/p/${project}/shares`, "With the original"], ["/admin/people", "jonas@studio.example"], ["/admin/workers", "slots busy"], ["/admin/audit", "share"], ["/tokens", "token"]]) {
    await m.setViewportSize({ width: 1440, height: 900 });
    await m.goto(house.url + address);
    await m.waitForSelector(`text=${words}`);
    await accessible(m, address);
    await m.setViewportSize({ width: 390, height: 844 });
    await sleep(100);
    assert.ok((await m.evaluate(() => document.documentElement.scrollWidth)) <= 390, `${address} at 390 px`);
  }
});

await step("a version is decided about: the other sees it at once, the tile has its dot, history stays", async () => {
  await j.goto(`${house.url}/p/${project}/a/${clip.id}?f=10`);
  await shown(j, 10);
  await m.goto(`${house.url}/p/${project}/a/${clip.id}?f=10`);
  await shown(m, 10);
  await j.click(".review-top .status");
  await j.click("dialog >> text=Changes asked");
  await j.fill("dialog textarea", "The boom, again.");
  await j.click("dialog footer >> text=Set the status");
  await m.waitForSelector(".review-top .status.changes:has-text('Changes asked')");
  await m.click(".review-top .status");
  await m.waitForSelector("dialog .history:has-text('The boom, again.'):has-text('Jonas Berg')");
  await accessible(m, "status");
  await m.click("dialog >> text=Approved");
  await m.click("dialog footer >> text=Set the status");
  await j.waitForSelector(".review-top .status.approved");
  assert.deepEqual((await house.ask("GET", `/versions/${(await house.ask("GET", `/assets/${clip.id}`)).version.id}/statuses`)).map((h) => [h.status, h.by]), [["approved", "Maya Keller"], ["changes", "Jonas Berg"]]);
  await m.goto(`${house.url}/p/${project}?q=Reel`);
  await m.waitForSelector(".status-dot.approved");
});
await step("a second factor: set up from the page, asked for at the next log-in, sessions and audit say so", async () => {
  const { createHmac } = await import("node:crypto");
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const code = (secret, later = 0) => {
    const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
    const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
    const count = Buffer.alloc(8);
    count.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + later));
    const mac = createHmac("sha1", key).update(count).digest();
    return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, "0");
  };
  await j.goto(`${house.url}/account`);
  await j.click("text=Set it up");
  await j.waitForSelector("dialog svg.qr path");
  const secret = await text_of(j, "dialog .copy-line code");
  await j.fill("dialog input", code(secret));
  await j.click("dialog >> text=Switch it on");
  await j.waitForSelector("dialog .codes li >> nth=9");
  const recovery = await text_of(j, "dialog .codes li >> nth=0");
  await accessible(j, "recovery codes");
  await j.click("dialog >> text=I have kept them");
  await j.waitForSelector("text=10 recovery codes are left");
  const v = await seat("visitor");
  await v.goto(`${house.url}/login`);
  await v.fill("input[type=email]", berg_wish.email);
  await v.fill("input[type=password]", berg_wish.password);
  await v.keyboard.press("Enter");
  await v.waitForSelector("input[autocomplete=one-time-code]");
  assert.equal(await v.locator(".problem").count(), 0); // nothing is wrong yet
  await v.keyboard.type("000000");
  await v.keyboard.press("Enter");
  await v.waitForSelector(".problem:has-text('This code does not work')");
  await v.fill("input[autocomplete=one-time-code]", recovery.toLowerCase());
  await v.keyboard.press("Enter");
  await v.waitForSelector("input[autocomplete=one-time-code]", { state: "detached" });
  await v.goto(`${house.url}/account`);
  await v.waitForSelector("text=9 recovery codes are left");
  await v.waitForSelector("tr:has-text('Chrome'):has-text('this one'):has-text('yes')");
  await accessible(v, "account");
  await j.reload();
  await j.click("text=Log out everywhere else");
  await j.click("dialog >> text=Log out everywhere else >> nth=-1");
  await v.goto(house.url);
  await v.waitForSelector("input[type=password]");
  await v.context().close();
  delete seats.visitor;
  await m.goto(`${house.url}/admin/audit`);
  await m.waitForSelector("tr:has-text('recovery_code.used')");
  const table = await m.evaluate(() => fetch("/api/v1/audit.csv").then((r) => r.text()));
  assert.match(table.split("\r\n")[0], /^number,at,person,address,device,action/);
  assert.match(table, /"Jonas Berg","[^"]+","Chrome[^"]*","factor.on"/);
  const rows = await house.ask("GET", "/audit?limit=1");
  assert.ok(table.trim().split("\r\n").length >= rows.items[0].number, "every row is there");
});
await step("an upload goes on after the browser was closed, without sending again what was there", async () => {
  await m.context().close();
  delete seats.Maya;
  const big = join(work, "A002_C001.raw");
  writeFileSync(big, randomFillSync(Buffer.alloc(48 << 20)));
  const profile = join(work, "profile");
  const open = async () => {
    const context = await require_web("playwright-core").chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, viewport: { width: 1440, height: 900 } });
    const page = context.pages()[0] ?? (await context.newPage());
    seats.again = page;
    return { context, page };
  };
  const first = await open();
  await first.page.goto(`${house.url}/login?next=/p/${project}`);
  await first.page.fill("[type=email]", maya.email);
  await first.page.fill("[type=password]", maya.password);
  await first.page.click("[type=submit]");
  await first.page.waitForSelector("#asset-0");
  const line = await first.context.newCDPSession(first.page);
  await line.send("Network.enable");
  await line.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 4 << 20 });
  await first.page.setInputFiles("input[type=file][multiple]", big);
  await first.page.waitForSelector(".uploads header:has-text('left')");
  await until("a good part is sent", async () => Number(/^([\d.]+) MB of/.exec(await text_of(first.page, ".upload-row .mono"))?.[1] ?? 0) > 12);
  await first.context.close();
  const second = await open();
  const offsets = [];
  second.page.on("request", (r) => r.method() === "PATCH" && offsets.push(Number(r.headers()["upload-offset"])));
  await second.page.goto(`${house.url}/p/${project}`);
  await second.page.waitForSelector(".uploads.leftover:has-text('A002_C001.raw')");
  await second.page.setInputFiles("input[type=file][multiple]", big);
  await second.page.waitForSelector("text=1 file arrived");
  assert.ok(offsets[0] >= 8 << 20 && offsets[0] < 48 << 20, `it went on at ${offsets[0]}`);
  const asset = await house.asset(project, "A002_C001.raw");
  const answer = await fetch(`${house.url}/api/v1/versions/${asset.version.id}/files/1/bytes`, { headers: { Authorization: `Bearer ${house.token}` } });
  assert.equal(createHash("sha256").update(Buffer.from(await answer.arrayBuffer())).digest("hex"), sha256(big));
  assert.equal(statSync(big).size, asset.version.size);
  await second.context.close();
  delete seats.again;
});
await step("the page met no fault and broke no Content-Security-Policy", () => assert.deepEqual(faults, []));

console.log(`1..${number}`);
await browser.close();
await house.close();
rmSync(work, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
