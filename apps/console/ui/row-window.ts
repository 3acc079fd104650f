import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** Up to here all rows are drawn: the browser's own search finds them. */
const maxWhole = 200;
/** Drawn beyond what is in sight, on both sides. */
const spareRows = 20;
/** A new window begins at every so many rows: with more of them a frame takes too long, with fewer there are too many windows. */
const stepRows = 5;

export interface RowWindow {
  readonly from: number;
  readonly to: number;
  /** What the rows take that are not drawn. */
  readonly abovePx: number;
  readonly belowPx: number;
  readonly body: RefObject<HTMLTableSectionElement | null>;
}

/** Which of many rows are drawn: those in sight and some around them. All of them where they are few. */
export function useRowWindow(count: number): RowWindow {
  const body = useRef<HTMLTableSectionElement>(null);
  const rowPx = useRef(0);
  const [first, setFirst] = useState(0);
  const [shown, setShown] = useState(maxWhole);
  const isWhole = count <= maxWhole;
  useLayoutEffect(() => {
    if (isWhole) return;
    const look = () => {
      if (!body.current) return;
      const { top, height } = body.current.getBoundingClientRect();
      // The first time nothing but rows is in it.
      rowPx.current ||= height / maxWhole;
      const inSight = Math.ceil(innerHeight / rowPx.current);
      const next = Math.floor((-top / rowPx.current - spareRows) / stepRows) * stepRows;
      setFirst(Math.min(Math.max(0, next), Math.max(0, count - inSight)));
      setShown(inSight + spareRows * 2 + stepRows);
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [isWhole, count]);
  if (isWhole) return { from: 0, to: count, abovePx: 0, belowPx: 0, body };
  const to = Math.min(count, first + shown);
  return { from: first, to, abovePx: first * rowPx.current, belowPx: (count - to) * rowPx.current, body };
}
