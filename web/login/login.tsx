// Log in, first set-up, welcome (one-time links), and logging in again over the view when a session ended.
import type { Me, Problem } from "api-types";
import { useLayoutEffect, useState } from "preact/hooks";
import { post, problem_of } from "../app/api";
import { go, route } from "../app/router";
import { me, take_me } from "../app/session";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { ProblemBox } from "../parts/problem";
import { useKeys } from "../parts/keys";

type What = "login" | "setup" | "welcome" | "again";
const words: Record<What, { title: string; act: string; text: string }> = {
  login: { title: "Log in", act: "Log in", text: "" },
  setup: { title: "Set up this house", act: "Make the first account", text: "You become the administrator: you invite people and make projects." },
  welcome: { title: "Welcome", act: "Set the password", text: "Choose a password. The link that brought you here works this once." },
  again: { title: "Your session has ended", act: "Log in", text: "What you were doing is still here. Log in again to go on." },
};

export function Gate({ what }: { what: What }) {
  const [name, set_name] = useState("");
  const [email, set_email] = useState(what === "again" ? (me.value?.person?.email ?? "") : "");
  const [password, set_password] = useState("");
  const [code, set_code] = useState<string | null>(null); // null: none was asked for
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [busy, set_busy] = useState(false);
  useKeys(words[what].title, [], { modal: true });
  useLayoutEffect(() => {
    if (code !== null) document.querySelector<HTMLInputElement>("input[autocomplete=one-time-code]")?.focus();
  }, [code !== null]);
  const token = route.value.key ?? "";
  const short = password.length > 0 && password.length < 10 && (what === "setup" || what === "welcome");
  const send = async () => {
    set_busy(true);
    set_wrong(null);
    try {
      const how = { patient: false };
      const answer =
        what === "setup" ? await post<Me>("/setup", { token, name, email, password }, how) : what === "welcome" ? await post<Me>("/welcome", { token, password, code }, how) : await post<Me>("/session", { email, password, code }, how);
      take_me(answer);
      if (what !== "again") {
        const next = route.value.query["next"] ?? "";
        if (route.value.view === "login" || what !== "login") go(next.startsWith("/") && !next.startsWith("//") ? next : "/", { replace: true });
      }
    } catch (e) {
      const p = problem_of(e);
      // The first time it only asks for the code: nothing is wrong yet.
      if (p.kind === "second_factor" && code === null) set_code("");
      else set_wrong(p);
    } finally {
      set_busy(false);
    }
  };
  const missing = (what === "setup" || what === "welcome") && !token;
  const fields = (
    <>
      {words[what].text && <p class="quiet">{words[what].text}</p>}
      {missing && <p class="bad">The address lacks its one-time token (the part behind #). Open the whole link: {what === "setup" ? "the server printed it when it started." : "ask the person who invited you."}</p>}
      {what === "setup" && <Field label="Your name" value={name} set={set_name} autocomplete="name" required focus />}
      {what !== "welcome" && <Field label="E-mail" type="email" value={email} set={set_email} autocomplete="username" required focus={what === "login"} />}
      <Field
        label="Password"
        type="password"
        value={password}
        set={set_password}
        autocomplete={what === "setup" || what === "welcome" ? "new-password" : "current-password"}
        required
        focus={what === "welcome" || what === "again"}
        hint={what === "setup" || what === "welcome" ? "10 characters or more; a few words are easiest to keep" : undefined}
        wrong={short ? `${10 - password.length} more characters` : null}
      />
      {code !== null && <Field label="Code" value={code} set={set_code} autocomplete="one-time-code" required maxlength={40} hint="the six digits of your authenticator, or a recovery code" />}
      {wrong && <ProblemBox problem={wrong} />}
    </>
  );
  const act = (
    <Button submit look="primary" busy={busy} disabled={missing || short}>
      {words[what].act}
    </Button>
  );
  if (what === "again")
    return (
      <Dialog title={words.again.title} close={() => undefined} stay submit={() => void send()} footer={act}>
        {fields}
      </Dialog>
    );
  return (
    <main class="gate">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void send();
        }}
      >
        <div>
          <div class="heading">{me.value?.house || "Posthouse"}</div>
          <h1>{words[what].title}</h1>
        </div>
        {fields}
        {act}
      </form>
    </main>
  );
}
