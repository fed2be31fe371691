# SPDX-License-Identifier: Apache-2.0
"""Bounds of the status page's server: anyone on the LAN may send it anything."""

CONNECTIONS_MAX = 48  # open at once: 16 streams, and pages and scrapes beside them; about 30 kB each
CONNECTIONS_PER_ADDRESS = 24  # one careless client must leave room for the technician
HEAD_MAX = 8 * 1024  # bytes of request line and headers; browsers send less than 2 kB
HEADERS_MAX = 64
HEAD_TIMEOUT = 5.0  # s for the whole head: a client that drips bytes holds no place
ANSWER_TIMEOUT = 10.0  # s to make and hand over one answer (streams: one event)
BODY_MAX = 0  # bytes; nothing here takes a body yet
WRITE_BUFFER_MAX = 64 * 1024  # bytes waiting for a slow reader before writing blocks
BACKLOG = 16  # connections the kernel queues
STREAMS_MAX = 16  # SSE clients (facts/ui.md)
STREAM_QUEUE_MAX = 8  # events waiting for one client; a slower one is dropped and comes back by itself
REPLAY_MAX = 16  # events kept for Last-Event-ID
PING_EVERY = 10.0  # s of silence on a stream before a comment is sent, so that a dead one is noticed
CALM_EVERY = 2.0  # s between two events while only figures change
UNACKNOWLEDGED_MAX = 20_000  # ms; a phone that left acknowledges nothing: the kernel ends the connection
SEND_BUFFER = 128 * 1024  # bytes in the kernel; a whole page, not megabytes for a reader that stopped
EOF_GRACE = 1.0  # s for a closing handshake
