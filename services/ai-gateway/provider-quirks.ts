import { type CallRequest, readRequest } from "./call/read-request.ts";
import { parseExact } from "./dialects/exact-json.ts";
import { unsupported } from "./dialects/request-fields.ts";
import type { Model, PrefillForm, Provider } from "./model.ts";
import file from "./provider-presets.json" with { type: "json" };
import { asksForNothing, isHint, mayDrop } from "./providers/asked-fields.ts";
import type { WireProvider } from "./providers/wire.ts";

/** How a vendor's API differs from the dialect that it speaks, by its own documentation. */
export interface Quirks {
  /** Parameters that it answers with an error. */
  readonly denied?: readonly string[];
  /** Parameters that have another name there, by the usual one. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Roles of messages that have another name there. */
  readonly roles?: Readonly<Record<string, string>>;
  /** True where `stream_options` is an error, and usage comes without being asked for. */
  readonly noStreamOptions?: boolean;
}

interface ModelQuirks extends Quirks {
  /** Of what the vendor calls the model. */
  readonly models: string;
}

interface VendorQuirks extends Quirks {
  /** Those of some of its models, which come on top. */
  readonly some?: readonly ModelQuirks[];
  /** How some of its models are asked to go on with an answer that is begun. Of others it is not known. */
  readonly prefill?: { readonly form: PrefillForm; readonly models: string };
  /** Where the vendor says so, and when that was read. */
  readonly checked: string;
}

const vendors = new Map<string, VendorQuirks>();
for (const preset of file.presets as readonly { readonly baseUrl: string; readonly quirks?: VendorQuirks }[]) {
  if (preset.quirks) vendors.set(new URL(preset.baseUrl).hostname, preset.quirks);
}

const known = new WeakMap<Model, Quirks | null>();

/** What is known of a model's peculiarities at the address of its provider; undefined where it takes what the dialect has. */
export function quirksOf({ baseUrl }: Pick<Provider, "baseUrl">, model: Model): Quirks | undefined {
  let quirks = known.get(model);
  if (quirks === undefined) {
    quirks = findQuirks(baseUrl, model.upstreamName) ?? null;
    known.set(model, quirks);
  }
  return quirks ?? undefined;
}

function findQuirks(baseUrl: string, upstreamName: string): Quirks | undefined {
  const vendor = vendors.get(new URL(baseUrl).hostname);
  if (!vendor) return undefined;
  const some = (vendor.some ?? []).filter(({ models }) => new RegExp(models).test(upstreamName));
  const all: readonly Quirks[] = [vendor, ...some];
  const quirks = {
    denied: all.flatMap(({ denied = [] }) => denied),
    renamed: Object.assign({}, ...all.map(({ renamed }) => renamed)) as Record<string, string>,
    roles: Object.assign({}, ...all.map(({ roles }) => roles)) as Record<string, string>,
    noStreamOptions: all.some(({ noStreamOptions }) => noStreamOptions === true),
  };
  const { denied, renamed, roles, noStreamOptions } = quirks;
  const isEmpty = denied.length === 0 && Object.keys({ ...renamed, ...roles }).length === 0 && !noStreamOptions;
  return isEmpty ? undefined : quirks;
}

/** How a model is asked to go on with an answer that is begun; undefined where it is not known to, by the address of its provider. */
export function knownPrefillOf({ baseUrl }: Pick<Provider, "baseUrl">, model: Model): PrefillForm | undefined {
  const known = vendors.get(new URL(baseUrl).hostname)?.prefill;
  return known && new RegExp(known.models).test(model.upstreamName) ? known.form : undefined;
}

/**
 * A request as the vendor takes it: parameters and roles have its names, and what it does not take is refused by name or left out, as
 * the provider says. What needs no change keeps its bytes; numbers keep all their digits in any case. Throws `invalid_request`.
 */
export function adaptToVendor(request: CallRequest, model: Model, provider: WireProvider): CallRequest {
  const quirks = provider.baseUrl === undefined ? undefined : quirksOf({ baseUrl: provider.baseUrl }, model);
  if (!quirks) return request;
  const { denied = [], renamed = {}, roles = {}, noStreamOptions = false } = quirks;
  const { json } = request;
  const asked = denied.filter((name) => !asksForNothing(name, json[name]));
  const refused = asked.find((name) => !isHint(name) && !mayDrop(name, provider));
  if (refused !== undefined) throw unsupported(refused);
  const left = new Set([...denied.filter((name) => name in json), ...(noStreamOptions ? ["stream_options"] : [])]);
  const messages = Array.isArray(json["messages"]) ? json["messages"] : [];
  const isAsItIs =
    ![...left].some((name) => name in json) &&
    !Object.keys(renamed).some((name) => name in json) &&
    !messages.some((message) => Object.hasOwn(roles, String(Object(message).role)));
  const wantsUsage = request.wantsUsage || noStreamOptions;
  if (isAsItIs) return wantsUsage === request.wantsUsage ? request : { ...request, wantsUsage };

  const exact = parseExact(request.body.toString("utf8")) as Record<string, unknown>;
  const kept = Object.entries(exact).filter(([name]) => !left.has(name));
  const fields = kept.map(([name, value]): readonly [string, unknown] => [
    // Where both names are given, the vendor's own has the word.
    Object.hasOwn(renamed, name) ? (renamed[name] ?? name) : name,
    name === "messages" && Array.isArray(value) ? value.map((message) => withRole(message, roles)) : value,
  ]);
  const own = Object.fromEntries([
    ...fields,
    ...kept.filter(([name]) => !Object.hasOwn(renamed, name) && name !== "messages"),
  ]);
  const adapted = readRequest(request.surface, Buffer.from(JSON.stringify(own)));
  // A limit that came in another dialect is in no field yet.
  const outputLimit = request.outputLimit?.field === undefined ? request.outputLimit : adapted.outputLimit;
  return { ...adapted, outputLimit, wantsUsage };
}

function withRole(message: unknown, roles: Readonly<Record<string, string>>): unknown {
  if (typeof message !== "object" || message === null) return message;
  const { role } = message as { readonly role?: unknown };
  return typeof role === "string" && Object.hasOwn(roles, role) ? { ...message, role: roles[role] } : message;
}
