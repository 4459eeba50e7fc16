/** An interconnect link on the wire, as one node sees it. */
import type { PeerLinkStatus } from '@/engine/interconnect/api';

export function presentLinkStatus(link: PeerLinkStatus) {
  return {
    peer: link.peer,
    connected: link.connected,
    rtt_us: link.rttUs === null ? null : { ...link.rttUs },
    last_heard_ms: link.lastHeardMs,
    phi: link.phi,
    sent_messages: link.sentMessages,
    received_messages: link.receivedMessages,
    sent_bytes: link.sentBytes,
    received_bytes: link.receivedBytes,
    queued_bytes: link.queuedBytes,
    dropped_messages: link.droppedMessages,
    reconnects: link.reconnects,
  };
}
