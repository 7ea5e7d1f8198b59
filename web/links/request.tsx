/*
 * links/request: files that somebody without an account sends. The same engine as the library's: what was cut, or left
 * when the browser was closed, goes on when the same files are dropped again.
 */
import type { DropBegun, Problem, ReceiptFile, RequestField, ShareSeen, TransferReceipt } from "api-types";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, new_id, post, problem, problem_of } from "../app/api";
import { Button, CopyButton } from "../parts/button";
import { Choice, Field } from "../parts/field";
import { plural, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { ProblemBox } from "../parts/problem";
import { VirtualRows } from "../parts/virtual";
import { UploadPanel } from "../transfer/panel";
import { take_drop, upload_list, uploads_under_way, type Dropped } from "../transfer/state";
import { clear_done, read_drop, send, type Found } from "../transfer/upload";

interface Kept {
  key: string;
  answers: Record<string, string>;
}
const place = (share: string): string => `posthouse.request.${share}`;
function kept_of(share: string): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(place(share)) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}
function keep(share: string, kept: Kept | null): void {
  try {
    if (kept) localStorage.setItem(place(share), JSON.stringify(kept));
    else localStorage.removeItem(place(share));
  } catch {
    // without storage a sending that is cut begins anew
  }
}

export function Request({ share }: { share: ShareSeen }) {
  const before = useRef(kept_of(share.id));
  const [answers, set_answers] = useState<Record<string, string>>(before.current?.answers ?? {});
  const [transfer, set_transfer] = useState<string | null>(null);
  const [sent, set_sent] = useState<string | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [over, set_over] = useState(false);
  const [missed, set_missed] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const wants = share.wants;
  const fields = wants?.fields ?? [];
  const lacks = fields.filter((f) => f.required && !answers[f.name]?.trim());
  const types = wants?.types ?? [];
  const begin = async (name: string): Promise<{ id: string }> => {
    const kept: Kept = { key: before.current?.key ?? new_id(), answers };
    before.current = kept;
    keep(share.id, kept);
    const begun = await post<DropBegun>(`/shares/${share.id}/drops`, { name, answers, key: kept.key });
    set_transfer(begun.transfer);
    return { id: begun.transfer };
  };
  const bring = async (from: Promise<Found[]> | Found[]) => {
    set_wrong(null);
    set_missed(lacks.length > 0);
    const all = await from;
    if (lacks.length || !all.length) return;
    const fit = types.length ? all.filter((f) => types.includes(f.path.split(".").pop()?.toLowerCase() ?? "")) : all;
    if (fit.length < all.length)
      set_wrong(problem("input", `${plural(all.length - fit.length, "file")} ${all.length - fit.length === 1 ? "was" : "were"} left out`, `files of these types may come: ${types.join(", ")}`));
    const bytes = fit.reduce((sum, f) => sum + f.file.size, 0);
    if (wants?.most_bytes && bytes > wants.most_bytes) return set_wrong(problem("too_big", "This is more than may come at once", `${size_text(wants.most_bytes)} may come, this is ${size_text(bytes)}`, "send less, or ask whoever sent you the link"));
    if (fit.length) await send(share.id, null, fit, null, begin);
  };
  const drop = (dropped: Dropped) => void bring(read_drop(dropped));
  const picked = (e: Event) => {
    const from = e.currentTarget as HTMLInputElement;
    const list = [...(from.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    from.value = "";
    void bring(list);
  };
  const list = upload_list.value;
  const done = transfer !== null && list.length > 0 && uploads_under_way.value === 0 && list.every((u) => u.state === "done");
  useEffect(() => {
    if (!done || !transfer) return;
    keep(share.id, null);
    before.current = null;
    // The engine closes the transfer behind its last file; again is fine, and whoever asked is told once.
    post(`/transfers/${transfer}/close`).then(() => set_sent(transfer), (e: unknown) => set_wrong(problem_of(e)));
  }, [done, transfer]);
  if (sent) return <Received transfer={sent} again={() => { clear_done(); set_sent(null); set_transfer(null); }} />;
  const busy = list.length > 0;
  const refused = list.find((u) => u.state === "failed" && u.problem && !transfer);
  return (
    <section class="link-request" aria-label="Send files">
      {!busy && fields.map((f) => <Question key={f.name} f={f} value={answers[f.name] ?? ""} set={(v) => set_answers((a) => ({ ...a, [f.name]: v }))} missed={missed} />)}
      {!busy && (
        <div class={`link-drop${over ? " over" : ""}`} onDragOver={(e) => { e.preventDefault(); set_over(true); }} onDragLeave={() => set_over(false)} onDrop={(e) => { e.preventDefault(); set_over(false); if (e.dataTransfer) drop(take_drop(e.dataTransfer)); }}>
          <Icon name="upload" size={32} />
          <b>Drop files and folders here</b>
          <div class="acts">
            <Button look="primary" run={() => files.current?.click()}>Choose files</Button>
            <Button run={() => folder.current?.click()}>Choose a folder</Button>
          </div>
          <span class="quiet">
            {types.length > 0 && `${types.join(", ")}. `}{wants && wants.most_bytes > 0 && `At most ${size_text(wants.most_bytes)}. `}Folders keep their structure. What is cut goes on.
          </span>
        </div>
      )}
      <input ref={files} type="file" multiple hidden onChange={picked} accept={types.map((t) => `.${t}`).join(",") || undefined} />
      <input ref={(e) => { folder.current = e; e?.setAttribute("webkitdirectory", ""); }} type="file" multiple hidden onChange={picked} />
      {wrong && <ProblemBox problem={wrong} />}
      <UploadPanel project={share.id} />
      {refused && <Button run={() => { clear_done(); upload_list.value = []; }}>Back to the questions</Button>}
      {busy && uploads_under_way.value > 0 && <p class="quiet">Leave this page open. If it is closed, open the link again and drop the same files: what has arrived is not sent twice.</p>}
    </section>
  );
}

function Question({ f, value, set, missed }: { f: RequestField; value: string; set: (v: string) => void; missed: boolean }) {
  const label = f.required ? f.name : `${f.name} (optional)`;
  const lacks = missed && f.required && !value.trim();
  if (f.kind === "choice") return <Choice label={label} value={value} set={set} options={[{ value: "", label: "Choose" }, ...f.choices.map((c) => ({ value: c, label: c }))]} hint={lacks ? <span class="bad">This has to be answered</span> : undefined} />;
  return <Field label={label} value={value} set={set} required={f.required} maxlength={500} wrong={lacks ? "This has to be answered" : null} />;
}

// What has arrived, by name, size and hash.
function Received({ transfer, again }: { transfer: string; again: () => void }) {
  const [receipt, set_receipt] = useState<TransferReceipt | null>(null);
  const [files, set_files] = useState<ReceiptFile[]>([]);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [turn, set_turn] = useState(0);
  useEffect(() => {
    let live = true;
    let timer = 0;
    const all = async () => {
      const found: ReceiptFile[] = [];
      let waiting = 0;
      for (;;) {
        const after = found[found.length - 1]?.path;
        const page = await get<TransferReceipt>(`/transfers/${transfer}/receipt?limit=1000${after ? `&after=${encodeURIComponent(after)}` : ""}`);
        if (!live) return;
        found.push(...page.files);
        waiting += page.waiting;
        set_receipt(page);
        set_files([...found]);
        if (!page.files.length || found.length >= page.total) break;
      }
      if (waiting > 0) timer = window.setTimeout(() => set_turn((n) => n + 1), 1000);
    };
    all().catch((e: unknown) => live && set_wrong(problem_of(e)));
    return () => {
      live = false;
      window.clearTimeout(timer);
    };
  }, [transfer, turn]);
  const list = files.map((f) => `${f.sha256 ?? f.content ?? ""}  ${f.path}`).join("\n");
  return (
    <section class="link-received" aria-label="Received">
      <h2><Icon name="check" /> Received</h2>
      {wrong && <ProblemBox problem={wrong} retry={() => set_turn((n) => n + 1)} />}
      {!receipt && !wrong && <div class="skeleton bar" aria-busy="true" />}
      {receipt && (
        <>
          <p role="status">{plural(receipt.stored, "file")}, {size_text(receipt.bytes)}, each proven by its hash when it arrived. Whoever asked has been told.</p>
          <div class="link-list">
            <VirtualRows count={files.length} row_height={44} attributes={{ tabIndex: 0, role: "list", "aria-label": "What has arrived" }} draw={(i) => {
              const f = files[i];
              return f ? (
                <div class="link-row receipt-row" role="listitem">
                  <span class="cut" title={f.path}>{f.path}</span>
                  <span class="mono quiet">{size_text(f.size)}</span>
                  <code class="cut quiet" title={f.sha256 ? "SHA-256 of the file" : "SHA-256 over the SHA-256 of each 8 MiB"}>{f.sha256 ?? (receipt.waiting ? "working out its SHA-256" : `by chunks: ${f.content ?? ""}`)}</code>
                </div>
              ) : null;
            }} />
          </div>
          <div class="acts no-print">
            <CopyButton text={list} name="Copy the list with hashes" label="Copy the list" />
            <Button run={() => window.print()}>Print</Button>
            <Button run={again}>Send more</Button>
          </div>
        </>
      )}
    </section>
  );
}
