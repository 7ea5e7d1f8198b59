// The projects one may see, and making one.
import type { Project } from "api-types";
import { useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { go, to } from "../app/router";
import { load_me, projects } from "../app/session";
import type { Problem } from "api-types";
import { Button } from "../parts/button";
import { Dialog, open_dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { plural, size_text } from "../parts/format";
import { Empty, ProblemBox } from "../parts/problem";

function NewProject({ close }: { close: () => void }) {
  const [name, set_name] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  const make = async () => {
    set_busy(true);
    try {
      const made = await post<Project>("/projects", { name: name.trim() });
      await load_me();
      close();
      go(to.library(made.id));
    } catch (e) {
      set_wrong(problem_of(e));
      set_busy(false);
    }
  };
  return (
    <Dialog title="New project" close={close} submit={() => void make()} footer={<Button submit look="primary" busy={busy} disabled={!name.trim()}>Make the project</Button>}>
      <Field label="Name" value={name} set={set_name} focus required maxlength={200} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

export function Home() {
  const fresh = () => void open_dialog((close) => <NewProject close={close} />);
  const list = projects.value;
  return (
    <main>
      {list.length === 0 ? (
        <Empty title="Make the first project">
          <p>A project is a production's room: its media, its people and what they may do.</p>
          <Button look="primary" icon="plus" run={fresh}>New project</Button>
        </Empty>
      ) : (
        <div class="page-view">
          <header>
            <h1>Projects</h1>
            <Button icon="plus" run={fresh}>New project</Button>
          </header>
          <div class="projects">
            {list.map((p) => (
              <a key={p.id} href={to.library(p.id)}>
                <h2 class="cut" title={p.name}>{p.name}</h2>
                <span class="quiet">{plural(p.assets, "asset")} · {size_text(p.bytes)} · {p.role ?? "administrator"}</span>
              </a>
            ))}
          </div>
        </div>
      )}
    </main>
  );
}
