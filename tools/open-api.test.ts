import assert from "node:assert/strict";
import { test } from "node:test";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { findExampleProblems, generateOpenApi } from "./open-api.ts";
import { repositoryRoot } from "./source-tree.ts";
import { loadServices } from "./topology.ts";

test("the document has every route of every service, and is the same each time", async () => {
  const { texts } = await generateOpenApi(repositoryRoot);
  const [text] = texts.values();
  const { openapi, paths } = JSON.parse(text ?? "");
  assert.equal(openapi, "3.1.0");
  const services = await loadServices(repositoryRoot);
  for (const { method, path, operation } of services.flatMap(({ routes }) => routes)) {
    assert.equal(paths[path]?.[method.toLowerCase()]?.operationId, operation, `${method} ${path}`);
  }
  assert.deepEqual(await generateOpenApi(repositoryRoot), { texts, folders: [] });
});

test("every operation shows a request, an answer and its errors, and its own schemas accept them", async () => {
  assert.deepEqual(findExampleProblems(await loadServices(repositoryRoot)), []);
});

test("an operation whose example its schema refuses is named, with the field and what to do", () => {
  const { json } = routesFor<undefined>();
  const even = z.string().refine((text) => text.length % 2 === 0 && text.startsWith("even"));
  const route = (body: z.ZodType, operation: string) =>
    json({
      ...{ method: "POST", path: `/v1/${operation.toLowerCase()}`, permission: "public", operation, summary: "Tries." },
      body,
      response: z.strictObject({}),
      handle: () => ({}),
    });
  const routes = [
    route(z.strictObject({ word: even }), "guessed"),
    route(z.strictObject({ word: even.meta({ examples: ["even"] }) }), "given"),
    route(z.strictObject({ word: z.string().regex(/^(xy){3}$/) }), "unguessable"),
  ];
  assert.deepEqual(
    findExampleProblems([{ name: "trial", routes }]).map(({ message }) => message),
    [
      'guessed: the example of its body.word does not fit (Invalid input); give it .meta({ examples: ["…"] })',
      'unguessable: its body has no example; give the fields that need one .meta({ examples: ["…"] })',
    ],
  );
});
