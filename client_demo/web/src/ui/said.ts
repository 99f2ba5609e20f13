/** Sentences of the server about keys: those are written as code, without the signs that stand for it in plain text. */

import type { Card, Sentence } from "../api";
import { type Child, h } from "./h";

const KEY = /`([^`]+)`/;

function written(text: string): Child {
  return text.split(KEY).map((part, at) => (at % 2 ? h("code", null, part) : part));
}

/** The sentence; its keys as code where it is about keys. */
export const said = ({ code, text }: Sentence): Child => (/key/.test(code) ? written(text) : text);

/** The place of a collision. */
export const placeSaid = ({ text, said: steps }: Card["where"]): Child =>
  steps.some(({ code }) => code.includes("key")) ? written(text) : text;
