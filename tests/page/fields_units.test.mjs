// What may stand in a field's cell: the page says what the house says (tests/vectors/field_values.json); without a browser.
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
