import type { Movement, Statement, UsageLine } from "../statement.ts";
import { usageCategory } from "../statement.ts";
import { createAmountFormat, exactOf, formatCount, formatRate } from "./amounts.ts";
import { type Column, contentWidth, type Flow, type Row } from "./flow.ts";
import { categoryLabel, type Labels } from "./labels.ts";

/** Rows of usage beyond which only one is shown for each model. */
const maxUsageRows = 5_000;
const indent = 10;

function columnsOf(...columns: readonly (readonly [left: number, right: number, align: "left" | "right"])[]): Column[] {
  return columns.map(([left, right, align]) => ({ left, width: right - left, align }));
}

const summaryColumns = columnsOf([0, 280, "left"], [290, 350, "right"], [360, contentWidth, "right"]);
const usageColumns = columnsOf(
  [0, 235, "left"],
  [240, 315, "right"],
  [320, 395, "right"],
  [400, contentWidth, "right"],
);
const movementColumns = columnsOf([0, 62, "left"], [68, 190, "left"], [196, 392, "left"], [398, contentWidth, "right"]);

/** How the opening balance becomes the closing balance. */
export function drawSummary(flow: Flow, statement: Statement, labels: Labels): void {
  const { opening_nanos: opening, closing_nanos: closing, sums } = statement;
  const format = createAmountFormat([opening, closing, ...sums.map((sum) => sum.amount_nanos)].map(exactOf));
  const rows: readonly Row[] = [
    { cells: [labels.opening, "", format(exactOf(opening))] },
    ...sums.map((sum) => ({
      cells: [
        sum.category === usageCategory ? labels.total : categoryLabel(labels, sum.category),
        formatCount(String(sum.count)),
        format(exactOf(sum.amount_nanos)),
      ],
    })),
    { cells: [labels.closing, "", format(exactOf(closing))], isBold: true, hasRule: true },
  ];
  flow.table(summaryColumns, [labels.summary, labels.count, `${labels.amount} (${statement.currency})`], rows);
}

/** What calls cost, by model and price version, each line with what it is made of. */
export function drawUsage(flow: Flow, statement: Statement, labels: Labels): void {
  const { usage, other_usage_nanos: other, currency } = statement;
  if (usage.length === 0 && other === "0") {
    flow.paragraph(labels.nothing, { size: 9, gray: 0.4 });
    return;
  }
  const isCompact = usage.reduce((sum, line) => sum + partsOf(line).length + 1, 0) > maxUsageRows;
  if (isCompact) flow.paragraph(labels.compact, { size: 8.5, gray: 0.3 });
  const shown = isCompact ? [] : usage.flatMap(partsOf);
  const charges = [...usage.map((line) => line.charge_nanos), other].map(exactOf);
  const format = createAmountFormat([...charges, ...shown.map(({ exact }) => exact)]);
  const rows = usage.flatMap((line): Row[] => [
    {
      cells: [`${line.model} · ${line.provider}`, "", "", format(exactOf(line.charge_nanos))],
      ...{ isBold: true, hasRule: true, keepsNext: true },
    },
    { cells: [factsOf(line, labels), "", "", ""], gray: 0.4, indent, keepsNext: !isCompact },
    ...(isCompact ? [] : partsOf(line)).map(({ bucket, label, quantity, rate, exact }) => ({
      cells: [bucket ? labels.buckets[bucket] : labels[label ?? "rounding"], quantity, rate, format(exact)],
      ...{ gray: 0.2, indent },
    })),
  ]);
  if (other !== "0") rows.push({ cells: [labels.otherUsage, "", "", format(exactOf(other))], hasRule: true });
  const total = charges.reduce((sum, amount) => sum + amount, 0n);
  rows.push({ cells: [labels.total, "", "", format(total)], isBold: true, hasRule: true });
  flow.table(usageColumns, [labels.item, labels.quantity, labels.unitPrice, `${labels.amount} (${currency})`], rows);
}

interface Part {
  readonly bucket?: UsageLine["buckets"][number]["bucket"];
  readonly label?: "rounding" | "markup" | "uncollected";
  readonly quantity: string;
  readonly rate: string;
  readonly exact: bigint;
}

/** What adds up to a line's charge. */
function partsOf(line: UsageLine): readonly Part[] {
  const buckets = line.buckets.map(({ bucket, quantity, nanos_per_million: rate, exact_nanos: exact }) => ({
    ...{ bucket, quantity: formatCount(quantity), rate: formatRate(rate), exact: exactOf(exact) },
  }));
  const adjustments: readonly Part[] = [
    { label: "markup", quantity: "", rate: "", exact: exactOf(line.markup_nanos) },
    { label: "rounding", quantity: "", rate: "", exact: exactOf(line.rounding_nanos) },
    { label: "uncollected", quantity: "", rate: "", exact: -exactOf(line.uncollected_nanos) },
  ];
  return [...buckets, ...adjustments.filter(({ exact }) => exact !== 0n)];
}

function factsOf(line: UsageLine, labels: Labels): string {
  return [
    labels.calls(formatCount(line.calls)),
    ...(line.estimated_calls === "0" ? [] : [labels.estimated(formatCount(line.estimated_calls))]),
    labels.priceVersion(line.price_version),
    ...(line.service_mode === null ? [] : [labels.modes[line.service_mode] ?? line.service_mode]),
    ...(line.tier_above_input_tokens === null ? [] : [labels.tier(formatCount(line.tier_above_input_tokens))]),
    ...(line.about_period === null ? [] : [labels.about(line.about_period)]),
  ].join(" · ");
}

/** Everything that is no charge of a call. */
export function drawMovements(flow: Flow, { movements, currency }: Statement, labels: Labels): void {
  if (movements.length === 0) {
    flow.paragraph(labels.nothing, { size: 9, gray: 0.4 });
    return;
  }
  const format = createAmountFormat(movements.map((line) => exactOf(line.amount_nanos)));
  const rows = movements.map((line) => ({
    cells: [
      line.posted_at.slice(0, 10),
      categoryLabel(labels, line.category),
      referenceOf(line, labels),
      format(exactOf(line.amount_nanos)),
    ],
    hasRule: true,
  }));
  flow.table(movementColumns, [labels.date, labels.item, labels.reference, `${labels.amount} (${currency})`], rows);
}

function referenceOf({ reference, note, count, posting_id, about_period }: Movement, labels: Labels): string {
  const parts = [reference, note, ...(about_period === null ? [] : [labels.about(about_period)])];
  if (posting_id === "") parts.push(labels.several(count));
  return parts.filter((part) => part !== "").join(" · ");
}
