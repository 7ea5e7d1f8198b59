// The library's logic, without a browser: what may stand in a field's cell, as the house says it (tests/vectors/field_values.json);
// what may be the next version of an asset.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { load, root } from "./browser.mjs";

const { value_of } = await load("web/library/fields_model.ts");
const vectors = JSON.parse(readFileSync(join(root, "tests/vectors/field_values.json"), "utf8"));

test("typed values are kept or refused as the house does", () => {
  for (const [type, said, kept] of vectors.values) {
    const { value, why } = value_of({ type, choices: vectors.choices }, said);
    if (kept === null) assert.ok(why, `${type} "${said}" is refused`);
    else assert.deepEqual([value, why], [kept, null], `${type} "${said}"`);
  }
  assert.match(value_of({ type: "text", choices: [] }, "ä".repeat(2001)).why, /longer than 4,000 bytes/);
});

test("a file, or the frames of one sequence, may be the next version of an asset; a heap may not", async () => {
  const { one_thing } = await load("web/library/onto_model.ts");
  for (const paths of [["Reel 2.mov"], ["a.0001.exr", "a.0002.exr", "a.0007.exr"], ["plates/a001.DPX", "plates/a002.DPX"], ["0001.png", "0002.png"]]) assert.ok(one_thing(paths), paths.join());
  for (const paths of [[], ["A001/clip.mov"], ["a1.mov", "a2.mov"], ["a.0001.exr", "b.0001.exr"], ["a.0001.exr", "a.0001.png"], ["x/a.0001.exr", "y/a.0002.exr"], ["shot_v001.exr", "shot_v002.exr"], ["a.exr", "b.exr"]]) assert.ok(!one_thing(paths), paths.join());
});
