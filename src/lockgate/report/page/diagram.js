// The schema as a drawing: tables in groups, foreign keys between their columns, what the moment changed and locks.

/** @typedef {{ table: Table, box: Box, node: SVGGElement, rows: Being[], more: number, full: boolean }} Drawn */

const EVERYTHING = "*";
const FAR = 0.5, NEAREST = 2, FARTHEST = 0.03;
const camera = { x: 0, y: 0, k: 1 };
/** @type {Area[] | undefined} */
let areas;
/** @type {Map<number, Box>} */
const boxes = new Map();
/** @type {Map<number, Drawn>} */
const drawn = new Map();
const stage = {
  world: s("g"), groups: s("g"), edges: s("g"), nodes: s("g"),
  svg: s("svg", { role: "img", "aria-label": "Diagram of the schema" }),
  root: h("div", { class: "diagram" }),
  /** @type {string | undefined} */
  fitted: undefined, // the group that the camera was set for
};

function prepare() {
  if (areas) return;
  areas = layOut();
  for (const area of areas) for (const [place, box] of area.places) boxes.set(place, { ...box, x: box.x + area.box.x, y: box.y + area.box.y });
  stage.world.append(stage.groups, stage.edges, stage.nodes);
  stage.svg.append(stage.world);
  stage.root.append(stage.svg);
  listen(stage.svg);
}

/** @param {Scene} scene @param {Life | undefined} chosen @returns {HTMLElement} */
function diagramView(scene, chosen) {
  if (isLarge(scene) && state.group === undefined && !chosen) return overviewView(scene);
  prepare();
  draw(scene);
  light(scene, chosen);
  const tools = h("div", { class: "tools" }, iconButton("Closer", "plus", () => zoom(1.3), "+"), iconButton("Farther", "minus", () => zoom(1 / 1.3), "-"), iconButton("Everything", "fit", () => fit(), "0"));
  for (const old of stage.root.querySelectorAll(".tools, .legend, .away, .chooser")) old.remove();
  fill(stage.root, {}, [tools, groupChooser(scene)]);
  if (scene.tables.some((table) => table.fresh)) stage.root.append(legend());
  if (!scene.tables.length) stage.root.append(h("p", { class: "away" }, "No tables at this slot."));
  requestAnimationFrame(() => {
    if (!stage.root.isConnected) return;
    if (stage.fitted !== (state.group ?? EVERYTHING) && !chosen) fit();
    else look();
  });
  return stage.root;
}

function legend() {
  return h("p", { class: "legend" }, h("span", {}, h("i", { class: "new" }), "made here"), h("span", {}, h("i", { class: "changed" }), "altered here"), h("span", {}, h("i", { class: "lost" }), "dropped here"));
}

/** @param {Scene} scene */
function draw(scene) {
  drawn.clear();
  const only = state.group ?? EVERYTHING;
  for (const table of scene.tables) {
    const box = boxes.get(table.life.place || table.life.id);
    if (!box || (only !== EVERYTHING && groupOf(table.life) !== only)) continue;
    const { rows, more } = rowsOf(table);
    const height = HEAD + rows.length * ROW + (more ? ROW : 0) + 8;
    const one = { table, box: { ...box, h: Math.min(box.h, height) }, node: s("g"), rows, more, full: false };
    one.node = nodeOf(one, scene);
    drawn.set(table.life.id, one);
  }
  stage.nodes.replaceChildren(...[...drawn.values()].map((one) => one.node));
  stage.groups.replaceChildren(...(areas ?? []).flatMap((area) => frameOf(area)));
  stage.edges.replaceChildren(...[...drawn.values()].flatMap((one) => edgesOf(one, scene)));
}

/** The columns that a table shows: in its order, keys first where not all find room. @param {Table} table */
function rowsOf(table) {
  if (table.columns.length <= MOST_ROWS) return { rows: table.columns, more: 0 };
  const keys = keysOf(table);
  const weight = (/** @type {Being} */ one) => (keys.pk.has(one.life.num ?? 0) ? 0 : one.fresh ? 1 : keys.fk.has(one.life.num ?? 0) ? 2 : 3);
  return { rows: [...table.columns].sort((a, b) => weight(a) - weight(b)).slice(0, MOST_ROWS), more: table.columns.length - MOST_ROWS };
}

