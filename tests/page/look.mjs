/*
 * Every view and state of the page, from a real house, as pictures for the eye:
 *   node tests/page/look.mjs FOLDER [--program=build/posthouse] [--readme] [--few]
 * Each is taken at 1440 x 900 and at 390 x 844. --readme also renews the ones in docs/pictures; --few leaves out the
 * project of 4,000 things.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open_browser, root } from "./browser.mjs";
import { open_house, sleep, until } from "./real.mjs";

const words = process.argv.slice(2);
const out = words.find((w) => !w.startsWith("--")) ?? join(tmpdir(), "posthouse-look");
const program = words.find((w) => w.startsWith("--program="))?.slice(10) ?? join(root, "build/posthouse");
const few = words.includes("--few");
mkdirSync(out, { recursive: true });

// ---- media, kept between runs

const media = join(tmpdir(), "posthouse-look-media");
mkdirSync(media, { recursive: true });
const ffmpeg = (...args) => execFileSync("nice", ["ffmpeg", "-v", "error", "-y", ...args]);
const made = (name, make) => {
  const path = join(media, name);
  if (!existsSync(path)) make(path);
  return path;
};

// A shore at dusk: sky, haze, a slanting horizon; one still, moved slowly.
function shore(path, { hue, seconds, rate, start }) {
  const still = join(media, `shore-${hue}.png`);
  const sky = "clip(Y/(H*0.62)\\,0\\,1)";
  const land = "gt(Y\\,H*0.56-X*0.035+6*sin(X/61)+9*sin(X/173))";
  const [r, g, b] = [[38, 66, 84], [84, 62, 74], [52, 70, 60], [44, 52, 92]][hue % 4];
  const [r2, g2, b2] = [[206, 152, 104], [222, 178, 128], [196, 186, 142], [170, 150, 190]][hue % 4];
  if (!existsSync(still))
    ffmpeg("-f", "lavfi", "-i", "color=black:s=1920x1080", "-frames:v", "1", "-vf",
      `format=rgb24,geq=r='if(${land}\\,44-22*(Y/H)\\,${r}+(${r2}-${r})*pow(${sky}\\,2.2))':g='if(${land}\\,34-18*(Y/H)\\,${g}+(${g2}-${g})*pow(${sky}\\,2.2))':b='if(${land}\\,32-20*(Y/H)\\,${b}+(${b2}-${b})*pow(${sky}\\,2.2))'`, still);
  ffmpeg("-loop", "1", "-framerate", rate, "-i", still, "-f", "lavfi", "-i", `aevalsrc='0.28*sin(2*PI*(180+40*${hue})*t)*(0.35+0.65*pow(sin(0.7*t+${hue})\\,2))*(0.6+0.4*random(0)):s=48000:d=${seconds}'`,
    "-vf", `crop=1728:972:x='(iw-ow)*t/${seconds}':y=(ih-oh)/2,scale=1280:720`, "-t", String(seconds), "-r", rate,
    "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "48", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", "-timecode", start, path);
}

const film = made("LS_R2_lock_v7.mov", (p) => shore(p, { hue: 0, seconds: 12, rate: "24000/1001", start: "01:07:00:00" }));
const sample = made("Sample.mov", (p) => execFileSync(join(root, "tools/make-sample"), [p, "4"]));
const sample_again = made("Sample v2.mov", (p) => ffmpeg("-i", sample, "-f", "lavfi", "-i", "aevalsrc='0.2*sin(2*PI*330*t)|0.14*sin(2*PI*440*t)|0.4*sin(2*PI*220*t)*(0.5+0.5*sin(3*t))|0.3*sin(2*PI*50*t)|0.05*sin(2*PI*550*t)|0.03*sin(2*PI*660*t)':c=5.1:s=48000:d=4", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "pcm_s16le", p));
const shots = [0, 1, 2, 3].map((hue) => made(`shot${hue}.mov`, (p) => shore(p, { hue, seconds: 2, rate: ["24000/1001", "25", "30000/1001", "24"][hue], start: hue === 2 ? "00:59:58;00" : "10:00:00:00" })));
const wav = made("mix.wav", (p) => ffmpeg("-f", "lavfi", "-i", "sine=220:r=48000:d=6,tremolo=f=0.7", "-c:a", "pcm_s24le", p));
const still = made("still.jpg", (p) => ffmpeg("-i", shots[1], "-frames:v", "1", "-q:v", "3", p));
const day = join(media, "Day 01");
if (!existsSync(day)) {
  mkdirSync(join(day, "A001"), { recursive: true });
  mkdirSync(join(day, "VFX 0410"), { recursive: true });
  mkdirSync(join(day, "Sound"), { recursive: true });
  for (let n = 1; n <= 26; n++) copyFileSync(shots[n % 4], join(day, "A001", `A001_C${String(n).padStart(3, "0")}_0415MK.mov`));
  copyFileSync(shots[2], join(day, "A001", "A001_C027_a name that somebody made much too long on purpose, with everything in it, Größe 日本語_v0012_FINAL_final_2.mov"));
  copyFileSync(wav, join(day, "Sound", "R2_mix_51_v3.wav"));
  copyFileSync(still, join(day, "lighting reference.jpg"));
  writeFileSync(join(day, "camera report.txt"), "A001 fps 23.976 ISO 800\n");
  writeFileSync(join(day, "A001", "A001_C099_0415MK.mov"), Buffer.concat([Buffer.from([0, 0, 0, 20]), Buffer.from("ftypqt  \0\0\0\0qt  "), Buffer.alloc(60_000, 7)]));
  ffmpeg("-i", shots[0], "-frames:v", "24", "-vf", "scale=960:-2", join(day, "VFX 0410", "comp_v012.%04d.png"));
  execFileSync("rm", ["-f", join(day, "VFX 0410", "comp_v012.0011.png")]);
}

// ---- the house

const house = await open_house({ program });
const browser = await open_browser();
const sizes = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const taken = [];
const contexts = [];
async function look(page, name) {
  await sleep(350);
  const path = join(out, `${name}.png`);
  await page.screenshot({ path });
  taken.push(name);
}
async function context(size, more = {}) {
  const c = await browser.newContext({ viewport: sizes[size], ...(size === "phone" && { hasTouch: true, isMobile: true, deviceScaleFactor: 2 }), ...more });
  contexts.push(c);
  const page = await c.newPage();
  page.on("pageerror", (e) => console.log(`! ${size}: ${e.message}`));
  page.on("console", (m) => m.type() === "error" && !/Failed to load resource|ERR_/.test(m.text()) && console.log(`! ${size} console: ${m.text()}`));
  return page;
}
const maya = { name: "Maya Keller", email: "maya@house.example", password: "a long enough one" };
async function log_in(page, who) {
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", who.email);
  await page.fill("[type=password]", who.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
}
const pages = {};
const both = async (name, act) => {
  for (const [size, page] of Object.entries(pages)) {
    try {
      if ((await act(page, size)) !== false) await look(page, `${name}-${size}`);
    } catch (e) {
      console.log(`! ${name}-${size}: ${String(e.message).split("\n")[0]}`);
      await look(page, `${name}-${size}-NOT`);
    }
  }
};

try {
  // the first minutes: set up, nothing there, the first project
  pages.wide = await context("wide");
  pages.phone = await context("phone");
  await both("01-setup", (page) => page.goto(`${house.url}/setup#${house.setup}`).then(() => page.waitForSelector("form")));
  await pages.wide.fill("[autocomplete=name]", maya.name);
  await pages.wide.fill("[type=email]", maya.email);
  await pages.wide.fill("[type=password]", maya.password);
  await pages.wide.click("[type=submit]");
  await pages.wide.waitForSelector(".shell");
  await both("02-login", async (page, size) => {
    if (size === "wide") return false;
    await page.goto(`${house.url}/login`);
    await page.fill("[type=email]", maya.email);
    await page.fill("[type=password]", "not the right one");
    await page.click("[type=submit]");
    await page.waitForSelector(".problem");
  });
  await log_in(pages.phone, maya);
  await both("03-no-project", (page) => page.goto(`${house.url}/?all=1`).then(() => page.waitForSelector(".empty")));
  const project = (await house.ask("POST", "/projects", { name: "The Long Shore" })).id;
  await house.ask("POST", `/projects/${project}/members`, { email: maya.email, role: "owner" }).catch(() => undefined);
  const library = `${house.url}/p/${project}`;
  await both("04-empty", (page) => page.goto(library).then(() => page.waitForSelector(".empty")));

  // media comes in: by put, and by the page while we look
  await house.put(project, film);
  await house.is(project, "LS_R2_lock_v7.mov", "proxying").catch(() => undefined);
  const asset = await house.asset(project, "LS_R2_lock_v7.mov");
  await both("05-making", (page) => page.goto(`${library}/a/${asset.id}`).then(() => page.waitForSelector(".review")));
  await house.put(project, day, sample);
  await both("06-library-busy", (page) => page.goto(library).then(() => page.waitForSelector("#asset-5")));
  await pages.wide.click(".activity-button");
  await look(pages.wide, "06-activity-wide");
  await pages.wide.keyboard.press("Escape");
  await house.is(project, "LS_R2_lock_v7.mov", "ready", 900_000);
  await house.is(project, "Sample.mov", "ready", 900_000);
  await until("all are ready or failed", async () => (await house.assets(project)).every((a) => ["ready", "failed"].includes(a.version.state)), 900_000);

  await house.put(project, sample_again, "--version-of", (await house.asset(project, "Sample.mov")).id);
  await until("version 2 is ready", async () => (await house.asset(project, "Sample.mov")).version.number === 2 && (await house.is(project, "Sample.mov", "ready", 900_000)), 900_000);

  const berg = await house.person({ name: "Jonas Berg", email: "jonas@studio.example", password: "another long one" });
  const mori = await house.person({ name: "Aiko Mori", email: "aiko@vfx.example", password: "another long one" });
  for (const who of [berg, mori]) await house.ask("POST", `/projects/${project}/members`, { email: who.email, role: "reviewer" });
  const ring = { tool: "pen", colour: "#ffd24a", width: 0.005, points: Array.from({ length: 40 }, (_, i) => [0.68 + 0.06 * Math.cos(i / 39 * 6.4 + 2), 0.46 + 0.11 * Math.sin(i / 39 * 6.4 + 2), 0.5]).flat().map((v) => Math.round(v * 1e4) / 1e4) };
  const arrow = { tool: "arrow", colour: "#ffd24a", width: 0.005, points: [0.55, 0.78, 0.5, 0.62, 0.6, 0.5] };
  const say = (who, frame, text, more = {}) => who.ask("POST", `/assets/${asset.id}/comments`, { version: asset.version.id, frame, text, ...more });
  const wind = await say(berg, 36, "Wind bed drops out under the second line. Can we hold it through the cut?");
  await say(mori, 36, "Holding it costs us the gull. I would rather dip than hold.", { parent: wind.id });
  await say(mori, 101, "Boom shadow on the wall, frame right. Paint out or trim eight.", { drawing: [ring, arrow] });
  await say(berg, 140, "Love this whole run. Do not touch.", { end_frame: 200 });
  await say(berg, 232, "Is this still the temp sky? It reads greener than the shot before. If it is the final one I would like to see both next to each other, on the grading monitor, before Friday.");
  const flash = await say(berg, 262, "Flash frame at the dissolve.");
  await mori.ask("PATCH", `/comments/${flash.id}`, { resolved: true });
  for (const name of ["Cuts", "Deliverables"]) await house.ask("POST", `/projects/${project}/folders`, { name });

  await both("07-library", async (page) => {
    await page.goto(library);
    await page.waitForSelector("#asset-5");
    if (page === pages.wide) await page.click(`.cell:has-text("Sample.mov")`);
  });
  await both("08-list", (page) => page.goto(`${library}?view=list&sort=name`).then(() => page.waitForSelector("#asset-5")));
  await both("09-hover", async (page, size) => {
    if (size === "phone") return false;
    await page.goto(`${library}?q=Sample`);
    await page.waitForSelector("#asset-0");
    const box = await page.locator("#asset-0 .picture").boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await sleep(300);
    await page.mouse.move(box.x + box.width * 0.62, box.y + 40);
  });
  await both("10-failed", async (page, size) => {
    await page.goto(`${library}?q=C099`);
    await page.waitForSelector("#asset-0");
    await page.click("#asset-0");
    if (size === "phone") await page.keyboard.press("]");
  });
  await both("11-nothing-found", (page) => page.goto(`${library}?q=zebra`).then(() => page.waitForSelector(".empty")));
  await both("12-facts", async (page, size) => {
    await page.goto(`${library}?q=Sample`);
    await page.waitForSelector("#asset-0");
    await page.click("#asset-0");
    if (size === "phone") await page.keyboard.press("]");
  });
  if (pages.phone) await pages.phone.keyboard.press("]");
  await both("13-share-dialog", async (page) => {
    await page.goto(`${library}?q=LS_R2`);
    await page.waitForSelector("#asset-0");
    await page.click("#asset-0");
    await page.keyboard.press("Control+s");
    await page.waitForSelector("dialog");
  });
  await both("14-deliver-dialog", async (page) => {
    await page.goto(`${library}?q=LS_R2`);
    await page.waitForSelector("#asset-0");
    await page.click("#asset-0");
    await page.keyboard.press("Control+d");
    await page.waitForSelector("dialog .profile input");
  });
  await both("15-menu", async (page, size) => {
    await page.goto(library);
    await page.waitForSelector("#asset-3");
    await page.click("#asset-3", { button: "right" });
  });
  await both("16-palette", async (page) => {
    await page.goto(library);
    await page.waitForSelector("#asset-3");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("lo");
  });
  await both("17-keys", async (page) => {
    await page.goto(`${library}/a/${asset.id}`);
    await page.waitForSelector(".picture[data-shown='0']", { timeout: 20_000 });
    await page.keyboard.press("?");
  });

  // the player
  await both("20-player", async (page) => {
    await page.goto(`${library}/a/${asset.id}?f=101`);
    await page.waitForSelector(".picture[data-shown='101'][data-from=review]", { timeout: 20_000 });
    await page.keyboard.press("p");
    await page.keyboard.press("n");
    await page.waitForSelector(".comment.on");
    await page.waitForSelector(".picture[data-shown='101']");
  });
  await both("21-player-range", async (page, size) => {
    await page.goto(`${library}/a/${asset.id}?f=140`);
    await page.waitForSelector(".picture[data-shown='140']", { timeout: 20_000 });
    await page.keyboard.press("i");
    for (let n = 0; n < 3; n++) await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("o");
    await page.keyboard.press("/");
    await page.fill("#comment-words", "Trim the head of this one? The door is");
    if (size === "wide") await page.click("text=Arrow");
  });
  await pages.wide.fill("#comment-words", "");
  await pages.phone.fill("#comment-words", "");
  await both("22-player-playing", async (page) => {
    await page.goto(`${library}/a/${asset.id}`);
    await page.waitForSelector(".picture[data-shown='0']", { timeout: 20_000 });
    await page.keyboard.press("l");
    await page.waitForSelector(".picture[data-from=video]", { timeout: 20_000 });
    await sleep(800);
  });
  await both("23-player-goto", async (page) => {
    await page.goto(`${library}/a/${asset.id}`);
    await page.waitForSelector(".picture[data-shown='0']", { timeout: 20_000 });
    await page.keyboard.press("=");
    await page.keyboard.type("99");
    await page.keyboard.press("Enter");
  });
  await both("24-player-hover", async (page, size) => {
    if (size === "phone") return false;
    await page.goto(`${library}/a/${(await house.asset(project, "Sample.mov")).id}`);
    await page.waitForSelector(".picture[data-shown='0']", { timeout: 20_000 });
    await page.keyboard.press("g");
    const box = await page.locator(".bar-track").boundingBox();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 10);
  });
  const versions = await house.asset(project, "Sample.mov");
  await berg.ask("POST", `/assets/${versions.id}/comments`, { version: versions.version.id, frame: 30, text: "The mix is right now; the picture is the old one." });
  await both("32-versions", async (page) => {
    await page.goto(`${library}/a/${versions.id}?v=1&f=30`);
    await page.waitForSelector(".picture[data-shown='30']", { timeout: 20_000 });
    await page.click(".elsewhere");
    await page.click(".version");
    await page.waitForSelector("[role=menuitemradio]");
  });
  await both("33-meters", async (page, size) => {
    if (size === "phone") return false;
    await page.goto(`${library}/a/${versions.id}`);
    await page.waitForSelector(".picture[data-shown='0']", { timeout: 20_000 });
    await page.keyboard.press("/");
    await page.keyboard.press("a");
    await page.waitForSelector(".meters");
    await page.keyboard.press("l");
    await page.waitForSelector(".picture.by-video");
    await page.click(".meter:nth-child(4) >> text=S");
    await sleep(3000);
  });
  await pages.wide.keyboard.press("a"); // they are remembered
  for (const [name, q] of [["25-sound", "R2_mix_51_v3.wav"], ["26-still", "lighting reference.jpg"], ["27-document", "camera report.txt"], ["28-broken", "A001_C099_0415MK.mov"], ["29-long-name", "A001_C027"]]) {
    const a = (await house.assets(project)).find((x) => x.name.startsWith(q));
    await both(name, async (page) => {
      await page.goto(`${library}/a/${a.id}`);
      await page.waitForSelector(".review");
      await sleep(1200);
    });
  }
  const sequence = (await house.assets(project)).find((a) => a.kind === "sequence");
  if (sequence) await both("30-sequence", async (page) => { await page.goto(`${library}/a/${sequence.id}`); await page.waitForSelector(".review"); await page.keyboard.press("End"); await sleep(1200); });
  else console.log("! there is no sequence");
  await both("31-full-screen", async (page, size) => {
    if (size === "phone") return false;
    await page.goto(`${library}/a/${asset.id}?f=101`);
    await page.waitForSelector(".picture[data-shown='101']", { timeout: 20_000 });
    await page.keyboard.press("f");
    await sleep(600);
  });
  await pages.wide.keyboard.press("f");

  // out
  const sample_asset = await house.asset(project, "Sample.mov");
  await house.ask("POST", `/versions/${sample_asset.version.id}/deliveries`, { profile: "prores-422-hq-mov" });
  await house.ask("POST", `/versions/${asset.version.id}/deliveries`, { profile: "wav-48k24" });
  await until("deliveries", async () => (await house.ask("GET", `/projects/${project}/deliveries`)).every((d) => ["done", "failed"].includes(d.state)), 900_000);
  await house.ask("POST", `/versions/${asset.version.id}/deliveries`, { profile: "dnxhr-hqx-mxf" });
  await sleep(1500);
  await both("40-deliver", (page) => page.goto(`${library}/deliver`).then(() => page.waitForSelector(".delivery")));
  await both("41-farm", (page) => page.goto(`${library}/farm`).then(() => page.waitForSelector(".farm-row:not(.farm-head)")));
  await both("42-farm-failed", async (page, size) => {
    await page.goto(`${library}/farm?state=failed`);
    await page.waitForSelector("#job-0");
    if (size === "wide") await page.click("#job-0");
  });
  const share = await house.ask("POST", `/projects/${project}/shares`, { title: "Reel 2 for the director", assets: [asset.id], permission: "comment", download: false, expires: new Date(Date.now() + 14 * 864e5).toISOString(), password: "three gulls" });
  const open_share = await house.ask("POST", `/projects/${project}/shares`, { title: "Dailies, day 1", assets: (await house.assets(project)).filter((a) => a.version.state === "ready").slice(0, 6).map((a) => a.id), permission: "view", download: true, expires: null, password: null });
  for (const [name, path] of [["43-shares", `/p/${project}/shares`], ["44-settings", `/p/${project}/settings`], ["45-tokens", "/tokens"], ["46-people", "/admin/people"], ["47-workers", "/farm/nodes"], ["48-audit", "/admin/audit"], ["49-missing", "/nowhere/at/all"], ["50-projects", "/?all=1"]])
    await both(name, async (page) => { await page.goto(house.url + path); await page.waitForSelector(".shell"); await sleep(500); });

  // a visitor's link
  for (const size of ["wide", "phone"]) {
    const visitor = await context(size);
    await visitor.goto(new URL(share.url, house.url).href);
    await visitor.waitForSelector("[type=password]");
    await look(visitor, `60-share-door-${size}`);
    await visitor.fill("[type=password]", "three gulls");
    await visitor.click("[type=submit]");
    await visitor.waitForSelector(".picture[data-shown='0']", { timeout: 20_000 });
    await visitor.click(".comment:has-text('Boom shadow')");
    await visitor.waitForSelector(".picture[data-shown='101'][data-from=review]");
    await look(visitor, `61-share-${size}`);
    await visitor.fill("#comment-words", "Trim eight, please.");
    await visitor.keyboard.press("Enter");
    await visitor.waitForSelector("dialog");
    await look(visitor, `62-share-name-${size}`);
    await visitor.goto(new URL(open_share.url, house.url).href);
    await visitor.waitForSelector(".share-list button");
    await look(visitor, `63-share-list-${size}`);
    await visitor.goto(`${house.url}/s/${"x".repeat(43)}`);
    await visitor.waitForSelector(".problem");
    await look(visitor, `64-share-wrong-${size}`);
  }

  // an upload in the middle, and one that was left
  const big = join(media, "A002_C001_raw.mov");
  if (!existsSync(big)) writeFileSync(big, Buffer.alloc(300 << 20, "raw"));
  for (const [size, page] of Object.entries(pages)) {
    await page.goto(library);
    await page.waitForSelector("#asset-5");
    const line = await page.context().newCDPSession(page);
    await line.send("Network.enable");
    await line.send("Network.emulateNetworkConditions", { offline: false, latency: 5, downloadThroughput: -1, uploadThroughput: 12e6 });
    await page.setInputFiles("input[type=file][multiple]", [big, ...[1, 2, 3, 4].map((n) => join(day, "A001", `A001_C00${n}_0415MK.mov`))]);
    await sleep(4000);
    await look(page, `70-upload-${size}`);
    await page.goto("about:blank").catch(() => undefined);
    await page.goto(library);
    await page.waitForSelector(".uploads.leftover", { timeout: 10_000 }).catch(() => console.log("! no word of what was left"));
    await look(page, `71-upload-left-${size}`);
  }

  // four thousand
  if (!few) {
    const many = (await house.ask("POST", "/projects", { name: "Nordic spots, spring campaign with a name that goes on for rather longer than anybody would like" })).id;
    await house.ask("POST", `/projects/${many}/members`, { email: maya.email, role: "owner" }).catch(() => undefined);
    const lot = join(media, "many");
    if (!existsSync(lot)) {
      mkdirSync(lot);
      for (let n = 0; n < 4000; n++) copyFileSync(n % 10 ? shots[n % 4] : still, join(lot, `N${String(Math.floor(n / 99)).padStart(3, "0")}_take_${n}_${n % 10 ? "a.mov" : "b.jpg"}`));
    }
    await house.put(many, lot);
    await both("80-many", (page) => page.goto(`${house.url}/p/${many}`).then(() => page.waitForSelector("#asset-5")).then(() => sleep(1500)));
    await both("81-many-end", async (page) => {
      await page.evaluate(() => { const v = document.querySelector(".virtual"); v.scrollTop = v.scrollHeight; });
      await sleep(1500);
    });
  }

  // the house goes away, and comes back
  await both("90-offline", async (page, size) => {
    await page.goto(`${library}/a/${asset.id}?f=101`);
    await page.waitForSelector(".picture[data-shown='101']", { timeout: 20_000 });
    if (size === "phone") await house.stop("SIGKILL");
    return false;
  });
  await both("90-offline", async (page) => {
    await page.waitForSelector(".offline", { timeout: 20_000 });
    await page.fill("#comment-words", "Written while the house was away.");
    await page.press("#comment-words", "Enter");
    await sleep(500);
  });
  await house.start();
  await both("91-back", async (page) => {
    await page.waitForSelector(".offline", { state: "detached", timeout: 30_000 });
    await sleep(1500);
  });
  const light = pages.wide;
  await light.evaluate(() => localStorage.setItem("posthouse.scheme", "light"));
  await light.goto(library);
  await light.waitForSelector("#asset-5");
  await look(light, "92-light-wide");
  await light.goto(`${library}?view=list`);
  await light.waitForSelector("#asset-5");
  await look(light, "93-light-list-wide");
  await light.goto(`${library}/a/${asset.id}?f=101`);
  await light.waitForSelector(".picture[data-shown='101']", { timeout: 20_000 });
  await look(light, "94-light-player-wide");
  await light.goto(`${house.url}/admin/people`);
  await light.waitForSelector(".table");
  await look(light, "95-light-people-wide");
} finally {
  for (const c of contexts) await c.close().catch(() => undefined);
  await browser.close();
  await house.close();
}

// The README's: quantised, so that each stays small.
if (words.includes("--readme")) {
  const pictures = join(root, "docs/pictures");
  mkdirSync(pictures, { recursive: true });
  for (const [from, to, width, colours] of [["07-library-wide", "library", 1440, 256], ["20-player-wide", "player", 1440, 96], ["61-share-phone", "share-phone", 390, 128], ["40-deliver-wide", "deliver", 1440, 64]]) {
    const path = join(pictures, `${to}.png`);
    ffmpeg("-i", join(out, `${from}.png`), "-vf", `scale=${width}:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=${colours}:stats_mode=full[p];[b][p]paletteuse=dither=none`, "-compression_level", "100", "-pred", "mixed", path);
    const size = statSync(path).size;
    console.log(`${path}: ${Math.round(size / 1024)} KB`);
    if (size > 150 * 1024) console.log("! more than 150 KB");
  }
}
console.log(`${taken.length} pictures in ${out} (${readdirSync(out).length} files)`);
