"use strict";
// The extension with the real client library's place taken: what it starts, and how it ends.

const assert = require("node:assert");
const Module = require("node:module");
const path = require("node:path");
const { test } = require("node:test");
const { contributes } = require("../package.json");

function loaded(settings, events) {
  const vscode = {
    workspace: {
      isTrusted: true,
      workspaceFolders: [{ uri: { fsPath: "/nowhere" } }],
      getConfiguration: () => ({ get: (key, otherwise) => settings[key] ?? otherwise }),
      createFileSystemWatcher: (pattern) => ({ pattern }),
      onDidGrantWorkspaceTrust: () => ({}),
      onDidChangeConfiguration: () => ({}),
    },
    commands: {
      registerCommand: (name, run) => {
        events.command = { name, run };
        return {};
      },
    },
    window: { showErrorMessage: (words) => events.said.push(words) },
  };
  class LanguageClient {
    constructor(id, name, server, client) {
      events.clients.push({ id, server, client });
    }
    async start() {
      if (events.refuse) {
        throw new Error("no such file");
      }
      events.running += 1;
    }
    async stop() {
      events.running -= 1;
    }
  }
  const stubs = { vscode, "vscode-languageclient/node": { LanguageClient, TransportKind: { stdio: 0 } } };
  const original = Module._load;
  Module._load = (name, ...rest) => stubs[name] ?? original(name, ...rest);
  try {
    delete require.cache[path.join(__dirname, "..", "extension.js")];
    return require("../extension");
  } finally {
    Module._load = original;
  }
}

test("one server, ended with the window, begun anew by the command", async () => {
  const events = { clients: [], said: [], running: 0 };
  const extension = loaded({ path: "/opt/lockgate" }, events);
  const context = { subscriptions: [] };
  await extension.activate(context);
  assert.strictEqual(events.running, 1);
  assert.deepStrictEqual(events.clients[0].server, { command: "/opt/lockgate", args: ["lsp"], transport: 0 });
  assert.strictEqual(events.command.name, contributes.commands[0].command);
  await events.command.run();
  assert.strictEqual(events.running, 1);
  assert.strictEqual(events.clients.length, 2);
  await extension.deactivate();
  assert.strictEqual(events.running, 0);
});

test("a program that is not there is told once, with the setting that mends it", async () => {
  const events = { clients: [], said: [], running: 0, refuse: true };
  const extension = loaded({}, events);
  await extension.activate({ subscriptions: [] });
  assert.strictEqual(events.said.length, 1);
  assert.match(events.said[0], /lockgate cannot be started .* lockgate\.path/);
  assert.ok("lockgate.path" in contributes.configuration.properties);
  await extension.deactivate();
});
