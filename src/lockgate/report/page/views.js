// The views beside the diagram: the schema as a list, one migration, findings.

const LOCK_WORDS = ["", "other DDL waits", "writes wait", "reads and writes wait"];
const WORK_WORDS = { none: "", scan: "read whole", build: "an index is built", rewrite: "written anew" };

/** How many have to wait: 1 other DDL, 2 writes, 3 reads and writes. @param {string} lock */
function weightOf(lock) {
  if (lock === "AccessExclusiveLock") return 3;
  if (["ExclusiveLock", "ShareRowExclusiveLock", "ShareLock"].includes(lock)) return 2;
  return lock === "ShareUpdateExclusiveLock" ? 1 : 0;
}

/** @param {Life} life @param {string} [words] @param {number} [at] */
function linkTo(life, words, at) {
  const gone = !versionAt(life, at ?? state.at);
  return h("button", { class: `link${gone ? " gone" : ""}`, type: "button", click: () => go(at === undefined ? { show: life } : { show: life, at }) }, words ?? addressOf(life, state.at));
}

/** @param {number} at @param {string} [words] */
function linkToMoment(at, words) {
  const moment = walk.moments[at];
  return h("button", { class: "link", type: "button", click: () => go({ at }) }, words ?? (moment ? slotOf(moment) : "?"));
}

// --- the list ------------------------------------------------------------------------------------------------------

/** @param {Scene} scene */
function listView(scene) {
  const box = h("input", { type: "search", placeholder: "Only names with…", "aria-label": "Filter", value: state.filter, input: () => narrow() });
  const cards = h("div", { class: "page" });
  const narrow = () => {
    state.filter = box.value;
    const word = box.value.trim().toLowerCase();
    const filters = h("div", { class: "filters" }, box);
    cards.replaceChildren(filters, ...tableCards(scene, word), ...otherCards(scene, word));
    if (cards.children.length === 1) cards.append(h("p", { class: "none" }, word ? "Nothing is called so at this slot." : "Nothing is there at this slot."));
    if (document.activeElement !== box && word) box.focus();
  };
  narrow();
  return cards;
}

/** @param {Scene} scene @param {string} word */
function tableCards(scene, word) {
  /** @type {Map<string, Table[]>} */
  const groups = new Map();
  for (const table of scene.tables.filter((one) => one.fresh !== "lost")) {
    const fits = !word || nameOf(table.life, table.now).toLowerCase().includes(word) || table.columns.some((one) => one.now.name?.toLowerCase().includes(word));
    const key = lives.get(table.life.place ?? 0)?.group || table.life.group || "";
    if (fits) groups.set(key, [...(groups.get(key) ?? []), table]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, tables]) =>
    h("section", { class: "card list" }, h("h2", {}, name || "Tables", h("span", { class: "soft" }, counted(tables.length, "table"))),
      ...tables.sort((a, b) => (a.now.name ?? "").localeCompare(b.now.name ?? "")).map((table) => tableRow(table, scene, Boolean(word)))));
}

/** @param {Table} table @param {Scene} scene @param {boolean} open */
function tableRow(table, scene, open) {
  const keys = keysOf(table);
  const columns = h("ul", { class: "cols" });
  const details = h("details", { open: open || state.show?.id === table.life.id, toggle: () => fillColumns() },
    h("summary", {}, h("span", {}, h("button", { class: "link mono", type: "button", click: (/** @type {Event} */ event) => { event.preventDefault(); go({ show: table.life }); } }, shortName(table.life, table.now)), " ", freshBadge(table.fresh), VIEWS.has(table.life.kind) && h("span", { class: "soft" }, table.life.kind)),
      h("span", { class: "soft" }, counted(table.columns.filter((one) => one.fresh !== "lost").length, "column"))), columns);
  const fillColumns = () => {
    if (!details.open || columns.children.length) return;
    columns.append(...table.columns.filter((one) => one.fresh !== "lost").map((one) => h("li", {}, h("span", {}, ...marksOf(one, keys), linkTo(one.life, one.now.name), " ", freshBadge(one.fresh)), h("span", { class: "type" }, typeOf(one.now)))));
  };
  fillColumns();
  return details;
}

