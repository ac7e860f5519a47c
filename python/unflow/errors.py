# SPDX-License-Identifier: Apache-2.0
"""The exceptions of unflow, named as in ``tf.errors``.

Each also derives from the built-in exception that a caller would catch without
knowing of unflow: ``except ValueError``, ``except FileNotFoundError``,
``except IndexError`` and so on work as they do around TensorFlow Lite. All
derive from RuntimeError through :class:`OpError`.
"""

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(RuntimeError):
    """The base of all: what failed, in words.

    Attributes: ``message`` (str), ``error_code`` (int, TensorFlow's), ``op``
    and ``node_def`` (the graph node that failed, or None).
    """

    error_code = UNKNOWN

    def __init__(self, node_def=None, op=None, message="", error_code=None):
        super().__init__(message)
        self.node_def = node_def
        self.op = op
        self.message = message
        if error_code is not None:
            self.error_code = error_code

    def __str__(self):
        return str(self.message)

    def __reduce__(self):
        return type(self), (self.node_def, self.op, self.message, self.error_code)


class CancelledError(OpError):
    error_code = CANCELLED


class UnknownError(OpError):
    error_code = UNKNOWN


class InvalidArgumentError(OpError, ValueError):
    """A value, shape or file that is not what it should be."""

    error_code = INVALID_ARGUMENT


class WrongTypeError(InvalidArgumentError, TypeError):
    """A dtype that is not the one of the tensor."""


class OperatorNotAllowedInGraphError(TypeError):
    """An operator of Python that needs the value of a tensor of a graph."""


class DeadlineExceededError(OpError, TimeoutError):
    error_code = DEADLINE_EXCEEDED


class NotFoundError(OpError, ValueError):
    """A file, tensor, variable or signature that is not there."""

    error_code = NOT_FOUND


class NoSuchFileError(NotFoundError, FileNotFoundError):
    """NotFoundError for a file, so that it is a FileNotFoundError too."""

    errno = 2  # ENOENT


class NoSuchNameError(NotFoundError, KeyError):
    """NotFoundError for a name, so that it is a KeyError too."""


class AlreadyExistsError(OpError, ValueError):
    error_code = ALREADY_EXISTS


class PermissionDeniedError(OpError, PermissionError, ValueError):
    error_code = PERMISSION_DENIED


class ResourceExhaustedError(OpError, MemoryError):
    error_code = RESOURCE_EXHAUSTED


class FailedPreconditionError(OpError, ValueError):
    """Something has to be done before: allocate, run, or assign a variable."""

    error_code = FAILED_PRECONDITION


class AbortedError(OpError):
    error_code = ABORTED


class OutOfRangeError(OpError, IndexError, ValueError):
    """An index that is none."""

    error_code = OUT_OF_RANGE


class UnimplementedError(OpError, NotImplementedError):
    """An op, dtype or feature that unflow does not have yet."""

    error_code = UNIMPLEMENTED


class InternalError(OpError):
    error_code = INTERNAL


class UnavailableError(OpError):
    error_code = UNAVAILABLE


class DataLossError(OpError, ValueError):
    """A damaged file."""

    error_code = DATA_LOSS


class UnauthenticatedError(OpError):
    error_code = UNAUTHENTICATED
