// What filters are made of; no DOM (docs/formats/fields.md).
import type { Field } from "api-types";

export interface Condition {
  of: string;
  is: string;
  value?: string;
  to?: string;
}
export interface Filter {
  all?: Condition[];
  any?: Condition[];
}

type Sort = "text" | "number" | "date" | "timecode";
const facts: [string, string, Sort][] = [
  ["name", "Name", "text"], ["kind", "Kind", "text"], ["codec", "Codec", "text"], ["rate", "Rate", "text"], ["status", "Status", "text"], ["state", "State", "text"], ["by", "Brought in by", "text"],
  ["width", "Width", "number"], ["height", "Height", "number"], ["channels", "Channels", "number"], ["size", "Size in bytes", "number"], ["duration", "Duration in seconds", "number"], ["created", "Brought in on", "date"], ["timecode", "Timecode", "timecode"],
  ["delivered", "Delivered as", "text"], ["synced", "In a take of sound and picture", "text"],
];
const words: Record<string, string> = { contains: "contains", starts: "begins with", equals: "is", not: "is not", over: "is over", under: "is under", between: "is between", empty: "is empty", filled: "is not empty" };

export const what_of = (fields: readonly Field[]): { value: string; label: string }[] => [...fields.map((f) => ({ value: f.key, label: f.name })), ...facts.map(([value, label]) => ({ value, label }))];

function sort_of(of: string, fields: readonly Field[]): Sort {
  const field = fields.find((f) => f.key === of);
  if (field) return field.type === "number" || field.type === "date" || field.type === "timecode" ? field.type : "text";
  return facts.find(([name]) => name === of)?.[2] ?? "text";
}

export function how_of(of: string, fields: readonly Field[]): { value: string; label: string }[] {
  const names = of === "synced" ? ["filled", "empty"] : of === "delivered" ? ["equals", "not", "filled", "empty"] : sort_of(of, fields) === "text" ? ["contains", "equals", "not", "starts", "empty", "filled"] : ["equals", "between", "over", "under", "not", "empty", "filled"];
  return names.map((value) => ({ value, label: words[value] ?? value }));
}

export const asks_value = (c: Condition): boolean => c.is !== "empty" && c.is !== "filled";

// What stands in the address; "" for no condition that says something.
export function where_text(conditions: readonly Condition[], any: boolean): string {
  const said = conditions.filter((c) => c.of && (!asks_value(c) || (c.value ?? "").trim()));
  if (!said.length) return "";
  const clean = said.map((c) => ({ of: c.of, is: c.is, ...(asks_value(c) ? { value: (c.value ?? "").trim() } : {}), ...(c.is === "between" ? { to: (c.to ?? c.value ?? "").trim() } : {}) }));
  return JSON.stringify(any ? { any: clean } : { all: clean });
}

export function where_read(text: string): { conditions: Condition[]; any: boolean } {
  try {
    const filter = JSON.parse(text) as Filter & Partial<Condition>;
    if (Array.isArray(filter.any)) return { conditions: filter.any, any: true };
    if (Array.isArray(filter.all)) return { conditions: filter.all, any: false };
    if (filter.of && filter.is) return { conditions: [filter as Condition], any: false };
  } catch {
    // an address that somebody typed: no filter
  }
  return { conditions: [], any: false };
}

// A filter in words, for its button: "Scene is 24A, Take over 3".
export function where_words(text: string, fields: readonly Field[]): string {
  const { conditions, any } = where_read(text);
  const all = what_of(fields);
  return conditions.map((c) => `${all.find((w) => w.value === c.of)?.label ?? c.of} ${words[c.is] ?? c.is}${asks_value(c) ? ` ${c.value ?? ""}` : ""}${c.is === "between" ? ` and ${c.to ?? ""}` : ""}`).join(any ? " or " : ", ");
}

// ---- what may stand in a cell; the house says the same (tests/vectors/field_values.json)

const reasons: Record<string, string> = {
  number: "it is no number", choice: "it is not among the choices", date: "it is no date that can be told: write 2026-11-24", yesno: "it is neither yes nor no", timecode: "it is no timecode: write 01:00:00:00",
};
const yes_words = ["yes", "true", "1", "y", "x", "on"];
const no_words = ["no", "false", "0", "n", "-", "off"];

// As C writes "%.15g".
function number_text(n: number): string {
  if (n === 0) return "0";
  const [digits, power] = n.toExponential(14).split("e");
  const at = Number(power);
  const short = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  return at < -4 || at >= 15 ? `${short(digits ?? "")}e${at < 0 ? "-" : "+"}${String(Math.abs(at)).padStart(2, "0")}` : short(n.toFixed(Math.max(0, 14 - at)));
}

function date_text(said: string): string | null {
  const found = /^(\d{1,4})-(\d{1,2})-(\d{1,2})(?=$|[T ])/.exec(said) ?? /^(\d{1,4})\/(\d{1,2})\/(\d{1,2})(?=$|[T ])/.exec(said) ?? /^(\d{4})(\d{2})(\d{2})(?=$|[T ])/.exec(said);
  const turned = found ? null : /^(\d{1,2})\.(\d{1,2})\.(\d{1,4})(?=$|[T ])/.exec(said);
  const [y, m, d] = (found ? [found[1], found[2], found[3]] : turned ? [turned[3], turned[2], turned[1]] : []).map(Number);
  if (y === undefined || m === undefined || d === undefined || y < 1800 || y > 2999 || m < 1 || m > 12 || d < 1 || d > new Date(Date.UTC(y, m, 0)).getUTCDate()) return null;
  return `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
}

function kept(field: Pick<Field, "type" | "choices">, said: string): string | null {
  switch (field.type) {
    case "number": {
      const text = said.includes(",") && !said.includes(".") && said.indexOf(",") === said.lastIndexOf(",") ? said.replace(",", ".") : said;
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Math.abs(Number(text)) < 1e300 ? number_text(Number(text)) : null;
    }
    case "choice":
      return field.choices.find((c) => c.toLowerCase() === said.toLowerCase()) ?? null;
    case "date":
      return date_text(said);
    case "yesno":
      return yes_words.includes(said.toLowerCase()) ? "yes" : no_words.includes(said.toLowerCase()) ? "no" : null;
    case "timecode": {
      const label = /^(\d{1,2}):(\d{1,2}):(\d{1,2})[:;.,](\d{1,3})$/.exec(said);
      return label && Number(label[1]) < 24 && Number(label[2]) < 60 && Number(label[3]) < 60 ? said : null;
    }
    default:
      return said;
  }
}

// A value as it is kept, or why it is none.
export function value_of(field: Pick<Field, "type" | "choices">, typed: string): { value: string; why: string | null } {
  const said = typed.replace(/^[ \t\r\n\v\f]+|[ \t\r\n\v\f]+$/g, "");
  if (!said) return { value: "", why: null };
  if (new TextEncoder().encode(said).length > 4000) return { value: said, why: "it is longer than 4,000 bytes" };
  const value = kept(field, said);
  return value === null ? { value: said, why: reasons[field.type] ?? "it is no value" } : { value, why: null };
}
