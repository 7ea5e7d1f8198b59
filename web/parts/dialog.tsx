import { signal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "./button";
import { useKeys } from "./keys";

// Dialogs that are open, in order; the last one is on top. Anything may be shown: open_dialog(<X close=.../>).
const open = signal<readonly { id: number; view: (close: () => void) => VNode }[]>([]);
let next_id = 1;

// Shows a dialog made of <Dialog>; the answer closes it.
export function open_dialog(view: (close: () => void) => VNode): () => void {
  const id = next_id++;
  const close = () => {
    open.value = open.value.filter((d) => d.id !== id);
  };
  open.value = [...open.value, { id, view }];
  return close;
}

export const dialog_is_open = (): boolean => open.value.length > 0;

// Where open dialogs are drawn: once, in the shell.
export function Dialogs() {
  return (
    <>
      {open.value.map((d) => (
        <Shown key={d.id} view={d.view} close={() => (open.value = open.value.filter((o) => o.id !== d.id))} />
      ))}
    </>
  );
}

function Shown({ view, close }: { view: (close: () => void) => VNode; close: () => void }) {
  return view(close);
}

interface DialogProps {
  title: string;
  close: () => void;
  children: ComponentChildren;
  footer?: ComponentChildren;
  submit?: () => void; // Enter in a field; makes the dialog a form
  wide?: boolean;
  stay?: boolean; // Escape and a click outside do not close it (something typed would be lost)
}

export function Dialog(p: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const title = useId();
  useKeys(p.title, [], { modal: true });
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
    dialog?.querySelector<HTMLElement>("[autofocus]")?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const inside = (
    <>
      <header>
        <h2 id={title}>{p.title}</h2>
        <Button icon="close" name="Close" look="plain" keys="Esc" run={p.close} />
      </header>
      <div class="body">{p.children}</div>
      {p.footer && <footer>{p.footer}</footer>}
    </>
  );
  return (
    <dialog
      ref={box}
      class={`dialog${p.wide ? " wide" : ""}`}
      aria-labelledby={title}
      onCancel={(e) => {
        e.preventDefault();
        p.close();
      }}
      onMouseDown={(e) => {
        if (e.target === box.current && !p.stay) p.close();
      }}
    >
      {p.submit ? (
        <form
          class="contents"
          onSubmit={(e) => {
            e.preventDefault();
            p.submit?.();
          }}
        >
          {inside}
        </form>
      ) : (
        inside
      )}
    </dialog>
  );
}

// Asks once, with the name of the thing. True when the person said yes.
export function ask(question: { title: string; text: ComponentChildren; yes: string; danger?: boolean }): Promise<boolean> {
  return new Promise((answer) => {
    open_dialog((close) => (
      <Dialog
        title={question.title}
        close={() => {
          close();
          answer(false);
        }}
        footer={
          <>
            <Button
              run={() => {
                close();
                answer(false);
              }}
            >
              Cancel
            </Button>
            <button
              type="button"
              autofocus
              class={`button ${question.danger ? "danger" : "primary"}`}
              onClick={() => {
                close();
                answer(true);
              }}
            >
              {question.yes}
            </button>
          </>
        }
      >
        <div>{question.text}</div>
      </Dialog>
    ));
  });
}
