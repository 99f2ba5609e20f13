/** Two people, one sentence, a collision: the idea in a minute. */

import "../styles/demo.css";

import { createDocument, newId } from "../api";
import { scene } from "../demo/scene";
import { TEXT } from "../demo/typing";
import { navigate, type OpenPage } from "../router";

const ROOM = /^[0-9a-f]{12}$/;

/** A fresh room per visitor; its name is in the address, so that a reload comes back to it. */
export const open: OpenPage = async (address, leaving) => {
  const given = address.query.get("room") ?? "";
  const room = ROOM.test(given) ? given : newId().replaceAll("-", "").slice(0, 12);
  const document = `demo/${room}`;
  // The same id for the same room: coming back to it is a repetition, not a second document.
  const id = `00000000-0000-4000-8000-${room}`;
  await createDocument(document, { title: "Two people, one sentence", content: { text: TEXT } }, id);
  if (room !== given) history.replaceState(null, "", `/demo?room=${room}`);
  const element = await scene(document, leaving, () => navigate("/demo"));
  return { title: "See a collision", element };
};
