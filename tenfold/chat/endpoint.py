"""Chat endpoints that speak the OpenAI protocol: hosted ones, vLLM, Ollama, llama.cpp, transformers' own server."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tenfold.chat.address import check_address
from tenfold.chat.errors import ContextTooLong, GaveUp, NotAuthorised, Refused, Unreachable, WrongEndpoint
from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.chat.protocol import message_part, request_options

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from tenacity import RetryCallState

KEY = "OPENAI_API_KEY"  # the environment variable with the key, unless another one is named
LONGEST_WAIT = 60.0  # seconds between two tries, unless the endpoint asks for more
LONGEST_ASKED_WAIT = 300.0  # seconds that an endpoint may ask for; a call that is to wait longer is given up
FIRST_TRIES = 3  # to connect, until the endpoint has answered anything
MOST_SAID = 500  # characters of an endpoint's message that are passed on
SHORTEST_SECRET = 12  # characters; a shorter key is a word for servers that want none, which replies may well hold
Finished = queue.Queue[tuple[int, Reply | Failure, asyncio.Event] | BaseException | None]
TOO_LONG = ("context_length_exceeded", "context length", "context window", "maximum context", "too many tokens")


class _TryAgain(Exception):
    """A call that may go better the next time, and after how many seconds the endpoint wants it."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class _NobodyThere(_TryAgain):
    """No connection came about."""


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible chat endpoint, asked for up to ``concurrency`` replies at once.

    Rate limits (429, with Retry-After obeyed), time-outs, broken connections, server errors, JSON that is cut off or of
    another shape and empty replies are tried again, after growing pauses, ``tries`` times in all. What is refused, or
    that is to wait for more than five minutes, is a failure of that call; a wrong key, address or model ends all, and
    so does an address where nobody has answered yet. The key comes from the environment variable ``key_variable``
    alone and is taken out of every message and reply. ``timeout`` is in seconds per try. ``revision`` goes into the
    transcript's keys: change it when the model behind the name changes. ``told`` is called with a line when a call has
    to be tried again.
    Raises WrongEndpoint for an address that is none, or that holds a name, a password or a query, where keys may stand.
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
    _answers: list[int] = field(default_factory=list, init=False, repr=False, compare=False)  # one status, once it came

    def __post_init__(self) -> None:
        check_address(self.base_url)

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "endpoint", "base_url": self.base_url, "model": self.model, "revision": self.revision}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations, each as soon as it is there.

        Raises NotAuthorised, WrongEndpoint and Unreachable, after what came before has been yielded; NotAuthorised
        before all for a key that no header can hold.
        """
        self._check_key()
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
                number, reply, counted = item
                yield number, reply
                with suppress(RuntimeError):  # the loop is closed
                    running[0][0].call_soon_threadsafe(counted.set)
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
            counted = asyncio.Event()
            finished.put((number, reply, counted))
            await counted.wait()  # the next call is not taken before whoever pays has counted this one

    async def _ask(self, client: AsyncOpenAI, conversation: Conversation, sampling: Sampling) -> Reply:
        from tenacity import AsyncRetrying, retry_if_exception_type

        retrying = AsyncRetrying(
            stop=self._stops,
            retry=retry_if_exception_type(_TryAgain),
            wait=self._wait,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            return await retrying(self._ask_once, client, conversation, sampling)
        except _TryAgain as error:
            if isinstance(error, _NobodyThere) and not self._answers:
                raise Unreachable(f"nobody answers at {self.base_url} ({error}); is the server running?") from None
            raise GaveUp(f"{self.model} at {self.base_url}: {error}, in each of {self.tries} tries") from None

    async def _ask_once(self, client: AsyncOpenAI, conversation: Conversation, sampling: Sampling) -> Reply:
        import openai

        try:
            async with asyncio.timeout(self.timeout):  # the client's own counts from one piece of a reply to the next
                answer: Any = await client.chat.completions.create(
                    model=self.model,
                    messages=[message_part(message) for message in conversation],
                    **request_options(sampling),
                )
        except openai.APIStatusError as error:
            raise self._status(error) from None
        except (openai.APITimeoutError, TimeoutError):
            raise _TryAgain(f"no answer within {self.timeout:g} s") from None
        except (openai.APIConnectionError, openai.APIResponseValidationError, ValueError, RecursionError) as error:
            raise self._broken(error) from None
        if isinstance(answer, str) and answer.lstrip().startswith("<"):
            said = f"{self.base_url} answers with a page and not with the protocol; does the address end in /v1?"
            raise _TryAgain(said) if self._answers else WrongEndpoint(said)
        self._heard(200)
        return self._reply(answer)

    def _reply(self, answer: Any) -> Reply:
        """Return the reply that an answer holds. Raises Refused, and _TryAgain where it holds none."""
        choices = getattr(answer, "choices", None)
        choice = choices[0] if isinstance(choices, list) and choices else None
        message, reason = getattr(choice, "message", None), str(getattr(choice, "finish_reason", None) or "stop")
        text = _text(getattr(message, "content", None))
        if not text.strip():
            if refusal := getattr(message, "refusal", None):
                raise Refused(self._without_key(f"the model declines: {refusal}"))
            if reason == "content_filter":
                raise Refused(f"{self.model}: a content filter took the reply")
            if reason == "length":
                raise Refused(f"{self.model}: its reply was cut before it said a word; raise max_tokens")
            if error := getattr(answer, "error", None):  # under status 200, as some gateways have it
                said = self._without_key(str(error.get("message", error) if isinstance(error, dict) else error))
                raise _TryAgain(f"an error in the place of a reply: {_said(said)}")
            raise _TryAgain("an empty reply" if isinstance(choices, list | None) else "choices that are no list")
        tokens = [_count(getattr(answer, "usage", None), f"{part}_tokens") for part in ("prompt", "completion")]
        reason = reason if reason in ("stop", "length") else self._without_key(reason)
        return Reply(self._without_key(text, SHORTEST_SECRET), reason, *tokens)

    def _status(self, error: APIStatusError) -> Exception:
        """Return what a status other than 200 means for this call, or for all."""
        whole, status = self._without_key(str(error.message)), error.status_code
        code = error.body.get("code") if isinstance(error.body, dict) else None
        said = _said(whole, self._without_key(code) if isinstance(code, str) else "")
        self._heard(status)
        if status in (408, 409, 425, 429) or status >= 500:
            after = _seconds(error.response.headers.get("retry-after"))
            if after is not None and after > LONGEST_ASKED_WAIT:
                return GaveUp(f"{self.model} at {self.base_url} asks for a pause of {after:,.0f} s: {said}")
            return _TryAgain(f"status {status}: {said}", after)
        if status in (401, 403):
            return NotAuthorised(
                f"{self.base_url}: status {status}; set {self.key_variable} to a key that is valid there"
            )
        if status == 404:
            usual = "" if self.base_url.rstrip("/").endswith("/v1") else "; does the address end in /v1?"
            return WrongEndpoint(f"{self.base_url} knows no model {self.model!r} or no chat ({said}){usual}")
        if any(word in whole.lower() for word in TOO_LONG):
            return ContextTooLong(f"{self.model}: {said}")
        return Refused(f"{self.model}: {said}")

    def _wait(self, state: RetryCallState) -> float:
        """Return the seconds before the next try: what the endpoint asks for, or a pause that doubles each time."""
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, _TryAgain) and error.after is not None:
            return error.after
        return min(LONGEST_WAIT, self.pause * 2.0 ** (state.attempt_number - 1))

    def _broken(self, error: Exception) -> _TryAgain:
        """Return what a connection that did not come about, or that broke, means for this call."""
        cause = error.__cause__
        if type(cause).__name__ == "ConnectError":  # of httpx or of httpx2, whichever the client has
            return _NobodyThere(self._without_key(str(cause) or type(cause).__name__))
        return _TryAgain(self._without_key(f"no whole answer came ({error})"))

    def _stops(self, state: RetryCallState) -> bool:
        """Return whether a call was tried often enough."""
        error = state.outcome.exception() if state.outcome is not None else None
        new = isinstance(error, _NobodyThere) and not self._answers
        return state.attempt_number >= (min(self.tries, FIRST_TRIES) if new else self.tries)

    def _tell(self, state: RetryCallState) -> None:
        """Say that a call is tried again, and why."""
        if self.told is not None and state.outcome is not None:
            why, pause = state.outcome.exception(), state.upcoming_sleep
            self.told(f"{self.model}: {why}; try {state.attempt_number + 1} of {self.tries} in {pause:.1f} s")

    def _heard(self, status: int) -> None:
        """Remember that somebody is there."""
        if not self._answers:
            self._answers.append(status)

    def _without_key(self, text: str, shortest: int = 1) -> str:
        key = os.environ.get(self.key_variable, "")
        return text.replace(key, "…") if len(key) >= shortest else text

    def _check_key(self) -> None:
        key = os.environ.get(self.key_variable, "")
        if not all("!" <= letter <= "~" for letter in key):
            raise NotAuthorised(
                f"{self.key_variable} holds white space, a line's end or another character that no key has; set it anew"
            )

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AsyncOpenAI]:
        from openai import AsyncOpenAI

        key = os.environ.get(self.key_variable) or "none"  # local servers want no key, the client wants a word
        async with AsyncOpenAI(base_url=self.base_url, api_key=key, timeout=self.timeout, max_retries=0) as client:
            yield client


def _text(content: object) -> str:
    """Return the text of a message, which may come in parts; nothing where there is none."""
    parts: list[Any] = [{"text": content}] if isinstance(content, str) else content if isinstance(content, list) else []
    texts = (one.get("text") for one in parts if isinstance(one, dict) and one.get("type", "text") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _count(usage: object, name: str) -> int:
    """Return how many tokens an endpoint says there were; 0 where it says nothing that is a number of them."""
    count = getattr(usage, name, 0)
    return int(count) if type(count) in (int, float) and 0 <= count < 2**53 else 0


def _said(message: str, code: str = "") -> str:
    """Return an endpoint's message on one line, cut off where it is very long, with the code that it gives."""
    said, code = (" ".join(words.split())[:MOST_SAID] for words in (message, code))
    return said if code in said else f"{said} ({code})"


def _seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds them or a date; None where it is missing or neither."""
    if header is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(header))
    with suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    return None
