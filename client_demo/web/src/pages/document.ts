/** One document: the editor, and where edits collided. */

import type { OpenPage } from "../router";
import { documentHead } from "../ui/document_head";
import { h } from "../ui/h";
import { empty } from "../ui/states";

export const open: OpenPage = (address) => {
  const name = address.page === "document" ? address.document : "";
  return { title: name, element: h("div", null, documentHead(name, "edit"), empty("The editor is not built yet.")) };
};
