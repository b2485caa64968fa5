"""What is tested first."""

#: Files whose work is done by processes of their own, for half a minute and more: they begin, so that no worker is left
#: alone with one in the end.
LONG = (
    "unit/pruning/twins/test_both_frameworks.py",
    "unit/training/test_end_to_end.py",
    "unit/jobs/test_real_jobs.py",
    "unit/pruning/twins/test_architectures_in_both.py",
    "unit/samples/test_samples.py",
    "unit/measures/test_samples.py",
)


def pytest_collection_modifyitems(items):
    """Long files first, in this order; all others as they were."""
    places = {place: number for number, place in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.as_posix().rpartition("/tests/")[2], len(LONG)))
