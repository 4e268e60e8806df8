"""`/ws/notifications/`: a person's inbox. Translates; the stream does the rest."""

from chatsite.realtime.consumers import StreamConsumer


class NotificationsConsumer(StreamConsumer):
    stream_kinds = frozenset({"inbox"})
