/*
 * app/router: every view has an address that can be sent.
 *
 *   /                              the project looked at last, or the list of projects
 *   /p/PROJECT?folder=&q=&kind=&sort=&order=   library
 *   /p/PROJECT/a/ASSET?v=2&f=1440&c=COMMENT    review: a version that is not the newest, at a frame or a comment
 *   /p/PROJECT/farm?state=&kind=&q=            what runs, waits and has ended; also /farm, of all projects
 *   /p/PROJECT/farm/JOB?step=&task=            a job, at a task;   .../farm/nodes   .../farm/limits
 *   /p/PROJECT/compare/LEFT/RIGHT?f=&m=        two films locked: v-VERSION or d-DELIVERY each
 *   /p/PROJECT/receipt/SENDING   /pickup#KEY   /admin/destinations   /admin/places   /admin/houses
 *   /p/PROJECT/deliver   /p/PROJECT/shares   /p/PROJECT/settings   /p/PROJECT/transfers   /transfers
 *   /tokens  /admin/people  /admin/audit
 *   (/jobs and /p/PROJECT/jobs are older names of the farm's queue, /admin/workers of /farm/nodes)
 *   /login?next=  /setup#TOKEN  /welcome#TOKEN  /s/KEY
 */
import { signal } from "@preact/signals";

export type View =
  | "home"
  | "library"
  | "review"
  | "farm"
  | "deliver"
  | "receipt"
  | "compare"
  | "pickup"
  | "shares"
  | "transfers"
  | "settings"
  | "tokens"
  | "people"
  | "destinations"
  | "watched"
  | "places"
  | "houses"
  | "audit"
  | "login"
  | "setup"
  | "welcome"
  | "share"
  | "missing";

export interface Route {
  view: View;
  project: string | null;
  asset: string | null;
  job: string | null; // of the farm; or "nodes", "limits"
  key: string | null; // of a share, or the one-time token behind #
  query: Readonly<Record<string, string>>;
}

const table: [RegExp, View, (keyof Route)[]][] = [
  [/^\/$/, "home", []],
  [/^\/p\/([^/]+)\/?$/, "library", ["project"]],
  [/^\/p\/([^/]+)\/a\/([^/]+)\/?$/, "review", ["project", "asset"]],
  [/^\/p\/([^/]+)\/(?:farm|jobs)\/?$/, "farm", ["project"]],
  [/^\/p\/([^/]+)\/farm\/([^/]+)\/?$/, "farm", ["project", "job"]],
  [/^\/p\/([^/]+)\/deliver\/?$/, "deliver", ["project"]],
  [/^\/p\/([^/]+)\/compare\/([^/]+)\/([^/]+)\/?$/, "compare", ["project", "asset", "key"]],
  [/^\/p\/([^/]+)\/receipt\/([^/]+)\/?$/, "receipt", ["project", "key"]],
  [/^\/pickup\/?$/, "pickup", []],
  [/^\/p\/([^/]+)\/shares\/?$/, "shares", ["project"]],
  [/^\/p\/([^/]+)\/transfers\/?$/, "transfers", ["project"]],
  [/^\/transfers\/?$/, "transfers", []],
  [/^\/p\/([^/]+)\/settings\/?$/, "settings", ["project"]],
  [/^\/(?:farm|jobs)\/?$/, "farm", []],
  [/^\/farm\/([^/]+)\/?$/, "farm", ["job"]],
  [/^\/(?:account|tokens)\/?$/, "tokens", []],
  [/^\/admin\/destinations\/?$/, "destinations", []],
  [/^\/admin\/watched\/?$/, "watched", []],
  [/^\/admin\/places\/?$/, "places", []],
  [/^\/admin\/houses\/?$/, "houses", []],
  [/^\/admin\/people\/?$/, "people", []],
  [/^\/admin\/audit\/?$/, "audit", []],
  [/^\/login\/?$/, "login", []],
  [/^\/setup\/?$/, "setup", []],
  [/^\/welcome\/?$/, "welcome", []],
  [/^\/s\/([^/]+)\/?$/, "share", ["key"]],
];

