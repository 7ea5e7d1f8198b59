/*
 * Viewing transforms on the page, in the real browser and a real house: a clip that states nothing, a table brought and
 * set, the picture through it, one key back, and a broken table refused. Speaks TAP.
 *   node tests/page/colour.mjs PROGRAM
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, open_browser, require_web, root } from "./browser.mjs";
import { open_house, until } from "./real.mjs";
import { steps } from "./steps.mjs";

const house = await open_house({ program: process.argv[2] });
const browser = await open_browser();
let page;
const { step, look, broke, end } = steps(() => page);
// The picture's middle, 0..255.
const grey = () => page.evaluate(() => {
  if (!document.querySelector(".picture[data-shown='0']")) return NaN;
  const canvas = document.querySelector(".picture canvas"), small = document.createElement("canvas");
  small.width = small.height = 1;
  const to = small.getContext("2d");
  to.drawImage(canvas, canvas.width / 2, canvas.height / 2, 1, 1, 0, 0, 1, 1);
  return to.getImageData(0, 0, 1, 1).data[0];
});
const shows = (face) => page.waitForSelector(`.review-top button.colour:has-text('${face}')`);
const dialog = (what) => `dialog[open] >> ${what}`;

try {
  const clip = join(house.work, "A001C003.mov");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "gradients=s=320x180:r=24:d=0.5:c0=0x606060:c1=0x606060:nb_colors=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", clip]);
  writeFileSync(join(house.work, "half.cube"), "LUT_1D_SIZE 2\n0 0 0\n.5 .5 .5\n");
  writeFileSync(join(house.work, "broken.cube"), "LUT_3D_SIZE 2\n0 0 0\n1 0\n");
  const project = (await house.ask("POST", "/projects", { name: "Log" })).id;
  await house.put(project, clip);
  const person = await house.person({ name: "Maya Keller", email: "maya@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "owner" });
  const asset = await house.is(project, "A001C003.mov", "ready");
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
  await page.goto(`${house.url}/p/${project}/a/${asset.id}`);
  await page.waitForSelector(".picture[data-shown='0']");

  let own;
  await step("a clip whose file says nothing of its colour is named so, and nothing is guessed", async () => {
    await shows("Colour not stated");
    own = await grey();
    await look("colour-unsaid");
    await accessible(page, "colour, not stated");
  });
  await step("a broken table is refused with its line", async () => {
    await page.click(".review-top button.colour");
    await look("colour-menu");
    await page.click("[role=menuitem]:has-text('Viewing transforms')");
    await page.setInputFiles("#colour-files", join(house.work, "broken.cube"));
    await page.waitForSelector(dialog("text=line 3: 3 numbers are wanted here, there are 2"));
    await look("colour-broken");
  });
  await step("a good one is added and set for the project", async () => {
    await page.setInputFiles("#colour-files", join(house.work, "half.cube"));
    await page.click(dialog("role=button[name='Add half']"));
    await page.waitForSelector(dialog("li b:has-text('half')"));
    await page.selectOption(dialog("label:has-text('The project') + select"), { label: "half" });
    await page.waitForSelector(dialog("text=Set by Maya Keller"));
    await look("colour-dialog");
    await accessible(page, "colour, the dialog");
    await page.click(dialog("role=button[name='Done']"));
  });
  await step("proxies are made again, and the picture is seen through it", async () => {
    await shows("half");
    await until("half of the grey is seen", async () => Math.abs((await grey()) - own / 2) < 8);
    await look("colour-half");
  });
  await step("one key shows it as it is, and again through it", async () => {
    await page.keyboard.press("b");
    await shows("Colour not stated");
    await until("the file's own grey is seen", async () => Math.abs((await grey()) - own) < 8);
    await page.keyboard.press("b");
    await shows("half");
  });
  await step("the page looks through the table as the engine does, on the card and without one", async () => {
    const { id } = (await house.ask("GET", `/projects/${project}/transforms`))[0];
    const made = async (wish) => until("the frame is made", async () => {
      const f = await house.ask("POST", `/versions/${asset.version.id}/frames`, { frame: 0, ...wish });
      if (f.state === "failed") throw new Error(JSON.stringify(f.problem));
      return f.state === "ready" ? f : null;
    });
    const bytes = async (url) => Buffer.from(await (await fetch(new URL(url, house.url))).arrayBuffer());
    const own = await made({ plain: true }), seen = await made({ transform: id });
    writeFileSync(join(house.work, "seen.png"), await bytes(seen.files.find((x) => x.kind === "picture").url));
    const right = execFileSync("ffmpeg", ["-v", "error", "-i", join(house.work, "seen.png"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], { maxBuffer: 1 << 26 });
    const set = (await person.ask("GET", `/versions/${asset.version.id}/colour`)).sets.find((s) => s.transform === id);
    const entry = "import * as t from './web/player/table'; import { Painter } from './web/player/lens_gl'; window.looking = { ...t, Painter };";
    const built = await require_web("esbuild").build({ stdin: { contents: entry, resolveDir: root, loader: "ts" }, bundle: true, write: false, format: "iife" });
    const blank = await (await browser.newContext()).newPage();
    await blank.setContent("<body></body>");
    await blank.evaluate(built.outputFiles[0].text);
    const got = await blank.evaluate(({ table, values, said }) => {
      const raw = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
      const { readTable, prepare, quick, paint, Painter } = window.looking;
      const t = readTable(raw(table)), plain = { frame: 0, said, data: new Uint16Array(raw(values)) };
      const here = new Uint8ClampedArray(said.width * said.height * 4);
      paint(prepare(plain, said.width, said.height), quick(t, false), here);
      const card = Painter.open(true), pen = Object.assign(document.createElement("canvas"), { width: said.width, height: said.height }).getContext("2d");
      if (card?.paint(plain, t)) pen.drawImage(card.canvas, 0, 0);
      return { here: [...here], card: card ? [...pen.getImageData(0, 0, said.width, said.height).data] : null };
    }, { table: (await bytes(set.table)).toString("base64"), values: (await bytes(own.files[0].url)).toString("base64"), said: own.samples });
    for (const how of ["here", "card"]) {
      if (!got[how]) continue; // a browser without WebGL
      let most = 0;
      for (let i = 0; i < right.length / 3; i++) for (let k = 0; k < 3; k++) most = Math.max(most, Math.abs(got[how][4 * i + k] - right[3 * i + k]));
      if (!(most <= 2)) throw new Error(`${how}: off by ${most} of 255`);
    }
  });
  await step("another transform is seen at once on the frame that stands, and named as a preview", async () => {
    await page.keyboard.press("b");
    await shows("Colour not stated");
    await page.waitForSelector(".picture[data-shown='0'][data-held='original']"); // the lens is ready
    writeFileSync(join(house.work, "quarter.cube"), "LUT_1D_SIZE 2\n0 0 0\n.25 .25 .25\n");
    execFileSync(process.argv[2], ["colour", "add", "Log", "quarter", join(house.work, "quarter.cube"), `--house.folder=${house.folder}`]);
    // What the lens has shown is kept: it is gone again when the films are there.
    await page.evaluate(() => {
      window.lenses = [];
      new MutationObserver(() => {
        const c = document.querySelector(".picture-lens:not([hidden])");
        const named = document.querySelector(".review-top .preview") !== null, face = document.querySelector(".review-top button.colour")?.textContent ?? "";
        if (!c) return;
        const small = document.createElement("canvas").getContext("2d");
        small.drawImage(c, c.width / 2, c.height / 2, 1, 1, 0, 0, 1, 1);
        window.lenses.push({ grey: small.getImageData(0, 0, 1, 1).data[0], named, face });
      }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    await until("it is in the menu", async () => {
      await page.click(".review-top button.colour");
      const there = await page.locator("[role=menuitemradio]:has-text('quarter')").count();
      if (!there) await page.keyboard.press("Escape");
      return there;
    });
    await page.click("[role=menuitemradio]:has-text('quarter')");
    await until("the lens has shown it, by its name", () => page.evaluate((own) => window.lenses.some((l) => l.named && l.face === "quarter" && Math.abs(l.grey - own / 4) < 4), own));
    await until("its films are there, and say the same", async () => Math.abs((await grey()) - own / 4) < 8);
    await page.waitForSelector(".review-top .preview", { state: "detached" });
  });
  await step("on a telephone it is there too", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await shows("quarter");
    await look("colour-phone");
    await accessible(page, "colour, narrow");
  });
} catch (e) {
  await broke(e);
} finally {
  await browser.close();
  await house.close();
}
process.exit(end());
