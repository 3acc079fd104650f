import assert from "node:assert/strict";
import { type Message, Role, type Task, TaskState } from "@a2a-js/sdk";
import { type Client, ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { TaskNotFoundError } from "@a2a-js/sdk/errors";

/** What a client of an agent's is tried with, by the letter that stands for it on the page. */
export const agentFeatures = {
  card: ["D", "an agent is found by its card"],
  message: ["M", "a message that is answered by one"],
  task: ["T", "a message that is answered by a task, which is then read"],
  turns: ["I", "a task that asks for more, and goes on when it has got it"],
  stream: ["S", "a message whose task is streamed to its end"],
  follow: ["F", "a stream that is left, taken up again, and ends when its task is canceled"],
  error: ["E", "a task that is not there, as the client's own class of error"],
} as const satisfies Readonly<Record<string, readonly [letter: string, what: string]>>;
export type AgentFeature = keyof typeof agentFeatures;

/** The official client, which finds an agent by its card: at `<url>/v1/a2a/<agent>/`. */
export function connectToAgent(url: string, agent: string, apiKey: string): Promise<Client> {
  const fetchImpl: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${apiKey}`);
    return fetch(input, { ...init, headers });
  };
  const given = { fetchImpl, legacyCompat: { enabled: true } };
  const factory = new ClientFactory({
    cardResolver: new DefaultAgentCardResolver(given),
    transports: [new JsonRpcTransportFactory(given)],
  });
  return factory.createFromUrl(`${url}/v1/a2a/${agent}/`);
}

export function toMessage(said: string, more: Partial<Message> = {}) {
  const part = { content: { $case: "text" as const, value: said }, metadata: undefined, filename: "", mediaType: "" };
  const message: Message = {
    ...{ messageId: "1", role: Role.ROLE_USER, parts: [part], taskId: "", contextId: "" },
    ...{ extensions: [], metadata: undefined, referenceTaskIds: [], ...more },
  };
  return { tenant: "", message, configuration: undefined, metadata: undefined };
}

export const toTaskName = (id: string) => ({ tenant: "", id, historyLength: undefined, metadata: undefined });

export async function sendForTask(client: Client, said: string, more: Partial<Message> = {}): Promise<Task> {
  const sent = await client.sendMessage(toMessage(said, more));
  assert.ok("id" in sent);
  return sent;
}

/** A stream of a task that waits, left when it has begun; gives the task's id. */
export async function leaveStream(client: Client): Promise<string> {
  const leaving = new AbortController();
  for await (const { payload } of client.sendMessageStream(toMessage("wait"), { signal: leaving.signal })) {
    assert.ok(payload?.$case === "task");
    leaving.abort();
    return payload.value.id;
  }
  assert.fail("nothing was streamed");
}

/** The official client, unchanged, with an agent behind the platform that does as it is told. Each throws unless it did what the feature says. */
export const agentExercises: Readonly<Record<AgentFeature, (client: Client) => Promise<void>>> = {
  async card(client) {
    const { name, skills } = await client.getAgentCard();
    assert.deepEqual([name, skills.map(({ id }) => id)], ["Echo agent", ["echo"]]);
  },
  async message(client) {
    assert.ok("messageId" in (await client.sendMessage(toMessage("message"))));
  },
  async task(client) {
    const { id, status } = await sendForTask(client, "你好");
    assert.equal(status?.state, TaskState.TASK_STATE_COMPLETED);
    const { artifacts } = await client.getTask(toTaskName(id));
    const content = artifacts[0]?.parts[0]?.content;
    assert.equal(content?.$case === "text" && content.value, "你好");
  },
  async turns(client) {
    const { id, contextId, status } = await sendForTask(client, "ask");
    assert.equal(status?.state, TaskState.TASK_STATE_INPUT_REQUIRED);
    const goesOn = await sendForTask(client, "more", { taskId: id, contextId });
    assert.deepEqual([goesOn.id, goesOn.status?.state], [id, TaskState.TASK_STATE_COMPLETED]);
  },
  async stream(client) {
    const kinds: unknown[] = [];
    for await (const { payload } of client.sendMessageStream(toMessage("stream"))) kinds.push(payload?.$case);
    assert.deepEqual(kinds, ["task", "artifactUpdate", "statusUpdate"]);
  },
  async follow(client) {
    const id = await leaveStream(client);
    const states: unknown[] = [];
    for await (const { payload } of client.resubscribeTask(toTaskName(id))) {
      if (payload?.$case === "task") await client.cancelTask(toTaskName(id));
      if (payload?.$case === "statusUpdate") states.push(payload.value.status?.state);
    }
    assert.deepEqual(states, [TaskState.TASK_STATE_CANCELED]);
  },
  async error(client) {
    await assert.rejects(client.getTask(toTaskName("none")), TaskNotFoundError);
  },
};
