/*
 * The farm's page over a made-up house (mock/farm.mjs) of 1,000 jobs of 100,000 tasks: it scrolls, chooses, orders, and never
 * makes an element a task or a job.   node tests/page/farm.mjs BUILD/web
 * (ONLY=words picks tests, LOOK=folder keeps a picture of what failed)
 */
import assert from "node:assert/strict";
import { house } from "./mock/house.mjs";
import { accessible, open_browser } from "./browser.mjs";

const page_dir = process.argv[2] ?? "build/web";
const browser = await open_browser();
let passed = 0;
let failed = 0;

async function test(name, options, act) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) return;
  const made = house({ page: page_dir, assets: 12, ...options });
  const base = await made.listen(0);
  const context = await browser.newContext({ viewport: options.viewport ?? { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
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
    if (process.env.LOOK) await page.screenshot({ path: `${process.env.LOOK}/failed-${failed}.png` }).catch(() => undefined);
  }
  await context.close();
  made.close();
}

const until = async (what, ask, ms = 20_000) => {
  const end = Date.now() + ms;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
};
const nodes = (page) => page.evaluate(() => document.querySelectorAll("*").length);
const farm = (made) => `/p/${made.project.id}/farm`;
const orders = (made) => made.state.calls.filter((c) => !c.startsWith("GET"));
const chosen = (page) => page.$$eval('.farm-row[aria-selected="true"]', (l) => l.length);
const thousand = { renders: 1000 };

await test("1,000 jobs scroll to the end with a bounded number of elements", thousand, async (page, made, base) => {
  await page.goto(base + farm(made));
  await page.waitForSelector("#job-5");
  const rows = await page.getAttribute('[role=grid][aria-label="Jobs"]', "aria-rowcount");
  assert.ok(Number(rows) > 500, `what runs is in the list, and a page of what waits: ${rows}`);
  const to_the_end = () => page.evaluate(() => { const v = document.querySelector(".farm-list .virtual"); v.scrollTop = v.scrollHeight; });
  await until("what has ended is there, too", async () => (await to_the_end(), page.evaluate(() => Number(document.querySelector('[aria-label="Jobs"]').getAttribute("aria-rowcount")) > 880)));
  for (let i = 0; i < 20; i++) await page.evaluate((n) => { const v = document.querySelector(".farm-list .virtual"); v.scrollTop = (v.scrollHeight * n) / 20; }, i);
  await page.waitForSelector(".farm-row .name");
  const count = await nodes(page);
  assert.ok(count < 2500, `${count} elements`);
  assert.ok((await page.$$(".farm-row")).length < 90);
  await accessible(page, "the queue");
});

await test("what needs a person stands first; why it does not run is said in sentences", thousand, async (page, made, base) => {
  await page.goto(base + farm(made));
  await page.waitForSelector("#job-5");
  assert.match(await page.textContent("#job-0"), /stopped/);
  assert.match(await page.textContent("#job-1"), /approval/);
  await page.keyboard.press("ArrowDown");
  await until("the reason", async () => /the last 5 attempts failed, on more than one host/.test(await page.textContent(".farm-side")));
  await page.keyboard.press("W");
  await page.waitForSelector(".why-part:focus");
  await page.click('.farm-filters button:has-text("Waiting")');
  await page.click('.farm-filters button:has-text("Renders")');
  await until("only those", async () => /waiting/.test(await page.textContent("#job-0")));
  await page.click("#job-0");
  await until("limits are named", async () => /20 of 20 are taken/.test(await page.textContent(".farm-side .why")));
});

await test("a range, one more, all; suspend them with a key and undo", thousand, async (page, made, base) => {
  await page.goto(`${base}${farm(made)}?state=active&q=crowd`);
  await page.waitForSelector("#job-5");
  await page.click("#job-1");
  await page.keyboard.down("Shift");
  await page.click("#job-4");
  await page.keyboard.up("Shift");
  assert.equal(await chosen(page), 4);
  await page.keyboard.down("Control");
  await page.click("#job-2");
  await page.keyboard.up("Control");
  assert.equal(await chosen(page), 3);
  await page.keyboard.press("s");
  await page.waitForSelector("text=Suspended 3 jobs");
  assert.equal(orders(made).filter((c) => c.endsWith("/suspend")).length, 3);
  await page.click("text=Undo");
  await until("they go on", () => orders(made).filter((c) => c.endsWith("/resume")).length === 3);
  await page.keyboard.press("Control+a");
  await until("all of the filter", async () => Number((await page.textContent(".farm-side h2")).split(" ")[0]) > 50);
  await page.keyboard.press("+");
  await page.waitForSelector("text=/Raised \\d+ jobs/");
});

await test("cancelling asks once, with the names; what is refused is named", thousand, async (page, made, base) => {
  await page.goto(base + farm(made) + "?state=active&kind=render");
  await page.waitForSelector("#job-8");
  await page.click("#job-4");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  const names = await page.$$eval('.farm-row[aria-selected="true"] .name', (l) => l.map((e) => e.textContent));
  await page.keyboard.press("Delete");
  await page.waitForSelector(".dialog");
  for (const name of names) assert.ok((await page.textContent(".dialog")).includes(name), name);
  const ids = made.state.farm.jobs.filter((j) => names.includes(j.title));
  ids[0].state = "done"; // it ended while one was reading the question
  await page.click(".dialog footer .danger");
  await page.waitForSelector(".toast .problem");
  assert.match(await page.textContent(".toast .problem"), /Cancelled 2 jobs; not cancelled: 1 job/);
  assert.ok((await page.textContent(".toast .problem")).includes(ids[0].title));
  await accessible(page, "a refusal");
});

await test("rows stay where they are while somebody reads; a button puts them in order", thousand, async (page, made, base) => {
  await page.goto(`${base}${farm(made)}?state=active`);
  await page.waitForSelector("#job-8");
  await page.click("#job-3");
  const before = await page.$$eval(".farm-row .name", (l) => l.slice(0, 12).map((e) => e.textContent));
  const j = made.state.farm.jobs.find((x) => x.state === "waiting" && x.project === made.project.id);
  j.state = "stopped"; // would stand at the top
  made.state.news("job.changed", j.id, made.state.farm.look(j));
  await page.waitForSelector("text=/Sort again: \\d+ moved/");
  assert.deepEqual(await page.$$eval(".farm-row .name", (l) => l.slice(0, 12).map((e) => e.textContent)), before);
  await page.click("text=/Sort again/");
  assert.notDeepEqual(await page.$$eval(".farm-row .name", (l) => l.slice(0, 12).map((e) => e.textContent)), before);
});

await test("100,000 frames: no element a frame; keys choose ranges; what is chosen is requeued", thousand, async (page, made, base) => {
  const job = made.state.farm.jobs[0];
  await page.goto(`${base}${farm(made)}/${job.id}?step=2`);
  await page.waitForSelector(".grid-box canvas[data-cell]");
  await until("the frames' counts", async () => /100,000 frames of Render/.test(await page.textContent(".frames-bar")));
  assert.ok((await nodes(page)) < 900, `${await nodes(page)} elements`);
  await page.keyboard.press("f");
  await until("the first that failed", async () => /Frame 1038.*failed/.test(await page.textContent("#frame-says")));
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  assert.match(await page.textContent(".frames-bar"), /3 frames: 1038–1040/);
  await page.keyboard.press("r");
  await page.waitForSelector("text=Requeued 3 frames");
  assert.ok(orders(made).some((c) => c.endsWith(`/jobs/${job.id}/steps/2/requeue`)));
  await until("they wait now", async () => /Frame 1040.*waiting/.test(await page.textContent("#frame-says")));
  await page.keyboard.press("g");
  await page.waitForSelector(".typed:focus");
  await page.keyboard.type("2001-2100, 3000");
  await page.keyboard.press("Enter");
  await until("what was typed is chosen", async () => /101 frames: 2001–2100, 3000/.test(await page.textContent(".frames-bar")));
  await page.keyboard.press("Control+a");
  assert.match(await page.textContent(".frames-bar"), /100,000 frames: 1001–101000/);
  await accessible(page, "a job");
});

await test("the hand: click, drag, zoom and scroll on the canvas", thousand, async (page, made, base) => {
  await page.goto(`${base}${farm(made)}/${made.state.farm.jobs[1].id}`);
  await until("the frames are drawn", async () => /240 frames/.test(await page.textContent(".frames-bar")));
  const box = await page.locator(".grid-box canvas").boundingBox();
  const cell = Number(await page.getAttribute(".grid-box canvas", "data-cell"));
  assert.ok(cell >= 14, "few frames are drawn large");
  const at = (n) => [box.x + 62 + n * cell + cell / 2, box.y + 4 + cell / 2];
  await page.mouse.move(...at(2));
  await until("hover says the frame", async () => /Frame 1003/.test(await page.textContent("#frame-says")));
  await page.mouse.down();
  await page.mouse.move(...at(5));
  await page.mouse.move(...at(8));
  await page.mouse.up();
  assert.match(await page.textContent(".frames-bar"), /7 frames: 1003–1009/);
  await page.mouse.click(...at(0));
  await page.waitForURL(/task=0/);
  await page.waitForSelector(".task-side .attempts");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Control+ArrowUp");
  assert.equal(await page.getAttribute(".grid-box canvas", "data-cell"), "32");
});

await test("an attempt's error and log: marked, found, wide; only the lines that are seen are drawn", thousand, async (page, made, base) => {
  await page.goto(`${base}${farm(made)}/${made.state.farm.jobs[0].id}?step=2&task=37`);
  await page.waitForSelector(".log-line.error");
  assert.match(await page.textContent(".task-side"), /bring the texture/);
  assert.ok((await page.$$(".log-line")).length < 90);
  await page.focus(".log-lines");
  await page.keyboard.press("Control+f");
  await page.keyboard.type("rock_200");
  await until("found", async () => /1 of 1/.test(await page.textContent(".log-find")));
  await page.waitForSelector(".log-line.at mark");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".log-lines:focus");
  await page.keyboard.press("l");
  await page.waitForSelector("main .task-side.wide .log-line");
  await accessible(page, "a log");
});

