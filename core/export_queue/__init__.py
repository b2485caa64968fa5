"""Formats of finished runs, asked for by a page and made in the background, one of a run at a time, few of a home."""
