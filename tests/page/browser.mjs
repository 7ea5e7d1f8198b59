// What the page's tests share: Chromium through playwright-core from web/node_modules, axe, the page's modules in node.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const require_web = createRequire(join(root, "web/package.json"));
export const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  "--autoplay-policy=no-user-gesture-required",
  // a page that is not in front must draw all the same: clicks wait for two frames
  "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows"];
export const open_browser = () => require_web("playwright-core").chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

// No serious or critical finding of axe.
const axe = readFileSync(require_web.resolve("axe-core/axe.min.js"), "utf8");
export async function accessible(page, name) {
  // evaluate() goes past the page's own CSP, which forbids a script element
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const bad = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(bad.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(", ")}`), [], `axe on ${name}`);
}

// TypeScript of the page as a module for node.
let modules = "";
let loaded = 0;
export async function load(path) {
  if (!modules) {
    modules = mkdtempSync(join(tmpdir(), "posthouse-module-"));
    process.on("exit", () => rmSync(modules, { recursive: true, force: true }));
  }
  const out = join(modules, `${loaded++}.mjs`);
  await require_web("esbuild").build({ entryPoints: [join(root, path)], bundle: true, format: "esm", outfile: out, logLevel: "error", nodePaths: [join(root, "web/node_modules")] });
  return import(pathToFileURL(out).href);
}