/** @param {Version} now */
function typeOf(now) {
  return `${shortType(now.type ?? "")}${now.notnull ? " not null" : ""}`;
}

/** @param {Being} column @param {ReturnType<typeof keysOf>} keys */
function marksOf(column, keys) {
  const num = column.life.num ?? 0;
  return [keys.pk.has(num) && h("span", { class: "mark pk" }, "PK"), keys.fk.has(num) && h("span", { class: "mark fk" }, "FK")];
}

/** @param {Being["fresh"]} fresh */
function freshBadge(fresh) {
  if (!fresh) return false;
  const [kind, words] = /** @type {const} */ ({ new: ["good", "new"], changed: ["warn", "altered"], lost: ["bad", "dropped"] })[fresh];
  return h("span", { class: `badge ${kind}` }, words);
}

/** @param {Scene} scene @param {string} word */
function otherCards(scene, word) {
  return ORDER.flatMap((kind) => {
    const found = scene.others.filter((one) => one.life.kind === kind && one.fresh !== "lost" && (!word || nameOf(one.life, one.now).toLowerCase().includes(word)));
    if (!found.length) return [];
    const rows = found.sort((a, b) => nameOf(a.life, a.now).localeCompare(nameOf(b.life, b.now))).map((one) =>
      h("div", { class: "flat" }, h("span", { class: "mono" }, linkTo(one.life, shortName(one.life, one.now)), " ", freshBadge(one.fresh)), h("span", { class: "soft" }, cut(kind === "enum" ? one.now.text ?? "" : one.now.type ?? "", 60))));
    return [h("section", { class: "card list" }, h("h2", {}, `${kind[0]?.toUpperCase()}${kind.slice(1)}s`, h("span", { class: "soft" }, String(found.length))), ...rows)];
  });
}

// --- one migration -------------------------------------------------------------------------------------------------

/** @param {Scene} scene */
function migrationView(scene) {
  const moment = walk.moments[scene.at];
  if (!moment) return h("div", { class: "page" }, h("p", { class: "none" }, "There are no migrations."));
  return h("div", { class: "page" }, changesCard(moment), locksCard(moment), sourceCard(moment, scene.at));
}

/** @param {Moment} moment */
function changesCard(moment) {
  const changes = moment.changes ?? [];
  const signs = { "+": ["plus", "+"], "-": ["minus", "−"], "~": ["other", "~"], "!": ["fail", "✕"], "?": ["other", "?"] };
  const rows = changes.map((one) => {
    const [kind, sign] = signs[one.sign] ?? ["other", one.sign];
    const life = lives.get(one.about?.[0] ?? 0);
    return h("li", {}, h("span", {}, h("button", { class: "link", type: "button", title: "Show the line", click: () => toLine(one.line) }, one.line)), h("span", { class: kind ?? "" }, sign ?? ""), h("span", { class: `words ${kind === "fail" ? "fail" : ""}` }, life ? linkTo(life, one.words) : one.words));
  });
  const empty = moment.kind === "baseline" ? "Production's schema, as it was dumped." : "Nothing changes in the schema.";
  return h("section", { class: "card" }, h("h2", {}, "What it changes", h("span", { class: "soft" }, [moment.path, moment.role && `as ${moment.role}`, moment.pending && "pending"].filter(Boolean).join(" · "))), rows.length ? h("ul", { class: "changes" }, ...rows) : h("p", { class: "none" }, empty));
}

/** @param {Moment} moment */
function locksCard(moment) {
  const waits = moment.waits ?? [], lines = [...new Set(moment.lines ?? [])];
  if (!waits.length) return false;
  const names = [...new Set(waits.map((wait) => wait.relation))];
  const place = (/** @type {number} */ line, /** @type {number} */ after) => ((Math.max(0, lines.indexOf(line)) + after) / lines.length) * 100;
  const rows = names.flatMap((name) => [h("dt", {}, name), h("dd", {}, laneOf(waits.filter((wait) => wait.relation === name), place))]);
  const axis = h("dd", { class: "axis" }, h("span", {}, `line ${lines[0] ?? ""}`), lines.length > 1 && h("span", {}, `line ${lines.at(-1)}`));
  return h("section", { class: "card" }, h("h2", {}, "Who waits", h("span", { class: "soft" }, "from the statement that takes the lock to the end of its transaction")), h("dl", { class: "locks" }, ...rows, axis));
}

