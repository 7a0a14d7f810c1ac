"use strict";
// Which program is started, and how: apart from the editor, so that it can be tested without one.

const fs = require("node:fs");
const path = require("node:path");

/** Where virtual environments lie in a workspace, and where their programs do. */
const ENVIRONMENTS = [".venv", "venv"];

/**
 * The program and its arguments.
 * `trusted`: whether the user trusts the workspace; nothing that lies in one that is not trusted is started.
 */
function serverCommand({ configured = "", passTrusted = false, folders = [], trusted = false, windows = false }) {
  const args = passTrusted && trusted ? ["lsp", "--trusted"] : ["lsp"];
  if (configured && trusted) {
    return { command: configured, args };
  }
  const inside = windows ? ["Scripts", "lockgate.exe"] : ["bin", "lockgate"];
  for (const folder of trusted ? folders : []) {
    for (const name of ENVIRONMENTS) {
      const found = path.join(folder, name, ...inside);
      if (fs.existsSync(found)) {
        return { command: found, args };
      }
    }
  }
  return { command: "lockgate", args };
}

/** The documents that the server is told of: SQL, and programs that may be migrations. */
const DOCUMENTS = [
  { scheme: "file", pattern: "**/*.sql" },
  { scheme: "file", pattern: "**/{versions,*migration*,*Migration*}/**/*.{py,ts,js,mts,cts,mjs,cjs}" },
];

/** The files whose change on the disk changes the answer. */
const WATCHED = "**/{*.sql,lockgate.toml,pyproject.toml,sqitch.plan,_journal.json,atlas.sum}";

module.exports = { serverCommand, DOCUMENTS, WATCHED };
