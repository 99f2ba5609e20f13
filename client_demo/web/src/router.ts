/** Addresses: `/`, `/demo`, `/d/<document>` with what is looked at in the query. */

import { append, type Child, h } from "./ui/h";

export type Address =
  | { page: "documents" | "demo" | "lost"; query: URLSearchParams }
  | { page: "document"; document: string; query: URLSearchParams };

/** What a page gives: its element, its title, and how it follows a change of the query only. */
export interface View {
  element: HTMLElement;
  title: string;
  /** The same page, another query. Without it the page is opened anew. */
  changed?(address: Address): void;
}

/** Opens a page. `leaving` is aborted when the reader goes elsewhere: stop everything then. */
export type OpenPage<A extends Address = Address> = (address: A, leaving: AbortSignal) => View | Promise<View>;

/** A document's name for `/d/` and `/ws/`: percent-encoded, slashes kept. */
export function encodeName(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}

/** Browsers take the segments `.` and `..` out of every address: such a name has no address of its own. */
export function isReachable(name: string): boolean {
  return !name.split("/").some((part) => part === "." || part === "..");
}

/** Where a document is shown. `query` without empty values. */
export function documentPath(name: string, query: Record<string, string | number | null | undefined> = {}): string {
  const given = new URLSearchParams();
  if (!isReachable(name)) given.set("document", name);
  for (const [key, value] of Object.entries(query)) if (value !== null && value !== undefined) given.set(key, String(value));
  const tail = given.size ? `?${given}` : "";
  return `/d/${isReachable(name) ? encodeName(name) : ""}${tail}`;
}

export function parseAddress(url: URL): Address {
  const query = url.searchParams;
  if (url.pathname === "/") return { page: "documents", query };
  if (url.pathname === "/demo") return { page: "demo", query };
  if (url.pathname.startsWith("/d/")) {
    try {
      const document = decodeURIComponent(url.pathname.slice(3)) || query.get("document") || "";
      if (document) return { page: "document", document, query };
    } catch {
      // Not percent-encoded UTF-8: no document has that name.
    }
  }
  return { page: "lost", query };
}

const followers = new Set<(url: URL) => void>();

/** Call `follow` now and at every change of the address. */
export function startRouter(follow: (url: URL) => void): void {
  followers.add(follow);
  addEventListener("popstate", () => follow(new URL(location.href)));
  follow(new URL(location.href));
}

/** Go to `path`; with `replace`, without a step in the browser's history. */
export function navigate(path: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  for (const follow of followers) follow(new URL(location.href));
}

/** Change the query of this page only; null takes a value away. */
export function setQuery(changes: Record<string, string | number | null>, options: { replace?: boolean } = {}): void {
  const url = new URL(location.href);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(key);
    else url.searchParams.set(key, String(value));
  }
  navigate(`${url.pathname}${url.search}`, options);
}

/** A link within the client; with a modifier key it is an ordinary one. */
export function link(path: string, ...children: Child[]): HTMLAnchorElement {
  const element = h("a", {
    href: path,
    onclick: (event: MouseEvent) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      navigate(element.getAttribute("href") ?? path);
    },
  });
  append(element, children);
  return element;
}
