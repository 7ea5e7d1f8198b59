// growing/closed: a version that its recorder never closed says so on its own page.
import type { Growing, ListedHash } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get } from "../app/api";
import { exact_text } from "../parts/format";

export function NeverClosed({ project, version }: { project: string; version: string }) {
  const [row, set_row] = useState<Growing | null>(null);
  useEffect(() => {
    let gone = false;
    set_row(null);
    get<Growing[]>(`/projects/${project}/growing`).then((list) => { if (!gone) set_row(list.find((g) => g.version === version) ?? null); }, () => undefined); // a note only
    return () => { gone = true; };
  }, [project, version]);
  if (!row) return null;
  const by = row.unclosed_by || "its sender";
  return <span class="pill busy" title={`Its recorder had written ${row.written.toLocaleString()} bytes and never closed it; taken as it was by the word of ${by}. It last grew ${exact_text(row.grew)}. When its recorder closes it after all, bring that file in as a further version.`}>Never closed, taken by {by}</span>;
}

// What a list of hashes that came along says of a file that is another one.
export const wrong_hash = (h: ListedHash): string => `${h.path} is not what ${h.list} says: ${h.kind} was to be ${h.said} and is ${h.found}. Copy it again from where it came.`;