/** @param {Wait[]} waits @param {(line: number, after: number) => number} place */
function laneOf(waits, place) {
  const lane = h("div", { class: "lane" });
  for (const wait of waits) {
    const weight = weightOf(wait.lock), work = WORK_WORDS[wait.work ?? "none"];
    const words = [LOCK_WORDS[weight], work, wait.why].filter(Boolean).join(": ");
    const span = h("span", { class: `span ${weight === 3 ? "all" : weight === 2 ? "" : "light"}`, title: `${wait.lock || "no lock"}${words ? `: ${words}` : ""}` }, words || wait.lock);
    span.style.left = `${place(wait.first, 0)}%`;
    span.style.width = `calc(${place(wait.last, 1) - place(wait.first, 0)}% - 2px)`;
    lane.append(span);
  }
  return lane;
}

/** @param {number} line */
function toLine(line) {
  const row = document.getElementById(`line-${line}`);
  for (const hit of document.querySelectorAll(".source .hit")) hit.classList.remove("hit");
  row?.classList.add("hit");
  row?.scrollIntoView({ block: "center" });
}

/** @param {Moment} moment @param {number} at */
function sourceCard(moment, at) {
  const found = findingsAt.get(at) ?? [];
  const head = h("h2", {}, "The file", found.length > 0 && h("span", { class: "soft" }, counted(found.length, "finding")));
  if (!moment.text) return h("section", { class: "card" }, head, moment.cut ? h("p", { class: "none" }, `${moment.path || "The file"} is too long for this page.`) : h("p", { class: "none" }, "It has no text."), ...found.map((one) => findingRow(one)));
  /** @type {Map<number, Finding[]>} */
  const notes = new Map();
  for (const finding of found) push(notes, finding.location.start.line, finding);
  let inside = "";
  const rows = moment.text.replace(/\n$/, "").split("\n").flatMap((text, index) => {
    const number = index + 1, here = notes.get(number) ?? [];
    const painted = paint(text.replace(/\r$/, ""), inside, here);
    inside = painted.inside;
    return [h("div", { class: "row", id: `line-${number}` }, h("span", { class: "n" }, number), h("span", { class: "code" }, ...painted.parts)), ...here.map(noteOf)];
  });
  return h("section", { class: "card" }, head, h("div", { class: "source", tabindex: "0", "aria-label": "Source" }, ...rows));
}

const TOKENS = /(--.*$)|(\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$))|\b(ADD|ALTER|AND|AS|BEGIN|BY|CASCADE|CHECK|COLUMN|COMMIT|CONCURRENTLY|CONSTRAINT|CREATE|DEFAULT|DELETE|DO|DROP|ELSE|END|EXISTS|FOR|FOREIGN|FROM|FUNCTION|GRANT|IF|IN|INDEX|INSERT|INTO|IS|JOIN|KEY|LANGUAGE|NOT|NULL|ON|OR|OWNER|POLICY|PRIMARY|REFERENCES|RENAME|REPLACE|RETURNS|REVOKE|SCHEMA|SELECT|SEQUENCE|SET|TABLE|THEN|TO|TRIGGER|TYPE|UNIQUE|UPDATE|USING|VALUES|VIEW|WHEN|WHERE|WITH)\b/gi;

/** One line with its comments, strings and keywords told apart, and the marked words of findings. @param {string} text @param {string} inside @param {Finding[]} here */
function paint(text, inside, here) {
  /** @type {{ from: number, to: number, kind: string }[]} */
  const spans = [];
  let open = inside, start = 0;
  if (open) {
    const end = text.indexOf("*/");
    spans.push({ from: 0, to: end < 0 ? text.length : end + 2, kind: "comment" });
    if (end < 0) return { parts: pieces(text, spans, here), inside: open };
    open = "";
    start = end + 2;
  }
  for (const match of text.slice(start).matchAll(TOKENS)) {
    const kind = match[1] || match[2] ? "comment" : match[3] ? "string" : match[4] ? "" : "keyword";
    spans.push({ from: start + match.index, to: start + match.index + match[0].length, kind });
    if (match[2] && !match[2].endsWith("*/")) open = "/*";
  }
  return { parts: pieces(text, spans, here), inside: open };
}

