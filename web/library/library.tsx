/*
 * library/library: a project's media: folders left, grid or list, facts right; drop files anywhere.
 */
import type { Asset, Field as FieldRow } from "api-types";
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { patch, post, problem_of, problem } from "../app/api";
import { by_asset } from "../app/jobs";
import { go, route, set_query, to } from "../app/router";
import { may, project as here } from "../app/session";
import { Button, CopyLine, Segments, copy_text } from "../parts/button";
import { ask, open_dialog } from "../parts/dialog";
import { count_text, plural, rate_name, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { useKeys } from "../parts/keys";
import { menu_at, menu_under, type MenuItem } from "../parts/menu";
import { fold, folded } from "../parts/panel";
import { Empty, ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";
import { load_sheet } from "../parts/sheet";
import { VirtualRows, use_width, type Rows } from "../parts/virtual";
import { wrong_hash } from "../growing/closed";
import { GrowingList } from "../growing/list";
import { UploadPanel } from "../transfer/panel";
import { take_drop } from "../transfer/state";
import { ColumnsDialog, DeliverDialog, EditDialog, FilterDialog, ImportDialog, MoveDialog, NameDialog, ShareDialog } from "./dialogs";
import { FactsPanel } from "./facts";
import type { Around } from "./cells";
import { Assets, RANGE_MOST, type Sort, type Wish } from "./model";
import { place_away, place_words } from "./in_place";
import { HouseOrder } from "../houses/houses";
import { nothing, pick, step, type Selection } from "./selection";
import { Name, Tile, can_deliver, kind_icon, length_of, state_words } from "./tile";
import { CardNote, Lacks, lacks_of } from "./lacks";
import { DRAG, Tree, make_folder } from "./tree";

const GAP = 8;
const TILE_WIDTH = 184;
const kinds = [["", "All kinds"], ["clip", "Clips"], ["sound", "Sound"], ["sequence", "Sequences"], ["still", "Stills"], ["captions", "Captions"], ["document", "Documents"]] as const;
const columns_of_list: { name: string; sort?: Sort; class: string }[] = [
  { name: "Name", sort: "name", class: "name" }, { name: "Kind", class: "kind" }, { name: "Duration", sort: "duration", class: "duration" }, { name: "Rate", class: "rate" }, { name: "Timecode", sort: "timecode", class: "timecode" },
  { name: "Size", sort: "size", class: "size" }, { name: "State", class: "state" }, { name: "Created", sort: "created", class: "created" }, { name: "Comments", class: "comments" },
];

// Writing in the cells: loaded with the first column of a field.
const cells = signal<typeof import("./cells") | null>(null);
const load_cells = (): void => void import("./cells").then(async (m) => { await load_sheet(m.sheet); cells.value = m; }, () => undefined);

function wish_of(project: string, query: Readonly<Record<string, string>>): Wish {
  const sort = query["sort"];
  const known = sort && /^(name|size|duration|timecode|f\d+)$/.test(sort);
  return { where: query["where"] ?? "", takes: query["takes"] === "1", project, folder: query["folder"] ?? null, q: query["q"] ?? "", kind: query["kind"] ?? "", sort: known ? sort : "created", order: query["order"] === "asc" ? "asc" : query["order"] === "desc" ? "desc" : sort && sort !== "created" ? "asc" : "desc" };
}

export function Library() {
  const r = route.value;
  const project = r.project ?? "";
  const wish = wish_of(project, r.query);
  const [model] = useState(() => new Assets(wish));
  useEffect(() => () => model.close(), []);
  useEffect(() => {
    model.want(wish);
    select(nothing);
  }, [wish.folder, wish.q, wish.kind, wish.sort, wish.order, wish.where, wish.takes]);
  const [selection, select] = useState<Selection>(nothing);
  const [preview, set_preview] = useState<number | null>(null);
  const [over, set_over] = useState<string | boolean>(false); // what is dragged is over the page; the name of the asset that it is over
  const area = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const version_picker = useRef<HTMLInputElement>(null);
  const version_of = useRef<string | null>(null);
  const table_picker = useRef<HTMLInputElement>(null);
  const rows = useRef<Rows>(null);
  const width = use_width(area);
  const view = r.query["view"] === "list" ? "list" : "grid";
  const total = model.total.value ?? 0;
  const items = model.items.value;
  const narrow = width < 460;
  const across = view === "list" ? 1 : Math.max(narrow ? 2 : 1, Math.floor((width - GAP) / (TILE_WIDTH + GAP)));
  const tile_width = Math.max(80, Math.floor((width - GAP) / across) - GAP);
  const row_height = view === "list" ? (matchMedia("(pointer: coarse)").matches ? 40 : 28) : Math.round((tile_width * 9) / 16) + 52 + GAP;
  const id_at = (place: number) => items.get(place)?.id ?? null;
  // What is chosen stays known when it is out of sight and was let go.
  const known = useRef<ReadonlyMap<string, Asset>>(new Map());
  const chosen = useMemo(() => {
    const here = new Map([...items.values()].map((a) => [a.id, a]));
    const list = [...selection.ids].map((id) => here.get(id) ?? known.current.get(id)).filter((a): a is Asset => !!a);
    known.current = new Map(list.map((a) => [a.id, a]));
    return list;
  }, [items, selection]);
  const cursor = items.get(selection.at);

  const open = (a: Asset) => go(to.review(project, a.id));
  // A range that goes over what is not loaded yet is loaded; the cursor may have gone on meanwhile.
  const whole_range = (place: number) => {
    const first = Math.min(selection.from, place), last = Math.max(selection.from, place);
    if (selection.from < 0 || last - first >= 20 * RANGE_MOST) return;
    for (let p = first; p <= last; p++) if (!id_at(p)) return void choose_range(first, last, place);
  };
  const choose_range = (first: number, last: number, place: number) =>
    model.range(first, last).then((list) => {
      known.current = new Map([...known.current, ...list.map((a): [string, Asset] => [a.id, a])]);
      select((s) => (s.at === place ? { ...s, ids: new Set([...s.ids, ...list.map((a) => a.id)]) } : s));
      if (list.length <= last - first) tell(`${plural(list.length, "asset")} of ${count_text(last - first + 1)} chosen: not more at once`);
    }).catch(() => undefined);
  const move_cursor = (place: number, how: { range?: boolean; more?: boolean }) => {
    select((s) => pick(s, place, how, id_at));
    if (how.range) whole_range(place);
    rows.current?.scroll_to(Math.floor(place / across));
  };
  const arrows = (e: KeyboardEvent) => {
    const page = across * Math.max(1, Math.floor((area.current?.clientHeight ?? 400) / row_height) - 1);
    const next = step(selection.at, e.key, across, page, total);
    if (next === null) return false;
    if (document.activeElement instanceof Element && document.activeElement.closest(".panel, .activity, .top")) return false;
    set_preview(null);
    move_cursor(next, { range: e.shiftKey });
    return true;
  };
  const fail = (e: unknown) => tell_problem(problem_of(e));
  const rename = (a: Asset) =>
    void open_dialog((close) => (
      <NameDialog title={`Rename ${a.name}`} label="Name" value={a.name} act="Rename" close={close} save={async (name) => {
        const fresh = await patch<Asset>(`/assets/${a.id}`, { name });
        model.change(a.id, () => fresh);
      }} />
    ));
  const remove = (list: readonly Asset[]) => {
    if (!list.length || !may("edit")) return;
    const ids = list.map((a) => a.id);
    const what = list.length === 1 && list[0] ? list[0].name : plural(list.length, "asset");
    post(`/projects/${project}/assets/delete`, { ids }).then(() => {
      select(nothing);
      model.refresh();
      tell(`${what} deleted`, { name: "Undo", run: () => void post(`/projects/${project}/assets/restore`, { ids }).then(() => model.refresh(), fail) });
    }, fail);
  };
  const move = (ids: string[], folder: string | null) => {
    const before = new Map([...items.values()].filter((a) => ids.includes(a.id)).map((a) => [a.id, a.folder ?? null]));
    post(`/projects/${project}/assets/move`, { ids, folder: folder ?? "" }).then(() => {
      model.refresh();
      const name = folder ? (model.folders.value.find((f) => f.id === folder)?.name ?? "the folder") : "the top";
      tell(`${plural(ids.length, "asset")} moved to ${name}`, {
        name: "Undo",
        run: () => {
          const back = new Map<string | null, string[]>();
          for (const [id, f] of before) back.set(f, [...(back.get(f) ?? []), id]);
          void Promise.all([...back].map(([f, some]) => post(`/projects/${project}/assets/move`, { ids: some, folder: f ?? "" }))).then(() => model.refresh(), fail);
        },
      });
    }, fail);
  };
  const fields = model.fields.value;
  const cols = (r.query["cols"] ?? "").split(",").map((k) => fields.find((f) => f.key === k)).filter((f): f is FieldRow => !!f);
  const edit = () => { if (chosen.length && may("edit")) open_dialog((close) => <EditDialog assets={chosen} fields={fields} close={close} done={() => model.refresh()} />); };
  const filter = () => void open_dialog((close) => <FilterDialog project={project} fields={fields} where={wish.where} query={r.query} close={close} />);
  const table_out = (format: "csv" | "ale") => void import("./fields").then((m) => m.export_table(project, format, chosen.length ? chosen : null, { where: wish.where ? (JSON.parse(wish.where) as unknown) : null, q: wish.q || null, kind: wish.kind || null, folder: wish.folder, sort: wish.sort, descending: wish.order === "desc" })).catch(fail);
  const fields_menu = (e: MouseEvent) =>
    menu_under(e.currentTarget as Element, [
      { name: "Columns and fields", icon: "list", run: () => void open_dialog((close) => <ColumnsDialog project={project} fields={fields} columns={cols.map((f) => f.key)} close={close} changed={() => void model.load_fields()} />) },
      { name: chosen.length > 1 ? `Edit fields of ${plural(chosen.length, "asset")}` : "Edit fields", icon: "pencil", keys: "Ctrl+E", disabled: !chosen.length || !may("edit"), run: edit },
      { name: "Sound with its picture", checked: wish.takes, run: () => set_query({ takes: wish.takes ? null : "1" }, { replace: true }) },
      "line",
      { name: "Bring in a table (CSV, ALE)", icon: "upload", disabled: !may("edit"), run: () => table_picker.current?.click() },
      { name: `Save ${chosen.length ? plural(chosen.length, "asset") : "all of these"} as CSV`, icon: "download", run: () => table_out("csv") },
      { name: `Save ${chosen.length ? plural(chosen.length, "asset") : "all of these"} as ALE`, icon: "download", run: () => table_out("ale") },
    ], { right: true, label: "Fields" });
  const share = () => chosen.length > 0 && may("share") && void open_dialog((close) => <ShareDialog project={project} assets={chosen} close={close} />);
  const deliver = () => {
    const a = chosen[0];
    if (a && may("deliver") && can_deliver(a)) open_dialog((close) => <DeliverDialog asset={a} close={close} />);
  };
  const move_dialog = () => chosen.length > 0 && may("edit") && void open_dialog((close) => <MoveDialog folders={model.folders.value} count={chosen.length} move={(f) => move(chosen.map((a) => a.id), f)} close={close} />);
  const copy_timecode = () => {
    const tc = chosen[0]?.version.facts?.timecode?.start;
    if (tc) void copy_text(tc).then(() => tell(`${tc} copied`));
  };
  const copy_link = () => {
    const a = chosen[0];
    if (a) void copy_text(location.origin + to.review(project, a.id)).then(() => tell("Link copied"));
  };
  // The browser empties a FileList when its field is cleared and a DataTransfer when the drop's event is
  // over: both are read before the first wait.
  const bring = async (data: DataTransfer | null, files: FileList | null, asset: string | null = null, onto?: Asset) => {
    const picked = [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    const dropped = data && take_drop(data);
    if (!may("upload")) return tell_problem(problem("forbidden", "You may not bring media into this project", "your role here does not include upload", "ask an owner of the project to make you editor"));
    const { read_drop, send } = await import("../transfer/upload");
    const found = dropped ? await read_drop(dropped) : picked;
    if (onto) {
      const { ask_onto, one_thing } = await import("./onto");
      const to = one_thing(found.map((f) => f.path)) ? await ask_onto(onto, found, folder_name === "Everything" ? "the project" : folder_name) : "asset";
      if (!to) return;
      if (to === "version") asset = onto.id;
    }
    await send(project, wish.folder && wish.folder !== "top" ? wish.folder : null, found, asset);
  };

  // The asset that a drag is over.
  const under = (e: DragEvent): Asset | undefined => {
    const id = e.target instanceof Element ? e.target.closest("[id^=asset-]")?.id : undefined;
    return id === undefined ? undefined : items.get(Number(id.slice(6)));
  };
  const whole = useRef<number | null>(null); // how many there are when nothing is filtered
  const held = useRef(0); // a finger that stays: the timer, or -1 once its menu is open
  const typed = useRef({ text: "", at: 0 });
  const type_ahead = (e: KeyboardEvent) => {
    if (e.key.length !== 1 || e.ctrlKey || e.metaKey || e.altKey || !/[\p{L}\p{N}_\-.]/u.test(e.key)) return false;
    const now = performance.now();
    typed.current = { text: now - typed.current.at < 800 ? typed.current.text + e.key : e.key, at: now };
    const want = typed.current.text.toLowerCase();
    const places = [...items.keys()].sort((a, b) => a - b);
    const order = [...places.filter((p) => p > selection.at || (typed.current.text.length > 1 && p === selection.at)), ...places];
    const found = order.find((p) => items.get(p)?.name.toLowerCase().startsWith(want));
    if (found !== undefined) move_cursor(found, {});
    return true;
  };
  const all_arrows = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  useKeys("Library", [
    { keys: [...all_arrows, "Home", "End", "PageUp", "PageDown"], name: "Move", run: arrows, in_palette: false },
    { keys: [...all_arrows, "Home", "End"].map((k) => `Shift+${k}`), name: "Choose a range", run: arrows, in_palette: false },
    { keys: ["Enter"], name: "Open", run: () => (cursor ? open(cursor) : false) },
    { keys: ["Space"], name: "Preview where it stands", in_palette: false, run: () => (cursor ? set_preview((p) => (p === null ? 0 : null)) : false) },
    { keys: ["Escape"], name: "Choose nothing", run: () => { set_preview(null); select(nothing); }, in_palette: false },
    { keys: ["Ctrl+A"], name: "Choose all", run: () => { const at = Math.max(0, selection.at); select({ ids: new Set([...items.values()].map((a) => a.id)), at, from: at }); if (items.size < total) void choose_range(0, total - 1, at); } },
    { keys: ["F2"], name: "Rename", run: () => (cursor && may("edit") ? rename(cursor) : false) },
    { keys: ["Delete", "Backspace"], name: "Delete", run: () => (chosen.length ? remove(chosen) : false) },
    { keys: ["Ctrl+M"], name: "Move to a folder", run: () => void move_dialog() },
    { keys: ["Ctrl+E"], name: "Edit fields of what is chosen", run: edit },
    { keys: ["Ctrl+Shift+F"], name: "Filter by fields and facts", run: filter },
    { keys: ["Ctrl+S"], name: "Share what is chosen", run: () => void share() },
    { keys: ["Ctrl+D"], name: "Deliver", run: deliver },
    { keys: ["Ctrl+C"], name: "Copy the start timecode", run: () => (String(getSelection()) ? false : copy_timecode()) },
    { keys: ["/"], name: "Search", run: () => search.current?.focus() },
    { keys: ["Alt+1"], name: "Grid", run: () => set_query({ view: null }, { replace: true }) },
    { keys: ["Alt+2"], name: "List", run: () => set_query({ view: "list" }, { replace: true }) },
    { keys: ["Ctrl+U"], name: "Bring in files", run: () => picker.current?.click() },
    { keys: ["Shift+N"], name: "New folder", run: () => (may("upload") ? make_folder(project, wish.folder && wish.folder !== "top" ? wish.folder : null, () => void model.load_folders()) : false) },
    { keys: ["letters"], name: "Type a name to jump to it" },
    { keys: [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."], name: "", hidden: true, in_palette: false, run: type_ahead },
  ]);

  // Space walks through the sprites, about eight seconds from end to end.
  useEffect(() => {
    if (preview === null) return;
    const timer = window.setInterval(() => set_preview((p) => (p === null ? null : (p + 0.0125) % 1)), 100);
    return () => window.clearInterval(timer);
  }, [preview === null]);

  const menu = (e: MouseEvent, place: number) => {
    const a = items.get(place);
    if (!a) return;
    if (!selection.ids.has(a.id)) select(pick(selection, place, {}, id_at));
    const list = selection.ids.has(a.id) ? chosen : [a];
    const one = list.length === 1;
    const items_of: MenuItem[] = [
      { name: "Open", icon: "play", keys: "Enter", disabled: !one, run: () => open(a) },
      { name: "Preview here", icon: "eye", keys: "Space", disabled: !one, run: () => { select(pick(nothing, place, {}, id_at)); set_preview(0); } },
      { name: "Copy link", icon: "link", disabled: !one, run: copy_link },
      { name: "Copy start timecode", icon: "copy", keys: "Ctrl+C", disabled: !a.version.facts?.timecode, run: () => void copy_text(a.version.facts?.timecode?.start ?? "") },
      ...(folded.right.value ? [{ name: "Facts", icon: "list" as const, disabled: !one, run: () => fold("right") }] : []),
      "line",
      { name: "Share", icon: "link", keys: "Ctrl+S", disabled: !may("share"), run: () => void open_dialog((close) => <ShareDialog project={project} assets={list} close={close} />) },
      { name: "Send to a house", icon: "upload", disabled: !may("download"), run: () => void open_dialog((close) => <HouseOrder project={project} assets={list.map((x) => x.id)} way="out" close={close} />) },
      { name: "Deliver", icon: "deliver", keys: "Ctrl+D", disabled: !one || !may("deliver") || !can_deliver(a), run: () => void open_dialog((close) => <DeliverDialog asset={a} close={close} />) },
      "line",
      { name: "Bring in its next version", icon: "upload", disabled: !one || !may("upload") || a.kind === "sequence", run: () => { version_of.current = a.id; version_picker.current?.click(); } },
      { name: "Rename", icon: "pencil", keys: "F2", disabled: !one || !may("edit"), run: () => rename(a) },
      { name: "Edit fields", icon: "pencil", keys: "Ctrl+E", disabled: !may("edit"), run: () => void open_dialog((close) => <EditDialog assets={list} fields={fields} close={close} done={() => model.refresh()} />) },
      { name: "Move to a folder", icon: "move", keys: "Ctrl+M", disabled: !may("edit"), run: () => void open_dialog((close) => <MoveDialog folders={model.folders.value} count={list.length} move={(f) => move(list.map((x) => x.id), f)} close={close} />) },
      { name: "Delete", icon: "trash", keys: "Delete", danger: true, disabled: !may("edit"), run: () => (list.length > 20 ? void ask({ title: `Delete ${plural(list.length, "asset")}?`, text: "They can be brought back with Undo.", yes: "Delete", danger: true }).then((yes) => yes && remove(list)) : remove(list)) },
    ];
    menu_at(e, items_of, a.name);
  };

  const cell = (place: number) => {
    const a = items.get(place);
    const on = a ? selection.ids.has(a.id) : false;
    const common = {
      id: `asset-${place}`,
      "aria-selected": on,
      onMouseDown: (e: MouseEvent) => e.button === 0 && area.current?.querySelector<HTMLElement>(".virtual")?.focus({ preventScroll: true }),
      onTouchStart: (e: TouchEvent) => { const { clientX, clientY } = e.touches[0] ?? { clientX: 0, clientY: 0 }; window.clearTimeout(held.current); held.current = window.setTimeout(() => { held.current = -1; menu(new MouseEvent("contextmenu", { clientX, clientY, cancelable: true }), place); }, 550); },
      onTouchMove: () => window.clearTimeout(held.current),
      onTouchEnd: (e: TouchEvent) => { if (held.current === -1) e.preventDefault(); window.clearTimeout(held.current); },
      onClick: (e: MouseEvent) => {
        if (a && (e as PointerEvent).pointerType === "touch") return open(a);
        set_preview(null);
        if (cells.value && !(e.target as Element).closest(".field")) cells.value.column.value = null;
        select(pick(selection, place, { range: e.shiftKey, more: e.ctrlKey || e.metaKey }, id_at));
        if (e.shiftKey) whole_range(place);
      },
      onDblClick: () => a && open(a),
      onContextMenu: (e: MouseEvent) => menu(e, place),
      draggable: !!a && may("edit"),
      onDragStart: (e: DragEvent) => {
        if (!a) return;
        e.dataTransfer?.setData(DRAG, (on ? chosen.map((c) => c.id) : [a.id]).join(","));
      },
    };
    if (view === "list")
      return (
        <div key={place} {...common} role="row" aria-rowindex={place + 2} class={`list-row${on ? " chosen" : ""}${place === selection.at ? " cursor" : ""}`} style={row_style}>
          {a ? <ListCells asset={a} cols={cols} place={place} around={around} /> : <span role="gridcell" class="skeleton bar" />}
        </div>
      );
    return (
      <div key={place} {...common} role="gridcell" aria-colindex={(place % across) + 1} aria-label={a ? undefined : "loading"} class="cell" style={{ width: `${tile_width}px` }}>
        {a ? <Tile asset={a} job={by_asset.value.get(a.id)} chosen={on} cursor={place === selection.at} part={place === selection.at ? preview : null} /> : <div class="tile"><span class="picture skeleton" /><span class="skeleton bar" /></div>}
      </div>
    );
  };
  const row_style = cols.length ? { gridTemplateColumns: `minmax(170px, 1fr) repeat(${cols.length}, minmax(72px, 132px)) 64px 96px 48px 100px 66px 116px 66px 66px`, minWidth: `${880 + cols.length * 80}px` } : undefined;
  const draw = (row: number) => {
    if (view === "list") return cell(row);
    const places = [];
    for (let i = row * across; i < Math.min(total, (row + 1) * across); i++) places.push(cell(i));
    return <div class="grid-row" role="row" aria-rowindex={row + 1}>{places}</div>;
  };

  const around: Around = { project, cols, model, total, at: selection.at, from: selection.from, chosen, move: (place) => move_cursor(place, {}), focus: () => area.current?.querySelector<HTMLElement>(".virtual")?.focus({ preventScroll: true }) };
  const wants_cells = view === "list" && cols.length > 0;
  useEffect(() => { if (wants_cells && !cells.value) load_cells(); }, [wants_cells]);

  const filtered = !!(wish.q || wish.kind || wish.folder || wish.where);
  const folder_name = wish.folder === "top" ? "In no folder" : (model.folders.value.find((f) => f.id === wish.folder)?.name ?? (wish.folder ? "Folder" : "Everything"));
  const sort_by = (s: Sort) => set_query({ sort: s, order: wish.sort === s && wish.order === "asc" ? "desc" : "asc" }, { replace: true });
  return (
    <>
      <Tree project={project} folders={model.folders.value} chosen={wish.folder} total={wish.folder || wish.q || wish.kind || model.total.value === null ? (whole.current ?? here.value?.assets ?? 0) : (whole.current = total)} reload={() => void model.load_folders()} drop={move} />
      <main
        class={over ? "library drop-here" : "library"}
        onDragOver={(e) => { if (e.dataTransfer?.types.includes("Files")) { e.preventDefault(); set_over(under(e)?.name ?? true); } }}
        onDragLeave={(e) => { if (!(e.relatedTarget instanceof Node && e.currentTarget.contains(e.relatedTarget))) set_over(false); }}
        onDrop={(e) => { set_over(false); if (!e.dataTransfer?.types.includes("Files")) return; e.preventDefault(); void bring(e.dataTransfer, null, null, under(e)).catch(fail); }}
      >
        <div class="bar">
          <Button class="narrow-only" icon="folder" name="Folders" look="plain" run={() => fold("left")} />
          <h1 class="cut bar-title" title={folder_name}>{folder_name}</h1>
          <span class="quiet mono" role="status">{model.total.value === null ? "" : count_text(total)}</span>
          <label class="search">
            <Icon name="search" size={14} />
            <input ref={search} type="search" placeholder="Search names" aria-label="Search names" value={wish.q} onInput={(e) => set_query({ q: e.currentTarget.value || null }, { replace: true })} onKeyDown={(e) => { if (e.key === "Escape") { set_query({ q: null }, { replace: true }); e.currentTarget.blur(); } if (e.key === "ArrowDown") { e.currentTarget.blur(); move_cursor(0, {}); e.preventDefault(); } }} />
          </label>
          <select class="input kinds" aria-label="Kind" value={wish.kind} onChange={(e) => set_query({ kind: e.currentTarget.value || null }, { replace: true })}>
            {kinds.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
          <select class="input kinds" aria-label="Sort by" value={`${wish.sort} ${wish.order}`} onChange={(e) => { const [sort, order] = e.currentTarget.value.split(" "); set_query({ sort: sort ?? null, order: order ?? null }, { replace: true }); }}>
            {[["created desc", "Newest first"], ["created asc", "Oldest first"], ["name asc", "Name A–Z"], ["name desc", "Name Z–A"], ["size desc", "Largest first"], ["size asc", "Smallest first"], ["duration desc", "Longest first"], ["duration asc", "Shortest first"]].map(([v, l]) => <option key={v} value={v}>{l}</option>)}
          </select>
          <Button icon="filter" name={wish.where ? "Filter: on" : "Filter"} keys="Ctrl+Shift+F" on={!!wish.where} run={filter} />
          <Button icon="list" name="Fields, columns, tables" expanded={false} run={fields_menu} />
          <input ref={table_picker} type="file" accept=".csv,.ale,.txt,.tsv" hidden aria-label="A table" onChange={(e) => { const file = e.currentTarget.files?.[0]; if (file) open_dialog((close) => <ImportDialog project={project} fields={fields} folders={model.folders.value} file={file} close={close} done={() => { model.refresh(); void model.load_fields(); }} />); e.currentTarget.value = ""; }} />
          <Segments name="View" value={view} pick={(v) => set_query({ view: v === "grid" ? null : v }, { replace: true })} options={[{ value: "grid", label: "Grid", icon: "grid" }, { value: "list", label: "List", icon: "list" }]} />
          {may("upload") && <Button icon="upload" look="primary" run={() => picker.current?.click()}>Bring in</Button>}
          <input ref={picker} type="file" multiple hidden onChange={(e) => { void bring(null, e.currentTarget.files).catch(fail); e.currentTarget.value = ""; }} />
          <input ref={version_picker} type="file" hidden aria-label="The next version" onChange={(e) => { void bring(null, e.currentTarget.files, version_of.current).catch(fail); e.currentTarget.value = ""; }} />
        </div>
        <GrowingList project={project} />
        {wants_cells && width > 0 && cells.value && <cells.value.Keys o={around} />}
        <CardNote project={project} folder={wish.folder} folders={model.folders.value} changed={total} />
        <div ref={area} class="area">
          {model.problem.value && model.total.value === null ? (
            <div class="empty"><ProblemBox problem={model.problem.value} retry={() => model.retry()} /></div>
          ) : model.total.value === null ? (
            <div class="waiting" aria-busy="true">{Array.from({ length: 12 }, (_, i) => <div key={i} class="tile"><span class="picture skeleton" /><span class="skeleton bar" /></div>)}</div>
          ) : total === 0 ? (
            filtered ? (
              <Empty title={wish.q ? `Nothing is called “${wish.q}” here` : "Nothing here yet"}>
                {wish.q || wish.kind || wish.where ? <Button run={() => set_query({ q: null, kind: null, where: null })}>Show everything{wish.folder ? " in the folder" : ""}</Button> : <p>Drop files on the page, or drag assets onto the folder's name.</p>}
              </Empty>
            ) : (
              <Empty title="Drop files or whole folders anywhere on this page">
                <p>Camera cards, image sequences, mixes, documents: folders keep their structure, every byte is checked, and proxies are made by themselves.</p>
                {may("upload") && <Button look="primary" icon="upload" run={() => picker.current?.click()}>Choose files</Button>}
                <p>or from a terminal, as fast as the disk and the line allow:</p>
                <CopyLine text={`posthouse put --house ${location.origin} --project ${project} FOLDER`} />
              </Empty>
            )
          ) : width > 0 ? (
            <VirtualRows
              key={view}
              rows={rows}
              count={Math.ceil(total / across)}
              row_height={row_height}
              padding={view === "grid" ? GAP : 0}
              draw={draw}
              look={(first, last) => model.look(first * across, Math.min(total - 1, (last + 1) * across - 1))}
              class={view}
              attributes={{ role: "grid", tabIndex: 0, "aria-label": folder_name, "aria-multiselectable": true, "aria-rowcount": Math.ceil(total / across) + (view === "list" ? 1 : 0), "aria-activedescendant": selection.at < 0 ? undefined : wants_cells && cells.value?.column.value ? `cell-${selection.at}-${cells.value.column.value}` : `asset-${selection.at}` }}
              head={view === "list" ? (
                <div class="list-row list-head" role="row" aria-rowindex={1} style={row_style}>
                  {[...columns_of_list.slice(0, 1), ...cols.map((f) => ({ name: f.name, sort: f.key, class: "field" })), ...columns_of_list.slice(1)].map((c) => (
                    <span key={c.name} role="columnheader" class={c.class} aria-sort={c.sort === wish.sort ? (wish.order === "asc" ? "ascending" : "descending") : undefined}>
                      {c.sort ? <button type="button" onClick={() => c.sort && sort_by(c.sort)}>{c.name}{c.sort === wish.sort && <Icon name={wish.order === "asc" ? "sort_up" : "sort_down"} size={12} />}</button> : c.name}
                    </span>
                  ))}
                </div>
              ) : undefined}
            />
          ) : null}
          {model.problem.value && model.total.value !== null && <div class="over-list"><ProblemBox problem={model.problem.value} retry={() => model.retry()} /></div>}
        </div>
        <UploadPanel project={project} />
        {over && <div class="drop-veil" aria-hidden="true"><Icon name="upload" size={28} /><h2>{over === true ? `Let go to bring them into ${folder_name === "Everything" ? "the project" : folder_name}` : `Let go: the next version of ${over}, or new here`}</h2></div>}
      </main>
      <FactsPanel fields={fields} changed={() => model.refresh()} chosen={chosen} deliver={deliver} share={() => void share()} open={open} />
    </>
  );
}

function ListCells({ asset: a, cols, place, around }: { asset: Asset; cols: readonly FieldRow[]; place: number; around: Around }) {
  const m = cells.value;
  const f = a.version.facts;
  const job = by_asset.value.get(a.id);
  const state = a.version.state;
  const wrong = a.version.hashes && !a.version.hashes.right ? wrong_hash(a.version.hashes) : undefined;
  return (
    <>
      <span role="gridcell" class="name"><Icon name={kind_icon[a.kind]} size={14} /><Name name={a.name} />{a.take && <span class="note mono" title={`In a take with ${a.take.with.map((w) => w.name).join(", ")}`}>♪</span>}</span>
      {cols.map((f) => (m ? <m.Cell key={f.key} asset={a} field={f} place={place} o={around} /> : <span key={f.key} role="gridcell" class="field cut">{(a.fields as Record<string, string> | null | undefined)?.[f.key]}</span>))}
      <span role="gridcell" class="kind quiet">{a.kind}</span>
      <span role="gridcell" class="duration mono">{length_of(a)}</span>
      <span role="gridcell" class="rate mono">{f && a.kind !== "sound" && a.kind !== "still" && a.kind !== "document" && a.kind !== "captions" ? rate_name(f.rate) : ""}</span>
      <span role="gridcell" class="timecode mono">{f?.timecode?.start}</span>
      <span role="gridcell" class="size mono">{size_text(a.version.size)}</span>
      <span role="gridcell" class={`state cut ${state === "failed" ? "bad" : state === "ready" ? "quiet" : "busy"}`} title={a.version.problem?.title ?? wrong}>{wrong && <><span class="bad">wrong hash</span> · </>}{state_words(a, job)}{lacks_of(a).length > 0 && <> · <Lacks asset={a} /></>}{a.version.place && <span class={place_away(a.version.place) ? "bad" : "quiet"}> · {place_words(a.version.place)}</span>}</span>
      <span role="gridcell" class="created quiet"><Ago at={a.created} /></span>
      <span role="gridcell" class="comments mono">{a.comments ? `${a.open_comments}/${a.comments}` : ""}</span>
    </>
  );
}
