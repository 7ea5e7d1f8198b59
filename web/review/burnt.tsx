// Proxies that carry the viewer's name: asked for when the version is opened, and again while they are made.
import type { Version } from "api-types";
import { useEffect } from "preact/hooks";
import { post } from "../app/api";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";

const AGAIN_MS = 2000;

// `took` is given the version whenever the house has said how far it is.
export function use_burnt(v: Version, took: (v: Version) => void): void {
  const state = v.burn?.state;
  const wanted = v.burn != null && v.state === "ready" && (v.facts?.video.length ?? 0) > 0;
  useEffect(() => {
    if (!wanted) return;
    let gone = false;
    const ask = (): void => void post<Version>(`/versions/${v.id}/burnt`, undefined, { patient: false }).then((now) => { if (!gone) took(now); }, () => undefined);
    ask(); // also of what is there: it is kept as long as somebody looks
    const timer = state === "ready" || state === "failed" ? 0 : window.setInterval(ask, AGAIN_MS);
    return () => { gone = true; window.clearInterval(timer); };
  }, [v.id, wanted, state]);
}

// In the picture's place meanwhile: never the one without the name.
export function BurntFace({ v }: { v: Version }) {
  if (v.burn?.state === "failed") return <div class="review-face"><ProblemBox problem={{ type: "about:blank", title: "The picture with your name in it could not be made", detail: "this project shows pictures only with their viewer’s name", fix: "load the page again; an owner of the project sees the job that failed", reference: "", status: 0, kind: "player" }} /></div>;
  return (
    <div class="review-face" role="status">
      <h2>Preparing your own copy</h2>
      <Progress part={v.burn && v.burn.progress > 0 ? v.burn.progress : null} name="Your copy" />
      <p>This project burns its viewer’s name into every picture. Yours is made once, in about the time that proxies take.</p>
    </div>
  );
}
