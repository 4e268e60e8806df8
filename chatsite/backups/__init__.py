"""A site in one file, and back: made and restored while the site goes on.

A backup is a ZIP archive with the database, the uploads and the secret key. `archive`
knows the file, `sqlite` and `postgres` the databases, `uploads` the files beside them;
`making` and `restoring` put them together.
"""


class BackupError(Exception):
    """It can't be done; the text says why, in plain words, to whoever runs the command."""


class UnfinishedError(BackupError):
    """The database is restored, but not everything beside it. Doing it again helps."""
