/** Asks of this node's own links and streams whether another member would take over by itself. */
import { successorPossible } from '../cluster/core/successor';
import type { NodeRecord } from '../cluster/model';
import { clusterConfig, groupFact, groupMembers, type NodeContext, nodeRecord } from './node-context';
import type { PrimaryDuties } from './primary-duties';

export class Successors {
  constructor(
    private readonly context: NodeContext,
    private readonly duties: Pick<PrimaryDuties, 'recentlyStreaming'>,
  ) {}

  /** `among`: whom to count; default: every other member. */
  possible(among: (member: NodeRecord) => boolean = () => true): boolean {
    const { nodeId } = this.context.config;
    const record = groupFact(this.context)?.record;
    if (!record) return false;
    const links = this.context.interconnect.linkStatus();
    const connected = new Set(links.filter((link) => link.connected).map((link) => link.peer));
    const others = groupMembers(this.context).filter((member) => member.id !== nodeId && among(member));
    return successorPossible({
      record,
      autoFailover: clusterConfig(this.context)?.autoFailover === true,
      primaryInMaintenance: nodeRecord(this.context, nodeId)?.maintenance === true,
      answering: others.map((member) => member.id).filter((node) => connected.has(node)),
      streaming: this.duties.recentlyStreaming(this.context.loop.now()),
    });
  }
}
