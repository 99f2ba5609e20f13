/** What can be chosen about one provider. */

export interface Options {
  /** A name and a colour for people, recorded as claimed. */
  name?: string;
  color?: string;
  /** Keep document, session and edits without a receipt in IndexedDB: true by default. */
  keep?: boolean;
  /** Tells apart what is kept where one page has the same document open twice. */
  as?: string;
  /** Where the HTTP API is: the address of the provider's server without `/ws` by default; null: do not ask it. */
  api?: string | null;
  /** How many whole entries of the conflict log are read with each connection, the newest that are open: 500. */
  list?: number;
}

/** `refused`: the server has closed the session for good (see the event `problem`); `provider.connect()` tries again. */
export type State = "starting" | "offline" | "connecting" | "online" | "refused";