export function parse(address: string): Route {
  const url = new URL(address, "http://house");
  const query: Record<string, string> = {};
  for (const [k, v] of url.searchParams) query[k] = v;
  const path = url.pathname.replace(/^\/admin\/workers\/?$/, "/farm/nodes");
  for (const [pattern, view, names] of table) {
    const found = pattern.exec(path);
    if (!found) continue;
    const named: Partial<Record<keyof Route, string>> = {};
    names.forEach((name, i) => (named[name] = safe_decode(found[i + 1] ?? "")));
    return {
      view,
      project: named.project ?? null,
      asset: named.asset ?? null,
      job: named.job ?? null,
      key: named.key ?? (url.hash.length > 1 ? safe_decode(url.hash.slice(1)) : null),
      query,
    };
  }
  return { view: "missing", project: null, asset: null, job: null, key: null, query };
}

function safe_decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const route = signal<Route>(parse(location.pathname + location.search + location.hash));

// Goes to an address; `replace` leaves no step in the history (typing in a search, moving a frame).
export function go(address: string, how: { replace?: boolean } = {}): void {
  const now = location.pathname + location.search + location.hash;
  if (address !== now) {
    if (how.replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }
  route.value = parse(address);
}

// Changes the query of the address as it is; null takes a part out.
export function set_query(changes: Record<string, string | number | null>, how: { replace?: boolean } = {}): void {
  const url = new URL(location.href);
  for (const [k, v] of Object.entries(changes)) {
    if (v === null || v === "") url.searchParams.delete(k);
    else url.searchParams.set(k, String(v));
  }
  go(url.pathname + url.search, how);
}

const made = (path: string, query?: Record<string, string | number | null | undefined>): string => {
  const parts = Object.entries(query ?? {})
    .filter(([, v]) => v !== null && v !== undefined && v !== "")
    .map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`);
  return parts.length ? `${path}?${parts.join("&")}` : path;
};

export const to = {
  library: (project: string, query?: { folder?: string | null; q?: string | null }) => made(`/p/${project}`, query),
  review: (project: string, asset: string, at?: { v?: number | null; f?: number | null; c?: string | null }) => made(`/p/${project}/a/${asset}`, at),
  farm: (project: string | null, query?: { state?: string; job?: string }) => made(project ? `/p/${project}/farm` : "/farm", query),
  job: (project: string | null, job: string, at?: { step?: number | null; task?: number | null }) => made(`${project ? `/p/${project}` : ""}/farm/${job}`, at),
  deliver: (project: string) => `/p/${project}/deliver`,
  compare: (project: string, left: string, right: string, at?: { f?: number | null; m?: string }) => made(`/p/${project}/compare/${left}/${right}`, { f: at?.f || null, m: at?.m === "beside" ? null : at?.m }),
  receipt: (project: string, sending: string) => `/p/${project}/receipt/${sending}`,
  transfers: (project: string | null) => (project ? `/p/${project}/transfers` : "/transfers"),
  shares: (project: string) => `/p/${project}/shares`,
  settings: (project: string) => `/p/${project}/settings`,
};

window.addEventListener("popstate", () => {
  route.value = parse(location.pathname + location.search + location.hash);
});

// Plain clicks on links of this page change the view without loading it again.
document.addEventListener("click", (e) => {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const target = e.target instanceof Element ? e.target.closest("a") : null;
  if (!target || target.origin !== location.origin || target.target || target.hasAttribute("download")) return;
  if (target.pathname.startsWith("/api/") || target.pathname.startsWith("/assets/")) return;
  e.preventDefault();
  go(target.pathname + target.search + target.hash);
});

// A pasted address of this house, outside a field, jumps there.
document.addEventListener("paste", (e) => {
  const at = e.target;
  if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement) return;
  const text = e.clipboardData?.getData("text/plain").trim() ?? "";
  if (!/^(https?:\/\/|\/(p|s)\/)/.test(text)) return;
  const url = new URL(text, location.origin);
  if (url.origin !== location.origin || parse(url.pathname).view === "missing") return;
  e.preventDefault();
  go(url.pathname + url.search + url.hash);
});
