/*
 * Looking closely in the real player, in Chromium without a GPU, as a person does it: the key that changes the viewing
 * transform of a paused 1080p frame, to the other picture's pixels on the page, another frame each time; and the four scopes
 * and false colour while the hand is on the bar. JSON lines; `load` is the machine's while it was measured.
 *   node benchmarks/look.mjs [--program=build/posthouse]
 * Promise: at most 50 ms; at least 25 scopes a second.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { open_browser, root } from "../tests/page/browser.mjs";
import { open_house, sleep, until } from "../tests/page/real.mjs";

const program = process.argv.find((w) => w.startsWith("--program="))?.slice(10) ?? join(root, "build/posthouse");
const house = await open_house({ program });
const browser = await open_browser();
const run = promisify(execFile); // while it runs, connections that the house has closed are seen to be
const say = (line) => console.log(JSON.stringify({ bench: "look", ...line, load: Number(loadavg()[0].toFixed(1)) }));
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
  // Two projects: what is set for the one is not made for the long film too.
  const project = (await house.ask("POST", "/projects", { name: "Look" })).id;
  const other = (await house.ask("POST", "/projects", { name: "Scrub" })).id;
  const person = await house.person({ name: "Eye", email: "eye@house.example", password: "a long enough one" });
  for (const id of [project, other]) await house.ask("POST", `/projects/${id}/members`, { email: person.email, role: "owner" });
  const here = (...words) => run(program, ["colour", ...words, `--house.folder=${house.folder}`]);
  for (const [name, text] of [["33.cube", cube(33)], ["65.cube", cube(65)], ["day.edl", cdl], ["config.ocio", ocio]]) writeFileSync(join(house.work, name), text);
  const f = (name) => join(house.work, name);
  // One second to look through transforms, ten to scrub.
  const film = f("A001C003.mov"), long = f("A001C004.mov");
  await run("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=24:d=1,noise=alls=20:allf=t", "-c:v", "prores_ks", "-profile:v", "1", "-pix_fmt", "yuv422p10le", film]);
  await run("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=24:d=10", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", long]);
  await house.put(project, film);
  await house.put(other, long);
  const asset = await house.is(project, "A001C003.mov", "ready", 600_000);
  const scrubbed = await house.is(other, "A001C004.mov", "ready", 600_000);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");

  await page.goto(`${house.url}/p/${other}/a/${scrubbed.id}`);
  await page.waitForSelector(".picture[data-shown='0']");
  await page.keyboard.press("x");
  await page.waitForSelector(".scopes canvas[data-frame='0']");
  // The hand: one that waits until the page has answered each move, as fast as that goes (two screens a move at best), and
  // one that does not wait, at a mouse's pace.
  const box = await page.locator(".bar-track").boundingBox();
  const at_x = (i) => box.x + 10 + (i * 5) % (box.width - 20), at_y = box.y + box.height / 2;
  const line = await context.newCDPSession(page);
  const waits = async (i) => page.mouse.move(at_x(i), at_y);
  const goes = async (i, began) => {
    line.send("Input.dispatchMouseEvent", { type: "mouseMoved", button: "left", buttons: 1, x: at_x(i), y: at_y }).catch(() => undefined);
    await sleep(Math.max(0, began + (i + 1) * 1000 / 60 - Date.now()));
  };
  for (const [what, keys, hand] of [["scopes", "x", waits], ["scopes and false colour", "Shift+X", waits], ["scopes and false colour, 60 moves a second", "", goes], ["", "x Shift+X", waits], ["60 moves a second", "", goes]]) {
    if (what !== "scopes") for (const key of keys.split(" ").filter(Boolean)) await page.keyboard.press(key);
    await page.waitForSelector(".scopes", { state: what.startsWith("scopes") ? "visible" : "detached" });
    await page.waitForSelector(".picture-false", { state: what.includes("false") ? "visible" : "detached" });
    await page.mouse.move(at_x(0), at_y);
    await page.mouse.down();
    await page.evaluate(count);
    const began = Date.now();
    for (let i = 0; Date.now() - began < 6000; i++) await hand(i, began);
    const seen = await page.evaluate(() => window.scopes_seen());
    await page.mouse.up();
    const a_second = (n) => Number((n / seen.seconds).toFixed(1));
    if (what.startsWith("scopes")) say({ what: `${what} while the hand is on the bar, in the player`, ours: a_second(seen.scopes), unit: "a second", at_least: 25, pictures_a_second: a_second(seen.pictures), screens_a_second: a_second(seen.screens) });
    else say({ what: `pictures while the hand is on the bar, without scopes${what && `, ${what}`}`, ours: a_second(seen.pictures), unit: "a second", screens_a_second: a_second(seen.screens) });
  }

  for (const [name, ...files] of [["a .cube of 33", f("33.cube")], ["ASC CDL", f("day.edl")], ["ASC CDL and a cube of 65", f("day.edl"), f("65.cube")], ["OpenColorIO", f("config.ocio"), "--space", "log", "--display", "screen", "--view", "Film"]]) {
    await here("add", "Look", name, ...files);
    await here("set", "Look", name);
    await until(`proxies through ${name}`, async () => (await house.ask("GET", `/versions/${asset.version.id}/colour`)).sets.some((s) => s.shown && s.name === name), 600_000);
    const { id } = (await house.ask("GET", `/projects/${project}/transforms`)).find((t) => t.name === name);
    await page.goto(`${house.url}/p/${project}/a/${asset.id}?f=10`);
    await page.waitForSelector(".picture[data-shown='10']");
    await page.waitForSelector(`.review-top button.colour:has-text('${name}')`);
    await page.keyboard.press("b"); // films as it is: what is through the transform is the lens's
    await page.waitForSelector(".review-top button.colour:has-text('Colour not stated')");
    await page.waitForSelector(".review-top .preview", { state: "detached" });
    const ms = [], exact = [];
    let size = "";
    for (let i = 0; i < 12; i++) {
      const frame = 10 + (i & 3); // as many as the lens keeps
      for (let n = i && frame === 10 ? 3 : 0; n > 0; n--) await page.keyboard.press("ArrowLeft");
      if (frame > 10) await page.keyboard.press("ArrowRight");
      await page.waitForSelector(`.picture[data-shown='${frame}'][data-held='original']`);
      const took = await page.evaluate(press, { to: id, frame });
      ms.push(took.seen);
      exact.push(took.exact);
      size = took.size;
    }
    say({ what: `the key to the picture: a paused 1080p frame through ${name}, in the player, p50`, ours: at(ms, 0.5), unit: "ms", at_most: 50, p95: at(ms, 0.95), exact_p50: at(exact, 0.5), pixels: size });
  }
} catch (e) {
  console.error(e, readFileSync(join(house.work, "serve.log"), "utf8").slice(-3000));
  process.exitCode = 1;
} finally {
  await browser.close();
  await house.close();
}

// In the page: from the key to the lens's pixels, read; and to those that are exact. Then back.
async function press({ to, frame }) {
  const turn = () => new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
  const key = () => window.dispatchEvent(new KeyboardEvent("keydown", { key: "b", code: "KeyB", bubbles: true }));
  const lens = () => document.querySelector(".picture-lens:not([hidden])");
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (canvas) => { pen.drawImage(canvas, 0, 0, 1, 1); pen.getImageData(0, 0, 1, 1); };
  document.activeElement?.blur();
  const began = performance.now();
  const wait = async (what, held) => {
    while (!held(lens())) {
      if (performance.now() - began > 20_000) throw new Error(`the lens never showed ${what}: ${lens()?.dataset.transform}`);
      await turn();
    }
    if (lens()) read(lens());
    return performance.now() - began;
  };
  key();
  const seen = await wait(to, (c) => c?.dataset.transform === to && c.dataset.frame === String(frame));
  const size = `${lens().width} x ${lens().height}`;
  const exact = await wait("all of it", (c) => !c || c.dataset.exact === "yes");
  key();
  await wait("nothing", (c) => !c);
  return { seen, exact, size };
}

// In the page: how many scopes and pictures there are, and how often the screen is drawn.
function count() {
  let scopes = 0, pictures = 0, screens = 0, going = true;
  const began = performance.now();
  // Those that are another one: what is written again is not counted.
  const watch = (selector, name, act) => {
    const of = document.querySelector(selector);
    let last = "";
    if (of) new MutationObserver(() => { if (of.dataset[name] !== last) act(); last = of.dataset[name]; }).observe(of, { attributes: true, attributeFilter: [`data-${name}`] });
  };
  watch(".scopes canvas", "frame", () => { scopes++; });
  watch(".picture", "shown", () => { pictures++; });
  const screen = () => { screens++; if (going) requestAnimationFrame(screen); };
  requestAnimationFrame(screen);
  window.scopes_seen = () => { going = false; return { scopes, pictures, screens, seconds: (performance.now() - began) / 1000 }; };
}
