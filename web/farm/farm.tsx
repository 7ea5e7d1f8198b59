/*
 * farm/farm: the farm's page: the queue, a job, the machines, the limits; which one is said by the address.
 */
import sheet from "./farm.css?url";
import { route } from "../app/router";
import { JobView } from "./job";
import { LimitsView } from "./limits";
import { NodesView } from "./nodes";
import { QueueView } from "./queue";

export { sheet };

export function Farm() {
  const { job, project } = route.value;
  if (job === "nodes") return <NodesView />;
  if (job === "limits") return <LimitsView />;
  return job ? <JobView key={job} id={job} /> : <QueueView key={project} />;
}
