import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, listFailureTypes } from "@lyss/kit/errors/failure.ts";
import { createFailureReplies } from "@lyss/kit/http/failure-reply.ts";
import { apiGatewayConfig } from "@lyss/services/api-gateway/config.ts";
import { generateErrorDocs } from "./docs-errors.ts";
import { repositoryRoot } from "./source-tree.ts";

const { texts } = await generateErrorDocs(repositoryRoot);
const [[path, page] = ["", ""]] = texts;

test("the doc_url of every error leads to a place on the page, which says it in both languages", () => {
  const { docBaseUrl } = apiGatewayConfig.http.parse({});
  assert.ok(docBaseUrl.endsWith(`/${path}#`), docBaseUrl);
  const toReply = createFailureReplies(docBaseUrl);
  const call = { traceId: "t", requestId: "r", locale: "en_US" } as const;
  const types = listFailureTypes();
  assert.ok(types.length > 40);
  for (const type of types) {
    const { error } = JSON.parse(toReply(new Failure(type), call).body);
    const anchor = String(error.doc_url).slice(docBaseUrl.length);
    assert.equal(page.split(`<a id="${anchor}"></a>${type.publicCode}\n`).length, 2, anchor);
    assert.ok(page.includes(type.text.en_US) && page.includes(type.text.zh_CN), anchor);
  }
});
