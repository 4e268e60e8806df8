"""Who is there and in which rooms, for a run; the functions are for the `clerk`, in whose process Django is set up."""

from typing import Any, NamedTuple

PEOPLE = 16
OUTSIDERS = 2  # the last ones: in the public rooms only
ROOMS: dict[str, tuple[str, range]] = {
    "plaza": ("public", range(PEOPLE)),
    "study": ("private", range(8)),
    "cellar": ("private", range(4, 12)),
    "door": ("private", range(PEOPLE - OUTSIDERS)),  # whose members come and go
}
COMING_AND_GOING = range(4, PEOPLE - OUTSIDERS)
CHEAP_SECRET = "no one signs in with it"


class Resident(NamedTuple):
    id: int
    name: str
    session: str
    token: str


class Scene(NamedTuple):
    people: list[Resident]  # the first owns all rooms
    rooms: dict[str, int]  # by name

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Scene":
        return cls([Resident(*person) for person in raw["people"]], raw["rooms"])

    def rooms_of(self, place: int) -> list[int]:
        """The rooms that the person at that place of `people` is in at the beginning."""
        return [self.rooms[name] for name, (_, members) in ROOMS.items() if place in members]


def make() -> dict[str, Any]:
    from accounts.models import User
    from chat.services.rooms import create_room

    users = [
        User(
            username=f"fay{place}", email=f"fay{place}@example.org", display_name=f"Fay-{place}", password=CHEAP_SECRET
        )
        for place in range(PEOPLE)
    ]
    for user in users:
        user.save()
    rooms = {}
    for name, (kind, members) in ROOMS.items():
        invited = [users[place].pk for place in members if place]
        rooms[name] = create_room(users[0], name=name, kind=kind, members=invited).pk
    return {"people": [identify(user) for user in users], "rooms": rooms}


def identify(user: Any) -> Resident:
    """New keys for somebody."""
    from accounts import tokens
    from tests.support.cast import ALL_SCOPES, session_of

    return Resident(user.pk, user.display_name, session_of(user), tokens.create(user, "faults", ALL_SCOPES)[1])


def revoke(person: int) -> None:
    from accounts import tokens
    from accounts.models import AccessToken

    for token in AccessToken.objects.filter(user=person, revoked_at=None):
        tokens.revoke(token)


def deactivate(person: int) -> None:
    from accounts import services
    from accounts.models import User

    services.deactivate(User.objects.filter(pk=person))


def renew(person: int) -> Resident:
    from accounts.models import User

    User.objects.filter(pk=person).update(is_active=True)
    return identify(User.objects.get(pk=person))