/** @param {Table} table */
function keysOf(table) {
  const numbers = (/** @type {string} */ kind) => new Set(table.parts.filter((part) => part.life.kind === kind && part.fresh !== "lost").flatMap((part) => part.now.keys ?? []));
  return { pk: numbers("primary key"), fk: numbers("foreign key"), unique: numbers("unique constraint") };
}

/** @param {Area} area */
function frameOf(area) {
  const inside = [...drawn.values()].filter((one) => area.places.has(one.table.life.place || one.table.life.id)).map((one) => one.box);
  if (!inside.length || (areas ?? []).length < 2 || state.group === area.name) return [];
  const x = Math.min(...inside.map((box) => box.x)) - 18, y = Math.min(...inside.map((box) => box.y)) - 18;
  const w = Math.max(...inside.map((box) => box.x + box.w)) + 18 - x, height = Math.max(...inside.map((box) => box.y + box.h)) + 18 - y;
  return [s("g", { class: "group" }, s("rect", { x, y, width: w, height }), s("text", { x: x + 4, y: y - 8 }, area.name))];
}

/** @param {Drawn} one @param {Scene} scene */
function nodeOf(one, scene) {
  const { table, box } = one;
  const { w, h: height } = box;
  const name = table.now.name ?? "";
  const room = Math.floor((w - 20) / CHARACTER);
  const node = s("g", { class: `node ${table.fresh} ${VIEWS.has(table.life.kind) ? "view" : ""}`, transform: `translate(${box.x} ${box.y})`, "data-id": table.life.id },
    s("title", {}, `${table.life.kind} ${nameOf(table.life, table.now)}`),
    s("rect", { class: "box", width: w, height }),
    s("path", { class: "head", d: `M1 ${HEAD}V8a7 7 0 0 1 7-7H${w - 8}a7 7 0 0 1 7 7V${HEAD}Z` }),
    s("text", { class: "title", x: 10, y: 18 }, cut(name, room)),
    bigName(name, w, height));
  const lock = lockBadge(table, w, scene.at);
  if (lock) node.append(lock);
  return node;
}

/** A name to be read from afar, in one line or two. @param {string} name @param {number} w @param {number} height */
function bigName(name, w, height) {
  const middle = [...name.matchAll(/_/g)].map((match) => match.index + 1).sort((a, b) => Math.abs(a - name.length / 2) - Math.abs(b - name.length / 2))[0];
  const lines = middle && name.length > 11 ? [name.slice(0, middle), name.slice(middle)] : [name];
  const size = Math.max(11, Math.min(38, (w - 14) / (Math.max(...lines.map((line) => line.length)) * 0.62), (height * 0.72) / lines.length));
  const big = s("text", { class: "big" }, ...lines.map((line, index) => s("tspan", { x: w / 2, y: height / 2 + (index - (lines.length - 1) / 2) * size * 1.1, "dominant-baseline": "central" }, line)));
  big.style.fontSize = `${size}px`;
  return big;
}

/** @param {string} text @param {number} room */
function cut(text, room) {
  return text.length <= room ? text : `${text.slice(0, Math.max(1, room - 1))}…`;
}

/** @param {Table} table @param {number} at */
function heaviestLock(table, at) {
  const name = nameOf(table.life, table.now);
  return Math.max(0, ...(walk.moments[at]?.waits ?? []).filter((wait) => (wait.kind ?? "table") === "table" && wait.relation.replaceAll('"', "") === name).map((wait) => weightOf(wait.lock)));
}

/** @param {Table} table @param {number} w @param {number} at */
function lockBadge(table, w, at) {
  const heaviest = heaviestLock(table, at);
  if (heaviest < 2) return undefined;
  const words = LOCK_WORDS[heaviest] ?? "";
  const wide = words.length * 6.2 + 18;
  return s("g", { class: `lock ${heaviest === 3 ? "all" : ""}`, transform: `translate(${Math.max(0, w - wide)} -23)` }, s("rect", { width: wide, height: 19 }), s("text", { x: wide / 2, y: 13.5, "text-anchor": "middle" }, words));
}

/** @param {string} type */
function shortType(type) {
  return type.replace("timestamp with time zone", "timestamptz").replace("timestamp without time zone", "timestamp").replace("character varying", "varchar").replace("double precision", "float8").replace("time with time zone", "timetz");
}

