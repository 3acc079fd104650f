import type { SseEvent } from "../dialects/openai/sse.ts";
import type { AnswerForm } from "./answer-texts.ts";
import { type Asking, askAboutAnswer } from "./ask-rules.ts";

type Json = Record<string, unknown>;

/** An event on its way to its writer. */
export interface Piece {
  readonly event: SseEvent;
  /** What chat's form has of it. */
  readonly json: unknown;
  /** What it is in its own dialect; undefined for one that says nothing. */
  readonly own: Json | undefined;
}

/** Holds the events of a stream back until they have been judged, a window at a time. */
export interface AnswerWindow {
  add(pieces: readonly Piece[]): void;
  /** True when what is held says enough to ask about it. */
  readonly isFull: boolean;
  /** Those that are held, as the rules will have them; `toPiece` writes one that was changed. Throws as `askRules` does. */
  judge(toPiece: (own: Json, piece: Piece) => Piece, signal: AbortSignal): Promise<readonly Piece[]>;
}

export function createAnswerWindow(form: AnswerForm, asking: Asking): AnswerWindow {
  const fullLength = Math.min(...asking.rules.map(({ guardrail }) => guardrail.spec.window_chars));
  const before = new Map<string, string>();
  let held: Piece[] = [];
  let length = 0;
  const textsOf = ({ own }: Piece) => (own ? form.textsOf(own) : []);

  return {
    add(pieces) {
      for (const piece of pieces) {
        held.push(piece);
        for (const { kind, value } of textsOf(piece)) length += kind === "object" ? fullLength : String(value).length;
      }
    },
    get isFull() {
      return length >= fullLength;
    },
    async judge(toPiece, signal) {
      const pieces = held;
      held = [];
      length = 0;
      const found = pieces.flatMap(textsOf);
      if (!(await askAboutAnswer(asking, found, before, signal))) return pieces;
      return pieces.map((piece) => (piece.own && textsOf(piece).length > 0 ? toPiece(piece.own, piece) : piece));
    },
  };
}
