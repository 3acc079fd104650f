import assert from "node:assert/strict";
import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** What a client of tools is tried with, by the letter that stands for it on the page. */
export const toolFeatures = {
  list: ["L", "the tools of a server are found, with their schemas"],
  call: ["C", "a tool is called, and its text comes back"],
  structured: ["O", "a result that keeps to the tool's schema of what it gives"],
  progress: ["P", "progress of a call is told as it runs"],
  failure: ["F", "a tool that fails says so in its result"],
  error: ["E", "a tool that is not there, as the client's own class of error"],
  resources: ["R", "resources and templates of a server are found and read, by names of their own"],
  prompts: ["G", "a prompt is found and got, with what it is given"],
  complete: ["M", "what is begun for an argument of a prompt is completed"],
  abort: ["A", "a call that the client takes back ends at the server too"],
} as const satisfies Readonly<Record<string, readonly [letter: string, what: string]>>;
export type ToolFeature = keyof typeof toolFeatures;

/** How the client finds out which version of the protocol is spoken. */
export const toolModes = ["legacy", "auto"] as const;

/** A server of tools, registered as `tools`, and the platform through which it is called. */
export interface ToolPlace {
  readonly url: string;
  readonly apiKey: string;
  untilLeft(): Promise<void>;
}

export async function connectToTools({ url, apiKey }: ToolPlace, mode: (typeof toolModes)[number]): Promise<Client> {
  const client = new Client({ name: "conformance", version: "1" }, { versionNegotiation: { mode } });
  const requestInit = { headers: { authorization: `Bearer ${apiKey}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/v1/mcp`), { requestInit }));
  return client;
}

/** The official client, unchanged. Each throws unless it did what the feature says. */
export const toolExercises: Readonly<Record<ToolFeature, (client: Client, place: ToolPlace) => Promise<void>>> = {
  async list(client) {
    const { tools } = await client.listTools();
    const add = tools.find(({ name }) => name === "tools__add");
    assert.deepEqual(Object.keys(add?.inputSchema.properties ?? {}), ["a", "b"]);
  },
  async call(client) {
    const { content } = await client.callTool({ name: "tools__echo", arguments: { text: "你好" } });
    assert.deepEqual(content, [{ type: "text", text: "你好" }]);
  },
  async structured(client) {
    // The client holds a result against the schema that it was listed with.
    await client.listTools();
    const added = await client.callTool({ name: "tools__add", arguments: { a: 1, b: 2 } });
    assert.deepEqual(added.structuredContent, { sum: 3 });
  },
  async progress(client) {
    const steps: number[] = [];
    await client.callTool(
      { name: "tools__slow", arguments: { steps: 3, step_ms: 1 } },
      { onprogress: ({ progress }) => void steps.push(progress) },
    );
    assert.deepEqual(steps, [1, 2, 3]);
  },
  async failure(client) {
    const failed = await client.callTool({ name: "tools__fail", arguments: { how: "result" } });
    assert.equal(failed.isError, true);
  },
  async error(client) {
    await assert.rejects(client.callTool({ name: "tools__none", arguments: {} }), ProtocolError);
  },
  async resources(client) {
    const { resources } = await client.listResources();
    const { resourceTemplates } = await client.listResourceTemplates();
    assert.ok(resources.some(({ uri }) => uri === "lyss://tools/simulated://readme"));
    assert.ok(resourceTemplates.some(({ uriTemplate }) => uriTemplate === "lyss://tools/simulated://greetings/{name}"));
    const uri = "lyss://tools/simulated://greetings/Ada";
    const { contents } = await client.readResource({ uri });
    assert.deepEqual(contents, [{ uri, mimeType: "text/plain", text: "Hello, Ada!" }]);
  },
  async prompts(client) {
    const { prompts } = await client.listPrompts();
    assert.deepEqual(
      prompts.find(({ name }) => name === "tools__greet")?.arguments?.map(({ name }) => name),
      ["name"],
    );
    const { messages } = await client.getPrompt({ name: "tools__greet", arguments: { name: "Ada" } });
    assert.deepEqual(messages[0]?.content, { type: "text", text: "Greet Ada." });
  },
  async complete(client) {
    const ref = { type: "ref/prompt", name: "tools__greet" } as const;
    const { completion } = await client.complete({ ref, argument: { name: "name", value: "A" } });
    assert.deepEqual(completion.values, ["Ada", "Alan"]);
  },
  async abort(client, { untilLeft }) {
    const leaving = new AbortController();
    const call = client.callTool(
      { name: "tools__slow", arguments: { steps: 20, step_ms: 10_000 } },
      { signal: leaving.signal },
    );
    leaving.abort("enough");
    await assert.rejects(call);
    await untilLeft();
  },
};
