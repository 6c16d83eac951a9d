"""Debiasing by several language models that talk: BBQ as its authors score it, and conversations about it."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.debias.accuracy import Accuracy as Accuracy
    from tenfold.debias.accuracy import accuracy_of as accuracy_of
    from tenfold.debias.agents import agents_of as agents_of
    from tenfold.debias.agents import endpoints as endpoints
    from tenfold.debias.agents import local_models as local_models
    from tenfold.debias.bbq import read_bbq as read_bbq
    from tenfold.debias.conversation import Agent as Agent
    from tenfold.debias.conversation import Conversation as Conversation
    from tenfold.debias.debate import Debate as Debate
    from tenfold.debias.debate import Turn as Turn
    from tenfold.debias.debate import read_debates as read_debates
    from tenfold.debias.debate import write_debates as write_debates
    from tenfold.debias.errors import DamagedDebates as DamagedDebates
    from tenfold.debias.errors import DebiasError as DebiasError
    from tenfold.debias.errors import InvalidAgents as InvalidAgents
    from tenfold.debias.errors import InvalidItem as InvalidItem
    from tenfold.debias.errors import InvalidProtocol as InvalidProtocol
    from tenfold.debias.items import Item as Item
    from tenfold.debias.items import Items as Items
    from tenfold.debias.items import read_items as read_items
    from tenfold.debias.items import write_items as write_items
    from tenfold.debias.own_items import read_own_items as read_own_items
    from tenfold.debias.prompts import ChatPrompts as ChatPrompts
    from tenfold.debias.prompts import PromptStyle as PromptStyle
    from tenfold.debias.protocols import Centralized as Centralized
    from tenfold.debias.protocols import Decentralized as Decentralized
    from tenfold.debias.protocols import SelfConsistency as SelfConsistency
    from tenfold.debias.protocols import SelfRefine as SelfRefine
    from tenfold.debias.protocols import ShuffledPeers as ShuffledPeers
    from tenfold.debias.protocols import Silent as Silent
    from tenfold.debias.protocols import Single as Single
    from tenfold.debias.protocols import Vote as Vote
    from tenfold.debias.protocols import equal_calls as equal_calls
    from tenfold.debias.protocols import protocol_named as protocol_named
    from tenfold.debias.scores import Scores as Scores
    from tenfold.debias.scores import score as score
    from tenfold.debias.scores import score_groups as score_groups
    from tenfold.debias.subsets import limit_per_group as limit_per_group
    from tenfold.debias.transcript_page import write_page as write_page
    from tenfold.debias.voting import plurality as plurality
else:
    __getattr__, __dir__, __all__ = exports(__name__)
