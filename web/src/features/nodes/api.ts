import { queryOptions } from '@tanstack/react-query';
import { call } from '@/platform/api/client';
import type {
  CreateNode,
  DiscoveredNode,
  ModelNode,
  NodeTest,
  UpdateNode,
} from '@/platform/api/types';
import { keys } from '@/platform/query/keys';

/** The model servers, with their state. */
export const nodesQuery = queryOptions({
  queryKey: keys.nodes,
  queryFn: ({ signal }) => call<{ items: ModelNode[] }>('/nodes', { signal }),
});

/** Looks for model servers on the server's machine. */
export function discoverNodes(): Promise<{ items: DiscoveredNode[] }> {
  return call<{ items: DiscoveredNode[] }>('/nodes/discover', { method: 'POST' });
}

/** Tries a server that is not connected yet. */
export function testNewNode(node: CreateNode): Promise<NodeTest> {
  return call<NodeTest>('/nodes/test', { method: 'POST', body: node });
}

/** Tries a server that is connected. */
export function testNode(id: string): Promise<NodeTest> {
  return call<NodeTest>(`/nodes/${id}/test`, { method: 'POST' });
}

/** Connects a server. */
export function createNode(node: CreateNode): Promise<ModelNode> {
  return call<ModelNode>('/nodes', { method: 'POST', body: node });
}

/** Changes a server. */
export function updateNode(id: string, change: UpdateNode): Promise<ModelNode> {
  return call<ModelNode>(`/nodes/${id}`, { method: 'PATCH', body: change });
}

/** Disconnects a server. */
export function removeNode(id: string): Promise<void> {
  return call<void>(`/nodes/${id}`, { method: 'DELETE' });
}
