"""One client for chat models: endpoints, local models, recorded answers; a reply is kept and asked for once."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.chat.client import ChatBackend as ChatBackend
    from tenfold.chat.client import Client as Client
    from tenfold.chat.client import Spent as Spent
    from tenfold.chat.endpoint import Endpoint as Endpoint
    from tenfold.chat.errors import BudgetSpent as BudgetSpent
    from tenfold.chat.errors import ChatError as ChatError
    from tenfold.chat.errors import ContextTooLong as ContextTooLong
    from tenfold.chat.errors import DamagedTranscript as DamagedTranscript
    from tenfold.chat.errors import GaveUp as GaveUp
    from tenfold.chat.errors import InvalidMessage as InvalidMessage
    from tenfold.chat.errors import NotAuthorised as NotAuthorised
    from tenfold.chat.errors import Refused as Refused
    from tenfold.chat.errors import TranscriptInUse as TranscriptInUse
    from tenfold.chat.errors import Unreachable as Unreachable
    from tenfold.chat.errors import WrongEndpoint as WrongEndpoint
    from tenfold.chat.messages import Conversation as Conversation
    from tenfold.chat.messages import Failure as Failure
    from tenfold.chat.messages import Image as Image
    from tenfold.chat.messages import Message as Message
    from tenfold.chat.messages import Reply as Reply
    from tenfold.chat.messages import Sampling as Sampling
    from tenfold.chat.transcript import Transcript as Transcript
else:
    __getattr__, __dir__, __all__ = exports(__name__)
