// admin/account: one's own second factor, sessions and API tokens.
import type { FactorBegun, Problem, RecoveryCodes, Session, Token, TokenMade } from "api-types";
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { del, post, problem_of } from "../app/api";
import { load_me, log_out, me } from "../app/session";
import { Button, CopyLine, copy_text } from "../parts/button";
import { Dialog, ask, open_dialog } from "../parts/dialog";
import { Choice, Field } from "../parts/field";
import { Loaded, use_load } from "../parts/load";
import { ProblemBox } from "../parts/problem";
import { Ago } from "../parts/time";
import { tell, tell_problem } from "../parts/toast";
import { Table } from "./table";

const fail = (e: unknown) => tell_problem(problem_of(e));

export function Account() {
  const owed = me.value?.factor?.owed;
  return (
    <>
      <header><h1>Your account</h1></header>
      {owed && <p class="warn">The house asks for a second factor. Set it up to go on.</p>}
      <FactorPart />
      <Sessions />
      {!owed && <Tokens />}
    </>
  );
}

// ---- second factor

function FactorPart() {
  const f = me.value?.factor;
  const open = (draw: (close: () => void) => VNode) => () => void open_dialog((close) => draw(close));
  return (
    <section class="account">
      <header class="line">
        <h2>Second factor</h2>
        {f?.on ? (
          <>
            <Button run={open((close) => <CodeDialog close={close} title="New recovery codes" act="Make new codes" text="The codes you have now stop working." send={(code) => post<RecoveryCodes>("/factor/confirm", { code }).then((r) => show_codes(r.codes))} />)}>New recovery codes</Button>
            <Button look="danger" run={open((close) => <CodeDialog close={close} title="Take the second factor away" act="Take it away" text="From then on the password alone logs you in." send={(code) => post<void>("/factor/end", { code }).then(() => tell("The second factor is off"))} />)}>Take it away</Button>
          </>
        ) : (
          <Button icon="key" look="primary" run={open((close) => <SetUp close={close} />)}>Set it up</Button>
        )}
      </header>
      {f?.on ? (
        <p class="quiet">On{f.since && <> since <Ago at={f.since} /></>}. Logging in asks for a code of your authenticator. {f.codes_left === 1 ? "1 recovery code is" : `${f.codes_left} recovery codes are`} left{f.codes_left < 3 ? ": make new ones" : ""}.</p>
      ) : (
        <p class="quiet">Off. With it, logging in also asks for six digits from an authenticator app on your phone, so that a stolen password opens nothing.</p>
      )}
    </section>
  );
}

