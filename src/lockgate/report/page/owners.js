// Who may do what: before the handover and after it, where there is one.

/** @param {Scene} scene */
function ownersView(scene) {
  const handover = walk.handover ?? -1;
  const before = handover > 0 ? sceneAt(Math.min(scene.at, handover - 1)) : undefined;
  const after = handover >= 0 && scene.at < handover ? sceneAt(handover) : scene;
  const roles = rolesOf(after);
  const shown = [...roles.values()].map((one) => one.now.name ?? "").filter((name) => worthShowing(name, after, before)).slice(0, 12);
  if (!shown.length) return h("div", { class: "page" }, h("section", { class: "card" }, h("p", { class: "none" }, "Nobody says which roles run the migrations: with [roles] owner and deployer in lockgate.toml, this is who owns what and who may what with it.")));
  const split = before !== undefined;
  const heads = h("tr", {}, h("th", { scope: "col" }, "Object"), ...shown.map((role) => h("th", { scope: "colgroup", colspan: split ? 2 : 1, class: "first" }, role === walk.deployer ? `${role} (deployer)` : role === walk.owner ? `${role} (owner)` : role)));
  const times = split && h("tr", {}, h("th"), ...shown.flatMap(() => [h("th", { class: "first" }, "before handover"), h("th", {}, scene.at < handover ? "after" : `at ${slotName(scene.at)}`)]));
  const body = rightsRows(before, after, shown);
  return h("div", { class: "rights" }, h("table", {}, h("thead", {}, heads, times), h("tbody", {}, ...body)));
}

/** @param {Scene} scene */
function rolesOf(scene) {
  return new Map(scene.others.filter((one) => one.life.kind === "role" && one.fresh !== "lost").map((one) => [one.now.name ?? "", one]));
}

/** A role that owns or holds something. @param {string} role @param {...(Scene | undefined)} scenes */
function worthShowing(role, ...scenes) {
  if (!walk.owner && role === "postgres") return false;
  if (role === walk.owner || role === walk.deployer) return true;
  return scenes.some((scene) => scene && [...scene.tables, ...scene.others].some((one) => one.now.owner === role || one.now.grants?.some((grant) => grant.role === role)));
}

/** @param {Scene | undefined} before @param {Scene} after @param {string[]} roles */
function rightsRows(before, after, roles) {
  const kinds = new Map([["schema", "Schemas"], ["table", "Tables"], ["view", "Views"], ["function", "Routines"], ["sequence", "Sequences"]]);
  const kindOf = (/** @type {Life} */ life) => (RELATIONS.has(life.kind) ? (VIEWS.has(life.kind) ? "view" : "table") : ROUTINES.has(life.kind) ? "function" : life.kind);
  const all = [...after.others, ...after.tables].filter((one) => one.fresh !== "lost");
  const rolesAfter = rolesOf(after), rolesBefore = before && rolesOf(before);
  return [...kinds].flatMap(([kind, title]) => {
    const found = all.filter((one) => kindOf(one.life) === kind).sort((a, b) => nameOf(a.life, a.now).localeCompare(nameOf(b.life, b.now)));
    if (!found.length) return [];
    const rows = found.slice(0, 600).map((one) => {
      const was = before?.byId.get(one.life.id);
      const cells = roles.flatMap((role) => {
        const now = rightsOf(role, one.now, rolesAfter);
        if (!before || !rolesBefore) return [rightCell(now, undefined, "first")];
        const then = was && was.fresh !== "lost" ? rightsOf(role, was.now, rolesBefore) : undefined;
        return [rightCell(then, undefined, "first"), rightCell(now, then, "")];
      });
      return h("tr", {}, h("th", { scope: "row" }, linkTo(one.life, shortName(one.life, one.now))), ...cells);
    });
    return [h("tr", { class: "head" }, h("th", { colspan: roles.length * (before ? 2 : 1) + 1 }, `${title} (${found.length})`)), ...rows];
  });
}

const ALL = { r: "rawdDxt", U: "UC" };

/** @param {Rights | undefined} now @param {Rights | undefined} then @param {string} place */
function rightCell(now, then, place) {
  if (!now) return h("td", { class: `same ${place}` }, "–");
  const full = now.letters.replace("m", "") === ALL.r || now.letters === ALL.U;
  const words = now.superuser ? "superuser" : now.owns ? "owns" : full ? "all privileges" : rightsInWords(now.letters) || "nothing";
  const weight = (/** @type {Rights} */ one) => (one.owns ? 100 : one.letters.length);
  const change = then && weight(now) !== weight(then) ? (weight(now) > weight(then) ? "more" : "less") : "same";
  return h("td", { class: `${change} ${place}`, title: now.superuser ? "a superuser: may everything" : now.owns ? "owns it, or belongs to the role that does: may alter, drop and grant" : rightsInWords(now.letters) }, words);
}
