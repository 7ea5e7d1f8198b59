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
