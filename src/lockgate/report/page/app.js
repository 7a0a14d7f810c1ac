// Where the reader stands: the slot, the view, the chosen object; all of it in the address, so that it can be sent on.

/** @typedef {"diagram" | "list" | "migration" | "owners" | "findings"} ViewName */
/** @typedef {{ at: number, view: ViewName, show: Life | undefined, line: number | undefined, filter: string, group: string | undefined }} State */

/** @type {[ViewName, string, (scene: Scene) => HTMLElement][]} */
const VIEWS_BY_NAME = [
  ["diagram", "Diagram", (scene) => diagramView(scene, state.show)],
  ["list", "List", listView],
  ["migration", "Migration", migrationView],
  ["owners", "Owners", ownersView],
  ["findings", "Findings", findingsView],
];

/** @type {State} */
const state = { at: Math.max(0, lastMoment), view: "diagram", show: undefined, line: undefined, filter: "", group: undefined };
const view = the("view", HTMLElement), inspector = the("inspector", HTMLElement), slider = the("slider", HTMLInputElement);

/** Go somewhere. @param {Partial<State>} where */
function go(where) {
  const chosen = "show" in where && where.show !== undefined && where.show !== state.show;
  Object.assign(state, { line: undefined }, where);
  if (chosen) state.group = groupToShow();
  if (where.line !== undefined && where.view === undefined) state.view = "migration";
  history.replaceState(null, "", `#${address()}`);
  render();
  if (chosen) come();
}

/** The group in which the chosen object is drawn. */
function groupToShow() {
  const life = state.show;
  if (!life || !isLarge(sceneAt(state.at))) return undefined;
  const holder = lives.get(life.num ? life.id : life.of || life.id);
  return holder && RELATIONS.has(holder.kind) ? groupOf(holder) : state.group;
}

function come() {
  const life = state.show;
  if (state.view === "diagram" && life) requestAnimationFrame(() => approach(life));
}

function address() {
  const moment = walk.moments[state.at];
  const parts = new URLSearchParams({ at: moment ? keyOf(moment, state.at) : "" });
  if (state.view !== "diagram") parts.set("view", state.view);
  if (state.show) parts.set("show", addressOf(state.show, state.at));
  if (state.group !== undefined) parts.set("group", state.group);
  if (state.line) parts.set("line", String(state.line));
  return parts.toString();
}

/** What a moment is called in an address: its slot, or its number where several have that. @param {Moment} moment @param {number} at */
function keyOf(moment, at) {
  const key = slotOf(moment);
  return walk.moments.findIndex((one) => slotOf(one) === key) === at ? key : `${key}~${at}`;
}

function arrive() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const key = parts.get("at");
  if (key !== null) {
    const numbered = /~(\d+)$/.exec(key);
    const index = numbered ? Number(numbered[1]) : walk.moments.findIndex((moment) => slotOf(moment) === key);
    if (index >= 0 && index <= lastMoment) state.at = index;
  }
  const wanted = VIEWS_BY_NAME.find(([name]) => name === parts.get("view"));
  state.view = wanted ? wanted[0] : "diagram";
  state.show = parts.get("show") ? lifeAt(parts.get("show") ?? "", state.at) : undefined;
  state.group = parts.get("group") ?? groupToShow();
  state.line = Number(parts.get("line")) || undefined;
  state.filter = new URLSearchParams(location.search).get("filter") ?? "";
}

function render() {
  const scene = sceneAt(state.at);
  showMoment();
  showTabs();
  const make = VIEWS_BY_NAME.find(([name]) => name === state.view)?.[2];
  const scroll = view.scrollTop, same = view.dataset.view === state.view;
  if (make) view.replaceChildren(make(scene));
  view.dataset.view = state.view;
  view.scrollTop = same ? scroll : 0;
  if (state.line) toLine(state.line);
  const top = inspector.dataset.show === (state.show ? addressOf(state.show) : "") ? inspector.scrollTop : 0;
  inspector.hidden = !state.show;
  if (state.show) {
    inspector.replaceChildren();
    fill(inspector, {}, inspect(state.show, scene));
    inspector.dataset.show = addressOf(state.show);
    inspector.scrollTop = top;
  }
}

