// deliver/receipt: what went where, when, by whom, with which digests; a page to be printed. And what is behind a link.
import type { Pickup as Behind, Problem, Receipt as Paper } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { route } from "../app/router";
import { Button } from "../parts/button";
import { exact_text, rate_text, size_text } from "../parts/format";
import { Loaded, use_load } from "../parts/load";
import { ProblemBox } from "../parts/problem";

export function Receipt({ sending }: { sending: string }) {
  const paper = use_load<Paper>(`/sendings/${sending}/receipt`);
  return (
    <main>
      <div class="page-view receipt">
        <Loaded from={paper}>
          {(r) => (
            <>
              <header class="line"><h1>Receipt: {r.delivery.name}</h1><span class="no-print"><Button run={() => print()}>Print</Button> <a class="button" href={`/api/v1/sendings/${sending}/receipt/signed`} download={`${r.delivery.name}.receipt.json`}>Signed, as JSON</a></span></header>
              <dl>
                <dt>Profile</dt><dd>{r.delivery.profile}</dd>
                <dt>To</dt><dd>{r.sending.to} ({r.sending.kind})</dd>
                {r.sending.place && <><dt>Place</dt><dd><code>{r.sending.place}</code></dd></>}
                <dt>Sent</dt><dd>{r.sending.ended ? exact_text(r.sending.ended) : ""} by {r.sending.by}</dd>
                <dt>How much</dt><dd>{size_text(r.bytes)} in {(r.took_ms / 1000).toFixed(1)} s{r.bytes_a_second > 0 ? `, ${rate_text(r.bytes_a_second)}` : ""}</dd>
                <dt>Checks</dt><dd>{r.checks.every((c) => c.ok) ? `all ${r.checks.length} passed` : r.checks.filter((c) => !c.ok).map((c) => `${c.what}: wanted ${c.wanted}, seen ${c.seen}`).join("; ")}</dd>
              </dl>
              {r.files.map((f) => (
                <section key={f.name}>
                  <h2>{r.folder ? `${r.folder}/` : ""}{f.name}</h2>
                  <dl><dt>Size</dt><dd class="mono">{f.size}</dd><dt>MD5</dt><dd><code>{f.md5}</code></dd><dt>SHA-1</dt><dd><code>{f.sha1}</code></dd><dt>SHA-256</dt><dd><code>{f.sha256}</code></dd><dt>xxHash64</dt><dd><code>{f.xxh64}</code></dd>
                    <dt>Compared</dt><dd>{(r.proof as { name: string; proof: string }[] | null)?.find((p) => p.name === f.name)?.proof ?? "by nobody: it was fetched or brought"}</dd></dl>
                </section>
              ))}
              <h2>History</h2>
              <ol class="history">{r.history.map((h) => <li key={h.at}>{exact_text(h.at)}: {h.state.replaceAll("_", " ")}, {h.by}{h.note && `: ${h.note}`}</li>)}</ol>
            </>
          )}
        </Loaded>
      </div>
    </main>
  );
}

export function Pickup() {
  const key = route.value.key ?? "";
  const [behind, set_behind] = useState<Behind | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    post<Behind>("/pickup", { key }).then(set_behind, (e: unknown) => set_wrong(problem_of(e)));
  }, [key]);
  return (
    <main>
      <div class="page-view">
        {wrong && <ProblemBox problem={wrong} />}
        {behind && (
          <>
            <header><h1>{behind.name}</h1><span class="quiet">{behind.profile}; the link ends {exact_text(behind.expires)}</span></header>
            <ul class="package">
              {behind.files.map((f, i) => (
                <li key={f.name}><a class="button" href={`/api/v1/pickup/${i}?key=${encodeURIComponent(key)}`} download>{f.name}</a> <span class="quiet">{size_text(f.size)} · SHA-256 <code>{f.sha256}</code></span></li>
              ))}
            </ul>
          </>
        )}
      </div>
    </main>
  );
}
