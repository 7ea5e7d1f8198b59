// deliver/order: what a deliverable will be called, its sound, what goes with it, and where it goes; before it is ordered.
import sheet from "./order.css?url";
import type { DeliveryPlan, Destination, Problem } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { Choice, Field, Tick } from "../parts/field";
import { ProblemBox } from "../parts/problem";
import { sound_body, type Order } from "./order_model";
import { LoudnessPart, SoundPart } from "./sound";

export { sheet };

const fields_of = (pattern: string): string[] => [...new Set([...pattern.matchAll(/\{([a-z]+)/g)].map((m) => m[1] ?? ""))];
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

export function OrderPart({ version, profile, order, set }: { version: string; profile: string; order: Order; set: (o: Order) => void }) {
  const [plan, set_plan] = useState<DeliveryPlan | null>(null);
  const [list, set_list] = useState<Destination[]>([]);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    get<Destination[]>("/destinations").then(set_list, () => set_list([]));
  }, []);
  const asked = JSON.stringify([order.naming, sound_body(order.sound)]);
  useEffect(() => {
    let over = false;
    const timer = setTimeout(() => {
      post<DeliveryPlan>(`/versions/${version}/delivery-plan`, { profile, naming: order.naming, ...sound_body(order.sound) }).then(
        (p) => { if (!over) { set_plan(p); set_wrong(null); set({ ...order, good: !p.problem }); } },
        (e: unknown) => { if (!over) { set_wrong(problem_of(e)); set({ ...order, good: false }); } },
      );
    }, plan ? 250 : 0);
    return () => { over = true; clearTimeout(timer); };
  }, [profile, asked]);
  const values = (plan?.values ?? {}) as Record<string, string>;
  const go = order.beside ?? plan?.beside.filter((b) => b.goes).map((b) => b.asset) ?? [];
  const named = plan?.pattern ? fields_of(plan.pattern).filter((f) => f !== "date" && f !== "profile") : [];
  return (
    <div class="order">
      {named.length > 0 && (
        <fieldset class="order-part">
          <legend>Name</legend>
          <div class="order-fields">
            {named.map((f) => <Field key={f} label={capital(f)} value={order.naming[f] ?? values[f] ?? ""} set={(v) => set({ ...order, naming: { ...order.naming, [f]: v } })} />)}
          </div>
          {plan?.name && <p>It will be <code>{plan.package}</code></p>}
        </fieldset>
      )}
      {!named.length && plan?.name && <p>It will be <code>{plan.package}</code></p>}
      {plan && <SoundPart version={version} plan={plan} sound={order.sound} set={(sound) => set({ ...order, sound })} />}
      {plan && <LoudnessPart version={version} plan={plan} sound={order.sound} set={(sound) => set({ ...order, sound })} />}
      {plan && plan.beside.length > 0 && (
        <fieldset class="order-part">
          <legend>Goes along, unchanged</legend>
          {plan.beside.map((b) => <Tick key={b.asset} label={<>{b.name} <span class="quiet">{b.kind === "adm" ? "Atmos master (ADM)" : "Dolby Vision metadata"}</span></>} on={go.includes(b.asset)} set={(on) => set({ ...order, beside: on ? [...go, b.asset] : go.filter((a) => a !== b.asset) })} />)}
        </fieldset>
      )}
      {list.length > 0 && <Choice label="When it is made" value={order.destination ?? ""} set={(v) => set({ ...order, destination: v || null })} options={[{ value: "", label: "it stays in the house" }, ...list.map((l) => ({ value: l.id, label: `it goes to ${l.name}` }))]} />}
      {(wrong ?? plan?.problem) && <ProblemBox problem={(wrong ?? plan?.problem) as Problem} />}
    </div>
  );
}