/** Rows of a table, made when somebody is near enough to read them. @param {Drawn} one */
function fillRows(one) {
  if (one.full) return;
  one.full = true;
  const { table, box, rows, more } = one;
  const keys = keysOf(table), w = box.w;
  const lines = rows.flatMap((row, index) => {
    const y = HEAD + index * ROW + 15, num = row.life.num ?? 0;
    const mark = keys.pk.has(num) ? "pk" : keys.fk.has(num) ? "fk" : keys.unique.has(num) ? "u" : "";
    const type = cut(shortType(row.now.type ?? "") + (row.now.notnull || VIEWS.has(table.life.kind) ? "" : "?"), 15);
    const room = Math.floor((w - 46 - type.length * 6.7) / CHARACTER);
    return [
      mark && s("text", { class: `key ${mark}`, x: 9, y: y - 0.5 }, mark.toUpperCase()),
      s("text", { class: row.fresh, x: 27, y, "data-num": num }, cut(row.now.name ?? "", room)),
      s("text", { class: "type", x: w - 9, y, "text-anchor": "end" }, type)];
  });
  if (more) lines.push(s("text", { class: "more", x: 27, y: HEAD + rows.length * ROW + 14 }, `${more} more`));
  one.node.append(s("g", { class: "rows" }, ...lines));
}

// --- edges ---------------------------------------------------------------------------------------------------------

/** @param {Drawn} one @param {Scene} scene @returns {SVGElement[]} */
function edgesOf(one, scene) {
  /** @type {SVGElement[]} */
  const out = [];
  for (const part of one.table.parts) {
    if (part.life.kind !== "foreign key" || part.fresh === "lost") continue;
    const other = drawn.get(part.now.target ?? 0);
    if (other) out.push(edgeBetween(one, other, part.now.keys?.[0] ?? 0, part.now.target_keys?.[0] ?? 0, part.fresh));
  }
  if (VIEWS.has(one.table.life.kind)) {
    for (const id of new Set((one.table.now.reads ?? []).map(([oid]) => oid))) {
      const other = drawn.get(id);
      if (other && scene.byId.has(id)) out.push(edgeBetween(one, other, 0, 0, "reads"));
    }
  }
  return out;
}

/** @param {Drawn} one @param {number} num */
function anchor(one, num) {
  const index = one.rows.findIndex((row) => row.life.num === num);
  return one.box.y + (index < 0 ? HEAD / 2 : HEAD + index * ROW + ROW / 2 + 1);
}

/** @param {Drawn} from @param {Drawn} to @param {number} key @param {number} target @param {string} fresh */
function edgeBetween(from, to, key, target, fresh) {
  const a = from.box, b = to.box, y1 = anchor(from, key), y2 = anchor(to, target);
  const right = a.x >= b.x + b.w, left = a.x + a.w <= b.x;
  const x1 = right ? a.x : a.x + a.w, x2 = right || !left ? b.x + b.w : b.x;
  const bend = right || left ? Math.max(30, Math.abs(x1 - x2) / 2) : 50;
  const c1 = right ? x1 - bend : x1 + bend, c2 = right || !left ? x2 + bend : x2 - bend;
  const between = lives.get(from.table.life.id)?.group !== lives.get(to.table.life.id)?.group ? "between" : "";
  const point = c2 > x2 ? 6 : -6;
  return s("g", { class: "link", "data-from": from.table.life.id, "data-to": to.table.life.id },
    s("path", { class: `edge ${fresh} ${between}`, d: `M${x1} ${y1}C${c1} ${y1} ${c2} ${y2} ${x2} ${y2}` }),
    s("path", { class: "arrow", d: `M${x2} ${y2}l${point} -3.5v7Z` }));
}

/** Show what a chosen table refers to and what refers to it. @param {Scene} scene @param {Life | undefined} chosen */
function light(scene, chosen) {
  const id = chosen ? (RELATIONS.has(chosen.kind) || chosen.num ? chosen.id : chosen.of ?? 0) : 0;
  const there = drawn.has(id);
  stage.world.classList.toggle("dim", there);
  const near = new Set([id]);
  for (const link of stage.edges.children) {
    const from = Number(link.getAttribute("data-from")), to = Number(link.getAttribute("data-to"));
    const lit = there && (from === id || to === id);
    if (lit) near.add(from).add(to);
    for (const path of link.children) path.classList.toggle("lit", lit);
  }
  for (const [key, one] of drawn) {
    one.node.classList.toggle("selected", key === id);
    one.node.classList.toggle("near", key !== id && near.has(key) && there);
  }
}

// --- the camera ----------------------------------------------------------------------------------------------------

