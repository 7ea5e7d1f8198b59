/*
 * The farm's page over a real house and its worker: a template of shell commands is submitted, its tasks are watched, the one
 * that fails is found, its cause mended, and requeued with a key.   node tests/page/farm_real.mjs PROGRAM
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, open_browser } from "./browser.mjs";
import { open_house, until } from "./real.mjs";
import { steps } from "./steps.mjs";

const house = await open_house({ program: process.argv[2], settings: ["--worker.slots=2", ...(process.env.PAGE ? [`--web.folder=${process.env.PAGE}`] : [])] });
const browser = await open_browser();
const template = (flag) => `specificationVersion: jobtemplate-2023-09
name: shell frames
steps:
- name: Render
  parameterSpace:
    taskParameterDefinitions:
    - {name: Frame, type: INT, range: "1-12"}
  script:
    actions:
      onRun:
        command: sh
        args: ["-c", "echo rendering frame {{Task.Param.Frame}}; if [ {{Task.Param.Frame}} = 7 ] && [ ! -e '${flag}' ]; then echo 'ERROR: texture not found' >&2; exit 3; fi; echo done"]
`;
let page;
const { step, end } = steps(() => page);

const faults = [];
const flag = join(house.work, "texture");
let project, job;
try {
  await step("a template is submitted, and the page shows it", async () => {
    project = (await house.ask("POST", "/projects", { name: "Shore" })).id;
    const maya = await house.person({ name: "Maya Keller", email: "maya@house.example", password: "a long enough one" });
    await house.ask("POST", `/projects/${project}/members`, { email: maya.email, role: "editor" });
    job = (await house.ask("POST", `/projects/${project}/jobs`, { name: "shore shell", template: template(flag), options: { tries: 1, stop_after: 0 } })).id;
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(60_000);
    page = await context.newPage();
    page.on("pageerror", (e) => faults.push(e.message));
    await page.goto(`${house.url}/p/${project}/farm`);
    await page.fill("[type=email]", maya.email);
    await page.fill("[type=password]", maya.password);
    await page.click("[type=submit]");
    await page.waitForSelector(".farm-row:has-text('shore shell')");
  });
  await step("live, without a reload: eleven are done and one has failed", async () => {
    await page.evaluate(() => { window.not_loaded_again = true; });
    await until("the row says failed", async () => /failed/.test(await page.textContent("#job-0 .state")), 120_000);
    await until("one failed, as the steps tell", async () => (await page.textContent("#job-0 .failed")).trim() === "1");
    assert.ok(await page.evaluate(() => window.not_loaded_again));
    await accessible(page, "the queue of a real house");
  });
  await step("the job's grid finds the task that failed; its attempt says why", async () => {
    await page.click("#job-0");
    await page.keyboard.press("Enter");
    await page.waitForURL(new RegExp(`/farm/${job}`));
    await until("the counts", async () => /11\s*done/.test(await page.textContent(".job-sum")));
    // pressed before the tasks are told it finds nothing yet
    await until("it is called by its frame", async () => (await page.keyboard.press("f"), true) && /Frame 7.*failed/.test(await page.textContent("#frame-says")));
    await page.keyboard.press("Enter");
    await page.waitForURL(/task=6/);
    await page.waitForSelector(".task-head");
    if (process.env.LOOK) await page.waitForTimeout(1500).then(() => page.screenshot({ path: join(process.env.LOOK, "real-task.png") }));
  });
  await step("the cause is mended, R requeues it, and the job is done", async () => {
    writeFileSync(flag, "here");
    await page.focus(".grid-box");
    await page.keyboard.press("r");
    await page.waitForSelector("text=/Requeued frame 7/");
    await until("all twelve", async () => /12\s*done/.test(await page.textContent(".job-sum")), 120_000);
    assert.match(await page.textContent(".job-head"), /done/);
    await accessible(page, "a job of a real house");
  });
  await step("S suspends and resumes, + raises, Delete asks and cancels, R brings back", async () => {
    const template_slow = template("/").replace("echo done", "sleep 60");
    const slow = (await house.ask("POST", `/projects/${project}/jobs`, { name: "slow one", template: template_slow, options: { tries: 1, stop_after: 0 } })).id;
    const state = async () => (await house.ask("GET", `/jobs/${slow}`)).state;
    await page.goto(`${house.url}/p/${project}/farm?job=${slow}`);
    await page.waitForSelector(".farm-row.chosen:has-text('slow one')");
    await page.keyboard.press("s");
    await until("it rests", async () => (await state()) === "suspended");
    await page.waitForSelector(".farm-row.chosen .state:has-text('suspended')");
    await page.keyboard.press("s");
    await until("it goes on", async () => (await state()) === "running");
    await page.keyboard.press("+");
    await until("it is more urgent", async () => (await house.ask("GET", `/jobs/${slow}`)).priority === 55);
    await page.keyboard.press("Delete");
    await page.click(".dialog footer .danger");
    await until("it is cancelled", async () => (await state()) === "cancelled");
    await page.waitForSelector(".farm-row.chosen .state:has-text('cancelled')");
    await page.keyboard.press("r");
    await until("it waits or runs again", async () => ["waiting", "running"].includes(await state()));
    await house.ask("POST", `/jobs/${slow}/cancel`);
  });
  await step("previews are looked at as small pictures and approved; the others land, with theirs", async () => {
    const out = join(house.work, "shots");
    mkdirSync(out);
    const pictures = `specificationVersion: jobtemplate-2023-09
name: pictures
parameterDefinitions:
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: ${out}}
steps:
- name: Render
  parameterSpace:
    taskParameterDefinitions:
    - {name: Frame, type: INT, range: "1001-1006"}
    - {name: Layer, type: STRING, range: [beauty, matte]}
    combination: "Layer * Frame"
  script:
    actions:
      onRun: {command: sh, args: [-c, "ffmpeg -v error -f lavfi -i testsrc2=s=1920x1080:r=25,format=rgb48be -frames:v 1 {{Param.Out}}/{{Task.Param.Frame}}.png"]}
`;
    const made = await house.ask("POST", `/projects/${project}/jobs`, { name: "pictures", template: pictures, options: { tries: 1, preview_every: 3, approve: true, tags: [], outputs: [{ path: `${out}/####.png`, width: 1920, height: 1080 }] } });
    await page.goto(`${house.url}/p/${project}/farm/${made.id}`);
    await page.waitForSelector(".strip.approval .shot");
    const shown = () => page.$$eval(".strip img", (l) => l.filter((i) => i.complete && i.naturalWidth === 480 && i.naturalHeight === 270).length);
    await until("previews are shown", async () => (await shown()) >= 3);
    assert.match(await page.textContent(".strip"), /1001 beauty/);
    await accessible(page, "an approval in a real house");
    if (process.env.LOOK) await page.screenshot({ path: join(process.env.LOOK, "real-approval.png") });
    const before = await shown();
    await page.keyboard.press("p");
    await until("the others land", async () => (await page.$(".strip.approval")) === null && (await shown()) >= 2);
    await until("all are done", async () => /12\s*done/.test(await page.textContent(".job-sum")));
    assert.ok(before < 12);
    await page.focus(".grid-box");
    await page.keyboard.press("g");
    await page.keyboard.type("1002-1003 matte");
    await page.keyboard.press("Enter");
    await until("two tasks by frame and layer", async () => /2 tasks: 1002 matte – 1003 matte/.test(await page.textContent(".frames-bar")));
    const facts = await page.textContent(".farm-side dl");
    assert.match(facts, /Preview.*one in 3/);
    // a person without the project does not get the picture, nor does anybody get a path
    const task = await house.ask("GET", `/jobs/${made.id}/steps/1/tasks/0`);
    const url = task.outputs[0].url;
    assert.match(url, /^\/api\/v1\/jobs\/\w+\/attempts\/\d+\/tasks\/0\/picture\?output=0$/);
    const stranger = await house.person({ name: "Sam Stranger", email: "sam@house.example", password: "a long enough one" });
    await assert.rejects(stranger.ask("GET", url.replace("/api/v1", "")), /404/);
    await assert.rejects(house.ask("GET", url.replace("/api/v1", "").replace("tasks/0", "tasks/11").replace("output=0", "output=7")), /404/);
  });
  await step("an administrator sees machines change without asking again", async () => {
    const { link } = await house.ask("POST", "/people", { name: "Ada Admin", email: "ada@house.example", admin: true });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    context.setDefaultTimeout(60_000);
    const admin = await context.newPage();
    await admin.goto(house.url + link.slice(link.indexOf("/welcome")));
    await admin.fill("[type=password]", "another long one");
    await admin.click("[type=submit]");
    await admin.waitForSelector("nav");
    await admin.goto(`${house.url}/admin/workers`);
    await admin.waitForSelector("#node-0 .state:has-text('idle')");
    const asked = [];
    admin.on("request", (r) => r.url().endsWith("/nodes") && asked.push(r.url()));
    const id = (await house.ask("GET", "/nodes"))[0].id;
    await house.ask("POST", `/nodes/${id}/drain`);
    await admin.waitForSelector("#node-0 .state:has-text('draining')", { timeout: 60_000 });
    await house.ask("POST", `/nodes/${id}/resume`);
    await admin.waitForSelector("#node-0 .state:has-text('idle')", { timeout: 60_000 });
    const runs = await house.ask("POST", `/projects/${project}/jobs`, { name: "by frames", template: template("/").replace('"1-12"', '"1001-1012"').replace("echo done", "sleep 60"), options: { tries: 1, stop_after: 0 } });
    await admin.click("#node-0");
    await admin.waitForSelector(".node-runs li:has-text('frame 1001')");
    if (process.env.LOOK) await admin.screenshot({ path: join(process.env.LOOK, "real-node.png") });
    await accessible(admin, "a machine at work");
    await house.ask("POST", `/jobs/${runs.id}/cancel`);
    assert.ok(asked.length < 12, `${asked.length} requests`);
    await context.close();
  });
  await step("what a job made is in the library, by links on its page", async () => {
    const out = join(house.work, "shots");
    const frames = `specificationVersion: jobtemplate-2023-09
name: ring
parameterDefinitions: [{name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: ${out}}]
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: Frame, type: INT, range: "1001-1006"}, {name: Layer, type: STRING, range: [beauty]}]}
  script:
    actions:
      onRun: {command: sh, args: [-c, "ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25 -frames:v 1 -y {{Param.Out}}/ring.{{Task.Param.Frame}}.png"]}
`;
    const asset = { name: "Ring", as: "movie", rate: "25", profile: "web-h264-720p" };
    const wish = (profile) => ({ name: "ring", template: frames, options: { tries: 1, outputs: [{ path: `${out}/ring.####.png`, asset: { ...asset, profile } }] } });
    await assert.rejects(house.ask("POST", `/projects/${project}/jobs`, wish("web-h265-720p")), /422.*no profile web-h265-720p.*choose one of .*web-h264-720p/);
    const made = await house.ask("POST", `/projects/${project}/jobs`, wish(asset.profile));
    await page.goto(`${house.url}/p/${project}/farm/${made.id}`);
    await page.waitForSelector(".farm-side h3:has-text('In the library')", { timeout: 120_000 });
    await page.waitForSelector(".farm-side a:has-text('movie')", { timeout: 120_000 });
    if (process.env.LOOK) await page.screenshot({ path: join(process.env.LOOK, "real-assets.png") });
    await accessible(page, "a job with assets in a real house");
    const { assets } = await house.ask("GET", `/jobs/${made.id}`);
    for (const [link, id] of [["Ring", assets[0].asset], ["movie", assets[0].movie]]) {
      await page.goto(`${house.url}/p/${project}/farm/${made.id}`);
      await page.click(`.farm-side li a:text-is('${link}')`);
      await page.waitForURL(new RegExp(`/p/${project}/a/${id}|/${id}`));
      await until(`${link} opens`, async () => /Ring/.test(await page.textContent("body")));
      if (process.env.LOOK) await page.waitForTimeout(1500).then(() => page.screenshot({ path: join(process.env.LOOK, `real-asset-${link}.png`) }));
    }
  });
  await step("machines and limits of a real house are there", async () => {
    for (const where of ["nodes", "limits"]) {
      await page.goto(`${house.url}/p/${project}/farm/${where}`);
      await page.waitForSelector(".tabs a[aria-current=page]");
      await page.waitForSelector(".farm .farm-list, .farm .problem, .farm .empty, .farm .table");
    }
  });
  await step("the page met no fault", async () => assert.deepEqual(faults, []));
} finally {
  await browser.close();
  await house.close();
}
process.exit(end());
