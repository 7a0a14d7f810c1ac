// Made by tools/generate_page.py from lockgate.walk.document and lockgate.report.shapes.
type Age = "production" | "release" | "transaction";
interface AppQuery {
  path: string;
  line: number;
  text: string;
  reads?: [number, number][];
  partial?: boolean;
}
interface Deed {
  line: number;
  sign: "!" | "+" | "-" | "?" | "~";
  words: string;
  about?: [number, number];
}
interface Edit {
  location: Location_;
  text: string;
}
interface Effect {
  relation: string;
  kind: "index" | "table";
  lock: string | null;
  held: string | null;
  work: "build" | "none" | "rewrite" | "scan";
  age: Age;
  rows: number | null;
  why: string;
}
interface Evidence {
  verdict: Verdict;
  role: string;
  server: string;
  sqlstate: string | null;
  message: string;
  locks?: string[];
  work?: string[];
  by?: string;
}
interface Finding {
  rule: string;
  name: string;
  severity: Severity;
  message: string;
  help: string;
  url: string;
  location: Location_;
  slot: string;
  statement: number | null;
  object: string;
  sqlstate: string | null;
  related: Related[];
  fix: Fix | null;
  evidence: Evidence | null;
  fingerprint: string;
  effect?: Effect;
  rows?: null | "any" | "some";
}
interface Fix {
  title: string;
  edits: Edit[];
  sql?: string;
}
interface Holding {
  role: string;
  letters: string;
  grantable?: string;
}
interface Life {
  id: number;
  kind: string;
  versions: Version[];
  of?: number;
  num?: number;
  group?: string;
  place?: number;
}
interface Location_ {
  path: string;
  start: Position;
  end: Position;
}
interface Moment {
  slot: string;
  name: string;
  path: string;
  kind?: "baseline" | "handover" | "migration";
  role?: string;
  pending?: boolean;
  fails?: number;
  lines?: number[];
  changes?: Deed[];
  waits?: Wait[];
  text?: string;
  cut?: boolean;
}
interface Page {
  version: number;
  walk: Walk;
  findings: Finding[];
}
interface Position {
  line: number;
  column: number;
  offset: number;
}
interface Related {
  message: string;
  location: Location_;
}
type Severity = "error" | "info" | "warning";
type Verdict = "confirmed" | "refuted" | "unproven";
interface Version {
  at: number;
  line?: number;
  gone?: boolean;
  name?: string;
  schema?: string;
  owner?: string;
  type?: string;
  notnull?: boolean;
  default?: string;
  text?: string;
  keys?: number[];
  target?: number;
  target_keys?: number[];
  reads?: [number, number][];
  roles?: string[];
  grants?: Holding[];
  flags?: string[];
  words?: string;
}
interface Wait {
  relation: string;
  lock: string;
  first: number;
  last: number;
  kind?: string;
  work?: "build" | "none" | "rewrite" | "scan";
  why?: string;
  rows?: number | null;
}
interface Walk {
  version: "1";
  title: string;
  major: number;
  moments: Moment[];
  lives: Life[];
  queries?: AppQuery[];
  owner?: string;
  deployer?: string;
  handover?: number;
  doubts?: string[];
}
