"""Django's SQLite backend with its writers in a queue; `ENGINE` of DATABASES."""
