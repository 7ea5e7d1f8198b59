import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import { chord_text, useKeys } from "./keys";

export type MenuItem =
  | { name: string; icon?: IconName; keys?: string; danger?: boolean; disabled?: boolean; checked?: boolean; run: () => void }
  | { heading: string }
  | "line";

const shown = signal<{ items: MenuItem[]; x: number; y: number; right: boolean; label: string } | null>(null);

// Opens a menu at the pointer (right click).
export function menu_at(e: { clientX: number; clientY: number; preventDefault?: () => void }, items: MenuItem[], label = "Menu"): void {
  e.preventDefault?.();
  shown.value = { items, x: e.clientX, y: e.clientY, right: false, label };
}

// Opens a menu under a button.
export function menu_under(button: Element, items: MenuItem[], how: { right?: boolean; label?: string } = {}): void {
  const at = button.getBoundingClientRect();
  shown.value = { items, x: how.right ? at.right : at.left, y: at.bottom + 4, right: how.right ?? false, label: how.label ?? "Menu" };
}

export const close_menu = (): void => void (shown.value = null);

// Where the open menu is drawn: once, in the shell.
export function Menus() {
  const menu = shown.value;
  return menu ? <Open key={`${menu.x},${menu.y}`} {...menu} /> : null;
}

function Open({ items, x, y, right, label }: { items: MenuItem[]; x: number; y: number; right: boolean; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  useKeys("Menu", [{ keys: ["Escape"], name: "Close", run: close_menu, hidden: true }], { modal: true });
  useLayoutEffect(() => {
    const menu = box.current;
    if (!menu) return;
    const at = menu.getBoundingClientRect();
    const left = right ? x - at.width : x;
    menu.style.left = `${Math.max(8, Math.min(left, window.innerWidth - at.width - 8))}px`;
    menu.style.top = `${Math.max(8, Math.min(y, window.innerHeight - at.height - 8))}px`;
  });
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current?.querySelector<HTMLElement>(".item")?.focus({ preventScroll: true });
    const outside = (e: Event) => {
      if (!(e.target instanceof Node && box.current?.contains(e.target))) close_menu();
    };
    window.addEventListener("pointerdown", outside, true);
    window.addEventListener("blur", close_menu);
    window.addEventListener("resize", close_menu);
    return () => {
      window.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("blur", close_menu);
      window.removeEventListener("resize", close_menu);
      if (before instanceof HTMLElement && before.isConnected && (document.activeElement === document.body || document.activeElement === null)) before.focus({ preventScroll: true });
    };
  }, []);
  const step = (e: KeyboardEvent) => {
    const all = [...(box.current?.querySelectorAll<HTMLElement>(".item") ?? [])];
    const now = all.findIndex((i) => i === document.activeElement);
    const go_to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[e.key];
    if (e.key === "Tab") {
      e.preventDefault();
      return;
    }
    if (go_to !== undefined) {
      all[(go_to + all.length) % all.length]?.focus();
      e.preventDefault();
    } else if (e.key.length === 1 && e.key !== " " && !e.ctrlKey && !e.metaKey) {
      const found = all.find((i, n) => n > now && i.textContent?.toLowerCase().startsWith(e.key.toLowerCase())) ?? all.find((i) => i.textContent?.toLowerCase().startsWith(e.key.toLowerCase()));
      found?.focus();
      e.preventDefault();
    }
  };
  return (
    <div ref={box} class="menu" role="menu" aria-label={label} onKeyDown={step} onContextMenu={(e) => e.preventDefault()}>
      {items.map((item, i) => {
        if (item === "line") return <hr key={i} />;
        if ("heading" in item)
          return (
            <div key={i} class="heading" role="presentation">
              {item.heading}
            </div>
          );
        return (
          <button
            key={i}
            type="button"
            class={`item${item.danger ? " danger" : ""}`}
            role={item.checked === undefined ? "menuitem" : "menuitemradio"}
            aria-checked={item.checked}
            aria-disabled={item.disabled ? "true" : undefined}
            onClick={() => {
              if (item.disabled) return;
              close_menu();
              item.run();
            }}
          >
            {item.checked === undefined ? item.icon && <Icon name={item.icon} /> : item.checked ? <Icon name="check" /> : <span class="no-icon" />}
            <span class="name cut">{item.name}</span>
            {item.keys && <kbd>{chord_text(item.keys)}</kbd>}
          </button>
        );
      })}
    </div>
  );
}
