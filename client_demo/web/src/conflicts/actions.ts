/** What can be done with a card, over HTTP. */

import { ApiError, type Choices, choices, type Conflict, markSeen, reopenConflict, resolveConflict, type Sender } from "../api";
import { conflictDetail, type MetEdit } from "./wire";

/** What a choice needs: `revision` is that of the previews it was made from. */
export interface Wish {
  choice: string;
  revision: number;
  actor?: string;
  side_session?: string;
  text?: string;
}

/** What a card can ask for. Every promise rejects with an `ApiError`, or a TypeError if the server is not reached. */
export interface CardActions {
  /** The actor who is reading; null if that is not known. */
  viewer: string | null;
  /** Every choice with the text that it leads to; with `text`, also what writing that leads to. */
  choices(text?: string): Promise<Choices>;
  resolve(wish: Wish): Promise<void>;
  reopen(): Promise<void>;
  seen(): Promise<void>;
  /** The edits that met. */
  events(): Promise<MetEdit[]>;
  /** Read the entry again and show it: something has been done to it, here or elsewhere. Resolves to it. */
  refresh(): Promise<Conflict>;
  /** Where the past of this place is shown, at one revision. */
  past(revision: number): string;
  /** Show the place in the text; without it there is no such button. */
  show?: () => void;
}

/** Actions on `conflict` as `acting`; `refresh` shows the entry as it is now. */
export function actionsOn(
  conflict: Conflict,
  options: { acting: () => Sender; viewer: string | null; refresh: () => Promise<Conflict>; past: CardActions["past"]; show?: () => void },
): CardActions {
  const { id, document } = conflict;
  const { acting, viewer, refresh, past, show } = options;
  return {
    viewer,
    choices: (text) => choices(id, document, text),
    resolve: async (wish) => void (await resolveConflict({ id, document, ...wish }, acting())),
    reopen: async () => void (await reopenConflict(id, document, acting())),
    seen: async () => void (await markSeen(id, document, acting())),
    events: async () => (await conflictDetail(id, document, viewer)).events,
    refresh,
    past,
    ...(show ? { show } : {}),
  };
}

/** Somebody else was first: the entry is resolved already. */
export const wasFirst = (error: unknown): boolean => error instanceof ApiError && error.code === "condition-failed";

/** The place says something else by now than the previews did. */
export const hasMoved = (error: unknown): boolean => error instanceof ApiError && error.code === "place-changed";

/** The server has not looked at the newest edits yet; it will have, soon. */
export const isEarly = (error: unknown): boolean => error instanceof ApiError && error.code === "not-known-yet";
