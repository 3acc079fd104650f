import type { Logger } from "pino";
import { createCodeStore } from "./codes/code-store.ts";
import { createCodes } from "./codes/codes.ts";
import { createCorrectionStore } from "./corrections/correction-store.ts";
import { createCorrections } from "./corrections/corrections.ts";
import type { CreditDeps } from "./credit-deps.ts";
import type { GrantStore } from "./grants/grant-store.ts";
import { createGrants } from "./grants/grants.ts";
import { createCreditLimitStore } from "./overdraft/credit-limit-store.ts";
import { type SetCreditLimitInput, setCreditLimit } from "./overdraft/set-credit-limit.ts";

/** Codes, grants and corrections: money that moves without a call and without a payer. */
export function createCreditParts(
  deps: CreditDeps & { readonly grants: GrantStore; readonly log: Logger; readonly codeKey: Buffer },
) {
  return {
    grants: createGrants(deps),
    codes: createCodes({ ...deps, codes: createCodeStore(deps.db.sql) }),
    setCreditLimit: (input: SetCreditLimitInput) =>
      setCreditLimit({ ...deps, creditLimits: createCreditLimitStore() }, input),
    corrections: createCorrections({ ...deps, corrections: createCorrectionStore() }),
  };
}

export type CreditParts = ReturnType<typeof createCreditParts>;
