// deliver/order_dialog: one profile of one version, ordered.
import type { Delivery, Problem } from "api-types";
import { useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { ProblemBox } from "../parts/problem";
import { tell } from "../parts/toast";
import { lazy } from "../app/lazy";
import { no_order, order_body } from "./order_model";

const OrderPart = lazy(() => import("./order"), (m, p: Parameters<typeof import("./order").OrderPart>[0]) => <m.OrderPart {...p} />);

export function OrderDialog({ version, profile, title, name, close }: { version: string; profile: string; title: string; name: string; close: () => void }) {
  const [order, set_order] = useState(no_order);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const send = () => {
    set_busy(true);
    post<Delivery>(`/versions/${version}/deliveries`, { profile, ...order_body(order) }).then(
      () => { close(); tell(`${name} is being delivered`); },
      (e: unknown) => { set_wrong(problem_of(e)); set_busy(false); },
    );
  };
  return (
    <Dialog wide title={`${name} as ${title}`} close={close} submit={() => order.good && send()} footer={<Button submit look="primary" busy={busy} disabled={!order.good}>Order</Button>}>
      <OrderPart version={version} profile={profile} order={order} set={set_order} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}
