/*
 * Metadata on the page, in the real browser and a real house: what a file says of itself is in the facts, somebody tells
 * more, and it is known by their name. Speaks TAP.
 *   node tests/page/record.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { open_house, until } from "./real.mjs";
import { steps } from "./steps.mjs";

const house = await open_house({ program: process.argv[2] });
const browser = await open_browser();
let page;
const { step, look, end } = steps(() => page);

try {
  const clip = join(house.work, "night.mov");
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=1", "-f", "lavfi", "-i", "sine=d=1:r=48000", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
    "-c:a", "pcm_s16le", "-metadata", "title=Night", "-metadata:s:a:0", "language=fra", clip]);
  const project = (await house.ask("POST", "/projects", { name: "Spot" })).id;
  await house.put(project, clip);
  const person = await house.person({ name: "Maya Keller", email: "maya@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "owner" });
  await house.is(project, "night.mov", "ready");
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
  await page.goto(`${house.url}/p/${project}`);
  await page.click("text=night.mov");

  await step("the facts say what the file says of itself, and where", async () => {
    const row = page.locator(".facts .record dl > div", { hasText: "Title" }).first();
    await row.waitFor();
    assert.match(await row.innerText(), /Night\s*udta\/©nam/);
    assert.match(await page.locator(".facts .record").innerText(), /Track 2 language\s*fr/);
    await page.locator(".facts .record").scrollIntoViewIfNeeded();
    await look("record");
    await accessible(page, "facts with a record");
  });
  await step("somebody tells another title and is named", async () => {
    await page.click(".facts .record >> text=Tell more");
    await page.waitForSelector("dialog >> text=Tell about night.mov");
    await look("record-tell");
    await accessible(page, "telling a value");
    await page.getByLabel("Value").fill("The long night");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".facts .record >> text=The long night");
    assert.match(await page.locator(".facts .record").innerText(), /The long night\s*told by Maya Keller/);
    await look("record-told");
  });
  await step("what is no value is refused with the reason", async () => {
    await page.click(".facts .record >> text=Tell more");
    await page.getByLabel("What").selectOption("work.date");
    await page.getByLabel("Value").fill("last week");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog >> text=work.date can not be");
    await look("record-refused");
    await page.keyboard.press("Escape");
  });
  await step("fields of what is chosen are set by keyboard, and know who set them", async () => {
    await page.click(".virtual >> text=night.mov");
    await page.keyboard.press("Control+e");
    await page.waitForSelector("dialog >> text=Fields of night.mov");
    await page.getByLabel("Scene").fill("24A");
    await look("fields-edit");
    await accessible(page, "editing fields");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".field-values >> text=24A");
    await page.waitForSelector(".field-values >> text=Maya Keller");
    await look("fields-set");
  });
  await step("a filter over fields is in the address, and is kept under a name", async () => {
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForSelector("dialog >> text=Keep this search as");
    await page.getByLabel("How").selectOption("equals");
    await page.getByLabel("Value", { exact: true }).fill("24a");
    await page.getByLabel("Keep this search as").fill("Scene 24");
    await page.getByRole("button", { name: "Keep it" }).click();
    await page.waitForSelector("dialog .saved >> text=Scene 24");
    await look("fields-filter");
    await accessible(page, "a filter");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.waitForFunction(() => new URL(location.href).searchParams.get("where")?.includes("24a"));
    await page.waitForSelector(".virtual >> text=night.mov");
  });
  await step("a field is a column of the list", async () => {
    await page.getByRole("button", { name: "Fields, columns, tables" }).click();
    await page.getByRole("menuitem", { name: "Columns and fields" }).click();
    await page.waitForSelector("dialog >> text=A new field");
    await page.getByRole("checkbox", { name: "Scene" }).check();
    await accessible(page, "columns");
    await page.getByRole("button", { name: "Show these columns" }).click();
    await page.waitForSelector(".list-head >> text=Scene");
    await page.waitForSelector(".list-row .field >> text=24A");
    await look("fields-list");
  });
  await step("a table is shown first, brought in, and undone", async () => {
    await page.setInputFiles("input[aria-label='A table']", { name: "log.csv", mimeType: "text/csv", buffer: Buffer.from("Name;Scene;Take\nnight.mov;25;3\nnobody.mov;1;1\n") });
    await page.waitForSelector("dialog >> text=Change 2 values");
    assert.match(await page.locator("dialog .sums").innerText(), /1 of 2 rows match, 1 do not/);
    await look("fields-import");
    await accessible(page, "bringing a table in");
    await page.getByRole("button", { name: "Change 2 values" }).click();
    await page.getByRole("button", { name: "Show everything" }).click(); // the filter asked for scene 24A
    await page.waitForSelector(".list-row .field >> text=25");
    const [last] = await house.ask("GET", `/projects/${project}/value-changes`);
    assert.equal(last.title, "log.csv");
    await house.ask("POST", `/projects/${project}/value-changes/${last.number}/undo`);
    await page.waitForSelector(".list-row .field >> text=24A");
  });
  const keys = async (...list) => { for (const k of list) await (k.length > 1 && !/^text:/.test(k) ? page.keyboard.press(k) : page.keyboard.type(k.replace(/^text:/, ""))); };
  const stands = (row, field, words) => until(`row ${row} has ${field} ${words}`, async () => (await page.locator(`#cell-${row}-${field}:not([aria-busy])`).allTextContents()).join() === words);
  await step("fields are written in the cells of the list, by keyboard, one request each, what is no value is said beside them", async () => {
    for (const n of [1, 2, 3]) writeFileSync(join(house.work, `slate${n}.txt`), `slate ${n}`);
    await house.put(project, ...[1, 2, 3].map((n) => join(house.work, `slate${n}.txt`)));
    const made = await house.ask("POST", `/projects/${project}/fields`, { name: "Shot on", type: "date", choices: null });
    const day = made[made.length - 1].key;
    const sent = [];
    page.on("request", (r) => { if (/\/values$/.test(r.url()) && r.method() === "POST") sent.push(r.postDataJSON()); });
    await page.goto(`${house.url}/p/${project}?view=list&cols=f1,f2,${day}&sort=name`);
    await page.waitForSelector(`#cell-3-${day}`);
    await keys("ArrowDown", "ArrowDown", "ArrowRight", "text:31", "Tab", "text:2", "Tab", "text:24/11/26", "Enter");
    await page.waitForSelector(".cell-words[role=alert]:has-text('it is no date that can be told')");
    await accessible(page, "a cell that refuses");
    await look("cells-refused");
    await keys("Control+a", "text:24.11.2026", "Enter");
    for (const [field, words] of [["f1", "31"], ["f2", "2"], [day, "2026-11-24"]]) await stands(1, field, words);
    assert.deepEqual(sent.map((s) => [s.assets.length, s.set[0].field, s.set[0].value]), [[1, "f1", "31"], [1, "f2", "2"], [1, day, "2026-11-24"]]);
    await keys("F2", "text:never", "Escape");
    await stands(2, day, "");
    assert.equal(sent.length, 3, "what is left is not sent");
  });
  await step("a range is filled with one value, and undone as one step", async () => {
    await page.click("#asset-1 .name");
    await keys("ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown", "Enter");
    await page.waitForSelector(".cell-words:has-text('sets all 3 chosen')");
    await look("cells-many");
    await keys("Control+a", "text:32", "Control+Enter");
    for (const row of [1, 2, 3]) await stands(row, "f1", "32");
    await keys("Control+z");
    await stands(1, "f1", "31");
    for (const row of [2, 3]) await stands(row, "f1", "");
  });
  await step("what somebody else set meanwhile is not overwritten: the cell says who, and keeps what was typed", async () => {
    const other = await house.person({ name: "Jonas Berg", email: "jonas@studio.example", password: "another long one" });
    await house.ask("POST", `/projects/${project}/members`, { email: other.email, role: "owner" });
    const { id } = await house.asset(project, "slate1.txt");
    await page.click("#asset-1 .name");
    await keys("ArrowRight", "ArrowRight", "Enter", "Control+a", "text:7");
    await other.ask("POST", `/projects/${project}/values`, { assets: [id], set: [{ field: "f2", value: "9" }] });
    await keys("Enter");
    await page.waitForSelector(".toast:has-text('Take of slate1.txt was not set'):has-text('Jonas Berg set it to \"9\" meanwhile')");
    await page.waitForSelector("#cell-1-f2.wrong:has-text('7')");
    await keys("ArrowUp");
    await page.waitForSelector("#cell-1-f2 .cell-words:has-text('Jonas Berg')");
    await accessible(page, "a cell that was not set");
    await keys("Enter", "Enter");
    await stands(1, "f2", "7");
    const said = (await house.ask("GET", `/assets/${id}/values`)).find((v) => v.field === "f2");
    assert.deepEqual(said.history.slice(0, 2).map((h) => [h.value, h.by]), [["7", "Maya Keller"], ["9", "Jonas Berg"]]);
  });
  await step("a row that two assets fit waits for a choice, which can be another one; what is left out is left out", async () => {
    for (const unit of ["First unit", "Second unit"]) {
      mkdirSync(join(house.work, unit));
      for (const name of ["twin.txt", "pair.txt"]) writeFileSync(join(house.work, unit, name), `${name} of the ${unit}`);
      await house.put(project, join(house.work, unit));
    }
    await page.setInputFiles("input[aria-label='A table']", { name: "twins.csv", mimeType: "text/csv", buffer: Buffer.from("Name,Scene\ntwin.txt,77\npair.txt,78\n") });
    const row = page.locator("dialog .which fieldset", { hasText: "twin.txt: 2 assets fit" });
    await row.waitFor();
    assert.match(await page.locator("dialog .sums").innerText(), /0 of 2 rows match, 0 do not, 2 fit several assets/);
    await row.getByLabel("First unit").check();
    await page.waitForSelector("dialog .sums:has-text('1 of 2 rows match')");
    const planned = page.waitForResponse((r) => /\/table\?.*choose=/.test(r.url()));
    await row.getByLabel("Second unit").check();
    await planned;
    await look("fields-which");
    await accessible(page, "rows that several assets fit");
    await page.getByRole("button", { name: "Change 1 value" }).click();
    const folders = await house.ask("GET", `/projects/${project}/folders`);
    const scene = async (name, unit) => {
      const asset = (await house.assets(project)).find((a) => a.name === name && a.folder === folders.find((f) => f.name === unit).id);
      return (await house.ask("GET", `/assets/${asset.id}/values`)).find((v) => v.field === "f1")?.value ?? "";
    };
    await until("the chosen one has it", async () => (await scene("twin.txt", "Second unit")) === "77");
    for (const [name, unit] of [["twin.txt", "First unit"], ["pair.txt", "First unit"], ["pair.txt", "Second unit"]]) assert.equal(await scene(name, unit), "", `${name} of the ${unit}`);
  });
  await step("a finger marks a cell of the list, writes in it with the next tap, and has buttons for what keys do", async () => {
    const hand = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, storageState: await page.context().storageState() });
    hand.setDefaultTimeout(60_000);
    const phone = await hand.newPage();
    const sent = [];
    phone.on("request", (r) => { if (/\/values$/.test(r.url()) && r.method() === "POST") sent.push(r.postDataJSON().set[0]); });
    const list = `${house.url}/p/${project}?view=list&cols=f1,f2&sort=name`;
    await phone.goto(list);
    const cell = (field, more = "") => phone.locator(`#cell-1-${field}${more}`);
    await cell("f1").tap();
    await cell("f1", ".here").waitFor();
    assert.doesNotMatch(phone.url(), /\/a\//, "the asset is not opened");
    await look("cells-finger", phone);
    await cell("f1").tap();
    await cell("f1", ".writing >> input").fill("41");
    await phone.getByRole("button", { name: "Next field" }).tap();
    await cell("f2", ".writing >> input").fill("8");
    await cell("f1", ":not(.here)").waitFor();
    await look("cells-finger-writes", phone);
    await accessible(phone, "a cell written in with a finger");
    await phone.getByRole("button", { name: "Set", exact: true }).tap();
    for (const [field, words] of [["f1", "41"], ["f2", "8"]]) await cell(field, `:not([aria-busy]) > .cut[title="${words}"]`).waitFor();
    assert.deepEqual(sent.map((s) => [s.field, s.value]), [["f1", "41"], ["f2", "8"]]);
    await cell("f2", ".here").tap();
    await cell("f2", ".writing >> input").fill("9");
    await phone.getByRole("button", { name: "Leave it" }).tap();
    await cell("f2", ' > .cut[title="8"]').waitFor();
    assert.equal(sent.length, 2, "what is left is not sent");
    await phone.locator("#asset-1 .name").tap(); // elsewhere in the row it opens, as everywhere
    await phone.waitForURL(/\/a\//);
    await hand.close();
  });
  await step("on a phone too", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(300);
    await look("record-phone");
  });
} finally {
  await browser.close();
  await house.close();
}
process.exit(end());
