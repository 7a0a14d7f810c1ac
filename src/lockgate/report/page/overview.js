// A schema of many tables, before anybody has come near: its groups, with the names of their tables.

/** Whether there are too many tables for one drawing to be read. @param {Scene} scene */
function isLarge(scene) {
  return scene.tables.length > MANY && new Set(scene.tables.map((table) => groupOf(table.life))).size > 1;
}

/** @param {Life} life */
function groupOf(life) {
  return lives.get(life.place || life.id)?.group || life.group || "";
}

/** @param {Scene} scene */
function overviewView(scene) {
  /** @type {Map<string, Table[]>} */
  const groups = new Map();
  for (const table of scene.tables) groups.set(groupOf(table.life), [...(groups.get(groupOf(table.life)) ?? []), table]);
  const links = linksOfGroups(scene);
  const cards = [...groups].sort(([, a], [, b]) => b.length - a.length).map(([name, tables]) => ({ tall: tables.length + 4, card: groupCard(name, tables, links.get(name) ?? new Map(), scene.at) }));
  return h("div", { class: "overview" },
    h("p", { class: "soft intro" }, `${counted(scene.tables.length, "table")} in ${counted(groups.size, "group")}, by their foreign keys. `, h("button", { class: "link", type: "button", click: () => go({ group: EVERYTHING }) }, "Draw all of them")),
    inColumns(cards));
}

/** As many columns as there is room for, each card in the one that is shortest so far. @param {{ tall: number, card: HTMLElement }[]} cards */
function inColumns(cards) {
  const count = Math.max(1, Math.min(cards.length, Math.floor((view.clientWidth - 20) / 244)));
  const columns = Array.from({ length: count }, () => ({ tall: 0, column: h("div", { class: "column" }) }));
  for (const { tall, card } of cards) {
    const shortest = columns.reduce((best, one) => (one.tall < best.tall ? one : best));
    shortest.tall += tall;
    shortest.column.append(card);
  }
  return h("div", { class: "groups" }, ...columns.map((one) => one.column));
}

/** How many foreign keys lead from each group to each other one. @param {Scene} scene */
function linksOfGroups(scene) {
  /** @type {Map<string, Map<string, number>>} */
  const out = new Map();
  for (const table of scene.tables) {
    for (const part of table.parts) {
      const target = lives.get(part.now.target ?? 0);
      if (part.life.kind !== "foreign key" || !target) continue;
      const from = groupOf(table.life), to = groupOf(target);
      if (from === to) continue;
      const known = out.get(from) ?? new Map();
      known.set(to, (known.get(to) ?? 0) + 1);
      out.set(from, known);
    }
  }
  return out;
}

/** @param {string} name @param {Table[]} tables @param {Map<string, number>} links @param {number} at */
function groupCard(name, tables, links, at) {
  const to = [...links].sort(([, a], [, b]) => b - a);
  const rows = tables.sort((a, b) => (a.now.name ?? "").localeCompare(b.now.name ?? "")).map((table) => h("li", {}, h("button", { class: `link ${table.fresh}`, type: "button", title: nameOf(table.life, table.now), click: () => go({ show: table.life }) }, table.now.name), heaviestLock(table, at) > 1 && h("span", { class: `dot-lock ${heaviestLock(table, at) === 3 ? "all" : ""}`, title: LOCK_WORDS[heaviestLock(table, at)] })));
  return h("section", { class: "card" },
    h("header", {}, h("button", { class: "link strong", type: "button", title: "Draw this group", click: () => go({ group: name }) }, name), h("span", { class: "soft" }, String(tables.length)),
      to.length > 0 && h("p", { class: "soft to" }, "→ ", ...to.slice(0, 4).flatMap(([other, count], index) => [index > 0 && ", ", h("button", { class: "link", type: "button", click: () => go({ group: other }) }, other), count > 1 && ` ${count}`]), to.length > 4 && ` and ${to.length - 4} more`)),
    h("ul", {}, ...rows));
}

/** In a drawing: where one is, and the way to another group. @param {Scene} scene */
function groupChooser(scene) {
  const names = [...new Set(scene.tables.map((table) => groupOf(table.life)))].sort();
  if (names.length < 2) return false;
  const options = [...(isLarge(scene) ? [["", "Groups"]] : []), [EVERYTHING, "All tables"], ...names.map((name) => [name, name])];
  const current = state.group ?? EVERYTHING;
  const choice = h("select", { "aria-label": "Group", change: () => go({ group: choice.value || undefined, show: undefined }) }, ...options.map(([value, words]) => h("option", { value: value ?? "", selected: value === current }, words)));
  return h("div", { class: "chooser" }, choice);
}
