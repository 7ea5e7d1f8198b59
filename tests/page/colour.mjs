/*
 * Viewing transforms on the page, in the real browser and a real house: a clip that states nothing, a table brought and
 * set, the picture through it, one key back, and a broken table refused. Speaks TAP.
 *   node tests/page/colour.mjs PROGRAM
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { open_house, until } from "./real.mjs";

const house = await open_house({ program: process.argv[2] });
const browser = await open_browser();
let number = 0;
let failed = 0;
let page;
async function step(name, act) {
  number++;
  try {
    await act();
    console.log(`ok ${number} ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok ${number} ${name}\n${String(e.stack ?? e).split("\n").slice(0, 12).map((l) => `# ${l}`).join("\n")}`);
    console.log(`# ${(await page?.evaluate(() => document.body.innerText.replace(/\s+/g, " ").slice(0, 800)).catch(String)) ?? ""}`);
    if (process.env.LOOK) await page?.screenshot({ path: join(process.env.LOOK, `failed-${number}.png`) }).catch(() => undefined);
  }
}
const look = async (name) => { if (process.env.LOOK) await page.screenshot({ path: join(process.env.LOOK, `${name}.png`) }); };
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
  await step("on a telephone it is there too", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await shows("half");
    await look("colour-phone");
    await accessible(page, "colour, narrow");
  });
} catch (e) {
  failed++;
  console.log(`not ok ${++number} the test itself\n# ${e.stack ?? e}`);
} finally {
  await browser.close();
  await house.close();
  console.log(`1..${number}`);
}
process.exit(failed ? 1 : 0);
