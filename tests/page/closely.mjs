/*
 * Looking closely, in the real browser and a real house: the original's frame with its code values, scopes, layers of
 * OpenEXR; and a project that burns its viewers' names into every picture: whoever it applies to is given no other by any
 * address. Speaks TAP.
 *   node tests/page/closely.mjs PROGRAM
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
const ffmpeg = (...words) => execFileSync("ffmpeg", ["-v", "error", "-y", ...words]);
const file = (name) => join(house.work, name);
// The first frame of a film or picture, grey, 320 x 180.
const grey = (path) => execFileSync("ffmpeg", ["-v", "error", "-i", path, "-frames:v", "1", "-vf", "scale=320:180", "-f", "rawvideo", "-pix_fmt", "gray", "-"]);
const lower = (a, b) => { // the mean difference in the lower fifth, where names are burnt in
  let sum = 0;
  for (let i = 144 * 320; i < 180 * 320; i++) sum += Math.abs(a[i] - b[i]);
  return sum / (36 * 320);
};
const fetched = async (url, name) => {
  const answer = await fetch(new URL(url, house.url));
  assert.equal(answer.status, 200, url);
  writeFileSync(file(name), Buffer.from(await answer.arrayBuffer()));
  return file(name);
};
const of_kind = (version, kind) => version.derived.find((d) => d.kind === kind);
async function log_in(person) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  await page.goto(`${house.url}/login`);
  await page.fill("[type=email]", person.email);
  await page.fill("[type=password]", person.password);
  await page.click("[type=submit]");
  await page.waitForSelector(".shell");
}
const original = (frame, layer = "") => page.waitForSelector(`.picture-original[data-frame="${frame}"][data-layer="${layer}"]:not([hidden])`);

try {
  ffmpeg("-f", "lavfi", "-i", "color=0x404040:size=320x180:rate=25:duration=0.48", "-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", file("grey.mov"));
  ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=0.04", "-frames:v", "1", "-pix_fmt", "gbrpf32le", file("one.exr"));
  ffmpeg("-f", "lavfi", "-i", "color=red:size=320x180:rate=25:duration=0.04", "-frames:v", "1", "-pix_fmt", "gbrpf32le", file("two.exr"));
  execFileSync("exrmultipart", ["-combine", "-i", `${file("one.exr")}::beauty`, `${file("two.exr")}::a long name of a pass`, "-o", file("layers.exr")]);
  mkdirSync(file("shot"));
  for (const [n, colour] of [[1001, "red"], [1002, "lime"], [1004, "blue"]])
    ffmpeg("-f", "lavfi", "-i", `color=${colour}:size=64x36:rate=25:duration=0.04`, "-frames:v", "1", "-pix_fmt", "gbrpf32le", join(file("shot"), `shot.${n}.exr`));
  const project = (await house.ask("POST", "/projects", { name: "Spot" })).id;
  await house.put(project, file("grey.mov"), file("layers.exr"), file("shot"));
  const maya = await house.person({ name: "Maya Keller", email: "maya@house.example", password: "a long enough one" });
  const gus = await house.person({ name: "Gus Visitor", email: "gus@house.example", password: "a long enough one" });
  await house.ask("POST", `/projects/${project}/members`, { email: maya.email, role: "owner" });
  await house.ask("POST", `/projects/${project}/members`, { email: gus.email, role: "reviewer" });
  const film = await house.is(project, "grey.mov");
  const exr = await house.is(project, "layers.exr");
  await log_in(maya);

  await step("the original's frame stands in the proxy's place, is named, and gives its code values", async () => {
    await page.goto(`${house.url}/p/${project}/a/${film.id}`);
    await page.waitForSelector('.picture[data-shown="0"]');
    await page.keyboard.press("u");
    await original(0);
    assert.match(await page.locator(".closer-name").innerText(), /Original frame 320 × 180, 10 bit, not the proxy/);
    const values = page.locator(".closer-values");
    let asked = 0;
    await until("the values come", async () => {
      if (asked % 100 === 0) await page.locator(".picture").hover({ position: { x: 40 + asked / 100, y: 40 } });
      asked++;
      return /Y 2\d\d\s+Cb 51\d\s+Cr 51\d\s.*Y 2\d\.\d %/.test(await values.innerText());
    });
    await page.keyboard.press("ArrowRight");
    await original(1);
  });
  await step("scopes are of the original's code values, and say so", async () => {
    await page.keyboard.press("x");
    await page.waitForSelector('.scopes canvas[data-of="original"][data-frame="1"]');
    await page.waitForSelector(".closer >> text=10 bit, limited range: 64 is 0 %, 940 is 100 %, bt");
    // Grey of 25 %: one line in the waveform, at its level.
    const rows = await page.locator(".scopes canvas").first().evaluate((c) => {
      const d = c.getContext("2d").getImageData(128, 0, 1, c.height).data;
      return [...Array(c.height).keys()].filter((y) => d[4 * y] > 120);
    });
    const percent = rows.map((y) => (1.1 - y / 240 * 1.2) * 100);
    assert.ok(percent.some((p) => p > 22 && p < 27), String(percent));
    await look("closely-original");
    await accessible(page, "scopes of an original frame");
    await page.click(".closer >> role=button[name='As seen']");
    await page.waitForSelector('.scopes canvas[data-of="shown"]');
    await page.waitForSelector(".closer >> text=Picture as the browser shows it, without a viewing transform: 8 bit");
    await page.click(".closer >> role=button[name='The file’s values']");
    await page.waitForSelector('.scopes canvas[data-of="original"]');
    await page.keyboard.press("u");
    await page.waitForSelector('.scopes canvas[data-of="shown"]');
  });
  await step("false colour lies over the picture with its legend", async () => {
    await page.keyboard.press("Shift+X");
    await page.waitForSelector(".picture-false");
    await page.waitForSelector(".bands >> text=38 to 44 %: 18 % grey");
    await look("closely-false");
    await page.keyboard.press("Shift+X");
    await page.waitForSelector(".picture-false", { state: "detached" });
  });
  await step("layers of OpenEXR are found by their name and shown", async () => {
    await page.goto(`${house.url}/p/${project}/a/${exr.id}`);
    await page.waitForSelector(".review-stage .picture");
    await page.keyboard.press("y");
    await page.getByRole("combobox", { name: "Layers" }).fill("long name");
    await page.waitForSelector("#layer-list li >> nth=0 >> text=a long name of a pass: R G B");
    await page.keyboard.press("Enter");
    await original(0, "1:*");
    await page.waitForSelector(".closer >> text=scene linear, shown as sRGB");
    const red = await page.locator(".picture-original").evaluate((c) => [...c.getContext("2d").getImageData(160, 90, 1, 1).data]);
    assert.ok(red[0] > 200 && red[1] < 60 && red[2] < 60, String(red));
    await look("closely-layers");
    await accessible(page, "layers");
    await page.setViewportSize({ width: 390, height: 844 });
    await look("closely-phone");
  });
  await step("a layer of a sequence comes frame by frame, and what is missing is held and said", async () => {
    const shot = await until("the sequence is ready", async () => (await house.assets(project)).find((x) => x.kind === "sequence" && x.version.state === "ready"), 120_000);
    const rgb = async (frame) => {
      const f = await until(`frame ${frame} is made`, async () => {
        const now = await house.ask("POST", `/versions/${shot.version.id}/frames`, { frame, layer: "0:*" });
        assert.notEqual(now.state, "failed", JSON.stringify(now.problem));
        return now.state === "ready" ? now : null;
      });
      const png = await fetched(f.files.find((x) => x.kind === "picture").url, `shot-${frame}.png`);
      const one = execFileSync("ffmpeg", ["-v", "error", "-i", png, "-vf", "crop=1:1:32:18", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
      return [["red", "green", "blue"][[...one].indexOf(Math.max(...one))], f.seen.held];
    };
    assert.deepEqual(await rgb(0), ["red", false]);
    assert.deepEqual(await rgb(1), ["green", false]);
    assert.deepEqual(await rgb(2), ["green", true]);
    assert.deepEqual(await rgb(3), ["blue", false]);
  });

  // ---- names in pictures
  const plain = await gus.ask("GET", `/versions/${film.version.id}`);
  const unburnt = of_kind(plain, "review").url;
  const without = grey(await fetched(unburnt, "plain.mp4"));
  await step("whom a project's names apply to is given no picture without", async () => {
    await house.ask("PATCH", `/projects/${project}`, { burn_names: "viewers" });
    for (const d of plain.derived) {
      const status = (await fetch(new URL(d.url, house.url))).status;
      assert.equal(status, 403, `${d.kind} under an address from before: ${status}`);
    }
    const now = await gus.ask("GET", `/versions/${film.version.id}`);
    assert.equal(now.burn.state, "none");
    assert.deepEqual(now.derived.map((d) => d.kind).filter((k) => !["audio", "peaks"].includes(k)), []);
    const listed = (await gus.ask("GET", `/projects/${project}/assets`)).items.flatMap((a) => a.version.derived.map((d) => d.kind));
    assert.ok(!listed.some((k) => ["scrub", "review", "poster", "sprites"].includes(k)), listed.join());
    // An owner sees it as it is.
    const owned = await maya.ask("GET", `/versions/${film.version.id}`);
    assert.equal(owned.burn, undefined);
    assert.equal((await fetch(new URL(of_kind(owned, "review").url, house.url))).status, 200);
  });
  await step("their own proxies carry the name, and nothing gives them to another", async () => {
    const made = await until("the copy is made", async () => {
      const v = await gus.ask("POST", `/versions/${film.version.id}/burnt`);
      assert.notEqual(v.burn.state, "failed");
      return v.burn.state === "ready" ? v : null;
    }, 120_000);
    assert.match(made.burn.words, /^Gus Visitor <gus@house\.example> \d{4}-\d\d-\d\d$/);
    for (const kind of ["scrub", "review", "poster"]) {
      const burnt = grey(await fetched(of_kind(made, kind).url, `burnt-${kind}`));
      assert.ok(lower(without, burnt) > 4, `${kind}: ${lower(without, burnt)}`);
    }
    assert.ok(of_kind(made, "sprites"), "small pictures of their own");
    assert.equal((await maya.ask("GET", `/versions/${film.version.id}`)).burn, undefined);
  });
  await step("two films beside each other carry it, and are made for whoever looks", async () => {
    await log_in(gus);
    await page.goto(`${house.url}/p/${project}/compare/v-${film.version.id}/v-${exr.version.id}`);
    await page.waitForSelector(".compare >> text=Locked", { timeout: 120_000 });
    const seen = (await gus.ask("GET", `/versions/${exr.version.id}`)).burn;
    assert.equal(seen.state, "ready");
  });
  await step("frames of the original carry it too, and bring no samples", async () => {
    const frame = await until("the frame is made", async () => {
      const f = await gus.ask("POST", `/versions/${film.version.id}/frames`, { frame: 3 });
      return f.state === "ready" ? f : null;
    });
    assert.equal(frame.burnt, true);
    assert.deepEqual(frame.files.map((f) => f.kind), ["picture"]);
    const burnt = grey(await fetched(frame.files[0].url, "burnt.png"));
    assert.ok(lower(without, burnt) > 4, String(lower(without, burnt)));
    await assert.rejects(gus.ask("POST", `/versions/${film.version.id}/frames`, { frame: 3, save: true }), /403/);
  });
  await step("visitors of a link are shown the link's name", async () => {
    const link = await house.ask("POST", `/projects/${project}/shares`, { title: "For the client", assets: [film.id], permission: "view", download: false });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(120_000);
    page = await context.newPage();
    const answers = [];
    page.on("response", (r) => { if (/\/versions\/[^/]+\/burnt$/.test(r.url()) && r.ok()) answers.push(r.json().catch(() => null)); });
    await page.goto(link.url.startsWith("http") ? link.url : `${house.url}${link.url}`);
    await page.click("text=grey.mov").catch(() => undefined); // a link to one film may open it at once
    await page.waitForSelector('.picture[data-shown="0"]', { timeout: 120_000 });
    const last = (await Promise.all(answers)).filter(Boolean).pop();
    assert.match(last.burn.words, /^link: For the client \d{4}-/);
    const shot = join(house.work, "seen.png");
    await page.locator(".review-stage .picture").screenshot({ path: shot });
    assert.ok(lower(without, grey(shot)) > 2, String(lower(without, grey(shot))));
    await look("closely-burnt");
  });
} finally {
  await browser.close();
  await house.close();
}
process.exit(end());
