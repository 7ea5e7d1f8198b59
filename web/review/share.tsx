/*
 * What a share's visitor sees at /s/KEY: a password where one is asked, the list when there are several
 * things, and the same room as everybody. Nothing else of the house.
 */
import type { Asset, Me, Problem } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, me, post, problem_of } from "../app/api";
import { take_me } from "../app/session";
import { Picture, length_of } from "../library/tile";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { plural } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { ReviewView, wear } from "./index";
import style from "./review.css?url";

export function ShareView({ shareKey, frame, version, comment }: { shareKey: string; frame?: number; version?: number; comment?: string }) {
  const [problem, set_problem] = useState<Problem | null>(null);
  const [password, set_password] = useState("");
  const [busy, set_busy] = useState(true);
  const [open, set_open] = useState(false);
  const [chosen, set_chosen] = useState<string | null>(null);
  const knock = (): void => {
    set_busy(true);
    post<Me>("/shares/open", { key: shareKey, ...(password && { password }) }, { patient: false })
      .then((seen) => {
        take_me(seen);
        set_problem(null);
        set_open(true);
      })
      .catch((e: unknown) => set_problem(problem_of(e)))
      .finally(() => set_busy(false));
  };
  useEffect(() => {
    void wear(style);
    knock();
  }, [shareKey]);
  const share = me.value?.share;
  if (open && share) {
    const only = share.assets.length === 1 ? share.assets[0] : undefined;
    const asset = chosen ?? only;
    if (!asset) return <List ids={share.assets} title={share.title} pick={set_chosen} />;
    return <ReviewView asset={asset} share {...(frame !== undefined && { frame })} {...(version !== undefined && { version })} {...(comment !== undefined && { comment })} />;
  }
  if (problem?.kind === "password") {
    return (
      <main class="share-door">
        <form onSubmit={(e) => { e.preventDefault(); knock(); }}>
          <h1>This link has a password</h1>
          <Field label="Password" type="password" value={password} set={set_password} focus autocomplete="off" wrong={password && !busy ? problem.detail : null} hint="Whoever sent you the link has it." />
          <Button look="primary" submit busy={busy}>Open</Button>
        </form>
      </main>
    );
  }
  if (problem) return <main class="share-door"><ProblemBox problem={problem} retry={knock} /></main>;
  return <main class="share-door" aria-busy="true"><span class="spinner" aria-hidden="true" /><span class="seen-by-readers">Opening</span></main>;
}

function List({ ids, title, pick }: { ids: string[]; title: string; pick: (id: string) => void }) {
  const [assets, set_assets] = useState<Asset[] | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  useEffect(() => {
    Promise.all(ids.map((id) => get<Asset>(`/assets/${id}`))).then(set_assets).catch((e: unknown) => set_problem(problem_of(e)));
  }, []);
  return (
    <main class="share-list">
      <h1>{title}</h1>
      {problem && <ProblemBox problem={problem} />}
      {!assets && !problem && <span class="spinner" aria-hidden="true" />}
      {assets?.map((a) => (
        <Button key={a.id} run={() => pick(a.id)}>
          <Picture asset={a} />
          <span class="words"><b>{a.name}</b><span class="quiet mono">{length_of(a) || a.kind}{a.open_comments > 0 ? ` · ${plural(a.open_comments, "open comment")}` : ""}</span></span>
        </Button>
      ))}
    </main>
  );
}
