"""Prefect's own order of events, which waits less long for an event that a restarted server has forgotten.

An event waits for the one that it follows: after a restart a lost run would wait a quarter of an hour to be taken over.
``PREFECT_SERVER_EVENTS_CAUSAL_ORDERING`` names this module to a server.
"""

from datetime import timedelta

from prefect.server.events.ordering import memory

memory.PRECEDING_EVENT_LOOKBACK = timedelta(seconds=20)
CausalOrdering = memory.CausalOrdering
