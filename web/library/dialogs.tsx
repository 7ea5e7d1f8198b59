// library/dialogs: share, deliver, move.
import type { Asset, Delivery, Folder, NewDelivery, Problem, Readiness } from "api-types";
import { Fragment } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { lazy } from "../app/lazy";
import { go, to } from "../app/router";
import { may } from "../app/session";
import { no_order, order_body } from "../deliver/order_model";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { plural } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { load_sheet } from "../parts/sheet";
import { tell, tell_problem } from "../parts/toast";

const OrderPart = lazy(() => import("../deliver/order"), (m, p: Parameters<typeof import("../deliver/order").OrderPart>[0]) => <m.OrderPart {...p} />);

type Of<T extends keyof typeof import("./fields")> = (typeof import("./fields"))[T] extends (p: infer P) => unknown ? P : never;
export const FilterDialog = lazy(() => import("./fields"), (m, p: Of<"FilterDialog">) => <m.FilterDialog {...p} />);
export const EditDialog = lazy(() => import("./fields"), (m, p: Of<"EditDialog">) => <m.EditDialog {...p} />);
export const ColumnsDialog = lazy(() => import("./fields"), (m, p: Of<"ColumnsDialog">) => <m.ColumnsDialog {...p} />);
export const ImportDialog = lazy(() => import("./fields"), (m, p: Of<"ImportDialog">) => <m.ImportDialog {...p} />);
export const FieldGroup = lazy(() => import("./fields"), (m, p: Of<"FieldGroup">) => <m.FieldGroup {...p} />);

// Loaded when first opened, with all else that is about links.
export const ShareDialog = lazy(() => import("../links/make"), (m, p: { project: string; assets: readonly Asset[]; folder?: Folder; close: () => void }) => <m.ShareDialog {...p} />);
export const RequestDialog = lazy(() => import("../links/make"), (m, p: { project: string; folder: Folder | null; close: () => void }) => <m.RequestDialog {...p} />);

const readiness: Record<Readiness["state"], { title: string; word: string; look: string }> = {
  ready: { title: "Ready to make", word: "ready", look: "good" },
  checks: { title: "Checked only", word: "can not be made here", look: "quiet" },
  no: { title: "Not of this master", word: "does not fit", look: "bad" },
};

const light_of_it = /^(mastering display|MaxCLL, MaxFALL)$/;
const state_light = (asset: Asset, done: () => void): void =>
  void import("./master").then(async (m) => { await load_sheet(m.sheet); open_dialog((close) => <m.StateLight asset={asset} done={done} close={close} />); }, (e: unknown) => tell_problem(problem_of(e)));

