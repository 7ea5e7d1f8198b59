/*
 * library/record: what is known of the chosen asset, with the source of each value; who may edit tells more, and deliveries carry it.
 */
import type { Asset, Record as Known, RecordField } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, patch, problem_of } from "../app/api";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { exact_text } from "../parts/format";
import { ProblemBox } from "../parts/problem";
import { tell } from "../parts/toast";

// What the other groups show already.
const said_elsewhere = /^(timecode|chapter|marker)\.|^track\.(?!language|role|title|isrc|angle)/;

// "work.sort_title" is "Sort title", "track.language" of the second one "Track 2 language".
function words_of(field: string, number: number, several: boolean): string {
  const [group = "", name = ""] = field.split(".");
  const words = `${several ? `${group} ${number} ` : ""}${name.replace(/_/g, " ")}`;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function Tell({ asset, known, set, close }: { asset: Asset; known: Known; set: (k: Known) => void; close: () => void }) {
  const [field, set_field] = useState(known.fields[0]?.name ?? "");
  const [number, set_number] = useState("1");
  const [value, set_value] = useState(() => now(field, "1"));
  const [busy, set_busy] = useState(false);
  const [wrong, set_wrong] = useState<ReturnType<typeof problem_of> | null>(null);
  const chosen: RecordField | undefined = known.fields.find((f) => f.name === field);
  function now(name: string, of: string): string {
    return known.values.find((v) => v.field === name && v.number === Number(of))?.value ?? "";
  }
  const choose = (name: string, of: string) => {
    set_field(name);
    set_number(of);
    set_value(now(name, of));
    set_wrong(null);
  };
  const send = async () => {
    set_busy(true);
    try {
      set(await patch<Known>(`/versions/${asset.version.id}/record`, { field, number: Number(number) || 1, value }));
      tell(value ? "It is written down" : "It is taken back");
      close();
    } catch (e) {
      set_wrong(problem_of(e));
      set_busy(false);
    }
  };
  return (
    <Dialog title={`Tell about ${asset.name}`} close={close} submit={() => void send()} footer={<Button submit look="primary" busy={busy}>Write it down</Button>}>
      <Choice label="What" value={field} set={(f) => choose(f, "1")} options={known.fields.map((f) => ({ value: f.name, label: words_of(f.name, 0, false) + ` (${f.name})` }))} hint={chosen?.help} />
      {chosen?.several && <Field label="Of which, by its number" value={number} set={(n) => choose(field, n)} required />}
      {chosen?.words ? (
        <Choice label="Value" value={value} set={set_value} options={[{ value: "", label: "not told" }, ...chosen.words.split(" ").map((w) => ({ value: w, label: w }))]} />
      ) : (
        <Field label="Value" value={value} set={set_value} hint="Empty takes back what was told." maxlength={4000} />
      )}
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function RecordGroup({ asset }: { asset: Asset }) {
  const [known, set_known] = useState<Known | null>(null);
  useEffect(() => {
    let gone = false;
    set_known(null);
    get<Known>(`/versions/${asset.version.id}/record`).then((k) => { if (!gone) set_known(k); }, () => undefined);
    return () => { gone = true; };
  }, [asset.version.id, asset.version.state]);
  if (!known) return null;
  const several = new Set(known.fields.filter((f) => f.several).map((f) => f.name));
  const rows = known.values.filter((v) => !said_elsewhere.test(v.field));
  return (
    <section class="record">
      <h3>Metadata</h3>
      <dl>
        {rows.map((v) => (
          <div key={`${v.field} ${v.number}`}>
            <dt>{words_of(v.field, v.number, several.has(v.field))}</dt>
            <dd>{v.value}<span class="quiet source" title={v.told ? exact_text(v.told) : v.from}>{v.told ? `told by ${v.from}` : v.from}</span></dd>
          </div>
        ))}
      </dl>
      {!rows.length && <p class="quiet">Nothing is known but what the file is.</p>}
      {may("edit") && <div class="acts"><Button icon="pencil" run={() => void open_dialog((close) => <Tell asset={asset} known={known} set={set_known} close={close} />)}>Tell more</Button></div>}
    </section>
  );
}