function showMoment() {
  const moment = walk.moments[state.at];
  slider.value = String(state.at);
  the("earlier", HTMLButtonElement).disabled = state.at <= 0;
  the("later", HTMLButtonElement).disabled = state.at >= lastMoment;
  if (!moment) return;
  slider.setAttribute("aria-valuetext", `${slotOf(moment)} ${moment.name}`);
  the("slot", HTMLElement).textContent = slotOf(moment);
  the("name", HTMLElement).textContent = moment.slot ? moment.name.replaceAll("_", " ") : "";
  const bad = findingsAt.get(state.at)?.length ?? 0, heaviest = Math.max(0, ...(moment.waits ?? []).map((wait) => weightOf(wait.lock)));
  the("badges", HTMLElement).replaceChildren();
  fill(the("badges", HTMLElement), {}, /** @type {Child[]} */ ([
    bad > 0 && h("span", { class: `badge ${{ error: "bad", warning: "warn", info: "accent", "": "" }[worst(state.at)]}` }, counted(bad, "finding")),
    heaviest > 1 && h("span", { class: `badge ${heaviest === 3 ? "bad" : "warn"}` }, LOCK_WORDS[heaviest]),
    moment.role && h("span", { class: "badge role" }, `as ${moment.role}`),
    moment.pending ? h("span", { class: "badge accent" }, "pending") : false]));
  the("strip", SVGSVGElement).querySelector(".here")?.setAttribute("x", String(state.at));
}

function showTabs() {
  const tabs = the("tabs", HTMLElement);
  const errors = data.findings.some((one) => one.severity === "error");
  tabs.replaceChildren(...VIEWS_BY_NAME.map(([name, title]) => h("button", { role: "tab", type: "button", "aria-selected": String(name === state.view), tabindex: name === state.view ? 0 : -1, click: () => go({ view: name }) }, title, name === "findings" && data.findings.length > 0 && h("span", { class: `badge ${errors ? "bad" : "warn"}` }, data.findings.length))));
}

/** How much each moment changes, as bars over the slider, whose thumb stands below the middle of each. */
function drawStrip() {
  const strip = the("strip", SVGSVGElement), count = lastMoment + 1;
  strip.replaceChildren();
  strip.setAttribute("viewBox", `0 0 ${count} 26`);
  slider.style.left = `calc(${50 / count}% - 8px)`;
  slider.style.width = `calc(${(100 * lastMoment) / count}% + 16px)`;
  const step = Math.max(1, strip.getBoundingClientRect().width) / count;
  const gap = step < 3 ? 0 : (1 - Math.min(26, step * 0.72) / step) / 2;
  const most = Math.max(1, ...walk.moments.map((moment) => Math.log1p(moment.changes?.length ?? 0)));
  /** @type {Map<string, string[]>} */
  const paths = new Map([["some", []], ["warn", []], ["bad", []]]);
  walk.moments.forEach((moment, index) => {
    const tall = Math.max(2, (Math.log1p(moment.changes?.length ?? 0) / most) * 22);
    const kind = worst(index) === "error" ? "bad" : worst(index) === "warning" ? "warn" : "some";
    paths.get(kind)?.push(`M${index + gap} 26V${26 - tall}H${index + 1 - gap}V26Z`);
  });
  strip.append(s("rect", { class: "here", x: state.at, y: -2, width: 1, height: 28, opacity: 0.18 }), ...[...paths].map(([kind, d]) => s("path", { class: kind, d: d.join("") })));
  const handover = walk.handover ?? -1;
  if (handover > 0) strip.append(s("line", { class: "over", x1: handover, x2: handover, y1: -4, y2: 26 }, s("title", {}, "the handover")));
}

// --- search --------------------------------------------------------------------------------------------------------

/** @typedef {{ words: string, kind: string, go: () => void, weight: number }} Hit */

/** @param {string} text @returns {Hit[]} */
function hitsFor(text) {
  const word = text.trim().toLowerCase();
  if (!word) return [];
  /** @type {Hit[]} */
  const out = [];
  for (const life of walk.lives) {
    const address = addressOf(life, state.at), lower = address.toLowerCase();
    if (!lower.includes(word)) continue;
    const there = versionAt(life, state.at) !== undefined, own = (lastVersion(life, state.at)?.name ?? "").toLowerCase();
    const weight = (there ? 0 : 8) + (own === word ? 0 : own.startsWith(word) ? 1 : own.includes(word) ? 2 : 5) + (RELATIONS.has(life.kind) ? 0 : life.num ? 0.5 : 1) + lower.length / 1000;
    out.push({ words: address, kind: there ? life.kind : `${life.kind}, ${statusOf(life, state.at)}`, weight, go: () => go({ show: life, view: state.view === "findings" ? "diagram" : state.view }) });
  }
  walk.moments.forEach((moment, index) => {
    const name = `${slotOf(moment)} ${moment.name}`;
    if (name.toLowerCase().includes(word)) out.push({ words: name, kind: "migration", weight: slotOf(moment) === word ? -1 : 3, go: () => go({ at: index, view: state.view === "findings" ? "migration" : state.view }) });
  });
  return out.sort((a, b) => a.weight - b.weight).slice(0, 40);
}

