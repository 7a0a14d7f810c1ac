// One object: what it is at this slot, who reads it, and its whole life.

/** @param {Life} life @param {Scene} scene @returns {Child[]} */
function inspect(life, scene) {
  const found = being(life, scene.at), shown = found?.now ?? lastVersion(life);
  const holder = lives.get(life.num ? life.id : life.of ?? 0);
  const there = found !== undefined && found.fresh !== "lost";
  const owner = shown?.owner || (holder ? lastVersion(holder, scene.at)?.owner : "");
  const head = h("header", {}, h("h2", {}, addressOf(life, scene.at)),
    iconButton("Copy a link", "link", (event) => copyLink(event)), iconButton("Close", "close", () => go({ show: undefined }), "Esc"),
    h("p", { class: "soft" }, life.kind, owner && ` · owned by ${owner}`, ...(shown?.flags ?? []).map((flag) => ` · ${flag}`), !there && h("span", {}, " ", h("span", { class: "badge bad" }, statusOf(life, scene.at)))));
  const table = RELATIONS.has(life.kind) && found ? tableOf(found, scene.at) : undefined;
  return [head, holder && h("section", {}, h("p", {}, "part of ", linkTo(holder))), ...(table ? tableSections(table, scene) : ownSections(life, shown, scene)), readersSection(life, scene), storySection(life, scene)];
}

/** @param {Event} event */
function copyLink(event) {
  const button = event.currentTarget;
  navigator.clipboard?.writeText(location.href).then(() => { if (button instanceof HTMLElement) button.replaceChildren(icon("done")); }, () => undefined);
}

/** @param {Life} life @param {number} at */
function statusOf(life, at) {
  const first = life.versions[0], gone = [...life.versions].reverse().find((version) => version.gone && version.at <= at);
  if (first && first.at > at) return `made later, in ${slotName(first.at)}`;
  return gone ? `dropped in ${slotName(gone.at)}` : "not there";
}

/** @param {number} at */
function slotName(at) {
  const moment = walk.moments[at];
  return moment ? slotOf(moment) : "?";
}

/** @param {string} title @param {...Child} children */
function section(title, ...children) {
  return h("section", {}, h("h3", {}, title), ...children);
}

/** @param {Table} table @param {Scene} scene @returns {Child[]} */
function tableSections(table, scene) {
  const keys = keysOf(table), view = VIEWS.has(table.life.kind);
  const rows = table.columns.map((one) => h("tr", { class: one.fresh === "lost" ? "lost" : one.fresh }, h("td", {}, ...marksOf(one, keys), linkTo(one.life, one.now.name)), sideCell(view ? one.now.type ?? "" : typeOf(one.now))));
  const parts = [["Keys and checks", ["primary key", "unique constraint", "foreign key", "check constraint", "exclusion constraint"]], ["Indexes", ["index"]], ["Triggers", ["trigger"]], ["Policies", ["policy"]]];
  const incoming = scene.tables.flatMap((other) => other.parts.filter((part) => part.life.kind === "foreign key" && part.now.target === table.life.id && part.fresh !== "lost"));
  return [
    section(counted(rows.length, "column"), h("table", {}, h("tbody", {}, ...rows))),
    ...parts.map(([title, kinds]) => partsSection(String(title), table, /** @type {string[]} */ (kinds), scene.at)),
    incoming.length > 0 && section("Referred to by", h("ul", { class: "items" }, ...incoming.map((part) => h("li", {}, linkTo(lives.get(part.life.of ?? 0) ?? part.life), " ", h("span", { class: "soft mono" }, `(${columnNames(part.life.of ?? 0, part.now.keys ?? [], scene.at).join(", ")})`))))),
    grantsSection(table.now),
  ];
}

/** @param {string} words */
function sideCell(words) {
  return h("td", { class: words.length > 30 ? "side long" : "side" }, words);
}

/** @param {string} title @param {Table} table @param {string[]} kinds @param {number} at */
function partsSection(title, table, kinds, at) {
  const found = table.parts.filter((part) => kinds.includes(part.life.kind));
  if (!found.length) return false;
  return section(title, h("ul", { class: "items" }, ...found.map((part) => h("li", {}, linkTo(part.life, part.now.name), " ", freshBadge(part.fresh), h("div", { class: "soft" }, [kinds.length > 1 ? part.life.kind : "", definition(part, at), ...(part.now.flags ?? []).filter((flag) => flag !== "primary")].filter(Boolean).join(" · "))))));
}

/** @param {Life} life @param {Version | undefined} now @param {Scene} scene @returns {Child[]} */
function ownSections(life, now, scene) {
  if (!now) return [];
  const parts = life.of && !life.num ? definition({ life, now, fresh: "" }, scene.at) : "";
  const facts = /** @type {[string, string][]} */ ([
    [ROUTINES.has(life.kind) ? "returns" : "type", now.type ?? ""], ["null", life.num ? (now.notnull ? "never" : "allowed") : ""], ["default", now.default ?? ""],
    ["definition", parts], [life.kind === "enum" ? "values" : "arguments", parts || life.kind === "policy" || life.kind === "trigger" ? "" : now.text ?? ""], ["belongs to", life.kind === "role" ? (now.roles ?? []).join(", ") : ""]]).filter(([, value]) => value);
  const reads = !life.num && (now.reads ?? []).length ? section("Reads", h("ul", { class: "items" }, ...(now.reads ?? []).flatMap(([id, num]) => {
    const read = num ? columnsOf.get(id)?.find((one) => one.num === num) : lives.get(id);
    return read ? [h("li", { class: "mono" }, linkTo(read))] : [];
  }))) : false;
  return [facts.length > 0 && section("Definition", h("table", { class: "facts" }, h("tbody", {}, ...facts.map(([name, value]) => h("tr", {}, h("td", { class: "soft" }, name), h("td", { class: "mono" }, value)))))), reads, grantsSection(now), life.kind === "role" && ownedSection(now.name ?? "", scene)];
}

