/*
 * farm/found: whether a search finds a name, as the house's own search does (src/db/words.c): it decides over jobs that are
 * news while a search is shown.
 *
 * Each word that was typed begins a word of the name. The words of a name are its own; its runs of letters and of digits,
 * numbers with and without leading zeros; and letters with the number behind them as one word. Signs part words.
 */

const folded = (s: string): string => s.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const parts = (s: string): string[] => folded(s).match(/[\p{L}\p{N}\p{Co}]+/gu) ?? [];

function words_of(name: string): string[] {
  const words = parts(name);
  const runs: string[] = [];
  const joined: string[] = [];
  let letters = "";
  for (const [run] of folded(name).matchAll(/[0-9]+|[a-z\u0080-\u{10ffff}]+/gu)) {
    const number = /^[0-9]/.test(run);
    const short = number ? run.replace(/^0+(?=.)/, "") : run;
    runs.push(short);
    if (number) joined.push(run, letters + run, letters + short);
    letters = number ? "" : run;
  }
  return [...words, ...[...runs, ...joined].flatMap(parts)];
}

// Words in a row: "shot_012" is two of them, and the second only begins like that.
function holds(words: string[], row: string[]): boolean {
  const last = row.length - 1;
  return words.some((_, at) => row.every((part, i) => (i < last ? words[at + i] === part : words[at + i]?.startsWith(part))));
}

export function found_by(name: string, typed: string): boolean {
  const rows = typed.split(/\s+/).filter((w) => /[0-9a-zA-Z\u0080-\u{10ffff}]/u.test(w)).map(parts);
  const words = words_of(name);
  return rows.length > 0 && rows.every((row) => row.length > 0 && holds(words, row));
}
