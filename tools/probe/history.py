"""What a change of a task moves: its `modified_at`, and the events of its projects."""

from collections import Counter
from collections.abc import Iterator

from source_asana.cursors.sending import fingerprinter
from source_asana.http.clock import to_millis
from tools.probe.asker import Asker, Raw, stamp
from tools.probe.question import Finding, decide, question, unknown
from tools.probe.sample import RELATIONS, Sample

MOST_TASKS = 60
# A story and the stamp that it moves are not written in the same millisecond.
SAME_MS = 2_000
FRESH_MS = 600_000
# Asana delivers most events within ten minutes.
EVENT_MINUTES = 10

MOVES = frozenset(
    {
        *("name_changed", "notes_changed", "comment_added", "attachment_added"),
        *("assigned", "unassigned", "marked_complete", "marked_incomplete", "due_date_changed"),
        *("text_custom_field_changed", "number_custom_field_changed"),
        *("enum_custom_field_changed", "multi_enum_custom_field_changed"),
        *("date_custom_field_changed", "people_custom_field_changed"),
    }
)
"""Kinds of stories after which `modified_at` must not be older than they are."""


@question(
    "Does every change move `modified_at` that is said to?",
    "Yes: a comment, an assignment, a new name, note, date or value, completion and an attachment.",
)
def stamps(asker: Asker, sample: Sample) -> Finding:
    """Compare the stories of some tasks, without their texts, with the tasks' stamps."""
    older: Counter[str] = Counter()
    compared = 0
    for listed in sorted(sample.tasks, key=_promise, reverse=True)[:MOST_TASKS]:
        task, path = listed, f"tasks/{listed['gid']}"
        stories = [
            (to_millis(story.get("created_at")) or 0, str(story.get("resource_subtype")))
            for story in asker.pages(f"{path}/stories", 1, opt_fields="created_at,resource_subtype")
        ]
        # The stamp was read before the stories. Where one is new, it is read once more.
        if max(stories, default=(0, ""))[0] > asker.client.clock.now() - FRESH_MS:
            task = next(iter(asker.get(path, opt_fields="modified_at").rows), {})
        if at_last := stamp(task):
            older.update({kind for at, kind in stories if at > at_last + SAME_MS})
            compared += sum(kind in MOVES for _, kind in stories)
    problems = [
        f"Tasks whose `modified_at` is older than a story `{kind}` of theirs: {older[kind]}."
        for kind in sorted(MOVES & older.keys())
    ]
    silent = ", ".join(f"`{kind}` {older[kind]}" for kind in sorted(older.keys() - MOVES))
    seen = f"Stories that must move it: {compared}. Stories that left it alone: {silent or 'none'}."
    return decide(problems, seen, enough=compared > 0)


def _promise(task: Raw) -> int:
    """Return how much of what may leave the stamp alone has happened to a task."""
    found = (task.get(name) or 0 for name in RELATIONS)
    return sum(len(value) if isinstance(value, list) else value for value in found)


@question(
    "Does a change that may leave `modified_at` alone make an event?",
    "Yes, of the task, in the events of its project.",
)
def silent_events(asker: Asker, sample: Sample) -> Finding:
    """List the tasks once more; whatever differs must have an event since the first listing."""
    before = {task["gid"]: task for task in sample.tasks}
    asker.client.sleep(sample.minutes * 60)
    edits = {
        (project, task["gid"], name): stamp(task) > stamp(before[task["gid"]])
        for project, tasks in sample.listed().items()
        for task in tasks
        if task["gid"] in before
        for name in _edited(before[task["gid"]], task)
    }
    if not edits:
        return unknown("Nobody changed such a thing meanwhile; with `WAIT=5` there is time to.")
    silent = set(edits)
    for minute in range(EVENT_MINUTES + 1):
        asker.client.sleep(60 if minute else 0)
        shown = {project: _shown(asker, sample, project) for project, _, _ in silent}
        silent = {edit for edit in silent if edit[1] not in shown[edit[0]]}
        if not silent:
            break
    counts = Counter(name for _, _, name in silent)
    problems = [f"Without an event: `{name}`, {n} times." for name, n in sorted(counts.items())]
    names = ", ".join(f"`{name}`" for name in sorted({name for _, _, name in edits}))
    moved = sum(edits.values())
    return decide(problems, f"Changes: {len(edits)}, of {names}; with a new stamp: {moved}.")


def _edited(before: Raw, after: Raw) -> Iterator[str]:
    """Yield what differs, apart from the order of lists."""
    tag = fingerprinter(())
    for name in RELATIONS:
        if tag({name: before.get(name)}) != tag({name: after.get(name)}):
            yield name


def _shown(asker: Asker, sample: Sample, project: str) -> set[str]:
    """Return the gids of what a project's events are about, since it was last asked for them."""
    shown: set[str] = set()
    more = True
    while more and (token := sample.sync_tokens[project]):
        reply = asker.get("events", resource=project, sync=token)
        shown |= {event["resource"]["gid"] for event in reply.rows if event.get("resource")}
        # Asana takes no token twice once it was asked with a later one.
        sample.sync_tokens[project] = reply.body.get("sync") or token
        more = bool(reply.body.get("has_more"))
    return shown
