import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  name?: string; // what is read out, when the face is an icon only; also the hover text
  icon?: IconName;
  look?: "primary" | "danger" | "plain";
  on?: boolean; // a switch that is on
  disabled?: boolean;
  busy?: boolean;
  submit?: boolean;
  keys?: string; // shown in the hover text
  expanded?: boolean; // of a button that opens a menu
  run?: (e: MouseEvent) => void;
  children?: ComponentChildren;
  class?: string;
}

export function Button(p: ButtonProps): JSX.Element {
  const bare = !p.children;
  const hint = p.name ? (p.keys ? `${p.name} (${p.keys})` : p.name) : p.keys;
  return (
    <button
      type={p.submit ? "submit" : "button"}
      class={`button${p.look ? ` ${p.look}` : ""}${bare ? " icon" : ""}${p.on ? " on" : ""}${p.class ? ` ${p.class}` : ""}`}
      aria-label={bare ? p.name : undefined}
      aria-pressed={p.on}
      aria-expanded={p.expanded}
      aria-haspopup={p.expanded === undefined ? undefined : "menu"}
      title={hint}
      disabled={p.disabled || p.busy}
      onClick={p.run}
    >
      {p.busy ? <span class="spinner" aria-hidden="true" /> : p.icon ? <Icon name={p.icon} /> : null}
      {p.children}
    </button>
  );
}

// Puts a text on the clipboard; false where the browser does not let us (plain HTTP without a gesture).
export async function copy_text(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "seen-by-readers";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton({ text, name = "Copy", label }: { text: string; name?: string; label?: string }) {
  const [said, say] = useState<string | null>(null);
  const run = async () => {
    say((await copy_text(text)) ? "Copied" : "Select it and press Ctrl-C");
    window.setTimeout(() => say(null), 1600);
  };
  return (
    <Button icon={said === "Copied" ? "check" : "copy"} name={said ?? name} look="plain" run={() => void run()}>
      {label ? (said ?? label) : undefined}
    </Button>
  );
}

// A line to type somewhere else, ready to copy.
export function CopyLine({ text, name }: { text: string; name?: string }) {
  return (
    <div class="copy-line">
      <code tabIndex={0}>{text}</code>
      <CopyButton text={text} name={name ?? "Copy the line"} />
    </div>
  );
}

export function Segments<T extends string>({ name, value, options, pick }: { name: string; value: T; options: { value: T; label: string; icon?: IconName; hint?: string }[]; pick: (v: T) => void }) {
  return (
    <div class="segments" role="group" aria-label={name}>
      {options.map((o) => (
        <button key={o.value} type="button" aria-pressed={o.value === value} title={o.hint ?? o.label} aria-label={o.icon ? o.label : undefined} onClick={() => pick(o.value)}>
          {o.icon ? <Icon name={o.icon} /> : o.label}
        </button>
      ))}
    </div>
  );
}
