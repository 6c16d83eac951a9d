"""A model whose answers are kept in a transcript as they come, so that a run that was killed goes on where it was.

Models behind chat backends keep their replies themselves (`tenfold.mmr.chat_model`); this is for all others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tenfold.chat.messages import Message, Reply, Sampling
from tenfold.chat.transcript import Transcript
from tenfold.mmr.chat_model import QueryImage
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Model, Query

ASKED_AT_ONCE = 16
ENDS = {"answered": "stop", "cut": "length"}  # how a transcript says it, with the model's reason after a colon


def query_key(identity: Mapping[str, Any], query: Query) -> str:
    """Return the SHA-256 of all that an answer may depend on: the model with its decoding and version, and the query.

    Of the image it is the digest of shape and pixels.
    """
    parts = {
        "model": dict(identity),
        "key": query.key,
        "task": query.task,
        "question": query.question,
        "prompt": query.prompt,
        "system": query.system,
        "image": query.image_digest,
        "size": [query.width, query.height],
    }
    words = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(words.encode(errors="surrogatepass")).hexdigest()


class CachedModel:
    """A model that is asked only for what ``transcript`` does not hold, ``ASKED_AT_ONCE`` queries at a time.

    An answer that failed, or is empty, is not kept; one that was cut off is kept as such.
    """

    def __init__(self, model: Model, transcript: Transcript) -> None:
        self.model, self.transcript, self.name = model, transcript, model.name
        self.asked = self.known = 0

    def identity(self) -> dict[str, Any]:
        """Return the model's own."""
        return self.model.identity()

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return one prediction per query, in order."""
        identity = self.identity()
        keys = [query_key(identity, query) for query in queries]
        found = {key: reply for key in keys if (reply := self.transcript.get(key)) is not None}
        predictions: dict[str, Prediction] = {}
        missing = [(key, query) for key, query in zip(keys, queries, strict=True) if key not in found]
        self.known += len(queries) - len(missing)
        for start in range(0, len(missing), ASKED_AT_ONCE):
            part = missing[start : start + ASKED_AT_ONCE]
            for (key, query), one in zip(part, self.model.answer([query for _, query in part]), strict=True):
                predictions[key] = one
                self._keep(key, identity, query, one)
            self.asked += len(part)
        return [
            predictions[key] if key in predictions else _kept(query.key, found[key])
            for key, query in zip(keys, queries, strict=True)
        ]

    def _keep(self, key: str, identity: Mapping[str, Any], query: Query, one: Prediction) -> None:
        if one.status not in ENDS or one.reply is None:
            return
        images = () if query.image is None else (QueryImage(query.image, query.image_digest),)
        reply = Reply(one.reply, f"{ENDS[one.status]}: {one.why}")
        self.transcript.add(key, identity, [Message("user", query.prompt, images)], Sampling(), reply)


def _kept(key: str, reply: Reply) -> Prediction:
    """Return the prediction that a kept reply was."""
    end, _, why = reply.finish_reason.partition(": ")
    return prediction_of(key, reply.text, finish_reason=end, why=why)