function CodeDialog({ close, title, act, text, send }: { close: () => void; title: string; act: string; text: string; send: (code: string) => Promise<void> }) {
  const [code, set_code] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  return (
    <Dialog title={title} close={close} footer={<Button submit look="primary" disabled={!code.trim()}>{act}</Button>} submit={() => {
      set_wrong(null);
      send(code).then(() => { close(); return load_me(); }).catch((e: unknown) => set_wrong(problem_of(e)));
    }}>
      <p>{text}</p>
      <Field label="Code of your authenticator, or a recovery code" value={code} set={set_code} autocomplete="one-time-code" focus required maxlength={40} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

const show_codes = (codes: readonly string[]): void => void open_dialog((close) => <Codes codes={codes} close={close} />);

function Codes({ codes, close }: { codes: readonly string[]; close: () => void }) {
  const text = codes.join("\n");
  return (
    <Dialog title="Recovery codes" close={close} stay footer={<><Button run={() => copy_text(text)}>Copy them</Button><Button run={() => save_text("posthouse-recovery-codes.txt", text)}>Save as a file</Button><Button look="primary" run={close}>I have kept them</Button></>}>
      <p>Keep these where your phone is not. Each logs you in once when the phone is lost. They are shown only now.</p>
      <ul class="codes">{codes.map((c) => <li key={c}><code>{c}</code></li>)}</ul>
    </Dialog>
  );
}

function save_text(name: string, text: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([text + "\n"], { type: "text/plain" }));
  a.download = name;
  a.click();
  URL.revokeObjectURL(a.href);
}

function SetUp({ close }: { close: () => void }) {
  const [begun, set_begun] = useState<FactorBegun | null>(null);
  const [squares, set_squares] = useState<{ path: string; size: number } | null>(null);
  const [code, set_code] = useState("");
  const [wrong, set_wrong] = useState<Problem | null>(null);
  useEffect(() => {
    post<FactorBegun>("/factor", undefined).then(async (b) => {
      set_begun(b);
      set_squares(await qr_path(b.uri));
    }).catch((e: unknown) => set_wrong(problem_of(e)));
  }, []);
  return (
    <Dialog title="Set up a second factor" close={close} footer={<Button submit look="primary" disabled={code.replace(/\s/g, "").length !== 6}>Switch it on</Button>} submit={() => {
      set_wrong(null);
      post<RecoveryCodes>("/factor/confirm", { code }).then(async (r) => {
        close();
        await load_me();
        show_codes(r.codes);
      }).catch((e: unknown) => set_wrong(problem_of(e)));
    }}>
      <p>Scan this with an authenticator app, or type the secret into it.</p>
      {squares && <svg class="qr" viewBox={`-4 -4 ${squares.size + 8} ${squares.size + 8}`} role="img" aria-label="The secret as a QR code"><path d={squares.path} /></svg>}
      {begun && <CopyLine text={begun.secret} name="Copy the secret" />}
      <Field label="The six digits it shows now" value={code} set={set_code} autocomplete="one-time-code" focus required maxlength={10} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

async function qr_path(text: string): Promise<{ path: string; size: number }> {
  const { default: qrcode } = await import("qrcode-generator");
  const qr = qrcode(0, "M");
  qr.addData(text);
  qr.make();
  const size = qr.getModuleCount();
  let path = "";
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (qr.isDark(y, x)) path += `M${x} ${y}h1v1h-1z`;
  return { path, size };
}

// ---- sessions

function Sessions() {
  const list = use_load<Session[]>("/sessions");
  const others = (list.value ?? []).filter((s) => !s.this).length;
  return (
    <section class="account">
      <header class="line">
        <h2>Where you are logged in</h2>
        {others > 0 && <Button look="danger" run={() => void ask({ title: "Log out everywhere else?", text: "Every other browser has to log in again. Tokens stay.", yes: "Log out everywhere else", danger: true }).then((yes) => { if (yes) del("/sessions").then(list.reload, fail); })}>Log out everywhere else</Button>}
      </header>
      <Loaded from={list}>
        {(all) => (
          <Table name="Sessions" head={["Device", "From", "Since", "Seen last", "Second factor", ""]}>
            {all.map((s) => (
              <tr key={s.id}>
                <td>{s.device || "not known"}{s.this && <span class="quiet"> (this one)</span>}</td><td class="mono quiet">{s.address}</td><td><Ago at={s.created} /></td><td><Ago at={s.seen} /></td><td>{s.factor ? "yes" : "no"}</td>
                <td class="right"><Button look="danger" run={() => (s.this ? void log_out() : void del(`/sessions/${s.id}`).then(list.reload, fail))}>Log out</Button></td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
    </section>
  );
}

// ---- tokens

function NewToken({ close, made }: { close: () => void; made: () => void }) {
  const [name, set_name] = useState("");
  const [scope, set_scope] = useState<Token["scope"]>("all");
  const [days, set_days] = useState("90");
  const [secret, set_secret] = useState<string | null>(null);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  if (secret !== null)
    return (
      <Dialog title="The token" close={close} stay footer={<Button look="primary" run={close}>Done</Button>}>
        <p>Copy it now: it is shown this once and kept hashed.</p>
        <CopyLine text={secret} name="Copy the token" />
      </Dialog>
    );
  return (
    <Dialog title="New token" close={close} footer={<Button submit look="primary" disabled={!name.trim()}>Make the token</Button>} submit={() => {
      post<TokenMade>("/tokens", { name: name.trim(), scope, days: days === "0" ? null : Number(days) }).then((t) => { set_secret(t.secret); made(); }, (e: unknown) => set_wrong(problem_of(e)));
    }}>
      <Field label="What it is for" value={name} set={set_name} focus required maxlength={100} />
      <Choice<Token["scope"]> label="It may" value={scope} set={set_scope} options={[{ value: "all", label: "Do what you may do" }, { value: "read", label: "Read only" }, ...(me.value?.person?.admin ? [{ value: "worker" as const, label: "Work as a worker" }] : [])]} />
      <Choice label="It ends" value={days} set={set_days} options={[{ value: "7", label: "in 7 days" }, { value: "90", label: "in 90 days" }, { value: "365", label: "in a year" }, { value: "0", label: "never, until it is revoked" }]} />
      {wrong && <ProblemBox problem={wrong} />}
    </Dialog>
  );
}

function Tokens() {
  const list = use_load<Token[]>("/tokens");
  return (
    <section class="account">
      <header class="line"><h2>API tokens</h2><Button icon="plus" run={() => void open_dialog((close) => <NewToken close={close} made={list.reload} />)}>New token</Button></header>
      <p class="quiet">For the command line and scripts: posthouse put, get, deliver.</p>
      <Loaded from={list}>
        {(all) => all.length === 0 ? <p>You have none.</p> : (
          <Table name="Tokens" head={["Name", "May", "Made", "Used last", "Ends", ""]}>
            {all.map((t) => (
              <tr key={t.id}>
                <td>{t.name}</td><td>{t.scope}</td><td><Ago at={t.created} /></td><td>{t.last_used ? <Ago at={t.last_used} /> : "never"}</td><td>{t.expires ? <Ago at={t.expires} /> : "never"}</td>
                <td class="right"><Button look="danger" run={() => void ask({ title: `Revoke the token ${t.name}?`, text: "What uses it is locked out at once.", yes: "Revoke the token", danger: true }).then((yes) => { if (yes) del(`/tokens/${t.id}`).then(list.reload, fail); })}>Revoke</Button></td>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
    </section>
  );
}
