/** The whole history of one document: a scrubber, the text at any moment, what differs, named versions, going back. */

import "../styles/people.css";
import "../styles/timeline.css";

import { documentPath, link, type OpenPage, type View } from "../router";
import { documentHead } from "../ui/document_head";
import { fill, h } from "../ui/h";
import { empty, failed, isUnknown, loading, unknownDocument } from "../ui/states";
import { type Timeline, timeline } from "../timeline/api";
import { parseLook } from "../timeline/look";
import { stage } from "../timeline/stage";

const BUCKETS = 600;

export const open: OpenPage = (address, leaving): View => {
  const name = address.page === "document" ? address.document : "";
  const place = h("div.timeline", null, loading("Reading the history"));
  let shown: ReturnType<typeof stage> | undefined;
  let look = parseLook(address.query);

  const load = async (): Promise<void> => {
    try {
      const found: Timeline = await timeline(name, look.axis, BUCKETS, leaving);
      if (leaving.aborted) return;
      shown?.close();
      shown = undefined;
      if (!found.edits) return fill(place, empty("Nothing has been written yet.", link(documentPath(name), "Write the first line")));
      const made = stage(name, found, look, { leaving, reload: () => void load() });
      shown = made;
      fill(place, made.element);
    } catch (error) {
      if (!leaving.aborted) fill(place, isUnknown(error) ? unknownDocument(name) : failed(error, () => void load()));
    }
  };
  void load();
  leaving.addEventListener("abort", () => shown?.close());
  return {
    title: `Timeline of ${name}`,
    element: h("div", null, documentHead(name, "timeline"), place),
    changed(next) {
      const before = look;
      look = parseLook(next.query);
      if (look.axis !== before.axis) void load();
      else shown?.look(look);
    },
  };
};
