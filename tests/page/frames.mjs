/*
 * Frame accuracy through everything: bar-coded clips at seven rates brought into a real house, probed and proxied by the
 * real engine, looked at on the built page in Chromium through the media listener. The frame shown is the frame named: after
 * source timecodes typed, steps, a hand on the bar, play and pause, J and L. Timecodes are worked out here from ST 12-1, not
 * by the page's own code.   node tests/page/frames.mjs PROGRAM [--json]
 * POSTHOUSE_TEST_SIZE=long: at least 2,000 random seeks on 720p clips. SEED=number repeats a run.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { open_browser } from "./browser.mjs";
import { hands } from "./in_page.mjs";
import { RATES, makeSource } from "./player_clips.mjs";
import { open_house } from "./real.mjs";

const long = process.env.POSTHOUSE_TEST_SIZE === "long";
const json = process.argv.includes("--json");
const seeks = long ? 300 : 40;
const seconds = long ? 20 : 5;
const size = long ? { width: 1280, height: 720 } : { width: 640, height: 360 };
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

// A label as ST 12-1 counts: where frames drop, the first numbers of each minute but the tenth are left out.
function label_of(frame, { base, drop, per = 1 }) {
  let n = Math.floor(frame / per);
  if (drop) {
    const out = base / 15;
    const ten = base * 600 - out * 9;
    const minute = base * 60 - out;
    const in_ten = n % ten;
    n += Math.floor(n / ten) * out * 9 + (in_ten < base * 60 ? 0 : (Math.floor((in_ten - base * 60) / minute) + 1) * out);
  }
  const two = (v) => String(v).padStart(2, "0");
  return `${two(Math.floor(n / base / 3600) % 24)}:${two(Math.floor(n / base / 60) % 60)}:${two(Math.floor(n / base) % 60)}${drop ? ";" : ":"}${two(n % base)}${per > 1 ? `.${frame % per}` : ""}`;
}

const house = await open_house({ program: process.argv[2] });
const browser = await open_browser();
const total = { seeks: 0, read: 0, wrong: 0 };
let number = 0;
let failed = 0;
try {
  const project = (await house.ask("POST", "/projects", { name: "Bars" })).id;
  const files = [];
  for (const r of RATES) files.push(await makeSource(join(house.work, `${r.name}.mov`), { ...r, seconds, ...size }));
  await house.put(project, ...files);
  const person = await house.person({ name: "Eye", email: "eye@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: person.email, role: "reviewer" });
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");

  for (const r of RATES) {
    number++;
    const began = Date.now();
    try {
      const got = await one(page, project, r);
      total.seeks += seeks;
      total.read += got.read;
      total.wrong += got.wrong.length;
      assert.deepEqual(got.wrong, []);
      assert.ok(got.read > seeks * 2, `only ${got.read} pictures were read`);
      if (!json) console.log(`ok ${number} at ${r.name} the frame shown is the frame named\n# ${got.read} pictures read in ${Date.now() - began} ms`);
    } catch (e) {
      failed++;
      console.log(`not ok ${number} at ${r.name} the frame shown is the frame named\n${String(e.stack ?? e).split("\n").slice(0, 20).map((l) => `# ${l}`).join("\n")}\n# SEED=${seed}`);
    }
  }
} finally {
  await browser.close();
  await house.close();
}
if (json) console.log(JSON.stringify({ bench: "frames", what: "wrong pictures after random seeks at seven rates through a real house, bars read from the picture", ours: total.wrong, unit: "wrong", at_most: 0, seeks: total.seeks, pictures: total.read }));
else console.log(`1..${number}`);
process.exit(failed ? 1 : 0);

async function one(page, project, r) {
  const asset = await house.is(project, `${r.name}.mov`, "ready", 300_000);
  const { timecode, duration_frames: count } = asset.version.facts;
  const way = { base: timecode.base, drop: timecode.drop, per: timecode.frames_per_label };
  assert.equal(timecode.start, r.start, "the start timecode");
  assert.equal(timecode.drop, r.start.includes(";"));
  assert.equal(label_of(timecode.start_frame, way), r.start);
  const labels = Array.from({ length: count }, (_, n) => label_of(timecode.start_frame + n, way));
  await page.goto(`${house.url}/p/${project}/a/${asset.id}`);
  await page.waitForSelector(".picture[data-shown='0']", { timeout: 60_000 });
  await page.evaluate(hands);
  const got = await page.evaluate(typed, { labels, seeks, seed });

  // A hand on the bar: whatever is shown on the way must be under its own number.
  const bar = await page.locator(".bar-track").boundingBox();
  const at = (n) => [bar.x + ((n + 0.5) / count) * bar.width, bar.y + bar.height / 2];
  await page.mouse.move(...at(count >> 1));
  await page.mouse.down();
  for (let i = 0; i < 40; i++) {
    await page.mouse.move(...at(Math.floor((count - 1) * Math.abs(Math.sin(i / 12)))));
    const [said, bars] = await page.evaluate(() => [now().shown, seen()]);
    got.read++;
    if (said !== bars) got.wrong.push(`drag: said shown ${said}, bars ${bars}`);
  }
  await page.mouse.up();
  const [said, bars] = await page.evaluate(async () => {
    await until(() => now().shown === now().frame && now().from === "review");
    return [now().shown, seen()];
  });
  got.read++;
  if (said !== bars) got.wrong.push(`drag, at rest: said shown ${said}, bars ${bars}`);
  const run = await page.evaluate(runs);
  return { read: got.read + run.read, wrong: [...got.wrong, ...run.wrong] };
}

async function typed({ labels, seeks, seed }) {
  const wrong = [];
  let read = 0;
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const check = (what, wanted) => {
    read++;
    const n = seen();
    const label = document.getElementById("timecode").textContent;
    if (n !== wanted || now().shown !== n || now().frame !== n || label !== labels[n])
      wrong.push(`${what}: wanted ${wanted} (${labels[wanted]}), bars ${n}, said ${JSON.stringify(now())} ${label}`);
  };
  const labelled = () => until(() => document.getElementById("timecode"));
  for (let i = 0; i < seeks; i++) {
    const n = i === 0 ? labels.length - 1 : random(labels.length);
    await go(i % 5 === 4 ? `f${n}` : labels[n]);
    await rest(n);
    await labelled();
    check("seek", n);
    if (i % 4 === 0) {
      await rest(n, "review");
      check("at rest", n);
    }
    if (i % 8 === 0) {
      let to = n;
      for (const by of [1, 1, 1, -1, -1]) {
        to = Math.min(labels.length - 1, Math.max(0, to + by));
        key(by > 0 ? "ArrowRight" : "ArrowLeft");
        await rest(to);
        await sleep(0);
        check("step", to);
      }
    }
  }
  return { wrong, read };
}

async function runs() {
  const wrong = [];
  let read = 0;
  const check = (what) => {
    read++;
    const n = seen();
    if (n !== now().shown || n !== now().frame) wrong.push(`${what}: said ${JSON.stringify(now())}, bars ${n}`);
  };
  for (let i = 0; i < 3; i++) {
    await go(`f${5 + i * 17}`);
    await rest(5 + i * 17);
    const from = now().frame;
    key("l");
    await until(() => now().from === "video");
    await sleep(200 + i * 130);
    key("k");
    await until(() => now().from !== "video" && now().shown === now().frame);
    check("pause");
    await until(() => now().from === "review");
    check("pause, at rest");
    if (now().frame <= from) wrong.push(`playing from ${from} came to ${now().frame}`);
  }
  const middle = Math.floor(Number(document.querySelector(".bar-track").getAttribute("aria-valuemax")) / 2);
  for (const [name, press] of [["J", "j"], ["J J J", "jjj"], ["L L L", "lll"]]) {
    await go(`f${middle}`);
    await rest(middle);
    const watch = new MutationObserver(() => {
      if (box().classList.contains("by-video")) return;
      read++;
      const n = seen();
      if (n !== now().shown) wrong.push(`${name}: said shown ${now().shown}, bars ${n}`);
    });
    watch.observe(box(), { attributeFilter: ["data-shown"] });
    for (const [i, k] of [...press].entries()) {
      key(k);
      // From <video> to the canvas, also: the third L comes when the first is really playing.
      if (i === 0 && k === "l") await until(() => now().from === "video");
      await sleep(40);
    }
    await sleep(450);
    key("k");
    watch.disconnect();
    await until(() => now().shown === now().frame && now().from !== "video");
    check(`after ${name}`);
    if (Math.sign(now().frame - middle) !== (press[0] === "l" ? 1 : -1)) wrong.push(`${name} went from ${middle} to ${now().frame}`);
  }
  return { wrong, read };
}
