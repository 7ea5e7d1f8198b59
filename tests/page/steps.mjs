/*
 * Steps of a page's test, said as TAP. Of one that fails: why, where the page was and what stood on it; with LOOK (a folder)
 * in the environment a picture of it too, and of all that the test wants looked at.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.LOOK;
if (folder) mkdirSync(folder, { recursive: true });
const words = (page) => page.evaluate(() => document.body.innerText.replace(/\s+/g, " ").slice(0, 800)).catch(String);

// `page` answers the page that is looked at, undefined before there is one.
export function steps(page) {
  let number = 0, failed = 0;
  const look = async (name, of = page()) => { if (folder) await of?.screenshot({ path: join(folder, `${name}.png`) }).catch(() => undefined); };
  const broke = async (name, e) => {
    failed++;
    console.log(`not ok ${number} ${name}\n${String(e.stack ?? e).split("\n").slice(0, 14).map((l) => `# ${l}`).join("\n")}`);
    if (page()) console.log(`# at ${page().url()}: ${await words(page())}`);
    await look(`failed-${number}`);
  };
  const step = async (name, act) => {
    number++;
    const began = Date.now();
    try {
      await act();
      console.log(`ok ${number} ${name}\n# ${Date.now() - began} ms`);
    } catch (e) {
      await broke(name, e);
    }
  };
  // What broke between steps; the plan, and the status to leave with.
  return { step, look, broke: (e) => { number++; return broke("the test itself", e); }, end: () => { console.log(`1..${number}`); return failed ? 1 : 0; } };
}
