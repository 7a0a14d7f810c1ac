// The document: what there was at each moment, who read it, and what became of it.

/** @typedef {{ life: Life, now: Version, fresh: "" | "new" | "changed" | "lost" }} Being */
/** @typedef {{ life: Life, now: Version, fresh: Being["fresh"], columns: Being[], parts: Being[] }} Table */
/** @typedef {{ at: number, tables: Table[], others: Being[], byId: Map<number, Being> }} Scene */
/** @typedef {{ life: Life, from: number, to: number }} Reading */
/** @typedef {{ owns: boolean, superuser: boolean, letters: string }} Rights */

const RELATIONS = new Set(["table", "foreign table", "view", "materialized view"]);
const MANY = 60; // tables: beyond it no drawing of all of them can be read
const VIEWS = new Set(["view", "materialized view"]);
const ORDER = ["schema", "enum", "domain", "type", "range type", "function", "procedure", "aggregate", "window function", "sequence", "extension", "role"];

/** @type {Page} */
const data = JSON.parse(the("data", HTMLScriptElement).textContent || "{}");
const walk = data.walk;
const lastMoment = walk.moments.length - 1;

/** @type {Map<number, Life>} */
const lives = new Map();
/** @type {Map<number, Life[]>} */
const columnsOf = new Map();
/** @type {Map<number, Life[]>} */
const partsOf = new Map();
/** @type {Map<number, Set<Life>>} */
const readersOf = new Map();
/** @type {Life[]} */
const readers = [];

for (const life of walk.lives) {
  life.num ??= 0;
  life.of ??= 0;
  if (life.num) push(columnsOf, life.id, life);
  else {
    lives.set(life.id, life);
    if (life.of) push(partsOf, life.of, life);
  }
  for (const version of life.versions) {
    for (const [id] of version.reads ?? []) {
      const known = readersOf.get(id);
      if (known) known.add(life);
      else readersOf.set(id, new Set([life]));
    }
  }
  if (life.versions.some((version) => version.reads)) readers.push(life);
}

/**
 * @template V
 * @param {Map<number, V[]>} map @param {number} key @param {V} value
 */
function push(map, key, value) {
  const found = map.get(key);
  if (found) found.push(value);
  else map.set(key, [value]);
}

/** The version that is in force after a moment. @param {Life} life @param {number} at @returns {Version | undefined} */
function versionAt(life, at) {
  for (let i = life.versions.length - 1; i >= 0; i -= 1) {
    const version = life.versions[i];
    if (version !== undefined && version.at <= at) return version.gone ? undefined : version;
  }
  return undefined;
}

/** The last version that was not the end. @param {Life} life @param {number} [at] @returns {Version | undefined} */
function lastVersion(life, at = Infinity) {
  return life.versions.filter((version) => !version.gone && version.at <= at).at(-1);
}

/** An object at a moment; one that the moment took away is still told, as lost. @param {Life} life @param {number} at @returns {Being | undefined} */
function being(life, at) {
  const now = versionAt(life, at);
  const before = at > 0 ? versionAt(life, at - 1) : undefined;
  if (now) return { life, now, fresh: !before ? (at > 0 ? "new" : "") : before === now ? "" : "changed" };
  return before ? { life, now: before, fresh: "lost" } : undefined;
}

/** Everything at a moment. @param {number} at @returns {Scene} */
function sceneAt(at) {
  /** @type {Scene} */
  const scene = { at, tables: [], others: [], byId: new Map() };
  for (const life of lives.values()) {
    const found = being(life, at);
    if (!found) continue;
    scene.byId.set(life.id, found);
    if (RELATIONS.has(life.kind)) scene.tables.push(tableOf(found, at));
    else if (!life.of || life.kind === "sequence") scene.others.push(found);
  }
  return scene;
}

/** @param {Being} found @param {number} at @returns {Table} */
function tableOf(found, at) {
  const columns = beings(columnsOf.get(found.life.id), at);
  const parts = beings(partsOf.get(found.life.id), at);
  const altered = found.fresh === "" && [...columns, ...parts].some((one) => one.fresh);
  return { ...found, fresh: altered ? "changed" : found.fresh, columns, parts };
}

/** @param {Life[] | undefined} some @param {number} at @returns {Being[]} */
function beings(some, at) {
  return (some ?? []).flatMap((life) => being(life, at) ?? []);
}

// --- names ---------------------------------------------------------------------------------------------------------

/** @param {Life} life @param {Version | undefined} [version] */
function nameOf(life, version = lastVersion(life)) {
  if (!version) return "?";
  if (life.num || (life.of && life.kind !== "sequence" && life.kind !== "index")) return version.name ?? "";
  const text = ROUTINES.has(life.kind) ? `(${version.text ?? ""})` : "";
  return version.schema ? `${version.schema}.${version.name}${text}` : `${version.name}${text}`;
}
const ROUTINES = new Set(["function", "procedure", "aggregate", "window function"]);

const schemas = new Set(walk.lives.filter((life) => RELATIONS.has(life.kind) && !life.num).flatMap((life) => life.versions.map((version) => version.schema).filter(Boolean)));

/** A name without its schema, where there is only one. @param {Life} life @param {Version} [version] */
function shortName(life, version = lastVersion(life)) {
  return schemas.size < 2 && version?.schema && schemas.has(version.schema) ? nameOf(life, { ...version, schema: "" }) : nameOf(life, version);
}

