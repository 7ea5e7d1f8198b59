import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  value: string;
  set: (value: string) => void;
  type?: "text" | "email" | "password" | "datetime-local" | "date" | "number" | "search";
  hint?: ComponentChildren;
  wrong?: string | null; // said beside the field
  autocomplete?: string;
  required?: boolean;
  focus?: boolean;
  placeholder?: string;
  min?: string;
  max?: string;
  maxlength?: number;
}

export function Field(p: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      <input
        id={id}
        class="input"
        type={p.type ?? "text"}
        value={p.value}
        placeholder={p.placeholder}
        required={p.required}
        min={p.min}
        max={p.max}
        maxLength={p.maxlength}
        autocomplete={p.autocomplete ?? "off"}
        autofocus={p.focus}
        aria-invalid={p.wrong ? true : undefined}
        aria-describedby={p.hint || p.wrong ? `${id}-help` : undefined}
        onInput={(e) => p.set(e.currentTarget.value)}
      />
      {(p.wrong || p.hint) && (
        <div id={`${id}-help`} class={p.wrong ? "wrong" : "hint"}>
          {p.wrong ?? p.hint}
        </div>
      )}
    </div>
  );
}

export function Choice<T extends string>({ label, value, options, set, hint }: { label: string; value: T; options: { value: T; label: string }[]; set: (v: T) => void; hint?: ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="input"
        value={value}
        onChange={(e) => {
          const picked = options.find((o) => o.value === e.currentTarget.value);
          if (picked) set(picked.value);
        }}
      >
        {options.map((o) => (
          <option key={o.value} value={o.value} selected={o.value === value}>
            {o.label}
          </option>
        ))}
      </select>
      {hint && <div class="hint">{hint}</div>}
    </div>
  );
}

export function Tick({ label, on, set, disabled }: { label: ComponentChildren; on: boolean; set: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={on} disabled={disabled} onChange={(e) => set(e.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}
