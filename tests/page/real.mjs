/*
 * A real house for the page's tests: `posthouse serve` in a folder of its own on free ports, with its worker, spoken to
 * as the house's own person. What is started is ended by its number.
 */
import { execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Asks until the answer is true; says what for when it never is.
export async function until(what, ask, ms = 60_000) {
  const end = Date.now() + ms;
  for (;;) {
    const said = await ask();
    if (said) return said;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms / 1000} s`);
    await sleep(50);
  }
}

export async function open_house({ program = process.env.POSTHOUSE ?? "build/posthouse", settings = [] } = {}) {
  const work = mkdtempSync(join(tmpdir(), "posthouse-page-"));
  const folder = join(work, "house");
  const house = { work, folder, program, server: null, url: "", token: "", setup: "", said: "" };
  let ports = ["--port=0", "--media.port=0"];

  // Also after it was closed or killed: on the same ports, so that pages that are open find it again.
  house.start = async () => {
    rmSync(join(folder, "ready"), { force: true });
    const log = openSync(join(work, "serve.log"), "a");
    house.server = spawn(program, ["serve", `--house.folder=${folder}`, "--store.reserve=0", ...ports, ...settings], { stdio: ["ignore", "pipe", log] });
    closeSync(log);
    house.server.stdout.on("data", (part) => { house.said += part; });
    await until("the house opens", () => {
      if (house.server.exitCode !== null) throw new Error(`the house did not open:\n${house.said}${readFileSync(join(work, "serve.log"), "utf8").slice(-2000)}`);
      return existsSync(join(folder, "ready")) && readFileSync(join(folder, "ready"), "utf8").includes("\n");
    });
    house.url = readFileSync(join(folder, "ready"), "utf8").split("\n")[0];
    house.token = readFileSync(join(folder, "local.token"), "utf8").trim();
    // The link for the first administrator is said at the first start; the pipe may be slower than the file.
    if (!house.setup) house.setup = await until("the link for the first administrator", () => /\/setup#([A-Za-z0-9_-]{43})/.exec(house.said)?.[1]);
    const media = (await house.ask("GET", "/me")).media;
    ports = [`--port=${new URL(house.url).port}`, `--media.port=${media ? new URL(media, house.url).port : 0}`];
  };
  house.stop = async (signal = "SIGINT") => {
    const { server } = house;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((done) => server.once("exit", done));
    server.kill(signal);
    await gone;
  };
  house.close = async () => {
    await house.stop();
    rmSync(work, { recursive: true, force: true });
  };
  house.ask = async (method, path, body) => {
    const answer = await fetch(`${house.url}/api/v1${path}`, {
      method, headers: { Authorization: `Bearer ${house.token}`, ...(body !== undefined && { "Content-Type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  house.put = (project, ...paths) => run(program, ["put", ...paths, "--project", project, "--house", house.url, "--token-file", join(folder, "local.token")], { maxBuffer: 1 << 26 });
  house.assets = async (project, query = "") => (await house.ask("GET", `/projects/${project}/assets?limit=500${query}`)).items;
  house.asset = async (project, name) => (await house.assets(project)).find((a) => a.name === name);
  // Waits until the asset is ready (or failed, where that is wanted) and answers it.
  house.is = (project, name, state = "ready", ms = 120_000) => until(`${name} is ${state}`, async () => {
    const a = await house.asset(project, name);
    if (a && state === "ready" && a.version.state === "failed") throw new Error(`${name} failed: ${JSON.stringify(a.version.problem)}`);
    return a?.version.state === state ? a : null;
  }, ms);
  // A person with a password; `ask` speaks as them.
  house.person = async ({ name, email, password }) => {
    const { person, link } = await house.ask("POST", "/people", { name, email, admin: false });
    const answer = await fetch(`${house.url}/api/v1/welcome`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: link.split("#")[1], password }) });
    if (!answer.ok) throw new Error(`welcome: ${answer.status} ${await answer.text()}`);
    const cookie = (answer.headers.getSetCookie?.() ?? [answer.headers.get("set-cookie") ?? ""]).map((c) => c.split(";")[0]).join("; ");
    const { csrf } = await answer.json();
    const ask = async (method, path, body) => {
      const said = await fetch(`${house.url}/api/v1${path}`, { method, headers: { Cookie: cookie, "X-CSRF": csrf, "Content-Type": "application/json" }, ...(body && { body: JSON.stringify(body) }) });
      if (!said.ok) throw new Error(`${method} ${path}: ${said.status} ${await said.text()}`);
      return said.json();
    };
    return { id: person.id, name, email, password, ask };
  };
  await house.start();
  return house;
}