/** @param {Version} now */
function grantsSection(now) {
  const grants = (now.grants ?? []).filter((grant) => grant.letters && grant.role !== now.owner);
  return grants.length > 0 && section("Granted to", h("ul", { class: "items" }, ...grants.map((grant) => h("li", {}, grant.role, " ", h("span", { class: "soft" }, rightsInWords(grant.letters))))));
}

/** @param {string} role @param {Scene} scene */
function ownedSection(role, scene) {
  const owned = [...scene.tables, ...scene.others].filter((one) => one.now.owner === role && one.fresh !== "lost");
  return owned.length > 0 && section(`Owns ${owned.length}`, h("ul", { class: "items" }, ...owned.slice(0, 200).map((one) => h("li", { class: "mono" }, linkTo(one.life)))));
}

// --- readers and lives ---------------------------------------------------------------------------------------------

/** @param {Life} life @param {Scene} scene */
function readersSection(life, scene) {
  if (!life.num && !RELATIONS.has(life.kind)) return false;
  const found = readings(life.id, life.num ?? 0).filter((one) => one.life.id !== life.id || one.life.num);
  const queries = queriesOf(life.id, life.num ?? 0);
  const now = found.filter((one) => one.from <= scene.at && scene.at <= one.to);
  const names = [...new Set(now.map((one) => one.life))];
  const list = names.map((one) => h("li", {}, linkTo(one), " ", h("span", { class: "soft" }, one.kind)));
  const asked = queries.map((query) => h("li", {}, h("span", { class: "mono" }, `${query.path}:${query.line}`), h("div", { class: "soft mono" }, cut(query.text, 120))));
  return section("Read by", list.length || asked.length ? h("ul", { class: "items" }, ...list, ...asked) : h("p", { class: "soft" }, "Nothing that is known."), lifeline(life, found, scene.at));
}

/** The life of an object and of its readers, over all slots. @param {Life} life @param {Reading[]} found @param {number} at */
function lifeline(life, found, at) {
  const wide = 366, step = wide / Math.max(1, lastMoment + 1);
  /** @type {Map<Life, Reading[]>} */
  const byReader = new Map();
  for (const one of found) byReader.set(one.life, [...(byReader.get(one.life) ?? []), one]);
  const shown = [...byReader].slice(0, 12);
  const height = 26 + shown.length * 30 + 16;
  const x = (/** @type {number} */ moment) => (moment + 0.5) * step;
  const first = life.versions[0]?.at ?? 0, end = life.versions.at(-1);
  const last = end?.gone ? end.at : lastMoment + 0.5;
  const dots = life.versions.map((version, index) => s("circle", { class: `dot ${version.gone ? "minus" : index === 0 ? "plus" : "other"}`, cx: x(version.at), cy: 13, r: 5 }, s("title", {}, `${slotName(version.at)}: ${version.words}`)));
  const rows = shown.flatMap(([reader, spans], index) => {
    const y = 30 + index * 30;
    return [s("text", { x: 0, y: y + 10 }, cut(`${reader.kind} ${addressOf(reader)}`, 56)), ...spans.map((span) => s("rect", { class: "bar-reader", x: x(span.from), y: y + 15, width: Math.max(3, x(Math.min(span.to + 0.5, lastMoment + 0.5)) - x(span.from)), height: 5, rx: 2.5 }))];
  });
  return h("div", { class: "lives" }, s("svg", { viewBox: `0 0 ${wide} ${height}`, role: "img", "aria-label": "Its life over all slots" }, s("rect", { class: "bar-life", x: x(first), y: 9.5, width: Math.max(4, x(last) - x(first)), height: 7, rx: 3.5 }), s("line", { class: "now", x1: x(at), x2: x(at), y1: 0, y2: height }), ...dots, ...rows, s("text", { class: "axis", x: 0, y: height - 1 }, slotName(0)), s("text", { class: "axis", x: wide, y: height - 1, "text-anchor": "end" }, slotName(lastMoment))));
}

/** @param {Life} life @param {Scene} scene */
function storySection(life, scene) {
  /** @type {{ at: number, line: number, kind: string, words: string, life: Life }[]} */
  const events = [];
  const own = [life, ...(RELATIONS.has(life.kind) ? [...(columnsOf.get(life.id) ?? []), ...(partsOf.get(life.id) ?? [])] : [])];
  const born = life.versions[0]?.at ?? 0;
  for (const one of own) {
    one.versions.forEach((version, index) => {
      if (one !== life && version.at === born && index === 0) return;
      const words = one === life ? version.words ?? "" : `${one.kind} ${lastVersion(one, version.at)?.name ?? ""}: ${version.words}`;
      events.push({ at: version.at, line: version.line ?? 0, kind: version.gone ? "minus" : index === 0 ? "plus" : "other", words, life: one });
    });
  }
  const end = life.versions.at(-1);
  const told = events.filter((event) => event.life === life || !end?.gone || event.at < end.at).sort((a, b) => a.at - b.at || a.line - b.line);
  return section("History", h("ol", { class: "story" }, ...told.slice(0, 300).map((event) => h("li", { class: `${event.kind} ${event.at > scene.at ? "later" : ""}` }, h("div", {}, h("div", { class: "words" }, event.words), h("button", { class: "link", type: "button", click: () => go({ at: event.at, line: event.line || undefined }) }, `${slotName(event.at)}${event.line ? `, line ${event.line}` : ""}`))))));
}
