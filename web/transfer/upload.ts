/*
 * transfer/upload: drops of files and folders on their way into the house.
 *
 * A drop is a transfer. Large files go by tus, two at a time (a browser opens six connections to an
 * origin); small ones are packed together, 8 MiB a call. The tus address of a file is kept by the browser
 * under its fingerprint (project, path, size, date), so that the same file dropped again goes on.
 */
import type { Transfer, TransferFile } from "api-types";
import type { Upload as Tus } from "tus-js-client";
import { batch } from "@preact/signals";
import { base, me, new_id, post, problem, problem_of } from "../app/api";
import { lost, online, when_online } from "../app/link";
import { looking } from "../player/looking";
import { all_paused, panel_open, reading, sent_bytes, speed, upload_list, type Dropped, type Upload } from "./state";

const SMALL = 256 * 1024;
const PACK_BYTES = 7 * 1024 * 1024; // 8 MiB with its header
const PACK_FILES = 2000;
const PARALLEL = 2;
const CHUNK = 16 * 1024 * 1024;
const LEFT = "posthouse.left-over";

// Somebody who looks for a frame in this browser goes before the next piece of an upload.
const GIVE_WAY_MS = 500;
let looked = -Infinity;
looking().onmessage = () => (looked = performance.now());
const give_way = (): Promise<void> => new Promise((done) => (performance.now() - looked < GIVE_WAY_MS ? setTimeout(done, GIVE_WAY_MS) : done()));

export interface Found {
  path: string;
  file: File;
}

interface Drop {
  transfer: { id: string };
  project: string;
  open: number; // files not yet there
}

const drops = new Map<number, Drop>(); // by upload
const running = new Map<number, Tus | AbortController>();
const live = new Map<number, number>(); // bytes sent of what is under way
let done_bytes = 0;
let next_id = 1;
let ticking = 0;

// Everything in a drop, folders walked; names keep their folder's path.
export async function read_drop({ entries, files }: Dropped): Promise<Found[]> {
  if (!entries.length) return files.map((file) => ({ path: file.name, file }));
  const found: Found[] = [];
  for (const e of entries) await walk(e, "", found);
  reading.value = 0;
  return found;
}

async function walk(entry: FileSystemEntry, above: string, found: Found[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File | null>((done) => (entry as FileSystemFileEntry).file(done, () => done(null)));
    if (file) found.push({ path: above + entry.name, file });
    if (found.length % 100 === 0) reading.value = found.length;
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done) => reader.readEntries(done, () => done([])));
    if (!some.length) return;
    for (const e of some) await walk(e, `${above}${entry.name}/`, found);
  }
}

// `asset`: it becomes the next version of that one. `begin` begins the transfer in another way (a request's visitor);
// `project` then only names what had not arrived.
export async function send(project: string, folder: string | null, found: Found[], asset: string | null = null, begin?: (name: string) => Promise<{ id: string }>): Promise<void> {
  if (!found.length) return;
  panel_open.value = true;
  const first = found[0];
  const name = found.length === 1 && first ? first.path : (first?.path.split("/")[0] ?? "Drop") + (found.length > 1 ? ` and ${found.length - 1} more` : "");
  const list: Upload[] = found.map(({ path, file }) => ({ id: next_id++, project, path, file, sent: 0, state: "queued", problem: null }));
  upload_list.value = [...upload_list.value, ...list];
  remember(project, list, true);
  try {
    const transfer = begin ? await begin(name.slice(0, 80)) : await post<Transfer>(`/projects/${project}/transfers`, { name: name.slice(0, 200), folder, asset, origin: "page", key: new_id() });
    const drop: Drop = { transfer, project, open: list.length };
    for (const u of list) drops.set(u.id, drop);
    void pump();
  } catch (e) {
    const p = problem_of(e);
    change(new Map(list.map((u) => [u.id, { state: "failed" as const, problem: p }])));
  }
}

function change(changes: Map<number, Partial<Upload>>): void {
  upload_list.value = upload_list.value.map((u) => {
    const c = changes.get(u.id);
    return c ? { ...u, ...c } : u;
  });
}
const change_one = (id: number, c: Partial<Upload>): void => change(new Map([[id, c]]));

async function pump(): Promise<void> {
  if (!ticking) ticking = window.setInterval(tick, 500);
  while (running.size < PARALLEL && !all_paused.value) {
    const waiting = upload_list.value.filter((u) => u.state === "queued" && drops.has(u.id));
    const head = waiting[0];
    if (!head) return;
    const drop = drops.get(head.id);
    if (!drop) return;
    if (head.file.size <= SMALL) {
      const pack: Upload[] = [];
      let bytes = 0;
      for (const u of waiting) {
        if (u.file.size > SMALL || drops.get(u.id) !== drop) continue;
        if (bytes + u.file.size > PACK_BYTES || pack.length >= PACK_FILES) break;
        pack.push(u);
        bytes += u.file.size;
      }
      void send_small(drop, pack);
    } else void send_large(drop, head);
  }
}

