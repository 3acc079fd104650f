import type { PdfFile, Ref } from "./pdf-file.ts";

/** What a part of the document is: roles of ISO 32000-1, 14.8.4, as far as they are needed here. */
export type Role = "Document" | "H1" | "H2" | "P" | "Table" | "TR" | "TH" | "TD";

/** A part of the document for programs that read it aloud or take it apart. */
export interface Element {
  readonly role: Role;
  readonly parent: Element | undefined;
  readonly kids: (Element | MarkedText)[];
}

/** A piece of a page's content, by its number on the page. */
export interface MarkedText {
  readonly pageIndex: number;
  readonly mark: number;
}

/** Writes the tree below `root` and, for each page, which element each mark belongs to. Gives the tree's own object. */
export function putStructureTree(file: PdfFile, root: Element, pages: readonly Ref[]): Ref {
  const treeRef = file.reserve();
  const owners: Ref[][] = pages.map(() => []);

  function put(element: Element, parentRef: Ref): Ref {
    const ref = file.reserve();
    const kids = element.kids.map((kid) => {
      if (!("mark" in kid)) return put(kid, ref);
      const ofPage = owners[kid.pageIndex];
      if (ofPage) ofPage[kid.mark] = ref;
      return `<</Type/MCR/Pg ${pages[kid.pageIndex]}/MCID ${kid.mark}>>`;
    });
    const scope = element.role === "TH" ? "/A<</O/Table/Scope/Column>>" : "";
    return file.put(`<</Type/StructElem/S/${element.role}/P ${parentRef}/K[${kids.join(" ")}]${scope}>>`, ref);
  }

  const documentRef = put(root, treeRef);
  const numbers = owners.map((refs, i) => `${i} [${refs.join(" ")}]`).join(" ");
  const parentTree = file.put(`<</Nums[${numbers}]>>`);
  const body = `/K ${documentRef}/ParentTree ${parentTree}/ParentTreeNextKey ${pages.length}`;
  return file.put(`<</Type/StructTreeRoot${body}>>`, treeRef);
}
