"""What the site promises under load, measured on real servers of its own.

    python -m tests.load never-reads   [--stack sqlite|pg] [--quick]    clients that never read
    python -m tests.load flood         [--stack sqlite|pg] [--quick]    clients that send more than anybody can take
    python -m tests.load progress      [--stack sqlite|pg] [--quick]    200 programs report 100 times a second each
    python -m tests.load storm         [--stack sqlite|pg] [--quick]    1,000 sockets come back after a kill -9
    python -m tests.load rolling       [--stack pg] [--how sighup|sigterm] [--quick]    every process replaced in turn
    python -m tests.load redis         [--stack pg] [--quick]    Redis hangs and dies while two processes talk
    python -m tests.load large         [--stack sqlite|pg] [--quick]    1,000,000 messages in 500 rooms
    python -m tests.load pages         [--stack sqlite|pg] [--quick]    a room's first view, and going from room to room
    python -m tests.load churn         [--stack sqlite|pg] [--minutes 60] [--quick]    300 sockets that come and go

Each prints what it did, a table and its goals, and ends with 1 where a goal was missed. `--quick` is for trying
out: fewer clients, shorter. People and rooms come from `manage.py seed_load`. The clients share the machine with
the servers, so the table says what share of a core they took: near 1, the figures tell of them and not of the site.
"""
