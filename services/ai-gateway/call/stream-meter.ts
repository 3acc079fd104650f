import type { Funds } from "../funds/funds.ts";
import type { TokenCounter } from "./count-tokens.ts";

/** Sees to it that a stream whose money is set aside as it runs puts out no more than is set aside. */
export interface StreamMeter {
  /**
   * Lets through text that is about to leave: at once while it fits, else when more is set aside. Rejects with billing's failure
   * when money has ended, or `kit.unavailable` when billing cannot be asked; then the text must not leave.
   */
  admit(text: string): Promise<void> | undefined;
  /** What is set aside, in tokens; infinite where nothing limits it any more. What was let through is within it. */
  readonly heldTokens: number;
}

type Raise = NonNullable<Funds["raise"]>;

/** More is asked for when so much of what is set aside may be used, so that the stream rarely waits for it. */
const raiseAtPercent = 75;

/** Undefined for a call whose most is set aside. */
export function createStreamMeter(
  { raise, outputTokens }: Pick<Funds, "raise" | "outputTokens">,
  counter: Pick<TokenCounter, "estimateText">,
  choices: number,
): StreamMeter | undefined {
  return raise && meter(raise, Number(outputTokens) * choices, counter, choices);
}

function meter(
  raise: Raise,
  firstTokens: number,
  counter: Pick<TokenCounter, "estimateText">,
  choices: number,
): StreamMeter {
  let heldTokens = firstTokens;
  let countedTokens = 0;
  /** Not counted yet: a token has a byte at least. Counted late, since each cut between two counts may add one. */
  let text = "";
  let textBytes = 0;
  let asking: Promise<void> | undefined;
  let refusal: unknown;

  function ask(): Promise<void> {
    asking ??= raise()
      .then(
        (outputTokens) => {
          refusal = undefined;
          // The provider keeps to the caller's limit by itself.
          heldTokens = outputTokens === undefined ? Number.POSITIVE_INFINITY : Number(outputTokens) * choices;
        },
        (err: unknown) => {
          refusal = err;
        },
      )
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  async function settleUp(): Promise<void> {
    const counting = text;
    text = "";
    textBytes = 0;
    countedTokens += await counter.estimateText(counting);
    // What was refused before is asked for once more: money may have come.
    while (countedTokens > heldTokens) {
      await ask();
      if (refusal !== undefined && countedTokens > heldTokens) throw refusal;
    }
  }

  return {
    get heldTokens() {
      return heldTokens;
    },
    admit(added) {
      text += added;
      textBytes += Buffer.byteLength(added);
      const mostTokens = countedTokens + textBytes;
      if (mostTokens * 100 > heldTokens * raiseAtPercent && refusal === undefined) void ask();
      return mostTokens > heldTokens ? settleUp() : undefined;
    },
  };
}
