/** Two people, one sentence, a collision: the idea in a minute. */

import type { OpenPage } from "../router";
import { h } from "../ui/h";
import { empty } from "../ui/states";

export const open: OpenPage = () => ({
  title: "See a collision",
  element: h("div", null, h("h1", null, "See a collision"), empty("The demo is not built yet.")),
});
