/*
 * Media in place on the page, in the real browser and a real house: an administrator takes a folder of a volume, sees how far
 * it is, what is said of its files when the volume goes and comes back, and copies one into the house. Speaks TAP.
 *   node tests/page/places.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, rmdirSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { open_house } from "./real.mjs";
import { steps } from "./steps.mjs";

const volumes = mkdtempSync(join(tmpdir(), "posthouse-volumes-"));
const house = await open_house({ program: process.argv[2], settings: [`--places.roots=${volumes}`, "--places.every=1s"] });
const browser = await open_browser();
let page;
const { step, look, broke, end } = steps(() => page);

try {
  const nas = join(volumes, "nas");
  mkdirSync(join(nas, "Day 1"), { recursive: true });
  const clip = join(nas, "Day 1", "A001.mov");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=0.48", "-c:v", "mjpeg", clip]);
  writeFileSync(join(nas, "Day 1", "notes.txt"), "shot at night\n");
  for (const name of ["A001.mov", "notes.txt"]) utimesSync(join(nas, "Day 1", name), 1580000000, 1580000000);
  const project = (await house.ask("POST", "/projects", { name: "Spot" })).id;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  await page.goto(`${house.url}/setup#${house.setup}`);
  await page.getByLabel("Your name").fill("Ada");
  await page.getByLabel("E-mail").fill("ada@house.example");
  await page.getByLabel("Password", { exact: true }).fill("a long enough one");
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
  await page.goto(`${house.url}/admin/places`);

  await step("without a place the page says what one is", async () => {
    await page.waitForSelector("text=No media is in place");
    await accessible(page, "no places");
  });
  await step("a folder is found by going down from a root, and taken", async () => {
    await page.click("text=Take a folder in place");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: volumes }).click();
    await dialog.getByRole("button", { name: "nas" }).click();
    await dialog.getByRole("button", { name: "Day 1" }).waitFor();
    await look("places-add");
    await accessible(page, "adding a place");
    await dialog.getByRole("button", { name: "Take it in place" }).click();
    const row = page.locator("tr", { hasText: nas });
    await row.getByText("online, looked at").waitFor();
    await row.getByText("all", { exact: true }).waitFor();
    assert.match(await row.innerText(), /Spot/);
    await look("places");
    await accessible(page, "places");
  });
  await step("another below it is refused where it was asked for", async () => {
    await page.click("text=Take a folder in place");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Folder on the house's machine").fill(join(nas, "Day 1"));
    await dialog.getByRole("button", { name: "Take it in place" }).click();
    await dialog.getByText("is in place already").waitFor();
  });
  await step("the library says where a file lies and how it is", async () => {
    await house.is(project, "A001.mov", "ready");
    await page.goto(`${house.url}/p/${project}`);
    await page.click("text=A001.mov");
    await page.locator(".facts").getByText("In place", { exact: true }).waitFor();
    assert.match(await page.locator(".facts").innerText(), new RegExp(`${nas}/Day 1/A001.mov`));
    await page.locator("#asset-0, #asset-1").filter({ hasText: "in place" }).first().waitFor();
    await look("places-library");
  });
  await step("when the volume goes, its files are offline and say since when", async () => {
    renameSync(nas, join(volumes, "away"));
    mkdirSync(nas);
    await page.locator(".facts").getByText("offline", { exact: true }).waitFor();
    assert.match(await page.locator(".facts").innerText(), /offline since .*last seen/s);
    await look("places-offline");
    await page.goto(`${house.url}/admin/places`);
    await page.getByText("is its volume mounted?").waitFor();
    await look("places-away");
    rmdirSync(nas);
  });
  await step("a volume that is elsewhere now is said to be there, and goes on", async () => {
    mkdirSync(join(volumes, "other"));
    await page.getByRole("button", { name: "It is elsewhere" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: volumes }).click();
    await dialog.getByRole("button", { name: "other" }).click();
    await dialog.getByRole("button", { name: "It is there" }).click();
    await dialog.getByText("does not look like this place").waitFor();
    await look("places-move");
    await accessible(page, "moving a place");
    await dialog.getByLabel("Folder on the house's machine").fill(join(volumes, "away"));
    await dialog.getByRole("button", { name: "It is there" }).click();
    await page.locator("tr", { hasText: join(volumes, "away") }).getByText("online, looked at").waitFor();
  });
  await step("one is copied into the house", async () => {
    await page.goto(`${house.url}/p/${project}`);
    await page.click("text=A001.mov");
    await page.getByRole("button", { name: "Copy into the house" }).click();
    await page.locator(".facts").getByText("In place", { exact: true }).waitFor({ state: "detached" });
    assert.equal((await house.asset(project, "A001.mov")).version.place ?? null, null);
  });
  await step("it fits a telephone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${house.url}/admin/places`);
    await page.locator("tr", { hasText: join(volumes, "away") }).getByText("online, looked at").waitFor();
    await look("places-small");
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390));
  });
} catch (e) {
  await broke(e);
} finally {
  await browser.close();
  await house.close();
  rmSync(volumes, { recursive: true, force: true });
}
process.exit(end());
