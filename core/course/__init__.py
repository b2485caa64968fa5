"""One run on its way: preparation, pruning steps, recovery, and every place it can be taken up again from."""

from core.course._course import Course

__all__ = ["Course"]
