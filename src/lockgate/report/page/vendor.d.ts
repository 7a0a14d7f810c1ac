// What the page uses of @dagrejs/dagre.
interface DagreNode { x: number; y: number; width: number; height: number }
interface DagreGraph {
  setGraph(label: { rankdir: string; nodesep: number; ranksep: number; marginx: number; marginy: number }): void;
  setDefaultEdgeLabel(label: () => object): void;
  setNode(name: string, size: { width: number; height: number }): void;
  setEdge(from: string, to: string, label: { minlen: number }): void;
  node(name: string): DagreNode;
}
declare const dagre: { graphlib: { Graph: new () => DagreGraph }; layout(graph: DagreGraph): void };
