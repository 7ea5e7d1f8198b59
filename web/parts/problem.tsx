import type { Problem } from "api-types";
import type { ComponentChildren } from "preact";
import { sentence } from "./format";
import { Icon } from "./icons";
import { Button } from "./button";

// What, why, the way out; details (the reference that the log has too) fold out.
export function ProblemBox({ problem, retry, acts }: { problem: Problem; retry?: () => void; acts?: ComponentChildren }) {
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <div class="what">{sentence(problem.title)}</div>
      {problem.detail && problem.detail !== problem.title && <div class="why">{sentence(problem.detail)}</div>}
      {problem.fix && (
        <div class="fix">
          <span class="quiet">Way out: </span>
          {problem.fix}
        </div>
      )}
      {(retry || acts) && (
        <div class="acts">
          {retry && (
            <Button icon="retry" run={retry}>
              Try again
            </Button>
          )}
          {acts}
        </div>
      )}
      {(problem.reference || problem.status > 0) && (
        <details>
          <summary>Details</summary>
          {problem.reference && (
            <div>
              Reference <code>{problem.reference}</code> (the server's log has it too)
            </div>
          )}
          <div>
            Kind <code>{problem.kind}</code>
            {problem.status > 0 && (
              <>
                , status <code>{problem.status}</code>
              </>
            )}
          </div>
        </details>
      )}
    </div>
  );
}

// Nothing here: what belongs here, and the one action that brings it.
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
