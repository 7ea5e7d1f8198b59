/*
 * Captions on the page, in the real browser and a real house: brought, shown over the picture at their frames, edited with
 * keys, fields and a hand on the waveform, undone, saved, checked, and 4,000 of them smooth. Speaks TAP.
 *   node tests/page/captions.mjs PROGRAM      LOOK=FOLDER takes pictures
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { makeSource } from "./player_clips.mjs";
import { open_house, until } from "./real.mjs";
import { steps } from "./steps.mjs";

const house = await open_house({ program: process.argv[2] });
const { work } = house;
const browser = await open_browser();
let page;
const { step, look: picture, end } = steps(() => page);

const rate = 30000 / 1001;
const clock = (frame) => {
  const ms = Math.round(frame * 1000 / rate);
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(ms / 3600000))}:${two(Math.floor(ms / 60000) % 60)}:${two(Math.floor(ms / 1000) % 60)},${String(ms % 1000).padStart(3, "0")}`;
};
const srt = (rows) => rows.map(([a, b, words], i) => `${i + 1}\n${clock(a)} --> ${clock(b)}\n${words}\n`).join("\n");
const reel = join(work, "Reel.mov");
await makeSource(reel, { rate: "30000/1001", start: "00:59:58;00", seconds: 8, width: 640, height: 360 });
writeFileSync(join(work, "Reel.en.srt"), srt([[30, 75, "Good <i>morning.</i>"], [75, 120, "{\\an8}<font color=\"#ffff00\">How are you</font>\nthis fine day?"], [150, 200, "A rather long line that nobody would write like this, but that must stay inside of the picture all the same, whatever comes"]]));
writeFileSync(join(work, "Reel.de.srt"), srt([[30, 75, "Guten Morgen."]]));
writeFileSync(join(work, "roll.scc"), "Scenarist_SCC V1.0\n\n00:59:59;00\t94a7 94a7 94ad 94ad 1370 1370 c8e5 ecec ef80\n\n01:00:01;00\t94ad 94ad 9470 9470 d9e5 7380\n\n01:00:04;00\t942c 942c\n");
writeFileSync(join(work, "other.srt"), srt([[90_000, 90_050, "Of another film"]]));

const { id: project } = await house.ask("POST", "/projects", { name: "Shore" });
await house.put(project, reel);
const clip = await house.is(project, "Reel.mov");
const person = { name: "Maya Keller", email: "maya@house.example", password: "a long enough one" };
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
context.setDefaultTimeout(60_000);
page = await context.newPage();
const faults = [];
page.on("pageerror", (e) => faults.push(e.message));
const shown = (frame) => page.waitForSelector(`.picture[data-shown="${frame}"]`);
const over = () => page.evaluate(() => [...document.querySelectorAll(".captions-over .cap-words")].map((w) => w.textContent));
const go_to = async (frame) => {
  await page.evaluate(() => document.activeElement?.blur?.());
  await page.keyboard.press("=");
  await page.keyboard.type(`f${frame}`);
  await page.keyboard.press("Enter");
  await shown(frame);
};
const captions = () => house.ask("GET", `/assets/${clip.id}/captions`);
const cues = async (language) => (await house.ask("GET", `/versions/${(await captions()).find((c) => c.language === language).version}/cues`)).cues;

await step("somebody logs in and opens the film: there are no captions yet, and the menu offers to bring some", async () => {
  await page.goto(`${house.url}/setup#${house.setup}`);
  await page.fill("[autocomplete=name]", person.name);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector("text=Shore");
  await page.goto(`${house.url}/p/${project}/a/${clip.id}`);
  await shown(0);
  await page.click("button:has-text('CC')");
  await page.waitForSelector("text=No captions");
  await picture("menu-empty");
});
await step("a file of another programme is refused in the dialog, with why", async () => {
  await page.click("text=Bring a caption file");
  await page.setInputFiles("#caption-file", join(work, "other.srt"));
  await page.click("text=Bring it");
  await page.waitForSelector("dialog .problem:has-text('not of this programme')");
  await accessible(page, "the dialog for captions");
  await picture("refused");
});
await step("the right one is taken; language and role are read off its name", async () => {
  await page.setInputFiles("#caption-file", join(work, "Reel.en.srt"));
  assert.equal(await page.inputValue("dialog input[placeholder]"), "en");
  await page.click("text=Bring it");
  await page.waitForSelector("dialog", { state: "detached" });
  await until("it is there", async () => (await captions()).length === 1);
  assert.equal((await captions())[0].role, "subtitle");
});
await step("captions stand over the picture from their in to the frame before their out", async () => {
  for (const [frame, words] of [[29, []], [30, ["Good morning."]], [74, ["Good morning."]], [75, ["How are you", "this fine day?"]], [119, ["How are you", "this fine day?"]], [120, []]]) {
    await go_to(frame);
    await until(`frame ${frame} shows ${words}`, async () => JSON.stringify(await over()) === JSON.stringify(words), 10_000);
  }
  await go_to(40);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".cap-words > span:nth-child(2)")).fontStyle), "italic");
});
await step("at the top where they are told to, in their colour; a long line stays inside of the picture", async () => {
  await go_to(80);
  const at = () => page.evaluate(() => { const p = document.querySelector(".picture").getBoundingClientRect(); return [...document.querySelectorAll(".cap-words")].map((w) => { const b = w.getBoundingClientRect(); return { x0: (b.left - p.left) / p.width, x1: (b.right - p.left) / p.width, y0: (b.top - p.top) / p.height, y1: (b.bottom - p.top) / p.height }; }); });
  for (const b of await at()) assert.ok(b.y1 < 0.35 && b.y0 > 0.05, JSON.stringify(b));
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".cap-words > span")).color), "rgb(255, 255, 0)");
  await picture("top");
  await go_to(160);
  for (const b of await at()) assert.ok(b.x0 >= 0.05 && b.x1 <= 0.95 && b.y0 > 0.4 && b.y1 < 0.95, JSON.stringify(b));
  await picture("long");
});
await step("the key takes them away and brings them back; the menu has the languages", async () => {
  await go_to(40);
  await page.keyboard.press("c");
  await page.waitForSelector(".cap-words", { state: "detached" });
  await page.keyboard.press("c");
  await page.waitForSelector(".cap-words");
  await house.program && (await import("node:child_process")).execFileSync(process.argv[2], ["put", join(work, "Reel.de.srt"), "--captions-of", `${clip.id}:de`, "--house", house.url, "--token-file", join(house.folder, "local.token")]);
  await page.click("button:has-text('CC')");
  await page.click("text=/German|Deutsch/");
  await page.waitForSelector(".cap-words:has-text('Guten Morgen.')");
  await page.click("button:has-text('CC')");
  await page.click("text=/English/");
  await page.waitForSelector(".cap-words:has-text('Good morning.')");
});
await step("the editor opens beside the player; a click on a line goes to its frame", async () => {
  await page.keyboard.press("Shift+C");
  await page.waitForSelector(".captions-panel .cue");
  assert.equal(await page.locator(".captions-panel .cue").count(), 3);
  await page.click(".cue:has-text('How are you')");
  await shown(75);
  assert.equal(await page.inputValue("[aria-label='Caption 2'] .time:nth-child(1) input"), "01:00:00;15");
  await accessible(page, "the caption editor");
  await picture("editor");
});
await step("I and O set in and out at the playhead; fields take timecodes; undo takes all of it back", async () => {
  await go_to(80);
  await page.keyboard.press("i");
  await go_to(110);
  await page.keyboard.press("o");
  assert.equal(await page.getAttribute("[aria-label='Caption 2'] .time:nth-child(1) input", "title"), "In: frame 80");
  assert.equal(await page.getAttribute("[aria-label='Caption 2'] .time:nth-child(2) input", "title"), "Out: frame 111");
  await page.fill("[aria-label='Caption 2'] .time:nth-child(2) input", "1:00:02;00");
  await page.keyboard.press("Enter");
  assert.equal(await page.getAttribute("[aria-label='Caption 2'] .time:nth-child(2) input", "title"), "Out: frame 120");
  await page.evaluate(() => document.activeElement?.blur?.());
  for (let i = 0; i < 3; i++) await page.keyboard.press("Control+z");
  assert.equal(await page.getAttribute("[aria-label='Caption 2'] .time:nth-child(1) input", "title"), "In: frame 75");
});
await step("words are written and styled; they are over the picture at once", async () => {
  await page.click(".cue:has-text('Good')");
  await shown(30);
  await page.fill("#cue-words", "Good evening.");
  await page.evaluate(() => { const a = document.querySelector("#cue-words"); a.focus(); a.setSelectionRange(5, 12); });
  await page.click("[aria-label=Style] >> text=B");
  await page.waitForSelector(".cap-words:has-text('Good evening.')");
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".cap-words > span:nth-child(2)")).fontWeight), "700");
  await page.selectOption("[aria-label=Place]", "top left");
  await until("it stands at the left", () => page.evaluate(() => { const [p, w] = [".picture", ".cap-words"].map((q) => document.querySelector(q).getBoundingClientRect()); return (w.left - p.left) / p.width < 0.12; }), 5000);
});
await step("a hand on the waveform moves the out of a block, by whole frames", async () => {
  await page.evaluate(() => document.activeElement?.blur?.());
  await go_to(60);
  const box = await page.locator(".caption-wave").boundingBox();
  const frames = 12 * rate;
  const first = Math.max(-frames * 0.1, 60 - frames * 0.4);
  const x = (frame) => box.x + (frame - first) / frames * box.width;
  await page.mouse.move(x(75), box.y + box.height * 0.7);
  await page.mouse.down();
  await page.mouse.move(x(66), box.y + box.height * 0.7, { steps: 6 });
  await page.mouse.move(x(70), box.y + box.height * 0.7, { steps: 3 });
  await page.mouse.up();
  assert.match(await page.getAttribute("[aria-label^='Caption'] .time:nth-child(2) input, [aria-label^='Caption'] .time:nth-child(1) input", "title"), /frame (30|70)/);
  await picture("wave");
  const out = await page.getAttribute("[aria-label='Caption 1'] .time:nth-child(2) input", "title");
  assert.ok(Math.abs(Number(/\d+/.exec(out)[0]) - 70) <= 1, out);
});
await step("faults of the rules show beside their lines while one works", async () => {
  await page.selectOption(".caption-rules select", "netflix-ttsg");
  await page.waitForSelector(".caption-rules .pill:has-text('fault')");
  await page.click(".cue:has-text('A rather long line')");
  await page.waitForSelector(".faults li:has-text('line-length')");
  await page.waitForSelector(".cue.on .mark");
  await picture("faults");
});
await step("split, merge, new and remove keep what is around them", async () => {
  await go_to(175);
  await page.keyboard.press("x");
  await until("two of one", async () => await page.locator(".captions-panel .cue").count() === 4);
  await page.click(".cue >> nth=2");
  await shown(150);
  await page.keyboard.press("Control+m");
  await until("one again", async () => await page.locator(".captions-panel .cue").count() === 3);
  await go_to(210);
  await page.keyboard.press("Insert");
  await until("a new one", async () => await page.locator(".captions-panel .cue").count() === 4);
  await page.keyboard.type("Brand new");
  await page.waitForSelector(".cap-words:has-text('Brand new')");
});
await step("saved it is a new version of the captions, exact to the frame", async () => {
  await page.keyboard.press("Control+s");
  await page.waitForSelector("text=/Saved as version 2/");
  const list = await cues("en");
  assert.equal(list.length, 4);
  assert.equal(list[0].lines[0][1].t, "evening");
  assert.equal(list[0].lines[0][1].b, true);
  assert.equal(`${list[0].vertical} ${list[0].align}`, "top left");
  assert.deepEqual([list[1].in, list[1].out], [75, 120]);
  assert.deepEqual([list[2].in, list[2].out], [150, 200]);
  assert.equal(list[3].in, 210);
  assert.equal(list[3].lines[0][0].t, "Brand new");
});
await step("what somebody else saved meanwhile is not written over", async () => {
  const en = (await captions()).find((c) => c.language === "en");
  await page.fill("#cue-words", "Mine");
  await house.ask("POST", `/assets/${en.asset}/caption-retime`, { offset: 1 });
  await page.keyboard.press("Control+s");
  await page.waitForSelector(".captions-panel .problem:has-text('somebody else has saved')");
  assert.equal(await page.inputValue("#cue-words"), "Mine");
});
await step("roll-up captions grow by their rows, in the cells of 608", async () => {
  (await import("node:child_process")).execFileSync(process.argv[2], ["put", join(work, "roll.scc"), "--captions-of", `${clip.id}:fr:cc`, "--house", house.url, "--token-file", join(house.folder, "local.token")]);
  await page.reload();
  page.once("dialog", (d) => d.accept());
  await shown(210).catch(() => undefined);
  await page.click("button:has-text('CC')");
  await page.click("text=/French/");
  await go_to(120);
  await page.waitForSelector(".cap-cells:has-text('Yes')");
  const tops = await page.evaluate(() => [...document.querySelectorAll(".cap-cells")].map((c) => [c.textContent, parseFloat(c.style.top)]));
  assert.deepEqual(tops.map((t) => t[0]), ["Hello", "Yes"]);
  assert.ok(Math.abs(tops[1][1] - tops[0][1] - 80 / 15) < 0.01, JSON.stringify(tops));
  await picture("roll");
});
await step("four thousand captions scroll and choose without a stutter", async () => {
  const many = { language: "fr", kind: "cc", cues: Array.from({ length: 4000 }, (_, i) => ({ in: i * 60, out: i * 60 + 50, lines: [[{ t: `Caption number ${i + 1}` }]], align: "centre", vertical: "bottom", mode: "pop-on" })) };
  const fr = (await captions()).find((c) => c.language === "fr");
  const answer = await fetch(`${house.url}/api/v1/assets/${fr.asset}/cues?format=srt`, { method: "POST", headers: { Authorization: `Bearer ${house.token}` }, body: JSON.stringify(many) });
  assert.ok(answer.ok, await answer.text());
  await page.keyboard.press("Shift+C");
  await page.waitForSelector(".caption-rules:has-text('4,000')");
  assert.ok(await page.locator(".captions-panel .cue").count() < 60);
  const worst = await page.evaluate(async () => {
    const list = document.querySelector(".caption-list");
    const took = [];
    for (let i = 0; i < 60; i++) {
      const began = performance.now();
      list.scrollTop = i * 3400;
      await new Promise((done) => requestAnimationFrame(done));
      took.push(performance.now() - began);
    }
    return took.sort((a, b) => a - b)[30];
  });
  console.log(`# a screen further in 4,000: ${worst.toFixed(1)} ms in the middle`);
  await page.evaluate(() => { document.querySelector(".caption-list").scrollTop = 0; });
  await page.click(".cue >> nth=1");
  const typing = await page.evaluate(async () => {
    const area = document.querySelector("#cue-words");
    const began = performance.now();
    for (let i = 0; i < 20; i++) {
      area.value += "x";
      area.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise((done) => requestAnimationFrame(done));
    }
    return (performance.now() - began) / 20;
  });
  console.log(`# a letter typed: ${typing.toFixed(1)} ms`);
  assert.match(await page.textContent(".cue.on"), /xxxx/);
  await picture("many");
});
await step("on a phone the picture is on top, the list under it", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForSelector(".captions-panel .cue");
  const [stage, panel] = [await page.locator(".review-stage").boundingBox(), await page.locator(".captions-panel").boundingBox()];
  assert.ok(panel.y > stage.y + stage.height - 1 && panel.width <= 390, JSON.stringify([stage, panel]));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390);
  await picture("phone");
});
await step("the page met no fault of its own", async () => assert.deepEqual(faults, []));
await browser.close();
await house.close();
process.exit(end());
