"""Golden runs: a change of the inside shows that it changes nothing, by a run of an earlier commit.

Both versions sync the same small worlds in which nothing fails and no state is lost. Requests,
records, tombstones and states must be the same, and each version reads the states of the other.

    process.py    the connector of one version, which forks for each sync
    play.py       a world whose clock stands still, what happens to it, and its syncs
    scenarios.py  what happens before and during each sync
    recording.py  what a sync asked for, sent and remembered, as texts that can be compared
    known.py      the differences that are meant, with the reason

Of the connector only `source_asana.run` is imported, so that each version can be played.
`python -m unit_tests.golden --help` says how to run it.
"""
