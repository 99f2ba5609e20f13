/** The whole history of one document. */

import type { OpenPage } from "../router";
import { documentHead } from "../ui/document_head";
import { h } from "../ui/h";
import { empty } from "../ui/states";

export const open: OpenPage = (address) => {
  const name = address.page === "document" ? address.document : "";
  return { title: `Timeline of ${name}`, element: h("div", null, documentHead(name, "timeline"), empty("The timeline is not built yet.")) };
};