async function hex_sha256(bytes: ArrayBuffer): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((b) => b.toString(16).padStart(2, "0")).join("");
}

async function send_small(drop: Drop, pack: Upload[]): Promise<void> {
  const lead = pack[0];
  if (!lead) return;
  const stop = new AbortController();
  running.set(lead.id, stop);
  change(new Map(pack.map((u) => [u.id, { state: "sending" as const, problem: null }])));
  try {
    if (!crypto.subtle) {
      // A plain HTTP page may not hash: the small ones go one by one.
      running.delete(lead.id);
      change(new Map(pack.slice(1).map((u) => [u.id, { state: "queued" as const }])));
      return await send_large(drop, lead);
    }
    const readable: { u: Upload; bytes: ArrayBuffer }[] = [];
    for (const u of pack) {
      try {
        readable.push({ u, bytes: await u.file.arrayBuffer() });
      } catch {
        change_one(u.id, { state: "failed", problem: unreadable(u.path) });
        gone(u.id, false);
      }
    }
    const files = await Promise.all(readable.map(async ({ u, bytes }) => ({ path: u.path, size: bytes.byteLength, hash: await hex_sha256(bytes), modified: new Date(u.file.lastModified).toISOString() })));
    const header = new TextEncoder().encode(JSON.stringify({ files }));
    const size = new DataView(new ArrayBuffer(4));
    size.setUint32(0, header.length, true);
    const body = new Blob([size.buffer, header, ...readable.map((r) => r.bytes)]);
    await give_way();
    const answer = await post<TransferFile[]>(`/transfers/${drop.transfer.id}/small`, body, { headers: { "Content-Type": "application/x-posthouse-small" }, signal: stop.signal });
    const said = new Map(answer.map((f) => [f.path, f]));
    const changes = new Map<number, Partial<Upload>>();
    for (const { u } of readable) {
      const p = said.get(u.path)?.problem ?? null;
      changes.set(u.id, p ? { state: "failed", problem: p } : { state: "done", sent: u.file.size });
    }
    change(changes);
    for (const { u } of readable) {
      const well = changes.get(u.id)?.state === "done";
      if (well) done_bytes += u.file.size;
      gone(u.id, well);
    }
  } catch (e) {
    if (stop.signal.aborted) change(new Map(pack.map((u) => [u.id, { state: "paused" as const }])));
    else {
      const p = problem_of(e);
      change(new Map(pack.map((u) => [u.id, { state: "failed" as const, problem: p }])));
    }
  } finally {
    running.delete(lead.id);
    void pump();
  }
}

const unreadable = (path: string) => problem("input", `${path} cannot be read`, "the browser was refused the file; it may have been moved, changed or locked", "drop it again");

async function send_large(drop: Drop, u: Upload): Promise<void> {
  change_one(u.id, { state: "sending", problem: null });
  const holder = new AbortController();
  running.set(u.id, holder);
  const { Upload: TusUpload, DetailedError } = await import("tus-js-client");
  if (holder.signal.aborted) return;
  const tus = new TusUpload(u.file, {
    endpoint: `${base}/uploads`,
    chunkSize: CHUNK,
    retryDelays: [0, 1000, 3000, 5000, 10_000, 20_000],
    removeFingerprintOnSuccess: true,
    metadata: { transfer: drop.transfer.id, path: u.path, modified: new Date(u.file.lastModified).toISOString() },
    fingerprint: () => Promise.resolve(`posthouse-${u.project}-${u.path}-${u.file.size}-${u.file.lastModified}`),
    onBeforeRequest: async (request) => {
      const csrf = me.value?.csrf;
      if (csrf) request.setHeader("X-CSRF", csrf);
      await give_way();
    },
    onShouldRetry: (e) => {
      const status = e.originalResponse ? e.originalResponse.getStatus() : 0;
      if (status === 0) lost();
      return status === 0 || status === 409 || status === 423 || status >= 500;
    },
    onProgress: (sent) => live.set(u.id, sent),
    onSuccess: () => {
      live.delete(u.id);
      running.delete(u.id);
      done_bytes += u.file.size;
      change_one(u.id, { state: "done", sent: u.file.size });
      gone(u.id, true);
      void pump();
    },
    onError: (e) => {
      live.delete(u.id);
      running.delete(u.id);
      const answer = e instanceof DetailedError ? e.originalResponse : null;
      if (!answer && !online.value) {
        change_one(u.id, { state: "queued" });
        void when_online().then(pump);
        return;
      }
      let p = problem("offline", `${u.path} did not arrive`, "the line broke off, or the file can no longer be read", "try again: it goes on where it stopped");
      try {
        if (answer) p = { ...p, ...(JSON.parse(answer.getBody()) as Partial<typeof p>) };
      } catch {
        p = { ...p, status: answer?.getStatus() ?? 0 };
      }
      change_one(u.id, { state: "failed", problem: p });
      void pump();
    },
  });
  running.set(u.id, tus);
  const earlier = await tus.findPreviousUploads();
  const last = earlier[earlier.length - 1];
  if (last) tus.resumeFromPreviousUpload(last);
  tus.start();
}

