import { createEmbeddedFont } from "./embedded-font.ts";
import type { FontFace } from "./font-face.ts";
import { createPdfFile, toPdfDate, toPdfText } from "./pdf-file.ts";
import { type Element, putStructureTree, type Role } from "./structure-tree.ts";

/** Points, from the left and from the top of the page. */
export const pageWidth = 595.28;
export const pageHeight = 841.89;

export interface TextStyle {
  readonly isBold?: boolean;
  readonly size: number;
  /** From 0, black, to 1, white. */
  readonly gray?: number;
  /** `right` ends the text at x. */
  readonly align?: "left" | "right";
}

/** Pages of A4 to draw on. What is drawn within an element is part of the document, everything else is decoration. */
export interface Canvas {
  readonly pageCount: number;
  addPage(): void;
  /** Draws on a page that is there already. */
  goTo(pageIndex: number): void;
  /** One line of text whose baseline lies at y. */
  text(text: string, x: number, y: number, style: TextStyle): void;
  measure(text: string, style: TextStyle): number;
  /** A horizontal line. */
  rule(x: number, y: number, width: number, thickness: number, gray: number): void;
  box(x: number, y: number, width: number, height: number, gray: number): void;
  /** What `draw` draws is an element of that role, within the one around it. */
  element(role: Role, draw: () => void): void;
  finish(about: AboutDocument): Buffer;
}

export interface AboutDocument {
  readonly title: string;
  readonly author: string;
  /** As BCP 47 writes it. */
  readonly language: string;
  readonly createdAt: Date;
}

/** A new document with one page, set in these faces. The same drawing gives the same bytes. */
export function createCanvas(faces: { readonly regular: FontFace; readonly bold: FontFace }): Canvas {
  const fonts = { regular: createEmbeddedFont(faces.regular), bold: createEmbeddedFont(faces.bold) };
  const root: Element = { role: "Document", parent: undefined, kids: [] };
  const pages: { readonly content: string[]; marks: number }[] = [];
  let current = root;
  let pageIndex = -1;

  const page = () => {
    const found = pages[pageIndex];
    if (!found) throw new RangeError(`there is no page ${pageIndex}`);
    return found;
  };
  const fontOf = ({ isBold }: TextStyle) => (isBold ? fonts.bold : fonts.regular);
  const measure = (text: string, style: TextStyle) => fontOf(style).measure(text, style.size);

  function addPage(): void {
    pages.push({ content: [], marks: 0 });
    pageIndex = pages.length - 1;
  }

  function mark(drawing: string): void {
    const { content } = page();
    if (current === root) {
      content.push(`/Artifact BMC ${drawing} EMC`);
      return;
    }
    const number = page().marks++;
    current.kids.push({ pageIndex, mark: number });
    content.push(`/${current.role}<</MCID ${number}>>BDC ${drawing} EMC`);
  }

  addPage();
  return {
    get pageCount() {
      return pages.length;
    },
    addPage,
    goTo(index) {
      pageIndex = index;
    },
    measure,
    text(text, x, y, style) {
      if (text === "") return;
      const left = style.align === "right" ? x - measure(text, style) : x;
      const font = `/${style.isBold ? "B" : "R"} ${style.size} Tf`;
      const place = `${points(left)} ${points(pageHeight - y)} Td`;
      mark(`${style.gray ?? 0} g BT ${font} ${place} ${fontOf(style).encode(text)} Tj ET`);
    },
    rule(x, y, width, thickness, gray) {
      const [left, top] = [points(x), points(pageHeight - y)];
      page().content.push(
        `/Artifact BMC ${thickness} w ${gray} G ${left} ${top} m ${points(x + width)} ${top} l S EMC`,
      );
    },
    box(x, y, width, height, gray) {
      const corner = `${points(x)} ${points(pageHeight - y - height)}`;
      page().content.push(`/Artifact BMC ${gray} g ${corner} ${points(width)} ${points(height)} re f EMC`);
    },
    element(role, draw) {
      const outer = current;
      current = { role, parent: outer, kids: [] };
      outer.kids.push(current);
      draw();
      current = outer;
    },
    finish(about) {
      const file = createPdfFile();
      const [pagesRef, regular, bold] = [file.reserve(), file.reserve(), file.reserve()];
      const pageRefs = pages.map(() => file.reserve());
      const media = `/MediaBox[0 0 ${pageWidth} ${pageHeight}]/Resources<</Font<</R ${regular}/B ${bold}>>>>`;
      for (const [i, { content }] of pages.entries()) {
        const stream = file.putStream(Buffer.from(content.join("\n"), "latin1"));
        const body = `/Parent ${pagesRef}${media}/Contents ${stream}/StructParents ${i}/Tabs/S`;
        file.put(`<</Type/Page${body}>>`, pageRefs[i]);
      }
      file.put(`<</Type/Pages/Kids[${pageRefs.join(" ")}]/Count ${pages.length}>>`, pagesRef);
      fonts.regular.embed(file, regular);
      fonts.bold.embed(file, bold);
      const tree = putStructureTree(file, root, pageRefs);
      const reading = `/Lang(${about.language})/MarkInfo<</Marked true>>/StructTreeRoot ${tree}`;
      const shown = "/ViewerPreferences<</DisplayDocTitle true>>";
      const catalog = file.put(`<</Type/Catalog/Pages ${pagesRef}${reading}${shown}>>`);
      const date = toPdfDate(about.createdAt);
      const names = `/Title ${toPdfText(about.title)}/Author ${toPdfText(about.author)}/Producer(Lyss)`;
      return file.finish(catalog, file.put(`<<${names}/CreationDate${date}/ModDate${date}>>`));
    },
  };
}

/** A length with as many decimals as a printer can tell apart. */
function points(length: number): string {
  return String(Math.round(length * 100) / 100);
}
