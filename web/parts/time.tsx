import { signal } from "@preact/signals";
import { ago_text, exact_text, initials } from "./format";

// Ticks every half minute, so that relative times stay true while the page is open.
const now = signal(Date.now());
window.setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 30_000);

// A moment: relative, with the exact one on hover.
export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exact_text(at)}>
      {ago_text(at, now.value)}
    </time>
  );
}

export function Avatar({ name }: { name: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {initials(name)}
    </span>
  );
}
