import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { z } from "zod";
import { parseInput } from "../errors/parse-input.ts";

type MethodOf<Contract extends DescService> = keyof Contract["method"] & string;
type FieldOf<Message extends DescMessage> = Exclude<keyof MessageShape<Message>, "$typeName" | "$unknown">;
type Method<Contract extends DescService, Name extends MethodOf<Contract>> = Contract["method"][Name];

/** The bounds of every field of every request of a contract. One that is left out is a type error. */
export type MethodInputs<Contract extends DescService> = {
  readonly [Name in MethodOf<Contract>]: {
    readonly [Field in FieldOf<Method<Contract, Name>["input"]>]: z.ZodType;
  };
};

/** A request as its handler gets it: its fields as their schemas give them back, and nothing else. */
export type CheckedRequest<Fields extends Readonly<Record<string, z.ZodType>>> = {
  readonly [Field in keyof Fields]: z.output<Fields[Field]>;
};

type Answer<Method extends DescMethod> = MessageInitShape<Method["output"]>;
type Awaitable<T> = T | Promise<T>;
type Handle<M extends DescMethod, Request> = M["methodKind"] extends "unary"
  ? (request: Request, context: HandlerContext) => Awaitable<Answer<M>>
  : M["methodKind"] extends "server_streaming"
    ? (request: Request, context: HandlerContext) => AsyncIterable<Answer<M>>
    : M["methodKind"] extends "client_streaming"
      ? (requests: AsyncIterable<Request>, context: HandlerContext) => Awaitable<Answer<M>>
      : (requests: AsyncIterable<Request>, context: HandlerContext) => AsyncIterable<Answer<M>>;

/** One handler per method, of what its bounds let through. */
export type Handlers<Contract extends DescService, Inputs extends MethodInputs<Contract>> = {
  readonly [Name in MethodOf<Contract>]: Handle<Method<Contract, Name>, CheckedRequest<Inputs[Name]>>;
};

/**
 * For methods whose requests hold so much that asking the bounds of each part costs more than serving them: true for a request that is
 * known at one look to be within its bounds, which are not asked then. They must not change what they let through.
 */
export type UsualRequests<Contract extends DescService> = {
  readonly [Name in MethodOf<Contract>]?: (request: MessageShape<Method<Contract, Name>["input"]>) => boolean;
};

type AnyHandler = (input: unknown, context: HandlerContext) => unknown;

/** An implementation with the bounds of its requests: the only form in which one can be served. */
export interface CheckedRpc<Contract extends DescService> {
  readonly contract: Contract;
  /** The handler of a method behind its bounds; undefined where there is none. Throws `kit.invalid_request`. */
  handlerOf(method: DescMethod): AnyHandler | undefined;
}

/**
 * Ties handlers to a contract and to the bounds of what they take. Throws a TypeError that names each field without bounds:
 * one that is not in `inputs`, a text without `max`, a list without `max`.
 */
export function createRpc<Contract extends DescService, const Inputs extends MethodInputs<Contract>>(
  contract: Contract,
  inputs: Inputs,
  handlers: Handlers<Contract, Inputs>,
  usual: UsualRequests<Contract> = {},
): CheckedRpc<Contract> {
  const given = inputs as Readonly<Record<string, Readonly<Record<string, z.ZodType>>>>;
  const problems = contract.methods.flatMap((method) => findUnbounded(method, given[method.localName] ?? {}));
  if (problems.length > 0)
    throw new TypeError(`${contract.typeName} has fields without bounds: ${problems.join(", ")}`);
  const schemas = new Map(
    contract.methods.map((method) => [method.localName, z.object(given[method.localName] ?? {})]),
  );
  const byName = handlers as Readonly<Record<string, AnyHandler | undefined>>;
  const usualByName = usual as Readonly<Record<string, ((request: unknown) => boolean) | undefined>>;
  return {
    contract,
    handlerOf(method) {
      const handle = byName[method.localName]?.bind(handlers);
      const schema = schemas.get(method.localName);
      if (!handle || !schema) return undefined;
      const isStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
      if (isStream)
        return (requests, context) => handle(checkEach(schema, requests as AsyncIterable<unknown>), context);
      const isUsual = usualByName[method.localName] ?? never;
      return (request, context) => handle(isUsual(request) ? request : parseInput(schema, request), context);
    },
  };
}

const never = () => false;

async function* checkEach(schema: z.ZodType, requests: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const request of requests) yield parseInput(schema, request);
}

function findUnbounded(method: DescMethod, fields: Readonly<Record<string, z.ZodType>>): string[] {
  const names = new Set(method.input.fields.map((field) => field.oneof?.localName ?? field.localName));
  return [...names].flatMap((name) => {
    const schema = fields[name];
    const path = `${method.localName}.${name}`;
    return schema ? findEndless(schema, path) : [path];
  });
}

/** Texts and lists in a schema that may be of any length. */
function findEndless(schema: z.core.$ZodType, path: string): string[] {
  if (schema instanceof z.ZodString) return schema.maxLength === null && !hasPattern(schema) ? [path] : [];
  if (schema instanceof z.ZodArray) {
    const hasMax = schema.def.checks?.some(({ _zod: { def } }) => ["max_length", "length_equals"].includes(def.check));
    return [...(hasMax ? [] : [path]), ...findEndless(schema.element, `${path}[]`)];
  }
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([name, field]) => findEndless(field, `${path}.${name}`));
  }
  if (schema instanceof z.ZodPipe) return findEndless(schema.in, path);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return findEndless(schema.unwrap(), path);
  }
  return [];
}

/** A pattern bounds a text as well: it says so itself, as `{1,32}` does. */
function hasPattern(schema: z.ZodString): boolean {
  return schema.def.checks?.some(({ _zod: { def } }) => def.check === "string_format") ?? false;
}
