"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");
const { serverCommand } = require("../program");

function workspace() {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "lockgate-"));
  fs.mkdirSync(path.join(root, ".venv", "bin"), { recursive: true });
  fs.writeFileSync(path.join(root, ".venv", "bin", "lockgate"), "");
  return root;
}

test("the workspace's own environment, else the PATH", (t) => {
  const root = workspace();
  t.after(() => fs.rmSync(root, { recursive: true }));
  const own = { command: path.join(root, ".venv", "bin", "lockgate"), args: ["lsp"] };
  assert.deepStrictEqual(serverCommand({ folders: ["/nowhere", root], trusted: true }), own);
  assert.deepStrictEqual(serverCommand({ folders: ["/nowhere"], trusted: true }), { command: "lockgate", args: ["lsp"] });
});

test("nothing of a workspace that is not trusted is started", (t) => {
  const root = workspace();
  t.after(() => fs.rmSync(root, { recursive: true }));
  const asked = { folders: [root], configured: path.join(root, "evil"), passTrusted: true };
  assert.deepStrictEqual(serverCommand({ ...asked, trusted: false }), { command: "lockgate", args: ["lsp"] });
  assert.deepStrictEqual(serverCommand({ ...asked, trusted: true }), {
    command: asked.configured,
    args: ["lsp", "--trusted"],
  });
});
