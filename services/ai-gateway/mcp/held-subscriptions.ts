import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import type { LogLevel } from "./log-level.ts";

export interface HeldDeps {
  request(request: { readonly method: string; readonly params: RpcParams }): Promise<unknown>;
  onFailed(err: unknown): void;
}

/** What a server was asked to tell of on its stream, which follows what is wanted. */
export interface Held {
  /** A stream begins: all is asked for anew, for its server may have forgotten. */
  begin(): void;
  end(): void;
  follow(uris: ReadonlySet<string>, level: LogLevel | undefined): void;
}

export function createHeld({ request, onFailed }: HeldDeps): Held {
  const held = new Set<string>();
  /** What the server does not tell of; not asked for again on the same stream. */
  const refused = new Set<string>();
  let told: LogLevel | undefined;
  let wanted: { readonly uris: ReadonlySet<string>; readonly level: LogLevel | undefined } | undefined;
  let isOpen = false;
  let isWorking = false;

  /** Whether the server has done it, has refused it, or could not be asked. */
  async function ask(method: string, params: RpcParams): Promise<"done" | "refused" | "failed"> {
    try {
      await request({ method, params });
      return "done";
    } catch (err) {
      onFailed(err);
      return isFailure(err, toolFailures.tool_refused) ? "refused" : "failed";
    }
  }

  /** The next thing to be asked, with what is known of it written down; undefined when what is held is what is wanted. Gives false where the server could not be asked. */
  function next(): (() => Promise<boolean>) | undefined {
    const { uris = new Set<string>(), level } = wanted ?? {};
    if (level !== undefined && level !== told) {
      const before = told;
      told = level;
      return async () => {
        const said = await ask("logging/setLevel", { level });
        if (said === "failed") told = before;
        return said !== "failed";
      };
    }
    const gone = held.values().find((uri) => !uris.has(uri));
    if (gone !== undefined) {
      held.delete(gone);
      return async () => (await ask("resources/unsubscribe", { uri: gone })) !== "failed";
    }
    const missing = uris.values().find((uri) => !held.has(uri) && !refused.has(uri));
    if (missing === undefined) return undefined;
    held.add(missing);
    return async () => {
      const said = await ask("resources/subscribe", { uri: missing });
      if (said !== "done") held.delete(missing);
      if (said === "refused") refused.add(missing);
      return said !== "failed";
    };
  }

  /** One request after the other; one that failed is tried again with the next look. */
  async function work(): Promise<void> {
    isWorking = true;
    try {
      for (let step = isOpen && next(); step && (await step()); step = isOpen && next());
    } finally {
      isWorking = false;
    }
  }

  return {
    begin() {
      held.clear();
      refused.clear();
      told = undefined;
      isOpen = true;
    },
    end() {
      isOpen = false;
    },
    follow(uris, level) {
      wanted = { uris, level };
      if (isOpen && !isWorking) void work();
    },
  };
}
