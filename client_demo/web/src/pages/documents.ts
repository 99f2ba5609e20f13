/** All documents. */

import { type DocumentSummary, documents } from "../api";
import { documentPath, link, type OpenPage } from "../router";
import { bdi, h } from "../ui/h";
import { empty } from "../ui/states";
import { timeAgo } from "../ui/time";

export const open: OpenPage = async (_, leaving) => {
  const { documents: found } = await documents({}, leaving);
  const body = found.length ? table(found) : nothing();
  return { title: "KeepBoth", element: h("div", null, h("h1", null, "Documents"), body) };
};

function nothing(): HTMLElement {
  const demo = link("/demo", "See a collision (1 min)");
  demo.className = "button primary";
  return empty("No documents yet.", h("p.actions", null, demo));
}

function table(found: readonly DocumentSummary[]): HTMLElement {
  return h(
    "table.table",
    null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Name"), h("th.number", { scope: "col" }, "Edits"), h("th", { scope: "col" }, "Changed"))),
    h(
      "tbody",
      null,
      found.map((one) =>
        h(
          "tr",
          null,
          h("td.wide", null, link(documentPath(one.document), bdi(one.title ?? one.document))),
          h("td.number", null, one.edits.toLocaleString("en")),
          h("td", null, timeAgo(one.updated_at)),
        ),
      ),
    ),
  );
}
