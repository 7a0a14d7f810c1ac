"use strict";
// A thin client: everything that is said of a migration is said by `lockgate lsp`.

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");
const { serverCommand, DOCUMENTS, WATCHED } = require("./program");

let client;

async function start() {
  const settings = vscode.workspace.getConfiguration("lockgate");
  const { command, args } = serverCommand({
    configured: settings.get("path", ""),
    passTrusted: settings.get("trusted", false),
    folders: (vscode.workspace.workspaceFolders || []).map((folder) => folder.uri.fsPath),
    trusted: vscode.workspace.isTrusted,
    windows: process.platform === "win32",
  });
  const server = { command, args, transport: TransportKind.stdio };
  client = new LanguageClient("lockgate", "Lockgate", server, {
    documentSelector: DOCUMENTS,
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher(WATCHED) },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    vscode.window.showErrorMessage(
      `Lockgate: ${command} cannot be started (${error.message}): install it, or name it in lockgate.path`,
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running) {
    await running.stop();
  }
}

async function restart() {
  await stop();
  await start();
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("lockgate.restart", restart),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("lockgate.path") || event.affectsConfiguration("lockgate.trusted")) {
        return restart();
      }
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
