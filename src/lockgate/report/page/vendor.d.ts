// What the page uses of @dagrejs/dagre: vendor/dagre.min.js is dist/dagre.min.js of version 3.1.3 without the line that names its source map.
interface DagreNode { x: number; y: number; width: number; height: number }
interface DagreGraph {
  setGraph(label: { rankdir: string; nodesep: number; ranksep: number; marginx: number; marginy: number }): void;
  setDefaultEdgeLabel(label: () => object): void;
  setNode(name: string, size: { width: number; height: number }): void;
  setEdge(from: string, to: string, label: { minlen: number }): void;
  node(name: string): DagreNode;
}
declare const dagre: { graphlib: { Graph: new () => DagreGraph }; layout(graph: DagreGraph): void };
