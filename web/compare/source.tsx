// compare/source: a side of a comparison: a version of an asset (v-ID), or a deliverable (d-ID) with the way it came from its master.
import type { Asset, DeliveryLook, Derived, Facts, Problem, Version } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, is_aborted, post, problem, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { to } from "../app/router";
import type { Addresses } from "../player/messages";
import { parseRational } from "../player/timecode";
import type { Origin } from "./mapping";
import type { Film } from "./pair";

export interface Source {
  key: string;
  name: string;
  detail: string;
  href: string;
  facts: Facts | null;
  derived: Derived[];
  state: "ready" | "waiting" | "failed";
  job: string | null;
  problem: Problem | null;
  version: string; // of a deliverable: its master's
  origin: Origin | null; // of a deliverable
}

async function version_of(id: string): Promise<Source> {
  let v = await get<Version>(`/versions/${id}`);
  // Where pictures carry their viewer's name, whoever looks has a copy made, as in the player.
  const burns = v.burn != null && v.state === "ready" && (v.facts?.video.length ?? 0) > 0;
  if (burns) v = await post<Version>(`/versions/${id}/burnt`, undefined, { patient: false });
  const state = burns ? v.burn?.state ?? "none" : v.state;
  const asset = await get<Asset>(`/assets/${v.asset}`);
  return {
    key: `v-${id}`, name: asset.name, detail: `version ${v.number} of ${asset.versions}`, href: to.review(asset.project, asset.id, { v: v.id === asset.version.id ? null : v.number }),
    facts: v.facts ?? null, derived: v.derived.filter((d) => !d.growing), state: state === "ready" ? "ready" : state === "failed" ? "failed" : "waiting", job: v.job ?? null,
    problem: v.problem ?? null, version: v.id, origin: null,
  };
}

// Whoever looks has its proxies made, when nobody has before.
async function delivery_of(id: string): Promise<Source> {
  let look = await get<DeliveryLook>(`/deliveries/${id}/look`);
  if (look.state === "none") look = await post<DeliveryLook>(`/deliveries/${id}/look`);
  return {
    key: `d-${id}`, name: look.name, detail: "deliverable", href: to.deliver(look.project), facts: look.facts, derived: look.derived,
    state: look.state === "ready" ? "ready" : look.state === "failed" ? "failed" : "waiting", job: look.job ?? null, problem: look.problem ?? null,
    version: look.version, origin: look.origin as Origin,
  };
}

const load = (key: string): Promise<Source> => {
  if (key.startsWith("d-")) return delivery_of(key.slice(2));
  if (key.startsWith("v-")) return version_of(key.slice(2));
  return Promise.reject(problem("not_found", "The address names nothing that could be compared", `"${key}" is neither a version nor a deliverable`, "open the comparison from the player or from the deliverable"));
};

export const ask_again = (key: string): Promise<unknown> => post(`/deliveries/${key.slice(2)}/look`);

export function use_source(key: string): { source: Source | null; problem: Problem | null; reload: () => void } {
  const [source, set] = useState<Source | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [turn, again] = useState(0);
  useEffect(() => {
    let gone = false;
    load(key).then((s) => { if (!gone) { set(s); set_wrong(null); } }, (e: unknown) => { if (!gone && !is_aborted(e)) set_wrong(problem_of(e)); });
    const news = key.startsWith("d-") ? "delivery.changed" : "version.";
    const id = key.slice(2);
    const stop = subscribe({ kinds: [news], hear: (n) => {
      const body = n.body as { version?: string } | null;
      if (n.subject === id || body?.version === id) again((t) => t + 1);
    } });
    return () => { gone = true; stop(); };
  }, [key, turn]);
  return { source: source?.key === key ? source : null, problem: wrong, reload: () => again((t) => t + 1) };
}

const one = (list: readonly Derived[], kind: Derived["kind"]): Derived | undefined => list.find((d) => d.kind === kind);

export function addresses_of(list: readonly Derived[]): Addresses {
  const made: Addresses = {};
  for (const source of ["scrub", "review"] as const) {
    const media = one(list, source), index = one(list, `${source}_index`);
    if (media && index) made[source] = { media: media.url, index: index.url, growing: false };
  }
  return made;
}

// What it takes to show it; or why it can not be.
export function film_of(s: Source): Film | string {
  const f = s.facts;
  const rate = f ? parseRational(f.rate) : null;
  if (!f || !f.video.length || !rate) return "It has no picture.";
  const addresses = addresses_of(s.derived);
  if (!addresses.scrub && !addresses.review) return "Its proxies are not there.";
  const tc = f.timecode;
  return {
    addresses, audio: one(s.derived, "audio")?.url ?? null, rate, base: tc?.base ?? Math.max(1, Math.round(rate.num / rate.den)), drop: tc?.drop ?? false,
    start: tc?.start_frame ?? 0, timecode: tc != null && tc.from !== "none", first_file: f.sequence?.first ?? null,
  };
}

export const fresh_addresses = async (key: string): Promise<Addresses> => addresses_of((await load(key)).derived);
