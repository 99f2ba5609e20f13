/** Who wrote what is still there, when, and how often edits met. */

import type { OpenPage } from "../router";
import { documentHead } from "../ui/document_head";
import { h } from "../ui/h";
import { empty } from "../ui/states";

export const open: OpenPage = (address) => {
  const name = address.page === "document" ? address.document : "";
  return { title: `Insight into ${name}`, element: h("div", null, documentHead(name, "insight"), empty("Insight is not built yet.")) };
};
