// deliver/order: what a deliverable will be called, what goes with it, and where it goes; before it is ordered.
import type { DeliveryPlan, Destination, Problem } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { Choice, Field } from "../parts/field";
import { ProblemBox } from "../parts/problem";

export interface Order {
  destination: string | null;
  naming: Record<string, string>;
  good: boolean; // it can be ordered so
}
export const no_order: Order = { destination: null, naming: {}, good: true };

const fields_of = (pattern: string): string[] => [...new Set([...pattern.matchAll(/\{([a-z]+)/g)].map((m) => m[1] ?? ""))];

export function OrderPart({ version, profile, order, set }: { version: string; profile: string; order: Order; set: (o: Order) => void }) {
  const [plan, set_plan] = useState<DeliveryPlan | null>(null);
  const [list, set_list] = useState<Destination[]>([]);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    get<Destination[]>("/destinations").then(set_list, () => set_list([]));
  }, []);
  const typed = JSON.stringify(order.naming);
  useEffect(() => {
    let over = false;
    const timer = setTimeout(() => {
      post<DeliveryPlan>(`/versions/${version}/delivery-plan`, { profile, naming: order.naming }).then(
        (p) => { if (!over) { set_plan(p); set_wrong(null); set({ ...order, good: !p.problem }); } },
        (e: unknown) => { if (!over) set_wrong(problem_of(e)); },
      );
    }, plan ? 250 : 0);
    return () => { over = true; clearTimeout(timer); };
  }, [profile, typed]);
  const values = (plan?.values ?? {}) as Record<string, string>;
  return (
    <div class="order">
      {plan?.pattern && (
        <div class="form-line">
          {fields_of(plan.pattern).filter((f) => f !== "date" && f !== "profile").map((f) => (
            <Field key={f} label={f} value={order.naming[f] ?? values[f] ?? ""} set={(v) => set({ ...order, naming: { ...order.naming, [f]: v } })} />
          ))}
        </div>
      )}
      {plan?.name && <p>It will be <code>{plan.package}</code></p>}
      {list.length > 0 && <Choice label="When it is made" value={order.destination ?? ""} set={(v) => set({ ...order, destination: v || null })} options={[{ value: "", label: "it stays in the house" }, ...list.map((l) => ({ value: l.id, label: `it goes to ${l.name}` }))]} />}
      {(wrong ?? plan?.problem) && <ProblemBox problem={(wrong ?? plan?.problem) as Problem} />}
    </div>
  );
}
