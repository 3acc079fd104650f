import { createHash } from "node:crypto";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type ImageFacts, maxAvatarBytes, maxAvatarSide, readImageFacts } from "../avatar-image.ts";
import type { PersonReference } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import type { Profile } from "../profile.ts";
import { changeProfile, nextOf } from "./update-profile.ts";

export interface SetAvatarInput extends PersonReference {
  readonly image: Buffer;
}

/**
 * The profile with its new picture. What kind of image it is, is told by its bytes. Throws `kit.invalid_request` for what is no PNG,
 * JPEG or WebP, or is too large, and what `updateProfile` throws. A repeat changes nothing.
 */
export async function setAvatar(deps: UserDeps, input: SetAvatarInput): Promise<Profile> {
  const { image: bytes } = input;
  const facts = requireImage(bytes);
  const hash = createHash("sha256").update(bytes).digest("hex");
  return changeProfile(deps, input, async (tx, before) => {
    if (before.avatar?.hash === hash) return before;
    const after = { ...nextOf(deps, before), avatar: { ...facts, hash } };
    await deps.profiles.putAvatar(tx, before.userId, { ...facts, hash, bytes });
    await deps.profiles.updateProfile(tx, after);
    return after;
  });
}

/** The profile without a picture. Throws what `updateProfile` throws. A repeat is safe. */
export async function removeAvatar(deps: UserDeps, input: PersonReference): Promise<Profile> {
  return changeProfile(deps, input, async (tx, before) => {
    if (!before.avatar) return before;
    const after = { ...nextOf(deps, before), avatar: null };
    await deps.profiles.deleteAvatar(tx, before.userId);
    await deps.profiles.updateProfile(tx, after);
    return after;
  });
}

function requireImage(bytes: Buffer): ImageFacts {
  const limitKiB = maxAvatarBytes / 1_024;
  if (bytes.length > maxAvatarBytes) {
    throw invalid(`must be at most ${limitKiB} KiB; make it smaller`, `不得超过 ${limitKiB} KiB，请缩小图片`);
  }
  const facts = readImageFacts(bytes);
  if (!facts) throw invalid("must be a PNG, JPEG or WebP image", "必须是 PNG、JPEG 或 WebP 图片");
  if (Math.max(facts.width, facts.height) > maxAvatarSide) {
    const side = maxAvatarSide;
    throw invalid(`must be at most ${side} by ${side} pixels`, `不得超过 ${side} × ${side} 像素`);
  }
  return facts;
}

function invalid(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "image", reason, reason_zh_CN });
}
