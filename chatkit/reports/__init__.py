"""One HTML file that shows a store to someone who has neither notebook nor network."""

from chatkit.reports.writing import report

__all__ = ["report"]