// What is in the way of a profile, or has to be said by somebody.
function FitTable({ p, asset, again }: { p: Readiness; asset: Asset; again: () => void }) {
  const rows = p.fit.filter((f) => f.state !== "ok");
  const source = p.source as { title: string; date: string; clause?: string } | null;
  return (
    <div class="fit">
      {p.checks_only && <p>{p.checks_only}</p>}
      {rows.length > 0 && (
        <table class="table">
          <thead><tr><th>What</th><th>Wanted</th><th>Seen</th><th>The way there</th></tr></thead>
          <tbody>
            {rows.map((f) => (
              <tr key={f.what}>
                <td>{f.what}</td><td class="mono">{f.wanted}</td>
                <td class={f.state === "no" ? "bad" : "note"}>{f.seen}</td><td>{light_of_it.test(f.what) && may("edit") ? <Button run={() => state_light(asset, again)}>State it…</Button> : f.fix}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {p.notes && <ul class="quiet">{p.notes.map((n) => <li key={n}>{n}</li>)}</ul>}
      {source && <p class="quiet">{source.title}, {source.date}{source.clause ? `: ${source.clause}` : ""}{p.standing === "unconfirmed" ? ". Not confirmed by a person yet." : "."}</p>}
    </div>
  );
}

export function DeliverDialog({ asset, close }: { asset: Asset; close: () => void }) {
  const [profiles, set_profiles] = useState<Readiness[] | null>(null);
  const [chosen, choose] = useState("");
  const [order, set_order] = useState(no_order);
  const [labels, set_labels] = useState(false);
  const [mark, set_mark] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const load = () => {
    get<Readiness[]>(`/versions/${asset.version.id}/readiness`).then(
      (list) => {
        const order = Object.keys(readiness);
        list.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.title < b.title ? -1 : 1));
        set_profiles(list);
        choose((c) => c || (list[0]?.name ?? ""));
      },
      (e: unknown) => set_wrong(problem_of(e)),
    );
  };
  useEffect(load, []);
  const focused = useRef(false);
  const focus_once = (radio: HTMLInputElement | null) => {
    if (radio && !focused.current) radio.focus();
    focused.current = true;
  };
  const send = async () => {
    set_busy(true);
    set_wrong(null);
    try {
      const burn = [...(labels ? ["timecode"] : []), ...(mark.trim() ? [`watermark=${mark.trim().replaceAll("|", "/")}`] : [])];
      const body: NewDelivery = { profile: chosen, ...order_body(order), burn: burn.join("|") || null };
      await post<Delivery>(`/versions/${asset.version.id}/deliveries`, body);
      close();
      tell(`${asset.name} is being delivered`, { name: "Show", run: () => go(to.deliver(asset.project)) });
    } catch (e) {
      set_wrong(problem_of(e));
      set_busy(false);
    }
  };
  const can = profiles?.find((p) => p.name === chosen)?.state === "ready" && order.good;
  return (
    <Dialog wide title={`Deliver ${asset.name}`} close={close} submit={() => can && void send()} footer={<Button submit look="primary" busy={busy} disabled={!can}>Deliver</Button>}>
      {!profiles && !wrong && <div class="skeleton profile" />}
      <div role="radiogroup" aria-label="Profile" class="profiles">
        {profiles?.map((p, i) => (
          <Fragment key={p.name}>
            {p.state !== profiles[i - 1]?.state && <h3>{readiness[p.state].title}</h3>}
            <label class={p.name === chosen ? "profile on" : "profile"}>
              <input type="radio" name="profile" ref={p.name === chosen ? focus_once : undefined} value={p.name} checked={p.name === chosen} onChange={() => { choose(p.name); set_order(no_order); }} />
              <b>{p.title}</b>
              <code class="quiet">{p.name}</code>
              <span class={`state ${readiness[p.state].look}`}>{p.state === "no" ? plural(p.fit.filter((f) => f.state === "no").length, "reason") : readiness[p.state].word}</span>
              <span class="quiet">{p.description}</span>
            </label>
            {p.name === chosen && <FitTable p={p} asset={asset} again={load} />}
            {p.name === chosen && p.state === "ready" && <OrderPart key={p.name} version={asset.version.id} profile={p.name} order={order} set={set_order} />}
            {p.name === chosen && p.state === "ready" && p.container !== "wav" && (
              <div class="fit">
                <Tick label="Timecode in the picture" on={labels} set={set_labels} />
                <Field label="Watermark in the picture (optional)" value={mark} set={set_mark} maxlength={100} hint="The name of whoever is to watch it" />
              </div>
            )}
          </Fragment>
        ))}
      </div>
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function MoveDialog({ folders, count, move, close }: { folders: readonly Folder[]; count: number; move: (folder: string | null) => void; close: () => void }) {
  const [to_folder, set_to] = useState("");
  const path = (f: Folder): string => {
    const above = folders.find((o) => o.id === f.parent);
    return above && above.id !== f.id ? `${path(above)} / ${f.name}` : f.name;
  };
  return (
    <Dialog title={`Move ${plural(count, "asset")}`} close={close} submit={() => { close(); move(to_folder || null); }} footer={<Button submit look="primary">Move</Button>}>
      <Choice label="Into" value={to_folder} set={set_to} options={[{ value: "", label: "The top, in no folder" }, ...folders.map((f) => ({ value: f.id, label: path(f) })).sort((a, b) => (a.label < b.label ? -1 : 1))]} />
    </Dialog>
  );
}

export function NameDialog({ title, label, value, act, save, close }: { title: string; label: string; value: string; act: string; save: (name: string) => Promise<void>; close: () => void }) {
  const [name, set_name] = useState(value);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const send = () => {
    set_busy(true);
    save(name.trim()).then(close, (e: unknown) => {
      set_wrong(problem_of(e));
      set_busy(false);
    });
  };
  return (
    <Dialog title={title} close={close} submit={send} footer={<Button submit look="primary" busy={busy} disabled={!name.trim() || name === value}>{act}</Button>}>
      <Field label={label} value={name} set={set_name} focus required maxlength={255} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}
