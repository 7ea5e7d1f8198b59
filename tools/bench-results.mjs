// tools/bench-results.mjs LINES: the benches' JSON lines as a page of tables, one a bench.
// A line: {"bench", "what", "ours", "unit", "peer"?, "ratio"?, "at_least"? or "at_most"?, anything else?}. What is promised is
// promised of the ratio where there is one, else of our figure. Lines without "ours" get columns of their own.
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";

const groups = new Map();
for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
  const { bench, ...rest } = JSON.parse(line);
  if (!groups.has(bench)) groups.set(bench, []);
  groups.get(bench).push(rest);
}

let promised = 0, held = 0;
function holds({ ours, ratio, at_least, at_most }) {
  const figure = ratio ?? ours;
  if (at_least === undefined && at_most === undefined) return "";
  const good = at_least !== undefined ? figure >= at_least : figure <= at_most;
  promised++;
  held += good;
  return good ? "yes" : "NO";
}
function promise({ ratio, unit, at_least, at_most }) {
  if (at_least === undefined && at_most === undefined) return "";
  return `${at_least !== undefined ? "at least" : "at most"} ${at_least ?? at_most}${ratio === undefined ? ` ${unit}` : " x"}`;
}
function measured(row) {
  const { what, ours, unit, peer, ratio, at_least, at_most, ...more } = row;
  const beside = Object.entries(more).map(([k, v]) => `${k.replaceAll("_", " ")} ${v}`).join(", ");
  return [what, `${ours} ${unit}`, peer === undefined ? "" : `${peer} ${unit}`, ratio ?? "", promise(row), holds(row), beside];
}
const cells = (list) => `| ${list.map((c) => (typeof c === "object" && c !== null ? JSON.stringify(c) : c ?? "")).join(" | ")} |`;

const tables = [];
for (const [bench, rows] of groups) {
  const ours = rows.filter((r) => r.ours !== undefined), others = rows.filter((r) => r.ours === undefined);
  tables.push(`\n## ${bench}`);
  if (ours.length) tables.push("", cells(["what", "ours", "peer", "ratio", "promised", "holds", "beside"]), "|---|---|---|---|---|---|---|", ...ours.map((r) => cells(measured(r))));
  if (others.length) {
    const columns = [...new Set(others.flatMap(Object.keys))];
    tables.push("", cells(columns.map((c) => c.replaceAll("_", " "))), `|${columns.map(() => "---").join("|")}|`, ...others.map((r) => cells(columns.map((c) => r[c]))));
  }
}
console.log(`# What was measured\n\n${new Date().toISOString()}, ${cpus().length} x ${cpus()[0].model}, Linux ${release()}, load at the end ${loadavg()[0].toFixed(1)}.\n${held} of ${promised} promises hold.`);
console.log(tables.join("\n"));
