// deliver/outlets: a master beside every outlet: what passes, what is missing, and the way to where it is mended.
import type { Fit, Readiness } from "api-types";
import { useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { to } from "../app/router";
import { BringDialog } from "../captions/bring";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { open_dialog } from "../parts/dialog";
import { plural } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { tell, tell_problem } from "../parts/toast";
import { OrderDialog } from "./order_dialog";

// Where something that is missing is mended.
function mend(f: Fit, project: string, asset: string): { word: string; href: string } {
  const what = f.what.toLowerCase();
  if (/loudness|true peak|quality/.test(what)) return { word: "Quality control", href: to.review(project, asset) };
  return { word: "The master", href: to.review(project, asset) };
}
// There is a report to look at, unless nobody has asked for one, or the captions are others since.
const unchecked = (f: Fit): boolean => /no report|captions/.test(f.seen);
const words: Record<Readiness["state"], { word: string; look: string }> = {
  ready: { word: "ready", look: "good" }, checks: { word: "checked only", look: "quiet" }, no: { word: "not of this master", look: "bad" },
};

// One click that mends it, where there is one; else the way to where somebody can.
function Mend({ f, project, asset, version, name, mended }: { f: Fit; project: string; asset: string; version: string; name: string; mended: () => void }) {
  if (f.state === "ok") return null;
  if (f.what === "quality control" && unchecked(f) && may("deliver"))
    return <Button run={() => void post(`/versions/${version}/qc`, { rules: f.wanted }).then(() => tell(`${name} is being checked by ${f.wanted}`), (e: unknown) => tell_problem(problem_of(e)))}>Have it checked</Button>;
  if (/^captions/.test(f.what) && may("upload"))
    return <Button run={() => void open_dialog((close) => <BringDialog film={{ id: asset, name }} close={close} done={mended} />)}>Bring captions…</Button>;
  const way = mend(f, project, asset);
  return <a class="button" href={way.href}>{way.word}</a>;
}

function Row({ r, project, asset, version, name, mended }: { r: Readiness; project: string; asset: string; version: string; name: string; mended: () => void }) {
  const [open, set_open] = useState(false);
  const lacks = r.fit.filter((f) => f.state === "no"), unknown = r.fit.filter((f) => f.state === "unknown"), passes = r.fit.filter((f) => f.state === "ok");
  return (
    <>
      <tr>
        <td><button type="button" class="button plain" aria-expanded={open} onClick={() => set_open(!open)}>{r.title}</button></td>
        <td class={words[r.state].look}>{words[r.state].word}</td>
        <td class="good">{passes.length > 0 ? plural(passes.length, "pass", "pass") : ""}</td>
        <td>{lacks.length > 0 && <span class="bad">{lacks.length} missing</span>} {unknown.length > 0 && <span class="note">{unknown.length} to be said</span>}</td>
        <td class="right">{r.state === "ready" && may("deliver") && <Button run={() => void open_dialog((close) => <OrderDialog version={version} profile={r.name} title={r.title} name={name} close={close} />)}>Order…</Button>}</td>
      </tr>
      {open && [...lacks, ...unknown, ...passes].map((f) => (
        <tr key={f.what} class="sub">
          <td>{f.what}</td>
          <td class="mono">{f.wanted}</td>
          <td class={`mono ${f.state === "no" ? "bad" : f.state === "unknown" ? "note" : "good"}`}>{f.seen}</td>
          <td>{f.fix}</td>
          <td class="right"><Mend f={f} project={project} asset={asset} version={version} name={name} mended={mended} /></td>
        </tr>
      ))}
    </>
  );
}

export function Outlets({ project, asset, version, name }: { project: string; asset: string; version: string; name: string }) {
  const list = use_load<Readiness[]>(`/versions/${version}/readiness`);
  const order = Object.keys(words);
  return (
    <Loaded from={list}>
      {(all) => (
        <div class="scroll-x" tabIndex={0} role="region" aria-label={`Outlets of ${name}`}>
          <table class="table outlets">
            <thead><tr><th>Outlet</th><th>Standing</th><th>Passes</th><th>Missing</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
            <tbody>
              {[...all].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.title < b.title ? -1 : 1)).map((r) => <Row key={r.name} r={r} project={project} asset={asset} version={version} name={name} mended={list.reload} />)}
            </tbody>
          </table>
        </div>
      )}
    </Loaded>
  );
}
