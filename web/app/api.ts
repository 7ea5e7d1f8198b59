/*
 * app/api: the house's API, as calls.
 *
 * A refusal is thrown as Refused with its Problem (what, why, fix, reference). Writes carry the CSRF
 * token and an Idempotency-Key, so that repeating one counts once; while the house is out of reach a
 * write waits and is sent again with the same key, unless `patient: false` (log-in, checks).
 */
import type { Me, Problem } from "api-types";
import { signal } from "@preact/signals";
import { lost, online, waiting_writes, when_online } from "./link";

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
    this.name = "Refused";
  }
  get kind(): string {
    return this.problem.kind;
  }
  get status(): number {
    return this.problem.status;
  }
}

// Who is asking: null until /me has answered. app/session sets it; here for the CSRF token only.
export const me = signal<Me | null>(null);
// True when a call was answered 401 though somebody was logged in: the session has ended.
export const session_ended = signal(false);

export interface Options {
  signal?: AbortSignal;
  patient?: boolean; // wait for the house to come back (writes: true unless said otherwise)
  key?: string; // Idempotency-Key; one is made when absent
  headers?: Record<string, string>;
}

export const base = "/api/v1";

// A problem made on this side, in the same words as the house's own.
export function problem(kind: string, title: string, detail: string, fix?: string): Problem {
  return { type: "about:blank", title, detail, fix: fix ?? null, reference: "", status: 0, kind };
}

export function problem_of(e: unknown): Problem {
  if (e instanceof Refused) return e.problem;
  const why = e instanceof Error ? e.message : String(e);
  return problem("internal", "The page met a fault of its own", why, "load the page again; if it comes back, tell your engineer these words");
}

export function is_aborted(e: unknown): boolean {
  return e instanceof DOMException && e.name === "AbortError";
}

export const get = <T>(path: string, options?: Options): Promise<T> => call<T>("GET", path, undefined, options);
// Without a body for addresses that take none: they refuse an empty object, too.
export const post = <T>(path: string, body?: unknown, options?: Options): Promise<T> => call<T>("POST", path, body, options);
export const put = <T>(path: string, body: unknown, options?: Options): Promise<T> => call<T>("PUT", path, body, options);
export const patch = <T>(path: string, body: unknown, options?: Options): Promise<T> => call<T>("PATCH", path, body, options);
export const del = <T>(path: string, options?: Options): Promise<T> => call<T>("DELETE", path, undefined, options);

// "/projects/x/assets" + {q: "a b", cursor: null} -> "/projects/x/assets?q=a%20b": empty ones are left out.
export function with_query(path: string, query: Record<string, string | number | boolean | null | undefined>): string {
  const parts = Object.entries(query)
    .filter(([, v]) => v !== null && v !== undefined && v !== "" && v !== false)
    .map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`);
  return parts.length ? `${path}?${parts.join("&")}` : path;
}

async function call<T>(method: string, path: string, body: unknown, options: Options = {}): Promise<T> {
  const write = method !== "GET";
  const patient = options.patient ?? write;
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (write) {
    const csrf = me.value?.csrf;
    if (csrf) headers["X-CSRF"] = csrf;
    headers["Idempotency-Key"] = options.key ?? new_key();
  }
  let payload: BodyInit | undefined;
  if (body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
    payload = body as BodyInit;
  } else if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    payload = JSON.stringify(body);
  }
  let held = false;
  try {
    for (let tries = 0; ; tries++) {
      let answer: Response;
      try {
        answer = await fetch(base + path, {
          method,
          headers,
          body: payload,
          signal: options.signal,
          credentials: "same-origin",
        });
      } catch (e) {
        if (is_aborted(e) || options.signal?.aborted) throw new DOMException("aborted", "AbortError");
        lost();
        if (!patient) {
          if (tries < 1 && !write) {
            await pause(250);
            continue;
          }
          throw new Refused(problem("offline", "The house does not answer", "the network or the server is away", "it is tried again by itself; see the bar at the top"));
        }
        if (!held) {
          held = true;
          waiting_writes.value++;
        }
        await when_online();
        continue;
      }
      if ((answer.status === 502 || answer.status === 503 || answer.status === 504) && patient && tries < 20) {
        await pause(retry_after_ms(answer, tries));
        continue;
      }
      if (!answer.ok) throw new Refused(await problem_from(answer, path));
      if (answer.status === 204) return undefined as T;
      const kind = answer.headers.get("Content-Type") ?? "";
      return (kind.includes("json") ? await answer.json() : await answer.text()) as T;
    }
  } finally {
    if (held) waiting_writes.value--;
  }
}

async function problem_from(answer: Response, path: string): Promise<Problem> {
  let given: Partial<Problem> = {};
  try {
    given = (await answer.json()) as Partial<Problem>;
  } catch {
    // not a problem document: a proxy's own page, or nothing
  }
  if (answer.status === 401 && given.kind !== "second_factor" && me.value?.person && !path.startsWith("/session") && !path.startsWith("/shares/open"))
    session_ended.value = true;
  return {
    type: given.type ?? "about:blank",
    title: given.title ?? `The house answered ${answer.status}`,
    detail: given.detail ?? answer.statusText,
    fix: given.fix ?? null,
    reference: given.reference ?? "",
    status: answer.status,
    kind: given.kind ?? "unknown",
  };
}

function retry_after_ms(answer: Response, tries: number): number {
  const said = Number(answer.headers.get("Retry-After"));
  return said > 0 ? Math.min(said * 1000, 30_000) : Math.min(500 * 2 ** tries, 10_000);
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// An id as the house makes them (48 bits of milliseconds, 80 random, Crockford base32, 26 characters):
// made here for what the page creates, so that sending twice counts once.
export function new_id(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  let ms = Date.now();
  for (let i = 5; i >= 0; i--) {
    random[i] = ms % 256;
    ms = Math.floor(ms / 256);
  }
  let bits = 0n;
  for (const b of random) bits = (bits << 8n) | BigInt(b);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = (LETTERS[Number(bits & 31n)] ?? "0") + text;
    bits >>= 5n;
  }
  return text;
}

const new_key = (): string => new_id();

export { online };
