"""A support desk: its agents, queues, tags and customers, and the texts of messages."""

from functools import lru_cache
from random import Random
from typing import NamedTuple
from uuid import UUID

_FIRST = (
    "Freja", "Oliver", "Søren", "Zoë", "Łukasz", "Aïcha", "José", "美咲", "Дмитрий", "Mary-Ann",
    "Amélie", "Jürgen", "Nguyễn", "Siobhán", "Tomás", "Ines", "Emil", "Nora", "Yusuf", "Priya",
)  # fmt: skip
_LAST = (
    "Sørensen", "O'Brien", "Müller", "García", "Kowalski", "佐藤", "Иванов", "Dubois", "Rossi",
    "Åkesson", "van der Berg", "Öztürk", "Nielsen", "Smith", "Costa", "Haddad", "Singh", "Novák",
)  # fmt: skip
_QUEUES = ("Orders", "Returns", "Billing", "Technical", "VIP", "Danmark")
_TAGS = (
    "refund", "late delivery", "damaged", "invoice", "password", "bug", "praise", "cancellation",
    "spørgsmål", "b2b", "warranty", "address change", "old campaign", "duplicate",
)  # fmt: skip
_SUBJECTS = (
    "Where is my order?", "Re: Invoice {0}", "Fwd: Rückgabe", "Kan ikke logge ind", "注文について",
    'Wrong size: "{0}" instead of the other', "Refund \\ exchange", "[{0}] {{urgent}}, please",
    "Thanks! 🎉", "Address change",
)  # fmt: skip
_SENTENCES = (
    "I ordered it two weeks ago and nothing has arrived.",
    "Could you look into order {0} for me?",
    "Mange tak for hjælpen 🙏",
    "She said: \"it's fine\", but it isn't.",
    "Line one\nline two\tand a tab",
    "Die Rechnung ist falsch, bitte prüfen Sie {0}.",
    "お世話になっております。",
    "Path C:\\orders\\{0} and a brace }},{{ for good measure.",
    "We have refunded the amount; it takes three to five days.",
    "Is there anything else I can help you with?",
    "Ça marche, merci beaucoup !",
    "👩🏽‍💻 is on it.",
)
CHANNELS = {
    "email": 40,
    "widgetchat": 20,
    "pstnphone": 14,
    "contactform": 8,
    "whatsapp": 6,
    "facebookmessenger": 5,
    "chat": 3,
    "callback": 2,
    "voicemail": 1,
    "api": 1,
}
"""Channels and how often each is used. An open set, as in Dixa."""

AUTO_REPLY = "We are on it"
"""The name of the template that emails are answered with at once."""
HELP, SHOP = "support@shop.example", "hello@shop.example"
"""The addresses that customers write to."""
HOTLINE, DEPOT = "+4570101010", "+4570202020"
"""The number that customers call, and the one that calls are passed on to."""

PHONE = frozenset({"pstnphone", "callback", "voicemail"})
EMAIL = frozenset({"email", "contactform"})
CHAT = frozenset({"widgetchat", "chat"})


class Person(NamedTuple):
    """An agent or an end user."""

    id: str
    name: str
    email: str
    phone: str


class Named(NamedTuple):
    """A queue, a tag or anything else with an id and a name."""

    id: str
    name: str


def uuid(random: Random) -> str:
    """Draw a UUID."""
    return str(UUID(int=random.getrandbits(128), version=4))


def sentence(random: Random) -> str:
    """Draw a sentence of a customer's or an agent's message."""
    return _pick(random, _SENTENCES).format(random.randrange(10_000, 99_999))


def subject(random: Random) -> str:
    """Draw a subject line."""
    return _pick(random, _SUBJECTS).format(random.randrange(10_000, 99_999))


def _pick(random: Random, options: tuple[str, ...]) -> str:
    return options[int(random.random() * len(options))]


def _person(random: Random, domain: str) -> Person:
    first, last = _pick(random, _FIRST), _pick(random, _LAST)
    number = random.randrange(10_000_000, 99_999_999)
    return Person(uuid(random), f"{first} {last}", f"user.{number}@{domain}", f"+45{number}")


class Desk:
    """A support desk. The same seed gives the same desk.

    Args:
        seed: Any integer.
        customers: How many end users there are.
    """

    def __init__(self, seed: int, customers: int) -> None:
        random = Random(f"desk {seed}")
        self.seed = seed
        self.customers = customers
        self.agents = [_person(random, "support.example") for _ in range(24)]
        self.queues = [Named(uuid(random), name) for name in _QUEUES]
        # Each queue has its own eight agents, overlapping with its neighbours'.
        self.members = [
            [self.agents[(queue * 4 + place) % len(self.agents)] for place in range(8)]
            for queue in range(len(self.queues))
        ]
        self.tags = [Named(uuid(random), name) for name in _TAGS]
        self.deactivated_tags = {self.tags[-2].id, self.tags[-1].id}
        self.widget = Named(uuid(random), "Shop widget")
        self.attributes = [
            Named(uuid(random), name) for name in ("order_id", "product", "priority")
        ]
        self.customer = lru_cache(maxsize=10_000)(self._customer)

    def some_tags(self, random: Random) -> list[Named]:
        """Draw a conversation's tags. They must be the first that is drawn from its bits."""
        return random.sample(self.tags, random.randrange(4))

    def _customer(self, number: int) -> Person:
        """Draw the end user with a number, counted from 0."""
        return _person(Random(f"{self.seed} {number}"), "customer.example")
