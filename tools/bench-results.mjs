// tools/bench-results.mjs LINES: the benches' JSON lines as a page of tables, one a bench.
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";

const groups = new Map();
for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
  const { bench, ...rest } = JSON.parse(line);
  if (!groups.has(bench)) groups.set(bench, []);
  groups.get(bench).push(rest);
}
console.log(`# What was measured\n\n${new Date().toISOString()}, ${cpus().length} x ${cpus()[0].model}, Linux ${release()}, load at the end ${loadavg()[0].toFixed(1)}.`);
for (const [bench, rows] of groups) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  console.log(`\n## ${bench}\n\n| ${columns.map((c) => c.replaceAll("_", " ")).join(" | ")} |\n|${columns.map(() => "---").join("|")}|`);
  for (const row of rows) console.log(`| ${columns.map((c) => (typeof row[c] === "object" && row[c] !== null ? JSON.stringify(row[c]) : row[c] ?? "")).join(" | ")} |`);
}
