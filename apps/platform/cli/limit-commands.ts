import type { Command } from "commander";
import { type CliDeps, connect, withConnection } from "./context.ts";
import { print, toFields } from "./print.ts";
import { readCount } from "./read-count.ts";

type Row = Record<string, unknown>;

interface LimitedSubject {
  /** As the argument's help calls it. */
  readonly id: string;
  readonly description: string;
  readonly pathOf: (id: string) => string;
  readonly hasTokens: boolean;
}

type Limit = number | "none";

const readLimit = (text: string): Limit => (text === "none" ? text : readCount(text));
const orNull = (limit: Limit) => (limit === "none" ? null : limit);

/** `limits <id>`: shows the limits of a group or a person, or changes those that options name. */
export function addLimitsCommand(parent: Command, deps: CliDeps, subject: LimitedSubject): void {
  const command = withConnection(parent.command("limits").description(subject.description))
    .argument("<id>", subject.id)
    .option("--requests-per-minute <count>", "1 to 1000000, or none", readLimit)
    .option("--concurrent <count>", "requests under way at once, 1 to 10000, or none", readLimit);
  if (subject.hasTokens) {
    command.option("--tokens-per-minute <count>", "of model calls in and out, 1 to 1000000000, or none", readLimit);
  }
  command.action(async (id: string, options) => {
    const { api, output } = connect(deps, options);
    const { requestsPerMinute, concurrent, tokensPerMinute } = options;
    const body: Row = {
      ...(requestsPerMinute !== undefined && { requests_per_minute: orNull(requestsPerMinute) }),
      ...(concurrent !== undefined && { max_concurrent_requests: orNull(concurrent) }),
      ...(tokensPerMinute !== undefined && { tokens_per_minute: orNull(tokensPerMinute) }),
    };
    const path = `${subject.pathOf(id)}/limits`;
    const isChange = Object.keys(body).length > 0;
    const limits = await (isChange ? api.send("PATCH", path, body) : api.send("GET", path));
    print(output, limits, ({ object: _object, ...fields }) =>
      toFields(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value ?? "none"]))),
    );
  });
}
