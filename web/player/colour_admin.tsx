// A project's viewing transforms: what there is, where each is set, another one, and none.
import type { Asset, Problem, Transform, TransformFile, TransformFound, TransformPlace, VersionColour } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, post, problem_of, put, with_query } from "../app/api";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { ProblemBox } from "../parts/problem";
import { tell } from "../parts/toast";
import { Ago } from "../parts/time";
import { kind_of, steps_of, type ConfigWish } from "./colour_model";

type Place = { kind: TransformPlace["kind"]; place: string; label: string };
interface Config { spaces: string[]; displays: { name: string; views: string[] }[]; looks: string[]; display?: string | null; view?: string | null }

export function ColourDialog({ asset, colour, close }: { asset: Asset; colour: VersionColour | null; close: () => void }) {
  const base = `/projects/${asset.project}/transforms`;
  const [all, set_all] = useState<Transform[] | null>(null);
  const [places, set_places] = useState<TransformPlace[]>([]);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const load = (): void => {
    Promise.all([get<Transform[]>(base), get<TransformPlace[]>(`${base}/places`)]).then(([t, p]) => { set_all(t); set_places(p); }, (e: unknown) => set_wrong(problem_of(e)));
  };
  useEffect(load, []);
  const wheres: Place[] = [
    { kind: "project", place: asset.project, label: "The project" },
    ...(asset.folder ? [{ kind: "folder" as const, place: asset.folder, label: "Its folder" }] : []),
    { kind: "asset", place: asset.id, label: "This clip" },
  ];
  const set = (where: Place, to: string): void => {
    set_wrong(null);
    const done = to === "" ? del<TransformPlace[]>(with_query(`${base}/places`, { kind: where.kind, place: where.place })) : put<TransformPlace[]>(`${base}/places`, { kind: where.kind, place: where.place, ...(to !== "none" && { transform: to }) });
    done.then(set_places, (e: unknown) => set_wrong(problem_of(e)));
  };
  const drop = (t: Transform): void => {
    set_wrong(null);
    del(`/transforms/${t.id}`).then(load, (e: unknown) => set_wrong(problem_of(e)));
  };
  return (
    <Dialog title="Viewing transforms" close={close} footer={<Button look="primary" run={close}>Done</Button>}>
      <p class="quiet">How pictures are shown. Proxies are made again in the background; deliverables stay as they are.{colour && !colour.colour.stated ? " This file does not state its colour: nothing is guessed." : ""}</p>
      {wrong && <ProblemBox problem={wrong} />}
      {wheres.map((w) => {
        const at = places.find((p) => p.place === w.place);
        return (
          <div key={w.place}>
            <Choice label={w.label} value={at ? (at.transform ?? "none") : ""} set={(to) => set(w, to)}
              options={[{ value: "", label: w.kind === "project" ? "Not set" : "As set above" }, { value: "none", label: "None: as it is" }, ...(all ?? []).map((t) => ({ value: t.id, label: t.name }))]} />
            {at && <div class="hint">Set by {at.by}, <Ago at={at.at} /></div>}
          </div>
        );
      })}
      <h3>What there is</h3>
      {all === null ? <p class="quiet">Loading</p> : all.length === 0 ? <p class="quiet">None yet.</p> : (
        <ul class="history">
          {all.map((t) => (
            <li key={t.id}>
              <b>{t.name}</b> <span class="quiet">{t.files.length === 1 ? t.files[0]?.name : `${t.files.length} files`}, off by at most {(t.error * 100).toFixed(2)} %, by {t.by}, <Ago at={t.created} /></span>
              {" "}{places.some((p) => p.transform === t.id) ? <span class="quiet">in use</span> : <Button look="plain" name={`Forget ${t.name}`} run={() => drop(t)}>Forget</Button>}
            </li>
          ))}
        </ul>
      )}
      <Add base={base} added={(t) => { load(); tell(`${t.name} is ready`); }} />
    </Dialog>
  );
}

const name_of = (f: File): string => f.webkitRelativePath || f.name;

