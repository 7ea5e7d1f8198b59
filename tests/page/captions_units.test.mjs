// The caption editor's logic, without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./browser.mjs";

const m = await load("web/captions/model.ts");
const cue = (from, to, words = "x", more = {}) => ({ in: from, out: to, lines: m.lines_of(words), align: "centre", vertical: "bottom", mode: "pop-on", ...more });
const times = (c) => c.cues.map((x) => `${x.in}-${x.out}`).join(" ");

test("words with marks become runs and are written the same again", () => {
  const words = "Good <i>morning</i>,\n<c #ffff00>yellow <b>and <u>bold</u></b></c> a < b \\<i> end";
  const lines = m.lines_of(words);
  assert.deepEqual(lines[0], [{ t: "Good " }, { t: "morning", i: true }, { t: "," }]);
  assert.deepEqual(lines[1].slice(0, 3), [{ t: "yellow ", c: "#ffff00ff" }, { t: "and ", c: "#ffff00ff", b: true }, { t: "bold", c: "#ffff00ff", b: true, u: true }]);
  assert.equal(m.plain_of(lines), "Good morning,\nyellow and bold a < b <i> end");
  assert.deepEqual(m.lines_of(m.words_of(lines)), lines);
});
test("marks that are not closed, or not known, lose no words", () => {
  assert.equal(m.plain_of(m.lines_of("a <i>b")), "a b");
  assert.equal(m.plain_of(m.lines_of("a </i> <x>b</x> <")), "a </i> <x>b</x> <");
  assert.equal(m.plain_of(m.lines_of("back\\\\slash")), "back\\slash");
});
test("what is seen is found among thousands, overlaps too", () => {
  const list = Array.from({ length: 4000 }, (_, i) => cue(i * 50, i * 50 + 40));
  list.splice(101, 0, cue(5000, 5100, "over"));
  assert.equal(m.seen_at(list, 5060).length, 2);
  assert.equal(m.seen_at(list, 5045).length, 1);
  assert.equal(m.seen_at(list, 45).length, 0);
  assert.equal(m.cue_at(list, -1), -1);
  assert.equal(m.seen_at(list, 199_980 - 1)[0].in, 199_950);
});
test("in and out keep a frame between them, and order is kept", () => {
  const list = [cue(10, 20), cue(30, 40), cue(50, 60)];
  assert.equal(times(m.with_in(list, 1, 45)), "10-20 45-46 50-60");
  assert.equal(times(m.with_out(list, 1, 25)), "10-20 24-25 50-60");
  assert.equal(times(m.with_out(list, 0, 0)), "0-1 30-40 50-60");
  const moved = m.moved(list, 0, 100);
  assert.equal(times(moved), "30-40 50-60 100-110");
  assert.equal(moved.at, 2);
  assert.equal(list[0].in, 10); // never changed in place
});
test("a new one fits between its neighbours and ends with the film", () => {
  const list = [cue(10, 20), cue(30, 40)];
  assert.equal(times(m.added(list, 15, 50, 1000)), "10-20 20-30 30-40");
  assert.equal(times(m.added(list, 45, 50, 60)), "10-20 30-40 45-60");
});
test("split parts lines, or a line at a space; merge puts them together again", () => {
  const two = m.split([cue(0, 100, "One\nTwo")], 0, 50);
  assert.deepEqual(two.cues.map((c) => m.plain_of(c.lines)), ["One", "Two"]);
  assert.equal(times(two), "0-50 50-100");
  const one = m.split([cue(0, 100, "How <i>are you</i> today")], 0, 50);
  assert.deepEqual(one.cues.map((c) => m.plain_of(c.lines)), ["How are", "you today"]);
  assert.equal(one.cues[1].lines[0][0].i, true);
  const back = m.merged(two.cues, 0);
  assert.equal(times(back), "0-100");
  assert.equal(m.plain_of(back.cues[0].lines), "One\nTwo");
  assert.equal(m.split([cue(0, 100)], 0, 100).cues.length, 1);
});
test("undo goes back and redo forth; words typed in one go are one step", () => {
  const h = new m.History();
  let now = { cues: [cue(0, 10)], at: 0 };
  const act = (next, name, run) => { h.keep({ ...now, name }, run); now = next; };
  act(m.with_in(now.cues, 0, 5), "in");
  for (const w of ["a", "ab", "abc"]) act(m.with_cue(now.cues, 0, { lines: m.lines_of(w) }), "words", "words 0");
  now = h.undo(now);
  assert.equal(m.plain_of(now.cues[0].lines), "x");
  assert.equal(now.cues[0].in, 5);
  now = h.undo(now);
  assert.equal(now.cues[0].in, 0);
  assert.equal(h.undo(now), null);
  now = h.redo(h.redo(now));
  assert.equal(m.plain_of(now.cues[0].lines), "abc");
});
test("reading speed counts letters as people do", () => {
  assert.equal(m.letters_of(cue(0, 25, "e\u0301te\u0301\nab")), 5);
  assert.equal(m.speed_of(cue(0, 50, "twenty letters, well"), 25), 10);
});
test("a file's name tells its language and role", () => {
  assert.deepEqual(m.guess("Film.en-GB.sdh.srt"), { language: "en-GB", role: "sdh" });
  assert.deepEqual(m.guess("Film.fr.vtt"), { language: "fr", role: "subtitle" });
  assert.deepEqual(m.guess("Film.scc"), { language: "", role: "cc" });
});
