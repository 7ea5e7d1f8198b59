import { signal } from "@preact/signals";
import { ago_text, exact_text, initials } from "./format";

// Ticks every half minute, so that relative times stay true while the page is open.
const now = signal(Date.now());
window.setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 30_000);

// A moment: relative, with the exact one on hover. `said`: in a sentence, "3 days ago".
export function Ago({ at, said }: { at: string; said?: boolean }) {
  const words = ago_text(at, now.value);
  return (
    <time dateTime={at} title={exact_text(at)}>
      {said && /^\d+ (?:min|h|days)$/.test(words) ? `${words} ago` : words}
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
