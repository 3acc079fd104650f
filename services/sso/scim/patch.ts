import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { enterpriseUser, type PatchOperation } from "./attributes.ts";
import { type Filter, matches, parseFilter } from "./filter.ts";

type Fields = Record<string, unknown>;

/** What a kind of resource has: attributes that are kept, with those inside them; others that are taken and dropped. */
export interface PatchedKind {
  readonly schema: string;
  readonly kept: Readonly<Record<string, readonly string[]>>;
  /** Attributes with several values, each an object with a `value`. */
  readonly lists: readonly string[];
  readonly dropped: readonly string[];
}

interface Target {
  readonly attribute: string;
  readonly filter: Filter | undefined;
  readonly inner: string | undefined;
}

const pathPattern = /^([A-Za-z$][\w$-]*)(?:\[(.*)\])?(?:\.([A-Za-z$][\w$-]*))?$/s;

/**
 * The resource after all operations, in their order (RFC 7644, 3.5.2); what comes of it is still to be checked. Names count in
 * whatever case. `add` at a filter that nothing meets makes the value that the filter describes, as Entra expects. Throws
 * `scim_path_invalid`, `scim_no_target` and `scim_filter_invalid`.
 */
export function applyPatch(
  kind: PatchedKind,
  resource: Readonly<Fields>,
  operations: readonly PatchOperation[],
): Fields {
  const fields = structuredClone(resource) as Fields;
  for (const { op, path, value } of operations) {
    if (path !== undefined && path !== null && path !== "") applyAt(kind, fields, { op, path, value });
    else if (op === "remove") throw invalid("", "is needed to remove something", "删除时必须给出");
    else if (!isFields(value)) throw invalid("", "is needed unless the value is an object", "值不是对象时必须给出");
    else for (const [name, inner] of Object.entries(value)) applyAt(kind, fields, { op, path: name, value: inner });
  }
  return fields;
}

interface Step {
  readonly op: PatchOperation["op"];
  readonly path: string;
  readonly value?: unknown;
}

function applyAt(kind: PatchedKind, fields: Fields, step: Step): void {
  const target = toTarget(kind, step.path);
  if (!target) return;
  const { attribute, filter, inner } = target;
  if (kind.lists.includes(attribute)) {
    applyToList(fields, target, step);
    return;
  }
  if (filter) throw invalid(step.path, "has one value, and takes no filter", "只有一个值，不能使用过滤条件");
  if (inner === undefined) {
    applyToField(fields, attribute, step, (kind.kept[attribute] ?? []).length > 0);
    return;
  }
  const whole = isFields(fields[attribute]) ? fields[attribute] : {};
  fields[attribute] = whole;
  applyToField(whole, inner, step, false);
}

function applyToField(fields: Fields, name: string, { op, value }: Step, isWhole: boolean): void {
  if (op === "remove" || value === null || value === undefined) delete fields[name];
  else if (isWhole && isFields(value) && isFields(fields[name])) fields[name] = { ...fields[name], ...value };
  else fields[name] = value;
}

function applyToList(fields: Fields, { attribute, filter, inner }: Target, { op, path, value }: Step): void {
  const list = (Array.isArray(fields[attribute]) ? fields[attribute] : []).filter(isFields);
  const given = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  if (!filter) {
    if (inner !== undefined) throw invalid(path, "wants a filter in brackets", "需要方括号中的过滤条件");
    if (op === "replace") fields[attribute] = given;
    else if (op === "add") fields[attribute] = joined(list, given);
    // Entra names those to be removed in the value.
    else fields[attribute] = given.length === 0 ? [] : list.filter((one) => !given.some((other) => isSame(one, other)));
    return;
  }
  const isMeant = (one: Fields) => matches(filter, one);
  if (op === "remove") {
    if (inner === undefined) fields[attribute] = list.filter((one) => !isMeant(one));
    else for (const one of list.filter(isMeant)) delete one[inner];
    return;
  }
  const [addition] = given;
  const change = inner === undefined ? addition : { [inner]: addition };
  if (!isFields(change)) throw invalid(path, "wants an object as value", "的值必须是对象");
  const meant = list.filter(isMeant);
  if (meant.length === 0 && op === "replace")
    throw new Failure(ssoFailures.scim_no_target, { path: path.slice(0, 200) });
  for (const one of meant) Object.assign(one, change);
  fields[attribute] = meant.length > 0 ? list : [...list, { ...described(filter), ...change }];
}

/** Both, each value once. */
function joined(list: readonly Fields[], given: readonly unknown[]): readonly unknown[] {
  const known = new Set(list.map(({ value }) => value));
  const fresh = given.filter((one) => !isFields(one) || one["value"] === undefined || !known.has(one["value"]));
  // Of several addresses one is primary: the one that was said to be last.
  const isTaken = fresh.some((one) => isFields(one) && one["primary"] === true);
  return [...list.map((one) => (isTaken && one["primary"] === true ? { ...one, primary: false } : one)), ...fresh];
}

function isSame(one: Fields, other: unknown): boolean {
  return isFields(other) && other["value"] === one["value"];
}

/** What a filter of equalities says of a value that there is not yet. */
function described(filter: Filter): Fields {
  if (filter.kind === "and") return { ...described(filter.left), ...described(filter.right) };
  if (filter.kind !== "compare" || filter.comparison !== "eq") return {};
  return { [filter.attribute]: filter.value };
}

/** Undefined for what is taken and dropped. Throws `scim_path_invalid` for what no such resource has. */
function toTarget(kind: PatchedKind, path: string): Target | undefined {
  const lower = path.toLowerCase();
  const [own, extension] = [`${kind.schema}:`.toLowerCase(), enterpriseUser.toLowerCase()];
  if (Object.hasOwn(kind.kept, enterpriseUser) && lower.startsWith(extension)) {
    const rest = path.slice(enterpriseUser.length + 1);
    if (rest === "") return { attribute: enterpriseUser, filter: undefined, inner: undefined };
    // `manager.value` is the manager.
    const inner = findName(kind.kept[enterpriseUser] ?? [], rest.split(".")[0] ?? "");
    if (inner === undefined) throw unknown(path);
    return { attribute: enterpriseUser, filter: undefined, inner };
  }
  const [, name = "", condition, innerName] =
    pathPattern.exec(lower.startsWith(own) ? path.slice(own.length) : path) ?? [];
  if (findName(kind.dropped, name) !== undefined) return undefined;
  const attribute = findName(Object.keys(kind.kept), name);
  if (attribute === undefined) throw unknown(path);
  const inner = innerName === undefined ? undefined : findName(kind.kept[attribute] ?? [], innerName);
  if (innerName !== undefined && inner === undefined) throw unknown(path);
  return { attribute, filter: condition === undefined ? undefined : parseFilter(condition), inner };
}

function findName(names: readonly string[], wanted: string): string | undefined {
  return names.find((name) => name.toLowerCase() === wanted.toLowerCase());
}

function unknown(path: string): Failure {
  return invalid(path, "is no attribute of such a resource", "不是此类资源的属性");
}

function invalid(path: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(ssoFailures.scim_path_invalid, { path: path.slice(0, 200), reason, reason_zh_CN });
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
