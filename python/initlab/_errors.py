"""What goes wrong, as exceptions. Their texts are the command's own."""

from __future__ import annotations

from typing import Optional


class Error(Exception):
    """Anything that initlab refuses or cannot do.

    >>> import initlab
    >>> issubclass(initlab.ConfigError, initlab.Error)
    True
    """


class UsageError(Error, ValueError):
    """An argument that means nothing."""


class ConfigError(Error, ValueError):
    """A mistake in a config, with its place.

    >>> import initlab
    >>> try:
    ...     initlab.sample("kaiming_norml", name="fc1.weight", shape=(2, 3))
    ... except initlab.ConfigError as error:
    ...     print(error.file, error.line, error.key)
    rule 1 rule
    """

    def __init__(
        self, message: str, file: Optional[str] = None, line: Optional[int] = None, key: Optional[str] = None
    ) -> None:
        super().__init__(message)
        self.file = file
        """The file, or what was given in its place."""
        self.line = line
        """The line in it, from 1; None where there is none, as for an override."""
        self.key = key
        """The key's path, such as ``optimizer.lr``; None where none is to blame."""

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self), self.file, self.line, self.key))


class DataError(Error):
    """Images that are absent or damaged."""


class RecordError(Error, OSError):
    """Records that cannot be read or written."""


class InternalError(Error, RuntimeError):
    """A fault of initlab itself."""
