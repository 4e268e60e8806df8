"""How fast the site is, beside others that do the same work on the same machine: `python3 dev.py bench`.

Every server is started in turn, round after round; one load generator (load/, in C) talks to all of
them, checks that everybody heard everything, and says how busy it was itself.
"""
