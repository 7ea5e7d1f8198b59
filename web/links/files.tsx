// links/files: files to take, one by one or all as one archive that is made while it is sent.
import type { LinkFile, LinkFileList, Problem, ShareSeen } from "api-types";
import { useEffect, useMemo, useState } from "preact/hooks";
import { base, get, problem_of } from "../app/api";
import { count_text, plural, size_text } from "../parts/format";
import { Icon } from "../parts/icons";
import { Empty, ProblemBox } from "../parts/problem";
import { VirtualRows } from "../parts/virtual";

const PAGE = 1000;

export function Files({ share }: { share: ShareSeen }) {
  const [files, set_files] = useState<LinkFile[]>([]);
  const [all, set_all] = useState<Omit<LinkFileList, "items"> | null>(null);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [words, set_words] = useState("");
  const load = () => {
    let live = true;
    set_problem(null);
    const more = async () => {
      const found: LinkFile[] = [];
      do {
        const page = await get<LinkFileList>(`/shares/${share.id}/files?limit=${PAGE}&offset=${found.length}`);
        if (!live) return;
        found.push(...page.items);
        set_all(page);
        set_files([...found]);
        if (!page.items.length || found.length >= page.total) return;
      } while (live);
    };
    more().catch((e: unknown) => live && set_problem(problem_of(e)));
    return () => {
      live = false;
    };
  };
  useEffect(load, [share.id]);
  const seen = useMemo(() => {
    const want = words.trim().toLowerCase();
    return want ? files.filter((f) => f.path.toLowerCase().includes(want)) : files;
  }, [files, words]);
  if (problem && !files.length) return <ProblemBox problem={problem} retry={load} />;
  if (!all) return <div aria-busy="true"><div class="skeleton bar" /><div class="skeleton bar" /><div class="skeleton bar" /></div>;
  if (!all.total)
    return (
      <Empty title="There is nothing here">
        <p>What was shared has been deleted or moved away. Ask whoever sent you the link.</p>
      </Empty>
    );
  const one = files.length === 1 && all.total === 1 ? files[0] : undefined;
  return (
    <section class="link-files" aria-label="Files">
      {problem && <ProblemBox problem={problem} retry={load} />}
      <div class="link-acts">
        {one ? <a class="button primary" href={address(one)} download><Icon name="download" />Download</a> : <a class="button primary" href={`${base}/shares/${share.id}/zip?as=${all.archive}`} download><Icon name="download" />Download all as a zip</a>}
        <span class="mono quiet">{plural(all.total, "file")}, {size_text(all.bytes)}</span>
        {all.total > 12 && (
          <label class="link-find">
            <Icon name="search" size={14} /><span class="seen-by-readers">Find a file</span>
            <input class="input" type="search" placeholder="Find a file" value={words} onInput={(e) => set_words(e.currentTarget.value)} />
          </label>
        )}
      </div>
      {!one && <p class="quiet small">A download that is cut can go on where it stopped: choose Resume in the browser's list of downloads.</p>}
      <div class="link-list">
        <VirtualRows count={seen.length} row_height={36} row_key={(i) => `${seen[i]?.version}${seen[i]?.number}`} attributes={{ tabIndex: 0, role: "list", "aria-label": `${count_text(seen.length)} files` }} draw={(i) => {
          const f = seen[i];
          return f ? <Row f={f} /> : null;
        }} />
      </div>
      {words && !seen.length && <p class="quiet">No file has “{words}” in its name.</p>}
    </section>
  );
}

const address = (f: LinkFile): string => `${base}/versions/${f.version}/files/${f.number}/bytes`;

function Row({ f }: { f: LinkFile }) {
  const slash = f.path.lastIndexOf("/") + 1;
  return (
    <div class="link-row" role="listitem">
      <span class="cut" title={f.path}>{slash > 0 && <span class="quiet">{f.path.slice(0, slash)}</span>}{f.path.slice(slash)}</span>
      <span class="mono quiet">{size_text(f.size)}</span>
      <a class="button plain icon" href={address(f)} download aria-label={`Download ${f.path}`} title={`Download ${f.path}`}><Icon name="download" /></a>
    </div>
  );
}
