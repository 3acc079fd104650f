import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components";
import { type ECharts, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useLanguage } from "../app/language.ts";
import { useShownTheme } from "../app/theme.ts";
import type { ChartProps } from "./chart-props.ts";
import { colorOf } from "./palette.ts";

use([LineChart, BarChart, GridComponent, TooltipComponent, AriaComponent, CanvasRenderer]);

export function ChartCanvas(props: ChartProps) {
  const { label, heightPx = 220 } = props;
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>(undefined);
  const theme = useShownTheme();
  const language = useLanguage();
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current);
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(toOption(props, theme, language), { notMerge: true });
  }, [props, theme, language]);
  return <div ref={box} role="img" aria-label={label} style={{ height: heightPx }} />;
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function toOption(
  { times, series, comparison, kind = "area", format }: ChartProps,
  theme: "light" | "dark",
  language: string,
) {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const isBar = kind === "bar";
  const toSeries = (name: string, values: readonly number[]) => ({
    ...{ name, data: [...values], type: isBar ? "bar" : "line", symbol: "none" },
    ...{ lineStyle: { width: 1.75 }, barMaxWidth: 28, emphasis: { focus: "series" } },
    ...(kind !== "line" && { stack: "all", areaStyle: { opacity: 0.12 } }),
  });
  const before = comparison && {
    ...{ name: comparison.name, data: [...comparison.values], type: "line", symbol: "none", z: 1 },
    ...{
      lineStyle: { width: 1.25, type: "dashed", color: color("line-strong") },
      itemStyle: { color: color("line-strong") },
    },
  };
  const axisText = { color: color("ink-soft"), fontSize: 11 };
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 250,
    color: series.map(({ tone }, at) => colorOf(theme, tone ?? at)),
    grid: { left: 4, right: 8, top: 12, bottom: 2, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: {
      trigger: "axis",
      backgroundColor: color("surface"),
      borderColor: color("line"),
      textStyle: { color: color("ink"), fontSize: 12 },
      // An element, not a text: styles inside a text are refused by the content policy.
      formatter: (items: readonly TooltipItem[]) => toTooltip(items, format, language),
    },
    xAxis: {
      type: "category",
      data: times.map((at) => at),
      boundaryGap: isBar,
      axisLine: { lineStyle: { color: color("line") } },
      axisTick: { show: false },
      axisLabel: {
        ...{ ...axisText, hideOverlap: true, formatter: (at: string) => toShortTime(at, times, language) },
        // A day stands there once, however many steps it has.
        ...(spansDays(times) && {
          interval: (index: number, at: string) =>
            index === 0 || toShortTime(at, times, language) !== toShortTime(times[index - 1] ?? at, times, language),
        }),
      },
    },
    yAxis: {
      type: "value",
      splitNumber: 3,
      splitLine: { lineStyle: { color: color("line") } },
      axisLabel: { ...axisText, formatter: (value: number) => format(value) },
    },
    series: [...series.map(({ name, values }) => toSeries(name, values)), ...(before ? [before] : [])],
  };
}

interface TooltipItem {
  readonly axisValue: string;
  readonly seriesName: string;
  readonly value: number;
  readonly color: string;
}

function toTooltip(items: readonly TooltipItem[], format: ChartProps["format"], language: string): HTMLElement {
  const root = document.createElement("div");
  const [first] = items;
  const head = root.appendChild(document.createElement("div"));
  head.className = "mb-1 text-ink-soft";
  const time = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  head.textContent = first ? `${time.format(new Date(first.axisValue))} ${zone}` : "";
  for (const { seriesName, value, color } of items
    .filter(({ value }) => Number.isFinite(value))
    .toSorted((a, b) => b.value - a.value)
    .slice(0, 12)) {
    const line = root.appendChild(document.createElement("div"));
    line.className = "flex items-center gap-2";
    const dot = line.appendChild(document.createElement("span"));
    dot.className = "size-2 rounded-full";
    dot.style.background = color;
    const name = line.appendChild(document.createElement("span"));
    name.textContent = seriesName;
    const amount = line.appendChild(document.createElement("span"));
    amount.className = "ml-auto pl-4 tabular-nums font-medium";
    amount.textContent = format(value);
  }
  return root;
}

/** True where the axis tells days, not times of the day. */
function spansDays(times: readonly string[]): boolean {
  const [first = "", last = first] = [times[0], times.at(-1)];
  return new Date(last).getTime() - new Date(first).getTime() > 2 * 86_400_000;
}

function toShortTime(at: string, times: readonly string[], language: string): string {
  const options: Intl.DateTimeFormatOptions = spansDays(times)
    ? { month: "short", day: "numeric" }
    : { hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(language, options).format(new Date(at));
}
