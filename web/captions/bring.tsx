// A caption file for a film: picked, its language and role said, read by the house before it is kept.
import type { Asset, Caption, Problem } from "api-types";
import { useState } from "preact/hooks";
import { post, problem_of, with_query } from "../app/api";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { ProblemBox } from "../parts/problem";
import { tell } from "../parts/toast";
import { guess, role_names, type Role } from "./model";

export function BringDialog({ film, close, done }: { film: Pick<Asset, "id" | "name">; close: () => void; done: (c: Caption) => void }) {
  const [file, set_file] = useState<File | null>(null);
  const [language, set_language] = useState("");
  const [role, set_role] = useState<Role>("subtitle");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const pick = (f: File | undefined): void => {
    if (!f) return;
    const said = guess(f.name);
    set_file(f);
    set_language(said.language);
    set_role(said.role);
    set_wrong(null);
  };
  const send = async (): Promise<void> => {
    if (!file) return;
    set_busy(true);
    set_wrong(null);
    try {
      const made = await post<Caption>(with_query(`/assets/${film.id}/captions`, { name: file.name, language: language.trim(), role }), await file.arrayBuffer());
      tell(`${made.name}: ${made.cues} captions`);
      done(made);
      close();
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  return (
    <Dialog title={`Captions for ${film.name}`} close={close} submit={() => void send()} footer={<Button submit look="primary" busy={busy} disabled={!file}>Bring it</Button>}>
      <div class="field">
        <label for="caption-file">Caption file</label>
        <input id="caption-file" type="file" class="input" accept=".srt,.vtt,.scc,.mcc,.ttml,.dfxp,.itt,.xml,.stl" onChange={(e) => pick(e.currentTarget.files?.[0])} />
        <div class="hint">SRT, WebVTT, SCC, MCC, TTML, IMSC, iTT, EBU STL or Spruce STL. Labels count from the film’s own timecode.</div>
      </div>
      <Field label="Language (BCP 47)" value={language} set={set_language} placeholder="en, pt-BR, zh-Hant" maxlength={35} />
      <Choice label="As" value={role} set={set_role} options={(Object.keys(role_names) as Role[]).map((r) => ({ value: r, label: role_names[r] }))} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}
