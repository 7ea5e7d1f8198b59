/*
 * Quality on the page, in the real browser and a real house: a clip with planted faults is checked, its findings lead to
 * their frames, one is waived by name, the report is approved and taken out as paper. Speaks TAP.
 *   node tests/page/quality.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { open_house } from "./real.mjs";
import { steps } from "./steps.mjs";

const house = await open_house({ program: process.argv[2] });
const browser = await open_browser();
let page;
const { step, look, end } = steps(() => page);

try {
  // 8 s at 25: colours outside broadcast's levels but for the black of frames 75..99; the whole sound is silent.
  const clip = join(house.work, "spot.mov");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=8,drawbox=color=black:t=fill:enable='between(n,75,99)'",
    "-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=8", "-shortest", "-c:v", "libx264", "-preset", "fast", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", "-timecode", "10:00:00:00", clip]);
  const project = (await house.ask("POST", "/projects", { name: "Spot" })).id;
  await house.put(project, clip);
  const person = await house.person({ name: "Maya Keller", email: "maya@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "owner" });
  const asset = await house.is(project, "spot.mov", "ready");
  // A caption that nobody can read in its time, of frames 50..64.
  const srt = join(house.work, "spot.srt");
  writeFileSync(srt, "1\n00:00:02,000 --> 00:00:02,600\nForty letters in little more than half a second\n");
  await house.put(project, srt);
  const captions = await house.is(project, "spot.srt", "ready");
  await house.ask("PUT", `/assets/${captions.id}/captions-of`, { film: asset.id, language: "en", role: "subtitle" });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
  await page.goto(`${house.url}/p/${project}/a/${asset.id}`);
  await page.waitForSelector(".picture[data-shown='0']");

  await step("a version that nothing has checked says so, and which rules there are", async () => {
    await page.click("section.comments >> text=Quality");
    await page.waitForSelector(".quality >> text=Nothing has checked this version yet");
    await page.waitForSelector(".quality select option:has-text('Broadcast master, EBU')", { state: "attached" });
    await look("quality-empty");
    await accessible(page, "quality, empty");
  });
  let report;
  await step("it is measured while one looks, and the findings come", async () => {
    await page.click(".quality >> role=button[name='Check']");
    await page.waitForSelector(".quality [data-finding]", { timeout: 120_000 });
    [report] = await house.ask("GET", `/versions/${asset.version.id}/qc`);
    report = await house.ask("GET", `/qc/${report.id}`);
    assert.equal(report.state, "done");
    assert.equal(await page.locator(".quality [data-finding]").count(), report.findings.length);
    assert.match(await page.innerText(".quality-head"), /Of 1 file, SHA-256 [0-9a-f]{12}…/);
    await look("quality");
    await accessible(page, "quality");
  });
  await step("captions that belong to it are checked with it", async () => {
    assert.match(await page.innerText(".quality-head"), /With captions: spot\.srt \(en\)/);
    const f = report.findings.find((o) => o.check === "captions");
    assert.deepEqual([f.rule, f.severity, f.from, f.to, f.timecode], ["caption-reading-speed", "issue", 50, 64, "10:00:02:00"]);
    await page.click(`[data-finding="${f.number}"] .at:has-text("spot.srt, cue 1")`);
    await page.waitForSelector(".picture[data-shown='50']");
    await page.keyboard.press("Home");
    await page.waitForSelector(".picture[data-shown='0']");
  });
  await step("each finding has its picture", async () => {
    const black = report.findings.find((f) => f.from === 75) ?? report.findings.find((f) => f.from != null);
    const seen = `[data-finding="${black.number}"] img.finding-picture`;
    await page.waitForSelector(seen, { timeout: 120_000 });
    await page.locator(seen).scrollIntoViewIfNeeded();
    await page.waitForFunction((s) => { const i = document.querySelector(s); return i?.complete && i.naturalWidth > 0; }, seen);
    assert.equal(await page.evaluate((s) => document.querySelector(s).naturalWidth, seen), 640);
    await look("quality-pictures");
  });
  await step("a finding leads to its first frame, and its mark lies on the bar", async () => {
    const second = report.findings.find((f) => f.check === "levels" && f.from > 0);
    assert.equal(second.from, 100);
    assert.equal(second.to, 199);
    await page.click(`[data-finding="${second.number}"] .at`);
    await page.waitForSelector(".picture[data-shown='100']");
    await page.waitForSelector(`.bar-marks .mark[aria-label*="10:00:04:00"]`);
    await page.keyboard.press("Home");
    await page.waitForSelector(".picture[data-shown='0']");
    await page.keyboard.press("n");
    await page.waitForSelector(".picture[data-shown='50']");
    await page.keyboard.press("n");
    await page.waitForSelector(".picture[data-shown='100']");
    await look("quality-finding");
  });
  await step("one key logs what a person sees: code, severity and frame; it can be taken back", async () => {
    await page.focus(".picture-exact, body");
    await page.keyboard.press("Home");
    await page.waitForSelector(".picture[data-shown='0']");
    for (let i = 0; i < 7; i++) await page.keyboard.press("ArrowRight");
    await page.waitForSelector(".picture[data-shown='7']");
    await page.selectOption(".quality-log select", "S-CLICK");
    await page.fill(".quality-log input", "left only");
    await page.click(".review-stage");
    await page.keyboard.press("m");
    await page.waitForSelector(".finding:has-text('Click, pop'):has-text('10:00:00:07'):has-text('left only'):has-text('seen by Maya Keller')");
    await look("quality-logged");
    await page.keyboard.press("m");
    await page.waitForSelector(".finding >> nth=5");
    const got = await house.ask("GET", `/qc/${report.id}`);
    const own = got.findings.filter((f) => f.check === "person");
    assert.deepEqual(own.map((f) => [f.rule, f.severity, f.from, f.to, f.timecode]), Array(2).fill(["S-CLICK", "issue", 7, 7, "10:00:00:07"]));
    await page.click(`[data-finding="${own[1].number}"] >> text=Take back`);
    await page.waitForSelector(".finding >> nth=5", { state: "detached" });
  });
  await step("a device's certificate is attached in a person's name", async () => {
    await page.waitForSelector(".quality >> text=Flashing pictures: a pre-check.");
    await page.click(".quality >> text=Attach a device’s certificate");
    await page.setInputFiles("#certificate-file", { name: "pass 7.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4 a pass") });
    await page.getByLabel("Device that has passed it").fill("HFPA desktop 4.0");
    await page.getByLabel("Number of the certificate").fill("A-117");
    await page.getByLabel("Its date").fill("2026-11-20");
    await look("quality-certificate");
    await accessible(page, "a certificate");
    await page.click("dialog >> text=Attach in my name");
    await page.waitForSelector(".quality >> text=of HFPA desktop 4.0, 2026-11-20, attached by Maya Keller");
    await page.waitForSelector("dialog", { state: "detached" });
    const coming = page.waitForEvent("download");
    await page.click(".quality >> text=certificate A-117");
    const file = await coming;
    assert.equal(file.suggestedFilename(), "pass 7.pdf");
    assert.equal(readFileSync(await file.path(), "utf8"), "%PDF-1.4 a pass");
  });
  await step("what is to fix is waived by name and reason; then the report is approved, once", async () => {
    for (const f of report.findings.filter((o) => o.severity === "fix")) {
      assert.ok(await page.isDisabled(".quality >> text=Approve"));
      await page.click(`[data-finding="${f.number}"] >> text=Waive`);
      await page.fill("dialog input", "The picture is meant to be black here.");
      await look("quality-waive");
      await page.click("dialog >> text=Waive in my name");
      await page.waitForSelector(`[data-finding="${f.number}"]:has-text("Waived by Maya Keller")`);
    }
    await page.click(".quality >> role=button[name=/^Approve/]");
    await page.waitForSelector(".quality >> text=Approved by Maya Keller");
    assert.equal((await house.ask("GET", `/qc/${report.id}`)).approved_by, "Maya Keller");
    await look("quality-approved");
  });
  await step("the report goes out as a page and as paper, with waivers and approval", async () => {
    for (const [name, test] of [["Page", (b) => b.includes("Approved by Maya Keller") && b.includes("meant to be black") && b.includes("HFPA desktop 4.0, A-117") && b.includes("data:image/jpeg")], ["PDF", (b) => b.startsWith("%PDF") && b.includes("meant to be black") && b.includes("A-117") && b.includes("DCTDecode")]]) {
      const coming = page.waitForEvent("download");
      await page.click(`.quality-head .acts a:has-text("${name}")`);
      const file = await coming;
      assert.match(file.suggestedFilename(), /^spot\.mov quality\.(html|pdf)$/);
      assert.ok(test(readFileSync(await file.path(), "latin1")), name);
    }
  });
  await step("it fits a phone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForSelector(".quality [data-finding]");
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390));
    await look("quality-phone");
  });
} finally {
  await browser.close();
  await house.close();
}
process.exitCode = end();
