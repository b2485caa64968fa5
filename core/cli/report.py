"""``report OUT_DIR``: what came of a run, or of several side by side, as one HTML page."""

import argparse

from core import paths
from core.cli.output import Answer
from core.errors import BadSetting
from core.reporting import of_folder, write


def command(asked: argparse.Namespace) -> Answer:
    """Write the page."""
    if asked.out.is_dir():
        raise BadSetting(f'"{asked.out}" is a folder; -o names the HTML file to write.')
    folders = {folder.resolve(): folder for folder in asked.folders}
    file = write([of_folder(folder, paths.home()) for folder in folders.values()], asked.out)
    values = {"report_file": str(file), "runs": [str(folder) for folder in folders.values()]}
    return Answer(values, f"report: {file}")
