// tools/test-summary.mjs FIRST AGAIN [extra failures]: counts what meson's logs say; AGAIN is the log of what was run once
// more because it failed in FIRST. A program with cmocka or TAP lines counts each of its cases; another counts as one.
// Prints the output of what failed, then "N passed, N failed". --failed LOG: names the programs that failed.
import { readFileSync } from "node:fs";

const read = (path) => readFileSync(path, "utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l));
const good_end = (test) => test.result === "OK" || test.result === "EXPECTEDFAIL" || test.result === "SKIP";
if (process.argv[2] === "--failed") {
  for (const test of read(process.argv[3])) if (!good_end(test)) console.log(test.name.replace(/^[^/]* \/ /, ""));
  process.exit(0);
}

let passed = 0, failed = Number(process.argv[4] ?? 0), skipped = 0;
const told = [];
const first = read(process.argv[2]);
if (first.length === 0) {
  told.push("no test ran: " + process.argv[2] + " is empty");
  failed++;
}
const again = new Map(read(process.argv[3]).map((test) => [test.name, test]));
const unsteady = [];
for (const before of first) {
  let test = before;
  if (!good_end(before) && again.has(before.name) && good_end(again.get(before.name))) {
    test = again.get(before.name);
    unsteady.push(before.name);
    told.push(said_of(before));
  }
  const output = (test.stdout ?? "") + "\n" + (test.stderr ?? "");
  const count = (re) => (output.match(re) ?? []).length;
  let good = count(/^\[ {7}OK \]/gm) + count(/^ok \d+(?!.*# SKIP)/gm);
  let bad = new Set(output.match(/^(\[ {2}FAILED {2}\] (?!\d)\S+|not ok \d+.*)$/gm) ?? []).size;
  skipped += count(/^\[ {2}SKIPPED \] (?!\d)/gm) + count(/^ok \d+.*# SKIP/gm);
  if (test.result === "SKIP") {
    skipped++;
    continue;
  }
  const ok = good_end(test);
  if (good + bad === 0 && ok) good = 1;
  if (!ok && bad === 0) bad = 1; // it failed outside its cases: a leak, a crash, a time-out
  passed += good;
  failed += bad;
  if (!ok) told.push(said_of(test));
}
for (const text of told) console.log(text + "\n");
if (skipped) console.log(`${skipped} skipped`);
if (unsteady.length) console.log(`unsteady, failed once and passed when run again by itself: ${unsteady.join(", ")}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

function said_of(test) {
  const output = (test.stdout ?? "") + "\n" + (test.stderr ?? "");
  const said = output.match(/^not ok \d+.*(\n#.*)*/gm) ?? []; // with what was said of it, which the end may not show
  return [`---- ${test.name}: ${test.result} after ${test.duration.toFixed(1)} s`, ...said, "-- its end:", ...output.trim().split("\n").slice(-60)].join("\n");
}
