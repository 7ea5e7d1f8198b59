// tools/test-summary.mjs LOG [extra failures]: counts what meson's log says. A program with cmocka or TAP lines counts
// each of its cases; another counts as one. Prints the output of what failed, then "N passed, N failed".
import { readFileSync } from "node:fs";

let passed = 0, failed = Number(process.argv[3] ?? 0), skipped = 0;
const told = [];
let lines = [];
try {
  lines = readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean);
} catch {
  told.push("no test ran: " + process.argv[2] + " is missing");
  failed++;
}
for (const line of lines) {
  const test = JSON.parse(line);
  const output = (test.stdout ?? "") + "\n" + (test.stderr ?? "");
  const count = (re) => (output.match(re) ?? []).length;
  let good = count(/^\[ {7}OK \]/gm) + count(/^ok \d+(?!.*# SKIP)/gm);
  let bad = new Set(output.match(/^(\[ {2}FAILED {2}\] (?!\d)\S+|not ok \d+.*)$/gm) ?? []).size;
  skipped += count(/^\[ {2}SKIPPED \] (?!\d)/gm) + count(/^ok \d+.*# SKIP/gm);
  if (test.result === "SKIP") {
    skipped++;
    continue;
  }
  const ok = test.result === "OK" || test.result === "EXPECTEDFAIL";
  if (good + bad === 0 && ok) good = 1;
  if (!ok && bad === 0) bad = 1; // it failed outside its cases: a leak, a crash, a time-out
  passed += good;
  failed += bad;
  if (ok) continue;
  const said = output.match(/^not ok \d+.*(\n#.*)*/gm) ?? []; // with what was said of it, which the end may not show
  told.push([`---- ${test.name}: ${test.result} after ${test.duration.toFixed(1)} s`, ...said, "-- its end:", ...output.trim().split("\n").slice(-60)].join("\n"));
}
for (const text of told) console.log(text + "\n");
if (skipped) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
