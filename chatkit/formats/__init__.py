"""Other files in: recordings, and later other tools'."""

from chatkit.formats.importing import ImportReport, import_recordings

__all__ = ["ImportReport", "import_recordings"]
