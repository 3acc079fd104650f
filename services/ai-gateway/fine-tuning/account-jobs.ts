import { type AccountDeps, createAccountClient, toJsonBody } from "../batches/account-client.ts";
import { findByMark } from "../batches/find-by-mark.ts";
import type { Target } from "../model.ts";
import { markName } from "./job.ts";

/** What can be done with a job that is there. */
export type JobVerb = "cancel" | "pause" | "resume";

/** Rows of a job, as its provider lists them. */
export interface AccountPage {
  readonly limit: number;
  readonly after: string | undefined;
}

/** Jobs at the account of a provider that speaks OpenAI's API. All throw the failures of a model call at it. */
export function createAccountJobs(deps: AccountDeps, target: Target) {
  const { ask } = createAccountClient(deps, target);
  const at = (id: string) => `/fine_tuning/jobs/${encodeURIComponent(id)}`;
  return {
    create: (body: object) => ask({ method: "POST", endpoint: "/fine_tuning/jobs", body: toJsonBody(body) }),
    get: (id: string) => ask({ method: "GET", endpoint: at(id) }),
    act: (id: string, verb: JobVerb) => ask({ method: "POST", endpoint: `${at(id)}/${verb}` }),
    list: (id: string, what: "events" | "checkpoints", { limit, after }: AccountPage) =>
      ask({
        method: "GET",
        endpoint: `${at(id)}/${what}?limit=${limit}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`,
      }),
    /** The job that bears a mark, if it was made: among the newest thousand. */
    findByMark: (mark: string) => findByMark(ask, "/fine_tuning/jobs", { name: markName, mark }),
  };
}

export type AccountJobs = ReturnType<typeof createAccountJobs>;