await test("a preview is looked at and approved", thousand, async (page, made, base) => {
  const job = made.state.farm.jobs[3];
  await page.goto(`${base}${farm(made)}/${job.id}`);
  await page.waitForSelector(".strip img");
  await until("all previews", async () => (await page.$$(".strip img")).length === 7);
  await page.keyboard.press("p");
  await until("it goes on", () => job.state === "running");
  await until("the page knows", async () => (await page.$(".strip.approval")) === null);
});

await test("frames land live, with their pictures", thousand, async (page, made, base) => {
  const job = made.state.farm.jobs[1];
  await page.goto(`${base}${farm(made)}/${job.id}`);
  await until("the frames are drawn", async () => /240 frames/.test(await page.textContent(".frames-bar")));
  await page.waitForTimeout(300);
  made.state.news("job.changed", job.id, made.state.farm.go_on(job, 1, 5));
  await until("five pictures", async () => (await page.$$(".strip img")).length === 5);
});

await test("machines are drained together; a limit is changed", thousand, async (page, made, base) => {
  await page.goto(`${base}${farm(made)}/nodes`);
  await page.waitForSelector("#node-5");
  await page.waitForSelector(".farm-side dl:has-text('suite-4')");
  await until("how fast an upload was", async () => /suite-4\s*61\.4 MB\/s measured 12 min/.test(await page.textContent(".farm-side")));
  await page.click("#node-0");
  await until("how fast its line was", async () => /From house\s*11\.8 MB\/s measured/.test(await page.textContent(".farm-side")));
  await until("by frames", async () => /frame 1\d+/.test(await page.textContent(".node-runs")));
  if (process.env.LOOK) await page.screenshot({ path: `${process.env.LOOK}/node.png` });
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("d");
  await page.waitForSelector("text=Draining 2 machines");
  await page.click('.farm-filters button:has-text("In trouble")');
  await until("those in trouble", async () => /quarantined/.test(await page.textContent(".farm-list")));
  await accessible(page, "machines");
  await page.goto(`${base}${farm(made)}/limits`);
  await page.click('[aria-label="Change arnold"]');
  await page.fill(".dialog [type=number]", "24");
  await page.keyboard.press("Enter");
  await until("it was put", () => made.state.calls.some((c) => c.startsWith("PUT /api/v1/limits")));
  await until("and shows", async () => /24/.test(await page.textContent(".table.limits")));
  await accessible(page, "limits");
});

await test("an empty farm teaches; the older addresses of jobs open the queue", { assets: 0 }, async (page, made, base) => {
  await page.goto(base + farm(made));
  await page.waitForSelector("text=posthouse submit scene.blend --frames 1-100");
  await accessible(page, "an empty farm");
  for (const address of ["/jobs", `/p/${made.project.id}/jobs?state=failed`]) {
    await page.goto(base + address);
    await page.waitForSelector(".tabs a[aria-current=page]");
    assert.equal(await page.textContent(".tabs a[aria-current=page]"), "Queue");
  }
});

await test("a phone: the queue, a job by touch", { ...thousand, viewport: { width: 390, height: 844 } }, async (page, made, base) => {
  await page.goto(base + farm(made));
  await page.waitForSelector("#job-5");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
  await page.goto(`${base}${farm(made)}/${made.state.farm.jobs[0].id}`);
  await page.waitForSelector(".grid-box canvas[data-cell]");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
