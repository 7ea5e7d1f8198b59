/*
 * library/original: a camera original that only its maker's software decodes: a plate in the picture's
 * place, and the transcode that stands for it.
 */
import type { Asset, AssetList, OriginalTranscode, Problem, Version } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, get, post, problem_of } from "../app/api";
import { to } from "../app/router";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { count_text, rate_name, size_text } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { tell, tell_problem } from "../parts/toast";

export const without_picture = (v: Version): boolean => v.facts?.camera?.picture === false;

const said = (value: string | null | undefined, from: string | null | undefined): string => (value ? `${value}${from ? ` (${from === "file name" ? "by file name" : from})` : ""}` : "not said");

// What is known of it, in the trade's order.
export function camera_rows(v: Version): [string, string][] {
  const f = v.facts;
  const c = f?.camera;
  const size = f?.video[0];
  if (!f || !c) return [];
  return [
    ...(c.format ? [["Format", c.format] as [string, string]] : []),
    ["Reel", said(c.reel, c.reel_from)],
    ["Clip", said(c.clip, c.clip_from)],
    ...(c.model ? [["Camera", c.model] as [string, string]] : []),
    ...(c.picture ? [] : [
      ["Timecode", said(f.timecode?.start, f.timecode?.from)] as [string, string],
      ["Rate", f.rate_from === "none" ? "not said" : `${rate_name(f.rate)} (${f.rate_from})`] as [string, string],
      ["Length", f.duration_frames ? `${count_text(f.duration_frames)} frames` : "not said"] as [string, string],
      ["Picture", size?.width ? `${size.width} × ${size.height}` : "size not said"] as [string, string],
    ]),
  ];
}

// The transcode of an original, or the original of a transcode, and who could be.
export function use_transcode(asset: string, changed: unknown): [OriginalTranscode | null, (o: OriginalTranscode) => void] {
  const [of, set] = useState<OriginalTranscode | null>(null);
  useEffect(() => {
    let gone = false;
    get<OriginalTranscode>(`/assets/${asset}/transcode`).then((o) => { if (!gone) set(o); }, () => undefined);
    return () => { gone = true; };
  }, [asset, changed]);
  return [of, set];
}

const attach = (asset: string, transcode: string): Promise<OriginalTranscode> => post<OriginalTranscode>(`/assets/${asset}/transcode`, { transcode });

export function detach(asset: Asset, name: string, done: (o: OriginalTranscode) => void): void {
  del<OriginalTranscode>(`/assets/${asset.id}/transcode`).then((o) => { done(o); tell(`${name} is detached; it can be attached again`); }, (e: unknown) => tell_problem(problem_of(e)));
}

export function AttachDialog({ asset, of, done, close }: { asset: Asset; of: OriginalTranscode; done: (o: OriginalTranscode) => void; close: () => void }) {
  const [words, set_words] = useState("");
  const [found, set_found] = useState<Asset[]>([]);
  const [problem, set_problem] = useState<Problem | null>(null);
  useEffect(() => {
    let gone = false;
    if (!words.trim()) return set_found([]);
    const wait = setTimeout(() => {
      get<AssetList>(`/projects/${asset.project}/assets?kind=clip&limit=30&q=${encodeURIComponent(words)}`).then((l) => { if (!gone) set_found(l.items.filter((a) => !without_picture(a.version) && a.id !== asset.id)); }, () => undefined);
    }, 200);
    return () => { gone = true; clearTimeout(wait); };
  }, [words]);
  const take = (id: string): void => void attach(asset.id, id).then((o) => { done(o); close(); tell("The transcode is attached"); }, (e: unknown) => set_problem(problem_of(e)));
  const row = (id: string, name: string, why: string) => (
    <li key={id}><Button run={() => take(id)}>Attach</Button> <span class="cut" title={name}>{name}</span> <span class="quiet">{why}</span></li>
  );
  return (
    <Dialog title={`A transcode of ${asset.name}`} close={close} footer={<Button run={close}>Cancel</Button>}>
      {problem && <ProblemBox problem={problem} />}
      {of.candidates.length > 0 && <><h3>{of.candidates.length > 1 ? "Several claim to be its transcode: you decide" : "This one fits"}</h3><ul class="plain">{of.candidates.map((c) => row(c.asset, c.name, `by ${c.how}`))}</ul></>}
      {of.claims.length > 1 && <p class="note">{of.claims.map((c) => c.name).join(" and ")} claim the same transcode.</p>}
      <Field label="Or another clip of this project" value={words} set={set_words} hint="A part of its name" />
      <ul class="plain">{found.map((a) => row(a.id, a.name, size_text(a.version.size)))}</ul>
      {words.trim() && found.length === 0 && <p class="quiet">No clip has that in its name.</p>}
    </Dialog>
  );
}

// The buttons that go with an original, and what stands for it now.
export function TranscodeActs({ asset, v }: { asset: Asset; v: Version }) {
  const [of, set] = use_transcode(asset.id, `${v.id}${v.shown?.asset ?? ""}${v.state}`);
  if (!of || (!of.original && !of.attached)) return null;
  if (!of.original && of.attached) return <p>Stands for <a href={to.review(asset.project, of.attached.asset)}>{of.attached.name}</a> ({of.attached.how === "by hand" ? "by hand" : `by ${of.attached.how}`}).</p>;
  const open = (): void => void open_dialog((close) => <AttachDialog asset={asset} of={of} done={set} close={close} />);
  return (
    <>
      {of.attached && <p>Shown by <a href={to.review(asset.project, of.attached.asset)}>{of.attached.name}</a> ({of.attached.how === "by hand" ? "by hand" : `by ${of.attached.how}`}).</p>}
      {!of.attached && of.candidates.length > 1 && <p class="note">{of.candidates.length} files claim to be its transcode.</p>}
      {!of.attached && of.claims.length > 1 && <p class="note">{of.claims.map((c) => c.name).join(" and ")} claim the same transcode.</p>}
      {may("edit") && (
        <div class="acts">
          <Button look={of.attached ? undefined : "primary"} run={open}>{of.attached ? "Another transcode…" : "Attach a transcode…"}</Button>
          {of.attached && <Button run={() => detach(asset, of.attached?.name ?? "", set)}>Detach</Button>}
        </div>
      )}
    </>
  );
}

// In the picture's place.
export function Plate({ asset, v }: { asset: Asset; v: Version }) {
  const c = v.facts?.camera;
  return (
    <div class="review-face plate" role="status">
      <h2>No picture without the maker's SDK</h2>
      <p>This is {c?.format ?? "a camera original"}; {c?.sdk ?? "its maker's software"} decodes it. The file is stored and whole.</p>
      <dl>{camera_rows(v).map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="mono">{value}</dd></div>)}</dl>
      <TranscodeActs asset={asset} v={v} />
    </div>
  );
}
