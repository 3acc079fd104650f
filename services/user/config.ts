import { z } from "zod";

/** Section `user` of the configuration. */
export const userConfig = {
  user: z
    .strictObject({
      /** Passwords that are hashed or wait for it at one time; each takes about 50 ms and 64 MiB. */
      maxPendingHashes: z.int().min(1).max(1_000).default(64),
      /** Failed sign-ins of one account before it has to wait: 1 s, 2 s, 4 s, … */
      freeFailuresPerAccount: z.int().min(1).max(100).default(5),
      /** The same for one network address, behind which there may be many people. */
      freeFailuresPerAddress: z.int().min(1).max(10_000).default(20),
      /** The longest wait. */
      maxWaitMs: z.int().min(1_000).max(86_400_000).default(900_000),
      /** Failures are forgotten after this long without another. */
      forgetFailuresAfterMs: z.int().min(60_000).max(604_800_000).default(86_400_000),
      /** Accounts and addresses whose failures are remembered at most. */
      maxRememberedFailures: z.int().min(1_000).max(10_000_000).default(100_000),
    })
    .prefault({}),
};
