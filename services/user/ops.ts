import type { UserDeps } from "./deps.ts";
import { type CreateUserInput, createUser } from "./ops/create-user.ts";
import { type GetUserInput, getUser } from "./ops/get-user.ts";
import { type ListUsersInput, listUsers } from "./ops/list-users.ts";
import { type SetPasswordInput, setPassword } from "./ops/set-password.ts";
import { type SignInInput, signIn } from "./ops/sign-in.ts";

/** Binds the operations on people to what they need. */
export function createUserOps(deps: UserDeps) {
  return {
    createUser: (input: CreateUserInput) => createUser(deps, input),
    getUser: (input: GetUserInput) => getUser(deps, input),
    listUsers: (input: ListUsersInput) => listUsers(deps, input),
    signIn: (input: SignInInput) => signIn(deps, input),
    setPassword: (input: SetPasswordInput) => setPassword(deps, input),
    sweepFailures: () => deps.guard.sweep(),
  };
}

export type UserOps = ReturnType<typeof createUserOps>;
