/*
 * Deliverables on the page, in the real browser and a real house: a destination is made and tested, a master is laid beside its
 * outlets, ordered under a name by the outlet's pattern, sent, inspected, its receipt printed; a link is fetched by somebody
 * without an account; a rule says what it could not do. Speaks TAP; LOOK=FOLDER takes pictures.   node deliver.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, open_browser, root } from "./browser.mjs";
import { open_house, until } from "./real.mjs";

const own = mkdtempSync(join(tmpdir(), "posthouse-deliver-"));
cpSync(join(root, "data"), join(own, "data"), { recursive: true });
const profile = JSON.parse(readFileSync(join(own, "data/profiles/web-h264-720p.json"), "utf8"));
writeFileSync(join(own, "data/profiles/boxed.json"), JSON.stringify({ ...profile, name: "boxed", title: "An outlet, boxed", package: "folder", checksums: ["md5"], naming: { pattern: "{title}_{size}_{id}", characters: "A-Za-z0-9_-", length: 40 } }));
writeFileSync(join(own, "data/profiles/judged.json"), JSON.stringify({ ...profile, name: "judged", title: "An outlet that wants quality control", qc: "broadcast" }));
writeFileSync(join(own, "data/profiles/captioned.json"), JSON.stringify({ ...profile, name: "captioned", title: "An outlet that wants captions", captions: { formats: ["srt"], languages: ["en"], needed: true } }));
mkdirSync(join(own, "out"));

const house = await open_house({ program: process.argv[2], settings: [`--data.folder=${join(own, "data")}`, "--worker.slots=2"] });
const browser = await open_browser();
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
context.setDefaultTimeout(60_000);
const page = await context.newPage();
const faults = [];
page.on("pageerror", (e) => faults.push(e.message));
let number = 0;
let failed = 0;
async function step(name, act) {
  number++;
  try {
    await act();
    console.log(`ok ${number} ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok ${number} ${name}\n${String(e.stack ?? e).split("\n").slice(0, 10).map((l) => `# ${l}`).join("\n")}`);
    await look(`failed-${number}`);
  }
}
async function look(name) {
  if (!process.env.LOOK) return;
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(process.env.LOOK, `${name}-${width}.png`), fullPage: true });
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

let project = "";
await step("a house with a master is entered", async () => {
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=440:r=48000:d=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-c:a", "pcm_s16le", join(own, "Élan.mov")]);
  project = (await house.ask("POST", "/projects", { name: "Film", sequence_rate: "25/1" })).id;
  await house.put(project, join(own, "Élan.mov"));
  await house.is(project, "Élan.mov");
  await page.goto(house.setup.startsWith("http") ? house.setup : `${house.url}/setup#${house.setup}`);
  await page.getByLabel("Your name").fill("Maya Keller");
  await page.getByLabel("E-mail").fill("maya@house.example");
  await page.locator("input[type=password]").fill("some words together");
  await page.locator("button[type=submit]").click();
  await page.waitForSelector(".shell");
});

await step("a destination is made, tested and listed without its secrets", async () => {
  await page.goto(`${house.url}/admin/destinations`);
  await page.waitForSelector("text=No mail goes out");
  await page.getByRole("button", { name: "New destination" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Outgoing");
  await page.getByLabel("Folder on this machine").fill(join(own, "out"));
  await look("destination-form");
  await accessible(page, "a destination's form");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Test" }).click();
  await page.waitForSelector("text=it can be written");
  await house.ask("POST", "/destinations", { name: "A link", kind: "link", settings: { days: 3 }, secrets: {} });
  await house.ask("POST", "/destinations", { name: "The portal", kind: "hand", settings: { checklist: ["Log in", "Upload the film", "Then the manifest"], portal: "https://portal.outlet.example" }, secrets: {} });
  await house.ask("POST", "/hooks", { kind: "webhook", target: "http://127.0.0.1:9/nobody" });
  await page.reload();
  await page.waitForSelector("text=The portal");
  await look("destinations");
  await accessible(page, "destinations");
});

await step("a name by the outlet's pattern is shown, and what it lacks, before it is ordered", async () => {
  await page.goto(`${house.url}/p/${project}`);
  await page.click("text=Élan.mov");
  await page.keyboard.press("Control+d");
  await page.click("dialog label:has-text('An outlet, boxed')");
  await page.waitForSelector("dialog :text('the name lacks id')");
  assert.equal(await page.locator("dialog footer button[type=submit]").isDisabled(), true);
  await page.locator("dialog .order").getByLabel("Id", { exact: true }).fill("77");
  await page.waitForSelector("dialog code:has-text('Elan_SD_77/: Elan_SD_77.mp4, manifest.json, checksums.md5')");
  await page.locator("dialog .order select").selectOption({ label: "it goes to Outgoing" });
  await look("order");
  await accessible(page, "an order");
  await page.locator("dialog footer button[type=submit]:not([disabled])").click();
});

await step("it is made, goes out by itself, and both are said", async () => {
  await page.goto(`${house.url}/p/${project}/deliver`);
  await page.waitForSelector(".delivery summary:has-text('sent')", { timeout: 90_000 });
  assert.deepEqual(readdirSync(join(own, "out", "Elan_SD_77")).sort(), ["Elan_SD_77.mp4", "checksums.md5", "manifest.json"]);
  await page.waitForSelector(".sending:has-text('Outgoing')");
});

await step("what the outlet says is written down", async () => {
  await page.getByRole("button", { name: "The outlet says…" }).click();
  await page.locator("dialog select").selectOption("redelivery_asked");
  assert.equal(await page.locator("dialog footer button[type=submit]").isDisabled(), true);
  await page.getByLabel("Their reason").fill("The slate is wrong");
  await page.locator("dialog footer button[type=submit]").click();
  await page.waitForSelector(".delivery summary:has-text('redelivery asked')");
  await page.waitForSelector(".history:has-text('The slate is wrong')");
});

await step("a master beside its outlets: what passes, what is missing, where it is mended", async () => {
  await page.getByRole("button", { name: "Its outlets" }).click();
  await page.waitForSelector(".outlets");
  const row = page.locator(".outlets tr", { hasText: "Apple TV" }).first();
  await row.waitFor();
  await row.getByRole("button").first().click();
  await page.waitForSelector(".outlets tr.sub .button");
  await look("deliver");
  await accessible(page, "deliveries");
});

await step("a link is made and fetched without an account", async () => {
  await page.getByRole("button", { name: "Send…" }).click();
  await page.locator("dialog select").selectOption({ label: "A link (link)" });
  await page.locator("dialog footer button[type=submit]").click();
  await page.waitForSelector("dialog :text('Copy it now')");
  const link = await page.evaluate(() => [...document.querySelectorAll("dialog input, dialog code")].map((e) => e.value ?? e.textContent).find((t) => t?.includes("/pickup#")));
  await page.locator("dialog footer button").click();
  await page.waitForSelector(".sending:has-text('waits to be fetched')", { timeout: 60_000 });
  const stranger = await (await browser.newContext({ acceptDownloads: true })).newPage();
  await stranger.goto(link);
  await stranger.waitForSelector("h1:has-text('Elan_SD_77.mp4')");
  await accessible(stranger, "a link");
  const [file] = await Promise.all([stranger.waitForEvent("download"), stranger.click("a:has-text('Elan_SD_77.mp4')")]);
  assert.deepEqual(readFileSync(await file.path()), readFileSync(join(own, "out", "Elan_SD_77", "Elan_SD_77.mp4")));
  await until("it is sent", async () => (await house.ask("GET", `/projects/${project}/deliveries`))[0].sendings[0].state === "sent");
});

await step("a receipt can be printed", async () => {
  await page.goto(`${house.url}/p/${project}/deliver`);
  await page.locator(".sending", { hasText: "Outgoing" }).getByRole("link", { name: "Receipt" }).click();
  await page.waitForSelector(".receipt dd:has-text('read back, SHA-256 compared')");
  await look("receipt");
  await accessible(page, "a receipt");
});

await step("a rule says what it could not do where people look", async () => {
  await page.goto(`${house.url}/p/${project}/deliver`);
  await page.getByRole("button", { name: "New rule" }).click();
  await page.getByLabel("Name", { exact: true }).fill("All that lands");
  await page.locator("dialog .tick", { hasText: "An outlet that wants quality control" }).click();
  await accessible(page, "a rule's form");
  await page.locator("dialog footer button[type=submit]").click();
  await page.waitForSelector("td:has-text('All that lands')");
  execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-pix_fmt", "yuv420p", join(own, "Landed.mov")]);
  await house.put(project, join(own, "Landed.mov"));
  await page.waitForSelector(".problem:has-text('Landed.mov did not become judged')", { timeout: 60_000 });
  await page.waitForSelector(".problem:has-text('its report says \"fix\" and nobody has approved it')", { timeout: 120_000 });
  await look("watch");
});

await step("captions that are missing are brought where the outlets miss them", async () => {
  await page.goto(`${house.url}/p/${project}/deliver`);
  await page.getByRole("button", { name: "Its outlets" }).first().click();
  const row = page.locator(".outlets tr", { hasText: "An outlet that wants captions" }).first();
  await row.locator(":text('not of this master')").waitFor();
  await row.getByRole("button").first().click();
  await page.locator(".outlets tr.sub", { hasText: "captions: en" }).getByRole("button", { name: "Bring captions…" }).click();
  writeFileSync(join(own, "film.en.srt"), "1\n00:00:00,200 --> 00:00:01,400\nGood <i>morning.</i>\n");
  await page.setInputFiles("#caption-file", join(own, "film.en.srt"));
  await page.locator("dialog footer button[type=submit]").click();
  await row.locator(":text('ready')").waitFor();
});

await step("the film is ordered with them; both files are listed and can be fetched", async () => {
  const row = page.locator(".outlets tr", { hasText: "An outlet that wants captions" }).first();
  await row.getByRole("button", { name: "Order…" }).click();
  await page.waitForSelector("dialog :text('captions of the film')");
  await page.locator("dialog footer button[type=submit]").click();
  const made = page.locator(".delivery", { hasText: "captioned" });
  await made.locator("summary:has-text('2 files')").waitFor({ timeout: 120_000 });
  await made.locator("summary:has-text('2 files')").click();
  await made.locator("tr", { hasText: ".en.subtitle.srt" }).locator(":text('captions, en, subtitle, 1 caption')").waitFor();
  await look("files");
  await accessible(page, "files of a delivery");
  const [file] = await Promise.all([page.waitForEvent("download"), made.locator("tr", { hasText: ".en.subtitle.srt" }).getByRole("link").click()]);
  assert.match(readFileSync(await file.path(), "utf8"), /Good <i>morning/);
});

await step("a ladder is a folder of files", async () => {
  await page.locator(".outlets tr", { hasText: "Web ladder, H.264" }).first().getByRole("button", { name: "Order…" }).click();
  await page.waitForSelector("dialog :text('a file for each rung and the sound')");
  await page.locator("dialog footer button[type=submit]").click();
  const made = page.locator(".delivery", { hasText: "web-ladder-h264" });
  await made.locator("summary:has-text('a folder')").waitFor({ timeout: 120_000 });
  await made.locator("summary:has-text('a folder')").click();
  await made.locator("td", { hasText: "master.m3u8" }).waitFor();
  assert.equal(await made.locator("a:text-is(' Download')").count(), 0); // it has no one file
  await look("ladder");
});

await step("another house is named and tested, and a project goes there", async () => {
  await page.goto(`${house.url}/admin/houses`);
  await page.getByRole("button", { name: "New house" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Bureau"); // itself: the other end is the story's matter
  await page.getByLabel("Address").fill(house.url);
  await page.getByLabel("Token").fill(house.token);
  await look("house-form");
  await accessible(page, "another house's form");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("button", { name: "Test" }).click();
  await page.waitForSelector("text=the account there is");
  await look("houses");
  await accessible(page, "houses");
  await page.goto(`${house.url}/p/${project}/transfers`);
  await page.getByRole("button", { name: "Send to a house" }).click();
  await page.locator("dialog").getByLabel("Its project").fill("There");
  await look("house-order");
  await page.locator("dialog footer button[type=submit]:not([disabled])").click();
  await page.locator("section", { hasText: "House to house" }).getByText("sent", { exact: true }).waitFor({ timeout: 120_000 });
  await look("house-to-house");
  await accessible(page, "house to house");
});

await step("nothing went wrong in the page", () => assert.deepEqual(faults, []));
await browser.close();
await house.close();
rmSync(own, { recursive: true, force: true });
console.log(`1..${number}`);
process.exit(failed ? 1 : 0);
