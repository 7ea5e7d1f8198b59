/*
 * Looking closely in the real player, in Chromium without a GPU, as a person does it: the key that changes the viewing
 * transform of a paused 1080p frame, to the other picture's pixels on the page; and the four scopes while the hand is on
 * the bar. JSON lines.   node benchmarks/look.mjs [--program=build/posthouse]
 * Promise: at most 50 ms; at least 25 scopes a second.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open_browser, root } from "../tests/page/browser.mjs";
import { open_house, until } from "../tests/page/real.mjs";

const program = process.argv.find((w) => w.startsWith("--program="))?.slice(10) ?? join(root, "build/posthouse");
const house = await open_house({ program });
const browser = await open_browser();
const say = (line) => console.log(JSON.stringify({ bench: "look", ...line }));
const at = (list, p) => Number([...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))].toFixed(1));

// A cube of so many steps an edge that turns the hues and bends the curve.
function cube(n) {
  const rows = [`LUT_3D_SIZE ${n}`];
  for (let b = 0; b < n; b++) for (let g = 0; g < n; g++) for (let r = 0; r < n; r++) rows.push([r * 0.7 + b * 0.3, g * 0.8 + r * 0.2, b * 0.9 + g * 0.1].map((v) => Math.sqrt(v / (n - 1)).toFixed(5)).join(" "));
  return `${rows.join("\n")}\n`;
}
const cdl = "TITLE: day\n001  A001C003 V C 00:00:00:00 00:00:00:12 00:00:00:00 00:00:00:12\n*ASC_SOP (1.2 1.1 1)(0.01 0 0)(0.9 1 1.1)\n*ASC_SAT 0.8\n";
const ocio = "ocio_profile_version: 2\nroles: {scene_linear: lin, default: lin}\nfile_rules:\n  - !<Rule> {name: Default, colorspace: default}\ndisplays:\n  screen:\n    - !<View> {name: Film, colorspace: out}\ncolorspaces:\n  - !<ColorSpace> {name: lin, encoding: scene-linear}\n  - !<ColorSpace>\n    name: log\n    encoding: log\n    to_scene_reference: !<LogTransform> {base: 2, direction: inverse}\n  - !<ColorSpace>\n    name: out\n    from_scene_reference: !<MatrixTransform> {matrix: [0.9, 0.1, 0, 0, 0.1, 0.8, 0.1, 0, 0, 0.2, 0.8, 0, 0, 0, 0, 1]}\n";

try {
  const project = (await house.ask("POST", "/projects", { name: "Look" })).id;
  const person = await house.person({ name: "Eye", email: "eye@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "owner" });
  const here = (...words) => execFileSync(program, ["colour", ...words, `--house.folder=${house.folder}`]);
  for (const [name, text] of [["33.cube", cube(33)], ["65.cube", cube(65)], ["day.edl", cdl], ["config.ocio", ocio]]) writeFileSync(join(house.work, name), text);
  const f = (name) => join(house.work, name);
  const film = join(house.work, "A001C003.mov");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=24:d=10", "-c:v", "prores_ks", "-profile:v", "1", "-pix_fmt", "yuv422p10le", film]);
  here("add", "Look", "a .cube of 33", f("33.cube"));
  here("add", "Look", "ASC CDL", f("day.edl"));
  here("add", "Look", "ASC CDL and a cube of 65", f("day.edl"), f("65.cube"));
  here("add", "Look", "OpenColorIO", f("config.ocio"), "--space", "log", "--display", "screen", "--view", "Film");
  await new Promise((done) => setTimeout(done, 100)); // connections that were closed meanwhile are seen to be
  await house.put(project, film);
  const asset = await house.is(project, "A001C003.mov", "ready", 600_000);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
  const address = `${house.url}/p/${project}/a/${asset.id}`;

  for (const t of await house.ask("GET", `/projects/${project}/transforms`)) {
    here("set", "Look", t.name);
    await until(`proxies through ${t.name}`, async () => (await house.ask("GET", `/versions/${asset.version.id}/colour`)).sets.some((s) => s.shown && s.name === t.name), 600_000);
    await page.goto(`${address}?f=30`);
    await page.waitForSelector(".picture[data-shown='30']", { timeout: 60_000 });
    await page.waitForSelector(`.review-top button.colour:has-text('${t.name}')`);
    await page.keyboard.press("b"); // films as it is: what is through the transform is the lens's
    await page.waitForSelector(".review-top button.colour:has-text('Colour not stated')");
    await page.waitForSelector(".review-top .preview", { state: "detached" });
    await page.waitForSelector(".picture[data-shown='30'][data-held='original']", { timeout: 60_000 });
    const ms = [];
    for (let i = 0; i < 20; i++) ms.push(await page.evaluate(press, { to: t.id }));
    say({ what: `the key to the picture: a paused 1080p frame through ${t.name}, in the player, p50`, ours: at(ms, 0.5), unit: "ms", at_most: 50, p95: at(ms, 0.95) });
  }

  await page.goto(address);
  await page.waitForSelector(".picture[data-shown='0']", { timeout: 60_000 });
  await page.keyboard.press("x");
  await page.waitForSelector(".scopes canvas[data-frame='0']");
  const box = await page.locator(".bar-track").boundingBox();
  await page.evaluate(count);
  await page.mouse.move(box.x + 10, box.y + box.height / 2);
  await page.mouse.down();
  const began = Date.now();
  for (let i = 0; Date.now() - began < 6000; i++) await page.mouse.move(box.x + 10 + (i * 5) % (box.width - 20), box.y + box.height / 2);
  const seen = await page.evaluate(() => window.scopes_seen());
  await page.mouse.up();
  say({ what: "scopes while the hand is on the bar, in the player", ours: Number((seen.scopes / seen.seconds).toFixed(1)), unit: "a second", at_least: 25, pictures_a_second: Number((seen.pictures / seen.seconds).toFixed(1)) });
} catch (e) {
  console.error(e, readFileSync(join(house.work, "serve.log"), "utf8").slice(-3000));
} finally {
  await browser.close();
  await house.close();
}

// In the page: from the key to the lens's pixels, read.
async function press({ to }) {
  const began = performance.now();
  document.activeElement?.blur();
  window.dispatchEvent(new KeyboardEvent("keydown", { key: "b", code: "KeyB", bubbles: true }));
  for (;;) {
    const canvas = document.querySelector(".picture-lens:not([hidden])");
    if (canvas?.dataset.transform === to) {
      const small = document.createElement("canvas");
      const pen = small.getContext("2d", { willReadFrequently: true });
      pen.drawImage(canvas, 0, 0, 1, 1);
      pen.getImageData(0, 0, 1, 1);
      const took = performance.now() - began;
      window.dispatchEvent(new KeyboardEvent("keydown", { key: "b", code: "KeyB", bubbles: true }));
      await new Promise((done) => setTimeout(done, 60));
      return took;
    }
    if (performance.now() - began > 20_000) throw new Error(`the lens never showed ${to}: ${canvas?.dataset.transform}`);
    await new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
  }
}

// In the page: how many scopes and pictures there are.
function count() {
  let scopes = 0, pictures = 0;
  const began = performance.now();
  const watch = (selector, attribute, act) => new MutationObserver(act).observe(document.querySelector(selector), { attributes: true, attributeFilter: [attribute] });
  watch(".scopes canvas", "data-frame", () => { scopes++; });
  watch(".picture", "data-shown", () => { pictures++; });
  window.scopes_seen = () => ({ scopes, pictures, seconds: (performance.now() - began) / 1000 });
}
