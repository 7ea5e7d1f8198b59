// links/make: dialogs that make a link: to look, to take files, to send some; and the mail that carries it.
import sheet from "./links.css?url";
import type { Asset, Folder, NewShare, Problem, RequestField, Share, ShareMail } from "api-types";
import { useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { may } from "../app/session";
import { Button, CopyButton, CopyLine } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Choice, Field, Tick } from "../parts/field";
import { plural } from "../parts/format";
import { ProblemBox } from "../parts/problem";

export { sheet };

const ends = [{ value: "1", label: "tomorrow" }, { value: "7", label: "in 7 days" }, { value: "14", label: "in 14 days" }, { value: "90", label: "in 90 days" }, { value: "0", label: "never, until it is revoked" }] as const;
type Ends = (typeof ends)[number]["value"];
const end_of = (days: Ends): string | null => (days === "0" ? null : new Date(Date.now() + Number(days) * 86_400_000).toISOString());

// What all links may have besides, folded until it is wanted.
interface Usual {
  days: Ends;
  password: string;
  uses: string;
  message: string;
}
const usual: Usual = { days: "14", password: "", uses: "", message: "" };
const good = (u: Usual): boolean => (u.password.length === 0 || u.password.length >= 10) && /^\d{0,6}$/.test(u.uses);
const body_of = (u: Usual) => ({ expires: end_of(u.days), password: u.password || null, most_uses: Number(u.uses) || 0, message: u.message });

function UsualFields({ of, set, uses, ask }: { of: Usual; set: (u: Usual) => void; uses: string; ask: boolean }) {
  return (
    <>
      <Choice label="The link ends" value={of.days} set={(days) => set({ ...of, days })} options={[...ends]} />
      <Field label="Password (optional)" type="password" value={of.password} set={(password) => set({ ...of, password })} autocomplete="new-password" hint="10 characters or more" wrong={of.password && of.password.length < 10 ? `${10 - of.password.length} more characters` : null} />
      <Field label={uses} type="number" min="1" value={of.uses} set={(v) => set({ ...of, uses: v })} hint="Empty: any number" />
      <Field label={ask ? "What else they should know (optional)" : "Message for the visitor (optional)"} value={of.message} set={(message) => set({ ...of, message })} maxlength={1900} />
    </>
  );
}

