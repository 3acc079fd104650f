import { originOf, type Target } from "../model.ts";

const toMarks = (names: readonly string[]) => names.map((name) => Buffer.from(`"${name}"`));

/**
 * Fields of thoughts that only the vendor who signed or sealed them takes back. Where a request is translated they are left out, so
 * they are a matter of vendors who speak one dialect.
 */
const nativeMarks = toMarks(["signature", "redacted_thinking", "thoughtSignature", "encrypted_content"]);
/** As chat carries them, to whoever speaks chat. */
const chatMarks = toMarks(["thought_signature"]);

/** True for a request that carries sealed thoughts. */
export function isSealed(body: Buffer): boolean {
  return [...chatMarks, ...nativeMarks].some((mark) => body.includes(mark));
}

/** The targets that can take a request: all of them, or where it carries sealed thoughts those that the first can stand beside. */
export function takersOf(body: Buffer, targets: readonly Target[]): readonly Target[] {
  const [first] = targets;
  if (!first || targets.length < 2) return targets;
  const has = (mark: Buffer) => body.includes(mark);
  if (chatMarks.some(has)) return targets.filter((target) => isOneVendor(first, target));
  if (!nativeMarks.some(has)) return targets;
  const family = familyOf(first);
  return targets.filter((target) => familyOf(target) !== family || isOneVendor(first, target));
}

/**
 * Google's thoughts go as they are to both of its APIs. Those of Anthropic are good wherever its models are offered
 * (platform.claude.com/docs/en/build-with-claude/extended-thinking, "Thinking encryption").
 */
function familyOf({ provider: { dialect } }: Target): string {
  return dialect === "vertex" ? "gemini" : dialect;
}

function isOneVendor({ provider: one }: Target, { provider: other }: Target): boolean {
  return one.dialect === other.dialect && originOf(one) === originOf(other);
}