function look() {
  const { width, height } = stage.root.getBoundingClientRect();
  stage.world.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.k})`);
  stage.world.classList.toggle("far", camera.k < FAR);
  for (const label of stage.groups.querySelectorAll("text")) label.style.fontSize = `${Math.min(60, Math.max(15, 13 / camera.k))}px`;
  if (camera.k < FAR) return;
  for (const one of drawn.values()) {
    const x = one.box.x * camera.k + camera.x, y = one.box.y * camera.k + camera.y;
    if (x < width + 200 && y < height + 200 && x + one.box.w * camera.k > -200 && y + one.box.h * camera.k > -200) fillRows(one);
  }
}

/** Everything that is drawn, as large as it goes. */
function fit() {
  const some = [...drawn.values()].map((one) => one.box);
  const { width, height } = stage.root.getBoundingClientRect();
  if (!some.length || !width) return;
  stage.fitted = state.group ?? EVERYTHING;
  const x = Math.min(...some.map((box) => box.x)) - 24, y = Math.min(...some.map((box) => box.y)) - ((areas ?? []).length > 1 ? 72 : 44);
  const w = Math.max(...some.map((box) => box.x + box.w)) + 24 - x, tall = Math.max(...some.map((box) => box.y + box.h)) + 56 - y;
  camera.k = Math.min(width / w, height / tall, 1.15);
  camera.x = (width - w * camera.k) / 2 - x * camera.k;
  camera.y = (height - tall * camera.k) / 2 - y * camera.k;
  look();
}

/** Bring a table into view, near enough to read. @param {Life} life */
function approach(life) {
  const one = drawn.get(life.num || RELATIONS.has(life.kind) ? life.id : life.of ?? 0);
  const { width, height: whole, top } = stage.root.getBoundingClientRect();
  const pane = inspector.getBoundingClientRect();
  const height = pane.width >= width ? Math.max(0, pane.top - top) : whole; // on a phone it lies over the drawing
  if (!one || !width || height < 40) return;
  const x = one.box.x * camera.k + camera.x, y = one.box.y * camera.k + camera.y;
  const seen = x >= 0 && y >= 0 && x + one.box.w * camera.k <= width && y + one.box.h * camera.k <= height;
  if (seen && camera.k >= FAR) return;
  camera.k = Math.max(camera.k, 0.9);
  camera.x = width / 2 - (one.box.x + one.box.w / 2) * camera.k;
  camera.y = height / 2 - (one.box.y + one.box.h / 2) * camera.k;
  stage.fitted = state.group ?? EVERYTHING;
  look();
}

/** @param {number} factor @param {number} [px] @param {number} [py] */
function zoom(factor, px, py) {
  const { width, height } = stage.root.getBoundingClientRect();
  const x = px ?? width / 2, y = py ?? height / 2;
  const k = Math.min(NEAREST, Math.max(FARTHEST, camera.k * factor));
  camera.x = x - ((x - camera.x) * k) / camera.k;
  camera.y = y - ((y - camera.y) * k) / camera.k;
  camera.k = k;
  look();
}

/** @param {SVGSVGElement} svg */
function listen(svg) {
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();
  let moved = 0;
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.x, event.clientY - box.y);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 1) moved = 0;
  });
  svg.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before.x, dy = event.clientY - before.y;
    moved += Math.abs(dx) + Math.abs(dy);
    if (moved > 4 && !svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
    stage.root.classList.toggle("moving", moved > 4);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const box = svg.getBoundingClientRect();
      const was = Math.hypot(before.x - other.x, before.y - other.y), now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      zoom(now / (was || 1), (event.clientX + other.x) / 2 - box.x, (event.clientY + other.y) / 2 - box.y);
    } else {
      camera.x += dx;
      camera.y += dy;
      look();
    }
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  const up = (/** @type {PointerEvent} */ event) => {
    fingers.delete(event.pointerId);
    stage.root.classList.remove("moving");
  };
  svg.addEventListener("pointerup", up);
  svg.addEventListener("pointercancel", up);
  svg.addEventListener("click", (event) => {
    if (moved > 4) return;
    const target = event.target instanceof Element ? event.target : svg;
    const node = target.closest(".node");
    if (!node) return go({ show: undefined });
    const id = Number(node.getAttribute("data-id")), num = Number(target.getAttribute("data-num") ?? 0);
    go({ show: num ? columnsOf.get(id)?.find((life) => life.num === num) : lives.get(id) });
  });
}
