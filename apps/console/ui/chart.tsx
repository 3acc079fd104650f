import { lazy, Suspense } from "react";
import type { ChartProps } from "./chart-props.ts";
import { useUiTexts } from "./texts.ts";

// By far the largest of what the console stands on: it comes when something is drawn.
const Canvas = lazy(async () => ({ default: (await import("./chart-canvas.tsx")).ChartCanvas }));

/** Values over time. The palette, the axes and the hint are the same everywhere; numbers have their unit, times their zone. */
export function Chart(props: ChartProps) {
  const t = useUiTexts();
  const { heightPx = 220, times } = props;
  if (times.length === 0) {
    return (
      <p className="grid place-items-center text-ink-soft" style={{ height: heightPx }}>
        {t("noData")}
      </p>
    );
  }
  return (
    <Suspense fallback={<div style={{ height: heightPx }} />}>
      <Canvas {...props} />
    </Suspense>
  );
}
