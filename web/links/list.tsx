// links/list: a project's links: what they are for, how often and by whom they were used, what came by them, how they look.
import type { Brand, Drop, LinkUse, Problem, Share } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { del, problem_of, put } from "../app/api";
import { subscribe } from "../app/events";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { ask, open_dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { count_text, plural, size_text } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { Empty, ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";
import { RequestDialog } from "./make";

const fail = (e: unknown) => tell_problem(problem_of(e));
const kinds: Record<Share["kind"], string> = { review: "to look", files: "to take files", request: "to send files" };

function what_of(s: Share): string {
  if (s.kind === "request") return s.wants?.types.length ? s.wants.types.join(", ") : "any files";
  return [s.folders > 0 ? plural(s.folders, "folder") : "", s.assets.length > 0 ? plural(s.assets.length, "asset") : ""].filter(Boolean).join(", ") || "nothing any more";
}

export function Links({ project }: { project: string }) {
  const list = use_load<Share[]>(`/projects/${project}/shares`);
  const [open, set_open] = useState<string | null>(null);
  useEffect(() => subscribe({ project, kinds: ["share.", "request."], hear: list.reload }), [project]);
  const request = () => void open_dialog((close) => <RequestDialog project={project} folder={null} close={() => { close(); list.reload(); }} />);
  return (
    <>
      <header class="line"><h1>Links</h1>{may("upload") && may("share") && <Button icon="upload" run={request}>Ask for files</Button>}</header>
      <Loaded from={list}>
        {(all) => all.length === 0 ? (
          <Empty title="No links have been made"><p>Choose assets in the library and press Share (Ctrl-S), or share a folder from its menu: a visitor needs no account.</p></Empty>
        ) : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Links">
            <table class="table">
              <thead><tr><th>Title</th><th>For</th><th>What</th><th>Ends</th><th>Password</th><th class="right">Used</th><th>Made</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
              <tbody>{all.map((s) => <LinkRows key={s.id} s={s} open={open === s.id} toggle={() => set_open(open === s.id ? null : s.id)} reload={list.reload} />)}</tbody>
            </table>
          </div>
        )}
      </Loaded>
      {may("manage") && <Look address={`/projects/${project}/brand`} />}
    </>
  );
}

function LinkRows({ s, open, toggle, reload }: { s: Share; open: boolean; toggle: () => void; reload: () => void }) {
  const used_up = s.most_uses > 0 && s.uses >= s.most_uses;
  const over = s.expires && Date.parse(s.expires) < Date.now();
  const revoke = () => void ask({ title: `Revoke ${s.title}?`, text: "Whoever has the link is locked out at once, and what it is sending stops.", yes: "Revoke the link", danger: true }).then((yes) => { if (yes) del(`/shares/${s.id}`).then(reload, fail); });
  return (
    <>
      <tr>
        <td>{s.title}</td>
        <td>{kinds[s.kind]}{s.kind === "review" && s.permission === "comment" ? " and comment" : ""}{s.kind === "review" && s.download ? ", download" : ""}</td>
        <td>{what_of(s)}</td>
        <td>{s.revoked ? <span class="bad">revoked</span> : over ? <span class="bad">over</span> : used_up ? <span class="bad">used up</span> : s.expires ? <Ago at={s.expires} /> : "never"}</td>
        <td>{s.password ? "yes" : "no"}</td>
        <td class="mono right">{count_text(s.uses)}{s.most_uses > 0 ? ` of ${count_text(s.most_uses)}` : ""}</td>
        <td><Ago at={s.created} /> <span class="quiet">{s.by}</span></td>
        <td class="right nowrap">
          <Button expanded={open} run={toggle}>{s.kind === "request" ? "What came" : "Who used it"}</Button>
          {!s.revoked && may("share") && <Button look="danger" run={revoke}>Revoke</Button>}
        </td>
      </tr>
      {open && <tr class="sub"><td colSpan={8}>{s.kind === "request" && <Drops share={s.id} />}<Uses share={s.id} /></td></tr>}
    </>
  );
}

const acts: Record<LinkUse["act"], string> = { opened: "came in", zip: "took all", file: "took", received: "sent" };

function Uses({ share }: { share: string }) {
  const list = use_load<LinkUse[]>(`/shares/${share}/uses`);
  return (
    <Loaded from={list}>
      {(all) => all.length === 0 ? <p class="quiet">Nobody has used it.</p> : (
        <ul class="uses">
          {all.map((u, i) => (
            <li key={i}><Ago at={u.at} /> <b>{u.name || "somebody"}</b> {acts[u.act]} {u.detail} {u.bytes > 0 && <span class="mono quiet">{size_text(u.bytes)}</span>} <span class="quiet">from {u.address}</span></li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}

function Drops({ share }: { share: string }) {
  const list = use_load<Drop[]>(`/shares/${share}/drops`);
  return (
    <Loaded from={list}>
      {(all) => all.length === 0 ? <p class="quiet">Nothing has come.</p> : (
        <ul class="uses">
          {all.map((d) => (
            <li key={d.transfer}>
              <Ago at={d.created} /> <b>{d.by || "somebody"}</b>: {d.name}, {count_text(d.files_done)} of {plural(d.files, "file")} <span class="mono quiet">{size_text(d.bytes_done)}</span> {d.state === "open" && <span class="note">not closed yet</span>}
              <Answers of={d.answers as Record<string, string>} />
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}

export function Answers({ of }: { of: Record<string, string> }) {
  const list = Object.entries(of);
  return list.length ? <dl class="answers">{list.map(([name, answer]) => <div key={name}><dt>{name}</dt><dd>{answer}</dd></div>)}</dl> : null;
}

const nothing: Brand = { name: "", colour: "", message: "", logo: "" };

// White-labelled: visitors see this and nothing of ours. What is empty is the house's.
function Look({ address }: { address: string }) {
  const own = use_load<Brand>(address);
  const [change, set] = useState<Brand | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const now = change ?? own.value ?? nothing;
  const picked = (e: Event) => {
    const file = (e.currentTarget as HTMLInputElement).files?.[0];
    if (!file) return;
    const reader = new FileReader();
    reader.onload = () => set({ ...now, logo: String(reader.result) });
    reader.readAsDataURL(file);
  };
  const save = () => {
    set_wrong(null);
    put<Brand>(address, now).then((b) => { own.set(b); set(null); tell("Links look like this now"); }, (e: unknown) => set_wrong(problem_of(e)));
  };
  return (
    <details class="delivery">
      <summary><span class="name">How links look to visitors</span><span class="quiet">{own.value?.name || "like the house's"}</span></summary>
      <div class="inside">
        <div class="form-line">
          <Field label="Name" value={now.name} set={(name) => set({ ...now, name })} maxlength={200} />
          <Field label="Colour" value={now.colour} set={(colour) => set({ ...now, colour })} placeholder="#1a6fd0" wrong={now.colour && !/^#[0-9a-fA-F]{6}$/.test(now.colour) ? "It is written like #1a6fd0" : null} />
        </div>
        <Field label="A line for all visitors" value={now.message} set={(message) => set({ ...now, message })} maxlength={1000} />
        <div class="form-line">
          <label class="field"><span>Logo (PNG, JPEG, WebP or GIF, under 200 KB)</span><input class="input" type="file" accept="image/png,image/jpeg,image/webp,image/gif" onChange={picked} /></label>
          {now.logo && <img class="logo" src={now.logo} alt="The logo" />}
          {now.logo && <Button run={() => set({ ...now, logo: "" })}>Without a logo</Button>}
        </div>
        {wrong && <ProblemBox problem={wrong} />}
        <div class="acts"><Button look="primary" disabled={!change} run={save}>Save</Button></div>
      </div>
    </details>
  );
}
