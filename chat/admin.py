"""Rooms, messages and memberships at the admin site. Changes go through the services, so that open sockets see them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from chat.models import Membership, Message, Room
from chat.services.changing import delete_message
from chat.services.members import admit, change_kind, change_standing, expel
from chat.services.rooms import apply_changes, free_slug

if TYPE_CHECKING:  # generic to the type checker alone
    AnyAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
else:
    AnyAdmin = admin.ModelAdmin
    AnyInline = admin.TabularInline


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin site lets in nobody else
    return request.user


class MembershipInline(AnyInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]
    fields = ["user", "role", "muted_at", "joined_at"]
    readonly_fields = ["joined_at"]


@admin.register(Room)
class RoomAdmin(AnyAdmin):
    list_display = ["__str__", "kind", "topic", "member_count", "message_count", "archived_at", "link"]
    list_filter = ["kind", ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "slug", "topic"]
    fields = ["name", "topic", "kind", "slug", "created_by", "created_at", "archived_at", "head_seq", "link"]
    readonly_fields = ["slug", "created_by", "created_at", "archived_at", "head_seq", "link"]
    inlines = [MembershipInline]
    actions = ["archive", "reopen"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        said = Count("messages", filter=~Q(messages__kind="system"), distinct=True)
        return super().get_queryset(request).annotate(_members=Count("memberships", distinct=True), _said=said)

    @admin.display(description=_("members"), ordering="_members")
    def member_count(self, room: Any) -> int:
        return room._members

    @admin.display(description=_("messages"), ordering="_said")
    def message_count(self, room: Any) -> int:
        return room._said

    @admin.display(description=_("in the chat"))
    def link(self, room: Room) -> str:
        return format_html('<a href="{}">{}</a>', room.get_absolute_url(), _("Open")) if room.pk else "—"

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> list[str]:
        direct = obj is not None and obj.kind == Room.Kind.DIRECT
        return [*self.readonly_fields, *(["name", "topic", "kind"] if direct else [])]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind":  # a direct room belongs to the people who began it
            kwargs["choices"] = [choice for choice in Room.Kind.choices if choice[0] != Room.Kind.DIRECT]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        return False  # archive it: messages that were acknowledged stay

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        with transaction.atomic():
            if not change:
                obj.slug, obj.created_by, obj.created_at = free_slug(obj.name), _actor(request), timezone.now()
                super().save_model(request, obj, form, change)
                return
            room = Room.objects.select_for_update(no_key=True).get(pk=obj.pk)
            if "kind" in form.changed_data:
                change_kind(room, kind=obj.kind)
            apply_changes(_actor(request), room, name=obj.name, topic=obj.topic, archived=None)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Adds and removes by the services; roles and mutes are the rows' own."""
        formset.save(commit=False)
        with transaction.atomic():
            room = Room.objects.select_for_update(no_key=True).get(pk=form.instance.pk)
            for membership in formset.deleted_objects:
                expel(room, membership, actor=_actor(request))
            for membership in formset.new_objects:
                admitted = admit(room, membership.user, actor=_actor(request), role=membership.role)
                if membership.muted_at:
                    Membership.objects.filter(pk=admitted.pk).update(muted_at=membership.muted_at)
            for membership, _fields in formset.changed_objects:
                change_standing(membership)

    @admin.action(description=_("Archive the chosen rooms"))
    def archive(self, request: HttpRequest, queryset: QuerySet[Room]) -> None:
        self._set_archived(request, queryset, archived=True)

    @admin.action(description=_("Open the chosen rooms again"))
    def reopen(self, request: HttpRequest, queryset: QuerySet[Room]) -> None:
        self._set_archived(request, queryset, archived=False)

    def _set_archived(self, request: HttpRequest, queryset: QuerySet[Room], *, archived: bool) -> None:
        pks = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            for room in Room.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk"):
                apply_changes(_actor(request), room, name=None, topic=None, archived=archived)
        self.message_user(request, ngettext("%d room changed.", "%d rooms changed.", len(pks)) % len(pks))


@admin.register(Message)
class MessageAdmin(AnyAdmin):
    """To read, and to delete as a tombstone; what people wrote is not edited here."""

    list_display = ["excerpt", "room", "author", "kind", "seq", "created_at", "deleted_at"]
    list_filter = ["kind", ("deleted_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["room", "author"]
    search_fields = ["body", "author__username"]
    date_hierarchy = "created_at"
    actions = ["bury"]
    fields = ("room", "author", "kind", "body", "seq", "changed_seq", "created_at", "edited_at", "deleted_at", "job")
    readonly_fields = fields

    @admin.display(description=_("text"))
    def excerpt(self, message: Message) -> str:
        return message.body[:80] or "—"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    @admin.action(description=_("Delete the chosen messages"), permissions=["change"])
    def bury(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        pks = list(queryset.filter(deleted_at=None).values_list("pk", flat=True))
        for pk in pks:
            delete_message(_actor(request), pk, as_admin=True)
        self.message_user(request, ngettext("%d message deleted.", "%d messages deleted.", len(pks)) % len(pks))


@admin.register(Membership)
class MembershipAdmin(AnyAdmin):
    list_display = ["user", "room", "role", "muted_at", "joined_at"]
    list_filter = ["role", ("muted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user", "room"]
    search_fields = ["user__username", "user__display_name", "room__name"]
    autocomplete_fields = ["user", "room"]
    fields = ["room", "user", "role", "muted_at", "last_read_seq", "joined_at"]
    readonly_fields = ["last_read_seq", "joined_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return [*self.readonly_fields, *(["room", "user"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        with transaction.atomic():
            room = Room.objects.select_for_update(no_key=True).get(pk=obj.room_id)
            if change:
                change_standing(obj)
            else:
                obj.pk = admit(room, obj.user, actor=_actor(request), role=obj.role).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        with transaction.atomic():
            room = Room.objects.select_for_update(no_key=True).get(pk=obj.room_id)
            expel(room, obj, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        for membership in queryset.select_related("user"):
            self.delete_model(request, membership)
