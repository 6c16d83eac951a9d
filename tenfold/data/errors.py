"""Errors of bringing data: each says what was expected, what came, where, and what to do."""

from __future__ import annotations


class DataError(RuntimeError):
    """Any failure to bring a source or to read what was brought."""


class InvalidRegistry(DataError):
    """The list of sources cannot be read, or an entry in it is wrong."""


class UnknownSource(DataError):
    """No source has this name."""


class UnknownPolicy(DataError):
    """The stand-in policy is none of only, allow, forbid."""


class MirrorNotFound(DataError):
    """The mirror folder does not exist."""


class ChecksumMismatch(DataError):
    """The bytes that came are not the bytes that are listed."""


class TruncatedDownload(DataError):
    """The connection closed before the whole file had come."""


class CorruptArchive(DataError):
    """A gzip, zip or tar file cannot be unpacked, or lacks a member."""


class UnverifiedFile(DataError):
    """No sha256 is listed for a file, and unverified files are not allowed."""


class AddressUnavailable(DataError):
    """An address does not serve its file now: the only failure after which a stand-in may serve."""


class HostUnreachable(AddressUnavailable):
    """The host of an address cannot be reached."""


class AddressRefused(AddressUnavailable):
    """The host answered, but not with the file."""


class SourceUnavailable(DataError):
    """No origin that the policy permits has the source."""


class TableMismatch(DataError):
    """A table does not have the columns, values or kinds that its schema lists."""


class MissingValues(DataError):
    """A numeric matrix was asked of columns with empty cells."""


class InvalidCSV(TableMismatch):
    """A CSV file cannot be read, or holds no rows."""


class AmbiguousCSV(InvalidCSV):
    """Whether line 1 of a CSV file is a header, or what separates its cells, has to be said."""


class BadQuotes(InvalidCSV):
    """A quoted cell does not end where it should."""


class RaggedLine(InvalidCSV):
    """A line has more or fewer cells than line 1."""


class UnnamedColumn(InvalidCSV):
    """A column has no name, or that of another."""


class UnknownColumn(InvalidCSV):
    """A column was asked for that the file does not have."""


class InvalidCell(InvalidCSV):
    """A cell is not a finite number, or not one of the values that its column may have."""


class StandInUsed(UserWarning):
    """Made-up data serves in place of a source that could not be had."""