// One file of a drop is in (or given up): the transfer is closed behind the last one.
function gone(id: number, well: boolean): void {
  const drop = drops.get(id);
  if (!drop) return;
  drops.delete(id);
  const u = upload_list.value.find((o) => o.id === id);
  if (u) remember(u.project, [u], false);
  if (!well) drops.set(id, drop);
  else if (--drop.open === 0) void post(`/transfers/${drop.transfer.id}/close`).catch(() => undefined);
}

export function pause(id: number): void {
  const r = running.get(id);
  running.delete(id);
  if (r) void r.abort();
  change_one(id, { state: "paused", sent: live.get(id) ?? 0 });
  void pump();
}
export function resume(id: number): void {
  change_one(id, { state: "queued", problem: null });
  void pump();
}
export function cancel(id: number): void {
  const r = running.get(id);
  running.delete(id);
  live.delete(id);
  if (r instanceof AbortController) r.abort();
  else if (r) void r.abort(true).catch(() => undefined);
  const u = upload_list.value.find((o) => o.id === id);
  if (u) remember(u.project, [u], false);
  const drop = drops.get(id);
  drops.delete(id);
  upload_list.value = upload_list.value.filter((o) => o.id !== id);
  if (drop && u?.state !== "done" && --drop.open === 0) void post(`/transfers/${drop.transfer.id}/close`).catch(() => undefined);
  void pump();
}
export function pause_all(): void {
  all_paused.value = true;
  for (const u of upload_list.value) if (u.state === "sending") pause(u.id);
}
export function resume_all(): void {
  all_paused.value = false;
  batch(() => change(new Map(upload_list.value.filter((u) => u.state === "paused" || u.state === "failed").map((u) => [u.id, { state: "queued" as const, problem: null }]))));
  void pump();
}
export function cancel_all(): void {
  for (const u of upload_list.value) if (u.state !== "done") cancel(u.id);
}
export function clear_done(): void {
  upload_list.value = upload_list.value.filter((u) => u.state !== "done");
  done_bytes = 0;
  if (!upload_list.value.length) panel_open.value = false;
}

let marks: { at: number; sent: number }[] = [];
function tick(): void {
  let sent = done_bytes;
  for (const bytes of live.values()) sent += bytes;
  sent_bytes.value = sent;
  const at = performance.now();
  marks = [...marks.filter((m) => at - m.at < 5000), { at, sent }];
  const from = marks[0];
  speed.value = from && at > from.at ? Math.max(0, ((sent - from.sent) * 1000) / (at - from.at)) : 0;
  if (!running.size && !upload_list.value.some((u) => u.state === "queued")) {
    window.clearInterval(ticking);
    ticking = 0;
    marks = [];
    speed.value = 0;
  }
}
export const sent_of = (u: Upload): number => (u.state === "done" ? u.file.size : (live.get(u.id) ?? u.sent));

// What had not arrived when the page was closed, by project: paths only; the browser does not keep files.
type Left = Record<string, string[]>;
function read_left(): Left {
  try {
    return JSON.parse(localStorage.getItem(LEFT) ?? "{}") as Left;
  } catch {
    return {};
  }
}
function remember(project: string, list: Upload[], add: boolean): void {
  const left = read_left();
  const set = new Set(left[project] ?? []);
  for (const u of list) {
    if (add && set.size < 5000) set.add(u.path);
    else set.delete(u.path);
  }
  if (set.size) left[project] = [...set];
  else delete left[project];
  try {
    localStorage.setItem(LEFT, JSON.stringify(left));
  } catch {
    // no storage: only the reminder is lost, tus asks the house
  }
}
export const left_over = (project: string): string[] => {
  const now = new Set(upload_list.value.filter((u) => u.project === project).map((u) => u.path));
  return (read_left()[project] ?? []).filter((p) => !now.has(p));
};
export function forget_left(project: string): void {
  const left = read_left();
  delete left[project];
  localStorage.setItem(LEFT, JSON.stringify(left));
}

window.addEventListener("beforeunload", (e) => {
  if (upload_list.value.some((u) => u.state === "sending" || u.state === "queued")) e.preventDefault();
});
