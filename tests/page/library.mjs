/*
 * What only a made-up house (mock/house.mjs) can show of the page: 50,000 assets, HDR facts, a library that fails, a log-in
 * that is slowed down, every state of a job at once. The rest is in day.mjs.   node tests/page/library.mjs BUILD/web
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { house } from "./mock/house.mjs";
import { accessible, open_browser } from "./browser.mjs";

const page_dir = process.argv[2] ?? "build/web";
const browser = await open_browser();
let passed = 0;
let failed = 0;

async function test(name, options, act) {
  const made = house({ page: page_dir, ...options });
  const base = await made.listen(0);
  const context = await browser.newContext({ viewport: options.viewport ?? { width: 1440, height: 900 } });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (e) => faults.push(e.message));
  page.on("console", (m) => /Content Security Policy/.test(m.text()) && faults.push(m.text()));
  try {
    await act(page, made, base);
    assert.deepEqual(faults, [], "the page met no fault and broke no Content-Security-Policy");
    passed++;
  } catch (e) {
    failed++;
    console.log(`FAILED ${name}\n  ${String(e.stack ?? e).split("\n").slice(0, 6).join("\n  ")}`);
  }
  await context.close();
  made.close();
}

// playwright's waitForFunction needs eval, which the page's policy forbids: ask from here instead.
const until = async (page, what, ms = 5000) => {
  const end = Date.now() + ms;
  while (!(await page.evaluate(what))) {
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
};
const library = (made) => `/p/${made.project.id}`;

await test("first load is at most 80 KB gzipped", {}, async () => {
  const manifest = JSON.parse(readFileSync(join(page_dir, "manifest.json"), "utf8"));
  assert.ok(manifest.first_load_gzip_bytes <= 80 * 1024, `${manifest.first_load_gzip_bytes} bytes`);
});

await test("the library shows assets, facts, progress and what failed", { assets: 40 }, async (page, made, base) => {
  await page.goto(base + library(made));
  await page.waitForSelector("#asset-5");
  assert.match(await page.textContent("#asset-0"), /making proxies 42 %/);
  await page.click("#asset-3");
  assert.match(await page.textContent(".facts"), /ends in the middle of its index/);
  await page.click("#asset-1");
  await page.waitForSelector(".facts h3:has-text('HDR')");
  for (const fact of [/23\.976 \(24000\/1001\)/, /smpte2084/, /1000 cd\/m²/, /01:01:12:04/, /5\.1\(side\)/]) assert.match(await page.textContent(".facts"), fact);
  await accessible(page, "the library");
});

await test("news changes a tile without a reload", { assets: 40 }, async (page, made, base) => {
  await page.goto(base + library(made));
  await page.waitForSelector("#asset-0");
  await page.waitForTimeout(300);
  made.state.news("job.changed", made.state.jobs[0].id, { ...made.state.jobs[0], progress: 0.77 });
  await until(page, () => /77 %/.test(document.querySelector("#asset-0").textContent));
});

await test("a file let go on an asset is asked for: its next version, an asset here, or nothing", { assets: 40 }, async (page, made, base) => {
  await page.goto(base + library(made));
  await page.waitForSelector("#asset-6");
  const let_go = async (place, ...names) => {
    const dataTransfer = await page.evaluateHandle((list) => { const d = new DataTransfer(); for (const n of list) d.items.add(new File(["x"], n)); return d; }, names);
    await page.dispatchEvent(`${place} .tile`, "dragover", { dataTransfer });
    await page.waitForSelector(".drop-veil");
    const veil = await page.textContent(".drop-veil");
    await page.dispatchEvent(`${place} .tile`, "drop", { dataTransfer });
    return veil;
  };
  const sent = () => page.waitForRequest((r) => r.method() === "POST" && /\/transfers$/.test(r.url())).then((r) => r.postDataJSON());
  assert.ok((await let_go("#asset-6", "Reel 2.mov")).includes(`the next version of ${made.list[6].name}`));
  await page.waitForSelector("dialog[open] >> text=Bring in Reel 2.mov");
  await accessible(page, "let go on an asset");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  assert.equal(made.state.calls.filter((c) => /^POST .*\/transfers$/.test(c)).length, 0);
  let body = sent();
  await let_go("#asset-6", "Reel 2.mov");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Enter");
  assert.equal((await body).asset, made.list[6].id);
  body = sent();
  await let_go("#asset-1", "a.0001.exr", "a.0002.exr");
  await page.click("dialog[open] >> role=button[name='A new asset here']");
  assert.equal((await body).asset, null);
  body = sent();
  await let_go("#asset-1", "a.mov", "b.mov"); // no one's version: nothing is asked
  assert.equal((await body).asset, null);
});

await test("50,000 assets: the scroll bar jumps to the end, few nodes stay", { assets: 50000 }, async (page, made, base) => {
  await page.goto(base + library(made));
  await page.waitForSelector("#asset-5");
  await page.evaluate(() => { const v = document.querySelector(".virtual"); v.scrollTop = v.scrollHeight; });
  await until(page, () => document.querySelector("#asset-49999 .asset-name"));
  assert.ok((await page.$$(".cell")).length < 120);
  assert.ok(made.state.calls.filter((c) => c.includes("/assets?")).length <= 8, "it did not load all that lies between");
});

await test("arrows, Shift, Ctrl-A, Enter and Back", { assets: 40 }, async (page, made, base) => {
  await page.goto(base + library(made));
  await page.waitForSelector("#asset-5");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  assert.equal(await page.$$eval('.cell[aria-selected="true"]', (l) => l.map((e) => e.id).join()), "asset-1,asset-2,asset-3");
  await page.keyboard.press("Control+a");
  assert.match(await page.textContent(".facts"), /40 assets chosen/);
  await page.click("#asset-1");
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/a/${made.list[1].id}`));
  await page.goBack();
  await page.waitForSelector("#asset-5");
});

await test("search is by the address; a filter with nothing says so", { assets: 400 }, async (page, made, base) => {
  await page.goto(base + library(made));
  await page.waitForSelector("#asset-5");
  await page.keyboard.press("/");
  await page.keyboard.type("c00017");
  await until(page, () => document.querySelectorAll(".cell").length === 1);
  assert.match(page.url(), /q=c00017/);
  await page.keyboard.type("zzz");
  await page.waitForSelector("text=Nothing is called");
});

await test("a library that fails says what, why and the way out, and tries again", { assets: 40 }, async (page, made, base) => {
  made.state.fail = { path: "/assets", problem: { status: 500, title: "The library cannot be read", detail: "the database is locked", fix: "stop the other server", reference: "REF1", kind: "internal" } };
  await page.goto(base + library(made));
  await page.waitForSelector(".problem");
  for (const words of [/cannot be read/, /database is locked/, /stop the other server/, /REF1/]) assert.match(await page.textContent(".problem"), words);
  // The button asks again. (The page also does so by itself when news arrive, so the house stays ill until it was pressed.)
  await page.waitForLoadState("networkidle");
  const asked = page.waitForRequest((r) => /\/assets\?/.test(r.url()));
  await page.click("text=Try again");
  await asked;
  made.state.fail = null;
  await page.click("text=Try again", { timeout: 3000 }).catch(() => undefined);
  await page.waitForSelector("#asset-5");
});

await test("log-in refuses clearly, then lets in where one wanted to go", { assets: 40, person: false }, async (page, made, base) => {
  await page.goto(`${base}${library(made)}?view=list`);
  await page.fill("[type=email]", "maya@house.example");
  await page.fill("[type=password]", "slow down");
  await page.click("[type=submit]");
  await page.waitForSelector("text=wait 40 seconds");
  await accessible(page, "log-in");
  await page.fill("[type=password]", "correct horse");
  await page.click("[type=submit]");
  await page.waitForSelector(".list-row #asset-5, #asset-5.list-row");
});

await test("jobs, members, people, shares, audit: there and accessible", { assets: 80 }, async (page, made, base) => {
  for (const [address, words] of [[`${library(made)}/jobs`, "running"], [`${library(made)}/settings`, "Dirk Iversen"], [`${library(made)}/shares`, "Reel 2"], ["/admin/people", "locked out"], ["/admin/workers", "No machine has joined the farm"], ["/admin/audit", "10.0.0.12"], ["/tokens", "DIT cart"]]) {
    await page.goto(base + address);
    await page.waitForSelector(`text=${words}`, { timeout: 60_000 });
    await accessible(page, address);
  }
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
