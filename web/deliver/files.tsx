// deliver/files: the files of a deliverable that is more than one, each to be fetched.
import type { Delivery, DeliveryFile } from "api-types";
import { may } from "../app/session";
import { CopyButton } from "../parts/button";
import { plural, size_text } from "../parts/format";
import { Icon } from "../parts/icons";

const roles: Record<DeliveryFile["role"], string> = { media: "media", captions: "captions", playlist: "playlist" };

function said(f: DeliveryFile): string {
  if (f.role !== "captions") return roles[f.role];
  return [roles.captions, f.language, f.use, typeof f.cues === "number" ? plural(f.cues, "caption") : ""].filter(Boolean).join(", ");
}

export function Files({ d }: { d: Delivery }) {
  if (d.files.length < 2) return null;
  return (
    <details class="checks">
      <summary>{plural(d.files.length, "file")}{d.content ? "" : ", a folder"}</summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label={`Files of ${d.name}`}>
        <table class="table">
          <thead><tr><th>File</th><th>What it is</th><th class="right">Size</th><th><span class="seen-by-readers">Acts</span></th></tr></thead>
          <tbody>
            {d.files.map((f) => (
              <tr key={f.number}>
                <td class="mono">{f.name}</td>
                <td>
                  {said(f)}
                  {f.notes && f.notes.length > 0 && (
                    <details>
                      <summary class="note">{plural(f.notes.length + (f.more ?? 0), "thing")} it can not say</summary>
                      <ul>{f.notes.map((n) => <li key={`${n.cue} ${n.group} ${n.what}`}>{n.cue > 0 ? `caption ${n.cue}: ` : ""}{n.what}</li>)}</ul>
                    </details>
                  )}
                </td>
                <td class="mono right">{size_text(f.size)}</td>
                <td class="right">{may("download") && <a class="button" href={`/api/v1/deliveries/${d.id}/files/${f.number}`} download={f.name}><Icon name="download" /> Fetch</a>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {may("download") && <div class="acts"><a class="button" href={`/api/v1/deliveries/${d.id}/zip`} download={`${d.name}.zip`}><Icon name="download" /> All as ZIP</a></div>}
      <div class="with-copy"><span class="quiet">Or</span> <code class="cut">posthouse get {d.id}</code><CopyButton text={`posthouse get ${d.id}`} name="Copy the command" /></div>
    </details>
  );
}
