"""Chat endpoints that speak the OpenAI protocol: hosted ones, vLLM, Ollama, llama.cpp, transformers' own server."""

from __future__ import annotations

import asyncio
import base64
import os
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tenfold.chat.errors import ContextTooLong, GaveUp, NotAuthorised, Refused, Unreachable, WrongEndpoint
from tenfold.chat.messages import Conversation, Failure, Message, Reply, Sampling

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, AsyncOpenAI
    from tenacity import RetryCallState

KEY = "OPENAI_API_KEY"  # the environment variable with the key, unless another one is named
EXAMPLE = "http://localhost:8000/v1"
LONGEST_WAIT = 60.0  # seconds between two tries, unless the endpoint asks for more
CONNECT = 5.0  # seconds for a connection to be made
PATIENCE = 3.0  # seconds for which an address that has never answered is tried
Finished = queue.Queue[tuple[int, Reply | Failure] | BaseException | None]
NOT_CONNECTED = ("ConnectError", "ConnectTimeout")  # of whichever HTTP library is behind the client
TOO_LONG = ("context_length_exceeded", "context length", "context window", "maximum context", "too many tokens")


class _TryAgain(Exception):
    """A call that may go better the next time, and after how many seconds the endpoint wants it.

    ``connected`` says whether there was anybody to talk to.
    """

    def __init__(self, why: str, after: float | None = None, *, connected: bool = True) -> None:
        super().__init__(why)
        self.after = after
        self.connected = connected


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible chat endpoint, asked for up to ``concurrency`` replies at once.

    Rate limits (429, with Retry-After obeyed), time-outs, broken connections, server errors, JSON that is cut off and
    empty replies are tried again, with growing pauses, ``tries`` times in all. A request that is refused for good is a
    failure of that call; a wrong key, address or model ends all, and so does an address at which nothing has ever
    answered, after a few seconds. The key comes from the environment variable ``key_variable`` alone and is taken out
    of every message. ``timeout`` is in seconds per try. ``revision`` goes into the transcript's keys: change it when
    the model behind the name changes. ``told`` is called with a line when a call has to be tried again.
    Raises WrongEndpoint for an address without http:// or https://.
    """

    base_url: str
    model: str
    revision: str | None = None
    concurrency: int = 8
    timeout: float = 120.0
    tries: int = 6
    pause: float = 0.5
    key_variable: str = KEY
    told: Callable[[str], None] | None = field(default=None, compare=False)
    _reached: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)  # empty: never

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("http://", "https://")):
            raise WrongEndpoint(f"{self.base_url!r}: an address begins with http:// or https://, such as {EXAMPLE}")

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "endpoint", "base_url": self.base_url, "model": self.model, "revision": self.revision}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations, each as soon as it is there.

        Raises NotAuthorised, WrongEndpoint and Unreachable, after what came before has been yielded.
        """
        finished: Finished = queue.Queue()
        running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

        def ask() -> None:
            with suppress(asyncio.CancelledError):
                asyncio.run(self._ask_all(iter(calls), sampling, finished, running))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        try:
            while (item := finished.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            with suppress(RuntimeError):  # the loop is closed: all ended by itself
                for loop, task in running:
                    loop.call_soon_threadsafe(task.cancel)
            asking.join()

    async def _ask_all(
        self, calls: Iterator[tuple[int, Conversation]], sampling: Sampling, finished: Finished, running: list[Any]
    ) -> None:
        """Put every reply on ``finished``; then the error that ended all, if there was one, and None."""
        running.append((asyncio.get_running_loop(), asyncio.current_task()))
        try:
            async with self._client() as client, asyncio.TaskGroup() as group:
                for _ in range(self.concurrency):
                    group.create_task(self._work(client, calls, sampling, finished))
        except* Exception as errors:
            finished.put(errors.exceptions[0])
        finally:
            finished.put(None)

    async def _work(
        self, client: AsyncOpenAI, calls: Iterator[tuple[int, Conversation]], sampling: Sampling, finished: Finished
    ) -> None:
        for number, conversation in calls:
            try:
                reply: Reply | Failure = await self._ask(client, conversation, sampling)
            except (Refused, GaveUp) as error:
                reply = Failure(f"{type(error).__name__}: {error}")
            finished.put((number, reply))

    async def _ask(self, client: AsyncOpenAI, conversation: Conversation, sampling: Sampling) -> Reply:
        from tenacity import AsyncRetrying, retry_if_exception_type

        retrying = AsyncRetrying(
            stop=self._stop,
            retry=retry_if_exception_type(_TryAgain),
            wait=self._wait,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            return await retrying(self._ask_once, client, conversation, sampling)
        except _TryAgain as error:
            if not error.connected and not self._reached:
                raise Unreachable(f"{error}; is the server running at {self.base_url}?") from None
            raise GaveUp(f"{self.model} at {self.base_url}: {error}, in each of {self.tries} tries") from None

    async def _ask_once(self, client: AsyncOpenAI, conversation: Conversation, sampling: Sampling) -> Reply:
        import openai

        try:
            async with asyncio.timeout(self.timeout):  # the client's own counts from one piece of a reply to the next
                answer: Any = await client.chat.completions.create(
                    model=self.model, messages=[_part(message) for message in conversation], **_options(sampling)
                )
        except openai.APIStatusError as error:
            self._reached.append(True)
            raise self._status(error) from None
        except (openai.APIConnectionError, TimeoutError) as error:
            raise self._broken(error) from None
        except (openai.APIResponseValidationError, ValueError) as error:
            self._reached.append(True)
            raise _TryAgain(self._without_key(f"no whole answer came ({error})")) from None
        self._reached.append(True)
        choice = (getattr(answer, "choices", None) or [None])[0]
        text = getattr(getattr(choice, "message", None), "content", None)
        if not isinstance(text, str) or not text.strip():
            refusal = getattr(getattr(choice, "message", None), "refusal", None)
            if refusal:
                raise Refused(f"the model declines: {refusal}")
            if getattr(choice, "finish_reason", None) == "content_filter":
                raise Refused(f"{self.model}: a content filter took the reply")
            if getattr(choice, "finish_reason", None) == "length":
                raise Refused(f"{self.model}: cut at {sampling.max_tokens} tokens before it said a word; allow it more")
            raise _TryAgain("an empty reply")
        usage = getattr(answer, "usage", None)
        return Reply(
            text,
            str(choice.finish_reason or "stop"),
            int(getattr(usage, "prompt_tokens", 0) or 0),
            int(getattr(usage, "completion_tokens", 0) or 0),
        )

    def _broken(self, error: APIConnectionError | TimeoutError) -> _TryAgain:
        """Return what a connection means that was not made, broke, or brought nothing in time."""
        import openai

        cause = error.__cause__
        if type(cause).__name__ in NOT_CONNECTED:
            why = str(cause) or "it takes no connection in time"
            return _TryAgain(self._without_key(f"no connection to {self.base_url} ({why})"), connected=False)
        self._reached.append(True)
        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return _TryAgain(f"no answer within {self.timeout:g} s")
        return _TryAgain(self._without_key(f"no whole answer came ({error})"))

    def _status(self, error: APIStatusError) -> Exception:
        """Return what a status other than 200 means for this call, or for all."""
        said, status = self._without_key(str(error.message)), error.status_code
        if status in (408, 409, 425, 429) or status >= 500:
            return _TryAgain(f"status {status}", _seconds(error.response.headers.get("retry-after")))
        if status in (401, 403):
            return NotAuthorised(
                f"{self.base_url}: status {status}; set {self.key_variable} to a key that is valid there"
            )
        if status == 404:
            asks = "" if self.base_url.rstrip("/").endswith("/v1") else "; does the address end in /v1?"
            return WrongEndpoint(f"{self.base_url} knows no model {self.model!r} or no chat ({said}){asks}")
        if any(word in said.lower() for word in TOO_LONG):
            return ContextTooLong(f"{self.model}: {said}")
        return Refused(f"{self.model}: {said}")

    def _stop(self, state: RetryCallState) -> bool:
        """Return whether a call was tried often enough; what has never answered is not waited for."""
        error = state.outcome.exception() if state.outcome is not None else None
        lost = isinstance(error, _TryAgain) and not error.connected and not self._reached
        passed = state.seconds_since_start or 0.0
        return state.attempt_number >= self.tries or (lost and passed >= PATIENCE)

    def _wait(self, state: RetryCallState) -> float:
        """Return the seconds before the next try: what the endpoint asks for, or a pause that doubles each time."""
        error = state.outcome.exception() if state.outcome is not None else None
        wanted = error.after if isinstance(error, _TryAgain) else None
        return min(LONGEST_WAIT, self.pause * 2.0 ** (state.attempt_number - 1)) if wanted is None else wanted

    def _tell(self, state: RetryCallState) -> None:
        """Say that a call is tried again, and why."""
        if self.told is not None and state.outcome is not None:
            why, pause = state.outcome.exception(), state.upcoming_sleep
            self.told(f"{self.model}: {why}; try {state.attempt_number + 1} of {self.tries} in {pause:.1f} s")

    def _without_key(self, text: str) -> str:
        key = os.environ.get(self.key_variable)
        return text.replace(key, "…") if key else text

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AsyncOpenAI]:
        from openai import AsyncOpenAI, Timeout

        key = os.environ.get(self.key_variable) or "none"  # local servers want no key, the client wants a word
        limits = Timeout(self.timeout, connect=min(CONNECT, self.timeout))
        async with AsyncOpenAI(base_url=self.base_url, api_key=key, timeout=limits, max_retries=0) as client:
            yield client


def _options(sampling: Sampling) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
    if sampling.top_p != 1:
        options["top_p"] = sampling.top_p
    if sampling.seed is not None:
        options["seed"] = sampling.seed
    if sampling.stop:
        options["stop"] = list(sampling.stop)
    return options


def _part(message: Message) -> Any:
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {
            "type": "image_url",
            "image_url": {"url": f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"},
        }
        for image in message.images
    ]
    if message.text:
        parts.append({"type": "text", "text": message.text})
    return {"role": message.role, "content": parts}


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds them or a date; None where it is missing or neither."""
    if header is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(header))
    with suppress(ValueError):
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    return None
