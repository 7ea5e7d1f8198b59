/*
 * The viewing transform beside the picture: which one it is seen through, who chose it and where; another one, or none,
 * with one key; what its file does not say is said. Proxies through others are made in the background, and what is
 * being watched stays until they are there.
 */
import type { Asset, ColourSet, Version, VersionColour } from "api-types";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, is_aborted, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { open_dialog } from "../parts/dialog";
import { useKeys } from "../parts/keys";
import { menu_under, type MenuItem } from "../parts/menu";
import { tell, tell_problem } from "../parts/toast";
import { other_of, set_named, set_shown, through } from "./colour_model";
import { lazy } from "../app/lazy";

const ColourDialog = lazy(() => import("./colour_admin"), (m, p: Parameters<typeof import("./colour_admin").ColourDialog>[0]) => <m.ColourDialog {...p} />);

export interface Coloured {
  v: Version; // with the derived files that are to be seen
  key: string; // another one: other films
  button: ComponentChildren; // NULL where there is nothing to say
  transform: string | null; // that it is seen through
  renew: () => Promise<Version>; // the same with fresh addresses
}

interface Props {
  asset: Asset;
  v: Version;
  share: boolean;
  leave: () => void; // before other films take the place of these
  children: (c: Coloured) => ComponentChildren;
}

export function Colour({ asset, v, share, leave, children }: Props) {
  const picture = asset.kind !== "sound" && (v.facts?.video.length ?? 0) > 0;
  const [colour, set_colour] = useState<VersionColour | null>(null);
  // undefined: what the house shows; null: as it is
  const [chosen, choose] = useState<string | null | undefined>(undefined);
  const load = (): Promise<VersionColour> => get<VersionColour>(`/versions/${v.id}/colour`);
  const first = useRef<string | null | undefined>(undefined);
  useEffect(() => {
    if (!picture || v.state !== "ready") return;
    let gone = false;
    const again = (): void => {
      load().then((c) => { if (!gone) set_colour(c); }).catch((e: unknown) => { if (!gone && !is_aborted(e)) tell_problem(problem_of(e)); });
    };
    again();
    const stop = [subscribe({ asset: asset.id, kinds: ["asset.changed", "colour.", "job."], caught_up: again, hear: again }), subscribe({ project: asset.project, kinds: ["colour."], hear: again })];
    return () => { gone = true; for (const end of stop) end(); };
  }, [v.id, v.state, picture]);
  const shown = set_shown(colour);
  const wanted = chosen === undefined ? shown : set_named(colour, chosen);
  const seen = wanted?.state === "ready" ? wanted : shown;
  const take = (s: ColourSet): void => {
    if (s.state === "none" || s.state === "failed") {
      post<VersionColour>(`/versions/${v.id}/colour`, s.transform ? { transform: s.transform } : {}).then(
        (c) => { set_colour(c); tell(`Proxies ${through(s)} are being made`); }, (e: unknown) => tell_problem(problem_of(e)));
    }
    if (s.state === "ready") leave();
    choose(s.transform ?? null);
  };
  const flip = (): void => {
    const to = other_of(colour, seen);
    if (to) take(to);
    else tell(colour?.sets.length === 1 ? "The project has no viewing transforms" : "There is no other one to switch to");
  };
  useKeys("Colour", picture ? [{ keys: ["B"], name: "Viewing transform on or off", run: flip }] : []);
  const admin = (): void => void open_dialog((close) => <ColourDialog asset={asset} colour={colour} close={close} />);
  const items = (): MenuItem[] => [
    { heading: says(colour) },
    ...(colour?.sets ?? []).map((s) => ({ name: `${s.name ?? "As it is"}${state_words(s)}`, checked: s === (wanted ?? seen), run: () => take(s) })),
    ...(!share && may("edit") ? ["line" as const, { name: "Viewing transforms…", run: admin }] : []),
  ];
  const making = wanted && wanted !== seen;
  const unsaid = colour !== null && !colour.colour.stated && !seen?.transform;
  const face = seen?.name ?? (unsaid ? "Colour not stated" : "As it is");
  const button = colour && picture && (colour.sets.length > 1 || unsaid || (!share && may("edit"))) ? (
    <>
      <Button class={`colour${unsaid ? " unsaid" : ""}`} expanded={false} name={`Seen ${seen ? through(seen) : "as it is"}. ${says(colour)}`} keys="B" run={(e) => menu_under(e.currentTarget as Element, items(), { label: "Viewing transform" })}>{face}</Button>
      {making && <span class="pill busy">{wanted.state === "failed" ? `${wanted.name ?? "As it is"}: could not be made` : `${wanted.name ?? "As it is"} is being made`}</span>}
    </>
  ) : null;
  const files = (c: VersionColour | null, s: ColourSet | null): Version => {
    const set = c && s ? set_named(c, s.transform ?? null) : null;
    return set && set.derived.length ? { ...v, derived: set.derived } : v;
  };
  // What the house showed at first is the version's own, which may grow; anything else is other films.
  if (shown && first.current === undefined) first.current = shown.transform ?? null;
  const own = !seen || (seen.transform ?? null) === first.current;
  return <>{children({
    v: own && seen?.shown !== false ? v : files(colour, seen),
    key: own ? "" : (seen.transform ?? "as it is"),
    button,
    transform: seen?.transform ?? null,
    renew: async () => (own && seen?.shown !== false ? get<Version>(`/versions/${v.id}`) : files(await load(), seen)),
  })}</>;
}

// Who chose, and where; and what the file says.
function says(c: VersionColour | null): string {
  if (!c) return "Viewing transform";
  const stated = c.colour.stated ? `File: ${c.colour.transfer}` : "The file does not state its colour";
  if (!c.from) return `${stated}. Nobody has chosen a viewing transform`;
  return `${stated}. ${c.name ?? "None"}: set for the ${c.from === "asset" ? "clip" : c.from} by ${c.by}`;
}

const state_words = (s: ColourSet): string => ({ ready: "", making: " (being made)", failed: " (could not be made: try again)", none: " (make proxies)" })[s.state];

