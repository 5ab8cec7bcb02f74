"""What controllers and agents speak: values, messages, and the connection without its I/O."""

from lanherd_protocol.version import __version__

__all__ = ["__version__"]