export function ShareDialog({ project, assets, folder, close }: { project: string; assets: readonly Asset[]; folder?: Folder; close: () => void }) {
  const first = assets[0];
  const what = folder ? folder.name : assets.length === 1 && first ? first.name : plural(assets.length, "asset");
  const [title, set_title] = useState(what);
  const [permission, set_permission] = useState<"view" | "comment" | "files">(folder && may("download") ? "files" : "comment");
  const [download, set_download] = useState(false);
  const [more, set_more] = useState(usual);
  const [made, set_made] = useState<Share | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const make = async () => {
    set_busy(true);
    set_wrong(null);
    const files = permission === "files";
    try {
      const body: NewShare = { title, kind: files ? "files" : "review", assets: assets.map((a) => a.id), folders: folder ? [folder.id] : [], permission: files ? "view" : permission, download: files || download, ...body_of(more) };
      set_made(await post<Share>(`/projects/${project}/shares`, body));
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  if (made) return <Made share={made} password={more.password} close={close} />;
  return (
    <Dialog title={`Share ${what}`} close={close} submit={() => void make()} footer={<Button submit look="primary" busy={busy} disabled={!title.trim() || !good(more)}>Make the link</Button>}>
      <Field label="Title, as the visitor sees it" value={title} set={set_title} required focus maxlength={200} />
      <Choice label="Visitors may" value={permission} set={set_permission} options={[{ value: "comment", label: "Look and comment" }, { value: "view", label: "Look only" }, ...(may("download") ? [{ value: "files" as const, label: "Take the files: one by one, or all as a zip" }] : [])]} hint={folder ? "What is in the folder when somebody looks is shared, with all below it." : undefined} />
      {permission !== "files" && <Tick label="Visitors may download the original" on={download} set={set_download} />}
      <UsualFields of={more} set={set_more} uses="How many visitors (optional)" ask={false} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function RequestDialog({ project, folder, close }: { project: string; folder: Folder | null; close: () => void }) {
  const [title, set_title] = useState(folder ? `Files for ${folder.name}` : "Files for us");
  const [types, set_types] = useState("");
  const [most, set_most] = useState("");
  const [fields, set_fields] = useState<RequestField[]>([]);
  const [more, set_more] = useState(usual);
  const [made, set_made] = useState<Share | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const list = types.toLowerCase().split(/[\s,;]+/).map((t) => t.replace(/^\*?\./, "")).filter(Boolean);
  const change = (i: number, c: Partial<RequestField>) => set_fields((all) => all.map((f, k) => (k === i ? { ...f, ...c } : f)));
  const make = async () => {
    set_busy(true);
    set_wrong(null);
    try {
      const asked = fields.filter((f) => f.name.trim()).map((f) => ({ ...f, name: f.name.trim(), kind: f.choices.length ? ("choice" as const) : ("text" as const) }));
      const body: NewShare = { title, kind: "request", assets: [], permission: "view", download: false, wants: { folder: folder?.id ?? null, most_bytes: Math.round((Number(most) || 0) * 1e9), types: list, fields: asked }, ...body_of(more) };
      set_made(await post<Share>(`/projects/${project}/shares`, body));
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  if (made) return <Made share={made} password={more.password} close={close} />;
  return (
    <Dialog title={folder ? `Ask for files into ${folder.name}` : "Ask for files"} close={close} submit={() => void make()} footer={<Button submit look="primary" busy={busy} disabled={!title.trim() || !good(more)}>Make the link</Button>}>
      <Field label="Title, as the visitor sees it" value={title} set={set_title} required focus maxlength={200} />
      <Field label="Types of files (optional)" value={types} set={set_types} placeholder="mov, mxf, wav" hint="Ends of names; empty: all" />
      <Field label="At most, in GB (optional)" type="number" min="0" value={most} set={set_most} hint="Of one sending" />
      <fieldset class="asked">
        <legend>What to ask whoever sends (the answers stay with the files)</legend>
        {fields.map((f, i) => (
          <div class="form-line" key={i}>
            <Field label="Question" value={f.name} set={(name) => change(i, { name })} maxlength={100} />
            <Field label="Choices (optional)" value={f.choices.join(", ")} set={(v) => change(i, { choices: v ? v.split(",").map((c) => c.trimStart()) : [] })} placeholder="Mix, Stems" />
            <Tick label="Has to be answered" on={f.required} set={(required) => change(i, { required })} />
            <Button icon="close" name="Leave this question out" look="plain" run={() => set_fields((all) => all.filter((_, k) => k !== i))} />
          </div>
        ))}
        <Button icon="plus" disabled={fields.length >= 20} run={() => set_fields((all) => [...all, { name: "", kind: "text", required: false, choices: [] }])}>Ask something</Button>
      </fieldset>
      <UsualFields of={more} set={set_more} uses="How often files may be sent (optional)" ask />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

// The key is in the address, and shown this once. The words are for whoever has no mail server.
function Made({ share, password, close }: { share: Share; password: string; close: () => void }) {
  const url = new URL(share.url ?? "", location.origin).href;
  const [to, set_to] = useState("");
  const [said, set_said] = useState<ShareMail | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const people = to.split(/[\s,;]+/).filter(Boolean);
  const mail = async () => {
    set_busy(true);
    set_wrong(null);
    try {
      set_said(await post<ShareMail>(`/shares/${share.id}/mail`, { to: people, url }));
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  return (
    <Dialog title="The link is ready" close={close} stay footer={<Button look="primary" run={close}>Done</Button>}>
      <div class="link-made">
        <p>Copy it now: it is shown this once, because it holds the key.</p>
        <CopyLine text={url} name="Copy the link" />
        {password && <p class="quiet">Send the password by another way than the link.</p>}
        <div class="form-line">
          <Field label="Send it to" value={to} set={set_to} placeholder="ada@house.example" hint="E-mail; more than one with commas" />
          <Button busy={busy} disabled={!people.length} run={() => void mail()}>Send by e-mail</Button>
        </div>
        {said?.sent && <p class="good" role="status">On its way to {people.join(", ")}.</p>}
        {said && !said.sent && (
          <div role="status">
            <p>This house has no mail server: copy the words into a mail of your own.</p>
            <pre class="words-box" tabIndex={0}>{said.text}</pre>
            <CopyButton text={said.text} name="Copy the words" label="Copy the words" />
          </div>
        )}
        {wrong && <ProblemBox problem={wrong} />}
      </div>
    </Dialog>
  );
}
