"""The scripted server of the chat tests, for conversations."""

from __future__ import annotations

from tests.tenfold.chat.conftest import serve as serve
