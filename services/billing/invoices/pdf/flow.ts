import { type Canvas, pageHeight, pageWidth, type TextStyle } from "./canvas.ts";
import type { Role } from "./structure-tree.ts";
import { wrapText } from "./wrap-text.ts";

export const margin = 48;
export const contentWidth = pageWidth - 2 * margin;
const bottom = pageHeight - 62;
const lineFactor = 1.45;
const tableSize = 8.5;
const rowPadding = 4;
const maxCellLines = 6;

export interface Column {
  /** From the left edge of the content. */
  readonly left: number;
  readonly width: number;
  readonly align: "left" | "right";
}

export interface Row {
  readonly cells: readonly string[];
  readonly isBold?: boolean;
  readonly gray?: number;
  /** In points, for the first cell. */
  readonly indent?: number;
  /** A line above the row. */
  readonly hasRule?: boolean;
  /** The next row should stand on the same page. */
  readonly keepsNext?: boolean;
}

/** Text and tables from top to bottom, over as many pages as they need. */
export interface Flow {
  /** Where the next thing is drawn. */
  y: number;
  space(height: number): void;
  /** Lines of text in the content's width or a part of it; breaks between lines where a page ends. */
  paragraph(
    text: string,
    style: TextStyle,
    box?: { readonly role?: Role; readonly left?: number; readonly width?: number },
  ): void;
  /** Rows below a heading, which is repeated on every page. */
  table(columns: readonly Column[], heading: readonly string[], rows: readonly Row[]): void;
}

export function createFlow(canvas: Canvas, startY: number): Flow {
  const flow: Flow = { y: startY, space, paragraph, table };

  function space(height: number): void {
    flow.y += height;
  }

  /** A new page when `height` is not left on this one. True when there was one. */
  function reserve(height: number): boolean {
    if (flow.y + height <= bottom) return false;
    canvas.addPage();
    flow.y = margin;
    return true;
  }

  function paragraph(text: string, style: TextStyle, box: { role?: Role; left?: number; width?: number } = {}): void {
    const { role = "P", left = 0, width = contentWidth } = box;
    const measure = (part: string) => canvas.measure(part, style);
    const lineHeight = style.size * lineFactor;
    canvas.element(role, () => {
      for (const line of wrapText(text, width, measure)) {
        reserve(lineHeight);
        canvas.text(line, margin + left, flow.y + style.size, style);
        flow.y += lineHeight;
      }
    });
  }

  function table(columns: readonly Column[], heading: readonly string[], rows: readonly Row[]): void {
    const head = layOut(columns, { cells: heading, isBold: true, gray: 0.35 });
    const drawHead = () => {
      canvas.element("TR", () => drawRow(columns, head, "TH"));
      canvas.rule(margin, flow.y, contentWidth, 0.75, 0.35);
    };
    canvas.element("Table", () => {
      const laid = rows.map((row) => layOut(columns, row));
      reserve(head.height + (laid[0]?.height ?? 0) + (laid[1]?.height ?? 0));
      drawHead();
      for (const [i, row] of laid.entries()) {
        const next = row.keepsNext ? (laid[i + 1]?.height ?? 0) : 0;
        if (reserve(row.height + next)) drawHead();
        else if (row.hasRule && i > 0) canvas.rule(margin, flow.y, contentWidth, 0.4, 0.8);
        canvas.element("TR", () => drawRow(columns, row, "TD"));
      }
    });
  }

  function layOut(columns: readonly Column[], row: Row) {
    const style: TextStyle = { size: tableSize, isBold: row.isBold ?? false, gray: row.gray ?? 0 };
    const measure = (part: string) => canvas.measure(part, style);
    const cells = columns.map(({ width }, i) => {
      const indent = i === 0 ? (row.indent ?? 0) : 0;
      return wrapText(row.cells[i] ?? "", width - indent, measure, maxCellLines);
    });
    const lines = Math.max(...cells.map(({ length }) => length));
    return { ...row, style, lines: cells, height: lines * tableSize * lineFactor + rowPadding };
  }

  function drawRow(columns: readonly Column[], row: ReturnType<typeof layOut>, role: "TH" | "TD"): void {
    for (const [i, { left, width, align }] of columns.entries()) {
      const indent = i === 0 ? (row.indent ?? 0) : 0;
      const x = margin + (align === "right" ? left + width : left + indent);
      canvas.element(role, () => {
        for (const [number, line] of (row.lines[i] ?? []).entries()) {
          const baseline = flow.y + rowPadding / 2 + tableSize + number * tableSize * lineFactor;
          canvas.text(line, x, baseline, { ...row.style, align });
        }
      });
    }
    flow.y += row.height;
  }

  return flow;
}
