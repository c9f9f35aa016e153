"""The errors that Citespan raises on purpose.

QAError                 root; its message is written for the person who reads it
├── LoadError           one file cannot be read: damaged, encrypted, binary, too large …
├── IndexMissing        there is no index at the path that was given
├── IndexMismatch       the index was built with another encoder or by a newer version
├── IndexDamaged        the index is there, but cannot be read
├── IndexBusy           another process is writing to the index
├── IndexNotWritable    the index cannot be written: full disk, read-only folder …
├── DocumentMissing     no document of that name is in the index
├── ModelError          a model (encoder, reader or generator) cannot be loaded or used
├── TestSetError        a test set cannot be read, or does not serve its purpose
├── AnswerFileError     a saved answer cannot be read
├── TransferError       an exported index cannot be read, or something stands where it would go
├── ConversationMissing no conversation of that number is kept, or it is another browser's
└── SettingsError       a QA_… variable of the environment cannot be used

A programming mistake stays ``ValueError`` or ``TypeError``. A question that the documents do not answer is no
error but an ``Answer`` with ``refused=True``.
"""


class QAError(Exception):
    """Root of all errors that are meant for the user; the message says what to do."""


class LoadError(QAError):
    """A file cannot be turned into a document."""


class IndexMissing(QAError):
    """There is no index at this path."""


class IndexMismatch(QAError):
    """The index and the program do not fit together: another encoder, or a newer schema."""


class IndexDamaged(QAError):
    """The index exists but its content cannot be read."""


class IndexBusy(QAError):
    """Another process holds the write lock of the index."""


class IndexNotWritable(QAError):
    """The folder of the index does not take what is to be written."""


class DocumentMissing(QAError):
    """The index holds no document with this source."""


class ModelError(QAError):
    """A model cannot be loaded, or failed while it was used."""


class TestSetError(QAError):
    """A test set is not in one of the formats that we read, or not enough for what is asked of it."""

    __test__ = False  # pytest would take the name for a test class


class AnswerFileError(QAError):
    """A saved answer is not the JSON that `qa ask --json` writes."""


class TransferError(QAError):
    """A file is no index that was exported, is damaged, or must not be imported here."""


class ConversationMissing(QAError):
    """No such conversation is kept for the one who asks."""


class SettingsError(QAError):
    """A variable of the environment has a value that the program cannot use."""
