// admin/table: a plain table that scrolls sideways where the window is narrow.
export function Table({ head, children, name }: { head: string[]; children: preact.ComponentChildren; name: string }) {
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={name}>
      <table class="table">
        <thead><tr>{head.map((h) => <th key={h}>{h || <span class="seen-by-readers">Acts</span>}</th>)}</tr></thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
