/*
 * A camera original on the page of a real house: a calm plate with what is known, two files that claim to be its
 * transcode, the one that a person chooses, its pictures under the original's timecode, and a step back.
 * originals.mjs PROGRAM MAKE_CAMERA; SHOTS=FOLDER takes pictures for the eye
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { accessible, open_browser } from "./browser.mjs";
import { open_house } from "./real.mjs";

const run = promisify(execFile);
const house = await open_house({ program: process.argv[2] });
const browser = await open_browser();
const shot = async (page, name) => {
  if (!process.env.SHOTS) return;
  await page.screenshot({ path: join(process.env.SHOTS, `${name}-wide.png`) });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: join(process.env.SHOTS, `${name}-narrow.png`) });
  await page.setViewportSize({ width: 1440, height: 900 });
};
let number = 0;
const ok = (name) => console.log(`ok ${++number} ${name}`);
try {
  const project = (await house.ask("POST", "/projects", { name: "Shoot" })).id;
  const file = (name) => join(house.work, name);
  await run(process.argv[3], ["red", file("A001_C002_0101AB_001.R3D"), "A001_C002_0101AB_001.R3D", "10:11:12:13"]);
  for (const name of ["A001_C002_0101AB_proxy.mov", "A001_C002_0101AB_graded.mov"])
    await run("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", `testsrc2=s=64x36:r=25:d=${name.includes("graded") ? 0.48 : 0.52}`, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-timecode", "10:11:12:13", file(name)]);
  await house.put(project, file("A001_C002_0101AB_proxy.mov"), file("A001_C002_0101AB_graded.mov"));
  await house.is(project, "A001_C002_0101AB_proxy.mov");
  await house.is(project, "A001_C002_0101AB_graded.mov");
  await house.put(project, file("A001_C002_0101AB_001.R3D"));
  const asset = await house.is(project, "A001_C002_0101AB_001.R3D");
  const person = await house.person({ name: "Ann", email: "ann@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "editor" });
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");

  await page.goto(`${house.url}/p/${project}/a/${asset.id}`);
  const plate = page.locator(".plate");
  await plate.getByText("2 files claim to be its transcode.").waitFor({ timeout: 60_000 });
  const words = await plate.innerText();
  for (const said of ["No picture without the maker's SDK", "RED's R3D SDK", "A001 (header)", "A001_C002_0101AB (header)", "10:11:12:13", "64 × 36"]) assert.ok(words.includes(said), `the plate says ${said}: ${words}`);
  await accessible(page, "the plate");
  await shot(page, "plate");
  ok("the plate says what is known, and that two files claim to be its transcode");

  await plate.getByRole("button", { name: "Attach a transcode" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Several claim to be its transcode: you decide").waitFor();
  await shot(page, "attach");
  await dialog.getByRole("listitem").filter({ hasText: "graded" }).getByRole("button").click();
  await page.waitForSelector(".picture[data-shown='0']", { timeout: 60_000 });
  assert.ok((await page.locator("#timecode").innerText()).startsWith("10:11:12:13"));
  await shot(page, "shown");
  ok("a person decides, and its pictures are shown under the original's timecode");

  await page.goto(`${house.url}/p/${project}`);
  await page.locator(".tile", { hasText: "A001_C002_0101AB_001.R3D" }).first().click();
  const facts = page.locator(".facts");
  await facts.getByText("no picture without the maker's SDK").first().waitFor({ timeout: 60_000 });
  await accessible(page, "the library");
  await shot(page, "library");
  await facts.getByRole("button", { name: "Detach" }).click();
  await facts.getByRole("button", { name: "Attach a transcode" }).waitFor({ timeout: 60_000 });
  ok("a step back takes it off");
  console.log(`1..${number}`);
} finally {
  await browser.close();
  await house.close();
}
