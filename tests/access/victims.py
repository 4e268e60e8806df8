"""Those whose access is taken away under load, put into a site's database: `python -m tests.access.victims`."""

import json
import os
import sys
from typing import Any

NAMES = ("signer", "changer", "closed", "tokened", "removed", "muted", "demoted", "archived", "outsider")


def main() -> None:
    """Prints `{"people": {name: [id, username, password, session, token]}, "ids": {…}}`.

    All but the outsider are in Alice's private room, the demoted one as its moderator; the outsider follows the
    public lobby; the archived one is in the attic, too.
    """
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
    django.setup()
    from accounts import tokens
    from accounts.models import AccessToken, User
    from chat.models import Membership, Room
    from tests.support import cast

    alice, dina = (User.objects.get(username=name) for name in ("alice", "dina"))
    room = Room.objects.get(slug="green-room")
    people: dict[str, Any] = {}
    ids: dict[str, int] = {}
    for name in NAMES:
        user = cast.make_user(name)
        if name != "outsider":
            cast.add_member(room, user, "moderator" if name == "demoted" else "member")
        key = tokens.create(user, "tests", cast.ALL_SCOPES)[1]
        people[name] = [user.pk, name, cast.PASSWORD, cast.session_of(user), key]
    ids["lobby"] = cast.make_room("lobby", alice, [dina], kind=Room.Kind.PUBLIC).pk
    ids["attic"] = cast.make_room("attic", alice, [dina, User.objects.get(username="archived")]).pk
    ids["membership"] = Membership.objects.get(room=room, user__username="muted").pk
    ids["token"] = AccessToken.objects.get(user__username="tokened").pk
    json.dump({"people": people, "ids": ids}, sys.stdout)


if __name__ == "__main__":
    main()