function Add({ base, added }: { base: string; added: (t: Transform) => void }) {
  const [files, set_files] = useState<File[]>([]);
  const [sent, set_sent] = useState<TransformFile[]>([]);
  const [found, set_found] = useState<TransformFound | null>(null);
  const [name, set_name] = useState("");
  const [correction, set_correction] = useState("");
  const [wish, set_wish] = useState<ConfigWish>({ space: "", display: "", view: "", look: "" });
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const config = (found?.config ?? null) as Config | null;
  const names = files.map(name_of);
  const body = (list: TransformFile[], w: ConfigWish) => ({ name: name.trim() || "check", steps: steps_of(list.map((f) => f.name), correction, w), files: list.map((f) => ({ name: f.name, content: f.content })) });
  const pick = async (list: FileList | null): Promise<void> => {
    const picked = [...(list ?? [])].filter((f) => !f.name.startsWith("."));
    set_files(picked);
    set_found(null);
    set_wrong(null);
    const main = picked.find((f) => kind_of(f.name) === "config") ?? picked.find((f) => kind_of(f.name));
    if (!main) return;
    set_name(main.name.replace(/\.[^.]+$/, ""));
    set_busy(true);
    try {
      const done: TransformFile[] = [];
      for (const f of picked) done.push(await post<TransformFile>(with_query(`${base}/files`, { name: name_of(f) }), await f.arrayBuffer()));
      set_sent(done);
      const seen = await post<TransformFound>(`${base}/check`, { ...body(done, { space: "", display: "", view: "", look: "" }), name: "check" });
      set_found(seen);
      const c = (seen.config ?? null) as Config | null;
      if (c) set_wish({ space: c.spaces[0] ?? "", display: c.display ?? c.displays[0]?.name ?? "", view: c.view ?? c.displays[0]?.views[0] ?? "", look: "" });
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  const make = async (): Promise<void> => {
    set_busy(true);
    set_wrong(null);
    try {
      added(await post<Transform>(base, body(sent, wish)));
      set_files([]);
      set_found(null);
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  const options = (list: readonly string[]) => list.map((value) => ({ value, label: value }));
  const views = config?.displays.find((d) => d.name === wish.display)?.views ?? [];
  return (
    <>
      <h3>Another one</h3>
      <div class="field">
        <label for="colour-files">Files</label>
        <input id="colour-files" type="file" class="input" multiple accept=".cube,.cdl,.cc,.ccc,.edl,.ale" onChange={(e) => void pick(e.currentTarget.files)} />
        <div class="hint">.cube, .cdl, .cc, .ccc, or ASC CDL in .edl and .ale; a correction comes before a table.</div>
      </div>
      <div class="field">
        <label for="colour-folder">Or the folder of an OpenColorIO configuration</label>
        <input id="colour-folder" type="file" class="input" ref={(i) => { if (i) i.webkitdirectory = true; }} onChange={(e) => void pick(e.currentTarget.files)} />
      </div>
      {busy && !found && <p class="quiet" role="status">Reading {names.length === 1 ? names[0] : `${names.length} files`}</p>}
      {wrong && <ProblemBox problem={wrong} />}
      {found && (
        <>
          <Field label="Name" value={name} set={set_name} maxlength={200} />
          {(found.corrections?.length ?? 0) > 1 && <Choice label="Correction" value={correction} set={set_correction} options={[{ value: "", label: "The first" }, ...options(found.corrections ?? [])]} />}
          {config && (
            <>
              <Choice label="The pictures are in" value={wish.space} set={(space) => set_wish({ ...wish, space })} options={options(config.spaces)} />
              <Choice label="Shown on" value={wish.display} set={(display) => set_wish({ ...wish, display, view: config.displays.find((d) => d.name === display)?.views[0] ?? "" })} options={options(config.displays.map((d) => d.name))} />
              <Choice label="As" value={wish.view} set={(view) => set_wish({ ...wish, view })} options={options(views)} />
              {config.looks.length > 0 && <Choice label="Look" value={wish.look} set={(look) => set_wish({ ...wish, look })} options={[{ value: "", label: "None" }, ...options(config.looks)]} />}
            </>
          )}
          <Button look="primary" busy={busy} disabled={!name.trim()} run={() => void make()}>Add {name.trim()}</Button>
        </>
      )}
    </>
  );
}
