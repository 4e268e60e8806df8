"""Who is in a room: joining, inviting, roles, leaving and removing."""

from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chat.events import MemberJoined, MemberLeft, RoomAdded, RoomChanged, RoomRemoved
from chat.models import Membership, Room
from chat.payloads import member_payload, room_brief, room_hint
from chat.services.system import say
from chatsite.realtime.announce import whisper
from chatsite.realtime.commands import CommandError, not_found
from notifications.models import Notification
from notifications.services.inbox import append_to_inbox, notify

RANKS = {Membership.Role.MEMBER: 0, Membership.Role.MODERATOR: 1, Membership.Role.OWNER: 2}


def put_member(actor: User, room_id: int, user_id: int, role: str | None = None) -> tuple[Membership, bool]:
    """Joins a public room (oneself), invites somebody, or changes a role; says whether they are new.

    Members invite to public rooms, owners and moderators to private ones; nobody gives or
    takes a rank above their own. Raises `not_found`, `forbidden`, `archived`, `invalid`.
    """
    with transaction.atomic():
        room, mine = locked_room(actor, room_id)
        user = User.objects.filter(pk=user_id, is_active=True).first()
        if user is None:
            raise CommandError("invalid", _("There is no such person."), field="user")
        theirs = Membership.objects.filter(room=room, user=user).first()
        if theirs is not None:
            if role is not None and role != theirs.role:
                _change_role(room, mine, theirs, role)
            return theirs, False
        _refuse_admission(room, mine, user, actor, role)
        return admit(room, user, actor=actor, role=role or Membership.Role.MEMBER), True


def locked_room(actor: User, room_id: int) -> tuple[Room, Membership | None]:
    """The room under its lock, and the actor's membership. Raises `not_found`."""
    if not Room.objects.visible_to(actor).filter(pk=room_id).exists():
        raise not_found()
    room = Room.objects.select_for_update(no_key=True).get(pk=room_id)
    mine = Membership.objects.filter(room=room, user=actor).first()
    if mine is None and room.kind != Room.Kind.PUBLIC:  # removed while we waited for the lock
        raise not_found()
    return room, mine


def _refuse_admission(room: Room, mine: Membership | None, user: User, actor: User, role: str | None) -> None:
    if room.kind == Room.Kind.DIRECT:
        raise CommandError("forbidden", _("A direct conversation stays among those who began it."))
    if room.archived_at is not None:
        raise CommandError("archived", _("This room is archived."))
    if user != actor and (mine is None or (room.kind == Room.Kind.PRIVATE and not mine.moderates)):
        raise CommandError("forbidden", _("Only owners and moderators can add people here."))
    rank = _rank(mine)
    if role is not None and role != Membership.Role.MEMBER and (rank < 1 or RANKS[Membership.Role(role)] > rank):
        raise CommandError("forbidden", _("You can't give that role."))


def _rank(membership: Membership | None) -> int:
    return -1 if membership is None else RANKS[Membership.Role(membership.role)]


def change_standing(membership: Membership) -> None:
    """Saves role and mute as they are on the row given, and tells the room's followers.

    Wants the room locked: what waits for it is judged by them.
    """
    changed = Membership.objects.filter(pk=membership.pk).update(role=membership.role, muted_at=membership.muted_at)
    if changed:
        _hint_at(membership)


def _change_role(room: Room, mine: Membership | None, theirs: Membership, role: str) -> None:
    rank = _rank(mine)
    if rank < 1 or rank < max(RANKS[Membership.Role(role)], _rank(theirs)):
        raise CommandError("forbidden", _("You can't give that role."))
    _keep_an_owner(room, theirs, leaving_role=role)
    theirs.role = role
    change_standing(theirs)


def admit(
    room: Room, user: User, *, actor: User, role: str = Membership.Role.MEMBER, quietly: bool = False
) -> Membership:
    """Puts somebody in and tells the room and them. Wants the room locked or new, in a transaction."""
    now = timezone.now()
    membership = Membership.objects.create(room=room, user=user, role=role, joined_at=now, last_read_seq=room.head_seq)
    append_to_inbox(user.pk, RoomAdded(room_brief(room)))
    if quietly:
        return membership
    if user == actor:
        say(room, actor, "joined")
    else:
        say(room, actor, "added", user.name)
        notify(
            users=[user.pk], kind=Notification.Kind.ROOM_ADDED, actor=actor, text=room.topic,
            url=room.get_absolute_url(), data={"room": room_brief(room)},
        )  # fmt: skip
    Membership.objects.filter(pk=membership.pk).update(last_read_seq=room.head_seq)
    _hint_at(membership)
    return membership


def _hint_at(membership: Membership) -> None:
    """Tells the room's followers of a member as they now are."""
    room = membership.room
    hint = MemberJoined(room.pk, member_payload(membership))
    transaction.on_commit(partial(whisper, f"room:{room.pk}", hint, access=room.access_version), robust=True)


def remove_member(actor: User, room_id: int, user_id: int) -> None:
    """Leaves (oneself) or removes somebody of lower rank. Raises `not_found`, `forbidden`."""
    with transaction.atomic():
        room, mine = locked_room(actor, room_id)
        theirs = Membership.objects.select_related("user").filter(room=room, user=user_id).first()
        if theirs is None:
            raise not_found()
        if room.kind == Room.Kind.DIRECT:
            raise CommandError("forbidden", _("A direct conversation stays among those who began it."))
        if theirs.user_id != actor.pk and (_rank(mine) < 1 or _rank(mine) <= _rank(theirs)):
            raise CommandError("forbidden", _("You can't remove this person."))
        _keep_an_owner(room, theirs, leaving_role=None)
        expel(room, theirs, actor=actor)


def _keep_an_owner(room: Room, theirs: Membership, leaving_role: str | None) -> None:
    """The last owner stays one while others are in the room."""
    if theirs.role != Membership.Role.OWNER or leaving_role == Membership.Role.OWNER:
        return
    others = room.memberships.exclude(pk=theirs.pk)
    if others.exists() and not others.filter(role=Membership.Role.OWNER).exists():
        raise CommandError("forbidden", _("Make somebody else an owner first."))


def expel(room: Room, membership: Membership, *, actor: User) -> None:
    """Takes somebody out; their sockets stop reading with the frame that says so. Wants the room locked."""
    user = membership.user
    removed, _rows = membership.delete()
    if not removed:  # somebody else was faster
        return
    room.access_version += 1
    room.save(update_fields=["access_version"])
    if user == actor:
        say(room, actor, "left")
    else:
        say(room, actor, "removed", user.name)
    append_to_inbox(user.pk, RoomRemoved(room_brief(room)))
    hint = MemberLeft(room.pk, user.pk)
    transaction.on_commit(partial(whisper, f"room:{room.pk}", hint, access=room.access_version), robust=True)


def change_kind(room: Room, *, kind: str) -> None:
    """Makes a room public or private; sockets of who may no longer read it stop. Wants the room locked."""
    room.kind = kind
    room.access_version += 1
    room.save(update_fields=["kind", "access_version"])
    hint = RoomChanged(room_hint(room))
    transaction.on_commit(partial(whisper, f"room:{room.pk}", hint, access=room.access_version), robust=True)
