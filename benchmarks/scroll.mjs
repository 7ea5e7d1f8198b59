/*
 * The library's page while somebody scrolls through all of 200,000 assets (tests/page/mock/house.mjs): the page's heap after
 * garbage collection, at the beginning, in the middle and at the end. One JSON line.   node benchmarks/scroll.mjs BUILD/web [COUNT]
 */
import { open_browser } from "../tests/page/browser.mjs";
import { house } from "../tests/page/mock/house.mjs";

const count = Number(process.argv[3] ?? 200_000);
const made = house({ page: process.argv[2] ?? "build/web", assets: count });
const base = await made.listen(0);
const browser = await open_browser();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const tools = await page.context().newCDPSession(page);
const heap = async () => {
  await tools.send("HeapProfiler.collectGarbage");
  return (await tools.send("Runtime.getHeapUsage")).usedSize / 1e6;
};
await page.goto(`${base}/p/${made.project.id}?view=list`);
await page.waitForSelector(".list-row .name");
const seen = [await heap()];
const height = await page.evaluate(() => document.querySelector(".virtual").scrollHeight);
const steps = Math.ceil(count / 800) * 4; // a window of 200 each
for (let i = 1; i <= steps; i++) {
  await page.evaluate((top) => { document.querySelector(".virtual").scrollTop = top; }, (height * i) / steps);
  // A handle that is kept would keep its row, and all that the row knows.
  await (await page.waitForSelector(".list-row:not(.list-head) .asset-name")).dispose();
  if (i % (steps / 4) === 0) seen.push(await heap());
}
console.log(JSON.stringify({ bench: "library page", what: `heap after scrolling all of ${count}, beside its heap after a quarter`, ours: Number((seen[4] / seen[1]).toFixed(2)), unit: "x", at_most: 1.2, heaps_mb: seen.map((x) => Number(x.toFixed(1))) }));
await browser.close();
process.exit(0);
