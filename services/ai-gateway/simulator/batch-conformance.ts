import assert from "node:assert/strict";
import { test } from "node:test";
import { NotFoundError, type OpenAI, toFile } from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";

function user(content: string): ChatCompletionMessageParam[] {
  return [{ role: "user", content }];
}

/** What the official SDK must be able to do with files and batches, at the simulated provider and before a gateway alike. */
export function describeBatches(getClient: () => OpenAI): void {
  test("W51: a file of requests is answered as a batch, and each answer is the one that a call gets", async () => {
    const client = getClient();
    const asked = { model: "simulated-chat", messages: user("Hello. simulate.batch_ms=0 simulate.tokens=9"), seed: 3 };
    const line = (custom_id: string, body: object) =>
      `${JSON.stringify({ custom_id, method: "POST", url: "/v1/chat/completions", body })}\n`;
    const wrong = { ...asked, messages: user("simulate.error=context_length") };
    const bytes = Buffer.from(line("fine", asked) + line("wrong", wrong));
    const file = await client.files.create({ file: await toFile(bytes, "two.jsonl"), purpose: "batch" });
    assert.deepEqual(
      [file.purpose, file.bytes, (await client.files.retrieve(file.id)).id],
      ["batch", bytes.length, file.id],
    );
    assert.equal(await (await client.files.content(file.id)).text(), bytes.toString("utf8"));
    const made = await client.batches.create({
      ...{ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" },
    });
    assert.equal(made.status, "validating");
    const batch = await client.batches.retrieve(made.id);
    assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 2, completed: 1, failed: 1 }]);
    const [fine, failed] = await Promise.all(
      [batch.output_file_id, batch.error_file_id].map(async (id) =>
        JSON.parse(await (await client.files.content(id ?? "")).text()),
      ),
    );
    const whole = await client.chat.completions.create(asked);
    assert.deepEqual([fine.custom_id, fine.response.status_code], ["fine", 200]);
    assert.deepEqual([fine.response.body.choices, fine.response.body.usage], [whole.choices, whole.usage]);
    assert.deepEqual([failed.custom_id, failed.response.status_code], ["wrong", 400]);
    assert.equal(failed.response.body.error.code, "context_length_exceeded");
    assert.ok((await client.batches.list()).data.some(({ id }) => id === made.id));
    assert.deepEqual(await client.files.delete(file.id), { id: file.id, object: "file", deleted: true });
    await assert.rejects(client.files.retrieve(file.id), NotFoundError);
  });
}
