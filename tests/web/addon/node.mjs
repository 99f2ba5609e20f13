// The package as it is published, under Node: no IndexedDB, no locks, a WebSocket from elsewhere.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [web, interop, server, room] = process.argv.slice(2);
const from = (folder, name) => import(pathToFileURL(createRequire(`${folder}/x.js`).resolve(name)));
const { default: WebSocket } = await from(interop, "ws");
const { keepBoth } = await import(pathToFileURL(`${web}/addon/dist/index.js`));
const Y = await import(pathToFileURL(`${web}/node_modules/yjs/dist/yjs.mjs`));
const { WebsocketProvider } = await import(pathToFileURL(`${web}/node_modules/y-websocket/src/y-websocket.js`));

globalThis.WebSocket ??= WebSocket;
const doc = new Y.Doc();
const provider = new WebsocketProvider(server, room, doc, { disableBc: true, WebSocketPolyfill: WebSocket });
const both = keepBoth(provider, { name: "Node", api: null });
await both.ready;
doc.getText("text").insert(0, "from Node");
await both.saved();
console.log(JSON.stringify({ session: both.session, kept: both.kept, waiting: both.waiting }));
await both.destroy();
process.exit(0);
