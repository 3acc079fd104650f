import type { UserDeps } from "../deps.ts";
import type { SignedIn } from "./sign-in.ts";

export interface RefreshInput {
  readonly refreshToken: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/** The tokens that follow a refresh token. Throws what auth throws; a repeat within the grace gives the same. */
export async function refresh(
  { auth }: Pick<UserDeps, "auth">,
  input: RefreshInput,
): Promise<Omit<SignedIn, "userId">> {
  const { tokens } = await auth.refreshSession(input);
  if (!tokens) throw new Error("auth answers a refresh without tokens");
  return tokens;
}
