import { Decimal, toCsv } from "@lyss/kit/http/csv.ts";
import { formatNanos } from "../model.ts";
import { formatTrillionths, formatUnits, parseTrillionths } from "./exact-nanos.ts";
import type { Invoice, Movement, UsageLine } from "./statement.ts";

const heading = [
  ...[
    "section",
    "item",
    "time",
    "about_period",
    "provider",
    "model",
    "price_version",
    "service_mode",
    "tier_above",
    "calls",
    "quantity",
  ],
  ...["unit_price_per_million", "amount", "amount_nanos", "currency", "reference", "note"],
] as const;
type Cell = string | bigint | Decimal;
type Row = Partial<Record<(typeof heading)[number], Cell>>;

/**
 * An invoice or statement as CSV. Amounts are from the tenant's point of view: what calls cost is negative. The lines of
 * sections `opening`, `movement`, `usage_bucket`, `usage_adjustment` and `other_usage` add up to `closing`, to the nano; `usage`
 * sums up the lines of one model, and `sum` those of one category.
 */
export function toStatementCsv({ number, statement }: Invoice): string {
  const { currency, period } = statement;
  const rows: Row[] = [
    { section: "document", item: number ?? "", time: period.start, note: period.end, reference: statement.tenant_id },
    { section: "opening", time: period.start, ...amount(BigInt(statement.opening_nanos)) },
    ...statement.movements.map(toMovementRow),
    ...statement.usage.flatMap(toUsageRows),
    { section: "other_usage", ...amount(-BigInt(statement.other_usage_nanos)) },
    ...statement.sums.map((sum) => ({
      ...{ section: "sum", item: sum.category, quantity: BigInt(sum.count) },
      ...amount(BigInt(sum.amount_nanos)),
    })),
    { section: "closing", time: period.end, ...amount(BigInt(statement.closing_nanos)) },
  ];
  const cells = rows.map((row) => heading.map((name): Cell => (name === "currency" ? currency : (row[name] ?? ""))));
  return toCsv([heading, ...cells]);
}

function toMovementRow(line: Movement): Row {
  return {
    section: "movement",
    item: line.category,
    time: line.posted_at,
    about_period: line.about_period ?? "",
    quantity: BigInt(line.count),
    reference: line.reference,
    note: line.note,
    ...amount(BigInt(line.amount_nanos)),
  };
}

/** The model's line, then what it is made of. */
function toUsageRows(line: UsageLine): Row[] {
  const names: Row = {
    about_period: line.about_period ?? "",
    provider: line.provider,
    model: line.model,
    price_version: BigInt(line.price_version),
    service_mode: line.service_mode ?? "",
    tier_above: line.tier_above_input_tokens === null ? "" : BigInt(line.tier_above_input_tokens),
    reference: line.price_id,
  };
  const part = (item: string, exact: bigint, row: Row = {}): Row => {
    return {
      ...names,
      section: row.quantity === undefined ? "usage_adjustment" : "usage_bucket",
      item,
      ...row,
      ...exactAmount(-exact),
    };
  };
  return [
    { ...names, section: "usage", calls: BigInt(line.calls), ...amount(-BigInt(line.charge_nanos)) },
    ...line.buckets.map(({ bucket, quantity, nanos_per_million: rate, exact_nanos: exact }) =>
      part(bucket, parseTrillionths(exact), {
        quantity: BigInt(quantity),
        unit_price_per_million: new Decimal(formatNanos(BigInt(rate))),
      }),
    ),
    ...[
      part("markup", parseTrillionths(line.markup_nanos)),
      part("rounding", parseTrillionths(line.rounding_nanos)),
      part("uncollected", -parseTrillionths(line.uncollected_nanos)),
    ].filter((row) => (row.amount_nanos as Decimal).text !== "0"),
  ];
}

function amount(nanos: bigint): Row {
  return { amount: new Decimal(formatNanos(nanos)), amount_nanos: nanos };
}

function exactAmount(trillionths: bigint): Row {
  return { amount: new Decimal(formatUnits(trillionths)), amount_nanos: new Decimal(formatTrillionths(trillionths)) };
}
