/*
 * The viewing transform beside the picture: which one it is seen through, who chose it and where; another one, or none,
 * with one key; what its file does not say is said. Proxies through others are made in the background, and what is
 * being watched stays until they are there; the frame that stands is seen through them at once (lens.ts).
 */
import type { Asset, ColourSet, Version, VersionColour } from "api-types";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, is_aborted, post, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { active } from "../app/jobs";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { open_dialog } from "../parts/dialog";
import { left_text } from "../parts/format";
import { useKeys } from "../parts/keys";
import { menu_under, type MenuItem } from "../parts/menu";
import { tell, tell_problem } from "../parts/toast";
import { other_of, set_named, set_shown, through } from "./colour_model";
import { Lens, type Through } from "./lens";
import { lazy } from "../app/lazy";

const ColourDialog = lazy(() => import("./colour_admin"), (m, p: Parameters<typeof import("./colour_admin").ColourDialog>[0]) => <m.ColourDialog {...p} />);

export interface Coloured {
  v: Version; // with the derived files that are to be seen
  key: string; // another one: other films
  button: ComponentChildren; // NULL where there is nothing to say
  transform: string | null; // that it is seen through
  lens: Lens;
  renew: () => Promise<Version>; // the same with fresh addresses
}

const OPENED_MS = 500;

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
    const stop = [subscribe({ asset: asset.id, kinds: ["asset.changed", "colour.", "job."], caught_up: again, hear: again }), subscribe({ project: asset.project, kinds: ["colour.", "asset.moved", "folder.moved"], hear: again })];
    return () => { gone = true; for (const end of stop) end(); };
  }, [v.id, v.state, picture]);
  const [, draw_again] = useState(0);
  const transfer = v.facts?.video[0]?.transfer ?? "";
  const hdr = /2084|pq|hlg|arib/i.test(transfer), linear = transfer === "linear" || v.facts?.exr != null;
  const lens = useRef<Lens | null>(null);
  lens.current ??= new Lens({ version: v.id, own: !share && v.burn == null && picture, plain: !hdr, changed: () => draw_again((n) => n + 1) });
  useEffect(() => () => lens.current?.close(), []);
  const shown = set_shown(colour);
  const wanted = chosen === undefined ? shown : set_named(colour, chosen);
  const ready = wanted?.state === "ready" ? wanted : shown;
  // Other films are opened when somebody has stopped trying: until then the lens shows the frame.
  const [opened, open] = useState<string | null | undefined>(undefined);
  const seen = (opened === undefined ? null : set_named(colour, opened)) ?? shown;
  useEffect(() => {
    if (!ready || ready === seen) return;
    const timer = setTimeout(() => { leave(); open(ready.transform ?? null); }, lens.current?.showing ? OPENED_MS : 0);
    return () => clearTimeout(timer);
  }, [ready, seen]);
  useEffect(() => lens.current?.over({ transform: seen?.transform ?? null, plain: seen !== null && !seen.transform && !hdr && !linear }));
  const next = other_of(colour, wanted ?? seen);
  useEffect(() => { if (next) lens.current?.bring([through_of(next)]); }, [next?.transform, next?.table]);
  useEffect(() => {
    lens.current?.want(chosen !== undefined && wanted ? through_of(wanted) : null);
  }, [chosen, wanted?.transform, wanted?.table]);
  const take = (s: ColourSet): void => {
    if (s.state === "none" || s.state === "failed") {
      post<VersionColour>(`/versions/${v.id}/colour`, s.transform ? { transform: s.transform } : {}).then(
        set_colour, (e: unknown) => tell_problem(problem_of(e)));
    }
    lens.current?.want(through_of(s)); // before anything else is drawn again
    choose(s.transform ?? null);
  };
  const flip = (): void => {
    const to = other_of(colour, wanted ?? seen);
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
  const making = wanted && wanted.state !== "ready" && wanted !== seen;
  // Set here and not made yet: after another choice, or a move to where another one is set.
  const due = chosen === undefined && colour && shown && (colour.transform ?? null) !== (shown.transform ?? null) ? set_named(colour, colour.transform ?? null) : null;
  const late = making ? wanted : due;
  const preview = lens.current.showing;
  const looked = (preview ? set_named(colour, preview.transform) : null) ?? seen; // what is on the screen
  const unsaid = colour !== null && !colour.colour.stated && !looked?.transform;
  const face = looked?.name ?? (unsaid ? "Colour not stated" : "As it is");
  const menu = (e: MouseEvent): void => {
    lens.current?.bring((colour?.sets ?? []).map(through_of));
    lens.current?.warm();
    menu_under(e.currentTarget as Element, items(), { label: "Viewing transform" });
  };
  const button = colour && picture && (colour.sets.length > 1 || unsaid || (!share && may("edit"))) ? (
    <>
      <Button class={`colour${unsaid ? " unsaid" : ""}`} expanded={false} name={`Seen ${looked ? through(looked) : "as it is"}. ${says(colour)}`} keys="B" run={menu}><span class="cut">{face}</span></Button>
      {preview && <span class="pill preview" title={preview.of === "original" ? `This frame of the original, ${preview.width} × ${preview.height}, ${preview.bits} bit, through the transform’s table` : "This frame of the proxy, through the transform’s table"}>Preview of this frame</span>}
      {late && <Late set={late} named={late.name !== looked?.name} again={() => take(late)} />}
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
    transform: (preview ? preview.transform : seen?.transform) ?? null,
    lens: lens.current,
    renew: async () => (own && seen?.shown !== false ? get<Version>(`/versions/${v.id}`) : files(await load(), seen)),
  })}</>;
}

// Films that are not there yet, and how far they are. `named`: another name stands beside this, that of what is seen.
function Late({ set, named, again }: { set: ColourSet; named: boolean; again: () => void }) {
  const name = named && <span class="cut">{set.name ?? "As it is"}</span>;
  if (set.state === "failed") return <Button class="late" icon="alert" name={`The film ${through(set)} could not be made: try again`} run={again}>{name || "Film"} <span>failed: try again</span></Button>;
  const job = set.job ? active.value.get(set.job) : undefined;
  const part = job?.state === "running" && job.progress > 0 ? `${Math.floor(job.progress * 100)} %` : "";
  const left = part && job?.left_s ? `, about ${left_text(job.left_s)} left` : "";
  return (
    <span class="pill busy late" role="status" title={`The film ${through(set)} is being made${left}; what can be played now stays until it is there`}>
      <span class="spinner" aria-hidden="true" />{name || "Film"} <span>{job?.state === "waiting" ? "waits its turn" : "is being made"}</span>{part && <span class="mono" aria-hidden="true">{part}</span>}
    </span>
  );
}

const through_of = (s: ColourSet): Through => ({ transform: s.transform ?? null, url: s.table ?? null });

// Who chose, and where; and what the file says.
function says(c: VersionColour | null): string {
  if (!c) return "Viewing transform";
  const stated = c.colour.stated ? `File: ${c.colour.transfer}` : "The file does not state its colour";
  if (!c.from) return `${stated}. Nobody has chosen a viewing transform`;
  return `${stated}. ${c.name ?? "None"}: set for the ${c.from === "asset" ? "clip" : c.from} by ${c.by}`;
}

const state_words = (s: ColourSet): string => ({ ready: "", making: " (being made)", failed: " (could not be made: try again)", none: " (make proxies)" })[s.state];