function searching() {
  const box = the("find", HTMLInputElement), list = the("found", HTMLElement);
  let hits = /** @type {Hit[]} */ ([]), chosen = 0;
  const close = () => {
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
  };
  const take = (/** @type {number} */ index) => {
    hits[index]?.go();
    box.value = "";
    close();
    box.blur();
  };
  const show = () => {
    list.replaceChildren(...(hits.length ? hits.map((hit, index) => h("li", { role: "option", id: `hit-${index}`, "aria-selected": String(index === chosen), pointerdown: (/** @type {Event} */ event) => { event.preventDefault(); take(index); } }, h("b", { class: "mono" }, hit.words), h("span", { class: "kind" }, hit.kind))) : [h("li", {}, h("span", { class: "soft" }, "Nothing is called so."))]));
    list.hidden = !box.value.trim();
    box.setAttribute("aria-expanded", String(!list.hidden));
    box.setAttribute("aria-activedescendant", hits.length ? `hit-${chosen}` : "");
    list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  };
  box.addEventListener("input", () => {
    hits = hitsFor(box.value);
    chosen = 0;
    show();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(1, hits.length);
      show();
    } else if (event.key === "Enter") take(chosen);
    else if (event.key === "Escape") { box.value = ""; close(); box.blur(); }
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", close);
}

// --- keys, theme ---------------------------------------------------------------------------------------------------

/** @type {[string, string, () => void][]} */
const KEYS = [
  ["ArrowLeft", "earlier slot", () => step(-1)], ["ArrowRight", "later slot", () => step(1)],
  ["Home", "first slot", () => go({ at: 0 })], ["End", "last slot", () => go({ at: Math.max(0, lastMoment) })],
  ["n", "next slot with a finding", () => nextFinding(1)], ["p", "slot with a finding before this", () => nextFinding(-1)],
  ["/", "find", () => the("find", HTMLInputElement).focus()],
  ["1 … 5", "the views", () => undefined],
  ["+", "closer", () => zoom(1.3)], ["-", "farther", () => zoom(1 / 1.3)], ["0", "everything", () => fit()],
  ["t", "dark or light", () => toggleTheme()], ["Escape", "close", () => go({ show: undefined })], ["?", "these keys", () => showKeys()],
];

/** @param {number} by */
function step(by) {
  const at = Math.min(lastMoment, Math.max(0, state.at + by));
  if (at !== state.at) go({ at });
}

/** @param {number} by */
function nextFinding(by) {
  for (let at = state.at + by; at >= 0 && at <= lastMoment; at += by) if (findingsAt.has(at)) return go({ at });
}

function showKeys() {
  const dialog = the("keys", HTMLDialogElement);
  const named = /** @type {Record<string, string>} */ ({ ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" });
  dialog.replaceChildren(h("h2", {}, "Keys"), h("dl", {}, ...KEYS.flatMap(([key, words]) => [h("dt", {}, h("kbd", {}, named[key] ?? key)), h("dd", {}, words)])));
  dialog.addEventListener("click", () => dialog.close(), { once: true });
  dialog.showModal();
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || the("keys", HTMLDialogElement).open) return;
  const target = event.target;
  const typing = target instanceof HTMLInputElement && target.type !== "range";
  if (typing || (target === slider && event.key.startsWith("Arrow"))) return;
  const number = Number(event.key), chosen = number >= 1 && number <= VIEWS_BY_NAME.length ? VIEWS_BY_NAME[number - 1] : undefined;
  const found = KEYS.find(([key]) => key === event.key);
  if (chosen) go({ view: chosen[0] });
  else if (found) found[2]();
  else return;
  event.preventDefault();
}

/** @param {string | null} wanted */
function setTheme(wanted) {
  const dark = wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  the("theme", HTMLButtonElement).replaceChildren(icon(dark ? "moon" : "sun"));
}

function remembered() {
  try {
    return localStorage.getItem("lockgate-theme");
  } catch {
    return null; // a file that may keep nothing
  }
}

function toggleTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("lockgate-theme", next);
  } catch {
    // it is forgotten with the page
  }
  setTheme(next);
}

setTheme(remembered());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(remembered()));
the("earlier", HTMLButtonElement).append(icon("left"));
the("later", HTMLButtonElement).append(icon("right"));
slider.max = String(Math.max(0, lastMoment));
slider.addEventListener("input", () => go({ at: Number(slider.value) }));
the("earlier", HTMLButtonElement).addEventListener("click", () => step(-1));
the("later", HTMLButtonElement).addEventListener("click", () => step(1));
the("theme", HTMLButtonElement).addEventListener("click", toggleTheme);
the("help", HTMLButtonElement).addEventListener("click", showKeys);
document.addEventListener("keydown", pressed);
addEventListener("hashchange", () => { arrive(); render(); come(); });
addEventListener("resize", () => {
  drawStrip();
  if (state.view === "diagram") render();
});
the("facts", HTMLElement).textContent = `PostgreSQL ${walk.major} · ${counted(walk.moments.filter((one) => (one.kind ?? "migration") === "migration").length, "migration")}`;
searching();
arrive();
drawStrip();
showMoment();
showTabs();
// the frame is painted before tables are laid out
requestAnimationFrame(() => setTimeout(() => {
  render();
  come();
}));
