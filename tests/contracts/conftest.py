from tests.consumers.conftest import here

__all__ = ["here"]
