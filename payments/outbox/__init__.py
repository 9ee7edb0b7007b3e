"""What the portal is told: events, and their deliveries to its endpoint.

An event is written in the same transaction as what it tells of, with the whole message in it, so
that nothing is asked back later; only its signature is made at each attempt. A delivery is one
event to one endpoint, at least once, on a ladder of waits; every attempt is a row. The order of
deliveries is not promised: each message of a request carries its `sequence`.

Ids become visible out of order, so readers of the feed page by `position`, given after commit by
one leased job.
"""

from payments.outbox.deliveries import (
    LADDER,
    LEASED,
    Attempt,
    Outcome,
    Parcel,
    UnknownEvent,
    endpoints_due,
    given_up,
    lease,
    record_all,
    redeliver,
    wait_before,
)
from payments.outbox.feed import feed, place_events, unplaced
from payments.outbox.sending import Reply, send
from payments.outbox.tables import Delivery, DeliveryAttempt, DeliveryState, Event, EventType
from payments.outbox.telling import News, enqueue_all, enqueue_test

__all__ = [
    "LADDER",
    "LEASED",
    "Attempt",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "Event",
    "EventType",
    "News",
    "Outcome",
    "Parcel",
    "Reply",
    "UnknownEvent",
    "endpoints_due",
    "enqueue_all",
    "enqueue_test",
    "feed",
    "given_up",
    "lease",
    "place_events",
    "record_all",
    "redeliver",
    "send",
    "unplaced",
    "wait_before",
]
