// Where tables stand. One layout for the whole history, so that nothing moves when the slider does: each table has the
// place that its largest version needs. Within a group dagre puts referring tables to the right of those they refer to.

/** @typedef {{ x: number, y: number, w: number, h: number }} Box */
/** @typedef {{ name: string, box: Box, places: Map<number, Box> }} Area */

const ROW = 19, HEAD = 27, CHARACTER = 7.3, NARROWEST = 150, WIDEST = 300, GAP = 28, SCREEN = 1.7;
// of a schema of many tables each shows little more than its keys: the names are what a reader looks for
const MOST_ROWS = walk.lives.filter((life) => RELATIONS.has(life.kind) && !life.num).length > MANY ? 6 : 14;

/** How many rows a table shows of so many columns. @param {number} columns */
function rowsFor(columns) {
  return columns > MOST_ROWS ? MOST_ROWS : columns;
}

/** The most columns that a table has at once (those that go are shown once more). @param {number} id */
function mostColumns(id) {
  /** @type {Map<number, number>} */
  const steps = new Map();
  for (const life of columnsOf.get(id) ?? []) {
    const first = life.versions[0], last = life.versions.at(-1);
    if (!first || !last) continue;
    steps.set(first.at, (steps.get(first.at) ?? 0) + 1);
    if (last.gone) steps.set(last.at + 1, (steps.get(last.at + 1) ?? 0) - 1);
  }
  let now = 0, most = 0;
  for (const at of [...steps.keys()].sort((a, b) => a - b)) {
    now += steps.get(at) ?? 0;
    most = Math.max(most, now);
  }
  return most;
}

/** The room that a table needs over its whole life. @param {Life} life */
function sizeOf(life) {
  const title = Math.max(...life.versions.map((version) => (version.name ?? "").length + 1));
  const columns = columnsOf.get(life.id) ?? [];
  const row = Math.max(0, ...columns.flatMap((one) => one.versions.filter((v) => !v.gone).map((v) => (v.name ?? "").length + Math.min(shortType(v.type ?? "").length, 14) + 6)));
  const count = mostColumns(life.id);
  return { w: Math.min(WIDEST, Math.max(NARROWEST, Math.max(title, row) * CHARACTER + 16)), h: HEAD + rowsFor(count) * ROW + (count > MOST_ROWS ? ROW : 0) + 8 };
}

/** @returns {Area[]} */
function layOut() {
  /** @type {Map<string, Map<number, { w: number, h: number, ids: number[] }>>} */
  const groups = new Map();
  /** @type {Map<number, number>} */
  const placeOf = new Map();
  for (const life of lives.values()) {
    if (!RELATIONS.has(life.kind)) continue;
    const place = life.place || life.id;
    placeOf.set(life.id, place);
    const name = lives.get(place)?.group || life.group || "";
    const group = groups.get(name) ?? new Map();
    groups.set(name, group);
    const size = sizeOf(life), known = group.get(place);
    group.set(place, known ? { w: Math.max(known.w, size.w), h: Math.max(known.h, size.h), ids: [...known.ids, life.id] } : { ...size, ids: [life.id] });
  }
  const links = linksBetween(placeOf);
  const areas = [...groups].map(([name, nodes]) => areaOf(name, nodes, links));
  pack(areas.map((area) => area.box), 72, SCREEN);
  return areas;
}

/** The pairs of places that foreign keys and views ever connected: the one referred to first. @param {Map<number, number>} placeOf @returns {[number, number][]} */
function linksBetween(placeOf) {
  /** @type {Map<string, [number, number]>} */
  const out = new Map();
  /** @param {number} from @param {number} to */
  const add = (from, to) => {
    const a = placeOf.get(from), b = placeOf.get(to);
    if (a !== undefined && b !== undefined && a !== b && !out.has(`${b} ${a}`)) out.set(`${a} ${b}`, [a, b]);
  };
  for (const life of lives.values()) {
    if (life.kind === "foreign key") for (const version of life.versions) add(version.target ?? 0, life.of ?? 0);
    else if (VIEWS.has(life.kind)) for (const version of life.versions) for (const [id] of version.reads ?? []) add(id, life.id);
  }
  return [...out.values()];
}

/**
 * @param {string} name
 * @param {Map<number, { w: number, h: number, ids: number[] }>} nodes
 * @param {[number, number][]} links
 * @returns {Area}
 */
function areaOf(name, nodes, links) {
  const inside = links.filter(([a, b]) => nodes.has(a) && nodes.has(b));
  /** @type {{ w: number, h: number, x: number, y: number, places: Map<number, Box> }[]} */
  const pieces = componentsOf([...nodes.keys()], inside).map((members) => {
    const among = new Set(members);
    return pieceOf(members, nodes, inside.filter(([a]) => among.has(a)));
  });
  const total = pack(pieces, GAP, SCREEN);
  /** @type {Map<number, Box>} */
  const places = new Map();
  for (const piece of pieces) for (const [id, box] of piece.places) places.set(id, { ...box, x: box.x + piece.x, y: box.y + piece.y });
  return { name, places, box: { x: 0, y: 0, w: total.w, h: total.h } };
}

