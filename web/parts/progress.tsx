// A bar; part is 0..1, or null when nobody knows.
export function Progress({ part, name, look }: { part: number | null; name: string; look?: "good" | "bad" }) {
  const shown = part === null ? 0 : Math.min(1, Math.max(0, part));
  return (
    <div
      class={`progress${look ? ` ${look}` : ""}${part === null ? " unsure" : ""}`}
      role="progressbar"
      aria-label={name}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={part === null ? undefined : Math.round(shown * 100)}
    >
      <i style={part === null ? {} : { transform: `scaleX(${shown})` }} />
    </div>
  );
}