/** @param {string} text @param {{ from: number, to: number, kind: string }[]} spans @param {Finding[]} here */
function pieces(text, spans, here) {
  const kinds = new Array(text.length).fill(""), words = new Array(text.length).fill("");
  for (const span of spans) kinds.fill(span.kind, span.from, span.to);
  for (const { location, severity } of here) words.fill(severity, location.start.column - 1, location.end.line === location.start.line ? Math.max(location.end.column - 1, location.start.column) : text.length);
  /** @type {Node[]} */
  const out = [];
  for (let from = 0, to = 0; from < text.length; from = to) {
    while (to < text.length && kinds[to] === kinds[from] && words[to] === words[from]) to += 1;
    const classes = [kinds[from], words[from] && `word ${words[from]}`].filter(Boolean).join(" ");
    out.push(classes ? h("span", { class: classes }, text.slice(from, to)) : document.createTextNode(text.slice(from, to)));
  }
  return out;
}

// --- findings ------------------------------------------------------------------------------------------------------

const MOST_FINDINGS = 500;

/** @param {Finding} finding */
function ruleBadge(finding) {
  return h("span", { class: `badge ${{ error: "bad", warning: "warn", info: "accent" }[finding.severity]}` }, finding.rule);
}

/** @param {Finding} finding */
function proofOf(finding) {
  const proof = finding.evidence;
  if (!proof) return false;
  return h("p", { class: "soft" }, proof.verdict === "confirmed" ? `Confirmed by PostgreSQL ${proof.server}${proof.message ? `: ${proof.message}` : ""}` : `${proof.verdict}${proof.message ? `: ${proof.message}` : ""}`);
}

/** @param {Finding} finding */
function noteOf(finding) {
  return h("div", { class: `note ${finding.severity}` }, h("p", {}, h("strong", {}, finding.message), " ", ruleBadge(finding)), finding.help && h("p", {}, finding.help), proofOf(finding), ...finding.related.map((one) => h("p", { class: "soft" }, one.message, " ", placeLink(one.location))));
}

/** @param {Location_} location */
function placeLink(location) {
  const index = momentOf.get(location.path), words = `${location.path}:${location.start.line}`;
  if (index === undefined) return h("span", { class: "mono" }, words);
  return h("button", { class: "link mono", type: "button", click: () => go({ at: index, view: "migration", line: location.start.line }) }, words);
}

/** @param {Finding} finding */
function findingRow(finding) {
  const subject = finding.object ? lifeAt(finding.object, state.at) : undefined;
  return h("article", { class: "finding" }, h("p", { class: "top" }, ruleBadge(finding), placeLink(finding.location), subject && linkTo(subject, finding.object)), h("p", { class: "message" }, finding.message), finding.help && h("p", { class: "soft" }, finding.help), proofOf(finding), ...finding.related.map((one) => h("p", { class: "soft" }, one.message, " ", placeLink(one.location))));
}

/** @param {Scene} _scene */
function findingsView(_scene) {
  /** @type {[Finding["severity"], string][]} */
  const titles = [["error", "Errors"], ["warning", "Warnings"], ["info", "Notes"]];
  const cards = titles.flatMap(([severity, title]) => {
    const some = data.findings.filter((one) => one.severity === severity);
    if (!some.length) return [];
    const rest = some.length > MOST_FINDINGS && h("p", { class: "none" }, `${some.length - MOST_FINDINGS} more: see their migrations.`);
    return [h("section", { class: "card" }, h("h2", {}, title, h("span", { class: "soft" }, String(some.length))), ...some.slice(0, MOST_FINDINGS).map(findingRow), rest)];
  });
  const doubts = (walk.doubts ?? []).length > 0 && h("section", { class: "card" }, h("h2", {}, "What may be otherwise"), ...(walk.doubts ?? []).map((doubt) => h("p", { class: "none" }, doubt)));
  return h("div", { class: "page" }, ...(cards.length ? cards : [h("section", { class: "card" }, h("p", { class: "none" }, "Nothing found."))]), doubts);
}