/** @param {number[]} nodes @param {[number, number][]} links @returns {number[][]} */
function componentsOf(nodes, links) {
  const parent = new Map(nodes.map((node) => [node, node]));
  /** @param {number} node @returns {number} */
  const root = (node) => {
    let at = node;
    while (parent.get(at) !== at) at = /** @type {number} */ (parent.get(at));
    parent.set(node, at);
    return at;
  };
  for (const [a, b] of links) parent.set(root(a), root(b));
  /** @type {Map<number, number[]>} */
  const out = new Map();
  for (const node of nodes) push(out, root(node), node);
  return [...out.values()].sort((a, b) => b.length - a.length);
}

/** Connected tables, in as many columns as suit a screen best. @param {number[]} members @param {Map<number, { w: number, h: number }>} nodes @param {[number, number][]} links */
function pieceOf(members, nodes, links) {
  const folds = members.length > 6 ? [1, 2, 3, 4] : [1];
  const tries = folds.map((fold) => folded(members, nodes, links, fold));
  const unlike = (/** @type {Box} */ piece) => Math.abs(Math.log(piece.w / piece.h / SCREEN));
  return tries.reduce((best, one) => (unlike(one) < unlike(best) ? one : best));
}

/** What refers to one table and to which nothing refers stands in ``fold`` columns instead of a long one. @param {number[]} members @param {Map<number, { w: number, h: number }>} nodes @param {[number, number][]} links @param {number} fold */
function folded(members, nodes, links, fold) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 22, ranksep: fold > 1 ? 48 : 84, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of members) {
    const size = nodes.get(id);
    if (size) graph.setNode(String(id), { width: size.w, height: size.h });
  }
  const referred = new Set(links.map(([a]) => a));
  /** @type {Map<number, number>} */
  const leaves = new Map();
  for (const [a, b] of links) {
    const number = leaves.get(a) ?? 0;
    if (!referred.has(b)) leaves.set(a, number + 1);
    graph.setEdge(String(a), String(b), { minlen: referred.has(b) ? 1 : 1 + (number % fold) });
  }
  dagre.layout(graph);
  /** @type {Map<number, Box>} */
  const places = new Map();
  let w = 0, h = 0;
  for (const id of members) {
    const node = graph.node(String(id));
    const box = { x: node.x - node.width / 2, y: node.y - node.height / 2, w: node.width, h: node.height };
    places.set(id, box);
    w = Math.max(w, box.x + box.w);
    h = Math.max(h, box.y + box.h);
  }
  return { w, h, x: 0, y: 0, places };
}

/** Set boxes beside each other, the highest first, each where it comes to stand highest (the skyline rule), in a strip that makes the whole about so much wider than high. @param {Box[]} boxes @param {number} gap @param {number} ratio */
function pack(boxes, gap, ratio) {
  const area = boxes.reduce((sum, box) => sum + (box.w + gap) * (box.h + gap), 0);
  const wide = Math.max(Math.sqrt(area * ratio), ...boxes.map((box) => box.w + gap));
  /** @type {{ x: number, y: number, w: number }[]} */
  let skyline = [{ x: 0, y: 0, w: wide }];
  let w = 0, h = 0;
  for (const box of [...boxes].sort((a, b) => b.h - a.h)) {
    const width = box.w + gap;
    const fits = skyline.filter((step) => step.x + width <= wide + 0.5).map((step) => ({ x: step.x, y: Math.max(...skyline.filter((other) => other.x < step.x + width && other.x + other.w > step.x).map((other) => other.y)) }));
    const best = fits.reduce((one, other) => (other.y < one.y || (other.y === one.y && other.x < one.x) ? other : one), fits[0] ?? { x: 0, y: h + gap });
    box.x = best.x;
    box.y = best.y;
    w = Math.max(w, box.x + box.w);
    h = Math.max(h, box.y + box.h);
    skyline = raised(skyline, best.x, width, best.y + box.h + gap);
  }
  return { w, h };
}

/** The skyline with a stretch of it at another height. @param {{ x: number, y: number, w: number }[]} skyline @param {number} x @param {number} w @param {number} y */
function raised(skyline, x, w, y) {
  const out = skyline.flatMap((step) => {
    const left = { ...step, w: Math.min(step.w, x - step.x) };
    const start = Math.max(step.x, x + w);
    const right = { ...step, x: start, w: step.x + step.w - start };
    return [left, right].filter((part) => part.w > 0.01);
  });
  return [...out, { x, y, w }].sort((a, b) => a.x - b.x);
}
