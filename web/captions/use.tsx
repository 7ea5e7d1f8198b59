/*
 * What a view that plays a film needs of its captions: which there are, the cues of the one that is shown, and the menu
 * to choose by. The editor is loaded when it is first opened.
 */
import type { Asset, Caption, CaptionDocument } from "api-types";
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, is_aborted, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { may } from "../app/session";
import { open_dialog } from "../parts/dialog";
import type { MenuItem } from "../parts/menu";
import { tell, tell_problem } from "../parts/toast";
import { BringDialog } from "./bring";
import { caption_name, type Cue } from "./model";

export interface Shown {
  of: Caption;
  document: CaptionDocument;
  cues: readonly Cue[]; // as edited
}

export interface Captions {
  list: Signal<Caption[]>;
  shown: Signal<Shown | null>;
  editing: Signal<boolean>;
  toggle: () => void;
  edit: () => void;
  menu: () => MenuItem[];
  reload: () => Promise<void>;
}

const KEY = "posthouse.captions"; // the language that is shown everywhere; "": none
const stored = (): string => { try { return localStorage.getItem(KEY) ?? ""; } catch { return ""; } };
const keep = (language: string): void => { try { localStorage.setItem(KEY, language); } catch { /* a convenience only */ } };

export function use_captions(asset: Asset, wanted: boolean): Captions {
  const list = useSignal<Caption[]>([]);
  const shown = useSignal<Shown | null>(null);
  const editing = useSignal(false);
  const on = useSignal<string>(""); // the asset of the one that is shown
  const dirty = (): boolean => shown.value !== null && shown.value.cues !== shown.value.document.cues;

  const show = async (c: Caption): Promise<void> => {
    on.value = c.asset;
    try {
      const document = await get<CaptionDocument>(`/versions/${c.version}/cues`);
      if (on.value === c.asset) shown.value = { of: c, document, cues: document.cues as Cue[] };
    } catch (e) {
      if (!is_aborted(e)) tell_problem(problem_of(e));
      on.value = "";
    }
  };
  const hide = (): void => {
    on.value = "";
    shown.value = null;
  };
  const load = async (): Promise<void> => {
    const got = await get<Caption[]>(`/assets/${asset.id}/captions`);
    list.value = got;
    const is = got.find((c) => c.asset === on.value);
    if (on.value && !is) hide();
    else if (is && shown.value && is.version !== shown.value.of.version && !dirty()) await show(is);
    else if (!on.value && stored()) {
      const mine = got.find((c) => c.language === stored()) ?? got.find((c) => c.language.split("-")[0] === stored().split("-")[0]);
      if (mine) await show(mine);
    }
  };
  useEffect(() => {
    if (!wanted) return;
    const again = (): void => void load().catch(() => undefined); // a film without them plays all the same
    again();
    return subscribe({ asset: asset.id, kinds: ["asset."], hear: again, caught_up: again });
  }, [asset.id, wanted]);
  // Those of others are news of their own assets.
  useEffect(() => {
    if (!wanted || !on.value) return;
    return subscribe({ asset: on.value, kinds: ["asset."], hear: () => void load().catch(() => undefined) });
  }, [on.value, wanted]);

  const choose = (c: Caption | null): void => {
    if (dirty()) return tell("There are changes that are not saved: save or discard them first");
    keep(c?.language || (c ? "-" : ""));
    if (c) void show(c);
    else {
      hide();
      editing.value = false;
    }
  };
  const toggle = (): void => {
    if (!list.value.length) return tell(may("upload") ? "It has no captions: bring a caption file by the menu CC" : "It has no captions");
    choose(shown.value ? null : (list.value.find((c) => c.language === stored()) ?? list.value[0] ?? null));
  };
  const edit = (): void => {
    const first = shown.value?.of ?? list.value[0];
    if (!first) return toggle();
    if (!shown.value) void show(first);
    editing.value = !editing.value;
  };
  const bring = (): void => void open_dialog((close) => <BringDialog film={asset} close={close} done={(c) => { void load().then(() => choose(c)); }} />);
  const menu = (): MenuItem[] => [
    ...(list.value.length ? [{ name: "Off", checked: !shown.value, keys: "C", run: () => choose(null) }] : [{ heading: "No captions" }]),
    ...list.value.map((c) => ({ name: `${caption_name(c)}${c.problem ? " (cannot be read)" : ""}`, checked: shown.value?.of.asset === c.asset, run: () => (c.problem ? tell(c.problem) : choose(c)) })),
    ...(list.value.length && may("view") ? ["line" as const, { name: editing.value ? "Close the captions’ list" : may("edit") ? "Edit captions" : "List of captions", keys: "E", run: edit }] : []),
    ...(may("upload") ? ["line" as const, { name: "Bring a caption file…", icon: "upload" as const, run: bring }] : []),
  ];
  return { list, shown, editing, toggle, edit, menu, reload: load };
}