/** As a link names it: schema.table.column, table.constraint. @param {Life} life @param {number} [at] */
function addressOf(life, at = Infinity) {
  const own = lastVersion(life, at) ?? lastVersion(life);
  const holder = lives.get(life.num ? life.id : life.of ?? 0);
  if (!holder || life.kind === "sequence" || life.kind === "index") return nameOf(life, own);
  return `${nameOf(holder, lastVersion(holder, at) ?? lastVersion(holder))}.${own?.name ?? ""}`;
}

/** The object of an address: the one that is there at the moment, else the last that had the name. @param {string} address @param {number} at @returns {Life | undefined} */
function lifeAt(address, at) {
  const named = walk.lives.filter((life) => life.versions.some((v) => !v.gone && v.name && address.endsWith(v.name + (ROUTINES.has(life.kind) ? `(${v.text ?? ""})` : ""))));
  return named.find((life) => versionAt(life, at) && addressOf(life, at) === address) ?? named.reverse().find((life) => addressOf(life) === address) ?? named.find((life) => life.versions.some((v) => addressOf(life, v.at) === address));
}

/** The columns of a key by name. @param {number} relation @param {readonly number[]} keys @param {number} at */
function columnNames(relation, keys, at) {
  const columns = columnsOf.get(relation) ?? [];
  return keys.map((num) => {
    const life = columns.find((one) => one.num === num);
    return life ? (lastVersion(life, at)?.name ?? "?") : "(…)";
  });
}

/** A constraint, index, trigger or policy in words. @param {Being} part @param {number} at */
function definition(part, at) {
  const { life, now } = part;
  const keys = columnNames(life.of ?? 0, now.keys ?? [], at).join(", ");
  const target = lives.get(now.target ?? 0);
  switch (life.kind) {
    case "foreign key":
      return `(${keys}) → ${target ? nameOf(target, lastVersion(target, at)) : "?"}${now.target_keys?.length ? ` (${columnNames(now.target ?? 0, now.target_keys, at).join(", ")})` : ""}`;
    case "trigger":
      return `${now.text ?? ""}${keys ? ` of ${keys}` : ""} → ${target ? nameOf(target, lastVersion(target, at)) : "?"}`;
    case "policy":
      return `${now.text ?? ""} to ${(now.roles ?? []).join(", ")}`;
    case "check constraint":
      return keys ? `of ${keys}` : "";
    default:
      return `(${keys})`;
  }
}

// --- readers -------------------------------------------------------------------------------------------------------

/** Who reads a column (num 0: anything of the relation), and from when to when. @param {number} id @param {number} num @returns {Reading[]} */
function readings(id, num) {
  /** @type {Reading[]} */
  const out = [];
  for (const life of readersOf.get(id) ?? []) {
    if (life.of === id && !life.num && num === 0 && life.kind !== "trigger") continue;
    let from = -1;
    for (const version of [...life.versions, /** @type {Version} */ ({ at: lastMoment + 1, gone: true })]) {
      const reads = !version.gone && (version.reads ?? []).some(([oid, n]) => oid === id && (num === 0 || n === num));
      if (reads && from < 0) from = version.at;
      else if (!reads && from >= 0) {
        out.push({ life, from, to: version.at - 1 });
        from = -1;
      }
    }
  }
  return out;
}

/** The application's queries that read a column. @param {number} id @param {number} num */
function queriesOf(id, num) {
  return (walk.queries ?? []).filter((query) => (query.reads ?? []).some(([oid, n]) => oid === id && (num === 0 || n === num)));
}

// --- moments -------------------------------------------------------------------------------------------------------

/** @param {Moment} moment */
function slotOf(moment) {
  return moment.slot || (moment.kind === "migration" || !moment.kind ? moment.name : moment.kind);
}

/** @type {Map<number, Finding[]>} */
const findingsAt = new Map();
const momentOf = new Map(walk.moments.map((moment, index) => [moment.path, index]));
for (const finding of data.findings) {
  const index = momentOf.get(finding.location.path);
  if (index !== undefined) push(findingsAt, index, finding);
}

/** How bad a moment's findings are. @param {number} at @returns {"" | "info" | "warning" | "error"} */
function worst(at) {
  const found = findingsAt.get(at) ?? [];
  return /** @type {const} */ (["error", "warning", "info"]).find((severity) => found.some((one) => one.severity === severity)) ?? "";
}

// --- rights --------------------------------------------------------------------------------------------------------

const PRIVILEGES = /** @type {const} */ ([["r", "read"], ["a", "insert"], ["w", "update"], ["d", "delete"], ["D", "truncate"], ["x", "reference"], ["t", "trigger"], ["m", "maintain"], ["X", "execute"], ["U", "use"], ["C", "create"]]);

/** The roles whose rights a role has: itself and those it belongs to. @param {string} role @param {Map<string, Being>} roles */
function reach(role, roles) {
  const found = new Set([role]);
  for (const one of found) for (const other of roles.get(one)?.now.roles ?? []) found.add(other);
  return found;
}

/** What a role may do with an object. @param {string} role @param {Version} now @param {Map<string, Being>} roles @returns {Rights} */
function rightsOf(role, now, roles) {
  const mine = reach(role, roles);
  if (roles.get(role)?.now.flags?.includes("superuser")) return { owns: true, superuser: true, letters: "" };
  const letters = new Set((now.grants ?? []).filter((grant) => grant.role === "public" || mine.has(grant.role)).flatMap((grant) => [...grant.letters]));
  return { owns: mine.has(now.owner ?? ""), superuser: false, letters: PRIVILEGES.map(([letter]) => letter).filter((letter) => letters.has(letter)).join("") };
}

/** @param {string} letters */
function rightsInWords(letters) {
  return PRIVILEGES.filter(([letter]) => letters.includes(letter)).map(([, word]) => word).join(", ");
}
