// library/tree: the project's folders: choose, make, rename, delete, drop assets into.
import type { Folder } from "api-types";
import { useState } from "preact/hooks";
import { del, patch, post, problem_of } from "../app/api";
import { set_query } from "../app/router";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { open_dialog } from "../parts/dialog";
import { by_name, count_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { menu_at, type MenuItem } from "../parts/menu";
import { Panel, fold } from "../parts/panel";
import { tell_problem } from "../parts/toast";
import { NameDialog, RequestDialog, ShareDialog } from "./dialogs";

interface TreeProps {
  project: string;
  folders: readonly Folder[];
  chosen: string | null;
  total: number;
  reload: () => void;
  drop: (ids: string[], folder: string | null) => void;
}

export const DRAG = "application/x-posthouse-assets";

export function make_folder(project: string, parent: string | null, reload: () => void): void {
  open_dialog((close) => (
    <NameDialog title="New folder" label="Name" value="" act="Make the folder" close={close} save={async (name) => {
      const made = await post<Folder>(`/projects/${project}/folders`, { name, parent });
      reload();
      set_query({ folder: made.id });
    }} />
  ));
}

export function Tree(p: TreeProps) {
  const [shut, set_shut] = useState<ReadonlySet<string>>(new Set());
  const [over, set_over] = useState<string | null>(null);
  const children = (parent: string | null) => p.folders.filter((f) => (f.parent ?? null) === parent && f.id !== parent).sort((a, b) => by_name(a.name, b.name));
  const rows: { f: Folder; depth: number; open: boolean; has: boolean }[] = [];
  const walk = (parent: string | null, depth: number) => {
    if (depth > 32) return;
    for (const f of children(parent)) {
      const has = p.folders.some((o) => o.parent === f.id);
      const open = !shut.has(f.id);
      rows.push({ f, depth, open, has });
      if (has && open) walk(f.id, depth + 1);
    }
  };
  walk(null, 0);
  const pick = (id: string | null) => {
    set_query({ folder: id, q: null });
    if (matchMedia("(max-width: 720px)").matches) fold("left"); // it lies over the list there
  };
  const drag = (id: string | null, key: string) => ({
    onDragOver: (e: DragEvent) => {
      if (!e.dataTransfer?.types.includes(DRAG)) return;
      e.preventDefault();
      set_over(key);
    },
    onDragLeave: () => set_over(null),
    onDrop: (e: DragEvent) => {
      set_over(null);
      const text = e.dataTransfer?.getData(DRAG);
      if (!text) return;
      e.preventDefault();
      e.stopPropagation();
      p.drop(text.split(","), id);
    },
  });
  const menu = (e: MouseEvent, f: Folder) => {
    const items: MenuItem[] = [{ name: "New folder in it", icon: "plus", disabled: !may("upload"), run: () => make_folder(p.project, f.id, p.reload) }];
    if (may("download")) items.push({ name: "Download it as a zip", icon: "download", run: () => location.assign(`/api/v1/projects/${p.project}/zip?folder=${f.id}`) });
    if (may("share"))
      items.push(
        { name: "Share the folder", icon: "link", run: () => void open_dialog((close) => <ShareDialog project={p.project} assets={[]} folder={f} close={close} />) },
        { name: "Ask for files into it", icon: "upload", disabled: !may("upload"), run: () => void open_dialog((close) => <RequestDialog project={p.project} folder={f} close={close} />) },
      );
    if (may("edit"))
      items.push(
        { name: "Rename", icon: "pencil", keys: "F2", run: () => rename(f) },
        { name: "Move to the top", icon: "move", disabled: !f.parent, run: () => void patch(`/folders/${f.id}`, { parent: "" }).then(p.reload, (x: unknown) => tell_problem(problem_of(x))) },
        "line",
        { name: "Delete the empty folder", icon: "trash", danger: true, run: () => void del(`/folders/${f.id}`).then(() => { if (p.chosen === f.id) pick(null); p.reload(); }, (x: unknown) => tell_problem(problem_of(x))) },
      );
    menu_at(e, items, f.name);
  };
  const rename = (f: Folder) => void open_dialog((close) => <NameDialog title={`Rename ${f.name}`} label="Name" value={f.name} act="Rename" close={close} save={async (name) => { await patch(`/folders/${f.id}`, { name }); p.reload(); }} />);
  return (
    <Panel side="left" name="Folders" width={200}>
      <div class="side-head">
        <span class="heading">Folders</span>
        {may("upload") && <Button icon="plus" name="New folder" look="plain" run={() => make_folder(p.project, p.chosen && p.chosen !== "top" ? p.chosen : null, p.reload)} />}
      </div>
      <div class="tree" role="tree" aria-label="Folders" onKeyDown={(e) => {
        const all = [...e.currentTarget.querySelectorAll<HTMLElement>("[role=treeitem]")];
        const now = all.findIndex((i) => i === document.activeElement);
        const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[e.key];
        if (next === undefined) return;
        all[Math.min(all.length - 1, Math.max(0, next))]?.focus();
        e.preventDefault();
        e.stopPropagation();
      }}>
        <button type="button" role="treeitem" aria-selected={p.chosen === null} aria-level={1} class={`row${p.chosen === null ? " on" : ""}`} onClick={() => pick(null)}>
          <Icon name="grid" /><span class="cut">Everything</span><span class="mono quiet">{count_text(p.total)}</span>
        </button>
        <button type="button" role="treeitem" aria-selected={p.chosen === "top"} aria-level={1} class={`row${p.chosen === "top" ? " on" : ""}${over === "top" ? " over" : ""}`} onClick={() => pick("top")} {...drag(null, "top")}>
          <Icon name="house" /><span class="cut">In no folder</span>
        </button>
        {rows.map(({ f, depth, open, has }) => (
          <button key={f.id} type="button" role="treeitem" aria-selected={p.chosen === f.id} aria-level={depth + 1} aria-expanded={has ? open : undefined} title={f.name}
            class={`row${p.chosen === f.id ? " on" : ""}${over === f.id ? " over" : ""}`} style={{ paddingLeft: `${12 + depth * 14}px` }}
            onClick={() => pick(f.id)} onContextMenu={(e) => menu(e, f)} {...drag(f.id, f.id)}
            onKeyDown={(e) => {
              if (e.key === "F2" && may("edit")) rename(f);
              else if ((e.key === "ArrowLeft" && open) || (e.key === "ArrowRight" && !open)) {
                const next = new Set(shut);
                if (open) next.add(f.id);
                else next.delete(f.id);
                set_shut(next);
              } else return;
              e.preventDefault();
              e.stopPropagation();
            }}>
            <Icon name={p.chosen === f.id ? "folder_open" : "folder"} /><span class="cut">{f.name}</span><span class="mono quiet">{count_text(f.assets)}</span>
          </button>
        ))}
      </div>
    </Panel>
  );
}
