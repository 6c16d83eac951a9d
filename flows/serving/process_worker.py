"""A worker process: ``python -m flows.serving.process_worker POOL NAME AT_ONCE``."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessWorker

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, WorkerFlowRunResponse

warnings.filterwarnings("ignore", "Type 'Worker'")  # it takes the place of Prefect's


class Worker(ProcessWorker):
    """Prefect's worker, but for a run that is tried again while the process of its last try still ends.

    Prefect's own, as of 3.8.8, then stops with an error about its limiter, or calls the new try crashed because the old
    one's status was not 0.
    """

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        ending = self._limiter.statistics().borrowers if self._limiter else ()
        return [found for found in await super()._get_scheduled_flow_runs() if found.flow_run.id not in ending]

    async def _propose_crashed_state(
        self, flow_run: FlowRun, message: str, client: PrefectClient | None = None
    ) -> None:
        state = (await self.client.read_flow_run(flow_run.id)).state
        if state is None or not state.is_scheduled():
            await super()._propose_crashed_state(flow_run, message, client)


def main(pool: str, name: str, at_once: str) -> None:
    """Work until SIGINT or SIGTERM."""
    setup_signal_handlers_worker(os.getpid(), "the worker", print)
    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(Worker(work_pool_name=pool, name=name, limit=int(at_once)).start())


if __name__ == "__main__":
    main(*sys.argv[1:])
