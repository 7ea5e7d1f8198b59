import { Dialog, open_dialog } from "./dialog";
import { chord_text, maps, type Key } from "./keys";

// "?": the keys that are in force here.
export function open_key_sheet(): void {
  const groups = new Map<string, Key[]>();
  for (const { current } of [...maps.value].reverse())
    for (const key of current.list) {
      if (key.hidden) continue;
      const group = key.group ?? current.view;
      groups.set(group, [...(groups.get(group) ?? []), key]);
    }
  open_dialog((close) => (
    <Dialog title="Keys" close={close} wide>
      <div class="key-sheet" tabIndex={0}>
        {[...groups].map(([group, list]) => (
          <section key={group}>
            <h3>{group}</h3>
            <ul>
              {list.map((k) => (
                <li key={k.name}>
                  <span>{k.name}</span>
                  <span class="keys">
                    {k.keys.slice(0, 3).map((c) => (
                      <kbd key={c}>{chord_text(c)}</kbd>
                    ))}
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </Dialog>
  ));
}
