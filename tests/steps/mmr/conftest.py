"""The scripted server of the chat tests."""

from tests.tenfold.chat.conftest import serve as serve
