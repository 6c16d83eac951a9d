"""A language model that is given what an engine read, and no image: what language alone makes of OCR.

Choices are scored by the likelihood of the options' letters, alone or averaged over all rotations of the options, since
small models choose a letter by its place; texts are generated. For boxes, the lines stand in the prompt with theirs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tenfold.mmr.asked import asked
from tenfold.mmr.errors import InvalidModel
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Query
from tenfold.mmr.reading import page_of
from tenfold.mmr.tasks import CHOICE, GROUNDING
from tenfold.ocr.page import Page
from tenfold.ocr.page_files import Pages, pages_digest
from tenfold.ocr.reading_order import xy_cut

if TYPE_CHECKING:
    from tenfold.chat.messages import Conversation
    from tenfold.language.decoder import Decoder

TEXT_TOKENS, REPLY_TOKENS = 512, 64  # of the page's text in a prompt, and of a reply
SAFE = 64  # tokens of a chat template and its system message
NOTHING = "(no text was found)"
LETTERS = "ABCDEFGHI"
LETTER_ONLY = "Answer with the letter of the right option only."


class OCRLanguageModel:
    """A decoder of `tenfold.language` that is asked about a page's text, in reading order, cut to a budget of tokens.

    ``rotations`` averages the options' probabilities over all rotations of their order.
    """

    def __init__(
        self,
        pages: Pages,
        decoder: Decoder,
        *,
        rotations: bool = False,
        text_tokens: int = TEXT_TOKENS,
        reply_tokens: int = REPLY_TOKENS,
        batch: int = 8,
        name: str = "",
    ) -> None:
        """Take pages by the digest of their image, and the decoder that `tenfold.language.load_decoder` returns.

        Raises InvalidModel for a budget below one token, or one beyond the decoder's context.
        """
        if min(text_tokens, reply_tokens, batch) < 1 or text_tokens + reply_tokens + SAFE > decoder.context:
            raise InvalidModel(
                f"{decoder.name}: {text_tokens} tokens of a page, {reply_tokens} of a reply and a batch of {batch} "
                f"must be 1 or more each and leave {SAFE} of its {decoder.context} for the question"
            )
        self._pages, self._decoder, self._batch = pages, decoder, batch
        self._digest = pages_digest(pages)
        self.rotations, self.text_tokens, self.reply_tokens = rotations, text_tokens, reply_tokens
        self.engines = tuple(sorted({page.engine for page in pages.values()}))
        variant = ", all rotations" if rotations else ""
        self.name = name or f"{decoder.name} on OCR ({', '.join(self.engines) or 'no pages'}{variant})"

    def identity(self) -> dict[str, Any]:
        """Return decoder, revision, engines, a digest of the pages, budgets and how options are scored."""
        return {
            "kind": "ocr_language_model",
            "version": 1,
            "model": self._decoder.name,
            "revision": self._decoder.revision,
            "engines": list(self.engines),
            "pages": self._digest,
            "rotations": self.rotations,
            "text_tokens": self.text_tokens,
            "reply_tokens": self.reply_tokens,
        }

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return one prediction per query, in order; a prompt beyond the context has failed, by itself.

        Raises MissingPage, before anything is asked, if the page of a query's image is not there.
        """
        texts = [self._text(query) for query in queries]
        found: dict[int, Prediction] = {}
        choices = [
            n for n, query in enumerate(queries) if query.task in CHOICE and len(asked(query.question).options) > 1
        ]
        written = [n for n in range(len(queries)) if n not in set(choices)]
        found |= self._choose(queries, texts, choices)
        found |= self._write(queries, texts, written)
        return [found[number] for number in range(len(queries))]

    def _text(self, query: Query) -> str:
        """Return the text of a query's page, cut to the budget; for grounding, each line with its box."""
        page = page_of(self._pages, query)
        whole = boxed_lines(page) if query.task in GROUNDING else ordered_text(page)
        return self._within_budget(whole)

    def _within_budget(self, text: str) -> str:
        """Return the beginning of a text, cut between words, that has no more tokens than the budget."""
        ends = [match.start() for match in re.finditer(r"\s+|$", text)]

        def fits(count: int) -> bool:
            tokens = self._decoder.tokenizer(text[: ends[count]], add_special_tokens=False)["input_ids"]
            return len(tokens) <= self.text_tokens

        if fits(len(ends) - 1):
            return text
        fewest, most = 0, len(ends) - 1  # as many words fit, and so many do not
        while most - fewest > 1:
            middle = (fewest + most) // 2
            fewest, most = (middle, most) if fits(middle) else (fewest, middle)
        return text[: ends[fewest]] if fits(fewest) else ""

    def _choose(self, queries: Sequence[Query], texts: Sequence[str], chosen: Sequence[int]) -> dict[int, Prediction]:
        from tenfold.language.scoring import option_probabilities

        found, fitting, questions = {}, [], []
        for number in chosen:
            parts = asked(queries[number].question)

            def ask(options: Sequence[str], text: str = texts[number], stem: str = parts.stem) -> Conversation:
                return choice_prompt(text, stem, options)

            if self._too_long(ask(parts.options), 1):
                found[number] = self._failed(queries[number])
            else:
                fitting.append(number)
                questions.append((ask, parts.options))
        if not fitting:
            return found
        chances = option_probabilities(self._decoder, questions, rotations=self.rotations, batch=self._batch)
        for number, chance in zip(fitting, chances, strict=True):
            why = "likeliest letter" + (" over all rotations" if self.rotations else "")
            found[number] = prediction_of(queries[number].key, str(1 + int(chance.argmax())), why=why)
        return found

    def _write(self, queries: Sequence[Query], texts: Sequence[str], chosen: Sequence[int]) -> dict[int, Prediction]:
        from tenfold.chat.messages import Sampling
        from tenfold.language.generation import generate

        prompts = {number: text_prompt(texts[number], queries[number].prompt) for number in chosen}
        found = {n: self._failed(queries[n]) for n in chosen if self._too_long(prompts[n], self.reply_tokens)}
        fitting = [number for number in chosen if number not in found]
        sampling = Sampling(max_tokens=self.reply_tokens, stop=("\n",))
        replies = generate(self._decoder, [prompts[n] for n in fitting], sampling, batch=self._batch)
        for number, reply in zip(fitting, replies, strict=True):
            found[number] = prediction_of(
                queries[number].key, reply.text.strip(), finish_reason=reply.finish_reason, why=""
            )
        return found

    def _too_long(self, conversation: Conversation, more: int) -> bool:
        return len(self._decoder.prompt(conversation)) + more > self._decoder.context

    def _failed(self, query: Query) -> Prediction:
        return prediction_of(
            query.key, None, why=f"the prompt exceeds the {self._decoder.context} tokens of the decoder"
        )


def ordered_text(page: Page) -> str:
    """Return the words of a page in reading order (XY-cut), a line for each of the engine's lines."""
    ordered = page.in_order(xy_cut([word.box for word in page.words]))
    return ordered.text or NOTHING


def boxed_lines(page: Page) -> str:
    """Return the lines of a page, each with its box in shares of the sides, as a reply to grounding has them."""
    sides = [page.width, page.height] * 2
    rows = (
        f'"{line.text}", {json.dumps([round(value / side, 2) for value, side in zip(line.box, sides, strict=True)])}'
        for line in page.lines
    )
    return "\n".join(rows) or NOTHING


def choice_prompt(text: str, stem: str, options: Sequence[str]) -> Conversation:
    """Return the conversation that asks for one of the options, under the letters A, B, … in their order."""
    from tenfold.chat.messages import Message

    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
    return [Message("user", f"Text in the image:\n{text}\n\n{stem}\n{listed}\n{LETTER_ONLY}")]


def text_prompt(text: str, prompt: str) -> Conversation:
    """Return the conversation that puts the benchmark's own prompt after the text of the page."""
    from tenfold.chat.messages import Message

    return [Message("user", f"Text in the image:\n{text}\n\n{prompt}")]
