// Brings the page's libraries in (npm ci), only when package-lock.json says something else than what
// is there; so that a build without network works after the first one. node install.mjs STAMP
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const want = createHash("sha256").update(readFileSync(join(here, "package-lock.json"))).digest("hex");
const mark = join(here, "node_modules/.posthouse-lock");
if (!existsSync(mark) || readFileSync(mark, "utf8") !== want) {
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: here, stdio: "inherit" });
  if (npm.status !== 0) {
    console.error("the page's libraries cannot be installed: npm ci failed in web/\nfix: look at the lines above; with no network, copy web/node_modules from a machine that has one");
    process.exit(1);
  }
  writeFileSync(mark, want);
}
if (process.argv[2]) writeFileSync(process.argv[2], want + "\n");
