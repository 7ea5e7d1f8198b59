/*
 * Links in a real browser, with a real house: made on the page, opened by visitors (wrong password, revoked, 4,000
 * files), files sent by a request and gone on with after the browser was closed; what moves, its limits, its history.
 * LOOK=FOLDER keeps a picture of each at both sizes.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { open_house, until } from "./real.mjs";

const MANY = Number(process.env.MANY ?? 1200);
const look_to = process.env.LOOK;
const wide = { width: 1440, height: 900 }, phone = { width: 390, height: 844 };
const work = mkdtempSync(join(tmpdir(), "posthouse-links-"));
let number = 0, bad = 0;
async function step(name, body) {
  number++;
  try {
    await body();
    console.log(`ok ${number} ${name}`);
  } catch (e) {
    bad = 1;
    console.log(`not ok ${number} ${name}`);
    for (const line of String(e?.stack ?? e).split("\n").slice(0, 12)) console.log(`# ${line}`);
  }
}
const house = await open_house({ program: process.argv[2], settings: ["--worker=off", "--house.name=Film House"] });
const browser = await open_browser();
const page_of = async (context) => {
  const page = await context.newPage();
  page.setDefaultTimeout(90_000);
  return page;
};
// Nothing is wider than a phone; with LOOK, pictures of both sizes.
async function both(page, name) {
  await page.setViewportSize(phone);
  const wide_ones = () => page.evaluate(() => [document.documentElement, ...document.querySelectorAll("main, .page-view, dialog, dialog > *, dialog form > *")].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).display !== "inline").map((e) => `${e.tagName}.${e.className} ${e.scrollWidth} > ${e.clientWidth}`));
  await until(`${name} fits a phone`, async () => (await wide_ones()).length === 0, 20_000).catch(async (e) => { throw new Error(`${e.message}: ${(await wide_ones()).join(", ")}`); });
  if (!look_to) return page.setViewportSize(wide);
  mkdirSync(look_to, { recursive: true });
  for (const [word, size] of [["wide", wide], ["phone", phone]]) {
    await page.setViewportSize(size);
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(look_to, `${name}-${word}.png`) });
  }
  await page.setViewportSize(wide);
}

const member = await browser.newContext({ viewport: wide });
const m = await page_of(member);
let project = "", folder = "", url = "", locked = "", request = "";

await step("a house with a folder of many files", async () => {
  project = (await house.ask("POST", "/projects", { name: "Nordlicht" })).id;
  for (let i = 0; i < MANY; i++) {
    if (i % 500 === 0) mkdirSync(join(work, "A001", `Day ${i / 500 + 1}`), { recursive: true });
    writeFileSync(join(work, "A001", `Day ${Math.floor(i / 500) + 1}`, `report ${i}.txt`), `report ${i}\n`);
  }
  execFileSync(house.program, ["put", join(work, "A001"), "--house", house.url, "--token-file", join(house.folder, "local.token"), "--project", "Nordlicht"], { stdio: "ignore" });
  folder = (await house.ask("GET", `/projects/${project}/folders`)).find((f) => f.name === "A001").id;
  await house.ask("PUT", `/projects/${project}/brand`, { name: "Nordlicht Film", colour: "#2f7f6f", message: "", logo: "" });
  await m.goto(house.url);
  await m.evaluate(async (token) => fetch("/api/v1/setup", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token, name: "Maya Keller", email: "maya@film.example", password: "nine grey herons" }) }), house.setup);
});

await step("a folder is shared from its menu; without a mail server its words are there to copy", async () => {
  await m.goto(`${house.url}/p/${project}`);
  await m.click(".tree >> text=A001", { button: "right" });
  await m.click("text=Share the folder");
  await m.fill("dialog >> text=Title, as the visitor sees it >> xpath=.. >> input", "Dailies, day 1 to 3");
  await accessible(m, "the share dialog");
  await both(m, "01-share-dialog");
  await m.click("text=Make the link");
  await m.waitForSelector("text=The link is ready");
  url = (await m.textContent(".copy-line code")).trim();
  await m.fill("dialog >> text=Send it to >> xpath=.. >> input", "ada@grade.example");
  await m.click("text=Send by e-mail");
  await m.waitForSelector("text=This house has no mail server");
  assert.match(await m.textContent(".words-box"), /\/s\/[A-Za-z0-9_-]{43}/);
  await both(m, "02-made");
  await m.click("dialog >> text=Done");
});

await step("a visitor sees all files, finds one, and takes it", async () => {
  const v = await page_of(await browser.newContext({ viewport: wide, acceptDownloads: true }));
  await v.goto(url);
  await v.waitForSelector("text=Dailies, day 1 to 3");
  await v.waitForSelector(`text=${MANY.toLocaleString("en-GB")} files`);
  assert.equal(await v.locator(".link-brand b").textContent(), "Nordlicht Film");
  await accessible(v, "files of a link");
  await both(v, "03-files");
  await v.fill("[placeholder='Find a file']", "report 777");
  await v.waitForSelector("text=report 777.txt");
  const [file] = await Promise.all([v.waitForEvent("download"), v.click("[aria-label$='report 777.txt']")]);
  assert.equal(readFileSync(await file.path(), "utf8"), "report 777\n");
  const [zip] = await Promise.all([v.waitForEvent("download"), v.click("text=Download all as a zip")]);
  assert.equal(zip.suggestedFilename(), "Dailies, day 1 to 3.zip");
  execFileSync("unzip", ["-tqq", await zip.path()], { stdio: "ignore" });
  await v.context().close();
});

await step("a wrong password is said, the right one opens", async () => {
  locked = (await house.ask("POST", `/projects/${project}/shares`, { title: "For the lab only", kind: "files", assets: [], folders: [folder], permission: "view", download: true, password: "three grey gulls", most_uses: 1, message: "Please take these by Friday." })).url;
  const v = await page_of(await browser.newContext({ viewport: wide }));
  await v.goto(house.url + locked);
  await v.waitForSelector("text=This link has a password");
  await both(v, "04-door");
  await v.fill("input[type=password]", "three grey crows");
  await v.click("button >> text=Open");
  await v.waitForSelector("text=This is not the password");
  await accessible(v, "a door with a wrong password");
  await both(v, "05-wrong-password");
  await v.fill("input[type=password]", "three grey gulls");
  await v.click("button >> text=Open");
  await v.waitForSelector("text=Please take these by Friday.");
  await v.context().close();
});

await step("used up, revoked and never made: each is said", async () => {
  const v = await page_of(await browser.newContext({ viewport: wide }));
  await v.goto(house.url + locked);
  await v.fill("input[type=password]", "three grey gulls");
  await v.click("button >> text=Open");
  await v.waitForSelector("text=used as often as it may be");
  await both(v, "06-used-up");
  const gone = await house.ask("POST", `/projects/${project}/shares`, { title: "Old", kind: "files", assets: [], folders: [folder], permission: "view", download: true });
  await house.ask("DELETE", `/shares/${gone.id}`);
  await v.goto(house.url + gone.url);
  await v.waitForSelector("text=has taken it back");
  await both(v, "07-revoked");
  await v.goto(`${house.url}/s/${"x".repeat(43)}`);
  await v.waitForSelector("text=There is no such share");
  await v.context().close();
});

await step("a request is made on the page", async () => {
  await m.goto(`${house.url}/p/${project}`);
  await m.click(".tree >> text=A001", { button: "right" });
  await m.click("text=Ask for files into it");
  await m.fill("dialog >> text=Types of files >> xpath=.. >> input", "wav, mov");
  await m.click("text=Ask something");
  await m.fill("dialog >> text=Question >> xpath=.. >> input", "Scene");
  await m.click("text=Has to be answered");
  await accessible(m, "the request dialog");
  await both(m, "08-request-dialog");
  await m.click("text=Make the link");
  await m.waitForSelector("text=The link is ready");
  request = (await m.textContent(".copy-line code")).trim();
  await m.click("dialog >> text=Done");
});

await step("files are sent by it; the browser is closed in the middle, and they go on", async () => {
  const wav = join(work, "scene 12.wav"), mov = join(work, "slate.mov");
  const bytes = randomBytes(9_000_000);
  writeFileSync(wav, bytes);
  writeFileSync(mov, randomBytes(40_000));
  const place = join(work, "profile");
  const open = async () => {
    const context = await browser_of(place);
    const v = await page_of(context);
    await v.goto(request);
    await v.waitForSelector("text=Your name");
    await v.fill("input[autocomplete=name]", "Bo Sound");
    await v.click("button >> text=Open");
    await v.waitForSelector("text=Drop files and folders here");
    return { context, v };
  };
  // So slow that it is under way when the browser goes.
  const [cap] = await house.ask("POST", "/caps", { scope: "line", in_bits: 400_000 });
  let { context, v } = await open();
  await accessible(v, "a request");
  await both(v, "09-request");
  await v.setInputFiles("input[type=file] >> nth=0", [wav, mov]);
  await v.waitForSelector("text=This has to be answered");
  await v.fill("text=Scene >> xpath=.. >> input", "12 Ext.");
  await v.setInputFiles("input[type=file] >> nth=0", [wav, mov]);
  await v.waitForSelector("text=/Sending \\d file/");
  const came = () => house.ask("GET", "/traffic").then((t) => t.streams.find((s) => s.way === "in" && s.done > 100_000));
  await until("bytes come", came, 120_000);
  await both(v, "10-sending");
  await m.goto(`${house.url}/p/${project}/transfers`);
  await m.waitForSelector("text=Bo Sound");
  await accessible(m, "transfers");
  await both(m, "11-transfers");
  await context.close();
  await house.ask("DELETE", `/caps/${cap.id}`);
  ({ context, v } = await open());
  await v.waitForSelector("text=had not arrived when the page was closed");
  await v.setInputFiles("input[type=file] >> nth=0", [wav, mov]);
  await v.waitForSelector("text=2 files, 9.04 MB");
  await v.waitForSelector(`text=${createHash("sha256").update(bytes).digest("hex")}`);
  await accessible(v, "what was received");
  await both(v, "12-received");
  await context.close();
});

await step("who used the links, what came and what was answered is on the page", async () => {
  await m.goto(`${house.url}/p/${project}/shares`);
  await m.click("text=What came");
  await m.waitForSelector("text=12 Ext.");
  await m.waitForSelector("text=Bo Sound");
  await accessible(m, "links");
  await both(m, "13-links");
});

await step("limits and quotas are set on the page; the history has what moved", async () => {
  await m.goto(`${house.url}/transfers`);
  await m.click("text=Set a limit");
  await m.fill("dialog >> text=In, Mbit/s >> xpath=.. >> input", "200");
  await m.selectOption("dialog >> text=When >> xpath=.. >> select", "work");
  await both(m, "14-limit-dialog");
  await m.click("dialog >> text=Set the limit");
  await m.waitForSelector("text=Mon to Fri, 09:00 to 18:00");
  await house.ask("PUT", "/quotas", { scope: "project", subject: project, bytes: 500_000_000 });
  await until("the history is written", async () => (await house.ask("GET", "/traffic/history")).some((h) => h.who === "Bo Sound" && h.files === 2 && h.verified === 2), 120_000);
  await m.reload();
  await m.waitForSelector("text=all 2");
  await m.waitForSelector("text=Nordlicht (project)");
  await accessible(m, "the line");
  await both(m, "15-line");
});

// A browser whose storage outlives it.
async function browser_of(profile) {
  const { require_web, FLAGS } = await import("./browser.mjs");
  return require_web("playwright-core").chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS, viewport: wide });
}
await browser.close();
await house.close();
rmSync(work, { recursive: true, force: true });
console.log(`1..${number}`);
process.exit(bad);
