/** What is at the roots of a document. A root's type is nowhere written down; it follows from what is in it. */

import * as Y from "yjs";

export type RootKind = "text" | "map" | "array" | "xml";

export interface Root {
  name: string;
  kind: RootKind;
}

/** Where an empty document begins. */
export const FIRST: Root = { name: "text", kind: "text" };

function kindOf(type: Y.AbstractType<unknown>): RootKind {
  if (type instanceof Y.XmlFragment) return "xml";
  if (type instanceof Y.Text) return "text";
  if (type instanceof Y.Map) return "map";
  if (type instanceof Y.Array) return "array";
  const { _start, _map } = type as unknown as { _start: Y.Item | null; _map: Map<string, Y.Item> };
  for (let item = _start; item; item = item.right) {
    const { content } = item;
    if (content instanceof Y.ContentString || content instanceof Y.ContentFormat || content instanceof Y.ContentEmbed) return "text";
    if (content instanceof Y.ContentType) {
      const { type: inner } = content;
      return inner instanceof Y.XmlElement || inner instanceof Y.XmlText || inner instanceof Y.XmlHook ? "xml" : "array";
    }
    if (!(content instanceof Y.ContentDeleted)) return "array";
  }
  return _map.size ? "map" : "text";
}

/** Every root by name, with what it is; texts first, then by name. */
export function rootsOf(doc: Y.Doc): Root[] {
  const found = [...doc.share].map(([name, type]) => ({ name, kind: kindOf(type as Y.AbstractType<unknown>) }));
  const rank = ({ name, kind }: Root): number => (kind !== "text" ? 2 : name === FIRST.name ? 0 : 1);
  return found.sort((one, other) => rank(one) - rank(other) || (one.name < other.name ? -1 : 1));
}

/** The shared type behind `root`. */
export function typeAt(doc: Y.Doc, root: Root): Y.Text | Y.Map<unknown> | Y.Array<unknown> | Y.XmlFragment {
  switch (root.kind) {
    case "text":
      return doc.getText(root.name);
    case "map":
      return doc.getMap(root.name);
    case "array":
      return doc.getArray(root.name);
    case "xml":
      return doc.getXmlFragment(root.name);
  }
}
